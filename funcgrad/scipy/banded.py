"""Banded and tridiagonal matrices: their systems and factors in O(n b^2), and their eigenvalues.

Functions of the same names in scipy.linalg, whose bands have the diagonals of a matrix as rows.
"""

import functools
from typing import Any

import numpy as np

from ..control.loops import scan
from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..linalg import solve_triangular
from ..ops.linalg.banded import (
    cholesky_banded_p,
    columns_of_blocks,
    dense,
    half_of_blocks,
    solve_banded_p,
    transposed,
)
from ..ops.linalg.matrices import adjoint, conj, hermitian
from ..ops.operand import operand, strong
from ..ops.structure import cast
from ..transforms.custom.decorators import custom_jvp
from .structured import vector


def _bands(who: str, ab: Any, rows: int | None = None, what: str = "") -> Any:
    ab = strong(operand(ab))
    if len(shape_of(ab)) != 2 or (rows is not None and shape_of(ab)[0] != rows):
        raise ShapeError(f"{who}: ab must have {what or 'two axes'}: got {aval_of(ab)}")
    return ab


def _solved(band: Any, b: Any, below: int, above: int) -> Any:
    b = strong(operand(b))
    n = shape_of(band)[1]
    if len(shape_of(b)) not in (1, 2) or shape_of(b)[0] != n:
        raise ShapeError(f"solve_banded: b must have the shape [{n}] or [{n}, K]: got {aval_of(b)}")
    if len(shape_of(b)) == 1:
        return solve_banded_p(band, b[:, None], below=below, above=above)[:, 0]
    return solve_banded_p(band, b, below=below, above=above)


@answering
def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Any:
    """Solution of ``a x = b`` for a banded matrix.

    Args:
        l_and_u: numbers of nonzero diagonals below and above the main diagonal.
        ab: diagonals as rows, the uppermost first, shape [l + u + 1, N]; element (i, j) of the
            matrix is ``ab[u + i - j, j]``.
        b: shape [N] or [N, K].

    Raises:
        LinAlgError: if the matrix is singular.

    >>> solve_banded((0, 1), np.array([[0.0, 1.0], [2.0, 4.0]]), np.array([4.0, 4.0]))
    array([1.5, 1. ])
    """
    below, above = l_and_u
    count = below + above + 1
    return _solved(_bands("solve_banded", ab, count, f"l + u + 1 = {count} rows"), b, below, above)


def _hermitian(ab: Any, lower: bool) -> tuple[Any, int]:
    """The whole band of a Hermitian matrix, and the number of diagonals above the main one."""
    half = _lower(ab, lower)
    count = shape_of(half)[0] - 1
    return np.concatenate([conj(transposed(half, count, 0))[:-1], half]), count


def _lower(ab: Any, lower: bool) -> Any:
    """The main diagonal and those below it, of a Hermitian matrix."""
    ab = _bands("solveh_banded", ab)
    return ab if lower else conj(transposed(ab, 0, shape_of(ab)[0] - 1))


@answering
def solveh_banded(ab: Any, b: Any, lower: bool = False) -> Any:
    """Solution of a Hermitian positive definite banded system.

    Args:
        ab: diagonals as rows, the main one last, or first if ``lower``; shape [u + 1, N].
        b: shape [N] or [N, K].

    >>> solveh_banded(np.array([[0.0, 1.0], [2.0, 2.0]]), np.array([3.0, 3.0]))
    array([1., 1.])
    """
    band, count = _hermitian(ab, lower)
    return _solved(band, b, count, count)


@answering
def cholesky_banded(ab: Any, lower: bool = False) -> Any:
    """Cholesky factor of a Hermitian banded matrix, in banded form as ``ab``.

    Raises:
        LinAlgError: if the matrix is not positive definite.

    Source: Golub & Van Loan, Matrix Computations, section 4.5, on block tridiagonal matrices.

    >>> cholesky_banded(np.array([[4.0, 9.0]]))
    array([[2., 3.]])
    """
    ab = _bands("cholesky_banded", ab)
    if not is_inexact(dtype_of(ab)):
        ab = cast(ab, np.float64)
    return _factor(ab, bool(lower))


@functools.partial(custom_jvp, nondiff_argnums=(1,))
def _factor(ab: Any, lower: bool) -> Any:
    return cholesky_banded_p(ab, lower=lower)


