"""Filters of finite response: their design by windows and least squares."""

import math
from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating
from .representations import coefficients
from .windows.lookup import get_window

_ZERO = {"lowpass": True, "bandstop": True, "highpass": False, "bandpass": False}


@answering
def kaiser_beta(a: Any) -> Any:
    """Parameter of Kaiser's window for an attenuation.

    Args:
        a: attenuation in the stopband, in decibels.

    Source: Oppenheim & Schafer 2010, "Discrete-time signal processing", equation 7.75.

    >>> print(round(kaiser_beta(65.0), 4))
    6.2043
    """
    a = operand(a) * 1.0
    middle = np.maximum(a - 21, 0)
    bent = 0.5842 * np.where(a > 21, middle, 1.0) ** 0.4 + 0.07886 * middle
    return np.where(a > 50, 0.1102 * (a - 8.7), np.where(a > 21, bent, 0.0))[()]


@answering
def kaiser_atten(numtaps: Any, width: Any) -> Any:
    """Attenuation of a filter by Kaiser's window, in decibels.

    Args:
        numtaps: the number of coefficients.
        width: of the transition between bands, in units of half the sampling frequency.

    >>> print(round(kaiser_atten(31, 0.1), 4))
    29.4856
    """
    return 2.285 * (numtaps - 1) * np.pi * width + 7.95


@answering
def kaiserord(ripple: Any, width: Any) -> tuple[int, Any]:
    """Number of coefficients and parameter of Kaiser's window for a filter.

    Args:
        ripple: the deviation in both bands, in decibels; its value must be known.
        width: see :func:`kaiser_atten`; its value must be known.

    >>> n, beta = kaiserord(65.0, 0.1)
    >>> print(n, round(beta, 4))
    81 6.2043
    """
    ripple = np.abs(operand(ripple))
    values = known(ripple), known(operand(width))
    if values[0] is None or values[1] is None:
        raise ValueError("kaiserord: a number of coefficients must be known: got traced values")
    if values[0] < 8:
        raise ValueError(f"kaiserord: ripple must be at least 8 decibels: got {values[0]}")
    count = (values[0] - 7.95) / 2.285 / (np.pi * values[1]) + 1
    return math.ceil(count), kaiser_beta(ripple)


@answering
def firwin(
    numtaps: int, cutoff: Any, *, width: Any = None, window: Any = "hamming",
    pass_zero: bool | str = True, scale: bool = True, fs: Any = None,
) -> Any:  # fmt: skip
    """Filter of finite response by a window, differentiable in cutoffs and the window's parameter.

    Args:
        numtaps: int, the number of coefficients; odd if the filter passes fs / 2.
        cutoff: a frequency, or ascending ones, in units of ``fs``, 2 by default.
        width: of the transition between bands, which gives Kaiser's window.
        window: see :func:`get_window`.
        pass_zero: whether frequency 0 passes; or "lowpass", "highpass", "bandpass", "bandstop".
        scale: whether the gain is 1 at the center of the first passband.

    >>> print(firwin(3, 0.5).round(4))
    [0.0462 0.9076 0.0462]
    """
    fs = 2 if fs is None else operand(fs)
    edges = np.reshape(2 * as_floating(cutoff) / fs, (-1,))
    _check_edges("firwin", edges)
    zero = _ZERO.get(pass_zero) if isinstance(pass_zero, str) else bool(pass_zero)
    if zero is None:
        raise ValueError(
            f"firwin: pass_zero must be a bool or one of {', '.join(_ZERO)}: got {pass_zero!r}"
        )
    last = bool(shape_of(edges)[0] % 2) ^ zero  # whether fs / 2 passes
    if last and numtaps % 2 == 0:
        raise ValueError(
            f"firwin: a filter that passes fs / 2 needs an odd numtaps: got {numtaps}; add 1"
        )
    if width is not None:
        window = ("kaiser", kaiser_beta(kaiser_atten(numtaps, 2 * operand(width) / fs)))
    ends = [np.zeros(int(zero)), edges, np.ones(int(last))]
    bands = np.reshape(np.concatenate(ends), (-1, 2))
    m = np.arange(numtaps) - (numtaps - 1) / 2
    sides = bands[..., None] * np.sinc(bands[..., None] * m)
    h = np.sum(sides[:, 1] - sides[:, 0], axis=0) * get_window(window, numtaps, fftbins=False)
    if not scale:
        return h
    whole = 1.0 if last and shape_of(bands)[0] == 1 else np.mean(bands[0])
    center = 0.0 if zero else whole
    return h / np.sum(h * np.cos(np.pi * m * center))


