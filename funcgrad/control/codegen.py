"""Source of control flow: a ``for`` loop for scan, ``while True`` for while, ``if`` for cond.

A carried array has two buffers, whose names are exchanged after each step: a step reads one and
writes the other. A carry that a step updates in place has one, and one that is also a stacked
output has none: the next step reads it in its row. Stacked outputs are written in place, by rows.
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

    def __init__(
        self, w: Emitter[V], jaxpr: Jaxpr, place: int, result: int, init: V, in_row: bool = False
    ) -> None:
        var = jaxpr.invars[place]
        self.w, self.aval = w, Aval(var.aval.shape, var.aval.dtype)
        self.changes = jaxpr.outvars[result] is not var
        updated = bool(self.aval.shape) and _updates_in_place(jaxpr, place, result)
        self.in_place = updated and not in_row
        self.buffers: list[V] = []
        self.now, self.next = init, init
        hint = w.known(var) or "carry"
        if self.changes and (in_row or not self.aval.shape):
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
    places = _rows_of_carries(jaxpr, n, k)
    carries = [Carry(w, jaxpr, n + i, i, ins[n + i], i in places) for i in range(k)]
    stacks = outs[k:]
    for stack in stacks:
        w.allocate(stack)
    scalars = [stack for stack in stacks if len(stack.aval.shape) == 1]
    rows = [_row(w, x, w.known(v)) for x, v in
            zip(ins[n + k :], jaxpr.invars[n + k :], strict=True)]  # fmt: skip
    targets = [None if stack in scalars else _row(w, stack, "") for stack in stacks]
    read = [*zip(ins[n + k :], rows, strict=True), *zip(stacks, targets, strict=True)]
    pairs = [(stack, row) for stack, row in read if row is not None]
    with w.indented(_head(w, pairs, length, reverse, step := w.token("i") if scalars else "")):
        now = [*consts, *(c.now for c in carries), *rows]
        with w.repeated(length):
            values = w.block(jaxpr, now, [*(c.target for c in carries), *targets])
        for stack, value in zip(stacks, values[k:], strict=True):
            if stack in scalars:
                w.line(f"{stack}[{step}] = {value}")
        advance(w, carries, [values[k + places[i]] if i in places else values[i] for i in range(k)])
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


def _rows_of_carries(jaxpr: Jaxpr, n: int, k: int) -> dict[int, int]:
    """The carried arrays that are also stacked outputs, by place, and the places of these."""
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs if v.aval.shape}
    found = {}
    for i, a in enumerate(jaxpr.outvars[:k]):
        made = makers.get(a) if isinstance(a, Var) else None
        if made is None or made.prim.codegen.view is not None or a not in jaxpr.outvars[k:]:
            continue
        if jaxpr.outvars[:k].count(a) == 1:
            found[i] = jaxpr.outvars[k:].index(a)
    return found


def _row(w: Emitter[V], stack: V, hint: str) -> V:
    """The row of a stacked array that a step reads or writes."""
    aval = Aval(stack.aval.shape[1:], stack.aval.dtype)
    return w.value(w.token(hint), aval, contiguous=stack.contiguous, certain=stack.static)


def _head(
    w: Emitter[V], pairs: Sequence[tuple[V, V]], length: int, reverse: bool, step: str
) -> str:
    """The head of a loop over the rows of stacked arrays.

    The rows of the workspace are views that are made once: a view takes 0.06 us.
    """
    numbers = f"range({length - 1}, -1, -1)" if reverse else f"range({length})"
    if not pairs:
        return f"for {step or w.token('i')} in {numbers}:"
    names = [*([step] if step else []), *(str(row) for _, row in pairs)]
    sources = [*([numbers] if step else []), *(w.rows(stack, reverse) for stack, _ in pairs)]
    if len(names) == 1:
        return f"for {names[0]} in {sources[0]}:"
    return f"for {', '.join(names)} in zip({', '.join(sources)}):"


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
