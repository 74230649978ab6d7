"""Sums, products, extrema, means, variances, norms of axes, and their running forms."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew, reduce as prims
from ..ops.operand import operand
from ..ops.reduce import axes_of, axis_of
from ..ops.structure import broadcast_to, cast, cumsum_p, expand_dims, reshape, sum_p
from .table import implements, no_out

_NO_VALUE: Any = np._NoValue  # NumPy's own mark of an argument that was not given


def _given(initial: Any) -> bool:
    return initial is not None and initial is not _NO_VALUE


def _reduce(who: str, prim: Any, a: Any, axis: Any, keepdims: Any, out: Any = None) -> Any:
    """Apply a reduction primitive with NumPy's axis and keepdims arguments."""
    no_out(who, out)
    axes = axes_of(axis, len(shape_of(a)))
    y = prim(a, axes=axes)
    return expand_dims(y, axes) if keepdims is True else y


def _masked(a: Any, where: Any, filler: Any) -> Any:
    """Return ``a`` with a neutral element where the mask excludes it."""
    if where is True or where is _NO_VALUE:
        return a
    shape = np.broadcast_shapes(shape_of(a), shape_of(operand(where)))
    return ew.where(operand(where), broadcast_to(a, shape), filler)


@implements("sum")
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Add along axes; see numpy.sum."""
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    y = _reduce("sum", sum_p, _masked(a, where, 0), axis, keepdims, out)
    return ew.add(y, operand(initial)) if _given(initial) else y


@implements("prod")
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Multiply along axes; the derivative is exact where elements are 0; see numpy.prod."""
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    y = _reduce("prod", prims.prod_p, _masked(a, where, 1), axis, keepdims, out)
    return ew.mul(y, operand(initial)) if _given(initial) else y


def _extremum(
    who: str,
    prim: Any,
    pick: Any,
    worst: Callable[[np.dtype], Any],
    a: Any,
    axis: Any,
    out: Any,
    keepdims: Any,
    initial: Any,
    where: Any,
) -> Any:
    a = operand(a)
    axes = axes_of(axis, len(shape_of(a)))
    if where is not True and where is not _NO_VALUE:
        if not _given(initial):
            raise ValueError(
                f"{who}: where= needs initial=, the result where nothing is chosen: "
                f"give initial, for example {'-' * (who == 'max')}numpy.inf"
            )
        a = _masked(a, where, worst(dtype_of(a)))
    empty = math.prod(shape_of(a)[d] for d in axes) == 0
    if empty and _given(initial):
        kept = tuple(n for d, n in enumerate(shape_of(a)) if d not in axes)
        y = broadcast_to(cast(operand(initial), dtype_of(a)), kept)
        return expand_dims(y, axes) if keepdims is True else y
    y = _reduce(who, prim, a, axis, keepdims, out)
    return pick(y, operand(initial)) if _given(initial) else y


def _lowest(dtype: np.dtype) -> Any:
    return -np.inf if is_inexact(dtype) else False if dtype.kind == "b" else np.iinfo(dtype).min


def _highest(dtype: np.dtype) -> Any:
    return np.inf if is_inexact(dtype) else True if dtype.kind == "b" else np.iinfo(dtype).max


