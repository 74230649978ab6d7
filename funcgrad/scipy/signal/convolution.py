"""Convolution, correlation and detrending, by SciPy's names."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops import elementwise as ew
from ...ops.conv_general_dilated import conv_general_dilated
from ...ops.operand import operand, promote_weak, strong
from ...ops.reduce import axes_in
from ...ops.structure import cast

_MODES = ("full", "same", "valid")
_BOUNDARIES = {"wrap": "wrap", "symm": "symmetric"}
Axes = tuple[Sequence[int], Sequence[int]]


@answering
def convolve(
    in1: Any,
    in2: Any,
    mode: str = "full",
    method: str = "auto",
    *,
    axes: Axes | None = None,
    dot_axes: Axes = ((), ()),
) -> Any:
    """Convolution of two arrays of equal rank, along all or some axes.

    Args:
        in1, in2: arrays.
        mode: "full"; "same", the center of "full" in the shape of ``in1``; or "valid", the part
            without padding, for which one array must be the larger along all axes.
        method: ignored, for compatibility with SciPy; the sum is computed directly.
        axes: pairs of axes to convolve, as in HIPS autograd. The other axes come first in the
            result, those of ``in1`` before those of ``in2``.
        dot_axes: pairs of axes along which products are summed, as in ``tensordot``.

    Raises:
        ShapeError: if the ranks differ, without ``axes``.
        ValueError: for another ``mode``.

    >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0]))
    array([1., 3., 5., 3.])
    """
    if mode not in _MODES:
        raise ValueError(f"convolve: mode must be 'full', 'same' or 'valid': got {shown(mode)}")
    a, b = promote_weak([strong(operand(in1)), strong(operand(in2))])
    ranks = len(shape_of(a)), len(shape_of(b))
    if axes is None:
        if ranks[0] != ranks[1]:
            raise ShapeError(
                f"convolve: the ranks must be equal: got {ranks[0]} and {ranks[1]}"
                "; add an axis to one by x[None]"
            )
        axes = (tuple(range(ranks[0])),) * 2
    if not axes[0] and not dot_axes[0] and ranks == (0, 0):
        return a * b
    sides = [
        _group_axes(x, *pair)
        for x, pair in zip((a, b), zip(axes, dot_axes, strict=True), strict=True)
    ]
    (a, lead), (b, others) = sides
    n, k = shape_of(a)[2:], shape_of(b)[2:]
    if mode == "valid" and any(i < j for i, j in zip(n, k, strict=True)):
        if any(i > j for i, j in zip(n, k, strict=True)):
            raise ValueError(
                "convolve: for mode='valid' one array must be at least as large as the other "
                f"along every axis: got {n} and {k}"
                "; write mode='full'"
            )
        y = np.swapaxes(_convolve_spatial(b, a, mode), 0, 1)
    else:
        y = _convolve_spatial(a, b, mode)
    return np.reshape(y, (*lead, *others, *shape_of(y)[2:]))


def _group_axes(x: Any, axes: Sequence[int], summed: Sequence[int]) -> tuple[Any, tuple[int, ...]]:
    """Array transposed to [others, summed, *axes], and the lengths of the other axes."""
    rank = len(shape_of(x))
    axes, summed = [[d % rank for d in group] for group in (axes, summed)]
    others = [d for d in range(rank) if d not in axes and d not in summed]
    x = np.transpose(x, (*others, *summed, *axes))
    lead, middle = shape_of(x)[: len(others)], shape_of(x)[len(others) : rank - len(axes)]
    spatial = shape_of(x)[rank - len(axes) :]
    return np.reshape(x, (math.prod(lead), math.prod(middle), *spatial)), lead


def _convolve_spatial(a: Any, b: Any, mode: str) -> Any:
    """Convolution of [N, C, *spatial] with [O, C, *spatial], as [N, O, *spatial]."""
    k = shape_of(b)[2:]
    if not k:
        return np.matmul(a, b.T)
    before = {"full": [j - 1 for j in k], "same": [j // 2 for j in k]}.get(mode, [0] * len(k))
    after = before if mode != "same" else [(j - 1) // 2 for j in k]
    flipped = b[(slice(None), slice(None), *[slice(None, None, -1)] * len(k))]
    pads = list(zip(before, after, strict=True))
    return conv_general_dilated(a, flipped, (1,) * len(k), pads)


@answering
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Cross-correlation: convolution with the second array reversed and conjugated.

    >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0]))
    array([0., 1., 2., 3.])
    """
    return convolve(in1, _reversed(in2), mode, method)


def _reversed(x: Any) -> Any:
    x = strong(operand(x))
    x = ew.conj(x) if ew.is_complex(x) else x
    return x[(slice(None, None, -1),) * len(shape_of(x))]


