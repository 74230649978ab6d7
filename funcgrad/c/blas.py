"""The BLAS of NumPy, which objects in C are linked with: it is loaded already."""

import ctypes
import functools
from pathlib import Path

import numpy as np

_LETTERS = {"float": "s", "double": "d"}


@functools.lru_cache(1)
def openblas() -> Path | None:
    """The OpenBLAS that NumPy's wheel for Linux brings, None where there is another."""
    folder = Path(np.__file__).resolve().parent.with_name("numpy.libs")
    found = sorted(folder.glob("libscipy_openblas64_*.so"))
    try:
        known = len(found) == 1 and hasattr(ctypes.CDLL(str(found[0])), "scipy_cblas_sgemm64_")
    except OSError:
        known = False
    return found[0] if known else None


def linked(source: str) -> tuple[str, ...]:
    """What the compiler is told for a source with large products."""
    path = openblas() if "GEMM_" in source else None
    if path is None:
        return ()
    names = [f"-DGEMM_{kind}=scipy_cblas_{letter}gemm64_" for kind, letter in _LETTERS.items()]
    return (*names, "-DGEMM_INT=int64_t", str(path))
