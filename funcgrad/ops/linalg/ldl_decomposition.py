"""The steps of A = L D L* on whole matrices with masks, so that tracers take them too."""

from typing import Any

import numpy as np

from ..kernels import repeated
from .inverse import solve_p
from .schur_decompositions import INT, exchanged

GROWTH = (1 + 17**0.5) / 8  # the ratio of Bunch and Kaufman, which bounds elements of the rest


def size_of(x: Any) -> Any:
    return np.abs(x.real) + np.abs(x.imag)


def ldl_of(rest: Any, conjugate: bool) -> tuple[Any, Any, Any]:
    """The triangular factor, the blocks and the order of rows, of a stack of whole matrices."""
    n = rest.shape[-1]
    places, unit = np.arange(n), np.eye(2, dtype=bool)

    def step(k: Any, rest: Any, factor: Any, blocks: Any, order: Any, done: Any) -> Any:
        other, two = _pivot(rest, k)
        two = two & ~done
        last = np.where(two, k + 1, k)
        here, there = places == last[..., None], places == np.where(done, last, other)[..., None]
        swap = lambda x: exchanged(x, here, there)
        rows = lambda x: exchanged(x.mT, here[..., None, :], there[..., None, :]).mT
        rest = rows(exchanged(rest, here[..., None, :], there[..., None, :]))
        factor = np.where(places < k, rows(factor), factor)
        order = swap(order)
        inner = ((places == k) | (two[..., None] & (places == k + 1))) & ~done[..., None]
        blocks = np.where(inner[..., :, None] & inner[..., None, :], rest, blocks)
        # columns k and k + 1, of which the second is that of the identity for one pivot
        pair = places == np.stack([k + 0 * last, k + 1 + 0 * last], -1)[..., None]
        pair = (pair & inner[..., None, :]).astype(rest.dtype)
        under = (places > last[..., None])[..., :, None] & ~done[..., None, None]
        below = np.where(under, rest @ pair.mT, 0)
        block = pair @ rest @ pair.mT
        none = ~np.any(block != 0, axis=(-2, -1))[..., None, None]
        alone = ~np.any(pair != 0, axis=-1)
        block = np.where(none, unit, block + (unit & alone[..., None]).astype(rest.dtype))
        columns = np.where(none, 0, solve_p(block.mT, below.mT).mT)
        factor = factor + columns @ pair
        flipped = np.conjugate(below.mT) if conjugate else below.mT
        return rest - columns @ flipped, factor, blocks, order, two

    eye = np.eye(n, dtype=rest.dtype) + np.zeros_like(rest)
    order = np.zeros(rest.shape[:-1], INT) + places
    start = (rest, eye, np.zeros_like(rest), order, np.zeros(rest.shape[:-2], bool))
    _, factor, blocks, order, _ = repeated(step, start, 0, n)
    return factor, blocks, order


def _pivot(rest: Any, k: Any) -> tuple[Any, Any]:
    """The row that is exchanged with that of the last pivot, and whether there are two pivots."""
    places = np.arange(rest.shape[-1])
    sizes = size_of(rest)
    mine = np.sum(np.where(places == k, sizes, 0), axis=-1)  # column k
    here = np.sum(np.where(places == k, mine, 0), axis=-1)
    mine = np.where(places > k, mine, 0)
    largest, i = np.max(mine, axis=-1), np.argmax(np.where(places > k, mine, -1.0), axis=-1)
    row = places == i[..., None]
    across = np.sum(np.where(row[..., :, None], sizes, 0), axis=-2)
    there = np.sum(np.where(row, across, 0), axis=-1)
    most = np.max(np.where((places >= k) & ~row, across, 0), axis=-1)
    stays = (here >= GROWTH * largest) | (here * most >= GROWTH * largest * largest)
    return np.where(stays, k, i), ~stays & ~(there >= GROWTH * most)
