"""Reading parts of an array, adding into parts of zeros, and joining: each other's transposes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.trace import Primitive
from .structure import Linear, as_array, cast, without

ARRAY: Any = type("ARRAY", (), {"__repr__": lambda self: "array"})()  # an operand's place


class Index(tuple):
    """An index as a hashable parameter: integers, slices, None, and ARRAY for an operand."""

    def with_arrays(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
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


class Getitem(Linear):
    """Read ``x[index]`` by NumPy's rules; integer index arrays are operands."""

    @override
    def run(self, x: Any, *arrays: Any, index: Index) -> tuple[Any, ...]:
        return (as_array(x)[index.with_arrays(arrays)],)

    @override
    def infer(self, x: Aval, *arrays: Aval, index: Index) -> tuple[Aval, ...]:
        return (Aval(indexed_shape(x.shape, index, [a.shape for a in arrays]), x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *arrays: Any, index: Index) -> Any:
        return scatter_add_p(ct, *arrays, shape=shape_of(x), index=index)


class ScatterAdd(Linear):
    """Add the operand into zeros of ``shape`` at ``index``; duplicates accumulate."""

    @override
    def run(self, x: Any, *arrays: Any, shape: Shape, index: Index) -> tuple[Any, ...]:
        out = np.zeros(shape, dtype_of(x))
        if arrays:
            np.add.at(out, index.with_arrays(arrays), x)
        else:
            out[tuple(index)] = x  # slices never name an element twice
        return (out,)

    @override
    def infer(self, x: Aval, *arrays: Aval, shape: Shape, index: Index) -> tuple[Aval, ...]:
        return (Aval(shape, x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, *arrays: Any, shape: Shape, index: Index) -> Any:
        return getitem_p(ct, *arrays, index=index)


def indexed_shape(shape: Shape, index: Index, arrays: Sequence[Shape]) -> Shape:
    """Return the shape of ``x[index]``: index arrays broadcast, and stand together.

    Their common axes replace them where they are neighbours, and come first where they are not.
    """
    dims: list[int] = []
    places: list[tuple[int, int]] = []  # of integers and arrays: in the index, in the result
    axis = 0
    for k, entry in enumerate(index):
        if entry is None:
            dims.append(1)
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
            places.append((k, len(dims)))
        axis += 1
    dims += shape[axis:]
    if arrays:
        first, last = places[0], places[-1]
        at = first[1] if last[0] - first[0] == len(places) - 1 else 0
        dims[at:at] = np.broadcast_shapes(*arrays)
    return tuple(dims)


class Concatenate(Primitive):
    """Join any number of arrays along one axis."""

    @override
    def run(self, *xs: Any, axis: int) -> tuple[Any, ...]:
        return (np.concatenate(xs, axis),)

    @override
    def infer(self, *xs: Aval, axis: int) -> tuple[Aval, ...]:
        first, *rest = xs
        for x in rest:
            if x.ndim != first.ndim or without(x.shape, (axis,)) != without(first.shape, (axis,)):
                raise ShapeError(
                    f"concatenate: all lengths but that of axis {axis} must agree: "
                    f"got {', '.join(map(str, xs))}"
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
        return (cast(concatenate_p(*parts, axis=axis), dtype),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, axis: int) -> Sequence[Any]:
        results, start = [], 0
        for need, x in zip(needs, ins, strict=True):
            stop = start + shape_of(x)[axis]
            index = Index((*[slice(None)] * axis, slice(start, stop)))
            part = None if need is None else getitem_p(cts[0], index=index)
            results.append(None if part is None else cast(part, dtype_of(x)))
            start = stop
        return results

    @override
    def is_linear(self, operands: frozenset[int]) -> bool:
        return True


getitem_p = Getitem("getitem")
scatter_add_p = ScatterAdd("scatter_add")
concatenate_p = Concatenate("concatenate")
