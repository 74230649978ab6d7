"""Factors of changed matrices, of indefinite ones, and real forms of complex eigenvalues."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..ops.linalg.ldl import ldl_p
from ..ops.linalg.matrices import adjoint, as_matrices, as_square_matrices
from ..ops.operand import operand
from .orthogonal import qr


def _product(who: str, q: Any, r: Any) -> tuple[Any, str]:
    q, r = as_matrices(q), as_matrices(r)
    if shape_of(q)[-1] != shape_of(r)[-2]:
        raise ShapeError(f"{who}: Q must have as many columns as R has rows: got {aval_of(q)} and "
                         f"{aval_of(r)}")  # fmt: skip
    return q @ r, "full" if shape_of(q)[-1] == shape_of(q)[-2] else "economic"


@answering
def qr_update(Q: Any, R: Any, u: Any, v: Any) -> tuple[Any, Any]:  # noqa: N803
    """QR factors of ``Q @ R + u v*``.

    Args:
        Q: unitary [M, M], or [M, N] of the economic form.
        R: upper triangular, shape [M, N] or [N, N].
        u, v: vectors [M] and [N], or matrices [M, K] and [N, K].

    The factors are those of a new factorization, in O(M N^2); a row of r may have another sign
    than in SciPy.

    >>> q, r = qr_update(np.eye(2), np.eye(2), np.ones(2), np.array([0.0, 1.0]))
    >>> print((q @ r).round(6))
    [[1. 1.]
     [0. 2.]]
    """
    a, mode = _product("qr_update", Q, R)
    u, v = (np.reshape(x, (shape_of(x)[0], -1)) for x in (operand(u), operand(v)))
    return qr(a + u @ adjoint(v), mode)  # type: ignore[no-any-return]


def _axis(who: str, which: str) -> int:
    if which not in ("row", "col"):
        raise ValueError(f"{who}: which must be 'row' or 'col': got {shown(which)}")
    return 0 if which == "row" else 1


@answering
def qr_insert(
    Q: Any, R: Any, u: Any, k: int, which: str = "row", rcond: Any = None  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """QR factors of ``Q @ R`` with rows, or columns, inserted before number k; see qr_update.

    Args:
        u: one row or column, or several as a matrix.
        which: ``"row"`` or ``"col"``.
        rcond: without effect.

    >>> q, r = qr_insert(np.eye(2), np.eye(2), np.ones(2), 1)
    >>> print((q @ r).round(6)[1])
    [1. 1.]
    """
    axis = _axis("qr_insert", which)
    a, mode = _product("qr_insert", Q, R)
    u = operand(u)
    u = np.expand_dims(u, axis) if len(shape_of(u)) == 1 else u
    head, tail = np.split(a, [k], axis)
    return qr(np.concatenate([head, u, tail], axis), mode)  # type: ignore[no-any-return]


@answering
def qr_delete(
    Q: Any, R: Any, k: int, p: int = 1, which: str = "row"  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """QR factors of ``Q @ R`` without p rows, or columns, from number k on; see qr_update.

    >>> q, r = qr_delete(np.eye(3), np.eye(3), 1, which="col")
    >>> print((q @ r).round(6).T)
    [[1. 0. 0.]
     [0. 0. 1.]]
    """
    axis = _axis("qr_delete", which)
    a, mode = _product("qr_delete", Q, R)
    k = k % shape_of(a)[axis]
    head, _, tail = np.split(a, [k, k + p], axis)
    return qr(np.concatenate([head, tail], axis), mode)  # type: ignore[no-any-return]


@answering
def ldl(A: Any, lower: bool = True, hermitian: bool = True) -> tuple[Any, Any, Any]:  # noqa: N803
    """Factors of a Hermitian, or symmetric, matrix that need not be definite: ``A = lu @ d @ lu*``.

    Args:
        A: matrices, shape [..., N, N], of which one triangle is read.
        lower: whether the lower triangle is read; lu is then lower triangular, else upper.
        hermitian: whether a complex matrix is Hermitian, or symmetric.

    Returns:
        lu with its rows as in A; d with diagonal blocks of one or two rows; and the permutation
        that makes ``lu[perm]`` triangular. The choice of pivots has no derivative.

    Source: Bunch & Kaufman 1977, by pivots as in LAPACK.

    >>> lu, d, perm = ldl(np.array([[0.0, 2.0], [2.0, 0.0]]))
    >>> print(lu, d, perm, sep="\\n")
    [[1. 0.]
     [0. 1.]]
    [[0. 2.]
     [2. 0.]]
    [0 1]
    """
    a = as_square_matrices(A)
    if lower:
        return tuple(ldl_p.bind(a, hermitian=bool(hermitian)))  # type: ignore[return-value]
    # from the last pivot to the first
    lu, d, perm = ldl_p.bind(np.flip(a, (-2, -1)), hermitian=bool(hermitian))
    perm = shape_of(a)[-1] - 1 - np.flip(perm, -1)
    return np.flip(lu, (-2, -1)), np.flip(d, (-2, -1)), perm


@answering
def cdf2rdf(w: Any, v: Any) -> tuple[Any, Any]:
    """Real block diagonal form of complex eigenvalues and eigenvectors of real matrices.

    Args:
        w: eigenvalues, shape [..., N]; of each pair of conjugate ones the second follows the first.
        v: eigenvectors as columns, shape [..., N, N].

    Returns:
        wr and vr, both [..., N, N] and real, with ``a @ vr = vr @ wr``.

    >>> w, v = np.linalg.eig(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    >>> print(cdf2rdf(w, v)[0])
    [[ 0.  1.]
     [-1.  0.]]
    """
    w, v = operand(w), as_square_matrices(v)
    if shape_of(w) != shape_of(v)[:-1]:
        raise ShapeError(f"cdf2rdf: w must be the eigenvalues of v: got {aval_of(w)} and "
                         f"{aval_of(v)}")  # fmt: skip
    x, y = np.real(w), np.imag(w)
    complex_ones = y != 0
    first = complex_ones & (np.cumsum(complex_ones, axis=-1) % 2 == 1)
    n = shape_of(w)[-1]
    above, below = np.eye(n, k=1), np.eye(n, k=-1)
    second = complex_ones & ~first
    wr = np.eye(n) * x[..., None] + np.where(first, y, 0)[..., None] * above
    wr = wr + np.where(second, y, 0)[..., None] * below
    return wr, np.where(first[..., None, :], -np.imag(v), np.real(v))
