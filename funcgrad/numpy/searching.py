"""Searching: nonzero elements, positions in a sorted vector, bins, flat and multi indices."""

import math
import operator
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.reduce import argsort_p, axis_of, gather_along_axis
from ..ops.search import searchsorted_p
from ..ops.structure import reshape
from .dispatch import EAGER_NO_DERIVATIVE, NO_DERIVATIVE, implements
from .indexing import as_positions, concrete, known, take
from .joining import concatenate
from .manipulation import flip
from .reductions import sum as _sum
from .shapes import ravel


@implements("searchsorted", status=NO_DERIVATIVE)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Indices at which values keep a sorted vector sorted; see numpy.searchsorted."""
    a, v = strong(operand(a)), strong(operand(v))
    side = {"l": "left", "r": "right"}.get(side, side)
    return searchsorted_p(a if sorter is None else take(a, sorter), v, side=side)


@implements("digitize", status=NO_DERIVATIVE)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Indices of the bins, with rising or falling edges, of each value; see numpy.digitize."""
    x, bins = strong(operand(x)), strong(operand(bins))
    if ew.is_complex(x):
        raise TypeError("x may not be complex")
    if ew.is_complex(bins):
        raise TypeError(f"digitize: bins must be real: got {aval_of(bins)}; use its real part")
    side = "left" if right else "right"
    rising = searchsorted_p(bins, x, side=side)
    if shape_of(bins) == (0,):
        return rising
    falling = shape_of(bins)[0] - searchsorted_p(flip(bins), x, side=side)
    values = known(bins)
    if values is None:
        return ew.where(bins[0] <= bins[-1], rising, falling)
    steps = np.diff(values)
    if np.all(steps >= 0):
        return rising
    if np.all(steps <= 0):
        return falling
    raise ValueError("bins must be monotonically increasing or decreasing")


@implements("lexsort", status=NO_DERIVATIVE)
def lexsort(keys: Any, axis: int = -1) -> Any:
    """Indices that sort by several keys, the last key first; see numpy.lexsort."""
    first, *rest = [strong(operand(key)) for key in keys]
    if not shape_of(first):
        return 0
    axis = axis_of(axis, len(shape_of(first)))
    order = argsort_p(first, axis=axis, kind="stable")
    for key in rest:  # a stable sort keeps the order by the keys before
        again = argsort_p(gather_along_axis(key, order, axis), axis=axis, kind="stable")
        order = gather_along_axis(order, again, axis)
    return order


@implements("unravel_index", status=NO_DERIVATIVE)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """Flat indices as one index per axis; see numpy.unravel_index."""
    rest, values = strong(operand(indices)), known(indices)
    if values is not None:
        return np.unravel_index(values, shape, order)  # type: ignore[call-overload]
    rest = as_positions("unravel_index", rest)
    lengths = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    coordinates = []
    for n in (lengths if order == "F" else lengths[::-1])[:-1]:
        coordinates.append(rest % n)
        rest = rest // n
    coordinates.append(rest)  # an index out of range stays out of range
    return tuple(coordinates if order == "F" else coordinates[::-1])


@implements("ravel_multi_index", status=NO_DERIVATIVE)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """Indices per axis as flat indices; see numpy.ravel_multi_index."""
    parts = [strong(operand(x)) for x in multi_index]
    values = [known(x) for x in parts]
    if all(x is not None for x in values):
        return np.ravel_multi_index(tuple(values), dims, mode, order)  # type: ignore[call-overload]
    modes = (mode,) * len(parts) if isinstance(mode, str) else mode
    each = list(zip(parts, dims, modes, strict=True))
    total: Any = 0
    good: Any = True
    for x, n, how in each[::-1] if order == "F" else each:
        x = as_positions("ravel_multi_index", x)
        if how == "raise":
            good = good & (x >= 0) & (x < n)
        total = total * n + (x % n if how == "wrap" else ew.clip(x, 0, n - 1))
    return ew.where(good, total, np.iinfo(np.intp).max)  # out of range of any array


@implements("nonzero", status=EAGER_NO_DERIVATIVE)
def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> tuple[Any, ...]:
    """Indices of the nonzero elements, the first ``size`` of them if given; see numpy.nonzero.

    With ``size``, the result has a static shape, so that ``jit`` can compile it.

    Args:
        a: array.
        size: int, number of indices returned; by default all.
        fill_value: int, or one per axis: the index that fills missing entries, by default 0.

    >>> nonzero(np.array([0, 5, 0, 7]), size=3)
    (array([1, 3, 0]),)
    """
    a = strong(operand(a))
    if size is None:
        return np.nonzero(concrete("nonzero", a))
    shape = shape_of(a)
    if not shape:
        raise ValueError("nonzero: an array of rank 0 has no indices; write atleast_1d(a)")
    flat, held = first_true(compare.ne(reshape(a, (math.prod(shape),)), 0), size)
    fills = fill_value if isinstance(fill_value, (tuple, list)) else [fill_value] * len(shape)
    found, stride = [], math.prod(shape)
    for n, fill in zip(shape, fills, strict=True):
        stride //= n or 1
        coordinate = flat // max(stride, 1) % max(n, 1)
        found.append(ew.where(held, coordinate, 0 if fill is None else operator.index(fill)))
    return tuple(found)


@implements("flatnonzero", status=EAGER_NO_DERIVATIVE)
def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Indices of the nonzero elements of the flattened array; see ``nonzero``."""
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


@implements("argwhere", status=EAGER_NO_DERIVATIVE)
def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Indices of the nonzero elements, one row each; see ``nonzero``."""
    a = strong(operand(a))
    if size is None:
        return np.argwhere(concrete("argwhere", a))
    return np.stack(nonzero(a, size=size, fill_value=fill_value), axis=1)


def first_true(mask: Any, size: int) -> tuple[Any, Any]:
    """First ``size`` indices at which a mask is true, and the mask of those that exist."""
    size = operator.index(size)
    order = argsort_p(compare.logical_not(mask), axis=0, kind="stable")
    return first_of(order, size), compare.lt(np.arange(size), _sum(mask))


def first_of(x: Any, size: int) -> Any:
    """First ``size`` elements of a vector, padded with zeros."""
    missing = max(size - shape_of(x)[0], 0)
    return concatenate([x[:size], np.zeros(missing, dtype_of(x))]) if missing else x[:size]
