"""Inverses of the incomplete gamma and beta functions, Lambert's W, and Owen's T.

The smaller of both tails is solved for by Newton's method: the logarithm of either is concave in
log(x) and in log(x / (1 - x)), as the integral of a log-concave density, so that the iteration
converges monotonically after one step. Lambert's W is by Halley's method (Corless et al. 1996, "On
the Lambert W function", Adv. Comput. Math. 5, section 4), near its branch point by the series
there. Owen's T is Gauss-Legendre quadrature of its integral for |a| <= 1, and above by T(h, a) =
(Q(h) + Q(ah)) / 2 - Q(h) Q(ah) - T(ah, 1/a), where Q is the upper tail of the normal distribution
(Owen 1956, Ann. Math. Statist. 27).
"""

import math
from typing import Any

import numpy as np

from ..elementwise import add, div, exp, mul, neg, square
from ..families import Elementwise
from ..gamma import gammaln_positive, no_derivative_in
from ..incomplete import gamma_density, gamma_parts, gammainc_slope, scaled_density
from ..incomplete_beta import (
    beta_density,
    beta_parts,
    betainc_slope,
    scaled_beta_density,
)
from ..kernels import by_blocks, complex_blocks, masked_update, repeated
from ..normal import ROOT_HALF, ndtr_of
from ..quadrature import NODES, WEIGHTS
from ..special import ERF_CORE_64, ERFC_TAIL_64, erf, erfcinv_of

INVERSE_E = (0.36787944117144233, -1.2428753672788363e-17)  # 1/e, in two parts


def _newton(u: Any, before: Any, target: Any, tail: Any, slope: Any, sign: Any) -> Any:
    """The u at which log(tail) is log(target); tail increases where sign is 1.

    It starts at u; ``before`` is a point at which the tail does not underflow.
    """

    def improve(_: Any, u: Any, before: Any, step: Any) -> Any:
        p = tail(u)
        step = np.log(p / target) * p / (sign * slope(u))
        lost = ~np.isfinite(step)  # where the tail underflows: back, by half of the step
        step = np.where(lost, 0.5 * (u - before), np.clip(step, -100, 100))
        return u - step, np.where(lost, before, u), step

    going = lambda u, before, step: np.abs(step) > 1e-9  # the next error is its square
    return repeated(improve, (u, before, np.zeros_like(u)), 0, 300, going=going)[0]


def _gamma_inverse(a: Any, p: Any, q: Any) -> Any:
    """The x at which the lower tail is p and the upper one q = 1 - p."""
    low, sign = p <= q, np.where(p <= q, 1.0, -1.0)
    target = np.minimum(p, q)
    z = -sign * math.sqrt(2) * erfcinv_of(2 * target)
    cube = 1 - 1 / (9 * a) + z / (3 * np.sqrt(a))  # Wilson and Hilferty 1931
    least = (np.log(p) + gammaln_positive(a + 1)) / a  # P(a, x) <= x**a / gamma(a + 1)
    usual = np.log(a) + 3 * np.log(np.maximum(cube, 0.1))
    u = np.where((a < 0.5) & low | (cube < 0.1), least, usual)
    tiny = u < -700

    def tail(x: Any) -> Any:
        lower, upper = gamma_parts(0, a, x)
        return np.where(low, lower, upper)

    slope = lambda x: scaled_density(a, x)
    inner = np.where(tiny, 0, u)
    middle = np.log(a) * np.ones_like(u)
    inner = _newton(
        inner, middle, target, lambda u: tail(np.exp(u)), lambda u: slope(np.exp(u)), sign
    )
    x = np.exp(np.where(tiny, least, inner))
    end = tail(x)  # a last step in x, because u is rounded
    step = np.log(end / target) * end / (sign * slope(x))
    return np.where(np.abs(step) < 1e-8, x * (1 - step), x)


def _gammaincinv(a: Any, p: Any) -> Any:
    return _gamma_ends(a, p, p, 1 - p)


def _gammainccinv(a: Any, q: Any) -> Any:
    return _gamma_ends(a, q, 1 - q, q)


