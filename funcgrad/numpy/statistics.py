"""Means, variances, standard deviations, and reductions that ignore nan."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, real_dtype, shape_of
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.reduce import axes_in, axes_of, axis_of
from ..ops.structure import broadcast_to, cast, expand_dims, mean_p
from .aliasing import as_scalar
from .cumulative import cumprod, cumsum
from .dispatch import NO_VALUE, implements, no_out
from .indexing import known
from .reductions import any, initial_as, is_given, max, min, prod, reduce_along, sum, where_mask
from .shapes import integer_tuple


def _count(a: Any, axis: Any, where: Any, keepdims: Any) -> Any:
    """Number of elements that a mean is taken over; with a mask, one per result."""
    shape = shape_of(a)
    if where is True or where is NO_VALUE:
        return math.prod(shape[d] for d in axes_of(axis, len(shape)))
    mask = broadcast_to(where_mask(where, shape), shape)
    return sum(mask, axis=axis, keepdims=keepdims)


# dtypes in which NumPy computes means unchanged
_EXACT_MEAN = frozenset(map(np.dtype, ("f4", "f8", "c8", "c16")))


def _as_mean_dtype(a: Any, dtype: Any) -> Any:
    """``a`` in the dtype in which NumPy computes its mean."""
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
    """Mean along axes; see numpy.mean."""
    no_out("mean", out)
    a = operand(a)
    if where is True and dtype is None and dtype_of(a) in _EXACT_MEAN:  # the common case
        return reduce_along("mean", mean_p, a, axes_of(axis, len(shape_of(a))), keepdims)
    wide = _as_mean_dtype(a, dtype)
    y = _ratio(sum(wide, axis, keepdims=keepdims, where=where), _count(a, axis, where, keepdims))
    return _as_result_dtype(y, dtype_of(a), dtype)


def _as_result_dtype(y: Any, kind: np.dtype, dtype: Any) -> Any:
    """Mean in ``dtype``, by default in the array's dtype if that is inexact."""
    if dtype is not None:
        return cast(y, dtype)
    return cast(y, kind) if is_inexact(kind) else y


def _ratio(total: Any, count: Any) -> Any:
    """Quotient by a count, in the dtype of the dividend."""
    if not isinstance(count, (int, float)):
        count = cast(count, dtype_of(ew.real(total)) if ew.is_complex(total) else dtype_of(total))
    elif count == 0:
        count = np.zeros((), dtype_of(total))  # NumPy's nan and warning
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
    """Variance along axes; see numpy.var."""
    no_out("var", out)
    a = operand(a)
    wide = _as_mean_dtype(a, dtype)
    ddof = _ddof(ddof, correction)
    count = _count(a, axis, where, keepdims)
    if mean is None or mean is NO_VALUE:
        mean = _ratio(sum(wide, axis, keepdims=True, where=where), _count(a, axis, where, True))
        mean = mean if dtype is None else cast(mean, dtype)
    deviation = ew.sub(a, operand(mean))  # complex even if dtype is real
    y = sum(_abs2(deviation), axis, dtype, keepdims=keepdims, where=where)
    free = ew.maximum(ew.sub(count, ddof), 0)  # the degrees of freedom
    y = _ratio(y, free if isinstance(free, (Tracer, np.ndarray)) else free.item())
    dtype_out = real_dtype(dtype_of(a))
    return _as_result_dtype(y, dtype_out if is_inexact(dtype_of(a)) else dtype_of(a), dtype)


def _ddof(ddof: Any, correction: Any) -> Any:
    """``ddof``, which may be given as ``correction``."""
    if not is_given(correction):
        return ddof
    if isinstance(ddof, Tracer) or ddof != 0:
        raise ValueError("ddof and correction can't be provided simultaneously.")
    return correction


def _abs2(x: Any) -> Any:
    """|x|**2, real also for complex numbers."""
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
    """Standard deviation, whose derivative is 0 where it is 0; see numpy.std."""
    no_out("std", out)
    options = {"where": where, "mean": mean, "correction": correction}
    y = ew.root(var(a, axis, dtype, None, ddof, keepdims, **options))
    return y if dtype is None else cast(y, dtype)


