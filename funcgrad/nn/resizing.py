"""Resizing of spatial axes, by one linear map for each axis; channels are the last axis."""

import math
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..numpy.indexing import take
from ..ops.operand import operand
from ..random import Key
from .apply import complaint
from .module import Module, module
from .spatial import Lengths, is_whole, lengths_of


@answering
def resize(x: Any, shape: Lengths, method: str = "linear") -> Any:
    """Interpolate x to other lengths of its spatial axes.

    Positions are the centres of cells of equal width, as in PyTorch with ``align_corners=False``.
    There is no antialiasing when an axis shrinks.

    Args:
        x: array, shape [..., *spatial, channels].
        shape: int or tuple of int, the new lengths of the spatial axes.
        method: "linear", between the two nearest cells; or "nearest", the cell that contains the
            new centre.

    Raises:
        ShapeError: if x has too few axes, or an empty spatial axis.

    >>> print(resize(np.array([[0.0], [1.0]]), (4,)).ravel())
    [0.   0.25 0.75 1.  ]
    """
    if method not in ("linear", "nearest"):
        raise ValueError(f"resize: method must be 'linear' or 'nearest': got {shown(method)}")
    x = operand(x)
    for axis, m in _axes("resize", x, shape):
        n = shape_of(x)[axis]
        if method == "nearest":
            x = take(x, (2 * np.arange(m) + 1) * n // (2 * m), axis=axis)
        elif n != m:
            x = along(x, _between(n, m, dtype_of(x)), axis)
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


def along(x: Any, matrix: np.ndarray, axis: int) -> Any:
    """Multiply all vectors along an axis by a matrix."""
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)


def _float(dtype: np.dtype) -> Any:
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def _between(n: int, m: int, dtype: np.dtype) -> np.ndarray:
    """The weights of n old cells in m new ones, two in each row."""
    centres = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(n)))
    return weights.astype(_float(dtype))


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
        method: "nearest", which repeats each element, or "linear".

    >>> Upsample(2)(np.ones((4, 8, 8, 3))).shape
    (4, 16, 16, 3)
    """

    factor: Lengths
    method: str = "nearest"

    def __post_init__(self) -> None:
        if not is_whole(self.factor, 1):
            self.factor = lengths_of("Upsample", "factor", self.factor)
        if self.method not in ("linear", "nearest"):
            raise ValueError(
                f"Upsample: method must be 'linear' or 'nearest': got {shown(self.method)}"
            )

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        shape = shape_of(x)
        factor: Any = self.factor
        factors = (factor,) * (len(shape) - 2) if is_whole(factor) else factor
        if not factors or len(shape) < len(factors) + 1:
            raise complaint(self, f"x must be [..., *spatial, channels]: got {aval_of(x)}")
        spatial = shape[len(shape) - 1 - len(factors) : -1]
        return resize(x, tuple(map(math.prod, zip(spatial, factors, strict=True))), self.method)
