"""Scans whose residuals do not fit in memory keep states, and compute the residuals again.

A scan, and one in the opposite direction that reads its rows, become a sweep and a reversal.
"""

from collections.abc import Sequence
from typing import Any

from ..compile.rewrite import over
from ..core.effects import without_effects
from ..core.jaxpr import Eqn, Jaxpr, Var, replace_eqn
from ..core.lists import split_list
from ..core.registry import primitives
from .revolve import kept_states
from .states import divided, part_of


def recomputed_scan(jaxpr: Jaxpr, eqn: Eqn, states: int) -> Jaxpr | None:
    """The program in which a scan keeps states, None where no scan back reads its rows alone."""
    readers: dict[Any, list[Any]] = {}
    for reader in jaxpr.eqns:
        for a in set(reader.ins):
            readers.setdefault(a, []).append(reader)
    k = eqn.params["num_carry"]
    rows = [v for v in eqn.outs[k:] if v not in jaxpr.outvars and len(readers.get(v, ())) == 1]
    backs = dict.fromkeys(readers[v][0] for v in rows)
    for back in backs:
        found = [v for v in rows if readers[v][0] is back and is_row(v, eqn, back)]
        if found:
            pair = Pair(eqn, back, found, states)
            eqns = [pair.sweep if e is eqn else pair.reversal if e is back else e
                    for e in jaxpr.eqns]  # fmt: skip
            return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)
    return None


def is_row(v: Var, there: Eqn, back: Eqn) -> bool:
    """Whether a scan back reads a stacked output of a scan, row by row."""
    if back.prim is not there.prim or back.params["length"] != there.params["length"]:
        return False
    first = back.params["num_consts"] + back.params["num_carry"]
    return back.params["reverse"] != there.params["reverse"] and v not in back.ins[:first]


class Pair:
    """A sweep and a reversal in place of a scan, and of a scan back over the rows ``found``."""

    def __init__(self, there: Eqn, back: Eqn, found: Sequence[Var], states: int) -> None:
        body, n, k = (there.params[x] for x in ("jaxpr", "num_consts", "num_carry"))
        places: dict[Any, int] = {v: j for j, v in enumerate(there.outs)}
        step, m, d = (back.params[x] for x in ("jaxpr", "num_consts", "num_carry"))
        now = {x: body.outvars[places[v]] for v, x in zip(back.ins, step.invars, strict=True)
               if v in found}  # fmt: skip
        moved = tuple([replace_eqn(e, over(e, now)) for e in step.eqns])
        outvars = tuple([now.get(a, a) for a in step.outvars])
        consts, carried, others = split_list(step.invars, m, d)
        others = [x for x in others if x not in now]
        again = without_effects(body).eqns
        whole = Jaxpr((*consts, *body.invars, *carried, *others), (), (*again, *moved), outvars)
        up, down, fixed, state = divided(body, whole, n, k, m)
        length = there.params["length"]
        slots = max(min(states, length), 1)
        sizes = {"length": length, "steps": length, "reverse": there.params["reverse"],
                 "checkpoint": slots, "kept": kept_states(length + 1, slots)}  # fmt: skip
        stays = [j for j, v in enumerate(there.outs) if v not in found]
        program = part_of(body, body.invars, [body.outvars[j] for j in stays])
        self.sweep = self.made(there, "sweep", there.ins, [there.outs[j] for j in stays], {
            **sizes, "jaxpr": program, "num_consts": n, "num_carry": k, "kept_carry": tuple(state),
        })  # fmt: skip
        snaps = self.sweep.outs[len(stays) :]
        given, start, xs = split_list(there.ins, n, k)
        rows = [a for a in back.ins[m + d :] if a not in found]
        operands = [*back.ins[:m], *given, *(start[i] for i in fixed)]
        ins = (*operands, *snaps, *xs, *back.ins[m : m + d], *rows)
        self.reversal = self.made(back, "reversal", ins, back.outs, {
            **sizes, "up": up, "down": down, "num_consts": len(operands), "num_state": len(state),
            "num_xs": len(xs), "num_carry": d,
        })  # fmt: skip

    def made(
        self, eqn: Eqn, name: str, ins: Sequence[Any], outs: Sequence[Var], params: dict[str, Any]
    ) -> Eqn:
        """An equation in place of another, with its outputs and perhaps more."""
        prim = primitives[name]
        avals = prim.infer(*(a.aval for a in ins), **params)
        more = [Var(a) for a in avals[len(outs) :]]
        return Eqn(prim, tuple(ins), (*outs, *more), params, eqn.source, eqn.scope)
