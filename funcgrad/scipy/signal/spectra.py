"""Spectra of signals, by SciPy's names."""

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
from .windows.lookup import get_window


def _detrended(x: Any, kind: Any) -> Any:
    """Segments [..., n] without their means, or without lines."""
    if kind is False or kind is None:
        return x
    if callable(kind):
        return kind(x)
    if kind not in ("constant", "linear"):
        raise ValueError(f"detrend must be 'constant', 'linear' or False: got {shown(kind)}")
    x = x - np.mean(x, axis=-1, keepdims=True)
    if kind == "linear":
        n = shape_of(x)[-1]
        place = cast(np.arange(n) - (n - 1) / 2, real_dtype(dtype_of(x)))
        scale = float(np.sum(place**2)) or 1.0
        x = x - np.sum(place * x, axis=-1, keepdims=True) / scale * place
    return x


class _Segments:
    """The way in which signals are cut and weighted."""

    def __init__(
        self, who: str, n: int, window: Any, nperseg: int | None, noverlap: int | None,
        nfft: int | None,
    ) -> None:  # fmt: skip
        if isinstance(window, (str, tuple)):
            self.size = min(256 if nperseg is None else int(nperseg), n)
            self.window = get_window(window, self.size)
        else:
            self.window = operand(window)
            self.size = shape_of(self.window)[0]
        if self.size > n:
            raise ShapeError(
                f"{who}: the window must not be longer than the signal {n}: got {self.size}"
                "; give a smaller nperseg"
            )
        self.overlap = self.size // 2 if noverlap is None else int(noverlap)
        self.nfft = self.size if nfft is None else int(nfft)
        if self.overlap >= self.size or self.nfft < self.size:
            raise ValueError(
                f"{who}: noverlap must be less than nperseg = {self.size}, and nfft at least that: "
                f"got {self.overlap} and {self.nfft}"
                "; leave noverlap and nfft out"
            )
        starts = np.arange(0, n - self.size + 1, self.size - self.overlap)
        self.places = starts[:, None] + np.arange(self.size)

    def spectrum(self, x: Any, detrend: Any, onesided: bool) -> Any:
        """The transforms of the segments of [..., N], [..., segments, frequencies]."""
        cut = _detrended(x[..., self.places], detrend)
        cut = cut * cast(self.window, real_dtype(dtype_of(cut)))
        return np.fft.rfft(cut, self.nfft) if onesided else np.fft.fft(cut, self.nfft)


@answering
def csd(
    x: Any, y: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None,
    noverlap: int | None = None, nfft: int | None = None, detrend: Any = "constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1, average: str = "mean",
) -> tuple[Any, Any]:  # fmt: skip
    """Cross power spectrum of two signals, by Welch's averages.

    Args:
        x, y: signals, shape [..., N, ...].
        fs: sampling frequency.
        window: a name for :func:`get_window`, or an array.
        nperseg, noverlap, nfft: int, the lengths of segments (256), overlaps and transforms.
        detrend: "constant", "linear", False, or a function of segments.
        return_onesided: whether to leave out negative frequencies of real signals.
        scaling: "density" or "spectrum".
        axis: the axis of N.
        average: "mean" or "median".

    Returns:
        Frequencies [F], and the spectrum with F in place of N.

    Source: Welch 1967, "The use of the fast Fourier transform for the estimation of power spectra".

    >>> f, p = csd(np.ones(8), np.arange(8.0), nperseg=4, detrend=False)
    >>> print(f, p.real.round(3))
    [0.   0.25 0.5 ] [10.667  5.333  0.   ]
    """
    return _averaged("csd", x, y, fs, (window, nperseg, noverlap, nfft), detrend,
                     return_onesided, scaling, axis, average)  # fmt: skip


@answering
def welch(
    x: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None,
    noverlap: int | None = None, nfft: int | None = None, detrend: Any = "constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1, average: str = "mean",
) -> tuple[Any, Any]:  # fmt: skip
    """Power spectrum of a signal, by Welch's averages; see :func:`csd`.

    >>> f, p = welch(np.cos(np.pi * np.arange(16)), nperseg=8, detrend=False)
    >>> print(f[np.argmax(p)])
    0.5
    """
    f, p = _averaged("welch", x, x, fs, (window, nperseg, noverlap, nfft), detrend,
                     return_onesided, scaling, axis, average)  # fmt: skip
    return f, ew.real(p) if ew.is_complex(p) else p


