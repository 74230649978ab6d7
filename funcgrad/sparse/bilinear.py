"""The primitives of sparse matrices: products with vectors, and sampled outer products.

They are bilinear, and each is the transpose of the other: ``y[row e] += data[e] * x[column e]``,
and ``data[e] = u[row e] * v[column e]`` for each element e. Leading axes broadcast.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, broadcast_shapes, shape_of
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.errors import ShapeError
from ..ops.contract import Multilinear
from ..ops.families import unbroadcast
from ..ops.index import ARRAY, Index, getitem_p, scatter_add_p
from ..ops.structure import Batched, axis_to_front, expand_dims
from .structure import Pattern


class Bilinear(Multilinear, Codegen):
    """A product of two operands with one vector axis each, behind axes that broadcast."""

    is_smooth = True

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        ranks = [len(shape_of(x)) - (d is not None) for x, d in zip(args, axes, strict=True)]
        missing = [tuple(range(1, 1 + max(ranks) - rank)) for rank in ranks]
        xs = [
            x if d is None else expand_dims(axis_to_front(x, d), new)
            for x, d, new in zip(args, axes, missing, strict=True)
        ]
        return self.bind(*xs, **params), (0,)

    def result(self, length: int, wanted: Sequence[int], *xs: Aval) -> tuple[Aval]:
        """The aval of the result, whose last axis has this length; the operands are checked."""
        for x, n in zip(xs, wanted, strict=True):
            if not x.shape or x.shape[-1] != n:
                raise ShapeError(
                    f"{self.name}: the last axis of the operand must have length {n}: got {x}"
                )
        try:
            batch = broadcast_shapes(*(x.shape[:-1] for x in xs))
        except ValueError:
            raise ShapeError(
                f"{self.name}: the axes before the last do not broadcast: got {xs[0]} and {xs[1]}"
            ) from None
        return (Aval((*batch, length), np.result_type(*(x.dtype for x in xs))),)


class Product(Bilinear):
    """The product of a sparse matrix, or of its transpose, with vectors."""

    @override
    def run(self, data: Any, x: Any, *, pattern: Pattern, transposed: bool) -> tuple[Any, ...]:
        if transposed:
            data, pattern = np.asarray(data)[..., pattern.order], pattern.T
        products = data * np.asarray(x)[..., pattern.indices]
        return (_summed(products, pattern),)

    @override
    def infer(self, data: Aval, x: Aval, *, pattern: Pattern, transposed: bool) -> tuple[Aval, ...]:
        rows, columns = pattern.shape[::-1] if transposed else pattern.shape
        return self.result(rows, (pattern.nnz, columns), data, x)

    @override
    def vjp(
        self, cts: Any, needs: Any, outs: Any, ins: Any, *, pattern: Pattern, transposed: bool
    ) -> Sequence[Any]:
        (ct,), (data, x) = cts, ins
        data_ct = x_ct = None
        if needs[0] is not None:
            sides = (x, ct) if transposed else (ct, x)
            data_ct = unbroadcast(sample_p(*sides, pattern=pattern), data)
        if needs[1] is not None:
            x_ct = product_p(data, ct, pattern=pattern, transposed=not transposed)
            x_ct = unbroadcast(x_ct, x)
        return (data_ct, x_ct)

    def decompose(self, data: Any, x: Any, *, pattern: Pattern, transposed: bool) -> Any:
        sides = pattern.indices, pattern.rows
        to, at = sides if transposed else sides[::-1]
        products = data * getitem_p(x, at, index=_last(x))
        shape = (*shape_of(products)[:-1], pattern.shape[1 if transposed else 0])
        return (scatter_add_p(products, to, shape=shape, index=_last(products)),)

    def emit(
        self,
        w: Emitter[V],
        outs: Sequence[V],
        ins: Sequence[V],
        *,
        pattern: Pattern,
        transposed: bool,
    ) -> None:
        (out,), (data, x) = outs, ins
        lead = out.aval.shape[:-1]
        gathered = [Aval((*x.aval.shape[:-1], pattern.nnz), x.aval.dtype)]
        gathered += [data.aval] * transposed
        with w.memory.scratch(Aval((*lead, pattern.nnz), out.aval.dtype), *gathered) as work:
            terms, near, *ordered = map(str, work)
            if transposed:
                w.line(_taken(w, data, pattern.order, ordered[0]))
                data_text, pattern = ordered[0], pattern.T
            else:
                data_text = str(data)
            w.line(_taken(w, x, pattern.indices, near))
            w.line(f"{w.numpy('multiply')}({data_text}, {near}, {terms})")
            starts, rows = pattern.segments
            add, target = w.numpy("add"), w.allocate(out)
            if len(starts) == 0:
                w.line(f"{target}[...] = 0")
            elif rows is None:
                w.line(f"{add}.reduceat({terms}, {w.bind(starts, 'starts')}, -1, None, {target})")
            else:
                w.line(f"{target}[...] = 0")
                at = w.bind(rows, "rows")
                w.line(f"{target}[..., {at}] = {add}.reduceat({terms}, {w.bind(starts)}, -1)")


class Sample(Bilinear):
    """Elements of the outer product of two vectors, those of a pattern."""

    @override
    def run(self, u: Any, v: Any, *, pattern: Pattern) -> tuple[Any, ...]:
        return (np.asarray(u)[..., pattern.rows] * np.asarray(v)[..., pattern.indices],)

    @override
    def infer(self, u: Aval, v: Aval, *, pattern: Pattern) -> tuple[Aval, ...]:
        return self.result(pattern.nnz, pattern.shape, u, v)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, pattern: Pattern) -> Sequence[Any]:
        (ct,), (u, v) = cts, ins
        found = [
            None
            if need is None
            else unbroadcast(product_p(ct, other, pattern=pattern, transposed=t), x)
            for need, other, t, x in zip(needs, (v, u), (False, True), ins, strict=True)
        ]
        return found

    def decompose(self, u: Any, v: Any, *, pattern: Pattern) -> Any:
        u = getitem_p(u, pattern.rows, index=_last(u))
        return (u * getitem_p(v, pattern.indices, index=_last(v)),)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, pattern: Pattern) -> None:
        avals = [Aval((*x.aval.shape[:-1], pattern.nnz), x.aval.dtype) for x in ins]
        with w.memory.scratch(*avals) as work:
            for x, at, buffer in zip(ins, (pattern.rows, pattern.indices), work, strict=True):
                w.line(_taken(w, x, at, str(buffer)))
            w.call(w.numpy("multiply"), list(work), outs[0])


def _summed(terms: np.ndarray, pattern: Pattern) -> np.ndarray:
    """The sums of elements row by row."""
    starts, rows = pattern.segments
    if rows is None and len(starts):
        return np.add.reduceat(terms, starts, -1)
    out = np.zeros((*terms.shape[:-1], pattern.shape[0]), terms.dtype)
    if len(starts):
        out[..., rows] = np.add.reduceat(terms, starts, -1)
    return out


def _last(x: Any) -> Index:
    """The index that reads an array of places along the last axis."""
    return Index((*[slice(None)] * (len(shape_of(x)) - 1), ARRAY))


def _taken(w: Emitter[V], x: V, places: np.ndarray, buffer: str) -> str:
    """The line that reads elements into a buffer; no place is out of bounds."""
    return f"{x}.take({w.bind(places, 'places')}, -1, {buffer}, 'clip')"


product_p = Product("sparse_product")
sample_p = Sample("sparse_sample")
