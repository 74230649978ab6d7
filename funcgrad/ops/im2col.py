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
from .depthwise import convolve_depthwise, correlate_depthwise, depthwise_sizes
from .patches import (
    FEW_CHANNELS,
    blocking,
    drops_positions,
    patches,
    plane_lengths,
    result_lengths,
)
from .strips import FEW_RESULTS, SMALL, TILE, blocks_of, rows_of_products, strip_sizes, strips
from .windows import (
    Window,
    aligned,
    extents,
    identity_window,
    kernel_flips,
    phases,
    product,
    transposed_windows,
    with_positive_steps,
)

BLOCK = 1 << 17  # elements of a block of windows: 512 kB in float32, a quarter of the L2 cache
SUMMED = 1 << 18  # elements of a block of windows whose products are added
LANES = 16  # elements of a row of the kernel are a multiple: 64 bytes in float32
LINE = 64  # elements in 64 bytes, at most
FEWEST_ROWS, MOST_ROWS = 48, 192  # of small products whose sum is taken: other numbers are slower


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


def small_rows(left: np.ndarray, results: int) -> int:
    """The rows of the parts into which products with ``left`` are cut, 0 for one part."""
    small = rows_of_products(left.shape[-1], results)
    return small if small < left.shape[-2] else 0


def cut(z: np.ndarray, small: int) -> list[np.ndarray]:
    """An array ``[G, *stack, rows, columns]``, its rows cut into parts: a stack, and the rest."""
    if not small:
        return [z]
    whole = z.shape[-2] // small * small
    stack = z[..., :whole, :].reshape(*z.shape[:-2], -1, small, z.shape[-1])
    return [stack] if whole == z.shape[-2] else [stack, z[..., whole:, :]]


