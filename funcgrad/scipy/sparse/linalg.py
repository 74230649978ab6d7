"""Iterative and direct solvers of sparse systems, with the derivatives of the system."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.loops import fori_loop, while_loop
from ...control.solve import custom_linear_solve
from ...core.avals import aval_of, dtype_of, is_inexact, real_dtype, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering, publish as _publish
from ...core.trace import Tracer
from ...ops import elementwise as ew
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...sparse.matrix import CSR, csr
from .eigenvalues import eigsh as eigsh, svds as svds
from .exponential import expm_multiply as expm_multiply
from .least_squares import lsmr as lsmr, lsqr as lsqr
from .operators import LinearOperator as LinearOperator, aslinearoperator as aslinearoperator
from .systems import Map, SparseSystem, conjugate, dot, length, over

__all__ = [
    "LinearOperator", "aslinearoperator", "bicgstab", "cg", "cgs", "eigsh", "expm_multiply",
    "factorized", "gmres", "lsmr", "lsqr", "spsolve", "svds", "tfqmr",
]  # fmt: skip


@answering
def cg(
    A: Any, b: Any, x0: Any = None, *, rtol: float = 1e-5, atol: float = 0.0,  # noqa: N803
    maxiter: int | None = None, M: Any = None, callback: Any = None,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Solution of ``A x = b`` by conjugate gradients, for a Hermitian positive definite A.

    Args:
        A: a CSR, an array, a sparse matrix of SciPy's, or a linear function of arrays like ``b``.
        b: shape [n]; of a function, any shape.
        x0: the start, by default 0; it has no derivative.
        rtol, atol: stop where the residual is at most max(rtol norm(b), atol).
        maxiter: int, by default 10 n.
        M: an approximate inverse, a matrix or a function.
        callback: must be None.

    Returns:
        x, and 0, or the number of iterations if these did not suffice. Derivatives, in the elements
        of A and in b, are those of the system: each costs another solution.

    Source: Hestenes & Stiefel 1952, "Methods of conjugate gradients for solving linear systems".

    >>> from funcgrad.sparse import csr
    >>> x, info = cg(csr(np.array([[4.0, 1.0], [1.0, 3.0]])), np.array([1.0, 2.0]), rtol=1e-12)
    >>> print(x.round(6), info)
    [0.090909 0.636364] 0
    """
    return SparseSystem("cg", A, b, x0, rtol, atol, maxiter, M, callback).solved(conjugate, True)


