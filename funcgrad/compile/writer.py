"""The NumPy writer: from the equations of a program to the lines of a function.

Equations are written in order. A value is a local name. Where it lies is chosen when it is
written: in the workspace, in the memory of an output, or in an array that NumPy returns. The
bytes of a value are free after the last equation that reads it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.emitter import Emitter
from ..core.jaxpr import Atom, Eqn, Jaxpr, NotFiniteError, Var, programs_in
from ..ops.assign import set_at_p
from ..ops.families import Elementwise
from ..ops.index import AT_MOST_AXES, getitem_p
from . import kernels, reductions
from .errstate import spans as spans_of
from .liveness import last_reads
from .shifts import on_shifts, sliced
from .statements import Statements
from .text import lengths, operand
from .values import Allocation, Value

ROWS = 4096  # of a stacked array, up to which the views of all rows are kept
DEPTH = 14  # of nested blocks, from which on loops are called instead of written


class Writer(Statements):
    """The lines of a program, each equation as its primitive's ``codegen`` says.

    Args:
        threads: the number of threads that share loops over blocks of big arrays.
        fallback: gives the function that is called where a check holds, see ``fall_back_if``.
    """

    elementwise = kernels.elementwise
    convert = kernels.convert
    broadcast = kernels.broadcast
    reduce = reductions.reduce
    accumulate = reductions.accumulate
    matmul = kernels.matmul
    not_finite = kernels.not_finite
    concatenate = kernels.concatenate
    gather = kernels.gather
    scatter_add = kernels.scatter_add
    set_at = kernels.set_at
    add_at = kernels.add_at

    def __init__(self, threads: int = 1, fallback: Callable[..., Any] | None = None) -> None:
        super().__init__()
        self.threads, self.fallback = threads, fallback
        self.masked, self.signal = "", ""  # the names of the fallback and of its exception
        self.turns = 1  # how often the lines now written run
        self.noted = ""  # the source line of the last comment
        self.lent: list[Value] = []  # operands that end with the equation that is written
        self.profile: list[tuple[str, str, int]] = []  # of each equation, the bytes live at it

    # for control flow and checks

    def value(
        self,
        text: str,
        aval: Aval,
        contiguous: bool = True,
        owned: bool = False,
        certain: bool = False,
    ) -> Value:
        """A value by its name.

        ``owned``: its memory is its own, and equations may reuse it. ``certain``: that it is
        contiguous is no estimate.
        """
        memory = Allocation() if owned else None
        return Value(text, aval, memory, contiguous=contiguous, certain=contiguous and certain)

    def is_lent(self, value: Value) -> bool:
        """Whether an operand lies in the workspace, and nothing reads it after the equation."""
        return value.static and value.contiguous and any(value is x for x in self.lent)

    def rows(self, stack: Value, reverse: bool) -> str:
        """The elements along the first axis of an array, in order or from the last."""
        order = "[::-1]" if reverse else ""
        if not stack.static or stack.aval.ndim < 2 or stack.aval.shape[0] > ROWS:
            return f"{stack}{order}"
        return self.memory.constant(f"list({stack}{order})", f"{stack}_rows")

    def study(self, jaxpr: Jaxpr) -> None:
        """Learn the names of the variables of a program from its source lines."""
        self.names.study(jaxpr)

    def known(self, var: Var) -> str:
        """The user's name for a variable, "" where it has none."""
        return self.names.known.get(var, "")

    @contextmanager
    def silenced(self) -> Iterator[None]:
        """A block for lines of which NumPy does not warn.

        ``errstate`` does the same in 0.7 us; this takes 0.1 us.
        """
        before, self.silent = self.token("before"), True
        self.line(f"{before} = settings.get()")
        with self.indented("try:"):
            self.line("settings.set(quiet)  # NumPy does not warn")
            yield
        self.silent = False
        with self.indented("finally:"):
            self.line(f"settings.set({before})")

    def fall_back_if(self, condition: str) -> None:
        """Write a check; where it holds, the fallback is called in place of the function."""
        if not self.masked:
            assert self.fallback is not None
            self.signal = self.bind(NotFiniteError, "NotFinite")
            self.masked = self.bind(self.fallback(), "masked")
        with self.indented(f"if {condition}:"):
            self.line(f"raise {self.signal}")

    @contextmanager
    def repeated(self, turns: int) -> Iterator[None]:
        """The lines of the context run so often."""
        before, self.turns = self.turns, self.turns * turns
        yield
        self.turns = before

    # programs

    def block(
        self, jaxpr: Jaxpr, ins: Sequence[Value], targets: Sequence[Value | None], spans: Any = ()
    ) -> list[Value]:
        """Write a program on these values; return its outputs, in their targets where given.

        An output that no equation writes to its target is copied. NumPy does not warn of silent
        ``spans``.
        """
        env: dict[Var, Value] = dict(zip(jaxpr.invars, ins, strict=True))
        for value in ins:
            if value.aval.shape:  # scalars take no memory
                self.memory.retain(value)
        ends: list[list[Any]] = [[] for _ in range(len(jaxpr.eqns) + 2)]
        made = [v for eqn in jaxpr.eqns for v in eqn.outs]
        arrays = any(v.aval.shape for v in (*jaxpr.invars, *made))
        for var, i in last_reads(jaxpr).items() if arrays else ():
            ends[i] += [var] if isinstance(var, Var) and var.aval.shape else []
        for var in ends[-1]:
            self.memory.release(env[var])
        wanted = self.memory.output_targets(jaxpr, ins, targets) if any(targets) else {}
        if not spans and not self.silent and any(eqn.in_quiet_block for eqn in jaxpr.eqns):
            spans = spans_of(jaxpr)
        dying = iter(ends)
        for silent, eqns in spans or [(False, jaxpr.eqns)]:
            with self.silenced() if silent and not self.silent else nullcontext():
                for eqn, last in zip(eqns, dying, strict=False):
                    self.equation(eqn, env, set(last), wanted)
                    for var in last:
                        self.memory.release(env.pop(var))
        outs = self.outputs(jaxpr, env, targets)
        for var in ends[len(jaxpr.eqns)]:
            self.memory.release(env[var])
        return outs

    def outputs(
        self, jaxpr: Jaxpr, env: Mapping[Var, Value], targets: Sequence[Value | None]
    ) -> list[Value]:
        """The values of the outputs, copied to targets in which they do not lie yet."""
        outs: list[Value] = []
        for atom, target in zip(jaxpr.outvars, targets, strict=True):
            value = self.read(atom, env)
            if target is not None and value.text != target.text:
                self.copy(target, value)
                value = target
            outs.append(value)
        return outs

    def read(self, atom: Atom, env: Mapping[Var, Value], eqn: Eqn | None = None) -> Value:
        """The value of an atom; a literal is written beside avals of the equation."""
        if isinstance(atom, Var):
            return env[atom]
        near: list[Aval] = []
        if eqn is not None:
            prim = eqn.prim
            near = [v.aval for v in eqn.outs if prim.codegen.is_view or prim is set_at_p]
            if len(eqn.ins) == 2 and isinstance(prim, Elementwise):
                of_ufunc = isinstance(prim.function, np.ufunc)
                near = [a.aval for a in eqn.ins if isinstance(a, Var)] if of_ufunc else near
        return Value(operand(atom, near, self), atom.aval, number=atom.value)

    def equation(
        self, eqn: Eqn, env: dict[Var, Value], dying: set[Var], wanted: dict[Var, Value]
    ) -> None:
        """Write one equation, and put its outputs into ``env``."""
        if eqn.source and eqn.source != self.noted:  # the user's line, where it is another
            self.noted = eqn.source
            self.comment(self.names.location(eqn))
        prim = eqn.prim
        ins = [env[a] if type(a) is Var else self.read(a, env, eqn) for a in eqn.ins]
        outs = None if prim.codegen.view is None else self.viewed(eqn, ins, wanted)
        if outs is None and not self.is_written(eqn):
            outs = self.run(eqn, ins)
        if outs is None:
            outs = self.filled(eqn, ins, dying, wanted)
        else:
            for value in outs:
                if value.aval.shape:
                    self.memory.retain(value)
        env.update(zip(eqn.outs, outs, strict=True))
        self.profile.append((eqn.prim.name, eqn.source, self.memory.arena.live))

    def is_written(self, eqn: Eqn) -> bool:
        """Whether an equation is written out, and not a call of ``run`` as in eager code."""
        if self.depth > DEPTH and programs_in(eqn.params):
            return False  # Python nests twenty blocks at most
        for v in eqn.outs:
            if len(v.aval.shape) > AT_MOST_AXES:
                return False  # NumPy's ufunc.at crashes there
        codegen = eqn.prim.codegen
        filled = codegen.into is not None and self.turns >= codegen.into_from
        return codegen.emit is not None or filled

    def filled(
        self, eqn: Eqn, ins: Sequence[Value], dying: set[Var], wanted: dict[Var, Value]
    ) -> list[Value]:
        """Write the lines that fill the outputs of an equation, where each is to lie."""
        framed = any(x.frame is not None for x in ins)
        written = on_shifts(self, eqn, ins, dying, wanted) if framed else None
        if written is not None:
            return written
        outs: list[Value] = []
        for var in eqn.outs:
            if not var.aval.shape:
                hint = self.names.hint(var)
                outs.append(Value(self.token(hint), var.aval, allocated=False))
                continue
            outs.append(self.memory.place(var, eqn, ins, dying, wanted))
            self.memory.retain(outs[-1])  # so that the next output does not take the same memory
            if outs[-1].reshape_of is not None:
                self.allocate(outs[-1])
        if eqn.prim.codegen.view is not None and self.copied_view(eqn, ins, outs[0]):
            return outs
        if eqn.prim.codegen.emit is None:
            self.into(eqn.prim, outs, ins, eqn.params)
        else:
            rows = zip(eqn.ins, ins, strict=True)
            ends = [x for a, x in rows if a in dying and x.static and x.allocation is not None]
            self.lent = [x for x in ends if self.memory.is_unaliased(x, eqn, ins, dying)]
            eqn.prim.codegen.emit(self, outs, ins, **eqn.params)
        return outs

    def into(self, prim: Any, outs: Sequence[Value], ins: Sequence[Value], params: Any) -> None:
        """Write a call of a primitive's ``into``, with the buffers it works in."""
        fill = self.part(prim, "into")
        with self.memory.scratch(*prim.codegen.scratch(*(x.aval for x in ins), **params)) as work:
            buffers = self.as_tuple(work)
            if prim.codegen.plan is not None:
                shapes = [lengths(x.aval.shape) for x in ins]
                made = ", ".join([buffers, *shapes, *self.keywords(params)])
                buffers = self.memory.constant(f"{self.part(prim, 'plan')}({made})", "plan")
            given = [self.as_tuple([self.allocate(y) for y in outs]), buffers, *ins]
            self.line(f"{fill}({', '.join([*map(str, given), *self.keywords(params)])})")
        for out in outs:
            self.to_scalar(out)

    def viewed(
        self, eqn: Eqn, ins: Sequence[Value], wanted: dict[Var, Value]
    ) -> list[Value] | None:
        """The output of an equation that is a view, None where elements must be moved."""
        codegen = eqn.prim.codegen
        if not ins:  # a constant array
            return [Value(codegen.view(self, **eqn.params)[0], v.aval) for v in eqn.outs]
        (var,), value = eqn.outs, ins[0]
        target = wanted.get(var)
        if target is not None and value.reshape_of is target:
            return [target]
        found = codegen.view(self, *ins, **eqn.params) if value.aval.shape else None
        if found is None or (target is not None and target.text != value.text):
            return None
        expression, contiguous = found
        hint = self.names.hint(var) or (f"{value}_T" if expression == f"{value}.T" else "")
        if not var.aval.shape:
            out = Value(self.names.token(hint), var.aval)
            self.line(f"{out} = {expression}{'' if contiguous is None else '[()]'}")
            return [out]
        static = value.static and len(ins) == 1  # an index may be known at each call only
        out = self.view(value, expression, var.aval, contiguous, hint, static)
        if eqn.prim is getitem_p and len(ins) == 1 and (not contiguous or out.aval.ndim == 1):
            out.frame = sliced(value, eqn.params["index"])
        return [out]

    def copied_view(self, eqn: Eqn, ins: Sequence[Value], out: Value) -> bool:
        """Copy a static view, if the equation is one, to where it is wanted."""
        value, fixed = ins[0], ins[0].static and len(ins) == 1 and out.aval.shape
        found = eqn.prim.codegen.view(self, value, **eqn.params) if fixed else None
        if found is not None:
            self.copy(out, self.view(value, found[0], out.aval, found[1]))
        return found is not None

    def run(self, eqn: Eqn, ins: Sequence[Value]) -> list[Value]:
        """Write a call of the primitive's ``run``, which eager code calls."""
        prim, name = eqn.prim, self.part(eqn.prim, "run")
        outs = [Value(self.names.token(self.names.hint(v)), v.aval) for v in eqn.outs]
        call = f"{name}({', '.join([*map(str, ins), *self.keywords(eqn.params)])})"
        if not outs:
            self.line(call)
            return []
        self.line(f"{', '.join(map(str, outs))}{',' if len(outs) == 1 else ''} = {call}")
        lent = any(x.allocation is not None and x.aval.shape for x in ins)
        for out in outs:
            if out.aval.shape and lent and not prim.codegen.is_new:
                self.line(f"{out} = {self.numpy('array')}({out})")  # it may be an operand
            if not out.aval.shape and not out.aval.weak:
                kind = self.dtype(out.aval.dtype)  # a NumPy scalar, not an array
                self.line(f"{out} = {self.numpy('asarray')}({out}, {kind})[()]")
        return outs


EMITTER: type[Emitter[Value]] = Writer  # type checkers compare the two here
