"""Save and load trees of arrays; leaves are named by their paths, such as ``layers.0.weight``."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.lazy import answering
from . import npz, safetensors
from .atomic import replacing
from .formats import Contents, FileFormatError
from .npz import NpzFile
from .safetensors import SafetensorsFile
from .state_dict import fitted, named, strings


@answering
def save(path: Any, value: Any, metadata: Mapping[str, str] | None = None) -> None:
    """Write a tree of arrays to a file atomically.

    The data are written to a temporary file, synced to disk and renamed, so that a kill or a full
    disk leaves an existing file unchanged. Mode, owner and group are kept; other hard links keep
    the old content.

    Args:
        path: ending in ``.safetensors`` or ``.npz``.
        value: any tree of arrays and Python scalars.
        metadata: a mapping from names to strings.

    Raises:
        ValueError: if the path has another ending, two leaves have the same name, or a name is
            reserved.
        TypeError: if a leaf is not an array, or is masked, or the format lacks its dtype.
        OSError: if the file cannot be written, or is write-protected.

    >>> import os, tempfile, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones((2, 3)), "b": [np.zeros(3)]})
    >>> {name: x.shape for name, x in load(path).items()}
    {'b.0': (3,), 'w': (2, 3)}
    """
    write(path, value, metadata)


@answering
def load(path: Any, like: Any = None, *, mmap: bool = False, dtype: str = "same") -> Any:
    """Read a tree of arrays from a file.

    Args:
        path: ending in ``.safetensors`` or ``.npz``.
        like: a tree of arrays, ``ShapeDtypeStruct`` or Python scalars, whose structure, shapes and
            dtypes the file must have; the result has its structure. By default the result is a
            dict of arrays by name.
        mmap: whether to map the arrays of a safetensors file read-only, so that they are read
            on use. The file must not be written to meanwhile, but ``save`` may replace it.
        dtype: "same" to require the dtypes of ``like``, "cast" to convert to them.

    Raises:
        FileFormatError: if the file is damaged (DamagedFileError), or has another format.
        TreeError: with all leaves that are missing, unexpected, or differ in shape or dtype.
        OSError: if the file cannot be read.

    >>> import os, tempfile, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones(2), "b": 0.5})
    >>> load(path, like={"w": np.zeros(2), "b": 0.0})
    {'w': array([1., 1.]), 'b': 0.5}
    """
    if dtype not in ("same", "cast"):
        raise ValueError(f"load: dtype must be 'same' or 'cast': got {dtype!r}")
    with _opened(path, mmap) as contents:
        return _tree(path, contents, like, dtype == "cast")


@answering
def load_metadata(path: Any) -> dict[str, str]:
    """The metadata strings of a file.

    Raises:
        FileFormatError: if the file is damaged, or has another format.

    >>> import os, tempfile, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones(2)}, metadata={"epoch": "3"})
    >>> load_metadata(path)
    {'epoch': '3'}
    """
    with _opened(path) as contents:
        return contents.metadata()


def write(
    path: Any,
    value: Any,
    metadata: Mapping[str, str] | None,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Write a tree as ``save`` does; ``before`` is called just before the rename."""
    kind, arrays, metadata = _kind("save", path), named("save", value), strings("save", metadata)
    with replacing(path, before) as file:
        (npz if kind == ".npz" else safetensors).write(file, arrays, metadata)


def read(path: Any, like: Any = None, *, mmap: bool = False) -> tuple[Any, dict[str, str]]:
    """The tree and the metadata of one file; see ``load``."""
    with _opened(path, mmap) as contents:
        return _tree(path, contents, like), contents.metadata()


def _tree(path: Any, contents: Contents, like: Any, cast: bool = False) -> Any:
    if like is None:
        return {name: contents.read(name) for name in contents.names}
    avals = {name: contents.aval(name) for name in contents.names}
    return fitted(os.fspath(path), avals, contents.read, like, cast=cast)


@contextmanager
def _opened(path: Any, mmap: bool = False) -> Iterator[Contents]:
    """Open a file once for all reads, since another file may take its name meanwhile.

    Raises:
        FileFormatError: if the file is damaged, or was written to meanwhile.
    """
    kind = _kind("load", path)
    if not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, "load: there is no such file; save it first", path)
    with open(path, "rb") as file:
        before = os.fstat(file.fileno())
        yield NpzFile(file, path) if kind == ".npz" else SafetensorsFile(file, path, mmap)
        after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise FileFormatError(
                f"load: {os.fspath(path)!r} was written to while it was read: load it again"
            )


def _kind(who: str, path: Any) -> str:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{who}: the path must be a string or a path: got {type(path).__name__}; write "
            f"{who}(path{', tree' * (who == 'save')})"
        )
    suffix = Path(os.fsdecode(path)).suffix
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(
            f"{who}: the path must end in .safetensors or .npz: got {os.fspath(path)!r}; add one"
        )
    return suffix
