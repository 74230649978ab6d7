"""The windows of convolutions, copied in blocks into the rows of matrices.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``. With few channels the positions
are last, so that copies run along the last spatial axis. It is then split by its stride: elements
of the window whose distance is a multiple of the stride are in one class, and contiguous.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .windows import Window, extents, overlap, padded_sources, product, slices, view_of

Patches: TypeAlias = Iterator[tuple[slice, tuple[slice, ...], np.ndarray]]
# a class of elements of the window along the last axis, and [G, N, *window, S, *result]
Classes: TypeAlias = list[tuple[slice, np.ndarray]]

SHORT = 32  # elements of a row whose copies take long for their number
FEW_CHANNELS = 8  # with fewer channels the copies run along the last spatial axis


def blocking(
    count: int, lengths: Sequence[int], size: int, limit: int, groups: int
) -> tuple[int, int, int]:
    """The numbers of groups, of examples and of rows in a block of windows of ``size`` elements."""
    rows, row = lengths[0], max(1, product(lengths[1:]) * size)
    if groups * rows * row <= limit:
        return groups, min(count, limit // max(1, groups * rows * row)), rows
    if rows * row <= limit:
        return limit // (rows * row), 1, rows
    return 1, 1, max(1, limit // row)


def is_matrix(x: np.ndarray) -> bool:
    """Whether each example is a matrix for BLAS: contiguous, or with the channels first."""
    strides = x.strides[1:-1]
    steps = [n * k for n, k in zip(x.shape[2:-1], strides[1:], strict=True)]
    return x.flags.c_contiguous or (list(strides[:-1]) == steps and strides[-1] == x.itemsize)


def patches(
    x: Any,
    columns: Any,
    padded: Any,
    windows: Any,
    groups: int,
    limit: int,
    dropped: bool = False,
) -> Patches:
    """The windows of each block as matrices ``[G, A, B, window * S]``, with A * B positions.

    A block is a slice of the groups, and the index of its examples and rows of the result. The
    matrices are views if the windows have one element and no stride, else in ``columns``.
    """
    count, s = len(x), x.shape[-1] // groups
    lengths, sizes = result_lengths(windows, dropped), [a[2] for a in windows]
    size, few = product(sizes) * s, s < FEW_CHANNELS
    some, examples, rows = blocking(count, lengths, size, limit, groups)
    if all(a == (a[0], a[0], 1, 1, 0, 1, a[6]) for a in windows) and is_matrix(x):
        for n in slices(count, examples):
            for r in slices(lengths[0], rows):
                part = x[n, r]
                part = part.reshape(len(part), -1, groups, s)
                if x.flags.c_contiguous:
                    part = part.reshape(1, -1, groups, s)
                yield slice(None), (n, r), part.transpose(2, 0, 1, 3)
        return
    if few:
        yield from plane_patches(
            x, columns, padded, windows, groups, (some, examples, rows), dropped
        )
        return
    shape: tuple[int, ...] = ()
    for g, n, view in padded_sources(x, padded, windows, groups, (some, examples)):
        for r in slices(lengths[0], rows):
            part = view[:, :, r]
            if part.shape != shape:
                shape = part.shape
                block = columns[: part.size].reshape(shape)
                left = block.reshape(len(block), 1, -1, size)
            block[...] = part
            yield g, (n, r), left


def plane_patches(
    x: Any,
    columns: Any,
    padded: Any,
    windows: Any,
    groups: int,
    blocking: tuple[int, int, int],
    dropped: bool,
) -> Patches:
    """The windows of each block on few channels, ``[G, N, B, window * S]``, with B positions."""
    rank, s, (some, examples, rows) = len(windows), x.shape[-1] // groups, blocking
    sizes, lengths = [w[2] for w in windows], result_lengths(windows, dropped)[1:]
    before, shape = (slice(None),) * (1 + rank), (0, 0, 0)
    for g, n, views in padded_planes(x, padded, windows, groups, (some, examples), dropped):
        for r in slices(windows[0][1], rows):
            sides = (g.stop - g.start, n.stop - n.start, r.stop - r.start)
            if sides != shape:
                shape = sides
                block = columns[: product((*sides, *sizes, s, *lengths))]
                left = block.reshape(*sides[:2], product(sizes) * s, -1).swapaxes(2, 3)
                block = block.reshape(*sides[:2], *sizes, s, sides[2], *lengths)
            for k, view in views:
                block[(*before, k)] = view[(*before, slice(None), slice(None), r)]
            yield g, (n, r), left


def drops_positions(windows: Sequence[Window], s: int, t: int) -> bool:
    """Whether whole padded rows are copied at once, and the products at their ends dropped.

    A copy starts anew in each row, for 5 ns; a dropped product is copied with the others.
    """
    if s >= FEW_CHANNELS or len(windows) < 2 or windows[-1][5] > 1 or windows[-2][5] > 1:
        return False
    return windows[-1][1] <= SHORT and product([w[2] for w in windows]) * s >= 4 * t


def result_lengths(windows: Sequence[Window], dropped: bool) -> list[int]:
    """The lengths of the result, of which the last may have the positions to be dropped."""
    lengths = [w[1] for w in windows]
    return [*lengths[:-1], *extents(windows[-1:])] if dropped else lengths


def plane_lengths(windows: Sequence[Window]) -> tuple[int, ...]:
    """The lengths of a padded plane, with the last axis split by its stride."""
    *lengths, last = extents(windows)
    stride = windows[-1][5]
    return (*lengths, stride, -(-last // stride))


def padded_planes(
    x: Any, padded: Any, windows: Any, groups: int, sizes: tuple[int, int], dropped: bool
) -> Iterator[tuple[slice, slice, Classes]]:
    """All windows on the source by classes, for each block of groups and examples."""
    rank, s = len(windows), x.shape[-1] // groups
    take, put = overlap(windows)
    lead, stride = (slice(None),) * 3, windows[-1][5]
    source = x.reshape(*x.shape[:-1], groups, s)
    source = source.transpose(rank + 1, 0, rank + 2, *range(1, rank + 1))[(*lead, *take)]
    shape = (*sizes, s, *plane_lengths(windows))
    flat = padded[: product(shape) + extents(windows[-1:])[0]]
    flat.fill(0)
    base = flat[: product(shape)].reshape(shape)
    views, parts = classes_on(flat, base.shape, base.strides, windows, dropped), []
    for k in range(min(stride, source.shape[-1])):
        place, phase = divmod(put[-1].start + k, stride)
        part = source[..., k::stride]
        inner = base[(*lead, *put[:-1], phase, slice(place, place + part.shape[-1]))]
        parts.append((inner, part))
    for g in slices(groups, sizes[0]):
        for n in slices(len(x), sizes[1]):
            some, count = g.stop - g.start, n.stop - n.start
            for inner, part in parts:
                inner[:some, :count] = part[g, n]
            yield g, n, [(k, view[:some, :count]) for k, view in views]


def classes_on(
    flat: np.ndarray, shape: Sequence[int], strides: Sequence[int], windows: Any, dropped: bool
) -> Classes:
    """Views of the windows on padded planes of this shape and these strides, by classes."""
    *_, (_, _, size, _, _, b, step) = windows
    jump, rows, item = b // int(np.gcd(b, step)), strides[3:-2], strides[-1]
    along = [w[5] * k for w, k in zip(windows, rows, strict=False)]
    window = [w[6] * k for w, k in zip(windows, rows, strict=False)]
    sizes, found = [w[2] for w in windows[:-1]], []
    for k in range(min(jump, size)):
        start = flat[k * step % b * shape[-1] + k * step // b :]
        seen = (*shape[:2], *sizes, -((k - size) // jump), shape[2],
                *result_lengths(windows, dropped))  # fmt: skip
        steps = (*strides[:2], *window, jump * step // b * item, strides[2], *along, item)
        found.append((slice(k, None, jump), view_of(start, seen, steps)))
    return found
