"""The safetensors format: eight bytes of length, a header of JSON, and the numbers.

The header says of each array its dtype, shape and place. A file is read only if its header is
sound: nothing twice, nothing overlapping, no gaps, no promise of more bytes than there are; all
that is checked before memory is allocated.

Source: the format's description, github.com/huggingface/safetensors, README, section "Format".
"""

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..core.errors import FuncgradError

MAX_HEADER = 100_000_000  # bytes, the format's own limit
METADATA = "__metadata__"

# fmt: off
DTYPES = {
    "BOOL": np.dtype(bool), "U8": np.dtype("u1"), "I8": np.dtype("i1"), "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"), "U32": np.dtype("<u4"), "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"), "I64": np.dtype("<i8"), "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "C64": np.dtype("<c8"),
}
# floating formats that NumPy has not: they are read as float32, which holds all their values
NARROW = {"BF16": np.dtype("<u2"), "F8_E4M3": np.dtype("u1"), "F8_E5M2": np.dtype("u1")}
# fmt: on


class FileFormatError(FuncgradError, ValueError):
    """A file that is damaged, or of another format.

    A truncated download fails; fetch it again, or take an older checkpoint.
    """


class Entry(NamedTuple):
    """What a header says of one array; ``start`` and ``stop`` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class Header(NamedTuple):
    """The arrays of a file by their names, its metadata, and where its numbers begin."""

    entries: dict[str, Entry]
    metadata: dict[str, str]
    offset: int


# reading


def read_header(path: Any) -> Header:
    """Return the checked header of a file.

    Raises:
        FileFormatError: saying what is wrong with the file.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little") if size >= 8 else 0
        if size < 8 or not 2 <= length <= size - 8:
            raise _bad(path, f"its header should have {length} bytes, and the file has {size}")
        if length > MAX_HEADER:
            raise _bad(path, f"its header has {length} bytes, more than {MAX_HEADER}")
        text = file.read(length)
    fields = _parsed(path, text)
    metadata = fields.pop(METADATA, {})
    strings = isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())
    if not strings:
        raise _bad(path, f"{METADATA} is no table of strings")
    entries = {name: _entry(path, name, field) for name, field in fields.items()}
    _check_places(path, entries, size - 8 - length)
    return Header(entries, metadata, 8 + length)


def read(path: Any, header: Header, mmap: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and arrays; mapped ones are read-only, and follow the file."""
    end = max((e.stop for e in header.entries.values()), default=0)
    if not end:  # an empty file cannot be mapped
        buffer = np.zeros(0, np.uint8)
    elif mmap:
        buffer = np.memmap(path, np.uint8, "r", header.offset, (end,))
    else:
        buffer = np.fromfile(path, np.uint8, end, offset=header.offset)
    for name, entry in header.entries.items():
        yield name, _array(buffer[entry.start : entry.stop], entry)


def _array(data: np.ndarray, entry: Entry) -> np.ndarray:
    if entry.dtype in NARROW:
        return _widened(data.view(NARROW[entry.dtype]), entry.dtype).reshape(entry.shape)
    dtype = DTYPES[entry.dtype]
    aligned = data.size == 0 or data.ctypes.data % dtype.alignment == 0
    data = np.asarray(data) if aligned else np.array(data)
    return data.view(dtype).reshape(entry.shape)


def _widened(bits: np.ndarray, dtype: str) -> np.ndarray:
    """Return the float32 numbers of narrow bit patterns."""
    if dtype == "BF16":  # the upper half of a float32
        return (bits.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F8_E5M2":  # the upper half of a float16
        return (bits.astype(np.uint16) << 8).view(np.float16).astype(np.float32)
    codes = np.arange(256)
    exponent, fraction = (codes >> 3) & 15, codes & 7
    normal = np.ldexp(1 + fraction / 8, exponent - 7)
    table = np.where(exponent == 0, np.ldexp(fraction / 8, -6), normal)
    table = np.where(codes & 127 == 127, np.nan, table) * np.where(codes < 128, 1, -1)
    return table.astype(np.float32)[bits]


def _parsed(path: Any, text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice = Counter(names).most_common(1)[0][0]
            raise _bad(path, f"its header has the name {twice!r} twice")
        return dict(pairs)

    try:
        fields = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:  # also of integers of thousands of digits
        raise _bad(path, f"its header is no JSON ({type(error).__name__})") from None
    if not isinstance(fields, dict):
        raise _bad(path, "its header is no table")
    return fields


def _entry(path: Any, name: str, field: Any) -> Entry:
    def whole(x: Any) -> bool:
        return isinstance(x, list) and all(type(n) is int and 0 <= n < 2**63 for n in x)

    if not isinstance(field, dict) or set(field) != {"dtype", "shape", "data_offsets"}:
        raise _bad(path, f"the entry {name!r} has not just dtype, shape and data_offsets")
    dtype, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES | NARROW:
        raise _bad(path, f"the dtype {dtype!r} of {name!r} is unknown")
    if not whole(shape) or not whole(offsets) or len(offsets) != 2 or len(shape) > 64:
        raise _bad(path, f"the shape or the offsets of {name!r} are wrong")
    start, stop = offsets
    itemsize = (DTYPES.get(dtype) or NARROW[dtype]).itemsize
    if math.prod(n or 1 for n in shape) * itemsize >= 2**63:  # more than NumPy indexes, even of 0
        raise _bad(path, f"the shape {tuple(shape)} of {name!r} is too large")
    size = math.prod(shape) * itemsize
    if stop - start != size:
        raise _bad(
            path,
            f"{name!r}, {dtype} of shape {tuple(shape)}, takes {size} bytes, not {stop - start}",
        )
    return Entry(dtype, tuple(shape), start, stop)


def _check_places(path: Any, entries: Mapping[str, Entry], size: int) -> None:
    """Raise unless the arrays fill the file, one after the other."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.start != end:
            what = "overlaps another array" if entry.start < end else "leaves a gap before it"
            raise _bad(path, f"{name!r} {what}")
        end = entry.stop
    if end != size:
        raise _bad(path, f"its header speaks of {end} bytes, and {size} follow")


def _bad(path: Any, what: str) -> FileFormatError:
    return FileFormatError(
        f"load: {os.fspath(path)!r} is damaged, or no safetensors file: {what}; fetch it again, or "
        f"take an older checkpoint"
    )


# writing


def write(file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays, the widest first so that all lie aligned.

    Raises:
        TypeError: if the format has not the dtype of an array.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    for name, x in arrays.items():
        if x.dtype.newbyteorder("<") not in names:
            raise TypeError(f"save: safetensors has no dtype {x.dtype}: got it at {name!r}")
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        x = arrays[name]
        place = [end, end + x.nbytes]
        dtype = names[x.dtype.newbyteorder("<")]
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": place}
        end += x.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        x = arrays[name]
        little = np.ascontiguousarray(x, x.dtype.newbyteorder("<"))
        file.write(little.reshape(-1).view(np.uint8).data)
