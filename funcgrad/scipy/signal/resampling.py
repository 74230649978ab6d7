"""Changes of the sampling rate, by filters and by the Fourier transform."""

import math
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, real_dtype, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops import elementwise as ew
from ...ops.conv_general_dilated import conv_general_dilated
from ...ops.operand import operand
from ...ops.reduce import axis_of
from ...ops.structure import cast
from ..floating import as_floating
from .filtering import sosfilt, sosfiltfilt
from .finite_design import firwin
from .recursive_design import cheby1
from .representations import coefficients
from .windows.lookup import get_window

_PADS: dict[str, dict[str, Any]] = {
    "symmetric": {"mode": "symmetric"}, "reflect": {"mode": "reflect"}, "edge": {"mode": "edge"},
    "wrap": {"mode": "wrap"}, "antisymmetric": {"mode": "symmetric"},
    "antireflect": {"mode": "reflect", "reflect_type": "odd"},
}  # fmt: skip
_SLOPES: dict[str, Any] = {
    "smooth": lambda x: x[..., 1:2] - x[..., :1],
    "line": lambda x: (x[..., -1:] - x[..., :1]) / (shape_of(x)[-1] - 1),
}
_MEANS: dict[str, Any] = {
    "mean": np.mean,
    "median": np.median,
    "minimum": np.min,
    "maximum": np.max,
}


def _length(taps: int, n: int, up: int, down: int) -> int:
    """The number of outputs of ``upfirdn``."""
    return ((n - 1) * up + taps - 1) // down + 1


