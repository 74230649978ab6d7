"""Indexing, its transpose scatter_add, and concatenation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, broadcast_shapes, dtype_of, shape_of
from ..core.companions import Codegen, JointRules, Masking, Viewing
from ..core.emitter import Emitter, V
from ..core.errors import ShapeError
from ..core.registry import primitives
from ..core.trace import Primitive
from .dependences import Adding, Joining, Reading
from .flat_indices import axes_before_arrays, flat_parts, joined_parts
from .paths import Gaps, Masked, path_mask
from .structure import (
    Batched,
    Linear,
    as_array,
    axis_to_front,
    batch_at_front,
    cast,
    drop_axes,
    expand_dims,
    project,
    transpose_p,
    upcast,
)

ARRAY: Any = type("ARRAY", (), {"__repr__": lambda self: "array"})()  # stands for an operand

AT_MOST_AXES = 32  # the most axes of an array for ufunc.at with slices: with more it crashes
FEW_ELEMENTS = 512  # elements; below, np.add.at is fast with any index


class Index(tuple):
    """An index as a hashable parameter: integers, slices, None, and ARRAY for an operand.

    An ellipsis stands for no axis: it only separates index arrays.
    """

    def with_arrays(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        if not arrays:
            return tuple(self)
        rest = iter(arrays)
        return tuple(next(rest) if entry is ARRAY else entry for entry in self)

    def _key(self) -> tuple[Any, ...]:  # slices are not hashable before Python 3.12
        return tuple(("slice", e.start, e.stop, e.step) if type(e) is slice else e for e in self)

    def __hash__(self) -> int:
        return hash(self._key())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self._key() == other._key()

    def __repr__(self) -> str:
        return f"({', '.join(map(_entry_text, self))})"


def _entry_text(entry: Any) -> str:
    if type(entry) is not slice:
        return str(entry)
    parts = ["" if v is None else str(v) for v in (entry.start, entry.stop)]
    return ":".join(parts if entry.step is None else [*parts, str(entry.step)])


class Getitem(Linear, Codegen, JointRules, Viewing, Reading):
    """Read ``x[index]`` by NumPy's rules; integer index arrays are operands."""

    is_read = True
    in_c = staticmethod(lambda w, x, *arrays, index: w.getitem(x, index, arrays))

    @override
    def run(self, x: Any, *arrays: Any, index: Index) -> tuple[Any, ...]:
        return (as_array(x)[index.with_arrays(arrays)],)

    @override
    def infer(self, x: Aval, *arrays: Aval, index: Index) -> tuple[Aval, ...]:
        return (Aval(indexed_shape(x.shape, index, [a.shape for a in arrays]), x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *arrays: Any, index: Index) -> Any:
        y = scatter_add_p(upcast(ct), *arrays, shape=shape_of(x), index=index)
        return cast(y, dtype_of(ct))

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, index: Index) -> Batched:
        (x, *arrays), (d, *array_axes) = args, axes
        batching = Batching(index, arrays, array_axes, size, len(shape_of(x)) - (d is not None))
        if d is None:  # the index arrays of all examples at once
            return (getitem_p(x, *batching.arrays[1:], index=index),), (batching.swap,)
        y = getitem_p(batch_at_front(x, d, size), *batching.arrays, index=batching.index)
        return (batching.unpacked(y),), (0,)

    def put(self, x: Any, part: Any, *, index: Index) -> Any:
        return primitives["set_at"](x, part, index=index)

    def view(self, w: Emitter[V], x: V, *arrays: V, index: Index) -> Any:
        """A view for slices and integers; index arrays gather."""
        if any(a.aval.shape for a in arrays):
            return None
        if len(index) == x.aval.ndim and all(type(e) is int or e is ARRAY for e in index):
            return x.indexed(index, arrays), None  # a NumPy scalar
        return x.indexed(index, arrays), x.contiguous and reads_contiguous(index, x.aval.shape)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, index: Index) -> None:
        if any(a.aval.shape for a in ins[1:]):
            w.gather(w.array(ins[0]), index, ins[1:], outs[0])
        else:
            w.assign_view(outs[0], w.array(ins[0]).indexed(index, ins[1:]), Ellipsis not in index)

    def take(self, x: Any, places: Any, axis: int, out: Any = None) -> Any:
        """Read whole slices along an axis: in a fifth of the time of an index array."""
        if places.size and places.min() >= 0 and places.max() < x.shape[axis]:
            return x.take(places, axis, out, "clip")  # which checks no bounds, and fills no buffer
        y = x[(*[slice(None)] * axis, places)]
        return y if out is None else np.concatenate([y], out=out)


