"""Filters of the elements of windows by their order: extrema, medians, percentiles.

The derivative goes to the element that is taken; equal ones share that of an extremum, in boxes
along one axis after the other.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.errors import shown
from ...core.lazy import answering
from ...ops.operand import operand, strong
from ...ops.structure import cast
from .borders import check_mode, check_output, check_per_axis, extended

Origin = int | Sequence[int]


def window_of(
    who: str, x: Any, size: Any, footprint: Any, origin: Origin, axes: Any = None
) -> tuple[np.ndarray, list[int]]:
    """A window as an array of bools of the rank of ``x``, and its shifts."""
    rank = len(shape_of(x))
    chosen = (
        range(rank) if axes is None else [operator.index(d) % rank for d in np.atleast_1d(axes)]
    )
    count = len(chosen)
    if footprint is not None:
        mask = np.asarray(footprint, bool)
    elif size is None:
        raise ValueError(f"{who}: size or footprint must be given: got None; write size=3")
    else:
        sizes = [size] * count if np.ndim(size) == 0 else list(size)
        check_per_axis(who, "size", sizes, count)
        mask = np.ones([operator.index(k) for k in sizes], bool)
    if mask.ndim != count or not mask.any():
        raise ValueError(
            f"{who}: footprint must have {count} axes, and elements: got {shown(mask)}"
        )
    shifts = [origin] * count if isinstance(origin, int) else [int(o) for o in origin]
    check_per_axis(who, "origin", shifts, count)
    order = np.argsort(chosen)
    lengths, moved = [1] * rank, [0] * rank
    for d, k, o in zip(chosen, mask.shape, shifts, strict=True):
        lengths[d], moved[d] = k, o
    return mask.transpose(order).reshape(lengths), moved


def elements(
    who: str, x: Any, window: np.ndarray, shifts: Sequence[int], mode: Any, cval: Any,
    extend: Any = extended,
) -> Any:  # fmt: skip
    """The elements of each window, on a new first axis."""
    shape, cval = shape_of(x), cast(operand(cval), dtype_of(x))
    modes = [mode] * len(shape) if isinstance(mode, str) else list(mode)
    check_per_axis(who, "mode", modes, len(shape))
    for axis, (k, shift, how) in enumerate(zip(window.shape, shifts, modes, strict=True)):
        check_mode(who, how)
        before = k // 2 + shift
        if not 0 <= before < k:
            raise ValueError(f"{who}: origin must keep the center in the window: got {shift}")
        x = extend(x, axis, before, k - 1 - before, how, cval) if k > 1 else x
    rows = [
        x[tuple(slice(i, i + n) for i, n in zip(place, shape, strict=True))]
        for place in np.argwhere(window)
    ]
    return np.stack(rows)


def ranked(
    who: str, x: Any, window: np.ndarray, rank: int, mode: Any, cval: Any,
    shifts: Sequence[int] | None = None,
) -> Any:  # fmt: skip
    """The element of a rank in each window; extrema are those of ``np.max`` and ``np.min``."""
    count = int(window.sum())
    if not -count <= rank < count:
        raise ValueError(f"{who}: rank must be less than {count}, the elements: got {rank}")
    rank, shifts = rank % count, shifts or [0] * window.ndim
    if 0 < rank < count - 1:
        return np.sort(elements(who, x, window, shifts, mode, cval), axis=0)[rank]
    extremum = np.max if rank else np.min
    if not window.all():
        return extremum(elements(who, x, window, shifts, mode, cval), axis=0)
    for axis, k in enumerate(window.shape):  # the extremum of a box is one after another
        if k > 1:
            row = np.moveaxis(np.ones((k, *[1] * (window.ndim - 1)), bool), 0, axis)
            along = [s if d == axis else 0 for d, s in enumerate(shifts)]
            x = extremum(elements(who, x, row, along, mode, cval), axis=0)
    return x


@answering
def rank_filter(
    input: Any, rank: int, size: Any = None, footprint: Any = None, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The element of a rank in the window around each element.

    Args:
        input: array.
        rank: int, 0 for the least, -1 for the greatest.
        size: int, or one for each axis, the lengths of the window.
        footprint: array of bools, the window.
        output: must be None.
        mode, cval, origin: see :func:`correlate1d`.
        axes: the axes of the window, by default all.

    >>> print(rank_filter(np.array([3.0, 1.0, 2.0]), -1, 3))
    [3. 3. 2.]
    """
    check_output("rank_filter", output)
    x = strong(operand(input))
    window, shifts = window_of("rank_filter", x, size, footprint, origin, axes)
    return ranked("rank_filter", x, window, operator.index(rank), mode, cval, shifts)


