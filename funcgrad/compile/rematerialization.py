"""Rematerialization: residuals are computed again in the backward pass to fit a memory limit.

A gradient keeps residuals of the forward pass until the backward pass reads them. At the peak of
memory every n-th residual is kept, and the others are recomputed from those, each once, just before
it is first read. With every n-th of n squared layers kept, 2n instead of n squared residuals are in
memory, for one more forward pass.

The residuals of a loop over steps are one array each. Such a loop keeps some states instead, from
which the backward loop computes the others again: as many as fit.

Source: Chen et al. 2016, "Training deep nets with sublinear memory cost" (arXiv:1604.06174).
"""

import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core.errors import MemoryLimitError
from ..core.jaxpr import Eqn, Jaxpr, Var, replace_eqn
from ..ops.families import Elementwise
from .liveness import last_reads, live_bytes, nbytes
from .rewrite import on_programs, over

MOST_STATES = 1 << 12  # that a loop keeps
MANY_STATES = 32  # from which on a few less cost little time
STRIDES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


def fit_memory(
    jaxpr: Jaxpr,
    limit: int,
    planned: Callable[[Jaxpr], int],
    with_states: Callable[[bool, int], Jaxpr | None],
) -> Jaxpr:
    """Rematerialize values until the planned workspace is within a limit.

    Args:
        jaxpr: an optimised program.
        limit: bytes.
        planned: returns the workspace of a program in bytes.
        with_states: for whether loops within loops are meant too, and a number of states, returns
            the program whose loops keep so many; None where no loop has residuals.

    Raises:
        MemoryLimitError: if no candidate fits.
    """
    search, means = Search(limit, planned), "also with rematerialization"
    found = search.first(itertools.chain([jaxpr], _candidates(jaxpr)))
    for within in (False, True) if found is None else ():
        fewest = with_states(within, 1)
        if fewest is not None:
            means = "also with loops that keep one state; what they return of all steps stays"
            found = search.most(functools.partial(with_states, within))
            found = found or search.first(_candidates(fewest))
        if found is not None:
            break
    if found is None:
        raise MemoryLimitError(
            f"jit: memory_limit={limit} cannot be met: the workspace needs at least "
            f"{search.least} bytes, {search.least - limit} more, {means}; raise the limit"
        )
    return found


class Search:
    """The search for a program whose workspace is within a limit.

    Args:
        limit: bytes.
        planned: returns the workspace of a program in bytes.
    """

    def __init__(self, limit: int, planned: Callable[[Jaxpr], int]) -> None:
        self.limit, self.planned = limit, planned
        self.least = sys.maxsize  # the smallest workspace found

    def need(self, jaxpr: Jaxpr) -> int:
        need = self.planned(jaxpr)
        self.least = min(self.least, need)
        return need

    def first(self, candidates: Iterable[Jaxpr]) -> Jaxpr | None:
        """The first program that fits."""
        return next((c for c in candidates if self.need(c) <= self.limit), None)

    def most(self, with_states: Callable[[int], Jaxpr | None]) -> Jaxpr | None:
        """The program whose loops keep the most states that fit."""
        low, high = 0, MOST_STATES + 1  # what fits, and what may not
        found, states = None, 1
        while low < states < high:
            jaxpr = with_states(states)
            assert jaxpr is not None
            need = self.need(jaxpr)
            if states > MANY_STATES:  # outputs, views and the schedule lie outside
                need += sum(nbytes(a.aval) for a in jaxpr.outvars) + self.limit // 64
            if need <= self.limit:
                found, low = jaxpr, states
                each = max(need // (states + 2), 1)  # about what one more state needs
                states = min(states + max((self.limit - need) // each, 1), high - 1)
            else:
                high = states
                states = (low + high) // 2
        return found


def keep_states(jaxpr: Jaxpr, states: int, within: bool) -> Jaxpr | None:
    """The program in which loops keep states instead of residuals, None if no loop can."""
    before, at = jaxpr, 0
    while at < len(jaxpr.eqns):
        eqn = jaxpr.eqns[at]
        rule = eqn.prim.holds.recompute
        changed = rule(jaxpr, eqn, states) if rule is not None else None
        jaxpr, at = (jaxpr, at + 1) if changed is None else (changed, at)
    if within:
        jaxpr = on_programs(jaxpr, lambda held: keep_states(held, states, True) or held)
    return None if jaxpr.eqns == before.eqns else jaxpr


def _candidates(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """Yield programs that keep fewer and fewer residuals; cheap ones are dropped first."""
    at, waiting = fullest(jaxpr)
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    cheap = [v for v in waiting if isinstance(makers[v].prim, Elementwise)]
    near = {*waiting, *jaxpr.invars} - set(cheap)
    easy = [v for v in cheap if near.issuperset(a for a in makers[v].ins if isinstance(a, Var))]
    if easy:
        yield recompute(jaxpr, at, set(easy))
    dear = [v for v in waiting if not makers[v].prim.codegen.is_view]
    for stride in STRIDES:
        if stride <= max(len(dear), 2):
            yield recompute(jaxpr, at, set(waiting) - set(dear[::stride]))
    yield recompute(jaxpr, at, set(waiting))


def fullest(jaxpr: Jaxpr) -> tuple[int, list[Var]]:
    """The index of the equation with the most live bytes, and the residuals kept across it."""
    last = last_reads(jaxpr)
    live = live_bytes(jaxpr, last)
    most = max(live, default=0)
    at = live.index(most) if live else 0
    small = min(most / 1000, 1024)  # bytes; smaller values are kept
    outs = set(jaxpr.outvars)
    waiting = [
        v
        for eqn in jaxpr.eqns[: at + 1]
        for v in eqn.outs
        if at < last[v] and v not in outs and nbytes(v.aval) >= small
    ]
    return at, waiting


def recompute(jaxpr: Jaxpr, at: int, dropped: set[Var]) -> Jaxpr:
    """The program whose equations after index ``at`` recompute the values dropped there."""
    before, after = jaxpr.eqns[: at + 1], jaxpr.eqns[at + 1 :]
    stays = {*jaxpr.outvars, *(a for eqn in after for a in eqn.ins)} - dropped
    makers = {v: eqn for eqn in before for v in eqn.outs if v not in stays}
    eqns = list(before)
    again: dict[Any, Any] = {}
    for eqn in after:
        for atom in eqn.ins:
            if atom in dropped and atom not in again:
                _make_again(atom, makers, eqns, again)
        eqns.append(replace_eqn(eqn, over(eqn, again)))
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _make_again(
    wanted: Any, makers: dict[Var, Eqn], eqns: list[Eqn], again: dict[Any, Any]
) -> None:
    """Append copies of the equations that compute a value from values that are kept."""
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
            eqns.append(replace_eqn(eqn, over(eqn, again), outs))
            again.update(zip(eqn.outs, outs, strict=True))
