"""NumPy's npz format: a zip archive of npy files. Pickles are refused.

An array is read directly into its memory. Its header is checked against the size of the file
first, so that a wrong size allocates nothing.
"""

import errno
import math
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np

try:
    from lzma import LZMAError
except ImportError:  # without it Python cannot read such archives
    LZMAError = zlib.error  # type: ignore[assignment,misc]

from ..core.avals import Aval
from .formats import FileFormatError, damaged

METADATA = "__metadata__/"  # prefix of the names of metadata
CHUNK = 1 << 20  # bytes per read
INFLATION = 1100  # deflate expands by a factor of at most 1032

# exceptions of zipfile and NumPy for damaged archives
_NONSENSE = (
    zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError, AttributeError, EOFError,
    LookupError, SyntaxError, TypeError, ValueError, LZMAError,
)  # fmt: skip


class NpzFile:
    """The contents of an open npz file; arrays are read on demand."""

    def __init__(self, file: BinaryIO, path: Any) -> None:
        self._path = path
        self._opened: dict[str, _Member] = {}
        with self._checked():
            self._size = os.fstat(file.fileno()).st_size
            self._archive = zipfile.ZipFile(file)
            infos = [info for info in self._archive.infolist() if not info.is_dir()]
            names = [info.filename.removesuffix(".npy") for info in infos]
            if len(set(names)) != len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise ValueError(f"it has the name {twice!r} twice")
        self._infos = dict(zip(names, infos, strict=True))
        self.names = [name for name in names if not name.startswith(METADATA)]

    def metadata(self) -> dict[str, str]:
        """The metadata strings of the file."""
        names = [name for name in self._infos if name.startswith(METADATA)]
        return {name.removeprefix(METADATA): str(self.read(name)) for name in names}

    def aval(self, name: str) -> Aval:
        """The shape and dtype of an array, without reading it."""
        with self._checked():
            member = self._member(name)
            return Aval(member.shape, member.dtype.newbyteorder("="))

    def read(self, name: str) -> np.ndarray:
        """Read an array."""
        with self._checked():
            member = self._member(name)
            del self._opened[name]
            with member.file:
                return member.read()

    def _member(self, name: str) -> "_Member":
        if name not in self._opened:
            info = self._infos[name]
            limits = {
                zipfile.ZIP_STORED: self._size,
                zipfile.ZIP_DEFLATED: INFLATION * min(info.compress_size, self._size),
            }
            if info.file_size > limits.get(info.compress_type, info.file_size):
                raise ValueError(f"{name!r} is longer than the file")
            self._opened[name] = _member(self._archive.open(info), info.file_size)
        return self._opened[name]

    @contextmanager
    def _checked(self) -> Iterator[None]:
        """Turn errors from damaged bytes into DamagedFileError; errors of the system pass."""
        try:
            yield
        except (NotImplementedError, RuntimeError) as error:  # a compression method, or a password
            raise FileFormatError(
                f"load: {os.fspath(self._path)!r} is damaged, or an archive that cannot be read: "
                f"{error}; write it with numpy.savez"
            ) from None
        except (OSError, *_NONSENSE) as error:
            # zipfile also says "not a zip file" for disk errors
            for fault in (error, error.__context__):
                if isinstance(fault, OSError) and fault.errno not in (None, errno.EINVAL):
                    raise fault from None
            raise damaged(self._path, "npz", str(error)) from None


class _Member(NamedTuple):
    """An array whose header has been read."""

    file: IO[bytes]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    def read(self) -> np.ndarray:
        """Read the array, in native byte order."""
        x = self._bytes().view(self.dtype)
        if self.dtype.names:
            x = x.astype(self.dtype.newbyteorder("="), copy=False)
        elif not self.dtype.isnative:
            x = x.byteswap(inplace=True).view(self.dtype.newbyteorder("="))
        return x.reshape(self.shape[::-1]).T if self.fortran else x.reshape(self.shape)

    def _bytes(self) -> np.ndarray:
        """The bytes of the array, uint8 [n], read to the end, where zip checks the checksum."""
        data = np.empty(math.prod(self.shape) * self.dtype.itemsize, np.uint8)
        offset = 0
        while chunk := self.file.read(CHUNK):
            if offset + len(chunk) > data.size:
                raise ValueError("an array has more elements than its shape")
            data[offset : offset + len(chunk)] = np.frombuffer(chunk, np.uint8)
            offset += len(chunk)
        if offset != data.size:
            raise ValueError("an array is truncated")
        return data


def _member(file: IO[bytes], size: int) -> _Member:
    """Read the header of a member, and check it against its size."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0}
    try:
        shape, fortran, dtype = readers.get(version, np.lib.format.read_array_header_2_0)(file)
    except (MemoryError, RecursionError):  # from Python's parser; a header has at most 10 kB
        raise ValueError("the header of an array cannot be parsed") from None
    if dtype.hasobject:
        raise NotImplementedError("an array holds Python objects")
    if dtype.subdtype or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array has the wrong shape {shape} of {dtype}")
    if math.prod(n or 1 for n in shape) * dtype.itemsize >= 2**63:  # even if it is empty
        raise ValueError(f"the shape {shape} of an array is too large")
    if math.prod(shape) * max(dtype.itemsize, 1) > size:
        raise ValueError("an array has fewer elements than its shape")
    return _Member(file, shape, dtype, fortran)


def write(file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays, and metadata as string arrays.

    Raises:
        ValueError: if zip or NumPy would alter a name or a string.
    """
    for name in (*arrays, *metadata):
        if zipfile.ZipInfo(f"{name}.npy").filename != f"{name}.npy" or len(name) > 16_000:
            raise ValueError(f"save: npz cannot hold the name {name[:80]!r}: save as .safetensors")
    for name, text in metadata.items():
        if text.endswith("\0"):  # NumPy strips them
            raise ValueError(
                f"save: in npz, metadata cannot end in a null character: got it at {name!r}; "
                f"save as .safetensors"
            )
    texts = {METADATA + name: np.asarray(text) for name, text in metadata.items()}
    with zipfile.ZipFile(
        file, "w", zipfile.ZIP_STORED
    ) as archive:  # numpy.savez refuses some names
        for name, x in (dict(arrays) | texts).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, x, allow_pickle=False)
