"""Stable distributions: Landau's and, in the parameterization S1, Lévy's.

By Zolotarev's integrals over an angle, of positive functions of one peak; near 0 by power series.
Source: Nolan 1997, "Numerical calculation of stable densities and distribution functions",
Communications in Statistics, Stochastic Models 13, Theorem 1. Cumulative distributions are
integrated by parts, so that their integrands have one scale: the mean of exp(-g) over p in [0, 1]
is the integral of p exp(-g) dg.
"""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import dtype_of
from ...ops.structure import cast
from ...special import expit, gammaln, log_expit
from ...transforms.forward import jvp
from .distribution import ANY, LINE, Continuous
from .quadrature import log_integral

POWERS = 40
HALF_PI = math.pi / 2
LARGEST = 34.0  # of log g: exp(-g) is 0, and g has digits after the point


class Stable(Continuous):
    """Stable distribution, whose location moves by 2 / pi beta scale log(scale) for alpha = 1."""

    @override
    def _split(self, method: str, x: Any, args: Any, given: Any) -> tuple[Any, ...]:
        x, loc, scale, (alpha, beta), good = super()._split(method, x, args, given)
        moved = loc + beta * scale * np.log(scale) / HALF_PI
        return x, np.where(alpha == 1, moved, loc), scale, [alpha, beta], good


# fmt: off
landau = Continuous("landau", "", LINE, ANY,
    log_density=lambda z: _log_density(z, 0 * z + 1, 0 * z + 1),
    cumulative=lambda z: _tail(False, z, 0 * z + 1, 0 * z + 1),
    survival=lambda z: _tail(True, z, 0 * z + 1, 0 * z + 1))

levy_stable = Stable("levy_stable", "alpha beta",
    lambda a, b: (np.where((a < 1) & (b == 1), 0, -np.inf),
                  np.where((a < 1) & (b == -1), 0, np.inf)),
    lambda a, b: (a > 0) & (a <= 2) & (np.abs(b) <= 1), closed=False,
    log_density=lambda z, a, b: _log_density(z, a, b),
    cumulative=lambda z, a, b: _tail(False, z, a, b),
    survival=lambda z, a, b: _tail(True, z, a, b))
# fmt: on


def _sine(x: Any, rest: Any) -> Any:
    """sin(x), where x + rest is pi."""
    return np.sin(np.minimum(x, rest))


