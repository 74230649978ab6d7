"""Fourier transforms along one axis and several, frequencies, and shifts.

A transform along several axes is a sequence of transforms along one axis, as in NumPy.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.frames import warn
from ..ops.elementwise import conj
from ..ops.fft import SWAPPED, fft_p, irfft_p, rfft_p
from ..ops.index import Index, scatter_add_p
from ..ops.operand import operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast
from .aliasing import in_order_of
from .dispatch import implements, no_out
from .manipulation import roll
from .shapes import integer_tuple, slice_axis


def _checked_norm(norm: Any) -> str:
    norm = "backward" if norm is None else norm
    if norm not in SWAPPED:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm


def _one_axis_arguments(
    who: str, a: Any, n: Any, axis: Any, norm: Any, out: Any
) -> tuple[Any, Any, int, str]:
    """Checked arguments of a transform along one axis."""
    no_out(f"numpy.fft.{who}", out)
    a = strong(operand(a))
    axis = axis_of(axis, len(shape_of(a)))
    return a, None if n is None else operator.index(n), axis, _checked_norm(norm)


def _resized(a: Any, n: int, axis: int) -> Any:
    """``a`` truncated, or padded with zeros, to ``n`` elements along one axis."""
    shape = shape_of(a)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if n == shape[axis]:
        return a
    if n < shape[axis]:
        return slice_axis(a, axis, 0, n)
    index = Index((*[slice(None)] * axis, slice(0, shape[axis])))
    y = scatter_add_p(a, shape=(*shape[:axis], n, *shape[axis + 1 :]), index=index)
    return in_order_of(y, a)


# one axis


@implements("fft.fft")
def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Fourier transform along one axis; see numpy.fft.fft.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: abs(np.fft.fft(x)[1]))(np.array([1.0, 0.0, 0.0, 0.0]))
    array([ 1.,  0., -1.,  0.])
    """
    return _fft("fft", a, n, axis, norm, out, inverse=False)


@implements("fft.ifft")
def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Inverse of the Fourier transform along one axis; see numpy.fft.ifft."""
    return _fft("ifft", a, n, axis, norm, out, inverse=True)


def _fft(who: str, a: Any, n: Any, axis: Any, norm: Any, out: Any, inverse: bool) -> Any:
    a, n, axis, norm = _one_axis_arguments(who, a, n, axis, norm, out)
    a = _resized(a, shape_of(a)[axis] if n is None else n, axis)
    return fft_p(a, axis=axis, norm=norm, inverse=inverse)


@implements("fft.rfft")
def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Nonnegative-frequency half of the transform of a real array; see numpy.fft.rfft."""
    a, n, axis, norm = _one_axis_arguments("rfft", a, n, axis, norm, out)
    return rfft_p(_resized(a, shape_of(a)[axis] if n is None else n, axis), axis=axis, norm=norm)


@implements("fft.irfft")
def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Inverse of rfft; see numpy.fft.irfft."""
    a, n, axis, norm = _one_axis_arguments("irfft", a, n, axis, norm, out)
    n = 2 * (shape_of(a)[axis] - 1) if n is None else n
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return irfft_p(_resized(a, n // 2 + 1, axis), n=n, axis=axis, norm=norm)


@implements("fft.hfft")
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Real transform of a Hermitian-symmetric array, given by its half; see numpy.fft.hfft."""
    no_out("numpy.fft.hfft", out)
    return irfft(conj(operand(a)), n, axis, SWAPPED[_checked_norm(norm)])


@implements("fft.ihfft")
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Inverse of hfft; see numpy.fft.ihfft."""
    no_out("numpy.fft.ihfft", out)
    return conj(rfft(a, n, axis, SWAPPED[_checked_norm(norm)]))


# several axes; an axis may be repeated


def _axes_and_lengths(a: Any, s: Any, axes: Any, half: bool = False) -> list[tuple[Any, Any]]:
    """Axes with their lengths after truncation or padding, None for the default."""
    shape = shape_of(a)
    if axes is None:
        axes = range(-len(shape if s is None else s), 0)
        if s is not None:
            _warn("axes=None beside s", "name the axes")
    axes = list(axes)
    if s is None:
        lengths: list[Any] = [shape[axis_of(d, len(shape))] for d in axes]
        if half:
            lengths[-1] = None
    else:
        lengths = list(s)
        if len(lengths) != len(axes):
            raise ValueError("Shape and axes have different lengths.")
        if None in lengths:
            _warn("None in s", "write -1 for the length that the axis has")
        lengths = [
            shape[axis_of(d, len(shape))] if n == -1 else n
            for n, d in zip(lengths, axes, strict=True)
        ]
    return list(zip(lengths, axes, strict=True))


def _warn(what: str, cure: str) -> None:
    warn(f"fft: {what} is deprecated since NumPy 2.0; {cure}", DeprecationWarning)


def _along_axes(
    transform: Callable[..., Any], a: Any, plan: Sequence[tuple[Any, Any]], norm: Any
) -> Any:
    for n, axis in plan:
        a = transform(a, n, axis, norm)
    return a if plan else strong(a)


@implements("fft.fftn")
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Fourier transform along several axes; see numpy.fft.fftn."""
    no_out("numpy.fft.fftn", out)
    a = operand(a)
    return _along_axes(fft, a, _axes_and_lengths(a, s, axes)[::-1], norm)


