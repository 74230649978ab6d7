"""Linear algebra under SciPy's names.

Where the signatures of NumPy and SciPy differ, this is SciPy's: ``cholesky`` is upper triangular
by default.
"""

from typing import Any, Literal

import numpy as np

from ..control.loops import while_loop
from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import publish as _publish
from ..linalg import (
    LinAlgError as LinAlgError,
    block_diag as block_diag,
    cho_factor as cho_factor,
    cho_solve as cho_solve,
    det as det,
    eig as eig,
    eigvals as eigvals,
    expm as expm,
    expm_frechet as expm_frechet,
    inv as inv,
    lstsq as lstsq,
    lu as lu,
    lu_factor as lu_factor,
    lu_solve as lu_solve,
    norm as norm,
    pinv as pinv,
    polar as polar,
    solve_triangular as solve_triangular,
    svd as svd,
    svdvals as svdvals,
    toeplitz as toeplitz,
)
from ..ops import elementwise as ew
from ..ops.linalg.matrices import adjoint
from ..ops.operand import operand, strong
from ..ops.structure import cast
from ..transforms.custom.decorators import custom_jvp

__all__ = [
    "LinAlgError", "block_diag", "cho_factor", "cho_solve", "cholesky", "det", "eig", "eigh",
    "eigvals", "eigvalsh", "expm", "expm_frechet", "inv", "lstsq", "lu", "lu_factor", "lu_solve",
    "norm", "pinv", "polar", "solve", "solve_banded", "solve_sylvester", "solve_triangular",
    "sqrtm", "svd", "svdvals", "toeplitz",
]  # fmt: skip


def _matrix(who: str, a: Any, square: bool = True) -> Any:
    a = strong(operand(a))
    a = a if is_inexact(dtype_of(a)) else cast(a, np.float64)
    if len(shape_of(a)) != 2 or (square and shape_of(a)[0] != shape_of(a)[1]):
        kind = "a square matrix" if square else "a matrix"
        raise ShapeError(f"{who}: expected {kind}: got {aval_of(a)}")
    return a


def cholesky(a: Any, lower: bool = False) -> Any:
    """Cholesky factor U with ``U^H U = a``, or L with ``L L^H = a``.

    Args:
        a: positive definite matrices, shape [..., N, N], of which one triangle is read.
        lower: whether to return L, from the lower triangle.

    Raises:
        LinAlgError: if a matrix is not positive definite.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 10.0]]))
    array([[2., 1.],
           [0., 3.]])
    """
    return np.linalg.cholesky(operand(a), upper=not lower)


def solve(
    a: Any, b: Any, lower: bool = False, *, assume_a: str | None = None, transposed: bool = False
) -> Any:
    """Solution of ``a x = b``, or ``a^T x = b``.

    Args:
        a: matrices, shape [..., N, N].
        b: a vector of length N, or matrices of shape [..., N, K].
        lower: whether to read the lower triangle of ``a``, if ``assume_a`` is not ``"gen"``.
        assume_a: ``"gen"``; ``"sym"``; ``"her"`` or ``"pos"`` for Hermitian matrices.
        transposed: whether to solve with the transpose.

    Raises:
        LinAlgError: if a matrix is singular.

    >>> solve(np.array([[2.0, 1.0], [9.0, 2.0]]), np.array([3.0, 3.0]), assume_a="sym")
    array([1., 1.])
    """
    a, kinds = operand(a), {None: 0, "gen": 0, "sym": 1, "her": 2, "pos": 2}
    if assume_a not in kinds:
        raise ValueError(
            f"solve: assume_a must be 'gen', 'sym', 'her' or 'pos': got {shown(assume_a)}"
        )
    if kinds[assume_a]:
        a = _mirrored(a, lower, conjugate=kinds[assume_a] == 2)
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False) -> Any:
    """Eigenvalues, ascending, and eigenvectors of ``a v = w v``, or of ``a v = w b v``.

    Args:
        a: Hermitian matrices, shape [..., N, N], of which one triangle is read.
        b: positive definite matrices of the same shape; then ``v^H b v = 1``.
        lower: whether to read the lower triangle.
        eigvals_only: whether to return the eigenvalues alone.

    Raises:
        LinAlgError: if ``b`` is not positive definite.

    >>> eigh(np.diag([2.0, 12.0]), np.diag([1.0, 4.0]), eigvals_only=True)
    array([2., 3.])
    """
    a = operand(a)
    uplo: Literal["L", "U"] = "L" if lower else "U"
    if b is None:
        return np.linalg.eigvalsh(a, uplo) if eigvals_only else np.linalg.eigh(a, uplo)
    factor = cholesky(b, lower=True) if lower else adjoint(cholesky(b))
    half = solve_triangular(factor, _mirrored(a, lower), lower=True)
    inner = solve_triangular(factor, adjoint(half), lower=True)
    if eigvals_only:
        return np.linalg.eigvalsh(inner)
    values, vectors = np.linalg.eigh(inner)
    return values, solve_triangular(factor, vectors, trans="C", lower=True)


