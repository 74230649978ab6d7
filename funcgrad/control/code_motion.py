"""Loop-invariant code motion for scans: equations of a step that read constants alone."""

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


def hoisted_sweep(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """Move equations of constants alone out of a sweep."""
    moved = _invariant_first(build, eqn)
    return None if moved is None else _kept(build, moved)


def hoisted_reversal(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """Move equations of constants alone out of both steps of a reversal."""
    n, before = eqn.params["num_consts"], len(eqn.ins)
    params, ins = eqn.params, eqn.ins
    for name in ("up", "down"):
        body = params[name]
        inside, extra, outer = _moved_out(build, body, ins[:n], n)
        other = "down" if name == "up" else "up"
        idle = [Var(v.aval) for v in extra]
        given = {name: _with_consts(body, n, extra, tuple(inside)),
                 other: _with_consts(params[other], n, idle, params[other].eqns)}  # fmt: skip
        ins = (*ins[:n], *(outer[v] for v in extra), *ins[n:])
        n += len(extra)
        params = {**params, **given, "num_consts": n}
    return None if len(ins) == before else _kept(build, replace_eqn(eqn, ins, params=params))


def _with_consts(body: Jaxpr, n: int, more: Sequence[Var], eqns: Sequence[Eqn]) -> Jaxpr:
    """A program with more inputs after its ``n`` constants, and with these equations."""
    invars = (*body.invars[:n], *more, *body.invars[n:])
    return Jaxpr(invars, (), tuple(eqns), body.outvars)


def _kept(build: Builder, eqn: Eqn) -> Sequence[Atom]:
    build.add(eqn)
    return eqn.outs


def _invariant_first(build: Builder, eqn: Eqn) -> Eqn | None:
    """The scan without the equations that read only constants, which are added in front of it."""
    body, n = eqn.params["jaxpr"], eqn.params["num_consts"]
    inside, extra, outer = _moved_out(build, body, eqn.ins[:n], n)
    if len(inside) == len(body.eqns):
        return None
    program = Jaxpr((*extra, *body.invars), (), tuple(inside), body.outvars)
    params = {**eqn.params, "jaxpr": program, "num_consts": n + len(extra)}
    ins = (*(outer[v] for v in extra), *eqn.ins)
    return replace_eqn(eqn, ins, params=params)


def _moved_out(
    build: Builder, body: Jaxpr, consts: Sequence[Atom], n: int
) -> tuple[list[Eqn], list[Var], dict[Any, Atom]]:
    """Add the equations of a step that read its ``n`` constants alone.

    Returns the others, the values moved that they read, and the atoms of the values moved.
    """
    outer: dict[Any, Atom] = dict(zip(body.invars[:n], consts, strict=True))
    invariant, inside = split_invariant(body.eqns, body.invars[:n])
    moved: dict[Var, None] = {}
    for inner in invariant:
        outs = tuple([Var(v.aval) for v in inner.outs])
        build.add(replace_eqn(inner, over(inner, outer), outs))
        outer.update(zip(inner.outs, outs, strict=True))
        moved.update(dict.fromkeys(inner.outs))
    read = {a for inner in inside for a in inner.ins} | set(body.outvars)
    return inside, [v for v in moved if v in read], outer
