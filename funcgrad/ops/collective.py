"""Collectives: functions of all examples along a named axis.

The second operand is the token of the axis. Where the token is batched, this batch axis is the
named axis, and ``over`` computes the result. An axis of another kind (of processes, for example)
gives its own trace to the token. Derivatives of collectives are collectives.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.trace import Primitive, Tracer
from .compare import eq
from .elementwise import div, mul, where
from .index import ARRAY, Index, getitem_p
from .reduce import max_p, min_p
from .structure import (
    Batched,
    Linear,
    axis_to_front,
    batch_at_front,
    cast,
    expand_dims,
    project,
    reshape,
    sum_dtype,
    sum_p,
    transpose_p,
)


class Collective(Primitive):
    """A function of a value, the token of its axis, and the values of all other examples.

    Its token is always a tracer. Where that stands for processes, its trace exchanges the values.
    """

    @override
    def run(self, x: Any, token: Any, *, size: int, **params: Any) -> tuple[Any, ...]:
        if not isinstance(token, Tracer):
            raise self.missing("run")
        trace: Any = token._trace
        return (trace.collective(self.name, x, params),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        (x, token), (d, own) = args, axes
        if own is not None:
            y, axis = self.over(x, d, **params)
            return (y,), (axis,)
        return self.bind(axis_to_front(x, d), token, **self.shifted_params(**params)), (0,)

    def over(self, x: Any, axis: int | None, *, size: int, **params: Any) -> tuple[Any, Any]:
        """The result for all examples along ``axis``, and the batch axis of the result."""
        raise self.missing("over")

    def shifted_params(self, **params: Any) -> dict[str, Any]:
        """The parameters for a value with a new leading axis."""
        return params


class LinearCollective(Collective, Linear):
    """A linear collective; its transpose is a collective too."""

    @override
    def batch(self, args: Any, axes: Any, size: int, /, **params: Any) -> Batched:
        return Collective.batch(self, args, axes, size, **params)


class Psum(LinearCollective):
    """The sum over all examples."""

    @override
    def infer(self, x: Aval, token: Aval, *, size: int) -> tuple[Aval, ...]:
        return (Aval(x.shape, sum_dtype(x.dtype)),)

    @override
    def transpose(self, ct: Any, x: Any, token: Any, *, size: int) -> Any:
        return project(self.bind(ct, token, size=size)[0], dtype_of(x))

    @override
    def over(self, x: Any, axis: int | None, *, size: int) -> tuple[Any, Any]:
        if axis is None:
            return mul(x, size), None
        return sum_p(x, axes=(axis,)), None


class Pextremum(Collective):
    """The maximum or minimum over all examples; ties share its derivative equally."""

    def __init__(self, name: str, reduction: Primitive) -> None:
        super().__init__(name)
        self.reduction = reduction

    @override
    def infer(self, x: Aval, token: Aval, *, size: int) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

    @override
    def over(self, x: Any, axis: int | None, *, size: int) -> tuple[Any, Any]:
        return (x if axis is None else self.reduction(x, axes=(axis,))), None

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, size: int) -> Sequence[Any]:
        (x, token), t = primals, tangents[0]
        hits, count = _ties(x, token, outs[0], size)
        return (div(psum_p(where(hits, t, 0), token, size=size), count),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, size: int) -> Sequence[Any]:
        x, token = ins
        hits, count = _ties(x, token, outs[0], size)
        return where(hits, div(psum_p(cts[0], token, size=size), count), 0), None


def _ties(x: Any, token: Any, y: Any, size: int) -> tuple[Any, Any]:
    """Whether an example equals the extremum, and the number of those that do."""
    hits = eq(x, y)
    return hits, psum_p(cast(hits, dtype_of(y)), token, size=size)


class AllGather(LinearCollective):
    """The values of all examples, along a new axis or, if ``tiled``, concatenated."""

    @override
    def infer(self, x: Aval, token: Aval, *, size: int, axis: int, tiled: bool) -> tuple[Aval, ...]:
        return (Aval(_gathered(x.shape, size, axis, tiled), x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, token: Any, **params: Any) -> Any:
        return psum_scatter_p(ct, token, **params)

    @override
    def over(self, x: Any, d: int | None, *, size: int, axis: int, tiled: bool) -> tuple[Any, Any]:
        shape = list(shape_of(x))
        if d is not None:
            del shape[d]
        y = _move_first_axis(batch_at_front(x, d, size), axis)
        return reshape(y, _gathered(tuple(shape), size, axis, tiled)), None

    @override
    def shifted_params(self, *, axis: int, **params: Any) -> dict[str, Any]:
        return {"axis": axis + 1, **params}


class PsumScatter(LinearCollective):
    """The sum over all examples, split along an axis: each example gets one part."""

    @override
    def infer(self, x: Aval, token: Aval, *, size: int, axis: int, tiled: bool) -> tuple[Aval, ...]:
        if x.shape[axis] % size or (not tiled and x.shape[axis] != size):
            want = f"a multiple of {size}" if tiled else f"{size}, the number of examples"
            raise ShapeError(f"psum_scatter: axis {axis} must have length {want}: got {x}")
        parts = (x.shape[axis] // size,) if tiled else ()
        return (Aval((*x.shape[:axis], *parts, *x.shape[axis + 1 :]), sum_dtype(x.dtype)),)

    @override
    def transpose(self, ct: Any, x: Any, token: Any, **params: Any) -> Any:
        return project(all_gather_p(ct, token, **params), dtype_of(x))

    @override
    def over(self, x: Any, d: int | None, *, size: int, axis: int, tiled: bool) -> tuple[Any, Any]:
        total = mul(x, size) if d is None else sum_p(x, axes=(d,))
        return _split(total, size, axis) if tiled else total, axis

    @override
    def shifted_params(self, *, axis: int, **params: Any) -> dict[str, Any]:
        return {"axis": axis + 1, **params}


class AllToAll(LinearCollective):
    """Example k gets part k, along ``split``, of every example, concatenated along ``concat``."""

    @override
    def infer(
        self, x: Aval, token: Aval, *, size: int, split: int, concat: int, tiled: bool
    ) -> tuple[Aval, ...]:
        shape = list(x.shape)
        if shape[split] % size or (not tiled and shape[split] != size):
            want = f"a multiple of {size}" if tiled else f"{size}, the number of examples"
            raise ShapeError(f"all_to_all: axis {split} must have length {want}: got {x}")
        if tiled:
            shape[split] //= size
            shape[concat] *= size
        else:
            del shape[split]
            shape.insert(concat, size)
        return (Aval(tuple(shape), x.dtype),)

    @override
    def transpose(
        self, ct: Any, x: Any, token: Any, *, split: int, concat: int, **params: Any
    ) -> Any:
        return self(ct, token, split=concat, concat=split, **params)

    @override
    def over(
        self, x: Any, d: int | None, *, size: int, split: int, concat: int, tiled: bool
    ) -> tuple[Any, Any]:
        x = batch_at_front(x, d, size)  # [from, ..., to, ...]
        if tiled:
            x = _split(x, size, split + 1)
        rest = [a for a in range(1, len(shape_of(x))) if a != split + 1]
        rest.insert(concat, 0)
        y = transpose_p(x, perm=(split + 1, *rest))  # [to, ..., from, ...]
        if tiled:
            shape = shape_of(y)
            merged = shape[concat + 1] * shape[concat + 2]
            y = reshape(y, (*shape[: concat + 1], merged, *shape[concat + 3 :]))
        return y, 0

    @override
    def shifted_params(self, *, split: int, concat: int, **params: Any) -> dict[str, Any]:
        return {"split": split + 1, "concat": concat + 1, **params}


class Ppermute(LinearCollective):
    """The value of the source of this example in ``perm``; zeros without a source."""

    @override
    def infer(self, x: Aval, token: Aval, *, size: int, perm: Any) -> tuple[Aval, ...]:
        return (Aval(x.shape, x.dtype),)

    @override
    def transpose(self, ct: Any, x: Any, token: Any, *, size: int, perm: Any) -> Any:
        return self(ct, token, size=size, perm=tuple((b, a) for a, b in perm))

    @override
    def over(self, x: Any, d: int | None, *, size: int, perm: Any) -> tuple[Any, Any]:
        x = batch_at_front(x, d, size)
        source, has = np.zeros(size, np.intp), np.zeros(size, bool)
        for a, b in perm:
            source[b], has[b] = a, True
        y = getitem_p(x, source, index=Index((ARRAY,)))
        if not has.all():
            y = where(expand_dims(has, tuple(range(1, len(shape_of(x))))), y, 0)
        return cast(y, dtype_of(x)), 0


def _gathered(shape: Shape, size: int, axis: int, tiled: bool) -> Shape:
    if not tiled:
        return (*shape[:axis], size, *shape[axis:])
    return (*shape[:axis], size * shape[axis], *shape[axis + 1 :])


def _move_first_axis(x: Any, place: int) -> Any:
    """``x`` with its first axis moved to a position."""
    return transpose_p(x, perm=(*range(1, place + 1), 0, *range(place + 1, len(shape_of(x)))))


def _split(x: Any, size: int, axis: int) -> Any:
    """``x`` with one axis split in two, the first of length ``size``."""
    shape = shape_of(x)
    return reshape(x, (*shape[:axis], size, shape[axis] // size, *shape[axis + 1 :]))


psum_p = Psum("psum")
pmax_p = Pextremum("pmax", max_p)
pmin_p = Pextremum("pmin", min_p)
all_gather_p = AllGather("all_gather")
psum_scatter_p = PsumScatter("psum_scatter")
all_to_all_p = AllToAll("all_to_all")
ppermute_p = Ppermute("ppermute")