def eigvalsh(a: Any, b: Any = None, *, lower: bool = True) -> Any:
    """Eigenvalues of Hermitian matrices; see :func:`eigh`.

    >>> eigvalsh(np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([1., 2.])
    """
    return eigh(a, b, lower=lower, eigvals_only=True)


def _mirrored(a: Any, lower: bool, conjugate: bool = True) -> Any:
    """Hermitian, or symmetric, matrices from one triangle."""
    a = operand(a)
    half = np.tril(a, -1) if lower else np.triu(a, 1)
    other = adjoint(half) if conjugate else np.swapaxes(half, -1, -2)
    diagonal = ew.real(a) if conjugate and ew.is_complex(a) else a
    return half + other + np.where(np.eye(shape_of(a)[-1], dtype=bool), diagonal, 0)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solution X of the Sylvester equation ``a X + X b = q``.

    Args:
        a: shape [M, M].
        b: shape [N, N].
        q: shape [M, N].

    The M N equations are solved as one dense system, at a cost of (M N)**3.

    Raises:
        LinAlgError: if an eigenvalue of ``a`` is the negative of one of ``b``.

    >>> solve_sylvester(np.eye(2), 2 * np.eye(2), np.ones((2, 2))).round(6)
    array([[0.333333, 0.333333],
           [0.333333, 0.333333]])
    """
    a, b = _matrix("solve_sylvester", a), _matrix("solve_sylvester", b)
    q = _matrix("solve_sylvester", q, square=False)
    m, n = shape_of(a)[0], shape_of(b)[0]
    system = np.kron(a, np.eye(n, dtype=dtype_of(b))) + np.kron(np.eye(m, dtype=dtype_of(a)), b.T)
    return np.reshape(np.linalg.solve(system, np.reshape(q, (m * n,))), (m, n))


def sqrtm(a: Any) -> Any:
    """Principal square root of a matrix.

    Args:
        a: shape [N, N]; with a real eigenvalue <= 0 the result is nan.

    Raises:
        LinAlgError: if the iteration reaches a singular matrix.

    Source: Denman & Beavers 1976, by Higham 2008, "Functions of matrices", equation 6.15; its
    derivative is the solution of ``X dX + dX X = da``, see :func:`solve_sylvester`.

    >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]])).round(6)
    array([[2., 0.],
           [0., 3.]])
    """
    return _sqrtm(_matrix("sqrtm", a))


@custom_jvp
def _sqrtm(a: Any) -> Any:
    eps = np.finfo(dtype_of(a)).eps

    def moving(state: Any) -> Any:
        count, change, y, _ = state
        return np.logical_and(count < 50, change > 10 * eps * np.abs(y).max())

    def step(state: Any) -> Any:
        count, _, y, z = state
        better = (y + np.linalg.inv(z)) / 2
        return count + 1, np.abs(better - y).max(), better, (z + np.linalg.inv(y)) / 2

    far = np.full_like(np.abs(a).sum(), np.inf)
    count, _, y, _ = while_loop(moving, step, (0, far, a, np.eye(*shape_of(a), dtype=a.dtype)))
    return np.where(count < 50, y, np.nan)


@_sqrtm.defjvp
def _sqrtm_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    y = _sqrtm(*primals)
    return y, solve_sylvester(y, y, tangents[0])


def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Any:
    """Solution of ``a x = b`` for a banded matrix.

    Args:
        l_and_u: numbers of nonzero diagonals below and above the main diagonal.
        ab: diagonals as rows, the uppermost first, shape [l + u + 1, N]; element (i, j) of the
            matrix is ``ab[u + i - j, j]``.
        b: shape [N] or [N, K].

    The system is solved as a dense one, at a cost of N**3.

    Raises:
        LinAlgError: if the matrix is singular.

    >>> solve_banded((0, 1), np.array([[0.0, 1.0], [2.0, 4.0]]), np.array([4.0, 4.0]))
    array([1.5, 1. ])
    """
    below, above = l_and_u
    ab, b = _matrix("solve_banded", ab, square=False), operand(b)
    rows, n = shape_of(ab)
    if rows != below + above + 1:
        raise ShapeError(
            f"solve_banded: ab must have l + u + 1 = {below + above + 1} rows: got {aval_of(ab)}"
        )
    i, j = np.mgrid[:n, :n]
    row = above + i - j
    inside = (row >= 0) & (row < rows)
    return np.linalg.solve(np.where(inside, ab[np.where(inside, row, 0), j], 0), b)


_publish(__name__)