@_factor.defjvp
def _factor_rule(lower: bool, primals: Any, tangents: Any) -> tuple[Any, Any]:
    factor = _factor(primals[0], lower)
    halves = [_lower(x, lower) for x in (factor, tangents[0])]
    moved = _moved_factor(*halves)
    return factor, moved if lower else conj(transposed(moved, shape_of(moved)[0] - 1, 0))


def _moved_factor(factor: Any, t: Any) -> Any:
    """The tangent of L for that of A = L L', both by their diagonals below.

    In blocks D = L L' + F F' (of the block before) and E = F L', in O(n b^2).
    """
    rows, n = shape_of(t)
    columns = columns_of_blocks(factor, 1.0), columns_of_blocks(t, 0.0)
    size = shape_of(columns[0])[-1]

    def step(update: Any, column: Any) -> tuple[Any, Any]:
        (square, below), (top, beneath) = ((x[:size], x[size:]) for x in column)
        half = solve_triangular(square, hermitian(top, "L") - update, lower=True)
        both = np.tril(solve_triangular(square, adjoint(half), lower=True))
        moved = square @ np.where(np.eye(size, dtype=bool), 0.5 * both, both)
        rest = solve_triangular(square, adjoint(beneath - below @ adjoint(moved)), lower=True)
        product = below @ rest
        return product + adjoint(product), np.concatenate([moved, adjoint(rest)])

    _, moved = scan(step, np.zeros((size, size), dtype_of(t)), columns)
    return half_of_blocks(moved, rows, n)


@answering
def cho_solve_banded(cb_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Solution of a system whose matrix has the banded Cholesky factor ``cb``.

    >>> cho_solve_banded((np.array([[2.0, 3.0]]), False), np.array([4.0, 9.0]))
    array([1., 1.])
    """
    cb, lower = cb_and_lower
    factor = _lower(cb, lower)
    count = shape_of(factor)[0] - 1
    half = _solved(factor, b, count, 0)
    return _solved(conj(transposed(factor, count, 0)), half, 0, count)


def _whole(ab: Any, lower: bool) -> Any:
    band, count = _hermitian(ab, lower)
    return dense(band, count, count)


@answering
def eig_banded(a_band: Any, lower: bool = False, eigvals_only: bool = False) -> Any:
    """Eigenvalues, ascending, and eigenvectors of a Hermitian banded matrix, as a dense one.

    >>> eig_banded(np.array([[0.0, 1.0], [2.0, 2.0]]), eigvals_only=True)
    array([1., 3.])
    """
    a = _whole(a_band, lower)
    return np.linalg.eigvalsh(a) if eigvals_only else np.linalg.eigh(a)


@answering
def eigvals_banded(a_band: Any, lower: bool = False) -> Any:
    """Eigenvalues of a Hermitian banded matrix.

    >>> eigvals_banded(np.array([[1.0, 3.0]]))
    array([1., 3.])
    """
    return eig_banded(a_band, lower, True)


@answering
def eigh_tridiagonal(d: Any, e: Any, eigvals_only: bool = False) -> Any:
    """Eigenvalues, ascending, and eigenvectors of a real symmetric tridiagonal matrix.

    Args:
        d: diagonal, shape [N].
        e: elements next to the diagonal, shape [N - 1].
        eigvals_only: whether to return the eigenvalues alone.

    >>> eigh_tridiagonal(np.array([2.0, 2.0]), np.array([1.0]), eigvals_only=True)
    array([1., 3.])
    """
    d, e = vector("eigh_tridiagonal", d), vector("eigh_tridiagonal", e)
    if shape_of(e)[0] != shape_of(d)[0] - 1:
        raise ShapeError(f"eigh_tridiagonal: e must have one element less than d: got {aval_of(e)}")
    a = np.diag(d) + np.diag(e, 1) + np.diag(np.conjugate(e), -1)
    return np.linalg.eigvalsh(a) if eigvals_only else np.linalg.eigh(a)


@answering
def eigvalsh_tridiagonal(d: Any, e: Any) -> Any:
    """Eigenvalues of a real symmetric tridiagonal matrix.

    >>> eigvalsh_tridiagonal(np.array([2.0, 2.0]), np.array([1.0]))
    array([1., 3.])
    """
    return eigh_tridiagonal(d, e, True)
