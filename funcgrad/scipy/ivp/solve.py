"""solve_ivp: initial value problems with SciPy's methods, differentiated step by step.

The search for the length of a step runs on values. Derivatives follow the steps that were taken,
with their lengths as constants, so that they agree with the computed solution to rounding.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.avals import dtype_of
from ...core.errors import UnsupportedError, shown
from ...core.lazy import answering
from ...core.trace import Tracer, is_concrete
from ...numpy.indexing import take
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...transforms.abstract import closure_convert
from ...transforms.arguments import check_callable
from .adjoint import adjoint_values
from .bdf import BDF
from .equation import Concrete, Equation, Limits, Staged
from .events import Event, events_of, located
from .march import TOO_SHORT, Program, Record, Steps, located_on, repeated
from .problem import Problem, TracedError, span_of, start_of, times_of
from .radau import Radau
from .runge_kutta import RungeKutta
from .tableaus import DOP853, RK23, RK45
from .taylor import MESSAGES, OdeResult, solve_by_taylor

METHODS = {
    "RK23": RungeKutta(RK23),
    "RK45": RungeKutta(RK45),
    "DOP853": RungeKutta(DOP853),
    "Radau": Radau(),
    "BDF": BDF(),
}
_ENDED = "A termination event occurred."


@answering
def solve_ivp(
    fun: Callable[..., Any],
    t_span: Sequence[Any],
    y0: Any,
    method: str = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Sequence[Any] | None = None,
    *,
    rtol: Any = 1e-3,
    atol: Any = 1e-6,
    max_step: float = math.inf,
    first_step: float | None = None,
    jac: Any = None,
    jac_sparsity: Any = None,
    order: int | None = None,
    checkpoint: int | str | None = None,
    adjoint: bool = False,
) -> OdeResult:
    """Solution of ``dy/dt = fun(t, y)`` with SciPy's methods, differentiable in all it depends on.

    Args:
        fun: ``fun(t, y, *args)`` gives dy/dt, shape [n].
        t_span: the first and the last time, in any order.
        y0: the solution at the first, shape [n], real or complex; its dtype is kept.
        method: "RK23", "RK45", "DOP853"; "Radau" or "BDF" for stiff problems; or "Taylor", series
            of any ``order`` that reach the limit of the dtype, without events.
        t_eval: the times of the result; None: those of steps, or under jit and vmap both ends.
        dense_output: whether ``sol`` gives the solution as a function of time.
        events: functions of (t, y, *args), or one, whose zeros are found, see SciPy's attributes
            ``terminal`` and ``direction``; their times have derivatives.
        rtol, atol: the error of a step is at most atol + rtol abs(y), if rtol is at least 100 eps.
        max_step, first_step: the longest length of a step, and that of the first.
        jac: of implicit methods, d fun / d y: None to derive it, a matrix, or a function.
        jac_sparsity: its places, for a derivation in few passes; see ``fg.sparse.colour``.
        checkpoint: the number of states that reverse mode keeps, or "log"; see ``lax.scan``.
        adjoint: whether reverse mode solves the continuous adjoint equation instead.

    Returns:
        SciPy's fields: t [T], y [n, T], sol, t_events, y_events, nfev, njev, nlu, status, ...

    >>> found = solve_ivp(lambda t, y: -y, (0, 1), [1.0], rtol=1e-9, atol=1e-9)
    >>> print(found.y[0, -1].round(8), found.status)
    0.36787944 0
    """
    check_callable("solve_ivp", fun)
    args = () if args is None else _arguments(args)
    name = method if isinstance(method, str) else getattr(method, "__name__", method)
    if name == "Taylor":
        options: dict[str, Any] = {"max_step": max_step, "first_step": first_step, "order": order}
        _refuse_for_taylor(events, jac, jac_sparsity)
        return solve_by_taylor(fun, t_span, y0, t_eval, dense_output, args, rtol, atol, **options)
    if name not in METHODS:
        raise _unknown(name)
    problem = Problem(fun, jac, jac_sparsity, args)
    t, end = span_of(t_span)
    y = start_of(y0, name)
    limits = _limits(t, end, y, rtol, atol, max_step)
    first = _first_of(first_step, t, end)
    solver = Solver(METHODS[name], problem, limits, t, y, first, checkpoint)
    solver.times = None if t_eval is None else times_of(t_eval, t, end)
    if adjoint:
        return solver.by_adjoint(events, dense_output)
    return solver.result(events_of(events, args), dense_output)


def _arguments(args: Any) -> tuple[Any, ...]:
    if isinstance(args, (tuple, list)) or getattr(args, "ndim", 0) > 0:
        return tuple(args)
    raise TypeError(f"solve_ivp: args must be a tuple: got {shown(args)}; write args=(x,)")


def _refuse_for_taylor(events: Any, jac: Any, sparsity: Any) -> None:
    given = {"events": events, "jac": jac, "jac_sparsity": sparsity}
    for name, value in given.items():
        if value is not None:
            raise UnsupportedError(
                f"solve_ivp: method 'Taylor' takes no {name}: got {shown(value)}; use "
                f"method='DOP853'"
            )


def _unknown(name: Any) -> Exception:
    if name == "LSODA":
        return UnsupportedError(
            "solve_ivp: method 'LSODA' is a Fortran code without derivatives; use method='BDF'"
        )
    names = ", ".join(map(repr, [*METHODS, "Taylor"]))
    return ValueError(f"solve_ivp: method must be one of {names}: got {shown(name)}")


def _limits(t: Any, end: Any, y: Any, rtol: Any, atol: Any, longest: Any) -> Limits:
    rtol, atol = (np.asarray(stop_gradient(operand(x))) if not isinstance(x, Tracer) else x
                  for x in (rtol, atol))  # fmt: skip
    for name, x in (("rtol", rtol), ("atol", atol)):
        if is_concrete(x) and np.any(np.asarray(stop_gradient(x)) < 0):
            raise ValueError(f"solve_ivp: {name} must be at least 0: got {shown(x)}")
    if not longest > 0:
        raise ValueError(f"solve_ivp: max_step must be positive: got {shown(longest)}")
    real = np.finfo(dtype_of(y)).dtype
    rtol = np.maximum(stop_gradient(rtol), 100 * float(np.finfo(real).eps))
    ends = stop_gradient((t, end))
    sign = np.where(ends[1] >= ends[0], 1.0, -1.0)
    return Limits(rtol, stop_gradient(atol), np.float64(longest), sign, end)


def _first_of(first: Any, t: Any, end: Any) -> Any:
    if first is None:
        return None
    whole = np.abs(stop_gradient(end) - stop_gradient(t))
    if not first > 0 or (is_concrete(whole) and first > whole):
        raise ValueError(
            f"solve_ivp: first_step must be positive, and at most the interval: got {shown(first)}"
        )
    return np.float64(first)


class Solver:
    """One call of solve_ivp."""

    def __init__(
        self, method: Any, problem: Problem, limits: Limits, t: Any, y: Any, first: Any,
        checkpoint: Any,
    ) -> None:  # fmt: skip
        self.method, self.problem, self.limits = method, problem, limits
        self.t, self.y, self.first, self.checkpoint = t, y, first, checkpoint
        self.times: Any = None

    def result(self, events: list[Event] | None, dense: bool) -> OdeResult:
        known = [self.t, self.y, self.limits.end, *self.limits[:2]]
        known += [] if self.times is None else [self.times]
        known.append(self.problem.slope(self.t, self.y))
        if not all(map(is_concrete, known)):
            return self.staged(events, dense)
        if not any(isinstance(x, Tracer) for x in known):
            try:
                return self.marched(self.problem, events, dense, traced=False)
            except TracedError as err:
                if not is_concrete(err.value):
                    return self.staged(events, dense)
        return self.marched(self.problem.known(self.t, self.y), events, dense, traced=True)

    def marched(
        self, problem: Problem, events: list[Event] | None, dense: bool, traced: bool
    ) -> OdeResult:
        """The result by steps on values, which are repeated where derivatives follow them."""
        method, listed = self.method, events or []
        limits = stop_gradient(self.limits)
        eq = Equation(problem.values, problem.matrix(method.implicit), limits, Concrete)
        t, y = stop_gradient((self.t, self.y))
        record = Record(method, eq, np.float64(t), np.asarray(y), self.first)
        pieces = dense or self.times is not None
        record.run(listed, pieces)
        pieces = pieces or bool(record.events.rows)
        if traced:
            problem = self.problem
            eq = Equation(problem.slope, problem.matrix(method.implicit), self.limits, Concrete)
            steps = repeated(record, eq, self.t, self.y, pieces, self.checkpoint)
        else:
            steps = record.steps()
        return self.collected(record, steps, events, dense, traced)

    def collected(
        self, record: Record, steps: Steps, events: list[Event] | None, dense: bool, traced: bool
    ) -> OdeResult:
        """The fields of the result."""
        return Outcome(self.method, record, steps, events, traced).result(self.times, dense)

    def by_adjoint(self, events: Any, dense: bool) -> OdeResult:
        """The result whose cotangents follow the adjoint equation, by the same method."""
        fixed = [self.t, self.limits.end, *([] if self.times is None else [self.times])]
        slope, consts = closure_convert(self.problem.slope, self.t, self.y)
        known = all(map(is_concrete, [self.y, *fixed, *consts]))
        simple = events is None and not dense and dtype_of(self.y).kind == "f"
        if not (known and simple) or any(isinstance(x, Tracer) for x in fixed):
            raise UnsupportedError(
                "solve_ivp: adjoint=True is for real y0 and constant times, without events and "
                "dense_output, outside of jit and vmap: got another problem; leave adjoint out"
            )
        quiet = self.problem.known(self.t, self.y)
        found = self.marched(quiet, None, True, traced=False)
        limits = stop_gradient(self.limits)

        def integrate(f: Any, a: float, b: float, state: Any) -> Any:
            sign = np.float64(np.sign(b - a))
            back = limits._replace(sign=sign, end=np.float64(b), atol=np.min(limits.atol))
            problem = Problem(f, None, None, ())
            inner = Solver(self.method, problem, back, np.float64(a), state, None, None)
            return inner.result(None, False).y[:, -1]

        y = adjoint_values(
            slope, consts, self.y, float(found.sol.ts[0]), found.t, found.y.T,
            lambda t: found.sol(float(t)), integrate,
        )  # fmt: skip
        return found._replace(y=np.swapaxes(y, 0, 1), sol=None)

    def staged(self, events: list[Event] | None, dense: bool) -> OdeResult:
        """The result of a program, under jit or vmap."""
        if events is not None or dense:
            what = "events" if events is not None else "dense_output"
            raise UnsupportedError(
                f"solve_ivp: {what} takes steps on known values: got a traced problem; call it "
                f"outside of jit and vmap"
            )
        slope, consts = closure_convert(self.problem.slope, self.t, self.y)
        matrix: Any = None
        more: Any = ()
        if self.method.implicit:
            matrix, more = closure_convert(self.problem.matrix(True), self.t, self.y)

        def make(frame: Any) -> Equation:
            consts, more, limits = frame
            of = lambda t, y: slope(t, y, *consts)
            by = None if matrix is None else lambda t, y: matrix(t, y, *more)
            return Equation(of, by, Limits(*limits), Staged)  # type: ignore[arg-type]

        program = Program(self.method, make, (tuple(consts), tuple(more), tuple(self.limits)))
        targets = self.limits.end[None] if self.times is None else self.times
        ys, counts, failed = program.run(self.t, self.y, self.first, targets)
        times = self.times
        if times is None:
            times = np.stack([self.t, self.limits.end])
            ys = np.concatenate([self.y[None], ys])
        status = np.where(failed, -1, 0)
        message = "The field status tells whether the solver reached the end: 0, or -1 if not."
        return OdeResult(
            times, np.swapaxes(ys, 0, 1), None, counts[0], status, message, status == 0,
            None, None, counts[1], counts[2],
        )  # fmt: skip


class Outcome:
    """The result of steps that are known."""

    def __init__(
        self, method: Any, record: Record, steps: Steps, events: list[Event] | None, traced: bool
    ) -> None:
        self.method, self.record, self.steps = method, record, steps
        self.events, self.traced = events, traced

    def piece(self, i: Any) -> Any:
        """The interpolants of some steps."""
        if self.steps.pieces is None:
            return None
        return type(self.steps.pieces)(*(leaf[i] for leaf in self.steps.pieces))

    def occurrences(self) -> tuple[Any, Any, Any]:
        """Times and solutions of each event, and the last pair."""
        if self.events is None:
            return None, None, None
        n = self.steps.values.shape[1]
        times: list[Any] = [[] for _ in self.events]
        values: list[Any] = [[] for _ in self.events]
        pair: Any = None
        for i, step, *pair in self.record.events.rows:
            if self.traced:
                part = self.piece(step)
                pair = located(self.events[i], pair[0], part, self.method.mirrored)
            times[i].append(pair[0])
            values[i].append(pair[1])
        stacked = [np.stack(x) if x else np.zeros(0) for x in times]
        return stacked, [np.stack(x) if x else np.zeros((0, n)) for x in values], pair

    def result(self, wanted: Any, dense: bool) -> OdeResult:
        record, steps = self.record, self.steps
        t_events, y_events, last = self.occurrences()
        times, values = steps.times, steps.values
        if record.ended:
            times = np.concatenate([times[:-1], last[0][None]])
            values = np.concatenate([values[:-1], last[1][None]])
        sol = OdeSolution(times, steps.pieces, self.method.mirrored) if dense else None
        if wanted is not None:
            reached, sign = stop_gradient(times[-1]), float(np.sign(times[-1] - times[0])) or 1.0
            inside = sign * np.asarray(stop_gradient(wanted)) <= sign * reached
            wanted = wanted[: int(np.sum(inside))]
            part = self.piece(located_on(steps._replace(times=times), wanted))
            values = part.at(wanted, self.method.mirrored) if len(wanted) else values[:0]
            times = wanted
        status = -1 if record.failed else 1 if record.ended else 0
        message = {-1: TOO_SHORT, 0: MESSAGES[0], 1: _ENDED}[status]
        nfev, njev, nlu = record.counts
        return OdeResult(
            times, np.swapaxes(values, 0, 1), sol, int(nfev), status, message, status >= 0,
            t_events, y_events, int(njev), int(nlu),
        )  # fmt: skip


class OdeSolution:
    """The solution as a function of time: that of the step in which the time lies."""

    def __init__(self, ts: Any, pieces: Any, mirrored: bool) -> None:
        self.ts, self.pieces, self.mirrored = ts, pieces, mirrored

    def __call__(self, t: Any) -> Any:
        """The solution at times [T], shape [n, T]; at one time, shape [n]."""
        t = cast(strong(operand(t)), np.float64)
        i = located_on(Steps(self.ts, None, None, None), t)
        part = type(self.pieces)(*(take(leaf, i, axis=0) for leaf in self.pieces))
        y = part.at(t, self.mirrored)
        return np.swapaxes(y, 0, 1) if len(y.shape) == 2 else y