def kernel_blocks(inner: int, results: int) -> tuple[int, int]:
    """The number of blocks of results, and the length of a row of their matrices.

    In small products rows are aligned too: a tenth faster for numbers that 16 does not divide.
    """
    if not rows_of_products(inner, results):
        return 1, results
    count = blocks_of(results, FEW_RESULTS)
    return count, -(-results // (count * LANES)) * LANES


def grouped_kernel(w: np.ndarray, weights: np.ndarray, groups: int) -> np.ndarray:
    """The kernel as aligned matrices ``[G, B, window * S, T/B]``, of B blocks of results."""
    *sizes, s, channels = w.shape
    rank, t, inner = len(sizes), channels // groups, product(sizes) * s
    count, width = kernel_blocks(inner, t)
    whole = aligned(weights, groups * count * inner * width)
    copy = whole.reshape(groups, count, *sizes, s, width)[..., : t // count]
    split = w.reshape(*sizes, s, groups, count, -1)
    copy[...] = split.transpose(rank + 1, rank + 2, *range(rank + 1), rank + 3)
    return whole.reshape(groups, count, inner, width)[..., : t // count]


# the cotangent of the kernel: a sum over examples and positions


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
    sizes = [
        gather_sizes(count, p, s, t, groups, sum_size(s * product([w[2] for w in p]), t))
        for p in parts
    ]
    return largest_sizes([(0,) * 5, *((a + LINE, b, c + LINE, size, d) for a, b, c, d in sizes)])


def gathers_source(s: int, t: int) -> bool:
    """Whether patches of the source cost less than patches of the result."""
    return s * (8 + max(t, 12)) <= t * (8 + max(s, 12))


def correlate_into(
    x: np.ndarray, y: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], groups: int,
) -> None:  # fmt: skip
    """Write the cotangent of the kernel, from ``x`` and ``y``, into ``out [*window, S, G*T]``."""
    if not (x.size and y.size and out.size):
        out.fill(0)
        return
    s, t = x.shape[-1] // groups, y.shape[-1] // groups
    if not windows:
        x, y, out = x[:, None], y[:, None], out[None]
    windows = at_least_one_axis(windows)
    total = out.reshape(*out.shape[:-1], groups, t)  # [*window, S, G, T]
    if not gathers_source(s, t):
        windows, x, y = transposed_windows(windows), y, x
        total = total.swapaxes(-3, -1)
    total = total[kernel_flips(windows)]
    parts = phases(with_positive_steps(windows))
    if sum(product([a[2] for a in part]) for *_, part in parts) < product(total.shape[:-3]):
        total.fill(0)  # some elements of the kernel meet no pair
    for kernel, results, part in parts:
        place, right = total[kernel], y[(slice(None), *results)]
        if s == t == 1:
            place[..., 0, :, 0] = correlate_depthwise(x, right, scratch, part)
        else:
            sums = summed_products(x, right, scratch, part, groups)
            sums = sums.reshape(groups, -1, *place.shape[:-2])
            place[...] = sums.transpose(*range(2, sums.ndim), 0, 1)


def summed_products(x: Any, y: Any, scratch: Any, windows: Any, groups: int) -> np.ndarray:
    """A matrix for each group, ``[G, T, window * S]``, summed over the blocks.

    Its rows are the long ones of windows; with few channels these are not contiguous in memory,
    and its transpose is computed.
    """
    columns, padded, flat, total, partial = scratch
    s, t = x.shape[-1] // groups, y.shape[-1] // groups
    size, few = product([axis[2] for axis in windows]) * s, s < FEW_CHANNELS
    blocks = 1 if few else blocks_of_sums(size, t)
    total = total[: groups * size * t]
    total = total.reshape(groups, blocks, *((size, t) if few else (t, size // blocks)))
    total.fill(0)
    columns, seen = aligned(columns, columns.size - LINE), None
    for g, place, left in patches(x, columns, padded, windows, groups, sum_size(size, t)):
        right = y[place]
        if few or not right.flags.c_contiguous:
            copy = aligned(flat, right.size).reshape(right.shape)
            copy[...] = right
            right = copy
        right = right.reshape(*left.shape[1:3], groups, t)[:, :, g].transpose(2, 0, 1, 3)
        if left is not seen:
            seen, small = left, rows_of_sums(left.shape[2], size // blocks * t)
            parts = cut(left, small)
        for a, b in zip(parts, cut(right, small), strict=True):
            add_products(*((a, b) if few else (b, a)), total[g], partial)
    if few:
        return total[:, 0].swapaxes(1, 2)
    return total.swapaxes(1, 2).reshape(groups, t, size)


def blocks_of_sums(size: int, results: int) -> int:
    """The number of equal blocks of the windows for which sums of small products have many rows."""
    most = SMALL // (results * (FEWEST_ROWS + 8 * TILE)) if results <= FEW_RESULTS else 0
    count = blocks_of(size, most) if most >= FEWEST_ROWS else 1
    return count if size // count <= most else 1


def sum_size(inner: int, results: int) -> int:
    """The elements of a block of windows whose products are added, more for packed operands."""
    small = SMALL // (inner // blocks_of_sums(inner, results) * results)
    return SUMMED if small >= FEWEST_ROWS else 4 * SUMMED


def rows_of_sums(rows: int, multiplications: int) -> int:
    """The rows of the parts into which products are cut whose sum is taken, 0 for one part."""
    small = min(SMALL // multiplications // TILE * TILE, MOST_ROWS)
    if not FEWEST_ROWS <= small < rows:
        return 0
    count = -(-rows // small)
    while rows % count and rows // count >= FEWEST_ROWS:  # without a rest, if possible
        count += 1
    return small if rows % count else rows // count


def add_products(a: Any, b: Any, total: np.ndarray, partial: np.ndarray) -> None:
    """Add products of ``a [G, *stack, rows, A]``, transposed, and ``b [G, *stack, rows, B]``.

    They are added to ``total [G, C, A, B/C]``, in C blocks of the columns of ``b``.
    """
    lead, rank, shape = a.shape[1:-2], a.ndim - 3, total.shape
    terms = partial[: (product(lead) + 1) * total.size].reshape(-1, *shape)
    places = terms[1:].reshape(*lead, *shape)
    places = places.transpose(rank, *range(rank), *range(rank + 1, rank + 4))
    columns = b.reshape(*b.shape[:-1], shape[1], shape[3]).swapaxes(-3, -2)
    np.matmul(a[..., None, :, :].swapaxes(-2, -1), columns, out=places)
    if len(terms) > 2:
        np.add.reduce(terms[1:], axis=0, out=terms[0])
    total += terms[int(len(terms) == 2)]
