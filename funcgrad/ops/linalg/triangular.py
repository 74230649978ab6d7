"""Triangular systems, by substitution in blocks."""

from typing import Any

import numpy as np
from typing_extensions import override

from .inverse import Solver
from .matrices import lower as lower_part, upper as upper_part

BLOCK = 64  # rows of a block; the rest is matrix products


class SolveTriangular(Solver):
    """The solution of A X = B for triangular A; its diagonal counts as 1 if ``unit``."""

    @override
    def run(self, a: Any, b: Any, *, lower: bool, unit: bool) -> tuple[Any, ...]:
        return (_substitute(a, b, lower, unit),)

    @override
    def solve_transpose(self, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
        return self(a.mT, b, lower=not lower, unit=unit)

    @override
    def part(self, a: Any, *, lower: bool, unit: bool) -> Any:
        return lower_part(a, -int(unit)) if lower else upper_part(a, int(unit))


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
        # for an upper triangle np.linalg.solve only substitutes
        x = np.linalg.solve(a[..., start:stop, start:stop], right)
        parts.insert(0, x)
        stop = start
    y = np.concatenate(parts, axis=-2) if parts else np.linalg.solve(a, b)
    return y[..., ::-1, :].copy() if lower else y


solve_triangular_p = SolveTriangular("solve_triangular")
