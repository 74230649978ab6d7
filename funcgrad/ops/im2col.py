"""Convolutions by products of matrices, in blocks that stay in the cache.

Plain functions of NumPy arrays. ``cheapest_form`` chooses one of three forms by shape:

- ``im2col`` copies each window into a row of a matrix, and multiplies;
- ``col2im`` multiplies first, and adds the products into the result: for few result channels;
- ``winograd`` (in ``winograd.py``) computes many channels with 16 products for 36;
- ``depthwise`` (in ``depthwise.py``) multiplies and adds without a matrix: for one channel in each
  group.

Layouts are ``x [N, *source, G*S]``, ``w [*window, S, G*T]``, ``y [N, *result, G*T]`` with G groups
of channels, S channels of the source and T of the result in each.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .bands import band_plan
from .col2im import col2im, col2im_sizes
from .depthwise import convolve_depthwise, depthwise_sizes
from .patches import (
    FEW_CHANNELS,
    blocking,
    drops_positions,
    patches,
    plane_lengths,
    result_lengths,
)
from .products import (
    FEWEST_ROWS,
    factors_of,
    grouped_kernel,
    is_finite,
    kernel_blocks,
    kernel_matrices,
    merged_groups,
    rows_of_products,
    write_kernel,
)
from .strips import STRIP, by_rows, source_by_groups, strip_sizes, strips
from .windows import (
    LINE,
    Window,
    extents,
    identity_window,
    kernel_flips,
    phases,
    product,
    with_positive_steps,
)
from .winograd import in_tiles, tile_plan, winograd

# the form, the flips of the kernel, whether zeros are to be written, the number of merged groups,
# buffers, for each phase its kernel, results, windows and plan of strips; these without merging;
# the plan of Winograd's tiles
Plan: TypeAlias = tuple[Any, ...]

BLOCK = 1 << 17  # elements of a block of windows: 512 kB in float32, a quarter of the L2 cache


def cheapest_form(windows: Sequence[Window], channels: int, results: int) -> str:
    """The cheapest form, at a cost of 1 a multiplication, 10 a copy, 60 a scattered addition."""
    if channels == results == 1:
        return "depthwise"
    if product([w[2] for w in windows]) == 1:
        return "im2col"  # nothing to copy, and nothing to add
    # multiplications of few columns are slower; results of a dilated source are not contiguous
    gather = channels * (10 + min(1.25 * results, 12 + 0.75 * results))
    gather *= 1.25 if any(w[3] > 1 for w in windows) else 1
    return "im2col" if gather <= results * (60 + channels) else "col2im"


def block_size(inner: int, results: int) -> int:
    """The elements of a block of windows: more where operands are packed, once in each block."""
    return BLOCK if rows_of_products(inner, results) else 4 * BLOCK


def at_least_one_axis(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The windows; without any, the identity along a new axis."""
    return tuple(windows) if windows else (identity_window(1),)


def is_empty(count: int, windows: Sequence[Window], size: int) -> bool:
    """Whether the source, the result, or the kernel, of this size, has no element."""
    return not (size and count and product([w[0] * w[1] for w in windows]))