@implements("average")
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """Weighted mean; see numpy.average."""
    a = operand(a)
    if weights is None:
        axis = axes_in(axis, len(shape_of(a)))
        y = mean(a, axis, keepdims=keepdims)
        total = np.full(shape_of(y), _count(a, axis, True, False), dtype_of(y))
        return (y, total) if returned else y
    w = _aligned_weights(a, weights, axis)
    axis = axes_in(axis, len(shape_of(a)))
    kind = np.result_type(dtype_of(a), dtype_of(w))
    kind = kind if is_inexact(dtype_of(a)) else np.result_type(kind, np.float64)
    total = sum(w, axis, kind, keepdims=keepdims)
    values = known(total)
    if values is not None and np.any(values == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    y = ew.div(sum(ew.mul(cast(a, kind), cast(w, kind)), axis, keepdims=keepdims), total)
    return (y, ew.mul(total, np.ones(shape_of(y), dtype_of(y)))) if returned else y


def broadcast_weights(a: Any, weights: Any, axis: Any) -> Any:
    """One weight per element, from as many weights, or from one per index along ``axis``."""
    return broadcast_to(_aligned_weights(a, weights, axis), shape_of(a))


def _aligned_weights(a: Any, weights: Any, axis: Any) -> Any:
    """Weights that broadcast to ``a``: as many, or one per index along ``axis``.

    The axes of the weights are those of ``axis``, in the order given.
    """
    w, shape = strong(operand(weights)), shape_of(a)
    if shape_of(w) == shape:
        return w
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    given = [axis_of(d, len(shape)) for d in integer_tuple(axis)]
    if shape_of(w) != tuple(shape[d] for d in given):
        raise ValueError(
            "Shape of weights must be consistent with shape of a along specified axis."
        )
    w = np.transpose(w, np.argsort(given))
    return expand_dims(w, tuple(d for d in range(len(shape)) if d not in given))


def _without_nan(a: Any, filler: Any) -> tuple[Any, Any]:
    """``a`` with nan replaced, and the mask of elements that are not nan."""
    a = operand(a)
    good = compare.logical_not(compare.isnan(a))
    return ew.where(good, a, filler), good


def _check_inexact(a: Any, dtype: Any) -> None:
    if dtype is not None and is_inexact(dtype_of(operand(a))) and not is_inexact(np.dtype(dtype)):
        raise TypeError("If a is inexact, then dtype must be inexact")


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
    """Sum, ignoring nan; see numpy.nansum."""
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
    """Product, ignoring nan; see numpy.nanprod."""
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
    """Maximum, ignoring nan; see numpy.nanmax."""
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
    """Minimum, ignoring nan; see numpy.nanmin."""
    return _nan_extremum(min, np.inf, a, axis, out, keepdims, initial, where)


def _nan_extremum(
    pick: Any, filler: float, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    if not is_inexact(dtype_of(operand(a))):
        return pick(a, axis, out, keepdims, initial, where)
    filled, good = _without_nan(a, filler)
    y = pick(filled, axis, out, keepdims, filler if is_given(initial) else initial, where)
    y = as_scalar(ew.where(any(_selected(good, where), axis, keepdims=keepdims), y, np.nan))
    join = ew.fmax if pick is max else ew.fmin
    return join(y, initial_as(initial, dtype_of(y))) if is_given(initial) else y


def _selected(good: Any, where: Any) -> Any:
    """Mask of the elements that are not nan and selected by ``where``."""
    if where is True or where is NO_VALUE:
        return good
    return compare.logical_and(good, where_mask(where, shape_of(good)))


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
    """Mean, ignoring nan; see numpy.nanmean."""
    _check_inexact(a, dtype)
    filled, good = _without_nan(a, 0)
    return mean(filled, axis, dtype, out, keepdims, where=_selected(good, where))


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
    """Variance, ignoring nan; see numpy.nanvar."""
    _check_inexact(a, dtype)
    filled, good = _without_nan(a, 0)
    options = {"where": _selected(good, where), "mean": mean, "correction": correction}
    y = var(filled, axis, dtype, out, ddof, keepdims, **options)
    return _nan_without_freedom(y, a, axis, options["where"], keepdims, _ddof(ddof, correction))


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
    """Standard deviation, ignoring nan; see numpy.nanstd."""
    _check_inexact(a, dtype)
    filled, good = _without_nan(a, 0)
    options = {"where": _selected(good, where), "mean": mean, "correction": correction}
    y = std(filled, axis, dtype, out, ddof, keepdims, **options)
    return _nan_without_freedom(y, a, axis, options["where"], keepdims, _ddof(ddof, correction))


def _nan_without_freedom(y: Any, a: Any, axis: Any, where: Any, keepdims: Any, ddof: Any) -> Any:
    """``y``, but nan where there are at most ``ddof`` elements."""
    a = operand(a)
    if not is_inexact(dtype_of(a)):
        return y  # NumPy computes var and std
    few = compare.le(ew.sub(_count(a, axis, where, keepdims), ddof), 0)
    return ew.mul(y, cast(ew.where(few, np.nan, 1.0), dtype_of(y)))


@implements("nancumsum")
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Cumulative sum, nan taken as 0; see numpy.nancumsum."""
    return cumsum(_without_nan(a, 0)[0], axis, dtype, out)


@implements("nancumprod")
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Cumulative product, nan taken as 1; see numpy.nancumprod."""
    return cumprod(_without_nan(a, 1)[0], axis, dtype, out)
