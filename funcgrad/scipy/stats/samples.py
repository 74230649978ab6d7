"""Distributions of statistics of samples: Kolmogorov's and Smirnov's, ranges, sums.

The number n of draws must be known, since formulas are sums of about n terms. z is a point in
standard form.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.loops import fori_loop
from ...core.avals import dtype_of
from ...ops.structure import cast
from ...special import gammaln, log_ndtr
from ...transforms.forward import jvp
from .continuous import log_mass, norm
from .distribution import HALF_LINE, Continuous
from .noncentral import log_scale
from .parts import count, log_choose
from .quadrature import log_integral

_WHOLE = lambda n: (n >= 1) & (np.floor(n) == n)

# fmt: off
irwinhall = Continuous("irwinhall", "n", lambda n: (0, n), _WHOLE,
    log_density=lambda z, n: np.log(_splines(np.minimum(z, n - z), n, 0)[..., 0]),
    cumulative=lambda z, n: _irwin_hall(z, n),
    survival=lambda z, n: _irwin_hall(n - z, n))

ksone = Continuous("ksone", "n", lambda n: (0, 1), _WHOLE, closed=False,
    log_density=lambda z, n: np.log(-_slope(lambda z: _smirnov(z, n), z)),
    cumulative=lambda z, n: np.where(n * z < 1, z * (1 + np.minimum(z, 1 / n)) ** (n - 1),
                                     1 - _smirnov(z, n)),
    survival=lambda z, n: _smirnov(z, n))

kstwo = Continuous("kstwo", "n", lambda n: (0.5 / n, 1), _WHOLE, closed=False,
    log_density=lambda z, n: np.log(_slope(lambda z: _kolmogorov(z, n), z)),
    cumulative=lambda z, n: _kolmogorov(z, n),
    survival=lambda z, n: np.where(_is_far(z, n), 2 * _smirnov(z, n), 1 - _kolmogorov(z, n)))

studentized_range = Continuous("studentized_range", "k df", HALF_LINE,
    lambda k, df: (k > 1) & (df > 0), closed=False,
    log_density=lambda z, k, df: _log_range(_at_range, z, k, df),
    log_cdf=lambda z, k, df: _log_range(_in_range, z, k, df),
    log_survival=lambda z, k, df: _log_range(_beyond_range, z, k, df))
# fmt: on


def _slope(f: Callable[[Any], Any], z: Any) -> Any:
    return jvp(f, (z,), (np.ones_like(z),))[1]


def _irwin_hall(z: Any, n: Any) -> Any:
    return np.sum(_splines(z, n, 1), axis=-1)


def _splines(z: Any, n: Any, more: int) -> Any:
    """The B-spline of order n + more at z, z - 1, ..., by its recursion, whose terms are positive.

    It is the density of the sum of so many uniform numbers.
    """
    most = count("irwinhall", n) + more
    z = z[..., None] - cast(np.arange(most), dtype_of(z))
    y = np.where((z >= 0) & (z < 1), z * 0 + 1, 0)
    found = y
    for m in range(2, most + 1):
        after = np.concatenate([y[..., 1:], y[..., :1] * 0], axis=-1)
        y = (z * y + (m - z) * after) / (m - 1)
        found = np.where(n[..., None] + more == m, y, found)
    return found


def _smirnov(z: Any, n: Any) -> Any:
    """The survival function of ksone.

    Source: Birnbaum & Tingey 1951, Annals of Mathematical Statistics 22.
    """
    j = cast(np.arange(count("ksone", n) + 1), dtype_of(z))
    z, n = z[..., None], n[..., None]
    base = z + j / n
    inside = (base < 1) & (j <= n)
    j, base = np.where(inside, j, 0), np.where(inside, base, 0.5)
    logs = log_choose(n, j) + (j - 1) * np.log(base) + (n - j) * np.log1p(-base)
    return z[..., 0] * np.sum(np.where(inside, np.exp(logs), 0), axis=-1)


def _is_far(z: Any, n: Any) -> Any:
    """Whether both one-sided statistics exceed z with less than 1e-13 of the probability of one."""
    return (n * z * z > 5) | (z >= 0.5)


def _kolmogorov(z: Any, n: Any) -> Any:
    """The cdf of kstwo where z is not far: n! / n^n times an element of the n-th power of a matrix.

    Source: Marsaglia, Tsang & Wang 2003, Journal of Statistical Software 8 (18).
    """
    z, n = np.broadcast_arrays(z, n)
    far, most, dtype = _is_far(z, n), count("kstwo", n), dtype_of(z)
    d = n * np.where(far, 0.5 / n, z)
    k = np.floor(d) + 1
    size = 2 * int(min(math.sqrt(5 * most), most / 2)) + 1
    matrix, row = _durbin(k - d, 2 * k - 1, size), cast(np.arange(size), dtype)
    middle = np.where(row == k[..., None] - 1, z[..., None] * 0 + 1, 0)

    def step(i: Any, v: Any) -> Any:
        moved = np.matmul(matrix, v[..., None])[..., 0] * ((i + 1) / n[..., None])
        return np.where(i < n[..., None], cast(moved, dtype), v)

    y = np.sum(middle * fori_loop(0, most, step, middle), axis=-1)
    return np.where(far, 1 - 2 * _smirnov(np.where(far, z, 0.5), n), y)


def _durbin(h: Any, m: Any, size: int) -> Any:
    """The matrix, of which the first m rows and columns count."""
    i, j = (cast(x, dtype_of(h)) for x in np.ogrid[:size, :size])
    h, m = h[..., None, None], m[..., None, None]
    over = lambda x, power: np.where(power >= 0, np.exp(-gammaln(np.maximum(power, 0) + 1)), 0) * x
    up = i - j + 1
    y = over(1.0, up) - np.where(j == 0, over(h ** (i + 1), i + 1), 0)
    left = np.maximum(m - j, 1)
    last = over(h**left, left) - np.where(j == 0, over(np.maximum(2 * h - 1, 0) ** m, m), 0)
    y = y - np.where(i == m - 1, last, 0)
    return np.where((i < m) & (j < m), y, 0)


# logarithms of integrands over the least x of k normal numbers, whose range is w


def _in_range(x: Any, w: Any, k: Any) -> Any:
    return norm.log_density(x) + (k - 1) * log_mass(x, x + w, w)


def _beyond_range(x: Any, w: Any, k: Any) -> Any:
    all_above = log_ndtr(-x)
    ratio = np.minimum(np.exp(log_ndtr(-x - w) - all_above), 1 - np.finfo(dtype_of(x)).eps)
    some_far = np.log(-np.expm1((k - 1) * np.log1p(-ratio)))
    return norm.log_density(x) + (k - 1) * all_above + some_far


def _at_range(x: Any, w: Any, k: Any) -> Any:
    both = norm.log_density(x) + norm.log_density(x + w)
    return both + np.log(k - 1) + (k - 2) * log_mass(x, x + w, w)


def _log_range(integrand: Callable[..., Any], z: Any, k: Any, df: Any) -> Any:
    """Logarithm of the mean over the scale exp(u) of an integral over x, with w = z exp(u)."""
    z, k, df = np.broadcast_arrays(z, k, np.minimum(df, 1e12))
    shift = 1 if integrand is _at_range else 0

    def whole(v: Any, z: Any, k: Any, df: Any) -> Any:
        u = np.sinh(v)
        w, k = np.broadcast_arrays(z * np.exp(u), k)
        inner = log_integral(integrand, -w - 9, np.full_like(w, 9), w, k, zooms=3)
        return log_scale(u, df) + shift * u + inner + np.log(np.cosh(v))

    def like(v: Any, z: Any, k: Any, df: Any) -> Any:
        u = np.sinh(v)
        w = z * np.exp(u)
        rising = 0 if integrand is _beyond_range else (k - 1 - shift) * (np.log(w) - np.log1p(w))
        falling = 0 if integrand is _in_range else w * w / 4
        return log_scale(u, df) + shift * u + rising - falling + np.log(np.cosh(v))

    y = log_integral(whole, -np.inf, np.inf, z, k, df, like=like)
    return y + np.log(k) - log_integral(log_scale, -np.inf, np.inf, df)
