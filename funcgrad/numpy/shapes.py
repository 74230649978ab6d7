"""Shapes and axes: reshape, transpose, broadcast."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import broadcast_shapes, shape_of
from ..core.memory import owner_of
from ..core.trace import Tracer
from ..ops.index import Index, getitem_p
from ..ops.layout import laid_out, strides_of
from ..ops.operand import integer_tuple as integer_tuple, operand, strong
from ..ops.reduce import axes_of, axis_of
from ..ops.structure import (
    broadcast_to as _broadcast_to,
    transpose_p,
)
from .aliasing import Viewed, apart, as_array, gives, raveled, reshaped, viewed
from .dispatch import implements


@implements("reshape")
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Any:
    """Give the same elements another shape; see numpy.reshape."""
    a, lengths = strong(operand(a)), integer_tuple(shape)
    if sum(n < 0 for n in lengths) > 1:
        raise ValueError("can only specify one unknown dimension")
    size, rest = math.prod(shape_of(a)), math.prod(n for n in lengths if n >= 0)
    if -1 in lengths and (rest == 0 or size % rest):
        raise ValueError(f"cannot reshape array of size {size} into shape {lengths}")
    lengths = tuple(size // rest if n < 0 else n for n in lengths)
    if copy is not None:
        return _copied_or_not(a, reshape(a, lengths, order), copy)
    if order in ("k", "K"):
        raise ValueError("order 'K' is not permitted for reshaping")
    if _axes_in_order(a, order) is None:
        return _as_shape(a, lengths)
    return transpose(_as_shape(transpose(a), lengths[::-1]))


def _axes_in_order(a: Any, order: str) -> list[int] | None:
    """The axes in the order in which elements are read, the slowest first; None: as they are."""
    if not isinstance(order, str):
        raise TypeError(
            f"reshape: order must be a string: got {order!r}; give the shape as one tuple"
        )
    shape, order = shape_of(a), order.upper()
    if order == "C":
        return None
    if order == "A":
        order = "F" if laid_out(shape, strides_of(a)).flags.fnc else "C"
        return _axes_in_order(a, order)
    if order not in ("F", "K"):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got {order!r})")
    if order == "F":
        return list(range(len(shape)))[::-1]
    return _axes_in_memory([0 if n == 1 else s for n, s in zip(shape, strides_of(a), strict=True)])


def _axes_in_memory(strides: Sequence[int]) -> list[int]:
    """The axes from the greatest stride to the least; one of stride 0 keeps its place, as in NumPy.

    Source: NumPy's nditer, whose insertion sort starts from the last axis.
    """
    found: list[int] = []  # the fastest first
    for axis in reversed(range(len(strides))):
        place = len(found)
        for i in reversed(range(len(found))):
            before, own = abs(strides[found[i]]), abs(strides[axis])
            if before and own and before <= own:
                break
            place = i if before and own else place
        found.insert(place, axis)
    return found[::-1]


def _copied_or_not(a: Any, y: Any, copy: bool) -> Any:
    """The reshaped ``y``: a copy of ``a``, or a view of it, as asked."""
    if not copy and isinstance(a, Tracer) and owner_of(y) is not owner_of(a):
        raise ValueError("Unable to avoid creating a copy while reshaping.")
    return apart(y, a) if copy else y


def _as_shape(a: Any, shape: tuple[int, ...]) -> Any:
    return a if shape_of(a) == shape else reshaped(a, shape)


@implements("ravel")
def ravel(a: Any, order: str = "C") -> Any:
    """Elements along one axis; see numpy.ravel."""
    a = strong(operand(a))
    axes = _axes_in_order(a, order)
    return raveled(a if axes is None else transpose(a, axes))


def ravel_if_none(a: Any, axis: Any) -> tuple[Any, int]:
    """Array and one of its axes, counted from the front; for None, the raveled array and axis 0."""
    if axis is None:
        a, axis = ravel(a), 0
    return a, axis_of(axis, len(shape_of(a)))


def scalar_axis(a: Any, axis: Any) -> Any:
    """The axis, but None where a 0-d array is given axis 0 or -1, which NumPy allows."""
    return None if not shape_of(a) and type(axis) is int and axis in (0, -1) else axis


@implements("transpose", "permute_dims")
def transpose(a: Any, axes: Any = None) -> Any:
    """Reorder the axes, reversing them by default; see numpy.transpose."""
    a = strong(operand(a))
    rank = len(shape_of(a))
    if axes is None:
        perm = tuple(reversed(range(rank)))
    else:
        perm = tuple(axis_of(d, rank) for d in axes)
        if sorted(perm) != list(range(rank)):
            raise ValueError("axes don't match array")
    if perm == tuple(range(rank)):
        return a
    return viewed(transpose_p(a, perm=perm), a, transpose_p, {"perm": perm})


@implements("matrix_transpose", "linalg.matrix_transpose")
def matrix_transpose(x: Any, /) -> Any:
    """Swap the last two axes; see numpy.matrix_transpose."""
    x = operand(x)
    if len(shape_of(x)) < 2:
        raise ValueError(f"matrix_transpose: x must have two axes or more: got {len(shape_of(x))}")
    return swapaxes(x, -1, -2)


@implements("swapaxes")
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Swap two axes; see numpy.swapaxes."""
    a = operand(a)
    perm = list(range(len(shape_of(a))))
    i, j = axis_of(axis1, len(perm)), axis_of(axis2, len(perm))
    perm[i], perm[j] = perm[j], perm[i]
    return transpose(a, perm)


