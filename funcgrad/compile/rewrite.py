"""What passes share: walking a program, and building the one that it becomes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.errors import FuncgradError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, remade
from ..core.registry import primitives

# of a builder and an equation whose operands are rewritten: what its outputs become, or None
Step = Callable[["Builder", Eqn], Sequence[Atom] | None]


class Builder:
    """A program under construction; calling it with a primitive's name adds an equation."""

    def __init__(self) -> None:
        self.eqns: list[Eqn] = []
        self.makers: dict[Atom, Eqn] = {}
        self.source, self.scope = "", None

    def number(self, value: Any) -> Literal:
        return Literal(value)

    def atom(self, x: Any) -> Atom:
        return x if isinstance(x, (Var, Literal)) else Literal(x)

    def __call__(self, name: Any, *ins: Any, **params: Any) -> Var:
        """Return the one output of a new equation; Python's numbers may be operands."""
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

    def maker(self, atom: Atom) -> Eqn | None:
        """Return the equation that makes a value, None for an input or a number."""
        return self.makers.get(atom)

    def by_rule(self, eqn: Eqn, rule: Callable[..., Any], *args: Any, **params: Any) -> Any:
        """Return the atom that a rule puts in the place of an equation, None where it may not."""
        start = len(self.eqns)
        try:
            atom = rule(self, *args, **params)
        except (FuncgradError, ArithmeticError, TypeError, ValueError):
            atom = None  # the rule's operations are not defined for these operands
        return atom if self.replaces(eqn, None if atom is None else (atom,), start) else None

    def replaces(self, eqn: Eqn, atoms: Sequence[Atom] | None, start: int) -> bool:
        """Return whether atoms may stand for an equation's outputs, or undo what was built.

        All rules of the compiler come through here: what one builds must have the shapes, dtypes
        and weak types of the outputs that it replaces.
        """
        if atoms is not None and [a.aval for a in atoms] == [v.aval for v in eqn.outs]:
            return True
        del self.eqns[start:]
        return False


def rewritten(jaxpr: Jaxpr, step: Step) -> Jaxpr:
    """Return the program in which ``step`` has replaced equations, in their order.

    An equation stays where its replacement is of another aval.
    """
    build = Builder()
    now: dict[Any, Atom] = {}
    for eqn in jaxpr.eqns:
        ins = over(eqn, now)
        eqn = eqn if ins == eqn.ins else remade(eqn, ins)
        build.source, build.scope = eqn.source, eqn.scope
        start = len(build.eqns)
        outs = step(build, eqn)
        if outs is None or not build.replaces(eqn, outs, start):
            build.add(eqn)
        else:
            now.update(zip(eqn.outs, (now.get(a, a) for a in outs), strict=True))
    outvars = tuple([now.get(a, a) for a in jaxpr.outvars])
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(build.eqns), outvars)


def over(eqn: Eqn, now: Mapping[Any, Atom]) -> tuple[Atom, ...]:
    """Return the operands of an equation as what they have become."""
    return tuple([now.get(a, a) for a in eqn.ins])


def on_programs(jaxpr: Jaxpr, change: Callable[[Jaxpr], Jaxpr]) -> Jaxpr:
    """Return the program with the programs that its equations hold changed."""
    eqns = []
    for eqn in jaxpr.eqns:
        params = {k: _changed(v, change) for k, v in eqn.params.items()}
        same = all(params[k] is v for k, v in eqn.params.items())
        eqns.append(eqn if same else remade(eqn, params=params))
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _changed(value: Any, change: Callable[[Jaxpr], Jaxpr]) -> Any:
    """Return a parameter of an equation with the programs in it changed."""
    if isinstance(value, Jaxpr):
        return change(value)
    if type(value) is tuple and any(isinstance(v, Jaxpr) for v in value):
        return tuple([_changed(v, change) for v in value])
    return value
