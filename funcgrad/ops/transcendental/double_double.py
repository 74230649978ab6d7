"""Sums of hypergeometric series in double-double arithmetic, for terms that cancel.

Source: Dekker 1971, "A floating-point technique for extending the available precision" (Numer.
Math. 18); a number is an unevaluated sum of two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import repeated

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
    zero, one = np.zeros_like(x), np.ones_like(x)

    def step(k: Any, *state: Any) -> Any:
        total, term, factor = state[:2], state[2:], (x, zero)
        for a in above:
            factor = _product(factor, _two_sum(a, k))
        for b in below:
            factor = _quotient(factor, _two_sum(b, k))
        term = _quotient(_product(term, factor), (k + one, zero))
        return *_sum(total, term), *term

    going = lambda total, low, term, rest: np.abs(term) > 1e-18 * np.abs(total)
    total, low, *_ = repeated(step, (one, zero, one, zero), 0, most, going=going)
    return total + low
