"""Convolutions by products of matrices, without copies along the first spatial axis.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``. The windows along the other axes
are copied into ``[positions, rows of the source, window, S]``. There the window along the first
axis is contiguous: it is a row of a matrix for all positions of one row of the result.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .products import rows_of_products
from .windows import Window, extents, padded_sources, product, slices, view_of

# a slice of groups, the index of examples, rows and columns, and the matrices of their windows
Strips: TypeAlias = Iterator[tuple[slice, tuple[slice, ...], np.ndarray]]

STRIP = 1 << 17  # elements of a block of strips: 512 kB in float32, a quarter of the L2 cache


def dilation_classes(window: Window) -> list[tuple[slice, slice, Window]]:
    """The rows of the source and of the result, and the windows, of each residue of the dilation.

    Windows on every d-th row of the source have elements that are adjacent.
    """
    n, m, size, _, off, b, step = window
    if step == 1:
        return [(slice(0, None, 1), slice(0, None, 1), window)]
    period, found = step // int(np.gcd(b, step)), []
    for j in range(min(period, m)):
        start = (j * b - off) % step
        rows, taken = max(0, -((start - n) // step)), -((j - m) // period)
        first = (j * b - off - start) // step
        part = (rows, taken, size, 1, -first, period * b // step, 1)
        found.append((slice(start, None, step), slice(j, None, period), part))
    return found


def strip_windows(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The windows of the strips: one element along the first axis, at each row."""
    n, m, size, _, off, b, _ = windows[0]
    return ((n, (m - 1) * b + size, 1, 1, off, 1, 1), *windows[1:])


def strip_blocking(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int
) -> tuple[int, int, int, int]:
    """The numbers of groups, examples, rows and columns of the result in a block."""
    (_, m, size, _, _, b, _), (_, columns, *_), *others = windows
    (length,), inner = extents(windows[:1]), product([w[1] for w in others])
    unit = max(1, s * product([w[2] for w in windows[1:]]) * inner)
    if groups * columns * length * unit <= STRIP:
        return groups, min(count, STRIP // max(1, groups * columns * length * unit)), m, columns
    if columns * length * unit <= STRIP:
        return STRIP // (columns * length * unit), 1, m, columns
    small = rows_of_products(s * product([w[2] for w in windows]), t)
    columns = min(columns, max(1, small // inner))
    rows = (STRIP // (columns * unit) - size) // b + 1
    return 1, 1, min(m, max(rows, 2 * size)), columns  # rows at the ends are copied twice


def strip_sizes(count: int, windows: Sequence[Window], s: int, t: int, groups: int) -> Any:
    """The sizes of a block of strips, its padded source, and its results."""
    sizes = []
    for _, _, first in dilation_classes(windows[0]):
        part = (first, *windows[1:])
        some, examples, rows, columns = strip_blocking(count, part, s, t, groups)
        others = strip_windows(part)[1:]
        length = (rows - 1) * first[5] + first[2]
        places = columns * product([w[1] for w in others[1:]])
        strip = some * examples * places * length * product([w[2] for w in others]) * s
        padded = some * examples * product(extents(strip_windows(part))) * s
        sizes.append((strip, padded, some * examples * rows * places * t))
    return tuple(max(column) for column in zip(*sizes, strict=True))


def strips(x: Any, columns: Any, padded: Any, windows: Any, groups: int, t: int) -> Strips:
    """The windows of each block, ``[G, N, rows, positions, window * S]``: views of strips."""
    s = x.shape[-1] // groups
    for source, results, first in dilation_classes(windows[0]):
        part, (_, m, size, _, _, b, _) = (first, *windows[1:]), first
        some, examples, height, places = strip_blocking(len(x), part, s, t, groups)
        one, y = strip_windows(part), x[:, source]
        shape: tuple[int, ...] = ()
        for g, n, view in padded_sources(y, padded, one, groups, (some, examples)):
            for r in slices(m, height):
                rows = view[:, :, r.start * b : (r.stop - 1) * b + size]
                start, stop = (results.start + k * results.step for k in (r.start, r.stop - 1))
                lines = slice(start, stop + 1, results.step)
                for c in slices(windows[1][1], places):
                    seen = rows[:, :, :, c]
                    if seen.shape != shape:
                        shape = seen.shape
                        block, left = strip_buffer(shape, columns, first)
                    block[...] = seen
                    yield g, (n, lines, c), left


def strip_buffer(
    shape: tuple[int, ...], columns: np.ndarray, first: Window
) -> tuple[np.ndarray, np.ndarray]:
    """Strips for windows ``[G, N, rows, *result, 1, *window, S]``, and a view of their windows."""
    groups, count, rows, *others = shape
    rank, (_, _, size, _, _, b, _) = len(others) // 2, first
    flat = columns[: product(shape)].reshape(groups, count, *others[: rank - 1], rows, -1)
    block = flat.reshape(*flat.shape[:-1], *others[rank - 1 :])
    block = block.transpose(0, 1, 1 + rank, *range(2, 1 + rank), *range(2 + rank, block.ndim))
    flat = flat.reshape(groups, count, -1, rows, flat.shape[-1])
    g, n, place, row, item = flat.strides
    m = (rows - size) // b + 1
    seen = (groups, count, m, flat.shape[2], size * flat.shape[-1])
    return block, view_of(flat, seen, (g, n, b * row, place, item))
