"""Line searches: the step size along the updates, from further values of the function.

A line search is the last part of a chain. ``update`` needs the parameters and the keywords
``value=`` and ``grad=`` (at the parameters) and ``value_fn=`` (the function of the parameters);
further keywords are passed to ``value_fn``.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...control.conditionals import cond
from ...control.loops import while_loop
from ...core import tree
from ...core.avals import dtype_of
from ...core.lazy import answering
from ...core.outline import outlined
from ...core.parameters import check_initialized
from ...core.trace import is_concrete
from ...ops.structure import cast
from ...transforms.grad import grad as grad_of, value_and_grad
from ..base import GradientTransformationExtraArgs
from ..checks import require_params
from ..numerics import Tree, cast_like, inner_product, like, map_floating, widest_real_dtype


class Point(NamedTuple):
    """A step size, and the value and the slope there."""

    step: Any
    value: Any
    slope: Any


class LinesearchInfo(NamedTuple):
    """The count of evaluations, and the violation of both conditions at the last step."""

    num_linesearch_steps: Any
    decrease_error: Any
    curvature_error: Any


@outlined
class LinesearchState(NamedTuple):
    """The last step size, and the value and the gradient there."""

    learning_rate: Any
    value: Any
    grad: Tree
    info: LinesearchInfo


class _Search(NamedTuple):
    count: Any
    trial: Point  # the last step tried
    grad: Tree
    low: Point  # the end of the interval with the lower value
    high: Point
    previous: Point  # the end that was replaced last, for cubic interpolation
    safe: Point  # the best step so far that decreases enough
    safe_grad: Tree
    errors: Any  # the violation of the decrease and the curvature condition
    found: Any  # whether the interval is known to hold acceptable steps
    done: Any
    failed: Any


class _Rules(NamedTuple):
    max_steps: int
    max_step_size: Any
    tol: Any
    increase_factor: Any
    slope_rtol: Any
    curv_rtol: Any
    approx_dec_rtol: Any
    precision: Any


@answering
def scale_by_zoom_linesearch(
    max_linesearch_steps: int,
    max_learning_rate: Any = None,
    tol: Any = 0.0,
    increase_factor: Any = 2.0,
    slope_rtol: Any = 1e-4,
    curv_rtol: Any = 0.9,
    approx_dec_rtol: Any = 1e-6,
    stepsize_precision: Any = 1e-5,
    initial_guess_strategy: str = "keep",
) -> GradientTransformationExtraArgs[LinesearchState]:
    """Scale the updates to satisfy the strong Wolfe conditions.

    Args:
        max_linesearch_steps: the largest number of evaluations.
        max_learning_rate: the largest step size, or None.
        tol: the tolerance of both conditions.
        increase_factor: the growth of the step size until an interval is found.
        slope_rtol: the decrease must be at least this times step size times slope (Armijo).
        curv_rtol: the final slope must be at most this times the initial one (curvature).
        approx_dec_rtol: the relative rise of the value that the approximate Armijo condition
            allows, for values that differ by rounding only (Hager & Zhang); or None.
        stepsize_precision: the length of the interval at which the search stops.
        initial_guess_strategy: "one", or "keep" for the last step size.

    Raises:
        ValueError: if the strategy is unknown.

    Source: Nocedal & Wright 2006, Algorithms 3.5 and 3.6; Hager & Zhang 2006, equation 4.

    >>> f = lambda x: np.sum(x**2)
    >>> opt = scale_by_zoom_linesearch(10)
    >>> x = np.array([3.0])
    >>> updates, state = opt.update(-2 * x, opt.init(x), x, value=9.0, grad=2 * x, value_fn=f)
    >>> print(state.learning_rate)
    0.5
    """
    who = "scale_by_zoom_linesearch"
    if initial_guess_strategy not in ("one", "keep"):
        raise ValueError(
            f"{who}: initial_guess_strategy must be 'one' or 'keep': got {initial_guess_strategy!r}"
        )
    keep = initial_guess_strategy == "keep"
    rules = _Rules(
        max_linesearch_steps, max_learning_rate, tol, increase_factor, slope_rtol, curv_rtol,
        approx_dec_rtol, stepsize_precision,
    )  # fmt: skip

    def update(
        updates: Tree, state: LinesearchState, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, LinesearchState]:
        value, grad, f = _function(who, extra)
        params, real = require_params(who, params), dtype_of(state.learning_rate)

        def line(step: Any) -> tuple[Point, Tree]:
            value, g = value_and_grad(f)(_moved(params, step, updates))
            return _cast(Point(step, value, slope(g, updates)), real), g

        start = _cast(Point(0.0, value, slope(grad, updates)), real)
        guess = state.learning_rate if keep else np.ones((), real)
        end = _zoomed(line, start, grad, guess, rules)
        info = LinesearchInfo(end.count, *end.errors)
        state = cast_like(LinesearchState(end.trial.step, end.trial.value, end.grad, info), state)
        return scaled(end.trial.step, updates), state

    return GradientTransformationExtraArgs(_first_state, update)


@answering
def scale_by_backtracking_linesearch(
    max_backtracking_steps: int,
    slope_rtol: Any = 1e-4,
    decrease_factor: Any = 0.8,
    increase_factor: Any = 1.5,
    max_learning_rate: Any = 1.0,
    atol: Any = 0.0,
    rtol: Any = 0.0,
    store_grad: bool = False,
) -> GradientTransformationExtraArgs[LinesearchState]:
    """Scale the updates down until the Armijo condition holds.

    Args:
        max_backtracking_steps: the largest number of evaluations after the first.
        slope_rtol: the decrease must be at least this times step size times slope.
        decrease_factor: the factor of the step size in each backtracking step.
        increase_factor: the factor of the last step size at the start of a search.
        max_learning_rate: the largest step size.
        atol, rtol: the tolerances of the condition.
        store_grad: whether the state keeps the gradient at the end of the search, or None.

    Source: Nocedal & Wright 2006, Algorithm 3.1.

    >>> f = lambda x: np.sum(x**2)
    >>> opt = scale_by_backtracking_linesearch(20)
    >>> x = np.array([3.0])
    >>> updates, state = opt.update(-2 * x, opt.init(x), x, value=9.0, grad=2 * x, value_fn=f)
    >>> print(state.learning_rate.round(3))
    0.8
    """
    who = "scale_by_backtracking_linesearch"

    def update(
        updates: Tree, state: LinesearchState, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, LinesearchState]:
        value, grad, f = _function(who, extra)
        params, real = require_params(who, params), dtype_of(state.learning_rate)
        longest = like(max_learning_rate, state.learning_rate)
        step = np.minimum(like(increase_factor, longest) * state.learning_rate, longest)
        start = Point(step, cast(value, real), cast(slope(grad, updates), real))
        line = lambda step: cast(f(_moved(params, step, updates)), real)
        miss = lambda new, at: new - (1 + rtol) * start.value - at * slope_rtol * start.slope
        n, step, new, error = _backtracked(
            line, miss, start, decrease_factor, atol, max_backtracking_steps
        )
        step = np.where(np.isinf(error), 0, step)
        info = LinesearchInfo(n, error, error)
        there = grad_of(f)(_moved(params, step, updates)) if store_grad else None
        state = cast_like(LinesearchState(step, new, there, info), state)
        return scaled(step, updates), state

    def init(params: Tree) -> LinesearchState:
        state = _first_state(params)
        return state if store_grad else state._replace(grad=None)

    return GradientTransformationExtraArgs(init, update)


def slope(grad: Tree, updates: Tree) -> Any:
    """The derivative along the updates u, Re(g u): g follows JAX's convention."""
    return inner_product(map_floating(np.conj, grad), updates)


