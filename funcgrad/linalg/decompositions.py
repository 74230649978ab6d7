"""LU and Cholesky factors, and linear systems solved by them."""

from typing import Any

import numpy as np

from ..core.avals import broadcast_shapes, dtype_of, real_dtype, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..numpy.linalg import cholesky
from ..ops.linalg.lu import lu_p, permutation_p, permute_rows
from ..ops.linalg.matrices import (
    adjoint,
    as_matrices,
    as_square_matrices,
    lower as lower_part,
    upper,
)
from ..ops.linalg.triangular import solve_triangular_p
from ..ops.operand import operand, strong
from ..ops.reduce import argsort_p
from ..ops.structure import cast, expand_dims


@answering
def solve_triangular(
    a: Any,
    b: Any,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """Solution of ``a x = b`` for triangular matrices.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read.
        b: a vector of length n, or matrices of shape (..., n, k).
        trans: 0 or ``"N"``; 1 or ``"T"`` to solve with the transpose of ``a``; 2 or ``"C"`` with
            its conjugate transpose.
        lower: whether to read the lower triangle.
        unit_diagonal: whether to take the diagonal as 1, without reading it.

    Raises:
        LinAlgError: if ``a`` is not square, or has a zero on its diagonal.

    >>> print(solve_triangular(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 8.0])))
    [1. 2.]
    """
    kinds = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}
    if trans not in kinds:
        raise ValueError(
            f"solve_triangular: trans must be 0, 1, 2, 'N', 'T' or 'C': got {shown(trans)}"
        )
    a = as_square_matrices(a)
    if kinds[trans]:
        a, lower = (a.mT if kinds[trans] == 1 else adjoint(a)), not lower
    b, vector = _columns("solve_triangular", a, b)
    x = solve_triangular_p(a, b, lower=bool(lower), unit=bool(unit_diagonal))
    return x[..., 0] if vector else x


def _columns(who: str, a: Any, b: Any) -> tuple[Any, bool]:
    """Right-hand sides as columns of matrices, and whether ``b`` was a vector."""
    b = strong(operand(b))
    vector = len(shape_of(b)) == 1
    b = as_matrices(expand_dims(b, (1,)) if vector else b)
    if shape_of(b)[-2] != shape_of(a)[-2]:
        raise ShapeError(
            f"{who}: b must have as many rows as a: got {shape_of(b)[-2]} and {shape_of(a)[-2]}"
            "; transpose b, or give it those rows"
        )
    return b, vector


@answering
def lu(a: Any, permute_l: bool = False) -> tuple[Any, ...]:
    """LU factorization ``a = p @ l @ u`` with partial pivoting.

    Args:
        a: matrices of shape (..., m, n).
        permute_l: whether to return ``(p @ l, u)``.

    Returns:
        ``(p, l, u)``: permutation matrices (..., m, m), unit lower triangular l (..., m, k) and
        upper triangular u (..., k, n), where k = min(m, n).

    >>> p, l, u = lu(np.array([[1.0, 2.0], [4.0, 2.0]]))
    >>> print(u)
    [[4.  2. ]
     [0.  1.5]]
    """
    both, _, rows = lu_p.bind(as_matrices(a))
    m, n = shape_of(both)[-2:]
    k = min(m, n)
    real = real_dtype(dtype_of(both))
    left = lower_part(both[..., :k], -1) + np.eye(m, k, dtype=real)
    back = argsort_p(rows, axis=len(shape_of(rows)) - 1, kind="stable")
    if permute_l:
        return permute_rows(left, back), upper(both[..., :k, :])
    p = cast(rows[..., None, :] == np.arange(m)[:, None], real)
    return p, left, upper(both[..., :k, :])


@answering
def lu_factor(a: Any) -> tuple[Any, Any]:
    """LU factorization for ``lu_solve``: both factors in one matrix, and LAPACK's pivots.

    >>> both, pivots = lu_factor(np.array([[1.0, 2.0], [4.0, 2.0]]))
    >>> print(pivots)
    [1 1]
    """
    both, pivots, _ = lu_p.bind(as_matrices(a))
    return both, pivots


@answering
def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0) -> Any:
    """Solution of linear systems by the factors from ``lu_factor``.

    Args:
        lu_and_piv: factors (..., n, n) and pivots (..., n).
        b: a vector of length n, or matrices of shape (..., n, k).
        trans: 1 to solve with the transpose, 2 with the conjugate transpose.

    >>> print(lu_solve(lu_factor(np.array([[0.0, 2.0], [4.0, 0.0]])), np.array([2.0, 4.0])))
    [1. 1.]
    """
    both, pivots = lu_and_piv
    both = as_square_matrices(both)
    b, vector = _columns("lu_solve", both, b)
    rows = permutation_p(pivots, size=shape_of(both)[-1])
    if trans == 0:
        y = solve_triangular(both, _permute_rows(b, rows), lower=True, unit_diagonal=True)
        x = solve_triangular(both, y)
    elif trans in (1, 2):
        y = solve_triangular(both, b, trans)
        y = solve_triangular(both, y, trans, lower=True, unit_diagonal=True)
        x = _permute_rows(y, argsort_p(rows, axis=len(shape_of(rows)) - 1, kind="stable"))
    else:
        raise ValueError(f"lu_solve: trans must be 0, 1 or 2: got {shown(trans)}")
    return x[..., 0] if vector else x


def _permute_rows(b: Any, rows: Any) -> Any:
    """Rows of ``b`` permuted; rows and stacks broadcast."""
    stack = broadcast_shapes(shape_of(b)[:-2], shape_of(rows)[:-1])
    b = np.broadcast_to(b, (*stack, *shape_of(b)[-2:]))
    return permute_rows(b, np.broadcast_to(rows, (*stack, shape_of(rows)[-1])))


@answering
def cho_factor(a: Any, lower: bool = False) -> tuple[Any, bool]:
    """Cholesky factorization of positive definite matrices for ``cho_solve``.

    >>> factor, lower = cho_factor(np.array([[4.0, 0.0], [0.0, 9.0]]))
    >>> print(factor)
    [[2. 0.]
     [0. 3.]]
    """
    return cholesky(a, upper=not lower), bool(lower)


@answering
def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Solution of linear systems by the factor from ``cho_factor``.

    >>> print(cho_solve(cho_factor(np.array([[4.0, 0.0], [0.0, 9.0]])), np.array([4.0, 9.0])))
    [1. 1.]
    """
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)
