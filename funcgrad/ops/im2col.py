"""Convolutions by products of matrices, in blocks that stay in the cache.

Plain functions of NumPy arrays. ``cheapest_form`` chooses one of three forms by shape:

- ``im2col`` copies each window into a row of a matrix, and multiplies;
- ``col2im`` multiplies first, and adds the products into the result: for few result channels;
- ``depthwise`` (in ``depthwise.py``) multiplies and adds without a matrix: for one channel in each
  group.

Layouts are ``x [N, *source, G*S]``, ``w [*window, S, G*T]``, ``y [N, *result, G*T]`` with G groups
of channels, S channels of the source and T of the result in each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

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
from .products import FEWEST_ROWS, cut, grouped_kernel, kernel_blocks, rows_of_products, small_rows
from .strips import strip_sizes, strips
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
    sizes = [
        strip_sizes(count, part, s, t, groups)
        if in_strips(part, s, t)
        else gather_sizes(
            count,
            part,
            s,
            t,
            groups,
            block_size(s * product([w[2] for w in part]), t),
            drops_positions(part, s, t),
        )[:3]
        for part in parts
    ]
    inners = [s * product([w[2] for w in part]) for part in parts]
    kernels = [groups * inner * product(kernel_blocks(inner, t)) for inner in inners]
    return largest_sizes(
        [
            (0,) * 4,
            *((a, b, size + LINE, c) for (a, b, c), size in zip(sizes, kernels, strict=True)),
        ]
    )


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


def convolve_into(
    x: np.ndarray, w: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], groups: int,
) -> None:  # fmt: skip
    """Write the convolution of ``x`` with ``w`` into ``out``."""
    if not (x.size and w.size and out.size):
        out.fill(0)
        return
    form = cheapest_form(windows, w.shape[-2], w.shape[-1] // groups)
    w = w[kernel_flips(windows)]
    if not windows:
        x, w, out = x[:, None], w[None], out[:, None]
    windows = at_least_one_axis(with_positive_steps(windows))
    if form == "col2im":
        col2im(x, w, out, scratch, windows, groups)
        return
    parts = phases(windows)
    if sum(product([a[1] for a in part]) for *_, part in parts) < product(out.shape[1:-1]):
        out.fill(0)  # some results meet no element of the source
    for kernel, results, part in parts:
        y = out[(slice(None), *results)]
        if form == "depthwise":
            convolve_depthwise(x, w[kernel], y, scratch, part)
        else:
            im2col(x, w[kernel], y, scratch, part, groups)


def in_strips(windows: Sequence[Window], s: int, t: int) -> bool:
    """Whether strips are cheaper than windows: if they copy less, and their products are small."""
    if len(windows) < 2 or s < FEW_CHANNELS or windows[0][2] <= windows[0][5]:
        return False
    return rows_of_products(s * product([w[2] for w in windows]), t) > 0


def im2col(x: Any, w: Any, out: Any, scratch: Any, windows: Any, groups: int) -> None:
    """Copy the windows of a block, or its strips, into the rows of a matrix, and multiply."""
    columns, padded, weights, flat = scratch
    s, t = w.shape[-2], w.shape[-1] // groups
    matrix = grouped_kernel(w, weights, groups)
    if in_strips(windows, s, t):
        # rows of the result need not follow each other
        direct = out[0, 0].flags.c_contiguous
        blocks = strips(x, columns, padded, windows, groups, t)
    else:
        dropped = drops_positions(windows, s, t)
        direct = out.flags.c_contiguous and not dropped
        limit = block_size(matrix.shape[2], t)
        blocks = patches(x, columns, padded, windows, groups, limit, dropped)
    for g, place, left in blocks:
        multiply(left, matrix[g], out[place], None if direct else flat, g, groups)


def multiply(left: Any, matrix: Any, block: Any, flat: Any, g: slice, groups: int) -> None:
    """Products of ``left [G, *stack, rows, K]`` and ``matrix [G, B, K, T/B]`` into some results.

    They are written there, or if these have no such matrices to ``flat`` first.
    """
    shape, (_, count, inner, columns) = left.shape[1:-1], matrix.shape
    t, rank = count * columns, len(shape)
    if flat is None:
        y = block.reshape(*shape, groups, t)[..., g, :]
    else:
        y = flat[: product(left.shape[:-1]) * t].reshape(*shape, len(left), t)
    small = small_rows(left, t)
    parts = cut(y.transpose(rank, *range(rank), rank + 1), small)
    for a, b in zip(cut(left, small), parts, strict=True):
        # all blocks of the kernel for some rows, then the next rows: the rows are in the L1 cache
        z = b.reshape(*b.shape[:-1], count, columns).swapaxes(-3, -2)
        ones = (1,) * (a.ndim - 3)
        np.matmul(a[..., None, :, :], matrix.reshape(len(a), *ones, count, inner, columns), out=z)
    if flat is not None:
        place = block.reshape(*block.shape[:-1], groups, t)[..., g, :]
        y = y.reshape(*place.shape[:-3], -1, *place.shape[-2:])  # without the dropped positions
        place[...] = y[..., : place.shape[-3], :, :]
