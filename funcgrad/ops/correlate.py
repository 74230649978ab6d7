"""The cotangent of the kernel of a convolution: a sum of products over examples and positions.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .depthwise import correlate_depthwise, depthwise_sizes
from .im2col import at_least_one_axis, gather_sizes, is_empty, largest_sizes
from .patches import FEW_CHANNELS, patches
from .products import FEWEST_ROWS, SMALL, add_products, blocks_of_sums, cut, rows_of_sums
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


def sum_size(inner: int, results: int) -> int:
    """The elements of a block of windows whose products are added, more for packed operands."""
    small = SMALL // (inner // blocks_of_sums(inner, results) * results)
    return SUMMED if small >= FEWEST_ROWS else 4 * SUMMED
