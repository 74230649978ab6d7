"""Fourier transforms of one axis and of several, their frequencies and their order.

Each is made of transforms along one axis at a time, as NumPy's own are.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, shape_of
from ..core.errors import warn
from ..ops.elementwise import conj
from ..ops.fft import SWAPPED, fft_p, irfft_p, rfft_p
from ..ops.index import Index, scatter_add_p
from ..ops.operand import operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast
from .creation import DEFAULT_FLOAT
from .dispatch import implements, no_out
from .manipulation import roll
from .shapes import cut, lengths_of

# what every transform does with the arguments that they share


def _normed(norm: Any) -> str:
    norm = "backward" if norm is None else norm
    if norm not in SWAPPED:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm


def _line(who: str, a: Any, n: Any, axis: Any, norm: Any, out: Any) -> tuple[Any, Any, int, str]:
    """Return the checked arguments of a transform along one axis."""
    no_out(f"numpy.fft.{who}", out)
    a = strong(operand(a))
    axis = axis_of(axis, len(shape_of(a)))
    return a, None if n is None else operator.index(n), axis, _normed(norm)


def _fitted(a: Any, n: int, axis: int) -> Any:
    """Return ``a`` cut to ``n`` elements along one axis, or filled up with zeros."""
    shape = shape_of(a)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if n == shape[axis]:
        return a
    if n < shape[axis]:
        return cut(a, axis, 0, n)
    index = Index((*[slice(None)] * axis, slice(0, shape[axis])))
    return scatter_add_p(a, shape=(*shape[:axis], n, *shape[axis + 1 :]), index=index)


# one axis


@implements("fft.fft")
def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the Fourier transform along one axis; see numpy.fft.fft.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: abs(np.fft.fft(x)[1]))(np.array([1.0, 0.0, 0.0, 0.0]))
    array([ 1.,  0., -1.,  0.])
    """
    return _fft("fft", a, n, axis, norm, out, inverse=False)


@implements("fft.ifft")
def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the inverse of the Fourier transform along one axis; see numpy.fft.ifft."""
    return _fft("ifft", a, n, axis, norm, out, inverse=True)


def _fft(who: str, a: Any, n: Any, axis: Any, norm: Any, out: Any, inverse: bool) -> Any:
    a, n, axis, norm = _line(who, a, n, axis, norm, out)
    a = _fitted(a, shape_of(a)[axis] if n is None else n, axis)
    return fft_p(a, axis=axis, norm=norm, inverse=inverse)


@implements("fft.rfft")
def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the half of a real array's transform that tells the other; see numpy.fft.rfft."""
    a, n, axis, norm = _line("rfft", a, n, axis, norm, out)
    return rfft_p(_fitted(a, shape_of(a)[axis] if n is None else n, axis), axis=axis, norm=norm)


@implements("fft.irfft")
def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the real array that has this half of a transform; see numpy.fft.irfft."""
    a, n, axis, norm = _line("irfft", a, n, axis, norm, out)
    n = 2 * (shape_of(a)[axis] - 1) if n is None else n
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return irfft_p(_fitted(a, n // 2 + 1, axis), n=n, axis=axis, norm=norm)


@implements("fft.hfft")
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the real transform of half a symmetric array; see numpy.fft.hfft."""
    no_out("numpy.fft.hfft", out)
    return irfft(conj(operand(a)), n, axis, SWAPPED[_normed(norm)])


@implements("fft.ihfft")
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the inverse of hfft; see numpy.fft.ihfft."""
    no_out("numpy.fft.ihfft", out)
    return conj(rfft(a, n, axis, SWAPPED[_normed(norm)]))


# several axes, of which one may be named more than once


def _plan(a: Any, s: Any, axes: Any, half: bool = False) -> list[tuple[Any, Any]]:
    """Return each axis with the length it is to have, None for what one axis has by default."""
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


def _each(transform: Callable[..., Any], a: Any, plan: Sequence[tuple[Any, Any]], norm: Any) -> Any:
    for n, axis in plan:
        a = transform(a, n, axis, norm)
    return a if plan else strong(a)


@implements("fft.fftn")
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the Fourier transform along several axes; see numpy.fft.fftn."""
    no_out("numpy.fft.fftn", out)
    a = operand(a)
    return _each(fft, a, _plan(a, s, axes)[::-1], norm)