def _gamma_ends(a: Any, given: Any, p: Any, q: Any) -> Any:
    inside = (a > 0) & (a < np.inf) & (given > 0) & (given < 1)
    y = np.full_like(given, np.nan)
    y = masked_update(y, inside, _gamma_inverse, a, p, q, idle=0.5)
    y = np.where((a > 0) & (p == 0) & (given <= 1) & (given >= 0), 0, y)
    y = np.where((a > 0) & (q == 0) & (given <= 1) & (given >= 0), np.inf, y)
    return np.where(np.isnan(a) | np.isnan(given), np.nan, y)


def _beta_inverse(a: Any, b: Any, p: Any, q: Any) -> Any:
    low = p <= q
    place = lambda u: 1 / (1 + np.exp(-u))

    def tail(u: Any) -> Any:
        # the argument near 0 of both: 1 - x is exact where x is near 1
        swapped = u > 0
        x = place(-np.abs(u))
        c, d = np.where(swapped, b, a), np.where(swapped, a, b)
        lower, upper = beta_parts(0, 0, c, d, x)
        return np.where(low == swapped, upper, lower)

    def slope(u: Any) -> Any:
        swapped = u > 0
        c, d = np.where(swapped, b, a), np.where(swapped, a, b)
        return scaled_beta_density(c, d, place(-np.abs(u)))

    sign, target = np.where(low, 1.0, -1.0), np.minimum(p, q)
    middle = np.log(a) - np.log(b)
    u = _newton(middle, middle, target, tail, slope, sign)
    end = tail(u)
    step = np.log(end / target) * end / (sign * slope(u))
    x = place(u)
    return np.where(np.abs(step) < 1e-8, x * (1 - step * (1 - x)), x)


def _betaincinv(a: Any, b: Any, p: Any) -> Any:
    return _beta_ends(a, b, p, p, 1 - p)


def _betainccinv(a: Any, b: Any, q: Any) -> Any:
    return _beta_ends(a, b, q, 1 - q, q)


def _beta_ends(a: Any, b: Any, given: Any, p: Any, q: Any) -> Any:
    good = (a > 0) & (b > 0) & (a < np.inf) & (b < np.inf) & (given >= 0) & (given <= 1)
    y = np.full_like(given, np.nan)
    inside = good & (given > 0) & (given < 1)
    y = masked_update(y, inside, _beta_inverse, a, b, p, q, idle=0.5)
    return np.where(good & (p == 0), 0, np.where(good & (q == 0), 1, y))


def _lambertw(k: Any, z: Any) -> Any:
    branch = int(np.real(k.flat[0])) if k.size else 0
    near = np.zeros(z.shape, bool)
    w = np.log(z) + 2j * math.pi * branch
    w = w - np.log(w)
    d = math.e * ((z + INVERSE_E[0]) + INVERSE_E[1])  # e z + 1
    root = np.sqrt(2 * d)
    if branch == 0:
        small = (np.abs(z) < 1.5) & (z.real > -0.5)
        w = np.where(small, np.log1p(z) * (1 - 0.25 * np.minimum(np.abs(z), 1)), w)
        near = np.abs(d) < 0.8
    elif branch == -1:
        line = (z.imag == 0) & (z.real < 0) & (z.real >= -INVERSE_E[0])
        w = np.where(line, np.log(-z) - np.log(-np.log(-z)), w)
        near, root = (np.abs(d) < 0.8) & ((z.imag >= 0) | line), -root
    elif branch == 1:
        near, root = (np.abs(d) < 0.8) & (z.imag < 0), -root
    series = _branch_point(root)
    w = np.where(near, series, w)

    def improve(_: Any, w: Any, step: Any) -> Any:
        e = np.exp(-w)
        rest = w - z * e
        step = rest / (w + 1 - (w + 2) * rest / (2 * w + 2))
        step = np.where(np.isfinite(step), step, 0)
        return w - step, step

    going = lambda w, step: np.abs(step) > 4e-16 * np.abs(w)
    w, _ = repeated(improve, (w, np.zeros_like(w)), 0, 100, going=going)
    w = np.where(near & (np.abs(root) < 0.05), series, w)
    w = np.where(z == 0, 0 if branch == 0 else -np.inf, w)
    infinite = np.isinf(z.real) & (z.imag == 0)
    return np.where(infinite, np.where(z.real > 0, np.inf, np.inf) + 2j * math.pi * branch, w)


