"""Continuous distributions on the real line.

Formulas are those of Johnson, Kotz & Balakrishnan 1994, "Continuous univariate distributions",
in SciPy's parameters; z is a point in standard form, q a probability.
"""

import functools
import math
from typing import Any

import numpy as np

from ...core.avals import dtype_of
from ...ops.structure import cast
from ...special import (
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    betaln,
    erf,
    erfc,
    expit,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    gammaln,
    i0e,
    log_ndtr,
    logit,
    logsumexp,
    ndtr,
    ndtri,
    owens_t,
    stdtrit,
    xlog1py,
    xlogy,
)
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp
from .distribution import ANY, HALF_LINE, LINE, LOG_2PI, POSITIVE, UNIT, Continuous
from .quadrature import log_mean_and_width

# fmt: off
norm = Continuous("norm", "", LINE, ANY,
    log_density=lambda z: -(z * z + LOG_2PI) / 2,
    log_cdf=log_ndtr,
    cumulative=ndtr,
    log_survival=lambda z: log_ndtr(-z),
    survival=lambda z: ndtr(-z),
    quantile=ndtri,
    upper_quantile=lambda q: -ndtri(q))

halfnorm = Continuous("halfnorm", "", HALF_LINE, ANY,
    log_density=lambda z: math.log(2 / math.pi) / 2 - z * z / 2,
    cumulative=lambda z: erf(z / math.sqrt(2)),
    survival=lambda z: erfc(z / math.sqrt(2)),
    quantile=lambda q: -ndtri((1 - q) / 2),
    upper_quantile=lambda q: -ndtri(q / 2))

lognorm = Continuous("lognorm", "s", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, s: norm.log_density(np.log(z) / s) - np.log(s * z),
    log_cdf=lambda z, s: log_ndtr(np.log(z) / s),
    cumulative=lambda z, s: ndtr(np.log(z) / s),
    log_survival=lambda z, s: log_ndtr(-np.log(z) / s),
    survival=lambda z, s: ndtr(-np.log(z) / s),
    quantile=lambda q, s: np.exp(s * ndtri(q)),
    upper_quantile=lambda q, s: np.exp(-s * ndtri(q)))

skewnorm = Continuous("skewnorm", "a", LINE, np.isfinite,
    log_density=lambda z, a: math.log(2) + norm.log_density(z) + log_ndtr(a * z),
    log_cdf=lambda z, a: _log_skewed(z, a),
    cumulative=lambda z, a: np.exp(_log_skewed(z, a)),
    log_survival=lambda z, a: _log_skewed(-z, -a),
    survival=lambda z, a: np.exp(_log_skewed(-z, -a)))

uniform = Continuous("uniform", "", UNIT, ANY,
    log_density=lambda z: z * 0,
    cumulative=lambda z: z,
    survival=lambda z: 1 - z,
    quantile=lambda q: q)

expon = Continuous("expon", "", HALF_LINE, ANY,
    log_density=lambda z: -z,
    cumulative=lambda z: -np.expm1(-z),
    log_survival=lambda z: -z,
    quantile=lambda q: -np.log1p(-q),
    upper_quantile=lambda q: -np.log(q))

laplace = Continuous("laplace", "", LINE, ANY,
    log_density=lambda z: -np.abs(z) - math.log(2),
    cumulative=lambda z: _by_sign(z, lambda tail: np.exp(-tail) / 2),
    survival=lambda z: _by_sign(-z, lambda tail: np.exp(-tail) / 2),
    quantile=lambda q: np.where(q < 0.5, np.log(2 * q), -np.log(2 * (1 - q))),
    upper_quantile=lambda q: np.where(q < 0.5, -np.log(2 * q), np.log(2 * (1 - q))))

logistic = Continuous("logistic", "", LINE, ANY,
    log_density=lambda z: -np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z))),
    log_cdf=lambda z: -np.logaddexp(0, -z),
    cumulative=expit,
    log_survival=lambda z: -np.logaddexp(0, z),
    survival=lambda z: expit(-z),
    quantile=logit,
    upper_quantile=lambda q: -logit(q))

cauchy = Continuous("cauchy", "", LINE, ANY,
    log_density=lambda z: -math.log(math.pi) - np.log1p(z * z),
    cumulative=lambda z: np.arctan2(1, -z) / math.pi,
    survival=lambda z: np.arctan2(1, z) / math.pi,
    quantile=lambda q: -1 / np.tan(math.pi * q),
    upper_quantile=lambda q: 1 / np.tan(math.pi * q))

