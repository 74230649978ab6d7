"""Source of checkpointed loops: a sweep that keeps states, and the reversal that reads them.

States lie in the rows of a stack: a step reads one row and writes another. A reversal works in the
stack of its sweep where no later equation reads it, else in a copy.
"""

from collections.abc import Sequence
from typing import Any

from ..core.avals import Aval
from ..core.emitter import Emitter, V
from ..core.jaxpr import Jaxpr
from .codegen import Carry, advance
from .revolve import online


class Rows:
    """A stacked array whose rows steps read or write, in the order of the steps."""

    def __init__(self, w: Emitter[V], stack: Any, reverse: bool, hint: str = "") -> None:
        self.w, self.stack, self.row = w, stack, w.token(hint)
        self.aval = Aval(stack.aval.shape[1:], stack.aval.dtype)
        self.all = w.rows(stack, reverse)
        if reverse and self.all == f"{stack}[::-1]":
            name = w.token()
            w.line(f"{name} = {self.all}")
            self.all = name

    def value(self) -> Any:
        return self.w.value(
            self.row, self.aval, contiguous=self.stack.contiguous, certain=self.stack.static
        )

    def read(self, i: str) -> Any:
        """Write the line that reads a row."""
        self.w.line(f"{self.row} = {self.all}[{i}]")
        return self.value()

    def target(self, i: str) -> Any:
        """The row as memory to write to; None for a scalar."""
        return self.read(i) if self.aval.shape else None

    def put(self, i: str, value: Any) -> None:
        """Write a scalar into its row."""
        if not self.aval.shape:
            self.w.line(f"{self.all}[{i}] = {value}")


def write_sweep(
    w: Emitter[V],
    outs: Sequence[V],
    ins: Sequence[V],
    *,
    jaxpr: Jaxpr,
    length: int,
    steps: int,
    reverse: bool,
    num_consts: int,
    num_carry: int,
    kept: tuple[int, ...],
    kept_carry: tuple[int, ...],
    **params: Any,
) -> None:
    """Write a sweep: a loop over the kept states, around one over the steps between two."""
    w.study(jaxpr)
    n, k, m = num_consts, num_carry, len(jaxpr.outvars)
    carries = [Carry(w, jaxpr, n + i, i, ins[n + i]) for i in range(k)]
    for out in outs[k:]:
        w.allocate(out)
    for stack in outs[k:m] if steps < length else ():
        w.line(f"{stack}[{0 if reverse else steps}] = 0")
    for snap, i in zip(outs[m:], kept_carry, strict=True):
        w.line(f"{snap}[0] = {ins[n + i]}")
    pairs = zip(ins[n + k :], jaxpr.invars[n + k :], strict=True)
    xs = [Rows(w, x, reverse, w.known(v)) for x, v in pairs]
    ys = [Rows(w, stack, reverse) for stack in outs[k:m]]
    bounds = (0, *kept, steps)
    sections = tuple([(j + 1, bounds[j], bounds[j + 1]) for j in range(len(bounds) - 1)])
    slot, start, stop, step = map(w.token, ("slot", "start", "stop", "i"))
    with w.indented(f"for {slot}, {start}, {stop} in {w.bind(sections, 'sections')}:"):
        with w.indented(f"for {step} in range({start}, {stop}):"), w.repeated(steps):
            now = [*ins[:n], *(c.now for c in carries), *_read(xs, step)]
            values = _written(w, jaxpr, now, [c.target for c in carries], ys, step)
            advance(w, carries, values)
        for snap, i in zip(outs[m:], kept_carry, strict=True):
            w.line(f"{snap}[{slot}] = {carries[i].now}")
    for carry, out in zip(carries, outs[:k], strict=True):
        carry.finish(out)


