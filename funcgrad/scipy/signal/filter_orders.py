"""The least order of a recursive filter for given bands, which is a constant, and its frequencies.

Orders need known values. Frequencies are differentiable for a fixed order, but those of bandstop
filters, which a search finds.

Source: Rabiner & Gold 1975, "Theory and application of digital signal processing", chapter 4.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ConcretizationError, ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...core.trace import Tracer
from ...numpy.indexing import known
from ...ops.operand import operand
from ...special import ellipk, ellipkm1
from .recursive_design import chosen, frequencies, iirfilter

Order = Callable[[Any], Any]  # of the ratio of stopband and passband
_GOLDEN = (math.sqrt(5) - 1) / 2


def _ripples(gpass: Any, gstop: Any) -> Any:
    """The ratio of the squared deviations of the stopband and the passband."""
    power = lambda g: np.expm1(0.1 * math.log(10) * operand(g))
    return power(gstop) / power(gpass)


class _Bands:
    """Edges of the passband and the stopband of an analog filter."""

    def __init__(
        self, who: str, wp: Any, ws: Any, gpass: Any, gstop: Any, analog: bool, fs: Any
    ) -> None:
        self.analog, self.fs = analog, fs
        edges = [np.atleast_1d(frequencies(who, w, analog, fs)) for w in (wp, ws)]
        if shape_of(edges[0]) != shape_of(edges[1]) or shape_of(edges[0])[0] not in (1, 2):
            raise ShapeError(f"{who}: wp and ws must have one or two elements each: got "
                             f"{shown(wp)} and {shown(ws)}")  # fmt: skip
        gains = known(operand(gpass)), known(operand(gstop))
        if any(known(x) is None for x in (*edges, operand(gpass), operand(gstop))):
            raise ConcretizationError(
                f"{who}: the order depends on values, which are not known under jit and vmap; "
                f"call it outside"
            )
        if not 0 < gains[0] < gains[1]:
            raise ValueError(
                f"{who}: gpass must be positive and less than gstop: got {gains[0]} and {gains[1]}"
            )
        first = bool(known(edges[0])[0] >= known(edges[1])[0])
        names = (("lowpass", "highpass"), ("bandstop", "bandpass"))
        self.kind = names[shape_of(edges[0])[0] - 1][first]
        warp = lambda w: w if analog else np.tan(np.pi * w / 2)
        self.passed, self.stopped = map(warp, edges)
        if self.kind == "bandstop" and any(isinstance(x, Tracer) for x in (*edges, gpass, gstop)):
            raise UnsupportedError(
                f"{who}: frequencies of bandstop filters have no derivative: got traced ones; use "
                f"stop_gradient"
            )

    def ratio(self, passed: Any) -> Any:
        """The frequency of the stopband's edge in the prototype, whose passband ends at 1."""
        p, s = passed, self.stopped
        if self.kind in ("lowpass", "highpass"):
            return s[0] / p[0] if self.kind == "lowpass" else p[0] / s[0]
        moved = (s**2 - p[0] * p[1]) / (s * (p[0] - p[1]))
        return np.min(np.abs(moved if self.kind == "bandpass" else 1 / moved))

    def narrowed(self, order: Order) -> Any:
        """The passband of a bandstop filter, moved to where the order is least."""
        if self.kind != "bandstop":
            return self.passed
        low, high = (float(p) for p in self.passed)
        inner = [float(s) for s in self.stopped]
        low = _least(lambda w: float(order(self.ratio([w, high]))), low, inner[0] - 1e-12)
        high = _least(lambda w: float(order(self.ratio([low, w]))), inner[1] + 1e-12, high)
        return np.array([low, high])

    def frequencies(self, w: Any) -> Any:
        """The critical frequencies in the units of the arguments."""
        w = w if self.analog else np.arctan(w) * (2 / np.pi)
        w = w[0] if shape_of(w)[0] == 1 else w
        return w if self.fs is None else w * self.fs / 2


def _least(f: Callable[[float], float], low: float, high: float) -> float:
    """The minimum of a function with one minimum, by the golden section."""
    for _ in range(80):
        a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, b) if f(a) < f(b) else (a, high)
    return (low + high) / 2


def _found(bands: _Bands, order: Order) -> tuple[int, Any, Any]:
    passed = bands.narrowed(order)
    count = known(operand(order(bands.ratio(passed))))
    return math.ceil(float(count)), passed, count


