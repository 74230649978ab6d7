"""The interface of file formats for reading, and their errors."""

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..core.avals import Aval
from ..core.errors import FuncgradError


class FileFormatError(FuncgradError, ValueError):
    """A file that this library cannot read.

    >>> import os, tempfile
    >>> from funcgrad import io
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.npz")
    >>> with open(path, "w") as file: _ = file.write("w = 1.0")
    >>> try:
    ...     io.load(path)
    ... except io.FileFormatError as err:
    ...     print(type(err).__name__)
    DamagedFileError

    It is damaged (``DamagedFileError``), has another format, or a dtype that cannot be decoded. The
    fix is a file that ``io.save``, ``numpy.savez`` or safetensors wrote.
    """


class DamagedFileError(FileFormatError):
    """A file that is damaged, or of another format.

    >>> import os, tempfile
    >>> from funcgrad import io
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> with open(path, "wb") as file: _ = file.write(bytes(3))  # of a download that broke off
    >>> io.load(path)
    Traceback (most recent call last):
    funcgrad.io.formats.DamagedFileError: load: ... is damaged or not a safetensors file: its ...

    The fix is another copy: download it again, or use an older checkpoint.
    """


class Contents(Protocol):
    """The arrays of an open file by name; each is read on demand."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the arrays."""

    def aval(self, name: str) -> Aval:
        """The shape and dtype of an array, without reading it."""

    def read(self, name: str) -> np.ndarray:
        """Read an array."""

    def metadata(self) -> dict[str, str]:
        """The metadata strings of the file."""


def damaged(path: Any, kind: str, what: str) -> DamagedFileError:
    """The error for a file that breaks the rules of its format."""
    return DamagedFileError(
        f"load: {os.fspath(path)!r} is damaged or not a {kind} file: {what}; use another copy of "
        f"the file"
    )
