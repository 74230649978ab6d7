"""The order of columns that QR with pivots chooses."""

from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, dtype_of
from ..structure import cast
from .matrices import MatrixPrimitive
from .schur_decompositions import column_order_of


class ColumnPivots(MatrixPrimitive):
    """The permutation of columns in which the diagonal of R decreases.

    Source: Golub & Van Loan 2013, "Matrix computations", algorithm 5.4.1.
    """

    differentiable = False

    @override
    def run(self, a: Any) -> tuple[Any, ...]:
        order = np.empty((*a.shape[:-2], a.shape[-1]), np.int64)
        for at in np.ndindex(a.shape[:-2]):
            order[at] = _order(np.array(a[at], np.result_type(a, np.float64)))
        return (order,)

    def decompose(self, a: Any) -> Any:
        return (column_order_of(cast(a, np.result_type(dtype_of(a), np.float64))),)

    @override
    def infer(self, a: Aval) -> tuple[Aval, ...]:
        return (Aval((*a.shape[:-2], a.shape[-1]), np.dtype(np.int64)),)


def _order(a: Any) -> Any:
    m, n = a.shape
    order = np.arange(n)
    for k in range(min(m, n)):
        sizes = np.sum(np.abs(a[k:, k:]) ** 2, axis=0)
        j = k + int(np.argmax(sizes))
        a[:, [k, j]], order[[k, j]] = a[:, [j, k]], order[[j, k]]
        size = np.sqrt(sizes[j - k])
        if size == 0:
            break
        x = a[k:, k].copy()
        x[0] += size * (x[0] / np.abs(x[0]) if x[0] != 0 else 1)
        x /= np.linalg.norm(x)
        a[k:, k:] -= 2 * np.outer(x, np.conj(x) @ a[k:, k:])
    return order


column_pivots_p = ColumnPivots("column_pivots")