class ScatterAdd(Linear, Codegen, Adding):
    """Add the operand into zeros of ``shape`` at ``index``; duplicates accumulate."""

    pads = True
    in_c = staticmethod(lambda w, x, *arrays, **params: w.scatter_add(x, arrays, **params))

    @override
    def run(self, x: Any, *arrays: Any, shape: Shape, index: Index) -> tuple[Any, ...]:
        out = np.zeros(shape, dtype_of(x))
        if arrays:
            add_into(out, x, index, arrays)
        else:
            out[tuple(index)] = x  # slices have no duplicates
        return (out,)

    @override
    def infer(self, x: Aval, *arrays: Aval, shape: Shape, index: Index) -> tuple[Aval, ...]:
        return (Aval(shape, x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *arrays: Any, shape: Shape, index: Index) -> Any:
        return getitem_p(ct, *arrays, index=index)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, shape: Shape, index: Index) -> Batched:
        (x, *arrays), (d, *array_axes) = args, axes
        batching = Batching(index, arrays, array_axes, size, x_rank=len(shape))
        packed = batching.packed(batch_at_front(x, d, size))
        y = scatter_add_p(packed, *batching.arrays, shape=(size, *shape), index=batching.index)
        return (y,), (0,)

    def decompose(self, x: Any, *arrays: Any, shape: Shape, index: Index) -> Any:
        write = primitives["add_at" if arrays else "set_at"]
        return write.bind(np.zeros(shape, dtype_of(x)), x, *arrays, index=index)

    def emit(
        self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, shape: Shape, index: Index
    ) -> None:
        w.scatter_add(ins[0], index, ins[1:], outs[0])


def add_into(
    out: np.ndarray, x: Any, index: Index, arrays: Sequence[Any], ufunc: np.ufunc = np.add
) -> None:
    """ufunc.at: add to indexed elements in place; duplicates accumulate.

    The index becomes one flat index: with others np.add.at is 5 times slower, and with a matrix of
    indices it reads a vector of values out of bounds.
    """
    if not arrays:
        part = out[tuple(index)]
        if isinstance(part, np.ndarray):  # a view: slices have no duplicates
            ufunc(part, x, out=part)
        else:
            out[tuple(index)] = ufunc(part, x)
        return
    shape = shape_of(x)
    few = 1 < out.ndim <= AT_MOST_AXES and math.prod(shape) <= FEW_ELEMENTS
    if few or (out.ndim == 1 and shape == shape_of(arrays[0])):
        ufunc.at(out, index.with_arrays(arrays), x)
        return
    try:
        positions = _flat_indices(out.shape, index, arrays)
    except IndexError:  # of one axis: NumPy names it below, if it raises
        ufunc.at(out, index.with_arrays(arrays), x)
        return
    flat = out.reshape(-1) if out.flags.c_contiguous else out.flatten()
    ufunc.at(flat, positions.reshape(-1), np.broadcast_to(x, positions.shape).reshape(-1))
    if not out.flags.c_contiguous:
        out[...] = flat.reshape(out.shape)


def _flat_indices(shape: Shape, index: Index, arrays: Sequence[Any]) -> np.ndarray:
    """The indices into ``x.reshape(-1)`` of the elements of ``x[index]``."""
    if len(shape) == 1 and len(index) == 1:
        return np.asarray(arrays[0])
    rest, common = iter(arrays), np.zeros((), np.intp)
    places, slice_axes, before = flat_parts(shape, index)
    for entry, size, stride in places:
        common = common + (np.arange(size) * stride)[next(rest) if entry is ARRAY else entry]
    return joined_parts(np, common, slice_axes, before)  # type: ignore[no-any-return]


def reads_contiguous(index: Index, shape: Shape) -> bool:
    """Whether a basic index reads contiguous elements."""
    whole = [e is None or e == slice(None) for e in index]
    positions = [k for k, done in enumerate(whole) if not done]
    if not positions:
        return True
    *before, last = positions
    numbers = all(type(index[k]) is not slice for k in before)
    step = not isinstance(index[last], slice) or index[last].step in (None, 1)
    return numbers and step and all(index[k] is None or k in before for k in range(last))


class Batching:
    """An index into each example as an index into the batched array.

    ``packed`` takes an array of selected elements, its batch axis first, to the order of axes that
    the new index gives; ``unpacked`` takes it back.
    """

    def __init__(
        self, index: Index, arrays: Sequence[Any], axes: Sequence[int | None], size: int,
        x_rank: int,
    ) -> None:  # fmt: skip
        ranks = [len(shape_of(a)) - (d is not None) for a, d in zip(arrays, axes, strict=True)]
        self.common = common = max(ranks, default=0)
        positions = [k for k, e in enumerate(index) if type(e) is int or e is ARRAY]
        adjacent = positions and positions[-1] - positions[0] == len(positions) - 1
        # the number of axes before those of the index arrays, in the result for one example
        before = (
            sum(e is None or type(e) is slice for e in index[: positions[0]]) if adjacent else 0
        )
        if all(d is None for d in axes):
            self.arrays, self.index = list(arrays), Index((slice(None), *index))
            self.first = 0 if adjacent or not arrays else common  # the position of the batch axis
            self.swap = 0
            return
        self.arrays = [np.arange(size).reshape(size, *[1] * common)]
        for a, d, rank in zip(arrays, axes, ranks, strict=True):
            missing = tuple(range(1, 1 + common - rank))
            self.arrays.append(a if d is None else expand_dims(axis_to_front(a, d), missing))
        self.index = Index((ARRAY, *index))
        self.first = 0
        self.swap = before  # axes that come after those of the index arrays, not before

    def unpacked(self, y: Any) -> Any:
        y = axis_to_front(y, self.first)
        if not self.swap:
            return y
        c, b, rank = self.common, self.swap, len(shape_of(y))
        order = (0, *range(1 + c, 1 + c + b), *range(1, 1 + c), *range(1 + c + b, rank))
        return transpose_p(y, perm=order)

    def packed(self, x: Any) -> Any:
        rank = len(shape_of(x))
        if self.first:
            x = transpose_p(x, perm=(*range(1, self.first + 1), 0, *range(self.first + 1, rank)))
        if not self.swap:
            return x
        c, b = self.common, self.swap
        order = (0, *range(1 + b, 1 + b + c), *range(1, 1 + b), *range(1 + b + c, rank))
        return transpose_p(x, perm=order)


