"""Layout: intermediate arrays with a short last axis, ``[n, m, 3]``, are computed as ``[n, 3, m]``.

NumPy's inner loop runs over the last axis. Where an operand is broadcast along the axis before it,
as in ``x[:, None] - y``, that loop has three turns, and costs ten times as much as its work.
"""

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from ..core.avals import Aval
from ..core.companions import Codegen
from ..core.dead_code import dce
from ..core.emitter import Emitter, V
from ..core.jaxpr import Atom, Eqn, Jaxpr
from ..core.trace import Primitive
from ..ops.families import Elementwise
from ..ops.reduce import max_p, min_p
from ..ops.structure import reshape_p, sum_p, transpose_p
from .rewrite import Builder, rewritten

THIN = 32  # the longest axis that is moved
LONG = 16  # the shortest axis that takes its place
BROAD = 4096  # elements from which it pays

_REDUCTIONS = frozenset({sum_p, max_p, min_p})


class Swapped(Primitive, Codegen):
    """A copy in C order with the last two axes exchanged."""

    differentiable = False
    is_new = True

    @override
    def run(self, x: Any) -> tuple[Any, ...]:
        return (x.swapaxes(-1, -2).copy("C"),)

    def decompose(self, x: Any) -> tuple[Any, ...]:
        return (transpose_p(x, perm=_exchange(x.ndim)),)

    @override
    def infer(self, x: Aval) -> tuple[Aval, ...]:
        return (Aval(tuple([x.shape[d] for d in _exchange(x.ndim)]), x.dtype),)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        view = ins[0].transposed(_exchange(ins[0].aval.ndim))
        w.line(f"{w.allocate(outs[0])}[...] = {view}", outs[0].aval)


swapped_p = Swapped("swapped")


def long_axes_last(jaxpr: Jaxpr) -> Jaxpr:
    """Exchange the last two axes of arrays that are made by broadcasting and only reduced."""
    moved = _moved(jaxpr)
    planes: dict[Any, Atom] = {}  # arrays and operands -> those with exchanged axes

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        (out, *_) = eqn.outs
        if out in moved:
            ins = [_plane(build, a, planes) if a.aval.shape else a for a in eqn.ins]
            planes[out] = build(eqn.prim, *ins, **eqn.params)
        elif eqn.ins and eqn.ins[0] in moved:
            return (_reduced(build, eqn, planes[eqn.ins[0]]),)
        return None

    return dce(rewritten(jaxpr, step)) if moved else jaxpr


def _moved(jaxpr: Jaxpr) -> set[Any]:
    """The arrays whose axes are exchanged: all of a chain, or none."""
    chains: dict[Any, list[Any]] = {}  # an array -> the arrays of its chain
    refused: list[Any] = [a for a in jaxpr.outvars if a in chains]
    for eqn in jaxpr.eqns:
        (out, *_) = eqn.outs
        mine = [a for a in eqn.ins if a in chains]
        if _is_candidate(eqn):
            chain = [out]
            for other in {id(chains[a]): chains[a] for a in mine}.values():
                chain += other
            chains.update((a, chain) for a in chain)
            if any(a.aval.shape == out.aval.shape and a not in chains for a in eqn.ins):
                refused.append(out)  # an operand of full shape, whose axes would be exchanged
        elif eqn.prim not in _REDUCTIONS:
            refused += mine
    refused += [a for a in jaxpr.outvars if a in chains]
    for a in refused:
        chains.update((b, []) for b in chains[a])
    return {a for a, chain in chains.items() if chain}


def _is_candidate(eqn: Eqn) -> bool:
    """Whether an equation is elementwise, over an array with a short last axis."""
    aval = eqn.outs[0].aval
    if not isinstance(eqn.prim, Elementwise) or not eqn.prim.fills or aval.size < BROAD:
        return False
    return aval.ndim > 2 and 1 < aval.shape[-1] <= THIN and aval.shape[-2] >= LONG


def _exchange(rank: int) -> tuple[int, ...]:
    return (*range(rank - 2), rank - 1, rank - 2)


def _plane(build: Builder, x: Atom, planes: dict[Any, Atom]) -> Atom:
    """An operand with exchanged axes."""
    if x not in planes:
        shape = (1,) * (2 - x.aval.ndim) + x.aval.shape
        if shape != x.aval.shape:
            x = build(reshape_p, x, shape=shape)
        if 1 in shape[-2:]:
            planes[x] = build(reshape_p, x, shape=(*shape[:-2], shape[-1], shape[-2]))
        else:
            planes[x] = build(swapped_p, x)
    return planes[x]


def _reduced(build: Builder, eqn: Eqn, x: Atom) -> Atom:
    """A reduction of an array whose axes are exchanged."""
    perm, axes = _exchange(x.aval.ndim), eqn.params["axes"]
    y = build(eqn.prim, x, axes=tuple(sorted(perm[d] for d in axes)))
    both_left = x.aval.ndim - 1 not in axes and x.aval.ndim - 2 not in axes
    return build(transpose_p, y, perm=_exchange(y.aval.ndim)) if both_left else y
