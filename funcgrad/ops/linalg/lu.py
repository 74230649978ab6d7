"""The LU factorisation with partial pivoting, which NumPy lacks."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, shape_of
from ..assign import set_at_p
from ..index import ARRAY, Index, concatenate_p, getitem_p
from .matrices import MatrixPrimitive, lower, permute_rows as permute_rows, result_dtype, upper
from .triangular import solve_triangular_p

PANEL = 32  # columns of a panel; the rest is updated by matrix products


class Lu(MatrixPrimitive):
    """Both factors in one matrix, LAPACK's pivots, and the permutation: A[rows] = L U.

    With M = L^-1 dA U^-1, dL = L tril(M, -1) and dU = triu(M) U.
    Source: Golub & Van Loan, Matrix Computations, algorithm 3.4.1 in blocks.
    """

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        return _blocked_lu(a)

    def in_c(self, w: Any, a: Any) -> Any:
        return w.lu(a, w.out.dtype)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        *stack, m, n = a.shape
        pivots = Aval((*stack, min(m, n)), np.dtype(np.int32))
        return Aval(a.shape, result_dtype(a)), pivots, Aval((*stack, m), np.dtype(np.intp))

    @override
    def count(self, **params: Any) -> int:
        return 3

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any) -> Sequence[Any]:
        lu, _, rows = outs
        t = permute_rows(tangents[0], rows)
        m, n = shape_of(lu)[-2:]
        k = min(m, n)
        square = lu[..., :k, :k]
        half = _left(square, t[..., :k, :])  # L^-1 dA, also for columns beyond the square
        middle = _right(square, half[..., :k])
        below = lower(middle, -1)
        du = upper(middle) @ upper(square)
        whole = lower(square, -1) @ below + below + du
        if n > k:
            beyond = half[..., k:] - below @ lu[..., k:]
            whole = concatenate_p(whole, beyond, axis=len(shape_of(lu)) - 1)
        if m > k:
            beneath = _right(square, t[..., k:, :] - lu[..., k:, :] @ du)
            whole = concatenate_p(whole, beneath, axis=len(shape_of(lu)) - 2)
        return whole, None, None


def _left(lu: Any, x: Any) -> Any:
    return solve_triangular_p(lu, x, lower=True, unit=True)


def _right(lu: Any, x: Any) -> Any:
    return solve_triangular_p(lu.mT, x.mT, lower=True, unit=False).mT


def _blocked_lu(a: Any) -> Any:
    kind = np.linalg.inv(np.ones((0, 0), a.dtype)).dtype
    *stack, m, n = a.shape
    flat = np.array(a, kind).reshape(math.prod(stack), m, n)
    each = np.arange(len(flat))
    order = np.repeat(np.arange(m)[None], len(flat), 0)
    pivots = np.zeros((len(flat), min(m, n)), np.int32)
    for start in range(0, min(m, n), PANEL):
        stop = min(start + PANEL, m, n)
        for j in range(start, stop):
            column = flat[:, j:, j]
            p = j + np.argmax(np.abs(column.real) + np.abs(column.imag), axis=1)
            pivots[:, j] = p
            flat[each, j], flat[each, p] = flat[each, p], flat[each, j]
            order[each, j], order[each, p] = order[each, p], order[each, j]
            pivot = flat[:, j, j, None]
            flat[:, j + 1 :, j] /= np.where(pivot == 0, 1, pivot)  # the column is 0 too
            below = flat[:, j + 1 :, j, None]
            flat[:, j + 1 :, j + 1 : stop] -= below * flat[:, None, j, j + 1 : stop]
        if stop < n:
            corner = np.tril(flat[:, start:stop, start:stop], -1)
            corner = corner + np.eye(stop - start, dtype=kind)
            flat[:, start:stop, stop:] = np.linalg.solve(corner, flat[:, start:stop, stop:])
            right = flat[:, start:stop, stop:]
            flat[:, stop:, stop:] -= flat[:, stop:, start:stop] @ right
    shape = tuple(stack)
    return (
        flat.reshape(a.shape),
        pivots.reshape(*shape, min(m, n)),
        order.reshape(*shape, m),
    )


lu_p = Lu("lu")


class Permutation(MatrixPrimitive):
    """The permutation of ``size`` rows by LAPACK's pivots: row i is swapped with row pivots[i]."""

    differentiable = False
    core_ndims: ClassVar[dict[int, int]] = {0: 1}

    @override
    def run(self, pivots: Any, *, size: int) -> tuple[Any, ...]:
        order = np.broadcast_to(np.arange(size), (*pivots.shape[:-1], size)).copy()
        count = math.prod(pivots.shape[:-1])
        flat, swaps = order.reshape(count, size), pivots.reshape(count, pivots.shape[-1])
        each = np.arange(len(flat))
        for i in range(pivots.shape[-1]):
            flat[each, i], flat[each, swaps[:, i]] = flat[each, swaps[:, i]], flat[each, i]
        return (order,)

    def in_c(self, w: Any, pivots: Any, *, size: int) -> Any:
        return w.permutation(pivots, size)

    def decompose(self, pivots: Any, *, size: int) -> Any:
        *stack, count = shape_of(pivots)
        rank = len(stack)
        grid = [np.arange(n).reshape([-1 if e == d else 1 for e in range(rank)])
                for d, n in enumerate(stack)]  # fmt: skip
        order: Any = np.broadcast_to(np.arange(size), (*stack, size))
        here = (slice(None),) * rank
        for i in range(count):
            at = Index([ARRAY] * (rank + 1))
            other = getitem_p(pivots, index=Index((*here, i)))
            first, second = (
                getitem_p(order, index=Index((*here, i))),
                getitem_p(order, *grid, other, index=at),
            )
            order = set_at_p(order, second, index=Index((*here, i)))
            order = set_at_p(order, first, *grid, other, index=at)
        return (order,)

    @override
    def infer(self, pivots: Aval, *, size: int) -> tuple[Aval, ...]:
        return (Aval((*pivots.shape[:-1], size), np.dtype(np.intp)),)


permutation_p = Permutation("permutation_of_pivots")
