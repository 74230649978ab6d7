"""Common subexpression elimination."""

from collections.abc import Hashable, Sequence

from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal
from ..core.static import typed
from ..ops.elementwise import add, mul
from .rewrite import Builder, rewritten


def cse(jaxpr: Jaxpr) -> Jaxpr:
    """Compute each expression once: the same primitive of the same operands and parameters."""
    seen: dict[Hashable, Sequence[Atom]] = {}

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        params = eqn.params and tuple([(k, typed(eqn.params[k])) for k in sorted(eqn.params)])
        ins = tuple(map(_key, eqn.ins))
        key = (eqn.prim, eqn.scope, frozenset(ins) if _commutes(eqn) else ins, params or ())
        try:
            return seen.setdefault(key, eqn.outs) if key in seen else seen.update({key: eqn.outs})
        except TypeError:  # a parameter that is not hashable
            return None

    return rewritten(jaxpr, step)


def _commutes(eqn: Eqn) -> bool:
    """Whether exchanging the operands keeps every bit; for complex products it may not."""
    return eqn.prim is add or (eqn.prim is mul and eqn.outs[0].aval.dtype.kind != "c")


def _key(atom: Atom) -> Hashable:
    """A key that is equal for equal operands: of a literal its type and digits."""
    return (type(atom.value), repr(atom.value)) if isinstance(atom, Literal) else atom
