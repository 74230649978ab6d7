"""Slices whose start may be traced; a start out of range is clamped, as in JAX."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from ..core.trace import is_concrete
from ..numpy.at import at
from ..numpy.indexing import getitem
from ..ops.operand import operand as as_operand
from ..ops.structure import cast


@answering
def dynamic_slice(operand: Any, start_indices: Any, slice_sizes: Sequence[int]) -> Any:
    """Slice of an array with given start indices and lengths.

    Args:
        operand: array of n axes.
        start_indices: n integers, or an array of them, clamped so that the slice is in range.
        slice_sizes: n static integers.

    Raises:
        ShapeError: if there is not one start and one length per axis, or a length exceeds its axis.
        DtypeError: if a start is not an integer.

    >>> dynamic_slice(np.arange(6).reshape(2, 3), (1, 7), (1, 2))
    array([[4, 5]])
    """
    x = as_operand(operand)
    entries = _slice_index("dynamic_slice", x, start_indices, tuple(slice_sizes))
    return getitem(x, entries)  # not x[entries]: x may be plain, and a start traced


@answering
def dynamic_update_slice(operand: Any, update: Any, start_indices: Any) -> Any:
    """Copy of an array with the slice at given start indices replaced.

    Args:
        operand: array of n axes.
        update: array of n axes, none longer than the operand's, in its dtype.
        start_indices: as of :func:`dynamic_slice`.

    >>> dynamic_update_slice(np.zeros(4), np.ones(2), (9,))
    array([0., 0., 1., 1.])
    """
    x, update = as_operand(operand), as_operand(update)
    if dtype_of(update) != dtype_of(x):
        raise DtypeError(
            f"dynamic_update_slice: the update must have the operand's dtype: got "
            f"{aval_of(update)} for {aval_of(x)}; write update.astype(operand.dtype)"
        )
    entries = _slice_index("dynamic_update_slice", x, start_indices, shape_of(update))
    return at(x)[entries].set(update)


@answering
def dynamic_slice_in_dim(operand: Any, start_index: Any, slice_size: int, axis: int = 0) -> Any:
    """Slice of an array along one axis.

    >>> dynamic_slice_in_dim(np.arange(6), 2, 3)
    array([2, 3, 4])
    """
    starts, sizes, axis = _all_axes(operand, axis)
    starts[axis], sizes[axis] = start_index, slice_size
    return dynamic_slice(operand, starts, sizes)


@answering
def dynamic_index_in_dim(operand: Any, index: Any, axis: int = 0, keepdims: bool = True) -> Any:
    """Slice of length 1 at an index of one axis, which ``keepdims=False`` removes.

    >>> dynamic_index_in_dim(np.arange(6).reshape(2, 3), 1, keepdims=False)
    array([3, 4, 5])
    """
    part = dynamic_slice_in_dim(operand, index, 1, axis)
    return part if keepdims else np.squeeze(part, axis)


@answering
def dynamic_update_slice_in_dim(operand: Any, update: Any, start_index: Any, axis: int) -> Any:
    """Copy of an array with a slice along one axis replaced.

    >>> dynamic_update_slice_in_dim(np.zeros(4), np.ones(2), 1, 0)
    array([0., 1., 1., 0.])
    """
    starts, _, axis = _all_axes(operand, axis)
    starts[axis] = start_index
    return dynamic_update_slice(operand, update, starts)


@answering
def dynamic_update_index_in_dim(operand: Any, update: Any, index: Any, axis: int) -> Any:
    """Copy of an array with the slice at one index of an axis replaced.

    >>> dynamic_update_index_in_dim(np.zeros((2, 2)), np.ones(2), 1, 0)
    array([[0., 0.],
           [1., 1.]])
    """
    if len(shape_of(update)) < len(shape_of(operand)):
        update = np.expand_dims(as_operand(update), axis)
    return dynamic_update_slice_in_dim(operand, update, index, axis)


def _all_axes(x: Any, axis: int) -> tuple[list[Any], list[int], int]:
    """Zeros and lengths for all axes, and the axis counted from the front."""
    shape = shape_of(x)
    axis = whole(axis)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis} is out of range for {aval_of(x)}; count axes from 0")
    return [0] * len(shape), list(shape), axis % len(shape)


def _slice_index(who: str, x: Any, starts: Any, sizes: tuple[int, ...]) -> tuple[Any, ...]:
    """Index of a slice: a slice object where the start is known, else an array of integers."""
    shape = shape_of(x)
    if not isinstance(starts, tuple | list):
        starts = list(starts) if len(shape_of(starts)) else [starts]
    starts, sizes = [_start(x) for x in starts], tuple(map(whole, sizes))
    if not len(starts) == len(sizes) == len(shape):
        raise ShapeError(
            f"{who}: {aval_of(x)} needs {len(shape)} starts and lengths: got {len(starts)} and "
            f"{len(sizes)}"
            "; give one of each for each axis"
        )
    entries = []
    for d, (start, size, length) in enumerate(zip(starts, sizes, shape, strict=True)):
        if dtype_of(start).kind not in "iu":
            raise DtypeError(
                f"{who}: a start must be an integer: got {aval_of(start)}"
                "; convert it by astype(int)"
            )
        if not 0 <= size <= length:
            raise ShapeError(
                f"{who}: axis {d} has length {length}: got a slice of {size}; shorten the slice"
            )
        if size == length:
            entries.append(slice(None))
            continue
        start = np.where(start < 0, start + length, start)
        start = np.clip(start, 0, length - size)
        if is_concrete(start):
            entries.append(slice(int(start), int(start) + size))
        else:
            entries.append(cast(start, np.dtype(np.intp)) + np.arange(size))
    return _broadcast_index(entries, sizes)


def _start(x: Any) -> Any:
    return x if is_arraylike(x) else whole(x)


def _broadcast_index(entries: list[Any], sizes: tuple[int, ...]) -> tuple[Any, ...]:
    """Index arrays reshaped to broadcast against each other, if there are several."""
    if all(isinstance(p, slice) for p in entries):
        return tuple(entries)
    if sum(not isinstance(p, slice) for p in entries) == 1:
        return tuple(entries)
    rank, crossed = len(entries), []
    for d, (entry, size) in enumerate(zip(entries, sizes, strict=True)):
        if isinstance(entry, slice):
            entry = np.arange(size) + (entry.start or 0)
        crossed.append(np.reshape(entry, [size if i == d else 1 for i in range(rank)]))
    return tuple(crossed)
