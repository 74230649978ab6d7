"""Liveness: from which equation to which each value of a program is needed, and its bytes."""

import itertools
from typing import Any

from ..core.avals import Aval
from ..core.jaxpr import Jaxpr


def nbytes(aval: Aval) -> int:
    """Return the size of an array, in bytes."""
    return aval.size * aval.dtype.itemsize


def last_reads(jaxpr: Jaxpr) -> dict[Any, int]:
    """Return of each value the place of the last equation that reads it, or else that makes it.

    An input that nobody reads has -1, an output the number of equations.
    """
    last: dict[Any, int] = dict.fromkeys(jaxpr.invars, -1)
    for i, eqn in enumerate(jaxpr.eqns):
        last.update(dict.fromkeys((*eqn.outs, *eqn.ins), i))
    last.update(dict.fromkeys(jaxpr.outvars, len(jaxpr.eqns)))
    return last


def live_bytes(jaxpr: Jaxpr, last: dict[Any, int]) -> list[int]:
    """Return at each equation the bytes that values of the program occupy; views are free."""
    change = [0] * (len(jaxpr.eqns) + 2)
    for i, eqn in enumerate(jaxpr.eqns):
        for v in eqn.outs if not eqn.prim.codegen.is_view else ():
            change[i] += nbytes(v.aval)
            change[last[v] + 1] -= nbytes(v.aval)
    return list(itertools.accumulate(change[: len(jaxpr.eqns)]))
