"""Dead-code elimination: equations and outputs of loops and calls that are not read."""

from collections.abc import Sequence
from typing import Any

from .effects import is_effectful
from .jaxpr import Atom, Eqn, Jaxpr, programs_in, replace_eqn

# indices of the operands and outputs that stay, and the new parameters
Pruned = tuple[list[int], list[int], dict[str, Any]]


def live(eqns: Sequence[Eqn], outvars: Sequence[Atom]) -> list[Eqn]:
    """The equations on which these outputs depend, or that have an effect: others are dead code."""
    needed, kept = set(outvars), []
    for eqn in reversed(eqns):
        if not needed.isdisjoint(eqn.outs) or is_effectful(eqn):
            needed.update(eqn.ins)
            kept.append(eqn)
    return kept[::-1]


def dce(jaxpr: Jaxpr) -> Jaxpr:
    """Drop equations, and outputs of loops and calls, on which no output depends."""
    if "alive" in jaxpr.memo:
        return jaxpr.memo["alive"]
    needed: set[Any] = set(jaxpr.outvars)
    kept: list[Eqn] = []
    for eqn in reversed(jaxpr.eqns):
        used = [v in needed for v in eqn.outs]
        if not any(used) and not is_effectful(eqn):
            continue
        if eqn.prim.holds.prune is not None and not (all(used) and _reads_all(eqn)):
            eqn = pruned(eqn, used)
        needed.update(eqn.ins)
        kept.append(eqn)
    found = Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(kept[::-1]), jaxpr.outvars)
    jaxpr.memo["alive"] = found
    return found


def _reads_all(eqn: Eqn) -> bool:
    """Whether the programs that an equation holds read all their inputs."""
    for program in programs_in(eqn.params):
        found = program.memo.get("reads all")
        if found is None:
            read = {a for held in program.eqns for a in held.ins}.union(program.outvars)
            found = program.memo["reads all"] = read.issuperset(program.invars)
        if not found:
            return False
    return True


def pruned(eqn: Eqn, used: Sequence[bool]) -> Eqn:
    """An equation without the outputs that are not read."""
    ins, outs, params = eqn.prim.holds.prune(used, **eqn.params)
    kept_ins, kept_outs = tuple([eqn.ins[i] for i in ins]), tuple([eqn.outs[i] for i in outs])
    return replace_eqn(eqn, kept_ins, kept_outs, params)


def pruned_call(used: Sequence[bool], *, jaxpr: Jaxpr, **params: Any) -> Pruned:
    """A call without its dead outputs; its program is kept in the memo of the whole one."""
    alive = [i for i, flag in enumerate(used) if flag]
    key = ("pruned", tuple(alive))
    program = jaxpr.memo.get(key)
    if program is None:
        outvars = tuple([jaxpr.outvars[i] for i in alive])
        eqns = tuple(live(jaxpr.eqns, outvars))
        program = jaxpr.memo[key] = Jaxpr(jaxpr.invars, (), eqns, outvars)
    return list(range(len(jaxpr.invars))), alive, {"jaxpr": program, **params}
