"""Checkpoints: the state of a training in a folder, a file a step."""

import operator
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import load, load_metadata, save

_NAME = re.compile(r"step_(\d+)\.safetensors")


class CheckpointManager:
    """Keeps the last few states of a training in a folder.

    A state is any tree: of the model, the optimizer's state, the key, the position in the data.
    A file appears under its name only when it is complete, so that after a kill or with a full
    disk the last good one is still there.

    Args:
        directory: made if it is not there; files in it are called ``step_00000012.safetensors``.
        keep: how many of the newest are kept, at least 1, or None for all.
        keep_every: those whose step is a multiple of this are kept besides.

    Raises:
        ValueError: if ``keep`` or ``keep_every`` is below 1.

    >>> import tempfile
    >>> import numpy as np
    >>> checkpoints = CheckpointManager(tempfile.mkdtemp(), keep=2)
    >>> for step in range(4):
    ...     checkpoints.save(step, {"w": np.full(2, float(step)), "step": step})
    >>> checkpoints.steps(), checkpoints.restore(like={"w": np.zeros(2), "step": 0})
    ([2, 3], {'step': 3, 'w': array([3., 3.])})
    """

    def __init__(self, directory: Any, keep: int | None = 3, keep_every: int | None = None) -> None:
        for name, value in (("keep", keep), ("keep_every", keep_every)):
            if value is not None and not value >= 1:
                raise ValueError(f"CheckpointManager: {name} must be at least 1: got {value}")
        self._directory, self._keep, self._every = Path(directory), keep, keep_every
        self._directory.mkdir(parents=True, exist_ok=True)

    def save(self, step: int, state: Any, metadata: Mapping[str, str] | None = None) -> None:
        """Write a state, and then delete those that are not kept.

        Raises:
            TypeError, ValueError: if the step is no integer, or negative.
            OSError: if it cannot be written; what was there stays.
        """
        save(self.path(step), state, metadata)
        older = self.steps()[: -self._keep] if self._keep is not None else []
        for old in older:
            if old != step and not (self._every and old % self._every == 0):
                self.path(old).unlink(missing_ok=True)

    def restore(self, step: int | None = None, *, like: Any = None, mmap: bool = False) -> Any:
        """Return the state of a step, the newest unless given; see ``load``.

        Raises:
            FileNotFoundError: if there is none.
            FileFormatError, TreeError: if the file is damaged, or does not fit ``like``.
        """
        return load(self._existing(step), like, mmap=mmap)

    def metadata(self, step: int | None = None) -> dict[str, str]:
        """Return the strings saved with a step, the newest unless given."""
        return load_metadata(self._existing(step))

    def steps(self) -> list[int]:
        """Return the steps that there are, in order."""
        found = (_NAME.fullmatch(path.name) for path in self._directory.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def latest(self) -> int | None:
        """Return the newest step, None if there is none."""
        return max(self.steps(), default=None)

    def path(self, step: int) -> Path:
        """Return the path of a step's file."""
        try:
            step = operator.index(step)
        except TypeError:
            raise TypeError(f"CheckpointManager: a step must be an integer: got {step!r}") from None
        if not step >= 0:
            raise ValueError(f"CheckpointManager: a step must be at least 0: got {step}")
        return self._directory / f"step_{step:08d}.safetensors"

    def _existing(self, step: int | None) -> Path:
        newest = self.latest()
        wanted = newest if step is None else step
        if wanted is None or wanted not in self.steps():
            there = f"there are {self.steps()}" if newest is not None else "there is none"
            raise FileNotFoundError(
                f"CheckpointManager: no checkpoint of step {step} in "
                f"{str(self._directory)!r}: {there}"
            )
        return self.path(wanted)
