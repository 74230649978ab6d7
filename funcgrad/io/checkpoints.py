"""Checkpoints: the state of a training in a folder, a file a step."""

import operator
import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..core.errors import warn
from .atomic import is_protected
from .formats import DamagedFileError
from .serialization import load_metadata, read, write

T = TypeVar("T")
_NAME = re.compile(r"step_([0-9]+)\.safetensors")


class Checkpoint(NamedTuple):
    """A step, its state, and the strings saved with it."""

    step: int
    state: Any
    metadata: dict[str, str]


class CheckpointManager:
    """Keeps the last few states of a training in a folder.

    A state is any tree: of the model, the optimizer's state, the key, the position in the data.
    A file appears under its name only when it is complete, so that after a kill or with a full
    disk the last good one is still there. After going back to an older step, the next ``save``
    sets the later steps aside, as ``step_00000030.aside-<random>.safetensors``.

    Args:
        directory: made if it is not there; files in it are called ``step_00000012.safetensors``.
        keep: how many of the newest are kept, at least 1, or None for all. A write-protected file
            is kept besides.
        keep_every: those whose step is a multiple of this are kept besides.

    >>> import tempfile
    >>> import numpy as np
    >>> checkpoints = CheckpointManager(tempfile.mkdtemp(), keep=2)
    >>> for step in range(4):
    ...     checkpoints.save(step, {"w": np.full(2, float(step)), "step": step})
    >>> checkpoints.steps(), checkpoints.restore(like={"w": np.zeros(2), "step": 0})
    ([2, 3], {'step': 3, 'w': array([3., 3.])})
    """

    def __init__(self, directory: Any, keep: int | None = 3, keep_every: int | None = None) -> None:
        self._keep = _count("keep", keep)
        self._every = _count("keep_every", keep_every)
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._known = set(self.steps())  # what was there, and what this manager saves
        self._later: set[int] = set()  # what was there after the step that was restored

    def save(self, step: int, state: Any, metadata: Mapping[str, str] | None = None) -> None:
        """Write a state, and then delete those that are not kept.

        Steps that were there when the manager was made or a step was restored, or that it has
        saved, are set aside if they are later than this step or than the restored one.

        Raises:
            TypeError, ValueError: if the step is no integer, or negative.
            OSError: if it cannot be written; what was there stays.
        """
        path, step = self.path(step), operator.index(step)
        later = self._later | {known for known in self._known if known > step}
        write(path, state, metadata, before=lambda: self._set_aside(later))
        self._known, self._later = (self._known - later) | {step}, set()
        self._known &= set(self._delete_old(step))

    def restore(self, step: int | None = None, *, like: Any = None, mmap: bool = False) -> Any:
        """The state of a step, the newest unless given; see ``load``.

        If the newest file is damaged, an older one is taken, with a warning. ``read`` also returns
        the step and the metadata.

        Raises:
            FileNotFoundError: if there is none.
            FileFormatError, TreeError: if the file is damaged, or does not fit ``like``.
        """
        return self.read(step, like=like, mmap=mmap).state

    def read(self, step: int | None = None, *, like: Any = None, mmap: bool = False) -> Checkpoint:
        """Return step, state and metadata of one file, as ``restore`` finds it.

        Another process may save and delete meanwhile; of two calls, ``latest`` and ``restore``
        say, each could find another newest file.
        """
        there = self.steps()
        found, (state, metadata) = self._found(step, lambda path: read(path, like, mmap=mmap))
        self._later = {later for later in there if later > found}
        self._known |= set(there)
        return Checkpoint(found, state, metadata)

    def metadata(self, step: int | None = None) -> dict[str, str]:
        """The strings saved with a step, the newest unless given."""
        return self._found(step, load_metadata)[1]

    def steps(self) -> list[int]:
        """The steps that there are, in order; files of other names do not count."""
        with os.scandir(self._directory) as entries:
            names = {entry.name for entry in entries if entry.is_file()}
        steps = {int(match[1]) for match in map(_NAME.fullmatch, names) if match}
        return sorted(step for step in steps if _file_name(step) in names)

    def latest(self) -> int | None:
        """The newest step whose header is not damaged, None if there is no checkpoint.

        Raises:
            DamagedFileError: if all are damaged.
        """
        try:
            return self._newest(load_metadata)[0]
        except FileNotFoundError:
            return None

    def path(self, step: int) -> Path:
        """The path of a step's file."""
        try:
            step = operator.index(step)
        except TypeError:
            raise TypeError(f"CheckpointManager: a step must be an integer: got {step!r}") from None
        if not step >= 0:
            raise ValueError(f"CheckpointManager: a step must be at least 0: got {step}")
        return self._directory / _file_name(step)

    def _found(self, step: int | None, read: Callable[[Path], T]) -> tuple[int, T]:
        """A step, the newest unless given, and what is read of its file."""
        if step is None:
            return self._newest(read)
        try:
            return operator.index(step), read(self.path(step))
        except FileNotFoundError:
            raise self._none(f"no checkpoint of step {step}") from None

    def _newest(self, read: Callable[[Path], T]) -> tuple[int, T]:
        """The newest step whose file is not damaged, and what is read of it."""
        damaged: dict[int, DamagedFileError] = {}
        while left := [step for step in self.steps() if step not in damaged]:
            step = left[-1]
            try:
                found = read(self.path(step))
            except DamagedFileError as error:
                damaged[step] = error
            except FileNotFoundError:  # another process has deleted it, and has saved others
                if step in self.steps():
                    raise
            else:
                if any(worse > step for worse in damaged):
                    _warn_of(damaged, step)
                return step, found
        if damaged:
            raise damaged[max(damaged)]
        raise self._none("no checkpoint")

    def _none(self, what: str) -> FileNotFoundError:
        steps = self.steps()
        there = f"there are {steps}" if steps else "there is none"
        return FileNotFoundError(f"CheckpointManager: {what} in {str(self._directory)!r}: {there}")

    def _set_aside(self, steps: Collection[int]) -> None:
        """Rename files so that they are no checkpoints any more."""
        for step in steps:
            path = self.path(step)
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(f".aside-{os.urandom(4).hex()}.safetensors"))

    def _delete_old(self, saved: int) -> list[int]:
        """Delete the files that are not kept, and return the steps that there were."""
        steps = self.steps()
        for step in steps[: -self._keep] if self._keep is not None else []:
            if step != saved and not (self._every and step % self._every == 0):
                path = self.path(step)
                with suppress(OSError):  # deleted by another process, or in use: the next time
                    if not is_protected(path.stat()):
                        path.unlink()
        return steps


def _file_name(step: int) -> str:
    return f"step_{step:08d}.safetensors"


def _count(name: str, value: int | None) -> int | None:
    if value is None:
        return None
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(
            f"CheckpointManager: {name} must be an integer or None: got {value!r}"
        ) from None
    if not value >= 1:
        raise ValueError(f"CheckpointManager: {name} must be at least 1: got {value}")
    return value


def _warn_of(damaged: Mapping[int, DamagedFileError], step: int) -> None:
    steps = sorted(damaged)
    warn(
        f"CheckpointManager: the newest checkpoint is damaged, and step {step} is taken instead of "
        f"{steps}: {damaged[steps[-1]]}",
        RuntimeWarning,
    )