@implements("max", "amax")
def max(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Return the largest element; ties share the derivative; see numpy.max."""
    return _extremum(
        "max", prims.max_p, ew.maximum, _lowest, a, axis, out, keepdims, initial, where
    )


@implements("min", "amin")
def min(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Return the smallest element; ties share the derivative; see numpy.min."""
    return _extremum(
        "min", prims.min_p, ew.minimum, _highest, a, axis, out, keepdims, initial, where
    )


@implements("ptp")
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """Return the range, largest minus smallest; see numpy.ptp."""
    no_out("ptp", out)
    return ew.sub(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


@implements("any")
def any(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """Return whether any element is true; see numpy.any."""
    return _reduce("any", prims.any_p, _masked(operand(a), where, False), axis, keepdims, out)


@implements("all")
def all(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """Return whether all elements are true; see numpy.all."""
    return _reduce("all", prims.all_p, _masked(operand(a), where, True), axis, keepdims, out)


@implements("count_nonzero")
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Count the elements that are not zero; see numpy.count_nonzero."""
    return _reduce("count_nonzero", prims.count_p, operand(a), axis, keepdims)


def _position(who: str, prim: Any, a: Any, axis: int | None, out: Any, keepdims: Any) -> Any:
    no_out(who, out)
    a = operand(a)
    rank = len(shape_of(a))
    if axis is None:
        y = prim(reshape(a, (-1,)), axis=0)
        return reshape(y, (1,) * rank) if keepdims is True else y
    axis = axis_of(axis, rank)
    y = prim(a, axis=axis)
    return expand_dims(y, (axis,)) if keepdims is True else y


@implements("argmax")
def argmax(a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """Return where the largest element stands; see numpy.argmax."""
    return _position("argmax", prims.argmax_p, a, axis, out, keepdims)


@implements("argmin")
def argmin(a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """Return where the smallest element stands; see numpy.argmin."""
    return _position("argmin", prims.argmin_p, a, axis, out, keepdims)


# means and variances


def _count(a: Any, axis: Any, where: Any, keepdims: Any) -> Any:
    """Return how many elements a mean is over, per result where a mask says so."""
    shape = shape_of(a)
    if where is True or where is _NO_VALUE:
        return math.prod(shape[d] for d in axes_of(axis, len(shape)))
    mask = broadcast_to(cast(operand(where), bool), shape)
    return sum(mask, axis=axis, keepdims=keepdims)


# dtypes that NumPy takes means in, as they are
_EXACT_MEAN = frozenset(map(np.dtype, ("f4", "f8", "c8", "c16")))


def _wide(a: Any, dtype: Any) -> Any:
    """Return ``a`` in the dtype in which NumPy takes its mean."""
    if dtype is not None:
        return cast(a, dtype)
    kind = dtype_of(a)
    if not is_inexact(kind):
        return cast(a, np.float64)
    return cast(a, np.float32) if kind == np.float16 else a


@implements("mean")
def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """Return the mean along axes; see numpy.mean."""
    no_out("mean", out)
    a = operand(a)
    if where is True and dtype is None and dtype_of(a) in _EXACT_MEAN:  # nearly always
        return ew.div(_reduce("mean", sum_p, a, axis, keepdims), _count(a, axis, where, keepdims))
    wide = _wide(a, dtype)
    y = _ratio(sum(wide, axis, keepdims=keepdims, where=where), _count(a, axis, where, keepdims))
    return cast(y, dtype_of(a)) if dtype is None and is_inexact(dtype_of(a)) else y


def _ratio(total: Any, count: Any) -> Any:
    """Divide by a count, keeping the dtype of what is divided."""
    if not isinstance(count, (int, float)):
        count = cast(count, dtype_of(ew.real(total)) if ew.is_complex(total) else dtype_of(total))
    elif count == 0:
        count = np.zeros((), dtype_of(total))  # NumPy's own nan, and its warning
    return ew.div(total, count)


@implements("var")
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Return the variance along axes; see numpy.var."""
    no_out("var", out)
    a = operand(a)
    wide = _wide(a, dtype)
    ddof = correction if _given(correction) else ddof
    count = _count(a, axis, where, keepdims)
    if mean is None or mean is _NO_VALUE:
        mean = _ratio(sum(wide, axis, keepdims=True, where=where), _count(a, axis, where, True))
    deviation = ew.sub(wide, operand(mean))
    y = sum(_abs2(deviation), axis, keepdims=keepdims, where=where)
    free = ew.maximum(ew.sub(count, ddof), 0)  # the degrees of freedom
    y = _ratio(y, free if isinstance(free, (Tracer, np.ndarray)) else free.item())
    dtype_out = np.empty(0, dtype_of(a)).real.dtype
    return cast(y, dtype_out) if dtype is None and is_inexact(dtype_of(a)) else y


def _abs2(x: Any) -> Any:
    """Return |x|**2, real also for complex numbers."""
    return ew.real(ew.mul(x, ew.conj(x))) if ew.is_complex(x) else ew.square(x)


@implements("std")
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Return the standard deviation, whose derivative is 0 where it is 0; see numpy.std."""
    no_out("std", out)
    options = {"where": where, "mean": mean, "correction": correction}
    return ew.root(var(a, axis, dtype, None, ddof, keepdims, **options))


@implements("average")
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """Return the weighted mean; see numpy.average."""
    a = operand(a)
    if weights is None:
        y = mean(a, axis, keepdims=keepdims)
        total = np.full(shape_of(y), _count(a, axis, True, False), dtype_of(y))
        return (y, total) if returned else y
    w = operand(weights)
    if shape_of(w) != shape_of(a):
        axes = axes_of(axis, len(shape_of(a)))
        if tuple(shape_of(a)[d] for d in axes) != shape_of(w):
            raise ValueError(
                f"average: weights must have the shape of a, or of its axes {axis}: "
                f"got {shape_of(w)} for {shape_of(a)}"
            )
        w = expand_dims(w, tuple(d for d in range(len(shape_of(a))) if d not in axes))
        w = broadcast_to(w, shape_of(a))
    total = sum(w, axis, keepdims=keepdims)
    y = ew.div(sum(ew.mul(a, w), axis, keepdims=keepdims), total)
    return (y, total) if returned else y


# running forms


def _scan(
    who: str, prim: Any, a: Any, axis: int | None, dtype: Any, out: Any, **params: Any
) -> Any:
    no_out(who, out)
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    if axis is None:
        a, axis = reshape(a, (-1,)), 0
    if not shape_of(a):
        a = reshape(a, (1,))
    return prim(a, axis=axis_of(axis, len(shape_of(a))), **params)


@implements("cumsum")
def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running sums; see numpy.cumsum."""
    return _scan("cumsum", cumsum_p, a, axis, dtype, out, reverse=False)


@implements("cumprod")
def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running products; see numpy.cumprod."""
    return _scan("cumprod", prims.cumprod_p, a, axis, dtype, out)


def _cumulative(
    running: Any, filler: int, x: Any, axis: int | None, dtype: Any, initial: bool
) -> Any:
    x = operand(x)
    if axis is None:
        if len(shape_of(x)) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` is required.")
        axis = 0
    axis = axis_of(axis, len(shape_of(x)))
    y = running(x, axis, dtype)
    if not initial:
        return y
    shape = tuple(1 if d == axis else n for d, n in enumerate(shape_of(y)))
    return prims.concatenate_p(np.full(shape, filler, dtype_of(y)), y, axis=axis)


@implements("cumulative_sum")
def cumulative_sum(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: bool = False,
) -> Any:
    """Return running sums, from 0 if asked; see numpy.cumulative_sum."""
    no_out("cumulative_sum", out)
    return _cumulative(cumsum, 0, x, axis, dtype, include_initial)


@implements("cumulative_prod")
def cumulative_prod(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: bool = False,
) -> Any:
    """Return running products, from 1 if asked; see numpy.cumulative_prod."""
    no_out("cumulative_prod", out)
    return _cumulative(cumprod, 1, x, axis, dtype, include_initial)


def cummax(a: Any, axis: int = 0) -> Any:
    """Return running maxima: numpy.maximum.accumulate."""
    return _running_extremum(prims.argcummax_p, operand(a), axis)


def cummin(a: Any, axis: int = 0) -> Any:
    """Return running minima: numpy.minimum.accumulate."""
    return _running_extremum(prims.argcummin_p, operand(a), axis)


def _running_extremum(prim: Any, a: Any, axis: int) -> Any:
    axis = axis_of(axis, len(shape_of(a)))
    return prims.take_along(a, prim(a, axis=axis), axis)


# what ignores nan


def _without_nan(a: Any, filler: Any) -> tuple[Any, Any]:
    """Return ``a`` with nan replaced, and where it is a number."""
    a = operand(a)
    good = compare.logical_not(compare.isnan(a))
    return ew.where(good, a, filler), good


@implements("nansum")
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Add what is a number; see numpy.nansum."""
    return sum(_without_nan(a, 0)[0], axis, dtype, out, keepdims, initial, where)


@implements("nanprod")
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Multiply what is a number; see numpy.nanprod."""
    return prod(_without_nan(a, 1)[0], axis, dtype, out, keepdims, initial, where)


@implements("nanmax")
def nanmax(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Return the largest number; see numpy.nanmax."""
    return _nan_extremum(max, -np.inf, a, axis, out, keepdims, initial, where)


@implements("nanmin")
def nanmin(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Return the smallest number; see numpy.nanmin."""
    return _nan_extremum(min, np.inf, a, axis, out, keepdims, initial, where)


def _nan_extremum(
    pick: Any, filler: float, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    filled, good = _without_nan(a, filler)
    y = pick(filled, axis, out, keepdims, initial, where)
    return ew.where(any(good, axis, keepdims=keepdims), y, np.nan)


def _both(good: Any, where: Any) -> Any:
    return (
        good if where is True or where is _NO_VALUE else compare.logical_and(good, operand(where))
    )


@implements("nanmean")
def nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """Return the mean of what is a number; see numpy.nanmean."""
    filled, good = _without_nan(a, 0)
    return mean(filled, axis, dtype, out, keepdims, where=_both(good, where))


@implements("nanvar")
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Return the variance of what is a number; see numpy.nanvar."""
    filled, good = _without_nan(a, 0)
    options = {"where": _both(good, where), "mean": mean, "correction": correction}
    return var(filled, axis, dtype, out, ddof, keepdims, **options)


@implements("nanstd")
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Return the standard deviation of what is a number; see numpy.nanstd."""
    filled, good = _without_nan(a, 0)
    options = {"where": _both(good, where), "mean": mean, "correction": correction}
    return std(filled, axis, dtype, out, ddof, keepdims, **options)


@implements("nancumsum")
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running sums of what is a number; see numpy.nancumsum."""
    return cumsum(_without_nan(a, 0)[0], axis, dtype, out)


@implements("nancumprod")
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running products of what is a number; see numpy.nancumprod."""
    return cumprod(_without_nan(a, 1)[0], axis, dtype, out)
