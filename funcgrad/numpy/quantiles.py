"""Medians and quantiles: order statistics, and interpolation between two of them.

Of tied elements, the derivative goes to the one that a stable sort puts at the index.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import shown
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.reduce import argsort_p, axes_in, gather_along_axis
from ..ops.search import searchsorted_p
from ..ops.structure import broadcast_to, cast, expand_dims, reshape
from .aliasing import as_scalar, gives, in_order_of
from .cumulative import cumsum
from .dispatch import implements, no_out
from .indexing import known
from .joining import stack
from .reductions import all, any, sum, truthy_keepdims
from .shapes import moveaxis
from .statistics import broadcast_weights, mean, nanmean


def _merge_axes(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """``a`` with the reduced axes merged into a first axis, and the reduced axes."""
    rank = len(shape_of(a))
    axes = axes_in(axis, rank)
    kept = tuple(n for d, n in enumerate(shape_of(a)) if d not in axes)
    a = moveaxis(a, axes, tuple(range(len(axes))))
    return reshape(a, (math.prod(shape_of(a)[: len(axes)]), *kept)), axes


def _take_sorted(a: Any, order: Any, indices: Any) -> Any:
    """Elements at indices into the sorted order, along the first axis."""
    if isinstance(indices, slice) or len(shape_of(indices)) < len(shape_of(a)):
        return gather_along_axis(a, order[indices], 0)  # the same indices for all
    return gather_along_axis(a, gather_along_axis(order, indices, 0), 0)


@implements("median")
@gives(as_scalar)
def median(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    """Median: the middle element, or the mean of the middle two; see numpy.median."""
    no_out("median", out)
    a, axes = _merge_axes(given := strong(operand(a)), axis)
    n = shape_of(a)[0]
    order = argsort_p(a, axis=0, kind="stable")
    middle = slice((n - 1) // 2, n // 2 + 1) if n else slice(0)
    y = mean(_take_sorted(a, order, middle), axis=0)
    if n and is_inexact(dtype_of(a)):
        y = _nan_if_last(_take_sorted(a, order, slice(n - 1, n)), y)
    y = in_order_of(y, given, without=axes) if len(axes) == 1 else y
    return expand_dims(y, axes) if truthy_keepdims(keepdims) else y


def _nan_if_last(last: Any, y: Any) -> Any:
    """``y``, but nan where the last sorted element is nan: sorting puts nan last."""
    return ew.where(reshape(compare.isnan(last), shape_of(last)[1:]), np.nan, y)


@implements("nanmedian")
def nanmedian(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    """Median, ignoring nan; see numpy.nanmedian."""
    no_out("nanmedian", out)
    a = strong(operand(a))
    if not math.prod(shape_of(a)):
        return nanmean(a, axis, keepdims=keepdims)
    if not is_inexact(dtype_of(a)):
        return median(a, axis, keepdims=keepdims)
    a, axes = _merge_axes(a, axis)
    order = argsort_p(a, axis=0, kind="stable")
    count = np.sum(compare.logical_not(compare.isnan(a)), axis=0, keepdims=True)
    low, high = ew.maximum((count - 1) // 2, 0), ew.maximum(count // 2, 0)
    both = [
        gather_along_axis(a, gather_along_axis(order, position, 0), 0) for position in (low, high)
    ]
    y = mean(stack(both), axis=0)[0]
    return expand_dims(y, axes) if truthy_keepdims(keepdims) else y


# position of a quantile among n sorted elements: an index and a fraction


def _between(alpha: float, beta: float) -> Callable[[int, Any], Any]:
    """Position of a quantile for Hyndman and Fan's two parameters."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _closest(n: int, q: Any) -> Any:
    position = n * q - 1.5
    even = (position % 1 == 0) & (np.floor(position) % 2 == 1)
    return np.maximum(np.where(even, np.floor(position), np.floor(position) + 1), 0).astype(np.intp)


# fmt: off
_POSITIONS: dict[str, Callable[[int, Any], Any]] = {
    # one element
    "lower":               lambda n, q: np.floor((n - 1) * q).astype(np.intp),
    "higher":              lambda n, q: np.ceil((n - 1) * q).astype(np.intp),
    "nearest":             lambda n, q: np.around((n - 1) * q).astype(np.intp),
    "inverted_cdf":        lambda n, q: np.maximum(np.ceil(n * q - 1), 0).astype(np.intp),
    "closest_observation": _closest,
    # the mean of two
    "midpoint":            lambda n, q: (np.floor((n - 1) * q) + np.ceil((n - 1) * q)) * 0.5,
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
    # between two
    "linear":              lambda n, q: (n - 1) * q,
    "interpolated_inverted_cdf": _between(0, 1),
    "hazen":               _between(0.5, 0.5),
    "weibull":             _between(0, 0),
    "median_unbiased":     _between(1 / 3, 1 / 3),
    "normal_unbiased":     _between(3 / 8, 3 / 8),
}
# fmt: on
_OF_ONE = frozenset(("lower", "higher", "nearest", "inverted_cdf", "closest_observation"))


@implements("quantile")
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Quantiles; see numpy.quantile for the methods."""
    no_out("quantile", out)
    return _quantile("Quantiles", 1, a, q, axis, method, keepdims, weights, False)


@implements("percentile")
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Percentiles; see numpy.percentile."""
    no_out("percentile", out)
    return _quantile("Percentiles", 100, a, q, axis, method, keepdims, weights, False)


