"""Responses of filters to frequencies."""

import math
from typing import Any

import numpy as np

from ...core.avals import dtype_of, is_inexact, shape_of
from ...core.frames import warn
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.operand import operand
from ..floating import as_floating
from .representations import coefficients, sections_of

TURN = 2 * np.pi


def places(worN: Any, whole: bool, fs: Any, include_nyquist: bool = False) -> Any:  # noqa: N803
    """Frequencies in radians per sample: given ones, or a number of equally spaced ones."""
    if worN is None or (np.ndim(operand(worN)) == 0 and not is_inexact(dtype_of(operand(worN)))):
        n = 512 if worN is None else int(worN)
        return np.linspace(0, TURN if whole else np.pi, n, endpoint=include_nyquist and not whole)
    return np.atleast_1d(as_floating(worN)) * (TURN / fs)


def _on_circle(c: Any, w: Any) -> Any:
    """sum_k c[k] exp(-i k w): by a matrix, or, of several filters, by Horner's rule."""
    if len(shape_of(c)) == 1 and len(shape_of(w)) == 1:
        return np.exp(-1j * w[:, None] * np.arange(shape_of(c)[0])) @ (c + 0j)
    z = np.exp(-1j * w)
    total = c[-1] + 0 * z
    for k in range(shape_of(c)[0] - 2, -1, -1):
        total = total * z + c[k]
    return total


