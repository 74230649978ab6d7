"""Roots in an interval at whose ends a function has different signs."""

from collections.abc import Callable
from typing import Any

import numpy as np


def brent(
    f: Callable[[float], float],
    a: float,
    b: float,
    xtol: float = 4 * np.finfo(float).eps,
    rtol: float = 4 * np.finfo(float).eps,
    most: int = 100,
) -> float:
    """Root of a function of a scalar between ``a`` and ``b``, by Brent's method.

    Source: Brent 1973, "Algorithms for minimization without derivatives", chapter 4.
    """
    fa, fb = f(a), f(b)
    if fa == 0:
        return a
    if fb == 0:
        return b
    c, fc = a, fa
    gap = before = b - a
    for _ in range(most):
        if (fb > 0) == (fc > 0):
            c, fc = a, fa
            gap = before = b - a
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        tol = (xtol + rtol * abs(b)) / 2
        middle = (c - b) / 2
        if fb == 0 or abs(middle) <= tol:
            return b
        if abs(before) > tol and abs(fa) > abs(fb):
            p, q = _interpolated(a, b, c, fa, fb, fc)
            if 2 * p < min(3 * middle * q - abs(tol * q), abs(before * q)):
                before, gap = gap, p / q
            else:
                gap = before = middle
        else:
            gap = before = middle
        a, fa = b, fb
        b += gap if abs(gap) > tol else np.copysign(tol, middle)
        fb = f(b)
    return b


def _interpolated(
    a: float, b: float, c: float, fa: float, fb: float, fc: float
) -> tuple[float, Any]:
    """The step p / q by the secant, or by inverse quadratic interpolation; p >= 0."""
    s = fb / fa
    if a == c:
        p, q = (c - b) * s, 1 - s
    else:
        q, r = fa / fc, fb / fc
        p = s * ((c - b) * q * (q - r) - (b - a) * (r - 1))
        q = (q - 1) * (r - 1) * (s - 1)
    return (p, -q) if p > 0 else (-p, q)
