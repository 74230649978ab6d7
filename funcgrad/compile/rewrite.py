"""Rewriting of programs: a builder of equations, and a walk that replaces them."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.errors import FuncgradError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, programs_in, replace_eqn
from ..core.registry import primitives

# builder, equation with rewritten operands -> atoms for its outputs, or None to keep it
Step = Callable[["Builder", Eqn], Sequence[Atom] | None]


class Builder:
    """Equations under construction; a call with a primitive, or its name, adds one."""

    def __init__(self) -> None:
        self.readers: Counter[Atom] = (
            Counter()
        )  # how often each value is read, as far as it is known
        self.now: dict[Any, Atom] = {}  # the replacements of values of the program
        self.eqns: list[Eqn] = []
        self.makers: dict[Atom, Eqn] = {}
        # the equation that defines a value, None for an input or a literal
        self.maker: Callable[[Atom], Eqn | None] = self.makers.get
        self.source, self.scope = "", None

    def read_once(self, atom: Atom) -> bool:
        """Whether at most one equation of the program that is being rewritten reads a value."""
        return self.readers[atom] < 2

    def number(self, value: Any) -> Literal:
        return Literal(value)

    def atom(self, x: Any) -> Atom:
        return x if isinstance(x, (Var, Literal)) else Literal(x)

    def __call__(self, name: Any, *ins: Any, **params: Any) -> Var:
        """Add an equation and return its only output; operands may be Python scalars."""
        prim = primitives[name] if isinstance(name, str) else name
        atoms = tuple(map(self.atom, ins))
        (aval,) = prim.infer(*(a.aval for a in atoms), **params)
        out = Var(aval)
        self.add(Eqn(prim, atoms, (out,), params, self.source, self.scope))
        return out

    def add(self, eqn: Eqn) -> None:
        self.eqns.append(eqn)
        for var in eqn.outs:
            self.makers[var] = eqn

    def by_rule(self, eqn: Eqn, rule: Callable[..., Any], *args: Any, **params: Any) -> Any:
        """The atom by which a rule replaces an equation, None where it does not apply."""
        start = len(self.eqns)
        try:
            atom = rule(self, *args, **params)
        except (FuncgradError, ArithmeticError, TypeError, ValueError):
            atom = None  # the rule's operations are not defined for these operands
        return atom if self.replaces(eqn, None if atom is None else (atom,), start) else None

    def replaces(self, eqn: Eqn, atoms: Sequence[Atom] | None, start: int) -> bool:
        """Whether atoms can replace the outputs of an equation; if not, drop what was built.

        Every rule of the compiler is checked here: shapes, dtypes and weak types must be equal.
        """
        if atoms is not None and [a.aval for a in atoms] == [v.aval for v in eqn.outs]:
            return True
        del self.eqns[start:]
        return False


def rewritten(jaxpr: Jaxpr, step: Step) -> Jaxpr:
    """Apply ``step`` to each equation in order, with operands already rewritten.

    An equation stays where the avals of its replacement differ. A program in which all stay is
    returned itself.
    """
    build = Builder()
    build.readers = Counter(itertools.chain.from_iterable([eqn.ins for eqn in jaxpr.eqns]))
    build.readers.update(jaxpr.outvars)
    now = build.now
    for eqn in jaxpr.eqns:
        if not now.keys().isdisjoint(eqn.ins):
            eqn = replace_eqn(eqn, over(eqn, now))
        build.source, build.scope = eqn.source, eqn.scope
        start = len(build.eqns)
        outs = None if eqn.prim.has_effect else step(build, eqn)
        if outs is None or not build.replaces(eqn, outs, start):
            build.add(eqn)
        else:
            for var, atom in zip(eqn.outs, outs, strict=True):
                now[var] = atom = now.get(atom, atom)
                build.readers[atom] += build.readers[var]
    eqns, outvars = tuple(build.eqns), tuple([now.get(a, a) for a in jaxpr.outvars])
    if (eqns, outvars) == (jaxpr.eqns, jaxpr.outvars):  # both are compared by identity
        return jaxpr
    return Jaxpr(jaxpr.invars, jaxpr.constvars, eqns, outvars)


def over(eqn: Eqn, now: Mapping[Any, Atom]) -> tuple[Atom, ...]:
    """The operands of an equation after replacement."""
    return tuple([now.get(a, a) for a in eqn.ins])


def on_programs(jaxpr: Jaxpr, change: Callable[[Jaxpr], Jaxpr]) -> Jaxpr:
    """Apply a change to the programs that the equations hold."""
    eqns = []
    for eqn in jaxpr.eqns:
        if eqn.params and programs_in(eqn.params):
            params = {k: _changed(v, change) for k, v in eqn.params.items()}
            same = all(params[k] is v for k, v in eqn.params.items())
            eqn = eqn if same else replace_eqn(eqn, params=params)
        eqns.append(eqn)
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _changed(value: Any, change: Callable[[Jaxpr], Jaxpr]) -> Any:
    """A parameter of an equation with the programs in it changed."""
    if isinstance(value, Jaxpr):
        return change(value)
    if type(value) is tuple and any(isinstance(v, Jaxpr) for v in value):
        return tuple([_changed(v, change) for v in value])
    return value
