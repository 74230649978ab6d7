"""Linear programs, and linear least squares with bounds, by quadratic programs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating
from .quadratic import solve_qp


class LinearResult(NamedTuple):
    """The optimum of a linear program, nan if none was found."""

    x: Any  # [n]
    fun: Any
    slack: Any  # [m], b_ub - A_ub x
    con: Any  # [p], b_eq - A_eq x
    success: Any


class BoundedResult(NamedTuple):
    """The solution of a linear least-squares problem with bounds."""

    x: Any  # [n]
    cost: Any  # half the sum of the squared residuals
    fun: Any  # [m], A x - b
    active_mask: Any  # [n], -1 at a lower bound, 1 at an upper one, else 0
    success: Any


@answering
def linprog(
    c: Any, A_ub: Any = None, b_ub: Any = None, A_eq: Any = None, b_eq: Any = None,  # noqa: N803
    bounds: Any = (0, None), method: str = "highs",
) -> LinearResult:  # fmt: skip
    """Minimum of c^T x with A_ub x <= b_ub, A_eq x = b_eq and bounds, differentiable in them all.

    Args:
        c: shape [n].
        A_ub, b_ub: inequalities, shapes [m, n] and [m], or None.
        A_eq, b_eq: equations, shapes [p, n] and [p], or None.
        bounds: a pair (low, high) for all elements, or one for each; None for an infinite bound.
        method: accepted for SciPy's sake; all are :func:`solve_qp`.

    At a vertex the derivative is that of the vertex.

    >>> found = linprog([-1.0, -2.0], A_ub=[[1.0, 1.0]], b_ub=[4.0], bounds=(0, 3))
    >>> print(found.x.round(9), found.fun.round(9))
    [1. 3.] -7.0
    """
    c = as_floating(c)
    given = (None if v is None else as_floating(v) for v in (A_ub, b_ub, A_eq, b_eq))
    a_ub, b_ub, a_eq, b_eq = given
    n = shape_of(c)[0] if shape_of(c) else 1
    found = solve_qp(np.zeros((n, n)), c, a_eq, b_eq, a_ub, b_ub, _sides("linprog", bounds, n))
    rest = lambda a, b: np.zeros(0) if a is None else b - a @ found.x
    return LinearResult(found.x, found.fun, rest(a_ub, b_ub), rest(a_eq, b_eq), found.success)


@answering
def lsq_linear(
    A: Any, b: Any, bounds: Any = (-np.inf, np.inf),  # noqa: N803
) -> BoundedResult:  # fmt: skip
    """Minimum of |A x - b|^2 / 2 with bounds, differentiable in A, b and the bounds.

    Args:
        A: shape [m, n], of rank n.
        b: shape [m].
        bounds: a pair (low, high) of scalars or vectors [n], or an object with ``lb`` and ``ub``.

    A quadratic program finds the elements at bounds. The others follow by least squares.

    >>> print(lsq_linear(np.eye(2), np.array([2.0, -1.0]), bounds=(0, 1)).x.round(9))
    [1. 0.]
    """
    a, b = as_floating(A), as_floating(b)
    if len(shape_of(a)) != 2 or shape_of(b) != shape_of(a)[:1]:
        raise ShapeError(
            f"lsq_linear: A must be a matrix and b a vector of as many rows: got {aval_of(a)} and "
            f"{aval_of(b)}"
        )
    n = shape_of(a)[1]
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    low, high = (np.broadcast_to(as_floating(v), (n,)) for v in (low, high))
    columns, right, *ends = map(stop_gradient, (a, b, low, high))
    norms = np.sqrt(np.sum(columns * columns, axis=0))
    norms = np.where(norms > 0, norms, 1)
    columns = columns / norms
    sides = ends[0] * norms, ends[1] * norms
    found = solve_qp(columns.T @ columns, -columns.T @ right, bounds=sides)
    at_high, at_low = found.active[:n], found.active[n:]
    held = np.where(at_high, high, np.where(at_low, low, 0))
    free = ~(at_high | at_low)
    inner, *_ = np.linalg.lstsq(np.where(free, a, 0), b - a @ held, rcond=None)
    x = np.where(found.success, np.where(free, inner, held), np.nan)
    rest = a @ x - b
    mask = np.where(at_high, 1, np.where(at_low, -1, 0))
    return BoundedResult(x, rest @ rest / 2, rest, mask, found.success)


@answering
def nnls(A: Any, b: Any, maxiter: int | None = None) -> tuple[Any, Any]:  # noqa: N803
    """The x >= 0 that minimizes |A x - b|, and that norm; see :func:`lsq_linear`.

    Args:
        A: shape [m, n], of rank n.
        b: shape [m].
        maxiter: accepted for SciPy's sake.

    >>> x, norm = nnls(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([2.0, 1.0, 1.0]))
    >>> print(x.round(9), norm.round(6))
    [1.5 1. ] 0.707107
    """
    found = lsq_linear(A, b, (0.0, np.inf))
    return found.x, np.linalg.norm(found.fun)


def _sides(who: str, bounds: Any, n: int) -> tuple[Any, Any]:
    """The lower and the upper bounds of all elements."""
    if hasattr(bounds, "lb"):
        return bounds.lb, bounds.ub
    pairs = [(None, None)] if bounds is None else _pairs(bounds)
    if len(pairs) not in (1, n):
        raise ShapeError(
            f"{who}: bounds must be one pair, or one for each of {n} elements: got {len(pairs)}"
            f"; write [(low, high)] * {n}"
        )
    side = lambda k, far: np.stack([as_floating(far if p[k] is None else p[k]) for p in pairs])
    spread = lambda v: np.broadcast_to(v, (n,))
    return spread(side(0, -np.inf)), spread(side(1, np.inf))


def _pairs(bounds: Any) -> list[Sequence[Any]]:
    if len(bounds) == 2 and all(v is None or shape_of(operand(v)) == () for v in bounds):
        return [tuple(bounds)]
    return list(bounds)
