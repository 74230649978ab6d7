"""solve_qp: dense quadratic programs, as a program that jit and vmap take."""

from typing import Any, NamedTuple

import numpy as np

from ...control.loops import while_loop
from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating

_MOST = 60  # iterations


class QPResult(NamedTuple):
    """The optimum of a quadratic program, nan if none was found."""

    x: Any  # [n]
    fun: Any
    equality: Any  # [p], multipliers
    inequality: Any  # [m], multipliers, at least 0, and 0 where the constraint is not active
    active: Any  # [m], whether the inequality holds with equality
    success: Any


class _Program(NamedTuple):
    q: Any
    c: Any
    a: Any
    b: Any
    g: Any
    h: Any


class _Point(NamedTuple):
    x: Any
    y: Any
    z: Any  # multipliers of inequalities
    s: Any  # their slacks
    count: Any
    gap: Any


@answering
def solve_qp(
    Q: Any, c: Any, A: Any = None, b: Any = None, G: Any = None, h: Any = None,  # noqa: N803
    bounds: Any = None,
) -> QPResult:  # fmt: skip
    """Minimum of x^T Q x / 2 + c^T x with A x = b, G x <= h and bounds, differentiable in them all.

    Args:
        Q: symmetric and positive semidefinite, shape [n, n]; 0 for a linear program.
        c: shape [n].
        A, b: equations, shapes [p, n] and [p], or None.
        G, h: inequalities, shapes [m, n] and [m], or None; h may be infinite.
        bounds: a pair (low, high) of scalars or vectors [n], which count as inequalities: those of
            the upper bounds come after ``G``, and then those of the lower ones.

    The active inequalities are found by an interior-point method; x follows from the linear system
    of its active set, which is differentiated. At a weakly active inequality the derivative is that
    of one side.

    Source: Mehrotra 1992, "On the implementation of a primal-dual interior point method" (SIAM J.
    Optim. 2).

    >>> found = solve_qp(np.eye(2), np.array([-1.0, -3.0]), G=np.ones((1, 2)), h=np.array([2.0]))
    >>> print(found.x.round(9), found.active)
    [0. 2.] [ True]
    """
    p = _checked(Q, c, A, b, G, h, bounds)
    active, unique, good, inner = stop_gradient(_active_set(_Program(*stop_gradient(p))))
    x, y, z = _on_active(p, active, inner.x)
    # at a vertex with redundant constraints these are one choice of many, and may be negative
    y, z = np.where(unique, y, inner.y), np.where(unique, z, inner.z)
    fun = x @ (p.q @ x) / 2 + p.c @ x
    x, y, z, fun = (np.where(good, v, np.nan) for v in (x, y, z, fun))
    return QPResult(x, fun, y, z, active, good)


def _checked(q: Any, c: Any, a: Any, b: Any, g: Any, h: Any, bounds: Any) -> _Program:
    c = as_floating(c)
    n = shape_of(c)[0] if len(shape_of(c)) == 1 else -1
    given = {"Q": (q, 2), "A": (a, 2), "G": (g, 2), "b": (b, 1), "h": (h, 1)}
    full = {}
    for name, (x, rank) in given.items():
        x = np.zeros((0, n)[-rank:] if rank == 2 else (0,)) if x is None else as_floating(x)
        full[name] = x
        if len(shape_of(x)) != rank or (rank == 2 and shape_of(x)[1] != n):
            want = f"[., {n}]" if rank == 2 else "a vector"
            raise ShapeError(
                f"solve_qp: {name} must be {want} for c {aval_of(c)}: got {aval_of(x)}"
            )
    for left, right in (("A", "b"), ("G", "h")):
        if shape_of(full[left])[0] != shape_of(full[right])[0]:
            raise ShapeError(
                f"solve_qp: {left} and {right} must have equally many rows: got "
                f"{aval_of(full[left])} and {aval_of(full[right])}"
                "; give one bound for each row"
            )
    if shape_of(full["Q"])[0] != n:
        raise ShapeError(
            f"solve_qp: Q must be square: got {aval_of(full['Q'])}; give [n, n] for n unknowns"
        )
    rows, limits = full["G"], full["h"]
    if bounds is not None:
        low, high = (np.broadcast_to(as_floating(v), (n,)) for v in bounds)
        unit = np.eye(n)
        rows = np.concatenate([rows, unit, -unit])
        limits = np.concatenate([limits, high, -low])
    finite = np.isfinite(stop_gradient(limits))
    rows = np.where(finite[:, None], rows, 0.0)
    limits = np.where(finite, limits, 1.0)
    dtype = np.result_type(*map(dtype_of, (full["Q"], c)))
    parts = (full["Q"], c, full["A"], full["b"], rows, limits)
    return _Program(*(cast(x, dtype) for x in parts))


