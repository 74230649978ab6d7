"""LAPACK through SciPy, where it is installed: for small matrices in a fifth of NumPy's time.

Compiled loops alone use it, because SciPy takes 0.1 s to import.
"""

import functools
from typing import Any

import numpy as np

LARGEST = 128  # rows from which NumPy takes as long
TURNS = 64  # of a loop, from which the import pays
_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}


@functools.lru_cache(32)
def routine(name: str, char: str) -> Any:
    """A routine for a dtype; None without SciPy."""
    try:
        from scipy.linalg import lapack
    except ImportError:
        return None
    return getattr(lapack, _PREFIX[char] + name) if char in _PREFIX else None


def _of(name: str, *xs: Any) -> Any:
    """A routine for these matrices; None for stacks, mixed dtypes and large ones."""
    dtype = xs[0].dtype
    fits = all(x.ndim == 2 and x.size > 0 and len(x) <= LARGEST and x.dtype == dtype for x in xs)
    return routine(name, dtype.char) if fits and dtype.isnative else None


def solution(a: Any, b: Any) -> Any:
    """numpy.linalg.solve."""
    gesv = _of("gesv", a, b)
    if gesv is None:
        return np.linalg.solve(a, b)
    *_, x, info = gesv(a, b)
    if info:
        raise np.linalg.LinAlgError("Singular matrix")
    return x


def cholesky_factor(a: Any, upper: bool) -> Any:
    """numpy.linalg.cholesky."""
    potrf = _of("potrf", a)
    if potrf is None:
        return np.linalg.cholesky(a, upper=upper)
    factor, info = potrf(a, lower=not upper, clean=1)
    if info:
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    return factor
