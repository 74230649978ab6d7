"""The normal distribution: its distribution function, its logarithm, and the inverse.

All use erfcx(x) = exp(x²) erfc(x), which does not overflow or underflow in the upper tail. Its
derivatives are repeated integrals: for e_n = ``erfcx_integral(n, x)``, e_0 = erfcx and
de_n/dx = -2 (n + 1) e_(n+1) (from DLMF 7.18.3 and 7.18.7). Nothing cancels, so the derivatives of
``log_ndtr`` are accurate in the far tail.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .compare import gt
from .elementwise import div, exp, mul, square, where
from .families import Elementwise, unblocked
from .gamma import gamma_positive, no_derivative_in
from .kernels import by_blocks, masked_update, polynomial
from .quadrature import NODES, WEIGHTS
from .special import (
    ERF_CORE_32,
    ERF_CORE_64,
    ERFC_TAIL_32,
    ERFC_TAIL_64,
    erfcinv_of,
    gaussian,
    scaled_tail,
)

ROOT_HALF, ROOT_TAU = math.sqrt(0.5), math.sqrt(2 * math.pi)


def _erfcx(x: Any, tail: Sequence[float]) -> Any:
    z = np.abs(x)
    y = scaled_tail(z, tail)
    below = lambda z, y: 2 * gaussian(np.minimum(z, 30), -1) - y
    y = masked_update(y, x < 0, below, z, y)
    return masked_update(y, x == 0, lambda: 1)  # exactly


def ndtr_of(x: Any, core: Sequence[float], tail: Sequence[float]) -> Any:
    z = np.abs(x)
    y = 0.5 * gaussian(np.minimum(z, 40), 0.5) * scaled_tail(z * ROOT_HALF, tail)
    y = np.where(x > 0, 1 - y, y)
    near = lambda v: 0.5 + (0.5 * ROOT_HALF) * v * polynomial(core, 0.5 * v * v)
    return masked_update(y, z < 0.5, near, x)


def _log_ndtr(x: Any, tail: Sequence[float]) -> Any:
    z = np.abs(x)
    half = 0.5 * scaled_tail(z * ROOT_HALF, tail)
    y = np.log(half) - 0.5 * x * x
    above = lambda half, z: np.log1p(-half * gaussian(np.minimum(z, 40), 0.5))
    return masked_update(y, x > 0, above, half, z)


def _ndtri(p: Any) -> Any:
    return -math.sqrt(2) * erfcinv_of(2 * p)


def _erfcx_integral(n: Any, x: Any) -> Any:
    """exp(x²) times the n-fold integral of erfc from x to infinity (DLMF 7.18.2)."""
    z = np.maximum(x, 0)
    end = 50 / (z + np.sqrt(z * z + 50))
    y = np.zeros_like(z)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        t = node * end
        y = y + weight * np.power(t, n) * np.exp(-t * (t + 2 * z))
    y = y * (end * (2 / math.sqrt(math.pi)) / gamma_positive(n + 1))
    return masked_update(y, x < 0, _integral_below, n, x)


def _integral_below(order: Any, v: Any) -> Any:
    before, now = np.full_like(v, 2 / math.sqrt(math.pi)), _erfcx(v, ERFC_TAIL_64)
    for k in range(1, int(order.max(initial=0)) + 1):  # 2k e_k = e_(k-2) - 2x e_(k-1)
        before, now = now, np.where(k <= order, (before - 2 * v * now) / (2 * k), now)
    return now


def _hazard(x: Any) -> Any:
    """The derivative of ``log_ndtr``, density / probability; about -x in the tail."""
    upper, lower = where(gt(x, 0), x, 0), where(gt(x, 0), 0, x)
    left = div(2 / ROOT_TAU, erfcx(mul(lower, -ROOT_HALF)))
    left = where(gt(x, TAIL), left, hazard_in_tail(0, where(gt(x, TAIL), TAIL, x)))
    return where(gt(x, 0), div(_density(upper), ndtr(upper)), left)


def _logarithms(count: int) -> list[float]:
    """The coefficients of log(1 - u + 3 u**2 - 15 u**3 + ...), from that of u on."""
    a = [(-1) ** k * math.prod(range(1, 2 * k, 2)) for k in range(count + 1)]
    c = [0]  # the coefficients of u times its derivative: integers
    for k in range(1, count + 1):
        c.append(k * a[k] - sum(c[i] * a[k - i] for i in range(1, k)))
    return [c[k] / k for k in range(1, count + 1)]


def _hazard_in_tail(n: Any, x: Any) -> Any:
    """The n-th derivative of the hazard for x below -20, by its asymptotic series.

    log_ndtr is -x**2/2 - log(-x sqrt(2 pi)) + log(1 - u + 3 u**2 - ...) with u = 1 / x**2 (DLMF
    7.12.1). From the second derivative of the hazard on, other forms cancel completely.
    """
    n, r = int(n), 1 / x
    u, series = r * r, 0.0
    for k in range(len(SERIES), 0, -1):
        series = (series + SERIES[k - 1] * math.prod(range(2 * k, 2 * k + n + 1))) * u
    y = (-r) ** (n + 1) * (series + math.factorial(n))  # with n!, the derivative of -1/x
    return y - x if n == 0 else y - 1 if n == 1 else y


def _density(x: Any) -> Any:
    return mul(exp(mul(-0.5, square(x))), 1 / ROOT_TAU)


TAIL = -20.0
SERIES = _logarithms(14)

# the rules above use these names
hazard_in_tail: Elementwise
erfcx_integral: Elementwise

# fmt: off
erfcx    = Elementwise("erfcx",
    by_blocks(lambda x: _erfcx(x, ERFC_TAIL_64), lambda x: _erfcx(x, ERFC_TAIL_32)),
    lambda t, y, x: mul(t, mul(-2, erfcx_integral(1, x))))
erfcx_integral = Elementwise("erfcx_integral",
    by_blocks(_erfcx_integral), no_derivative_in("erfcx_integral", "n"),
    lambda t, y, n, x: mul(t, mul(-2 * (n + 1), erfcx_integral(n + 1, x))))
ndtr     = Elementwise("ndtr",
    by_blocks(lambda x: ndtr_of(x, ERF_CORE_64, ERFC_TAIL_64),
              lambda x: ndtr_of(x, ERF_CORE_32, ERFC_TAIL_32)),
    lambda t, y, x: mul(t, _density(x)))
log_ndtr = Elementwise("log_ndtr",
    by_blocks(lambda x: _log_ndtr(x, ERFC_TAIL_64), lambda x: _log_ndtr(x, ERFC_TAIL_32)),
    lambda t, y, x: mul(t, _hazard(x)))
hazard_in_tail = Elementwise("hazard_in_tail",
    lambda n, x: by_blocks(functools.partial(_hazard_in_tail, n))(x),
    None, lambda t, y, n, x: mul(t, hazard_in_tail(n + 1, x)),
    decompose=lambda n, x: unblocked(by_blocks(functools.partial(_hazard_in_tail, n)), x))
ndtri    = Elementwise("ndtri", by_blocks(_ndtri),
    lambda t, y, p: mul(t, mul(ROOT_TAU, exp(mul(0.5, square(y))))))
# fmt: on