@answering
def median_filter(
    input: Any, size: Any = None, footprint: Any = None, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The median of the window around each element, its upper one; see :func:`rank_filter`.

    >>> print(median_filter(np.array([3.0, 1.0, 2.0]), 3))
    [3. 2. 2.]
    """
    check_output("median_filter", output)
    x = strong(operand(input))
    window, shifts = window_of("median_filter", x, size, footprint, origin, axes)
    return ranked("median_filter", x, window, int(window.sum()) // 2, mode, cval, shifts)


@answering
def percentile_filter(
    input: Any, percentile: Any, size: Any = None, footprint: Any = None, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The element at a percentile of the window around each element; see :func:`rank_filter`.

    Args:
        percentile: a number in [-100, 100]; -20 is 80.

    >>> print(percentile_filter(np.array([3.0, 1.0, 2.0]), 100, 3))
    [3. 3. 2.]
    """
    check_output("percentile_filter", output)
    percentile = float(percentile)
    percentile = percentile + 100 if percentile < 0 else percentile
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile_filter: percentile must be in [-100, 100]: got {percentile}")
    x = strong(operand(input))
    window, shifts = window_of("percentile_filter", x, size, footprint, origin, axes)
    count = int(window.sum())
    rank = count - 1 if percentile == 100 else int(count * percentile / 100)
    return ranked("percentile_filter", x, window, rank, mode, cval, shifts)


@answering
def maximum_filter(
    input: Any, size: Any = None, footprint: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The greatest element of the window around each element; see :func:`rank_filter`.

    >>> print(maximum_filter(np.array([3.0, 1.0, 2.0, 0.0]), 3))
    [3. 3. 2. 2.]
    """
    check_output("maximum_filter", output)
    x = strong(operand(input))
    window, shifts = window_of("maximum_filter", x, size, footprint, origin, axes)
    return ranked("maximum_filter", x, window, -1, mode, cval, shifts)


@answering
def minimum_filter(
    input: Any, size: Any = None, footprint: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Origin = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """The least element of the window around each element; see :func:`rank_filter`.

    >>> print(minimum_filter(np.array([3.0, 1.0, 2.0, 0.0]), 3))
    [1. 1. 0. 0.]
    """
    check_output("minimum_filter", output)
    x = strong(operand(input))
    window, shifts = window_of("minimum_filter", x, size, footprint, origin, axes)
    return ranked("minimum_filter", x, window, 0, mode, cval, shifts)


@answering
def maximum_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """The greatest element of windows along an axis; see :func:`rank_filter`.

    >>> print(maximum_filter1d(np.array([3.0, 1.0, 2.0, 0.0]), 3))
    [3. 3. 2. 2.]
    """
    return maximum_filter(input, size, None, output, mode, cval, origin, axes=(axis,))


@answering
def minimum_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """The least element of windows along an axis; see :func:`rank_filter`.

    >>> print(minimum_filter1d(np.array([3.0, 1.0, 2.0, 0.0]), 3))
    [1. 1. 0. 0.]
    """
    return minimum_filter(input, size, None, output, mode, cval, origin, axes=(axis,))
