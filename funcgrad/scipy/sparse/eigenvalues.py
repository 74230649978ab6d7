"""Some eigenvalues and singular values of large matrices, with their derivatives.

Small matrices are decomposed as dense ones. Others by Lanczos's method with a thick restart (Wu &
Simon 2000, SIAM J. Matrix Anal. Appl. 22); derivatives are those of the equations A V = V diag(w)
and V* V = 1: along the vectors that were found by differences of eigenvalues, beside them by
conjugate gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...control.implicit import custom_root
from ...control.loops import fori_loop, while_loop
from ...control.solve import custom_linear_solve
from ...core.avals import shape_of
from ...core.errors import ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.structure import cast
from .operators import LinearOperator, aslinearoperator
from .systems import Map, length, over

DENSE = 160  # rows of a matrix that is decomposed as a dense one
ENDS = ("LM", "LA", "SA", "BE")


@answering
def eigsh(
    A: Any, k: int = 6, M: Any = None, sigma: Any = None, which: str = "LM",  # noqa: N803
    v0: Any = None, ncv: int | None = None, maxiter: int | None = None, tol: float = 0.0,
    return_eigenvectors: bool = True,
) -> Any:  # fmt: skip
    """The k eigenvalues at the ends of the spectrum of a real symmetric matrix, and eigenvectors.

    Args:
        A: a CSR, an array, a LinearOperator or a sparse matrix of SciPy's, [n, n].
        k: int < n.
        M, sigma: None.
        which: ``"LM"``, of largest magnitude; ``"LA"`` and ``"SA"``, largest and smallest;
            ``"BE"``, half of each.
        v0: the start, shape [n].
        ncv: the number of vectors that are kept, by default max(2 k + 1, 20).
        maxiter: int, by default 10 n restarts.
        tol: relative error of eigenvalues, by default that of rounding.
        return_eigenvectors: whether to return them, [n, k]; else the eigenvalues alone.

    Returns:
        Eigenvalues, ascending, and eigenvectors as columns, with derivatives of every order where
        the eigenvalues differ.

    >>> print(eigsh(np.diag([1.0, 2.0, 5.0]), 1)[0])
    [5.]
    """
    a, k = aslinearoperator(A), int(k)
    n = a.shape[0]
    a.check("eigsh", n)
    if M is not None or sigma is not None:
        raise UnsupportedError("eigsh: M and sigma must be None: solve for them before")
    if which not in ENDS:
        raise ValueError(f"eigsh: which must be one of {', '.join(ENDS)}: got {shown(which)}")
    if not 0 < k < n:
        raise ShapeError(f"eigsh: k must be from 1 to {n - 1}: got {k}")
    if a.dtype.kind == "c":
        raise UnsupportedError("eigsh: the matrix must be real: got a complex one")
    size = min(n, max(2 * k + 1, 20) if ncv is None else int(ncv))
    if n <= DENSE or size >= n:
        w, v = np.linalg.eigh(a.matmat(np.eye(n)))
        at = _chosen(w, k, which)
        w, v = w[at], v[:, at]
    else:
        w, v = _at_ends(a, n, k, size, which, v0, 10 * n if maxiter is None else maxiter, tol)
    return (w, v) if return_eigenvectors else w


def _chosen(w: Any, k: int, which: str) -> Any:
    """The places, ascending, of the wanted ones of ascending eigenvalues."""
    n = shape_of(w)[0]
    if which == "SA":
        return np.arange(k)
    if which == "LA":
        return np.arange(n - k, n)
    if which == "BE":
        return np.concatenate([np.arange(k // 2), np.arange(n - (k - k // 2), n)])
    return np.sort(np.argsort(np.abs(w))[n - k :])


def _at_ends(
    a: LinearOperator, n: int, k: int, size: int, which: str, v0: Any, most: int, tol: float
) -> tuple[Any, Any]:
    start = np.cos(np.arange(1.0, n + 1) ** 2) if v0 is None else operand(v0)
    zeros = np.zeros(k), np.zeros((n, k))

    def equations(z: Any) -> Any:
        w, v = z
        return 0.5 * (1 - np.sum(v * v, axis=0)), a.matmat(v) - v * w

    def solve(f: Any, _: Any) -> Any:
        products = lambda v: f((np.zeros(k), _columns(v, k)))[1][:, 0]
        return _Lanczos(products, n, k, size, which, most, tol).run(start)

    return custom_root(equations, zeros, solve, _moved)  # type: ignore[no-any-return]


def _columns(v: Any, k: int) -> Any:
    return np.where(np.arange(k) == 0, v[:, None], 0.0)


def _moved(g: Callable[[Any], Any], y: Any) -> Any:
    """The tangents (dw, dV) with g(dw, dV) = y, the derivative of the equations at (w, V)."""
    s, r = y
    n, k = shape_of(r)
    none = np.zeros(k)
    v = -g((np.ones(k), np.zeros((n, k))))[1]  # the eigenvectors
    apart = lambda x: g((none, x))[1]  # A x - x diag(w)
    dw = -np.sum(v * r, axis=0)
    along: Any = -s * v
    for shift in range(1, k):  # column i along eigenvector i - shift
        other = np.roll(v, shift, axis=1)
        gap = np.sum(other * apart(other), axis=0)
        along = along + other * over(np.sum(other * r, axis=0), gap)
    beside = lambda x: x - v @ (v.T @ x)
    # A - w is definite beside the eigenvectors, since these are at the ends of the spectrum
    probe = beside(np.broadcast_to(np.cos(np.arange(1.0, n + 1))[:, None], (n, k)))
    sign = np.sign(np.sum(probe * apart(probe), axis=0))
    apply = lambda x: sign * beside(apart(beside(x))) + v @ (v.T @ x)
    rest = custom_linear_solve(apply, sign * beside(r), _by_columns, symmetric=True)
    return dw, along + beside(rest)


def _by_columns(matvec: Map, b: Any) -> Any:
    """Conjugate gradients for the columns of a matrix, whose systems differ."""
    norm = lambda x: np.sqrt(np.sum(x * x, axis=0))
    bound, most = 1e-14 * norm(b), 10 * shape_of(b)[0]

    def improve(s: Any) -> Any:
        x, r, p, rho, count = s
        q = matvec(p)
        step = over(rho, np.sum(p * q, axis=0))
        x, r = x + step * p, r - step * q
        new = np.sum(r * r, axis=0)
        return x, r, r + over(new, rho) * p, new, count + 1

    go_on = lambda s: np.any(norm(s[1]) > bound) & (s[4] < most)
    return while_loop(go_on, improve, (b * 0, b, b, np.sum(b * b, axis=0), 0))[0]


@dataclass(frozen=True)
class _Lanczos:
    """A basis of ``size`` vectors, restarted with its best Ritz vectors, for k eigenvalues."""

    products: Map
    n: int
    k: int
    size: int
    which: str
    most: int
    tol: float

    def run(self, start: Any) -> tuple[Any, Any]:
        at, size, k = np.arange(self.size + 1), self.size, self.k
        unit = start * over(1.0, length(start))
        basis = np.where((at == 0)[:, None], unit, np.zeros((size + 1, self.n)))
        first = fori_loop(0, size, self.extend, (basis, np.zeros((size + 1, size))))
        basis, small, _ = while_loop(self.go_on, self.restart, (*first, np.int64(0)))
        w, y, _ = self.decomposed(small)
        w, v = w[size - k :], basis[:-1].T @ y[:, size - k :]
        order = np.argsort(w)
        return w[order], v[:, order]

    def extend(self, j: Any, s: Any) -> Any:
        """Add A times vector j, without its parts along the basis, which are column j."""
        basis, small = s
        at = np.arange(self.size + 1)
        w, total = self.products(cast(at == j, np.float64) @ basis), np.zeros(self.size + 1)
        for _ in range(2):  # twice is enough for orthogonality
            part = np.where(at <= j, basis @ w, 0)
            w, total = w - part @ basis, total + part
        norm = length(w)
        total = np.where(at == j + 1, norm, total)
        basis = np.where((at == j + 1)[:, None], w * over(1.0, norm), basis)
        return basis, np.where(np.arange(self.size) == j, total[:, None], small)

    def decomposed(self, small: Any) -> tuple[Any, ...]:
        """Ritz values, vectors and residuals of a basis, the wanted ones last."""
        square = np.triu(small[:-1])
        w, y = np.linalg.eigh(square + np.triu(square, 1).T)
        order = _order(w, self.which)
        w, y = w[order], y[:, order]
        return w, y, np.abs(small[-1, -1] * y[-1])

    def restart(self, s: Any) -> Any:
        basis, small, count = s
        size, at = self.size, np.arange(self.size + 1)
        keep = min(self.k + (size - self.k) // 2, size - 2)
        w, y, _ = self.decomposed(small)
        w, y = w[size - keep :], y[:, size - keep :]
        basis = np.concatenate([y.T @ basis[:-1], basis[-1:], np.zeros((size - keep, self.n))])
        diagonal = np.pad(w, (0, size - keep))
        small = np.where(at[:, None] == at[:-1], diagonal, np.zeros((size + 1, size)))
        return *fori_loop(keep, size, self.extend, (basis, small)), count + 1

    def go_on(self, s: Any) -> Any:
        w, _, error = self.decomposed(s[1])
        eps, last = np.finfo(np.float64).eps, self.size - self.k
        bound = max(self.tol, 8 * eps) * np.maximum(np.abs(w[last:]), eps ** (2 / 3))
        return np.any(error[last:] > bound) & (s[2] < self.most)


def _order(w: Any, which: str) -> Any:
    """The places of ascending values, the wanted ones last."""
    n = shape_of(w)[0]
    if which == "LA":
        return np.arange(n)
    if which == "SA":
        return np.arange(n)[::-1]
    if which == "BE":  # from the middle outwards
        place = np.arange(n)
        return np.argsort(np.abs(place - 0.5 * (n - 1) + 0.25), kind="stable")
    return np.argsort(np.abs(w))


@answering
def svds(
    A: Any, k: int = 6, ncv: int | None = None, tol: float = 0.0, which: str = "LM",  # noqa: N803
    v0: Any = None, maxiter: int | None = None, return_singular_vectors: Any = True,
) -> Any:  # fmt: skip
    """The k largest singular values of a real matrix, ascending, and singular vectors.

    Args:
        A: a CSR, an array, a LinearOperator or a sparse matrix of SciPy's, [m, n].
        k: int < min(m, n).
        which: ``"LM"``.
        v0, ncv, maxiter, tol: as in eigsh.
        return_singular_vectors: False for the singular values alone.

    Returns:
        u [m, k], the singular values [k], and vh [k, n], from eigenvalues of A* A or A A*.

    >>> print(svds(np.diag([1.0, 2.0, 5.0]), 1)[1])
    [5.]
    """
    a = aslinearoperator(A)
    if which != "LM":
        raise UnsupportedError(f"svds: which must be 'LM': got {shown(which)}")
    if not 0 < k < min(a.shape):
        raise ShapeError(f"svds: k must be from 1 to {min(a.shape) - 1}: got {k}")
    wide = a.shape[0] < a.shape[1]
    inner = a.adjoint() if wide else a
    product = lambda v: inner.rmatvec(inner.matvec(v))
    size = inner.shape[1]
    gram = LinearOperator((size, size), product, product, dtype=a.dtype)
    w, v = eigsh(gram, k, which="LA", v0=v0, ncv=ncv, maxiter=maxiter, tol=tol)
    s = np.sqrt(np.maximum(w, 0))
    if return_singular_vectors is False:
        return s
    u = inner.matmat(v) * over(1.0, s)
    return (v, s, u.T) if wide else (u, s, v.T)