@answering
def periodogram(
    x: Any, fs: float = 1.0, window: Any = "boxcar", nfft: int | None = None,
    detrend: Any = "constant", return_onesided: bool = True, scaling: str = "density",
    axis: int = -1,
) -> tuple[Any, Any]:  # fmt: skip
    """Power spectrum of a whole signal; see :func:`csd`.

    >>> f, p = periodogram(np.cos(np.pi * np.arange(8)))
    >>> print(f[np.argmax(p)])
    0.5
    """
    n = shape_of(operand(x))[axis]
    return welch(x, fs, window, n, 0, nfft, detrend, return_onesided, scaling, axis)


def _averaged(
    who: str, x: Any, y: Any, fs: float, cut: Any, detrend: Any, onesided: bool, scaling: str,
    axis: int, average: str,
) -> tuple[Any, Any]:  # fmt: skip
    same = x is y
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, -1)
    y = x if same else np.moveaxis(as_floating(y), axis, -1)
    if shape_of(x)[-1] != shape_of(y)[-1]:
        raise ShapeError(
            f"{who}: signals must have equal lengths: got {aval_of(x)} and {aval_of(y)}"
            "; cut the longer one"
        )
    if scaling not in ("density", "spectrum") or average not in ("mean", "median"):
        raise ValueError(
            f"{who}: scaling must be 'density' or 'spectrum', average 'mean' or 'median': got "
            f"{shown(scaling)} and {shown(average)}"
        )
    power, freqs = powers(who, x, y, fs, cut, detrend, onesided, scaling)
    power = np.mean(power, axis=-2) if average == "mean" else _median(power)
    return freqs, np.moveaxis(power, -1, axis)


def powers(
    who: str, x: Any, y: Any, fs: float, cut: Any, detrend: Any, onesided: bool, scaling: str
) -> tuple[Any, Any]:
    """Cross spectra of the segments of [..., N], [..., segments, frequencies]; frequencies."""
    same = x is y
    onesided = onesided and not (ew.is_complex(x) or ew.is_complex(y))
    segments = _Segments(who, shape_of(x)[-1], *cut)
    first = segments.spectrum(x, detrend, onesided)
    second = first if same else segments.spectrum(y, detrend, onesided)
    w = segments.window
    scale = 1 / (fs * np.sum(w * w)) if scaling == "density" else 1 / np.sum(w) ** 2
    power = np.conj(first) * second * scale
    n = segments.nfft
    if onesided:
        twice = np.full(n // 2 + 1, 2.0)
        twice[0] = 1.0
        twice[-1] = 1.0 if n % 2 == 0 else 2.0
        power = power * cast(twice, real_dtype(dtype_of(power)))
    return power, np.fft.rfftfreq(n, 1 / fs) if onesided else np.fft.fftfreq(n, 1 / fs)


def _median(power: Any) -> Any:
    """The median over segments, without its bias."""
    n = shape_of(power)[-2]
    k = np.arange(1, (n - 1) // 2 + 1)
    bias = 1 + np.sum(1 / (2 * k + 1) - 1 / (2 * k))
    real = np.median(ew.real(power), axis=-2)
    return (real + 1j * np.median(ew.imag(power), axis=-2)) / bias


@answering
def hilbert(x: Any, N: int | None = None, axis: int = -1) -> Any:  # noqa: N803
    """Analytic signal: a real signal and i times its Hilbert transform.

    Args:
        x: real signal, shape [..., n, ...].
        N: int, the length of the transform, by default n.
        axis: the axis of n.

    >>> hilbert(np.cos(np.pi / 2 * np.arange(4))).imag[1::2].round(9)
    array([ 1., -1.])
    """
    x = as_floating(x)
    if ew.is_complex(x):
        raise ValueError(f"hilbert: x must be real: got {aval_of(x)}; take x.real")
    axis = axis_of(axis, len(shape_of(x)))
    n = shape_of(x)[axis] if N is None else N
    weights = np.zeros(n)
    weights[0] = 1
    weights[1 : (n + 1) // 2] = 2
    if n % 2 == 0:
        weights[n // 2] = 1
    weights = weights.reshape(-1, *[1] * (len(shape_of(x)) - 1 - axis))
    spectrum = np.fft.fft(x, n, axis)
    return np.fft.ifft(spectrum * cast(weights, real_dtype(dtype_of(spectrum))), axis=axis)
