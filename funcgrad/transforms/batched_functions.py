"""Functions of the user's that run under vmap once more: custom rules, and parts of solvers."""

from collections.abc import Callable, Sequence
from typing import Any

from ..core.errors import ClosureError
from ..core.trace import ConcreteTracer, Tracer
from ..ops.structure import axis_to_front, batch_at_front, sum_p, transpose_p
from .batching import Batch, batched_again


def again(trace: Batch) -> Batch:
    """A trace in which functions of the user's run: a new one if this is dead, dead likewise."""
    if not trace.dead:
        return trace
    trace = Batch(trace.origin, trace.size, trace.name)
    trace.dead = True
    return trace


def run_in_trace(
    trace: Batch, fun: Callable[..., Any], values: Any, axes: Any, closes: bool = False
) -> list[tuple[Any, int | None]]:
    """Run a function of the user's in a trace; if that is dead, in a new one like it.

    If the function ``closes`` over tracers, a dead trace is alive for the call.
    """
    if not trace.dead:
        pairs = [(x, d) if d is not None else trace.split(trace.with_axis(x))
                 for x, d in zip(values, axes, strict=True)]  # fmt: skip
        values, axes = [x for x, _ in pairs], [d for _, d in pairs]
        return batched_again(trace, fun, values, axes)
    own = trace if closes else again(trace)
    own.dead = False
    try:
        return batched_again(own, fun, values, axes)
    finally:
        own.dead = True


def vmapped(
    trace: Batch, fun: Callable[..., Sequence[Any]], axes: Sequence[int | None]
) -> Callable[..., list[Any]]:
    """The function of all examples, given the batch axes of its operands."""

    def all_of(*values: Any) -> list[Any]:
        pairs = run_in_trace(trace, fun, values, axes)
        check_within(trace, [y for y, _ in pairs])
        return [batch_at_front(y, d, trace.size) for y, d in pairs]

    return all_of


def check_within(trace: Batch, ys: Sequence[Any]) -> None:
    """Raise if results belong to a transform inside vmap, which hides their batch axis."""
    if any(_wraps(trace, y) for y in ys):
        raise ClosureError(
            f"a function with a custom rule closes over a value of a transform inside "
            f"{trace.origin}; make it an argument of the function that has the rule"
        )


def _wraps(trace: Batch, y: Any) -> bool:
    """Whether a tracer of this vmap is wrapped by a tracer of an inner transform."""
    inner = y
    while isinstance(inner, ConcreteTracer):
        inner = inner.value
    return inner is not y and isinstance(inner, Tracer) and inner._trace is trace


def batched_ct(ct: Any, axis: int | None, want: int | None, size: int) -> Any:
    """The cotangent of an operand from those of all examples; that of a shared one is the sum."""
    if ct is None:
        return None
    if want is None:
        return ct * size if axis is None else sum_p(axis_to_front(ct, axis), axes=(0,))
    ct = batch_at_front(ct, axis, size)
    rest = range(want + 1, len(ct.shape))
    return transpose_p(ct, perm=(*range(1, want + 1), 0, *rest)) if want else ct
