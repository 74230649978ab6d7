"""``jax.scipy.sparse.linalg``: systems of trees by Krylov methods, with implicit derivatives."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.loops import while_loop
from ...control.solve import custom_linear_solve
from ...ops.ravel import ravel_pytree
from .arrays import inward, lowered, raised

Map = Callable[[Any], Any]


def _solved(
    method: Callable[..., Any], a: Any, b: Any, x0: Any, tol: Any, atol: Any, maxiter: Any,
    preconditioner: Any, symmetric: bool,
) -> tuple[Any, None]:  # fmt: skip
    flat, unravel = ravel_pytree(lowered(b))
    tol, atol, maxiter = lowered((tol, atol, maxiter))  # may be traced
    start = np.zeros_like(flat) if x0 is None else ravel_pytree(lowered(x0))[0]
    steps = 10 * flat.size if maxiter is None else maxiter

    def on_vectors(fun: Any) -> Map:
        if fun is None:
            return lambda v: v
        if not callable(fun):
            matrix = lowered(fun)
            return lambda v: matrix @ v
        return lambda v: ravel_pytree(inward(fun)(unravel(v)))[0]

    precondition = on_vectors(preconditioner)

    def solve(matvec: Map, rhs: Any, first: Any = None) -> Any:
        first = np.zeros_like(rhs) if first is None else first
        target = np.maximum(tol * _norm(rhs), atol) ** 2
        return method(matvec, rhs, first, precondition, target, steps)

    matvec = on_vectors(a)
    offset = flat if x0 is None else flat - matvec(start)
    x = custom_linear_solve(matvec, offset, solve, solve, symmetric=symmetric)
    return raised(unravel(x if x0 is None else start + x)), None


def _norm(v: Any) -> Any:
    return np.sqrt(_dot(v, v).real)


def _dot(u: Any, v: Any) -> Any:
    return np.vdot(u, v)


def _cg(a: Map, b: Any, x: Any, m: Map, target: Any, steps: int) -> Any:
    """Source: Saad 2003, Algorithm 9.1."""
    r = b - a(x)
    z = m(r)

    def going(state: Any) -> Any:
        _, r, _, _, k = state
        return (_dot(r, r).real > target) & (k < steps)

    def step(state: Any) -> Any:
        x, r, p, rz, k = state
        ap = a(p)
        alpha = rz / _dot(p, ap)
        x, r = x + alpha * p, r - alpha * ap
        z = m(r)
        new = _dot(r, z)
        return x, r, z + new / rz * p, new, k + 1

    return while_loop(going, step, (x, r, z, _dot(r, z), 0))[0]


def _bicgstab(a: Map, b: Any, x: Any, m: Map, target: Any, steps: int) -> Any:
    """Source: van der Vorst 1992, with a preconditioner from the right."""
    r = b - a(x)
    shadow = r

    def going(state: Any) -> Any:
        _, r, _, rho, k = state
        return (_dot(r, r).real > target) & (k < steps) & (rho != 0)

    def step(state: Any) -> Any:
        x, r, p, rho, k = state
        ph = m(p)
        v = a(ph)
        alpha = rho / _dot(shadow, v)
        s = r - alpha * v
        sh = m(s)
        t = a(sh)
        tt = _dot(t, t)
        omega = _dot(t, s) / np.where(tt == 0, 1, tt)
        x, r = x + alpha * ph + omega * sh, s - omega * t
        new = _dot(shadow, r)
        beta = new / rho * alpha / np.where(omega == 0, 1, omega)
        return x, r, r + beta * (p - omega * v), new, k + 1

    return while_loop(going, step, (x, r, r, _dot(shadow, r), 0))[0]


def _gmres(restart: int) -> Callable[..., Any]:
    """Restarted GMRES: the least residual in a Krylov space, by its orthonormal basis."""

    def method(a: Map, b: Any, x: Any, m: Map, target: Any, steps: int) -> Any:
        size = min(restart, b.size)

        def cycle(state: Any) -> Any:
            x, r, k = state
            norm = _norm(r)
            basis = [r / np.where(norm == 0, 1, norm)]
            images = []
            for _ in range(size):
                w = a(m(basis[-1]))
                images.append(w)
                for _ in range(2):  # twice is enough: Kahan
                    q = np.stack(basis)
                    w = w - np.conj(q).T.conj() @ (np.conj(q) @ w)
                norm = _norm(w)
                tiny = norm <= 1e-6 * _norm(images[-1])  # the space is invariant
                basis.append(np.where(tiny, 0, w / np.where(tiny, 1, norm)))
            columns = np.stack(images, axis=1)
            y = np.linalg.lstsq(columns, r, rcond=None)[0]
            x = x + m(np.stack(basis[:size], axis=1) @ y)
            return x, b - a(x), k + 1

        def going(state: Any) -> Any:
            _, r, k = state
            return (_dot(r, r).real > target) & (k < steps)

        return while_loop(going, cycle, (x, b - a(x), 0))[0]

    return method


# fmt: off
# ruff: noqa: N803, the names of JAX's arguments
def cg(
    A: Any, b: Any, x0: Any = None, *, tol: Any = 1e-5, atol: Any = 0.0, maxiter: Any = None,
    M: Any = None,
) -> tuple[Any, None]:
    """Solve A x = b of a Hermitian, positive definite map or matrix by conjugate gradients."""
    return _solved(_cg, A, b, x0, tol, atol, maxiter, M, True)


def bicgstab(
    A: Any, b: Any, x0: Any = None, *, tol: Any = 1e-5, atol: Any = 0.0, maxiter: Any = None,
    M: Any = None,
) -> tuple[Any, None]:
    """Solve A x = b by stabilised biconjugate gradients."""
    return _solved(_bicgstab, A, b, x0, tol, atol, maxiter, M, False)


def gmres(
    A: Any, b: Any, x0: Any = None, *, tol: Any = 1e-5, atol: Any = 0.0, restart: int = 20,
    maxiter: Any = None, M: Any = None, solve_method: str = "batched",
) -> tuple[Any, None]:
    """Solve A x = b by restarted GMRES."""
    return _solved(_gmres(restart), A, b, x0, tol, atol, maxiter, M, False)
# fmt: on
