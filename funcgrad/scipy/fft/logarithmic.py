"""Hankel transforms of samples at logarithmic distances.

Source: Hamilton 2000, "Uncorrelated modes of the non-linear power spectrum", appendix B (MNRAS
312).
"""

import math
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.lazy import answering
from ...ops.operand import operand
from ...special import loggamma
from ..floating import as_floating


def _coefficients(n: int, dln: Any, mu: Any, offset: Any, bias: Any) -> Any:
    """The transform of the kernel: (k r)**(-2 i m pi / (n dln)) U(bias + 2 i m pi / (n dln))."""
    y = np.pi * np.arange(n // 2 + 1) / (n * dln)
    above, below = (mu + 1 + bias) / 2, (mu + 1 - bias) / 2
    top, bottom = loggamma(above + 1j * y), loggamma(below + 1j * y)
    length = top.real - bottom.real + math.log(2) * bias
    turn = top.imag + bottom.imag + 2 * y * (math.log(2) - offset)
    u = np.exp(length + 1j * turn)
    if n % 2 == 0:  # the last one is real
        u = np.concatenate([u[:-1], np.exp(length[-1:]) * np.cos(turn[-1:]) + 0j])
    return u


def _places(n: int) -> np.ndarray:
    return np.arange(n) - (n - 1) / 2


@answering
def fht(a: Any, dln: Any, mu: Any, offset: Any = 0.0, bias: Any = 0.0) -> Any:
    """Hankel transform of samples at places of equal ratios, differentiable in all arguments.

    Args:
        a: samples at r_j = r_c exp((j - (n - 1) / 2) dln), shape [..., n].
        dln: logarithm of the ratio of neighbouring places.
        mu: order of the Bessel function.
        offset: log(k_c r_c), of the centers.
        bias: exponent of the power r**bias by which the samples are divided.

    >>> r = np.exp((np.arange(64) - 31.5) * 0.2)
    >>> print(fht(r * np.exp(-r * r / 2), 0.2, 0.0)[31:33].round(3))
    [0.601 0.6  ]
    """
    a = as_floating(a)
    n = shape_of(a)[-1]
    dln, mu, offset, bias = (operand(x) for x in (dln, mu, offset, bias))
    a = a * np.exp(-bias * _places(n) * dln)
    found = np.fft.irfft(np.fft.rfft(a) * _coefficients(n, dln, mu, offset, bias), n)[..., ::-1]
    return found * np.exp(-bias * (_places(n) * dln + offset))


@answering
def ifht(A: Any, dln: Any, mu: Any, offset: Any = 0.0, bias: Any = 0.0) -> Any:  # noqa: N803
    """Inverse of :func:`fht`.

    >>> a = np.exp(-np.arange(-8.0, 8.0) ** 2 / 8)
    >>> print(np.allclose(ifht(fht(a, 0.3, 0.5), 0.3, 0.5), a))
    True
    """
    A = as_floating(A)  # noqa: N806
    n = shape_of(A)[-1]
    dln, mu, offset, bias = (operand(x) for x in (dln, mu, offset, bias))
    A = A * np.exp(bias * (_places(n) * dln + offset))  # noqa: N806
    u = np.conj(_coefficients(n, dln, mu, offset, bias))
    return np.fft.irfft(np.fft.rfft(A) / u, n)[..., ::-1] * np.exp(bias * _places(n) * dln)


@answering
def fhtoffset(dln: Any, mu: Any, initial: Any = 0.0, bias: Any = 0.0) -> Any:
    """The offset nearest to ``initial`` at which :func:`fht` has little ringing.

    >>> print(round(fhtoffset(0.1, 2.0, 0.5), 6))
    0.545458
    """
    dln, mu, initial, bias = (operand(x) for x in (dln, mu, initial, bias))
    y = np.pi / (2 * dln)
    top, bottom = loggamma((mu + 1 + bias) / 2 + 1j * y), loggamma((mu + 1 - bias) / 2 + 1j * y)
    turn = (math.log(2) - initial) / dln + (top.imag + bottom.imag) / np.pi
    return initial + (turn - np.round(turn)) * dln
