"""Differences, gradients and integrals of sampled functions."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.errors import shown
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong, written
from ..ops.reduce import axis_of
from ..ops.structure import cast
from .dispatch import NO_VALUE, check_cast, implements
from .joining import concatenate
from .shapes import broadcast_to, cut, lengths_of, moveaxis, ravel, reshape


def _end(x: Any, a: Any, axis: int) -> Any:
    """Return what is joined to an array before differences are taken: a number is one slice."""
    x = strong(operand(x))
    if shape_of(x):
        return x
    return broadcast_to(x, (*shape_of(a)[:axis], 1, *shape_of(a)[axis + 1 :]))


@implements("diff")
def diff(
    a: Any, n: int = 1, axis: int = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Any:
    """Return differences of neighbours; see numpy.diff."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {shown(n)}")
    a = operand(a)
    if not shape_of(a):
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, len(shape_of(a)))
    before = [] if prepend is NO_VALUE else [_end(prepend, a, axis)]
    after = [] if append is NO_VALUE else [_end(append, a, axis)]
    if before or after:
        a = concatenate([*before, a, *after], axis)
    gap = compare.ne if dtype_of(a).kind == "b" else ew.sub
    for _ in range(n):
        a = gap(cut(a, axis, 1, None), cut(a, axis, None, -1))
    return a


@implements("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return differences of neighbours in the flattened array; see numpy.ediff1d."""
    a = ravel(ary)
    parts = [ew.sub(a[1:], a[:-1])]
    for place, end in ((0, to_begin), (2, to_end)):
        if end is not None:
            end = strong(operand(end))
            check_cast("ediff1d", end, dtype_of(a), "same_kind")
            parts.insert(place, cast(ravel(end), dtype_of(a)))
    return parts[0] if len(parts) == 1 else concatenate(parts)


@implements("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return slopes by differences, of second order inside; see numpy.gradient."""
    f = strong(operand(f))
    rank = len(shape_of(f))
    # in the order given, which is the order of the results
    axes = tuple(axis_of(d, rank) for d in (range(rank) if axis is None else lengths_of(axis)))
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
        h = _steps(h, shape_of(f)[d], rank)
        slope = _slope(moveaxis(f, d, 0), h, edge_order)
        results.append(moveaxis(cast(slope, kind), 0, d))
    return results[0] if len(axes) == 1 else tuple(results)


def _steps(h: Any, length: int, rank: int) -> Any:
    """Return a spacing, one number or the samples' places, as steps along the first axis."""
    if not shape_of(h):
        return h
    if len(shape_of(h)) != 1:
        raise ValueError("distances must be either scalars or 1d")
    if shape_of(h)[0] != length:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    h = cast(h, np.float64) if dtype_of(h).kind in "iu" else h
    return reshape(diff(h), (-1, *[1] * (rank - 1)))


def _slope(f: Any, h: Any, edge_order: int) -> Any:
    """Return slopes along the first axis, ``h`` being one step or all of them."""
    even = not shape_of(h)
    near, far = (h, h) if even else (h[:-1], h[1:])
    if even:
        inner = (f[2:] - f[:-2]) / (2.0 * h)
    else:
        inner = (
            -far / (near * (near + far)) * f[:-2]
            + (far - near) / (near * far) * f[1:-1]
            + near / (far * (near + far)) * f[2:]
        )
    first, last = (h, h) if even else (h[:1], h[-1:])
    if edge_order == 1:
        ends = (f[1:2] - f[:1]) / first, (f[-1:] - f[-2:-1]) / last
    else:
        n = shape_of(f)[0]
        second, penultimate = (h, h) if even else (h[1:2], h[-2:-1])
        ends = (
            _edge(f[:1], f[1:2], f[2:3], first, second),
            -_edge(f[-1:], f[-2:-1], f[n - 3 : n - 2], last, penultimate),  # seen from the end
        )
    return concatenate([ends[0], inner, ends[1]])


def _edge(f0: Any, f1: Any, f2: Any, near: Any, far: Any) -> Any:
    """Return the slope, of second order, at the first of three samples."""
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
    return np.sum(steps * (cut(y, axis, 1, None) + cut(y, axis, None, -1)) / 2.0, axis)


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
        written(-high, kind)  # NumPy's error where it does not fit
    else:
        high, ambiguous = period / 2, True
    folded = (steps + high) % period - high
    if ambiguous:  # a step of half a period keeps its sign
        folded = np.where((folded == -high) & (steps > 0), high, folded)
    small = abs(steps) < (period / 2 if discont is None else discont)
    jumps = np.cumsum(np.where(small, 0, folded - steps), axis)
    return cast(concatenate([cut(p, axis, None, 1), cut(p, axis, 1, None) + jumps], axis), kind)
