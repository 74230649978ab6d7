"""Spectra over time, coherence of two signals, and periods in events and uneven samples."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, real_dtype, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops import elementwise as ew
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.structure import cast
from ..floating import as_floating
from .spectra import _Segments, csd, powers, welch


@answering
def coherence(
    x: Any, y: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None,
    noverlap: int | None = None, nfft: int | None = None, detrend: Any = "constant",
    axis: int = -1,
) -> tuple[Any, Any]:  # fmt: skip
    """Squared coherence of two signals: |Pxy|**2 / (Pxx Pyy); see :func:`csd`.

    Returns:
        Frequencies [F], and the coherence with F in place of N.

    >>> f, c = coherence(np.sin(np.arange(16.0)), np.sin(np.arange(16.0)), nperseg=8)
    >>> print(c.round(9))
    [1. 1. 1. 1. 1.]
    """
    rest = (fs, window, nperseg, noverlap, nfft, detrend)
    f, pxx = welch(x, *rest, axis=axis)
    pyy, pxy = welch(y, *rest, axis=axis)[1], csd(x, y, *rest, axis=axis)[1]
    return f, (pxy.real**2 + pxy.imag**2) / pxx / pyy


@answering
def spectrogram(
    x: Any, fs: float = 1.0, window: Any = ("tukey", 0.25), nperseg: int | None = None,
    noverlap: int | None = None, nfft: int | None = None, detrend: Any = "constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1, mode: str = "psd",
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Spectra of the segments of a signal.

    Args:
        x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis: see
            :func:`csd`; an eighth of segments overlaps by default.
        mode: "psd", power; "complex", the transform; its "magnitude" or "angle"; or "phase", the
            angle without jumps over frequencies.

    Returns:
        Frequencies [F], times [T], and the spectra with F in place of N, and a last axis T.

    >>> f, t, s = spectrogram(np.ones(16), nperseg=8, detrend=False, window="boxcar")
    >>> print(s[0])
    [8. 8.]
    """
    if mode not in ("psd", "complex", "magnitude", "angle", "phase"):
        raise ValueError(f"spectrogram: mode must be 'psd', 'complex', 'magnitude', 'angle' or "
                         f"'phase': got {shown(mode)}")  # fmt: skip
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, -1)
    n = shape_of(x)[-1]
    size = _Segments("spectrogram", n, window, nperseg, 0, None).size
    overlap = size // 8 if noverlap is None else int(noverlap)
    cut = (window, nperseg, overlap, nfft)
    times = np.arange(size / 2, n - size / 2 + 1, size - overlap) / fs
    if mode == "psd":
        found, freqs = powers("spectrogram", x, x, fs, cut, detrend, return_onesided, scaling)
        found = found.real if ew.is_complex(found) else found
    else:
        segments = _Segments("spectrogram", n, *cut)
        onesided = return_onesided and not ew.is_complex(x)
        found = segments.spectrum(x, detrend, onesided)
        w = segments.window
        scale = np.sum(w) if scaling == "spectrum" else np.sqrt(fs * np.sum(w * w))
        found = found / cast(scale, real_dtype(dtype_of(found)))
        freqs = (np.fft.rfftfreq if onesided else np.fft.fftfreq)(segments.nfft, 1 / fs)
        if mode == "magnitude":
            found = np.abs(found)
        elif mode != "complex":
            found = np.angle(found)
            found = np.unwrap(found, axis=-1) if mode == "phase" else found
    found = np.moveaxis(found, -1, axis)
    return freqs, times, found


@answering
def lombscargle(
    x: Any, y: Any, freqs: Any, precenter: bool = False, normalize: bool | str = False, *,
    weights: Any = None, floating_mean: bool = False,
) -> Any:  # fmt: skip
    """Lomb's and Scargle's periodogram, of samples at any times; differentiable in all arrays.

    Args:
        x, y: times and samples, shape [n].
        freqs: angular frequencies, shape [m].
        precenter: whether to subtract the mean of the samples.
        normalize: False or "power"; True or "normalize", the share of the power; or "amplitude",
            complex amplitudes.
        weights: of the samples, shape [n].
        floating_mean: whether each frequency has a constant that is fitted too.

    Source: Zechmeister & Kürster 2009, "The generalised Lomb-Scargle periodogram", equations 4 to
    15 (arXiv:0901.2573).

    >>> t = np.arange(8.0)
    >>> print(lombscargle(t, np.sin(t), np.array([1.0, 2.0]), normalize=True).round(4))
    [1.     0.0261]
    """
    kind = ("power", "normalize")[normalize] if isinstance(normalize, bool) else normalize
    if kind not in ("power", "normalize", "amplitude"):
        raise ValueError(f"lombscargle: normalize must be a bool, 'power', 'normalize' or "
                         f"'amplitude': got {shown(normalize)}")  # fmt: skip
    x, y, freqs = as_floating(x), as_floating(y), as_floating(freqs)
    if shape_of(x) != shape_of(y) or len(shape_of(x)) != 1:
        raise ShapeError(
            f"lombscargle: x and y must be vectors of one length: got {aval_of(x)}, {aval_of(y)}"
        )
    n = shape_of(x)[0]
    w = np.ones(n) / n if weights is None else as_floating(weights) / np.sum(operand(weights))
    y = y - np.mean(y) if precenter else y
    turn = x[:, None] * freqs
    c, s = np.cos(turn), np.sin(turn)
    mean = w @ y
    first = (w @ c, w @ s) if floating_mean else (0.0, 0.0)
    even = w @ (c * c) - first[0] ** 2
    odd, both = 1 - w @ (c * c) - first[1] ** 2, w @ (c * s) - first[0] * first[1]
    tau = 0.5 * np.arctan2(2 * both, even - odd)
    c, s = np.cos(turn - tau), np.sin(turn - tau)
    yc, ys, cc = (w * y) @ c, (w * y) @ s, w @ (c * c)
    ss = 1 - cc
    if floating_mean:
        mc, ms = w @ c, w @ s
        yc, ys, cc, ss = yc - mean * mc, ys - mean * ms, cc - mc**2, ss - ms**2
    least = np.finfo(dtype_of(y)).epsneg
    a, b = yc / np.maximum(cc, least), ys / np.maximum(ss, least)
    if kind == "amplitude":
        return (a + 1j * b) * np.exp(1j * tau)
    power = 2 * (a * yc + b * ys)
    if kind == "power":
        return power * (n / 4)
    whole = w @ (y * y) - (mean * mean if floating_mean else 0)
    return power * (0.5 / whole)


@answering
def vectorstrength(events: Any, period: Any) -> tuple[Any, Any]:
    """How far events keep to a period: length and angle of the mean of exp(2 pi i t / period).

    Args:
        events: times, shape [n].
        period: a period, or periods [m].

    >>> print(vectorstrength(np.array([0.0, 1.0, 2.0]), 1.0)[0])
    1.0
    """
    events, period = as_floating(events), as_floating(period)
    if len(shape_of(events)) > 1 or len(shape_of(period)) > 1:
        raise ShapeError(
            f"vectorstrength: events and period must be vectors: got {aval_of(events)} and "
            f"{aval_of(period)}"
        )
    mean = np.mean(np.exp(2j * np.pi * np.atleast_1d(events) / period[..., None]), axis=-1)
    return np.abs(mean), np.angle(mean)
