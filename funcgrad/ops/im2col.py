"""Convolutions by products of matrices: im2col, col2im, and shifted sums, in blocks.

Plain functions of NumPy arrays. ``cheapest_form`` chooses one of three forms by shape:

- ``im2col`` copies each window into a row of a matrix, and multiplies;
- ``col2im`` multiplies first, and adds the products into the result: it skips the zeros of
  dilation, as the transpose of a convolution with strides has them;
- ``shift_and_add`` multiplies and adds whole arrays: for one channel in each group.

Layouts are ``x [N, *source, G*S]``, ``w [*window, S, G*T]``, ``y [N, *result, G*T]`` with G groups
of channels, S channels of the source and T of the result in each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .windows import (
    Window,
    extents,
    kernel_flips,
    product,
    sliding_view,
    taps,
    transposed_windows,
    with_positive_steps,
)

BLOCK = 1 << 18  # elements of a block of windows: 1 MB in float32, the cache of a core
FEW_CHANNELS = 8  # with fewer channels the copies run along the last spatial axis


def cheapest_form(windows: Sequence[Window], channels: int, results: int) -> str:
    """The cheapest form, at a cost of 1 a multiplication, 8 a copy, 19 a scattered addition."""
    if channels == results == 1:
        return "shifted"
    gather = product([w[1] for w in windows]) * channels * (8 + results)
    scatter = product([w[0] for w in windows]) * results * (19 + channels)
    return "im2col" if gather <= scatter else "col2im"


def blocking(count: int, lengths: Sequence[int], size: int) -> tuple[int, int]:
    """The numbers of examples and of rows in a block, at ``size`` elements per position."""
    rows = max(1, lengths[0]) if lengths else 1
    row = max(1, product(lengths[1:]) * size)
    if rows * row <= BLOCK:
        return min(count, BLOCK // (rows * row)), rows
    return 1, max(1, BLOCK // row)


def blocks(count: int, lengths: Sequence[int], size: int) -> list[tuple[slice, slice | None]]:
    """The examples and the rows of each block; rows are None without spatial axes."""
    examples, rows = blocking(count, lengths, size)
    starts = range(0, lengths[0] if lengths else 1, rows)
    return [
        (slice(i, min(i + examples, count)), slice(j, min(j + rows, lengths[0])))
        if lengths
        else (slice(i, min(i + examples, count)), None)
        for i in range(0, count, examples)
        for j in starts
    ]


def block_of(x: np.ndarray, examples: slice, rows: slice | None) -> np.ndarray:
    """The block of an array."""
    return x[examples] if rows is None else x[examples, rows]


def windows_of_rows(windows: Sequence[Window], rows: slice | None) -> tuple[Window, ...]:
    """The windows of these rows of the result."""
    if rows is None:
        return tuple(windows)
    n, _, size, a, off, b, step = windows[0]
    first = (n, rows.stop - rows.start, size, a, off - rows.start * b, b, step)
    return (first, *windows[1:])


def scratch_sizes(
    form: str, count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, ...]:
    """Sizes of the buffers of ``convolve_into``, for S and T channels in each group."""
    size = product([w[2] for w in windows])
    if form == "shifted":
        examples = examples_per_block(count, windows, groups)
        wide = size * (windows[-1][1] if windows else 1) * groups
        return (examples * product([w[1] for w in windows]) * groups, wide)
    if form == "col2im":
        lengths = [w[0] for w in windows]
        examples, rows = blocking(count, lengths, size * t * groups)
        positions = examples * rows * product(lengths[1:])
        return (positions * size * t * groups, positions * s * groups, size * s * t * groups)
    return (*gather_sizes(count, windows, s * groups), size * s * t * groups)


def gather_sizes(count: int, windows: Sequence[Window], channels: int) -> tuple[int, int]:
    """The sizes of the patches of a block, and of its padded source."""
    lengths, size = [w[1] for w in windows], product([w[2] for w in windows]) * channels
    examples, rows = blocking(count, lengths, size)
    block = windows_of_rows(windows, slice(0, rows)) if windows else ()
    columns = examples * rows * product(lengths[1:]) * size
    return columns, examples * product(extents(block)) * channels


def convolve_into(
    x: np.ndarray, w: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], groups: int,
) -> None:  # fmt: skip
    """Write the convolution of ``x`` with ``w`` into ``out``."""
    if not (x.size and w.size and out.size):
        out.fill(0)
        return
    s, t = w.shape[-2], w.shape[-1] // groups
    form = cheapest_form(windows, s, t)
    windows, w = with_positive_steps(windows), w[kernel_flips(windows)]
    if form == "shifted":
        shift_and_add(x, w, out, scratch, windows)
    elif form == "col2im":
        col2im(x, w, out, scratch, windows, groups)
    else:
        im2col(x, w, out, scratch, windows, groups)


def im2col(x: Any, w: Any, out: Any, scratch: Any, windows: Any, groups: int) -> None:
    """Copy the windows of a block into the rows of a matrix, and multiply."""
    columns, padded, weights = scratch
    s, t = w.shape[-2], w.shape[-1] // groups
    size = product([axis[2] for axis in windows])
    matrix = grouped_kernel(w, weights, groups)
    for examples, rows in blocks(len(x), out.shape[1:-1], size * s * groups):
        part = windows_of_rows(windows, rows)
        left = patch_matrix(sliding_view(x[examples], part, padded), columns, len(part), groups)
        y = block_of(out, examples, rows).reshape(-1, groups, t)
        np.matmul(left, matrix, out=y.transpose(1, 0, 2))


def grouped_kernel(w: np.ndarray, weights: np.ndarray, groups: int) -> np.ndarray:
    """The kernel as a matrix for each group, ``[G, window * S, T]``."""
    *sizes, s, channels = w.shape
    if groups == 1 and w.flags.c_contiguous:
        return w.reshape(1, -1, channels)
    copy = weights.reshape(groups, *sizes, s, channels // groups)
    split = w.reshape(*sizes, s, groups, -1)
    copy[...] = np.moveaxis(split, -2, 0)
    return copy.reshape(groups, -1, channels // groups)


def patch_matrix(view: np.ndarray, columns: np.ndarray, rank: int, groups: int) -> np.ndarray:
    """The windows of a block as a matrix for each group, with one window in each row.

    It is a view if the rows are contiguous already, as in a convolution of size 1.
    """
    count, *axes = view.shape[:-1]
    positions, sizes = (count, *axes[:rank]), axes[rank:]
    s = view.shape[-1] // groups
    if groups == 1 and view.flags.c_contiguous:
        return view.reshape(1, product(positions), -1)
    view = view.reshape(*view.shape[:-1], groups, s)  # a view: splitting an axis never copies
    window = range(1 + rank, 1 + 2 * rank)
    group, channel = 1 + 2 * rank, 2 + 2 * rank
    buffer = columns[: view.size]
    if s < FEW_CHANNELS:
        perm = (group, *window, channel, *range(1 + rank))
        buffer = buffer.reshape(groups, *sizes, s, *positions)
        buffer[...] = view.transpose(perm)
        return buffer.reshape(groups, -1, product(positions)).swapaxes(1, 2)
    perm = (group, *range(1 + rank), *window, channel)
    buffer = buffer.reshape(groups, *positions, *sizes, s)
    buffer[...] = view.transpose(perm)
    return buffer.reshape(groups, product(positions), -1)


def col2im(x: Any, w: Any, out: Any, scratch: Any, windows: Any, groups: int) -> None:
    """Multiply the positions of a block, and add the products into the result."""
    products, flat, weights = scratch
    *sizes, s, channels = w.shape
    t = channels // groups
    matrices = weights.reshape(*sizes, groups, s, t)
    matrices[...] = np.moveaxis(w.reshape(*sizes, s, groups, t), -2, -3)
    matrices = matrices.reshape(-1, groups, s, t)
    out.fill(0)
    for examples, rows in blocks(len(x), x.shape[1:-1], product(sizes) * channels):
        block = block_of(x, examples, rows)
        left = block_matrix(block, flat, groups)
        terms = products[: len(matrices) * left.shape[1] * channels]
        terms = terms.reshape(len(matrices), groups, left.shape[1], t)
        np.matmul(left, matrices, out=terms)
        terms = np.moveaxis(terms.reshape(-1, groups, *block.shape[:-1], t), 1, -2)
        # the rows of the source are those of the result of the transposed windows
        part = transposed_windows(windows_of_rows(transposed_windows(windows), rows))
        y = out[examples].reshape(-1, *out.shape[1:-1], groups, t)
        for term, (_, a, b) in zip(terms, taps(part), strict=True):
            place = y[(slice(None), *b)]
            place += term[(slice(None), *a)]


def block_matrix(block: np.ndarray, flat: np.ndarray, groups: int) -> np.ndarray:
    """A block as a matrix for each group, ``[G, positions, channels]``."""
    if not block.flags.c_contiguous:
        copy = flat[: block.size].reshape(block.shape)
        copy[...] = block
        block = copy
    return block.reshape(-1, groups, block.shape[-1] // groups).transpose(1, 0, 2)


def examples_per_block(count: int, windows: Sequence[Window], channels: int) -> int:
    """The number of examples in a block of ``shift_and_add``."""
    return min(count, max(1, BLOCK // 2 // max(1, product([w[1] for w in windows]) * channels)))


def shift_and_add(x: Any, w: Any, out: Any, scratch: Any, windows: Any) -> None:
    """Multiply by one scalar per channel, for each element of the window, and add."""
    terms, wide = scratch
    channels = x.shape[-1]
    # repeated along the last spatial axis, for longer inner loops of NumPy
    last = windows[-1][1] if windows else 1
    wide = wide.reshape(-1, last, channels)
    wide[...] = w.reshape(-1, 1, channels)
    steps = taps(windows)
    out.fill(0)
    step = examples_per_block(len(x), windows, channels)
    for i in range(0, len(x), step):
        source, result = x[i : i + step], out[i : i + step]
        for factor, (_, a, b) in zip(wide, steps, strict=True):
            place = result[(slice(None), *b)]
            term = terms[: place.size].reshape(place.shape)
            factor = factor[: place.shape[-2]] if windows else factor[0]
            np.multiply(source[(slice(None), *a)], factor, out=term)
            place += term


# the cotangent of the kernel: a sum over examples and positions


def kernel_sizes(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, ...]:
    """The sizes of the buffers of ``correlate_into``."""
    if s == t == 1:
        return ()
    size = product([w[2] for w in windows])
    gathered_side, other = (
        (windows, t) if gathers_source(windows, s, t) else (transposed_windows(windows), s)
    )
    gathered_side = with_positive_steps(gathered_side)
    columns, padded = gather_sizes(count, gathered_side, (s + t - other) * groups)
    examples, rows = blocking(count, [w[1] for w in gathered_side], size * (s + t - other) * groups)
    positions = examples * rows * product([w[1] for w in gathered_side][1:])
    return (columns, padded, positions * other * groups, *[size * s * t * groups] * 2)


def gathers_source(windows: Sequence[Window], s: int, t: int) -> bool:
    """Whether patches of the source cost less than patches of the result."""
    at_result, at_source = (product([w[i] for w in windows]) for i in (1, 0))
    return at_result * s * (8 + t) <= at_source * t * (8 + s)


def correlate_into(
    x: np.ndarray, y: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], groups: int,
) -> None:  # fmt: skip
    """Write the cotangent of the kernel, from ``x`` and ``y``, into ``out [*window, S, G*T]``."""
    if not (x.size and y.size and out.size):
        out.fill(0)
        return
    s, t = x.shape[-1] // groups, y.shape[-1] // groups
    split = out.reshape(*out.shape[:-1], groups, t)
    if s == t == 1:
        reduced_products(x, y, split, windows)
    elif gathers_source(windows, s, t):
        split = split[kernel_flips(windows)]
        total = summed_products(x, y, scratch, with_positive_steps(windows), groups)
        split[...] = np.moveaxis(total.reshape(groups, *split.shape[:-2], t), 0, -2)
    else:
        split, windows = (
            split[kernel_flips(transposed_windows(windows))],
            with_positive_steps(transposed_windows(windows)),
        )
        total = summed_products(y, x, scratch, windows, groups)
        total = total.reshape(groups, *split.shape[:-3], t, s)
        split[...] = np.moveaxis(np.moveaxis(total, 0, -1), -3, -1)


def summed_products(x: Any, y: Any, scratch: Any, windows: Any, groups: int) -> np.ndarray:
    """A matrix for each group, ``[G, window * S, T]``, summed over the blocks."""
    columns, padded, flat, total, partial = scratch
    t = y.shape[-1] // groups
    total, partial = (z.reshape(groups, -1, t) for z in (total, partial))
    size = product([axis[2] for axis in windows])
    first = True
    for examples, rows in blocks(len(x), y.shape[1:-1], size * x.shape[-1]):
        part = windows_of_rows(windows, rows)
        left = patch_matrix(sliding_view(x[examples], part, padded), columns, len(part), groups)
        right = block_matrix(block_of(y, examples, rows), flat, groups)
        np.matmul(left.swapaxes(1, 2), right, out=total if first else partial)
        if not first:
            total += partial
        first = False
    return total


def reduced_products(x: Any, y: Any, out: Any, windows: Any) -> None:
    """Sum the products for one channel per group, for each element of the window."""
    axes = list(range(x.ndim))
    sums = out.reshape(-1, x.shape[-1])
    sums.fill(0)
    steps = taps(windows)
    step = examples_per_block(len(x), windows, x.shape[-1])
    for i in range(0, len(x), step):
        source, result = x[i : i + step], y[i : i + step]
        for total, (_, a, b) in zip(sums, steps, strict=True):
            left, right = source[(slice(None), *a)], result[(slice(None), *b)]
            total += np.einsum(left, axes, right, axes, axes[-1:])
