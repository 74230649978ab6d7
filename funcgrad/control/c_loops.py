"""Control flow in C: a ``for`` loop for scan, ``if`` for cond.

A small carry is variables. An array that is carried has one buffer, to which a step's result is
copied unless the step updates it in place. Stacked outputs are written in place, by rows.
"""

from collections.abc import Sequence
from typing import Any

from ..c.functions import cast
from ..c.literals import ctype
from ..c.statements import LIMIT
from ..c.ticks import ticks
from ..c.values import TINY, Memory, Value, in_memory, place, registers, stand_in
from ..c.writer import Writer
from ..core.avals import Aval
from ..core.jaxpr import Eqn, Jaxpr, Var
from ..ops.contract import matmul

MANY = 16  # steps, from which the copy of a matrix pays
LARGE_MATRIX = 1 << 14  # bytes of one that takes much of the nearest cache
ROWS = "_at"  # behind the name of a row: that of the array of all rows


class Variables:
    """A carried value: variables, or a buffer."""

    def __init__(self, w: Writer, init: Value, var: Var, changes: bool) -> None:
        self.w, self.aval, self.changes = w, Aval(var.aval.shape, var.aval.dtype), changes
        kind, hint = ctype(self.aval.dtype), w.names.hint(var) or "carry"
        self.target: Value | None = None
        if not changes:
            self.now = init
        elif self.aval.size <= TINY:
            base = w.name(hint)
            count = self.aval.size
            names = [base] if count == 1 else [w.name(f"{base}_{i}") for i in range(count)]
            for name, item in zip(names, init.items, strict=True):
                w.line(f"{kind} {name} = {cast(item, init, self.aval.dtype)};")
            self.now = registers(self.aval, names)
        else:
            memory = w.memory(self.aval, hint)
            self.free, memory.free = memory.free, None  # not before the loop ends
            self.now = in_memory(memory, self.aval)
            w.copy(self.now, init)

    def finish(self) -> Value:
        """The last value, whose memory belongs to the equation of the loop from now on."""
        if self.changes and self.now.memory is not None:
            self.now.memory.free = self.free
        return self.now


def end_step(
    w: Writer, carries: Sequence[Variables], values: Sequence[Value], body: Jaxpr,
    steps: int = LIMIT,
) -> None:  # fmt: skip
    """Write the end of a step: the next carry, of the first values, and a poll of a long loop."""
    step_on(w, carries, values[: len(carries)])
    for value in values:
        w.release(value)
    w.poll(ticks(body), steps)


def step_on(w: Writer, carries: Sequence[Variables], values: Sequence[Value]) -> None:
    """Write the statements that make the next carry the current one."""
    moved = [(c, y) for c, y in zip(carries, values, strict=True) if c.changes]
    names = {t for c, _ in moved if c.now.memory is None for t in c.now.items}
    buffers = {c.now.memory for c, _ in moved if c.now.memory is not None}
    ready = []
    for c, y in moved:  # a value that reads another carry is saved before that is overwritten
        if c.now.memory is None:
            items = [cast(t, y, c.aval.dtype) for t in y.items]
            pairs = zip(items, c.now.items, strict=True)
            clash = _reads(y, buffers) or any(t != now and t in names for t, now in pairs)
            y = w.define(c.aval, items) if clash else registers(c.aval, items)
        elif _reads(y, buffers) and not _is_same(c.now, y):
            saved = w.scratch(c.aval)
            w.copy(saved, y)
            y = saved
        ready.append((c, y))
    for c, y in ready:  # buffers first: a copy may read the variables of another carry
        if c.now.memory is not None and not _is_same(c.now, y):
            w.copy(c.now, y)
    for c, y in ready:
        if c.now.memory is None:
            for name, item in zip(c.now.items, y.items, strict=True):
                if name != item:
                    w.line(f"{name} = {item};")


def _reads(x: Value, buffers: set[Memory]) -> bool:
    """Whether elements of a value lie in buffers, be it through a pointer."""
    return x.memory is not None and x.memory.root in buffers


def _is_same(x: Value, y: Value) -> bool:
    """Whether two values are the same elements of memory."""
    return x.memory is y.memory and x.offset == y.offset and x.strides == y.strides


def rows(w: Writer, stack: Value, var: Var, step: str, writes: bool = False) -> Value:
    """The row of a stacked array at a step."""
    if stack.in_registers and stack.layout.strides[0] == 0:  # all rows are the same
        return stack.viewed(lambda a: a[0, ...])
    stack = w.stored(stack)
    assert stack.memory is not None
    kind, shape = ctype(stack.aval.dtype), stack.aval.shape[1:]
    at = place(stack.offset, stack.strides[:1], [step])
    aval = Aval(var.aval.shape, stack.aval.dtype)
    hint = w.names.hint(var) or _of_a_row(stack.memory.name)
    if not writes and aval.size == 1:
        name = w.name(hint)
        w.line(f"const {kind} {name} = {stack.memory.name}[{at}];")
        return registers(aval, [name])
    name = w.name(w.names.hint(var) or "row")
    w.line(f"{'' if writes else 'const '}{kind} *{name} = {w.start(stack, [step])};")
    memory = Memory(name, aval, owned=writes)
    row = Value(aval, stand_in(shape, 0, stack.strides[1:]), memory)
    return row if writes else w.loaded(row, hint)


def _of_a_row(name: str) -> str:
    """The name of a row of an array, "" if it has none."""
    return name.removesuffix(ROWS) if name.endswith(ROWS) else ""


