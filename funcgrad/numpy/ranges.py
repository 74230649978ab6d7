"""Evenly spaced numbers between ends, which may be traced, and grids of them."""

import operator
from typing import Any

import numpy as np

from ..core.avals import broadcast_shapes, dtype_of, shape_of
from ..ops import compare, elementwise as ew
from ..ops.operand import common_dtype, holds_tracer, operand, strong
from ..ops.structure import cast, expand_dims
from .aliasing import apart, in_c_order
from .dispatch import check_device, implements
from .joining import concatenate
from .shapes import broadcast_arrays, moveaxis, reshape


@implements("linspace")
def _numpy_linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """Evenly spaced numbers; see numpy.linspace."""
    check_device(device)
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    start, stop = operand(start), operand(stop)
    kind = common_dtype([start, stop, 0.0])
    start, stop = broadcast_arrays(cast(strong(start), kind), cast(strong(stop), kind))
    spaces = num - 1 if endpoint else num
    step = (stop - start) / spaces if spaces > 0 else np.nan
    last = endpoint and num > 1  # exactly ``stop``, without rounding of the steps
    positions = np.arange(num - last, dtype=kind).reshape(-1, *[1] * len(shape_of(start)))
    y = positions * (step if spaces > 0 else stop - start) + start
    if last:
        y = concatenate([y, expand_dims(stop, (0,))])
    y = moveaxis(y, 0, axis) if axis != 0 else y
    if dtype is not None:
        y = cast(compare.floor(y) if np.dtype(dtype).kind in "iu" else y, dtype)
    return (y, step) if retstep else y


def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """``num`` evenly spaced numbers between ends, which may be traced.

    >>> linspace(0, 1, 3)
    array([0. , 0.5, 1. ])
    """
    if holds_tracer((start, stop)):
        check_device(device)
        return _numpy_linspace(start, stop, num, endpoint, retstep, dtype, axis)
    return np.linspace(start, stop, num, endpoint, retstep, dtype, axis, device=device)  # type: ignore[call-overload]


@implements("logspace")
def logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Numbers whose logarithms are evenly spaced; see numpy.logspace."""
    start, stop, base = operand(start), operand(stop), operand(base)
    if shape_of(base):
        rank = len(broadcast_shapes(*map(shape_of, (start, stop, base))))
        start, stop, base = (
            expand_dims(strong(v), tuple(range(rank - len(shape_of(v)))))
            for v in (start, stop, base)
        )
        base = np.expand_dims(base, axis)
    y = ew.pow(base, _numpy_linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else cast(y, dtype)


@implements("geomspace")
def geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Numbers with a constant ratio; see numpy.geomspace."""
    start, stop = strong(operand(start)), strong(operand(stop))
    if any(isinstance(v, np.ndarray) and not np.all(v) for v in (start, stop)):
        raise ValueError("Geometric sequence cannot include zero")
    kinds = (dtype_of(start), dtype_of(stop), float(num), np.zeros((), dtype))
    kind = np.result_type(*kinds)
    start, stop = broadcast_arrays(cast(start, kind), cast(stop, kind))
    sign = ew.unit(start)
    start, stop = start / sign, stop / sign
    y = logspace(np.log10(start), np.log10(stop), num, endpoint)
    ends = [expand_dims(v, (0,)) for v in (start, stop)]
    num = operator.index(num)
    if num == 1 or (num > 1 and not endpoint):
        y = concatenate([ends[0], y[1:]])
    elif num > 1:
        y = concatenate([ends[0], y[1:-1], ends[1]])
    y = moveaxis(y * sign, 0, axis) if axis != 0 else y * sign
    return y if dtype is None else cast(y, dtype)


@implements("meshgrid")
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    """Coordinate arrays of the grid that vectors span; see numpy.meshgrid."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    rank = len(xi)
    positions = list(range(rank))
    if indexing == "xy":
        positions[:2] = positions[1::-1]
    lines = []
    for x, place in zip(xi, positions, strict=True):
        shape = [1] * rank
        shape[place] = -1
        lines.append(reshape(strong(operand(x)), shape))
    grids = tuple(lines) if sparse else broadcast_arrays(*lines)
    return (
        tuple([in_c_order(apart(x, line)) for x, line in zip(grids, lines, strict=True)])
        if copy
        else grids
    )
