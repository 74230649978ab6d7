"""Products of matrices for convolutions, small enough that OpenBLAS packs no operand."""

from typing import Any

import numpy as np

from .windows import aligned, product

# OpenBLAS packs no operand of products of so few multiplications: up to 1.6 times as fast with at
# most 64 columns, which therefore are a block
SMALL, FEW_RESULTS = 10**6, 64
TILE = 12  # rows of which a small product should have a multiple: up to 1.2 times as fast
LANES = 16  # elements of a row of the kernel are a multiple: 64 bytes in float32
FEWEST_ROWS, MOST_ROWS = 48, 192  # of small products whose sum is taken: other numbers are slower


def blocks_of(length: int, most: int) -> int:
    """The number of equal blocks of at most ``most`` columns, 1 if they were less than half."""
    count = -(-length // most)
    while length % count:
        count += 1
    return count if 2 * (length // count) >= most else 1


def rows_of_products(inner: int, results: int) -> int:
    """The rows of products without packed operands, 0 if packed ones are faster."""
    count = blocks_of(results, FEW_RESULTS)
    if results // count > FEW_RESULTS:
        return 0
    rows = SMALL // (inner * results // count) // TILE * TILE
    return rows if rows > TILE else 0


def kernel_blocks(inner: int, results: int) -> tuple[int, int]:
    """The number of blocks of results, and the length of a row of their matrices.

    In small products rows are aligned too: a tenth faster for numbers that 16 does not divide.
    """
    if not rows_of_products(inner, results):
        return 1, results
    count = blocks_of(results, FEW_RESULTS)
    return count, -(-results // (count * LANES)) * LANES


def grouped_kernel(w: np.ndarray, weights: np.ndarray, groups: int) -> np.ndarray:
    """The kernel as aligned matrices ``[G, B, window * S, T/B]``, of B blocks of results."""
    *sizes, s, channels = w.shape
    rank, t, inner = len(sizes), channels // groups, product(sizes) * s
    count, width = kernel_blocks(inner, t)
    whole = aligned(weights, groups * count * inner * width)
    copy = whole.reshape(groups, count, *sizes, s, width)[..., : t // count]
    split = w.reshape(*sizes, s, groups, count, -1)
    copy[...] = split.transpose(rank + 1, rank + 2, *range(rank + 1), rank + 3)
    return whole.reshape(groups, count, inner, width)[..., : t // count]


def small_rows(left: np.ndarray, results: int) -> int:
    """The rows of the parts into which products with ``left`` are cut, 0 for one part."""
    small = rows_of_products(left.shape[-1], results)
    return small if small < left.shape[-2] else 0


def cut(z: np.ndarray, small: int) -> list[np.ndarray]:
    """An array ``[G, *stack, rows, columns]``, its rows cut into parts: a stack, and the rest."""
    if not small:
        return [z]
    whole = z.shape[-2] // small * small
    stack = z[..., :whole, :].reshape(*z.shape[:-2], -1, small, z.shape[-1])
    return [stack] if whole == z.shape[-2] else [stack, z[..., whole:, :]]


def blocks_of_sums(size: int, results: int) -> int:
    """The number of equal blocks of the windows for which sums of small products have many rows."""
    most = SMALL // (results * (FEWEST_ROWS + 8 * TILE)) if results <= FEW_RESULTS else 0
    count = blocks_of(size, most) if most >= FEWEST_ROWS else 1
    return count if size // count <= most else 1


def rows_of_sums(rows: int, multiplications: int) -> int:
    """The rows of the parts into which products are cut whose sum is taken, 0 for one part."""
    small = min(SMALL // multiplications // TILE * TILE, MOST_ROWS)
    if not FEWEST_ROWS <= small < rows:
        return 0
    count = -(-rows // small)
    while rows % count and rows // count >= FEWEST_ROWS:  # without a rest, if possible
        count += 1
    return small if rows % count else rows // count


def add_products(a: Any, b: Any, total: np.ndarray, partial: np.ndarray) -> None:
    """Add products of ``a [G, *stack, rows, A]``, transposed, and ``b [G, *stack, rows, B]``.

    They are added to ``total [G, C, A, B/C]``, in C blocks of the columns of ``b``.
    """
    lead, rank, shape = a.shape[1:-2], a.ndim - 3, total.shape
    terms = partial[: (product(lead) + 1) * total.size].reshape(-1, *shape)
    places = terms[1:].reshape(*lead, *shape)
    places = places.transpose(rank, *range(rank), *range(rank + 1, rank + 4))
    columns = b.reshape(*b.shape[:-1], shape[1], shape[3]).swapaxes(-3, -2)
    np.matmul(a[..., None, :, :].swapaxes(-2, -1), columns, out=places)
    if len(terms) > 2:
        np.add.reduce(terms[1:], axis=0, out=terms[0])
    total += terms[int(len(terms) == 2)]
