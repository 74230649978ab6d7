"""The incomplete beta function, with derivatives of every order in all three arguments.

It is the integral from 0 to x of the density p(t) = t**(a-1) (1-t)**(b-1) / B(a, b). By t/(1-t) =
exp(-s) x/(1-x), the smaller of it and its complement is x (1-x) p(x) times the integral over
s >= 0 of exp(-h(s)), where h(s) = a s + (a+b) log(1 + x (exp(-s) - 1)) is convex and increases
from 0. The integral is by the trapezoidal rule in u, s = c exp(u - exp(-u)) (Takahasi & Mori 1974,
"Double exponential formulas for numerical integration"), which is accurate for small and large a.
Derivatives in ``a`` and ``b`` are sums at the same points, as in ``incomplete.py``.
"""

import functools
import math
from typing import Any

import numpy as np

from .beta import beta_of
from .compare import gt, lt
from .elementwise import div, log, log1p, mul, neg, sub, where
from .families import Elementwise
from .gamma import no_derivative_in, polygamma, polygamma_of, stirling
from .incomplete import EXPONENTIAL
from .kernels import by_blocks, masked_update, polynomial, repeated
from .logarithms import log1pmx
from .quadrature import integrals


def scaled_beta_density(a: Any, b: Any, x: Any) -> Any:
    """x**a (1-x)**b / B(a, b), for 0 < x < 1."""
    rest = np.where(x < 0.5, np.exp(b * np.log1p(-x)), np.power(1 - x, b))
    y = np.power(x, a) * rest / beta_of(a, b)
    return masked_update(y, (a >= 8) & (b >= 8), _scaled_density_of_large, a, b, x)


def _scaled_density_of_large(a: Any, b: Any, x: Any) -> Any:
    lead = b * x - a * (1 - x)
    rest = stirling(a) + stirling(b) - stirling(a + b)
    exponent = a * _log_excess(lead / a, x * (1 + b / a))
    exponent = exponent + b * _log_excess(-lead / b, (1 - x) * (1 + a / b))
    return np.sqrt(a / (2 * math.pi) * (b / (a + b))) * np.exp(exponent - rest)


def _log_excess(change: Any, ratio: Any) -> Any:
    """log(ratio) - change, for ratio = 1 + change."""
    return np.where(change < -0.4, np.log(ratio) - change, log1pmx(change))


def mixed_bell_polynomial(slopes: Any, n: int, m: int) -> Any:
    """f^(n,m)/f, given a table of the derivatives of log(f)."""
    known: dict[tuple[int, int], Any] = {(0, 0): 1.0}

    def ratio(n: int, m: int) -> Any:
        if (n, m) not in known:
            i, j = (1, 0) if n else (0, 1)  # one derivative first, then the product rule
            known[n, m] = sum(
                math.comb(n - i, k) * math.comb(m - j, q) * slopes[k + i, q + j]
                * ratio(n - i - k, m - j - q)
                for k in range(n - i + 1)
                for q in range(m - j + 1)
            )  # fmt: skip
        return known[n, m]

    return ratio(n, m)


def _height(a: Any, b: Any, x: Any, s: Any) -> Any:
    """h(s), without cancellation for small s."""
    a, b, x, s = np.broadcast_arrays(a, b, x, s)
    y = a * s + (a + b) * np.log1p(x * np.expm1(-s))
    return masked_update(y, s < 1, _low_height, a, b, x, s)


def _low_height(a: Any, b: Any, x: Any, s: Any) -> Any:
    low = x < 0.5
    z, u = np.where(low, x, 1 - x), np.where(low, -s, s)
    bend = z * (u * u * polynomial(EXPONENTIAL[8:], u))
    return (a * (1 - x) - b * x) * s + (a + b) * (log1pmx(z * np.expm1(u)) + bend)


def _end(a: Any, b: Any, x: Any) -> Any:
    """The s where h(s) is about 38."""
    rate = np.maximum(a * (1 - x) - b * x, 0)
    most = (38 - (a + b) * np.log1p(-x)) / a
    s = 76 / (rate + np.sqrt(rate * rate + 76 * (a + b) * x * (1 - x)))

    def improve(_: Any, s: Any) -> Any:
        s = np.minimum(s, most)
        fall = np.exp(-s)
        slope = a - (a + b) * x * fall / (1 - x + x * fall)
        return (s + (38 - _height(a, b, x, s)) / slope,)

    (s,) = repeated(improve, (s,), 0, 6)
    return np.minimum(s, most)


def _part(n: int, m: int, a: Any, b: Any, x: Any) -> Any:
    """The derivative of the part below x <= a/(a+b): n-th in a, m-th in b."""
    y = np.full_like(x, np.nan)
    gentle = (a >= 8) & (b >= 8)  # elsewhere h has a corner, and needs more points
    for group, step in ((gentle, 0.125), (~gentle, 0.0625)):
        part = lambda a, b, x, step=step: scaled_beta_density(a, b, x) * _total(n, m, a, b, x, step)
        y = masked_update(y, group, part, a, b, x)
    return y