@implements("moveaxis")
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move axes to new positions; see numpy.moveaxis."""
    a = operand(a)
    rank = len(shape_of(a))
    sources = [axis_of(d, rank) for d in integer_tuple(source)]
    positions = [axis_of(d, rank) for d in integer_tuple(destination)]
    if len(sources) != len(positions) or len(set(sources)) < len(sources):
        raise ValueError(
            "`source` and `destination` arguments must have the same number of elements"
        )
    perm = [d for d in range(rank) if d not in sources]
    for position, d in sorted(zip(positions, sources, strict=True)):
        perm.insert(position, d)
    return transpose(a, perm)


@implements("rollaxis")
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """Move one axis before another; see numpy.rollaxis."""
    a = operand(a)
    rank = len(shape_of(a))
    axis = axis_of(axis, rank)
    start = start + rank if start < 0 else start
    return moveaxis(a, axis, start - (axis < start))


@implements("expand_dims")
@gives(as_array)
def expand_dims(a: Any, axis: Any) -> Any:
    """Insert axes of length 1; see numpy.expand_dims."""
    a = operand(a)
    given = integer_tuple(axis)
    return _inserted(a, axes_of(given, len(shape_of(a)) + len(given)))


def _inserted(a: Any, axes: tuple[int, ...]) -> Any:
    """Array with new axes of length 1, at these positions of the result."""
    lengths = iter(shape_of(a))
    rank = len(shape_of(a)) + len(axes)
    return _as_shape(a, tuple(1 if d in axes else next(lengths) for d in range(rank)))


@implements("squeeze")
def squeeze(a: Any, axis: Any = None) -> Any:
    """Remove axes of length 1; see numpy.squeeze."""
    a = strong(operand(a))
    shape = shape_of(a)
    axes = axes_of(axis, len(shape))
    if axis is not None and any(shape[d] != 1 for d in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    drop = [d for d in axes if shape[d] == 1]
    return _as_shape(a, tuple(n for d, n in enumerate(shape) if d not in drop))


@implements("broadcast_to")
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """Broadcast an array to a shape; see numpy.broadcast_to."""
    array, shape = strong(operand(array)), integer_tuple(shape)
    if broadcast_shapes(shape_of(array), shape) != shape:
        raise ValueError(
            f"broadcast_to: an array of shape {shape_of(array)} does not broadcast to {shape}"
        )
    return _REPEATED(array, shape=shape)


@implements("broadcast_arrays")
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Broadcast arrays to their common shape; see numpy.broadcast_arrays."""
    arrays = [strong(operand(x)) for x in args]
    shape = broadcast_shapes(*map(shape_of, arrays))
    if all(shape_of(x) == shape for x in arrays):
        return tuple(map(as_array, arrays))
    return tuple(_REPEATED(x, shape=shape) for x in arrays)


def _with_rank(rank: int, arrays: Sequence[Any]) -> Any:
    """Arrays with axes of length 1 inserted up to ``rank``."""
    results = []
    for x in map(operand, arrays):
        have = len(shape_of(x))
        axes = tuple(range(max(rank - have, 0)))  # at the front, but see numpy.atleast_3d
        if rank == 3 and have in (1, 2):
            axes = (0, 2) if have == 1 else (2,)
        results.append(_inserted(strong(x), axes))
    return results[0] if len(results) == 1 else tuple(results)


@implements("atleast_1d")
def atleast_1d(*arys: Any) -> Any:
    """Give arrays at least one axis; see numpy.atleast_1d."""
    return _with_rank(1, arys)


@implements("atleast_2d")
def atleast_2d(*arys: Any) -> Any:
    """Give arrays at least two axes; see numpy.atleast_2d."""
    return _with_rank(2, arys)


@implements("atleast_3d")
def atleast_3d(*arys: Any) -> Any:
    """Give arrays at least three axes; see numpy.atleast_3d."""
    return _with_rank(3, arys)


def slice_axis(a: Any, axis: int, start: Any, stop: Any) -> Any:
    index = Index((*[slice(None)] * axis, slice(start, stop)))
    return viewed(getitem_p(a, index=index), a, getitem_p, {"index": index})


_REPEATED = Viewed(_broadcast_to, np.broadcast_to)