@answering
def upfirdn(
    h: Any, x: Any, up: int = 1, down: int = 1, axis: int = -1, mode: str = "constant",
    cval: Any = 0,
) -> Any:  # fmt: skip
    """A signal with zeros between its samples, filtered, of which each ``down``-th is kept.

    Args:
        h: coefficients of the filter, shape [taps].
        x: signal, shape [..., N, ...].
        up, down: int, the factors.
        axis: the axis of N.
        mode: the continuation at both ends: "constant" by ``cval``, "symmetric", "antisymmetric",
            "reflect", "antireflect", "edge" or "wrap"; "smooth", along the slope of each end, or
            "line", along the line through the ends.

    >>> print(upfirdn(np.array([1.0, 1.0]), np.array([1.0, 2.0, 3.0]), up=2))
    [1. 1. 2. 2. 3. 3.]
    """
    if mode not in ("constant", *_PADS, *_SLOPES):
        kinds = ", ".join(("constant", *_PADS, *_SLOPES))
        raise ValueError(f"upfirdn: mode must be one of {kinds}: got {shown(mode)}")
    if up < 1 or down < 1:
        raise ValueError(f"upfirdn: up and down must be positive: got {up} and {down}; write 1")
    h, x = coefficients("upfirdn", "h", h), as_floating(x)
    dtype = np.result_type(dtype_of(h), dtype_of(x))
    axis = axis_of(axis, len(shape_of(x)))
    x = cast(np.moveaxis(x, axis, -1), dtype)
    taps, n = shape_of(h)[0], shape_of(x)[-1]
    lead, zero = shape_of(x)[:-1], isinstance(cval, (int, float)) and cval == 0
    before, after = (0, 0) if mode == "constant" and zero else ((taps - 1) // up, (taps - 1) // up)
    if before:
        x = _continued(x, before, mode, cval)
    flat = np.reshape(x, (-1, 1, shape_of(x)[-1]))
    count = _length(taps, n, up, down)
    low = taps - 1 - before * up
    high = (count - 1) * down + taps - low - ((n + before + after - 1) * up + 1)
    kernel = cast(h, dtype)[None, None, ::-1]
    y = conv_general_dilated(flat, kernel, (down,), [(low, high)], (up,))
    return np.moveaxis(np.reshape(y, (*lead, count)), -1, axis)


def _continued(x: Any, k: int, mode: str, cval: Any) -> Any:
    """A signal [..., N] with k more samples at both ends."""
    n = shape_of(x)[-1]
    if mode in _SLOPES:
        first = _SLOPES[mode](x) * np.arange(-k, 0) + x[..., :1]
        last = _SLOPES[mode](x[..., ::-1]) * np.arange(-k, 0) + x[..., -1:]
        return np.concatenate([first, x, last[..., ::-1]], axis=-1)
    how = _PADS.get(mode, {"mode": "constant", "constant_values": cval})
    x = np.pad(x, [(0, 0)] * (len(shape_of(x)) - 1) + [(k, k)], **how)
    return x * (-1.0) ** (np.arange(-k, n + k) // n) if mode == "antisymmetric" else x


@answering
def resample_poly(
    x: Any, up: int, down: int, axis: int = 0, window: Any = ("kaiser", 5.0),
    padtype: str = "constant", cval: Any = None,
) -> Any:  # fmt: skip
    """A signal at up / down times its rate, through a filter without shift of phase.

    Args:
        x: signal, shape [..., N, ...].
        up, down: int, the factors.
        axis: the axis of N.
        window: of the filter, see :func:`get_window`; or its coefficients.
        padtype: the level beyond both ends: "constant" for ``cval`` or 0; "mean", "median",
            "minimum" or "maximum" of the signal; or a ``mode`` of :func:`upfirdn`.

    >>> print(resample_poly(np.array([0.0, 1.0, 2.0, 3.0]), 1, 2, padtype="line").round(4))
    [0. 2.]
    """
    x = as_floating(x)
    if padtype != "constant" and cval is not None:
        raise ValueError(f"resample_poly: cval is of padtype 'constant': got {shown(padtype)}")
    divisor = math.gcd(int(up), int(down))
    up, down = int(up) // divisor, int(down) // divisor
    axis = axis_of(axis, len(shape_of(x)))
    if up == down == 1:
        return x
    n = shape_of(x)[axis]
    count = -(-n * up // down)
    h, half = _resampling_filter(window, up, down)
    h = cast(h, np.result_type(dtype_of(h), dtype_of(x)) if ew.is_complex(h) else _real(x)) * up
    before = down - half % down
    cut = (half + before) // down
    after = 0
    while _length(shape_of(h)[0] + before + after, n, up, down) < count + cut:
        after += 1
    h = np.concatenate([np.zeros(before, dtype_of(h)), h, np.zeros(after, dtype_of(h))])
    level: Any = _MEANS[padtype](x, axis=axis, keepdims=True) if padtype in _MEANS else 0.0
    mode = "constant" if padtype in _MEANS else padtype
    y = upfirdn(h, x - level, up, down, axis, mode, 0 if cval is None else cval)
    return np.moveaxis(np.moveaxis(y, axis, 0)[cut : cut + count], 0, axis) + level


def _real(x: Any) -> Any:
    return real_dtype(dtype_of(x))


def _resampling_filter(window: Any, up: int, down: int) -> tuple[Any, int]:
    """The coefficients of a lowpass filter, and half of their number."""
    if isinstance(window, (str, tuple)):
        most = max(up, down)
        return firwin(20 * most + 1, 1 / most, window=window), 10 * most
    h = coefficients("resample_poly", "window", window)
    return h, (shape_of(h)[0] - 1) // 2


@answering
def decimate(
    x: Any, q: int, n: int | None = None, ftype: Any = "iir", axis: int = -1,
    zero_phase: bool = True,
) -> Any:  # fmt: skip
    """Each q-th sample of a signal, after a lowpass filter.

    Args:
        x: signal, shape [..., N, ...].
        q: int, the factor.
        n: int, the order of the filter; by default 8, or 20 q of finite response.
        ftype: "iir", Chebyshev's filter, or "fir", Hamming's window.
        axis: the axis of N.
        zero_phase: whether to filter without a shift of phase.

    >>> print(decimate(np.ones(30), 3, ftype="fir").shape)
    (10,)
    """
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    if ftype not in ("iir", "fir"):
        raise ValueError(f"decimate: ftype must be 'iir' or 'fir': got {shown(ftype)}")
    if ftype == "iir":
        sos = cast(cheby1(8 if n is None else n, 0.05, 0.8 / q, output="sos"), _real(x))
        y = (sosfiltfilt if zero_phase else sosfilt)(sos, x, axis)
        return np.moveaxis(np.moveaxis(y, axis, 0)[::q], 0, axis)
    b = cast(firwin((20 * q if n is None else n) + 1, 1 / q, window="hamming"), _real(x))
    if zero_phase:
        return resample_poly(x, 1, q, axis, window=b)
    count = -(-shape_of(x)[axis] // q)
    y = upfirdn(b, x, 1, q, axis)
    return np.moveaxis(np.moveaxis(y, axis, 0)[:count], 0, axis)


@answering
def resample(
    x: Any, num: int, t: Any = None, axis: int = 0, window: Any = None, domain: str = "time"
) -> Any:
    """A periodic signal at another number of points, by its Fourier coefficients.

    Args:
        x: signal, shape [..., N, ...]; or its transform for domain="freq".
        num: int, the number of points.
        t: their former places, equally spaced, or None.
        axis: the axis of N.
        window: weights of the coefficients: a name of :func:`get_window`; an array [N], in the
            order of ``np.fft.fftfreq``; or a function of these frequencies.
        domain: "time" or "freq".

    Returns:
        The signal; with ``t`` also the new places.

    >>> print(resample(np.array([1.0, 0.0, -1.0, 0.0]), 2).round(9) + 0.0)
    [ 1. -1.]
    """
    x = as_floating(x)
    axis = axis_of(axis, len(shape_of(x)))
    if domain not in ("time", "freq"):
        raise ValueError(f"resample: domain must be 'time' or 'freq': got {shown(domain)}")
    x = np.moveaxis(x, axis, -1)
    n, real = shape_of(x)[-1], domain == "time" and not ew.is_complex(x)
    s = x if domain == "freq" else np.fft.rfft(x) if real else np.fft.fft(x)
    if window is not None:
        w = cast(_weights(window, n), _real(s))
        if real:  # a coefficient stands for that of the negative frequency
            w = np.concatenate([w[:1], (w[1:] + w[:0:-1]) / 2])[: n // 2 + 1]
        s = s * w
    y = _rescaled(s, n, num, real) * (num / n)
    y = np.moveaxis(y, -1, axis)
    if t is None:
        return y
    t = operand(t)
    return y, np.arange(num) * (t[1] - t[0]) * n / num + t[0]


def _weights(window: Any, n: int) -> Any:
    if callable(window):
        return window(np.fft.fftfreq(n))
    if isinstance(window, (str, tuple, float)):
        return np.fft.ifftshift(get_window(window, n))
    w = as_floating(window)
    if shape_of(w) != (n,):
        raise ShapeError(f"resample: window must have shape [{n}]: got {aval_of(w)}")
    return w


def _rescaled(s: Any, n: int, num: int, real: bool) -> Any:
    """The signal of ``num`` points with the coefficients [..., N], or [..., N // 2 + 1] if real."""
    kept = min(n, num)
    half = kept // 2
    even = kept % 2 == 0 and num != n
    if real:
        low = s[..., : half + 1]
        if even:
            edge = np.where(np.arange(half + 1) == half, 2.0 if num < n else 0.5, 1.0)
            low = low * cast(edge, _real(s))
        return np.fft.irfft(low, num)
    low, high = s[..., : half + kept % 2], s[..., n - half :]
    lead = shape_of(s)[:-1]
    if even and num < n:  # both parts of the middle frequency are one
        both = s[..., half : half + 1] + high[..., :1]
        high = np.concatenate([both, high[..., 1:]], axis=-1)
    gap = np.zeros((*lead, num - kept), dtype_of(s))
    if even and num > n:
        middle = high[..., :1] / 2
        high, gap = high[..., 1:], gap[..., 1:]
        parts = [low, middle, gap, middle, high]
    else:
        parts = [low, gap, high]
    return np.fft.ifft(np.concatenate(parts, axis=-1))