@answering
def buttord(
    wp: Any, ws: Any, gpass: Any, gstop: Any, analog: bool = False, fs: Any = None
) -> tuple[int, Any]:
    """Least order of Butterworth's filter, and its critical frequencies for :func:`butter`.

    Args:
        wp, ws: edges of the passband and the stopband, one or two each; see :func:`iirfilter`.
        gpass: the largest loss in the passband, in decibels.
        gstop: the least attenuation in the stopband, in decibels.
        analog, fs: see :func:`iirfilter`.

    >>> n, w = buttord(0.2, 0.3, 3.0, 40.0)
    >>> print(n, w.round(4))
    11 0.2
    """
    bands = _Bands("buttord", wp, ws, gpass, gstop, analog, fs)
    ratio = _ripples(gpass, gstop)
    n, passed, _ = _found(bands, lambda nat: np.log(ratio) / (2 * np.log(nat)))
    w0 = np.expm1(0.1 * math.log(10) * operand(gpass)) ** (-1 / (2 * n))
    if bands.kind in ("lowpass", "highpass"):
        return n, bands.frequencies(passed * w0 if bands.kind == "lowpass" else passed / w0)
    width, product = passed[1] - passed[0], passed[0] * passed[1]
    half = w0 * width / 2 if bands.kind == "bandpass" else width / (2 * w0)
    root = np.sqrt(half**2 + product)
    return n, bands.frequencies(np.stack([root - half, root + half]))


def _chebyshev(gpass: Any, gstop: Any) -> Order:
    return lambda nat: np.arccosh(np.sqrt(_ripples(gpass, gstop))) / np.arccosh(nat)


@answering
def cheb1ord(
    wp: Any, ws: Any, gpass: Any, gstop: Any, analog: bool = False, fs: Any = None
) -> tuple[int, Any]:
    """Least order of Chebyshev's filter of type I, and its frequencies for :func:`cheby1`.

    Args: see :func:`buttord`.

    >>> print(cheb1ord(0.2, 0.3, 3.0, 40.0))
    (6, np.float64(0.2))
    """
    bands = _Bands("cheb1ord", wp, ws, gpass, gstop, analog, fs)
    n, passed, _ = _found(bands, _chebyshev(gpass, gstop))
    return n, bands.frequencies(passed)


@answering
def cheb2ord(
    wp: Any, ws: Any, gpass: Any, gstop: Any, analog: bool = False, fs: Any = None
) -> tuple[int, Any]:
    """Least order of Chebyshev's filter of type II, and its frequencies for :func:`cheby2`.

    Args: see :func:`buttord`.

    >>> n, w = cheb2ord(0.2, 0.3, 3.0, 40.0)
    >>> print(n, w.round(4))
    6 0.2746
    """
    bands = _Bands("cheb2ord", wp, ws, gpass, gstop, analog, fs)
    n, passed, _ = _found(bands, _chebyshev(gpass, gstop))
    new = 1 / np.cosh(np.arccosh(np.sqrt(_ripples(gpass, gstop))) / n)
    if bands.kind in ("lowpass", "highpass"):
        return n, bands.frequencies(passed / new if bands.kind == "lowpass" else passed * new)
    product = passed[0] * passed[1]
    half = (passed[0] - passed[1]) / 2 * (new if bands.kind == "bandstop" else 1 / new)
    low = half + np.sqrt(half**2 + product)
    return n, bands.frequencies(np.stack([low, product / low]))


@answering
def ellipord(
    wp: Any, ws: Any, gpass: Any, gstop: Any, analog: bool = False, fs: Any = None
) -> tuple[int, Any]:
    """Least order of an elliptic filter, and its critical frequencies for :func:`ellip`.

    Args: see :func:`buttord`.

    >>> print(ellipord(0.2, 0.3, 3.0, 40.0))
    (4, np.float64(0.2))
    """
    bands = _Bands("ellipord", wp, ws, gpass, gstop, analog, fs)
    small = 1 / _ripples(gpass, gstop)
    quarter = lambda m: ellipk(m) / ellipkm1(m)
    n, passed, _ = _found(bands, lambda nat: quarter(1 / nat**2) / quarter(small))
    return n, bands.frequencies(passed)


_ORDERS = {"butter": buttord, "cheby1": cheb1ord, "cheby2": cheb2ord, "ellip": ellipord}
_NAMES = {
    "butter": "butter", "butterworth": "butter", "cheby1": "cheby1", "chebyshev1": "cheby1",
    "cheby2": "cheby2", "chebyshev2": "cheby2", "ellip": "ellip", "elliptic": "ellip",
    "cauer": "ellip",
}  # fmt: skip


@answering
def iirdesign(
    wp: Any, ws: Any, gpass: Any, gstop: Any, analog: bool = False, ftype: str = "ellip",
    output: str = "ba", fs: Any = None,
) -> Any:  # fmt: skip
    """Recursive filter of the least order for given bands.

    Args:
        wp, ws, gpass, gstop, analog, fs: see :func:`buttord`.
        ftype: "butter", "cheby1", "cheby2" or "ellip".
        output: see :func:`iirfilter`.

    >>> print(iirdesign(0.2, 0.3, 3.0, 40.0)[0].round(4))
    [ 0.0177 -0.0238  0.0365 -0.0238  0.0177]
    """
    kind = chosen("iirdesign", "ftype", ftype, _NAMES)
    n, w = _ORDERS[kind](wp, ws, gpass, gstop, analog, fs)
    band = _Bands("iirdesign", wp, ws, gpass, gstop, analog, fs).kind
    return iirfilter(n, w, gpass, gstop, band, analog, kind, output, fs)