def scaled(step: Any, updates: Tree) -> Tree:
    """The updates times a scalar."""
    return map_floating(lambda u: like(step, u) * u, updates)


def _backtracked(
    line: Any, miss: Any, start: Point, factor: Any, atol: Any, max_steps: int
) -> tuple[Any, Any, Any, Any]:
    """The count, the step size, the value and the violation at the first acceptable step."""

    def shrunk(search: Any) -> Any:
        n, step, _, _ = search
        step = np.where(n > 0, like(factor, step) * step, step)
        new = line(step)
        return n + 1, step, new, cast(_positive(miss(new, step)), dtype_of(new))

    search = np.int64(0), start.step, start.value, np.full_like(start.value, np.inf)
    return _while(lambda s: ~(s[3] <= atol) & (s[0] <= max_steps), shrunk, search)


# the zoom


def _zoomed(line: Any, start: Point, grad: Tree, guess: Any, rules: _Rules) -> _Search:
    """The end of a search from a start, the point of step size 0."""
    far, no = np.full_like(start.value, np.inf), np.array(False)
    search = _Search(
        np.int64(0), start, grad, start, start, start, start, grad, (far, far), no, no, no
    )

    def turn(s: _Search) -> _Search:
        new = cond(
            s.found,
            lambda: _zoom(s, line, start, rules),
            lambda: cast_like(_widen(s, line, start, guess, rules), s),
        )
        safe = lambda: new._replace(trial=new.safe, grad=new.safe_grad)
        use_safe = new.failed & ((new.safe.step > 0) | np.isinf(new.errors[0]))
        return cond(use_safe, safe, lambda: new)

    return _while(lambda s: ~(s.done | s.failed), turn, search)


