"""Reductions along axes: sum, prod, max, min, any, all, argmax, argmin."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import Shape, aval_of, broadcast_shapes, dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError, UnsupportedError
from ..core.trace import Tracer
from ..ops import elementwise as ew, reduce as prims
from ..ops.operand import cast_assigned, operand, strong
from ..ops.reduce import axes_of, axis_of
from ..ops.structure import broadcast_to, cast, expand_dims, reshape, sum_p
from .dispatch import NO_DERIVATIVE, NO_VALUE, implements, no_out
from .shapes import scalar_axis


def is_given(initial: Any) -> bool:
    return initial is not None and initial is not NO_VALUE


def keeps_axes(keepdims: Any) -> bool:
    """``keepdims`` as a bool."""
    return keepdims is not NO_VALUE and bool(operator.index(keepdims))


def truthy_keepdims(keepdims: Any) -> bool:
    """``keepdims`` as a bool, from any value with a truth value."""
    return keepdims is not NO_VALUE and bool(keepdims)


def _with_initial(join: Callable[..., Any], y: Any, initial: Any) -> Any:
    """Result of a reduction combined with ``initial``."""
    return join(y, initial_as(initial, dtype_of(y))) if is_given(initial) else y


def initial_as(initial: Any, dtype: np.dtype) -> Any:
    """``initial`` of a reduction, in the dtype in which it runs.

    Raises:
        ValueError: if it is not a scalar.
        TypeError: if it is a complex Python scalar and the array is real; a complex NumPy scalar
            loses its imaginary part with NumPy's warning.
        OverflowError: if it is a Python scalar out of the dtype's range.
    """
    start = operand(initial)
    if shape_of(start):
        raise ValueError(f"initial= must be a scalar: got {aval_of(start)}")
    if type(start) is complex and dtype.kind != "c":
        raise TypeError(f"initial= must be real, as the array is: got {aval_of(start)}")
    return cast_assigned(start, dtype)


def reduce_along(who: str, prim: Any, a: Any, axis: Any, keepdims: Any, out: Any = None) -> Any:
    """Apply a reduction primitive with NumPy's axis and keepdims arguments."""
    no_out(who, out)
    axes = axes_of(scalar_axis(a, axis), len(shape_of(a)))
    y = prim(a, axes=axes)
    return expand_dims(y, axes) if keeps_axes(keepdims) else y


def where_mask(where: Any, shape: Shape) -> Any:
    """``where`` of a reduction as a boolean mask.

    Raises:
        UnsupportedError: for None, which NumPy takes as False.
        DtypeError: if it is not boolean.
        ShapeError: if it does not broadcast to the shape of the array.
    """
    if where is None:
        raise UnsupportedError(
            "where=None selects no element, because NumPy takes None as False; leave where= out"
        )
    mask = operand(where)
    if isinstance(where, (np.ndarray, Tracer)) and dtype_of(mask).kind != "b":
        raise DtypeError(f"where= must be boolean: got {aval_of(mask)}; write x != 0")
    try:
        fits = broadcast_shapes(shape, shape_of(mask)) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"where= must broadcast to the shape of the array: got {aval_of(mask)} for {shape}"
        )
    return cast(mask, np.dtype(bool))


def _masked(a: Any, where: Any, filler: Any) -> Any:
    """``a`` with a neutral element where the mask excludes it."""
    if where is True or where is NO_VALUE:
        return a
    return ew.where(where_mask(where, shape_of(a)), a, filler)


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
    """Sum along axes; see numpy.sum."""
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    y = reduce_along("sum", sum_p, _masked(a, where, 0), axis, keepdims, out)
    y = y if dtype is None else cast(y, dtype)  # small integers would be widened
    return _with_initial(ew.add, y, initial)


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
    """Product along axes; the derivative is exact where elements are 0; see numpy.prod."""
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    y = reduce_along("prod", prims.prod_p, _masked(a, where, 1), axis, keepdims, out)
    y = y if dtype is None else cast(y, dtype)  # small integers would be widened
    return _with_initial(ew.mul, y, initial)


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
    axes = axes_of(scalar_axis(a, axis), len(shape_of(a)))
    if where is not True and where is not NO_VALUE:
        if not is_given(initial):
            raise ValueError(
                f"{who}: where= needs initial=, the result if nothing is selected; give "
                f"initial={'-' * (who == 'max')}numpy.inf"
            )
        a = _masked(a, where, worst(dtype_of(a)))
    empty = math.prod(shape_of(a)[d] for d in axes) == 0
    if empty and is_given(initial):
        rest = tuple(n for d, n in enumerate(shape_of(a)) if d not in axes)
        y = broadcast_to(cast(strong(operand(initial)), dtype_of(a)), rest)[()]
        return expand_dims(y, axes) if keeps_axes(keepdims) else y
    return _with_initial(pick, reduce_along(who, prim, a, axis, keepdims, out), initial)


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
    """Maximum along axes; ties share the derivative; see numpy.max."""
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
    """Minimum along axes; ties share the derivative; see numpy.min."""
    return _extremum(
        "min", prims.min_p, ew.minimum, _highest, a, axis, out, keepdims, initial, where
    )


@implements("ptp")
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """Maximum minus minimum; see numpy.ptp."""
    no_out("ptp", out)
    return ew.sub(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


@implements("any", status=NO_DERIVATIVE)
def any(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """Whether any element is true; see numpy.any."""
    return reduce_along("any", prims.any_p, _masked(operand(a), where, False), axis, keepdims, out)


@implements("all", status=NO_DERIVATIVE)
def all(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """Whether all elements are true; see numpy.all."""
    return reduce_along("all", prims.all_p, _masked(operand(a), where, True), axis, keepdims, out)


@implements("count_nonzero", status=NO_DERIVATIVE)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Number of nonzero elements; see numpy.count_nonzero."""
    keepdims = keepdims if truthy_keepdims(keepdims) else False
    return reduce_along("count_nonzero", prims.count_p, operand(a), axis, keepdims)


def _position(who: str, prim: Any, a: Any, axis: int | None, out: Any, keepdims: Any) -> Any:
    no_out(who, out)
    a = operand(a)
    rank = len(shape_of(a))
    if scalar_axis(a, axis) is None:
        y = prim(reshape(a, (-1,)), axis=0)
        return reshape(y, (1,) * rank) if truthy_keepdims(keepdims) else y
    axis = axis_of(axis, rank)
    y = prim(a, axis=axis)
    return expand_dims(y, (axis,)) if truthy_keepdims(keepdims) else y


@implements("argmax", status=NO_DERIVATIVE)
def argmax(a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """Index of the maximum; see numpy.argmax."""
    return _position("argmax", prims.argmax_p, a, axis, out, keepdims)


@implements("argmin", status=NO_DERIVATIVE)
def argmin(a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """Index of the minimum; see numpy.argmin."""
    return _position("argmin", prims.argmin_p, a, axis, out, keepdims)


@implements("nanargmax", status=NO_DERIVATIVE)
def nanargmax(a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """Index of the maximum, ignoring nan; see numpy.nanargmax."""
    return _position("nanargmax", prims.nanargmax_p, a, axis, out, keepdims)


@implements("nanargmin", status=NO_DERIVATIVE)
def nanargmin(a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """Index of the minimum, ignoring nan; see numpy.nanargmin."""
    return _position("nanargmin", prims.nanargmin_p, a, axis, out, keepdims)
