"""Initial value problems by Taylor series, which reach the limits of the dtype.

Each step expands the solution to high order, by one evaluation of the right-hand side on a series,
and takes the step at which the last terms are as large as the tolerance.

Source: Jorba & Zou 2005, "A software package for the numerical integration of ODEs by means of
high-order Taylor methods", sections 3.1 and 3.2 (Experimental Mathematics 14).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import aval_of, dtype_of, is_inexact, real_dtype, shape_of
from ...core.errors import ConcretizationError, ShapeError, shown
from ...core.trace import is_concrete
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast, zeros_like
from ...transforms.jit.api import jit
from ...transforms.taylor import flow

COMPILED_FROM = 32  # steps, after which one is compiled: that takes as long as these
MESSAGES = {
    0: "The solver successfully reached the end of the integration interval.",
    -1: "Required step size is less than spacing between numbers.",
}
NOT_FINITE = "The Taylor series of the solution is not finite."


class OdeResult(NamedTuple):
    """The solution of an initial value problem, with SciPy's names."""

    t: Any  # times, shape [T]
    y: Any  # solution at these times, shape [n, T]
    sol: Any  # the solution as a function of t, if dense_output
    nfev: Any  # evaluations of the right-hand side; of Taylor's method one a step
    status: Any  # 0: the end was reached; 1: an event ended it; -1: a step would be too short
    message: str
    success: Any
    t_events: Any = None  # of each event its times
    y_events: Any = None  # of each event the solution at these times, [K, n]
    njev: Any = 0  # evaluations of the Jacobian
    nlu: Any = 0  # factorizations


class SeriesSolution:
    """The solution as a function of time: the series of the step in which the time lies."""

    def __init__(self, ts: Sequence[Any], series: Sequence[Sequence[Any]]) -> None:
        self.ts = np.array([number(t) for t in ts])
        self.starts = np.stack(ts[:-1])
        self.series = [np.stack(column) for column in zip(*series, strict=True)]  # [steps, n] each

    def __call__(self, t: Any) -> Any:
        """The solution at times [T], shape [n, T]; at one time, shape [n]."""
        t = operand(t)
        now, ts = np.asarray(stop_gradient(t)), self.ts
        sign = 1 if ts[-1] >= ts[0] else -1
        after = np.searchsorted(sign * ts, sign * now)
        i = np.clip(after - 1, 0, len(self.starts) - 1)
        h = t - self.starts[i]
        return polynomial([c[i] for c in self.series], h[..., None]).T


def number(x: Any) -> Any:
    """The value of a number, without its derivative."""
    return float(stop_gradient(x))


def polynomial(coefficients: Sequence[Any], h: Any) -> Any:
    """The sum of coefficients[k] h**k."""
    total = coefficients[-1]
    h = cast(h, real_dtype(dtype_of(total)))
    for c in coefficients[-2::-1]:
        total = c + total * h
    return total


class Expansion:
    """The series of the solution, compiled where many are needed.

    ``slope(t, y)`` is the right-hand side; ``order`` that of the series.
    """

    def __init__(self, slope: Callable[[Any, Any], Any], order: int) -> None:
        self.slope, self.order = slope, order
        self.count = 0
        self.compiled: Any = jit(self.expand)

    def expand(self, t: Any, y: Any) -> list[Any]:
        """The coefficients 0 to ``order`` of the solution through ``y`` at ``t``."""
        one = np.ones((), dtype_of(t))
        terms = flow("solve_ivp", lambda xs: [one, self.slope(*xs)], [t, y], self.order)[1]
        return [zeros_like(y) if c is None else c for c in terms]

    def __call__(self, t: Any, y: Any) -> list[Any]:
        self.count += 1
        if self.count > COMPILED_FROM and self.compiled is not None:
            try:
                return self.compiled(t, y)
            except ConcretizationError:  # the right-hand side branches on values
                self.compiled = None
        return self.expand(t, y)


class Tolerance(NamedTuple):
    """The tolerance of a step relative to the solution, and absolute; its longest length."""

    rtol: float
    atol: Any
    longest: float

    def length(self, series: Sequence[Any], left: float) -> float:
        """The length of a step over which the last two terms are at most the tolerance."""
        for c in series[-2:]:
            _check_concrete("the values that fun uses", c)
        values = [np.abs(np.asarray(stop_gradient(c))) for c in (series[0], *series[-2:])]
        scale = self.atol + self.rtol * values[0]
        lengths, order = [self.longest, abs(left)], len(series) - 1
        for k, size in zip((order - 1, order), values[1:], strict=True):
            with np.errstate(all="ignore"):
                ratio = float(np.max(np.where(size == 0, 0, size / scale), initial=0.0))
            if not math.isfinite(ratio):
                return 0.0
            if ratio:
                lengths.append(math.exp(-0.7 / (order - 1)) * ratio ** (-1 / k))
        return math.copysign(min(lengths), left)