halfcauchy = Continuous("halfcauchy", "", HALF_LINE, ANY,
    log_density=lambda z: math.log(2 / math.pi) - np.log1p(z * z),
    cumulative=lambda z: 2 * np.arctan(z) / math.pi,
    survival=lambda z: 2 * np.arctan2(1, z) / math.pi,
    quantile=lambda q: np.tan(math.pi * q / 2),
    upper_quantile=lambda q: 1 / np.tan(math.pi * q / 2))

t = Continuous("t", "df", LINE, POSITIVE,
    log_density=lambda z, df: (gammaln((df + 1) / 2) - gammaln(df / 2)
        - np.log(df * math.pi) / 2 - (df + 1) / 2 * np.log1p(z * z / df)),
    cumulative=lambda z, df: _student_t_cdf(z, df),
    survival=lambda z, df: _student_t_cdf(-z, df),
    quantile=lambda q, df: stdtrit(df, q),
    upper_quantile=lambda q, df: -stdtrit(df, q))

gamma = Continuous("gamma", "a", HALF_LINE, POSITIVE,
    log_density=lambda z, a: xlogy(a - 1, z) - z - gammaln(a),
    cumulative=lambda z, a: gammainc(a, z),
    survival=lambda z, a: gammaincc(a, z),
    quantile=lambda q, a: gammaincinv(a, q),
    upper_quantile=lambda q, a: gammainccinv(a, q))

chi2 = Continuous("chi2", "df", HALF_LINE, POSITIVE,
    log_density=lambda z, df: gamma.log_density(z / 2, df / 2) - math.log(2),
    cumulative=lambda z, df: gammainc(df / 2, z / 2),
    survival=lambda z, df: gammaincc(df / 2, z / 2),
    quantile=lambda q, df: 2 * gammaincinv(df / 2, q),
    upper_quantile=lambda q, df: 2 * gammainccinv(df / 2, q))

invgamma = Continuous("invgamma", "a", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, a: -(a + 1) * np.log(z) - gammaln(a) - 1 / z,
    cumulative=lambda z, a: gammaincc(a, 1 / z),
    survival=lambda z, a: gammainc(a, 1 / z),
    quantile=lambda q, a: 1 / gammainccinv(a, q),
    upper_quantile=lambda q, a: 1 / gammaincinv(a, q))

beta = Continuous("beta", "a b", UNIT, POSITIVE,
    log_density=lambda z, a, b: xlogy(a - 1, z) + xlog1py(b - 1, -z) - betaln(a, b),
    cumulative=lambda z, a, b: betainc(a, b, z),
    survival=lambda z, a, b: betaincc(a, b, z),
    quantile=lambda q, a, b: betaincinv(a, b, q),
    upper_quantile=lambda q, a, b: betainccinv(a, b, q))

f = Continuous("f", "dfn dfd", HALF_LINE, POSITIVE,
    log_density=lambda z, m, n: (xlogy(m / 2, m) + xlogy(n / 2, n) + xlogy(m / 2 - 1, z)
        - (m + n) / 2 * np.log(n + m * z) - betaln(m / 2, n / 2)),
    cumulative=lambda z, m, n: betainc(m / 2, n / 2, m * z / (n + m * z)),
    survival=lambda z, m, n: betainc(n / 2, m / 2, n / (n + m * z)),
    quantile=lambda q, m, n: n / m * (1 / betainccinv(n / 2, m / 2, q) - 1),
    upper_quantile=lambda q, m, n: n / m * (1 / betaincinv(n / 2, m / 2, q) - 1))

pareto = Continuous("pareto", "b", lambda b: (1, np.inf), POSITIVE,
    log_density=lambda z, b: np.log(b) - (b + 1) * np.log(z),
    cumulative=lambda z, b: -np.expm1(-b * np.log(z)),
    log_survival=lambda z, b: -b * np.log(z),
    quantile=lambda q, b: np.exp(-np.log1p(-q) / b),
    upper_quantile=lambda q, b: np.exp(-np.log(q) / b))

