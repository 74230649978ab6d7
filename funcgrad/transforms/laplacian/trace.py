"""Laplacians in one forward pass: each value travels with its Jacobian and its Laplacian.

Source: Li et al. 2023, "A computational framework for neural network-based variational Monte Carlo
with forward Laplacian", equations 5 to 8 (arXiv:2307.08214).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core.avals import Aval, dtype_of, real_dtype, shape_of
from ...core.buffers import settled
from ...core.companions import NO_JOINT_RULES, inlined
from ...core.errors import ClosureError
from ...core.jaxpr import eval_jaxpr
from ...core.lists import expand, split_list
from ...core.trace import MARK, NOTE, ConcreteTracer, Primitive, Trace, Tracer
from ...ops.contract import matmul, vecdot_p
from ...ops.families import Elementwise, broadcast_like
from ...ops.index import ARRAY, Index, getitem_p
from ...ops.linalg.determinant import det_p, slogdet_p
from ...ops.structure import axis_to_front, batch_at_front, cast, mean_p, reshape, sum_p
from ..batching import Batch, batched
from ..forward import Forward, ForwardTracer, push
from ..seeds import params_for_trace
from .determinants import rows_of_determinant
from .rows import Rows, aligned, condensed, summed, through, together


class LaplaceTracer(ConcreteTracer):
    """A value, the rows of its Jacobian, and its Laplacian, None for 0."""

    __slots__ = ()
    rows = MARK
    laplacian = NOTE
    _uses = ("value", "_note")

    def __init__(self, trace: "Laplace", value: Any, rows: Rows, laplacian: Any) -> None:
        self._trace = trace
        self.value = value
        self._mark = rows
        self._note = laplacian
        self._memory = None


class Laplace(Trace):
    """Push the Jacobian and the Laplacian forward alongside each value.

    ``weights`` are those of the second derivatives by each input, None for 1.
    """

    __slots__ = ("weights",)

    def __init__(self, origin: object, weights: Any = None, masked: bool = False) -> None:
        super().__init__(origin, masked)
        self.weights = weights

    @override
    def shared(self, x: Any) -> Any:
        return x.value

    @override
    def rewrapped(self, x: Any, change: Callable[[Any], Any]) -> LaplaceTracer:
        return LaplaceTracer(self, change(x.value), x.rows, x.laplacian)

    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        self.count += 1
        params = params_for_trace(self, params)
        program = inlined(prim, params)
        if program is not None and not prim.holds.is_open:
            return eval_jaxpr(program, (), args)
        triples = [self.split(x) for x in args]
        values = [x for x, _, _ in triples]
        if not prim.differentiable:
            return prim.bind(*values, **params)
        parts, laps = [r for _, r, _ in triples], [t for _, _, t in triples]
        mine = [i for i, r in enumerate(parts) if r is not None]
        if prim.joint is NO_JOINT_RULES or prim.joint.value_and_jvp is None:
            if prim.is_linear(frozenset(mine), **params):
                return self.linear(prim, values, parts, laps, params)
            if is_dot(prim, values) and len(mine) == 2 and any(p.varied for p in parts if p):
                return vecdot_p.decompose(*args)  # each term depends on few inputs
            if all(prim.is_linear(frozenset({i}), **params) for i in mine):
                return self.multilinear(prim, values, parts, laps, params)
            real = all(dtype_of(values[i]).kind == "f" for i in mine)
            if isinstance(prim, Elementwise) and real:
                return self.elementwise(prim, values, parts, laps)
        return self.general(prim, values, parts, laps, params)

    def split(self, x: Any) -> tuple[Any, Rows | None, Any]:
        """Value, rows and Laplacian; the rows of a constant are None."""
        if isinstance(x, LaplaceTracer) and x._trace is self:
            return x.value, x.rows, x.laplacian
        return (settled(x) if isinstance(x, Tracer) else x), None, None

    def output(self, y: Any, rows: Rows | None, laplacian: Any) -> Any:
        if rows is None:
            return y
        return LaplaceTracer(self, y, rows, laplacian)

    # families of primitives

    def linear(
        self, prim: Primitive, values: list, parts: list, laps: list, params: dict
    ) -> Sequence[Any]:
        """y = A x: the rows and the Laplacian of x go through A."""
        outs = prim.bind(*values, **params)
        if len(outs) > 1:
            return self.general(prim, values, parts, laps, params)
        (y,) = outs
        lap = jvp_of(prim, values, laps, outs, params)
        if prim is sum_p or prim is mean_p:
            rows = summed(parts[0], params["axes"])
            if rows is not None:
                count = math.prod(shape_of(values[0])[d] for d in params["axes"])
                data = rows.data if prim is sum_p else rows.data / count
                return [self.output(y, Rows(data, rows.columns), lap)]
        parts, columns = through(prim, values, parts, params, len(shape_of(y)))
        rows = Rows(self.pushed(prim, values, parts, outs, params), columns)
        known = any(p is not None and p.columns is columns for p in parts)
        return [self.output(y, rows if known else condensed(rows), lap)]

    def multilinear(
        self, prim: Primitive, values: list, parts: list, laps: list, params: dict
    ) -> Sequence[Any]:
        """y = B(a, b): the Laplacian has the term 2 sum_k B(a_k, b_k)."""
        outs = prim.bind(*values, **params)
        if len(outs) > 1:
            return self.general(prim, values, parts, laps, params)
        (y,) = outs
        parts, columns = through(prim, values, parts, params, len(shape_of(y)))
        total = jvp_of(prim, values, laps, outs, params)
        mine = [i for i, p in enumerate(parts) if p is not None]
        for i, j in itertools.combinations(mine, 2):
            axes = [0 if k in (i, j) else None for k in range(len(values))]
            operands = list(values)
            operands[i], operands[j] = (p.data for p in (parts[i], parts[j]) if p)
            run = lambda *xs: list(prim.bind(*xs, **params))
            ((rows, d),) = self.in_batch(run, operands, axes)
            rows = batch_at_front(rows, d, len(columns))
            total = plus(total, 2 * self.over_inputs(rows, columns))
        data = self.pushed(prim, values, parts, outs, params)
        return [self.output(y, Rows(data, columns), total)]

    def elementwise(self, prim: Primitive, values: list, parts: list, laps: list) -> Sequence[Any]:
        """y = f(x): the Laplacian is f' L(x) + f'' sum_k x_k^2, with mixed terms of operands."""
        y, slopes, curvatures = self.partials(prim, values, parts)
        if not slopes:
            return [y]
        data, columns = aligned(parts, len(shape_of(y)))
        rows = total = None
        for i, slope in slopes.items():
            rows = plus(rows, slope * data[i])
            total = total if laps[i] is None else plus(total, slope * laps[i])
        for (i, j), curvature in curvatures.items():
            squares = self.over_inputs(data[i] * data[j], columns)
            total = plus(total, curvature * (squares if i == j else 2 * squares))
        like = Aval((len(columns), *shape_of(y)), dtype_of(y))
        total = None if total is None else broadcast_like(total, y)
        return [self.output(y, Rows(broadcast_like(rows, like), columns), total)]

    def partials(self, prim: Primitive, values: list, parts: list) -> tuple[Any, dict, dict]:
        """The value, and the first and second derivatives by the operands with rows."""
        mine = [i for i, p in enumerate(parts) if p is not None]
        y, slopes, curvatures = None, {}, {}
        for i, j in itertools.combinations_with_replacement(mine, 2):
            if i == j and len(mine) > 1 and prim.is_linear(frozenset({i})):
                continue  # its slope is found with another operand
            outer, inner = (Forward(self.origin, self.masked) for _ in range(2))
            args = list(values)
            for trace, k in ((outer, i), (inner, j)):
                args[k] = ForwardTracer(trace, args[k], dtype_of(values[k]).type(1))
            (out,) = prim.bind(*args)
            outer.dead = inner.dead = True
            out, inner_slope, _ = *inner.split(out), None
            y, slope = outer.split(out)
            inner_slope, curvature = outer.split(inner_slope)
            found = {i: slope, j: inner_slope}
            slopes.update({k: t for k, t in found.items() if t is not None})
            if curvature is not None:
                curvatures[i, j] = curvature
        return y, slopes, curvatures

    def general(
        self, prim: Primitive, values: list, parts: list, laps: list, params: dict
    ) -> Sequence[Any]:
        """y = f(x): the Laplacian is Df L(x) + sum_k D^2 f (x_k, x_k), by nested derivatives."""
        if prim in (det_p, slogdet_p):
            outs = prim.bind(*values, **params)
            found = rows_of_determinant(prim, values[0], parts[0], outs)
            if found is not None:
                return self.determinant(prim, laps[0], outs, *found)
        data, columns, place = together(prim, values, parts, params)
        outs, rows, curvatures = self.nested(prim, values, data, len(columns), params)
        moved = [None] * len(outs)
        if any(t is not None for t in laps):
            run = lambda xs: (list(prim.bind(*xs, **params)), None)
            moved = [t for _, t in push(self.origin, run, values, laps, self.masked)[1]]
        check_own(self, prim, [*outs, *rows, *curvatures, *moved])
        results = []
        for y, t, c, lap in zip(outs, rows, curvatures, moved, strict=True):
            if t is None:
                results.append(y)
                continue
            own = place(len(shape_of(y)))
            total = lap if c is None else plus(lap, self.over_inputs(c, own))
            results.append(self.output(y, Rows(t, own), total))
        return results

    def determinant(
        self, prim: Primitive, lap: Any, outs: Sequence[Any], gradient: Any, rows: Rows
    ) -> Sequence[Any]:
        """The determinant of a matrix whose rows depend on inputs of their own."""
        rank = len(shape_of(gradient))
        moved = None if lap is None else sum_p(gradient * lap, axes=(rank - 2, rank - 1))
        if prim is slogdet_p:
            curved = -self.over_inputs(rows.data * rows.data, rows.columns)
            moved = plus(moved, curved)
        return [*outs[:-1], self.output(outs[-1], rows, moved)]

    def nested(
        self, prim: Primitive, values: list, data: list, size: int, params: dict
    ) -> tuple[list, list, list]:
        """The outputs, and their first and second derivatives along each row."""
        mine = [i for i, t in enumerate(data) if t is not None]
        counts: list[list[bool]] = []

        def along(*rows: Any) -> list[Any]:
            directions = expand(rows, [t is not None for t in data])
            apply = lambda xs: (list(prim.bind(*xs, **params)), None)

            def first(xs: list[Any]) -> tuple[list[Any], None]:
                pairs = push(self.origin, apply, xs, directions, self.masked)[1]
                ts = [t for _, t in pairs]
                counts[:] = [[t is not None for t in ts]]
                return [*(y for y, _ in pairs), *(t for t in ts if t is not None)], None

            pairs = push(self.origin, first, values, directions, self.masked)[1]
            ys, ts = split_list(pairs, len(counts[0]))
            counts.append([c is not None for _, c in ts])
            return [*(y for y, _ in ys), *(t for t, _ in ts), *(c for _, c in ts if c is not None)]

        found = self.in_batch(along, [data[i] for i in mine], [0] * len(mine))
        smooth, curved = counts
        ys, ts, cs = split_list(found, len(smooth), sum(smooth))
        outs = [
            y if d is None else getitem_p(axis_to_front(y, d), index=Index((0,))) for y, d in ys
        ]
        front = lambda pairs: [batch_at_front(x, d, size) for x, d in pairs]
        rows = expand(front(ts), smooth)
        curvatures = expand(expand(front(cs), curved), smooth)
        return outs, rows, curvatures

    # sums over the inputs

    def over_inputs(self, data: Any, columns: np.ndarray) -> Any:
        """The weighted sum over the inputs of one term for each row."""
        if self.weights is not None:
            weights = getitem_p(self.weights, columns, index=Index((ARRAY,)))
            data = cast(weights, real_dtype(dtype_of(data))) * data
        return reshape(data, shape_of(data)[1:]) if len(columns) == 1 else sum_p(data, axes=(0,))

    def pushed(
        self, prim: Primitive, values: list, parts: list, outs: Sequence[Any], params: dict
    ) -> Any:
        """The rows of the output of a linear primitive."""
        size = max(len(p.columns) for p in parts if p is not None)
        run = lambda *ts: [
            prim.jvp(values, expand(ts, [p is not None for p in parts]), outs, **params)[0]
        ]
        data = [p.data for p in parts if p is not None]
        ((t, d),) = self.in_batch(run, data, [0] * len(data))
        return batch_at_front(t, d, size)

    def in_batch(
        self, fun: Callable[..., list[Any]], operands: Sequence[Any], axes: Sequence[int | None]
    ) -> list[tuple[Any, int | None]]:
        """Run a function once for all rows; the outputs, each with the axis of the rows."""
        size = next(shape_of(x)[0] for x, d in zip(operands, axes, strict=True) if d is not None)
        trace = Batch(self.origin, size)
        try:
            return batched(trace, fun, operands, axes)
        finally:
            trace.dead = True


def is_dot(prim: Primitive, values: Sequence[Any]) -> bool:
    """Whether an operation is a sum over the last axis of a product of two arrays."""
    vectors = prim is matmul and all(len(shape_of(x)) == 1 for x in values)
    return vectors or prim is vecdot_p


def plus(a: Any, b: Any) -> Any:
    return b if a is None else a + b


def jvp_of(prim: Primitive, values: list, ts: list, outs: Sequence[Any], params: dict) -> Any:
    """The tangent of a primitive of one output, None for 0."""
    return None if all(t is None for t in ts) else prim.jvp(values, ts, outs, **params)[0]


def check_own(trace: Trace, prim: Primitive, results: Sequence[Any]) -> None:
    """Raise if results depend on values of the trace other than operands."""
    if any(isinstance(x, Tracer) and x._trace is trace for x in results):
        raise ClosureError(
            f"{prim}: a function with a custom rule closes over a value differentiated by "
            f"{trace.origin}; make it an argument of the function that has the rule"
        )
