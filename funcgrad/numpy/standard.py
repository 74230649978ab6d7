"""What the Array API standard asks of functions beyond what NumPy's own take."""

from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..ops.operand import operand, strong
from .shapes import one_axis


def sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: bool = False,
) -> Any:
    """Sort along an axis, the largest first if asked; see numpy.sort.

    >>> sort([2, 3, 1], descending=True)
    array([3, 2, 1])
    """
    y = np.sort(operand(a), axis, kind, order, stable=stable)
    return np.flip(y, axis) if descending else y


def argsort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: bool = False,
) -> Any:
    """Return the positions that sort an array, the largest first if asked; see numpy.argsort.

    >>> argsort([2, 3, 2], descending=True, stable=True)
    array([1, 0, 2])
    """
    a = operand(a)
    if not descending:
        return np.argsort(a, axis, kind, order, stable=stable)
    a, axis = one_axis(strong(a), axis)
    # equals keep their order if the ascending sort meets them in reverse, and is reversed
    back = np.argsort(np.flip(a, axis), axis, kind, order, stable=stable)
    return shape_of(a)[axis] - 1 - np.flip(back, axis)


def clip(
    a: Any,
    min: Any = None,
    max: Any = None,
    out: Any = None,
    *,
    a_min: Any = None,
    a_max: Any = None,
    **options: Any,
) -> Any:
    """Limit the values by bounds, each of which may be left out; see numpy.clip.

    Raises:
        ValueError: if bounds are given by both their names.

    >>> clip([1, 5, 9], 4)
    array([4, 5, 9])
    """
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError("clip: bounds are given as min and max, or as a_min and a_max, not both")
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return np.clip(operand(a), low, high, out, **options)


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Choose elementwise between two arrays, or find what is true; see numpy.where.

    NumPy takes the arguments by their places only.

    >>> where(condition=[True, False], x=[1, 2], y=0)
    array([1, 0])
    """
    chosen = [operand(v) for v in (x, y) if v is not None]  # NumPy complains of one alone
    return np.where(operand(condition), *chosen)