def largest_sizes(sizes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The size of each buffer that serves all parts."""
    return tuple(max(column) for column in zip(*sizes, strict=True))


def scratch_sizes(
    form: str, count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, ...]:
    """Sizes of the buffers of ``convolve_into``, for S and T channels in each group."""
    windows = at_least_one_axis(with_positive_steps(windows))
    size = product([w[2] for w in windows]) * s * t * groups
    if is_empty(count, windows, size):
        return (0,) * 4
    if form == "col2im":
        return col2im_sizes(count, windows, s, t, groups)
    parts = [part for _, _, part in phases(windows)]
    if form == "depthwise":
        return largest_sizes([(0,) * 4, *(depthwise_sizes(count, part, groups) for part in parts)])
    sizes = [part_sizes(count, part, s, t, groups) for part in parts]
    merged = merged_in_strips(parts, s, t, groups)
    if merged > 1:
        s, t, groups = s * merged, t * merged, groups // merged
        sizes += [part_sizes(count, part, s, t, groups) for part in parts]
    return largest_sizes([(0,) * 4, *sizes])


def merged_in_strips(parts: Sequence[Sequence[Window]], s: int, t: int, groups: int) -> int:
    """The number of groups that are merged where this gives strips, 1 elsewhere."""
    merged = merged_groups(s, t, groups)
    return merged if all(in_strips(part, s * merged, t * merged) for part in parts) else 1


def part_sizes(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, ...]:
    """The sizes of the buffers of ``im2col``."""
    inner = s * product([w[2] for w in windows])
    if in_strips(windows, s, t):
        taps = windows[0][2]
        size = groups * inner * product(kernel_blocks(inner // taps, t))
        columns, padded, positions = strip_sizes(count, windows, s, groups, STRIP)
        return columns, padded, size + LINE, taps * positions * t
    size = groups * inner * product(kernel_blocks(inner, t))
    limit, dropped = block_size(inner, t), drops_positions(windows, s, t)
    columns, padded, results, _ = gather_sizes(count, windows, s, t, groups, limit, dropped)
    return columns, padded, size + LINE, results


def gather_sizes(
    count: int,
    windows: Sequence[Window],
    s: int,
    t: int,
    groups: int,
    limit: int,
    dropped: bool = False,
) -> tuple[int, int, int, int]:
    """The sizes of a block of windows, its padded source, its results, and sums of products."""
    size, lengths = product([w[2] for w in windows]) * s, result_lengths(windows, dropped)
    some, examples, rows = blocking(count, lengths, size, limit, groups)
    positions = examples * rows * product(lengths[1:])
    reach = plane_lengths(windows) if s < FEW_CHANNELS else extents(windows)
    padded = some * examples * product(reach) * s + extents(windows[-1:])[0]
    products = examples + positions // FEWEST_ROWS + 1
    return some * positions * size, padded, positions * t * groups, some * products * size * t


def convolve_plan(
    scratch: Sequence[np.ndarray], x: Sequence[int], w: Sequence[int], *,
    windows: Sequence[Window], groups: int,
) -> Plan:  # fmt: skip
    """What ``convolve_into`` does with operands of these shapes in these buffers.

    All that does not depend on the operands is found once: their form, phases, and the views of
    the buffers between which each block copies, multiplies and adds.
    """
    s, t = w[-2], w[-1] // groups
    form, flips = cheapest_form(windows, s, t), kernel_flips(windows)
    windows = at_least_one_axis(with_positive_steps(windows))
    if is_empty(x[0], windows, product(w)):
        return form, flips, True, 1, scratch, [], [], None
    if form == "col2im":
        return form, flips, False, 1, scratch, [((), (), windows, None)], [], None
    found = phases(windows)
    meet = sum(product([a[1] for a in part]) for *_, part in found)
    partial = meet < product([a[1] for a in windows])  # some results meet no element of the source
    merged = merged_in_strips([part for *_, part in found], s, t, groups) if form == "im2col" else 1
    plans = []
    for k in sorted({merged, 1}, reverse=True):
        parts: list[Any] = []
        for kernel, results, part in found:
            steps: Any = None
            if form == "depthwise":
                steps = band_plan(part, groups, scratch[0].dtype)
            elif form == "im2col" and in_strips(part, s * k, t * k):
                steps = strip_plan(scratch, x[0], part, s * k, t * k, groups // k)
            parts.append((kernel, results, part, steps))
        plans.append(parts)
    tiles = None
    if in_tiles(x[0], windows, s, t, groups, scratch[0].dtype):
        tiles = tile_plan(scratch, x[0], windows, s, t)
    return form, flips, partial, merged, scratch, plans[0], plans[-1], tiles


def convolve_into(
    x: np.ndarray, w: np.ndarray, out: np.ndarray, plan: Plan, *,
    windows: Sequence[Window], groups: int,
) -> None:  # fmt: skip
    """Write the convolution of ``x`` with ``w`` into ``out``."""
    form, flips, partial, merged, scratch, parts, apart, tiles = plan
    if partial:
        out.fill(0)
    if not parts or (tiles is not None and winograd(x, w[flips], out, tiles)):
        return
    if merged > 1 and not (is_finite(x) and is_finite(w)):
        merged, parts = 1, apart  # the zeros between merged groups would make nan of infinity
    w = w[flips]
    if not windows:
        x, w, out = x[:, None], w[None], out[:, None]
    for kernel, results, part, steps in parts:
        y = out[(slice(None), *results)]
        if form == "depthwise":
            convolve_depthwise(x, w[kernel], y, scratch, part, steps)
        elif steps is not None:
            write_kernel(w[kernel], steps[0], groups, merged)
            sum_of_strips(x, y, part, groups // merged, steps)
        elif form == "im2col":
            im2col(x, w[kernel], y, scratch, part, groups)
        else:
            col2im(x, w, out, scratch, part, groups)


def in_strips(windows: Sequence[Window], s: int, t: int) -> bool:
    """Whether strips are cheaper than windows: if they copy less, and their products are small."""
    if len(windows) < 2 or s < FEW_CHANNELS or windows[0][2] <= windows[0][5]:
        return False
    return rows_of_products(s * product([w[2] for w in windows[1:]]), t) > 0


def im2col(x: Any, w: Any, out: Any, scratch: Any, windows: Any, groups: int) -> None:
    """Copy the windows of a block into the rows of a matrix, and multiply."""
    columns, padded, weights, flat = scratch
    s, t = w.shape[-2], w.shape[-1] // groups
    matrix = grouped_kernel(w, weights, groups)
    limit, dropped = block_size(matrix.shape[2], t), drops_positions(windows, s, t)
    direct = out.flags.c_contiguous and not dropped
    for g, place, left in patches(x, columns, padded, windows, groups, limit, dropped):
        multiply(left, matrix[g], out[place], None if direct else flat, g, groups)


def strip_plan(
    scratch: Any, count: int, windows: Any, s: int, t: int, groups: int
) -> tuple[Any, ...]:
    """The place of the kernel and the padded source; for each block copies, products and sums."""
    columns, padded, weights, flat = scratch
    sizes = [w[2] for w in windows]
    matrices, place = kernel_matrices(sizes, s, t, weights, groups, sizes[0])
    base, loads = strips(columns, padded, count, windows, s, groups, STRIP)
    made: dict[Any, Any] = {}
    plans = []
    for inner, index, blocks in loads:
        steps, g = [], index[0]
        for copies, lefts, results in blocks:
            key = (id(lefts), g.start)
            if key not in made:
                shape = (sizes[0], *lefts[0].shape[:2], t)
                terms = flat[: product(shape)].reshape(shape)
                factors = [
                    operands
                    for left, matrix, term in zip(lefts, matrices, terms, strict=True)
                    for operands in factors_of(left, matrix[g], term)
                ]
                made[key] = factors, terms, {}
            factors, terms, shaped = made[key]
            shape = (*(k.stop - k.start for k in results), *(w[1] for w in windows[2:]), t)
            if shape not in shaped:
                shaped[shape] = [term.reshape(shape) for term in terms]
            steps.append((copies, factors, shaped[shape], results))
        plans.append((inner, index, steps))
    return place, base, plans


def sum_of_strips(x: Any, out: Any, windows: Any, groups: int, plan: Any) -> None:
    """Copy the windows of a block along all axes but the first, multiply, and add."""
    _, base, loads = plan
    x, y = source_by_groups(x, windows, groups), by_rows(out, groups)
    base.fill(0)
    for inner, index, steps in loads:
        inner[...] = x[index]
        for copies, factors, (first, *terms, last), results in steps:
            for place, source in copies:
                place[...] = source
            for operands in factors:
                np.matmul(*operands)
            for term in terms:
                np.add(first, term, out=first)
            np.add(first, last, out=y[results])


def multiply(left: Any, matrix: Any, block: Any, flat: Any, g: slice, groups: int) -> None:
    """Products of ``left [G, *stack, rows, K]`` and ``matrix [G, B, K, T/B]`` into some results.

    They are written there, or if these have no such matrices to ``flat`` first.
    """
    shape, t, rank = left.shape[1:-1], matrix.shape[1] * matrix.shape[3], left.ndim - 2
    if flat is None:
        y = block.reshape(*shape, groups, t)[..., g, :]
    else:
        y = flat[: product(left.shape[:-1]) * t].reshape(*shape, len(left), t)
    for operands in factors_of(left, matrix, y.transpose(rank, *range(rank), rank + 1)):
        np.matmul(*operands)
    if flat is not None:
        place = block.reshape(*block.shape[:-1], groups, t)[..., g, :]
        y = y.reshape(*place.shape[:-3], -1, *place.shape[-2:])  # without the dropped positions
        place[...] = y[..., : place.shape[-3], :, :]
