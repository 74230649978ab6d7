"""Orthogonal factors and bases of subspaces, and properties of matrices."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ConcretizationError, ShapeError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.linalg.matrices import adjoint, as_matrices, as_square_matrices
from ..ops.linalg.pivots import column_pivots_p
from ..ops.operand import operand
from ..ops.stop_gradient import stop_gradient


@answering
def qr(a: Any, mode: str = "full", pivoting: bool = False) -> Any:
    """QR factorization ``a = q @ r``, or ``a[:, p] = q @ r`` with pivots.

    Args:
        a: matrices of shape [..., M, N].
        mode: ``"full"``, where q is square and has a derivative for M <= N alone; ``"economic"``;
            ``"r"`` for r alone.
        pivoting: whether to choose columns so that the diagonal of r decreases; then the
            permutation p is returned too. Its choice has no derivative.

    >>> q, r, p = qr(np.array([[1.0, 2.0], [0.0, 2.0]]), mode="economic", pivoting=True)
    >>> print(p)
    [1 0]
    """
    if mode not in ("full", "economic", "r"):
        raise ValueError(f"qr: mode must be 'full', 'economic' or 'r': got {shown(mode)}")
    a = as_matrices(a)
    m, n = shape_of(a)[-2:]
    pivots: tuple[Any, ...] = ()
    if pivoting:
        p = column_pivots_p(stop_gradient(a))
        a, pivots = np.take_along_axis(a, np.expand_dims(p, -2), -1), (p,)
    if mode == "r":  # the rows beyond are 0
        (r,) = (np.linalg.qr(a)[1],)
        rows = max(m - n, 0)
        zeros = np.zeros((*shape_of(r)[:-2], rows, n), dtype_of(r))
        r = np.concatenate([r, zeros], axis=-2) if rows else r
        return (r, *pivots)
    q, r = np.linalg.qr(a, "complete" if mode == "full" else "reduced")
    return (q, r, *pivots)


@answering
def rq(a: Any, mode: str = "full") -> Any:
    """RQ factorization ``a = r @ q`` with r upper triangular and orthonormal rows of q.

    >>> r, q = rq(np.array([[3.0, 4.0]]), mode="economic")
    >>> print(np.abs(r).round(6))
    [[5.]]
    """
    a = as_matrices(a)
    factors = qr(adjoint(np.flip(a, -2)), mode)
    if mode == "r":
        return np.flip(adjoint(factors[0]), (-2, -1))
    q, r = factors
    return np.flip(adjoint(r), (-2, -1)), np.flip(adjoint(q), -2)


@answering
def qr_multiply(a: Any, c: Any, mode: str = "right", pivoting: bool = False) -> Any:
    """Product of ``c`` and the factor q of ``a`` (``q @ c`` if mode is ``"left"``), and r.

    >>> product, r = qr_multiply(np.eye(2), np.ones((1, 2)))
    >>> print(np.abs(product))
    [[1. 1.]]
    """
    if mode not in ("left", "right"):
        raise ValueError(f"qr_multiply: mode must be 'left' or 'right': got {shown(mode)}")
    q, *rest = qr(a, "economic", pivoting)
    c = operand(c)
    return (q @ c if mode == "left" else c @ q, *rest)


@answering
def pinvh(a: Any, rtol: Any = None) -> Any:
    """Pseudoinverse of Hermitian matrices.

    Args:
        a: shape [..., N, N], Hermitian.
        rtol: eigenvalues below this share of the largest count as 0.

    >>> pinvh(np.diag([2.0, 0.0]))
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    a = as_square_matrices(a)
    if rtol is None:
        rtol = shape_of(a)[-1] * np.finfo(dtype_of(a)).eps
    return np.linalg.pinv(a, rtol, hermitian=True)


def _rank(who: str, s: Any, shape: Any, rcond: Any) -> int:
    if isinstance(stop_gradient(s), Tracer):
        raise ConcretizationError(
            f"{who}: the rank must be known: got a traced matrix; compute it outside of jit"
        )
    values = np.asarray(stop_gradient(s))
    rcond = np.finfo(values.dtype).eps * max(shape) if rcond is None else rcond
    return int(np.sum(values > rcond * values.max(initial=0)))


@answering
def orth(a: Any, rcond: Any = None) -> Any:
    """Orthonormal basis of the range of a matrix, by its singular vectors.

    >>> np.abs(orth(np.diag([2.0, 0.0])))
    array([[1.],
           [0.]])
    """
    a = as_matrices(a)
    u, s, _ = np.linalg.svd(a, full_matrices=False)
    return u[:, : _rank("orth", s, shape_of(a), rcond)]


