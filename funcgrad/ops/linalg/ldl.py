"""The factors of an indefinite matrix, A = L D L* with diagonal blocks of one or two pivots."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, dtype_of, shape_of
from .. import elementwise as ew
from ..structure import cast
from .inverse import solve_p
from .ldl_decomposition import GROWTH, ldl_of, size_of
from .matrices import MatrixPrimitive, adjoint, hermitian, lower, permute_rows, result_dtype
from .triangular import solve_triangular_p


class Ldl(MatrixPrimitive):
    """L with its rows as in A, D, and the permutation that makes L triangular; A's lower triangle.

    With M = L^-1 dA L^-*, dD are the blocks of M on the diagonal and dL = L (M below these) D^-1.
    Source: Bunch & Kaufman 1977, Some stable methods for calculating inertia, algorithm A.
    """

    @override
    def run(self, a: Any, *, hermitian: bool) -> tuple[Any, ...]:
        kind = result_dtype(a)
        outs = np.zeros(a.shape, kind), np.zeros(a.shape, kind), np.zeros(a.shape[:-1], np.int64)
        for i in np.ndindex(a.shape[:-2]):
            factor, blocks, order = _factored(a[i].astype(kind), hermitian)
            outs[0][i][order] = factor
            outs[1][i], outs[2][i] = blocks, order
        return outs

    def decompose(self, a: Any, *, hermitian: bool) -> Any:
        factor, blocks, order = ldl_of(_mirrored(cast(a, result_dtype(a)), hermitian), hermitian)
        return permute_rows(factor, np.argsort(order, axis=-1)), blocks, order

    @override
    def infer(self, a: Aval, *, hermitian: bool) -> tuple[Aval, ...]:
        kind = result_dtype(a)
        return Aval(a.shape, kind), Aval(a.shape, kind), Aval(a.shape[:-1], np.dtype(np.int64))

    @override
    def count(self, **params: Any) -> int:
        return 3

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, hermitian: bool) -> Sequence[Any]:
        mixed, blocks, order = outs
        factor = permute_rows(mixed, order)
        t = permute_rows(_mirrored(tangents[0], hermitian), order)
        t = permute_rows(t.mT, order).mT
        flip = adjoint if hermitian else lambda x: x.mT
        half = solve_triangular_p(factor, t, lower=True, unit=True)
        both = flip(solve_triangular_p(factor, flip(half), lower=True, unit=True))
        inside = (blocks != 0) | np.eye(shape_of(factor)[-1], dtype=bool)
        below = ew.where(inside, 0, lower(both, -1))
        return mixed @ solve_p(blocks.mT, below.mT).mT, ew.where(inside, both, 0), None


def _mirrored(t: Any, conjugate: bool) -> Any:
    if conjugate:
        return hermitian(t, "L")
    half = lower(t, -1)
    return half + half.mT + np.eye(shape_of(t)[-1], dtype=dtype_of(t)) * t


def _factored(a: Any, conjugate: bool) -> tuple[Any, Any, Any]:
    n, rest = len(a), _mirrored(a, conjugate)
    factor, blocks, order = np.eye(n, dtype=a.dtype), np.zeros_like(a), np.arange(n)
    k = 0
    while k < n:
        other, count = _pivot(rest, k)
        last, stop = k + count - 1, k + count
        for x in (rest, rest.T, factor[:, :k], order):
            x[[last, other]] = x[[other, last]]
        inner = slice(k, stop)
        block, below = rest[inner, inner], rest[stop:, inner]
        blocks[inner, inner] = block
        if block.any():
            factor[stop:, inner] = np.linalg.solve(block.T, below.T).T
            rest[stop:, stop:] -= factor[stop:, inner] @ (below.conj().T if conjugate else below.T)
        k = stop
    return factor, blocks, order


def _pivot(rest: Any, k: int) -> tuple[int, int]:
    """The row that is exchanged with that of the last pivot, and the number of pivots."""
    here = float(size_of(rest[k, k]))
    column = size_of(rest[k + 1 :, k])
    largest = float(column.max(initial=0))
    if here >= GROWTH * largest:
        return k, 1
    i = k + 1 + int(np.argmax(column))
    across = size_of(rest[i, k:])
    there, across[i - k] = float(across[i - k]), 0
    most = float(across.max())
    if here * most >= GROWTH * largest * largest:
        return k, 1
    return (i, 1) if there >= GROWTH * most else (i, 2)


ldl_p = Ldl("ldl")
