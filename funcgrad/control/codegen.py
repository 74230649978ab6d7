"""Source of control flow: a ``for`` loop for scan, ``while True`` for while, ``if`` for cond.

A carried array has two buffers, whose names are exchanged after each step: a step reads one and
writes the other. A carry that a step updates in place has one. Stacked outputs are written in
place, row by row.
"""

from collections.abc import Sequence
from typing import Generic

from ..compile.liveness import last_reads, overwritten, views_of
from ..core.avals import Aval
from ..core.emitter import Emitter, V
from ..core.jaxpr import Atom, Jaxpr, Literal, Var
from ..ops.contract import matmul


class Carry(Generic[V]):
    """A carried value of a loop, and its buffers."""

    def __init__(self, w: Emitter[V], jaxpr: Jaxpr, place: int, result: int, init: V) -> None:
        var = jaxpr.invars[place]
        self.w, self.aval = w, Aval(var.aval.shape, var.aval.dtype)
        self.changes = jaxpr.outvars[result] is not var
        self.in_place = bool(self.aval.shape) and _updates_in_place(jaxpr, place, result)
        self.buffers: list[V] = []
        self.now, self.next = init, init
        hint = w.known(var) or "carry"
        if self.changes and not self.aval.shape:
            self.now = w.value(w.token(hint), self.aval)
            w.line(f"{self.now} = {init}")
        elif self.in_place:
            self.buffers = [w.memory.buffer(self.aval, hint)]
            self.now = self.next = w.value(w.token(hint), self.aval, owned=True)
            w.line(f"{self.now} = {self.buffers[0]}")
            w.copy(self.now, init)
        elif self.changes:
            self.buffers = [
                w.memory.buffer(self.aval, hint),
                w.memory.buffer(self.aval, f"{hint}_next"),
            ]
            self.now, self.next = (w.value(w.token(h), self.aval) for h in (hint, f"{hint}_next"))
            w.line(f"{self.now}, {self.next} = {self.buffers[0]}, {self.buffers[1]}")
            w.copy(self.now, init)

    @property
    def target(self) -> V | None:
        """Where a step writes the next value, None for a scalar."""
        return self.next if self.buffers else None

    def finish(self, out: V) -> None:
        """Copy the last value to an output of the loop, and free the buffers."""
        self.w.copy(out, self.now)
        for buffer in self.buffers:
            self.w.memory.free(buffer)


def _updates_in_place(jaxpr: Jaxpr, place: int, result: int) -> bool:
    """Whether a carried value can be updated in its own memory.

    So it is if equations that may overwrite their operand lead from the old value to the new one,
    and nothing reads one of the values after it is overwritten.
    """
    old, last = jaxpr.invars[place], last_reads(jaxpr)
    var: Atom | None = jaxpr.outvars[result]
    positions: dict[Atom, int] = {v: i for i, eqn in enumerate(jaxpr.eqns) for v in eqn.outs}
    while var is not None and var is not old:
        at = positions.get(var, -1)
        var = overwritten(jaxpr.eqns[at], at, last) if at >= 0 else None
        if var is not None and any(last[v] >= at for v in views_of(jaxpr, var)):
            return False
    return var is old and old is not jaxpr.outvars[result]


def advance(w: Emitter[V], carries: Sequence[Carry[V]], values: Sequence[V]) -> None:
    """Write the statements that make the next carry the current one."""
    moved = [
        (c.now, c.next if c.buffers else value, c)
        for c, value in zip(carries, values, strict=True)
        if c.changes and not c.in_place
    ]
    numbers = [(now, value) for now, value, c in moved if not c.buffers]
    if numbers:
        left, right = zip(*numbers, strict=True)
        w.line(f"{', '.join(map(str, left))} = {', '.join(map(str, right))}")
    for now, following, c in moved:
        if c.buffers:
            w.line(f"{now}, {following} = {following}, {now}")


def write_scan(
    w: Emitter[V],
    outs: Sequence[V],
    ins: Sequence[V],
    *,
    jaxpr: Jaxpr,
    length: int,
    reverse: bool,
    num_consts: int,
    num_carry: int,
) -> None:
    """Write a scan as a loop over its steps."""
    w.study(jaxpr)
    n, k = num_consts, num_carry
    consts = [
        _laid_out(w, x, v, jaxpr, length) for x, v in zip(ins[:n], jaxpr.invars[:n], strict=True)
    ]
    carries = [Carry(w, jaxpr, n + i, i, ins[n + i]) for i in range(k)]
    stacks = outs[k:]
    for stack in stacks:
        w.allocate(stack)
    step = w.token("i")
    steps = f"range({length - 1}, -1, -1)" if reverse else f"range({length})"
    with w.indented(f"for {step} in {steps}:"):
        rows = [_row(w, x, step, w.known(v)) for x, v in
                zip(ins[n + k :], jaxpr.invars[n + k :], strict=True)]  # fmt: skip
        targets = [_row(w, stack, step, "") if len(stack.aval.shape) > 1 else None
                   for stack in stacks]  # fmt: skip
        now = [*consts, *(c.now for c in carries), *rows]
        values = w.block(jaxpr, now, [*(c.target for c in carries), *targets])
        for stack, value in zip(stacks, values[k:], strict=True):
            if len(stack.aval.shape) == 1:
                w.line(f"{stack}[{step}] = {value}")
        advance(w, carries, values[:k])
    for carry, out in zip(carries, outs[:k], strict=True):
        carry.finish(out)
    for value, const in zip(ins[:n], consts, strict=True):
        if const is not value:
            w.memory.release(const)