gumbel_r = Continuous("gumbel_r", "", LINE, ANY,
    log_density=lambda z: -z - np.exp(-z),
    log_cdf=lambda z: -np.exp(-z),
    survival=lambda z: -np.expm1(-np.exp(-z)),
    quantile=lambda q: -np.log(-np.log(q)),
    upper_quantile=lambda q: -np.log(-np.log1p(-q)))

gumbel_l = Continuous("gumbel_l", "", LINE, ANY,
    log_density=lambda z: z - np.exp(z),
    cumulative=lambda z: -np.expm1(-np.exp(z)),
    log_survival=lambda z: -np.exp(z),
    quantile=lambda q: np.log(-np.log1p(-q)),
    upper_quantile=lambda q: np.log(-np.log(q)))

weibull_min = Continuous("weibull_min", "c", HALF_LINE, POSITIVE,
    log_density=lambda z, c: np.log(c) + xlogy(c - 1, z) - z**c,
    cumulative=lambda z, c: -np.expm1(-(z**c)),
    log_survival=lambda z, c: -(z**c),
    quantile=lambda q, c: (-np.log1p(-q)) ** (1 / c),
    upper_quantile=lambda q, c: (-np.log(q)) ** (1 / c))

rayleigh = Continuous("rayleigh", "", HALF_LINE, ANY,
    log_density=lambda z: np.log(z) - z * z / 2,
    cumulative=lambda z: -np.expm1(-z * z / 2),
    log_survival=lambda z: -z * z / 2,
    quantile=lambda q: np.sqrt(-2 * np.log1p(-q)),
    upper_quantile=lambda q: np.sqrt(-2 * np.log(q)))

gennorm = Continuous("gennorm", "beta", LINE, POSITIVE,
    log_density=lambda z, b: np.log(b / 2) - gammaln(1 / b) - np.abs(z) ** b,
    cumulative=lambda z, b: _by_sign(z, lambda tail: gammaincc(1 / b, tail**b) / 2),
    survival=lambda z, b: _by_sign(-z, lambda tail: gammaincc(1 / b, tail**b) / 2),
    quantile=lambda q, b: (np.sign(q - 0.5)
        * gammainccinv(1 / b, 2 * np.minimum(q, 1 - q)) ** (1 / b)))

vonmises = Continuous("vonmises", "kappa", LINE, lambda kappa: kappa >= 0,
    log_density=lambda z, k: k * (np.cos(z) - 1) - LOG_2PI - np.log(i0e(k)),
    cumulative=lambda z, k: _periodic(z, k),
    quantile=lambda q, k: vonmises_line.ppf(q, k),
    upper_quantile=lambda q, k: vonmises_line.isf(q, k))

vonmises_line: Continuous = Continuous("vonmises_line", "kappa", lambda _: (-math.pi, math.pi),
    lambda kappa: kappa >= 0,
    log_density=vonmises.log_density,
    cumulative=lambda z, k: np.where(z < 0, _beyond(-z, k), 1 - _beyond(z, k)),
    survival=lambda z, k: np.where(z < 0, 1 - _beyond(-z, k), _beyond(z, k)))

wrapcauchy = Continuous("wrapcauchy", "c", lambda c: (0, 2 * math.pi), lambda c: (c > 0) & (c < 1),
    log_density=lambda z, c: np.log1p(-c * c) - LOG_2PI - np.log1p(c * (c - 2 * np.cos(z))),
    cumulative=lambda z, c: np.where(z < math.pi, _wrapped(z, c), 1 - _wrapped(2 * math.pi - z, c)),
    quantile=lambda q, c: np.where(q < 0.5, _unwrapped(q, c), 2 * math.pi - _unwrapped(1 - q, c)))

truncnorm = Continuous("truncnorm", "a b", lambda a, b: (a, b), lambda a, b: a < b,
    log_density=lambda z, a, b: norm.log_density(z) - log_mass(a, b),
    log_cdf=lambda z, a, b: _log_share(log_mass(a, z), log_mass(z, b), log_mass(a, b)),
    log_survival=lambda z, a, b: _log_share(log_mass(z, b), log_mass(a, z), log_mass(a, b)),
    quantile=lambda q, a, b: _truncated(q, a, b),
    upper_quantile=lambda q, a, b: -_truncated(q, -b, -a))
# fmt: on


def _by_sign(z: Any, tail: Any) -> Any:
    """CDF of a symmetric distribution at z, from its survival function at |z|."""
    p = tail(np.abs(z))
    return np.where(z < 0, p, 1 - p)


