"""Checkpoints: the states of a training in a folder, one file per step."""

import operator
import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..core.config import config
from ..core.frames import warn
from ..core.lazy import answering, unknown
from ..core.outline import outline
from ..core.registry import load
from . import runs
from .atomic import is_protected
from .formats import DamagedFileError
from .serialization import load_metadata, read, write

T = TypeVar("T")
BACKEND = "funcgrad.backend"  # in the metadata: the backend of jit
RUN = "funcgrad.run"  # and the settings of the run
_NAME = re.compile(r"step_([0-9]+)\.safetensors")


class Checkpoint(NamedTuple):
    """A step with its state and metadata."""

    step: int
    state: Any
    metadata: dict[str, str]


@answering
class CheckpointManager:
    """Keep the last states of a training in a folder.

    A state is any tree, such as the model, the optimizer's state, the key and the position of the
    loader. Files are written atomically: after a kill or with a full disk the last complete one
    remains. After a return to an older step, the next ``save`` renames later steps to
    ``step_00000030.aside-<random>.safetensors``.

    Args:
        directory: the folder, created if missing, of files such as ``step_00000012.safetensors``.
        keep: int >= 1, the number of newest files to keep, or None for all. Write-protected files
            are kept too.
        keep_every: int, multiples of which are kept too.
        run: what the run depends on, by name: keys, seeds, a learning rate, names of files. Each
            file records it, with versions; ``run()`` reads it, and ``restore`` warns of settings
            that differ now.

    >>> import tempfile
    >>> import numpy as np
    >>> checkpoints = CheckpointManager(tempfile.mkdtemp(), keep=2)
    >>> for step in range(4):
    ...     checkpoints.save(step, {"w": np.full(2, float(step)), "step": step})
    >>> checkpoints.steps(), checkpoints.restore(like={"w": np.zeros(2), "step": 0})
    ([2, 3], {'w': array([3., 3.]), 'step': 3})
    """

    __getattr__ = unknown("object")

    def __init__(
        self,
        directory: Any,
        keep: int | None = 3,
        keep_every: int | None = None,
        *,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        self._run = {} if run is None else runs.recorded("CheckpointManager", run)
        self._keep = _count("keep", keep)
        self._every = _count("keep_every", keep_every)
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._known = set(self.steps())  # steps found at the start, and steps saved here
        self._later: set[int] = set()  # steps later than the restored one

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("directory", str(self._directory)), ("keep", self._keep)]

    __repr__ = outline

    @answering
    def save(self, step: int, state: Any, metadata: Mapping[str, str] | None = None) -> None:
        """Write a state, then delete old ones.

        Known steps (found at the start or at a restore, or saved here) that are later than this
        step or the restored one are renamed.

        Raises:
            TypeError, ValueError: if the step is not an integer, or negative.
            OSError: if the file cannot be written; existing files are unchanged.
        """
        path, step = self.path(step), operator.index(step)
        later = self._later | {known for known in self._known if known > step}
        told = _recorded(metadata, self._run)
        write(path, state, told, before=lambda: self._set_aside(later))
        self._known, self._later = (self._known - later) | {step}, set()
        self._known &= set(self._delete_old(step))

    @answering
    def restore(self, step: int | None = None, *, like: Any = None, mmap: bool = False) -> Any:
        """The state of a step, by default the newest; see ``load``.

        If the newest file is damaged, an older one is used, with a warning. There is one too if
        the file was saved under another backend of ``jit``, see ``config.backend``. ``read`` also
        returns the step and the metadata.

        Raises:
            FileNotFoundError: if there is no checkpoint.
            FileFormatError, TreeError: if the file is damaged, or does not fit ``like``.
        """
        return self.read(step, like=like, mmap=mmap).state

    @answering
    def read(self, step: int | None = None, *, like: Any = None, mmap: bool = False) -> Checkpoint:
        """Step, state and metadata of one file, found as by ``restore``.

        It is one consistent read: two calls, such as ``latest`` and ``restore``, could find
        different files if another process saves meanwhile.
        """
        there = self.steps()
        found, (state, metadata) = self._found(step, lambda path: read(path, like, mmap=mmap))
        self._later = {later for later in there if later > found}
        self._known |= set(there)
        _compare_backends(found, metadata.pop(BACKEND, None))
        if run := metadata.pop(RUN, None):
            runs.compare("CheckpointManager", runs.from_text(run), self._run)
        return Checkpoint(found, state, metadata)

    def metadata(self, step: int | None = None) -> dict[str, str]:
        """The metadata of a step, by default the newest."""
        found = self._found(step, load_metadata)[1]
        return {name: text for name, text in found.items() if name not in (BACKEND, RUN)}

    def run(self, step: int | None = None) -> dict[str, Any]:
        """The settings that a step, by default the newest, was saved with; {} if there are none.

        >>> import tempfile
        >>> from funcgrad import random
        >>> folder = tempfile.mkdtemp()
        >>> CheckpointManager(folder, run={"key": random.key(7), "rate": 0.1}).save(0, {"w": 1.0})
        >>> run = CheckpointManager(folder).run()
        >>> run["key"] == random.key(7), run["rate"], sorted(run["versions"])
        (np.True_, 0.1, ['funcgrad', 'numpy', 'python'])
        """
        text = self._found(step, load_metadata)[1].get(RUN)
        return {} if text is None else runs.from_text(text)

    def steps(self) -> list[int]:
        """The available steps in order; files with other names are ignored."""
        with os.scandir(self._directory) as entries:
            names = {entry.name for entry in entries if entry.is_file()}
        steps = {int(match[1]) for match in map(_NAME.fullmatch, names) if match}
        return sorted(step for step in steps if _file_name(step) in names)

    def latest(self) -> int | None:
        """The newest step with an undamaged header, None if there is no checkpoint.

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
        """Read a step, by default the newest; return the step and the result."""
        if step is None:
            return self._newest(read)
        try:
            return operator.index(step), read(self.path(step))
        except FileNotFoundError:
            raise self._none(f"no checkpoint of step {step}") from None

    def _newest(self, read: Callable[[Path], T]) -> tuple[int, T]:
        """Read the newest undamaged file; return its step and the result."""
        damaged: dict[int, DamagedFileError] = {}
        while left := [step for step in self.steps() if step not in damaged]:
            step = left[-1]
            try:
                found = read(self.path(step))
            except DamagedFileError as error:
                damaged[step] = error
            except FileNotFoundError:  # deleted by another process, which has saved others
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
        """Rename files, so that they no longer count as checkpoints."""
        for step in steps:
            path = self.path(step)
            with suppress(FileNotFoundError):
                path.rename(path.with_suffix(f".aside-{os.urandom(4).hex()}.safetensors"))

    def _delete_old(self, saved: int) -> list[int]:
        """Delete the files that are not kept; return the steps before that."""
        steps = self.steps()
        for step in steps[: -self._keep] if self._keep is not None else []:
            if step != saved and not (self._every and step % self._every == 0):
                path = self.path(step)
                with suppress(
                    OSError
                ):  # deleted by another process, or in use: retried at the next save
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
        f"CheckpointManager: the newest checkpoint is damaged, step {step} is used instead of "
        f"{steps}: {damaged[steps[-1]]}",
        RuntimeWarning,
    )


def _backend() -> str:
    """The default backend of jit; "auto" writes no C without a compiler."""
    if config.backend == "auto" and not load("funcgrad.c.compiler").is_found():
        return "numpy"
    return config.backend


def _recorded(metadata: Mapping[str, str] | None, run: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of a checkpoint, with the backend and the settings of the run."""
    for name in (BACKEND, RUN):
        if metadata is not None and name in metadata:
            raise ValueError(f"CheckpointManager: the metadata name {name!r} is reserved")
    told = {RUN: runs.to_text("CheckpointManager", run)} if run else {}
    return dict(metadata or {}) | {BACKEND: _backend()} | told


def _compare_backends(step: int, saved: str | None) -> None:
    """Warn if a checkpoint was saved under another backend: digits may differ from here on."""
    now = _backend()
    if saved not in (None, now):
        warn(
            f"CheckpointManager: step {step} was saved with the backend {saved!r} of jit, and now "
            f"it is {now!r}: the last digits may differ; set FUNCGRAD_BACKEND={saved}",
            RuntimeWarning,
        )
