"""Repeating, reversing, rotating, shifting, inserting and deleting elements."""

import math
import operator
from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.layout import same_content
from ..ops.operand import asarray, cast_assigned, holds_tracer, operand, strong
from ..ops.reduce import axes_in, axis_of
from ..ops.structure import broadcast_to as _broadcast_to, reshape as _reshape
from .aliasing import apart, as_array, as_scalar, gives, in_c_order, in_order_of, viewed
from .dispatch import EAGER, implements
from .dtypes import copy
from .indexing import concrete
from .joining import concatenate
from .shapes import (
    integer_tuple,
    moveaxis,
    ravel,
    ravel_if_none,
    scalar_axis,
    slice_axis,
    swapaxes,
)


@implements("repeat")
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat each element; see numpy.repeat."""
    a = operand(a)
    if holds_tracer(repeats):  # NumPy converts all others, also an empty list
        repeats = concrete("repeat", operand(repeats))
    a, axis = ravel_if_none(a, scalar_axis(a, axis))
    positions = np.repeat(np.arange(shape_of(a)[axis]), repeats)
    return in_c_order(take_known(a, positions, axis))


def take_known(a: Any, positions: np.ndarray, axis: int) -> Any:
    """Slices at known indices along one axis."""
    return getitem_p(a, positions, index=Index((*[slice(None)] * axis, ARRAY)))


@implements("tile")
@gives(as_array)
def tile(A: Any, reps: Any) -> Any:  # noqa: N803, NumPy's name
    """Repeat the whole array along each axis; see numpy.tile."""
    a, times = operand(A), integer_tuple(reps)
    rank = max(len(times), len(shape_of(a)))
    times = (1,) * (rank - len(times)) + times
    shape = (1,) * (rank - len(shape_of(a))) + shape_of(a)
    if set(times) <= {1}:
        return _reshape(copy(a), shape)
    doubled = tuple(n for pair in zip(times, shape, strict=True) for n in pair)
    expanded = _reshape(a, tuple(n for length in shape for n in (1, length)))
    whole = tuple(t * n for t, n in zip(times, shape, strict=True))
    return in_c_order(_reshape(_broadcast_to(strong(expanded), doubled), whole))


@implements("flip")
@gives(as_scalar)
def flip(m: Any, axis: Any = None) -> Any:
    """Reverse the order along axes; see numpy.flip."""
    m = operand(m)
    axes = axes_in(axis, len(shape_of(m)))
    entries = (slice(None, None, -1 if d in axes else None) for d in range(len(shape_of(m))))
    index = Index(entries)
    return viewed(getitem_p(m, index=index), m, getitem_p, {"index": index})


@implements("flipud")
def flipud(m: Any) -> Any:
    """Reverse the rows; see numpy.flipud."""
    return flip(m, 0)


@implements("fliplr")
def fliplr(m: Any) -> Any:
    """Reverse the columns; see numpy.fliplr."""
    return flip(m, 1)


@implements("rot90")
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Rotate by quarter turns; see numpy.rot90."""
    m = operand(m)
    first, second = (axis_of(d, len(shape_of(m))) for d in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    k %= 4
    if k == 0:
        return m
    if k == 2:
        return flip(m, (first, second))
    rotated = flip(m, second) if k == 1 else m
    rotated = swapaxes(rotated, first, second)
    return rotated if k == 1 else flip(rotated, second)


@implements("roll")
@gives(as_array)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """Shift elements around the end of an axis; see numpy.roll."""
    a = given = operand(a)
    if axis is None:
        return _reshape(roll(ravel(a), shift, 0), shape_of(a))
    shifts, axes = np.broadcast_arrays(concrete("roll", operand(shift)), operand(axis))
    for n, d in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        n = operator.index(n)
        d = axis_of(d, len(shape_of(a)))
        length = shape_of(a)[d]
        if length == 2 and n % 2:  # a concatenation of rows of length 1 may be in another order
            a = same_content(flip(a, d))
        elif length and n % length:
            start = length - n % length
            a = concatenate([slice_axis(a, d, start, None), slice_axis(a, d, None, start)], d)
    return apart(a, given)


@implements("resize")
@gives(as_array)
def resize(a: Any, new_shape: Any) -> Any:
    """Repeat or cut the elements to fill a shape; see numpy.resize."""
    shape, flat = integer_tuple(new_shape), ravel(a)
    size = math.prod(shape)
    if any(n < 0 for n in shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if not size or not shape_of(flat)[0]:
        return np.zeros(shape, dtype_of(flat))
    return _reshape(take_known(flat, np.arange(size) % shape_of(flat)[0], 0), shape)


@implements("trim_zeros", status=EAGER)
def trim_zeros(filt: Any, trim: Any = "fb", axis: Any = None) -> Any:
    """Remove zeros at the ends of each axis; see numpy.trim_zeros."""
    x, trim = operand(filt), trim.lower()
    np.trim_zeros([0], trim)  # NumPy's error for unknown letters
    rank = len(shape_of(x))
    if not rank:
        axes_in(axis, rank)
        return x
    found = np.nonzero(asarray(x != 0))
    index = [slice(None)] * rank
    for d in axes_in(axis, rank):
        first, last = (found[d].min(), found[d].max() + 1) if len(found[d]) else (0, 0)
        index[d] = slice(int(first) if "f" in trim else None, None)
        if "b" in trim or not last:
            index[d] = slice(index[d].start, int(last))
    return x[tuple(index)]


@implements("delete")
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """Remove slices; see numpy.delete."""
    arr, axis = ravel_if_none(operand(arr), axis)
    y = take_known(arr, np.delete(np.arange(shape_of(arr)[axis]), obj), axis)
    return in_order_of(y, arr, "A")


@implements("insert")
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Insert values before indices; see numpy.insert."""
    arr = operand(arr)
    values = cast_assigned(values, dtype_of(arr))
    arr, axis = ravel_if_none(arr, axis)
    n, rank = shape_of(arr)[axis], len(shape_of(arr))
    indices = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if indices.dtype == bool:
        indices = np.flatnonzero(indices)
    if np.any(indices < -n) or np.any(indices > n):
        raise IndexError(f"index {obj} is out of bounds for axis {axis} with size {n}")
    targets = np.where(indices < 0, indices + n, indices).astype(np.intp)
    if indices.size == 1:  # all values are inserted there
        values = _reshape(values, (1,) * (rank - len(shape_of(values))) + shape_of(values))
        values = values if indices.ndim else moveaxis(values, 0, axis)
        targets = targets.item() + np.arange(shape_of(values)[axis])
    else:
        targets[targets.argsort(kind="stable")] += np.arange(len(targets))
    order = np.empty(n + len(targets), np.intp)
    order[targets] = n + np.arange(len(targets))
    order[np.delete(np.arange(len(order)), targets)] = np.arange(n)
    shape = (*shape_of(arr)[:axis], len(targets), *shape_of(arr)[axis + 1 :])
    both = concatenate([arr, _broadcast_to(values, shape)], axis)
    return in_order_of(take_known(both, order, axis), arr, "A")
