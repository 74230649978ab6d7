"""Pooling over windows of the spatial axes; channels are the last axis.

The functions take arrays of shape [..., *spatial, channels]. Those without a window, such as
``global_avg_pool``, can be layers of a Sequential.
"""

from typing import Any, TypeAlias

import numpy as np

from ..core.avals import Axes, aval_of, dtype_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..ops.elementwise import add, maximum, minimum
from ..ops.operand import operand
from ..ops.pooling import highest, lowest, reduce_window
from ..ops.structure import cast
from ..random import Key
from .apply import complaint
from .module import Module, module
from .spatial import Lengths, Padding, is_whole, lengths_of, padding_of, pads_of, per_axis

Who: TypeAlias = str | Module  # the function, or the layer, that an error is about


@answering
def max_pool(
    x: Any, window_shape: Lengths, stride: Lengths | None = None, padding: Padding = "VALID"
) -> Any:
    """The maximum of each window; the derivative goes to its first occurrence.

    Args:
        x: array, shape [..., *spatial, channels].
        window_shape: tuple of int, the window length of each spatial axis; an int is the length
            along all axes but the first and the last.
        stride: int, the step of the window, or one int for each spatial axis; by default
            ``window_shape``, for windows that do not overlap.
        padding: 'SAME', 'VALID', 'SAME_LOWER', an int, or for each spatial axis an int or a pair
            (before, after); padding is never the maximum.

    Raises:
        ShapeError: if x has too few axes, or no room for the window.

    >>> max_pool(np.arange(6.0).reshape(1, 6, 1), 2).ravel()
    array([1., 3., 5.])
    """
    return _max_pool("max_pool", x, window_shape, stride, padding)


def _max_pool(who: Who, x: Any, window: Lengths, stride: Any, padding: Padding) -> Any:
    x = operand(x)
    return _pooled(who, x, lowest(dtype_of(x)), maximum, window, stride, padding)


@answering
def min_pool(
    x: Any, window_shape: Lengths, stride: Lengths | None = None, padding: Padding = "VALID"
) -> Any:
    """The minimum of each window; see :func:`max_pool`.

    >>> min_pool(np.arange(6.0).reshape(1, 6, 1), 2).ravel()
    array([0., 2., 4.])
    """
    x = operand(x)
    return _pooled("min_pool", x, highest(dtype_of(x)), minimum, window_shape, stride, padding)


