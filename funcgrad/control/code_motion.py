"""Loop-invariant code motion for scan: equations of a step that read constants alone."""

from collections.abc import Sequence
from typing import Any

from ..compile.rewrite import Builder, over
from ..core.dependence import split_invariant
from ..core.jaxpr import Atom, Eqn, Jaxpr, Var, replace_eqn
from .fission import split_scan


def hoisted_scan(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """Move equations out of a scan: those of constants alone, and others for all steps."""
    moved = _invariant_first(build, eqn)
    return split_scan(build, moved or eqn) or (None if moved is None else _kept(build, moved))


def _kept(build: Builder, eqn: Eqn) -> Sequence[Atom]:
    build.add(eqn)
    return eqn.outs


def _invariant_first(build: Builder, eqn: Eqn) -> Eqn | None:
    """The scan without the equations that read only constants, which are added in front of it."""
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
    return replace_eqn(eqn, ins, params=params)
