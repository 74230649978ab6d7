"""Which outputs of a program depend on which inputs, and which are linear in them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .avals import is_inexact
from .dead_code import dce
from .effects import is_effectful
from .jaxpr import Eqn, Jaxpr, Literal, Var
from .lists import Flags, compress


def dependent(jaxpr: Jaxpr, flags: Flags, smoothly: bool = True) -> list[bool]:
    """Which outputs depend on the inputs flagged; ``smoothly``, with a derivative.

    The result is cached: a loop asks its program several times, so without a cache the number of
    calls would grow exponentially with the depth of nested loops.
    """
    key = ("dependent", tuple(flags), smoothly)
    if key not in jaxpr.memo:
        marked = set(compress(jaxpr.invars, flags))
        for eqn in jaxpr.eqns:
            if (eqn.prim.differentiable or not smoothly) and not marked.isdisjoint(eqn.ins):
                found = _reached(eqn, marked)
                marked |= {v for v in found if not smoothly or is_inexact(v.aval.dtype)}
        jaxpr.memo[key] = [atom in marked for atom in jaxpr.outvars]
    return list(jaxpr.memo[key])


def _reached(eqn: Eqn, marked: set[Any]) -> Sequence[Var]:
    """The outputs of an equation that depend on the variables marked."""
    if eqn.prim.holds.depends is None:
        return eqn.outs
    return compress(eqn.outs, eqn.prim.holds.depends([a in marked for a in eqn.ins], **eqn.params))


def fixed_point(flags: Flags, step: Callable[[list[bool]], Flags]) -> list[bool]:
    """The flags of a loop's carry: the smallest fixed point of ``step`` that includes ``flags``."""
    now = list(flags)
    while True:
        wider = [a or b for a, b in zip(now, step(now), strict=True)]
        if wider == now:
            return now
        now = wider


def linear_in(jaxpr: Jaxpr, flags: Flags) -> list[bool] | None:
    """Which outputs depend on the inputs flagged, linearly; None where one is not linear.

    Dead code need not be linear. The result is cached, as that of ``dependent``.
    """
    key = ("linear", tuple(flags))
    if key not in jaxpr.memo:
        jaxpr.memo[key] = _linear_in(jaxpr, flags)
    found = jaxpr.memo[key]
    return None if found is None else list(found)


def _linear_in(jaxpr: Jaxpr, flags: Flags) -> list[bool] | None:
    marked = set(compress(jaxpr.invars, flags))
    for eqn in dce(jaxpr).eqns:
        places = frozenset(i for i, atom in enumerate(eqn.ins) if atom in marked)
        if places:
            if not eqn.prim.is_linear(places, **eqn.params):
                return None
            marked.update(_reached(eqn, marked))
    return [atom in marked for atom in jaxpr.outvars]


def split_invariant(eqns: Sequence[Eqn], constant: Iterable[Any]) -> tuple[list[Eqn], list[Eqn]]:
    """Split equations into loop-invariant ones and the others, with all effects."""
    known = set(constant)
    before, during = [], []
    for eqn in eqns:
        free = all(isinstance(atom, Literal) or atom in known for atom in eqn.ins)
        if free and not is_effectful(eqn):
            known.update(eqn.outs)
            before.append(eqn)
        else:
            during.append(eqn)
    return before, during
