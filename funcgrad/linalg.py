"""Linear algebra: all of ``numpy.linalg``, and beyond it what SciPy users look for first.

Each function takes arrays and traced values, matrices in the last two axes, stacks before them.
"""

import math
from typing import Any

import numpy as np

from .control.loop import fori_loop
from .core.avals import dtype_of, shape_of
from .core.errors import ShapeError
from .numpy.linalg import (
    LinAlgError as LinAlgError,
    cholesky as cholesky,
    cond as cond,
    cross as cross,
    det as det,
    diagonal as diagonal,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    inv as inv,
    lstsq as lstsq,
    matmul as matmul,
    matrix_norm as matrix_norm,
    matrix_power as matrix_power,
    matrix_rank as matrix_rank,
    matrix_transpose as matrix_transpose,
    multi_dot as multi_dot,
    norm as norm,
    outer as outer,
    pinv as pinv,
    qr as qr,
    slogdet as slogdet,
    solve as solve,
    svd as svd,
    svdvals as svdvals,
    tensordot as tensordot,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
    trace as trace,
    vecdot as vecdot,
    vector_norm as vector_norm,
)
from .numpy.shapes import concatenate
from .ops import elementwise as ew
from .ops.linalg.expm import squarings_p
from .ops.linalg.inverse import solve_p
from .ops.linalg.lu import lu_p, permutation_p, rows_of
from .ops.linalg.matrices import adjoint, lower as lower_part, matrices, squares, upper
from .ops.linalg.triangular import solve_triangular_p
from .ops.operand import common_dtype, operand, strong
from .ops.reduce import argsort_p, max_p
from .ops.structure import cast, expand_dims, reshape
from .transforms.arguments import is_known
from .transforms.forward import jvp


