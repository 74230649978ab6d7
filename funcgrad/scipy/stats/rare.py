"""Continuous families of scipy.stats that are rare: truncated, skewed, mixed, and in pieces.

Formulas are those of SciPy's documentation, in its parameters; z is a point in standard form, q a
probability.
"""

import math
from typing import Any

import numpy as np

from ...special import (
    betainc,
    betaincinv,
    betaln,
    erf,
    erfc,
    erfinv,
    expit,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    i0e,
    k1e,
    log_ndtr,
    ndtr,
    ndtri,
)
from .continuous import gamma, norm
from .distribution import ANY, HALF_LINE, LINE, LOG_2PI, POSITIVE, UNIT, Continuous
from .families import levy
from .mixed import log_mixed_cdf
from .noncentral import chi_tail
from .parts import expm1_over, less_sine, log1mexp, log1p_over

# fmt: off
alpha = Continuous("alpha", "a", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, a: norm.log_density(a - 1 / z) - 2 * np.log(z) - log_ndtr(a),
    log_cdf=lambda z, a: log_ndtr(a - 1 / z) - log_ndtr(a),
    quantile=lambda q, a: 1 / (a - ndtri(q * ndtr(a))))

argus = Continuous("argus", "chi", UNIT, POSITIVE, closed=False,
    log_density=lambda z, c: (3 * np.log(c) - LOG_2PI / 2 - np.log(gammainc(1.5, c * c / 2) / 2)
        + np.log(z) + np.log1p(-z * z) / 2 - c * c * (1 - z * z) / 2),
    survival=lambda z, c: gammainc(1.5, c * c * (1 - z * z) / 2) / gammainc(1.5, c * c / 2),
    quantile=lambda q, c: _argus(1 - q, c),
    upper_quantile=lambda q, c: _argus(q, c))

cosine = Continuous("cosine", "", lambda: (-math.pi, math.pi), ANY,
    log_density=lambda z: np.log1p(np.cos(z)) - LOG_2PI,
    cumulative=lambda z: less_sine(math.pi + z) / (2 * math.pi),
    survival=lambda z: less_sine(math.pi - z) / (2 * math.pi))

crystalball = Continuous("crystalball", "beta m", LINE, lambda beta, m: (beta > 0) & (m > 1),
    log_density=lambda z, b, m: np.where(z > -b, -z * z / 2,
        m * np.log(m / b) - b * b / 2 - m * _log_of_far(z, b, m)) - np.log(_weights(b, m)[1]),
    cumulative=lambda z, b, m: _crystalball_cdf(z, b, m),
    survival=lambda z, b, m: np.where(z > -b, math.sqrt(2 * math.pi) * ndtr(-z)
        / _weights(b, m)[1], 1 - _crystalball_cdf(z, b, m)),
    quantile=lambda q, b, m: _crystalball(q, b, m))

dpareto_lognorm = Continuous("dpareto_lognorm", "u s a b", HALF_LINE,
    lambda u, s, a, b: np.isfinite(u) & (s > 0) & (a > 0) & (b > 0), closed=False,
    log_density=lambda z, u, s, a, b: (np.log(a) + np.log(b) - np.log(a + b) - np.log(z)
        + norm.log_density((np.log(z) - u) / s)
        + np.logaddexp(_log_mills(a * s - (np.log(z) - u) / s),
                       _log_mills(b * s + (np.log(z) - u) / s))),
    cumulative=lambda z, u, s, a, b: _dpareto(-(np.log(z) - u) / s, s, b, a),
    survival=lambda z, u, s, a, b: _dpareto((np.log(z) - u) / s, s, a, b))

exponnorm = Continuous("exponnorm", "K", LINE, POSITIVE,
    log_density=lambda z, k: _log_shifted(z, k) - np.log(k),
    cumulative=lambda z, k: np.maximum(ndtr(z) - np.exp(_log_shifted(z, k)), 0),
    survival=lambda z, k: ndtr(-z) + np.exp(_log_shifted(z, k)))

genexpon = Continuous("genexpon", "a b c", HALF_LINE, POSITIVE,
    log_density=lambda z, a, b, c: (np.log(a - b * np.expm1(-c * z)) - (a + b) * z
        - b * np.expm1(-c * z) / c),
    log_survival=lambda z, a, b, c: -(a + b) * z - b * np.expm1(-c * z) / c,
    cumulative=lambda z, a, b, c: -np.expm1(-(a + b) * z - b * np.expm1(-c * z) / c))

