"""The beta function and its logarithm.

If an argument is at least 8, ``betaln`` uses the difference of Stirling's formulas in closed form,
without cancellation (Didonato & Morris 1992, "Algorithm 708", section 4).
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.registry import primitives
from .elementwise import exp, mul, neg
from .families import Elementwise, unblocked
from .gamma import (
    HALF_LOG_TAU,
    gamma_of,
    gammaln_of,
    gammaln_positive,
    gammasgn_of,
    no_derivative_in,
    polygamma,
    polygamma_of,
    stirling,
)
from .kernels import by_blocks, masked_update


def betaln_of(a: Any, b: Any) -> Any:
    a, b = np.minimum(a, b), np.maximum(a, b)
    y = gammaln_of(a) + gammaln_of(b) - gammaln_of(a + b)
    return masked_update(y, (a > 0) & (b >= 8), _betaln_large, a, b)


def _betaln_large(a: Any, b: Any) -> Any:
    """betaln for 0 < a <= b, 8 <= b."""
    rest = (b - 0.5) * np.log1p(a / b) + stirling(a + b) - stirling(b)
    y = gammaln_positive(a) - a * (np.log(a + b) - 1) - rest

    def both(a: Any, b: Any, rest: Any) -> Any:
        start = HALF_LOG_TAU - 0.5 * np.log(a + b) - (a - 0.5) * np.log1p(b / a)
        return start - rest + stirling(a)

    return masked_update(y, a >= 8, both, a, b, rest)


def beta_of(a: Any, b: Any) -> Any:
    low, high = np.minimum(a, b), np.maximum(a, b)
    y = gamma_of(low) / gamma_of(a + b) * gamma_of(high)
    large = lambda low, high: np.exp(_betaln_large(low, high))
    y = masked_update(y, (low > 0) & (high >= 8), large, low, high)

    def far(a: Any, b: Any) -> Any:
        return gammasgn_of(a) * gammasgn_of(b) * gammasgn_of(a + b) * np.exp(betaln_of(a, b))

    below = (low < 0) & (np.maximum(np.abs(low), np.abs(high)) > 80)
    return masked_update(y, below, far, a, b)


def _polygamma_difference(n: Any, a: Any, b: Any) -> Any:
    """polygamma(n, a) - polygamma(n, a + b); for small b by Taylor series."""
    y = polygamma_of(n, a) - polygamma_of(n, a + b)

    def near(n: Any, a: Any, b: Any) -> Any:
        step, total = np.ones_like(b), np.zeros_like(b)
        for k in range(1, 14):
            step = step * b / k
            total = total - step * polygamma_of(n + k, a)
        return total

    return masked_update(y, (a > 0) & (np.abs(b) < 0.05 * a), near, n, a, b)


def _beta_slope(j: Any, k: Any, y: Any, a: Any, b: Any) -> Any:
    """The derivative of y = beta(a, b), j-th in a and k-th in b."""
    return _slope_of_orders(j, k)(y, a, b)


def _slope_of_orders(j: Any, k: Any) -> Any:
    return by_blocks(functools.partial(_beta_derivative, int(j), int(k)))


def _beta_derivative(j: int, k: int, y: Any, a: Any, b: Any) -> Any:
    if j + k == 1:  # the fast path of every gradient
        zero = np.zeros_like(a)
        return y * (_polygamma_difference(zero, a, b) if j else _polygamma_difference(zero, b, a))
    out = np.full_like(y, np.nan)
    first = (a > 0) & (a <= b)  # the smaller operand, whose poles cancel, comes first
    second = (b > 0) & (b < a)
    for rows, (m, n), (p, q), rule in (
        (first, (j, k), (a, b), _mixed if k else _by_logarithm),
        (second, (k, j), (b, a), _mixed if j else _by_logarithm),
        (~(first | second), (j, k), (a, b), _by_logarithm),
    ):
        out = masked_update(out, rows, functools.partial(rule, m, n), y, p, q)
    return out


def _by_logarithm(j: int, k: int, y: Any, a: Any, b: Any) -> Any:
    """``_beta_derivative`` by the derivatives of the logarithm."""
    return _of_exponential(j, k, y, functools.partial(_derivative_of_betaln, a, b))


def _derivative_of_betaln(a: Any, b: Any, j: int, k: int) -> Any:
    order = np.full_like(a, j + k - 1)
    if j and k:
        return -polygamma_of(order, a + b)
    return _polygamma_difference(order, *((a, b) if j else (b, a)))


def _mixed(j: int, k: int, y: Any, a: Any, b: Any) -> Any:
    """``_beta_derivative`` for k > 0 and 0 < a <= b, where poles at a = 0 cancel.

    The derivative in b is P E with P = a beta(a, b) and E = (digamma(b) - digamma(a + b)) / a,
    which both are smooth at a = 0.
    """

    def logarithm(m: int, n: int) -> Any:  # of P: that of beta(a, b), with a + 1 for one a
        if n:
            return _derivative_of_betaln(a, b, m, n)
        order = np.full_like(a, m - 1)
        return polygamma_of(order, a + 1) - polygamma_of(order, a + b)

    quotients = {n: _quotients(j, n, a, b) for n in range(k)}
    return sum(
        math.comb(j, m) * math.comb(k - 1, n)
        * _of_exponential(m, n, a * y, logarithm) * quotients[k - 1 - n][j - m]
        for m in range(j + 1) for n in range(k)
    )  # fmt: skip


def _of_exponential(j: int, k: int, y: Any, logarithm: Callable[[int, int], Any]) -> Any:
    """The derivative of y, given those of its logarithm."""
    if not j + k:
        return y
    i, r = (j - 1, k) if j else (0, k - 1)  # of y' = y (log y)'
    return sum(
        math.comb(i, m) * math.comb(r, n)
        * _of_exponential(m, n, y, logarithm) * logarithm(j - m, k - n)
        for m in range(i + 1) for n in range(r + 1)
    )  # fmt: skip


def _quotients(count: int, n: int, a: Any, b: Any) -> list[Any]:
    """(polygamma(n, b) - polygamma(n, a + b)) / a, and its derivatives in a up to count."""
    order = np.full_like(a, n)
    y = [_polygamma_difference(order, b, a) / a]
    for k in range(1, count + 1):
        y.append((-polygamma_of(order + k, a + b) - k * y[-1]) / a)
    near = a < 0.3 * b  # by Taylor series: the quotients cancel
    return [
        masked_update(values, near, functools.partial(_quotient_near, k, count), order, a, b)
        for k, values in enumerate(y)
    ]


def _quotient_near(k: int, count: int, order: Any, a: Any, b: Any) -> Any:
    total = np.zeros_like(a)
    for m in range(k + 1, 32 + count):
        term = polygamma_of(order + m, b) / math.factorial(m)
        total = total - term * (math.perm(m - 1, k) * np.power(a, m - 1 - k))
    return total


def _exponential(a: Any, b: Any) -> Any:
    sign = primitives["gammasgn"]
    return mul(sign(a) * sign(b) * sign(a + b), exp(betaln(a, b)))


# the rules above use these names
betaln: Elementwise
beta_slope: Elementwise
polygamma_difference: Elementwise

# fmt: off
beta   = Elementwise("beta", by_blocks(beta_of),
                     lambda t, y, a, b: mul(t, beta_slope(1, 0, y, a, b)),
                     lambda t, y, a, b: mul(t, beta_slope(0, 1, y, a, b)),
                     simpler=_exponential)
beta_slope = Elementwise("beta_slope", _beta_slope, None, None, None,
                         lambda t, z, j, k, y, a, b: mul(t, beta_slope(j + 1, k, y, a, b)),
                         lambda t, z, j, k, y, a, b: mul(t, beta_slope(j, k + 1, y, a, b)),
                         decompose=lambda j, k, *xs: unblocked(_slope_of_orders(j, k), *xs))
betaln = Elementwise("betaln", by_blocks(betaln_of),
                     lambda t, y, a, b: mul(t, polygamma_difference(0, a, b)),
                     lambda t, y, a, b: mul(t, polygamma_difference(0, b, a)))
polygamma_difference = Elementwise("polygamma_difference", by_blocks(_polygamma_difference),
    no_derivative_in("polygamma_difference", "n"),
    lambda t, y, n, a, b: mul(t, polygamma_difference(n + 1, a, b)),
    lambda t, y, n, a, b: neg(mul(t, polygamma(n + 1, a + b))))
# fmt: on
