"""1/x, and the derivatives of x**n and of sin(v)/v, as functions of arrays and tracers."""

import functools
import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from .families import masked_update
from .paths import may_hold


def reciprocal_of(x: Any) -> Any:
    """1/x; of an unsigned 0 it is 0, as NumPy's."""
    return x == 1 if dtype_of(x).kind == "u" else 1 / x


def sinc_of(x: Any) -> Any:
    """sin(v)/v for v = pi x, as numpy.sinc does."""
    v = math.pi * x
    v = np.where(v == 0, 1e-20, v)
    return np.sin(v) / v


def derivative_of_sinc(n: int, x: Any) -> Any:
    """The n-th derivative of sin(v)/v at v = pi x, times pi**n.

    By the recurrence (v f)^(n) = v f^(n) + n f^(n-1), which cancels for small v: there by the
    series.
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
    """The n-th derivative of the sum over k of (-v*v)**k / (2k + 1)!."""
    first = (n + 1) // 2
    term = (-1) ** first * v ** (n % 2) / ((n + 1) if n % 2 == 0 else (n + 2))
    total = term
    for k in range(first, first + n + 12):
        j = 2 * k - n  # the power of v
        term = term * (-v * v) * ((2 * k + 1) / ((2 * k + 3) * (j + 1) * (j + 2)))
        total = total + term
    return total


def power_log_of(y: Any, x: Any, n: Any) -> Any:
    return y * np.log(np.where(np.equal(x, 0), 1, x))


def power_slope_of(j: int, k: int, x: Any, n: Any) -> Any:
    y = np.asarray(slope_of_power(j, k, x, n))
    return y.astype(np.result_type(x, n, 0.0), copy=False)[()]  # for orders of any dtype


def slope_of_power(j: int, k: int, x: Any, n: Any) -> Any:
    """The derivative of x**n, j-th in x and k-th in n; at x = 0 its limit from above.

    It is x**(n-j) times the sum over i of C(k, i) p^(i)(n) log(x)**(k-i), where p(n) is
    n (n-1) ... (n-j+1).
    """
    if (j, k) == (1, 0):  # the fast path of every gradient
        edge = np.equal(x, 0) & np.equal(n, 0)
        return n * np.power(x, np.subtract(np.where(edge, 1, n) if may_hold(edge) else n, 1))
    p = np.poly1d(np.poly(range(j)))
    terms = [math.comb(k, i) * np.polyval(p.deriv(i).coeffs, n) for i in range(k + 1)]
    zero = np.equal(x, 0)
    x = x + 0j if np.iscomplexobj(n) else x  # log of negative numbers
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log = np.log(np.where(zero, 1, x)) if k else 1
        total = sum(term * log ** (k - i) for i, term in enumerate(terms))
        y = total * np.power(x, np.where(zero & np.equal(total, 0), j, n) - j)
        if not k or not may_hold(zero):
            return y
        end = np.where(np.real(n) == j, terms[k], 0)
        for i in range(k, -1, -1):  # the highest power of the logarithm last
            large = np.real(n) < j if i == k else np.real(n) <= j
            end = np.where(
                large & np.not_equal(terms[i], 0), terms[i] * (-1.0) ** (k - i) * np.inf, end
            )
        return np.where(zero, end, y)
