"""Reductions that are not linear: extrema, products, indices, any and all.

Sums, means and cumulative sums are linear: see ``structure.py``.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Axes, accumulation_dtype, dtype_of, shape_of
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.errors import DtypeError
from ..core.registry import primitives
from ..core.trace import Primitive
from .compare import eq, isfinite, isnan, logical_or, ne
from .dependences import Accumulating, Uniting
from .elementwise import (
    abs as abs_of,
    add,
    div,
    ldexp,
    mul,
    sqrt,
    square,
    where,
)
from .index import ARRAY, Index, concatenate_p, getitem_p
from .structure import (
    Batched,
    axis_to_front,
    cast,
    drop_axes,
    expand_dims,
    reshape,
    sum_p,
    transpose_p,
    upcast,
)


def axes_of(axis: Any, rank: int) -> Axes:
    """The ``axis`` of a reduction (None, an integer, a tuple) as sorted axes, not negative.

    Raises:
        numpy.exceptions.AxisError: if an axis is out of range.
        ValueError: if an axis is repeated.
    """
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, tuple) else (axis,)  # NumPy refuses a list
    axes = sorted(axis_of(d, rank) for d in given)
    if len(set(axes)) < len(axes):
        raise ValueError("duplicate value in 'axis'")
    return tuple(axes)


def axes_in(axis: Any, rank: int) -> Axes:
    """``axes_of``, which takes any sequence of axes.

    Raises:
        numpy.exceptions.AxisError: if an axis is out of range.
        ValueError: if an axis is repeated.
    """
    try:
        return axes_of(axis if axis is None else operator.index(axis), rank)
    except TypeError:
        return axes_of(tuple(axis), rank)


def axis_of(axis: Any, rank: int) -> int:
    """An axis that is not negative."""
    axis = operator.index(axis)
    if not -rank <= axis < rank:
        raise np.exceptions.AxisError(axis, rank)
    return axis % rank


class Reduction(Primitive, Codegen, Uniting):
    """Reduce ``axes``, which are not negative and are removed."""

    def __init__(
        self, name: str, function: Callable[..., Any], ufunc: np.ufunc | None = None
    ) -> None:
        super().__init__(name)
        self.function = function
        if ufunc is not None:  # whose ``reduce`` is the function
            self.emit = lambda w, outs, ins, *, axes: w.reduce(ufunc, ins[0], axes, outs[0])
            self.in_c = lambda w, x, *, axes: w.reduce(name, x, axes, w.out.dtype)

    @override
    def run(self, x: Any, *, axes: Axes) -> tuple[Any, ...]:
        return (self.function(x, axis=axes),)

    @override
    def infer(self, x: Aval, *, axes: Axes) -> tuple[Aval, ...]:
        dtype = self.function(np.ones(1, x.dtype)).dtype
        return (Aval(drop_axes(x.shape, axes), dtype),)

    @override
    def batch(self, args: Any, where: Any, size: int, /, *, axes: Axes) -> Batched:
        return self.bind(axis_to_front(args[0], where[0]), axes=tuple(d + 1 for d in axes)), (0,)


class Extremum(Reduction):
    """The maximum or minimum; ties share its derivative equally."""

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, axes: Axes) -> Sequence[Any]:
        hits, count = _ties(primals[0], outs[0], axes)
        share = div(sum_p(upcast(where(hits, tangents[0], 0)), axes=axes), count)
        return (cast(share, dtype_of(outs[0])),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, axes: Axes) -> Sequence[Any]:
        hits, count = _ties(ins[0], outs[0], axes)
        share = expand_dims(cast(div(cts[0], count), dtype_of(cts[0])), axes)
        return (where(hits, share, 0),)


def _ties(x: Any, y: Any, axes: Axes) -> tuple[Any, Any]:
    """The mask of elements equal to the extremum, and their number; at nan all, and nan."""
    hits = eq(x, expand_dims(y, axes))
    count = cast(sum_p(hits, axes=axes), accumulation_dtype(dtype_of(y)))
    none = eq(count, 0)
    return logical_or(hits, expand_dims(none, axes)), where(none, np.nan, count)


def power_of_two(peak: Any) -> Any:
    """A power of 2 near a number, by which it is divided exactly.

    Its reciprocal is a normal number: XLA multiplies by it, and takes subnormal numbers for 0.
    """
    dtype, power = dtype_of(peak), primitives["exponent"](peak)
    top = int(np.finfo(dtype).maxexp) - 2
    return ldexp(np.ones((), dtype), primitives["minimum"](power, top))


class Norm(Reduction):
    """The Euclidean norm of real elements, in ``dtype``; its derivative at 0 is 0.

    It is accurate also where squares of elements overflow or underflow.
    """

    @override
    def run(self, x: Any, *, axes: Axes, dtype: np.dtype) -> tuple[Any, ...]:
        y = _euclidean_norm(x, axes)
        return (dtype.type(y) if type(y) is float else y.astype(dtype)[()],)

    @override
    def infer(self, x: Aval, *, axes: Axes, dtype: np.dtype) -> tuple[Aval, ...]:
        if x.dtype.kind != "f":
            raise DtypeError(f"norm: the elements must be real: got {x}")
        return (Aval(drop_axes(x.shape, axes), dtype),)

    def decompose(self, x: Any, *, axes: Axes, dtype: np.dtype) -> Any:
        """Scale by a power of 2, which is exact except for overflow and underflow."""
        shape = shape_of(x)
        if any(shape[d] == 0 for d in axes):
            return (np.zeros(drop_axes(shape, axes), dtype),)
        peak = max_p(abs_of(x), axes=axes)
        peak = where(isfinite(peak), peak, 1)
        scale = power_of_two(peak)
        total = sum_p(square(div(x, expand_dims(scale, axes))), axes=axes)
        return (cast(mul(cast(sqrt(total), np.float64), cast(scale, np.float64)), dtype),)

    @override
    def jvp(
        self, primals: Any, tangents: Any, outs: Any, *, axes: Axes, dtype: np.dtype
    ) -> Sequence[Any]:
        product = mul(tangents[0], _direction(primals[0], outs[0], axes))
        return (cast(sum_p(product, axes=axes), dtype),)

    @override
    def vjp(
        self, cts: Any, needs: Any, outs: Any, ins: Any, *, axes: Axes, dtype: np.dtype
    ) -> Sequence[Any]:
        ct = mul(expand_dims(cts[0], axes), _direction(ins[0], outs[0], axes))
        return (cast(ct, dtype_of(ins[0])),)

    @override
    def batch(self, args: Any, where: Any, size: int, /, *, axes: Axes, dtype: np.dtype) -> Batched:
        x = axis_to_front(args[0], where[0])
        return self.bind(x, axes=tuple(d + 1 for d in axes), dtype=dtype), (0,)


def _direction(x: Any, y: Any, axes: Axes) -> Any:
    """x / |x|, 0 at 0."""
    return div(x, expand_dims(where(eq(y, 0), np.inf, y), axes))


def _euclidean_norm(x: Any, axes: Axes) -> Any:
    """The root of the sum of squares, scaled where a square overflows or underflows."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise TypeError(f"norm: the elements must be real: got {x.dtype}")
    low, high = _EXACT_SQUARES[x.dtype.itemsize]
    with np.errstate(over="ignore", under="ignore"):
        if len(axes) == x.ndim and x.flags.c_contiguous:
            flat = x.reshape(-1)
            total = float(np.dot(flat, flat))  # allocates no array of squares
            if low < total < high:
                return math.sqrt(total)
        square = np.add.reduce(np.square(x), axis=axes)
    if x.size and not (np.all(square > low) and np.all(square < high)):
        peak = np.max(np.abs(x), axis=axes, keepdims=True)
        # a power of two: division is exact; 1/2 for 0, inf and nan
        scale = np.ldexp(peak.dtype.type(1), np.frexp(peak)[1] - 1)
        y = np.sqrt(np.add.reduce(np.square(x / scale), axis=axes))
        return y.astype(np.float64) * np.reshape(scale, y.shape)
    return np.sqrt(square)


