"""Resizing the places of an array: along each axis one linear map. Channels are the last axis."""

import math
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..numpy.indexing import take
from ..ops.operand import operand
from ..random import Key
from .apply import complaint
from .module import Module, module
from .spatial import Lengths, is_whole, lengths_of


def resize(x: Any, shape: Lengths, method: str = "linear") -> Any:
    """Return x with other numbers of places: each new place is between old ones, or at one.

    Places are cells of equal width, whose centres count, as in PyTorch with ``align_corners``
    False. It does not smooth what it makes smaller.

    Args:
        x: array, shape [..., *places, channels].
        shape: how many places there are to be, along each of the spatial axes.
        method: "linear", between the two nearest; or "nearest", of the cell the new centre is in.

    Raises:
        ShapeError: if x has too few axes, or no places.

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
    """Return the spatial axes, each with the number of places that it is to have."""
    sizes = lengths_of(who, "shape", shape)
    first = len(shape_of(x)) - 1 - len(sizes)
    if first < 0 or 0 in shape_of(x)[first:-1]:
        raise ShapeError(
            f"{who}: x must have the axes [..., *places, channels], {len(sizes)} of places, none "
            f"of them empty: got {aval_of(x)}"
        )
    return list(enumerate(sizes, first))


def along(x: Any, matrix: np.ndarray, axis: int) -> Any:
    """Return the products of a matrix with all vectors along an axis."""
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)


def _float(dtype: np.dtype) -> Any:
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def _between(n: int, m: int, dtype: np.dtype) -> np.ndarray:
    """Return the weights of n old places in m new ones, two in each row."""
    centres = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(n)))
    return weights.astype(_float(dtype))


def adaptive_avg_pool(x: Any, shape: Lengths) -> Any:
    """Return means over as many windows as asked for, of lengths as equal as can be.

    Along an axis of n places, window i of m goes from ``floor(i n / m)`` to
    ``ceil((i + 1) n / m)``, as in PyTorch.

    Args:
        x: array, shape [..., *places, channels].
        shape: how many windows there are to be, along each of the spatial axes.

    Raises:
        ShapeError: if x has too few axes, or no places.

    >>> print(adaptive_avg_pool(np.arange(5.0).reshape(5, 1), (2,)).ravel())
    [1. 3.]
    """
    x = operand(x)
    for axis, m in _axes("adaptive_avg_pool", x, shape):
        x = along(x, _means(shape_of(x)[axis], m, dtype_of(x)), axis)
    return x


def _means(n: int, m: int, dtype: np.dtype) -> np.ndarray:
    """Return the weights of n places in the means of m windows."""
    i, k = np.arange(m)[:, None], np.arange(n)
    inside = (k >= i * n // m) & (k < -(-(i + 1) * n // m))
    return (inside / inside.sum(1, keepdims=True)).astype(_float(dtype))


@module
class Upsample(Module):
    """Multiply the number of places along each spatial axis; see ``resize``.

    Args:
        factor: a number for all axes but the first and the last, or one for each spatial axis.
        method: "nearest", which repeats each place, or "linear".

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
            raise complaint(
                self, f"x must have the axes [..., *places, channels]: got {aval_of(x)}"
            )
        places = shape[len(shape) - 1 - len(factors) : -1]
        return resize(x, tuple(map(math.prod, zip(places, factors, strict=True))), self.method)
