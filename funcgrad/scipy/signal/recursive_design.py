"""Recursive filters of classic types, differentiable in critical frequencies and ripples."""

from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.operand import operand
from .frequency_maps import bilinear_zpk, lp2bp_zpk, lp2bs_zpk, lp2hp_zpk, lp2lp_zpk
from .prototypes import besselap, buttap, cheb1ap, cheb2ap, ellipap, order_of
from .representations import real_tf, zpk2sos

_BANDS = {
    "low": "lowpass", "lowpass": "lowpass", "lp": "lowpass", "l": "lowpass",
    "high": "highpass", "highpass": "highpass", "hp": "highpass", "h": "highpass",
    "band": "bandpass", "bandpass": "bandpass", "pass": "bandpass", "bp": "bandpass",
    "stop": "bandstop", "bandstop": "bandstop", "bands": "bandstop", "bs": "bandstop",
}  # fmt: skip
_TYPES = {
    "butter": "butter", "butterworth": "butter", "cheby1": "cheby1", "chebyshev1": "cheby1",
    "chebyshevi": "cheby1", "cheby2": "cheby2", "chebyshev2": "cheby2", "chebyshevii": "cheby2",
    "ellip": "ellip", "elliptic": "ellip", "cauer": "ellip", "bessel": "bessel",
    "thomson": "bessel",
}  # fmt: skip


def chosen(who: str, name: str, value: Any, table: dict[str, str]) -> str:
    """The entry of a table for a word."""
    found = table.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        kinds = ", ".join(dict.fromkeys(table.values()))
        raise ValueError(f"{who}: {name} must be one of {kinds}: got {shown(value)}")
    return found


def frequencies(who: str, Wn: Any, analog: bool, fs: Any) -> Any:  # noqa: N803
    """Critical frequencies, of a digital filter in units of half the sampling frequency."""
    w = operand(Wn) * 1.0
    if fs is not None:
        if analog:
            raise ValueError(f"{who}: fs is of digital filters: got {shown(fs)}; leave fs out")
        w = 2 * w / operand(fs)
    values = known(w)
    if values is not None and (np.any(values <= 0) or (not analog and np.any(values >= 1))):
        unit = "positive" if analog else "between 0 and fs / 2, or 0 and 1 without fs"
        raise ValueError(f"{who}: critical frequencies must be {unit}: got {shown(Wn)}")
    return w


@answering
def iirfilter(
    N: int, Wn: Any, rp: Any = None, rs: Any = None, btype: str = "band",  # noqa: N803
    analog: bool = False, ftype: str = "butter", output: str = "ba", fs: Any = None,
) -> Any:  # fmt: skip
    """Recursive filter of a classic type, differentiable in ``Wn``, ``rp`` and ``rs``.

    Args:
        N: int, the order; of bandpass and bandstop filters half of it.
        Wn: critical frequency, or two; of digital filters in units of fs / 2, or of ``fs``'s.
        rp, rs: ripple in the passband, attenuation in the stopband, in decibels.
        btype: "lowpass", "highpass", "bandpass" or "bandstop".
        analog: whether the filter is analog, with frequencies in radians per second.
        ftype: "butter", "cheby1", "cheby2", "ellip" or "bessel".
        output: "ba", numerator and denominator; "zpk"; or "sos", sections [sections, 6].
        fs: sampling frequency.

    Source: Oppenheim & Schafer 2010, "Discrete-time signal processing", chapter 7.

    >>> b, a = iirfilter(1, 0.5, btype="lowpass")
    >>> print(b.round(9) + 0.0, a.round(9) + 0.0)
    [0.5 0.5] [1. 0.]
    """
    kind = chosen("iirfilter", "ftype", ftype, _TYPES)
    return _designed("iirfilter", kind, order_of("iirfilter", N), Wn, (rp, rs), btype, analog,
                     output, fs)  # fmt: skip


def _prototype(who: str, kind: str, n: int, ripples: tuple[Any, Any], norm: str) -> Any:
    needed = {"cheby1": (0,), "cheby2": (1,), "ellip": (0, 1)}.get(kind, ())
    for i in needed:
        value, name = ripples[i], ("rp", "rs")[i]
        if value is None or (known(operand(value)) is not None and np.any(known(value) <= 0)):
            raise ValueError(f"{who}: {name} must be positive decibels: got {value}")
    if kind == "butter":
        return buttap(n)
    if kind == "bessel":
        return besselap(n, norm)
    maker: Any = {"cheby1": cheb1ap, "cheby2": cheb2ap, "ellip": ellipap}[kind]
    return maker(n, *[operand(ripples[i]) * 1.0 for i in needed])


