"""Scheduling: equations are moved as late as possible, where that lowers the peak memory.

Of two orders the one with the lower peak of live bytes is taken. The user's order stays unless the
other is better by 5 %.
"""

from collections import Counter
from typing import Any

from ..core.jaxpr import Eqn, Jaxpr
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
    readers: Counter[Any] = Counter(jaxpr.outvars)
    for eqn in jaxpr.eqns:
        readers.update(set(eqn.ins))
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    sizes = {v: nbytes(v.aval) for v in makers}
    done: set[Eqn] = set()
    order: list[Eqn] = []

    def emit(eqn: Eqn) -> None:
        stack = [eqn]
        while stack:
            top = stack[-1]
            missing = [makers[a] for a in top.ins if a in makers and makers[a] not in done]
            if missing:
                stack += missing
                continue
            stack.pop()
            if top not in done:
                done.add(top)
                order.append(top)

    for eqn in jaxpr.eqns:
        ended = sum([sizes[a] for a in set(eqn.ins) if readers[a] == 1 and a in sizes])
        if ended and sum([sizes[v] for v in eqn.outs]) < ended:
            emit(eqn)
    outs = set(jaxpr.outvars)
    for eqn in jaxpr.eqns:
        if not outs.isdisjoint(eqn.outs):
            emit(eqn)
    return order
