"""Fourier, cosine and sine transforms under SciPy's names."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.avals import dtype_of, is_inexact, real_dtype, shape_of
from ...core.errors import shown
from ...core.lazy import answering
from ...ops import elementwise as ew
from ...ops.operand import operand, strong
from ...ops.reduce import axes_in, axis_of
from ...ops.structure import cast


@answering
def fftfreq(n: int, d: float = 1.0) -> Any:
    """Frequencies of ``fft``; see numpy.fft.fftfreq."""
    return np.fft.fftfreq(n, d)


@answering
def rfftfreq(n: int, d: float = 1.0) -> Any:
    """Frequencies of ``rfft``; see numpy.fft.rfftfreq."""
    return np.fft.rfftfreq(n, d)


@answering
def fftshift(x: Any, axes: Any = None) -> Any:
    """Move frequency 0 to the middle; see numpy.fft.fftshift."""
    return np.fft.fftshift(operand(x), axes)


@answering
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Inverse of ``fftshift``; see numpy.fft.ifftshift."""
    return np.fft.ifftshift(operand(x), axes)


def _along_axis(name: str, effect: str) -> Callable[..., Any]:
    function = getattr(np.fft, name)

    def transform(
        x: Any, n: int | None = None, axis: int = -1, norm: str | None = None,
        overwrite_x: bool = False, workers: Any = None,
    ) -> Any:  # fmt: skip
        return function(operand(x), n, axis, norm)

    return _named(transform, name, effect)


def _along_axes(name: str, effect: str, last: bool = False) -> Callable[..., Any]:
    function = getattr(np.fft, name)

    def transform(
        x: Any, s: Any = None, axes: Any = (-2, -1) if last else None, norm: str | None = None,
        overwrite_x: bool = False, workers: Any = None,
    ) -> Any:  # fmt: skip
        axes = range(-len(s), 0) if axes is None and s is not None else axes
        return function(operand(x), s, None if axes is None else tuple(axes), norm)

    return _named(transform, name, effect)


def _named(transform: Any, name: str, effect: str) -> Callable[..., Any]:
    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"{effect}; see numpy.fft.{name}."
    return transform  # type: ignore[no-any-return]


fft = _along_axis("fft", "Fourier transform along an axis")
ifft = _along_axis("ifft", "Inverse Fourier transform along an axis")
rfft = _along_axis("rfft", "Fourier transform of real arrays, without negative frequencies")
irfft = _along_axis("irfft", "Inverse of ``rfft``")
hfft = _along_axis("hfft", "Fourier transform of arrays that are Hermitian")
ihfft = _along_axis("ihfft", "Inverse of ``hfft``")
fft2 = _along_axes("fft2", "Fourier transform along two axes", True)
ifft2 = _along_axes("ifft2", "Inverse Fourier transform along two axes", True)
rfft2 = _along_axes("rfft2", "Fourier transform of real arrays along two axes", True)
irfft2 = _along_axes("irfft2", "Inverse of ``rfft2``", True)
fftn = _along_axes("fftn", "Fourier transform along several axes")
ifftn = _along_axes("ifftn", "Inverse Fourier transform along several axes")
rfftn = _along_axes("rfftn", "Fourier transform of real arrays along several axes")
irfftn = _along_axes("irfftn", "Inverse of ``rfftn``")


@answering
def next_fast_len(target: int, real: bool = False) -> int:
    """The smallest length of at least ``target`` with no prime factor above 11, or 5 if real.

    >>> next_fast_len(97)
    98
    """
    primes = (2, 3, 5) if real else (2, 3, 5, 7, 11)
    n = int(target)
    while True:
        rest = n
        for p in primes:
            while rest % p == 0 and rest:
                rest //= p
        if rest == 1 or n <= 0:
            return n
        n += 1


