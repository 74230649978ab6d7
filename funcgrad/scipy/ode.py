"""odeint: adaptive Runge-Kutta steps under both modes, vmap and jit.

The computed solution is differentiated step by step, with the length of each step taken as
constant, so that derivatives agree with the values to rounding. (The adjoint equation solved
backwards would not.) The search for a length is not differentiated, and leaves no residuals.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..control.loops import scan, while_loop
from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.operand import operand, strong
from ..ops.ravel import ravel_pytree
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast
from ..transforms.arguments import Origin, check_callable, flatten_like, zero_of
from ..transforms.custom.decorators import custom_jvp
from ..transforms.forward import jvp
from ..transforms.jaxprs import trace_to_jaxpr
from .initial import scalars_as_array

# fmt: off
# Dormand & Prince 1980, "A family of embedded Runge-Kutta formulae", RK5(4)7M, whose last stage is
# the first one of the next step; ERROR is the difference to the solution of fourth order.
NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
# fmt: on


class Step(NamedTuple):
    """A step from t to t + h: the solution and its derivative at both ends."""

    t: Any
    h: Any
    y0: Any
    f0: Any
    y1: Any
    f1: Any


@answering
def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    *params: Any,
    args: Any = (),
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = np.inf,
    hmax: float = np.inf,
    tfirst: bool = False,
) -> Any:
    """Solution of ``dy/dt = func(y, t, *params)`` at given times.

    Args:
        func: returns a tree like y, or a list of the elements of a vector; it is traced.
        y0: solution at ``t[0]``, a tree whose dtypes it keeps; a list of scalars is a vector.
        t: times, ascending or descending, shape [T]; each costs one step more than the solver's
            own steps, which go past it.
        *params: trees of arrays; the solution is differentiable in them, ``y0`` and ``t``.
        args: a tuple of further ones, or one alone, as in SciPy.
        rtol, atol: relative and absolute tolerance of the local error, at least 10 eps.
        mxstep: int, maximal number of steps from one time to the next.
        hmax: maximal length of a step.
        tfirst: whether the arguments of ``func`` are ``t, y``.

    Returns:
        A tree like ``y0`` with a new first axis of T. It is nan from the time on at which
        ``mxstep`` was reached, or ``func`` was not finite for any step length.

    Raises:
        ShapeError, TreeError: if the result of ``func`` differs from y in shape or structure.
        ValueError: if ``t`` is not monotonic.

    >>> y = odeint(lambda y, t, rate: -rate * y, 1.0, np.array([0.0, 1.0]), 2.0)
    >>> print(y.round(6))
    [1.       0.135335]
    """
    check_callable("odeint", func)
    args = args if isinstance(args, tuple) else (args,)
    rate = (lambda y, t, *rest: func(t, y, *rest)) if tfirst else func
    y0 = scalars_as_array(y0, (list,))
    return solution_at(rate, y0, t, (*params, *args), rtol, atol, mxstep, hmax)


def solution_at(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    params: tuple[Any, ...],
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = np.inf,
    hmax: float = np.inf,
) -> Any:
    """:func:`odeint` for a tree, a list of scalars included."""
    t = _times(t)
    flat, unravel = ravel_pytree(tree.map(_floating, y0))
    eps = max(np.finfo(dtype_of(x)).eps for x in (flat, t))
    problem = InitialValueProblem(
        *_flat_jaxpr(func, unravel, flat, t, params),
        sign=stop_gradient(np.where(t[-1] < t[0], -1, 1)).astype(dtype_of(t)),
        rtol=max(rtol, 10 * eps),
        atol=atol,
        hmax=hmax,
    )
    ys = problem.solved(flat, t, mxstep)
    return _rows(unravel, np.concatenate([flat[None], ys]))


def _rows(unravel: Callable[[Any], Any], ys: Any) -> Any:
    """Flat solutions, one per row, as a tree with a first axis."""
    return scan(lambda _, y: (None, unravel(y)), None, ys)[1]


def _times(t: Any) -> Any:
    t = strong(operand(t))
    t = t if dtype_of(t).kind == "f" else cast(t, np.float64)
    if len(shape_of(t)) != 1 or not shape_of(t)[0]:
        raise ShapeError(f"odeint: t must be a vector: got {aval_of(t)}; write odeint(func, y0, t)")
    if not isinstance(t, Tracer):
        gaps = np.diff(t)
        if not (np.all(gaps >= 0) or np.all(gaps <= 0)):
            raise ValueError(f"odeint: t must be monotonic: got {t}; sort it by np.sort")
    return t


def _floating(y: Any) -> Any:
    if not is_arraylike(y) or dtype_of(y).kind not in "biufc":
        got = aval_of(y) if is_arraylike(y) else type(y).__name__
        raise DtypeError(f"odeint: y0 must be a tree of arrays: got {got}; give numbers")
    return y if is_inexact(dtype_of(y)) else cast(strong(y), np.float64)


def _flat_jaxpr(func: Any, unravel: Any, flat: Any, t: Any, args: Any) -> tuple[Jaxpr, tuple]:
    """Jaxpr of ``consts, y, t -> dy/dt`` on flat arrays, and the constants."""
    example = unravel(flat)
    treedef = tree.structure(example)

    def slope(hand: Callable[[Any], Any], values: list[Any]) -> list[Any]:
        y, time = values
        out = func(unravel(y), time, *map(hand, args))
        out = scalars_as_array(out) if is_arraylike(example) and shape_of(example) else out
        leaves = flatten_like("odeint", "what func gives", treedef, out)
        for (path, x), d in zip(tree.leaves_with_path(example), leaves, strict=True):
            if shape_of(d) != shape_of(x):
                raise ShapeError(
                    f"odeint: func must return the shape of y{tree.keystr(path)}, {aval_of(x)}: "
                    f"got {aval_of(d)}; the arguments are func(y, t)"
                )
        return [cast(ravel_pytree(leaves)[0], dtype_of(flat))]

    origin, avals = Origin("odeint", func), [aval_of(flat), aval_of(t[0])]
    stage = lambda hand: trace_to_jaxpr(origin, functools.partial(slope, hand), avals)
    return origin.run(stage, lambda: args)


class InitialValueProblem:
    """An equation on flat arrays, with the tolerances of its solution."""

    def __init__(
        self, program: Jaxpr, consts: Sequence[Any], sign: Any, rtol: Any, atol: Any, hmax: Any
    ) -> None:
        self.program, self.consts, self.sign = program, tuple(consts), sign
        self.rtol, self.atol, self.hmax = rtol, atol, hmax

    def slope(self, consts: Sequence[Any], y: Any, t: Any) -> Any:
        return eval_jaxpr(self.program, (), [*consts, y, t])[0]

    def solved(self, y: Any, t: Any, mxstep: float) -> Any:
        """Solution at all times but the first."""
        consts = self.consts
        f = self.slope(consts, y, t[0])
        h = stop_gradient(self._first(consts, y, f, t[0]))
        still = Step(t[0], np.zeros_like(h), y, f, y, f)

        def reach(state: Any, target: Any) -> Any:
            def behind(state: Any) -> Any:
                n, now, _, _ = state
                return np.logical_and((target - now) * self.sign > 0, n < mxstep)

            def go_on(state: Any) -> Any:
                n, now, h, step = state
                step, h = self.advance(consts, step.y1, step.f1, now, h)
                return n + 1, now + step.h, h, step

            state = while_loop(behind, go_on, (0, *state))[1:]
            now, _, step = state
            missed = np.logical_not((target - now) * self.sign <= 0)  # true for nan
            # a shorter step, whose length is differentiated: more accurate than interpolation
            length = np.where(missed, 0, target - step.t)
            y = self._trial(consts, step.y0, step.f0, step.t, length)[0]
            return state, np.where(missed, np.nan, y)

        return scan(reach, (t[0], h, still), t[1:])[1]

    # one step

    def _trial(self, consts: Any, y: Any, f: Any, t: Any, h: Any) -> tuple[Any, ...]:
        """Solution after a step, its derivative, and its error."""
        scale = cast(h, np.finfo(dtype_of(y)).dtype)
        slopes = [f]
        for node, weights in zip(NODES, STAGES, strict=True):
            new = y + scale * _weighted(weights, slopes)
            slopes.append(self.slope(consts, new, t + node * h))
        return new, slopes[-1], scale * _weighted(ERROR, slopes)

    def advance(self, *args: Any) -> tuple[Step, Any]:
        """``_advance`` with a rule that does not differentiate the search for h."""
        ruled = custom_jvp(self._advance)  # as an attribute: a reference cycle
        ruled.defjvp(self._advance_rule)
        return ruled(*args)

    def _advance(self, consts: Any, y: Any, f: Any, t: Any, h: Any) -> tuple[Step, Any]:
        """First accepted step from trials that start with length h, and the next length."""

        def refused(state: Any) -> Any:
            ratio, h, _, _ = state
            shortest = np.finfo(dtype_of(t)).eps * np.abs(t)
            return np.logical_and(ratio > 1, np.abs(h) > shortest)  # false for nan

        def shorter(state: Any) -> Any:
            _, _, h, _ = state
            new, slope, error = self._trial(consts, y, f, t, h)
            ratio = self._size(error, np.maximum(np.abs(y), np.abs(new)))
            ratio = np.where(np.isfinite(ratio), ratio, np.inf)
            return ratio, h, self._limited(h * _factor(ratio)), (new, slope)

        size = np.full_like(np.abs(y[:1].sum()), np.inf)
        ratio, h, longer, (new, slope) = while_loop(refused, shorter, (size, h, h, (y, f)))
        h = np.where(ratio > 1, np.nan, h)  # no step was accepted: nan ends the loop over steps
        return Step(t, h, y, f, np.where(ratio > 1, np.nan, new), slope), longer

    def _advance_rule(self, primals: Any, tangents: Any) -> Any:
        step, longer = self.advance(*primals)
        again = lambda consts, y, f, t: self._trial(consts, y, f, t, step.h)[:2]
        _, (t_new, t_slope) = jvp(again, primals[:4], tangents[:4])
        _, t_y, t_f, t_t, _ = tangents
        moved = Step(t_t, zero_of(step.h), t_y, t_f, t_new, t_slope)
        return (step, longer), (moved, zero_of(longer))

    def _limited(self, h: Any) -> Any:
        return self.sign * np.minimum(np.abs(h), self.hmax)

    def _size(self, error: Any, y: Any) -> Any:
        """Root mean square of an error relative to the tolerance."""
        ratio = np.abs(error) / (self.atol + self.rtol * np.abs(y))
        return np.sqrt(np.sum(ratio * ratio) / max(ratio.size, 1))

    def _first(self, consts: Any, y: Any, f: Any, t: Any) -> Any:
        """Length of the first step.

        Source: Hairer, Norsett & Wanner 1993, "Solving ordinary differential equations I", II.4.
        """
        tiny = 1e-15
        d0, d1 = self._size(y, y), self._size(f, y)
        guess = 0.01 * d0 / np.maximum(d1, tiny)
        guess = np.where(np.minimum(d0, d1) < 1e-5, 1e-6, guess)
        step = cast(self.sign * guess, dtype_of(t))
        moved = self.slope(consts, y + cast(step, guess.dtype) * f, t + step)
        d2 = self._size(moved - f, y) / guess
        bend = np.maximum(d1, d2)
        length = (0.01 / np.maximum(bend, tiny)) ** (1 / 5)
        length = np.where(bend <= tiny, np.maximum(1e-6, 1e-3 * guess), length)
        return self._limited(cast(np.minimum(100 * guess, length), dtype_of(t)))


def _weighted(weights: Sequence[float], slopes: Sequence[Any]) -> Any:
    terms = [w * k for w, k in zip(weights, slopes, strict=True) if w]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _factor(ratio: Any) -> Any:
    """Factor by which the next step may be longer, for an error of fifth order."""
    return np.clip(0.9 * np.maximum(ratio, 1e-10) ** -0.2, 0.2, 10)
