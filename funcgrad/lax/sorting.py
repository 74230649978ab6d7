"""The largest elements along an axis."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from ..ops.operand import operand as as_operand


@answering
def top_k(operand: Any, k: int, axis: int = -1) -> tuple[Any, Any]:
    """The k largest elements along an axis, in descending order, and their indices.

    Of equal elements, the one with the smallest index comes first.

    Args:
        operand: array of at least one axis.
        k: static int, at most the length of the axis.
        axis: int.

    Raises:
        ShapeError: if k exceeds the length.

    >>> top_k(np.array([3.0, 9.0, 1.0, 9.0]), 3)
    (array([9., 9., 3.]), array([1, 3, 0]))
    """
    x = as_operand(operand)
    shape = shape_of(x)
    k = whole(k)
    if not shape or not isinstance(k, int) or not 0 <= k <= shape[axis]:
        raise ShapeError(
            f"top_k: k must be at most the length of axis {axis}: got {k} for {aval_of(x)}"
            "; give a smaller k"
        )
    # a reversed ascending sort keeps the order of equal elements if its input is reversed too
    last = shape[axis] - 1
    order = last - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    indices = np.take(order, np.arange(k), axis=axis)
    return np.take_along_axis(x, indices, axis=axis), indices
