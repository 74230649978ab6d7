"""The noncentral families of scipy.stats.

Those of chi-squared and F are mixtures with Poisson weights, the t distribution one over the scale.
z is a point in standard form.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import dtype_of
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...special import (
    betainc,
    betaln,
    gammainc,
    gammaincc,
    gammaln,
    log_ndtr,
    logsumexp,
    xlogy,
)
from .distribution import HALF_LINE, LINE, LOG_2PI, Continuous
from .quadrature import log_integral

TERMS = 170  # 18 standard deviations, from the center on which they do not meet 0

# fmt: off
ncx2 = Continuous("ncx2", "df nc", HALF_LINE, lambda df, nc: (df > 0) & (nc >= 0),
    log_density=lambda z, df, nc: _log_chi(z, df, nc),
    cumulative=lambda z, df, nc: chi_tail(False, z, df, nc),
    survival=lambda z, df, nc: chi_tail(True, z, df, nc))

ncf = Continuous("ncf", "dfn dfd nc", HALF_LINE,
    lambda dfn, dfd, nc: (dfn > 0) & (dfd > 0) & (nc >= 0), closed=False,
    log_density=lambda z, dfn, dfd, nc: _log_f(z, dfn, dfd, nc),
    cumulative=lambda z, dfn, dfd, nc: _f_tail(False, z, dfn, dfd, nc),
    survival=lambda z, dfn, dfd, nc: _f_tail(True, z, dfn, dfd, nc))

nct = Continuous("nct", "df nc", LINE, lambda df, nc: (df > 0) & np.isfinite(nc),
    log_density=lambda z, df, nc: _over_scale(
        lambda u, x: u - (x * x + LOG_2PI) / 2, z, df, nc),
    log_cdf=lambda z, df, nc: _over_scale(lambda u, x: log_ndtr(x), z, df, nc),
    log_survival=lambda z, df, nc: _over_scale(lambda u, x: log_ndtr(x), -z, df, -nc))
# fmt: on


def _likeliest(product: Any, excess: Any) -> Any:
    """The j where product^j / (j! gamma(excess + j + 1)) is largest."""
    return (np.sqrt(np.maximum(excess * excess + 4 * product, 0)) - excess) / 2


def _poisson(nc: Any, likeliest: Any) -> tuple[Any, Any]:
    """Counts j, on a last axis, and the logarithms of Poisson's weights of mean nc / 2.

    Where more than TERMS counts matter, terms are so smooth in j that every second, third, ... one
    gives their sum to rounding: the trapezoidal rule of a function near a normal density.
    """
    dtype = dtype_of(nc)
    mean = (nc / 2 + math.sqrt(np.finfo(dtype).tiny))[..., None]  # its logarithm has a slope at 0
    center = np.floor(np.maximum(stop_gradient(likeliest), 0))[..., None]
    stride = np.maximum(np.ceil(18 * np.sqrt(center + 1) / TERMS), 1)
    first = np.maximum(center - stride * (TERMS // 2), 0)
    j = first + stride * cast(np.arange(TERMS), dtype)
    return j, xlogy(j, mean) - mean - gammaln(j + 1) + np.log(stride)


def _counts_of_chi(z: Any, df: Any, nc: Any) -> tuple[Any, ...]:
    j, log_weights = _poisson(nc, _likeliest(nc * z / 4, df / 2 - 1))
    return (log_weights, df[..., None] / 2 + j, z[..., None] / 2)


def _log_chi(z: Any, df: Any, nc: Any) -> Any:
    log_weights, a, x = _counts_of_chi(*np.broadcast_arrays(z, df, nc))
    return logsumexp(log_weights + xlogy(a - 1, x) - x - gammaln(a), axis=-1) - math.log(2)


def chi_tail(upper: bool, z: Any, df: Any, nc: Any) -> Any:
    """Survival function of ncx2, or its cdf: each from the smaller one.

    >>> print(chi_tail(True, *map(np.array, (2.0, 2.0, 0.0))).round(12))  # exp(-1)
    0.367879441171
    """
    z, df, nc = np.broadcast_arrays(z, df, nc)
    above = z > df + nc
    log_weights, a, x = _counts_of_chi(z, df, nc)
    tails = np.where(above[..., None], gammaincc(a, x), gammainc(a, x))
    smaller = np.sum(np.exp(log_weights) * tails, axis=-1)
    return np.where(above == upper, smaller, 1 - smaller)


def _counts_of_f(z: Any, m: Any, n: Any, nc: Any) -> tuple[Any, ...]:
    x, rest = m * z / (n + m * z), n / (n + m * z)
    j, log_weights = _poisson(
        nc, _likeliest(nc / 2 * x * ((m + n) / 2 - 1), m / 2 - 1 - nc / 2 * x)
    )
    return (log_weights, m[..., None] / 2 + j, *(y[..., None] for y in (n / 2, x, rest)))


def _log_f(z: Any, m: Any, n: Any, nc: Any) -> Any:
    z, *shapes = np.broadcast_arrays(z, m, n, nc)
    log_weights, a, b, x, rest = _counts_of_f(z, *shapes)
    terms = log_weights + a * np.log(x) + b * np.log(rest) - betaln(a, b)
    return logsumexp(terms, axis=-1) - np.log(z)


def _f_tail(upper: bool, z: Any, m: Any, n: Any, nc: Any) -> Any:
    z, m, n, nc = np.broadcast_arrays(z, m, n, nc)
    above = z > (m + nc) / m
    log_weights, a, b, x, rest = _counts_of_f(z, m, n, nc)
    tails = np.where(above[..., None], betainc(b, a, rest), betainc(a, b, x))
    smaller = np.sum(np.exp(log_weights) * tails, axis=-1)
    return np.where(above == upper, smaller, 1 - smaller)


def log_scale(u: Any, df: Any) -> Any:
    """Logarithm of the density of u = log(chi / sqrt(df)), up to a factor of df."""
    return df * (u - np.expm1(2 * u) / 2)


def _over_scale(log_factor: Callable[..., Any], z: Any, df: Any, nc: Any) -> Any:
    """Logarithm of the mean of exp(log_factor(u, z exp(u) - nc))."""
    z, df, nc = np.broadcast_arrays(z, df, nc)
    return log_integral(
        lambda u, z, df, nc: log_factor(u, z * np.exp(u) - nc) + log_scale(u, df),
        -np.inf, np.inf, z, df, nc,
    ) - log_integral(log_scale, -np.inf, np.inf, df)  # fmt: skip