genhalflogistic = Continuous("genhalflogistic", "c", lambda c: (0, 1 / c), POSITIVE, closed=False,
    log_density=lambda z, c: (math.log(2) + (1 - c) * log1p_over(-z, c)
        - 2 * np.log1p(np.exp(log1p_over(-z, c)))),
    cumulative=lambda z, c: -np.tanh(log1p_over(-z, c) / 2),
    survival=lambda z, c: 2 * expit(log1p_over(-z, c)),
    quantile=lambda q, c: -expm1_over(-2 * np.arctanh(q), c),
    upper_quantile=lambda q, c: -expm1_over(np.log(q / (2 - q)), c))

jf_skew_t = Continuous("jf_skew_t", "a b", LINE, POSITIVE,
    log_density=lambda z, a, b: ((a + 0.5) * _log_half(z, a + b) + (b + 0.5) * _log_half(-z, a + b)
        - (a + b - 1) * math.log(2) - betaln(a, b) - np.log(a + b) / 2),
    cumulative=lambda z, a, b: betainc(a, b, np.exp(_log_half(z, a + b)) / 2),
    survival=lambda z, a, b: betainc(b, a, np.exp(_log_half(-z, a + b)) / 2),
    quantile=lambda q, a, b: _skew_t(betaincinv(a, b, q), a + b))

kappa4 = Continuous("kappa4", "h k",
    lambda h, k: (np.where(h > 0, -expm1_over(-np.log(np.where(h > 0, h, 1)), k),
                           np.where(k < 0, 1 / np.where(k < 0, k, -1), -np.inf)),
                  np.where(k > 0, 1 / np.where(k > 0, k, 1), np.inf)),
    lambda h, k: np.isfinite(h) & np.isfinite(k), closed=False,
    log_density=lambda z, h, k: ((1 - k) * log1p_over(-z, k)
        + (1 - h) * log1p_over(-np.exp(log1p_over(-z, k)), h)),
    log_cdf=lambda z, h, k: log1p_over(-np.exp(log1p_over(-z, k)), h),
    survival=lambda z, h, k: -np.expm1(log1p_over(-np.exp(log1p_over(-z, k)), h)),
    quantile=lambda q, h, k: -expm1_over(np.log(-expm1_over(np.log(q), h)), k),
    upper_quantile=lambda q, h, k: -expm1_over(np.log(-expm1_over(np.log1p(-q), h)), k))

levy_l = Continuous("levy_l", "", lambda: (-np.inf, 0), ANY, closed=False,
    log_density=lambda z: levy.log_density(-z),
    cumulative=lambda z: erf(np.sqrt(-0.5 / z)),
    survival=lambda z: erfc(np.sqrt(-0.5 / z)),
    quantile=lambda q: -0.5 / erfinv(q) ** 2)

mielke = Continuous("mielke", "k s", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, k, s: (np.log(k) + (k - 1) * np.log(z)
        - (1 + k / s) * np.log1p(z**s)),
    log_cdf=lambda z, k, s: -k / s * np.log1p(z**-s),
    survival=lambda z, k, s: -np.expm1(-k / s * np.log1p(z**-s)),
    quantile=lambda q, k, s: np.expm1(-s / k * np.log(q)) ** (-1 / s),
    upper_quantile=lambda q, k, s: np.expm1(-s / k * np.log1p(-q)) ** (-1 / s))

norminvgauss = Continuous("norminvgauss", "a b", LINE, lambda a, b: (a > 0) & (np.abs(b) < a),
    log_density=lambda z, a, b: (np.log(a / math.pi) + np.sqrt(a * a - b * b) + b * z
        - a * np.hypot(1, z) + np.log(k1e(a * np.hypot(1, z))) - np.log1p(z * z) / 2),
    log_cdf=lambda z, a, b: log_mixed_cdf(z, 0 * z - 0.5, a, b),
    log_survival=lambda z, a, b: log_mixed_cdf(-z, 0 * z - 0.5, a, -b))

pearson3 = Continuous("pearson3", "skew",
    lambda s: (np.where(s > 0, -2 / np.where(s > 0, s, 1), -np.inf),
               np.where(s < 0, -2 / np.where(s < 0, s, -1), np.inf)), np.isfinite, closed=False,
    log_density=lambda z, s: _pearson(z, s, norm.log_density, lambda x, a, s: (
        gamma.log_density(x, a) - np.log(np.abs(s) / 2))),
    cumulative=lambda z, s: _pearson(z, s, ndtr, lambda x, a, s: np.where(
        s > 0, gammainc(a, x), gammaincc(a, x))),
    survival=lambda z, s: _pearson(z, s, lambda z: ndtr(-z), lambda x, a, s: np.where(
        s > 0, gammaincc(a, x), gammainc(a, x))),
    quantile=lambda q, s: _pearson_point(q, s, ndtri(q)),
    upper_quantile=lambda q, s: -_pearson_point(q, -s, ndtri(q)))

