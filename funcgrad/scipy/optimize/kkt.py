"""Derivatives of constrained optima, by their Karush-Kuhn-Tucker conditions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...transforms.abstract import closure_convert
from ...transforms.arguments import zero_of
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp
from ...transforms.grad import grad
from ...transforms.jacobian import jacfwd

_NEAR = 1e-6  # relative gap below which a constraint may be active


class Conditions(NamedTuple):
    """A problem at a point: the objective, and the values of constraints between two limits."""

    objective: Any
    values: Any  # [m]
    low: Any  # [m]
    high: Any  # [m]
    residuals: Any = None  # of least squares


class Active(NamedTuple):
    """The constraints that hold with equality, and which of these are at the upper limit."""

    holds: Any
    upper: Any


def optimum(
    problem: Callable[[Any], Conditions],
    start: Any,
    solve: Callable[[Callable[[Any], Conditions], Any], Any],
) -> Any:
    """The x that ``solve(problem, start)`` finds, with derivatives in all that problem closes over.

    Constraints that are active at the optimum stay so. ``solve`` is called without traced values
    of outer transforms, and is not differentiated.

    Source: the implicit function theorem for grad f = sum_i lambda_i grad c_i, c_i = limit_i over
    active constraints; Fiacco 1976, "Sensitivity analysis for nonlinear programming using penalty
    methods" (Mathematical Programming 10).
    """
    converted, consts = closure_convert(lambda v: tuple(problem(v)), start)
    return _Optimum(converted, solve)(tuple(consts), stop_gradient(start))[0]


class _Optimum:
    """The optimum and its multipliers as a function of the values that the problem closes over."""

    def __init__(self, converted: Any, solve: Any) -> None:
        self.converted, self.solve = converted, solve

    def __call__(self, consts: Any, start: Any) -> Any:
        ruled = custom_jvp(self.solved)  # as an attribute: a reference cycle
        ruled.defjvp(self.rule)
        return ruled(consts, start)

    def at(self, consts: Any) -> Callable[[Any], Conditions]:
        return lambda v: Conditions(*self.converted(v, *consts))

    def solved(self, consts: Any, start: Any) -> Any:
        consts, start = stop_gradient((consts, start))
        problem = self.at(consts)
        x = cast(self.solve(problem, start), dtype_of(start))
        active, multipliers = _active(problem, x)
        return stop_gradient((x, multipliers, active))

    def rule(self, primals: Any, tangents: Any) -> Any:
        consts, start = primals
        x, multipliers, active = self(consts, start)
        along = lambda consts, x, multipliers: self.gaps(consts, x, multipliers, active)
        n = shape_of(x)[0]
        # one step of Newton's method: solvers stop where the objective is flat, at half the digits
        off = stop_gradient(_solved(along, consts, x, multipliers, along(consts, x, multipliers)))
        near = x - off[:n], multipliers - off[n:]
        moved = jvp(lambda *cs: along(cs, *near), consts, tangents[0])[1]
        step = _solved(along, consts, *near, -moved)
        return (x, multipliers, active), (step[:n], step[n:], tree.map(zero_of, active))

    def gaps(self, consts: Any, x: Any, multipliers: Any, active: Active) -> Any:
        """The conditions of the optimum, 0 there; the multiplier of an inactive constraint is 0."""
        problem = self.at(consts)

        def lagrangian(v: Any) -> Any:
            found = problem(v)
            return found.objective - np.sum(multipliers * found.values)

        _, values, low, high, _ = problem(x)
        limit = np.where(active.upper, high, low)
        inside = np.where(active.holds, limit, values)  # an infinite limit is never reached
        held = np.where(active.holds, values - inside, multipliers)
        return np.concatenate([grad(lagrangian)(x), held])


def _solved(gaps: Callable[..., Any], consts: Any, x: Any, multipliers: Any, right: Any) -> Any:
    """The solution of the linear system of the conditions."""
    matrix = np.concatenate(jacfwd(gaps, (1, 2))(consts, x, multipliers), axis=1)
    return np.linalg.solve(matrix, right)


def _active(problem: Callable[[Any], Conditions], x: Any) -> tuple[Active, Any]:
    """The active constraints, and all multipliers."""
    _, values, low, high, _ = problem(x)
    slope = grad(lambda v: problem(v).objective)(x)
    rows = jacfwd(lambda v: problem(v).values)(x)
    near = lambda limit: np.abs(values - limit) <= _NEAR * (1 + np.abs(values))
    equal, upper = low == high, near(high)
    holds = np.logical_or(equal, np.logical_or(near(low), upper))
    upper = np.logical_and(upper, np.logical_not(equal))
    found = _multipliers(rows, slope, holds)
    wrong = np.where(upper, found > 0, found < 0)
    holds = np.logical_and(holds, np.logical_or(equal, np.logical_not(wrong)))
    return Active(holds, upper), _multipliers(rows, slope, holds)


def _multipliers(rows: Any, slope: Any, holds: Any) -> Any:
    """The shortest least-squares solution of slope = rows^T multipliers over active rows."""
    if not shape_of(rows)[0]:
        return slope[:0]
    masked = np.where(holds[:, None], rows, 0.0)
    return np.where(holds, np.linalg.pinv(masked.T) @ slope, 0.0)
