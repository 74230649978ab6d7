"""Interpolation of arrays between their elements by B-splines of order 0 to 5.

Source: Unser, Aldroubi & Eden 1993, "B-spline signal processing" (IEEE Trans. Signal Process. 41).
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, is_inexact, real_dtype, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..interpolate.piecewise import gathered
from .borders import check_mode, check_per_axis, extended, folded

_PAD = 12  # elements beyond the borders, for modes whose splines have no mirror
# the continuation of the coefficients for each mode of places
_INNER = {"constant": "mirror", "wrap": "mirror", "mirror": "mirror", "grid-wrap": "grid-wrap"}


@answering
def map_coordinates(
    input: Any, coordinates: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """Values of an array between its elements, differentiable in these and in the places.

    Args:
        input: array of rank d; integers give float64.
        coordinates: places, shape [d, ...].
        output: must be None.
        order: int from 0 to 5, of the spline.
        mode: the continuation beyond borders, as in SciPy: "constant" by ``cval``,
            "grid-constant", "reflect", "mirror", "nearest", "wrap" or "grid-wrap".
        cval: scalar.
        prefilter: whether to make the spline pass through the elements.

    >>> print(map_coordinates(np.arange(5.0) ** 2, np.array([[1.5, 2.0]]), order=1))
    [2.5 4. ]
    """
    x = prepared_array("map_coordinates", input, output, order, mode)
    places = strong(operand(coordinates))
    real = real_dtype(dtype_of(x))
    places = cast(places, real if not is_inexact(dtype_of(places)) else dtype_of(places))
    if shape_of(places)[:1] != (len(shape_of(x)),):
        raise ShapeError(
            f"map_coordinates: coordinates must be [{len(shape_of(x))}, ...]: got {aval_of(places)}"
        )
    x, pad = _prepared(x, order, mode, cval, prefilter)
    inside: Any = True
    rows = []
    for d, n in enumerate(shape_of(x)):
        at, within = _mapped(places[d] + pad, n, mode)
        inside = np.logical_and(inside, within)
        rows.append(_neighbours(at, n, order, mode))
    total: Any = 0
    for corner in itertools.product(range(order + 1), repeat=len(rows)):
        weight: Any = 1.0
        for (_, weights), k in zip(rows, corner, strict=True):
            weight = weight * weights[k]
        index = tuple(i[k] for (i, _), k in zip(rows, corner, strict=True))
        total = total + cast(weight, real) * gathered(x, *index)
    return np.where(inside, total, cast(np.asarray(cval), dtype_of(x)))


def prepared_array(who: str, x: Any, output: Any, order: int, mode: str) -> Any:
    if output is not None:
        raise ValueError(f"{who}: output must be None: got {type(output).__name__}")
    if order not in range(6):
        raise ValueError(f"{who}: order must be an integer from 0 to 5: got {shown(order)}")
    check_mode(who, mode)
    x = strong(operand(x))
    return x if is_inexact(dtype_of(x)) else cast(x, np.float64)


def _prepared(x: Any, order: int, mode: str, cval: Any, prefilter: bool) -> tuple[Any, int]:
    """The coefficients of the spline, and the number of elements added at each border."""
    pad = _PAD if mode in ("nearest", "grid-constant") else 0
    for d in range(len(shape_of(x)) if pad else 0):
        x = extended(x, d, pad, pad, mode, cval)
    return (_filtered(x, order, mode) if prefilter and order > 1 else x), pad


@answering
def spline_filter(input: Any, order: int = 3, output: Any = None, mode: str = "mirror") -> Any:
    """The coefficients of the B-splines through the elements.

    Args:
        input, order, output, mode: see :func:`map_coordinates`.

    >>> print(spline_filter(np.array([0.0, 1.0, 0.0])).round(6))
    [-1.  2. -1.]
    """
    x = prepared_array(
        "spline_filter", input, None if output is np.float64 else output, order, mode
    )
    return _filtered(x, order, mode) if order > 1 else x


def _filtered(x: Any, order: int, mode: str) -> Any:
    for d in range(len(shape_of(x))):
        x = filtered_along(x, order, mode, d)
    return x


def filtered_along(x: Any, order: int, mode: str, axis: int) -> Any:
    """The coefficients of the splines through each line along an axis."""
    n = shape_of(x)[axis]
    if n < 2:
        return x
    inverse = _inverse(n, order, _INNER.get(mode, "reflect"))
    return _along(cast(inverse, real_dtype(dtype_of(x))), x, axis)


def _along(matrix: Any, x: Any, axis: int) -> Any:
    """A matrix applied along an axis."""
    return np.moveaxis(np.tensordot(matrix, x, axes=((1,), (axis,))), 0, axis)


@functools.lru_cache(64)
def _inverse(n: int, order: int, inner: str) -> np.ndarray:
    """The map from elements to coefficients."""
    i, weights = _neighbours(np.arange(n, dtype=float), n, order, inner)
    matrix = np.zeros((n, n))
    for k in range(order + 1):
        np.add.at(matrix, (np.arange(n), i[k]), weights[k])
    return np.linalg.inv(matrix)


def _mapped(at: Any, n: int, mode: str) -> tuple[Any, Any]:
    """Places within the array, or within the spline beyond its borders; whether they are inside."""
    known = stop_gradient(at)
    out = np.logical_or(known < 0, known > n - 1)
    if mode == "constant":
        return np.where(out, 0.0, at), np.logical_not(out)
    if mode == "grid-constant":
        far = np.logical_or(known < 0, known > n - 1)
        return np.where(far, 0.0, at), np.logical_not(far)
    if mode == "nearest":
        return np.clip(at, 0, n - 1), True
    if mode == "wrap":
        return np.where(out, np.mod(at, max(n - 1, 1)), at), True
    if mode == "grid-wrap":
        return np.where(out, np.mod(at, n), at), True
    shift, period = (0.0, 2 * max(n - 1, 1)) if mode == "mirror" else (0.5, 2 * n)
    half = period / 2
    moved = np.mod(at + shift, period)
    folded_at = np.where(moved > half, period - moved, moved) - shift
    return np.where(out, folded_at, at), True


def _neighbours(at: Any, n: int, order: int, mode: str) -> tuple[list[Any], list[Any]]:
    """The indices of the coefficients near each place, and their weights."""
    known = stop_gradient(at)
    first = np.floor(known + 0.5) - order // 2 if order % 2 == 0 else np.floor(known) - order // 2
    inner = _INNER.get(mode, "reflect")
    index, weights = [], []
    for k in range(order + 1):
        i = cast(first + k, np.int64)
        index.append(folded(i, n, inner))
        weights.append(_basis(at - (first + k), order))
    return index, weights


def _basis(x: Any, order: int) -> Any:
    """The centered B-spline: a sum of truncated powers, taken from the nearer side."""
    if order == 0:
        return np.ones_like(x)
    x = (order + 1) / 2 - np.abs(x)
    total: Any = 0
    for k in range((order + 1) // 2 + 1):
        term = np.maximum(x - k, 0.0) ** order
        total = total + (-1) ** k * math.comb(order + 1, k) / math.factorial(order) * term
    return total


@answering
def zoom(
    input: Any, zoom: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True, *, grid_mode: bool = False,
) -> Any:  # fmt: skip
    """An array with more or fewer elements along each axis, by interpolation.

    Args:
        input, output, order, mode, cval, prefilter: see :func:`map_coordinates`.
        zoom: a number, or one for each axis: the ratio of the lengths.
        grid_mode: whether elements are cells with a width, or points.

    >>> print(zoom(np.array([0.0, 2.0, 4.0]), 5 / 3, order=1))
    [0. 1. 2. 3. 4.]
    """
    x = prepared_array("zoom", input, output, order, mode)
    rank = len(shape_of(x))
    ratios = [float(zoom)] * rank if np.ndim(zoom) == 0 else [float(z) for z in zoom]
    check_per_axis("zoom", "zoom", ratios, rank)
    if any(ratio <= 0 for ratio in ratios):
        raise ValueError(f"zoom: zoom must be positive: got {zoom}; write 0.5 for half the length")
    places = []
    for n, ratio in zip(shape_of(x), ratios, strict=True):
        m = round(n * ratio)
        if grid_mode:
            places.append((np.arange(m) + 0.5) * (n / max(m, 1)) - 0.5)
        else:
            places.append(np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 1.0))
    return _resampled(x, places, order, mode, cval, prefilter)


@answering
def shift(
    input: Any, shift: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """An array moved along its axes, differentiable in the distances.

    Args:
        input, output, order, mode, cval, prefilter: see :func:`map_coordinates`.
        shift: a number, or one for each axis.

    >>> print(shift(np.arange(4.0), 0.5, order=1))
    [0.  0.5 1.5 2.5]
    """
    x = prepared_array("shift", input, output, order, mode)
    rank = len(shape_of(x))
    single = not isinstance(shift, (list, tuple)) and not shape_of(operand(shift))
    moves = [shift] * rank if single else [*shift]
    check_per_axis("shift", "shift", moves, rank)
    places = [np.arange(n, dtype=float) - s for n, s in zip(shape_of(x), moves, strict=True)]
    return _resampled(x, places, order, mode, cval, prefilter)


def _resampled(
    x: Any, places: Sequence[Any], order: int, mode: str, cval: Any, prefilter: bool
) -> Any:
    """Values at the grid of places along each axis: one matrix for each."""
    real = real_dtype(dtype_of(x))
    x, pad = _prepared(x, order, mode, cval, prefilter)
    kept: list[Any] = []
    for d, at in enumerate(places):
        n = shape_of(x)[d]
        at, within = _mapped(at + pad, n, mode)
        index, weights = _neighbours(at, n, order, mode)
        matrix: Any = 0
        for i, w in zip(index, weights, strict=True):
            matrix = matrix + np.where(i[:, None] == np.arange(n), w[:, None], 0.0)
        x = _along(cast(matrix, real), x, d)
        kept.append(within)
    for d, within in enumerate(kept):
        if within is not True:
            inside = np.reshape(within, (-1, *[1] * (len(places) - 1 - d)))
            x = np.where(inside, x, cast(np.asarray(cval), dtype_of(x)))
    return x


@answering
def affine_transform(
    input: Any, matrix: Any, offset: Any = 0.0, output_shape: Sequence[int] | None = None,
    output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:  # fmt: skip
    """The array at places ``matrix @ index + offset``, differentiable in both.

    Args:
        input, output, order, mode, cval, prefilter: see :func:`map_coordinates`.
        matrix: shape [d, d], or [d], a diagonal.
        offset: a number, or shape [d].
        output_shape: the shape of the result, by default that of ``input``.

    >>> print(affine_transform(np.arange(4.0), np.array([0.5]), order=1))
    [0.  0.5 1.  1.5]
    """
    x = operand(input)
    shape = tuple(shape_of(x) if output_shape is None else output_shape)
    grid = np.indices(shape).astype(float)
    m = operand(matrix)
    rest = (-1, *[1] * len(shape))
    turned = np.reshape(m, rest) * grid if len(shape_of(m)) == 1 else np.tensordot(m, grid, axes=1)
    moved = np.reshape(np.broadcast_to(operand(offset), (len(shape_of(x)),)), rest)
    return map_coordinates(x, turned + moved, output, order, mode, cval, prefilter)
