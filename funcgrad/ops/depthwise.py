"""Convolutions of each channel with its own kernel: sums of products by einsum, without a matrix.

Few channels, and large kernels, take products with banded matrices (``bands.py``), where all
elements are finite.

Plain functions of NumPy arrays ``x [N, *source, C]``, ``w [*window, 1, C]``, ``y [N, *result, C]``.
einsum multiplies and adds in one pass over its innermost axis: here a piece of the last spatial
axis with all its channels, along which the kernel is repeated.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .bands import Band, band_sizes, convolve_bands, correlate_bands, in_bands
from .windows import Window, extents, overlap, product, slices, view_of

# a view of windows [N, *rows, pieces, *window, piece], the index of its elements of the kernel
Views: TypeAlias = Iterator[tuple[slice, list[tuple[slice, np.ndarray]]]]

SOURCE = 1 << 17  # elements of a block of the padded source
PIECE = 1 << 11  # elements of the innermost loop: three rows of them stay in the L1 cache


def piece_of(length: int, channels: int) -> int:
    """The greatest divisor of the length for which a piece with all channels is short enough."""
    piece = length
    while piece > 1 and (length % piece or piece * channels > PIECE):
        piece -= 1
    return max(1, piece)


def padded_shape(windows: Sequence[Window], channels: int) -> tuple[int, ...]:
    """The shape of one padded example: the last spatial axis is split by its stride."""
    *lengths, last = extents(windows)
    stride = windows[-1][5]
    return (*lengths, stride, -(-last // stride), channels)


def examples_of(count: int, windows: Sequence[Window], channels: int) -> int:
    """The number of examples in a block."""
    return min(count, max(1, SOURCE // max(1, product(padded_shape(windows, channels)))))


def depthwise_sizes(count: int, windows: Sequence[Window], channels: int) -> tuple[int, ...]:
    """The sizes of the padded source, the repeated kernel, a block of results, and its terms."""
    examples = examples_of(count, windows, channels)
    result = examples * product([w[1] for w in windows]) * channels
    wide = product([w[2] for w in windows]) * piece_of(windows[-1][1], channels) * channels
    sizes = examples * product(padded_shape(windows, channels)), wide, result, result
    if not in_bands(windows, channels):
        return sizes
    return tuple(map(max, sizes, band_sizes(count, windows, channels)))


def padded_views(x: np.ndarray, padded: np.ndarray, windows: Sequence[Window]) -> Views:
    """For each block of examples, and each class of the elements of the kernel, their windows.

    Elements of the kernel are in one class along the last axis if their places differ by a
    multiple of the stride: the windows of each class are then contiguous.
    """
    channels, (*_, (_, m, size, _, _, b, step)) = x.shape[-1], windows
    examples = examples_of(len(x), windows, channels)
    shape = (examples, *padded_shape(windows, channels))
    base = padded[: product(shape)].reshape(shape)
    base.fill(0)
    jump, piece = b // int(np.gcd(b, step)), piece_of(m, channels)
    rows, item = base.strides[1:-3], base.strides[-1]
    along = [w[5] * k for w, k in zip(windows, rows, strict=False)]
    window = [w[6] * k for w, k in zip(windows, rows, strict=False)]
    views = []
    for k in range(min(jump, size)):
        start = base[..., k * step % b, k * step // b :, :]
        taken = -((k - size) // jump)
        shape = (examples, *(w[1] for w in windows[:-1]), m // piece,
                 *(w[2] for w in windows[:-1]), taken, piece * channels)  # fmt: skip
        strides = (base.strides[0], *along, piece * channels * item,
                   *window, jump * step // b * channels * item, item)  # fmt: skip
        views.append((slice(k, None, jump), view_of(start, shape, strides)))
    copies = list(split_by_stride(base, x, windows))
    for n in slices(len(x), examples):
        for place, part in copies:
            place[: n.stop - n.start] = part[n]
        yield n, [(k, view[: n.stop - n.start]) for k, view in views]


def split_by_stride(
    base: np.ndarray, x: np.ndarray, windows: Sequence[Window]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Views of the padded source, and the part of the source that goes there."""
    take, put = overlap(windows)
    *_, (*_, stride, _) = windows
    lead, last = (slice(None), *put[:-1]), put[-1]
    source = x[(slice(None), *take)]
    for k in range(min(stride, last.stop - last.start)):
        place, phase = divmod(last.start + k, stride)
        part = source[..., k::stride, :]
        yield base[(*lead, phase, slice(place, place + part.shape[-2]))], part


def convolve_depthwise(
    x: Any, w: Any, out: Any, scratch: Any, windows: Any, band: Band | None
) -> None:
    """Write the convolution of each channel into ``out``; ``band``: see ``band_plan``."""
    padded, wide, flat, terms = scratch
    rank, channels = len(windows), x.shape[-1]
    if band is not None and convolve_bands(x, w, out, scratch, windows, band):
        return
    piece = piece_of(windows[-1][1], channels)
    rows, window = list(range(rank + 1)), list(range(rank + 1, 2 * rank + 1))
    inner = 2 * rank + 1
    wide = wide[: product(w.shape[:rank]) * piece * channels]
    wide = wide.reshape(*w.shape[:rank], piece, channels)
    wide[...] = w
    wide = wide.reshape(*w.shape[:rank], piece * channels)
    for n, views in padded_views(x, padded, windows):
        block = out[n]
        y = block if block.flags.c_contiguous else flat[: block.size].reshape(block.shape)
        y = y.reshape(*block.shape[:rank], -1, piece * channels)
        for i, (k, view) in enumerate(views):
            term = terms[: y.size].reshape(y.shape) if i else y
            factor = wide[(slice(None),) * (rank - 1) + (k,)]
            labels = [*rows, *window, inner]
            np.einsum(view, labels, factor, [*window, inner], [*rows, inner], out=term)
            if i:
                y += term
        if not block.flags.c_contiguous:
            block[...] = y.reshape(block.shape)


def correlate_depthwise(
    x: Any, y: Any, scratch: Any, windows: Any, band: Band | None
) -> np.ndarray:
    """The cotangent of the kernel, ``[*window, C]``; ``band``: see ``band_plan``."""
    padded, wide, flat, _ = scratch
    rank, channels = len(windows), x.shape[-1]
    sums = None if band is None else correlate_bands(x, y, scratch, windows, band)
    if sums is not None:
        return sums
    piece, sizes = piece_of(windows[-1][1], channels), [w[2] for w in windows]
    rows = list(range(rank + 2))
    wide = wide[: product(sizes) * piece * channels].reshape(*sizes, piece * channels)
    wide.fill(0)
    for n, views in padded_views(x, padded, windows):
        block = y[n]
        if not block.flags.c_contiguous:
            copy = flat[: block.size].reshape(block.shape)
            copy[...] = block
            block = copy
        block = block.reshape(*block.shape[:rank], -1, piece * channels)
        for k, view in views:
            total = wide[(slice(None),) * (rank - 1) + (k,)]
            # one element of the window at a time: its sums stay in the L1 cache
            for i in np.ndindex(total.shape[:-1]):
                seen = view[(slice(None),) * (rank + 1) + i]
                total[i] += np.einsum(seen, rows, block, rows, rows[-1:])
    return np.add.reduce(wide.reshape(*sizes, piece, channels), axis=-2)
