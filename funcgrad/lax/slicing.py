"""Slices whose start is a value, and may be traced; out of range it is clamped, as in JAX."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import whole
from ..numpy.at import at
from ..numpy.indexing import getitem
from ..ops.operand import operand
from ..ops.structure import cast
from ..transforms.arguments import is_known


def dynamic_slice(operand: Any, start_indices: Any, slice_sizes: Sequence[int]) -> Any:
    """Return the part of an array that begins at some indices.

    Args:
        operand: array of n axes.
        start_indices: n integers, or an array of them; a start too far out is moved in.
        slice_sizes: n lengths, known.

    Raises:
        ShapeError: if there is not one start and one length an axis, or one exceeds its axis.
        DtypeError: if a start is no integer.

    >>> dynamic_slice(np.arange(6).reshape(2, 3), (1, 7), (1, 2))
    array([[4, 5]])
    """
    x = _array(operand)
    places = _places("dynamic_slice", x, start_indices, tuple(slice_sizes))
    return getitem(x, places)  # for a start that is traced also where the array is plain


def dynamic_update_slice(operand: Any, update: Any, start_indices: Any) -> Any:
    """Return an array with a part replaced that begins at some indices.

    Args:
        operand: array of n axes.
        update: array of n axes, none longer.
        start_indices: as of :func:`dynamic_slice`.

    >>> dynamic_update_slice(np.zeros(4), np.ones(2), (9,))
    array([0., 0., 1., 1.])
    """
    x, update = _array(operand), _array(update)
    if dtype_of(update) != dtype_of(x):
        raise DtypeError(
            f"dynamic_update_slice: the update must have the operand's dtype: got "
            f"{aval_of(update)} for {aval_of(x)}; use astype"
        )
    places = _places("dynamic_update_slice", x, start_indices, shape_of(update))
    return at(x)[places].set(update)


def dynamic_slice_in_dim(operand: Any, start_index: Any, slice_size: int, axis: int = 0) -> Any:
    """Return the part of an array that begins at an index of one axis.

    >>> dynamic_slice_in_dim(np.arange(6), 2, 3)
    array([2, 3, 4])
    """
    starts, sizes, axis = _whole(operand, axis)
    starts[axis], sizes[axis] = start_index, slice_size
    return dynamic_slice(operand, starts, sizes)


def dynamic_index_in_dim(operand: Any, index: Any, axis: int = 0, keepdims: bool = True) -> Any:
    """Return what stands at an index of one axis, which stays with length 1 unless told.

    >>> dynamic_index_in_dim(np.arange(6).reshape(2, 3), 1, keepdims=False)
    array([3, 4, 5])
    """
    part = dynamic_slice_in_dim(operand, index, 1, axis)
    return part if keepdims else np.squeeze(part, axis)


def dynamic_update_slice_in_dim(operand: Any, update: Any, start_index: Any, axis: int) -> Any:
    """Return an array with a part replaced that begins at an index of one axis.

    >>> dynamic_update_slice_in_dim(np.zeros(4), np.ones(2), 1, 0)
    array([0., 1., 1., 0.])
    """
    starts, _, axis = _whole(operand, axis)
    starts[axis] = start_index
    return dynamic_update_slice(operand, update, starts)


def dynamic_update_index_in_dim(operand: Any, update: Any, index: Any, axis: int) -> Any:
    """Return an array with what stands at an index of one axis replaced.

    >>> dynamic_update_index_in_dim(np.zeros((2, 2)), np.ones(2), 1, 0)
    array([[0., 0.],
           [1., 1.]])
    """
    if len(shape_of(update)) < len(shape_of(operand)):
        update = np.expand_dims(_array(update), axis)
    return dynamic_update_slice_in_dim(operand, update, index, axis)


def _array(x: Any) -> Any:
    return operand(x)


def _whole(x: Any, axis: int) -> tuple[list[Any], list[int], int]:
    """Return the starts and lengths of all axes, and the axis counted from the first."""
    shape = shape_of(x)
    axis = whole(axis)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis} is out of range for {aval_of(x)}")
    return [0] * len(shape), list(shape), axis % len(shape)


def _places(who: str, x: Any, starts: Any, sizes: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the index of a part: slices where the start is known, else arrays of integers."""
    shape = shape_of(x)
    if not isinstance(starts, tuple | list):
        starts = list(starts) if len(shape_of(starts)) else [starts]
    starts, sizes = [_start(x) for x in starts], tuple(map(whole, sizes))
    if not len(starts) == len(sizes) == len(shape):
        raise ShapeError(
            f"{who}: {aval_of(x)} needs {len(shape)} starts and lengths: got {len(starts)} and "
            f"{len(sizes)}"
        )
    places = []
    for d, (start, size, length) in enumerate(zip(starts, sizes, shape, strict=True)):
        if dtype_of(start).kind not in "iu":
            raise DtypeError(f"{who}: a start must be an integer: got {aval_of(start)}")
        if not 0 <= size <= length:
            raise ShapeError(f"{who}: axis {d} has length {length}: got a slice of {size}")
        if size == length:
            places.append(slice(None))
            continue
        start = np.where(start < 0, start + length, start)
        start = np.clip(start, 0, length - size)
        if is_known(start):
            places.append(slice(int(start), int(start) + size))
        else:
            places.append(cast(start, np.dtype(np.intp)) + np.arange(size))
    return _crossed(places, sizes)


def _start(x: Any) -> Any:
    return x if is_arraylike(x) else whole(x)


def _crossed(places: list[Any], sizes: tuple[int, ...]) -> tuple[Any, ...]:
    """Let arrays of integers stand each for an axis of its own; all axes then are arrays."""
    if all(isinstance(p, slice) for p in places):
        return tuple(places)
    if sum(not isinstance(p, slice) for p in places) == 1:
        return tuple(places)
    rank, crossed = len(places), []
    for d, (place, size) in enumerate(zip(places, sizes, strict=True)):
        if isinstance(place, slice):
            place = np.arange(size) + (place.start or 0)
        crossed.append(np.reshape(place, [size if i == d else 1 for i in range(rank)]))
    return tuple(crossed)
