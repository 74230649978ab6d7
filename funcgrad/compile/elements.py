"""Stacks of scalars, which are written element by element.

``np.stack([x[1], -x[0]])`` joins arrays of one element. To fill and to copy one takes 220 ns;
``out[0] = a`` takes 30 ns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval
from ..core.companions import Codegen
from ..core.dead_code import dce
from ..core.emitter import Emitter, V
from ..core.jaxpr import Atom, Eqn, Jaxpr
from ..core.trace import Primitive
from ..ops.index import concatenate_p, getitem_p
from ..ops.structure import Batched, batch_at_front, broadcast_p, reshape, reshape_p
from .rewrite import Builder, rewritten

MOST = 32  # elements, above which one call is faster
_WITH_ONES = frozenset({reshape_p, broadcast_p, getitem_p})  # which give a scalar axes of length 1


class Elements(Primitive, Codegen):
    """An array of scalars, and of the elements of arrays with one axis."""

    differentiable = False
    is_new = True

    @override
    def run(self, *xs: Any, dtype: np.dtype) -> tuple[Any, ...]:
        return (np.concatenate([np.atleast_1d(x) for x in xs], dtype=dtype),)

    def decompose(self, *xs: Any, dtype: np.dtype) -> tuple[Any, ...]:
        return (concatenate_p(*[reshape(x, (-1,)) for x in xs], axis=0),)

    @override
    def infer(self, *xs: Aval, dtype: np.dtype) -> tuple[Aval, ...]:
        return (Aval((sum(x.size for x in xs),), dtype),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, dtype: np.dtype) -> Batched:
        xs = [batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)]
        return (concatenate_p(*[reshape(x, (size, -1)) for x in xs], axis=1),), (0,)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, dtype: np.dtype) -> None:
        out, start = w.allocate(outs[0]), 0
        for x in ins:
            stop = start + x.aval.size
            w.line(f"{out}[{f'{start}:{stop}' if x.aval.shape else start}] = {x}")
            start = stop

    def in_c(self, w: Any, *xs: Any, dtype: np.dtype) -> Any:
        return w.concatenate([x.reshaped((x.aval.size,)) for x in map(w.in_order, xs)], 0, dtype)


elements_p = Elements("elements")


def stack_elements(jaxpr: Jaxpr) -> Jaxpr:
    """Write stacks of scalars element by element."""
    now = rewritten(jaxpr, _step)
    return jaxpr if now is jaxpr else dce(now)


def _step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """concatenate([reshape(a), x, ...]) = [a, *x, ...] for a scalar a."""
    if eqn.prim is not concatenate_p:
        return None
    (out,) = eqn.outs
    if out.aval.ndim != 1 or out.aval.size > MOST:
        return None
    if any(a.aval.dtype != out.aval.dtype for a in eqn.ins):
        return None
    parts = [_scalar(build, a) for a in eqn.ins]
    scalars = sum(not a.aval.shape for a in parts)
    if 2 * scalars < len(parts):
        return None
    return (build(elements_p, *parts, dtype=out.aval.dtype),)


def _scalar(build: Builder, x: Atom) -> Atom:
    """The scalar of which an operand is the only element, else the operand."""
    made = build.maker(x)
    if made is None or made.prim not in _WITH_ONES or x.aval.size != 1:
        return x
    source = made.ins[0]
    return x if source.aval.shape or source.aval.dtype != x.aval.dtype else source