@answering
def avg_pool(
    x: Any,
    window_shape: Lengths,
    stride: Lengths | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window; the other arguments are those of :func:`max_pool`.

    Args:
        count_include_pad: whether padding counts as zeros; otherwise the mean excludes it.

    >>> x = np.arange(1.0, 5).reshape(1, 4, 1)
    >>> avg_pool(x, (3,), 1, "SAME", count_include_pad=False).ravel()
    array([1.5, 2. , 3. , 3.5])
    """
    return _avg_pool("avg_pool", x, window_shape, stride, padding, count_include_pad)


def _avg_pool(
    who: Who, x: Any, window: Lengths, stride: Any, padding: Padding, count_include_pad: bool
) -> Any:
    x = operand(x)
    if dtype_of(x).kind in "biu":  # their sums may overflow their dtype
        x = cast(x, np.dtype(np.float64))
    sizes = _sizes(who, x, window)
    total = _pooled(who, x, 0, add, sizes, stride, padding)
    if count_include_pad:
        return total / int(np.prod(sizes))
    spatial = np.ones((*shape_of(x)[-len(sizes) - 1 : -1], 1), dtype_of(total))
    return total / _pooled(who, spatial, 0, add, sizes, stride, padding)


def _sizes(who: Who, x: Any, window_shape: Lengths) -> tuple[int, ...]:
    """The lengths of a window, one for each spatial axis."""
    rank = len(shape_of(x)) - 2 if is_whole(window_shape) else len(window_shape)  # type: ignore[arg-type]
    if rank < 1 or len(shape_of(x)) < rank + 1:
        raise _complaint(
            who,
            f"x must be [..., *spatial, channels], with one spatial axis for each length "
            f"in window_shape={window_shape!r}: got {aval_of(x)}; give it axes by x[..., None]",
        )
    return per_axis(str(who), "window_shape", window_shape, rank)


def _pooled(
    who: Who, x: Any, start: Any, function: Any, window: Lengths, stride: Any, padding: Any
) -> Any:
    sizes = _sizes(who, x, window)
    rank = len(sizes)
    steps = sizes if stride is None else per_axis(str(who), "stride", stride, rank)
    pads = pads_of(padding_of(str(who), padding, rank), sizes, (1,) * rank)
    if not isinstance(pads, str) and any(max(p) >= k for p, k in zip(pads, sizes, strict=True)):
        raise _complaint(
            who,
            f"the window must be longer than the padding: got windows of {sizes} and padding "
            f"{padding!r}",
        )
    others = (1,) * (len(shape_of(x)) - rank - 1)
    if not isinstance(pads, str):
        pads = [(0, 0)] * len(others) + [*pads, (0, 0)]
    y = reduce_window(x, start, function, (*others, *sizes, 1), (*others, *steps, 1), pads)
    if 0 in shape_of(y)[-rank - 1 : -1]:
        text = f"the window {sizes} is larger than x: got {aval_of(x)}; use padding='SAME'"
        raise _complaint(who, text)
    return y


def _complaint(who: Who, text: str) -> Exception:
    """An error of a function, or of the layer that calls it."""
    return ShapeError(f"{who}: {text}") if isinstance(who, str) else complaint(who, text)


def _spatial_axes(who: str, x: Any) -> Axes:
    rank = len(shape_of(x))
    if rank < 3:
        raise ShapeError(
            f"{who}: x must be [batch, *spatial, channels]: got {aval_of(x)}; write "
            f"x[None] for a single example"
        )
    return tuple(range(1, rank - 1))


@answering
def global_avg_pool(x: Any) -> Any:
    """The mean over the spatial axes: [batch, *spatial, channels] becomes [batch, channels].

    >>> global_avg_pool(np.ones((2, 5, 5, 3))).shape
    (2, 3)
    """
    return np.mean(x, axis=_spatial_axes("global_avg_pool", x))


@answering
def global_max_pool(x: Any) -> Any:
    """The maximum over the spatial axes: [batch, *spatial, channels] becomes [batch, channels].

    >>> global_max_pool(np.ones((2, 5, 5, 3))).shape
    (2, 3)
    """
    return np.max(x, axis=_spatial_axes("global_max_pool", x))


# layers


def _normalize_window(layer: Any) -> None:
    """Convert the window arguments of a layer to tuples, if the number of axes is known."""
    who = type(layer).__name__
    if is_whole(layer.window_shape, 1):
        for name in ("stride", "padding"):
            given = getattr(layer, name)
            if not (given is None or isinstance(given, str) or is_whole(given)):
                raise ValueError(
                    f"{who}: {name} must be an integer where window_shape is one: "
                    f"got {shown(given)}; give window_shape as a tuple"
                )
        return
    layer.window_shape = sizes = lengths_of(who, "window_shape", layer.window_shape)
    if layer.stride is not None:
        layer.stride = per_axis(who, "stride", layer.stride, len(sizes))
    layer.padding = padding_of(who, layer.padding, len(sizes))


@module
class MaxPool(Module):
    """Maximum pooling; see ``max_pool``.

    >>> MaxPool((2, 2))(np.ones((4, 32, 32, 3))).shape
    (4, 16, 16, 3)
    """

    window_shape: Lengths
    stride: Lengths | None = None
    padding: Padding = "VALID"

    def __post_init__(self) -> None:
        _normalize_window(self)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return _max_pool(self, x, self.window_shape, self.stride, self.padding)


@module
class AvgPool(Module):
    """Average pooling; see ``avg_pool``.

    >>> AvgPool((2, 2))(np.ones((4, 32, 32, 3))).shape
    (4, 16, 16, 3)
    """

    window_shape: Lengths
    stride: Lengths | None = None
    padding: Padding = "VALID"
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        _normalize_window(self)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        count_include_pad = self.count_include_pad
        return _avg_pool(self, x, self.window_shape, self.stride, self.padding, count_include_pad)
