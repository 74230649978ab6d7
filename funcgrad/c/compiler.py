"""The C compiler: how it is found and called, and the hash of what its result depends on."""

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE

from ..core.errors import FuncgradError, UnsupportedError
from . import blas

# no fused multiply-add, no reassociation: both would change results from machine to machine;
# without errno and traps sqrt is one instruction, and a select needs no branch; of vectors of 512
# bits, of which statements read a half, gcc 12 takes wrong elements
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


def _more() -> tuple[str, ...]:
    """The words of ``$CC`` after the program, such as gcc of "ccache gcc"."""
    given = os.environ.get("CC", "").split()
    return tuple(given[1:]) if given and shutil.which(given[0]) else ()


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
        first = next(iter(_version(path, *_more()).splitlines()), "of unknown version")
    except (OSError, FuncgradError) as err:
        first = f"which does not run: {err}"
    return [f"C compiler: {path}, {first}"]


@functools.lru_cache(16)
def _version(path: str, *more: str) -> str:
    return _run([[path, *more, "--version"]], 60)[0][1]


def _run(commands: Sequence[Sequence[str]], limit: float) -> list[tuple[int, str, str]]:
    """The codes, outputs and errors of commands that run at once.

    It raises if they take more seconds than the limit; an exception, as of Ctrl-C, ends them.
    """
    started: list[subprocess.Popen[str]] = []
    until = time.monotonic() + limit
    try:
        for command in commands:
            started.append(subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True))
        done = [run.communicate(timeout=max(until - time.monotonic(), 0.0)) for run in started]
    except subprocess.TimeoutExpired as err:
        raise FuncgradError(
            f"jit: the C compiler must end within {limit} s: got {' '.join(err.cmd[:9])}, still "
            f"running; use backend='numpy'"
        ) from None
    finally:
        for run in started:
            if run.poll() is None:
                run.kill()
                run.communicate()
    return [(run.returncode, *told) for run, told in zip(started, done, strict=True)]


@functools.lru_cache(1)
def _library() -> tuple[str, str]:
    """The C library and its version."""
    return platform.libc_ver()


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
    native = cpu() and platform.machine() == "x86_64"
    own = ["-march=native", "-mprefer-vector-width=256"] if native else []
    return (*_more(), *FLAGS, LEVEL, *own)


def key_of(source: str) -> str:
    """The hash of all that an object depends on."""
    path = compiler()
    told = (
        source,
        path,
        _version(path, *_more()),
        *flags(),
        *blas.linked(source),
        cpu(),
        platform.machine(),
        *_library(),
        sys.modules["funcgrad"].__version__,
    )
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:32]


def compiled(sources: Sequence[str], work: Path) -> list[Path]:
    """Compile sources in a directory, each by a process of its own.

    Raises:
        UnsupportedError: if there is no compiler.
        FuncgradError: if it refuses a source.
    """
    made, commands = [], []
    for k, source in enumerate(sources):
        text, path = work / f"program{k}.c", work / f"program{k}.so"
        text.write_text(source, encoding="ascii")
        made.append(path)
        commands.append(
            [compiler(), *flags(), "-o", str(path), str(text), *blas.linked(source), "-lm"]
        )
    for code, _, errors in _run(commands, _LONGEST):
        if code:
            first = next((x for x in errors.splitlines() if "error" in x), errors[:200])
            raise FuncgradError(f"jit: the C compiler {compiler()} refused a program: {first}")
    return made
