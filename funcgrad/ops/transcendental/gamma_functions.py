"""The reciprocal gamma function, and log(gamma) and polygamma of complex numbers.

By Stirling's series (DLMF 5.11.1) for |z| >= 8 away from the negative axis, elsewhere by the
recurrence from there, near the zeros 1 and 2 of log(gamma) by its Taylor series (DLMF 5.7.3), and
by reflection (Hare 1997, "Computing the principal branch of log-Gamma", J. Algorithms 25).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..elementwise import mul
from ..families import Elementwise
from ..gamma import (
    HALF_LOG_TAU,
    digamma,
    from_nearest_integer,
    gamma,
    gamma_positive,
    no_derivative_in,
    stirling,
    zeta_positive,
)
from ..kernels import by_blocks, complex_blocks, masked_update, repeated

# Bernoulli numbers B(2), B(4), ...
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510,
    43867 / 798, -174611 / 330, 854513 / 138)  # fmt: skip
TAYLOR = tuple([
    (-1) ** k * float(zeta_positive(np.array([float(k)]), np.array([1.0]))[0]) / k
    for k in range(2, 60)
])  # fmt: skip


def rgamma_of(x: Any) -> Any:
    up = np.where(x < 0.5, 1 - x, x)
    y = np.minimum(up, 170)
    size = 1 / gamma_positive(y)
    size = masked_update(size, up > 170, _of_large, up)

    def below(x: Any, size: Any) -> Any:
        d = from_nearest_integer(x)
        sine = np.where(np.mod(np.rint(x), 2) == 1, -1, 1) * np.sin(math.pi * d)
        return np.where(d == 0, 0, sine / (math.pi * size))

    y = masked_update(size, x < 0.5, below, x, size)
    return np.where(x == np.inf, 0, np.where(x == -np.inf, np.nan, y))


def _of_large(x: Any) -> Any:
    half = np.exp(0.5 * x) / np.power(x, 0.5 * x - 0.25)
    return half * (np.exp(-stirling(x)) / math.sqrt(2 * math.pi)) * half


def _rgamma_slope(t: Any, y: Any, x: Any) -> Any:
    """-psi(x) / gamma(x); by reflection for x < 1/2: cos(pi x) gamma(1-x) - psi(1-x) / gamma(x)."""
    low = np.less(x, 0.5)
    n = np.rint(x)
    cosine = np.cos(math.pi * (x - n)) * np.where(np.mod(n, 2) == 1, -1.0, 1.0)
    reflected = np.where(low, 1 - x, x)
    more = np.where(low, cosine * gamma(np.where(low, reflected, 1.0)), 0.0)
    return mul(t, more - y * digamma(reflected))


def _riemann_zeta(s: Any) -> Any:
    """zeta(s) of any real s, below 0 by its functional equation, DLMF 25.4.1."""
    one = np.ones_like(s)
    y = zeta_positive(np.where((s >= 0) & (s != 1) & (s < np.inf), s, 2), one)

    def below(s: Any) -> Any:
        up = 1 - s
        d = from_nearest_integer(0.5 * s)
        sine = np.where(np.mod(np.rint(0.5 * s), 2) == 1, -1, 1) * np.sin(math.pi * d)
        half = np.power(2 * math.pi, 0.5 * s) * np.sqrt(gamma_positive(up))
        zeta = zeta_positive(up, np.ones_like(s))
        return np.where(d == 0, 0, half * sine / math.pi * half * zeta)

    y = masked_update(y, s < 0, below, s)
    return np.where(s == 1, np.inf, np.where(s == np.inf, 1, np.where(np.isnan(s), np.nan, y)))


def _loggamma_far(z: Any) -> Any:
    total, v = np.zeros_like(z), 1 / (z * z)
    for k in range(len(BERNOULLI), 0, -1):
        total = total * v + BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return (z - 0.5) * np.log(z) - z + HALF_LOG_TAU + total / z


def _loggamma_near(w: Any) -> Any:
    """log(gamma(1 + w)) for |w| <= 1/2."""
    total = np.zeros_like(w)
    for c in reversed(TAYLOR):
        total = (total + c) * w
    return (total - np.euler_gamma) * w


def _loggamma(z: Any) -> Any:
    """The principal branch, continuous from above on the negative axis."""
    return np.where(np.isnan(z), np.nan, _mirrored(_loggamma_above, z))


def _mirrored(function: Callable[[Any], Any], z: Any) -> Any:
    """By f(conj(z)) = conj(f(z)), a function for imag(z) >= 0."""
    below = np.signbit(z.imag)
    y = function(np.where(below, np.conjugate(z), z))
    return np.where(below, np.conjugate(y), y)


def _loggamma_above(z: Any) -> Any:
    def reflected(z: Any) -> Any:  # Hare 1997, proposition 3.1
        turns = 2 * math.pi * np.floor(0.5 * z.real + 0.25)
        rest = _log_sine(z) + _mirrored(_loggamma_right, 1 - z)
        return math.log(math.pi) + 1j * turns - rest

    low = (z.real < 0.1) & ~((np.abs(z) > 8) & (z.imag > 8))
    y = masked_update(_loggamma_right(z), low, reflected, z)
    pole = (z.imag == 0) & (z.real <= 0) & (from_nearest_integer(z.real) == 0)
    return np.where(pole, np.inf, np.where(z.real == np.inf, np.inf, y))


def _loggamma_right(z: Any) -> Any:
    """log(gamma(z)) for real(z) >= 0.1 or imag(z) > 8."""
    far = (np.abs(z) > 8) & ((z.real > 0) | (z.imag > 8))
    y = _loggamma_far(np.where(far, z, 8))

    def shifted(z: Any) -> Any:
        log, w = np.zeros_like(z), z
        for _ in range(8):
            log = log + np.where(w.real < 7, np.log(w), 0)
            w = w + (w.real < 7)
        return _loggamma_far(w) - log

    def lowered(z: Any) -> Any:
        """By log(gamma(1 + w)) with Re(w) in [-1/2, 1/2], whose zeros keep their digits."""
        log, w = np.zeros_like(z), z - 1
        for _ in range(8):
            high = w.real > 0.5
            log = log + np.where(high, np.where(w.real < 1.5, _log1p(w - 1), np.log(w)), 0)
            w = w - high
        log = log - np.where(w.real < -0.5, np.log(w + 1), 0)
        return _loggamma_near(w + (w.real < -0.5)) + log

    middle = ~far & (z.real >= 0.1)
    y = masked_update(y, middle, shifted, z)
    return masked_update(y, middle & (z.imag < 0.5), lowered, z)


def _log1p(w: Any) -> Any:
    """log(1 + w), whose real part NumPy's log1p rounds."""
    x, y = w.real, w.imag
    return 0.5 * np.log1p(2 * x + (x * x + y * y)) + 1j * np.arctan2(y, 1 + x)