@implements("fft.ifftn")
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the inverse of fftn; see numpy.fft.ifftn."""
    no_out("numpy.fft.ifftn", out)
    a = operand(a)
    return _each(ifft, a, _plan(a, s, axes)[::-1], norm)


@implements("fft.rfftn")
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return half the transform of a real array along several axes; see numpy.fft.rfftn."""
    no_out("numpy.fft.rfftn", out)
    a = operand(a)
    plan = _plan(a, s, axes)
    n, axis = plan[-1]
    return _each(fft, rfft(a, n, axis, norm), plan[-2::-1], norm)


@implements("fft.irfftn")
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the inverse of rfftn; see numpy.fft.irfftn."""
    no_out("numpy.fft.irfftn", out)
    a = operand(a)
    plan = _plan(a, s, axes, half=True)
    n, axis = plan[-1]
    return irfft(_each(ifft, a, plan[:-1], norm), n, axis, norm)


@implements("fft.fft2")
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the Fourier transform along two axes; see numpy.fft.fft2."""
    no_out("numpy.fft.fft2", out)
    return fftn(a, s, axes, norm)


@implements("fft.ifft2")
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the inverse of fft2; see numpy.fft.ifft2."""
    no_out("numpy.fft.ifft2", out)
    return ifftn(a, s, axes, norm)


@implements("fft.rfft2")
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return half the transform of a real array along two axes; see numpy.fft.rfft2."""
    no_out("numpy.fft.rfft2", out)
    return rfftn(a, s, axes, norm)


@implements("fft.irfft2")
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the inverse of rfft2; see numpy.fft.irfft2."""
    no_out("numpy.fft.irfft2", out)
    return irfftn(a, s, axes, norm)


# frequencies, and their order


@implements("fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Any:
    """Move frequency 0 to the middle of each axis; see numpy.fft.fftshift."""
    return _shifted(x, axes, 1)


@implements("fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Undo fftshift; see numpy.fft.ifftshift."""
    return _shifted(x, axes, -1)


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    x = strong(operand(x))
    rank = len(shape_of(x))
    places = [axis_of(d, rank) for d in (range(rank) if axes is None else lengths_of(axes))]
    return roll(x, [sign * (shape_of(x)[d] // 2) for d in places], places)


def fftfreq(n: int, d: Any = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of ``fft`` for ``n`` samples at distances ``d``, which may be traced.

    Args:
        n: how many samples there are.
        d: the distance between two.
        dtype: of the result; by default that of an array ``d``, float32 for a Python number.
        device: ``"cpu"`` or None.

    Raises:
        ValueError: if ``n`` is not an integer.

    >>> fftfreq(4, 0.5)
    array([ 0. ,  0.5, -1. , -0.5], dtype=float32)
    """
    return _spaced(np.fft.fftfreq, n, d, dtype, device)


def rfftfreq(n: int, d: Any = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of ``rfft`` for ``n`` samples at distances ``d``; see ``fftfreq``.

    >>> rfftfreq(4, 0.5)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _spaced(np.fft.rfftfreq, n, d, dtype, device)


def _spaced(function: Callable[..., Any], n: Any, d: Any, dtype: Any, device: Any) -> Any:
    if dtype is None and type(d) in PYTHON_SCALARS:
        dtype = DEFAULT_FLOAT
    frequencies = function(n, d, device)
    return frequencies if dtype is None else cast(frequencies, np.dtype(dtype))
