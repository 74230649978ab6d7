"""Convolutions with 3 x 3 kernels by Winograd's F(2 x 2, 3 x 3): 16 products for 36.

Plain functions of NumPy arrays, in the layouts of ``im2col.py``. Along one axis, two results of
the elements d0 to d3 of a source and the kernel (g0, g1, g2) are m0 + m1 + m2 and m1 - m2 - m3,
where m0 = (d0 - d2) g0, m1 = (d1 + d2) (g0 + g1 + g2) / 2, m2 = (d2 - d1) (g0 - g1 + g2) / 2 and
m3 = (d1 - d3) g2. No element outside of its window is in a result. An infinite one would be nan:
``winograd`` then writes nothing, and says so.
Source: Lavin & Gray 2015, section 4.1 (arXiv:1509.09308).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .products import factors_of, kernel_blocks
from .windows import LINE, Window, aligned, product, slices

TILES = 1 << 15  # elements of a block of the padded source: 128 kB in float32, of 8 such buffers
FEW_TILES = 96  # fewer rows of a product are slower
CHANNELS, LEAST_TILES = 96, 120  # with fewer, the sums take longer than the products they save
WASTED = 8  # tiles at the ends drop at most one result in so many
LARGEST_NORM = 10**36  # no sum of products overflows whose squared norms have a smaller product


def in_tiles(
    count: int, windows: Sequence[Window], s: int, t: int, groups: int, dtype: np.dtype
) -> bool:
    """Whether tiles are cheaper than windows, for so many channels and results."""
    if dtype.char not in "fd" or groups > 1 or len(windows) != 2:
        return False
    if any((a[2], a[3], a[5], abs(a[6])) != (3, 1, 1, 1) for a in windows):
        return False
    tiles = count * product([-(-a[1] // 2) for a in windows])
    dropped = 4 * tiles - count * product([a[1] for a in windows])  # results of tiles at the end
    return min(s, t) >= CHANNELS and tiles >= LEAST_TILES and dropped * WASTED <= 4 * tiles


def tile_blocking(count: int, windows: Sequence[Window], channels: int) -> tuple[int, int]:
    """The numbers of examples, and of rows of tiles, of a block."""
    rows, columns = (-(-a[1] // 2) for a in windows)
    size = 4 * (columns + 1) * channels
    if (rows + 1) * size <= TILES or rows * columns <= FEW_TILES:
        return min(
            count, max(TILES // ((rows + 1) * size), -(-FEW_TILES // (rows * columns)))
        ), rows
    return 1, min(rows, max(TILES // size - 1, -(-FEW_TILES // columns)))


def tile_sizes(count: int, windows: Sequence[Window], s: int, t: int) -> tuple[int, ...]:
    """The sizes of the buffers of ``winograd``: sources, their sums, the kernel, products."""
    examples, rows = tile_blocking(count, windows, max(s, t))
    columns = -(-windows[1][1] // 2)
    place = examples * rows * columns
    padded = examples * (rows + 1) * (columns + 1) * s * 4
    sums = 8 * examples * rows * (columns + 1) * s
    kernel = 16 * s * product(kernel_blocks(s, t))
    return (
        16 * place * s,
        max(padded + sums, 8 * place * t),
        kernel + LINE,
        max(16 * place * t, 16 * s * t),
    )


def tile_plan(scratch: Any, count: int, windows: Sequence[Window], s: int, t: int) -> Any:
    """The sums that make the kernel; for each block its sources, sums, products and results."""
    *_, weights, flat = scratch
    blocks, width = kernel_blocks(s, t)
    kernel = aligned(weights, 16 * blocks * s * width).reshape(16, blocks, s, width)
    kernel = kernel[..., : t // blocks]
    views = flat[: 12 * s * t].reshape(4, 3, s, t), flat[12 * s * t : 16 * s * t]
    made: dict[tuple[int, ...], Any] = {}
    plans = []
    for n, r, shape in tile_blocks(count, windows, max(s, t)):
        if shape not in made:
            made[shape] = tile_steps(scratch, shape, kernel, s, t)
        base, steps, factors, sums, last = made[shape]
        loads, results = tile_loads(base, n, r, windows), tile_results(last, n, r, windows)
        plans.append((base.reshape(-1), loads, steps, factors, sums, results))
    return (*views, kernel), plans


def tile_blocks(
    count: int, windows: Sequence[Window], channels: int
) -> Iterator[tuple[slice, slice, tuple[int, int, int]]]:
    """Of each block its examples, its rows of tiles, and the shape of its tiles."""
    examples, height = tile_blocking(count, windows, channels)
    rows, width = (-(-a[1] // 2) for a in windows)
    for n in slices(count, examples):
        for r in slices(rows, height):
            yield n, r, (r.stop - r.start, n.stop - n.start, width)


def tile_loads(base: np.ndarray, n: slice, r: slice, windows: Any) -> list[Any]:
    """For each residue of rows and columns the place of a part of the source, and its index."""
    found = []
    for i in (0, 1):
        for j in (0, 1):
            index, places = [n], []
            parts = ((r.start, r.start + base.shape[2], i), (0, base.shape[4], j))
            for (start, stop, k), (length, _, _, _, off, *_) in zip(parts, windows, strict=True):
                low = max(start, -((k - off) // 2))
                high = max(low, min(stop, -((k - off - length) // 2)))
                index.append(slice(2 * low + k - off, 2 * high + k - off, 2))
                places.append(slice(low - start, high - start))
            if all(p.start < p.stop for p in places):
                place = base[i, j, places[0], :, places[1]]
                found.append((place.swapaxes(0, 1), tuple(index)))
    return found


def tile_results(last: Any, n: slice, r: slice, windows: Any) -> list[Any]:
    """The last sums, and the index of their results."""
    (_, rows, *_), (_, columns, *_) = windows
    found = []
    for i, (function, a, b) in enumerate(last):
        for j in (0, 1):
            height, width = min(r.stop, (rows + 1 - i) // 2) - r.start, (columns + 1 - j) // 2
            index = (
                n,
                slice(2 * r.start + i, 2 * (r.start + height) + i - 1, 2),
                slice(j, None, 2),
            )
            if height > 0 and width:
                x, y = (z[j, :height, :, :width].swapaxes(0, 1) for z in (a, b))
                found.append((function, x, y, index))
    return found


def tile_sums(
    columns: np.ndarray, padded: np.ndarray, shape: tuple[int, ...], s: int
) -> tuple[Any, ...]:
    """The padded source of tiles of a shape, sums of it, and the place of the last."""
    rows, count, width = shape
    size = 4 * (rows + 1) * count * (width + 1) * s
    base = padded[:size].reshape(2, 2, rows + 1, count, width + 1, s)  # two residues of each axis
    half = (4, 2, rows, count, width + 1, s)
    once = padded[size : size + product(half)].reshape(half)
    both = columns[: 16 * product(shape) * s].reshape(4, 4, *shape, s)
    d0, d1, d2, d3 = base[0][:, :-1], base[1][:, :-1], base[0][:, 1:], base[1][:, 1:]
    e0, e1 = once[:, 0, ..., :-1, :], once[:, 1, ..., :-1, :]
    e2, e3 = once[:, 0, ..., 1:, :], once[:, 1, ..., 1:, :]
    steps = []
    for (a, b, c, d), z in (((d0, d1, d2, d3), once), ((e0, e1, e2, e3), both.swapaxes(0, 1))):
        steps += [(np.subtract, a, c, z[0]), (np.add, b, c, z[1])]
        steps += [(np.subtract, c, b, z[2]), (np.subtract, b, d, z[3])]
    return base, steps, both


def tile_steps(scratch: Any, shape: Any, kernel: np.ndarray, s: int, t: int) -> tuple[Any, ...]:
    """The padded source of tiles of a shape, the sums of it, products, and sums of these."""
    columns, padded, _, flat = scratch
    base, steps, both = tile_sums(columns, padded, shape, s)
    terms = flat[: 16 * product(shape) * t].reshape(4, 4, *shape, t)
    along = padded[: 8 * product(shape) * t].reshape(4, 2, *shape, t)
    left, right = both.reshape(16, -1, s), terms.reshape(16, -1, t)
    first, second = along[:, 0], along[:, 1]
    sums = [
        (np.add, terms[:, 0], terms[:, 1], first),
        (np.add, first, terms[:, 2], first),
        (np.subtract, terms[:, 1], terms[:, 2], second),
        (np.subtract, second, terms[:, 3], second),
        (np.add, along[0], along[1], along[0]),
        (np.subtract, along[1], along[2], along[1]),
    ]
    last = [(np.add, along[0], along[2]), (np.subtract, along[1], along[3])]
    return base, steps, factors_of(left, kernel, right), sums, last


def transform_kernel(w: np.ndarray, rows: np.ndarray, half: np.ndarray, kernel: np.ndarray) -> None:
    """The kernel ``[3, 3, S, T]`` as 16 matrices, in blocks of results."""
    *_, s, t = w.shape
    rows[0], rows[1], rows[3] = w
    three = half[: 3 * s * t].reshape(3, s, t)
    np.add(rows[0], rows[3], out=three)
    np.subtract(three, rows[1], out=rows[2])
    np.add(three, rows[1], out=rows[1])
    np.multiply(rows[1:3], 0.5, out=rows[1:3])
    blocks = kernel.shape[1]
    places = kernel.reshape(4, 4, *kernel.shape[1:]).swapaxes(0, 1)
    g0, g1, g2 = rows.reshape(4, 3, s, blocks, -1).transpose(1, 0, 3, 2, 4)
    four = half.reshape(4, s, blocks, -1).transpose(0, 2, 1, 3)
    places[0], places[3] = g0, g2
    np.add(g0, g2, out=four)
    np.add(four, g1, out=places[1])
    np.subtract(four, g1, out=places[2])
    np.multiply(places[1:3], 0.5, out=places[1:3])


def winograd(x: np.ndarray, w: np.ndarray, out: np.ndarray, plan: Any) -> bool:
    """Write the convolution into ``out``; False where an element is infinite, nan, or too large."""
    (rows, half, kernel), blocks = plan
    transform_kernel(w, rows, half, kernel)
    flat = rows.reshape(-1)
    limit = float(np.dot(flat, flat))
    for base, loads, steps, factors, sums, results in blocks:
        base.fill(0)
        for place, index in loads:
            place[...] = x[index]
        if not float(np.dot(base, base)) * limit < LARGEST_NORM:
            return False
        for function, a, b, z in steps:
            function(a, b, out=z)
        for operands in factors:
            np.matmul(*operands)
        for function, a, b, z in sums:
            function(a, b, out=z)
        for function, a, b, index in results:
            function(a, b, out=out[index])
    return True