@answering
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """Convolution of two arrays by FFT, for large arrays.

    Args:
        in1, in2, mode: see :func:`convolve`; integers give float64.
        axes: axes to convolve, by default all; the others broadcast.

    >>> fftconvolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0])).round(12)
    array([1., 3., 5., 3.])
    """
    if mode not in _MODES:
        raise ValueError(f"fftconvolve: mode must be 'full', 'same' or 'valid': got {shown(mode)}")
    a, b = promote_weak([strong(operand(in1)), strong(operand(in2))])
    rank = len(shape_of(a))
    if rank != len(shape_of(b)):
        raise ShapeError(
            f"fftconvolve: the ranks must be equal: got {shape_of(a)}, {shape_of(b)}"
            "; add an axis to one by x[None]"
        )
    axes = tuple(range(rank)) if axes is None else axes_in(axes, rank)
    n, k = ([shape_of(x)[d] for d in axes] for x in (a, b))
    if mode == "valid" and any(i < j for i, j in zip(n, k, strict=True)):
        a, b, n, k = b, a, k, n
    size = [i + j - 1 for i, j in zip(n, k, strict=True)]
    if ew.is_complex(a) or ew.is_complex(b):
        y: Any = np.fft.ifftn(np.fft.fftn(a, size, axes) * np.fft.fftn(b, size, axes), size, axes)
    else:
        y = np.fft.irfftn(np.fft.rfftn(a, size, axes) * np.fft.rfftn(b, size, axes), size, axes)
    if mode == "full":
        return y
    starts = [(j - 1) // 2 if mode == "same" else j - 1 for j in k]
    lengths = n if mode == "same" else [i - j + 1 for i, j in zip(n, k, strict=True)]
    cut = dict(zip(axes, zip(starts, lengths, strict=True), strict=True))
    spans = [cut.get(d, (0, None)) for d in range(rank)]
    return y[tuple(slice(s, None if m is None else s + m) for s, m in spans)]


@answering
def oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """The same as :func:`fftconvolve`, by the name of another algorithm for long signals.

    >>> oaconvolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0])).round(12)
    array([1., 3., 5., 3.])
    """
    return fftconvolve(in1, in2, mode, axes)


@answering
def correlation_lags(in1_len: int, in2_len: int, mode: str = "full") -> np.ndarray:
    """The lags of the elements of a cross-correlation of two signals.

    Args:
        in1_len, in2_len: int, the lengths of the signals.
        mode: see :func:`convolve`.

    >>> correlation_lags(3, 2)
    array([-1,  0,  1,  2])
    """
    if mode not in _MODES:
        raise ValueError(
            f"correlation_lags: mode must be 'full', 'same' or 'valid': got {shown(mode)}"
        )
    whole = np.arange(-in2_len + 1, in1_len)
    if mode == "full":
        return whole
    if mode == "same":
        middle, half = whole.size // 2, in1_len // 2
        return whole[middle - half : middle + half + in1_len % 2]
    bound = in1_len - in2_len
    return np.arange(min(bound, 0), max(bound, 0) + 1)


@answering
def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """Convolution of two matrices.

    Args:
        in1, in2, mode: see :func:`convolve`.
        boundary: padding of ``in1``: "fill" by ``fillvalue``, "wrap" periodic, or "symm"
            reflected.
        fillvalue: scalar.

    Raises:
        ValueError: if an array is not a matrix, or for another ``boundary``.

    >>> convolve2d(np.eye(2), np.ones((2, 2)), mode="same")
    array([[1., 1.],
           [1., 2.]])
    """
    a, b = strong(operand(in1)), strong(operand(in2))
    if len(shape_of(a)) != 2 or len(shape_of(b)) != 2:
        raise ShapeError(
            f"convolve2d: both must be matrices: got {shape_of(a)} and {shape_of(b)}"
            "; write x[None] for a vector"
        )
    if boundary not in ("fill", *_BOUNDARIES):
        raise ValueError(
            f"convolve2d: boundary must be 'fill', 'wrap' or 'symm': got {shown(boundary)}"
        )
    plain = boundary == "fill" and isinstance(fillvalue, (int, float)) and fillvalue == 0
    if mode == "valid" or plain:
        return convolve(a, b, mode)
    k = shape_of(b)
    pads = [(j - 1, j - 1) if mode == "full" else (j // 2, (j - 1) // 2) for j in k]
    how: dict[str, Any] = {"mode": _BOUNDARIES.get(boundary, "constant")}
    if boundary == "fill":
        how["constant_values"] = fillvalue
    return convolve(np.pad(a, pads, **how), b, "valid")


@answering
def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """Cross-correlation of two matrices; see :func:`convolve2d`.

    >>> print(correlate2d(np.ones((2, 2)), np.eye(2), mode="valid"))
    [[2.]]
    """
    a, b = strong(operand(in1)), _reversed(in2)
    if mode != "same" or all(j % 2 for j in shape_of(b)):
        return convolve2d(a, b, mode, boundary, fillvalue)
    whole = convolve2d(a, b, "full", boundary, fillvalue)
    starts = [j // 2 for j in shape_of(b)]  # SciPy takes the other center for an even length
    return whole[tuple(slice(s, s + n) for s, n in zip(starts, shape_of(a), strict=True))]


@answering
def detrend(data: Any, axis: int = -1, type: str = "linear") -> Any:
    """Samples minus their mean, or minus the least-squares line through them.

    Args:
        data: samples, shape [..., N, ...].
        axis: the axis of N.
        type: "linear" or "constant".

    Raises:
        ValueError: for another ``type``.

    >>> detrend(np.array([1.0, 2.0, 3.0]), type="constant")
    array([-1.,  0.,  1.])
    """
    if type not in ("linear", "l", "constant", "c"):
        raise ValueError(f"detrend: type must be 'linear' or 'constant': got {shown(type)}")
    y = strong(operand(data))
    y = np.moveaxis(y if is_inexact(dtype_of(y)) else cast(y, np.float64), axis, -1)
    y = y - np.mean(y, axis=-1, keepdims=True)
    if type in ("linear", "l"):
        n = shape_of(y)[-1]
        place = (np.arange(n) - (n - 1) / 2).astype(np.finfo(dtype_of(y)).dtype)
        slope = np.sum(place * y, axis=-1, keepdims=True) / max(float((place**2).sum()), 1e-300)
        y = y - slope.astype(dtype_of(y)) * place
    return np.moveaxis(y, -1, axis)
