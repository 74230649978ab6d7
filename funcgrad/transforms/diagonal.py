"""Jacobians of elementwise functions, in one pass.

The derivatives of an elementwise function are one number for each element, the diagonal of its
Jacobian. That a function is elementwise is read from its operations: on a tape, in a program, or
in forward mode while they run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import Shape, shape_of
from ..core.buffers import returned
from ..core.companions import inlined
from ..core.floating import current_settings, with_settings, without_warnings
from ..core.jaxpr import Jaxpr, Var
from ..core.ownership import apart
from ..core.trace import Primitive, running
from ..ops.convert import Convert
from ..ops.elementwise import where
from ..ops.families import Elementwise
from ..ops.index import Index, scatter_add_p
from ..ops.structure import batch_at_front, reshape, transpose_p, zeros_like
from .arguments import check_alive
from .batch_tracers import BatchTracer
from .batching import Batch, batched
from .forward import Forward, ForwardTracer, WrittenDual
from .lines import Located
from .reverse import Tape
from .seeds import over_paths


def is_elementwise(prim: Any) -> bool:
    """Whether each element of the result depends on one element of each operand."""
    return isinstance(prim, (Elementwise, Convert))


def is_elementwise_tape(tape: Tape, shape: Shape) -> bool:
    """Whether all operations on a tape are elementwise, on arrays of one shape."""
    for prim, ins, _, values, outs, _ in tape.records:
        if not is_elementwise(prim.prim if type(prim) is Located else prim):
            return False
        mine = [x for x, number in zip(values, ins, strict=True) if number is not None]
        if any(shape_of(x) != shape for x in (*mine, outs[0])):
            return False
    return True


def is_elementwise_program(jaxpr: Jaxpr, shape: Shape) -> bool:
    """Whether all operations of a program on its inputs are elementwise, on arrays of one shape."""
    known = set(jaxpr.invars)
    for eqn in jaxpr.eqns:
        mine = [a for a in eqn.ins if isinstance(a, Var) and a in known]
        if not mine:
            continue
        program = inlined(eqn.prim, eqn.params)
        whole = (
            is_elementwise(eqn.prim) if program is None else is_elementwise_program(program, shape)
        )
        if not whole or any(v.aval.shape != shape for v in (*mine, *eqn.outs)):
            return False
        known.update(eqn.outs)
    return True


def as_diagonal(t: Any, shape: Shape) -> Any:
    """The matrix ``[*shape, *shape]`` with this diagonal."""
    n = int(np.prod(shape, dtype=int))
    diagonal = Index((slice(None, None, n + 1),))
    flat = scatter_add_p(reshape(t, (n,)), shape=(n * n,), index=diagonal)
    return reshape(flat, (*shape, *shape))


class DiagonalTracer(ForwardTracer):
    """A value that depends elementwise on the input, and the diagonal of its Jacobian."""

    __slots__ = ()


class DiagonalForward(Forward):
    """Push all unit arrays of an input forward: one diagonal for them, as long as it suffices.

    ``units`` is a mask: the unit arrays, batched.
    """

    __slots__ = ("units",)

    def __init__(self, origin: object, units: BatchTracer, masked: bool = False) -> None:
        super().__init__(origin, masked)
        self.units = units

    @override
    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        outs = self.elementwise(prim, args, params) if is_elementwise(prim) else None
        return super().process(prim, args, params) if outs is None else outs

    def elementwise(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any] | None:
        """Apply an operation on diagonals; None where it is none."""
        if any(type(x) in (ForwardTracer, WrittenDual) and x._trace is self for x in args):
            return None
        pairs = [
            (x.value, x.tangent) if self.has_diagonal(x) else super(DiagonalForward, self).split(x)
            for x in args
        ]
        outs = prim.bind(*(x for x, _ in pairs), **params)
        if not prim.differentiable:
            return outs
        if shape_of(outs[0]) != self.units.shape:
            return None
        self.count += 1
        (t,) = prim.jvp([x for x, _ in pairs], [t for _, t in pairs], outs, **params)
        return [outs[0] if t is None else DiagonalTracer(self, outs[0], t)]

    def has_diagonal(self, x: Any) -> bool:
        return type(x) is DiagonalTracer and x._trace is self

    @override
    def split(self, x: Any) -> tuple[Any, Any]:
        if self.has_diagonal(x):
            x._mark = where(self.units, x.tangent, 0)
            x.__class__ = ForwardTracer
        return super().split(x)

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> ForwardTracer:
        return type(x)(self, change(x.value), change(x.tangent))


def jacobians_by(
    origin: object, fun: Callable[[Any], tuple[Any, Any]], x: np.ndarray
) -> tuple[Any, list[Any], Any]:
    """The output of a function of one array, the Jacobian of each leaf, and aux."""
    batch, seed, warnings = Batch(origin, x.size), np.ones_like(x), current_settings()
    found: list[Any] = []

    def push(seeds: Sequence[Any], masked: bool) -> list[Any]:
        units = BatchTracer(batch, np.eye(x.size, dtype=bool).reshape(-1, *x.shape), 0)
        trace = DiagonalForward(origin, units, masked)
        now = current_settings() if found else warnings  # the second time there are none
        found[:] = with_settings(now, _pushed, trace, fun, x, seeds[0])
        return [t for _, t, _ in found[0] if t is not None]

    along = lambda: list(without_warnings(over_paths, origin, [seed], push, [x]))
    try:
        rest = iter(batched(batch, along, [], []))
    finally:
        batch.dead = True
    triples, out_tree, aux = found
    leaves = [y for y, _, _ in triples]
    jacobians = []
    for y, t, diagonal in triples:
        t, d = (zeros_like(y), None) if t is None else next(rest)
        jacobians.append(as_diagonal(t, x.shape) if diagonal else _columns_last(t, d, x))
    return tree.unflatten(out_tree, leaves), jacobians, aux


def _columns_last(t: Any, axis: int | None, x: np.ndarray) -> Any:
    """The Jacobian from tangents of all units."""
    t = batch_at_front(t, axis, x.size)
    rank = len(shape_of(t))
    return reshape(transpose_p(t, perm=(*range(1, rank), 0)), (*shape_of(t)[1:], *x.shape))


def _pushed(trace: DiagonalForward, fun: Any, x: np.ndarray, seed: Any) -> tuple[Any, Any, Any]:
    """Value, tangent, and whether that is a diagonal, of each leaf; their structure, and aux."""
    before = running.get()
    try:
        running.set(trace)
        out, aux = fun(DiagonalTracer(trace, x, seed))
        leaves, out_tree = tree.flatten(out)
        triples = []
        for y in map(returned, map(check_alive, leaves)):
            diagonal = trace.has_diagonal(y)
            value, t = (y.value, y.tangent) if diagonal else trace.split(y)
            triples.append((apart(value, [x]), t, diagonal))
        give = lambda y: apart(trace.split(returned(check_alive(y)))[0], [x])
        return triples, out_tree, tree.map(give, aux)
    finally:
        running.set(before)
        trace.dead = True