def _angles(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """The length c = pi / 2 + theta_0 of the interval of angles; pi - c and pi - a c.

    The last two are 0 for beta = 1 and alpha < 1, and for beta = -1 and alpha > 1.
    """
    low, y = a < 1, HALF_PI * a
    far = HALF_PI * (2 - a)  # 0 for a = 2
    cos, sin = np.where(low, np.cos(y), -np.cos(far)), np.where(low, np.sin(y), np.sin(far))
    lag = np.arctan2((1 - b) * sin * cos, cos * cos + b * sin * sin)  # y - arctan(b tan(y))
    lead = np.arctan2(-(1 + b) * sin * cos, cos * cos - b * sin * sin)  # pi - y - arctan(b tan(y))
    turn = np.arctan(b * sin / cos)
    span = HALF_PI + turn / a
    return span, np.where(low, lag / a, math.pi - span), np.where(low, math.pi - y - turn, lead)


def _of_one(s: Any, rest: Any, z: Any, b: Any) -> Any:
    """log g for alpha = 1 and beta > 0, at the angle s - pi / 2."""
    low = HALF_PI * (1 - b) + b * s
    tangent = np.where(s < HALF_PI, np.tan(s), -np.tan(rest))
    return np.log(low / HALF_PI / _sine(s, rest)) - low / (b * tangent) - HALF_PI * z / b


def _of_other(s: Any, rest: Any, z: Any, a: Any, b: Any) -> Any:
    """log g for alpha other than 1 and z > 0, at the angle s - theta_0."""
    span, lack, less = _angles(a, b)
    sine = _sine(a * s, less + a * rest)
    low = np.sin(np.where(a < 1, lack + (1 - a) * s, less + (a - 1) * rest))
    whole = a * np.log(z / sine) + np.log(np.cos(a * (span - HALF_PI)) * _sine(rest, lack + s))
    return whole / (a - 1) + np.log(low)


def _log_g(v: Any, z: Any, a: Any, b: Any) -> Any:
    """log g, which grows in v: sinh(v) is the logit of p, the share of the angles passed."""
    one = a == 1
    other = np.where(one, 0.5, a)
    span = np.where(one, math.pi, _angles(other, b)[0])
    p, rest = (span * expit(t) for t in (np.sinh(v), -np.sinh(v)))
    up = a <= 1  # above 1, g falls with the angle
    s, rest = np.where(up, p, rest), np.where(up, rest, p)
    of_one = _of_one(s, rest, z, np.where(one, b, 1))
    log = np.where(one, of_one, _of_other(s, rest, np.where(one, 1, z), other, b))
    return np.minimum(log, LARGEST)


def _density_integrand(v: Any, *xs: Any) -> Any:
    """Logarithm of g exp(-g) dp / dv."""
    log, t = _log_g(v, *xs), np.sinh(v)
    return log - np.exp(log) + log_expit(t) + log_expit(-t) + np.log(np.cosh(v))


def _tail_integrand(v: Any, z: Any, a: Any, b: Any, side: Any) -> Any:
    """Logarithm of p exp(-g) dg / dv, or with 1 - p for the side -1."""
    log, slope = jvp(lambda v: _log_g(v, z, a, b), (v,), (np.ones_like(v),))
    rises = slope > 0  # where g is not cut off, or constant to rounding
    log_slope = np.where(rises, np.log(np.where(rises, slope, 1)), -700 - 10 * np.abs(v))
    return log_expit(side * np.sinh(v)) + log + log_slope - np.exp(log)


def _reflected(z: Any, a: Any, b: Any) -> tuple[Any, ...]:
    """Whether to reflect, and parameters with z > 0, or beta > 0 for alpha = 1."""
    z, a, b = np.broadcast_arrays(z, a, b)
    one = a == 1
    flip = np.where(one, b < 0, z < 0)
    z, b = np.where(flip, -z, z), np.where(flip, -b, b)
    b = np.where(one & (b == 0), 1, b)
    return flip, np.where(one | (z > 0), z, z + np.finfo(dtype_of(z)).tiny), a, b


def _log_density(z: Any, a: Any, b: Any) -> Any:
    _, x, alpha, beta = _reflected(z, a, b)
    one = alpha == 1
    other = np.where(one, 0.5, alpha)
    factor = _angles(other, beta)[0] / math.pi * other / (np.abs(other - 1) * np.where(one, 1, x))
    y = log_integral(_density_integrand, -np.inf, np.inf, x, alpha, beta)
    y = y + np.log(np.where(one, HALF_PI / beta, factor))
    y = np.where(_is_near(x, alpha, beta), np.log(_series(x, alpha, beta, 1)), y)
    return np.where(one & (b == 0), -np.log(math.pi * (1 + z * z)), y)


def _tail(upper: bool, z: Any, a: Any, b: Any) -> Any:
    """The survival function or the cdf."""
    flip, x, alpha, beta = _reflected(z, a, b)
    one = alpha == 1
    up = np.where(flip, not upper, upper)
    side = np.where(up == (alpha <= 1), -1, 1)
    log = log_integral(_tail_integrand, -np.inf, np.inf, x, alpha, beta, cast(side, dtype_of(x)))
    first = np.arcsinh(0.8 * np.log(np.finfo(dtype_of(x)).tiny))
    start = np.exp(_log_g(np.full_like(x, first), x, alpha, beta))
    mean = np.exp(log) - np.where(side < 0, np.expm1(-start), 0)
    other = np.where(one, 0.5, alpha)
    share = np.where(one, 1, _angles(other, beta)[0] / math.pi)
    y = np.where(up, share * mean, 1 - share + share * mean)
    near = share - _series(x, alpha, beta, 0)
    y = np.where(_is_near(x, alpha, beta), np.where(up, near, 1 - near), y)
    return np.where(one & (b == 0), np.arctan2(1, np.where(upper, z, -z)) / math.pi, y)


def _is_near(x: Any, a: Any, b: Any) -> Any:
    """Whether the power series around 0 is short."""
    small = x * _rate(np.where(a == 1, 0.5, a), b) < 0.02 ** np.maximum(1, 1 / a)
    return small & (a > 0.3) & ((a > 1) | (np.abs(b) < 0.9)) & (a != 1)


def _rate(a: Any, b: Any) -> Any:
    return np.cos(np.arctan(b * np.tan(HALF_PI * a))) ** (1 / a)


def _series(x: Any, a: Any, b: Any, order: int) -> Any:
    """The density at x where it is near 0, or for order 0 its integral from 0 to x."""
    near = _is_near(x, a, b)
    x, a, b = (np.where(near, y, inner)[..., None] for y, inner in ((x, 0), (a, 1.5), (b, 0)))
    n = cast(np.arange(1, POWERS), dtype_of(x))
    signs = cast(np.where(n % 2 == 1, 1, -1), dtype_of(n)) / (math.pi * (1 if order else n))
    size = np.exp(gammaln(n / a + 1) - gammaln(n + 1) + n * np.log(_rate(a, b)))
    return np.sum(signs * size * x ** (n - order) * np.sin(n * _angles(a, b)[0]), axis=-1)