def _interior(p: _Program) -> _Point:
    """A point near the optimum, by Mehrotra's predictor and corrector."""
    m, dtype = shape_of(p.h)[0], dtype_of(p.c)
    one = np.ones(m, dtype)
    x, y, z = _direction(p, one, one, -p.c, p.b, p.h)
    s, z = -z + _lift(-z), z + _lift(z)
    both = s @ z / 2
    s, z = (
        s + both / np.maximum(np.sum(z), 1e-8) + 1e-2,
        z + both / np.maximum(np.sum(s), 1e-8) + 1e-2,
    )
    point = _Point(x, y, z, s, 0, np.asarray(np.inf, dtype))
    if not m:
        return point
    go_on = lambda s: np.logical_and(s.count < _MOST, s.gap > _near_zero(dtype))
    return while_loop(go_on, lambda s: _improved(p, s), point)  # type: ignore[no-any-return]


def _near_zero(dtype: np.dtype) -> Any:
    """The gap at which an interior point counts as the optimum."""
    return np.finfo(dtype).eps ** 0.75


def _lift(x: Any) -> Any:
    """A shift that makes all elements positive or 0."""
    return 1.5 * np.maximum(-np.min(x, initial=0.0), 0.0)


def _improved(p: _Program, v: _Point) -> _Point:
    m = shape_of(p.h)[0]
    dual = p.q @ v.x + p.c + p.a.T @ v.y + p.g.T @ v.z
    equal, rest = p.a @ v.x - p.b, p.g @ v.x + v.s - p.h
    mu = v.s @ v.z / m

    def moved(target: Any) -> tuple[Any, Any, Any, Any]:
        # s dz + z ds = target - s z
        right = target - v.s * v.z
        dx, dy, dz = _direction(p, v.z, v.s, -dual, -equal, -rest - right / v.z)
        return dx, dy, dz, (right - v.s * dz) / v.z

    _, _, dz, ds = moved(np.zeros_like(v.s))
    step = np.minimum(_longest(v.z, dz), _longest(v.s, ds))
    ahead = (v.s + step * ds) @ (v.z + step * dz) / m
    sigma = (ahead / np.maximum(mu, 1e-300)) ** 3
    dx, dy, dz, ds = moved(sigma * mu - ds * dz)
    step = np.minimum(1.0, 0.99 * np.minimum(_longest(v.z, dz), _longest(v.s, ds)))
    tiny = np.finfo(dtype_of(v.s)).tiny ** 0.5
    new = _Point(
        v.x + step * dx, v.y + step * dy, np.maximum(v.z + step * dz, tiny),
        np.maximum(v.s + step * ds, tiny), v.count + 1, v.gap,
    )  # fmt: skip
    size = 1 + np.max(np.abs(p.c), initial=0.0) + np.max(np.abs(p.h), initial=0.0)
    worst = np.max(np.abs(np.concatenate([dual, equal, rest])), initial=0.0)
    return new._replace(gap=np.maximum(mu, worst * 1e-4) / size)


def _longest(x: Any, dx: Any) -> Any:
    """The longest step, at most 1, that keeps x positive."""
    ratio = np.where(dx < 0, -x / np.where(dx < 0, dx, 1.0), np.inf)
    return np.minimum(1.0, np.min(ratio, initial=np.inf))


