"""The parts of an index into the elements of an array in C order."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Shape


def flat_parts(
    shape: Shape, index: Sequence[Any]
) -> tuple[list[tuple[Any, int, int]], list[np.ndarray], int]:
    """The parts of the indices into ``x.reshape(-1)`` of the elements of ``x[index]``.

    They are each integer or index array, with the size and the stride of its axis; the offsets
    along each axis of the result that comes from a slice; and how many of these axes come before
    those of the index arrays.
    """
    places, positions = list[tuple[Any, int, int]](), list[tuple[int, int]]()
    slice_axes: list[np.ndarray] = []
    axis, stride = 0, math.prod(shape)
    for k, entry in enumerate((*index, *[slice(None)] * len(shape))):
        if entry is None:
            slice_axes.append(np.zeros(1, np.intp))
        if entry is None or entry is Ellipsis or axis == len(shape):
            continue
        size = shape[axis]
        stride //= size or 1
        axis += 1
        if type(entry) is slice:
            slice_axes.append((np.arange(size) * stride)[entry])
        else:
            positions.append((k, len(slice_axes)))
            places.append((entry, size, stride))
    return places, slice_axes, axes_before_arrays(positions)


def joined_parts(xp: Any, common: Any, slice_axes: Sequence[Any], before: int) -> Any:
    """The sum of the indices of arrays and of the offsets along the other axes.

    ``xp``: NumPy, or the Array API namespace of the arrays.
    """
    shape, rank = tuple(common.shape), len(slice_axes) + len(common.shape)
    total = xp.reshape(common, shape + (1,) * (len(slice_axes) - before))
    for d, steps in enumerate(slice_axes):
        behind = rank - 1 - (d if d < before else d + len(shape))
        total = total + xp.reshape(steps, (-1,) + (1,) * behind)
    return total


def axes_before_arrays(positions: Sequence[tuple[int, int]]) -> int:
    """The number of axes of the result before those of the index arrays.

    ``positions``: the positions of arrays and integers, in the index and among those axes.
    """
    if not positions:
        return 0
    (first, before), (last, _) = positions[0], positions[-1]
    return before if last - first == len(positions) - 1 else 0
