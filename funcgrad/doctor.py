"""A report of NumPy, BLAS and threads on this machine, with advice."""

import ctypes
import importlib.util
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

OPTIONAL = ("scipy", "jax", "torch", "autograd", "optax", "pytest")  # found, not imported
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def report() -> str:
    """The report, one fact per line, with advice after arrows.

    >>> report().splitlines()[0].startswith("Python")
    True
    """
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield f"Python {platform.python_version()} on {platform.machine()}, {_processors()} processors"
    yield f"NumPy {np.__version__}"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield f"BLAS {blas['name']} {blas['version']}"
    library = _openblas()
    core = _call(library, "get_corename", ctypes.c_char_p)
    if core is not None:
        yield f"OpenBLAS runs its kernels for {core.decode()}"
        yield from core_advice(core.decode(), _cpu(), os.environ.get("OPENBLAS_CORETYPE"))
    threads = _call(library, "get_num_threads", ctypes.c_int)
    given = [f"{name}={os.environ[name]}" for name in THREADS if name in os.environ]
    yield f"BLAS threads: {threads or 'unknown'}; set: {', '.join(given) or 'nothing'}"
    if threads is not None and threads > 1:
        yield (
            "-> on a busy machine more than one BLAS thread can be much slower than one: "
            "set OPENBLAS_NUM_THREADS=1 before NumPy is imported, and measure"
        )
    found = [name for name in OPTIONAL if importlib.util.find_spec(name) is not None]
    yield f"optional packages found: {', '.join(found) or 'none'}"


def core_advice(core: str, cpu: str, given: str | None = None) -> Iterator[str]:
    """Yield advice if OpenBLAS runs kernels that do not use AVX-512.

    Args:
        core: str, the kernels that OpenBLAS has selected.
        cpu: str, the vendor and flags of the processor.
        given: str, the value of OPENBLAS_CORETYPE, None if it is not set.

    >>> [line[:36] for line in core_advice("Haswell", "AuthenticAMD avx2 avx512f")]
    ['-> this processor has AVX-512, which']
    """
    if given is not None:
        yield (
            f"-> OPENBLAS_CORETYPE={given} is set, so OpenBLAS did not select its kernels: "
            f"unset it, and OPENBLAS_L2_SIZE, before NumPy is imported, and measure"
        )
    elif core in ("Haswell", "Zen") and "AuthenticAMD" in cpu and "avx512f" in cpu:
        yield (
            f"-> this processor has AVX-512, which the kernels for {core} do not use: set "
            f"OPENBLAS_CORETYPE=SkylakeX before NumPy is imported, and measure (matrix products "
            f"were up to 1.8 times as fast)"
        )


def _processors() -> int:
    counted = getattr(os, "sched_getaffinity", None)
    return len(counted(0)) if counted else os.cpu_count() or 1


def _cpu() -> str:
    """The processor information of Linux, empty elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _openblas() -> Any:
    """The OpenBLAS library of NumPy, None if there is none."""
    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            try:
                return ctypes.CDLL(str(path))  # loaded already, since NumPy is
            except OSError:
                continue
    return None


def _call(library: Any, name: str, kind: Any) -> Any:
    """Call a function without arguments, by the name that it has in this build."""
    for prefix in ("scipy_openblas_", "openblas_"):
        for suffix in ("64_", ""):
            function = getattr(library, f"{prefix}{name}{suffix}", None)
            if function is not None:
                function.restype = kind
                return function()
    return None
