"""Sums of hypergeometric series in double-double arithmetic, for terms that cancel.

Source: Dekker 1971, "A floating-point technique for extending the available precision" (Numer.
Math. 18); a number is an unevaluated sum of two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Pair = tuple[Any, Any]


def _two_sum(a: Any, b: Any) -> Pair:
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def two_product(a: Any, b: Any) -> Pair:
    p = a * b
    u, v = a * (2.0**27 + 1), b * (2.0**27 + 1)
    a_high, b_high = u - (u - a), v - (v - b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _product(x: Pair, y: Pair) -> Pair:
    p, e = two_product(x[0], y[0])
    return _two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def _sum(x: Pair, y: Pair) -> Pair:
    s, e = _two_sum(x[0], y[0])
    return _two_sum(s, e + (x[1] + y[1]))


def _quotient(x: Pair, y: Pair) -> Pair:
    q = x[0] / y[0]
    p, e = two_product(q, y[0])
    rest = ((x[0] - p) - e + x[1] - q * y[1]) / y[0]
    return _two_sum(q, rest)


def series(above: Sequence[Any], below: Sequence[Any], x: Any, most: int) -> Any:
    """The sum of (a)_k ... / ((b)_k ... k!) x**k, for arrays a in ``above`` and b in ``below``."""
    zero = np.zeros_like(x)
    total = term = (np.ones_like(x), zero)
    for k in range(most):
        factor = (x, zero)
        for a in above:
            factor = _product(factor, _two_sum(a, float(k)))
        for b in below:
            factor = _quotient(factor, _two_sum(b, float(k)))
        term = _quotient(_product(term, factor), (np.full_like(x, k + 1.0), zero))
        total = _sum(total, term)
        if not np.any(np.abs(term[0]) > 1e-18 * np.abs(total[0])):
            break
    return total[0] + total[1]
