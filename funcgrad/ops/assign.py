"""Functional assignment: ``x[index] = v`` as an operation with a result."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, shape_of
from ..core.trace import Primitive
from .elementwise import where
from .index import Index, getitem_p
from .structure import match, zeros


class SetAt(Primitive):
    """Copy the operand and assign to the copy; of duplicate indices the last wins."""

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
        t = zeros(x) if t is None else t
        u = zeros(v) if u is None else u
        return (set_at_p(t, u, *arrays, index=index),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, index: Index) -> Sequence[Any]:
        (x, v, *arrays), (ct,) = ins, cts
        x_ct = None if needs[0] is None else set_at_p(ct, zeros(v), *arrays, index=index)
        v_ct = None
        if needs[1] is not None:
            v_ct = getitem_p(ct, *arrays, index=index)
            if arrays:
                last = last_writer_p(*arrays, shape=shape_of(x), index=index)
                v_ct = where(last, v_ct, 0)
            v_ct = match(v_ct, v)
        return [x_ct, v_ct, *[None] * len(arrays)]

    @override
    def is_linear(self, operands: frozenset[int]) -> bool:
        return operands <= {0, 1}


class LastWriter(Primitive):
    """Of each index, whether no later duplicate overwrites what it writes."""

    differentiable = False

    @override
    def run(self, *arrays: Any, shape: Shape, index: Index) -> tuple[Any, ...]:
        key = index.with_arrays(arrays)
        writers = np.empty(shape, np.intp)
        numbers = np.arange(writers[key].size).reshape(writers[key].shape)
        writers[key] = numbers
        return (writers[key] == numbers,)

    @override
    def infer(self, *arrays: Aval, shape: Shape, index: Index) -> tuple[Aval, ...]:
        (values,) = getitem_p.infer(Aval(shape, np.dtype(bool)), *arrays, index=index)
        return (values,)


set_at_p = SetAt("set_at")
last_writer_p = LastWriter("last_writer")