# itemsize of a dtype -> the range in which a sum of squares is exact to rounding
_EXACT_SQUARES = {
    kind.itemsize: (float(info.tiny) / float(info.eps), float(min(info.max, np.finfo(float).max)))
    for kind, info in ((np.dtype(c), np.finfo(c)) for c in "gdfe")
}


class Prod(Reduction):
    """The product; its derivative is the product of the others, exact at zeros."""

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, axes: Axes) -> Sequence[Any]:
        return (sum_p(mul(tangents[0], _product_of_others(primals[0], axes)), axes=axes),)

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, axes: Axes) -> Sequence[Any]:
        return (mul(expand_dims(cts[0], axes), _product_of_others(ins[0], axes)),)


def _product_of_others(x: Any, axes: Axes) -> Any:
    """The product of all other elements along ``axes``, for each element."""
    shape = shape_of(x)
    kept = tuple(d for d in range(len(shape)) if d not in axes)
    perm = kept + axes
    flat = reshape(transpose_p(x, perm=perm), (*(shape[d] for d in kept), -1))
    left = _exclusive_cumprod(flat)
    right = flip(_exclusive_cumprod(flip(flat, -1)), -1)
    back = tuple(sorted(range(len(perm)), key=perm.__getitem__))
    return transpose_p(reshape(mul(left, right), tuple(shape[d] for d in perm)), perm=back)


