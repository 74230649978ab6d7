"""Differences, gradients and integrals of sampled functions."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.errors import shown
from ..ops import compare, elementwise as ew
from ..ops.operand import cast_assigned, operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast
from .aliasing import in_order_of
from .dispatch import NO_VALUE, check_cast, implements
from .joining import concatenate
from .shapes import broadcast_to, integer_tuple, ravel, reshape, slice_axis


def _end_slice(x: Any, a: Any, axis: int) -> Any:
    """Operand of ``prepend`` or ``append`` as an array; a scalar is broadcast to one slice."""
    x = strong(operand(x))
    if shape_of(x):
        return x
    return broadcast_to(x, (*shape_of(a)[:axis], 1, *shape_of(a)[axis + 1 :]))


@implements("diff")
def diff(
    a: Any, n: int = 1, axis: int = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Any:
    """Differences of consecutive elements; see numpy.diff."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {shown(n)}")
    a = operand(a)
    if not shape_of(a):
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, len(shape_of(a)))
    before = [] if prepend is NO_VALUE else [_end_slice(prepend, a, axis)]
    after = [] if append is NO_VALUE else [_end_slice(append, a, axis)]
    if before or after:
        a = concatenate([*before, a, *after], axis)
    gap = compare.ne if dtype_of(a).kind == "b" else ew.sub
    for _ in range(n):
        a = gap(slice_axis(a, axis, 1, None), slice_axis(a, axis, None, -1))
    return a


@implements("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of consecutive elements of the flattened array; see numpy.ediff1d."""
    a = ravel(ary)
    parts = [ew.sub(a[1:], a[:-1])]
    for slot, end in ((0, to_begin), (2, to_end)):
        if end is not None:
            end = strong(operand(end))
            check_cast("ediff1d", end, dtype_of(a), "same_kind")
            parts.insert(slot, cast(ravel(end), dtype_of(a)))
    return parts[0] if len(parts) == 1 else concatenate(parts)


@implements("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Gradient by central differences, of second order inside; see numpy.gradient."""
    f = strong(operand(f))
    rank = len(shape_of(f))
    # the results are in the order given
    axes = tuple(axis_of(d, rank) for d in (range(rank) if axis is None else integer_tuple(axis)))
    spacings = [operand(h) for h in varargs] or [1.0]
    if len(spacings) == 1 and not shape_of(spacings[0]):
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    kind = dtype_of(f) if is_inexact(dtype_of(f)) else np.dtype(np.float64)
    f = cast(f, np.float64) if dtype_of(f).kind in "iu" else f
    results = []
    for d, h in zip(axes, spacings, strict=True):
        if shape_of(f)[d] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, "
                "at least (edge_order + 1) elements are required."
            )
        h = _steps(h, shape_of(f)[d], rank - d)
        results.append(cast(_derivative(f, h, edge_order, d), kind))
    results = [in_order_of(y, f) for y in results]
    return results[0] if len(axes) == 1 else tuple(results)


def _steps(h: Any, length: int, rank: int) -> Any:
    """Steps along the first of axes, from one spacing or the coordinates of the samples."""
    if not shape_of(h):
        return h
    if len(shape_of(h)) != 1:
        raise ValueError("distances must be either scalars or 1d")
    if shape_of(h)[0] != length:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    h = cast(h, np.float64) if dtype_of(h).kind in "iu" else h
    return reshape(diff(h), (-1, *[1] * (rank - 1)))


def _derivative(f: Any, h: Any, edge_order: int, axis: int) -> Any:
    """Derivative along an axis; ``h`` is one step, or all of them."""
    n = shape_of(f)[axis]
    part = lambda start, stop: slice_axis(f, axis, start, stop)
    even = not shape_of(h)
    near, far = (h, h) if even else (h[:-1], h[1:])
    if even:
        inner = (part(2, n) - part(0, n - 2)) / (2.0 * h)
    else:
        inner = (
            -far / (near * (near + far)) * part(0, n - 2)
            + (far - near) / (near * far) * part(1, n - 1)
            + near / (far * (near + far)) * part(2, n)
        )
    first, last = (h, h) if even else (h[:1], h[-1:])
    if edge_order == 1:
        ends = (part(1, 2) - part(0, 1)) / first, (part(n - 1, n) - part(n - 2, n - 1)) / last
    else:
        second, penultimate = (h, h) if even else (h[1:2], h[-2:-1])
        back = part(n - 1, n), part(n - 2, n - 1), part(n - 3, n - 2)
        ends = (
            _edge_derivative(part(0, 1), part(1, 2), part(2, 3), first, second),
            -_edge_derivative(*back, last, penultimate),  # reversed
        )
    return concatenate([ends[0], inner, ends[1]], axis)


def _edge_derivative(f0: Any, f1: Any, f2: Any, near: Any, far: Any) -> Any:
    """Derivative at the first of three samples, of second order."""
    return (
        -(2.0 * near + far) / (near * (near + far)) * f0
        + (near + far) / (near * far) * f1
        - near / (far * (near + far)) * f2
    )


@implements("trapezoid")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate by the trapezoidal rule; see numpy.trapezoid."""
    y, steps = operand(y), operand(dx)
    if x is not None:
        x = operand(x)
        one = len(shape_of(x)) == 1
        steps = diff(x) if one else diff(x, axis=axis)
        if one:
            shape = [1] * len(shape_of(y))
            shape[axis] = -1
            steps = reshape(steps, shape)
    axis = axis_of(axis, len(shape_of(y)))
    return np.sum(
        steps * (slice_axis(y, axis, 1, None) + slice_axis(y, axis, None, -1)) / 2.0, axis
    )


@implements("unwrap")
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Any:
    """Add periods so that no step exceeds half of one; see numpy.unwrap."""
    p = operand(p)
    axis = axis_of(axis, len(shape_of(p)))
    steps = diff(p, axis=axis)
    kind = np.result_type(steps, period)
    if kind.kind in "iu":
        high, rest = divmod(period, 2)
        ambiguous = rest == 0
        cast_assigned(-high, kind)  # NumPy's error for a value out of range
    else:
        high, ambiguous = period / 2, True
    folded = (steps + high) % period - high
    if ambiguous:  # a step of half a period keeps its sign
        folded = np.where((folded == -high) & (steps > 0), high, folded)
    small = abs(steps) < (period / 2 if discont is None else discont)
    jumps = np.cumsum(np.where(small, 0, folded - steps), axis)
    return cast(
        concatenate([slice_axis(p, axis, None, 1), slice_axis(p, axis, 1, None) + jumps], axis),
        kind,
    )