def solve_triangular(
    a: Any,
    b: Any,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """Solve ``a x = b`` for a triangular matrix.

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
        raise ValueError(f"solve_triangular: trans must be 0, 1, 2, 'N', 'T' or 'C': got {trans!r}")
    a = squares(a)
    if kinds[trans]:
        a, lower = (a.mT if kinds[trans] == 1 else adjoint(a)), not lower
    b, vector = _columns("solve_triangular", a, b)
    x = solve_triangular_p(a, b, lower=bool(lower), unit=bool(unit_diagonal))
    return x[..., 0] if vector else x


def _columns(who: str, a: Any, b: Any) -> tuple[Any, bool]:
    """Return right-hand sides as columns of matrices, and whether they were one vector."""
    b = strong(operand(b))
    vector = len(shape_of(b)) == 1
    b = matrices(expand_dims(b, (1,)) if vector else b)
    if shape_of(b)[-2] != shape_of(a)[-2]:
        raise ShapeError(
            f"{who}: b must have as many rows as a: got {shape_of(b)[-2]} and {shape_of(a)[-2]}"
        )
    return b, vector


def lu(a: Any, permute_l: bool = False) -> tuple[Any, ...]:
    """Factor ``a = p @ l @ u``, with the largest elements of each column as pivots.

    Args:
        a: matrices of shape (..., m, n).
        permute_l: whether to return ``(p @ l, u)``.

    Returns:
        ``(p, l, u)``: a permutation, l (..., m, k) with a diagonal of 1 and u (..., k, n), where
        k = min(m, n).

    >>> p, l, u = lu(np.array([[1.0, 2.0], [4.0, 2.0]]))
    >>> print(u)
    [[4.  2. ]
     [0.  1.5]]
    """
    both, _, rows = lu_p.bind(matrices(a))
    m, n = shape_of(both)[-2:]
    k = min(m, n)
    real = np.zeros((), dtype_of(both)).real.dtype
    left = lower_part(both[..., :k], -1) + np.eye(m, k, dtype=real)
    back = argsort_p(rows, axis=len(shape_of(rows)) - 1, kind="stable")
    if permute_l:
        return rows_of(left, back), upper(both[..., :k, :])
    p = cast(rows[..., None, :] == np.arange(m)[:, None], real)
    return p, left, upper(both[..., :k, :])


def lu_factor(a: Any) -> tuple[Any, Any]:
    """Factor matrices for ``lu_solve``: both factors in one matrix, and LAPACK's pivots.

    >>> both, pivots = lu_factor(np.array([[1.0, 2.0], [4.0, 2.0]]))
    >>> print(pivots)
    [1 1]
    """
    both, pivots, _ = lu_p.bind(matrices(a))
    return both, pivots


def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0) -> Any:
    """Solve linear systems with the factors that ``lu_factor`` gives.

    Args:
        lu_and_piv: the pair, for matrices of shape (..., n, n).
        b: a vector of length n, or matrices of shape (..., n, k).
        trans: 1 to solve with the transpose, 2 with the conjugate transpose.

    >>> print(lu_solve(lu_factor(np.array([[0.0, 2.0], [4.0, 0.0]])), np.array([2.0, 4.0])))
    [1. 1.]
    """
    both, pivots = lu_and_piv
    both = squares(both)
    b, vector = _columns("lu_solve", both, b)
    rows = permutation_p(pivots, size=shape_of(both)[-1])
    if trans == 0:
        y = solve_triangular(both, _ordered(b, rows), lower=True, unit_diagonal=True)
        x = solve_triangular(both, y)
    elif trans in (1, 2):
        y = solve_triangular(both, b, trans)
        y = solve_triangular(both, y, trans, lower=True, unit_diagonal=True)
        x = _ordered(y, argsort_p(rows, axis=len(shape_of(rows)) - 1, kind="stable"))
    else:
        raise ValueError(f"lu_solve: trans must be 0, 1 or 2: got {trans!r}")
    return x[..., 0] if vector else x


def _ordered(b: Any, rows: Any) -> Any:
    """Return the rows of ``b`` in another order, the same for all of a stack where it is one."""
    stack = np.broadcast_shapes(shape_of(b)[:-2], shape_of(rows)[:-1])
    b = np.broadcast_to(b, (*stack, *shape_of(b)[-2:]))
    return rows_of(b, np.broadcast_to(rows, (*stack, shape_of(rows)[-1])))


def cho_factor(a: Any, lower: bool = False) -> tuple[Any, bool]:
    """Factor positive definite matrices for ``cho_solve``.

    >>> factor, lower = cho_factor(np.array([[4.0, 0.0], [0.0, 9.0]]))
    >>> print(factor)
    [[2. 0.]
     [0. 3.]]
    """
    return cholesky(a, upper=not lower), bool(lower)


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Solve linear systems with the factor that ``cho_factor`` gives.

    >>> print(cho_solve(cho_factor(np.array([[4.0, 0.0], [0.0, 9.0]])), np.array([4.0, 9.0])))
    [1. 1.]
    """
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)


def expm(a: Any) -> Any:
    """Return the exponential of matrices, of shape (..., n, n).

    Source: Al-Mohy & Higham 2009 (order 13); Higham 2005 (order 7, in single precision).

    >>> print(expm(np.array([[0.0, 1.0], [0.0, 0.0]])))
    [[1. 1.]
     [0. 1.]]
    """
    a = squares(a)
    shape = shape_of(a)
    if not math.prod(shape):
        return a
    kind = np.zeros((), dtype_of(a)).real.dtype
    order = 7 if kind == np.float32 else 13
    count = squarings_p(a, order=order)
    y = _pade(a * _spread(ew.ldexp(np.ones((), kind), -count)), order)
    square = lambda i, y: ew.where(_spread(i < count), y @ y, y)
    most = max_p(count, axes=tuple(range(len(shape) - 2)))
    if not is_known(most):
        return fori_loop(0, most, square, y)
    for i in range(int(most)):
        y = square(i, y) if len(shape) > 2 else y @ y
    return y


def _spread(x: Any) -> Any:
    """Return numbers, one a matrix, with two more axes."""
    rank = len(shape_of(x))
    return expand_dims(strong(x), (rank, rank + 1))