def write_reversal(
    w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, up: Jaxpr, down: Jaxpr, reverse: bool,
    schedule: str, unset: int | None, turns: int, sizes: Sequence[int],
) -> None:  # fmt: skip
    """Write a reversal: for each step from the last, moves that make its state, and the step.

    Args:
        w: the writer.
        outs: outputs.
        ins: operands, in groups of the lengths ``sizes``, and the rest.
        up: the program of a step forward.
        down: that of a step back.
        reverse: whether steps forward go from the last row to the first.
        schedule: the expression of the schedule.
        unset: the row of the results that no step computes.
        turns: an estimate of the number of steps.
        sizes: those of a ``ReversalLayout``.
    """
    w.study(up)
    w.study(down)
    n, m, first, end = (sum(sizes[: j + 1]) for j in range(4))
    lent = [w.is_lent(x) for x in ins[n:m]]
    stacks = [x if free else _copied(w, x) for x, free in zip(ins[n:m], lent, strict=True)]
    carries = [Carry(w, down, i, i - first, ins[i]) for i in range(first, end)]
    results = outs[end - first :]
    for out in results:
        w.allocate(out)
        if unset is not None:
            w.line(f"{out}[{unset}] = 0")
    befores = [Rows(w, x, False, w.known(v)) for x, v in zip(stacks, down.invars[n:m], strict=True)]
    afters = [Rows(w, x, False) for x in stacks]
    xs, rows = ([Rows(w, x, reverse) for x in part] for part in (ins[m:first], ins[end:]))
    ys = [Rows(w, out, reverse) for out in results]
    i, j, at, before, after, moves = map(w.token, ("i", "j", "at", "before", "after", "moves"))
    with w.indented(f"for {i}, {at}, {moves} in {schedule}:"), w.repeated(turns):
        with w.indented(f"for {j}, {before}, {after} in {moves}:"):
            now = [*ins[:n], *_read(befores, before), *_read(xs, j)]
            _written(w, up, now, [], afters, after)
        now = [*ins[:n], *_read(befores, at), *_read(xs, i)]
        now += [*(c.now for c in carries), *_read(rows, i)]
        values = _written(w, down, now, [c.target for c in carries], ys, i)
        advance(w, carries, values)
    for carry, out in zip(carries, outs, strict=False):
        carry.finish(out)
    for stack, free in zip(stacks, lent, strict=True):
        w.memory.release(stack) if not free else None


def write_while_sweep(
    w: Emitter[V],
    outs: Sequence[V],
    ins: Sequence[V],
    *,
    cond: Jaxpr,
    jaxpr: Jaxpr,
    num_consts: int,
    num_carry: int,
    checkpoint: int,
    kept_carry: tuple[int, ...],
) -> None:
    """Write a while loop that keeps states by the plan of ``online``, its last output."""
    w.study(jaxpr)
    n, k = num_consts, num_carry
    carries = [Carry(w, jaxpr, n + i, i, ins[n + i]) for i in range(k)]
    ends, snaps, plan = outs[:k], outs[k:-1], outs[-1]
    for snap in snaps:
        w.allocate(snap)
    slot_of, plan_of, slot = map(w.token, ("slot_of", "plan_of", "slot"))
    w.line(f"{slot_of}, {plan_of} = {w.bind(online, 'online')}({checkpoint})")
    with w.indented("while True:"):
        now = [*ins[:n], *(c.now for c in carries)]
        (goes,) = w.block(cond, now, [None])
        w.line(f"if not {goes}:")
        w.line("    break")
        w.line(f"{slot} = {slot_of}()")
        with w.indented(f"if {slot} >= 0:"):
            for snap, i in zip(snaps, kept_carry, strict=True):
                w.line(f"{snap}[{slot}] = {carries[i].now}")
        advance(w, carries, w.block(jaxpr, now, [c.target for c in carries]))
    for carry, out in zip(carries, ends, strict=True):
        carry.finish(out)
    w.assign(plan, f"{plan_of}()")


def _read(stacks: Sequence[Rows], i: str) -> list[Any]:
    return [stack.read(i) for stack in stacks]


def _written(
    w: Any, jaxpr: Jaxpr, now: list[Any], targets: list[Any], stacks: Sequence[Rows], i: str
) -> list[Any]:
    """Write a step whose last outputs are rows; return the others."""
    values = w.block(jaxpr, now, [*targets, *(stack.target(i) for stack in stacks)])
    for stack, value in zip(stacks, values[len(targets) :], strict=True):
        stack.put(i, value)
    return values[: len(targets)]


def _copied(w: Emitter[V], x: V) -> V:
    """A copy of a stack, in the workspace."""
    copied = w.memory.buffer(x.aval, "states")
    w.memory.retain(copied)  # until the loop ends
    w.copy(copied, x)
    return copied
