"""Trees of arrays in files: leaves are named by their paths, as ``layers.0.weight``."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval
from ..core.errors import TreeError
from ..core.trace import Tracer
from . import safetensors
from .replace import replacing
from .safetensors import FileFormatError

COMPLEX = "funcgrad.complex128"  # metadata: the arrays whose last axis is real and imaginary part


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
        TypeError: naming the path of a leaf that is no array, or whose dtype the format has not.
        OSError: if it cannot be written, or the older file is write-protected.

    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones((2, 3)), "b": [np.zeros(3)]})
    >>> {name: x.shape for name, x in load(path).items()}
    {'b.0': (3,), 'w': (2, 3)}
    """
    kind, arrays = _kind("save", path), _named("save", value)
    metadata = dict(metadata or {})
    for name, text in metadata.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(f"save: metadata must be strings: got {text!r} at {name!r}")
    with replacing(path) as file:
        if kind == ".npz":
            _write_npz(file, arrays, metadata)
        else:
            wide = sorted(name for name, x in arrays.items() if x.dtype == np.complex128)
            pairs = {name: np.stack([arrays[name].real, arrays[name].imag], -1) for name in wide}
            metadata |= {COMPLEX: "\n".join(map(_line, wide))} if wide else {}
            safetensors.write(file, arrays | pairs, metadata)


def load(path: Any, like: Any = None, *, mmap: bool = False, dtype: str = "same") -> Any:
    """Read a tree of arrays from a file.

    Args:
        path: ending in ``.safetensors`` or ``.npz``.
        like: a tree whose structure, shapes and dtypes the file must have, of arrays, of
            ``ShapeDtypeStruct``, or of Python numbers; the result has its structure. Without
            it the result is a dict of arrays by their names.
        mmap: whether arrays of a safetensors file stay in it, read-only, and are read when they
            are used.
        dtype: "same" to insist on the dtypes of ``like``, "cast" to convert to them.

    Raises:
        FileFormatError: if the file is damaged, or of another format.
        TreeError: naming every leaf that is missing, superfluous, or of another shape or dtype.
        OSError: if it cannot be read.

    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones(2), "b": 0.5})
    >>> load(path, like={"w": np.zeros(2), "b": 0.0})
    {'b': 0.5, 'w': array([1., 1.])}
    """
    if dtype not in ("same", "cast"):
        raise ValueError(f"load: dtype must be 'same' or 'cast': got {dtype!r}")
    arrays = _read(path, mmap)
    return arrays if like is None else fitted(arrays, like, os.fspath(path), cast=dtype == "cast")


def load_metadata(path: Any) -> dict[str, str]:
    """Return the strings that were saved with a file.

    Raises:
        FileFormatError: if the file is damaged, or of another format.

    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"w": np.ones(2)}, metadata={"epoch": "3"})
    >>> load_metadata(path)
    {'epoch': '3'}
    """
    if _kind("load", path) == ".npz":
        members = dict(_read_npz(path))
        return {k.removeprefix(_META): str(v) for k, v in members.items() if k.startswith(_META)}
    metadata = safetensors.read_header(path).metadata
    return {k: v for k, v in metadata.items() if k != COMPLEX}


def fitted(arrays: Mapping[str, np.ndarray], like: Any, source: str, *, cast: bool = False) -> Any:
    """Return a tree like another, of arrays by the names of its leaves.

    Raises:
        TreeError: naming every difference.
    """
    wanted, treedef = tree.flatten(like)
    names = _names("load", like)
    complaints = [f"{n!r} is missing" for n in names if n not in arrays]
    complaints += [f"{n!r} is not in like" for n in arrays if n not in set(names)]
    out = []
    for name, leaf in zip(names, wanted, strict=True):
        if name in arrays:
            x, complaint = _fitted_leaf(arrays[name], leaf, cast)
            complaints += [f"{name!r} {complaint}"] if complaint else []
            out.append(x)
    if complaints:
        raise TreeError(f"load: {source!r} does not fit like: {'; '.join(complaints)}")
    return tree.unflatten(treedef, out)


# names


def _named(who: str, value: Any) -> dict[str, np.ndarray]:
    names, arrays = _names(who, value), {}
    for name, leaf in zip(names, tree.leaves(value), strict=True):
        if isinstance(leaf, Tracer):
            raise TypeError(f"{who}: the leaf {name!r} is traced: save outside of transformed code")
        known = isinstance(leaf, np.ndarray | np.generic) or type(leaf) in PYTHON_SCALARS
        if not known or np.asarray(leaf).dtype.kind not in "biufc":
            raise TypeError(
                f"{who}: the leaf {name!r} must be an array of numbers or a number: got "
                f"{type(leaf).__name__}; keep it apart, for example as metadata"
            )
        arrays[name] = np.asarray(leaf)
    return arrays