@answering
def freqz(
    b: Any, a: Any = 1, worN: Any = 512, whole: bool = False, plot: Any = None,  # noqa: N803
    fs: Any = TURN, include_nyquist: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Response of a digital filter, differentiable in its coefficients and in frequencies.

    Args:
        b, a: numerator and denominator; several filters have further axes.
        worN: frequencies in units of ``fs``; or int, how many from 0 to fs / 2.
        whole: whether they reach fs.
        plot: a function, called with the results.
        fs: sampling frequency, by default 2 pi.
        include_nyquist: whether fs / 2 is the last of the frequencies.

    Returns:
        Frequencies [F], and the complex response [F].

    >>> w, h = freqz(np.array([0.5, 0.5]), worN=np.array([0.0, np.pi]))
    >>> print(abs(h).round(9))
    [1. 0.]
    """
    b, a = np.atleast_1d(as_floating(b)), np.atleast_1d(as_floating(a))
    w = places(worN, whole, fs, include_nyquist)
    h = _on_circle(b, w) / _on_circle(a, w)
    w = w * (operand(fs) / TURN)
    if plot is not None:
        plot(w, h)
    return w, h


@answering
def freqz_zpk(
    z: Any, p: Any, k: Any, worN: Any = 512, whole: bool = False, fs: Any = TURN,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Response of a digital filter given by zeros, poles and gain; see :func:`freqz`.

    >>> print(freqz_zpk(np.array([-1.0]), np.array([]), 0.5, np.array([0.0]))[1])
    [1.+0.j]
    """
    w = places(worN, whole, fs)
    return w * (operand(fs) / TURN), _at_roots(np.exp(1j * w), z, p, k)


def _at_roots(s: Any, z: Any, p: Any, k: Any) -> Any:
    z, p = (np.atleast_1d(as_floating(x)) for x in (z, p))
    factors = lambda roots: np.prod(s[..., None] - roots, axis=-1)
    return operand(k) * factors(z) / factors(p)


@answering
def freqz_sos(
    sos: Any, worN: Any = 512, whole: bool = False, fs: Any = TURN,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Response of a chain of filters of second order; see :func:`freqz`.

    >>> print(freqz_sos(np.array([[1.0, 1, 0, 1, 0, 0]]), np.array([0.0]))[1])
    [2.+0.j]
    """
    sos = sections_of("freqz_sos", sos)
    w = places(worN, whole, fs)
    rows = [_on_circle(r[:3], w) / _on_circle(r[3:], w) for r in (sos[i] for i in range(len(sos)))]
    return w * (operand(fs) / TURN), math.prod(rows[1:], start=rows[0])


@answering
def sosfreqz(
    sos: Any, worN: Any = 512, whole: bool = False, fs: Any = TURN,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """The same as :func:`freqz_sos`, by its older name.

    >>> print(sosfreqz(np.array([[1.0, 1, 0, 1, 0, 0]]), np.array([0.0]))[1])
    [2.+0.j]
    """
    return freqz_sos(sos, worN, whole, fs)


@answering
def group_delay(system: Any, w: Any = 512, whole: bool = False, fs: Any = TURN) -> tuple[Any, Any]:
    """Delay of a digital filter in samples: minus the slope of its phase.

    Args:
        system: the pair (b, a) of numerator and denominator.
        w, whole, fs: see ``worN`` and others of :func:`freqz`.

    Source: Smith 2007, "Introduction to digital filters", section "Numerical computation of group
    delay".

    >>> print(group_delay((np.array([1.0, 2.0, 1.0]), np.array([1.0])), np.array([0.0, 1.0]))[1])
    [1. 1.]
    """
    b, a = (coefficients("group_delay", name, x) for name, x in zip("ba", system, strict=True))
    w = places(w, whole, fs)
    c = np.convolve(b, np.conj(a[::-1]))
    top, bottom = _on_circle(c * np.arange(shape_of(c)[0]), w), _on_circle(c, w)
    values = known(bottom)
    singular = np.abs(np.where(True, bottom, bottom)) < 10 * np.finfo(float).eps
    if values is not None and np.any(np.abs(values) < 10 * np.finfo(float).eps):
        words = "group_delay: the response is 0 at some frequencies, and the delay is set to 0"
        warn(words, UserWarning)
    delay = (top / np.where(singular, 1.0, bottom)).real - (shape_of(a)[0] - 1)
    return w * (operand(fs) / TURN), np.where(singular, 0.0, delay)


@answering
def freqs(
    b: Any, a: Any, worN: Any = 200, plot: Any = None,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Response of an analog filter.

    Args:
        b, a: numerator and denominator.
        worN: frequencies in radians per second; or int, how many, on a logarithmic scale around
            the zeros and poles, whose values must be known.
        plot: a function, called with the results.

    >>> print(freqs(np.array([1.0]), np.array([1.0, 1.0]), np.array([1.0]))[1])
    [0.5-0.5j]
    """
    b, a = coefficients("freqs", "b", b), coefficients("freqs", "a", a)
    w = _analog(worN, lambda n: findfreqs(b, a, n))
    s = 1j * w
    h = np.polyval(b + 0j, s) / np.polyval(a + 0j, s)
    if plot is not None:
        plot(w, h)
    return w, h


def _analog(worN: Any, chosen: Any) -> Any:  # noqa: N803
    if worN is None or (np.ndim(operand(worN)) == 0 and not is_inexact(dtype_of(operand(worN)))):
        return chosen(200 if worN is None else int(worN))
    return np.atleast_1d(as_floating(worN))


@answering
def freqs_zpk(z: Any, p: Any, k: Any, worN: Any = 200) -> tuple[Any, Any]:  # noqa: N803
    """Response of an analog filter given by zeros, poles and gain; see :func:`freqs`.

    >>> print(freqs_zpk(np.array([]), np.array([-1.0]), 1.0, np.array([1.0]))[1])
    [0.5-0.5j]
    """
    w = _analog(worN, lambda n: findfreqs(z, p, n, "zp"))
    return w, _at_roots(1j * w, z, p, k)


@answering
def findfreqs(num: Any, den: Any, N: int, kind: str = "ba") -> Any:  # noqa: N803
    """Frequencies around the zeros and poles of an analog filter, on a logarithmic scale.

    Args:
        num, den: numerator and denominator; of known values.
        N: int, the number of frequencies.
        kind: "ba", or "zp" if zeros and poles are given.

    >>> print(findfreqs(np.array([1.0]), np.array([1.0, 1.0]), 3))
    [ 0.01        0.31622777 10.        ]
    """
    if kind not in ("ba", "zp"):
        raise ValueError(f"findfreqs: kind must be 'ba' or 'zp': got {kind!r}")
    zeros, poles = (np.asarray(_values(x)) for x in (num, den))
    if kind == "ba":
        zeros, poles = np.roots(zeros), np.roots(poles)
    poles = np.atleast_1d(poles) + 0j if np.size(poles) else np.array([-1000.0 + 0j])
    zeros = np.atleast_1d(zeros) + 0j
    near = np.concatenate(
        [poles[poles.imag >= 0], zeros[(np.abs(zeros) < 1e5) & (zeros.imag >= 0)]]
    )
    at_zero = np.abs(near) < 1e-10
    size = np.abs(near.real + at_zero)
    high = np.round(np.log10(np.max(3 * size + 1.5 * near.imag)) + 0.5)
    low = np.round(np.log10(0.1 * np.min(size + 2 * near.imag)) - 0.5)
    return np.logspace(low, high, N)


def _values(x: Any) -> Any:
    found = known(operand(x))
    if found is None:
        raise ValueError("findfreqs: zeros and poles must be known: got traced ones; pass worN")
    return found
