"""``jax.lax.linalg``: factorisations in the packed forms of LAPACK, by Householder reflections."""

from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ...core.registry import load
from . import numpy as jnp
from .arrays import lowered, raised


def lu(x: Any) -> tuple[Any, Any, Any]:
    """L and U in one matrix, the pivots, and the permutation of the rows."""
    packed, pivots = raised(load("funcgrad.linalg").lu_factor(lowered(jnp.asarray(x))))
    pivots = pivots.astype(np.int32)
    return packed, pivots, lu_pivots_to_permutation(pivots, packed.shape[-2])


def lu_pivots_to_permutation(pivots: Any, permutation_size: int) -> Any:
    """The permutation of rows that a sequence of exchanges makes."""
    pivots, n = jnp.asarray(pivots), permutation_size
    rows = jnp.broadcast_to(jnp.arange(n), (*pivots.shape[:-1], n))
    for i in range(pivots.shape[-1]):
        other = pivots[..., i : i + 1]
        a, b = rows[..., i : i + 1], jnp.take_along_axis(rows, other, axis=-1)
        places = jnp.arange(n)
        rows = jnp.where(places == i, b, jnp.where(places == other, a, rows))
    return rows.astype(np.int32)


def _reflected(v: Any, tau: Any, x: Any) -> Any:
    """(1 - tau v v') x."""
    return x - tau[..., None, None] * v[..., :, None] * (v[..., None, :].conj() @ x)


def _vector(a: Any, i: int, first: int) -> Any:
    """The vector of a reflection: 0, then 1, then the elements of a column below."""
    rows = np.arange(a.shape[-2])
    return jnp.where(rows > first, a[..., :, i], (rows == first).astype(a.dtype))


def householder_product(a: Any, taus: Any) -> Any:
    """The first columns of the product of reflections, which the columns of a matrix hold."""
    a, taus = jnp.asarray(a), jnp.asarray(taus)
    eye = jnp.eye(a.shape[-2], a.shape[-1], dtype=a.dtype)
    return ormqr(a, taus, jnp.broadcast_to(eye, a.shape))


def ormqr(a: Any, taus: Any, c: Any, *, left: bool = True, transpose: bool = False) -> Any:
    """Q c, or c Q, of a product Q of reflections; of its conjugate transpose by ``transpose``."""
    a, taus, c = jnp.asarray(a), jnp.asarray(taus), jnp.asarray(c)
    if not left:  # c Q = (Q' c')'
        return ormqr(a, taus, c.mT.conj(), transpose=not transpose).mT.conj()
    order = range(taus.shape[-1])
    for i in order if transpose else reversed(order):
        tau = taus[..., i].conj() if transpose else taus[..., i]
        c = _reflected(_vector(a, i, i), tau, c)
    return c


def hessenberg(a: Any) -> tuple[Any, Any]:
    """The Hessenberg form with the vectors of its reflections below, and their factors.

    Source: Golub & Van Loan 2013, Algorithm 7.4.2, in LAPACK's form (gehrd).
    """
    a = jnp.asarray(a)
    n, taus = a.shape[-1], []
    vectors = jnp.zeros_like(a)
    for i in range(n - 1):
        x = a[..., :, i]
        head, rest = x[..., i + 1], jnp.where(np.arange(n) > i + 1, x, 0)
        size = jnp.sum(jnp.abs(rest) ** 2, axis=-1)
        trivial = (size == 0) & (jnp.imag(head) == 0)
        norm = jnp.sqrt(jnp.where(trivial, 1, jnp.abs(head) ** 2 + size))
        beta = jnp.where(trivial, jnp.real(head), -jnp.copysign(norm, jnp.real(head)))
        tau = jnp.where(trivial, 0, (beta - head) / jnp.where(trivial, 1, beta))
        below = rest / jnp.where(trivial, 1, head - beta)[..., None]
        v = below + (np.arange(n) == i + 1)
        a = _reflected(v, tau.conj(), a)
        a = _reflected(v, tau.conj(), a.mT.conj()).mT.conj()  # from the right
        a = a.at[..., i + 2 :, i].set(0)
        vectors = vectors.at[..., :, i].set(below)
        taus.append(tau)
    return a + vectors, jnp.stack(taus, axis=-1) if taus else jnp.zeros((*a.shape[:-2], 0), a.dtype)


def tridiagonal(a: Any, *, lower: bool = True) -> tuple[Any, Any, Any, Any]:
    """The packed tridiagonal form of a Hermitian matrix, its diagonals, and the factors."""
    if not lower:
        raise UnsupportedError("tridiagonal: lower=False has no counterpart; use lower=True")
    a = jnp.asarray(a)
    low = jnp.tril(a, -1)
    middle = jnp.real(jnp.diagonal(a, axis1=-2, axis2=-1))
    whole = low + low.mT.conj() + middle[..., None] * jnp.eye(a.shape[-1], dtype=a.dtype)
    packed, taus = hessenberg(whole)
    d = jnp.real(jnp.diagonal(packed, axis1=-2, axis2=-1))
    e = jnp.real(jnp.diagonal(packed, offset=-1, axis1=-2, axis2=-1))
    return packed, d, e, taus


def cholesky_update(r_matrix: Any, w_vector: Any) -> Any:
    """The factor of r' r + w w', by rotations. Source: Golub & Van Loan 2013, section 6.5.4."""
    r, w = jnp.asarray(r_matrix), jnp.asarray(w_vector)
    for k in range(r.shape[-1]):
        row = r[..., k, :]
        length = jnp.hypot(row[..., k], w[..., k])[..., None]
        c, s = row[..., k, None] / length, w[..., k, None] / length
        r, w = r.at[..., k, :].set(c * row + s * w), c * w - s * row
    return r


def symmetric_product(
    a_matrix: Any, c_matrix: Any, *, alpha: Any = 1.0, beta: Any = 0.0,
    symmetrize_output: bool = False,
) -> Any:  # fmt: skip
    """alpha a a' + beta c."""
    a = jnp.asarray(a_matrix)
    return alpha * (a @ a.mT) + beta * jnp.asarray(c_matrix)


def schur(x: Any, *, compute_schur_vectors: bool = True, **_: Any) -> tuple[Any, ...]:
    """The Schur form, real of a real matrix, and its vectors."""
    found = raised(load("funcgrad.scipy.linalg").schur(lowered(jnp.asarray(x))))
    return tuple(found) if compute_schur_vectors else (found[0],)
