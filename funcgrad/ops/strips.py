"""Convolutions by products of matrices, without copies along the first spatial axis.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``. The windows along the other axes
are copied into ``[rows, N, positions, window * S]``, rows of the padded source whose numbers have
one residue modulo the stride. The rows that an element of the first axis of the window meets then
follow each other: they are a matrix without another copy, and one product for each element.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .windows import Window, extents, overlap, product, slices, windows_on

Copies: TypeAlias = list[tuple[np.ndarray, np.ndarray]]  # places, and their sources
# copies of strips, a matrix for each element of the window along the first axis, and the index of
# groups, rows, examples and columns of the result
Block: TypeAlias = tuple[Copies, list[np.ndarray], tuple[slice, ...]]
# the place of a source, the index of its groups and examples, and its blocks
Load: TypeAlias = tuple[np.ndarray, tuple[slice, slice], list[Block]]

STRIP = 1 << 16  # elements of a block of strips: 256 kB in float32, an eighth of the L2 cache


def strip_windows(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The windows of the strips: one element along the first axis, at each row."""
    n, m, size, _, off, b, step = windows[0]
    return ((n, (m - 1) * b + (size - 1) * step + 1, 1, 1, off, 1, 1), *windows[1:])


def residues(first: Window) -> list[int]:
    """The residues modulo the stride of the rows that the windows meet."""
    _, _, size, _, _, b, step = first
    return sorted({k * step % b for k in range(size)})


def strip_blocking(
    count: int, windows: Sequence[Window], s: int, groups: int, limit: int
) -> tuple[int, int, int, int]:
    """The numbers of groups, examples, rows and columns of the result in a block."""
    (_, m, size, _, _, b, step), (_, columns, *_), *others = windows
    more, found = (size - 1) * step // b, len(residues(windows[0]))  # rows beyond the result's
    unit = s * product([w[2] for w in windows[1:]]) * product([w[1] for w in others]) * found
    whole = max(1, (m + more) * columns * unit)
    if groups * whole <= limit:
        return groups, min(count, limit // (groups * whole)), m, columns
    if whole <= limit:
        return limit // whole, 1, m, columns
    least = min(m, max(1, 2 * more))  # rows at the ends are copied twice
    columns = min(columns, max(1, limit // (unit * (least + more))))
    return 1, 1, min(m, max(least, limit // (columns * unit) - more)), columns


def strip_sizes(
    count: int, windows: Sequence[Window], s: int, groups: int, limit: int
) -> tuple[int, ...]:
    """The sizes of a block of strips and of its padded source, and its number of positions."""
    (_, _, size, _, _, b, step), _, *others = windows
    some, examples, rows, columns = strip_blocking(count, windows, s, groups, limit)
    length = len(residues(windows[0])) * (rows + (size - 1) * step // b)
    place = some * examples * columns * product([w[1] for w in others])
    padded = some * examples * product(extents(strip_windows(windows))) * s
    return place * length * product([w[2] for w in windows[1:]]) * s, padded, place * rows


def strips(
    columns: np.ndarray, padded: np.ndarray, count: int, windows: Sequence[Window],
    s: int, groups: int, limit: int,
) -> tuple[np.ndarray, list[Load]]:  # fmt: skip
    """The padded source, to be filled with zeros, and what is copied for each block.

    Matrices are ``[G, positions, window * S]``: views of strips. Positions are rows, then examples,
    then columns. They are the same objects for blocks of one shape.
    """
    (_, m, size, _, _, b, step), (_, width, *_), *_ = windows
    some, examples, height, places = strip_blocking(count, windows, s, groups, limit)
    one, reach = strip_windows(windows), (size - 1) * step + 1
    shape = (some, examples, *extents(one), s)
    base = padded[: product(shape)].reshape(shape)
    inner, view = base[(slice(None), slice(None), *overlap(one)[1])], windows_on(base, one)
    made: dict[tuple[int, ...], Any] = {}
    loads: list[Load] = []
    for g in slices(groups, some):
        for n in slices(count, examples):
            lead = (slice(g.stop - g.start), slice(n.stop - n.start))
            found: list[Block] = []
            for r in slices(m, height):
                rows = view[(*lead, slice(r.start * b, (r.stop - 1) * b + reach))]
                for c in slices(width, places):
                    seen = rows[:, :, :, c]
                    if seen.shape not in made:
                        made[seen.shape] = strip_buffer(seen.shape, columns, windows[0])
                    blocks, matrices = made[seen.shape]
                    copies = [in_runs(block, seen[:, :, k::b]) for k, block in blocks]
                    found.append((copies, matrices, (g, r, n, c)))
            loads.append((inner[lead], (g, n), found))
    return base, loads


def in_runs(to: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Views of two arrays whose elements are the contiguous runs at the end: faster to copy."""
    size, axes = 1, 0
    for k, a, b in zip(to.shape[::-1], to.strides[::-1], source.strides[::-1], strict=True):
        if k > 1 and not a == b == size * to.itemsize:
            break
        size, axes = size * k, axes + 1
    if size == 1:
        return to, source
    kind, lead = f"V{size * to.itemsize}", to.shape[: to.ndim - axes]
    first, second = (z.reshape(*lead, size).view(kind)[..., 0] for z in (to, source))
    return first, second


def source_by_groups(x: np.ndarray, windows: Sequence[Window], groups: int) -> np.ndarray:
    """The part of a source that windows meet, ``[G, N, *source, S]``."""
    x = x.reshape(*x.shape[:-1], groups, -1)
    x = x.transpose(x.ndim - 2, *range(x.ndim - 2), x.ndim - 1)
    return x[(slice(None), slice(None), *overlap(strip_windows(windows))[0])]


def strip_buffer(
    shape: tuple[int, ...], columns: np.ndarray, first: Window
) -> tuple[list[tuple[int, np.ndarray]], list[np.ndarray]]:
    """The places of windows ``[G, N, rows, *result, 1, *window, S]``, and the matrices on them."""
    groups, count, rows, *others = shape
    _, _, size, _, _, b, step = first
    found, reach, inner = (
        residues(first),
        (size - 1) * step,
        product(others[len(others) // 2 - 1 :]),
    )
    m = (rows - 1 - reach) // b + 1
    whole = (groups, len(found), m + reach // b, count, *others)
    block = columns[: product(whole)].reshape(whole)
    blocks = [(k, block[:, i, : -((k - rows) // b)].swapaxes(1, 2)) for i, k in enumerate(found)]
    matrices = []
    for k in range(size):
        part = block[:, found.index(k * step % b), k * step // b : k * step // b + m]
        matrices.append(part.reshape(groups, -1, inner))
    return blocks, matrices


def by_rows(y: np.ndarray, groups: int) -> np.ndarray:
    """Results ``[N, rows, *result, G*T]`` as ``[G, rows, N, *result, T]``."""
    y = y.reshape(*y.shape[:-1], groups, -1)
    return y.transpose(y.ndim - 2, 1, 0, *range(2, y.ndim - 2), y.ndim - 1)
