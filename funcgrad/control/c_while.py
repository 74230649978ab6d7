"""The passes of a while loop in C: the first one keeps a row for each step, and later ones read it.

The number of rows is not known, so they lie in memory of the caller, with a code for too little of
it: then the caller gives more, and calls again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from ..c.functions import cast
from ..c.literals import ctype
from ..c.statements import TOO_MANY_STEPS
from ..c.values import TINY, Memory, Value, in_memory
from ..c.writer import Writer
from ..core.avals import Aval
from ..core.jaxpr import Atom, Jaxpr, Var
from .c_loops import Variables, end_step
from .states import reads
from .while_passes import WhileLayout

Field: TypeAlias = tuple[str, Aval]  # of a struct


def while_in_c(
    w: Writer,
    *ins: Value,
    cond: Jaxpr,
    passes: Sequence[Jaxpr],
    sizes: Sequence[tuple[int, int]],
) -> list[Value]:
    """Write the passes of a loop, each as a loop over its steps."""
    cond_consts, parts = WhileLayout(tuple(sizes)).operands(ins)
    rows = StepRows(w, passes, sizes)
    outs: list[Value] = []
    for j, (loop, (consts, carry)) in enumerate(zip(passes, parts, strict=True)):
        n, k = len(consts), len(carry)
        w.names.study(loop)
        pairs = zip(loop.invars[n : n + k], loop.outvars[:k], carry, strict=True)
        carries = [Variables(w, init, v, a is not v) for v, a, init in pairs]
        with rows.over(j):
            now = [c.now for c in carries]
            if j == 0:
                with w.retained(now):  # the step reads it too
                    (goes,) = w.block(cond, [*cond_consts, *now], [None])
                w.line(f"if (!{_enclosed(goes.items[0])})")
                w.line("    break;")
            read = rows.read(loop, n + k)
            values = w.block(loop, [*consts, *now, *read], [*[None] * k, *rows.targets(j)])
            rows.put(j, values[k:])
            end_step(w, carries, values, loop)
        outs += [c.finish() for c in carries]
    return outs


def _enclosed(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


class StepRows:
    """The values that passes emit at each step: an array of structs in memory of the caller."""

    def __init__(
        self, w: Writer, passes: Sequence[Jaxpr], sizes: Sequence[tuple[int, int]]
    ) -> None:
        self.w, self.sizes = w, sizes
        self.steps = self.array = self.kind = self.room = self.row = ""
        self.fields: list[list[Field | None]] = []  # of each pass; None where none reads it
        if len(passes) > 1:
            self.steps = w.name("steps")
            w.line(f"int64_t {self.steps} = 0;")
        for j, (loop, (_, k)) in enumerate(zip(passes, sizes, strict=True)):
            w.names.study(loop)
            seen = sum(map(len, self.fields))
            self.fields.append([
                self._field(a) if a.aval.size and self._is_read(passes, j + 1, seen + i) else None
                for i, a in enumerate(loop.outvars[k:])
            ])  # fmt: skip
        told = [field for row in self.fields for field in row if field is not None]
        if told:
            self._declare(told)

    def _field(self, atom: Atom) -> Field:
        hint = self.w.names.hint(atom) if isinstance(atom, Var) else ""
        return self.w.name(hint or "at"), Aval(atom.aval.shape, atom.aval.dtype)

    def _is_read(self, passes: Sequence[Jaxpr], first: int, place: int) -> bool:
        """Whether a pass from ``first`` on reads a value of the rows, by its place in them."""
        later = zip(passes[first:], self.sizes[first:], strict=True)
        return any(loop.invars[sum(size) + place] in reads(loop) for loop, size in later)

    def _declare(self, fields: Sequence[Field]) -> None:
        """Write the struct of a row, above the function, and its array."""
        w, own = self.w, self.w.name("row")
        lines = [f"    {ctype(a.dtype)} {name}{f'[{a.size}]' if a.shape else ''}; /* {a} */"
                 for name, a in fields]  # fmt: skip
        w.top.append("\n".join([f"struct {own} {{ /* of a step of a loop */", *lines, "};"]))
        self.kind, self.array = own, w.name("kept")
        start, self.room = w.arena()
        w.line(f"struct {own} *{self.array} = (struct {own} *){start};")

    @contextmanager
    def over(self, j: int) -> Iterator[None]:
        """Write the head of a pass; lines in the context are a step of it."""
        w = self.w
        step = w.name("step") if j else self.steps
        if j == 0:
            head = f"for (;; {self.steps}++)" if self.steps else "for (;;)"
        elif j % 2:
            head = f"for (int64_t {step} = {self.steps} - 1; {step} >= 0; {step}--)"
        else:
            head = f"for (int64_t {step} = 0; {step} < {self.steps}; {step}++)"
        if not self.array:
            with w.braces(head):
                yield
            return
        self.row = f"{self.array}[{step}]"
        size = f"(int64_t)sizeof(struct {self.kind})"
        count = self.steps if j else f"({step} + 1)"
        with w.braces(head), w.above(self.array, self.room, f"{count} * {size}"):
            if j == 0:
                w.fail_if(f"{self.room} < {count} * {size}", TOO_MANY_STEPS)
            yield

    def read(self, loop: Jaxpr, own: int) -> list[Value]:
        """The values of the step that earlier passes emitted."""
        w, values = self.w, []
        used = reads(loop)
        fields = [field for row in self.fields for field in row]
        for field, var in zip(fields, loop.invars[own:], strict=False):
            aval = Aval(var.aval.shape, var.aval.dtype)
            if field is None or var not in used:
                value = in_memory(Memory("0", aval), aval)  # no element is read
            elif not aval.shape:
                value = w.define(aval, [f"{self.row}.{field[0]}"], w.names.hint(var))
            else:
                name = w.name(w.names.hint(var) or "row")
                w.line(f"const {ctype(aval.dtype)} *{name} = {self.row}.{field[0]};")
                value = w.loaded(in_memory(Memory(name, aval), aval), w.names.hint(var))
            values.append(value)
        return values

    def targets(self, j: int) -> list[Value | None]:
        """The memory to which a step writes each value that it emits."""
        w = self.w
        found: list[Value | None] = []
        for field in self.fields[j]:
            target = None
            if field is not None and field[1].size > TINY:
                name = w.name(field[0])
                w.line(f"{ctype(field[1].dtype)} *{name} = {self.row}.{field[0]};")
                target = in_memory(Memory(name, field[1], owned=True), field[1])
            found.append(target)
        return found

    def put(self, j: int, values: Sequence[Value]) -> None:
        """Write the few elements of small values that a step emits."""
        for field, x in zip(self.fields[j], values, strict=True):
            if field is None or field[1].size > TINY:
                continue
            name, aval = field
            places = [f".{name}"] if not aval.shape else [f".{name}[{i}]" for i in range(aval.size)]
            for at, item in zip(places, x.items, strict=True):
                self.w.line(f"{self.row}{at} = {cast(item, x, aval.dtype)};")
