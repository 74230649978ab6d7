"""Atomic replacement: a file takes the place of another only when it is complete.

It is written under a temporary name in the same folder, ``.model.npz.<host>.<pid>.<random>.tmp``,
and renamed. The writer holds a lock on it, which the system releases when the writer ends. So the
next writer in the folder can tell an abandoned file from one that is being written. A process id
could not: it may be reused, or belong to another machine.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STALE = 3600  # seconds without a write after which a file without a visible lock is abandoned
_OURS = re.compile(r"\..*\.(?P<host>[\w-]*)\.\d+\.[0-9a-f]{12}\.tmp", re.DOTALL)
_OLDER = re.compile(r"\.(step_\d+\..*|.*\.(safetensors|npz)\.[a-z0-9_]{8})\.tmp", re.DOTALL)
_ACL = "system.posix_acl_access"
_NAME_BYTES = 255  # the longest file name


@contextmanager
def replacing(path: Any, before: Callable[[], None] = lambda: None) -> Iterator[BinaryIO]:
    """Yield a file for writing, which replaces another one on success.

    It takes over mode, access list, owner and group. Abandoned temporary files in the folder are
    deleted first.

    Args:
        path: the file; of a symbolic link the target is replaced.
        before: called when the new file is synced to disk, just before it is renamed.

    Raises:
        OSError: if the file cannot be written, or is write-protected.
    """
    target = Path(os.fsdecode(os.path.realpath(path)))
    status = _status_of(target)
    file, name = _temporary(target, 0o666 if status is None else 0o600)
    try:
        with file:
            _remove_left(target.parent, os.fstat(file.fileno()).st_mtime)
            yield file
            file.flush()
            os.fsync(file.fileno())
            status = _status_of(target) or status  # it may have changed meanwhile
            if status is not None:
                _take_over(status, target, file.fileno(), name)
            before()
            if os.name != "nt":  # renamed while the lock is held
                os.replace(name, target)
        if os.name == "nt":  # Windows does not rename an open file
            os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    _sync_directory(target.parent)


def is_protected(status: os.stat_result) -> bool:
    """Whether a file has no write permission at all, which protects it from root too."""
    return not status.st_mode & 0o222


def _status_of(path: Path) -> os.stat_result | None:
    """The status of the file to be replaced, None if it does not exist.

    Raises:
        OSError: if it is not a regular file, or not writable.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "save: not a regular file", os.fspath(path))
    effective = os.access in os.supports_effective_ids
    if is_protected(status) or not os.access(path, os.W_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, "save: the file is write-protected", os.fspath(path))
    return status


# the temporary file


def _temporary(target: Path, mode: int) -> tuple[BinaryIO, Path]:
    """A new, locked file in the folder of another, and its name."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        name = target.with_name(_temporary_name(target.name))
        try:
            file = os.fdopen(os.open(name, flags, mode), "wb")
        except FileExistsError:
            continue
        except OSError as error:  # the folder is missing or read-only
            error.filename = os.fspath(target)
            raise
        # another process may have deleted it before it was locked
        if _lock(file.fileno()) is not False and _is_at(file.fileno(), name):
            return file, name
        file.close()


def _temporary_name(name: str) -> str:
    end = f".{_host()}.{os.getpid()}.{os.urandom(6).hex()}.tmp"
    start = os.fsencode(name)[: _NAME_BYTES - 1 - len(end)]
    return f".{start.decode('utf-8', 'ignore')}{end}"


def _host() -> str:
    """The name of this machine, because locks may not be visible from another."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return re.sub(r"[^\w-]", "_", name, flags=re.ASCII)[:40]


def _lock(handle: int) -> bool | None:
    """Lock a file: True, False if another holds the lock, None if locks are not supported.

    The lock belongs to the open file, and not to the process as with ``lockf``, so it also
    separates threads.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks
        return None
    return True


def _is_at(handle: int, path: Path | str) -> bool:
    """Whether a path still refers to an open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _remove_left(folder: Path, now: float) -> None:
    """Delete abandoned temporary files; ``now`` is the time of the file system."""
    try:
        names = os.listdir(folder)
    except PermissionError:  # the folder is writable but not listable
        return
    for name in names:
        ours, older = _OURS.fullmatch(name), _OLDER.fullmatch(name)
        if ours or older:
            local = ours is not None and ours["host"] == _host()
            with suppress(OSError):  # deleted by another process, or not ours to delete
                _remove_if_left(os.path.join(folder, name), local, now)


def _remove_if_left(path: str, local: bool, now: float) -> None:
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    try:
        status = os.fstat(handle)
        locked = _lock(handle)
        stale = now - status.st_mtime > STALE
        left = locked is not False and (stale or (local and locked is True))
        if left and stat.S_ISREG(status.st_mode) and os.name != "nt":
            os.unlink(path)  # while it is locked, so that a writer that has just created it notices
    finally:
        os.close(handle)
    if left and os.name == "nt":
        os.unlink(path)


# metadata of the replaced file


def _take_over(status: os.stat_result, target: Path, handle: int, name: Path) -> None:
    """Copy owner, group, access list and mode to a file, without granting more access."""
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if not (_take_owner(status, handle) and _take_access_list(target, handle)):
        mode &= 0o707 | (mode & 0o007) << 3  # another group gets the access of others
    if hasattr(os, "fchmod"):
        os.fchmod(handle, mode)
    else:
        os.chmod(name, mode)


def _take_owner(status: os.stat_result, handle: int) -> bool:
    """Copy owner and group; return whether the group could be set."""
    own = os.fstat(handle)
    if (own.st_uid, own.st_gid) == (status.st_uid, status.st_gid) or not hasattr(os, "fchown"):
        return True
    for owner in (status.st_uid, -1):
        with suppress(OSError):
            os.fchown(handle, owner, status.st_gid)
            return True
    return False


def _take_access_list(target: Path, handle: int) -> bool:
    """Copy the access list; return whether it could be set or is not needed."""
    if not hasattr(os, "listxattr"):  # Linux only
        return True
    try:
        if _ACL in os.listxattr(target):
            os.setxattr(handle, _ACL, os.getxattr(target, _ACL))
        elif _ACL in os.listxattr(handle):  # the default of the folder
            os.removexattr(handle, _ACL)
    except OSError as error:
        return error.errno == errno.ENOTSUP
    return True


def _sync_directory(path: Path) -> None:
    """Sync a rename to disk, if folders can be synced."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows, or the folder is not readable
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)
