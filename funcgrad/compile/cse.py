"""Common subexpression elimination."""

from collections.abc import Hashable, Sequence

from ..core.effects import is_effectful
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal
from ..core.static import typed
from ..ops.elementwise import add, mul
from .rewrite import Builder, rewritten


def cse(jaxpr: Jaxpr) -> Jaxpr:
    """Compute each expression once: the same primitive of the same operands and parameters."""
    seen: dict[Hashable, Sequence[Atom]] = {}

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        atoms = [_key(a) if type(a) is Literal else a for a in eqn.ins]
        ins = frozenset(atoms) if _commutes(eqn) else tuple(atoms)
        key = (eqn.prim, eqn.scope, eqn.in_quiet_block, ins)
        if eqn.params:
            key = (*key, *[(k, typed(eqn.params[k])) for k in sorted(eqn.params)])
        try:
            first = seen.setdefault(key, eqn.outs)
        except TypeError:  # a parameter that is not hashable
            return None
        if first is not eqn.outs and is_effectful(eqn):
            return None
        return None if first is eqn.outs else first

    return rewritten(jaxpr, step)


def _commutes(eqn: Eqn) -> bool:
    """Whether exchanging the operands keeps every bit; for complex products it may not."""
    return eqn.prim is add or (eqn.prim is mul and eqn.outs[0].aval.dtype.kind != "c")


def _key(atom: Literal) -> Hashable:
    """The type and digits of a literal, which are equal for equal ones."""
    return type(atom.value), repr(atom.value)
