"""The Faddeeva function w(z) = exp(-z²) erfc(-iz) of complex z, and error functions by it.

In the upper half-plane by the trapezoidal rule and the residues of its poles (Al Azah &
Chandler-Wilde 2021, "Computation of the complex error function using modified trapezoidal rules",
SIAM J. Numer. Anal. 59, equations 2.8 to 2.13, with 12 points), by its power series near 0, and
below by w(z) = 2 exp(-z²) - w(-z). Derivatives of w by the recurrence w' = -2 z w + 2i/sqrt(pi),
and for |z| > 6.5 by the asymptotic series (DLMF 7.12.1).
"""

import math
from typing import Any

import numpy as np

from ..elementwise import exp, mul, neg, square
from ..families import Elementwise
from ..gamma import no_derivative_in
from ..kernels import complex_blocks, complex_of, masked_update, polynomial, repeated

COUNT = 12
SPACING = math.sqrt(math.pi / (COUNT + 1))
POINTS = tuple([(k + 0.5) * SPACING for k in range(COUNT + 1)])
SHIFTED = tuple([k * SPACING for k in range(1, COUNT + 1)])
TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
NEAR = tuple([1 / math.gamma(0.5 * n + 1) for n in range(44, -1, -1)])


def _gaussian(z: Any) -> Any:
    """exp(-z²), whose real exponent is not rounded twice."""
    x, y = z.real, z.imag
    size, angle = np.exp((y - x) * (y + x)), -2 * x * y
    return complex_of(
        np.where(size == 0, 0, size * np.cos(angle)),
        np.where((size == 0) | (angle == 0), 0, size * np.sin(angle)),
    )


def _quadrature(z: Any, points: Any) -> Any:
    squares = z * z
    total = sum(math.exp(-t * t) / (squares - t * t) for t in reversed(points))
    return 2j * SPACING / math.pi * z * total


def _first_quadrant(z: Any) -> Any:
    x, y = z.real, z.imag
    part = x / SPACING - np.floor(x / SPACING)
    middle = (part >= 0.25) & (part <= 0.75)  # away from the points k SPACING
    far = y >= np.maximum(x, math.pi / SPACING)
    turn = np.exp(-2j * math.pi / SPACING * np.where(far, 1, z))
    w = _quadrature(z, POINTS)
    w = np.where(far, w, w + 2 * _gaussian(z) / (1 + turn))
    other = lambda z, turn: (
        _quadrature(z, SHIFTED) + 1j * SPACING / math.pi / z + 2 * _gaussian(z) / (1 - turn)
    )
    return masked_update(w, ~far & middle, other, z, turn)


def _near(z: Any) -> Any:
    """The sum of (iz)**n / gamma(n/2 + 1), for |z| < 1."""
    return polynomial(NEAR, 1j * z)


def _asymptotic(n: int, z: Any) -> Any:
    """The n-th derivative of i/sqrt(pi) times the sum of (2k-1)!! / (2**k z**(2k+1))."""
    term = math.factorial(n) * (-1) ** n * 1j / math.sqrt(math.pi) / z ** (n + 1)

    def step(k: Any, total: Any, term: Any) -> Any:
        ratio = (k - 0.5) * (2 * k + n) * (2 * k + n - 1) / (2 * k * (2 * k - 1))
        new = term * ratio / (z * z)
        term = np.where(np.abs(new) < np.abs(term), new, 0)
        return total + term, term

    return repeated(step, (term, term), 1, 36)[0]


def _upper(z: Any) -> Any:
    """w for imag(z) >= 0."""
    mirrored = z.real < 0
    w = _first_quadrant(np.abs(z.real) + 1j * z.imag)
    w = np.where(mirrored, np.conjugate(w), w)
    far = lambda z: 1j * np.conjugate(z / np.abs(z)) / np.abs(z) / math.sqrt(math.pi)
    w = masked_update(w, np.abs(z) > 1e8, far, z)
    w = masked_update(w, np.isinf(z), lambda: 0)
    return masked_update(w, np.abs(z) < 1, _near, z)


def wofz_of(z: Any) -> Any:
    below = z.imag < 0
    w = _upper(np.where(below, -z, z))
    return masked_update(w, below, lambda z, w: 2 * _gaussian(z) - w, z, w)


def _derivative(n: int, z: Any) -> Any:
    before, now = wofz_of(z), wofz_of(z)
    if n == 0:
        return now
    now = -2 * z * before + 1j * TWO_OVER_ROOT_PI
    g = -2 * z * 2 * _gaussian(z)
    g_before = 2 * _gaussian(z)
    for k in range(1, n):
        before, now = now, -2 * z * now - 2 * k * before
        g_before, g = g, -2 * z * g - 2 * k * g_before
    below = z.imag < 0
    v = np.where(below, -z, z)
    large = (np.abs(z) > 6.5) & (n < 20)

    def far(v: Any, below: Any, g: Any) -> Any:
        w = _asymptotic(n, v)
        return np.where(below, g - (-1) ** n * w, w)

    return masked_update(now, large, far, v, below, g)


def _faddeeva(n: Any, z: Any) -> Any:
    return _derivative(int(np.real(n.flat[0])) if n.size else 0, z)


def _right_half(z: Any) -> tuple[Any, Any]:
    left = z.real < 0
    return np.where(left, -z, z), left


def _erfc(z: Any) -> Any:
    v, left = _right_half(z)
    y = _gaussian(v) * _upper(1j * v)
    y = np.where(left, 2 - y, y)
    return masked_update(y, np.abs(z) < 0.5, lambda z: 1 - _erf_near(z), z)


def _erf(z: Any) -> Any:
    v, left = _right_half(z)
    y = 1 - _gaussian(v) * _upper(1j * v)
    return masked_update(np.where(left, -y, y), np.abs(z) < 2, _erf_near, z)


def _erf_near(z: Any) -> Any:
    """2/sqrt(pi) exp(-z²) times the sum of 2**n z**(2n+1) / (2n+1)!!, or the series without it."""
    swap = np.abs(z.imag) > np.abs(z.real)  # exp(-z²) grows: the other series does not cancel
    squares = z * z

    def step(n: Any, one: Any, two: Any, a: Any, b: Any) -> Any:
        a = a * 2 * squares / (2 * n + 1)
        b = b * -squares / n
        return one + a, two + b / (2 * n + 1), a, b

    one, two, *_ = repeated(step, (z, z, z, z), 1, 60)
    return TWO_OVER_ROOT_PI * np.where(swap, two, _gaussian(z) * one)


# the rules above use these names
faddeeva: Elementwise

# fmt: off
# the n-th derivative of w; the order is a Python scalar
faddeeva = Elementwise("faddeeva", complex_blocks(_faddeeva), no_derivative_in("faddeeva", "n"),
    lambda t, y, n, z: mul(t, faddeeva(n + 1, z)))
complex_erf = Elementwise("complex_erf", complex_blocks(_erf),
    lambda t, y, z: mul(t, mul(TWO_OVER_ROOT_PI, exp(neg(square(z))))))
complex_erfc = Elementwise("complex_erfc", complex_blocks(_erfc),
    lambda t, y, z: mul(t, mul(-TWO_OVER_ROOT_PI, exp(neg(square(z))))))
# fmt: on