def _names(who: str, value: Any) -> list[str]:
    paths = [path for path, _ in tree.leaves_with_path(value)]
    names = [tree.keystr(path, simple=True, separator=".") or "value" for path in paths]
    twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else ()
    if twice:
        raise ValueError(f"{who}: two leaves have one name, {twice[0]!r}: rename a key with a dot")
    taken = [n for n in names if n == safetensors.METADATA or n.startswith(_META)]
    if taken:
        raise ValueError(f"{who}: a leaf has the metadata's name, {taken[0]!r}: rename its key")
    return names


def _fitted_leaf(x: np.ndarray, leaf: Any, cast: bool) -> tuple[Any, str]:
    """Return an array as a leaf wants it, and a complaint if it is not."""
    if type(leaf) in PYTHON_SCALARS:
        if x.shape == () and np.can_cast(x.dtype, np.asarray(leaf).dtype, "same_kind"):
            return type(leaf)(x[()]), ""
        return x, f"is {Aval(x.shape, x.dtype)}, not one {type(leaf).__name__}"
    shape, dtype = tuple(leaf.shape), np.dtype(leaf.dtype)
    if x.shape != shape or (x.dtype != dtype and not cast):
        return x, f"is {Aval(x.shape, x.dtype)}, not {Aval(shape, dtype)}"
    if not np.can_cast(x.dtype, dtype, "same_kind"):
        return x, f"is {Aval(x.shape, x.dtype)}, which {Aval(shape, dtype)} cannot hold"
    x = x.astype(dtype, copy=False)
    return (x[()] if isinstance(leaf, np.generic) else x), ""


# files


def _kind(who: str, path: Any) -> str:
    suffix = Path(path).suffix
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(
            f"{who}: the path must end in .safetensors or .npz: got {os.fspath(path)!r}"
        )
    return suffix


def _read(path: Any, mmap: bool) -> dict[str, np.ndarray]:
    if _kind("load", path) == ".npz":
        return {k: x for k, x in _read_npz(path) if not k.startswith(_META)}
    header = safetensors.read_header(path)
    arrays = dict(safetensors.read(path, header, mmap))
    pairs = set(header.metadata.get(COMPLEX, "").split("\n"))
    for name, pair in arrays.items():
        if _line(name) in pairs and pair.dtype == np.float64 and pair.shape[-1:] == (2,):
            arrays[name] = pair.view(np.complex128)[..., 0]
    return arrays


def _line(name: str) -> str:
    """Return a name as one line."""
    return name.replace("\\", "\\\\").replace("\n", "\\n")


_META = "__metadata__/"


def _write_npz(file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Any) -> None:
    texts = {_META + name: np.asarray(text) for name, text in metadata.items()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # savez refuses some names
        for name, x in (dict(arrays) | texts).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(x), allow_pickle=False)


# what zipfile and NumPy raise where the bytes of an archive make no sense
_NONSENSE = (
    zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError, EOFError, KeyError,
    MemoryError, NotImplementedError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def _read_npz(path: Any) -> Iterator[tuple[str, np.ndarray]]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            yield from _members(file, size)
        except _NONSENSE as error:
            raise FileFormatError(
                f"load: {os.fspath(path)!r} is damaged, or no npz file: {error}; fetch it again, "
                f"or take an older checkpoint"
            ) from None


def _members(file: BinaryIO, size: int) -> Iterator[tuple[str, np.ndarray]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.file_size > size and info.compress_type == zipfile.ZIP_STORED:
                raise ValueError("a member is longer than the file")
            with archive.open(info) as member:
                yield info.filename.removesuffix(".npy"), _member(member, info.file_size)


def _member(member: Any, size: int) -> np.ndarray:
    """Return the array of a member whose header promises no more than it holds."""
    version = np.lib.format.read_magic(member)
    readers = {(1, 0): np.lib.format.read_array_header_1_0}
    header = readers.get(version, np.lib.format.read_array_header_2_0)(member)
    shape, fortran, dtype = header
    if dtype.hasobject:
        raise ValueError("an array holds Python objects")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count * dtype.itemsize > size:
        raise ValueError("an array promises more numbers than there are")
    data = member.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError("an array is cut off")
    x = np.frombuffer(bytearray(data), dtype).astype(dtype.newbyteorder("="), copy=False)
    return x.reshape(shape[::-1]).T if fortran else x.reshape(shape)