def indexed_shape(shape: Shape, index: Index, arrays: Sequence[Shape]) -> Shape:
    """The shape of ``x[index]``, in which index arrays broadcast.

    Their common axes are in their place if the arrays are adjacent, and first if they are not.
    """
    dims: list[int] = []
    positions: list[tuple[int, int]] = []  # of integers and arrays: in the index, in the result
    axis = 0
    for k, entry in enumerate(index):
        if entry is None:
            dims.append(1)
            continue
        if entry is Ellipsis:
            continue
        if axis >= len(shape):
            raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional")
        if type(entry) is slice:
            dims.append(len(range(*entry.indices(shape[axis]))))
        else:
            if type(entry) is int and not -shape[axis] <= entry < shape[axis]:
                raise IndexError(
                    f"index {entry} is out of bounds for axis {axis} with size {shape[axis]}"
                )
            positions.append((k, len(dims)))
        axis += 1
    dims += shape[axis:]
    if arrays:
        at = axes_before_arrays(positions)
        try:
            dims[at:at] = broadcast_shapes(*arrays)
        except ValueError:
            raise IndexError(
                f"shape mismatch: indexing arrays could not be broadcast together with shapes "
                f"{' '.join(map(str, arrays))} "
            ) from None
    return tuple(dims)


class Concatenate(Primitive, Masking, Codegen, Joining):
    """Join any number of arrays along one axis."""

    in_c = staticmethod(lambda w, *xs, axis: w.concatenate(xs, axis, w.out.dtype))

    @override
    def run(self, *xs: Any, axis: int) -> tuple[Any, ...]:
        return (np.concatenate(xs, axis),)

    @override
    def infer(self, *xs: Aval, axis: int) -> tuple[Aval, ...]:
        first, *rest = xs
        for x in rest:
            if x.ndim != first.ndim or drop_axes(x.shape, (axis,)) != drop_axes(
                first.shape, (axis,)
            ):
                raise ShapeError(
                    f"concatenate: all lengths except that of axis {axis} must agree: "
                    f"got {', '.join(map(str, xs))}"
                    "; reshape one to the axes of the others"
                )
        length = sum(x.shape[axis] for x in xs)
        shape = (*first.shape[:axis], length, *first.shape[axis + 1 :])
        return (Aval(shape, np.result_type(*(x.dtype for x in xs))),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, axis: int) -> Sequence[Any]:
        dtype = dtype_of(outs[0])
        parts = [
            np.zeros(shape_of(x), dtype) if t is None else t
            for x, t in zip(primals, tangents, strict=True)
        ]
        return (project(concatenate_p(*parts, axis=axis), dtype),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, axis: int) -> Sequence[Any]:
        results, start = [], 0
        for need, x in zip(needs, ins, strict=True):
            stop = start + shape_of(x)[axis]
            index = Index((*[slice(None)] * axis, slice(start, stop)))
            part = None if need is None else getitem_p(cts[0], index=index)
            results.append(None if part is None else project(part, dtype_of(x)))
            start = stop
        return results

    @override
    def is_linear(self, operands: frozenset[int], **params: Any) -> bool:
        return True

    def on_paths(self, args: Any, live: Any, *, axis: int) -> Masked:
        masks = map(path_mask, args, live)
        return self.bind(*args, axis=axis), self.bind(*masks, axis=axis)

    def gaps(self, gaps: Any, ins: Any, *, axis: int) -> Gaps:
        return (any(gap is not False for gap in gaps),), False

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, axis: int) -> Batched:
        xs = [batch_at_front(x, d, size) for x, d in zip(args, axes, strict=True)]
        return self.bind(*xs, axis=axis + 1), (0,)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, axis: int) -> None:
        w.concatenate(ins, axis, outs[0])


getitem_p = Getitem("getitem")
scatter_add_p = ScatterAdd("scatter_add")
concatenate_p = Concatenate("concatenate")
