"""Products of matrices for convolutions, small enough that OpenBLAS packs no operand."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from .windows import aligned, product

Operands: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]  # two factors and the result
SumOfProducts: TypeAlias = tuple[Operands, np.ndarray, np.ndarray, np.ndarray]

# OpenBLAS packs no operand of products of so few multiplications: up to 1.6 times as fast with at
# most 64 columns, which therefore are a block
SMALL, FEW_RESULTS = 10**6, 64
TILE = 12  # rows of which a small product should have a multiple: up to 1.2 times as fast
LANES = 16  # elements of a row of the kernel are a multiple: 64 bytes in float32
FEWEST_ROWS, MOST_ROWS = 48, 192  # of small products whose sum is taken: other numbers are slower
MOST_RESULTS = 512  # rows of the result of a small product
MERGED = 16  # channels of groups that are merged: products of fewer take longer than all of these


def merged_groups(s: int, t: int, groups: int) -> int:
    """The number of groups of so few channels whose products are blocks of one matrix."""
    if s == t == 1:
        return 1
    count = max(1, min(groups, MERGED // max(s, t)))
    while groups % count:
        count -= 1
    return count


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


def kernel_matrices(
    sizes: Sequence[int], s: int, t: int, weights: np.ndarray, groups: int, taps: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Aligned matrices ``[taps, G, B, window * S, T/B]`` of a kernel, of B blocks of results.

    They are for all elements of the window, or for each of the first axis; and their view that
    ``kernel_by_blocks`` of the kernel is copied to.
    """
    inner = product(sizes) * s // taps
    count, width = kernel_blocks(inner, t)
    whole = aligned(weights, taps * groups * count * inner * width)
    whole = whole.reshape(taps, groups, count, inner, width)[..., : t // count]
    view = whole.reshape(taps, groups, count, *(sizes[1:] if taps > 1 else sizes), s, -1)
    order = (*range(3, view.ndim - 1), 1, 2, view.ndim - 1)
    return whole, view.transpose(0, *order) if taps > 1 else view[0].transpose(
        [k - 1 for k in order]
    )


def kernel_by_blocks(w: np.ndarray, groups: int, count: int) -> np.ndarray:
    """A kernel as ``[*window, S, G, B, T/B]``."""
    return w.reshape(*w.shape[:-1], groups, count, -1)


def write_kernel(w: np.ndarray, view: np.ndarray, groups: int, merged: int) -> None:
    """Copy a kernel to ``[*window, S, G, B, T/B]``, the groups that are merged on a diagonal."""
    if merged == 1:
        view[...] = kernel_by_blocks(w, groups, view.shape[-2])
        return
    s, t = w.shape[-2], w.shape[-1] // groups
    w = w.reshape(*w.shape[:-1], groups // merged, merged, t)
    view.fill(0)
    for k in range(merged):
        view[..., k * s : (k + 1) * s, :, 0, k * t : (k + 1) * t] = w[..., k, :]


def is_finite(x: np.ndarray) -> bool:
    """Whether all elements are finite, and their squares have a finite sum."""
    if x.dtype.kind not in "fc":
        return True
    flat, axes = x.reshape(-1) if x.flags.c_contiguous else None, list(range(x.ndim))
    total = np.einsum(x, axes, x, axes, []) if flat is None else np.dot(flat, flat)
    return bool(np.isfinite(total))


def grouped_kernel(w: np.ndarray, weights: np.ndarray, groups: int) -> np.ndarray:
    """A kernel as aligned matrices ``[G, B, window * S, T/B]``, of B blocks of results."""
    *sizes, s, channels = w.shape
    (matrices,), view = kernel_matrices(sizes, s, channels // groups, weights, groups)
    view[...] = kernel_by_blocks(w, groups, matrices.shape[1])
    return matrices


def factors_of(left: np.ndarray, matrix: np.ndarray, y: np.ndarray) -> list[Operands]:
    """Operands of products of ``left [G, *stack, rows, K]`` and ``matrix [G, B, K, T/B]``."""
    _, count, inner, columns = matrix.shape
    small, found = small_rows(left, count * columns), []
    for a, b in zip(cut(left, small), cut(y, small), strict=True):
        # all blocks of the kernel for some rows, then the next rows: the rows are in the L1 cache
        z = b.reshape(*b.shape[:-1], count, columns).swapaxes(-3, -2)
        ones = (1,) * (a.ndim - 3)
        found.append((a[..., None, :, :], matrix.reshape(len(a), *ones, count, inner, columns), z))
    return found


def small_rows(left: np.ndarray, results: int) -> int:
    """The rows of the parts into which products with ``left`` are cut, 0 for one part."""
    rows, small = left.shape[-2], min(rows_of_products(left.shape[-1], results), MOST_RESULTS)
    if not 0 < small < rows:
        return 0
    count = -(-rows // small)
    while rows % count and rows // count * 3 > small * 2:  # without a rest, if possible
        count += 1
    return small if rows % count else rows // count


def cut(z: np.ndarray, small: int) -> list[np.ndarray]:
    """An array ``[G, *stack, rows, columns]``, its rows cut into parts: a stack, and the rest."""
    if not small:
        return [z]
    whole = z.shape[-2] // small * small
    stack = z[..., :whole, :].reshape(*z.shape[:-2], -1, small, z.shape[-1])
    return [stack] if whole == z.shape[-2] else [stack, z[..., whole:, :]]


def blocks_of_sums(rows: int, columns: int) -> tuple[int, int]:
    """The numbers of equal blocks of rows and columns of a sum of small products of many terms."""
    count = blocks_of(rows, FEW_RESULTS)
    most = SMALL // (rows // count * (FEWEST_ROWS + 8 * TILE))
    if rows // count > FEW_RESULTS or most < FEWEST_ROWS:
        return 1, 1
    others = blocks_of(columns, most)
    return (count, others) if columns // others <= most else (1, 1)


def terms_of_sums(length: int, multiplications: int) -> int:
    """The terms of the parts into which products are cut whose sum is taken, 0 for one part."""
    small = min(SMALL // multiplications // TILE * TILE, MOST_ROWS)
    if not FEWEST_ROWS <= small < length:
        return 0
    count = -(-length // small)
    while length % count and length // count >= FEWEST_ROWS:  # without a rest, if possible
        count += 1
    return small if length % count else length // count


def sums_of(
    pair: tuple[np.ndarray, np.ndarray], total: np.ndarray, partial: np.ndarray
) -> list[SumOfProducts]:
    """Sums of products of ``[G, *stack, terms, A]``, transposed, and ``[G, *stack, terms, B]``.

    They are added to ``total [G, A, B]``, in blocks of rows and columns. Of each part: the
    operands of products, these and the place of their sum, and the total, by blocks.
    """
    (a, b), (groups, rows, columns) = pair, total.shape
    count, others = blocks_of_sums(rows, columns)
    small = terms_of_sums(a.shape[-2], rows // count * columns // others)
    shape, found = (count, others, rows // count, columns // others), []
    view = total.reshape(groups, count, shape[2], others, shape[3]).swapaxes(2, 3)
    place = partial[: total.size].reshape(groups, *shape)
    for left, right in zip(cut(a, small), cut(b, small), strict=True):
        stack, rank = left.shape[1:-2], left.ndim - 3
        stacked = range(rank + 1)
        left = left.reshape(*left.shape[:-1], count, 1, -1)
        left = left.transpose(*stacked, rank + 2, rank + 3, rank + 4, rank + 1)
        right = right.reshape(*right.shape[:-1], 1, others, -1)
        right = right.transpose(*stacked, rank + 2, rank + 3, rank + 1, rank + 4)
        terms = partial[total.size : (product(stack) + 1) * total.size]
        # the terms of a block follow each other: their sum stays in the L1 cache
        places = terms.reshape(groups, *shape[:2], *stack, *shape[2:])
        places = places.transpose(0, *range(3, 3 + rank), 1, 2, -2, -1)
        terms = terms.reshape(groups, *shape[:2], -1, *shape[2:])
        found.append(((left, right, places), terms, place, view))
    return found


def add_sums(sums: list[SumOfProducts]) -> None:
    """Multiply, and add the products to the total."""
    for operands, terms, place, total in sums:
        np.matmul(*operands)
        if terms.shape[3] > 1:
            np.add.reduce(terms, axis=3, out=place)
        else:
            place = terms[:, :, :, 0]
        np.add(total, place, out=total)
