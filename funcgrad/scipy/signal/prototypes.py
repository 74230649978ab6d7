"""Analog lowpass filters of cutoff 1, from which others are made.

Source: Oppenheim & Schafer 2010, "Discrete-time signal processing", appendix B; of elliptic filters
Orfanidis 2006, "Lecture notes on elliptic filter design".
"""

import math
import operator
from typing import Any

import numpy as np

from ...core.errors import shown
from ...core.lazy import answering
from ...special import ellipj, ellipk, ellipkm1, elliprf

Roots = tuple[Any, Any, Any]
_TERMS = 8  # of theta functions, whose nome is below 0.5 for all that can be asked


def order_of(who: str, n: Any) -> int:
    """The order of a filter."""
    try:
        n = operator.index(n)
    except TypeError:
        n = -1
    if n < 0:
        raise ValueError(f"{who}: N must be an integer of at least 0: got {shown(n)}; write N=4")
    return n


def _angles(n: int) -> np.ndarray:
    return np.pi * np.arange(-n + 1, n, 2) / (2 * n)


def _product(roots: Any) -> Any:
    """The product of -root, which is real."""
    return np.prod(-roots).real


def _ripple(decibels: Any) -> Any:
    """eps**2 of a passband whose gain falls to ``decibels`` below 1."""
    return np.expm1(0.1 * math.log(10) * decibels)


@answering
def buttap(N: int) -> Roots:  # noqa: N803
    """Zeros, poles and gain of Butterworth's prototype of order N.

    >>> print(buttap(1))
    (array([], dtype=float64), array([-1.-0.j]), 1)
    """
    n = order_of("buttap", N)
    poles = -np.exp(1j * _angles(n)) if n else np.zeros(0)
    return np.array([]), poles, 1


@answering
def cheb1ap(N: int, rp: Any) -> Roots:  # noqa: N803
    """Zeros, poles and gain of Chebyshev's prototype of type I.

    Args:
        N: int, the order.
        rp: ripple in the passband, in decibels.

    >>> print(cheb1ap(1, 3.0)[2].round(4))
    1.0024
    """
    n = order_of("cheb1ap", N)
    if not n:
        return np.array([]), np.zeros(0), 10 ** (-rp / 20)
    squared = _ripple(rp)
    mu = np.arcsinh(1 / np.sqrt(squared)) / n
    poles = -np.sinh(mu + 1j * _angles(n))
    k = _product(poles)
    return np.array([]), poles, (k if n % 2 else k / np.sqrt(1 + squared))


@answering
def cheb2ap(N: int, rs: Any) -> Roots:  # noqa: N803
    """Zeros, poles and gain of Chebyshev's prototype of type II.

    Args:
        N: int, the order.
        rs: attenuation in the stopband, in decibels.

    >>> print(cheb2ap(1, 20.0)[2].round(4))
    0.1005
    """
    n = order_of("cheb2ap", N)
    if not n:
        return np.array([]), np.zeros(0), 1
    mu = np.arcsinh(np.sqrt(_ripple(rs))) / n
    angles = _angles(n)
    zeros = 1j / np.sin(angles[angles != 0])
    on_circle = -np.exp(1j * angles)
    poles = 1 / (np.sinh(mu) * on_circle.real + 1j * np.cosh(mu) * on_circle.imag)
    return zeros, poles, _product(poles) / _product(zeros)


@answering
def ellipap(N: int, rp: Any, rs: Any) -> Roots:  # noqa: N803
    """Zeros, poles and gain of Cauer's elliptic prototype.

    Args:
        N: int, the order.
        rp, rs: ripple in the passband and attenuation in the stopband, in decibels.

    >>> print(ellipap(2, 1.0, 40.0)[2].round(4))
    0.01
    """
    n = order_of("ellipap", N)
    if not n:
        return np.array([]), np.zeros(0), 10 ** (-rp / 20)
    squared = _ripple(rp)
    if n == 1:
        k = np.sqrt(1 / squared)
        return np.array([]), -np.stack([k]) + 0j, k
    small = squared / _ripple(rs)  # the parameter m1 of the discrimination
    m = _degree(n, small)
    quarter = ellipk(m)
    # the inverse of sc at 1 / eps, with the complementary parameter
    r = elliprf(squared, squared + small, 1 + squared)
    v = quarter * r / (n * ellipk(small))
    steps = np.arange(1 - n % 2, n, 2) / n
    s, c, d, _ = ellipj(steps * quarter, m)
    sv, cv, dv, _ = ellipj(v, 1 - m)
    first = n % 2
    upper = 1j / (np.sqrt(m) * s[first:])
    zeros = np.concatenate([upper, np.conj(upper)])
    poles = -(c * d * sv * cv + 1j * s * dv) / (1 - (d * sv) ** 2)
    poles = np.concatenate([poles, np.conj(poles[first:])])
    k = _product(poles) / _product(zeros)
    return zeros, poles, (k if n % 2 else k / np.sqrt(1 + squared))


def _degree(n: int, m1: Any) -> Any:
    """The parameter m with n K'/K = K1'/K1, by the nome."""
    q = np.exp(-np.pi * ellipkm1(m1) / ellipk(m1) / n)
    k = np.arange(_TERMS)
    above = np.sum(q ** (k * (k + 1)))
    below = 1 + 2 * np.sum(q ** (k[1:] ** 2))
    return 16 * q * (above / below) ** 4


@answering
def besselap(N: int, norm: str = "phase") -> Roots:  # noqa: N803
    """Zeros, poles and gain of Bessel's prototype, all constants.

    Args:
        N: int, the order, at most 25.
        norm: "phase", the phase at 1 is half of that at infinity; "delay", the delay at 0 is 1; or
            "mag", the gain at 1 is 1 / sqrt(2).

    Source: Pasquini 2000, "Accurate computation of the zeros of the generalized Bessel polynomials"
    (Numer. Math. 86): eigenvalues of a tridiagonal matrix.

    >>> print(besselap(1))
    (array([], dtype=float64), array([-1.-0.j]), 1)
    """
    n = order_of("besselap", N)
    if norm not in ("phase", "delay", "mag"):
        raise ValueError(f"besselap: norm must be 'phase', 'delay' or 'mag': got {shown(norm)}")
    if not n:
        return np.array([]), np.zeros(0), 1
    poles = _bessel_poles(n)
    last = math.factorial(2 * n) / math.factorial(n) / 2**n
    if norm == "phase":
        return np.array([]), poles * 10 ** (-math.log10(last) / n), 1
    if norm == "delay":
        return np.array([]), poles, last
    scale = _half_power(poles, last)
    return np.array([]), poles / scale, last * scale**-n


def _bessel_poles(n: int) -> np.ndarray:
    k = np.arange(1.0, n)
    side = 1 / np.sqrt((2 * k - 1) * (2 * k + 1))
    matrix = np.diag(side, 1) - np.diag(side, -1)
    matrix[0, 0] = -1
    found = np.linalg.eigvals(matrix)
    found = found[np.argsort(found.imag)] + 0j
    return 1 / ((found + found[::-1].conj()) / 2)


def _half_power(poles: np.ndarray, gain: float) -> float:
    """The frequency at which the gain is 1 / sqrt(2), by bisection."""
    low, high = 0.0, 2.0 * len(poles)
    for _ in range(80):
        middle = (low + high) / 2
        above = abs(gain / np.prod(1j * middle - poles)) > math.sqrt(0.5)
        low, high = (middle, high) if above else (low, middle)
    return (low + high) / 2
