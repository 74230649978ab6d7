"""Functions of one axis applied along it: Python loops, which a program has unrolled."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops.operand import operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast
from .dispatch import implements
from .shapes import lengths_of, moveaxis, reshape, stack


@implements("apply_along_axis")
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """Apply a function to each vector along an axis, one by one; see numpy.apply_along_axis."""
    arr = operand(arr)
    axis = axis_of(axis, len(shape_of(arr)))
    last = moveaxis(arr, axis, -1)
    lead = shape_of(last)[:-1]
    results = [strong(operand(func1d(last[i], *args, **kwargs))) for i in np.ndindex(lead)]
    if not results:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    kind, inner = dtype_of(results[0]), shape_of(results[0])
    y = reshape(stack([cast(r, kind) for r in results]), (*lead, *inner))
    new = range(len(inner))
    return moveaxis(y, tuple(len(lead) + d for d in new), tuple(axis + d for d in new))


@implements("apply_over_axes")
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """Apply a function of array and axis for one axis after another; see numpy.apply_over_axes."""
    y = operand(a)
    rank = len(shape_of(y))
    for axis in lengths_of(axes):
        axis = axis + rank if axis < 0 else axis
        result = func(y, axis)
        if len(shape_of(result)) != len(shape_of(y)):
            result = np.expand_dims(result, axis)
        if len(shape_of(result)) != len(shape_of(y)):
            raise ValueError("function is not returning an array of the correct shape")
        y = result
    return y