def _laid_out(w: Emitter[V], value: V, var: Var, jaxpr: Jaxpr, length: int) -> V:
    """A matrix by which all steps multiply, copied to C order where it is a transpose.

    BLAS takes twice the time for 32 rows times a transposed matrix of 64 by 256.
    """
    if value.contiguous or len(value.aval.shape) != 2 or length < 8:
        return value
    if not any(eqn.prim is matmul and eqn.ins[1] is var for eqn in jaxpr.eqns):
        return value
    copied = w.memory.buffer(value.aval, "")
    w.memory.retain(copied)  # until the loop ends
    w.copy(copied, value)
    return copied


def _row(w: Emitter[V], stack: V, step: str, hint: str) -> V:
    """The row of a stacked array that a step reads or writes."""
    aval = Aval(stack.aval.shape[1:], stack.aval.dtype)
    row = w.value(w.token(hint), aval, contiguous=stack.contiguous)
    w.line(f"{row} = {stack}[{step}]")
    return row


def write_cond(
    w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, branches: Sequence[Jaxpr]
) -> None:
    """Write a cond as if, elif, else; all branches write to the same memory."""
    index, *args = ins
    targets = []
    for out in outs:
        name = w.allocate(out) if out.aval.shape else out.text
        targets.append(w.value(name, out.aval) if out.aval.shape else None)
    last = len(branches) - 1
    for i, branch in enumerate(branches):
        w.study(branch)
        head = "else:" if i == last else f"{'elif' if i else 'if'} {index} <= {i}:"
        if last == 0:
            head = "if True:"
        with w.indented(head):
            values = w.block(branch, args, targets)
            for out, value in zip(outs, values, strict=True):
                if not out.aval.shape:
                    w.line(f"{out} = {value}")
    for out in outs:
        out.allocated = True


def write_while(
    w: Emitter[V],
    outs: Sequence[V],
    ins: Sequence[V],
    *,
    cond: Jaxpr,
    passes: Sequence[Jaxpr],
    sizes: Sequence[tuple[int, int]],
) -> None:
    """Write the passes of a loop; each emits rows that later ones read, step by step."""
    start = len(ins) - sum(n + k for n, k in sizes)
    cond_consts, at = list(ins[:start]), start
    rows = w.token("rows")
    if len(passes) > 1:
        w.line(f"{rows} = []")
    finished: list[tuple[list[Carry[V]], int]] = []
    emitted: list[Aval] = []
    first_out = 0
    for j, (loop, (n, k)) in enumerate(zip(passes, sizes, strict=True)):
        w.study(loop)
        consts = list(ins[at : at + n])
        carries = [Carry(w, loop, n + i, i, ins[at + n + i]) for i in range(k)]
        new = [Aval(a.aval.shape, a.aval.dtype) for a in loop.outvars[k:]]
        if j == 0:
            _first_pass(
                w, cond, cond_consts, loop, consts, carries, rows if len(passes) > 1 else ""
            )
        else:
            _later_pass(w, loop, consts, carries, emitted, rows, j < len(passes) - 1)
        emitted += new
        finished.append((carries, first_out))
        first_out += k
        at += n + k
    for carries, place in finished:
        for i, carry in enumerate(carries):
            carry.finish(outs[place + i])


def _first_pass(
    w: Emitter[V],
    cond: Jaxpr,
    cond_consts: list[V],
    loop: Jaxpr,
    consts: list[V],
    carries: list[Carry[V]],
    rows: str,
) -> None:
    with w.indented("while True:"):
        now = [c.now for c in carries]
        (goes,) = w.block(cond, [*cond_consts, *now], [None])
        w.line(f"if not {goes}:")
        w.line("    break")
        values, kept = _step(w, loop, [*consts, *now], carries)
        if rows:
            w.line(f"{rows}.append({w.as_tuple(kept)})")
        advance(w, carries, values)


def _later_pass(
    w: Emitter[V],
    loop: Jaxpr,
    consts: list[V],
    carries: list[Carry[V]],
    emitted: Sequence[Aval],
    rows: str,
    leaves: bool,
) -> None:
    place, row = w.token("k"), w.token("row")
    w.line(f"{rows}.reverse()")
    with w.indented(f"for {place}, {row} in enumerate({rows}):"):
        reads = [w.value(w.token(), aval) for aval in emitted]
        if reads:
            w.line(f"{w.as_tuple(reads)} = {row}")
        now = [*consts, *(c.now for c in carries), *reads]
        values, kept = _step(w, loop, now, carries)
        if leaves and kept:
            w.line(f"{rows}[{place}] = {row} + {w.as_tuple(kept)}")
        advance(w, carries, values)


def _step(
    w: Emitter[V], loop: Jaxpr, now: list[V], carries: list[Carry[V]]
) -> tuple[list[V], list[str]]:
    """Write one step; return the next carry, and the row that it emits, which is new memory."""
    k = len(carries)
    fresh = [w.memory.fresh(a.aval, "") if a.aval.shape else None for a in loop.outvars[k:]]
    values = w.block(loop, now, [*(c.target for c in carries), *fresh])
    kept = [
        value.text if value.aval.shape or isinstance(atom, Literal) else w.scalar(value)
        for value, atom in zip(values[k:], loop.outvars[k:], strict=True)
    ]
    return values[:k], kept