@functools.lru_cache(1)
def _laguerre() -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.laguerre.laggauss(40)
    return points, np.log(weights) + points


def _log_skewed(z: Any, a: Any) -> Any:
    """The logarithm of the cdf of skewnorm: by Owen's T, and where that cancels by quadrature.

    Far in the thin tail the density falls as exp(-|z| (1 + a^2) s), so that Laguerre's rule serves.
    """
    far = (a > 0) & (z * np.sqrt(1 + a * a) < -4)
    points, log_weights = (cast(x, dtype_of(z)) for x in _laguerre())
    at, skew = np.where(far, z, -9)[..., None], np.where(far, a, 1)[..., None]
    rate = -at * (1 + skew * skew)
    log_tail = logsumexp(
        log_weights + skewnorm.log_density(at - points / rate, skew) - np.log(rate), axis=-1
    )
    near = ndtr(z) - 2 * owens_t(z, a)
    return np.where(far, log_tail, np.log(np.where(far, 1, near)))


@custom_jvp
def _t_cdf(z: Any, df: Any) -> Any:
    x = df / (df + z * z)
    far = betainc(df / 2, 0.5, np.where(x < 0.5, x, 0.5)) / 2
    near = 0.5 - betainc(0.5, df / 2, np.where(x < 0.5, 0.5, 1 - x)) / 2
    return _by_sign(z, lambda _: np.where(x < 0.5, far, near))


def _student_t_cdf(z: Any, df: Any) -> Any:
    return _t_cdf(z, df)


@_t_cdf.defjvp
def _t_cdf_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Use the density as the derivative in z: at z = 0 the formula gives infinity times 0."""
    z, df = primals
    moved = jvp(lambda df: _t_cdf.fun(z, df), (df,), (tangents[1],))[1]
    return _t_cdf(z, df), moved + np.exp(t.log_density(z, df)) * tangents[0]


def _wrapped(z: Any, c: Any) -> Any:
    return np.arctan((1 + c) / (1 - c) * np.tan(z / 2)) / math.pi


def _unwrapped(q: Any, c: Any) -> Any:
    return 2 * np.arctan((1 - c) / (1 + c) * np.tan(math.pi * q))


def _beyond(z: Any, k: Any) -> Any:
    """The probability of vonmises between z >= 0 and pi."""
    z, k = np.broadcast_arrays(z, k)
    falling = lambda t, k: -2 * k * np.sin(t / 2) ** 2
    log_mean, width = log_mean_and_width(falling, z, np.full_like(z, math.pi), k)
    return width * np.exp(log_mean - LOG_2PI) / i0e(k)


def _periodic(z: Any, k: Any) -> Any:
    """The cdf of vonmises: it grows by 1 in each period, as in SciPy."""
    turns = np.round(z / (2 * math.pi))
    return turns + vonmises_line._cdf(z - 2 * math.pi * turns, k)


def log_mass(a: Any, b: Any, width: Any = None) -> Any:
    """Logarithm of the normal probability between two points.

    Positive points are mirrored, so that the tails do not cancel; near ones have a midpoint rule.
    """
    width = b - a if width is None else width
    near = width * (1 + np.maximum(np.abs(a), np.abs(b))) < 1e-3
    width, middle = np.where(near, width, 1), np.where(near, (a + b) / 2, 0)
    bend = np.log1p((middle * middle - 1) * width * width / 24)
    right = a > 0
    a, b = np.where(right, -b, a), np.where(right, -a, b)
    whole, tail = log_ndtr(b), log_ndtr(a)
    far = whole + np.log1p(-np.exp(np.where(near, -1, tail - whole)))
    return np.where(near, np.log(width) + norm.log_density(middle) + bend, far)


def _log_share(part: Any, rest: Any, whole: Any) -> Any:
    """part - whole, computed from ``rest`` where that is small and more accurate."""
    large = part > rest
    return np.where(large, np.log1p(-np.exp(np.where(large, rest, part) - whole)), part - whole)


def _truncated(q: Any, a: Any, b: Any) -> Any:
    right = a > 0
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    p = np.where(right, 1 - q, q)
    z = ndtri(ndtr(low) + p * (ndtr(high) - ndtr(low)))
    return np.where(right, -z, z)