def _designed(
    who: str, kind: str, n: int, Wn: Any, ripples: tuple[Any, Any], btype: str,  # noqa: N803
    analog: bool, output: str, fs: Any, norm: str = "phase",
) -> Any:  # fmt: skip
    band = chosen(who, "btype", btype, _BANDS)
    if output not in ("ba", "zpk", "sos"):
        raise ValueError(f"{who}: output must be 'ba', 'zpk' or 'sos': got {shown(output)}")
    w = frequencies(who, Wn, analog, fs)
    two = band in ("bandpass", "bandstop")
    if shape_of(w) not in ([(2,)] if two else [(), (1,)]):
        many = "two frequencies" if two else "one frequency"
        raise ShapeError(f"{who}: Wn must be {many} for {band}: got {shown(Wn)}")
    warped = w if analog else 4 * np.tan(np.pi * w / 2)  # of the bilinear transform with fs = 2
    roots = _prototype(who, kind, n, ripples, norm)
    if two:
        width, center = warped[1] - warped[0], np.sqrt(warped[0] * warped[1])
        moved: Any = lp2bp_zpk if band == "bandpass" else lp2bs_zpk
        roots = moved(*roots, center, width)
    else:
        moved = lp2lp_zpk if band == "lowpass" else lp2hp_zpk
        roots = moved(*roots, np.reshape(warped, ()))
    z, p, k = roots
    roots = roots if analog else bilinear_zpk(z, p, k, 2.0)
    if output == "zpk":
        return roots
    return real_tf(*roots) if output == "ba" else zpk2sos(*roots, analog=analog)


@answering
def butter(
    N: int, Wn: Any, btype: str = "low", analog: bool = False, output: str = "ba",  # noqa: N803
    fs: Any = None,
) -> Any:  # fmt: skip
    """Butterworth's filter, whose gain is flat in the passband; see :func:`iirfilter`.

    >>> b, a = butter(2, 0.5)
    >>> print(b.round(4), a.round(4) + 0.0)
    [0.2929 0.5858 0.2929] [1.     0.     0.1716]
    """
    order = order_of("butter", N)
    return _designed("butter", "butter", order, Wn, (None, None), btype, analog, output, fs)


@answering
def cheby1(
    N: int, rp: Any, Wn: Any, btype: str = "low", analog: bool = False,  # noqa: N803
    output: str = "ba", fs: Any = None,
) -> Any:  # fmt: skip
    """Chebyshev's filter of type I, with ripple in the passband; see :func:`iirfilter`.

    >>> print(cheby1(2, 1.0, 0.5)[0].round(4))
    [0.307  0.6141 0.307 ]
    """
    order = order_of("cheby1", N)
    return _designed("cheby1", "cheby1", order, Wn, (rp, None), btype, analog, output, fs)


@answering
def cheby2(
    N: int, rs: Any, Wn: Any, btype: str = "low", analog: bool = False,  # noqa: N803
    output: str = "ba", fs: Any = None,
) -> Any:  # fmt: skip
    """Chebyshev's filter of type II, with ripple in the stopband; see :func:`iirfilter`.

    >>> print(cheby2(2, 40.0, 0.5)[0].round(4))
    [0.0246 0.0164 0.0246]
    """
    order = order_of("cheby2", N)
    return _designed("cheby2", "cheby2", order, Wn, (None, rs), btype, analog, output, fs)


@answering
def ellip(
    N: int, rp: Any, rs: Any, Wn: Any, btype: str = "low", analog: bool = False,  # noqa: N803
    output: str = "ba", fs: Any = None,
) -> Any:  # fmt: skip
    """Cauer's elliptic filter, with ripple in both bands; see :func:`iirfilter`.

    >>> print(ellip(2, 1.0, 40.0, 0.5)[0].round(4))
    [0.3118 0.6111 0.3118]
    """
    order = order_of("ellip", N)
    return _designed("ellip", "ellip", order, Wn, (rp, rs), btype, analog, output, fs)


