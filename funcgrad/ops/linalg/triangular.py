"""Triangular systems: by LAPACK where SciPy is installed, else by substitution in blocks."""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from .inverse import Solver
from .lapack import routine
from .matrices import lower as lower_part, upper as upper_part

BLOCK = 32  # rows of a block; the rest is matrix products
MANY = 16  # right-hand sides from which the inverse of a block takes less time than its solution
STACK = 4  # matrices for each of their rows, from which all are solved together row by row
TALL = 64  # rows from which LAPACK's trtrs makes up for the call


class SolveTriangular(Solver):
    """The solution of A X = B for triangular A; its diagonal counts as 1 if ``unit``."""

    def in_c(self, w: Any, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
        return w.solve_triangular(a, b, w.out.dtype, lower, unit)

    @override
    def run(self, a: Any, b: Any, *, lower: bool, unit: bool) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):  # LAPACK does not warn of inf and overflow
            if a.ndim > 2 and math.prod(a.shape[:-2]) >= STACK * a.shape[-1]:
                return (_by_rows(a, b, lower, unit),)
            found = _by_lapack(a, b, lower, unit)
            return (_substitute(a, b, lower, unit) if found is None else found,)

    @override
    def solve_transpose(self, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
        return self(a.mT, b, lower=not lower, unit=unit)

    @override
    def of_column(self, b: Any, *, lower: bool, unit: bool) -> Any:
        return b.accumulated(len(b.shape) - 2, reverse=not lower)

    @override
    def part(self, a: Any, *, lower: bool, unit: bool) -> Any:
        return lower_part(a, -int(unit)) if lower else upper_part(a, int(unit))


def _by_lapack(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    """The solution by trtrs; None without SciPy, for stacks, and for a singular matrix."""
    if a.ndim > 2 or b.ndim > 2 or len(a) < TALL or a.dtype != b.dtype:
        return None
    trtrs = routine("trtrs", a.dtype.char)
    if trtrs is None:
        return None
    x, info = trtrs(a.T, b, lower=not lower, trans=1, unitdiag=unit)  # a.T is in LAPACK's order
    return np.ascontiguousarray(x) if info == 0 else None


def _by_rows(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    """The solutions of a stack of systems, each row of all of them at once."""
    n, diagonal = a.shape[-1], np.diagonal(a, axis1=-2, axis2=-1)
    if not unit and not np.all(diagonal):
        raise np.linalg.LinAlgError("Singular matrix")
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    dtype = np.linalg.solve(np.ones((1, 1), a.dtype), np.ones((1, 1), b.dtype)).dtype
    x = np.empty((*stack, *b.shape[-2:]), dtype)
    for i in range(n) if lower else reversed(range(n)):
        known = slice(0, i) if lower else slice(i + 1, n)
        row = np.matmul(a[..., i : i + 1, known], x[..., known, :])[..., 0, :]
        np.subtract(b[..., i, :], row, out=x[..., i, :], casting="same_kind")
        if not unit:
            x[..., i, :] /= diagonal[..., i, None]
    return x


def _substitute(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    if lower:  # the same system with rows and columns reversed
        a, b = a[..., ::-1, ::-1], b[..., ::-1, :]
    a = np.triu(a, int(unit))
    if unit:
        a = a + np.eye(a.shape[-1], dtype=a.dtype)
    n = a.shape[-1]
    stop = n
    parts: list[Any] = []
    while stop > 0:
        start = max(stop - BLOCK, 0)
        right = b[..., start:stop, :]
        below = stop
        for x in parts:
            right = right - a[..., start:stop, below : below + x.shape[-2]] @ x
            below += x.shape[-2]
        block = a[..., start:stop, start:stop]
        if n > BLOCK and b.shape[-1] >= MANY:
            x = np.linalg.inv(block) @ right
        else:  # for an upper triangle np.linalg.solve only substitutes
            x = np.linalg.solve(block, right)
        parts.insert(0, x)
        stop = start
    y = np.concatenate(parts, axis=-2) if parts else np.linalg.solve(a, b)
    return y[..., ::-1, :].copy() if lower else y


solve_triangular_p = SolveTriangular("solve_triangular")
