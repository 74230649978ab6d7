"""From a program to the lines of a function: where each value lies, and what its line says.

Equations are written in order. A value is a local name. Where it lies is decided as it is
written: in the workspace, in an output's own memory, or wherever NumPy put it. A value that no
later line reads gives its memory back at once, and an elementwise operation writes over an
operand that dies with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.errors import FuncgradError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Var, programs_in
from ..core.registry import primitives
from ..ops.index import AT_MOST_AXES
from .arena import Arena, Root
from .kernels import Kernels
from .liveness import last_reads, nbytes
from .names import Names, label
from .places import Places
from .text import keywords, lengths, literal, operand, quote
from .values import Value

INDENT = "    "
DEPTH = 14  # of nested blocks, from which on loops are called instead of written


class Writer(Kernels, Places):
    """The lines of one function, and what they need from the module around it."""

    def __init__(self, threads: int = 1, fallback: Any = None) -> None:
        self.fallback, self.masked, self.signal = fallback, "", ""  # see Kernels.require
        self.threads, self.shares = threads, False  # that share loops over blocks; whether any do
        self.arena = Arena()
        self.names = Names()
        self.lines: list[str] = []
        self.depth = 1
        self.imports: set[str] = set()
        self.bound: dict[Any, tuple[str, Any]] = {}  # objects that the text cannot spell
        self.parts: dict[tuple[str, str], str] = {}  # methods of primitives that are called
        self.statics: dict[str, str] = {}  # token -> the expression that makes it
        self.constants: dict[str, str] = {}  # expression -> the token of what nobody writes to
        self.noted = ""
        self.profile: list[tuple[str, int]] = []  # of each equation, the bytes live at it

    def line(self, text: str, aval: Aval | None = None) -> None:
        shape = f"  # {aval}" if aval is not None and aval.shape else ""
        self.lines.append(f"{INDENT * self.depth}{text}{shape}")

    @contextmanager
    def indented(self, head: str) -> Iterator[None]:
        """Write a head (``for i in range(3):``), and then what is in its block."""
        self.line(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if all(line.lstrip().startswith("#") for line in self.lines[before:]):
            self.line("pass")
        self.depth -= 1

    def numpy(self, name: str) -> str:
        """Return the name of one of NumPy's functions, imported."""
        self.imports.add(name)
        return name

    def dtype(self, dtype: np.dtype) -> str:
        name = "bool_" if dtype.kind == "b" else dtype.name
        return self.numpy(name) if dtype.isnative else self.bind(dtype, dtype.name)

    def function(self, prim: Any) -> str:
        """Return the name of an elementwise primitive's function: NumPy's own, or its own."""
        name = getattr(prim.function, "__name__", "")
        if name and getattr(np, name, None) is prim.function:
            return self.numpy(name)
        return self.part(prim, "function")

    def part(self, prim: Any, attribute: str) -> str:
        """Return the name of a function or method that belongs to a primitive."""
        if primitives.get(prim.name) is not prim:  # another has taken its name since
            return self.bind(getattr(prim, attribute), prim.name)
        key = (prim.name, attribute)
        if key not in self.parts:
            self.parts[key] = self.names.token(label(prim.name))
        return self.parts[key]

    def share(self) -> str:
        """Return the name of the function that deals a loop out to threads."""
        self.shares = True
        return "share"

    def bind(self, value: Any, hint: str = "") -> str:
        """Return a name for an object that the text cannot spell."""
        key = id(value)
        if key not in self.bound:
            self.bound[key] = (self.names.token(label(hint) or "constant"), value)
        return self.bound[key][0]

    # memory

    def buffer(self, aval: Aval, hint: str = "") -> Value:
        """Return memory of the workspace for an array."""
        root = self.arena.take(nbytes(aval))
        return self._static(aval, root, hint)

    def fresh(self, aval: Aval, hint: str) -> Value:
        """Return an output for which NumPy will find memory: its own, outside the workspace."""
        return Value(self.names.token(hint), aval, Root(None, 0), made=False)

    def _static(self, aval: Aval, root: Root, hint: str) -> Value:
        token = self.names.token(hint)
        start = root.offset or 0
        self.statics[token] = (
            f"arena[{start}:{start + nbytes(aval)}].view({self.dtype(aval.dtype)})"
            f".reshape({lengths(aval.shape)})"
        )
        return Value(token, aval, root, static=True, contiguous=True)

    def constant(self, expression: str, hint: str) -> str:
        """Return the name of an array made once for each workspace, which nobody writes to."""
        if expression not in self.constants:
            self.constants[expression] = token = self.names.token(hint)
            self.statics[token] = expression
        return self.constants[expression]

    def seen(
        self,
        value: Value,
        expression: str,
        aval: Aval,
        contiguous: bool,
        hint: str,
        static: bool | None = None,
    ) -> Value:
        """Return a view of a value: made once where the value is static, else at each call."""
        token = self.names.token(hint)
        static = value.static if static is None else static
        if static:
            self.statics[token] = expression
        else:
            self.line(f"{token} = {expression}")
        return Value(token, aval, value.root, static=static, contiguous=contiguous)

    def bits(self, value: Value, dtype: np.dtype) -> str:
        """Return an array's elements as those of another dtype of the same size."""
        expression = f"{value}.view({self.dtype(dtype)})"
        if not value.static:
            return expression
        return self.constant(expression, f"{dtype.kind}{dtype.itemsize * 8}")

    @contextmanager
    def scratch(self, *avals: Aval) -> Iterator[list[Value]]:
        """Lend buffers for the lines of one operation."""
        values = [self.buffer(aval, "work") for aval in avals]
        yield values
        for value in values:
            assert value.root is not None
            self.arena.give(value.root)

    def hold(self, value: Value) -> None:
        if value.root is not None:
            value.root.holders += 1

    def drop(self, value: Value) -> None:
        root = value.root
        if root is not None:
            root.holders -= 1
            if root.holders == 0 and root.offset is not None:
                self.arena.give(root)

    # lines that fill outputs

    def need(self, out: Value) -> str:
        """Return an output's name, its memory allocated."""
        if out.home is not None and not out.made:
            self.need(out.home)
            self.line(f"{out} = {out.home.reshaped(out.aval.shape)}")
            out.made = True
        if not out.made:
            shape, dtype = lengths(out.aval.shape), self.dtype(out.aval.dtype)
            self.line(f"{out} = {self.numpy('empty')}({shape}, {dtype})")
            out.made = out.contiguous = True
        return out.text

    def call(self, function: str, args: Sequence[Any], out: Value, keyword: bool = False) -> None:
        """Write a call that fills ``out``, its last argument where there is memory for it."""
        given = ", ".join([str(x) if type(x) in (str, Value) else self.param(x) for x in args])
        if out.made and out.aval.shape:
            self.line(f"{function}({given}, {'out=' if keyword else ''}{out})", out.aval)
        else:
            self.line(f"{out} = {function}({given})", out.aval)
            out.made = True

    def assign(self, out: Value, expression: str) -> None:
        """Write an expression whose value is new into ``out``."""
        if out.made and out.aval.shape:
            self.line(f"{self.numpy('copyto')}({out}, {expression})", out.aval)
        else:
            self.line(f"{out} = {expression}", out.aval)
            out.made = True

    def assign_view(self, out: Value, expression: str) -> None:
        """Write an expression whose value shares its memory with another's into ``out``."""
        new = not out.made and out.aval.shape
        self.assign(out, f"{expression}.copy()" if new else expression)

    def copy(self, out: Value, value: Value) -> None:
        """Write the numbers of a value into ``out``."""
        if not out.aval.shape:
            self.line(f"{out} = {self.scalar(value)}")
        elif out.made:
            self.line(f"{self.numpy('copyto')}({out}, {value})", out.aval)
        elif value.aval.shape:
            self.line(f"{out} = {value}.copy()", out.aval)
        else:
            self.line(f"{self.need(out)}[...] = {value}")
        out.made = True

    def scalar(self, value: Value) -> str:
        """Return one number as NumPy's, or Python's where it is weak: never an array."""
        return value.text if value.aval.weak or not value.text.isidentifier() else f"{value}[()]"

    def array(self, value: Value) -> Value:
        """Return a value that can be indexed: a Python scalar as an array."""
        if not value.aval.weak:
            return value
        return Value(f"{self.numpy('asarray')}({value})", value.aval)

    def into(self, prim: Any, outs: Sequence[Value], ins: Sequence[Value], params: Any) -> None:
        """Write a call of a primitive's ``into``, with the buffers it works in."""
        fill = self.part(prim, "into")
        with self.scratch(*prim.codegen.scratch(*(x.aval for x in ins), **params)) as work:
            given = [self.tuple([self.need(y) for y in outs]), self.tuple(work), *ins]
            self.line(f"{fill}({', '.join([*map(str, given), *self.keywords(params)])})")
        for out in outs:
            self.number(out)

    def tuple(self, items: Sequence[Any]) -> str:
        return f"({', '.join(map(str, items))}{',' if len(items) == 1 else ''})"

    def keywords(self, params: Mapping[str, Any]) -> list[str]:
        return keywords({k: self.param(v) for k, v in params.items()})

    def param(self, value: Any) -> str:
        """Return a static parameter as an expression, bound where it has no text."""
        try:
            return literal(value)
        except FuncgradError:
            return self.bind(value)

    # programs

    def read(self, atom: Atom, env: Mapping[Var, Value], near: Sequence[Aval] = ()) -> Value:
        if isinstance(atom, Var):
            return env[atom]
        return Value(operand(atom, near, self), atom.aval)

    def block(
        self, jaxpr: Jaxpr, ins: Sequence[Value], targets: Sequence[Value | None], spans: Any = ()
    ) -> list[Value]:
        """Write a program on these values; return its outputs, in their targets where given.

        What no equation writes to its target is copied. NumPy does not warn of silent ``spans``.
        """
        env: dict[Var, Value] = dict(zip(jaxpr.invars, ins, strict=True))
        for value in ins:
            self.hold(value)
        ends: list[list[Any]] = [[] for _ in range(len(jaxpr.eqns) + 2)]
        for var, i in last_reads(jaxpr).items():
            ends[i] += [var] if isinstance(var, Var) else []
        for var in ends[-1]:
            self.drop(env[var])
        wanted = self.aims(jaxpr, targets)
        dying = iter(ends)
        for silent, eqns in spans or [(False, jaxpr.eqns)]:
            with self.silenced(silent):
                for eqn, last in zip(eqns, dying, strict=False):
                    self.equation(eqn, env, set(last), wanted)
                    for var in last:
                        self.drop(env.pop(var))
        outs = self.outputs(jaxpr, env, targets)
        for var in ends[len(jaxpr.eqns)]:
            self.drop(env[var])
        return outs

    def outputs(
        self, jaxpr: Jaxpr, env: Mapping[Var, Value], targets: Sequence[Value | None]
    ) -> list[Value]:
        """Return the values of the outputs, copied to targets in which they do not lie yet."""
        outs: list[Value] = []
        for atom, target in zip(jaxpr.outvars, targets, strict=True):
            value = self.read(atom, env)
            if target is not None and value.text != target.text:
                self.copy(target, value)
                value = target
            outs.append(value)
        return outs

    def equation(
        self, eqn: Eqn, env: dict[Var, Value], dying: set[Var], wanted: dict[Var, Value]
    ) -> None:
        """Write one equation, and put its outputs into ``env``."""
        self.note(eqn)
        near = [v.aval for v in eqn.outs if eqn.prim.codegen.is_view]
        if len(eqn.ins) == 2 and isinstance(getattr(eqn.prim, "function", None), np.ufunc):
            near = [a.aval for a in eqn.ins if isinstance(a, Var)]
        ins = [self.read(atom, env, near) for atom in eqn.ins]
        outs = self.view_of(eqn, ins, wanted)
        if outs is None and not self.is_written(eqn):
            outs = self.run(eqn, ins)
        if outs is None:
            outs = self.filled(eqn, ins, dying, wanted)
        else:
            for value in outs:
                self.hold(value)
        env.update(zip(eqn.outs, outs, strict=True))
        self.profile.append((f"{eqn.prim.name} {eqn.source}", self.arena.live))

    def is_written(self, eqn: Eqn) -> bool:
        """Return whether an equation is written out, and not a call of what eager code runs."""
        if self.depth > DEPTH and programs_in(eqn.params):
            return False  # Python nests twenty blocks at most
        if any(v.aval.ndim > AT_MOST_AXES for v in eqn.outs):
            return False  # NumPy's ufunc.at crashes there
        return eqn.prim.codegen.emit is not None or eqn.prim.codegen.into is not None

    def filled(
        self, eqn: Eqn, ins: Sequence[Value], dying: set[Var], wanted: dict[Var, Value]
    ) -> list[Value]:
        """Write the lines that fill the outputs of an equation, where each is to lie."""
        outs: list[Value] = []
        for var in eqn.outs:
            outs.append(self.place(var, eqn, ins, dying, wanted))
            self.hold(outs[-1])  # so that the next output does not take the same memory
            if outs[-1].home is not None:
                self.need(outs[-1])
        if eqn.prim.codegen.view is not None and self.copied_view(eqn, ins, outs[0]):
            return outs
        if eqn.prim.codegen.emit is None:
            self.into(eqn.prim, outs, ins, eqn.params)
        else:
            eqn.prim.codegen.emit(self, outs, ins, **eqn.params)
        return outs

    def note(self, eqn: Eqn) -> None:
        """Write the user's line as a comment, where it is another than before."""
        if eqn.source and eqn.source != self.noted:
            self.noted = eqn.source
            self.line(f"# {quote(self.names.told(eqn.source))}")

    def view_of(
        self, eqn: Eqn, ins: Sequence[Value], wanted: dict[Var, Value]
    ) -> list[Value] | None:
        """Return the output of an equation that is a view, None where numbers must move."""
        codegen = eqn.prim.codegen
        if codegen.view is None:
            return None
        if not ins:  # it shows an array that there is
            return [Value(codegen.view(self, **eqn.params)[0], v.aval) for v in eqn.outs]
        (var,), value = eqn.outs, ins[0]
        target = wanted.get(var)
        if target is not None and value.home is target:
            return [target]
        found = codegen.view(self, *ins, **eqn.params) if value.aval.shape else None
        if found is None or (target is not None and target.text != value.text):
            return None
        expression, contiguous = found
        hint = self.names.hint(var) or (f"{value}_T" if expression.endswith(".T") else "")
        if not var.aval.shape:
            out = Value(self.names.token(hint), var.aval)
            self.line(f"{out} = {expression}[()]")
            return [out]
        static = value.static and len(ins) == 1  # an index may be known at each call only
        return [self.seen(value, expression, var.aval, contiguous, hint, static)]

    def copied_view(self, eqn: Eqn, ins: Sequence[Value], out: Value) -> bool:
        """Copy a view that the workspace can hold, if there is one, to where it is wanted."""
        value, fixed = ins[0], ins[0].static and len(ins) == 1 and out.aval.shape
        found = eqn.prim.codegen.view(self, value, **eqn.params) if fixed else None
        if found is not None:
            self.copy(out, self.seen(value, found[0], out.aval, found[1], ""))
        return found is not None

    def run(self, eqn: Eqn, ins: Sequence[Value]) -> list[Value]:
        """Write a call of what the primitive runs in eager code."""
        prim, name = eqn.prim, self.part(eqn.prim, "run")
        outs = [Value(self.names.token(self.names.hint(v)), v.aval) for v in eqn.outs]
        call = f"{name}({', '.join([*map(str, ins), *self.keywords(eqn.params)])})"
        self.line(f"{', '.join(map(str, outs))}{',' if len(outs) == 1 else ''} = {call}")
        lent = any(x.root is not None and x.aval.shape for x in ins)
        for out in outs:
            if out.aval.shape and lent and not prim.codegen.is_new:
                self.line(f"{out} = {self.numpy('array')}({out})")  # it may be an operand
            if not out.aval.shape and not out.aval.weak:
                kind = self.dtype(out.aval.dtype)  # a number, not an array of one
                self.line(f"{out} = {self.numpy('asarray')}({out}, {kind})[()]")
        return outs
