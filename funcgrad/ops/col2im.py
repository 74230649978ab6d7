"""Convolutions to few channels: products first, then their sums.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .windows import Window, product, slices, taps

PRODUCTS = 1 << 18  # elements of a block of products


def source_blocking(count: int, windows: Sequence[Window], results: int) -> tuple[int, int]:
    """The numbers of examples and of rows of the source in a block of ``col2im``."""
    lengths = [w[0] for w in windows]
    row = max(1, product([w[2] for w in windows]) * results * product(lengths[1:]))
    if lengths[0] * row <= PRODUCTS:
        return max(1, min(count, PRODUCTS // max(1, lengths[0] * row))), lengths[0]
    return 1, max(1, PRODUCTS // row)


def col2im_sizes(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, int, int, int]:
    """The sizes of a block of products, of its source, of the kernel, and of the sums."""
    size = product([w[2] for w in windows]) * s * t * groups
    examples, rows = source_blocking(count, windows, t * groups)
    positions = examples * rows * product([w[0] for w in windows][1:])
    sums = examples * product([w[1] for w in windows]) * t * groups
    return positions * size // s, positions * s * groups, size, sums


def col2im(x: Any, w: Any, out: Any, scratch: Any, windows: Any, groups: int) -> None:
    """Multiply the positions of a block, and add the products into the result.

    Products and sums have their positions last: the additions run along the last spatial axis.
    """
    products, flat, weights, sums = scratch
    *sizes, s, channels = w.shape
    t, steps = channels // groups, product(sizes)
    matrix = weights[: w.size].reshape(groups, steps, t, s)
    matrix[...] = w.reshape(steps, s, groups, t).transpose(2, 0, 3, 1)
    matrix = matrix.reshape(groups, steps * t, s)
    (_, m, size, a, off, b, step), *others = windows
    examples, rows = source_blocking(len(x), windows, channels)
    for n in slices(len(x), examples):
        y = out[n].reshape(-1, *out.shape[1:-1], groups, t)
        total = sums[: y.size].reshape(groups, t, *y.shape[:-2])
        total.fill(0)
        for r in slices(x.shape[1], rows):
            block = x[n, r]
            left = block_matrix(block, flat, groups)
            terms = products[: steps * channels * left.shape[1]]
            terms = terms.reshape(groups, steps * t, left.shape[1])
            np.matmul(matrix, left.swapaxes(1, 2), out=terms)
            terms = terms.reshape(groups, steps, t, *block.shape[:-1])
            part = ((block.shape[1], m, size, a, off + r.start * a, b, step), *others)
            for k, (_, i, j) in enumerate(taps(part)):
                place = total[(slice(None),) * 3 + j]
                place += terms[(slice(None), k, slice(None), slice(None), *i)]
        y[...] = total.transpose(*range(2, total.ndim), 0, 1)


def block_matrix(block: np.ndarray, flat: np.ndarray, groups: int) -> np.ndarray:
    """A block as a matrix for each group, ``[G, positions, channels]``."""
    if not block.flags.c_contiguous:
        copy = flat[: block.size].reshape(block.shape)
        copy[...] = block
        block = copy
    return block.reshape(-1, groups, block.shape[-1] // groups).transpose(1, 0, 2)