@implements("nanquantile")
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Quantiles, ignoring nan; see numpy.nanquantile."""
    no_out("nanquantile", out)
    return _quantile("Quantiles", 1, a, q, axis, method, keepdims, weights, True)


@implements("nanpercentile")
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Percentiles, ignoring nan; see numpy.nanpercentile."""
    no_out("nanpercentile", out)
    return _quantile("Percentiles", 100, a, q, axis, method, keepdims, weights, True)


def _quantile(
    what: str, whole: int, a: Any, q: Any, axis: Any, method: str, keepdims: Any, weights: Any,
    ignores_nan: bool,
) -> Any:  # fmt: skip
    """Quantiles ``q / whole``."""
    a, kind = strong(operand(a)), aval_of(operand(q))
    weak = kind.weak and kind.dtype.kind != "b"
    q = strong(operand(q))
    q = cast(q, np.intp) if dtype_of(q).kind == "u" else q  # negative indices would wrap
    q = q if whole == 1 else np.true_divide(q, whole)
    if ew.is_complex(a):
        raise TypeError("a must be an array of real numbers")
    values = known(q)
    if values is not None and not (np.all(values >= 0) and np.all(values <= 1)):
        raise ValueError(f"{what} must be in the range [0, {whole}]")
    if method not in _POSITIONS:
        raise ValueError(f"{shown(method)} is not a valid method. Use one of: {list(_POSITIONS)}")
    if ignores_nan and not aval_of(a).size:
        return nanmean(a, axis, keepdims=keepdims)
    if len(shape_of(q)) > 2:
        raise ValueError("q must be a scalar or 1d")
    w = None if weights is None else _weights(a, weights, axis, method)
    a, axes = _merge_axes(a, axis)
    order, kept = argsort_p(a, axis=0, kind="stable"), shape_of(a)[1:]
    numeric = compare.logical_not(compare.isnan(a)) if is_inexact(dtype_of(a)) else None
    count = shape_of(a)[0]
    if ignores_nan and numeric is not None:
        count = sum(numeric, axis=0)
        w = w if w is None else ew.where(numeric, w, 0)
    flat = reshape(q, (-1, *[1] * len(kept)))
    if w is None:
        y = _interpolated(a, order, flat, count, method, weak)
    else:
        y = _take_sorted(a, order, _weighted_indices(gather_along_axis(w, order, 0), flat, count))
    if numeric is not None:
        y = ew.where(any(numeric, axis=0) if ignores_nan else all(numeric, axis=0), y, np.nan)
    y = as_scalar(reshape(y, (*shape_of(q), *kept)))
    behind = tuple(d + len(shape_of(q)) for d in axes)
    return expand_dims(y, behind) if truthy_keepdims(keepdims) else y


def _interpolated(a: Any, order: Any, q: Any, count: Any, method: str, weak: bool) -> Any:
    """Element at a position, interpolated between two where it is no integer."""
    if type(count) is not int and is_inexact(dtype_of(q)):
        count = cast(count, dtype_of(q))  # as for a single count
    elif type(count) is int:
        q = reshape(q, (-1,))
    position = operand(_POSITIONS[method](count, q))
    whole = dtype_of(position).kind in "iu"
    if whole and (method == "linear" or method in _OF_ONE):
        return _take_sorted(a, order, position)
    share = position - np.floor(position)
    if method == "midpoint":
        share = np.where(share == 0, 0.0, 0.5)
    elif method == "averaged_inverted_cdf":
        share = np.where(share == 0, 0.5, 1.0)
    first = cast(np.floor(position), np.intp)
    last = cast(operand(count - 1), np.intp)
    low, high = (_take_sorted(a, order, np.clip(i, 0, last)) for i in (first, first + 1))
    gap = high - low
    share = cast(share, dtype_of(position))
    if weak:  # weakly typed, as a Python float
        share = cast(share, dtype_of(a) if is_inexact(dtype_of(a)) else np.dtype(float))
    share = reshape(
        share, (-1, *shape_of(position)[1:], *[1] * (len(shape_of(a)) - len(shape_of(position))))
    )
    return ew.where(share >= 0.5, high - gap * (1 - share), low + gap * share)


def _weights(a: Any, weights: Any, axis: Any, method: str) -> Any:
    """One weight per element, with the reduced axes merged into a first axis."""
    if method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    w = broadcast_weights(a, weights, axis)
    values = known(w)
    if values is not None and np.any(values < 0):
        raise ValueError("Weights must be non-negative.")
    return _merge_axes(w, axis)[0]


def _weighted_indices(w: Any, q: Any, count: Any) -> Any:
    """Index at which the cumulative weight, as a fraction of the total, first reaches q."""
    shares = cumsum(w, axis=0, dtype=np.float64)
    shares = shares / shares[-1:]
    values = known(shares)
    if values is not None and np.isnan(values[-1]).any():
        raise ValueError("Weights included NaN, inf or were all zero.")
    shares = cast(shares, dtype_of(q)) if dtype_of(q).kind == "f" else shares
    shares = moveaxis(ew.where(compare.eq(shares, 0), -1, shares), 0, -1)
    q = broadcast_to(moveaxis(q, 0, -1), (*shape_of(shares)[:-1], shape_of(q)[0]))
    indices = moveaxis(searchsorted_p(shares, q, side="left"), -1, 0)
    return ew.minimum(indices, cast(operand(count - 1), np.intp))