def solve_by_taylor(
    fun: Callable[..., Any],
    t_span: Sequence[Any],
    y0: Any,
    t_eval: Any,
    dense_output: bool,
    args: Sequence[Any],
    rtol: float,
    atol: Any,
    max_step: float,
    first_step: float | None,
    order: int | None,
) -> OdeResult:
    """The result of ``solve_ivp`` by steps of Taylor series."""
    if order is not None and not (isinstance(order, int) and order >= 2):
        raise ValueError(f"solve_ivp: order must be an integer of at least 2: got {shown(order)}")
    t, t1 = (cast(strong(operand(x)), np.float64) for x in t_span)
    for end in (t, t1):
        _check_concrete("t_span", end)
    y = _start(y0)
    slope = lambda t, y: _slope(fun(t, y, *args), y)
    rtol = max(rtol, float(np.finfo(dtype_of(y)).eps))
    order = order or max(math.ceil(1 - math.log(rtol) / 2), 2)
    tolerance = Tolerance(rtol, atol, max_step)
    return _solution(Expansion(slope, order), t, t1, y, tolerance, first_step, t_eval, dense_output)


def _start(y0: Any) -> Any:
    y = strong(operand(y0))
    y = y if is_inexact(dtype_of(y)) else cast(y, np.float64)
    if len(shape_of(y)) != 1:
        raise ShapeError(f"solve_ivp: y0 must be a vector: got {aval_of(y)}; write [y0]")
    _check_concrete("y0", y)
    return y


def _check_concrete(what: str, y: Any) -> None:
    if not is_concrete(y):
        raise ConcretizationError(
            f"solve_ivp: the steps depend on values, so {what} must be concrete: got {aval_of(y)}; "
            f"use method='DOP853'"
        )


def _slope(value: Any, y: Any) -> Any:
    """The result of the right-hand side, with the shape and dtype of the solution."""
    value = strong(operand(value))
    if shape_of(value) != shape_of(y):
        raise ShapeError(
            f"solve_ivp: fun must return dy/dt with the shape of y, {aval_of(y)}: got "
            f"{aval_of(value)}; fun takes (t, y), in this order"
        )
    return cast(value, dtype_of(y))


class Outputs:
    """The times of the result that were asked for, in order, and the solution at those passed."""

    def __init__(self, t_eval: Any, t0: float, t1: float) -> None:
        self.times = cast(strong(operand(t_eval)), np.float64)
        _check_concrete("t_eval", self.times)
        self.sign = 1 if t1 >= t0 else -1
        self.ahead = self.sign * np.asarray(stop_gradient(self.times))  # ascending
        self.count = 0
        self.rows: list[Any] = []
        if np.any(np.diff([self.sign * t0, *self.ahead, self.sign * t1]) < 0):
            raise ValueError(
                f"solve_ivp: t_eval must be sorted, from {t0} to {t1}: got {shown(t_eval)}; "
                f"take times within t_span"
            )

    def advance(self, t: Any, after: Any, series: Sequence[Any]) -> None:
        """Keep the solution at the times of a step."""
        stop = int(np.searchsorted(self.ahead, self.sign * number(after), "right"))
        if stop > self.count:
            h = self.times[self.count : stop] - t
            self.rows.append(polynomial(series, h[:, None]))
            self.count = stop


def _solution(
    expansion: Expansion, t: Any, t1: Any, y: Any, tolerance: Tolerance, first: float | None,
    t_eval: Any, dense: bool,
) -> OdeResult:  # fmt: skip
    """Take steps until the end."""
    outputs = None if t_eval is None else Outputs(t_eval, number(t), number(t1))
    ts, ys, kept = [t], [y], []
    status, message = 0, MESSAGES[0]
    while (left := number(t1) - number(t)) != 0:
        series = expansion(t, y)
        h = tolerance.length(series, left)
        if first is not None and len(ts) == 1:
            h = math.copysign(min(first, abs(h)), h)
        if abs(h) < 10 * np.spacing(abs(number(t))) and h != left:
            status, message = -1, MESSAGES[-1] if h else NOT_FINITE
            break
        after = t1 if h == left else t + h
        if outputs is not None:
            outputs.advance(t, after, series)
        y, t = polynomial(series, after - t), after  # with the length between rounded times
        ts.append(t)
        ys.append(y)
        kept += [series] if dense else []
    times, values = np.stack(ts), np.stack(ys, axis=-1)
    if outputs is not None:
        if len(ts) == 1:  # an empty interval
            outputs.advance(t, t, [y, zeros_like(y)])
        times, rows = outputs.times[: outputs.count], outputs.rows
        values = np.concatenate([values[:, :0], *(row.T for row in rows)], axis=1)
    sol = SeriesSolution(ts, kept) if kept else None
    return OdeResult(times, values, sol, expansion.count, status, message, status == 0)
