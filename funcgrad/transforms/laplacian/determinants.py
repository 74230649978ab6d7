"""Determinants of matrices each row of which depends on inputs of its own, as those of orbitals.

A determinant is linear in each row (and column), so that its second derivatives by the inputs of
one row are those of the row alone: with the gradient G by the elements, sum_k D^2 det (A_k, A_k) is
0, and that of log |det| is - sum_k (sum G A_k)^2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.trace import Primitive
from ...ops.linalg.determinant import det_p, slogdet_p
from ...ops.structure import sum_p
from .rows import Rows, has_own_columns, spread, summed


def rows_of_determinant(
    prim: Primitive, a: Any, rows: Rows, outs: Sequence[Any]
) -> tuple[Any, Rows] | None:
    """The gradient of a determinant by its elements, and its rows; None for other matrices."""
    rank = len(shape_of(a))
    axes = [d for d in (rank - 2, rank - 1) if d in rows.varied]
    if prim not in (det_p, slogdet_p) or dtype_of(a).kind != "f" or len(axes) != 1:
        return None
    (own,), other = axes, 2 * rank - 3 - axes[0]
    if not has_own_columns(rows, own):
        return None
    one = np.ones(shape_of(outs[-1]), dtype_of(outs[-1]))
    cts = [one] if prim is det_p else [None, one]
    (gradient,) = prim.vjp(cts, [True], outs, [a])
    data = sum_p(gradient * rows.data, axes=(other + 1,))
    lines = Rows(data, rows.columns.reshape(*(n for d, n in enumerate(rows.columns.shape)
                                              if d != other + 1)))  # fmt: skip
    total = summed(lines, (rank - 2,))
    if total is None:
        lines = spread(lines, (rank - 2,))
        columns = lines.columns.reshape(lines.columns.shape[:-1])
        total = Rows(sum_p(lines.data, axes=(rank - 1,)), columns)
    return gradient, total
