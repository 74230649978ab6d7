"""The cotangent of the kernel of a convolution: a sum of products over examples and positions.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .bands import band_plan
from .depthwise import correlate_depthwise, depthwise_sizes
from .im2col import at_least_one_axis, gather_sizes, in_strips, is_empty, largest_sizes
from .patches import FEW_CHANNELS, patches
from .products import (
    FEW_RESULTS,
    FEWEST_ROWS,
    SMALL,
    add_sums,
    blocks_of_sums,
    merged_groups,
    sums_of,
)
from .strips import STRIP, by_rows, source_by_groups, strip_sizes, strips
from .windows import (
    LINE,
    Window,
    aligned,
    kernel_flips,
    phases,
    product,
    transposed_windows,
    with_positive_steps,
)
from .winograd import in_tiles
from .winograd_sums import sum_over_tiles, tile_sum_plan

# whether operands are exchanged, flips of the kernel, whether zeros are to be written, the number
# of merged groups, buffers, and for each phase its kernel, results, windows and plan of strips;
# flips and the plan of Winograd's tiles
SumPlan: TypeAlias = tuple[Any, ...]

SUMMED = 1 << 18  # elements of a block of windows whose products are added


def kernel_sizes(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, ...]:
    """The sizes of the buffers of ``correlate_into``."""
    windows = at_least_one_axis(windows)
    size = product([w[2] for w in windows]) * s * t * groups
    if is_empty(count, windows, size):
        return (0,) * 5
    if not gathers_source(s, t):
        windows, s, t = transposed_windows(windows), t, s
    parts = [part for _, _, part in phases(with_positive_steps(windows))]
    if s == t == 1:
        return largest_sizes([(0,) * 4, *(depthwise_sizes(count, part, groups) for part in parts)])
    merged = merged_groups(s, t, groups)
    s, t, groups = s * merged, t * merged, groups // merged
    return largest_sizes([(0,) * 5, *(sum_sizes(count, part, s, t, groups) for part in parts)])


def sum_sizes(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, ...]:
    """The sizes of the buffers of ``summed_products``."""
    inner = product([w[2] for w in windows]) * s
    if in_strips(windows, s, t):
        columns, padded, positions = strip_sizes(count, windows, s, groups, 2 * STRIP)
        sums = groups * inner // windows[0][2] * t
        parts = positions // FEWEST_ROWS + 3
        return columns + LINE, padded, positions * t + LINE, groups * inner * t, parts * sums
    limit = sum_size(inner, t)
    columns, padded, results, sums = gather_sizes(count, windows, s, t, groups, limit)
    return columns + LINE, padded, results + LINE, groups * inner * t, sums


def gathers_source(s: int, t: int) -> bool:
    """Whether patches of the source cost less than patches of the result."""
    return s * (8 + max(t, 12)) <= t * (8 + max(s, 12))


def correlate_plan(
    scratch: Sequence[np.ndarray], x: Sequence[int], y: Sequence[int], *,
    windows: Sequence[Window], groups: int,
) -> SumPlan:  # fmt: skip
    """What ``correlate_into`` does with operands of these shapes in these buffers."""
    s, t, parts = x[-1] // groups, y[-1] // groups, []
    windows = at_least_one_axis(windows)
    size = product([w[2] for w in windows]) * s * t * groups
    exchanged = not gathers_source(s, t)
    tiles: Any = None
    if in_tiles(x[0], windows, s, t, groups, scratch[0].dtype):
        sums = tile_sum_plan(scratch, x[0], with_positive_steps(windows), s, t)
        tiles = kernel_flips(windows), sums
    if exchanged:
        windows, s, t = transposed_windows(windows), t, s
    flips, windows = kernel_flips(windows), with_positive_steps(windows)
    if is_empty(x[0], windows, size):
        return exchanged, flips, True, 1, scratch, [], None
    merged = merged_groups(s, t, groups)
    s, t, groups = s * merged, t * merged, groups // merged
    found = phases(windows)
    meet = sum(product([a[2] for a in part]) for *_, part in found)
    for kernel, results, part in found:
        steps: Any = None
        if s == t == 1:
            steps = band_plan(part, groups, scratch[0].dtype)
        elif in_strips(part, s, t):
            steps = strip_sum_plan(scratch, x[0], part, s, t, groups)
        parts.append((kernel, results, part, steps))
    partial = meet < product([w[2] for w in windows])  # some elements of the kernel meet no pair
    return exchanged, flips, partial, merged, scratch, parts, tiles


def correlate_into(
    x: np.ndarray, y: np.ndarray, out: np.ndarray, plan: SumPlan, *,
    windows: Sequence[Window], groups: int,
) -> None:  # fmt: skip
    """Write the cotangent of the kernel, from ``x`` and ``y``, into ``out [*window, S, G*T]``."""
    exchanged, flips, partial, merged, scratch, parts, tiles = plan
    if partial:
        out.fill(0)
    if not parts or (tiles is not None and sum_over_tiles(x, y, out[tiles[0]], tiles[1])):
        return
    if not windows:
        x, y, out = x[:, None], y[:, None], out[None]
    total = out.reshape(*out.shape[:-1], groups, -1)  # [*window, S, G, T]
    if exchanged:
        x, y, total = y, x, total.swapaxes(-3, -1)
    total = total[flips]
    for kernel, results, part, steps in parts:
        place, right = total[kernel], y[(slice(None), *results)]
        if place.shape[-3] == place.shape[-1] == 1:
            place[..., 0, :, 0] = correlate_depthwise(x, right, scratch, part, steps)
        elif steps is not None:
            write_groups(sum_over_strips(x, right, part, groups // merged, steps), place, merged)
        else:
            sums = summed_products(x, right, scratch, part, groups // merged)
            write_groups(sums, place, merged)


def write_groups(sums: np.ndarray, place: np.ndarray, merged: int) -> None:
    """Write the products of each group into ``place [*window, S, G, T]``."""
    if merged == 1:
        place[...] = sums.reshape(place.shape)
        return
    *sizes, s, groups, t = place.shape
    sums = sums.reshape(*sizes, merged, s, groups // merged, merged, t)
    place = place.reshape(*sizes, s, groups // merged, merged, t)
    for k in range(merged):
        place[..., k, :] = sums[..., k, :, :, k, :]


def rows_are_results(windows: Sequence[Window], s: int, t: int) -> bool:
    """Whether the sums are y^T x, faster with few results, and not x^T y.

    Few channels have windows that are not contiguous, and must be the first operand.
    """
    return t < FEW_RESULTS and (s >= FEW_CHANNELS or product([w[2] for w in windows]) == 1)


def summed_products(x: Any, y: Any, scratch: Any, windows: Any, groups: int) -> np.ndarray:
    """A matrix for each group, ``[window * S, G, T]``, summed over the blocks."""
    columns, padded, flat, total, partial = scratch
    s, t = x.shape[-1] // groups, y.shape[-1] // groups
    size, by_results = product([axis[2] for axis in windows]) * s, rows_are_results(windows, s, t)
    total = total[: groups * size * t]
    total = total.reshape(groups, *((t, size) if by_results else (size, t)))
    total.fill(0)
    columns = aligned(columns, columns.size - LINE)
    for g, place, left in patches(x, columns, padded, windows, groups, sum_size(size, t)):
        right = y[place]
        if s < FEW_CHANNELS or not right.flags.c_contiguous:
            copy = aligned(flat, right.size).reshape(right.shape)
            copy[...] = right
            right = copy
        right = right.reshape(*left.shape[1:3], groups, t)[:, :, g].transpose(2, 0, 1, 3)
        pair = (right, left) if by_results else (left, right)
        add_sums(sums_of(pair, total[g], partial))
    return total.transpose((2, 0, 1) if by_results else (1, 0, 2))


def strip_sum_plan(
    scratch: Any, count: int, windows: Any, s: int, t: int, groups: int
) -> tuple[Any, ...]:
    """The padded source and the sums; for each block copies, the place of results, and products."""
    columns, padded, flat, total, partial = scratch
    by_results, sizes = rows_are_results(windows, s, t), [w[2] for w in windows]
    size = product(sizes[1:]) * s
    total = total[: sizes[0] * groups * size * t]
    total = total.reshape(sizes[0], groups, *((t, size) if by_results else (size, t)))
    columns = aligned(columns, columns.size - LINE)
    base, loads = strips(columns, padded, count, windows, s, groups, 2 * STRIP)
    made: dict[Any, Any] = {}
    plans = []
    for inner, index, blocks in loads:
        steps, g = [], index[0]
        for copies, lefts, results in blocks:
            shape = (*(k.stop - k.start for k in results), *(w[1] for w in windows[2:]), t)
            key = (id(lefts), g.start, shape)
            if key not in made:
                copy, sums = aligned(flat, product(shape)).reshape(shape), []
                right = copy.reshape(shape[0], -1, t)
                for left, place in zip(lefts, total, strict=True):
                    pair = (right, left) if by_results else (left, right)
                    sums += sums_of(pair, place[g], partial)
                made[key] = copy, sums
            steps.append((copies, *made[key], results))
        plans.append((inner, index, steps))
    order = (0, 3, 1, 2) if by_results else (0, 2, 1, 3)
    return total, total.transpose(order), base, plans


def sum_over_strips(x: Any, y: Any, windows: Any, groups: int, plan: Any) -> np.ndarray:
    """A matrix for each element of the first axis and each group, ``[taps, window * S, G, T]``."""
    total, result, base, loads = plan
    x, y = source_by_groups(x, windows, groups), by_rows(y, groups)
    total.fill(0)
    base.fill(0)
    for inner, index, steps in loads:
        inner[...] = x[index]
        for copies, right, sums, results in steps:
            for place, source in copies:
                place[...] = source
            right[...] = y[results]
            add_sums(sums)
    return result


def sum_size(inner: int, results: int) -> int:
    """The elements of a block of windows whose products are added, more for packed operands."""
    rows, columns = blocks_of_sums(results, inner)
    small = SMALL // (results // rows * inner // columns)
    return SUMMED if small >= FEWEST_ROWS else 4 * SUMMED
