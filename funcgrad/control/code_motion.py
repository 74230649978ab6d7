"""Loop-invariant code motion for scan: equations of a step that read constants alone."""

from collections.abc import Sequence
from typing import Any

from ..compile.rewrite import Builder, over
from ..core.dependence import split_invariant
from ..core.jaxpr import Atom, Eqn, Jaxpr, Var, replace_eqn


def hoisted_scan(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """Move the equations of a scan's step that read only constants in front of the scan."""
    body, n = eqn.params["jaxpr"], eqn.params["num_consts"]
    outer: dict[Any, Atom] = dict(zip(body.invars[:n], eqn.ins[:n], strict=True))
    invariant, inside = split_invariant(body.eqns, body.invars[:n])
    moved: dict[Var, None] = {}
    for inner in invariant:
        outs = tuple([Var(v.aval) for v in inner.outs])
        build.add(replace_eqn(inner, over(inner, outer), outs))
        outer.update(zip(inner.outs, outs, strict=True))
        moved.update(dict.fromkeys(inner.outs))
    if not moved:
        return None
    read = {a for inner in inside for a in inner.ins} | set(body.outvars)
    extra = [v for v in moved if v in read]
    program = Jaxpr((*extra, *body.invars), (), tuple(inside), body.outvars)
    params = {**eqn.params, "jaxpr": program, "num_consts": n + len(extra)}
    ins = (*(outer[v] for v in extra), *eqn.ins)
    build.add(replace_eqn(eqn, ins, params=params))
    return eqn.outs