def _exclusive_cumprod(x: Any) -> Any:
    """The exclusive cumulative product along the last axis."""
    axis = len(shape_of(x)) - 1
    return _shifted(cumprod_p(x, axis=axis), 1, axis, 1)


def _shifted(x: Any, n: int, axis: int, filler: float) -> Any:
    """``x`` shifted by n along one axis, filled with ``filler``."""
    shape = shape_of(x)
    length = max(shape[axis] - n, 0)
    start = np.full((*shape[:axis], shape[axis] - length, *shape[axis + 1 :]), filler, dtype_of(x))
    head = getitem_p(x, index=Index((*[slice(None)] * axis, slice(0, length))))
    return concatenate_p(start, head, axis=axis)


def flip(x: Any, axis: int) -> Any:
    """``x`` reversed along one axis."""
    before = axis_of(axis, len(shape_of(x)))
    return getitem_p(x, index=Index((*[slice(None)] * before, slice(None, None, -1))))


class Cumprod(Primitive, Codegen, Accumulating):
    """Cumulative product along one axis."""

    @override
    def run(self, x: Any, *, axis: int) -> tuple[Any, ...]:
        return (np.multiply.accumulate(x, axis),)

    @override
    def infer(self, x: Aval, *, axis: int) -> tuple[Aval, ...]:
        return (Aval(x.shape, np.multiply.accumulate(np.ones(1, x.dtype)).dtype),)

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, axis: int) -> Sequence[Any]:
        # products of dual numbers (p, d) by doubling: no division, so zeros are exact
        p, d, reach = primals[0], tangents[0], 1
        while reach < shape_of(p)[axis]:
            p_before, d_before = _shifted(p, reach, axis, 1), _shifted(d, reach, axis, 0)
            d = add(mul(d_before, p), mul(p_before, d))
            p = mul(p_before, p)
            reach *= 2
        return (d,)

    def decompose(self, x: Any, *, axis: int) -> Any:
        p, reach = cast(x, np.multiply.accumulate(np.ones(1, dtype_of(x))).dtype), 1
        while reach < shape_of(p)[axis]:
            p = mul(_shifted(p, reach, axis, 1), p)
            reach *= 2
        return (p,)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, axis: int) -> Batched:
        return self.bind(axis_to_front(args[0], axes[0]), axis=axis + 1), (0,)

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, axis: int) -> None:
        w.accumulate("multiply", ins[0], axis, outs[0])

    def in_c(self, w: Any, x: Any, *, axis: int) -> Any:
        return w.accumulate("prod", x, axis, w.out.dtype)


