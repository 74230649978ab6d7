"""Banded and tridiagonal matrices: their systems and factors in O(n b^2), and their eigenvalues.

Functions of the same names in scipy.linalg, whose bands have the diagonals of a matrix as rows.
"""

from typing import Any

import numpy as np

from ..control.loops import scan
from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..linalg import solve_triangular
from ..ops.linalg.banded import dense, solve_banded_p, transposed
from ..ops.linalg.matrices import adjoint, conj
from ..ops.operand import operand, strong
from .structured import vector

BLOCK = 32  # rows of a block of a factor, at least


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
    half = _lower(ab, lower)
    count, n = shape_of(half)[0] - 1, shape_of(half)[1]
    size = max(count, BLOCK)
    if n <= 2 * size:
        factor = _band_of(np.linalg.cholesky(dense(_hermitian(half, True)[0], count, count)), count)
    else:
        factor = _cholesky_by_blocks(half, size)
    return factor if lower else conj(transposed(factor, count, 0))


def _band_of(a: Any, count: int) -> Any:
    """The main diagonal of a matrix and ``count`` below it."""
    n = shape_of(a)[0]
    i = np.arange(n) + np.arange(count + 1)[:, None]
    return np.where(i < n, a[np.where(i < n, i, 0), np.arange(n)], 0)


def _cholesky_by_blocks(half: Any, size: int) -> Any:
    """The factor of A with blocks D on its diagonal and E below them: D = L L', E = F L'."""
    count, n = shape_of(half)[0] - 1, shape_of(half)[1]
    blocks = -(-n // size)
    unit = np.zeros((count + 1, (blocks + 1) * size - n), dtype_of(half))
    unit[0] = 1
    padded = np.concatenate([half, unit], axis=1)
    first = np.arange(blocks)[:, None, None] * size
    i, j = np.arange(2 * size)[:, None], np.arange(size)
    row = i - j
    inside = (row >= 0) & (row <= count)
    columns = np.where(inside, padded[np.where(inside, row, 0), first + j], 0)  # [blocks, 2 m, m]

    def step(update: Any, column: Any) -> tuple[Any, Any]:
        top = np.tril(column[:size])
        square = np.linalg.cholesky(top + adjoint(np.tril(top, -1)) - update)
        below = adjoint(solve_triangular(square, adjoint(column[size:]), lower=True))
        return below @ adjoint(below), np.concatenate([square, below])

    _, factors = scan(step, np.zeros((size, size), dtype_of(half)), columns)
    place = np.arange(n)
    row = place % size + np.arange(count + 1)[:, None]
    factor = factors[place // size, row, place % size]
    return np.where(place + np.arange(count + 1)[:, None] < n, factor, 0)


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