def _pade(a: Any, order: int) -> Any:
    """Return the diagonal Padé approximant of the exponential, of order 7 or 13."""
    ways = [
        math.comb(order, j) * math.factorial(2 * order - j) / math.factorial(2 * order)
        for j in range(order + 1)
    ]
    eye = np.eye(shape_of(a)[-1], dtype=np.zeros((), dtype_of(a)).real.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a2 @ a4
    powers = [eye, a2, a4, a6]
    odd, even = (sum(ways[2 * i + k] * powers[i] for i in range(4)) for k in (1, 0))
    if order == 13:
        high = [sum(ways[2 * i + 6 + k] * powers[i] for i in (1, 2, 3)) for k in (1, 0)]
        odd, even = odd + a6 @ high[0], even + a6 @ high[1]
    odd = a @ odd
    return solve_p(even - odd, even + odd)


def expm_frechet(a: Any, e: Any, compute_expm: bool = True) -> Any:
    """Return the exponential of a matrix and its derivative in the direction ``e``.

    >>> _, derivative = expm_frechet(np.zeros((2, 2)), np.eye(2))
    >>> print(derivative)
    [[1. 0.]
     [0. 1.]]
    """
    a, e = squares(a), squares(e)
    kind = common_dtype([a, e])
    y, derivative = jvp(expm, (cast(a, kind),), (cast(e, kind),))
    return (y, derivative) if compute_expm else derivative


def polar(a: Any, side: str = "right") -> tuple[Any, Any]:
    """Factor ``a = u @ p``, or ``p @ u`` on the left, into a unitary and a positive matrix.

    Args:
        a: matrices of shape (..., m, n).
        side: ``"right"`` or ``"left"``, where p stands.

    >>> u, p = polar(np.array([[0.0, -2.0], [2.0, 0.0]]))
    >>> print(p)
    [[2. 0.]
     [0. 2.]]
    """
    if side not in ("right", "left"):
        raise ValueError(f"polar: side must be 'right' or 'left': got {side!r}")
    w, s, vh = svd(a, full_matrices=False)
    if side == "left":
        return w @ vh, (w * s[..., None, :]) @ adjoint(w)
    return w @ vh, (adjoint(vh) * s[..., None, :]) @ vh


def block_diag(*arrays: Any) -> Any:
    """Return a matrix with these on its diagonal, and zeros elsewhere.

    Args:
        *arrays: matrices, vectors, which are one row, or numbers.

    Raises:
        ShapeError: if one has more than two axes.

    >>> print(block_diag(1.0, np.array([[2.0, 3.0]])))
    [[1. 0. 0.]
     [0. 2. 3.]]
    """
    blocks = [strong(operand(x)) for x in arrays] or [np.zeros((1, 0))]
    for i, x in enumerate(blocks):
        if len(shape_of(x)) > 2:
            raise ShapeError(f"block_diag: argument {i} has more than two axes: got {shape_of(x)}")
    kind = common_dtype(blocks)
    blocks = [reshape(x, (1,) * (2 - len(shape_of(x))) + shape_of(x)) for x in blocks]
    width, rows, before = sum(shape_of(x)[1] for x in blocks), [], 0
    for x in blocks:
        m, n = shape_of(x)
        sides = np.zeros((m, before), kind), np.zeros((m, width - before - n), kind)
        rows.append(concatenate([sides[0], cast(x, kind), sides[1]], axis=1))
        before += n
    return concatenate(rows, axis=0)


def toeplitz(c: Any, r: Any = None) -> Any:
    """Return the matrix that is constant along each diagonal.

    Args:
        c: the first column, of length m.
        r: the first row, of length n, of which the first element is not read; the conjugate of
            ``c`` if it is not given.

    >>> print(toeplitz(np.array([1, 2, 3]), np.array([0, 4])))
    [[1 4]
     [2 1]
     [3 2]]
    """
    c = reshape(strong(operand(c)), (-1,))
    r = np.conjugate(c) if r is None else reshape(strong(operand(r)), (-1,))
    m, n = shape_of(c)[0], shape_of(r)[0]
    whole = concatenate([c[::-1], r[1:]])
    return whole[np.arange(m - 1, -1, -1)[:, None] + np.arange(n)]
