"""Short-time Fourier transforms, by SciPy's names."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, real_dtype, shape_of
from ...core.errors import ShapeError, shown
from ...core.frames import warn
from ...core.lazy import answering
from ...core.trace import is_concrete
from ...numpy.at import at
from ...ops import elementwise as ew
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .spectra import _Segments
from .windows.lookup import get_window

_PADS: dict[str, dict[str, Any]] = {
    "zeros": {"mode": "constant"}, "constant": {"mode": "edge"}, "even": {"mode": "reflect"},
    "odd": {"mode": "reflect", "reflect_type": "odd"},
}  # fmt: skip
_NEGLIGIBLE = 1e-10  # sums of squared windows, by which nothing is divided


@answering
def stft(
    x: Any, fs: float = 1.0, window: Any = "hann", nperseg: int = 256, noverlap: int | None = None,
    nfft: int | None = None, detrend: Any = False, return_onesided: bool = True,
    boundary: str | None = "zeros", padded: bool = True, axis: int = -1, scaling: str = "spectrum",
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Short-time Fourier transform of a signal.

    Args:
        x: signal, shape [..., N, ...].
        fs, window, nperseg, noverlap, nfft, detrend, return_onesided: see :func:`csd`.
        boundary: the extension at both ends: "zeros", "constant", "even", "odd" or None.
        padded: whether zeros at the end complete the last segment.
        axis: the axis of N.
        scaling: "spectrum" or "psd".

    Returns:
        Frequencies [F], times [T], and the transform with F in place of N, and a last axis T.

    >>> f, t, z = stft(np.ones(16), nperseg=8)
    >>> print(z.shape, abs(z[0]).round(3))
    (5, 5) [0.625 1.    1.    1.    0.375]
    """
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, -1)
    cut = _Segments("stft", shape_of(x)[-1], window, nperseg, noverlap, nfft)
    if boundary is not None and boundary not in _PADS:
        raise ValueError(
            f"stft: boundary must be {', '.join(map(repr, _PADS))} or None: got {shown(boundary)}"
        )
    rank, half, step = len(shape_of(x)), cut.size // 2, cut.size - cut.overlap
    if boundary is not None:
        x = np.pad(x, [(0, 0)] * (rank - 1) + [(half, half)], **_PADS[boundary])
    if padded:
        more = (-(shape_of(x)[-1] - cut.size) % step) % cut.size
        x = np.pad(x, [(0, 0)] * (rank - 1) + [(0, more)])
    n = shape_of(x)[-1]
    segments = _Segments("stft", n, cut.window, None, cut.overlap, cut.nfft)
    onesided = return_onesided and not ew.is_complex(x)
    found = segments.spectrum(x, detrend, onesided)  # [..., T, F]
    found = found / cast(_scale("stft", cut.window, fs, scaling), real_dtype(dtype_of(found)))
    times = np.arange(cut.size / 2, n - cut.size / 2 + 1, step) / fs
    times = times if boundary is None else times - cut.size / 2 / fs
    freqs = np.fft.rfftfreq if onesided else np.fft.fftfreq
    return freqs(cut.nfft, 1 / fs), times, np.moveaxis(found, -1, axis)


