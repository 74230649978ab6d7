"""Discrete Fourier transforms along one axis, without padding.

They are closed under transposition. The matrix of ``fft`` is symmetric, so it is its own
transpose. A real transform keeps half of the spectrum: each frequency stands for itself and its
mirror image, and counts twice, except the zeroth and, for an even length, the last.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, dtype_of, real_dtype, shape_of
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.errors import DtypeError
from .dependences import AlongAxis
from .elementwise import conj, mul
from .linear import Linear
from .paths import Masked, any_along, any_mask
from .structure import project

# the scale of the inverse transform, for that of the transform
SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


class Transform(Linear, Codegen, AlongAxis):
    """A transform along ``axis``; ``norm`` is numpy.fft's."""

    is_new = True

    @override
    def infer(self, x: Aval, *, axis: int, **params: Any) -> tuple[Aval, ...]:
        n = self.length(x.shape[axis], **params)
        dtype = _result_dtype(self.function(**params), x.dtype)
        if dtype is None:
            raise DtypeError(f"{self.name}: the operand must be real: got {x}; write fft")
        return (Aval((*x.shape[:axis], n, *x.shape[axis + 1 :]), dtype),)

    def function(self, **params: Any) -> Callable[..., Any]:
        """NumPy's function."""
        raise self.missing("function")

    def length(self, n: int, **params: Any) -> int:
        """The length of the result along the axis."""
        return n

    @override
    def on_paths(self, args: Any, live: Any, *, axis: int, **params: Any) -> Masked:
        outs = self.bind(*args, axis=axis, **params)
        return outs, (any_mask([any_along(live[0], [axis])], shape_of(outs[0])),)

    @override
    def batched_params(self, size: int, *, axis: int, **params: Any) -> dict[str, Any]:
        return {"axis": axis + 1, **params}

    def emit(
        self,
        w: Emitter[V],
        outs: Sequence[V],
        ins: Sequence[V],
        *,
        axis: int,
        norm: str,
        n: int | None = None,
        **how: Any,
    ) -> None:
        name = f"{w.numpy('fft')}.{self.function(**how).__name__}"
        w.call(name, [ins[0], n, axis, w.param(norm)], outs[0], keyword=True)


class Fft(Transform):
    """numpy.fft.fft, or ifft if ``inverse``."""

    @override
    def run(self, x: Any, *, axis: int, norm: str, inverse: bool) -> tuple[Any, ...]:
        return (self.function(inverse=inverse)(x, axis=axis, norm=norm),)

    @override
    def function(self, *, inverse: bool, **params: Any) -> Callable[..., Any]:
        return np.fft.ifft if inverse else np.fft.fft

    @override
    def transpose(self, ct: Any, x: Any, **params: Any) -> Any:
        return project(fft_p(ct, **params), dtype_of(x))


class Rfft(Transform):
    """numpy.fft.rfft."""

    @override
    def run(self, x: Any, *, axis: int, norm: Any) -> tuple[Any, ...]:
        return (np.fft.rfft(x, axis=axis, norm=norm),)

    @override
    def function(self, **params: Any) -> Callable[..., Any]:
        return np.fft.rfft

    @override
    def length(self, n: int, **params: Any) -> int:
        return n // 2 + 1

    @override
    def transpose(self, ct: Any, x: Any, *, axis: int, norm: str) -> Any:
        n = shape_of(x)[axis]
        half = mul(conj(ct), _counts(0.5, n, shape_of(ct), axis, dtype_of(ct)))
        return project(irfft_p(half, n=n, axis=axis, norm=SWAPPED[norm]), dtype_of(x))


class Irfft(Transform):
    """numpy.fft.irfft: ``n // 2 + 1`` frequencies to ``n`` real elements."""

    @override
    def run(self, x: Any, *, n: int, axis: int, norm: Any) -> tuple[Any, ...]:
        return (np.fft.irfft(x, n, axis=axis, norm=norm),)

    @override
    def function(self, **params: Any) -> Callable[..., Any]:
        return np.fft.irfft

    @override
    def length(self, _: int, *, n: int, **params: Any) -> int:
        return n

    @override
    def transpose(self, ct: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
        half = conj(rfft_p(ct, axis=axis, norm=SWAPPED[norm]))
        return project(mul(half, _counts(2, n, shape_of(x), axis, dtype_of(half))), dtype_of(x))


@functools.lru_cache(256)
def _result_dtype(function: Callable[..., Any], dtype: np.dtype) -> np.dtype | None:
    """The dtype of NumPy's result, found by a call; None if NumPy refuses the dtype."""
    try:
        return function(np.ones(2, dtype)).dtype
    except TypeError:
        return None


def _counts(inner: float, n: int, shape: Shape, axis: int, dtype: np.dtype) -> np.ndarray:
    """1 for frequencies that are their own mirror image, ``inner`` for the others."""
    counts = np.full(n // 2 + 1, inner, real_dtype(dtype))
    counts[0] = 1
    if n % 2 == 0:
        counts[-1] = 1
    return counts.reshape([-1 if d == axis else 1 for d in range(len(shape))])


fft_p = Fft("fft")
rfft_p = Rfft("rfft")
irfft_p = Irfft("irfft")