def _total(n: int, m: int, a: Any, b: Any, x: Any, step: float) -> Any:
    """The integral of exp(-h) times the derivative of the density over the density."""
    places = orders(n, m)
    constants = [
        polygamma_of(np.full_like(a, i + j - 1), a + b)
        - (0 if i and j else polygamma_of(np.full_like(a, i + j - 1), a if i else b))
        for i, j in places
    ]

    def integrand(point: Any, a: Any, b: Any, x: Any, scale: Any, *constants: Any) -> Any:
        s = scale * point
        value = scale * np.exp(-_height(a, b, x, s))
        if not places:
            return value
        share = np.log1p(x * np.expm1(-s))
        logs = {(1, 0): np.log(x) - s - share, (0, 1): np.log1p(-x) - share}
        slopes = {k: c + logs.get(k, 0) for k, c in zip(places, constants, strict=True)}
        return value * mixed_bell_polynomial(slopes, n, m)

    u = np.arange(-3.625, 3.125, step)
    points = np.exp(u - np.exp(-u) - 3)
    weights = step * (1 + np.exp(-u)) * points
    return integrals(integrand, points, weights, a, b, x, _end(a, b, x), *constants)


def orders(n: int, m: int) -> list[tuple[int, int]]:
    """The orders of the derivatives of log(p) in a derivative of orders n and m."""
    return [(i, j) for i in range(n + 1) for j in range(m + 1) if i or j]


def beta_parts(n: int, m: int, a: Any, b: Any, x: Any) -> tuple[Any, Any]:
    """The derivatives of the beta_parts below and above x."""
    whole = float(n == m == 0)
    lower, upper = np.full_like(x, np.nan), np.full_like(x, np.nan)
    inside = (a > 0) & (b > 0) & (x > 0) & (x < 1) & (a < np.inf) & (b < np.inf)
    below = inside & (x * b <= a * (1 - x))
    lower = masked_update(lower, below, functools.partial(_part, n, m), a, b, x)
    upper = masked_update(upper, below, lambda y: whole - y, lower)
    above = inside & (x * b > a * (1 - x))
    upper = masked_update(upper, above, functools.partial(_part, m, n), b, a, 1 - x)
    lower = masked_update(lower, above, lambda y: whole - y, upper)
    positive = (a > 0) & (b > 0)
    lower = np.where(positive & (x == 0), 0, np.where(positive & (x == 1), whole, lower))
    return lower, np.where(positive & (x == 0), whole, np.where(positive & (x == 1), 0, upper))


def _betainc(a: Any, b: Any, x: Any) -> Any:
    return beta_parts(0, 0, a, b, x)[0]


def _betaincc(a: Any, b: Any, x: Any) -> Any:
    return beta_parts(0, 0, a, b, x)[1]


def _betainc_slope(n: Any, m: Any, a: Any, b: Any, x: Any) -> Any:
    orders = (int(n.flat[0]), int(m.flat[0])) if np.size(x) else (0, 0)
    return beta_parts(*orders, a, b, x)[0]


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    y = scaled_beta_density(a, b, x) / (x * (1 - x))
    end = np.power(x, a - 1) * np.power(1 - x, b - 1) / beta_of(a, b)
    y = np.where((x == 0) | (x == 1), end, y)
    return np.where((a > 0) & (b > 0) & (x >= 0) & (x <= 1), y, np.nan)


def _density_slope(n: int, m: int, a: Any, b: Any, x: Any) -> Any:
    """The derivative of the density, n-th in a and m-th in b."""
    logs = {(1, 0): log(where(gt(x, 0), x, 1)), (0, 1): log1p(neg(where(lt(x, 1), x, 0)))}
    slopes = {}
    for i, j in orders(n, m):
        own = 0 if i and j else polygamma(i + j - 1, a if i else b)
        slopes[i, j] = polygamma(i + j - 1, a + b) - own + logs.get((i, j), 0)
    return mul(beta_density(a, b, x), mixed_bell_polynomial(slopes, n, m))


# the rules above use these names
beta_density: Elementwise
betainc_slope: Elementwise

# fmt: off
betainc  = Elementwise("betainc", by_blocks(_betainc),
    lambda t, y, a, b, x: mul(t, betainc_slope(1, 0, a, b, x)),
    lambda t, y, a, b, x: mul(t, betainc_slope(0, 1, a, b, x)),
    lambda t, y, a, b, x: mul(t, beta_density(a, b, x)))
betaincc = Elementwise("betaincc", by_blocks(_betaincc),
    lambda t, y, a, b, x: neg(mul(t, betainc_slope(1, 0, a, b, x))),
    lambda t, y, a, b, x: neg(mul(t, betainc_slope(0, 1, a, b, x))),
    lambda t, y, a, b, x: neg(mul(t, beta_density(a, b, x))))
# the derivatives of betainc in a and b; orders are Python scalars
betainc_slope = Elementwise("betainc_slope", by_blocks(_betainc_slope),
    no_derivative_in("betainc_slope", "n"), no_derivative_in("betainc_slope", "m"),
    lambda t, y, n, m, a, b, x: mul(t, betainc_slope(n + 1, m, a, b, x)),
    lambda t, y, n, m, a, b, x: mul(t, betainc_slope(n, m + 1, a, b, x)),
    lambda t, y, n, m, a, b, x: mul(t, _density_slope(n, m, a, b, x)))
beta_density = Elementwise("beta_density", by_blocks(_beta_density),
    lambda t, y, a, b, x: mul(t, _density_slope(1, 0, a, b, x)),
    lambda t, y, a, b, x: mul(t, _density_slope(0, 1, a, b, x)),
    lambda t, y, a, b, x: mul(t, mul(y, sub(div(a - 1, x), div(b - 1, 1 - x)))))
# fmt: on
