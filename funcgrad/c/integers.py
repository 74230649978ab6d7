"""Python's integers in C: where they are kept as int64, their sums are int64, too.

A Python integer has no bounds. A counter that a loop carries as int64 is one within a step.
"""

from ..core.avals import Aval
from ..core.jaxpr import Eqn, Jaxpr, Var

_SUMS = frozenset({"add", "sub", "neg"})
_CASTS = frozenset({"convert", "truncate"})


def bounded(jaxpr: Jaxpr) -> Jaxpr:
    """A program with int64 for sums of Python integers that are only cast to it, or summed."""
    if "bounded" not in jaxpr.memo:
        found = _bounded(jaxpr)
        jaxpr.memo["bounded"] = None if found is jaxpr else found
    return jaxpr.memo["bounded"] or jaxpr


def _bounded(jaxpr: Jaxpr) -> Jaxpr:
    outs = set(jaxpr.outvars)
    readers: dict[Var, list[Eqn]] = {}
    now: dict[Var, Var] = {}
    eqns: list[Eqn] = []
    for eqn in reversed(jaxpr.eqns):
        sums = [v for v in eqn.outs if _is_whole(v.aval) and eqn.prim.name in _SUMS]
        for v in sums:
            if v not in outs and all(_keeps(reader, now) for reader in readers.get(v, ())):
                now[v] = Var(Aval((), v.aval.dtype), v.of)
        for a in eqn.ins:
            if isinstance(a, Var):
                readers.setdefault(a, []).append(eqn)
        eqns.append(eqn)
    if not now:
        return jaxpr
    new = lambda atoms: tuple([now.get(a, a) for a in atoms])
    kept = [Eqn(e.prim, new(e.ins), new(e.outs), e.params, e.source, e.scope)
            for e in reversed(eqns)]  # fmt: skip
    return Jaxpr(jaxpr.invars, (), tuple(kept), jaxpr.outvars)


def _is_whole(aval: Aval) -> bool:
    return aval.weak and aval.dtype.kind == "i" and not aval.shape


def _keeps(reader: Eqn, now: dict[Var, Var]) -> bool:
    """Whether an equation reads no more than the last 64 bits of an integer."""
    if reader.prim.name in _CASTS:
        return bool(reader.params["dtype"].name == "int64")
    return bool(reader.outs) and reader.outs[0] in now