@answering
def dct(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None,
    overwrite_x: bool = False, workers: Any = None, orthogonalize: bool | None = None,
) -> Any:  # fmt: skip
    """Discrete cosine transform of type 1 to 4.

    Args:
        x: array; complex ones are transformed by parts.
        type: int.
        n: int, the length to which the axis is cut or padded.
        axis: the axis.
        norm: None or "backward", "ortho", or "forward".
        orthogonalize: whether the matrix is orthogonal up to a factor; by default for "ortho".

    Source: Makhoul 1980, "A fast cosine transform in one and two dimensions".

    >>> dct(np.array([1.0, 0.0, 0.0, 0.0])).round(3)
    array([2.   , 1.848, 1.414, 0.765])
    """
    return _transformed("dct", _COSINE, x, type, n, axis, norm, orthogonalize, False)


@answering
def idct(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None,
    overwrite_x: bool = False, workers: Any = None, orthogonalize: bool | None = None,
) -> Any:  # fmt: skip
    """Inverse of :func:`dct`.

    >>> idct(dct(np.array([1.0, 2.0, 3.0]))).round(9)
    array([1., 2., 3.])
    """
    return _transformed("idct", _COSINE, x, type, n, axis, norm, orthogonalize, True)


@answering
def dst(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None,
    overwrite_x: bool = False, workers: Any = None, orthogonalize: bool | None = None,
) -> Any:  # fmt: skip
    """Discrete sine transform of type 1 to 4; see :func:`dct`.

    >>> dst(np.array([1.0, 0.0])).round(3)
    array([1.414, 2.   ])
    """
    return _transformed("dst", _SINE, x, type, n, axis, norm, orthogonalize, False)


@answering
def idst(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None,
    overwrite_x: bool = False, workers: Any = None, orthogonalize: bool | None = None,
) -> Any:  # fmt: skip
    """Inverse of :func:`dst`.

    >>> idst(dst(np.array([1.0, 2.0, 3.0]))).round(9)
    array([1., 2., 3.])
    """
    return _transformed("idst", _SINE, x, type, n, axis, norm, orthogonalize, True)


def _several(one: Callable[..., Any], effect: str) -> Callable[..., Any]:
    def transform(
        x: Any, type: int = 2, s: Any = None, axes: Sequence[int] | None = None,
        norm: str | None = None, overwrite_x: bool = False, workers: Any = None, *,
        orthogonalize: bool | None = None,
    ) -> Any:  # fmt: skip
        y = operand(x)
        rank = len(shape_of(y))
        if axes is None:
            axes = range(rank) if s is None else range(rank - len(s), rank)
        lengths = [None] * len(axes_in(axes, rank)) if s is None else list(s)
        for n, axis in zip(lengths, axes_in(axes, rank), strict=True):
            y = one(y, type, n, axis, norm, orthogonalize=orthogonalize)
        return y

    return _named_after(transform, f"{one.__name__}n", effect, one.__name__)


def _named_after(transform: Any, name: str, effect: str, one: str) -> Callable[..., Any]:
    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"{effect}; see :func:`{one}`."
    return transform  # type: ignore[no-any-return]


dctn = _several(dct, "Discrete cosine transform along several axes")
idctn = _several(idct, "Inverse discrete cosine transform along several axes")
dstn = _several(dst, "Discrete sine transform along several axes")
idstn = _several(idst, "Inverse discrete sine transform along several axes")


