"""Resizing of spatial axes, by one linear map for each axis; channels are the last axis."""

import math
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..numpy.indexing import take
from ..ops.operand import operand
from ..random import Key
from .apply import complaint
from .module import Module, module
from .resampling import along, checked_method, weights
from .spatial import Lengths, is_whole, lengths_of


@answering
def resize(x: Any, shape: Lengths, method: str = "linear", antialias: bool = False) -> Any:
    """Interpolate x to other lengths of its spatial axes.

    Positions are the centres of cells of equal width, as in PyTorch with ``align_corners=False``.

    Args:
        x: array, shape [..., *spatial, channels].
        shape: int or tuple of int, the new lengths of the spatial axes.
        method: "nearest", the cell that contains the new centre; "linear"; "cubic", of Keys;
            "cubic-pytorch", without antialiasing PyTorch's "bicubic"; "lanczos3", "lanczos5";
            "area", the mean over the new cell.
        antialias: whether kernels are wider where an axis shrinks, as in ``jax.image.resize``.

    Raises:
        ShapeError: if x has too few axes, or an empty spatial axis.

    >>> print(resize(np.array([[0.0], [1.0]]), (4,)).ravel())
    [0.   0.25 0.75 1.  ]
    """
    checked_method("resize", method)
    x = operand(x)
    for axis, m in _axes("resize", x, shape):
        n = shape_of(x)[axis]
        if method == "nearest":
            x = take(x, (2 * np.arange(m) + 1) * n // (2 * m), axis=axis)
        elif n != m:
            w = weights(n, m, m / n or 1.0, 0.0, method, antialias)
            x = along(x, w.astype(_float(dtype_of(x))), axis)
    return x


def _axes(who: str, x: Any, shape: Lengths) -> list[tuple[int, int]]:
    """The spatial axes and their new lengths."""
    sizes = lengths_of(who, "shape", shape)
    first = len(shape_of(x)) - 1 - len(sizes)
    if first < 0 or 0 in shape_of(x)[first:-1]:
        raise ShapeError(
            f"{who}: x must be [..., *spatial, channels], with {len(sizes)} spatial axes, none "
            f"of them empty: got {aval_of(x)}"
            "; write x[..., None] for one channel"
        )
    return list(enumerate(sizes, first))


def _float(dtype: np.dtype) -> Any:
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


@answering
def adaptive_avg_pool(x: Any, shape: Lengths) -> Any:
    """The means of a given number of windows, of lengths as equal as possible.

    Along an axis of length n, window i of m goes from ``floor(i n / m)`` to
    ``ceil((i + 1) n / m)``, as in PyTorch.

    Args:
        x: array, shape [..., *spatial, channels].
        shape: int or tuple of int, the number of windows along each spatial axis.

    Raises:
        ShapeError: if x has too few axes, or an empty spatial axis.

    >>> print(adaptive_avg_pool(np.arange(5.0).reshape(5, 1), (2,)).ravel())
    [1. 3.]
    """
    x = operand(x)
    for axis, m in _axes("adaptive_avg_pool", x, shape):
        x = along(x, _means(shape_of(x)[axis], m, dtype_of(x)), axis)
    return x


def _means(n: int, m: int, dtype: np.dtype) -> np.ndarray:
    """The weights of n elements in the means of m windows."""
    i, k = np.arange(m)[:, None], np.arange(n)
    inside = (k >= i * n // m) & (k < -(-(i + 1) * n // m))
    return (inside / inside.sum(1, keepdims=True)).astype(_float(dtype))


@module
class Upsample(Module):
    """Multiply the length of each spatial axis; see ``resize``.

    Args:
        factor: int for all axes but the first and the last, or one int for each spatial axis.
        method: "nearest", which repeats each element, or another of ``resize``.

    >>> Upsample(2)(np.ones((4, 8, 8, 3))).shape
    (4, 16, 16, 3)
    """

    factor: Lengths
    method: str = "nearest"

    def __post_init__(self) -> None:
        if not is_whole(self.factor, 1):
            self.factor = lengths_of("Upsample", "factor", self.factor)
        checked_method("Upsample", self.method)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        shape = shape_of(x)
        factor: Any = self.factor
        factors = (factor,) * (len(shape) - 2) if is_whole(factor) else factor
        if not factors or len(shape) < len(factors) + 1:
            raise complaint(self, f"x must be [..., *spatial, channels]: got {aval_of(x)}")
        spatial = shape[len(shape) - 1 - len(factors) : -1]
        return resize(x, tuple(map(math.prod, zip(spatial, factors, strict=True))), self.method)
