"""Exponential, sine, cosine, Fresnel and Dawson integrals, and the dilogarithm."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of, real_dtype
from ..ops.operand import half_in_single, operand
from ..ops.structure import cast
from ..ops.transcendental import exponential_integrals as ops, faddeeva


@half_in_single
def expn(n: Any, x: Any) -> Any:
    """Exponential integral E_n: integral of exp(-x t) / t**n over t > 1; nan for x < 0.

    Args:
        n: nonnegative integers, without a derivative.
        x: array that broadcasts against ``n``.

    >>> print(expn(2, 1.0).round(12))
    0.148495506776
    """
    return ops.expn(operand(n), operand(x))


@half_in_single
def exp1(x: Any) -> Any:
    """Exponential integral E_1: integral of exp(-t) / t from x on; nan for x < 0.

    >>> print(exp1(1.0).round(12))
    0.219383934396
    """
    return expn(1, x)


@half_in_single
def expi(x: Any) -> Any:
    """Exponential integral Ei: principal value of the integral of exp(t) / t up to x.

    >>> print(expi(1.0).round(12))
    1.895117816356
    """
    return ops.expi(operand(x))


@half_in_single
def sici(x: Any) -> tuple[Any, Any]:
    """Integrals of sin(t) / t from 0 to x, and of -cos(t) / t from x on.

    Returns:
        (si, ci)

    >>> si, ci = sici(1.0)
    >>> print(si.round(12), ci.round(12))
    0.946083070367 0.337403922901
    """
    x = operand(x)
    return ops.sine_integral(x), ops.cosine_integral(x)


@half_in_single
def shichi(x: Any) -> tuple[Any, Any]:
    """The hyperbolic sine and cosine integrals, (Ei(x) + E_1(x)) / 2 and (Ei(x) - E_1(x)) / 2.

    Returns:
        (shi, chi)

    >>> shi, chi = shichi(1.0)
    >>> print(shi.round(12), chi.round(12))
    1.057250875376 0.83786694098
    """
    x = operand(x)
    size = np.abs(x)
    near = np.less(size, 1)
    far = np.where(near, 1.0, size)
    inner = np.where(near, x, 0.0)
    term: Any = inner
    total: Any = inner
    for k in range(1, 10):
        term = term * inner * inner / (2 * k * (2 * k + 1))
        total = total + term / (2 * k + 1)
    large, small = expi(far), exp1(far)
    shi = np.where(near, total, np.sign(x) * (0.5 * large + 0.5 * small))
    return shi, 0.5 * expi(size) - 0.5 * exp1(size)


@half_in_single
def fresnel(x: Any) -> tuple[Any, Any]:
    """Integrals of sin(pi t**2 / 2) and of cos(pi t**2 / 2) from 0 to x.

    Returns:
        (s, c)

    >>> s, c = fresnel(1.0)
    >>> print(s.round(12), c.round(12))
    0.43825914739 0.779893400377
    """
    x = operand(x)
    return ops.fresnel_s(x), ops.fresnel_c(x)


@half_in_single
def spence(x: Any) -> Any:
    """Dilogarithm Li2(1 - x): integral of log(t) / (1 - t) from 1 to x; nan for x < 0.

    >>> print(spence(0.0).round(12))
    1.644934066848
    """
    return ops.spence(operand(x))


def _is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


def _of_real(x: Any) -> Any:
    return cast(x, np.result_type(dtype_of(x), np.complex64))


@half_in_single
def wofz(z: Any) -> Any:
    """Faddeeva function exp(-z**2) erfc(-i z), complex.

    >>> print(wofz(1.0j).real.round(12))
    0.427583576156
    """
    return faddeeva.faddeeva(0, operand(z))


def _faddeeva_of(x: Any) -> Any:
    """wofz, of a real operand in the precision of its dtype."""
    return faddeeva.faddeeva(0, x if _is_complex(x) else _of_real(x))


@half_in_single
def dawsn(x: Any) -> Any:
    """Dawson's integral exp(-x**2) * integral of exp(t**2) from 0 to x, also of complex x.

    >>> print(dawsn(1.0).round(12))
    0.538079506913
    """
    x = operand(x)
    if _is_complex(x):  # w(z) - exp(-z**2) cancels near 0: there by erfi
        near = np.less(np.abs(x), 1)
        z = np.where(near, 1.0, x)
        by_w = 0.5j * np.sqrt(np.pi) * (np.exp(-z * z) - wofz(z))
        v = np.where(near, x, 0.0)
        by_erf = -0.5j * np.sqrt(np.pi) * np.exp(-v * v) * faddeeva.complex_erf(1j * v)
        return np.where(near, by_erf, by_w)
    x = _floating(x)
    return np.imag(_faddeeva_of(x)) * np.asarray(0.5 * np.sqrt(np.pi), real_dtype(dtype_of(x)))


@half_in_single
def erfi(x: Any) -> Any:
    """Imaginary error function -i erf(i x), also of complex x.

    >>> print(erfi(1.0).round(12))
    1.650425758798
    """
    x = operand(x)
    if _is_complex(x):
        return -1j * faddeeva.complex_erf(1j * x)
    kind = dtype_of(_floating(x))
    x = cast(x, np.float64)
    half = np.exp(0.5 * x * x)  # half of the exponential, which would overflow
    return cast(half * np.imag(_faddeeva_of(x)) * half, kind)


def _floating(x: Any) -> Any:
    return cast(x, np.float64) if dtype_of(x).kind in "biu" else x


@half_in_single
def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
    """Density of the sum of a normal and a Cauchy variable, of scales ``sigma`` and ``gamma``.

    Args:
        x: points.
        sigma: standard deviation, positive.
        gamma: half width at half maximum of the Cauchy distribution.

    >>> print(voigt_profile(0.0, 1.0, 1.0).round(12))
    0.20870928052
    """
    x, sigma, gamma = _floating(operand(x)), _floating(operand(sigma)), _floating(operand(gamma))
    scale = sigma * np.sqrt(2.0)
    return np.real(wofz((x + 1j * gamma) / scale)) / (scale * np.sqrt(np.pi))


def _modified_fresnel(x: Any, sign: int) -> tuple[Any, Any]:
    x = _floating(operand(x))
    turn = complex(math.sqrt(0.5), sign * math.sqrt(0.5))
    f = (0.5 * math.sqrt(math.pi) * turn) * faddeeva.complex_erfc(turn.conjugate() * x)
    k = np.exp(-1j * sign * (x * x + 0.25 * math.pi)) * f / math.sqrt(math.pi)
    return f, k


@half_in_single
def modfresnelp(x: Any) -> tuple[Any, Any]:
    """Integral of exp(i t**2) from x on, and this times exp(-i (x**2 + pi/4)) / sqrt(pi).

    >>> print(modfresnelp(0.0)[0].round(6))
    (0.626657+0.626657j)
    """
    return _modified_fresnel(x, 1)


@half_in_single
def modfresnelm(x: Any) -> tuple[Any, Any]:
    """Integral of exp(-i t**2) from x on, and this times exp(i (x**2 + pi/4)) / sqrt(pi).

    >>> print(modfresnelm(0.0)[0].round(6))
    (0.626657-0.626657j)
    """
    return _modified_fresnel(x, -1)
