"""The structural linear primitives, which move, copy and add elements.

They are closed under transposition: sum ↔ broadcast; reshape, transpose, cumsum and convert ↔
themselves; in ``index.py`` getitem ↔ scatter_add.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import (
    Aval,
    Axes,
    Shape,
    dtype_of,
    is_inexact,
    shape_of,
)
from ..core.companions import Codegen, Viewing
from ..core.emitter import Emitter, V
from ..core.errors import ShapeError
from .convert import (
    cast as cast,
    convert_p as convert_p,
    project as project,
    strip_weak_type as strip_weak_type,
    truncate_p as truncate_p,
    upcast as upcast,
)
from .dependences import Accumulating, Moving, Uniting
from .linear import (
    Batched as Batched,
    Linear as Linear,
    as_array as as_array,
    axis_to_front as axis_to_front,
    drop_axes as drop_axes,
    zeros_like as zeros_like,
)


class Broadcast(Linear, Codegen, Moving):
    """Repeat the operand along new ``axes`` of the result, which has this ``shape``."""

    is_smooth = True
    is_view = True

    @override
    def run(self, x: Any, *, shape: Shape, axes: Axes) -> tuple[Any, ...]:
        if axes and axes[-1] >= len(axes):  # NumPy adds leading axes itself
            x = as_array(x).reshape([1 if d in axes else n for d, n in enumerate(shape)])
        if math.prod(shape) > 4096:
            return (np.broadcast_to(x, shape),)
        out = np.empty(shape, dtype_of(x))  # cheaper than a view, for small arrays
        out[...] = x
        return (out,)

    @override
    def infer(self, x: Aval, *, shape: Shape, axes: Axes) -> tuple[Aval, ...]:
        return (Aval(shape, x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *, shape: Shape, axes: Axes) -> Any:
        return cast(sum_p(upcast(ct), axes=axes), dtype_of(ct))

    @override
    def batched_params(self, size: int, *, shape: Shape, axes: Axes) -> dict[str, Any]:
        return {"shape": (size, *shape), "axes": tuple(d + 1 for d in axes)}

    def view(self, w: Emitter[V], x: V, *, shape: Shape, axes: Axes) -> Any:
        """A view of an operand in the workspace; elsewhere a view costs more than a copy."""
        if not x.static:
            return None
        w.numpy("broadcast_to")
        return x.repeated(shape, axes), False

    def emit(
        self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, shape: Shape, axes: Axes
    ) -> None:
        w.broadcast(ins[0], axes, outs[0])

    def in_c(self, w: Any, x: Any, *, shape: Shape, axes: Axes) -> Any:
        return x.repeated(shape, axes)


class Sum(Linear, Codegen, Uniting):
    """Sum along ``axes``, which are not negative and are removed."""

    is_smooth = True

    @override
    def run(self, x: Any, *, axes: Axes) -> tuple[Any, ...]:
        return (np.add.reduce(x, axis=axes),)

    @override
    def infer(self, x: Aval, *, axes: Axes) -> tuple[Aval, ...]:
        return (Aval(drop_axes(x.shape, axes), sum_dtype(x.dtype)),)

    @override
    def transpose(self, ct: Any, x: Any, *, axes: Axes) -> Any:
        return broadcast_p(ct, shape=shape_of(x), axes=axes)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, axes: Axes) -> None:
        w.reduce(np.add, ins[0], axes, outs[0])

    def in_c(self, w: Any, x: Any, *, axes: Axes) -> Any:
        return w.reduce("sum", x, axes, w.out.dtype)

    @override
    def batched_params(self, size: int, *, axes: Axes) -> dict[str, Any]:
        return {"axes": tuple(d + 1 for d in axes)}


class Mean(Linear, Codegen, Uniting):
    """Mean along ``axes``, which are not negative and are removed."""

    is_smooth = True

    @override
    def run(self, x: Any, *, axes: Axes) -> tuple[Any, ...]:
        return (np.add.reduce(x, axis=axes) / _extent(shape_of(x), axes),)

    @override
    def infer(self, x: Aval, *, axes: Axes) -> tuple[Aval, ...]:
        dtype = x.dtype if is_inexact(x.dtype) else np.dtype(float)
        return (Aval(drop_axes(x.shape, axes), dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *, axes: Axes) -> Any:
        shape = shape_of(x)
        return broadcast_p(ct / _extent(shape, axes), shape=shape, axes=axes)

    def lower(self, build: Any, x: Any, *, axes: Axes) -> Any:
        return build("div", build("sum", x, axes=axes), _extent(x.aval.shape, axes))

    def decompose(self, x: Any, *, axes: Axes) -> Any:
        return (sum_p(x, axes=axes) / _extent(shape_of(x), axes),)

    @override
    def batched_params(self, size: int, *, axes: Axes) -> dict[str, Any]:
        return {"axes": tuple(d + 1 for d in axes)}


def _extent(shape: Shape, axes: Axes) -> int:
    """The product of the lengths of the axes."""
    return math.prod([shape[d] for d in axes])


class Cumsum(Linear, Codegen, Accumulating):
    """Cumulative sum along one axis, from its end if ``reverse``."""

    @override
    def run(self, x: Any, *, axis: int, reverse: bool) -> tuple[Any, ...]:
        if reverse:
            return (np.flip(np.add.accumulate(np.flip(x, axis), axis), axis),)
        return (np.add.accumulate(x, axis),)

    @override
    def infer(self, x: Aval, *, axis: int, reverse: bool) -> tuple[Aval, ...]:
        return (Aval(x.shape, sum_dtype(x.dtype)),)

    @override
    def transpose(self, ct: Any, x: Any, *, axis: int, reverse: bool) -> Any:
        return cast(cumsum_p(upcast(ct), axis=axis, reverse=not reverse), dtype_of(ct))

    @override
    def batched_params(self, size: int, *, axis: int, reverse: bool) -> dict[str, Any]:
        return {"axis": axis + 1, "reverse": reverse}

    def emit(
        self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, axis: int, reverse: bool
    ) -> None:
        w.accumulate("add", ins[0], axis, outs[0], reverse)

    def in_c(self, w: Any, x: Any, *, axis: int, reverse: bool) -> Any:
        return w.accumulate("sum", x, axis, w.out.dtype, reverse)


class Reshape(Linear, Codegen, Viewing, Moving):
    """The same elements, in C order, with another shape."""

    is_smooth = True
    is_view = True

    @override
    def run(self, x: Any, *, shape: Shape) -> tuple[Any, ...]:
        return (as_array(x).reshape(shape),)

    @override
    def infer(self, x: Aval, *, shape: Shape) -> tuple[Aval, ...]:
        if math.prod(shape) != x.size:
            raise ShapeError(
                f"reshape: the sizes differ: got {x} and the shape {shape}; "
                f"the product of the lengths must stay {x.size}"
            )
        return (Aval(shape, x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *, shape: Shape) -> Any:
        return reshape_p(ct, shape=shape_of(x))

    def put(self, x: Any, part: Any, *, shape: Shape) -> Any:
        return reshape_p(part, shape=shape_of(x))

    @override
    def batched_params(self, size: int, *, shape: Shape) -> dict[str, Any]:
        return {"shape": (size, *shape)}

    def view(self, w: Emitter[V], x: V, *, shape: Shape) -> Any:
        same = [n for n in shape if n != 1] == [n for n in x.aval.shape if n != 1]
        return (x.reshaped(shape), x.contiguous) if x.contiguous or same else None

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, shape: Shape) -> None:
        if ins[0].aval.shape:
            w.assign_view(outs[0], ins[0].reshaped(shape))
        else:
            w.broadcast(ins[0], (), outs[0])

    def in_c(self, w: Any, x: Any, *, shape: Shape) -> Any:
        return w.in_order(x).reshaped(shape)


class Transpose(Linear, Codegen, Viewing, Moving):
    """Reorder the axes: axis ``d`` of the result is axis ``perm[d]`` of the operand."""

    is_smooth = True
    is_view = True

    @override
    def run(self, x: Any, *, perm: Axes) -> tuple[Any, ...]:
        return (as_array(x).transpose(perm),)

    @override
    def infer(self, x: Aval, *, perm: Axes) -> tuple[Aval, ...]:
        return (Aval(tuple(x.shape[d] for d in perm), x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *, perm: Axes) -> Any:
        return transpose_p(ct, perm=tuple(sorted(range(len(perm)), key=perm.__getitem__)))

    def put(self, x: Any, part: Any, *, perm: Axes) -> Any:
        return self.transpose(part, x, perm=perm)

    @override
    def batched_params(self, size: int, *, perm: Axes) -> dict[str, Any]:
        return {"perm": (0, *(d + 1 for d in perm))}

    def view(self, w: Emitter[V], x: V, *, perm: Axes) -> Any:
        moved = [d for d in perm if x.aval.shape[d] != 1]
        return x.transposed(perm), x.contiguous and moved == sorted(moved)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, perm: Axes) -> None:
        if perm:
            w.assign_view(outs[0], ins[0].transposed(perm))
        else:
            w.broadcast(ins[0], (), outs[0])

    def in_c(self, w: Any, x: Any, *, perm: Axes) -> Any:
        return x.transposed(perm)


broadcast_p = Broadcast("broadcast")
sum_p = Sum("sum")
mean_p = Mean("mean")
cumsum_p = Cumsum("cumsum")
reshape_p = Reshape("reshape")
transpose_p = Transpose("transpose")


# helpers for rules


@functools.lru_cache(256)
def sum_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of np.sum: small integers and booleans are widened."""
    return np.add.reduce(np.zeros(1, dtype)).dtype


