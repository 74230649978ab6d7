"""Solvers of linear systems as functions of values: staged where they close over traced ones."""

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import Aval
from ..core.errors import ConversionError, UnsupportedError
from ..core.jaxpr import Jaxpr, eval_jaxpr
from ..core.trace import ConcreteTracer, Tracer
from ..ops.operand import stacked
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import batch_at_front
from ..transforms.batching import Batch, run_in
from ..transforms.jaxprs import constants_as_inputs
from ..transforms.staging import stage

# of a linear program, what it closes over, the right side, what the solver holds: the solution
Solver = Callable[[Jaxpr, Sequence[Any], Sequence[Any], Sequence[Any]], Sequence[Any]]


class Staged:
    """A solver as a program ``held, closed, b -> x``, of one system of ``count`` constants."""

    def __init__(self, jaxpr: Jaxpr, count: int) -> None:
        self.jaxpr, self.count = jaxpr, count

    def __call__(self, _: Jaxpr, closed: Any, b: Any, held: Any) -> Sequence[Any]:
        own = closed[len(closed) - self.count :]  # before these come those of a program made of it
        return eval_jaxpr(self.jaxpr, (), [*held, *own, *b])


def closed_solver(
    solve: Solver, matvec: Jaxpr, closed: Sequence[Aval], b: Sequence[Aval]
) -> tuple[Sequence[Any], Solver]:
    """Return what a solver closes over, and the solver, staged where that is traced.

    One that cannot be staged, because it calls SciPy say, is run when the system is.
    """
    n = len(closed)
    apply = lambda xs: list(solve(matvec, xs[:n], xs[n:], ()))
    try:
        found, _ = stage("a solver", apply, [*closed, *b], lasting=False)
    except Exception:  # whatever it minds is to be raised where it runs
        return (), solve
    if not any(isinstance(x, Tracer) for x in found.consts):
        return (), solve
    return found.consts, Staged(constants_as_inputs(found.jaxpr), n)


def is_younger(x: Any, serial: int) -> bool:
    return isinstance(x, Tracer) and x._trace.serial > serial


def seen_before(serial: float, x: Any) -> Any:
    """Return a value as traces before that number see it."""
    while isinstance(x, ConcreteTracer) and x._trace.serial >= serial:
        x = x.value
    return x


def solver_of_all(
    trace: Batch,
    solve: Solver,
    matvec: Jaxpr,
    more: Sequence[Any],
    held_axes: Sequence[int | None],
    own_axes: Sequence[int | None],
) -> Solver:
    """Return a solver of all examples' systems, given the program of one.

    A solver that cannot be traced, because it calls SciPy say, solves them one by one.
    """

    def solve_all(_: Jaxpr, closed: Any, b: Sequence[Any], held: Sequence[Any]) -> list[Any]:
        m, n, axes = len(held), len(own_axes) - len(b), [*held_axes, *own_axes]
        own = closed[len(closed) - n :]  # before these come those of the program of all
        values = [*held, *own, *b]

        def one(*xs: Any) -> Any:
            system = [*more, *xs[m : m + n]]
            # a solver may close over values of transforms further in, which are not of the trace
            return stop_gradient(list(solve(matvec, system, xs[m + n :], xs[:m])))

        try:
            pairs = run_in(trace, one, values, axes)
        except (ConversionError, UnsupportedError):
            pick = lambda i: [x if d is None else x[i] for x, d in zip(values, axes, strict=True)]
            rows = [one(*pick(i)) for i in range(trace.size)]
            return [stacked(column) for column in zip(*rows, strict=True)]
        return [batch_at_front(y, d, trace.size) for y, d in pairs]

    return solve_all