def _direction(p: _Program, z: Any, s: Any, r: Any, e: Any, w: Any) -> tuple[Any, Any, Any]:
    """Solution of Q x + A' y + G' v = r, A x = e, G x - (s / z) v = w."""
    n, k = shape_of(p.c)[0], shape_of(p.b)[0]
    weight = np.minimum(z / s, np.finfo(dtype_of(p.c)).eps ** -0.8)
    tiny = np.finfo(dtype_of(p.c)).eps * (1 + np.max(np.abs(p.q), initial=0.0))
    block = p.q + p.g.T @ (weight[:, None] * p.g)
    # near rounding, for directions in which no large weight acts
    shift = 8 * np.finfo(dtype_of(p.c)).eps * np.max(np.abs(np.diagonal(block)), initial=0.0)
    top = np.concatenate([block + (tiny + shift) * np.eye(n), p.a.T], axis=1)
    low = np.concatenate([p.a, -tiny * np.eye(k)], axis=1)
    matrix = cast(np.concatenate([top, low]), dtype_of(p.c))
    found = np.linalg.solve(matrix, np.concatenate([r + p.g.T @ (weight * w), e]))
    x, y = found[:n], found[n:]
    return x, y, weight * (p.g @ x - w)


def _active_set(p: _Program) -> tuple[Any, Any, Any, _Point]:
    """The active inequalities, whether their optimum is that of the program with its multipliers,
    whether it is so with those of the interior point or these, and that point.
    """
    point = _interior(p)
    guess = point.z > point.s

    def tried(active: Any) -> tuple[Any, Any, Any]:
        x, y, z = _on_active(p, active, point.x)
        return x, z, _is_optimal(p, x, y, z)

    def corrected(state: Any) -> Any:
        active, x, z, _, count = state
        # for weakly active ones the interior point may have chosen wrongly
        other = np.logical_or(np.logical_and(active, z > 0), p.g @ x > p.h)
        return other, *tried(other), count + 1

    first = tried(guess)
    certified = _is_optimal(p, first[0], point.y, point.z)
    certified = certified & (point.gap <= _near_zero(dtype_of(p.c)))
    go_on = lambda state: np.logical_and(np.logical_not(state[3]), state[4] < 4)
    active, _, _, good, _ = while_loop(go_on, corrected, (guess, *first, 0))
    return np.where(good, active, guess), good, good | certified, point


def _on_active(p: _Program, active: Any, near: Any) -> tuple[Any, Any, Any]:
    """The optimum on an active set: the multipliers of all other inequalities are 0.

    Where it is not unique, as that of a linear program on a face, it is the one next to ``near``.
    """
    n, k, m = (shape_of(v)[0] for v in (p.c, p.b, p.h))
    dtype = dtype_of(p.c)
    tiny = 4 * np.finfo(dtype).eps * (1 + stop_gradient(np.max(np.abs(p.q), initial=0.0)))
    rows = np.where(active[:, None], p.g, 0.0)
    below = -np.where(active, tiny, 1.0)[:, None] * np.eye(m)
    q = p.q + tiny * np.eye(n)
    matrix = np.concatenate([
        np.concatenate([q, p.a.T, rows.T], axis=1),
        np.concatenate([p.a, -tiny * np.eye(k), np.zeros((k, m))], axis=1),
        np.concatenate([rows, np.zeros((m, k)), below], axis=1),
    ])  # fmt: skip
    right = np.concatenate([tiny * near - p.c, p.b, np.where(active, p.h, 0.0)])
    found = np.linalg.solve(cast(matrix, dtype), right)
    return found[:n], found[n : n + k], np.where(active, found[n + k :], 0.0)


def _is_optimal(p: _Program, x: Any, y: Any, z: Any) -> Any:
    """Whether the conditions of the optimum hold."""
    near = np.finfo(dtype_of(x)).eps ** 0.5
    size = 1 + np.max(np.abs(x), initial=0.0)
    tall = 1 + np.max(np.abs(z), initial=0.0) + np.max(np.abs(p.c), initial=0.0)
    dual = p.q @ x + p.c + p.a.T @ y + p.g.T @ z
    checks = [
        np.all(np.abs(p.a @ x - p.b) <= near * (size + np.abs(p.b))),
        np.all(p.g @ x - p.h <= near * (size + np.abs(p.h))),
        np.all(z >= -near * tall),
        np.all(np.abs(dual) <= near * tall),
    ]
    good = checks[0]
    for check in checks[1:]:
        good = np.logical_and(good, check)
    return good
