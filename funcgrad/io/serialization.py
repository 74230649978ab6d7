"""Trees of arrays in files: leaves are named by their paths, as ``layers.0.weight``."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import npz, safetensors
from .atomic import replacing
from .formats import Contents, FileFormatError
from .npz import NpzFile
from .safetensors import SafetensorsFile
from .state_dict import fitted, named, strings


def save(path: Any, value: Any, metadata: Mapping[str, str] | None = None) -> None:
    """Write a tree of arrays to a file, all of it or nothing.

    It is written under another name beside the file, flushed to the disk and then renamed, so
    that a kill or a full disk leaves an older file as it was. The new file has the older one's
    mode, owner and group; another hard link keeps the older content.

    Args:
        path: ending in ``.safetensors`` or ``.npz``.
        value: any tree of arrays and Python numbers.
        metadata: strings by their names.

    Raises:
        ValueError: if the ending is another, two leaves have one name, or one the metadata's.
        TypeError: naming a leaf that is no array, or is masked, or whose dtype the format lacks.
        OSError: if it cannot be written, or the older file is write-protected.

    >>> import os, tempfile, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones((2, 3)), "b": [np.zeros(3)]})
    >>> {name: x.shape for name, x in load(path).items()}
    {'b.0': (3,), 'w': (2, 3)}
    """
    write(path, value, metadata)


def load(path: Any, like: Any = None, *, mmap: bool = False, dtype: str = "same") -> Any:
    """Read a tree of arrays from a file.

    Args:
        path: ending in ``.safetensors`` or ``.npz``.
        like: a tree whose structure, shapes and dtypes the file must have, of arrays, of
            ``ShapeDtypeStruct``, or of Python numbers; the result has its structure. Without
            it the result is a dict of arrays by their names.
        mmap: whether arrays of a safetensors file stay in it, read-only, and are read when they
            are used; nobody may write to that file then, but ``save`` may replace it.
        dtype: "same" to insist on the dtypes of ``like``, "cast" to convert to them.

    Raises:
        FileFormatError: if the file is damaged (DamagedFileError), or of another format.
        TreeError: naming every leaf that is missing, superfluous, or of another shape or dtype.
        OSError: if it cannot be read.

    >>> import os, tempfile, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones(2), "b": 0.5})
    >>> load(path, like={"w": np.zeros(2), "b": 0.0})
    {'b': 0.5, 'w': array([1., 1.])}
    """
    if dtype not in ("same", "cast"):
        raise ValueError(f"load: dtype must be 'same' or 'cast': got {dtype!r}")
    with _opened(path, mmap) as contents:
        return _tree(path, contents, like, dtype == "cast")


def load_metadata(path: Any) -> dict[str, str]:
    """The strings that were saved with a file.

    Raises:
        FileFormatError: if the file is damaged, or of another format.

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
    """Write a tree as ``save`` does; ``before`` is called when only the renaming is left."""
    kind, arrays, metadata = _kind("save", path), named("save", value), strings("save", metadata)
    with replacing(path, before) as file:
        (npz if kind == ".npz" else safetensors).write(file, arrays, metadata)


def read(path: Any, like: Any = None, *, mmap: bool = False) -> tuple[Any, dict[str, str]]:
    """The tree and the strings of one file; see ``load``."""
    with _opened(path, mmap) as contents:
        return _tree(path, contents, like), contents.metadata()


def _tree(path: Any, contents: Contents, like: Any, cast: bool = False) -> Any:
    if like is None:
        return {name: contents.read(name) for name in contents.names}
    avals = {name: contents.aval(name) for name in contents.names}
    return fitted(os.fspath(path), avals, contents.read, like, cast=cast)


@contextmanager
def _opened(path: Any, mmap: bool = False) -> Iterator[Contents]:
    """Open a file once for all that is read of it: its name may come to mean another file.

    Raises:
        FileFormatError: if the file is damaged, or written to meanwhile.
    """
    kind = _kind("load", path)
    with open(path, "rb") as file:
        before = os.fstat(file.fileno())
        yield NpzFile(file, path) if kind == ".npz" else SafetensorsFile(file, path, mmap)
        after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise FileFormatError(
                f"load: {os.fspath(path)!r} was written to while it was read: read it again; "
                f"io.save never writes to a file that is there"
            )


def _kind(who: str, path: Any) -> str:
    suffix = Path(os.fsdecode(path)).suffix
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(
            f"{who}: the path must end in .safetensors or .npz: got {os.fspath(path)!r}"
        )
    return suffix