recipinvgauss = Continuous("recipinvgauss", "mu", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, mu: -((1 - mu * z) ** 2) / (2 * z * mu * mu) - (LOG_2PI + np.log(z)) / 2,
    cumulative=lambda z, mu: (ndtr(-(1 / mu - z) / np.sqrt(z))
        - np.exp(2 / mu + log_ndtr(-(1 / mu + z) / np.sqrt(z)))),
    survival=lambda z, mu: (ndtr((1 / mu - z) / np.sqrt(z))
        + np.exp(2 / mu + log_ndtr(-(1 / mu + z) / np.sqrt(z)))))

rel_breitwigner = Continuous("rel_breitwigner", "rho", HALF_LINE, POSITIVE,
    log_density=lambda z, r: (math.log(2 / math.pi) + np.log(2 * (1 + 1 / r**2)) / 2
        - np.log1p(np.sqrt(1 + 1 / r**2)) / 2 - np.log1p(((z - r) * (z + r) / r) ** 2)),
    cumulative=lambda z, r: 2 / math.pi * np.sqrt(2 / (1 + np.sqrt(1 + 1 / r**2))) * np.imag(
        np.sqrt(-1 + 1j / r) * np.arctan(z / np.sqrt(-r * (r + 1j)))))

rice = Continuous("rice", "b", HALF_LINE, lambda b: b >= 0,
    log_density=lambda z, b: np.log(z) - (z - b) ** 2 / 2 + np.log(i0e(z * b)),
    cumulative=lambda z, b: chi_tail(False, z * z, 0 * z + 2, b * b),
    survival=lambda z, b: chi_tail(True, z * z, 0 * z + 2, b * b))

trapezoid = Continuous("trapezoid", "c d", UNIT,
    lambda c, d: (c >= 0) & (c <= d) & (d <= 1),
    log_density=lambda z, c, d: _log_trapezoid(z, c, d),
    cumulative=lambda z, c, d: _trapezoid_cdf(z, c, d),
    survival=lambda z, c, d: _trapezoid_cdf(1 - z, 1 - d, 1 - c),
    quantile=lambda q, c, d: _trapezoid(q, c, d),
    upper_quantile=lambda q, c, d: 1 - _trapezoid(q, 1 - d, 1 - c))

triang = Continuous("triang", "c", UNIT, lambda c: (c >= 0) & (c <= 1),
    log_density=lambda z, c: _log_trapezoid(z, c, c),
    cumulative=lambda z, c: _trapezoid_cdf(z, c, c),
    survival=lambda z, c: _trapezoid_cdf(1 - z, 1 - c, 1 - c),
    quantile=lambda q, c: _trapezoid(q, c, c),
    upper_quantile=lambda q, c: 1 - _trapezoid(q, 1 - c, 1 - c))

truncpareto = Continuous("truncpareto", "b c", lambda b, c: (1, c), lambda b, c: (b != 0) & (c > 1),
    log_density=lambda z, b, c: -(b + 1) * np.log(z) + np.log(-b / np.expm1(-b * np.log(c))),
    cumulative=lambda z, b, c: np.expm1(-b * np.log(z)) / np.expm1(-b * np.log(c)),
    survival=lambda z, b, c: np.expm1(b * np.log(c / z)) / np.expm1(b * np.log(c)),
    quantile=lambda q, b, c: np.exp(-np.log1p(q * np.expm1(-b * np.log(c))) / b),
    upper_quantile=lambda q, b, c: c * np.exp(-np.log1p(q * np.expm1(b * np.log(c))) / b))

truncweibull_min = Continuous("truncweibull_min", "c a b", lambda c, a, b: (a, b),
    lambda c, a, b: (c > 0) & (a >= 0) & (b > a),
    log_density=lambda z, c, a, b: (np.log(c) + (c - 1) * np.log(z) + a**c - z**c
        - log1mexp(b**c - a**c)),
    cumulative=lambda z, c, a, b: np.expm1(a**c - z**c) / np.expm1(a**c - b**c),
    survival=lambda z, c, a, b: np.expm1(b**c - z**c) / np.expm1(b**c - a**c),
    quantile=lambda q, c, a, b: (a**c - np.log1p(q * np.expm1(a**c - b**c))) ** (1 / c),
    upper_quantile=lambda q, c, a, b: (b**c - np.log1p(q * np.expm1(b**c - a**c))) ** (1 / c))