def _log_sine(z: Any) -> Any:
    """Principal log(sin(pi z)) for imag(z) >= 0."""
    d, n = from_nearest_integer(z.real), np.rint(z.real)
    sign = np.where(np.mod(n, 2) == 1, -1, 1)
    height = math.pi * np.minimum(z.imag, 200)
    x = sign * np.sin(math.pi * d) * np.cosh(height)
    y = sign * np.cos(math.pi * d) * np.sinh(height)  # it may be -0
    return np.log(np.hypot(x, y)) + 1j * np.arctan2(y, x)


def _polygamma_far(n: int, z: Any) -> Any:
    """DLMF 5.11.2 and its derivatives, without the sign (-1)**(n+1)."""
    v = 1 / (z * z)
    total = np.zeros_like(z)
    for k in range(len(BERNOULLI), 0, -1):
        factor = BERNOULLI[k - 1] * (
            1 / (2 * k) if n == 0 else math.prod(range(2 * k + 1, 2 * k + n))
        )
        total = total * v + factor
    total = total * v
    if n == 0:
        return -np.log(z) + 0.5 / z + total
    lead = math.factorial(n - 1) + math.factorial(n) / (2 * z)
    return (lead + total) / z**n


def _polygamma(n: int, z: Any) -> Any:
    sign, top = (-1) ** (n + 1), 14 + n
    factor = float(math.factorial(n))
    far = (np.abs(z) > top) & ((z.real > 0) | (np.abs(z.imag) > top))
    steps = np.ceil(np.maximum(top - z.real, 0))
    count = np.where(far | ~np.isfinite(steps), 0, np.minimum(steps, 1e4))

    def step(k: Any, w: Any, sum: Any) -> Any:
        more = k < count
        sum = sum + np.where(more, factor / w ** (n + 1), 0)
        return np.where(more, w + 1, w), sum

    w, sum = repeated(step, (z, np.zeros_like(z)), 0, count.max(initial=0))
    y = sign * (_polygamma_far(n, w) + sum)
    return np.where((z.real < -9000) & ~far, np.nan, y)


def _digamma(z: Any) -> Any:
    low = z.real < 0
    y = _polygamma(0, np.where(low, 1 - z, z))

    def reflected(z: Any, y: Any) -> Any:
        d = from_nearest_integer(z.real) + 1j * np.clip(z.imag, -30, 30)
        return y - math.pi / np.tan(math.pi * d)

    return masked_update(y, low, reflected, z, y)


def _complex_polygamma(n: Any, z: Any) -> Any:
    order = int(np.real(n.flat[0])) if n.size else 0
    if order == -1:
        return _loggamma(z)
    return _digamma(z) if order == 0 else _polygamma(order, z)


# the rules above use these names
complex_polygamma: Elementwise

# fmt: off
riemann_zeta = Elementwise("riemann_zeta", by_blocks(_riemann_zeta),
    no_derivative_in("zeta", "x"))
rgamma = Elementwise("rgamma", by_blocks(rgamma_of), _rgamma_slope)
# the derivative of order n + 1 of log(gamma(z)); the order n >= -1 is a Python scalar
complex_polygamma = Elementwise("complex_polygamma", complex_blocks(_complex_polygamma),
    no_derivative_in("complex_polygamma", "n"),
    lambda t, y, n, z: mul(t, complex_polygamma(n + 1, z)))
# fmt: on
