"""The safetensors format: eight bytes of length, a JSON header, and the data.

The header has dtype, shape and offsets of each array. It is checked before memory is allocated:
no duplicate names, no overlaps, no gaps, and no more bytes than the file has.

Source: github.com/huggingface/safetensors, README, section "Format".
"""

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..core.avals import Aval
from ..core.errors import UnsupportedError
from . import dtypes
from .formats import DamagedFileError, FileFormatError, damaged

try:
    import mmap
except ImportError:  # as in some builds for browsers
    mmap = None  # type: ignore[assignment]

MAX_HEADER = 100_000_000  # bytes, the limit of the format
METADATA = "__metadata__"
COMPLEX = "funcgrad.complex128"  # metadata: arrays whose last axis is (real, imaginary)

# fmt: off
DTYPES = {
    "BOOL": np.dtype(bool), "U8": np.dtype("u1"), "I8": np.dtype("i1"), "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"), "U32": np.dtype("<u4"), "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"), "I64": np.dtype("<i8"), "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "C64": np.dtype("<c8"),
}
# fmt: on
BITS = {name: 8 * dtype.itemsize for name, dtype in DTYPES.items()} | dtypes.BITS
UNPACKED = ("F6_E2M3", "F6_E3M2")  # the format does not define the packing of six bits


class Entry(NamedTuple):
    """The header entry of an array; ``start`` and ``stop`` are offsets in the data."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class Header(NamedTuple):
    """The entries of a file by name, its metadata, and the offset of the data."""

    entries: dict[str, Entry]
    metadata: dict[str, str]
    offset: int


class SafetensorsFile:
    """The contents of an open safetensors file; memory-mapped arrays are read-only.

    Header and arrays are read through one descriptor, so a file that takes the name meanwhile is
    not read.
    """

    def __init__(self, file: BinaryIO, path: Any, mapped: bool = False) -> None:
        self._file, self._path, self._header = file, path, read_header(file, path)
        self._map = _mapped(file, path, self._header) if mapped else None
        self._complex = set(self._header.metadata.get(COMPLEX, "").split("\n"))
        self.names = list(self._header.entries)

    def metadata(self) -> dict[str, str]:
        """The metadata strings of the file."""
        return {k: v for k, v in self._header.metadata.items() if k != COMPLEX}

    def aval(self, name: str) -> Aval:
        """The shape and dtype of an array, without reading it."""
        entry = self._header.entries[name]
        if self._is_complex(name, entry):
            return Aval(entry.shape[:-1], np.dtype(np.complex128))
        return Aval(entry.shape, self._dtype(name, entry))

    def read(self, name: str) -> np.ndarray:
        """Read an array."""
        entry = self._header.entries[name]
        dtype, data = self._dtype(name, entry), self._bytes(entry)
        if entry.dtype not in DTYPES:
            return dtypes.widened(data, entry.dtype).reshape(entry.shape)
        if data.size and data.ctypes.data % dtype.alignment:
            data = np.array(data)
        x = data.view(dtype).reshape(entry.shape)
        return x.view(np.complex128)[..., 0] if self._is_complex(name, entry) else x

    def _is_complex(self, name: str, entry: Entry) -> bool:
        return entry.dtype == "F64" and entry.shape[-1:] == (2,) and _line(name) in self._complex

    def _dtype(self, name: str, entry: Entry) -> np.dtype[Any]:
        """The dtype of an array after reading.

        Raises:
            FileFormatError: if it cannot be decoded.
        """
        if entry.dtype in BITS:
            return DTYPES.get(entry.dtype, np.dtype(np.float32))
        where = f"load: {os.fspath(self._path)!r}"
        if entry.dtype in UNPACKED:
            raise FileFormatError(
                f"{where}: {name!r} has dtype {entry.dtype}, whose packing the format does not "
                f"define: convert it to another dtype"
            )
        raise FileFormatError(
            f"{where} is damaged, not a safetensors file, or of a later version of the format: "
            f"unknown dtype {entry.dtype!r} of {name!r}; convert it to another dtype"
        )

    def _bytes(self, entry: Entry) -> np.ndarray:
        """The bytes of an array, uint8 [n]."""
        if self._map is not None:
            return self._map[entry.start : entry.stop]
        data = np.empty(entry.stop - entry.start, np.uint8)
        self._file.seek(self._header.offset + entry.start)
        if self._file.readinto(data.data) != data.size:  # type: ignore[attr-defined]
            raise damaged(self._path, "safetensors", "it was truncated while it was read")
        return data


def _mapped(file: BinaryIO, path: Any, header: Header) -> np.ndarray:
    """Map the data of a file, as bytes that are read on use."""
    end = max((e.stop for e in header.entries.values()), default=0)
    if not end:  # an empty file cannot be mapped
        return np.zeros(0, np.uint8)
    if mmap is None:
        raise UnsupportedError("load: mmap=True needs Python's module mmap: leave it out")
    try:
        whole = mmap.mmap(file.fileno(), header.offset + end, access=mmap.ACCESS_READ)
    except ValueError:  # the mapping is longer than the file
        raise damaged(path, "safetensors", "it was truncated while it was read") from None
    return np.frombuffer(whole, np.uint8)[header.offset :]


# the header


def read_header(file: BinaryIO, path: Any) -> Header:
    """The checked header of an open file.

    Raises:
        DamagedFileError: if the header contradicts the format or the file.
    """
    start = file.read(8)
    size, length = os.fstat(file.fileno()).st_size, int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= size - 8:
        length = length if len(start) == 8 else 0
        raise _bad(path, f"its header should have {length} bytes, and the file has {size}")
    if length > MAX_HEADER:
        raise _bad(path, f"its header has {length} bytes, more than {MAX_HEADER}")
    fields = _parsed(path, file.read(length))
    metadata = fields.pop(METADATA, {})
    strings = isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())
    if not strings:
        raise _bad(path, f"{METADATA} is not a mapping of strings")
    entries = {name: _entry(path, name, field) for name, field in fields.items()}
    _check_offsets(path, entries, size - 8 - length)
    return Header(entries, metadata, 8 + length)


def _parsed(path: Any, text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice = Counter(names).most_common(1)[0][0]
            raise _bad(path, f"its header has the name {twice!r} twice")
        return dict(pairs)

    try:
        fields = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except DamagedFileError:
        raise
    except (ValueError, RecursionError) as error:  # also for integers of thousands of digits
        raise _bad(path, f"its header is not JSON ({type(error).__name__})") from None
    if not isinstance(fields, dict):
        raise _bad(path, "its header is not a JSON object")
    return fields


def _entry(path: Any, name: str, field: Any) -> Entry:
    def whole(x: Any) -> bool:
        return isinstance(x, list) and all(type(n) is int and 0 <= n < 2**63 for n in x)

    if not isinstance(field, dict) or set(field) != {"dtype", "shape", "data_offsets"}:
        raise _bad(path, f"the entry {name!r} has not just dtype, shape and data_offsets")
    dtype, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
    if not isinstance(dtype, str):
        raise _bad(path, f"the dtype {dtype!r} of {name!r} is not a string")
    if not whole(shape) or not whole(offsets) or len(offsets) != 2 or len(shape) > 64:
        raise _bad(path, f"the shape or the offsets of {name!r} are wrong")
    start, stop = offsets
    if dtype in BITS:
        _check_size(path, name, Entry(dtype, tuple(shape), start, stop))
    return Entry(dtype, tuple(shape), start, stop)


def _check_size(path: Any, name: str, entry: Entry) -> None:
    """Raise unless the bytes of an array match its dtype and shape."""
    bits, shape = BITS[entry.dtype], entry.shape
    if (
        math.prod(n or 1 for n in shape) * bits >= 2**63
    ):  # more than NumPy can index, also for empty arrays
        raise _bad(path, f"the shape {shape} of {name!r} is too large")
    size = math.prod(shape) * bits / 8
    if entry.stop - entry.start != size:
        raise _bad(
            path,
            f"{name!r}, {entry.dtype} of shape {shape}, takes {size:g} bytes, not "
            f"{entry.stop - entry.start}",
        )


def _check_offsets(path: Any, entries: Mapping[str, Entry], size: int) -> None:
    """Raise unless the arrays fill the file without gaps or overlaps."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.start != end or entry.stop < end:
            what = "overlaps another array" if entry.start < end else "leaves a gap before it"
            raise _bad(path, f"{name!r} {what}")
        end = entry.stop
    if end != size:
        raise _bad(path, f"its header describes {end} bytes, and {size} follow")


