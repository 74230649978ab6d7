"""Responses of linear systems to frequencies."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.lazy import answering
from . import representations as rep
from .discretisation import arrays_of, space_of
from .responses import freqs, freqs_zpk, freqz, freqz_zpk


def _response(
    arrays: tuple[Any, ...], w: Any, polynomials: Callable[..., Any], roots: Callable[..., Any],
) -> Any:  # fmt: skip
    if len(arrays) == 3:
        return roots(*arrays, w)
    found = arrays if len(arrays) == 2 else rep.ss2tf(*space_of(arrays))
    b, a = rep.normalize(*found)
    return polynomials(b, a, w)


@answering
def freqresp(system: Any, w: Any = None, n: int = 10000) -> tuple[Any, Any]:
    """Response of a continuous system to frequencies.

    Args:
        system: see :func:`lti`.
        w: frequencies in radians per second; by default n of them around zeros and poles.

    Returns:
        Frequencies [n], and the complex response [n].

    >>> print(freqresp((np.array([1.0]), np.array([1.0, 1.0])), np.array([1.0]))[1])
    [0.5-0.5j]
    """
    arrays, _ = arrays_of("freqresp", system, False)
    return _response(arrays, n if w is None else w, freqs, freqs_zpk)


@answering
def bode(system: Any, w: Any = None, n: int = 100) -> tuple[Any, Any, Any]:
    """Magnitude and phase of the response of a continuous system; see :func:`freqresp`.

    Returns:
        Frequencies, magnitudes in decibels, and phases in degrees.

    >>> print(bode((np.array([1.0]), np.array([1.0, 1.0])), np.array([1.0]))[2])
    [-45.]
    """
    arrays, _ = arrays_of("bode", system, False)
    return _decibels(*_response(arrays, n if w is None else w, freqs, freqs_zpk))


def _decibels(w: Any, h: Any) -> tuple[Any, Any, Any]:
    return w, 20 * np.log10(np.abs(h)), np.unwrap(np.angle(h)) * (180 / np.pi)


@answering
def dfreqresp(system: Any, w: Any = None, n: int = 10000, whole: bool = False) -> tuple[Any, Any]:
    """Response of a discrete system to frequencies.

    Args:
        system: see :func:`dlti`.
        w: frequencies in radians per sample; by default n of them, below pi or, if ``whole``, 2 pi.

    >>> print(dfreqresp((np.array([1.0]), np.array([1.0, -0.5]), 1.0), np.array([0.0]))[1])
    [2.+0.j]
    """
    arrays, _ = arrays_of("dfreqresp", system, True)
    return _discrete(arrays, w, n, whole)


def _discrete(arrays: tuple[Any, ...], w: Any, n: int, whole: bool) -> Any:
    """The response, of polynomials in z: the shorter numerator begins with zeros."""

    def polynomials(b: Any, a: Any, at: Any) -> Any:
        short = a.shape[0] - b.shape[0]
        b, a = (np.concatenate([np.zeros(max(k, 0)), x]) for k, x in ((short, b), (-short, a)))
        return freqz(b, a, at, whole)

    return _response(arrays, n if w is None else w, polynomials,
                     lambda z, p, k, at: freqz_zpk(z, p, k, at, whole))  # fmt: skip


@answering
def dbode(system: Any, w: Any = None, n: int = 100) -> tuple[Any, Any, Any]:
    """Magnitude and phase of the response of a discrete system; see :func:`bode`.

    >>> print(dbode((np.array([1.0]), np.array([1.0, -0.5]), 1.0), np.array([0.0]))[1].round(4))
    [6.0206]
    """
    arrays, dt = arrays_of("dbode", system, True)
    w, h = _discrete(arrays, w, n, False)
    return _decibels(w / dt, h)