@answering
def bicgstab(
    A: Any, b: Any, x0: Any = None, *, rtol: float = 1e-5, atol: float = 0.0,  # noqa: N803
    maxiter: int | None = None, M: Any = None, callback: Any = None,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Solution of ``A x = b`` by stabilized biconjugate gradients; see :func:`cg`.

    Source: van der Vorst 1992, "Bi-CGSTAB" (SIAM J. Sci. Stat. Comput. 13).

    >>> print(bicgstab(np.array([[4.0, 1.0], [0.0, 2.0]]), np.array([6.0, 4.0]))[0].round(6))
    [1. 2.]
    """
    return SparseSystem("bicgstab", A, b, x0, rtol, atol, maxiter, M, callback).solved(_stabilized)


@answering
def gmres(
    A: Any, b: Any, x0: Any = None, *, rtol: float = 1e-5, atol: float = 0.0,  # noqa: N803
    restart: int = 20, maxiter: int | None = None, M: Any = None,  # noqa: N803
    callback: Any = None, callback_type: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Solution of ``A x = b`` by generalized minimal residuals; see :func:`cg`.

    Args:
        restart: int, the number of directions between restarts.

    Source: Saad & Schultz 1986, "GMRES" (SIAM J. Sci. Stat. Comput. 7).

    >>> print(gmres(np.array([[4.0, 1.0], [0.0, 2.0]]), np.array([6.0, 4.0]))[0].round(6))
    [1. 2.]
    """
    system = SparseSystem("gmres", A, b, x0, rtol, atol, maxiter, M, callback)
    size = max(min(int(restart), aval_of(system.b).size), 1)
    return system.solved(lambda *args: _minimal(size, *args))


@answering
def cgs(
    A: Any, b: Any, x0: Any = None, *, rtol: float = 1e-5, atol: float = 0.0,  # noqa: N803
    maxiter: int | None = None, M: Any = None, callback: Any = None,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Solution of ``A x = b`` by squared conjugate gradients; see :func:`cg`.

    Source: Sonneveld 1989, "CGS" (SIAM J. Sci. Stat. Comput. 10).

    >>> print(cgs(np.array([[4.0, 1.0], [0.0, 2.0]]), np.array([6.0, 4.0]))[0].round(6))
    [1. 2.]
    """
    return SparseSystem("cgs", A, b, x0, rtol, atol, maxiter, M, callback).solved(_squared)


@answering
def tfqmr(
    A: Any, b: Any, x0: Any = None, *, rtol: float = 1e-5, atol: float = 0.0,  # noqa: N803
    maxiter: int | None = None, M: Any = None, callback: Any = None, show: bool = False,  # noqa: N803
) -> tuple[Any, Any]:  # fmt: skip
    """Solution of ``A x = b`` by quasi-minimal residuals without the transpose; see :func:`cg`.

    Args:
        show: False.

    Source: Freund 1993, "A transpose-free quasi-minimal residual algorithm" (SIAM J. Sci. Comput.
    14), algorithm 5.1.

    >>> print(tfqmr(np.array([[4.0, 1.0], [0.0, 2.0]]), np.array([6.0, 4.0]))[0].round(6))
    [1. 2.]
    """
    if show:
        raise ValueError("tfqmr: show must be False: got True")
    return SparseSystem("tfqmr", A, b, x0, rtol, atol, maxiter, M, callback).solved(_quasi_minimal)


def _squared(apply: Map, b: Any, x: Any, near: Map, bound: Any, most: int) -> Any:
    r = b - apply(x)
    shadow, one = r, np.ones((), dtype_of(r))

    def go_on(s: Any) -> Any:
        return np.logical_and(length(s[1]) > bound, s[-1] < most)

    def improve(s: Any) -> Any:
        x, r, p, q, rho, count = s
        new = dot(shadow, r)
        beta = over(new, rho)
        u = r + beta * q
        p = u + beta * (q + beta * p)
        v = apply(near(p))
        alpha = over(new, dot(shadow, v))
        q = u - alpha * v
        ahead = near(u + q)
        return x + alpha * ahead, r - alpha * apply(ahead), p, q, new, count + 1

    return while_loop(go_on, improve, (x, r, r * 0, r * 0, one, 0))[0]


def _quasi_minimal(apply: Map, b: Any, x: Any, near: Map, bound: Any, most: int) -> Any:
    r = b - apply(x)
    inner = lambda v: apply(near(v))
    v = inner(r)
    tau, zero = length(r), 0 * dot(r, r)

    def half(d: Any, w: Any, u: Any, au: Any, alpha: Any, s: tuple[Any, ...]) -> tuple[Any, ...]:
        """One step along u, of which two make an iteration."""
        y, theta, eta, tau = s
        w = w - alpha * au
        d = u + over(theta * theta * eta, alpha) * d
        theta = over(length(w), tau)
        c = 1 / (1 + theta * theta)
        tau, eta = tau * theta * np.sqrt(c), c * alpha
        return d, w, (y + eta * d, theta, eta, tau)

    def go_on(s: Any) -> Any:
        left = s[5][3] * np.sqrt(2.0 * s[-1] + 1) > bound
        return np.logical_and(left, s[-1] < most)

    def improve(s: Any) -> Any:
        d, w, u, v, au, at, rho, count = s
        alpha = over(rho, dot(r, v))
        d, w, at = half(d, w, u, au, alpha, at)
        u = u - alpha * v
        au = inner(u)
        d, w, at = half(d, w, u, au, alpha, at)
        new = dot(r, w)
        beta = over(new, rho)
        u = w + beta * u
        next_au = inner(u)
        return d, w, u, next_au + beta * (au + beta * v), next_au, at, new, count + 1

    state = (r * 0, r, r, v, v, (r * 0, 0 * tau, zero, tau), dot(r, r), 0)
    return x + near(while_loop(go_on, improve, state)[5][0])


def _stabilized(apply: Map, b: Any, x: Any, near: Map, bound: Any, most: int) -> Any:
    r = b - apply(x)
    shadow, one = r, np.ones((), dtype_of(r))

    def go_on(s: Any) -> Any:
        return np.logical_and(length(s[1]) > bound, s[-1] < most)

    def improve(s: Any) -> Any:
        x, r, p, v, rho, alpha, omega, count = s
        new = dot(shadow, r)
        beta = over(new, rho) * over(alpha, omega)
        p = r + beta * (p - omega * v)
        ahead = near(p)
        v = apply(ahead)
        alpha = over(new, dot(shadow, v))
        half = r - alpha * v
        side = near(half)
        t = apply(side)
        omega = over(dot(t, half), dot(t, t))
        x = x + alpha * ahead + omega * side
        return x, half - omega * t, p, v, new, alpha, omega, count + 1

    start = (x, r, r * 0, r * 0, one, one, one, 0)
    return while_loop(go_on, improve, start)[0]


def _minimal(size: int, apply: Map, b: Any, x: Any, near: Map, bound: Any, most: int) -> Any:
    shape, dtype = shape_of(b), dtype_of(b)

    directions = functools.partial(_directions, size, apply, near)

    def go_on(s: Any) -> Any:
        return np.logical_and(length(s[1]) > bound, s[2] < most)

    def improve(s: Any) -> Any:
        x, r, count = s
        basis, small = directions(r)
        right = np.where(np.arange(size + 1) == 0, cast(length(r), dtype), np.zeros((), dtype))
        weights = np.linalg.pinv(small) @ right
        x = x + near(np.reshape(weights @ basis[:-1], shape))
        return x, b - apply(x), count + 1

    return while_loop(go_on, improve, (x, b - apply(x), 0))[0]


def _directions(size: int, apply: Map, near: Map, r: Any) -> tuple[Any, Any]:
    """An orthonormal basis of r, A r, ..., and A in it."""
    shape, dtype = shape_of(r), dtype_of(r)
    basis = np.zeros((size + 1, aval_of(r).size), dtype)
    at = np.arange(size + 1)
    basis = np.where((at == 0)[:, None], np.reshape(r, (-1,)) * over(1.0, length(r)), basis)

    def extend(k: Any, s: Any) -> Any:
        basis, small = s
        last = cast(at == k, dtype) @ basis
        w = np.reshape(apply(near(np.reshape(last, shape))), (-1,))
        total = np.zeros(size + 1, dtype)
        for _ in range(2):  # twice is enough for orthogonality
            part = (ew.conj(basis) if ew.is_complex(basis) else basis) @ w
            part = np.where(at <= k, part, 0.0)
            w, total = w - part @ basis, total + part
        size_w = length(w)
        total = np.where(at == k + 1, cast(size_w, dtype), total)
        # the rest of a vector in the span is rounding
        alive = size_w > 10 * np.finfo(real_dtype(dtype)).eps * length(total)
        new = np.where(alive, w * over(1.0, size_w), 0.0)
        basis = np.where((at == k + 1)[:, None], new, basis)
        return basis, np.where(np.arange(size) == k, total[:, None], small)

    start = (basis, np.zeros((size + 1, size), dtype))
    return fori_loop(0, size, extend, start)  # type: ignore[no-any-return]


@answering
def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:  # noqa: N803
    """Solution of ``A x = b`` for a sparse matrix, differentiable in its elements and in ``b``.

    Args:
        A: a CSR, an array, or a sparse matrix of SciPy's, [n, n].
        b: shape [n] or [n, k].
        permc_spec, use_umfpack: ignored, for compatibility with SciPy.

    On known values SciPy's sparse factorization solves, if SciPy is installed; otherwise, and under
    jit and vmap, a dense one.

    Raises:
        LinAlgError: if the matrix is singular.

    >>> from funcgrad.sparse import csr
    >>> spsolve(csr(np.array([[2.0, 0.0], [1.0, 4.0]])), np.array([2.0, 9.0]))
    array([1., 2.])
    """
    a: Any = A if isinstance(A, CSR) else csr(A) if hasattr(A, "tocsr") else operand(A)
    b = strong(operand(b))
    b = b if is_inexact(dtype_of(b)) else cast(b, np.float64)
    n = shape_of(b)[0] if len(shape_of(b)) in (1, 2) else -1
    if a.shape != (n, n):
        raise ShapeError(f"spsolve: A must be {n} by {n} for b {aval_of(b)}: got {a.shape}")
    if not isinstance(a, CSR):
        return np.linalg.solve(a, b)
    b = cast(b, np.result_type(dtype_of(b), a.dtype))
    solve = lambda matrix: lambda matvec, y: _factored(matrix, y)
    return custom_linear_solve(lambda v: a @ v, b, solve(a), solve(a.T))


@answering
def factorized(A: Any) -> Callable[[Any], Any]:  # noqa: N803
    """Function that solves ``A x = b`` for b; see spsolve.

    >>> print(factorized(np.array([[2.0, 0.0], [0.0, 4.0]]))(np.array([2.0, 4.0])))
    [1. 1.]
    """
    return functools.partial(spsolve, A)


def _factored(a: CSR, b: Any) -> Any:
    """The solution of a system, by SciPy's factorization of known values."""
    data = stop_gradient(a.data)
    known = not isinstance(data, Tracer) and not isinstance(b, Tracer)
    if not known or a.nnz > 0.3 * a.shape[0] * a.shape[1]:
        return np.linalg.solve(CSR(data, a.pattern).todense(), b)
    try:
        from scipy.sparse.linalg import splu
    except ImportError:
        return np.linalg.solve(CSR(data, a.pattern).todense(), b)
    try:
        return splu(CSR(data, a.pattern).to_scipy().tocsc()).solve(np.asarray(b))
    except RuntimeError:
        raise np.linalg.LinAlgError("Singular matrix") from None


_publish(__name__)