@answering
def null_space(a: Any, rcond: Any = None) -> Any:
    """Orthonormal basis of the null space of a matrix, which is not differentiable.

    >>> np.abs(null_space(np.diag([2.0, 0.0])))
    array([[0.],
           [1.]])
    """
    a = as_matrices(a)
    _, s, vh = np.linalg.svd(a, full_matrices=True)
    return adjoint(vh[_rank("null_space", s, shape_of(a), rcond) :])


@answering
def khatri_rao(a: Any, b: Any) -> Any:
    """Khatri-Rao product: Kronecker products of the columns of two matrices.

    >>> khatri_rao(np.array([[1, 2]]), np.array([[3, 4], [5, 6]]))
    array([[ 3,  8],
           [ 5, 12]])
    """
    a, b = operand(a), operand(b)
    if len(shape_of(a)) != 2 or len(shape_of(b)) != 2 or shape_of(a)[1] != shape_of(b)[1]:
        raise ShapeError(
            f"khatri_rao: expected two matrices of as many columns: got {aval_of(a)}, {aval_of(b)}"
        )
    product = a[:, None] * b
    return np.reshape(product, (-1, shape_of(a)[1]))


@answering
def orthogonal_procrustes(a: Any, b: Any) -> tuple[Any, Any]:
    """The orthogonal r for which ``a @ r`` is nearest to ``b``, and the sum of singular values.

    >>> r, scale = orthogonal_procrustes(np.eye(2), 2 * np.eye(2))
    >>> print(r.round(6), scale.round(6))
    [[1. 0.]
     [0. 1.]] 4.0
    """
    a, b = as_matrices(a), as_matrices(b)
    u, s, vh = np.linalg.svd(adjoint(adjoint(b) @ a))
    return u @ vh, np.sum(s)


@answering
def subspace_angles(a: Any, b: Any) -> Any:
    """Angles between the column spaces of two matrices, descending.

    Source: Knyazev & Argentati 2002, SIAM J. Sci. Comput. 23.

    >>> subspace_angles(np.array([[1.0], [0.0]]), np.array([[1.0], [1.0]])).round(6)
    array([0.785398])
    """
    q, p = orth(a), orth(b)
    product = adjoint(q) @ p
    cosines = np.linalg.svd(product, compute_uv=False)
    if shape_of(q)[1] >= shape_of(p)[1]:
        sines = np.linalg.svd(p - q @ product, compute_uv=False)
    else:
        sines = np.linalg.svd(q - p @ adjoint(product), compute_uv=False)
    sines = np.clip(sines[: shape_of(cosines)[0]], 0, 1)
    small = np.clip(cosines[::-1], 0, 1)
    return np.where(small**2 >= 0.5, np.arcsin(sines), np.arccos(small))


@answering
def diagsvd(s: Any, m: int, n: int) -> Any:
    """Matrix of shape [m, n] with singular values on its diagonal.

    >>> diagsvd(np.array([2.0]), 1, 2)
    array([[2., 0.]])
    """
    s = operand(s)
    return (
        np.eye(m, n, dtype=dtype_of(s))[:, : shape_of(s)[0]]
        @ np.diag(s)
        @ np.eye(shape_of(s)[0], n, dtype=dtype_of(s))
    )


@answering
def issymmetric(a: Any, atol: float | None = None, rtol: float | None = None) -> bool:
    """Whether a matrix equals its transpose, exactly or within tolerances.

    >>> issymmetric(np.eye(2))
    True
    """
    return _equal(a, np.asarray(a).T, atol, rtol)


@answering
def ishermitian(a: Any, atol: float | None = None, rtol: float | None = None) -> bool:
    """Whether a matrix equals its conjugate transpose, exactly or within tolerances.

    >>> ishermitian(np.array([[0, 1j], [-1j, 0]]))
    True
    """
    return _equal(a, np.conjugate(np.asarray(a).T), atol, rtol)


def _equal(a: Any, b: Any, atol: float | None, rtol: float | None) -> bool:
    if atol is None and rtol is None:
        return bool(np.array_equal(a, b))
    return bool(np.allclose(a, b, atol=atol or 0.0, rtol=rtol or 0.0))


@answering
def bandwidth(a: Any) -> tuple[int, int]:
    """Numbers of nonzero diagonals below and above the main one.

    >>> bandwidth(np.array([[1, 2], [0, 3]]))
    (0, 1)
    """
    i, j = np.nonzero(np.asarray(a))
    return int(np.max(i - j, initial=0)), int(np.max(j - i, initial=0))
