"""Rematerialisation: values computed again where they are needed, so that a program fits in memory.

A program that computes a gradient keeps what the way there made until the way back reads it. At
its fullest moment the values that only wait are found; every n-th of them is kept, and the others
are made again from those, each once, just before it is first read. With every n-th of n squared
layers kept, 2n instead of n squared are in memory, for one more pass over the layers.

Source: Chen et al. 2016, "Training deep nets with sublinear memory cost" (arXiv:1604.06174).
"""

from collections.abc import Callable, Iterator
from typing import Any

from ..core.errors import MemoryLimitError
from ..core.jaxpr import Eqn, Jaxpr, Var, remade
from ..ops.families import Elementwise
from .liveness import last_reads, live_bytes, nbytes
from .rewrite import over

STRIDES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


def within(jaxpr: Jaxpr, limit: int, planned: Callable[[Jaxpr], int]) -> Jaxpr:
    """Return the program, or one that computes more and is planned to need no more than ``limit``.

    Args:
        jaxpr: an optimised program.
        limit: bytes.
        planned: returns the bytes that a program is planned to need.

    Raises:
        MemoryLimitError: if none of those tried fits, saying by how much.
    """
    least = planned(jaxpr)
    if least <= limit:
        return jaxpr
    for candidate in _candidates(jaxpr):
        need = planned(candidate)
        if need <= limit:
            return candidate
        least = min(least, need)
    raise MemoryLimitError(
        f"jit: memory_limit={limit} cannot be met: the temporaries need at least {least} bytes, "
        f"{least - limit} more, even where values are computed again; raise the limit, or give "
        f"the function less at once"
    )


def _candidates(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """Yield programs that keep less and less, what is cheap to make again being dropped first."""
    at, waiting = fullest(jaxpr)
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    cheap = [v for v in waiting if isinstance(makers[v].prim, Elementwise)]
    near = {*waiting, *jaxpr.invars} - set(cheap)
    easy = [v for v in cheap if near.issuperset(a for a in makers[v].ins if isinstance(a, Var))]
    if easy:
        yield recomputed(jaxpr, at, set(easy))
    dear = [v for v in waiting if not makers[v].prim.codegen.is_view]
    for stride in STRIDES:
        if stride <= max(len(dear), 2):
            yield recomputed(jaxpr, at, set(waiting) - set(dear[::stride]))
    yield recomputed(jaxpr, at, set(waiting))


def fullest(jaxpr: Jaxpr) -> tuple[int, list[Var]]:
    """Return after which equation most bytes are live, and what then only waits, in order."""
    last = last_reads(jaxpr)
    live = live_bytes(jaxpr, last)
    most = max(live, default=0)
    at = live.index(most) if live else 0
    small = min(most / 1000, 1024)  # bytes; what is smaller stays
    outs = set(jaxpr.outvars)
    waiting = [
        v
        for eqn in jaxpr.eqns[: at + 1]
        for v in eqn.outs
        if at < last[v] and v not in outs and nbytes(v.aval) >= small
    ]
    return at, waiting


def recomputed(jaxpr: Jaxpr, at: int, dropped: set[Var]) -> Jaxpr:
    """Return the program whose equations after place ``at`` make again what is dropped there."""
    before, after = jaxpr.eqns[: at + 1], jaxpr.eqns[at + 1 :]
    stays = {*jaxpr.outvars, *(a for eqn in after for a in eqn.ins)} - dropped
    makers = {v: eqn for eqn in before for v in eqn.outs if v not in stays}
    eqns = list(before)
    again: dict[Any, Any] = {}
    for eqn in after:
        for atom in eqn.ins:
            if atom in dropped and atom not in again:
                _make_again(atom, makers, eqns, again)
        eqns.append(remade(eqn, over(eqn, again)))
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _make_again(
    wanted: Any, makers: dict[Var, Eqn], eqns: list[Eqn], again: dict[Any, Any]
) -> None:
    """Append copies of the equations that lead to a value from what is at hand."""
    stack = [wanted]
    while stack:
        eqn = makers[stack[-1]]
        missing = [a for a in eqn.ins if a in makers and a not in again]
        if missing:
            stack += missing
            continue
        stack.pop()
        if eqn.outs[0] not in again:
            outs = tuple([Var(v.aval, v.of) for v in eqn.outs])
            eqns.append(remade(eqn, over(eqn, again), outs))
            again.update(zip(eqn.outs, outs, strict=True))
