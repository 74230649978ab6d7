"""Convolutions of each channel with its own kernel, by products with banded matrices.

Plain functions of NumPy arrays ``x [N, *source, C]``, ``w [*window, 1, C]``, ``y [N, *result, C]``.
B neighbouring results along the last axis are one row of a product: of the elements of the source
in any of their windows, and a matrix whose columns hold the kernel, each farther down by a stride.
A kernel of K elements so takes (B + K) / B copies for each result, and no pass for each element.

Zeros of the matrix meet elements outside of a window. If one is infinite they would be nan, and
the functions write nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .patches import blocking
from .products import is_finite
from .windows import Window, extents, padded_sources, product, slices, view_of

# the width B, and the windows of rows of B results
Band: TypeAlias = tuple[int, tuple[Window, ...]]

BLOCK = 1 << 16  # elements of a block of windows
FEWEST_RESULTS = 4  # results along the last axis
# costs, about 10 ps: of a copy, a multiplication, a result whose channels are last, an element of
# the kernel in ``depthwise.py`` with enough channels; with fewer the double, with one far more
COPY, MULTIPLICATION, TRANSPOSED, EINSUM, ENOUGH = 100, 6, 200, 35, 8


def in_bands(windows: Sequence[Window], channels: int) -> bool:
    """Whether such products are cheaper than einsum, and the kernel has more than one element."""
    m, size = windows[-1][1:3]
    if size == 1 or m < FEWEST_RESULTS:
        return False
    if channels == 1:
        return True
    einsum = EINSUM * product([w[2] for w in windows]) * (1 if channels >= ENOUGH else 2)
    bands = product([w[2] for w in windows[:-1]]) * band_of(windows)[0]
    return TRANSPOSED * m + bands < einsum * m


def band_plan(windows: Sequence[Window], channels: int, dtype: np.dtype) -> Band | None:
    """The band, if products of matrices by BLAS are cheaper than einsum."""
    if dtype.char not in "fdFD" or not in_bands(windows, channels):
        return None
    return band_of(windows)[1:]


def band_of(windows: Sequence[Window]) -> tuple[int, int, tuple[Window, ...]]:
    """The cost along the last axis, the width B of the band, and the windows of rows of results."""
    *rest, (n, m, size, _, off, b, step) = windows
    reach = lambda width: (width - 1) * b + (size - 1) * step + 1
    cost = lambda width: -(-m // width) * reach(width) * (COPY + MULTIPLICATION * width)
    width = min((8, 16, 32, 64), key=cost)
    wide = (n, -(-m // width), reach(width), 1, off, b * width, 1)
    return cost(width), width, (*rest, wide)


def blocking_of_bands(count: int, wide: Sequence[Window], channels: int) -> tuple[int, int, int]:
    """The numbers of channels, of examples, and of rows along the first axis, of a block."""
    lengths, size = [w[1] for w in wide], product([w[2] for w in wide])
    return blocking(count, lengths, size, BLOCK, channels)


def band_sizes(count: int, windows: Sequence[Window], channels: int) -> tuple[int, ...]:
    """The sizes of a block of windows, its padded source, the matrices, and a block of results."""
    _, width, wide = band_of(windows)
    size = product([w[2] for w in wide])
    some, examples, rows = blocking_of_bands(count, wide, channels)
    places = some * examples * rows * product([w[1] for w in wide[1:]])
    padded = some * examples * product(extents(wide))
    return places * size, padded, channels * size * width, places * width


def diagonals(matrix: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """The places ``[C, *window, B]`` of the kernels in the matrices ``[C, *window, reach, B]``."""
    *_, (_, _, size, _, _, b, step) = windows
    *strides, down, along = matrix.strides
    shape = (*matrix.shape[:-2], size, matrix.shape[-1])
    return view_of(matrix, shape, (*strides, step * down, b * down + along))


def blocks_in_bands(
    x: Any, y: Any, scratch: Any, width: int, wide: Sequence[Window]
) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each block its channels, windows ``[C, P, K]``, results in ``y``, and rows for these."""
    columns, padded, _, flat = scratch
    channels, rank = x.shape[-1], len(wide)
    some, examples, height = blocking_of_bands(len(x), wide, channels)
    for g, n, view in padded_sources(x, padded, wide, channels, (some, examples)):
        for r in slices(wide[0][1], height):
            part = view[:, :, r]
            left = columns[: part.size]
            left.reshape(part.shape)[...] = part
            along = slice(r.start * width, r.stop * width) if rank == 1 else r
            results = y[n, along, ..., g]
            results = results.transpose(rank + 1, *range(rank + 1))
            places = product(part.shape[1 : rank + 2])
            rows = flat[: len(part) * places * width].reshape(*results.shape[:-1], -1)
            yield g, left.reshape(len(part), places, -1), results, rows


def convolve_bands(
    x: Any, w: Any, out: Any, scratch: Any, windows: Sequence[Window], band: Band
) -> bool:
    """Write the convolution into ``out``, if the operands are finite; whether they are."""
    if not (is_finite(x) and is_finite(w)):
        return False
    width, wide = band
    channels, sizes = x.shape[-1], [a[2] for a in wide]
    matrix = scratch[2][: channels * product(sizes) * width].reshape(channels, *sizes, width)
    matrix.fill(0)
    kernel = w[..., 0, :]
    diagonals(matrix, windows)[...] = kernel.transpose(len(wide), *range(len(wide)))[..., None]
    matrix = matrix.reshape(channels, -1, width)
    for g, left, results, rows in blocks_in_bands(x, out, scratch, width, wide):
        np.matmul(left, matrix[g], out=rows.reshape(*left.shape[:2], width))
        results[...] = rows[..., : results.shape[-1]]
    return True


def correlate_bands(
    x: Any, y: Any, scratch: Any, windows: Sequence[Window], band: Band
) -> np.ndarray | None:
    """The cotangent of the kernel, ``[*window, C]``, if the operands are finite."""
    if not (is_finite(x) and is_finite(y)):
        return None
    width, wide = band
    channels, sizes = x.shape[-1], [a[2] for a in wide]
    matrix = scratch[2][: channels * product(sizes) * width].reshape(channels, -1, width)
    matrix.fill(0)
    for g, left, results, rows in blocks_in_bands(x, y, scratch, width, wide):
        rows[..., : results.shape[-1]] = results
        rows[..., results.shape[-1] :] = 0
        matrix[g] += left.swapaxes(1, 2) @ rows.reshape(*left.shape[:2], width)
    sums = diagonals(matrix.reshape(channels, *sizes, width), windows)
    return np.moveaxis(np.add.reduce(sums, axis=-1), 0, -1)
