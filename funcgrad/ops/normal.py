"""The normal distribution: its probabilities, their logarithms, and the inverse.

All rest on exp(x²) erfc(x), which neither over- nor underflows in the upper tail. Its derivatives
are those of its repeated integrals: with ``erfcx_integral(n, x)`` written e_n, e_0 = erfcx and
de_n/dx = -2 (n + 1) e_(n+1) (from DLMF 7.18.3 and 7.18.7); no difference of large numbers
appears, so the derivatives of ``log_ndtr`` stay accurate in the far tail.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .compare import gt
from .elementwise import div, exp, mul, square, where
from .gamma import gamma_positive, no_order
from .kernels import by_blocks, polynomial
from .pointwise import Elementwise
from .quadrature import NODES, WEIGHTS
from .special import (
    ERF_CORE_32,
    ERF_CORE_64,
    ERFC_TAIL_32,
    ERFC_TAIL_64,
    bell,
    erfcinv,
    scaled_tail,
)

ROOT_HALF, ROOT_TAU = math.sqrt(0.5), math.sqrt(2 * math.pi)


def _erfcx(x: Any, tail: Sequence[float]) -> Any:
    z = np.abs(x)
    y = scaled_tail(z, tail)
    below = np.flatnonzero(x < 0)
    y[below] = 2 * bell(np.minimum(z[below], 30), -1) - y[below]
    y[x == 0] = 1  # where rounding shows
    return y


def _ndtr(x: Any, core: Sequence[float], tail: Sequence[float]) -> Any:
    z = np.abs(x)
    y = 0.5 * bell(np.minimum(z, 40), 0.5) * scaled_tail(z * ROOT_HALF, tail)
    y = np.where(x > 0, 1 - y, y)
    near = np.flatnonzero(z < 0.5)
    v = x[near]
    y[near] = 0.5 + (0.5 * ROOT_HALF) * v * polynomial(core, 0.5 * v * v)
    return y


def _log_ndtr(x: Any, tail: Sequence[float]) -> Any:
    z = np.abs(x)
    half = 0.5 * scaled_tail(z * ROOT_HALF, tail)
    y = np.log(half) - 0.5 * x * x
    above = np.flatnonzero(x > 0)
    y[above] = np.log1p(-half[above] * bell(np.minimum(z[above], 40), 0.5))
    return y


def _ndtri(p: Any) -> Any:
    return -math.sqrt(2) * erfcinv.function(2 * p)


def _erfcx_integral(n: Any, x: Any) -> Any:
    """Return exp(x²) times the n-fold integral of erfc from x to infinity (DLMF 7.18.2)."""
    z = np.maximum(x, 0)
    end = 50 / (z + np.sqrt(z * z + 50))
    y = np.zeros_like(z)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        t = node * end
        y += weight * np.power(t, n) * np.exp(-t * (t + 2 * z))
    y *= end * (2 / math.sqrt(math.pi)) / gamma_positive(n + 1)
    below = np.flatnonzero(x < 0)
    order, v = n[below], x[below]
    before, now = np.full_like(v, 2 / math.sqrt(math.pi)), _erfcx(v, ERFC_TAIL_64)
    for k in range(1, int(order.max(initial=0)) + 1):  # 2k e_k = e_(k-2) - 2x e_(k-1)
        before, now = now, np.where(k <= order, (before - 2 * v * now) / (2 * k), now)
    y[below] = now
    return y


def _hazard(x: Any) -> Any:
    """Return the derivative of ``log_ndtr``: density over probability, about -x in the tail."""
    upper, lower = where(gt(x, 0), x, 0), where(gt(x, 0), 0, x)
    left = div(2 / ROOT_TAU, erfcx(mul(lower, -ROOT_HALF)))
    return where(gt(x, 0), div(_density(upper), ndtr(upper)), left)


def _density(x: Any) -> Any:
    return mul(exp(mul(-0.5, square(x))), 1 / ROOT_TAU)


# rules name these before their own rows
erfcx_integral: Elementwise

# fmt: off
erfcx    = Elementwise("erfcx",
    by_blocks(lambda x: _erfcx(x, ERFC_TAIL_64), lambda x: _erfcx(x, ERFC_TAIL_32)),
    lambda t, y, x: mul(t, mul(-2, erfcx_integral(1, x))))
erfcx_integral = Elementwise("erfcx_integral",
    by_blocks(_erfcx_integral), no_order("erfcx_integral", "n"),
    lambda t, y, n, x: mul(t, mul(-2 * (n + 1), erfcx_integral(n + 1, x))))
ndtr     = Elementwise("ndtr",
    by_blocks(lambda x: _ndtr(x, ERF_CORE_64, ERFC_TAIL_64),
              lambda x: _ndtr(x, ERF_CORE_32, ERFC_TAIL_32)),
    lambda t, y, x: mul(t, _density(x)))
log_ndtr = Elementwise("log_ndtr",
    by_blocks(lambda x: _log_ndtr(x, ERFC_TAIL_64), lambda x: _log_ndtr(x, ERFC_TAIL_32)),
    lambda t, y, x: mul(t, _hazard(x)))
ndtri    = Elementwise("ndtri", by_blocks(_ndtri),
    lambda t, y, p: mul(t, mul(ROOT_TAU, exp(mul(0.5, square(y))))))
# fmt: on
