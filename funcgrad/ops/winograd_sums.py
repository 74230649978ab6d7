"""The cotangent of a 3 x 3 kernel by Winograd's tiles: 16 sums of products for 36.

Plain functions of NumPy arrays, as ``winograd.py``, of which this is the transpose in the kernel:
along one axis the cotangents y0 and y1 of two results are those y0, y0 + y1, y0 - y1 and -y1 of m0
to m3, and u0 to u3, of the sums with d0 - d2 and so on, give those of the kernel: u0 + q, (u1 -
u2) / 2 and u3 + q, where q = (u1 + u2) / 2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .products import FEWEST_ROWS, add_sums, sums_of
from .windows import Window, product
from .winograd import LARGEST_NORM, tile_blocking, tile_blocks, tile_loads, tile_sums


def tile_sum_sizes(count: int, windows: Sequence[Window], s: int, t: int) -> tuple[int, ...]:
    """The sizes of the buffers of ``sum_over_tiles``."""
    examples, rows = tile_blocking(count, windows, max(s, t))
    columns = -(-windows[1][1] // 2)
    place = examples * rows * columns
    sources = 12 * examples * (rows + 1) * (columns + 1) * s
    total = 16 * s * t
    return 16 * place * s, sources, 28 * place * t, total, (place // FEWEST_ROWS + 3) * total


def tile_sum_plan(scratch: Any, count: int, windows: Any, s: int, t: int) -> tuple[Any, ...]:
    """The total; for each block its sources, cotangents, their sums, and products."""
    columns, padded, flat, total, partial = scratch
    total = total[: 16 * s * t].reshape(16, s, t)
    results = [(a[1], a[1], 1, 1, 0, 1, 1) for a in windows]
    made: dict[tuple[int, ...], Any] = {}
    plans = []
    for n, r, shape in tile_blocks(count, windows, max(s, t)):
        if shape not in made:
            base, steps, both = tile_sums(columns, padded, shape, s)
            y, more, right = result_sums(flat, shape, t)
            pair = both.reshape(16, -1, s), right.reshape(16, -1, t)
            made[shape] = base, y, steps, more, sums_of(pair, total, partial)
        base, y, *steps = made[shape]
        loads = tile_loads(base, n, r, windows), tile_loads(y, n, r, results)
        plans.append((base.reshape(-1), y.reshape(-1), *loads, *steps))
    half = partial[: 12 * s * t].reshape(3, 4, s, t), partial[12 * s * t : 16 * s * t]
    return total, half, plans


def result_sums(flat: np.ndarray, shape: tuple[int, ...], t: int) -> tuple[Any, ...]:
    """The place of cotangents of results, sums of these, and the place of the last."""
    size = product(shape) * t
    y = flat[: 4 * size].reshape(2, 2, *shape, t)
    once = flat[4 * size : 12 * size].reshape(4, 2, *shape, t)
    both = flat[12 * size : 28 * size].reshape(4, 4, *shape, t)
    steps: list[Any] = []
    for (a, b), z in ((y, once), (once.swapaxes(0, 1), both.swapaxes(0, 1))):
        steps += [(np.positive, (a,), z[0]), (np.add, (a, b), z[1])]
        steps += [(np.subtract, (a, b), z[2]), (np.negative, (b,), z[3])]
    return y, steps, both


def sum_over_tiles(x: np.ndarray, y: np.ndarray, out: np.ndarray, plan: Any) -> bool:
    """Write the cotangent of a kernel ``[3, 3, S, T]``; False where an element is not finite."""
    total, (half, rest), blocks = plan
    total.fill(0)
    for base, ct, loads, results, steps, more, sums in blocks:
        base.fill(0)
        ct.fill(0)
        for place, index in loads:
            place[...] = x[index]
        for place, index in results:
            place[...] = y[index]
        if not float(np.dot(base, base)) * float(np.dot(ct, ct)) < LARGEST_NORM:
            return False
        for function, a, b, z in steps:
            function(a, b, out=z)
        for function, operands, z in more:
            function(*operands, out=z)
        add_sums(sums)
    _, s, t = total.shape
    kernel_sums(total.reshape(4, 4, s, t), half, rest[: 4 * s * t].reshape(4, s, t))
    kernel_sums(half.swapaxes(0, 1), out.swapaxes(0, 1), rest[: 3 * s * t].reshape(3, s, t))
    return True


def kernel_sums(u: np.ndarray, g: np.ndarray, q: np.ndarray) -> None:
    """Four sums along the first axis to the three elements of a kernel."""
    np.subtract(u[1], u[2], out=g[1])
    np.multiply(g[1], 0.5, out=g[1])
    np.add(u[1], u[2], out=q)
    np.multiply(q, 0.5, out=q)
    np.add(u[0], q, out=g[0])
    np.add(u[3], q, out=g[2])