def _branch_point(p: Any) -> Any:
    """The series of W in p = ±sqrt(2 (e z + 1)), Corless et al. 1996, equation 4.22."""
    total = np.zeros_like(p)
    for c in reversed(BRANCH):
        total = total * p + c
    return total


def _branch_coefficients(count: int) -> tuple[float, ...]:
    """Equations 4.23 and 4.24 of Corless et al."""
    mu, alpha = [-1.0, 1.0], [2.0, -1.0]
    for k in range(2, count):
        alpha.append(sum(mu[j] * mu[k + 1 - j] for j in range(2, k)))
        first = (k - 1) / (k + 1) * (mu[k - 2] / 2 + alpha[k - 2] / 4)
        mu.append(first - alpha[k] / 2 - mu[k - 1] / (k + 1))
    return tuple(mu)


def _owens_t(h: Any, a: Any) -> Any:
    size, slope = np.abs(h), np.abs(a)
    flat = slope <= 1
    inner = _owens_near(np.where(flat, size, size * slope), np.where(flat, slope, 1 / slope))
    q, other = _upper(size), _upper(np.where(np.isinf(slope) & (size == 0), 0, size * slope))
    y = np.where(flat, inner, 0.5 * (q + other) - q * other - inner)
    y = np.where(np.isinf(size), 0, np.where(np.isinf(slope), 0.5 * q, y))
    y = np.where((size == 0), np.arctan(slope) / (2 * math.pi), y)
    return np.where(np.isnan(h) | np.isnan(a), np.nan, np.copysign(y, a))


def _upper(x: Any) -> Any:
    return ndtr_of(-x, ERF_CORE_64, ERFC_TAIL_64)


def _owens_near(h: Any, a: Any) -> Any:
    """T(h, a) for h >= 0 and 0 <= a <= 1."""
    end = np.minimum(a, 9 / np.maximum(h, 1))  # beyond, the integrand is below exp(-40)
    total = np.zeros_like(h + a)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        t = node * end
        total = total + weight * np.exp(-0.5 * np.square(h * t)) / (1 + t * t)
    return total * end * np.exp(-0.5 * h * h) / (2 * math.pi)


def _owens_in_h(t: Any, y: Any, h: Any, a: Any) -> Any:
    normal = exp(mul(-0.5, square(h)))
    return mul(t, mul(mul(-0.5 / math.sqrt(2 * math.pi), normal), erf(mul(mul(a, h), ROOT_HALF))))


def _owens_in_a(t: Any, y: Any, h: Any, a: Any) -> Any:
    s = add(1, square(a))
    return mul(t, div(exp(mul(-0.5, mul(square(h), s))), mul(2 * math.pi, s)))


def _gamma_rules(sign: float) -> Any:
    return (
        lambda t, y, a, p: neg(mul(t, div(gammainc_slope(1, a, y), gamma_density(a, y)))),
        lambda t, y, a, p: mul(sign, div(t, gamma_density(a, y))),
    )


def _beta_rules(sign: float) -> Any:
    return (
        lambda t, y, a, b, p: neg(mul(t, div(betainc_slope(1, 0, a, b, y), beta_density(a, b, y)))),
        lambda t, y, a, b, p: neg(mul(t, div(betainc_slope(0, 1, a, b, y), beta_density(a, b, y)))),
        lambda t, y, a, b, p: mul(sign, div(t, beta_density(a, b, y))),
    )


BRANCH = _branch_coefficients(24)

# fmt: off
gammaincinv  = Elementwise("gammaincinv", by_blocks(_gammaincinv), *_gamma_rules(1))
gammainccinv = Elementwise("gammainccinv", by_blocks(_gammainccinv), *_gamma_rules(-1))
betaincinv   = Elementwise("betaincinv", by_blocks(_betaincinv), *_beta_rules(1))
betainccinv  = Elementwise("betainccinv", by_blocks(_betainccinv), *_beta_rules(-1))
lambertw     = Elementwise("lambertw", complex_blocks(_lambertw), no_derivative_in("lambertw", "k"),
    lambda t, w, k, z: mul(t, div(exp(neg(w)), add(1, w))))
owens_t      = Elementwise("owens_t", by_blocks(_owens_t), _owens_in_h, _owens_in_a)
# fmt: on