def _bad(path: Any, what: str) -> DamagedFileError:
    return damaged(path, "safetensors", what)


def _line(name: str) -> str:
    """A name with escaped line breaks."""
    return name.replace("\\", "\\\\").replace("\n", "\\n")


# writing


def write(file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays, the widest dtypes first, so that all are aligned.

    Raises:
        TypeError: if the format lacks the dtype of an array.
        ValueError: if the header exceeds the limit of the format.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    wide = sorted(name for name, x in arrays.items() if x.dtype.newbyteorder("=") == np.complex128)
    arrays = dict(arrays) | {name: _pairs(arrays[name]) for name in wide}
    metadata = dict(metadata) | ({COMPLEX: "\n".join(map(_line, wide))} if wide else {})
    for name, x in arrays.items():
        if x.dtype.newbyteorder("<") not in names:
            raise TypeError(f"save: safetensors lacks the dtype {x.dtype} of {name!r}")
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {METADATA: metadata} if metadata else {}
    end = 0
    for name in order:
        x = arrays[name]
        offsets = [end, end + x.nbytes]
        dtype = names[x.dtype.newbyteorder("<")]
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": offsets}
        end += x.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"save: safetensors holds at most {MAX_HEADER} bytes of names and metadata: got "
            f"{len(text)}; save as .npz"
        )
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        x = arrays[name]
        little = np.ascontiguousarray(x, x.dtype.newbyteorder("<"))
        file.write(little.reshape(-1).view(np.uint8).data)


def _pairs(x: np.ndarray) -> np.ndarray:
    """Complex numbers as pairs, float64 [..., 2]."""
    return np.ascontiguousarray(x, np.complex128).view(np.float64).reshape((*x.shape, 2))