@implements("fft.ifftn")
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Inverse of fftn; see numpy.fft.ifftn."""
    no_out("numpy.fft.ifftn", out)
    a = operand(a)
    return _along_axes(ifft, a, _axes_and_lengths(a, s, axes)[::-1], norm)


@implements("fft.rfftn")
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Half of the transform of a real array along several axes; see numpy.fft.rfftn."""
    no_out("numpy.fft.rfftn", out)
    a = operand(a)
    plan = _axes_and_lengths(a, s, axes)
    n, axis = plan[-1]
    return _along_axes(fft, rfft(a, n, axis, norm), plan[-2::-1], norm)


@implements("fft.irfftn")
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Inverse of rfftn; see numpy.fft.irfftn."""
    no_out("numpy.fft.irfftn", out)
    a = operand(a)
    plan = _axes_and_lengths(a, s, axes, half=True)
    n, axis = plan[-1]
    return irfft(_along_axes(ifft, a, plan[:-1], norm), n, axis, norm)


@implements("fft.fft2")
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Fourier transform along two axes; see numpy.fft.fft2."""
    no_out("numpy.fft.fft2", out)
    return fftn(a, s, axes, norm)


@implements("fft.ifft2")
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Inverse of fft2; see numpy.fft.ifft2."""
    no_out("numpy.fft.ifft2", out)
    return ifftn(a, s, axes, norm)


@implements("fft.rfft2")
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Half of the transform of a real array along two axes; see numpy.fft.rfft2."""
    no_out("numpy.fft.rfft2", out)
    return rfftn(a, s, axes, norm)


@implements("fft.irfft2")
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Inverse of rfft2; see numpy.fft.irfft2."""
    no_out("numpy.fft.irfft2", out)
    return irfftn(a, s, axes, norm)


# frequencies and shifts


@implements("fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Any:
    """Move frequency 0 to the middle of each axis; see numpy.fft.fftshift."""
    return _shift(x, axes, 1)


@implements("fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Undo fftshift; see numpy.fft.ifftshift."""
    return _shift(x, axes, -1)


def _shift(x: Any, axes: Any, sign: int) -> Any:
    x = strong(operand(x))
    rank = len(shape_of(x))
    shifted_axes = [
        axis_of(d, rank) for d in (range(rank) if axes is None else integer_tuple(axes))
    ]
    return roll(x, [sign * (shape_of(x)[d] // 2) for d in shifted_axes], shifted_axes)


def fftfreq(n: int, d: Any = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Frequencies of ``fft`` for ``n`` samples with spacing ``d``, which may be traced.

    Args:
        n: int, number of samples.
        d: scalar, distance between samples.
        dtype: dtype of the result; by default NumPy's.
        device: ``"cpu"`` or None.

    Raises:
        ValueError: if ``n`` is not an integer.

    >>> fftfreq(4, 0.5)
    array([ 0. ,  0.5, -1. , -0.5])
    """
    return _frequencies(np.fft.fftfreq, n, d, dtype, device)


def rfftfreq(n: int, d: Any = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Frequencies of ``rfft`` for ``n`` samples with spacing ``d``; see ``fftfreq``.

    >>> rfftfreq(4, 0.5)
    array([0. , 0.5, 1. ])
    """
    return _frequencies(np.fft.rfftfreq, n, d, dtype, device)


def _frequencies(function: Callable[..., Any], n: Any, d: Any, dtype: Any, device: Any) -> Any:
    frequencies = function(n, d, device)
    return frequencies if dtype is None else cast(frequencies, np.dtype(dtype))
