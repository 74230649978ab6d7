"""odeint: adaptive Runge-Kutta steps that derivatives of both modes, vmap and jit go through.

What is differentiated is the solution that was computed, step by step, each step's length taken
as given; so the derivatives agree with the values to rounding, which an adjoint equation solved
backwards does not promise. The trials that find a length are not differentiated, nor kept.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..control.loops import scan, while_loop
from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.trace import Tracer
from ..ops.operand import operand, strong
from ..ops.ravel import ravel_pytree
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast
from ..transforms.arguments import Origin, check_callable, same_structure, zero_of
from ..transforms.custom.decorators import custom_jvp
from ..transforms.forward import jvp
from ..transforms.jaxprs import trace_to_jaxpr

# fmt: off
# Dormand & Prince 1980, "A family of embedded Runge-Kutta formulae", RK5(4)7M; its last stage is
# the next step's first. Then what the fourth-order solution differs by.
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
    """A step from t to t + h: the solution and its slope at both ends."""

    t: Any
    h: Any
    y0: Any
    f0: Any
    y1: Any
    f1: Any


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    *args: Any,
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = np.inf,
    hmax: float = np.inf,
) -> Any:
    """Return the solution of ``dy/dt = func(y, t, *args)`` at given times.

    Args:
        func: gives a tree of y's structure and shapes; it is traced.
        y0: the solution at ``t[0]``: a tree of arrays, whose dtypes the solution keeps.
        t: times that rise, or that fall, shape [T]; each costs one step besides the
            solver's own, which go past them.
        *args: trees of arrays; the solution is differentiable by these, ``y0`` and ``t``.
        rtol, atol: the local error to allow, relative and absolute; not below ten roundings.
        mxstep: how many steps to do at most from one time to the next.
        hmax: the longest step to do.

    Returns:
        A tree like ``y0`` with a new first axis of T. It is nan from where the solution could not
        be continued: ``mxstep`` was reached, or ``func`` is not finite however short the step.

    Raises:
        ShapeError, TreeError: if ``func`` gives another shape or structure than y's.
        ValueError: if ``t`` goes to and fro.

    >>> y = odeint(lambda y, t, rate: -rate * y, 1.0, np.array([0.0, 1.0]), 2.0)
    >>> print(y.round(6))
    [1.       0.135335]
    """
    check_callable("odeint", func)
    t = _times(t)
    flat, unravel = ravel_pytree(tree.map(_floating, y0))
    eps = max(np.finfo(dtype_of(x)).eps for x in (flat, t))
    problem = Problem(
        *_program(func, unravel, flat, t, args),
        sign=stop_gradient(np.where(t[-1] < t[0], -1, 1)).astype(dtype_of(t)),
        rtol=max(rtol, 10 * eps),
        atol=atol,
        hmax=hmax,
    )
    ys = problem.solved(flat, t, mxstep)
    return _rows(unravel, np.concatenate([flat[None], ys]))


def _rows(unravel: Callable[[Any], Any], ys: Any) -> Any:
    """Return flat solutions, one a row, as a tree of stacks."""
    return scan(lambda _, y: (None, unravel(y)), None, ys)[1]


def _times(t: Any) -> Any:
    t = strong(operand(t))
    t = t if dtype_of(t).kind == "f" else cast(t, np.float64)
    if len(shape_of(t)) != 1 or not shape_of(t)[0]:
        raise ShapeError(f"odeint: t must have one axis, of times: got {aval_of(t)}")
    if not isinstance(t, Tracer):
        gaps = np.diff(t)
        if not (np.all(gaps >= 0) or np.all(gaps <= 0)):
            raise ValueError(f"odeint: the times must rise, or fall: got {t}")
    return t


def _floating(y: Any) -> Any:
    if not is_arraylike(y) or dtype_of(y).kind not in "biufc":
        got = aval_of(y) if is_arraylike(y) else type(y).__name__
        raise DtypeError(f"odeint: y0 must be made of numbers: got {got}")
    return y if is_inexact(dtype_of(y)) else cast(strong(y), np.float64)


def _program(func: Any, unravel: Any, flat: Any, t: Any, args: Any) -> tuple[Jaxpr, tuple]:
    """Return ``consts, y, t -> dy/dt`` of flat arrays as a program, and the constants."""
    example = unravel(flat)
    treedef = tree.structure(example)

    def slope(values: list[Any]) -> list[Any]:
        y, time = values
        out = func(unravel(y), time, *args)
        leaves = same_structure("odeint", "what func gives", treedef, out)
        for (path, x), d in zip(tree.leaves_with_path(example), leaves, strict=True):
            if shape_of(d) != shape_of(x):
                raise ShapeError(
                    f"odeint: func must give the shape of y{tree.keystr(path)}, {aval_of(x)}: "
                    f"got {aval_of(d)}"
                )
        return [cast(ravel_pytree(leaves)[0], dtype_of(flat))]

    return trace_to_jaxpr(Origin("odeint", func), slope, [aval_of(flat), aval_of(t[0])])


class Problem:
    """One equation, on flat arrays, and how exactly to solve it."""

    def __init__(
        self, program: Jaxpr, consts: Sequence[Any], sign: Any, rtol: Any, atol: Any, hmax: Any
    ) -> None:
        self.program, self.consts, self.sign = program, tuple(consts), sign
        self.rtol, self.atol, self.hmax = rtol, atol, hmax

    def slope(self, consts: Sequence[Any], y: Any, t: Any) -> Any:
        return eval_jaxpr(self.program, (), [*consts, y, t])[0]

    def solved(self, y: Any, t: Any, mxstep: float) -> Any:
        """Return the solution at all times but the first."""
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
            missed = np.logical_not((target - now) * self.sign <= 0)  # true of nan
            # a shorter step, whose length is differentiated: an interpolant is not as exact
            length = np.where(missed, 0, target - step.t)
            y = self._trial(consts, step.y0, step.f0, step.t, length)[0]
            return state, np.where(missed, np.nan, y)

        return scan(reach, (t[0], h, still), t[1:])[1]

    # one step

    def _trial(self, consts: Any, y: Any, f: Any, t: Any, h: Any) -> tuple[Any, ...]:
        """Return the solution after a step, its slope, and its error."""
        scale = cast(h, np.finfo(dtype_of(y)).dtype)
        slopes = [f]
        for node, weights in zip(NODES, STAGES, strict=True):
            new = y + scale * _weighted(weights, slopes)
            slopes.append(self.slope(consts, new, t + node * h))
        return new, slopes[-1], scale * _weighted(ERROR, slopes)

    def advance(self, *args: Any) -> tuple[Step, Any]:
        """Return ``_advance`` of these, with its rule."""
        ruled = custom_jvp(self._advance)  # one for each call: as an attribute it would be a cycle
        ruled.defjvp(self._advance_rule)
        return ruled(*args)

    def _advance(self, consts: Any, y: Any, f: Any, t: Any, h: Any) -> tuple[Step, Any]:
        """Return the first step that is accepted, starting with length h, and the next length."""

        def refused(state: Any) -> Any:
            ratio, h, _, _ = state
            shortest = np.finfo(dtype_of(t)).eps * np.abs(t)
            return np.logical_and(ratio > 1, np.abs(h) > shortest)  # false of nan

        def shorter(state: Any) -> Any:
            _, _, h, _ = state
            new, slope, error = self._trial(consts, y, f, t, h)
            ratio = self._size(error, np.maximum(np.abs(y), np.abs(new)))
            ratio = np.where(np.isfinite(ratio), ratio, np.inf)
            return ratio, h, self._limited(h * _factor(ratio)), (new, slope)

        size = np.full_like(np.abs(y[:1].sum()), np.inf)
        ratio, h, longer, (new, slope) = while_loop(refused, shorter, (size, h, h, (y, f)))
        h = np.where(ratio > 1, np.nan, h)  # no step is short enough: nan ends the loop over steps
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
        """Return the root mean square of an error, in units of what is allowed."""
        ratio = np.abs(error) / (self.atol + self.rtol * np.abs(y))
        return np.sqrt(np.sum(ratio * ratio) / max(ratio.size, 1))

    def _first(self, consts: Any, y: Any, f: Any, t: Any) -> Any:
        """Return a first step's length.

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
    """Return by how much the next step may be longer, for an error of fifth order."""
    return np.clip(0.9 * np.maximum(ratio, 1e-10) ** -0.2, 0.2, 10)