def reshape(x: Any, shape: Shape) -> Any:
    """``x`` with a shape, in which one length may be -1."""
    if shape_of(x) == shape:
        return x
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        missing = math.prod(shape_of(x)) // rest if rest else 0
        shape = tuple(missing if n == -1 else n for n in shape)
    return reshape_p(x, shape=shape)


def batch_at_front(x: Any, axis: int | None, size: int) -> Any:
    """``x`` with its batch axis first; without one, repeated along a new first axis."""
    if axis is not None:
        return axis_to_front(x, axis)
    return broadcast_p(x, shape=(size, *shape_of(x)), axes=(0,))


def expand_dims(x: Any, axes: Axes) -> Any:
    """``x`` with new axes of length 1, at positions ``axes`` of the result."""
    lengths = iter(shape_of(x))
    rank = len(shape_of(x)) + len(axes)
    return reshape(x, tuple(1 if d in axes else next(lengths) for d in range(rank)))


def broadcast_to(x: Any, shape: Shape) -> Any:
    """``x`` broadcast to ``shape`` by NumPy's rules."""
    have = shape_of(x)
    if have == shape:
        return x
    lead = len(shape) - len(have)
    repeated = [d for d, n in enumerate(have) if n != shape[lead + d]]
    axes = (*range(lead), *(lead + d for d in repeated))
    kept = tuple(n for d, n in enumerate(have) if d not in repeated)
    return broadcast_p(reshape(x, kept), shape=shape, axes=axes)
