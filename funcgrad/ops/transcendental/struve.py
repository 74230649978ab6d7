"""Struve functions H and L of real order, by DLMF 11.2.1, 11.2.2, 11.5.1 and 11.5.2."""

import math
from typing import Any

import numpy as np

from ..elementwise import add, div, mul, pow, sub
from ..families import Elementwise
from ..gamma import no_derivative_in
from ..kernels import by_blocks, masked_update, repeated
from ..quadrature import NODES, WEIGHTS, integrals
from .bessel_orders import ive_of, yv_of
from .gamma_functions import rgamma, rgamma_of

ROOT_PI = math.sqrt(math.pi)


def _series(sign: int, v: Any, x: Any) -> Any:
    square = sign * 0.25 * x * x
    # from the first term without a pole: 1 / gamma vanishes there
    first = np.maximum(np.floor(-v - 1.5) + 1, 0)
    start = (0.5 * x) ** (v + 1) * square**first
    start = start * rgamma_of(v + 1.5 + first) * rgamma_of(1.5 + first)

    def up(i: Any, term: Any, total: Any) -> Any:
        k = first + i
        term = term * square / ((k + 0.5) * (k + v + 0.5))
        return term, total + term

    def down(i: Any, term: Any, total: Any) -> Any:
        k = first - i
        term = np.where(k > 0, term * (k + 0.5) * (k + v + 0.5) / square, 0)
        return term, total + term

    going = lambda term, total: np.abs(term) > 1e-17 * np.abs(total)
    _, total = repeated(up, (start, start), 1, 100_000, going=going)
    count = np.max(np.where(np.isfinite(first), first, 0), initial=0)
    return repeated(down, (start, total), 0, count)[1]


def _front(v: Any, x: Any) -> Any:
    return 2 / ROOT_PI * (0.5 * x) ** v * rgamma_of(v + 0.5)


def _beyond(v: Any, x: Any) -> Any:
    """H - Y: the front times the integral of exp(-u) (1 + u²/x²)^(v - 1/2) / x."""
    w = np.arange(-3.8, 6.55, 0.1)
    points = np.exp(w - np.exp(-w))
    integrand = lambda u, v, x: np.exp((v - 0.5) * np.log1p((u / x) ** 2) - u)
    weights = 0.1 * points * (1 + np.exp(-w))
    return _front(v, x) * integrals(integrand, points, weights, v, x) / x


def _far(v: Any, x: Any) -> Any:
    return yv_of(v, x) + _beyond(v, x)


def _between(v: Any, x: Any) -> Any:
    """The front times the integral of sech(s)^(2 v + 1) sin(x tanh(s)), for large v."""
    last = np.arccosh(np.exp(40 / (2 * v + 1)))

    def integrand(node: Any, v: Any, x: Any, last: Any) -> Any:
        t = np.tanh(last * node)
        return np.exp((v + 0.5) * np.log1p(-t * t)) * np.sin(x * t)

    parts = np.arange(4)[:, None]
    points, weights = np.ravel(parts + NODES) / 4, np.tile(WEIGHTS, 4) / 4
    return _front(v, x) * last * integrals(integrand, points, weights, v, x, last)


def _at_ends(sign: int, v: Any, x: Any, y: Any) -> Any:
    whole = np.rint(v) == v
    odd = np.where(np.mod(v, 2) == 0, -1, 1)
    y = np.where(x < 0, np.where(whole, odd * y, np.nan), y)
    zero = np.where(v > -1, 0.0, np.where(v == -1, 2 / math.pi, np.inf * rgamma_of(v + 1.5)))
    return np.where(x == 0, zero, np.where(np.isnan(x) | np.isnan(v), np.nan, y))


def _struve(v: Any, x: Any) -> Any:
    size = np.abs(x)
    short = size * size < 3 * np.maximum(v + 1.5, 1)
    usual, wide = (size > 0) & (size < np.inf), (v > 4) & (size < v)
    y = np.full_like(x, np.nan)
    y = masked_update(y, usual & short, lambda v, x: _series(-1, v, x), v, size, idle=0.5)
    y = masked_update(y, usual & ~short & ~wide, _far, v, size, idle=0.5)
    y = masked_update(y, usual & ~short & wide, _between, v, size)
    end = np.where(v > 1, np.inf, np.where(v == 1, 2 / math.pi, np.where(v < 1, 0.0, np.nan)))
    return _at_ends(-1, v, x, np.where(size == np.inf, end, y))


def _modstruve(v: Any, x: Any) -> Any:
    size = np.abs(x)
    usual = (size > 0) & (size < np.inf)
    # DLMF 11.6.2: L - I is about the front over x, and I about exp(x - v²/2x) / sqrt(2 pi x)
    decay = np.minimum(v * v / (2 * size) - size, 0)
    apart = np.abs(_front(v, size)) * np.sqrt(size) * np.exp(decay)
    far = (size > 20) & (np.abs(v) < size) & (apart < 1e-17 * size)
    y = np.full_like(x, np.nan)
    y = masked_update(y, usual & ~far, lambda v, x: _series(1, v, x), v, size, idle=0.5)

    def growing(v: Any, x: Any) -> Any:
        half = np.exp(0.5 * x)
        return half * ive_of(v, x) * half

    y = masked_update(y, usual & far, growing, v, size, idle=0.5)
    return _at_ends(1, v, x, np.where(size == np.inf, np.inf, y))


def _slope(f: Any, sign: int, t: Any, v: Any, x: Any) -> Any:
    """(f(v - 1) + sign f(v + 1) + (x / 2)^v / (sqrt(pi) gamma(v + 3/2))) / 2: DLMF 11.4.27, 29."""
    more = mul(div(rgamma(add(v, 1.5)), ROOT_PI), pow(mul(0.5, x), v))
    low, high = f(sub(v, 1), x), f(add(v, 1), x)
    both = add(low, high) if sign > 0 else sub(low, high)
    return mul(t, mul(0.5, add(both, more)))


struve: Elementwise
modstruve: Elementwise

# fmt: off
struve = Elementwise("struve", by_blocks(_struve), no_derivative_in("struve", "v"),
    lambda t, y, v, x: _slope(struve, -1, t, v, x))
modstruve = Elementwise("modstruve", by_blocks(_modstruve),
    no_derivative_in("modstruve", "v"), lambda t, y, v, x: _slope(modstruve, 1, t, v, x))
# fmt: on
