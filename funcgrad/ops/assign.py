"""Functional updates of indexed elements: set, add, maximum and minimum."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, accumulation_dtype, aval_of, dtype_of, is_inexact, shape_of
from ..core.companions import Codegen, Masking
from ..core.emitter import Emitter, V
from ..core.trace import Primitive
from .compare import eq, ne
from .dependences import Overwriting, Updating
from .elementwise import div, maximum, where
from .families import unbroadcast
from .index import Batching, Index, add_into, getitem_p, scatter_add_p
from .paths import Gaps, Masked, path_mask
from .structure import Batched, batch_at_front, cast, expand_dims, project, upcast, zeros_like


class SetAt(Primitive, Masking, Codegen, Overwriting):
    """``x[index] = v`` in a copy of x; of duplicate indices the last is written."""

    @override
    def run(self, x: Any, v: Any, *arrays: Any, index: Index) -> tuple[Any, ...]:
        out = np.array(x)
        out[index.with_arrays(arrays)] = v
        return (out,)

    @override
    def infer(self, x: Aval, v: Aval, *arrays: Aval, index: Index) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, index: Index) -> Sequence[Any]:
        (x, v, *arrays), (t, u, *_) = primals, tangents
        t = zeros_like(x) if t is None else t
        u = zeros_like(v) if u is None else u
        return (set_at_p(t, u, *arrays, index=index),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, index: Index) -> Sequence[Any]:
        (x, v, *arrays), (ct,) = ins, cts
        v_ct = None
        if needs[1] is not None:  # read before the elements are overwritten
            v_ct = getitem_p(ct, *arrays, index=index)
            if any(map(shape_of, arrays)):  # there may be duplicates
                last = last_writer_p(*arrays, shape=shape_of(x), index=index)
                v_ct = where(last, v_ct, 0)
            v_ct = unbroadcast(v_ct, v)
        x_ct = None if needs[0] is None else set_at_p(ct, zeros_like(v), *arrays, index=index)
        return [x_ct, v_ct, *[None] * len(arrays)]

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands <= {0, 1}

    def on_paths(self, args: Any, live: Any, *, index: Index) -> Masked:
        masks = map(path_mask, args[:2], live[:2])
        return self.bind(*args, index=index), self.bind(*masks, *args[2:], index=index)

    def gaps(self, gaps: Any, ins: Any, *, index: Index) -> Gaps:
        return (any(gap is not False for gap in gaps[:2]),), False

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, index: Index) -> Batched:
        x, v, *arrays, index = _batched(args, axes, size, index)
        return (set_at_p(x, v, *arrays, index=index),), (0,)

    @override
    def overwrites(self, operand: int) -> bool:
        return operand == 0

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, index: Index) -> None:
        w.set_at(ins[0], ins[1], index, ins[2:], outs[0])

    def in_c(self, w: Any, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
        return w.set_at(x, v, index, arrays)


class LastWriter(Primitive):
    """The mask of indices whose value no later duplicate overwrites."""

    differentiable = False

    @override
    def run(self, *arrays: Any, shape: Shape, index: Index) -> tuple[Any, ...]:
        key = index.with_arrays(arrays)
        writers = np.empty(shape, np.intp)
        numbers = np.arange(writers[key].size).reshape(writers[key].shape)
        writers[key] = numbers
        return (writers[key] == numbers,)

    def decompose(self, *arrays: Any, shape: Shape, index: Index) -> Any:
        (values,) = self.infer(*map(aval_of, arrays), shape=shape, index=index)
        numbers = np.arange(values.size).reshape(values.shape)
        writers = set_at_p(np.zeros(shape, np.intp), numbers, *arrays, index=index)
        return (eq(getitem_p(writers, *arrays, index=index), numbers),)

    @override
    def infer(self, *arrays: Aval, shape: Shape, index: Index) -> tuple[Aval, ...]:
        (values,) = getitem_p.infer(Aval(shape, np.dtype(bool)), *arrays, index=index)
        return (values,)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, shape: Shape, index: Index) -> Batched:
        batching = Batching(index, args, axes, size, len(shape))
        y = last_writer_p(*batching.arrays, shape=(size, *shape), index=batching.index)
        return (batching.unpacked(y),), (0,)


class AddAt(Primitive, Masking, Codegen, Updating):
    """``x[index] += v`` in a copy of x; duplicates accumulate."""

    @override
    def run(self, x: Any, v: Any, *arrays: Any, index: Index) -> tuple[Any, ...]:
        out = np.array(x)
        add_into(out, np.asarray(v).astype(out.dtype, copy=False), index, arrays)
        return (out,)

    @override
    def infer(self, x: Aval, v: Aval, *arrays: Aval, index: Index) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, index: Index) -> Sequence[Any]:
        (x, _, *arrays), (t, u, *_) = primals, tangents
        if u is None:
            return (t,)
        u = cast(u, dtype_of(x))
        if t is None:
            return (scatter_add_p(u, *arrays, shape=shape_of(x), index=index),)
        return (add_at_p(t, u, *arrays, index=index),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, index: Index) -> Sequence[Any]:
        (_, v, *arrays), (ct,) = ins, cts
        v_ct = None if needs[1] is None else unbroadcast(getitem_p(ct, *arrays, index=index), v)
        return [None if needs[0] is None else ct, v_ct, *[None] * len(arrays)]

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return operands <= {0, 1}

    def on_paths(self, args: Any, live: Any, *, index: Index) -> Masked:
        counts = [project(path_mask(x, m), float) for x, m in zip(args[:2], live[:2], strict=True)]
        (total,) = self.bind(*counts, *args[2:], index=index)
        return self.bind(*args, index=index), (ne(total, 0),)

    def gaps(self, gaps: Any, ins: Any, *, index: Index) -> Gaps:
        return (gaps[0] is not False,), False

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, index: Index) -> Batched:
        x, v, *arrays, index = _batched(args, axes, size, index)
        return (add_at_p(x, v, *arrays, index=index),), (0,)

    def lower(self, build: Any, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
        """Cast the values to the dtype of x."""
        dtype = x.aval.dtype
        if v.aval.dtype == dtype:
            return None
        v = build("convert" if is_inexact(dtype) else "truncate", v, dtype=dtype)
        return build("add_at", x, v, *arrays, index=index)

    @override
    def overwrites(self, operand: int) -> bool:
        return operand == 0

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, index: Index) -> None:
        w.add_at(ins[0], ins[1], index, ins[2:], outs[0])

    def in_c(self, w: Any, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
        return w.add_at(x, v, index, arrays)


class ExtremumAt(Primitive, Codegen, Updating):
    """Maximum or minimum of ``x[index]`` and v, in a copy; ties share the derivative."""

    is_new = True

    def __init__(self, name: str, ufunc: np.ufunc) -> None:
        super().__init__(name)
        self.ufunc = ufunc

    @override
    def run(self, x: Any, v: Any, *arrays: Any, index: Index) -> tuple[Any, ...]:
        out = np.array(x)
        v = np.asarray(v).astype(out.dtype, copy=False)
        add_into(out, v, index, arrays, self.ufunc)
        return (out,)

    def in_c(self, w: Any, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
        return w.extremum_at(self.ufunc.__name__, x, v, index, arrays)

    @override
    def infer(self, x: Aval, v: Aval, *arrays: Aval, index: Index) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, index: Index) -> Sequence[Any]:
        (x, v, *arrays), (t, u, *_) = primals, tangents
        (x_won, x_ties), (v_won, v_ties) = _ties(x, v, arrays, outs[0], index)
        kept = upcast(zeros_like(x)) if t is None else where(x_won, div(t, x_ties), 0)
        if u is not None:
            u = where(v_won, div(cast(u, dtype_of(x)), v_ties), 0)
            kept = add_at_p(kept, u, *arrays, index=index)
        return (cast(kept, dtype_of(x)),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, index: Index) -> Sequence[Any]:
        (x, v, *arrays), (ct,) = ins, cts
        (x_won, x_ties), (v_won, v_ties) = _ties(x, v, arrays, outs[0], index)
        x_ct = None if needs[0] is None else unbroadcast(where(x_won, div(ct, x_ties), 0), x)
        v_ct = None
        if needs[1] is not None:
            own = getitem_p(ct, *arrays, index=index)
            v_ct = unbroadcast(where(v_won, div(own, v_ties), 0), v)
        return [x_ct, v_ct, *[None] * len(arrays)]

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, index: Index) -> Batched:
        x, v, *arrays, index = _batched(args, axes, size, index)
        return (self(x, v, *arrays, index=index),), (0,)


def _ties(x: Any, v: Any, arrays: Any, y: Any, index: Index) -> list[tuple[Any, Any]]:
    """The masks of ties with the extremum in x and in v, and their number."""
    dtype = dtype_of(y)
    x_won = eq(x, y)
    v_won = eq(cast(v, dtype), getitem_p(y, *arrays, index=index))
    wide = accumulation_dtype(dtype)
    counts = add_at_p(cast(x_won, wide), cast(v_won, wide), *arrays, index=index)
    ties = maximum(counts, 1)  # 0 where the extremum is nan
    return [(x_won, ties), (v_won, getitem_p(ties, *arrays, index=index))]


def _batched(args: Any, axes: Any, size: int, index: Index) -> list[Any]:
    """The array, values, index arrays and index of a batched update."""
    (x, v, *arrays), (x_axis, v_axis, *array_axes) = args, axes
    rank = len(shape_of(x)) - (x_axis is not None)
    batching = Batching(index, arrays, array_axes, size, rank)
    x = batch_at_front(x, x_axis, size)
    (slot,) = getitem_p.infer(aval_of(x), *map(aval_of, batching.arrays), index=batching.index)
    v = batch_at_front(v, v_axis, size)
    missing = len(slot.shape) - len(shape_of(v))
    v = batching.packed(expand_dims(v, tuple(range(1, 1 + missing))))
    return [x, v, *batching.arrays, batching.index]


add_at_p = AddAt("add_at")
max_at_p = ExtremumAt("max_at", np.maximum)
min_at_p = ExtremumAt("min_at", np.minimum)
set_at_p = SetAt("set_at")
last_writer_p = LastWriter("last_writer")
