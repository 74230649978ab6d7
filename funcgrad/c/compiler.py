"""The C compiler, and the shared objects that it made, which are kept on disk.

An object is found by the hash of all that it depends on: the source, the compiler and its version,
the flags, the CPU, and the version of this library. The directory is private (mode 0700, owned by
the user), and the name of a file holds the hash of its content, so that nothing else is loaded.
"""

import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core.config import current
from ..core.errors import FuncgradError, UnsupportedError
from . import blas

# no fused multiply-add, no reassociation: both would change results from machine to machine;
# without errno and traps sqrt is one instruction, and a select needs no branch
LEVEL = "-O2"
FLAGS = (
    "-std=c99", "-fpeel-loops", "-ftree-vectorize", "-fPIC", "-shared", "-fvisibility=hidden",
    "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fwrapv", "-fno-strict-aliasing",
)  # fmt: skip
_NAMES = ("cc", "gcc", "clang")
MISSING = "$CC, cc, gcc and clang are not found"
_LONGEST = 600  # seconds that a compilation may take


def compiler() -> str:
    """The path of the C compiler: of ``$CC``, else cc, gcc or clang.

    Raises:
        UnsupportedError: if there is none.
    """
    given = os.environ.get("CC", "").split()
    found = [shutil.which(name) for name in (*given[:1], *_NAMES)]
    path = next((p for p in found if p), None)
    if path is None:
        raise UnsupportedError(f"jit: backend='c' needs a C compiler: {MISSING}; {_cure()}")
    return path


def _cure() -> str:
    """How to install a compiler on this system."""
    if sys.platform == "win32":
        return "install gcc (MinGW-w64) or clang; cl does not take their flags"
    tool = "xcode-select --install" if sys.platform == "darwin" else "apt-get install gcc"
    return f"install one, for example by {tool}"


def is_found() -> bool:
    """Whether there is a C compiler."""
    try:
        return bool(compiler())
    except UnsupportedError:
        return False


def told() -> list[str]:
    """The compiler with its version; if there is none, how to install one."""
    try:
        path = compiler()
    except UnsupportedError:
        return [f"C compiler: none: {MISSING}", f"-> for jit(backend='c'), {_cure()}"]
    try:
        first = next(iter(_version(path).splitlines()), "of unknown version")
    except (OSError, subprocess.TimeoutExpired) as err:
        first = f"which does not run: {err}"
    return [f"C compiler: {path}, {first}"]


@functools.lru_cache(16)
def _version(path: str) -> str:
    return subprocess.run(
        [path, "--version"], capture_output=True, text=True, check=False, timeout=60
    ).stdout


@functools.lru_cache(1)
def cpu() -> str:
    """What the instructions of ``-march=native`` depend on; "" where it is not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    told = [x for x in lines if x.startswith(("model name", "cpu family", "model\t", "flags"))]
    return "\n".join(dict.fromkeys(told))


def flags() -> tuple[str, ...]:
    """The flags of the compiler; those of this CPU only where it can be told from others."""
    own = ["-march=native"] if cpu() and platform.machine() == "x86_64" else []
    return (*FLAGS, LEVEL, *own)


def key_of(source: str) -> str:
    """The hash of all that an object depends on."""
    path = compiler()
    told = (
        source,
        path,
        _version(path),
        *flags(),
        *blas.linked(source),
        cpu(),
        platform.machine(),
        sys.modules["funcgrad"].__version__,
    )
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:32]


# the directory


def directory() -> Path | None:
    """The private directory of the objects, made if needed; None where it is switched off.

    It is not used where another user owns it, or may write to it.
    """
    if not current.get().c_cache_bytes:
        return None
    given = os.environ.get("FUNCGRAD_C_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(given or os.path.join(base, "funcgrad", "c")).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
    except OSError:
        return None
    own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return path if own and private else None


def _kept(folder: Path, key: str) -> Path | None:
    """The object of a key, if its content has the hash in its name."""
    for path in sorted(folder.glob(f"{key}-*.so")):
        with suppress(OSError):
            if not stat.S_ISREG(path.lstat().st_mode):
                continue
            if path.stem.partition("-")[2] == _digest(path):
                os.utime(path)
                return path
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def _bounded(folder: Path) -> None:
    """Delete the objects that were used least recently, beyond ``config.c_cache_bytes``."""
    left = current.get().c_cache_bytes
    files = []
    for path in folder.glob("*.so"):
        with suppress(OSError):
            found = path.lstat()
            files.append((found.st_mtime, found.st_size, path))
    for _, size, path in sorted(files, reverse=True, key=lambda row: row[0]):
        left -= size
        if left < 0:
            with suppress(OSError):
                path.unlink()


@contextmanager
def built(source: str) -> Iterator[Path]:
    """The path of the shared object of a source, for as long as the block runs.

    Raises:
        UnsupportedError: if there is no compiler.
        FuncgradError: if it refuses the source.
    """
    folder = directory()
    key = key_of(source)
    found = _kept(folder, key) if folder else None
    if found is not None:
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="funcgrad", dir=folder) as work:
        made = _compiled(source, Path(work))
        if folder is not None:
            kept = folder / f"{key}-{_digest(made)}.so"
            os.replace(made, kept)
            _bounded(folder)
            made = kept
        yield made


def _compiled(source: str, work: Path) -> Path:
    """Compile a source in a directory."""
    text, made = work / "program.c", work / "program.so"
    text.write_text(source, encoding="ascii")
    command = [compiler(), *flags(), "-o", str(made), str(text), *blas.linked(source), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST)
    if done.returncode:
        first = next((x for x in done.stderr.splitlines() if "error" in x), done.stderr[:200])
        raise FuncgradError(f"jit: the C compiler {command[0]} refused a program: {first}")
    return made
