"""The derivatives of sin(v)/v as functions of arrays."""

import functools
import math
from typing import Any

import numpy as np

from .kernels import masked_update


def sinc_of(x: Any) -> Any:
    """Return sin(v)/v for v = pi x, as numpy.sinc does."""
    v = math.pi * x
    v = np.where(v == 0, 1e-20, v)
    return np.sin(v) / v


def derivative_of_sinc(n: int, x: Any) -> Any:
    """Return the n-th derivative of sin(v)/v at v = pi x, times pi**n.

    From (v f)^(n) = v f^(n) + n f^(n-1) upwards; for small v that cancels, and the series does not.
    """
    v = math.pi * x
    with np.errstate(divide="ignore", invalid="ignore"):
        y = sinc_of(x)
        for k in range(1, n + 1):
            wave = (np.sin, np.cos)[k % 2](v) * (1, 1, -1, -1)[k % 4]
            y = (wave - k * y) / v
        y = masked_update(y, np.abs(v) < n + 1, functools.partial(_series, n), v)
    return math.pi**n * y


def _series(n: int, v: Any) -> Any:
    """Return the n-th derivative of the sum over k of (-v*v)**k / (2k + 1)!."""
    first = (n + 1) // 2
    term = (-1) ** first * v ** (n % 2) / ((n + 1) if n % 2 == 0 else (n + 2))
    total = term
    for k in range(first, first + n + 12):
        j = 2 * k - n  # the power of v
        term = term * (-v * v) * ((2 * k + 1) / ((2 * k + 3) * (j + 1) * (j + 2)))
        total = total + term
    return total