def scan_in_c(
    w: Writer,
    *ins: Value,
    jaxpr: Jaxpr,
    length: int,
    reverse: bool,
    num_consts: int,
    num_carry: int,
) -> list[Value]:
    """Write a scan as a loop over its steps."""
    n, k = num_consts, num_carry
    w.names.study(jaxpr)
    w.names.carry(jaxpr.invars[n : n + k], jaxpr.outvars[:k])
    pairs = zip(jaxpr.invars[n : n + k], jaxpr.outvars[:k], ins[n : n + k], strict=True)
    wanted = _of_rows(w, w.wanted, jaxpr.outvars, k)
    carries = [Variables(w, init, v, a is not v) for v, a, init in pairs]
    w.wanted = wanted
    stacks = [w.array(Aval((length, *a.aval.shape), a.aval.dtype), k + j)
              for j, a in enumerate(jaxpr.outvars[k:])]  # fmt: skip
    xs = ins[n + k :]
    read = {a for eqn in jaxpr.eqns for a in eqn.ins}.union(jaxpr.outvars)
    step = w.name("step")
    kind = "int" if length < 1 << 31 else "int64_t"
    head = f"{kind} {step} = 0; {step} < {length}; {step}++"
    if reverse:
        head = f"{kind} {step} = {length - 1}; {step} >= 0; {step}--"
    if length:
        consts = copied_matrices(w, jaxpr, ins[:n], length)
        with w.braces(f"for ({head})"):
            given = [rows(w, x, v, step) if v in read else x
                     for x, v in zip(xs, jaxpr.invars[n + k :], strict=True)]  # fmt: skip
            targets = [row_target(w, y, a, step)
                       for y, a in zip(stacks, jaxpr.outvars[k:], strict=True)]  # fmt: skip
            now = [c.now for c in carries]
            values = w.block(jaxpr, [*consts, *now, *given], [*[None] * k, *targets])
            for stack, target, value in zip(stacks, targets, values[k:], strict=True):
                if target is None:
                    write_row(w, stack, value, step)
            end_step(w, carries, values, jaxpr, length)
    return [*(c.finish() for c in carries), *stacks]


def copied_matrices(w: Writer, jaxpr: Jaxpr, consts: Sequence[Value], steps: int) -> list[Value]:
    """The constants of a loop, of which matrices that many steps multiply by vectors are copied.

    NumPy aligns an array to 16 bytes, the workspace has whole cache lines: such a product waits for
    memory, and loads that cross a line take twice the time.
    """
    if w.depth > 1 or steps < MANY:
        return list(consts)
    used = {a for eqn in jaxpr.eqns if _is_by_vector(eqn) for a in eqn.ins}
    pairs = zip(jaxpr.invars, consts, strict=False)
    return [
        w.in_lines(x) if v in used and x.aval.size * x.aval.dtype.itemsize > LARGE_MATRIX else x
        for v, x in pairs
    ]


def _is_by_vector(eqn: Eqn) -> bool:
    """Whether an equation is the product of a matrix and a vector."""
    return eqn.prim is matmul and min(eqn.ins[0].aval.ndim, eqn.ins[1].aval.ndim) == 1


def _of_rows(w: Writer, wanted: Sequence[Any], outvars: Sequence[Any], k: int) -> list[Any]:
    """The targets and names of the results of a loop; those of rows, by the names of a row."""
    own = [w.names.hint(a) if isinstance(a, Var) else "" for a in outvars]
    rows = [(target, name or (hint and f"{hint}{ROWS}"))
            for (target, name), hint in zip(wanted[k:], own[k:], strict=False)]  # fmt: skip
    return [*wanted[:k], *rows]


def row_target(w: Writer, stack: Value, atom: Any, step: str) -> Value | None:
    """The row to which a step writes an array; None for few elements."""
    if atom.aval.size <= TINY:
        return None
    return rows(w, stack, Var(atom.aval), step, writes=True)


def write_row(w: Writer, stack: Value, x: Value, step: str) -> None:
    """Write a few elements to a row."""
    assert stack.memory is not None
    for j, item in enumerate(x.items):
        at = place(stack.offset + j, stack.strides[:1], [step])
        w.line(f"{stack.memory.name}[{at}] = {cast(item, x, stack.aval.dtype)};")


def cond_in_c(w: Writer, index: Value, *args: Value, branches: Sequence[Jaxpr]) -> list[Value]:
    """Write a cond as if, else if, else; all branches write to the same memory."""
    avals = [Aval(a.aval.shape, a.aval.dtype) for a in branches[0].outvars]
    outs = []
    for i, aval in enumerate(avals):
        if aval.size > TINY:
            outs.append(w.array(aval, i))
            continue
        base = w.name("chosen")
        names = [base if aval.size == 1 else w.name(f"{base}_{j}") for j in range(aval.size)]
        for name in names:
            w.line(f"{ctype(aval.dtype)} {name};")
        outs.append(registers(aval, names))
    kept = [y.memory for y in outs if y.memory is not None]
    for memory in kept:
        memory.references += 1  # the end of a branch does not free it: the next one writes there
    last = len(branches) - 1
    for i, branch in enumerate(branches):
        test = f"if ({index.items[0]} <= {i})"
        head = test if not i else f"else {test}" if i < last else "else"
        targets = [y if y.memory is not None else None for y in outs]
        with w.braces("" if not last else head), w.retained(outs):
            values = w.block(branch, args, targets)
            for out, value in zip(outs, values, strict=True):
                if out.memory is None:
                    for name, item in zip(out.items, value.items, strict=True):
                        w.line(f"{name} = {cast(item, value, out.aval.dtype)};")
                w.release(value)
    for memory in kept:
        memory.references -= 1
    return outs
