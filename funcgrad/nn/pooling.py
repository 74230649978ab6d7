"""Pooling: each window of places becomes one number; channels are the last axis.

The functions take arrays of shape [..., *places, channels], and stand for layers in a Sequential
as they are where they need no window.
"""

from typing import Any

import numpy as np

from ..core.avals import Axes, aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..ops.elementwise import add, maximum, minimum
from ..ops.operand import operand
from ..ops.pooling import highest, lowest, reduce_window
from ..ops.structure import cast
from ..random import Key
from .apply import complaint
from .module import Module, module
from .spatial import Lengths, Padding, is_whole, lengths_of, padding_of, pads_of, per_axis


def max_pool(
    x: Any, window_shape: Lengths, stride: Lengths | None = None, padding: Padding = "VALID"
) -> Any:
    """Return the largest number in each window, to whose first place the derivative goes.

    Args:
        x: array, shape [..., *places, channels].
        window_shape: the lengths of the window: as many as there are spatial axes; one number
            is the length along all axes but the first and the last.
        stride: how far the window moves, a number, or one for each axis; the window's lengths
            unless given, so that windows do not overlap.
        padding: 'SAME', 'VALID', 'SAME_LOWER', a number, or for each axis a number or a pair
            (before, behind); no padding is ever the largest.

    Raises:
        ShapeError: if x has too few axes, or no room for the window.

    >>> max_pool(np.arange(6.0).reshape(1, 6, 1), 2).ravel()
    array([1., 3., 5.])
    """
    x = operand(x)
    return _pooled("max_pool", x, lowest(dtype_of(x)), maximum, window_shape, stride, padding)


def min_pool(
    x: Any, window_shape: Lengths, stride: Lengths | None = None, padding: Padding = "VALID"
) -> Any:
    """Return the smallest number in each window; see :func:`max_pool`.

    >>> min_pool(np.arange(6.0).reshape(1, 6, 1), 2).ravel()
    array([0., 2., 4.])
    """
    x = operand(x)
    return _pooled("min_pool", x, highest(dtype_of(x)), minimum, window_shape, stride, padding)


def avg_pool(
    x: Any,
    window_shape: Lengths,
    stride: Lengths | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window; the arguments are those of :func:`max_pool`.

    Args:
        count_include_pad: whether padding counts as zeros; if not, it is left out of the mean.

    >>> x = np.arange(1.0, 5).reshape(1, 4, 1)
    >>> avg_pool(x, (3,), 1, "SAME", count_include_pad=False).ravel()
    array([1.5, 2. , 3. , 3.5])
    """
    x = operand(x)
    if dtype_of(x).kind in "biu":  # whose sums may not fit into their type
        x = cast(x, np.dtype(np.float64))
    sizes = _sizes("avg_pool", x, window_shape)
    total = _pooled("avg_pool", x, 0, add, sizes, stride, padding)
    if count_include_pad:
        return total / int(np.prod(sizes))
    places = np.ones((*shape_of(x)[-len(sizes) - 1 : -1], 1), dtype_of(total))
    return total / _pooled("avg_pool", places, 0, add, sizes, stride, padding)


def _sizes(who: str, x: Any, window_shape: Lengths) -> tuple[int, ...]:
    """Return the lengths of a window, one for each spatial axis."""
    rank = len(shape_of(x)) - 2 if is_whole(window_shape) else len(window_shape)  # type: ignore[arg-type]
    if rank < 1 or len(shape_of(x)) < rank + 1:
        raise ShapeError(
            f"{who}: x must have the axes [..., *places, channels], places as many as the window "
            f"has, {window_shape!r}: got {aval_of(x)}"
        )
    return per_axis(who, "window_shape", window_shape, rank)


def _pooled(
    who: str, x: Any, start: Any, function: Any, window: Lengths, stride: Any, padding: Any
) -> Any:
    sizes = _sizes(who, x, window)
    rank = len(sizes)
    steps = sizes if stride is None else per_axis(who, "stride", stride, rank)
    pads = pads_of(padding_of(who, padding, rank), sizes, (1,) * rank)
    if not isinstance(pads, str) and any(max(p) >= k for p, k in zip(pads, sizes, strict=True)):
        raise ShapeError(
            f"{who}: the window must be longer than the padding, or it would see nothing else: "
            f"got windows of {sizes} and padding {padding!r}"
        )
    others = (1,) * (len(shape_of(x)) - rank - 1)
    if not isinstance(pads, str):
        pads = [(0, 0)] * len(others) + [*pads, (0, 0)]
    y = reduce_window(x, start, function, (*others, *sizes, 1), (*others, *steps, 1), pads)
    if 0 in shape_of(y)[-rank - 1 : -1]:
        raise ShapeError(
            f"{who}: the window, {sizes}, is larger than x: got {aval_of(x)}; pad it, as "
            f"padding='SAME' does"
        )
    return y


def _places(who: str, x: Any) -> Axes:
    rank = len(shape_of(x))
    if rank < 3:
        raise ShapeError(
            f"{who}: x must have the axes [batch, *places, channels]: got {aval_of(x)}; write "
            f"x[None] for one example"
        )
    return tuple(range(1, rank - 1))


def global_avg_pool(x: Any) -> Any:
    """Return the mean over all places: [batch, *places, channels] becomes [batch, channels].

    >>> global_avg_pool(np.ones((2, 5, 5, 3))).shape
    (2, 3)
    """
    return np.mean(x, axis=_places("global_avg_pool", x))


def global_max_pool(x: Any) -> Any:
    """Return the largest over all places: [batch, *places, channels] becomes [batch, channels].

    >>> global_max_pool(np.ones((2, 5, 5, 3))).shape
    (2, 3)
    """
    return np.max(x, axis=_places("global_max_pool", x))


# as layers


def _settle(layer: Any) -> None:
    """Bring what a layer was told of its window into one form, as far as it tells the axes."""
    who = type(layer).__name__
    if is_whole(layer.window_shape, 1):
        for name in ("stride", "padding"):
            given = getattr(layer, name)
            if not (given is None or isinstance(given, str) or is_whole(given)):
                raise ValueError(
                    f"{who}: where window_shape is one number, so is {name}: "
                    f"got {shown(given)}; write "
                    f"(2, 2) for the window of an image"
                )
        return
    layer.window_shape = sizes = lengths_of(who, "window_shape", layer.window_shape)
    if layer.stride is not None:
        layer.stride = per_axis(who, "stride", layer.stride, len(sizes))
    layer.padding = padding_of(who, layer.padding, len(sizes))


def _in_layer(layer: Any, pool: Any, x: Any, *more: Any) -> Any:
    try:
        return pool(x, layer.window_shape, layer.stride, layer.padding, *more)
    except ShapeError as error:
        raise complaint(layer, str(error).partition(": ")[2]) from None


@module
class MaxPool(Module):
    """Take the largest number in each window; see ``max_pool``.

    >>> MaxPool((2, 2))(np.ones((4, 32, 32, 3))).shape
    (4, 16, 16, 3)
    """

    window_shape: Lengths
    stride: Lengths | None = None
    padding: Padding = "VALID"

    def __post_init__(self) -> None:
        _settle(self)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return _in_layer(self, max_pool, x)


@module
class AvgPool(Module):
    """Take the mean of each window; see ``avg_pool``.

    >>> AvgPool((2, 2))(np.ones((4, 32, 32, 3))).shape
    (4, 16, 16, 3)
    """

    window_shape: Lengths
    stride: Lengths | None = None
    padding: Padding = "VALID"
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        _settle(self)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return _in_layer(self, avg_pool, x, self.count_include_pad)
