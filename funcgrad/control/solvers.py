"""Solvers of linear systems, staged in programs where they can be."""

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import Aval
from ..core.errors import ConversionError, UnsupportedError
from ..core.jaxpr import Jaxpr, Var, constants_as_inputs, eval_jaxpr
from ..core.trace import ConcreteTracer, Tracer
from ..ops.operand import stacked
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import batch_at_front
from ..transforms.batched_functions import run_in_trace
from ..transforms.batching import Batch
from ..transforms.jaxprs import batch_jaxpr
from ..transforms.staging import stage

# linear program, its constants, right-hand side, constants of the solver -> solution
Solver = Callable[[Jaxpr, Sequence[Any], Sequence[Any], Sequence[Any]], Sequence[Any]]


class Staged:
    """A solver as a program ``held, closed, b -> x``, for a system with ``count`` constants."""

    def __init__(self, jaxpr: Jaxpr, count: int) -> None:
        self.jaxpr, self.count = jaxpr, count

    def __call__(self, _: Jaxpr, closed: Any, b: Any, held: Any) -> Sequence[Any]:
        own = closed[len(closed) - self.count :]  # after the constants of a derived program
        return eval_jaxpr(self.jaxpr, (), [*held, *own, *b])

    def program(self, matvec: Jaxpr, consts: int, others: Sequence[Aval]) -> Jaxpr:
        """The program of the operands of a system, those for the other solver among them."""
        inner = self.jaxpr
        start = len(inner.invars) - self.count - len(inner.outvars)
        unread = [v.aval for v in matvec.invars[: consts - self.count]]
        fresh = tuple(map(Var, (*others, *unread)))
        return Jaxpr(
            (*inner.invars[:start], *fresh, *inner.invars[start:]), (), inner.eqns, inner.outvars
        )

    def batched(
        self, held_axes: Sequence[int | None], own_axes: Sequence[int | None], size: int
    ) -> tuple[tuple[Any, ...], "Staged"]:
        """The first operands of the solver of the systems of all examples, and that solver.

        A batch axis is the first, and the results have one.
        """
        outs = [True] * len(self.jaxpr.outvars)
        own_axes = own_axes[len(own_axes) - self.count - len(outs) :]
        flags = [d is not None for d in (*held_axes, *own_axes)]
        program, more, _ = batch_jaxpr(self.jaxpr, flags, outs, size)
        return more, Staged(program, self.count)


def stage_solver(
    solve: Solver, matvec: Jaxpr, closed: Sequence[Aval], b: Sequence[Aval]
) -> tuple[Sequence[Any], Solver]:
    """The values that a solver closes over, and the solver as a program.

    A solver that cannot be staged, for example because it calls SciPy, runs when the system does.
    """
    n = len(closed)
    apply = lambda xs: list(solve(matvec, xs[:n], xs[n:], ()))
    try:
        found, _ = stage("a solver", apply, [*closed, *b], lasting=False)
    except Exception:  # any error is raised again when the solver runs
        return (), solve
    return found.consts, Staged(constants_as_inputs(found.jaxpr), n)


def is_inner(x: Any, serial: int) -> bool:
    return isinstance(x, Tracer) and x._trace.serial > serial


def unwrap_to(serial: float, x: Any) -> Any:
    """A value as seen by traces before ``serial``."""
    while isinstance(x, ConcreteTracer) and x._trace.serial >= serial:
        x = x.value
    return x


def batch_solver(
    trace: Batch,
    solve: Solver,
    matvec: Jaxpr,
    more: Sequence[Any],
    held_axes: Sequence[int | None],
    own_axes: Sequence[int | None],
) -> tuple[Sequence[Any], Solver]:
    """The first operands of a solver of the systems of all examples, and it, given that of one.

    A solver that cannot be traced, for example because it calls SciPy, solves them one by one.
    """

    if isinstance(solve, Staged):
        return solve.batched(held_axes, own_axes, trace.size)

    def solve_all(_: Jaxpr, closed: Any, b: Sequence[Any], held: Sequence[Any]) -> list[Any]:
        m, n, axes = len(held), len(own_axes) - len(b), [*held_axes, *own_axes]
        own = closed[len(closed) - n :]  # after the constants of the batched program
        values = [*held, *own, *b]

        def one(*xs: Any) -> Any:
            system = [*more, *xs[m : m + n]]
            # a solver may close over values of inner transforms, which do not belong to the trace
            return stop_gradient(list(solve(matvec, system, xs[m + n :], xs[:m])))

        try:
            pairs = run_in_trace(trace, one, values, axes)
        except (ConversionError, UnsupportedError):
            pick = lambda i: [x if d is None else x[i] for x, d in zip(values, axes, strict=True)]
            rows = [one(*pick(i)) for i in range(trace.size)]
            return [stacked(column) for column in zip(*rows, strict=True)]
        return [batch_at_front(y, d, trace.size) for y, d in pairs]

    return (), solve_all