class Position(Primitive, Codegen):
    """An index along one axis, such as argmax: an integer without a derivative."""

    differentiable = False
    is_new = True

    def __init__(
        self, name: str, function: Callable[..., Any], keeps_axis: bool, decompose: Any = None
    ) -> None:
        super().__init__(name)
        self.function = function
        self.keeps_axis = keeps_axis
        self.decompose = decompose

    @override
    def run(self, x: Any, *, axis: int, **params: Any) -> tuple[Any, ...]:
        return (self.function(x, axis=axis, **params),)

    @override
    def infer(self, x: Aval, *, axis: int, **params: Any) -> tuple[Aval, ...]:
        shape = x.shape if self.keeps_axis else drop_axes(x.shape, (axis,))
        return (Aval(shape, np.dtype(np.intp)),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, axis: int, **params: Any) -> Batched:
        return self.bind(axis_to_front(args[0], axes[0]), axis=axis + 1, **params), (0,)

    def in_c(self, w: Any, x: Any, *, axis: int, kind: str | None = None, **params: Any) -> Any:
        if self.name == "argsort":
            return w.argsort(x, axis, kind)
        return (w.running_position if self.keeps_axis else w.position)(self.name, x, axis)


def gather_along_axis(x: Any, positions: Any, axis: int) -> Any:
    """np.take_along_axis; the other axes of both have equal lengths."""
    shape = shape_of(positions)
    grid = []
    for d, n in enumerate(shape):
        along = [1] * len(shape)
        along[d] = n
        grid.append(positions if d == axis else np.arange(n).reshape(along))
    return getitem_p(x, *grid, index=Index([ARRAY] * len(shape)))


class NonDifferentiableReduction(Reduction):
    """A reduction to a boolean or a count, without a derivative."""

    differentiable = False


class Count(NonDifferentiableReduction):
    """The number of elements that are not 0."""

    def decompose(self, x: Any, *, axes: Axes) -> Any:
        return (sum_p(ne(x, 0), axes=axes),)


def skipping_nan(position: Position, least: float) -> Callable[..., Any]:
    """The index of the extremum of the elements that are not nan; ``least`` replaces nan."""

    def decompose(x: Any, *, axis: int) -> Any:
        is_float = dtype_of(x).kind in "fc"
        return position.bind(where(isnan(x), least, x) if is_float else x, axis=axis)

    return decompose


def _count(x: Any, axis: Axes | None = None) -> Any:
    return np.intp(np.count_nonzero(x, axis=axis))  # some versions of NumPy give a Python scalar


# fmt: off
max_p       = Extremum("max", np.max, np.maximum)
min_p       = Extremum("min", np.min, np.minimum)
norm_p      = Norm("norm", np.linalg.norm)
prod_p      = Prod("prod", np.prod, np.multiply)
cumprod_p   = Cumprod("cumprod")
any_p       = NonDifferentiableReduction("any", np.any, np.logical_or)
all_p       = NonDifferentiableReduction("all", np.all, np.logical_and)
count_p     = Count("count_nonzero", _count)
argmax_p    = Position("argmax", np.argmax, keeps_axis=False)
argmin_p    = Position("argmin", np.argmin, keeps_axis=False)
nanargmax_p = Position("nanargmax", np.nanargmax, keeps_axis=False,
                       decompose=skipping_nan(argmax_p, -np.inf))
nanargmin_p = Position("nanargmin", np.nanargmin, keeps_axis=False,
                       decompose=skipping_nan(argmin_p, np.inf))
argsort_p   = Position("argsort", np.argsort, keeps_axis=True)
argpartition_p = Position("argpartition", np.argpartition, keeps_axis=True)
# fmt: on
