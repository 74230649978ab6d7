"""Cumulative sums, products, maxima and minima."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops import reduce as prims, running_extrema
from ..ops.index import concatenate_p
from ..ops.operand import operand
from ..ops.reduce import axis_of
from ..ops.structure import cast, cumsum_p, reshape
from .dispatch import implements, no_out
from .shapes import scalar_axis


def _scan(
    who: str, prim: Any, a: Any, axis: int | None, dtype: Any, out: Any, **params: Any
) -> Any:
    no_out(who, out)
    a = operand(a) if dtype is None else cast(operand(a), dtype)
    if scalar_axis(a, axis) is None:
        a, axis = reshape(a, (-1,)), 0
    if not shape_of(a):
        a = reshape(a, (1,))
    y = prim(a, axis=axis_of(axis, len(shape_of(a))), **params)
    return y if dtype is None else cast(y, dtype)  # booleans would be counted


@implements("cumsum")
def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Cumulative sum; see numpy.cumsum."""
    return _scan("cumsum", cumsum_p, a, axis, dtype, out, reverse=False)


@implements("cumprod")
def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Cumulative product; see numpy.cumprod."""
    return _scan("cumprod", prims.cumprod_p, a, axis, dtype, out)


def _cumulative(
    running: Any, filler: int, x: Any, axis: int | None, dtype: Any, initial: bool
) -> Any:
    x = operand(x)
    (axis,) = axis if isinstance(axis, tuple) and len(axis) == 1 else (axis,)
    if axis is None:
        if len(shape_of(x)) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` is required.")
        axis = 0
    axis = 0 if scalar_axis(x, axis) is None else axis_of(axis, len(shape_of(x)))
    y = running(x, axis, dtype)
    if not initial:
        return y
    shape = tuple(1 if d == axis else n for d, n in enumerate(shape_of(y)))
    return concatenate_p(np.full(shape, filler, dtype_of(y)), y, axis=axis)


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
    """Cumulative sum, optionally with an initial 0; see numpy.cumulative_sum."""
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
    """Cumulative product, optionally with an initial 1; see numpy.cumulative_prod."""
    no_out("cumulative_prod", out)
    return _cumulative(cumprod, 1, x, axis, dtype, include_initial)


def cummax(a: Any, axis: int = 0) -> Any:
    """Cumulative maximum: numpy.maximum.accumulate."""
    return _running_extremum(running_extrema.argcummax_p, operand(a), axis)


def cummin(a: Any, axis: int = 0) -> Any:
    """Cumulative minimum: numpy.minimum.accumulate."""
    return _running_extremum(running_extrema.argcummin_p, operand(a), axis)


def _running_extremum(prim: Any, a: Any, axis: int) -> Any:
    axis = axis_of(axis, len(shape_of(a)))
    return prims.gather_along_axis(a, prim(a, axis=axis), axis)