def _transformed(
    who: str, kinds: dict[int, Any], x: Any, kind: int, n: int | None, axis: int,
    norm: str | None, orthogonal: bool | None, inverse: bool,
) -> Any:  # fmt: skip
    if kind not in kinds or norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(
            f"{who}: type must be from 1 to 4, norm None, 'backward', 'ortho' or 'forward': got "
            f"{shown(kind)} and {shown(norm)}"
        )
    x = strong(operand(x))
    x = x if is_inexact(dtype_of(x)) else cast(x, np.float64)
    if ew.is_complex(x):
        parts = (_transformed(who, kinds, part, kind, n, axis, norm, orthogonal, inverse)
                 for part in (ew.real(x), ew.imag(x)))  # fmt: skip
        real, imag = parts
        return real + 1j * imag
    axis = axis_of(axis, len(shape_of(x)))
    x = np.moveaxis(x, axis, -1)
    if n is not None:
        x = x[..., :n]
        short = n - shape_of(x)[-1]
        x = np.concatenate([x, np.zeros((*shape_of(x)[:-1], short), dtype_of(x))], -1)
    size = shape_of(x)[-1]
    if size < (2 if kinds is _COSINE and kind == 1 else 1):
        raise ValueError(f"{who}: the axis is too short for type {kind}: got {size}")
    kind = {2: 3, 3: 2}.get(kind, kind) if inverse else kind
    shift = {1: -1 if kinds is _COSINE else 1}.get(kind, 0)
    period = 2.0 * (size + shift)
    forward = {"ortho": period**-0.5, "forward": 1 / period}.get(norm or "", 1.0)
    backward = {"ortho": period**-0.5, "forward": 1.0}.get(norm or "", 1 / period)
    before, after = _ends(kinds is _COSINE, kind, size, orthogonal, norm)
    y = kinds[kind](x * before) * after * (backward if inverse else forward)
    return np.moveaxis(cast(y, dtype_of(x)), -1, axis)


def _ends(cosine: bool, kind: int, n: int, orthogonal: bool | None, norm: Any) -> tuple[Any, Any]:
    """The factors before and after that make the matrix orthogonal."""
    before, after = np.ones(n), np.ones(n)
    if norm == "ortho" if orthogonal is None else orthogonal:
        end = 0 if cosine else -1
        if kind == 2:
            after[end] = 0.5**0.5
        elif kind == 3:
            before[end] = 2**0.5
        elif kind == 1 and cosine:
            before[[0, -1]], after[[0, -1]] = 2**0.5, 0.5**0.5
    return before, after


def _turn(x: Any, angle: np.ndarray) -> Any:
    """``x`` times exp(i angle)."""
    kind = np.result_type(real_dtype(dtype_of(x)), np.complex64)
    return x * np.exp(1j * angle).astype(kind)


def _cosine1(x: Any) -> Any:
    return ew.real(np.fft.rfft(np.concatenate([x, x[..., -2:0:-1]], -1)))


def _cosine2(x: Any) -> Any:
    n = shape_of(x)[-1]
    y = np.fft.fft(np.concatenate([x, x[..., ::-1]], -1))[..., :n]
    return ew.real(_turn(y, -np.pi * np.arange(n) / (2 * n)))


def _cosine3(x: Any) -> Any:
    n = shape_of(x)[-1]
    y = np.fft.ifft(_turn(x, np.pi * np.arange(n) / (2 * n)), 2 * n)[..., :n]
    return 4 * n * ew.real(y) - x[..., :1]


def _cosine4(x: Any) -> Any:
    n = shape_of(x)[-1]
    k = np.arange(n)
    y = np.fft.fft(_turn(x, -np.pi * k / (2 * n)), 2 * n)[..., :n]
    return 2 * ew.real(_turn(y, -np.pi * (2 * k + 1) / (4 * n)))


def _signed(x: Any) -> Any:
    return x * (-1.0) ** np.arange(shape_of(x)[-1])


def _sine1(x: Any) -> Any:
    zero = np.zeros_like(x[..., :1])
    y = np.fft.rfft(np.concatenate([zero, x, zero, -x[..., ::-1]], -1))
    return -ew.imag(y)[..., 1:-1]


_COSINE = {1: _cosine1, 2: _cosine2, 3: _cosine3, 4: _cosine4}
_SINE = {
    1: _sine1,
    2: lambda x: _cosine2(_signed(x))[..., ::-1],
    3: lambda x: _signed(_cosine3(x[..., ::-1])),
    4: lambda x: _signed(_cosine4(x[..., ::-1])),
}