def _widen(s: _Search, line: Any, start: Point, guess: Any, rules: _Rules) -> _Search:
    """Try a larger step, until it and the last enclose acceptable ones (Algorithm 3.5)."""
    step = np.where(s.count == 0, guess, like(rules.increase_factor, guess) * s.trial.step)
    longest = np.inf if rules.max_step_size is None else like(rules.max_step_size, step)
    at_end, step = step >= longest, np.minimum(step, longest)
    trial, grad = line(step)
    errors, error = _errors(trial, start, rules)
    is_safe = errors[0] <= rules.tol
    too_high = (errors[0] > 0) | ((trial.value >= s.trial.value) & (s.count > 0))
    rising = ~too_high & (trial.slope >= 0)
    found = too_high | rising | (error <= rules.tol)
    done = (error <= rules.tol) | (at_end & ~found)
    low, high = _choose(rising, trial, s.trial), _choose(rising, s.trial, trial)
    return _Search(
        s.count + 1, trial, grad, low, high, low,
        _choose(is_safe, trial, s.safe), _choose(is_safe, grad, s.safe_grad),
        errors, found, done, (s.count + 1 >= rules.max_steps) & ~done,
    )  # fmt: skip


def _zoom(s: _Search, line: Any, start: Point, rules: _Rules) -> _Search:
    """Try a step within the interval, which becomes one of its ends (Algorithm 3.6)."""
    trial, grad = line(_between(s.low, s.high, s.previous))
    errors, error = _errors(trial, start, rules)
    is_safe = (errors[0] <= rules.tol) & (trial.value < s.safe.value)
    to_high = (errors[0] > 0) | (trial.value >= s.low.value)
    turned = ~to_high & (trial.slope * (s.high.step - s.low.step) >= 0)
    safe = _choose(is_safe, trial, s.safe)
    done = error <= rules.tol
    short = np.abs(s.high.step - s.low.step) <= rules.precision
    over = (s.count + 1 >= rules.max_steps) | (short & (safe.step > 0))
    return _Search(
        s.count + 1, trial, grad,
        _choose(to_high, s.low, trial),
        _choose(to_high, trial, _choose(turned, s.low, s.high)),
        _choose(to_high | turned, s.high, s.low),
        safe, _choose(is_safe, grad, s.safe_grad),
        errors, s.found, done, over & ~done,
    )  # fmt: skip


def _between(low: Point, high: Point, third: Point) -> Any:
    """The next trial in an interval: the minimum of a cubic or parabola, or the midpoint."""
    length = np.abs(high.step - low.step)
    left, right = np.minimum(low.step, high.step), np.maximum(low.step, high.step)

    def inside(x: Any, margin: float) -> Any:
        return (x > left + margin * length) & (x < right - margin * length)

    cubic, parabola = _cubic_minimum(low, high, third), _parabola_minimum(low, high)
    middle = (low.step + high.step) / 2
    return np.where(inside(cubic, 0.2), cubic, np.where(inside(parabola, 0.1), parabola, middle))


