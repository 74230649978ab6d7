"""Shared objects: compiled when they are first asked for, and kept on disk.

An object is found by the hash of all that it depends on: the source, the compiler and its version,
the flags, the CPU, the C library, and the version of this library. Nothing else is loaded than what
this user compiled: the directory has mode 0700, no other user may replace it, and the name of a
file holds the hash of its key and content. Where the directory cannot be used, objects are compiled
in a temporary directory, which only the user can read.
"""

import ctypes
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..core.config import current
from ..core.errors import FuncgradError
from .compiler import compiled, key_of

# neither follow a link nor wait for a pipe
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
STALE = 3600  # seconds after which a file that was never renamed is left over


def loaded(sources: Sequence[str]) -> list[ctypes.PyDLL]:
    """The libraries of sources, which are compiled at once.

    Raises:
        UnsupportedError: if there is no compiler.
        FuncgradError: if it refuses a source, or the system an object.
    """
    folder = directory()
    keys = [key_of(source) for source in sources]
    kept = {key: _opened(_kept(folder, key)) for key in keys} if folder else {}
    found = {key: library for key, library in kept.items() if library is not None}
    missing = {key: source for key, source in zip(keys, sources, strict=True) if key not in found}
    if missing:
        with tempfile.TemporaryDirectory(prefix="funcgrad") as work:
            made = compiled(list(missing.values()), Path(work))
            for key, path in zip(missing, made, strict=True):
                own = _keep(folder, key, path.read_bytes()) if folder else None
                found[key] = _opened(own) or _open(path)
    return [found[key] for key in keys]


def _opened(kept: Path | None) -> ctypes.PyDLL | None:
    """The library of an object that is kept, if there is one."""
    if kept is not None:
        with suppress(OSError):  # the file system may not hold programs
            return ctypes.PyDLL(str(kept))
    return None


def _open(path: Path) -> ctypes.PyDLL:
    """The library of an object in a temporary directory."""
    try:
        return ctypes.PyDLL(str(path))
    except OSError as err:
        raise FuncgradError(
            f"jit: the system refuses a compiled program: {err}; set TMPDIR to a directory "
            f"from which programs may run"
        ) from None


def directory() -> Path | None:
    """The private directory of the objects, made if needed; None where it is switched off.

    It is not used where another user owns it, or may write to it or to one above.
    """
    given = os.environ.get("FUNCGRAD_C_CACHE")
    if not current.get().c_cache_bytes or given == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(given or os.path.join(base, "funcgrad", "c"))
    if not path.is_absolute():  # of a user without a home
        return None
    try:
        above = Path(os.path.realpath(path.parent))
        missing = [p for p in (above, *above.parents) if not p.exists()]
        there = [p for p in (above, *above.parents) if p not in missing]
        if not all(map(_is_safe, there)):
            return None
        for folder in (*reversed(missing), above / path.name):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        found = (above / path.name).lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return above / path.name if private and found.st_uid == _user() else None


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _is_safe(folder: Path) -> bool:
    """Whether no other user, but root, can replace what lies in a directory."""
    found = folder.stat()
    sticky = found.st_mode & stat.S_ISVTX
    return found.st_uid in (0, _user()) and (bool(sticky) or not found.st_mode & 0o022)


# the files


def _kept(folder: Path, key: str) -> Path | None:
    """The object of a key, if it is ours, and has the hash in its name."""
    for path in sorted(folder.glob(f"{key}-*.so")):
        with suppress(OSError):
            handle = os.open(path, _READ)
            with os.fdopen(handle, "rb") as file:
                found = os.fstat(handle)
                regular = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
                own = found.st_uid == _user() and not found.st_mode & 0o022
                if regular and own and path.name == _name(key, file.read()):
                    os.utime(path)
                    return path
    return None


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(key.encode() + content).hexdigest()[:32]}.so"


def _keep(folder: Path, key: str, content: bytes) -> Path | None:
    """Write an object to the directory; None where it cannot be written."""
    part = None
    try:
        handle, part = tempfile.mkstemp(".tmp", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        path = folder / _name(key, content)
        os.replace(part, path)
    except OSError:  # the disk is full, or read-only
        if part is not None:
            with suppress(OSError):
                os.unlink(part)
        return None
    _bounded(folder)
    return path


def _bounded(folder: Path) -> None:
    """Delete the objects that were used least recently, beyond ``config.c_cache_bytes``."""
    left = current.get().c_cache_bytes
    files = []
    for path in folder.iterdir():
        with suppress(OSError):
            found = path.lstat()
            if path.suffix == ".so":
                files.append((found.st_mtime, found.st_size, path))
            elif path.suffix == ".tmp" and time.time() - found.st_mtime > STALE:
                path.unlink()  # its writer was killed
    for _, size, path in sorted(files, reverse=True, key=lambda row: row[0]):
        left -= size
        if left < 0:
            with suppress(OSError):
                path.unlink()
