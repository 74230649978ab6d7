"""Which inputs the results of a custom rule depend on: those that its derivative reads.

A rule may give a derivative where the function has none, as for rounding with a straight-through
estimator: so the program of the rule decides, not that of the function.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.avals import Aval, Shape, is_inexact
from ...core.dependence import linear_in
from ...core.index_sets import identity_sets
from ...core.jaxpr import constants_as_inputs
from ...core.lists import compress, expand, split_list
from ...core.propagation import Operand, Propagation, constant, dense, united
from ..jaxprs import instantiate_zeros, tangent_avals
from ..staging import stage
from .closures import both_parts, opened

_DEEPEST = 8  # rules in rules that are followed; that of a root, say, reads the root itself


def jvp_sets(
    walk: Propagation,
    ins: Sequence[Operand],
    avals: Sequence[Aval],
    *,
    fun: Any,
    extra: int,
    rule: Any,
) -> list[Operand]:
    """The outputs of a function with a rule of forward mode.

    Its tangents depend on those of the operands, its outputs on values that the rule closed over.
    """
    follow = lambda: _jvp_sets(walk, ins, avals, extra, rule)
    return _within(walk, "custom_jvp", fun, ins, avals, follow)


def _within(
    walk: Propagation,
    name: str,
    fun: Any,
    ins: Sequence[Operand],
    avals: Sequence[Aval],
    follow: Callable[[], list[Operand]],
) -> list[Operand]:
    """Follow a rule that may call its function again; such a call of a linear one is its value."""
    flags = [x.sets is not None for x in ins]
    if walk.depth and linear_in(fun.jaxpr, flags) is not None:
        return walk.run(fun.jaxpr, ins)
    if walk.depth == _DEEPEST:
        walk.dense[f"{name}, whose rule calls it again"] = None
        return list(map(Operand, avals, dense(ins, avals)))
    walk.depth += 1
    try:
        return follow()
    finally:
        walk.depth -= 1


def _jvp_sets(
    walk: Propagation, ins: Sequence[Operand], avals: Sequence[Aval], extra: int, rule: Any
) -> list[Operand]:
    consts, xs = opened(rule, ins)[1], ins[extra:]
    flags = [x.sets is not None for x in xs]
    n, m = len(consts), len(consts) + len(xs)

    def body(values: list[Any]) -> list[Any]:
        held, primals, given = split_list(values, n, len(xs))
        ts = instantiate_zeros(expand(given, flags), primals)
        outs, found = opened(rule, held)[0](primals, ts)
        return [*outs, *(t for t, a in zip(found, avals, strict=True) if is_inexact(a.dtype))]

    seeds = tangent_avals([x.aval for x in xs], flags)
    closed, _ = stage("pattern", body, [*(x.aval for x in (*consts, *xs)), *seeds], lasting=False)
    still = [Operand(x.aval, None, x.value) for x in (*consts, *xs)]
    given = [Operand(a, x.sets) for a, x in zip(seeds, compress(xs, flags), strict=True)]
    own = list(map(constant, closed.consts))
    program = constants_as_inputs(closed.jaxpr)
    smooth = [is_inexact(a.dtype) for a in avals]
    tangents = walk.run(program, [*own, *still, *given])[len(avals) :]
    outs = [Operand(a) for a in avals]
    if any(x.sets is not None for x in consts):
        zeros = [Operand(a) for a in seeds]
        outs = walk.run(program, [*own, *consts, *still[n:m], *zeros])[: len(avals)]
    return [
        Operand(a) if t is None else united([Operand(a, y.sets), Operand(a, t.sets)])
        for a, y, t in zip(avals, outs, expand(tangents, smooth), strict=True)
    ]


def vjp_sets(
    walk: Propagation,
    ins: Sequence[Operand],
    avals: Sequence[Aval],
    *,
    fun: Any,
    extra: int,
    fwd: Any,
    bwd: Any,
) -> list[Operand]:
    """The outputs of a function with a rule of reverse mode: they depend as its transpose does."""
    follow = lambda: _vjp_sets(walk, ins, avals, extra, fwd, bwd)
    return _within(walk, "custom_vjp", fun, ins, avals, follow)


def _vjp_sets(
    walk: Propagation,
    ins: Sequence[Operand],
    avals: Sequence[Aval],
    extra: int,
    fwd: Any,
    bwd: Any,
) -> list[Operand]:
    consts, xs = both_parts(fwd, bwd, ins)[2], ins[extra:]
    n = len(consts)
    has: list[bool] = []

    def body(values: list[Any]) -> list[Any]:
        held, primals, cts = split_list(values, n, len(xs))
        first, second, _ = both_parts(fwd, bwd, held)
        outs, residuals = first(held, *primals)
        found = second(held, residuals, cts)
        has[:] = [ct is not None for ct in found]
        return [*outs, *compress(found, has)]

    seeds = tangent_avals(avals, [True] * len(avals))
    closed, _ = stage("pattern", body, [*(x.aval for x in (*consts, *xs)), *seeds], lasting=False)
    own, program = list(map(constant, closed.consts)), constants_as_inputs(closed.jaxpr)
    still = [Operand(x.aval, None, x.value) for x in (*consts, *xs)]
    numbers = map(Operand, seeds, identity_sets([a.shape for a in seeds]))
    pulled = walk.run(program, [*own, *still, *numbers])[len(avals) :]
    outs = [Operand(a) for a in avals]
    if any(x.sets is not None for x in consts):
        values = [*own, *consts, *still[n:], *map(Operand, seeds)]
        outs = walk.run(program, values)[: len(avals)]
    pairs = [(x, ct) for x, ct in zip(xs, expand(pulled, has), strict=True) if ct is not None]
    return _with_transposed(outs, pairs)


def _with_transposed(
    outs: Sequence[Operand], pairs: Sequence[tuple[Operand, Operand]]
) -> list[Operand]:
    """The outputs that also depend on operands, whose cotangents have the numbers of outputs."""
    total = sum(y.aval.size for y in outs)
    flat = Aval((total,), np.dtype(float))
    parts = []
    for x, ct in pairs:
        if x.sets is not None and ct.sets is not None:
            indptr, targets = ct.sets.csr()
            sources = np.repeat(np.arange(x.aval.size), np.diff(indptr))
            parts.append(Operand(flat, x.sets.through(targets, sources, (total,))))
    if not parts:
        return list(outs)
    whole, start, found = united(parts), 0, []
    for y in outs:
        move = functools.partial(_cut, slice(start, start + y.aval.size), y.aval.shape)
        found.append(united([y, whole.mapped(y.aval, operator.methodcaller("moved", move))]))
        start += y.aval.size
    return found


def _cut(piece: slice, shape: Shape, part: np.ndarray) -> np.ndarray:
    return part[piece].reshape(shape)
