"""Continuous families whose normalization or cumulative distribution is an integral.

Formulas are those of SciPy's documentation, in its parameters; z is a point in standard form, q a
probability. Integrals run over the logarithm or the logit of the variable.
"""

import math
from typing import Any

import numpy as np

from ...ops.structure import cast
from ...special import expit, log_expit, log_ndtr, logit
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp
from .distribution import ANY, HALF_LINE, LINE, LOG_2PI, UNIT, Continuous
from .inversion import crossing
from .parts import expm1_over
from .quadrature import log_integral

# fmt: off
gausshyper = Continuous("gausshyper", "a b c z", UNIT,
    lambda a, b, c, z: (a > 0) & (b > 0) & np.isfinite(c) & (z > -1), closed=False,
    log_density=lambda x, a, b, c, z: ((a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
        - c * np.log1p(z * x) - log_integral(_hyper, -np.inf, np.inf, a, b, c, z)),
    log_cdf=lambda x, *shapes: (log_integral(_hyper, -np.inf, np.arcsinh(logit(x)), *shapes)
        - log_integral(_hyper, -np.inf, np.inf, *shapes)),
    log_survival=lambda x, *shapes: (log_integral(_hyper, np.arcsinh(logit(x)), np.inf, *shapes)
        - log_integral(_hyper, -np.inf, np.inf, *shapes)))

genhyperbolic = Continuous("genhyperbolic", "p a b", LINE,
    lambda p, a, b: np.isfinite(p) & (np.abs(b) < a),
    log_density=lambda z, p, a, b: (p * np.log(_root(a, b)) - (p - 0.5) * np.log(a / np.hypot(1, z))
        + _root(a, b) + b * z - a * np.hypot(1, z) - log_kve(p, _root(a, b))
        + log_kve(p - 0.5, a * np.hypot(1, z)) - LOG_2PI / 2),
    log_cdf=lambda z, p, a, b: log_mixed_cdf(z, p, a, b),
    log_survival=lambda z, p, a, b: log_mixed_cdf(-z, p, a, -b))

geninvgauss = Continuous("geninvgauss", "p b", HALF_LINE, lambda p, b: np.isfinite(p) & (b > 0),
    closed=False,
    log_density=lambda z, p, b: ((p - 1) * np.log(z) - b * (z - 1) ** 2 / (2 * z)
        - math.log(2) - log_kve(p, b)),
    log_cdf=lambda z, p, b: (log_integral(_bessel, -np.inf, np.log(z), p, b)
        - math.log(2) - log_kve(p, b)),
    log_survival=lambda z, p, b: (log_integral(_bessel, np.log(z), np.inf, p, b)
        - math.log(2) - log_kve(p, b)))

tukeylambda = Continuous("tukeylambda", "lam",
    lambda lam: (np.where(lam > 0, -1 / np.where(lam > 0, lam, 1), -np.inf),
                 np.where(lam > 0, 1 / np.where(lam > 0, lam, 1), np.inf)), np.isfinite,
    log_density=lambda z, lam: -_log_tukey_slope(_tukey_logit(z, lam), lam),
    log_cdf=lambda z, lam: log_expit(_tukey_logit(z, lam)),
    log_survival=lambda z, lam: log_expit(-_tukey_logit(z, lam)),
    cumulative=lambda z, lam: expit(_tukey_logit(z, lam)),
    survival=lambda z, lam: expit(-_tukey_logit(z, lam)),
    quantile=lambda q, lam: expm1_over(np.log(q), lam) - expm1_over(np.log1p(-q), lam),
    upper_quantile=lambda q, lam: expm1_over(np.log1p(-q), lam) - expm1_over(np.log(q), lam))

kstwobign = Continuous("kstwobign", "", HALF_LINE, ANY, closed=False,
    log_density=lambda z: np.where(z < 1, _kolmogorov_low(np.minimum(z, 1), True),
        _kolmogorov_high(np.maximum(z, 1), True)),
    log_cdf=lambda z: np.where(z < 1, _kolmogorov_low(np.minimum(z, 1), False),
        np.log1p(-np.exp(_kolmogorov_high(np.maximum(z, 1), False)))),
    log_survival=lambda z: np.where(z < 1,
        np.log1p(-np.exp(_kolmogorov_low(np.minimum(z, 1), False))),
        _kolmogorov_high(np.maximum(z, 1), False)))
# fmt: on


def _bessel(t: Any, v: Any, x: Any) -> Any:
    return v * t - 2 * x * np.sinh(t / 2) ** 2


def log_kve(v: Any, x: Any) -> Any:
    """log(exp(x) K_v(x)), with derivatives in v too (DLMF 10.32.9)."""
    v, x = np.broadcast_arrays(v, x)
    return log_integral(_bessel, -np.inf, np.inf, v, x) - math.log(2)


def _root(a: Any, b: Any) -> Any:
    return np.sqrt((a - b) * (a + b))


def log_mixed_cdf(z: Any, p: Any, a: Any, b: Any) -> Any:
    """Logarithm of the cdf of genhyperbolic: z is normal of mean b w, variance w; w geninvgauss."""

    def integrand(t: Any, z: Any, p: Any, d: Any, b: Any) -> Any:
        variance = np.exp(t) / d
        return log_ndtr((z - b * variance) / np.sqrt(variance)) + _bessel(t, p, d)

    z, p, d, b = np.broadcast_arrays(z, p, _root(a, b), b)
    return log_integral(integrand, -np.inf, np.inf, z, p, d, b) - math.log(2) - log_kve(p, d)


def _hyper(t: Any, a: Any, b: Any, c: Any, z: Any) -> Any:
    """Logarithm of x^a (1-x)^b (1+zx)^-c cosh(t) at the logit sinh(t) of x."""
    x, rest = log_expit(np.sinh(t)), log_expit(-np.sinh(t))
    large = np.log((1 + z) * np.exp(x) + np.exp(rest))
    return a * x + b * rest - c * large + np.logaddexp(t, -t) - math.log(2)


def _tukey(u: Any, lam: Any) -> Any:
    """The quantile of the probability with the logit u."""
    return expm1_over(log_expit(u), lam) - expm1_over(log_expit(-u), lam)


def _log_tukey_slope(u: Any, lam: Any) -> Any:
    """Logarithm of the derivative of the quantile in the probability."""
    return np.logaddexp((lam - 1) * log_expit(u), (lam - 1) * log_expit(-u))


def _tukey_logit(z: Any, lam: Any) -> Any:
    """The logit of the cumulative distribution, of which the quantile is a formula."""
    return _tukey_crossing(z, lam)


@custom_jvp
def _tukey_crossing(z: Any, lam: Any) -> Any:
    def excess(u: Any) -> tuple[Any, Any]:
        return _tukey(u, lam) - z, _tukey_rate(u, lam)

    return crossing(excess, z + 0 * lam, (-np.inf, np.inf))


def _tukey_rate(u: Any, lam: Any) -> Any:
    return np.exp(_log_tukey_slope(u, lam) + log_expit(u) + log_expit(-u))


@_tukey_crossing.defjvp
def _tukey_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    z, lam = primals
    u = _tukey_crossing(z, lam)
    moved = jvp(lambda lam: _tukey(u, lam), (lam,), (tangents[1],))[1]
    return u, (tangents[0] - moved) / _tukey_rate(u, lam)


_ODD = np.arange(1.0, 16.0, 2.0)
_WHOLE = np.arange(1.0, 9.0)


def _kolmogorov_low(z: Any, density: bool) -> Any:
    """Logarithm of the sum of sqrt(2 pi) / z exp(-(k pi / z)^2 / 8) over odd k, or of its slope."""
    z = z[..., None]
    square = (_ODD.astype(z.dtype) * math.pi / (2 * z)) ** 2  # twice the exponent
    factor = (square - 1) / z if density else 1
    lead = square[..., 0] / 2
    sums = np.sum(factor * np.exp(lead[..., None] - square / 2), axis=-1)
    return np.log(sums) - lead + LOG_2PI / 2 - np.log(z[..., 0])


def _kolmogorov_high(z: Any, density: bool) -> Any:
    """Logarithm of twice the sum of (-1)^(k-1) exp(-2 (k z)^2), or of its slope downwards."""
    k = _WHOLE.astype(z.dtype)
    square = 2 * (k * z[..., None]) ** 2
    signs = cast(np.where(k % 2 == 1, 2, -2), z.dtype)
    factor = (4 * k * k * z[..., None] if density else 1) * signs
    lead = square[..., 0]
    return np.log(np.sum(factor * np.exp(lead[..., None] - square), axis=-1)) - lead