@answering
def bessel(
    N: int, Wn: Any, btype: str = "low", analog: bool = False, output: str = "ba",  # noqa: N803
    norm: str = "phase", fs: Any = None,
) -> Any:  # fmt: skip
    """Bessel's filter, whose delay is flat; see :func:`iirfilter` and :func:`besselap`.

    >>> print(bessel(2, 1.0, analog=True)[1].round(4))
    [1.     1.7321 1.    ]
    """
    order = order_of("bessel", N)
    return _designed("bessel", "bessel", order, Wn, (None, None), btype, analog, output, fs, norm)


# filters of one frequency


def _normalised(who: str, w0: Any, fs: Any) -> Any:
    w0 = 2 * operand(w0) / operand(fs)
    values = known(w0)
    if values is not None and not (0 < values < 1):
        raise ValueError(f"{who}: w0 must be between 0 and fs / 2: got {shown(values * fs / 2)}")
    return np.pi * w0


def _resonator(who: str, w0: Any, Q: Any, fs: Any) -> tuple[Any, Any]:  # noqa: N803
    """The gain and the denominator of a filter of second order with its pole near w0."""
    w0 = _normalised(who, w0, fs)
    gain = 1 / (1 + np.tan(w0 / operand(Q) / 2))
    return gain, np.stack([gain * 0 + 1, -2 * gain * np.cos(w0), 2 * gain - 1])


@answering
def iirnotch(w0: Any, Q: Any, fs: Any = 2.0) -> tuple[Any, Any]:  # noqa: N803
    """Filter that removes one frequency.

    Args:
        w0: the frequency, in units of fs / 2 by default.
        Q: quality, the ratio of w0 and the bandwidth at 3 decibels.
        fs: sampling frequency.

    Source: Orfanidis 1996, "Introduction to signal processing", section 11.3.

    >>> b, a = iirnotch(0.5, 1.0)
    >>> print(b.round(9) + 0.0, a.round(9) + 0.0)
    [0.5 0.  0.5] [1. 0. 0.]
    """
    gain, a = _resonator("iirnotch", w0, Q, fs)
    return np.stack([gain, a[1], gain]), a


@answering
def iirpeak(w0: Any, Q: Any, fs: Any = 2.0) -> tuple[Any, Any]:  # noqa: N803
    """Filter that passes one frequency; see :func:`iirnotch`.

    >>> print(iirpeak(0.5, 1.0)[0])
    [ 0.5  0.  -0.5]
    """
    gain, a = _resonator("iirpeak", w0, Q, fs)
    return np.stack([1 - gain, gain * 0, gain - 1]), a


@answering
def iircomb(
    w0: Any, Q: Any, ftype: str = "notch", fs: Any = 2.0, *, pass_zero: bool = False,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Filter that removes, or passes, a frequency and its multiples, differentiable in ``Q``.

    Args:
        w0: the frequency, a divisor of ``fs``.
        Q, fs: see :func:`iirnotch`.
        ftype: "notch" or "peak".
        pass_zero: whether the middle between two notches is at frequency 0.

    >>> print(iircomb(0.5, 2.0)[0])
    [ 0.5  0.   0.   0.  -0.5]
    """
    if ftype not in ("notch", "peak"):
        raise ValueError(f"iircomb: ftype must be 'notch' or 'peak': got {shown(ftype)}")
    turn = _normalised("iircomb", w0, fs)
    count = int(fs // w0)
    if abs(w0 - fs / count) / fs > 1e-14:
        raise ValueError(f"iircomb: w0 must divide fs = {fs}: got {w0}; choose fs as a multiple")
    beta = np.tan(count * turn / operand(Q) / 4)
    low, high = (1.0, 0.0) if ftype == "notch" else (0.0, 1.0)  # gains between and on the teeth
    if ftype == "notch":
        first, last = 1 / (1 + beta) * low, 1 / (1 + beta)
    else:
        first, last = beta * high / (1 + beta), -beta * high / (1 + beta)
    sign = -1 if (ftype == "peak") == pass_zero else 1
    inner = [first * 0] * (count - 1)
    ratio = (1 - beta) / (1 + beta)
    b = np.stack([first, *inner, sign * last])
    return b, np.stack([first * 0 + 1, *inner, sign * ratio])
