"""Dead-code elimination in control flow: dead outputs, and the operands only they need."""

from collections.abc import Sequence
from typing import Any

from ..core.dead_code import Pruned, live
from ..core.jaxpr import Jaxpr


def pruned_while(
    used: Sequence[bool],
    *,
    cond: Jaxpr,
    passes: tuple[Jaxpr, ...],
    sizes: tuple[tuple[int, int], ...],
) -> Pruned:
    """Drop the carried values that are dead.

    A loop of several passes keeps them; its passes drop values of rows that are not read.
    """
    if len(passes) > 1:
        outs = sum(k for _, k in sizes)
        cond_consts = len(cond.invars) - sizes[0][1]
        count = cond_consts + sum(map(sum, sizes))
        params = {"cond": cond, "passes": pruned_passes(passes, sizes), "sizes": sizes}
        return list(range(count)), list(range(outs)), params
    (loop,), ((n, k),) = passes, sizes
    cond_consts = len(cond.invars) - k
    asked = {a for eqn in live(cond.eqns, cond.outvars) for a in eqn.ins} | set(cond.outvars)
    alive = [i for i in range(k) if used[i] or cond.invars[cond_consts + i] in asked]
    scan = {"num_consts": n, "num_carry": k}
    flags = [i in alive for i in range(k)]
    keep, alive, params = pruned_scan(flags, jaxpr=loop, **scan)
    stop = Jaxpr(
        (*cond.invars[:cond_consts], *(cond.invars[cond_consts + i] for i in alive)), (), cond.eqns,
        cond.outvars,
    )  # fmt: skip
    kept = {"cond": stop, "passes": (params["jaxpr"],)}
    places = [*range(cond_consts), *(cond_consts + i for i in keep)]
    return places, alive, {**kept, "sizes": ((params["num_consts"], params["num_carry"]),)}


def pruned_passes(passes: Sequence[Jaxpr], sizes: Sequence[tuple[int, int]]) -> tuple[Jaxpr, ...]:
    """Drop from the rows that passes emit the values that no later pass reads."""
    rows = list(zip(passes, sizes, strict=True))
    counts = [len(loop.outvars) - k for loop, (_, k) in rows]
    read = [False] * sum(counts)  # flags of the values in a row
    found = []
    for j, (loop, (n, k)) in reversed(list(enumerate(rows))):
        mine = read[sum(counts[:j]) :]
        emitted = [a for a, flag in zip(loop.outvars[k:], mine, strict=False) if flag]
        outvars = (*loop.outvars[:k], *emitted)
        eqns = live(loop.eqns, outvars)
        needed = {a for eqn in eqns for a in eqn.ins} | set(outvars)
        for i, v in enumerate(loop.invars[n + k :]):
            read[i] = read[i] or v in needed
        found.append((loop, n + k, eqns, outvars))
    return tuple(
        Jaxpr(
            (*loop.invars[:m], *(v for v, r in zip(loop.invars[m:], read, strict=False) if r)),
            (), tuple(eqns), outvars,
        )
        for loop, m, eqns, outvars in reversed(found)
    )  # fmt: skip


def pruned_scan(
    used: Sequence[bool], *, jaxpr: Jaxpr, num_consts: int, num_carry: int, **params: Any
) -> Pruned:
    """Drop the outputs, carried values, constants and slices of a scan that are dead.

    A carried value is live if it is read after the loop, or by a step for a live one.
    """
    n, k = num_consts, num_carry
    alive = [i for i, flag in enumerate(used) if flag]
    while True:
        outvars = [jaxpr.outvars[i] for i in alive]
        eqns = live(jaxpr.eqns, outvars)
        read = {a for eqn in eqns for a in eqn.ins} | set(outvars)
        more = [i for i in range(k) if i not in alive and jaxpr.invars[n + i] in read]
        if not more:
            break
        alive = sorted([*alive, *more])
    keep = [
        i for i, v in enumerate(jaxpr.invars) if (i - n in alive if n <= i < n + k else v in read)
    ]
    program = Jaxpr(
        tuple([jaxpr.invars[i] for i in keep]), (), tuple(eqns),
        tuple([jaxpr.outvars[i] for i in alive]),
    )  # fmt: skip
    sizes = {
        "num_consts": sum(i < n for i in keep),
        "num_carry": sum(n <= i < n + k for i in keep),
    }
    return keep, alive, {"jaxpr": program, **sizes, **params}


def pruned_cond(used: Sequence[bool], *, branches: Sequence[Jaxpr]) -> Pruned:
    """Drop the dead outputs of a cond, and the operands that only they need."""
    alive = [i for i, flag in enumerate(used) if flag]
    rows = []
    for branch in branches:
        outvars = tuple([branch.outvars[i] for i in alive])
        eqns = tuple(live(branch.eqns, outvars))
        rows.append((branch, eqns, outvars, {a for e in eqns for a in e.ins} | set(outvars)))
    keep = [
        i
        for i in range(len(branches[0].invars))
        if any(branch.invars[i] in read for branch, _, _, read in rows)
    ]
    programs = tuple(
        Jaxpr(tuple([branch.invars[i] for i in keep]), (), eqns, outvars)
        for branch, eqns, outvars, _ in rows
    )
    return [0, *(i + 1 for i in keep)], alive, {"branches": programs}
