"""What the two formats of files have in common: how they are read, and their errors."""

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..core.avals import Aval
from ..core.errors import FuncgradError


class FileFormatError(FuncgradError, ValueError):
    """A file that this library cannot read.

    It is damaged (``DamagedFileError``), of another format, or has a dtype that NumPy lacks.
    """


class DamagedFileError(FileFormatError):
    """A file that is damaged, or of another format.

    A truncated download fails; fetch it again, or take an older checkpoint.
    """


class Contents(Protocol):
    """The arrays of an open file by their names; each is read when it is asked for."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the arrays."""

    def aval(self, name: str) -> Aval:
        """The shape and dtype of an array, without reading it."""

    def read(self, name: str) -> np.ndarray:
        """An array."""

    def metadata(self) -> dict[str, str]:
        """The strings that were saved with the arrays."""


def damaged(path: Any, kind: str, what: str) -> DamagedFileError:
    """The error for a file that breaks the rules of its format."""
    return DamagedFileError(
        f"load: {os.fspath(path)!r} is damaged, or no {kind} file: {what}; fetch it again, or "
        f"take an older checkpoint"
    )
