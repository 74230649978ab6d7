"""Algebraic Riccati equations, under SciPy's names."""

import functools
from typing import Any

import numpy as np

from ..control.loops import while_loop
from ..core.avals import aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..core.trace import is_concrete
from ..ops.linalg.matrices import adjoint, as_matrices, as_square_matrices
from ..ops.stop_gradient import stop_gradient
from .schur import solve_continuous_lyapunov, solve_discrete_lyapunov

_DOUBLINGS = 60
_REFINEMENTS = 3  # of Newton's method, each of which doubles the exact orders of derivatives
_DIGITS = 0.4  # of a residual, relative to those of the dtype


@answering
def solve_continuous_are(
    a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
) -> Any:
    """Stabilizing solution X of ``a* X e + e* X a - (e* X b + s) r^-1 (b* X e + s*) + q = 0``.

    Args:
        a, q: shape [..., M, M]; of q, the Hermitian part.
        b: shape [..., M, N].
        r: shape [..., N, N], not singular; its Hermitian part.
        e: shape [..., M, M], not singular; the identity by default.
        s: shape [..., M, N]; 0 by default.
        balanced: without effect, for SciPy's signature.

    Raises:
        LinAlgError: if there is no such solution; it may be nan instead under ``jit``.

    Source: Chu, Fan & Lin 2005, "A structure-preserving doubling algorithm"; its derivatives, to
    order 7, are those of steps of Newton's method (Kleinman 1968).

    >>> a, b = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0], [1.0]])
    >>> solve_continuous_are(a, b, np.eye(2), np.eye(1)).round(6)
    array([[1.732051, 1.      ],
           [1.      , 1.732051]])
    """
    who = "solve_continuous_are"
    a, b, q, r = _reduced(who, a, b, q, r, e, s)
    g = b @ np.linalg.solve(r, adjoint(b))
    x = _doubled(who, *_transformed(*map(stop_gradient, (a, g, q))))
    for _ in range(_REFINEMENTS):
        x = solve_continuous_lyapunov(adjoint(a - g @ x), -(q + x @ g @ x))
    return _checked(who, x, (adjoint(a) @ x, x @ a, -x @ g @ x, q))


@answering
def solve_discrete_are(
    a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
) -> Any:
    """Stabilizing solution X of ``a* X a - e* X e - (a* X b + s) (r + b* X b)^-1 (...)* + q = 0``.

    Args and errors are those of ``solve_continuous_are``.

    Source: Chu, Fan, Lin & Wang 2004, by a doubling algorithm; its derivatives, to order 7, are
    those of steps of Newton's method (Hewer 1971).

    >>> solve_discrete_are(2 * np.eye(1), np.eye(1), np.eye(1), np.eye(1)).round(6)
    array([[4.236068]])
    """
    who = "solve_discrete_are"
    a, b, q, r = _reduced(who, a, b, q, r, e, s)
    x = _doubled(who, *map(stop_gradient, (a, b @ np.linalg.solve(r, adjoint(b)), q)))
    for _ in range(_REFINEMENTS):
        gain = np.linalg.solve(r + adjoint(b) @ x @ b, adjoint(b) @ x @ a)
        closed = a - b @ gain
        x = solve_discrete_lyapunov(adjoint(closed), q + adjoint(gain) @ r @ gain)
    closed = a - b @ np.linalg.solve(r + adjoint(b) @ x @ b, adjoint(b) @ x @ a)
    return _checked(who, x, (adjoint(a) @ x @ closed, -x, q))


def _reduced(who: str, a: Any, b: Any, q: Any, r: Any, e: Any, s: Any) -> tuple[Any, ...]:
    """a, b, q and r of the equation of the same solution without e and s."""
    a, q, r, b = *map(as_square_matrices, (a, q, r)), as_matrices(b)
    s = np.zeros(shape_of(b), dtype_of(b)) if s is None else as_matrices(s)
    m, n = shape_of(b)[-2:]
    if (shape_of(a)[-1], shape_of(q)[-1], shape_of(r)[-1], *shape_of(s)[-2:]) != (m, m, n, m, n):
        raise ShapeError(
            f"{who}: b of {m} rows and {n} columns needs a and q of {m} rows, r of {n}, and s like "
            f"b: got {', '.join(str(aval_of(x)) for x in (a, b, q, r, s))} for a, b, q, r and s"
        )
    q, r = (q + adjoint(q)) / 2, (r + adjoint(r)) / 2
    if e is not None:  # multiply by e^-* from the left, and by e^-1 from the right
        inverse = np.linalg.inv(as_square_matrices(e))
        a, q, s = a @ inverse, adjoint(inverse) @ q @ inverse, adjoint(inverse) @ s
    back = np.linalg.solve(r, adjoint(s))
    return a - b @ back, b, q - s @ back, r


def _transformed(a: Any, g: Any, h: Any) -> tuple[Any, Any, Any]:
    """The discrete equation with the solution of a continuous one, by Cayley's transformation."""
    norm = lambda x: np.linalg.norm(x, axis=(-2, -1), keepdims=True)
    shift = norm(a) + np.sqrt(norm(g) * norm(h))
    eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    inverse = np.linalg.inv(a - shift * eye)
    middle = np.linalg.inv(adjoint(a - shift * eye) + h @ inverse @ g)
    return (
        eye + 2 * shift * adjoint(middle),
        2 * shift * inverse @ g @ middle,
        2 * shift * middle @ h @ inverse,
    )


def _doubled(who: str, a: Any, g: Any, h: Any) -> Any:
    """The solution of x = h + a* x (1 + g x)^-1 a, as a constant."""
    dtypes = map(dtype_of, (a, g, h))
    zero = np.zeros(broadcast_shapes(*map(shape_of, (a, g, h))), np.result_type(*dtypes))
    eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    eps = np.finfo(dtype_of(a)).eps

    def step(state: Any) -> Any:
        a, g, h, _, count = state
        half = np.linalg.solve(eye + g @ h, a)
        more = adjoint(a) @ h @ half
        g = g + a @ np.linalg.solve(eye + g @ h, g) @ adjoint(a)
        left = np.max(np.abs(more)) > eps * np.max(np.abs(h + more))
        return a @ half, g, h + more, left, count + 1

    going = lambda state: state[3] & (state[4] < _DOUBLINGS)
    with np.errstate(over="ignore", invalid="ignore"):  # if there is no solution
        x = while_loop(going, step, (a + zero, g + zero, h + zero, np.True_, 0))[2]
    _refuse(who, np.isfinite(x))
    return x


def _checked(who: str, x: Any, terms: tuple[Any, ...]) -> Any:
    """The solution, if the terms of its equation add up to 0."""
    sizes = [np.max(np.abs(stop_gradient(t)), axis=(-2, -1)) for t in (sum(terms), *terms)]
    tolerance = np.finfo(dtype_of(x)).eps ** _DIGITS
    solved = sizes[0] <= tolerance * functools.reduce(np.maximum, sizes[1:])  # False for nan
    _refuse(who, solved)
    return np.where(solved[..., None, None], x, np.nan)


def _refuse(who: str, solved: Any) -> None:
    if is_concrete(solved) and not np.all(solved):
        raise np.linalg.LinAlgError(f"{who}: the equation has no finite stabilizing solution")
