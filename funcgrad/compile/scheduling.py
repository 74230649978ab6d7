"""Scheduling: equations are moved as late as possible, where that lowers the peak memory.

Of two orders the one with the lower peak of live bytes is taken. The user's order stays unless the
other is better by 5 %.
"""

from typing import Any

from ..core.jaxpr import Eqn, Jaxpr, Var
from .liveness import last_reads, live_bytes, nbytes


def schedule(jaxpr: Jaxpr) -> Jaxpr:
    """Put the equations in the better of two orders."""
    lazy = Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(_lazy(jaxpr)), jaxpr.outvars)
    return lazy if peak(lazy) < 0.95 * peak(jaxpr) else jaxpr


def peak(jaxpr: Jaxpr) -> int:
    """The most bytes that are live at once, inputs not counted."""
    return max(live_bytes(jaxpr, last_reads(jaxpr)), default=0)


def _lazy(jaxpr: Jaxpr) -> list[Eqn]:
    """The equations, each just before its first reader unless it lowers the live bytes.

    An equation lowers them if its output is smaller than the operands that only it reads; it
    stays in its place.
    """
    readers: dict[Any, int] = {}
    for eqn in jaxpr.eqns:
        for atom in set(eqn.ins):
            readers[atom] = readers.get(atom, 0) + 1
    for atom in jaxpr.outvars:
        readers[atom] = readers.get(atom, 0) + 1
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    done: set[int] = set()
    order: list[Eqn] = []

    def emit(eqn: Eqn) -> None:
        stack = [eqn]
        while stack:
            top = stack[-1]
            missing = [makers[a] for a in top.ins if a in makers and id(makers[a]) not in done]
            if missing:
                stack += missing
                continue
            stack.pop()
            if id(top) not in done:
                done.add(id(top))
                order.append(top)

    for eqn in jaxpr.eqns:
        ended = sum(nbytes(a.aval) for a in set(eqn.ins) if isinstance(a, Var) and readers[a] == 1
                    and a in makers)  # fmt: skip
        made = sum(nbytes(v.aval) for v in eqn.outs)
        if made < ended:
            emit(eqn)
    outs = set(jaxpr.outvars)
    for eqn in jaxpr.eqns:
        if not outs.isdisjoint(eqn.outs):
            emit(eqn)
    return order
