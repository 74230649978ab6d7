"""Minimization between bounds by projected steps of L-BFGS, as a program for jit and vmap."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...control.loops import while_loop
from ...core.avals import dtype_of, shape_of
from ...core.trace import Tracer
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...transforms.grad import value_and_grad
from .kkt import Conditions, optimum

_MEMORY, _TRIALS, _DECREASE = 10, 40, 1e-4


class Minimum(NamedTuple):
    """The result of a minimization under jit or vmap, with SciPy's names."""

    x: Any
    fun: Any
    jac: Any
    success: Any  # whether the projected gradient is as small as the tolerance


class _State(NamedTuple):
    x: Any
    value: Any
    slope: Any
    steps: Any  # [memory, n], the latest last
    changes: Any  # of the slope
    count: Any
    moved: Any  # whether the last line search found a lower value


def minimized(
    objective: Callable[[Any], Any], start: Any, low: Any, high: Any, tol: float, most: int
) -> Minimum:
    """The minimum of a function of a vector between bounds, with derivatives in all else.

    Source: Bertsekas 1982, "Projected Newton methods for optimization problems with simple
    constraints" (SIAM J. Control Optim. 20), with Nocedal & Wright 2006, algorithm 7.4, over the
    free elements.
    """
    dtype = dtype_of(start)
    low, high = (cast(x, dtype) for x in (low, high))
    free = not any(isinstance(x, Tracer) or np.any(np.isfinite(x)) for x in (low, high))
    rows = (lambda v: (v[:0], low[:0], high[:0])) if free else (lambda v: (v, low, high))
    problem = lambda v: Conditions(operand(objective(v)), *rows(v))

    def solve(problem: Callable[[Any], Conditions], start: Any) -> Any:
        ends: Any = stop_gradient((low, high)) if free else problem(start)[2:4]
        least, largest = ends
        return _descended(lambda v: problem(v).objective, start, least, largest, tol, most).x

    x = optimum(problem, start, solve)
    value, slope = value_and_grad(objective)(x)
    moved = np.clip(x - slope, stop_gradient(low), stop_gradient(high)) - x
    gap = np.max(np.abs(stop_gradient(moved)), initial=0.0)
    return Minimum(x, value, slope, gap <= tol)


def _descended(
    objective: Callable[[Any], Any], x: Any, low: Any, high: Any, tol: float, most: int
) -> _State:
    both = value_and_grad(objective)
    x = np.clip(x, low, high)
    value, slope = both(x)
    memory = np.zeros((_MEMORY, *shape_of(x)), dtype_of(x))
    state = _State(x, value, slope, memory, memory, 0, np.asarray(True))

    def go_on(s: _State) -> Any:
        gap = np.max(np.abs(np.clip(s.x - s.slope, low, high) - s.x), initial=0.0)
        return np.logical_and(np.logical_and(s.moved, gap > tol), s.count < most)

    def advance(s: _State) -> _State:
        held = np.logical_or(
            np.logical_and(s.x <= low, s.slope > 0), np.logical_and(s.x >= high, s.slope < 0)
        )
        free = cast(np.logical_not(held), dtype_of(x))
        way = -_product(s, free)
        way = np.where(np.sum(way * s.slope) < 0, way, -s.slope * free)
        new, moved = _searched(both, s, way, low, high)
        step, change = new[0] - s.x, new[2] - s.slope
        bent = np.sum(step * change) > 1e-12 * np.sum(change * change)
        push = lambda rows, row: np.where(bent, np.concatenate([rows[1:], row[None]]), rows)
        after, value, slope = new
        pairs = push(s.steps, step), push(s.changes, change)
        return _State(after, value, slope, *pairs, s.count + 1, moved)

    return while_loop(go_on, advance, state)  # type: ignore[no-any-return]


def _product(s: _State, free: Any) -> Any:
    """The inverse Hessian over the free elements, times the slope: the two-loop recursion."""
    steps, changes = s.steps * free, s.changes * free
    curved = np.sum(steps * changes, axis=1)
    used = curved > 1e-14 * np.sum(changes * changes, axis=1)
    rho = np.where(used, 1.0, 0.0) / np.where(used, curved, 1.0)
    q = s.slope * free
    weights = []
    for i in reversed(range(_MEMORY)):
        weights.append(rho[i] * np.sum(steps[i] * q))
        q = q - weights[-1] * changes[i]
    last = _latest(curved / np.where(used, np.sum(changes * changes, axis=1), 1.0), used)
    q = q * last
    for i in range(_MEMORY):
        q = q + steps[i] * (weights[_MEMORY - 1 - i] - rho[i] * np.sum(changes[i] * q))
    return q


def _latest(values: Any, used: Any) -> Any:
    """The last value that is used, or 1."""
    found: Any = 1.0
    for i in range(_MEMORY):
        found = np.where(used[i], values[i], found)
    return found


def _searched(both: Any, s: _State, way: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The first point along the projected way whose value is low enough."""
    size = np.sum(np.abs(s.slope))
    first = np.where(s.count == 0, np.minimum(1.0, 1.0 / np.where(size > 0, size, 1.0)), 1.0)

    def again(state: Any) -> Any:
        length, _, _, k = state
        x = np.clip(s.x + length * way, low, high)
        value, slope = both(x)
        enough = value <= s.value + _DECREASE * np.sum(s.slope * (x - s.x))
        good = np.logical_and(enough, np.isfinite(value))
        return length * 0.5, (x, value, slope), good, k + 1

    go_on = lambda state: np.logical_and(np.logical_not(state[2]), state[3] < _TRIALS)
    start = (cast(first, dtype_of(s.x)), (s.x, s.value, s.slope), np.asarray(False), 0)
    _, new, good, _ = while_loop(go_on, again, start)
    kept = tuple(np.where(good, a, b) for a, b in zip(new, (s.x, s.value, s.slope), strict=True))
    return kept, good
