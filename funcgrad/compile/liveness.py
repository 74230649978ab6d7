"""Liveness: the last equation that reads each value, and the bytes live at each equation."""

import itertools
import math
from typing import Any

from ..core.avals import Aval
from ..core.jaxpr import Eqn, Jaxpr, Var


def nbytes(aval: Aval) -> int:
    """The size of an array in bytes."""
    return math.prod(aval.shape) * aval.dtype.itemsize


def last_reads(jaxpr: Jaxpr) -> dict[Any, int]:
    """The index of the last equation that reads each value, or of its own if none does.

    It is -1 for an input that is not read, and the number of equations for an output.
    """
    last: dict[Any, int] = dict.fromkeys(jaxpr.invars, -1)
    for i, eqn in enumerate(jaxpr.eqns):
        for atom in (*eqn.outs, *eqn.ins):
            last[atom] = i
    last.update(dict.fromkeys(jaxpr.outvars, len(jaxpr.eqns)))
    return last


def live_bytes(jaxpr: Jaxpr, last: dict[Any, int]) -> list[int]:
    """The bytes of the values that are live at each equation; a view counts as 0."""
    change = [0] * (len(jaxpr.eqns) + 2)
    for i, eqn in enumerate(jaxpr.eqns):
        for v in eqn.outs if not eqn.prim.codegen.is_view else ():
            size = nbytes(v.aval)
            change[i] += size
            change[last[v] + 1] -= size
    return list(itertools.accumulate(change[: len(jaxpr.eqns)]))


def overwritten(eqn: Eqn, at: int, last: dict[Any, int]) -> Var | None:
    """The operand in whose memory equation number ``at`` can write its output, or None."""
    if not eqn.outs:
        return None
    (out, *others) = eqn.outs
    for i, x in enumerate(eqn.ins):
        if others or not isinstance(x, Var) or last[x] != at or not out.aval.shape:
            continue
        fits = (x.aval.shape, x.aval.dtype) == (out.aval.shape, out.aval.dtype)
        if fits and eqn.prim.codegen.overwrites(i) and eqn.ins.count(x) == 1:
            return x
    return None


def views_of(jaxpr: Jaxpr, var: Var) -> list[Var]:
    """The variables whose values may be views of that of ``var``."""
    found = [var]
    for eqn in jaxpr.eqns:
        if eqn.prim.codegen.view is not None and not set(found).isdisjoint(eqn.ins):
            found += [v for v in eqn.outs if v.aval.shape]
    return found[1:]