def _cubic_minimum(a: Point, b: Point, c: Point) -> Any:
    """The minimum of the cubic through three values and the slope at the first."""
    p, q = b.step - a.step, c.step - a.step
    rise_b, rise_c = b.value - a.value - a.slope * p, c.value - a.value - a.slope * q
    scale = (p * q) ** 2 * (p - q)
    third = _quotient(q * q * rise_b - p * p * rise_c, scale)
    second = _quotient(p * p * p * rise_c - q * q * q * rise_b, scale)
    square = second * second - 3 * third * a.slope
    root = np.sqrt(np.where(square < 0, np.nan, square))
    return a.step + _quotient(root - second, 3 * third)


def _parabola_minimum(a: Point, b: Point) -> Any:
    """The minimum of the parabola through two values and the slope at the first."""
    p = b.step - a.step
    return a.step - _quotient(a.slope * p * p, 2 * (b.value - a.value - a.slope * p))


def _quotient(a: Any, b: Any) -> Any:
    """a / b, and nan where b is 0."""
    return a / np.where(b == 0, np.nan, b)


def _errors(at: Point, start: Point, rules: _Rules) -> tuple[tuple[Any, Any], Any]:
    """The violations of the two conditions at a point, and the larger of both."""
    decrease = at.value - start.value - rules.slope_rtol * at.step * start.slope
    if rules.approx_dec_rtol is not None:
        by_slope = at.slope - (2 * rules.slope_rtol - 1) * start.slope
        by_value = at.value - start.value - rules.approx_dec_rtol * np.abs(start.value)
        decrease = np.minimum(np.maximum(by_slope, by_value), decrease)
    curvature = np.abs(at.slope) - rules.curv_rtol * np.abs(start.slope)
    decrease, curvature = _positive(decrease), _positive(curvature)
    return (decrease, curvature), np.maximum(decrease, curvature)


# helpers


def _first_state(params: Tree) -> LinesearchState:
    check_initialized(params)
    real = widest_real_dtype(*tree.leaves(params))
    far = np.full((), np.inf, real)
    zeros = map_floating(np.zeros_like, params)
    return LinesearchState(np.ones((), real), far, zeros, LinesearchInfo(np.int64(0), far, far))


def _function(who: str, extra: dict[str, Any]) -> tuple[Any, Tree, Callable[[Tree], Any]]:
    """The value, the gradient, and the function with its keywords bound."""
    missing = [k for k in ("value", "grad", "value_fn") if k not in extra]
    if missing:
        raise TypeError(
            f"{who}: update needs {', '.join(k + '=' for k in missing)}: pass "
            f"update(grads, state, params, value=value, grad=grads, value_fn=function)"
        )
    f, rest = extra["value_fn"], {k: extra[k] for k in extra.keys() - {"value", "grad", "value_fn"}}
    takes = inspect.signature(f).parameters
    unknown = sorted(set(rest) - set(takes))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        raise TypeError(f"{who}: value_fn takes no keyword {unknown[0]!r}: it takes {list(takes)}")
    return extra["value"], extra["grad"], lambda params: f(params, **rest)


def _while(pred: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
    """A Python loop where values are known, so that the function need not be traceable."""
    if not all(is_concrete(x) for x in tree.leaves(state) if np.ndim(x) == 0):
        return while_loop(pred, lambda s: cast_like(body(s), s), state)
    while pred(state):
        state = body(state)
    return state


def _moved(params: Tree, step: Any, updates: Tree) -> Tree:
    return map_floating(lambda p, u: cast(p + like(step, u) * u, dtype_of(p)), params, updates)


def _choose(pred: Any, yes: Tree, no: Tree) -> Tree:
    return tree.map(lambda a, b: np.where(pred, a, b), yes, no)


def _positive(error: Any) -> Any:
    """max(violation, 0), infinite where it is nan."""
    return np.where(np.isnan(error), np.inf, np.maximum(error, 0))


def _cast(point: Point, dtype: Any) -> Point:
    return Point(*(cast(x, dtype) for x in point))