@answering
def istft(
    Zxx: Any, fs: float = 1.0, window: Any = "hann", nperseg: int | None = None,  # noqa: N803
    noverlap: int | None = None, nfft: int | None = None, input_onesided: bool = True,
    boundary: bool = True, time_axis: int = -1, freq_axis: int = -2, scaling: str = "spectrum",
) -> tuple[Any, Any]:  # fmt: skip
    """Signal of a short-time Fourier transform: the inverse of :func:`stft` by least squares.

    Args:
        Zxx: transform, shape [..., F, T], or with other ``freq_axis`` and ``time_axis``.
        fs, window, nperseg, noverlap, nfft, scaling: as they were given to ``stft``.
        input_onesided: whether negative frequencies were left out.
        boundary: whether ``stft`` had extended the signal, so that both ends are cut off.

    Returns:
        Times [N], and the signal [..., N].

    Source: Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform",
    equation 6.

    >>> x = np.sin(np.arange(20.0))
    >>> print(np.allclose(istft(stft(x, nperseg=8)[2])[1][:20], x))
    True
    """
    z = operand(Zxx)
    rank = len(shape_of(z))
    if rank < 2 or axis_of(freq_axis, rank) == axis_of(time_axis, rank):
        raise ShapeError(
            f"istft: the transform must have an axis of frequencies and one of times: got "
            f"{aval_of(z)}, freq_axis={freq_axis}, time_axis={time_axis}"
        )
    z = np.moveaxis(z, (axis_of(time_axis, rank), axis_of(freq_axis, rank)), (-2, -1))
    count = shape_of(z)[-1]
    whole = 2 * (count - 1) if input_onesided else count
    size = whole if nperseg is None else int(nperseg)
    if nfft is None:
        nfft = size if input_onesided and size == whole + 1 else whole
    overlap = size // 2 if noverlap is None else int(noverlap)
    weights = get_window(window, size) if isinstance(window, str) else operand(window)
    if overlap >= size or nfft < size or shape_of(weights) != (size,):
        raise ValueError(
            f"istft: noverlap must be less than nperseg = {size}, nfft at least that, and the "
            f"window of that length: got {overlap}, {nfft} and {aval_of(weights)}"
        )
    pieces = np.fft.irfft(z, nfft) if input_onesided else np.fft.ifft(z, nfft)
    pieces = pieces[..., :size]
    kind = real_dtype(dtype_of(pieces))
    w = cast(weights, kind)
    pieces = pieces * w * cast(_scale("istft", weights, fs, scaling), kind)
    step, same = size - overlap, np.ones(shape_of(z)[-2:-1] + (1,), kind)
    x, norm = _added(pieces, step), _added(w * w * same, step)
    if boundary:
        half = size // 2
        x, norm = x[..., half : shape_of(x)[-1] - half], norm[half : shape_of(norm)[0] - half]
    x = _divided(x, norm)
    return np.arange(shape_of(x)[-1]) / fs, x


def _divided(x: Any, norm: Any) -> Any:
    """The sums of segments over those of squared windows, where these are not 0."""
    large = norm > _NEGLIGIBLE
    if is_concrete(large) and not np.all(stop_gradient(large)):
        words = "istft: windows and overlap leave times without weight; the signal is 0 there"
        warn(words, UserWarning)
    return x / np.where(large, norm, 1)


def _scale(who: str, window: Any, fs: float, scaling: str) -> Any:
    """The sum that a spectrum, or a density of power, is divided by."""
    if scaling not in ("spectrum", "psd"):
        raise ValueError(f"{who}: scaling must be 'spectrum' or 'psd': got {shown(scaling)}")
    return np.sum(window) if scaling == "spectrum" else np.sqrt(fs * np.sum(window * window))


def _added(pieces: Any, step: int) -> Any:
    """The sum of segments [..., T, n], each ``step`` after the one before."""
    *lead, count, n = shape_of(pieces)
    places = np.arange(count)[:, None] * step + np.arange(n)
    return at(np.zeros((*lead, n + (count - 1) * step), dtype_of(pieces)))[..., places].add(pieces)


def _overlapped(who: str, window: Any, nperseg: int, noverlap: int, power: int) -> Any:
    """The sums of a window's powers at each place of a step."""
    if not 0 <= noverlap < nperseg:
        raise ValueError(
            f"{who}: noverlap must be in [0, {nperseg}), below nperseg: got {noverlap}"
        )
    w = get_window(window, nperseg) if isinstance(window, (str, tuple)) else operand(window)
    if shape_of(w) != (nperseg,):
        raise ShapeError(f"{who}: window must have shape [{nperseg}]: got {aval_of(w)}")
    step = nperseg - noverlap
    rows = [w[k * step : (k + 1) * step] ** power for k in range(nperseg // step)]
    rest = nperseg % step
    total = sum(rows[1:], rows[0])
    if rest:
        last = w[nperseg - rest :] ** power
        total = np.concatenate([total[:rest] + last, total[rest:]])
    return total


@answering
def check_COLA(window: Any, nperseg: int, noverlap: int, tol: float = 1e-10) -> Any:  # noqa: N802
    """Whether overlapping windows have a constant sum.

    Args:
        window: a name for :func:`get_window`, or an array [nperseg].
        nperseg, noverlap: int, the lengths of windows and of overlaps.
        tol: the deviation that is allowed.

    >>> print(check_COLA("hann", 8, 4))
    True
    """
    total = _overlapped("check_COLA", window, nperseg, noverlap, 1)
    return np.max(np.abs(total - np.median(total))) < tol


@answering
def check_NOLA(window: Any, nperseg: int, noverlap: int, tol: float = 1e-10) -> Any:  # noqa: N802
    """Whether overlapping windows have squares whose sum is nowhere 0; see :func:`check_COLA`.

    >>> print(check_NOLA("hann", 8, 4))
    True
    """
    return np.min(_overlapped("check_NOLA", window, nperseg, noverlap, 2)) > tol