# fmt: on


def _argus(q: Any, chi: Any) -> Any:
    return np.sqrt(1 - 2 * gammaincinv(1.5, q * gammainc(1.5, chi * chi / 2)) / (chi * chi))


def _weights(b: Any, m: Any) -> tuple[Any, Any]:
    """The masses of crystalball's power law, and of both parts together."""
    power = m / b / (m - 1) * np.exp(-b * b / 2)
    return power, power + math.sqrt(2 * math.pi) * ndtr(b)


def _log_of_far(z: Any, b: Any, m: Any) -> Any:
    return np.log(np.where(z > -b, m / b, m / b - b - z))


def _crystalball_cdf(z: Any, b: Any, m: Any) -> Any:
    power, whole = _weights(b, m)
    near = power + math.sqrt(2 * math.pi) * (ndtr(z) - ndtr(-b))
    far = power * np.exp((1 - m) * (_log_of_far(z, b, m) - np.log(m / b)))
    return np.where(z > -b, near, far) / whole


def _crystalball(q: Any, b: Any, m: Any) -> Any:
    power, whole = _weights(b, m)
    far = q * whole < power
    ratio = np.where(far, q * whole / power, 1)
    z = ndtri(ndtr(-b) + np.where(far, 0, q * whole - power) / math.sqrt(2 * math.pi))
    return np.where(far, m / b - b - m / b * ratio ** (1 / (1 - m)), z)


def _log_mills(x: Any) -> Any:
    """The logarithm of Mills' ratio, (1 - cdf) / density of the normal distribution."""
    return log_ndtr(-x) - norm.log_density(x)


def _dpareto(x: Any, s: Any, a: Any, b: Any) -> Any:
    """The survival function of dpareto_lognorm at exp(s x + u)."""
    up, down = (np.exp(norm.log_density(x) + _log_mills(y)) for y in (a * s - x, b * s + x))
    return ndtr(-x) + (b * up - a * down) / (a + b)


def _log_shifted(z: Any, k: Any) -> Any:
    return 0.5 / (k * k) - z / k + log_ndtr(z - 1 / k)


def _log_half(z: Any, n: Any) -> Any:
    """log(1 + z / sqrt(n + z^2))."""
    root = np.sqrt(n + z * z)
    return np.where(z < 0, np.log(n / (root * (root + np.abs(z)))), np.log1p(np.abs(z) / root))


def _skew_t(p: Any, n: Any) -> Any:
    return np.sqrt(n) * (2 * p - 1) / (2 * np.sqrt(p * (1 - p)))


def _pearson(z: Any, s: Any, normal: Any, formula: Any) -> Any:
    """A formula of gamma's at 4 / s^2 + 2 z / s, with a = 4 / s^2; that of the normal for s = 0."""
    zero = np.equal(s, 0)
    inner = np.where(zero, 1, s)
    shape = 4 / (inner * inner)
    x = np.where(zero, 1, shape + 2 * z / inner)
    return np.where(zero, normal(z), formula(x, shape, inner))


def _pearson_point(q: Any, s: Any, normal: Any) -> Any:
    zero = np.equal(s, 0)
    inner = np.where(zero, 1, s)
    shape = 4 / (inner * inner)
    x = np.where(inner > 0, gammaincinv(shape, q), gammainccinv(shape, q))
    return np.where(zero, normal, (x - shape) * inner / 2)


def _log_trapezoid(z: Any, c: Any, d: Any) -> Any:
    up, down = z < c, z > d
    rises, falls = z / np.where(up, c, 1), (1 - z) / np.where(down, 1 - d, 1)
    return 0 * z + np.log(2 / (1 + d - c) * np.where(up, rises, np.where(down, falls, 1)))


def _trapezoid_cdf(z: Any, c: Any, d: Any) -> Any:
    up, down = z < c, z > d
    rises = z * z / np.where(up, c, 1)
    falls = 1 + d - c - (1 - z) ** 2 / np.where(down, 1 - d, 1)
    return np.where(up, rises, np.where(down, falls, 2 * z - c)) / (1 + d - c)


def _trapezoid(q: Any, c: Any, d: Any) -> Any:
    mass = q * (1 + d - c)
    rest = (1 - q) * (1 + d - c)
    up, down = mass < c, rest < 1 - d
    rises = np.sqrt(np.where(up, mass * c, 1))
    falls = 1 - np.sqrt(np.where(down, rest * (1 - d), 1))
    return np.where(up, rises, np.where(down, falls, (mass + c) / 2))