def _check_edges(who: str, edges: Any) -> None:
    values = known(edges)
    if not shape_of(edges)[0]:
        raise ShapeError(f"{who}: cutoff must have a frequency: got {aval_of(edges)}")
    if values is None:
        return
    if np.any(values <= 0) or np.any(values >= 1) or np.any(np.diff(values) <= 0):
        raise ValueError(f"{who}: cutoffs must ascend between 0 and fs / 2: got {shown(values)}")


@answering
def firwin2(
    numtaps: int, freq: Any, gain: Any, *, nfreqs: int | None = None, window: Any = "hamming",
    antisymmetric: bool = False, fs: Any = None,
) -> Any:  # fmt: skip
    """Filter of finite response with given gains, differentiable in these and in frequencies.

    Args:
        numtaps: int, the number of coefficients.
        freq: ascending frequencies from 0 to fs / 2, shape [n]; a repeated one is a jump.
        gain: the gain at each, shape [n].
        nfreqs: int, the number of points of the interpolated gain, 2**k + 1.
        window: see :func:`get_window`, or None.
        antisymmetric: whether the coefficients are antisymmetric.
        fs: sampling frequency, by default 2.

    >>> print(firwin2(3, np.array([0.0, 0.5, 1.0]), np.array([1.0, 1.0, 0.0])).round(4))
    [0.0171 0.75   0.0171]
    """
    half = (2 if fs is None else operand(fs)) / 2
    freq, gain = coefficients("firwin2", "freq", freq), coefficients("firwin2", "gain", gain)
    n = 1 + 2 ** math.ceil(math.log2(numtaps)) if nfreqs is None else nfreqs
    odd = numtaps % 2
    same = stop_gradient(freq[1:]) == stop_gradient(freq[:-1])
    step, none = np.where(same, np.finfo(float).eps * half, 0.0), np.zeros(1)
    freq = freq - np.concatenate([step, none]) + np.concatenate([none, step])
    x = np.linspace(0.0, 1.0, n)
    turned = np.exp(-0.5j * (numtaps - 1) * np.pi * x) * (1j if antisymmetric else 1)
    h = np.fft.irfft(np.interp(x * half, freq, gain) * turned)[:numtaps]
    h = h if window is None else h * get_window(window, numtaps, fftbins=False)
    keeps = np.arange(numtaps) != (numtaps // 2 if antisymmetric and odd else -1)
    return np.where(keeps, h, 0.0)


@answering
def firls(
    numtaps: int, bands: Any, desired: Any, *, weight: Any = None, fs: Any = None,
) -> Any:  # fmt: skip
    """Filter of finite response whose squared error is least, differentiable in all arrays.

    Args:
        numtaps: int, the number of coefficients, odd.
        bands: edges of bands, shape [2 n] or [n, 2], in units of ``fs``, 2 by default.
        desired: the gain at each edge, of the same shape; it is linear between the edges.
        weight: shape [n], of each band.

    Source: Parks & Burrus 1987, "Digital filter design", section 3.2.

    >>> bands, gains = np.array([0.0, 0.4, 0.6, 1.0]), np.array([1.0, 1.0, 0.0, 0.0])
    >>> print(firls(3, bands, gains).round(4))
    [0.3067 0.5    0.3067]
    """
    half = (2 if fs is None else operand(fs)) / 2
    if numtaps % 2 == 0 or numtaps < 1:
        raise ValueError(f"firls: numtaps must be odd: got {numtaps}; add 1")
    edges = np.reshape(as_floating(bands) / half, (-1, 2))
    gains = np.reshape(as_floating(desired), (-1, 2))
    if shape_of(edges) != shape_of(gains):
        raise ShapeError(
            f"firls: bands and desired must have equal shapes: got {aval_of(edges)} and "
            f"{aval_of(gains)}"
        )
    count = shape_of(edges)[0]
    weight = np.ones(count) if weight is None else as_floating(weight)
    m = (numtaps - 1) // 2
    n = np.arange(numtaps)[:, None, None]
    between = lambda x: (x[..., 1] - x[..., 0]) @ weight
    q = between(np.sinc(edges * n) * edges)
    k = np.arange(m + 1)
    matrix = q[np.abs(k[:, None] - k)] + q[k[:, None] + k]
    slope = (gains[:, 1:] - gains[:, :1]) / (edges[:, 1:] - edges[:, :1])
    level = gains[:, :1] - edges[:, :1] * slope
    n = n[: m + 1]
    b = edges * (slope * edges + level) * np.sinc(edges * n)
    first = -slope * edges * edges / 2
    rest = slope * np.cos(n[1:] * np.pi * edges) / (np.pi * n[1:]) ** 2
    a = np.linalg.solve(matrix, between(b + np.concatenate([first[None], rest])))
    return np.concatenate([a[:0:-1], 2 * a[:1], a[1:]])


@answering
def minimum_phase(
    h: Any, method: str = "homomorphic", n_fft: int | None = None, *, half: bool = True
) -> Any:
    """Filter of minimum phase with the gain, or its root, of a filter of linear phase.

    Args:
        h: coefficients of a symmetric filter, shape [n], n > 2.
        method: "homomorphic" or "hilbert".
        n_fft: int, the length of transforms.
        half: whether the root of the gain is meant, with half of the coefficients.

    Source: Oppenheim & Schafer 2010, "Discrete-time signal processing", section 13.4; Selesnick,
    Burrus & Zhang 1998 on the Hilbert transform.

    >>> print(minimum_phase(np.array([1.0, 2.0, 1.0]) / 4, n_fft=512).round(3))
    [0.494 0.506]
    """
    h = coefficients("minimum_phase", "h", h)
    n = shape_of(h)[0]
    if n <= 2:
        raise ShapeError(f"minimum_phase: h must have more than 2 elements: got {aval_of(h)}")
    if method not in ("homomorphic", "hilbert") or (method == "hilbert" and not half):
        raise ValueError(
            f"minimum_phase: method must be 'homomorphic', or 'hilbert' with half=True: got "
            f"{method!r}"
        )
    size = 2 ** math.ceil(math.log2(2 * (n - 1) / 0.01)) if n_fft is None else int(n_fft)
    if size < n:
        raise ValueError(f"minimum_phase: n_fft must be at least {n}: got {size}")
    if method == "hilbert":
        found = _causal(np.log(_lifted(h, size)), 1)
    else:
        gain = np.abs(np.fft.fft(h, size))
        known_gain = stop_gradient(gain)
        least = np.min(np.where(known_gain > 0, gain, np.inf))
        found = _causal(np.log(gain + 1e-7 * least) * (0.5 if half else 1.0), size % 2)
    return found[: n // 2 + n % 2 if half else n]


def _lifted(h: Any, size: int) -> Any:
    """The root of the gain, raised until it is not negative."""
    turn = np.arange(size) * (2 * np.pi / size * (shape_of(h)[0] // 2))
    gain = (np.fft.fft(h, size) * np.exp(1j * turn)).real
    above, below = np.max(gain) - 1, -np.min(gain)
    scale = 4 / (np.sqrt(1 + above + below) + np.sqrt(1 - above + below)) ** 2
    lifted = (gain + below) * scale
    above_0 = stop_gradient(lifted) > 0  # one element is 0, also next to these coefficients
    return np.where(above_0, np.sqrt(np.where(above_0, lifted, 1.0)), 0.0) + 1e-10


def _causal(logarithm: Any, middle: int) -> Any:
    """The filter of minimum phase whose gain has this logarithm; the weight of half the length."""
    size = shape_of(logarithm)[0]
    weight = np.zeros(size)
    weight[0], weight[1 : size // 2], weight[size // 2] = 1, 2, middle
    cepstrum = np.fft.ifft(logarithm).real * weight
    return np.fft.ifft(np.exp(np.fft.fft(cepstrum))).real
