"""Medians and quantiles: elements at known places in the sorted order, and means of two.

Where elements tie, the derivative goes to the one that a stable sort puts at the place.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.operand import asarray, holds_tracer, operand, strong
from ..ops.reduce import argsort_p, axes_of, take_along
from ..ops.structure import expand_dims, reshape
from .shapes import moveaxis, stack
from .statistics import mean, nanmean
from .table import implements, no_out, unsupported


def _in_front(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """Return ``a`` with the reduced axes as one in front, and which they were."""
    rank = len(shape_of(a))
    axes = axes_of(axis, rank)
    kept = tuple(n for d, n in enumerate(shape_of(a)) if d not in axes)
    a = moveaxis(a, axes, tuple(range(len(axes))))
    return reshape(a, (math.prod(shape_of(a)[: len(axes)]), *kept)), axes


def _at(a: Any, order: Any, places: Any) -> Any:
    """Return the elements at these places of the sorted order, along the first axis."""
    return take_along(a, order[places], 0)


@implements("median")
def median(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    """Return the middle element, or the mean of the middle two; see numpy.median."""
    no_out("median", out)
    a, axes = _in_front(strong(operand(a)), axis)
    n = shape_of(a)[0]
    order = argsort_p(a, axis=0, kind="stable")
    middle = slice((n - 1) // 2, n // 2 + 1) if n else slice(0)
    y = mean(_at(a, order, middle), axis=0)
    if n and is_inexact(dtype_of(a)):
        y = _nan_where(_at(a, order, slice(n - 1, n)), y)
    return expand_dims(y, axes) if keepdims is True else y


def _nan_where(last: Any, y: Any) -> Any:
    """Return nan where the last in order is one: sorting puts nan at the end."""
    return ew.where(reshape(compare.isnan(last), shape_of(last)[1:]), np.nan, y)


@implements("nanmedian")
def nanmedian(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    """Return the median of what is a number; see numpy.nanmedian."""
    no_out("nanmedian", out)
    a = strong(operand(a))
    if not math.prod(shape_of(a)):
        return nanmean(a, axis, keepdims=keepdims)
    if not is_inexact(dtype_of(a)):
        return median(a, axis, keepdims=keepdims)
    a, axes = _in_front(a, axis)
    order = argsort_p(a, axis=0, kind="stable")
    count = np.sum(compare.logical_not(compare.isnan(a)), axis=0, keepdims=True)
    low, high = ew.maximum((count - 1) // 2, 0), ew.maximum(count // 2, 0)
    both = [take_along(a, take_along(order, place, 0), 0) for place in (low, high)]
    y = mean(stack(both), axis=0)[0]
    return expand_dims(y, axes) if keepdims is True else y


# where a quantile stands among n elements: between which, and how far from the first of them


def _between(alpha: float, beta: float) -> Callable[[int, Any], Any]:
    """Return Hyndman and Fan's place of a quantile for their two parameters."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _closest(n: int, q: Any) -> Any:
    place = n * q - 1.5
    even = (place % 1 == 0) & (np.floor(place) % 2 == 1)
    return np.maximum(np.where(even, np.floor(place), np.floor(place) + 1), 0).astype(np.intp)


# fmt: off
_PLACES: dict[str, Callable[[int, Any], Any]] = {
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
    """Return quantiles of traced data at constant ``q``; see numpy.quantile for the methods."""
    no_out("quantile", out)
    weak, q = type(q) in (int, float), _constant("quantile", q)
    return _quantile("quantile", a, q, axis, method, keepdims, weights, weak)


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
    """Return percentiles of traced data at constant ``q``; see numpy.percentile."""
    no_out("percentile", out)
    weak, q = type(q) in (int, float), _constant("percentile", q)
    q = np.asanyarray(np.true_divide(q, 100))
    return _quantile("percentile", a, q, axis, method, keepdims, weights, weak)


def _constant(who: str, q: Any) -> np.ndarray:
    if isinstance(q, Tracer) or holds_tracer(q):
        raise unsupported(who, "a traced q", "give it as a constant, or as stop_gradient(q)")
    return asarray(q)


def _quantile(
    who: str, a: Any, q: Any, axis: Any, method: str, keepdims: Any, weights: Any, weak: bool
) -> Any:
    a = strong(operand(a))
    if ew.is_complex(a):
        raise TypeError("a must be an array of real numbers")
    if not (np.all(q >= 0) and np.all(q <= 1)):
        limit, name = (1, "Quantiles") if who == "quantile" else (100, "Percentiles")
        raise ValueError(f"{name} must be in the range [0, {limit}]")
    if weights is not None:
        raise unsupported(who, "weights=", "sort, and choose by numpy.cumsum of the weights")
    if method not in _PLACES:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {list(_PLACES)}")
    if q.ndim > 2:
        raise ValueError("q must be a scalar or 1d")
    a, axes = _in_front(a, axis)
    order = argsort_p(a, axis=0, kind="stable")
    n, kept = shape_of(a)[0], shape_of(a)[1:]
    place = np.asanyarray(_PLACES[method](n, q.ravel()))
    exact = place.dtype.kind in "iu"
    y = _at(a, order, place) if exact else _mixed(a, order, place, method, weak)
    if is_inexact(dtype_of(a)):
        y = _nan_where(_at(a, order, slice(n - 1, n)), y)
    y = reshape(y, (*q.shape, *kept))
    return expand_dims(y, tuple(d + q.ndim for d in axes)) if keepdims is True else y


def _mixed(a: Any, order: Any, place: Any, method: str, weak: bool) -> Any:
    """Return the element at a place between two, which it weighs by its distance from each."""
    n = shape_of(a)[0]
    share = place - np.floor(place)
    if method == "midpoint":
        share = np.where(share == 0, 0.0, 0.5)
    elif method == "averaged_inverted_cdf":
        share = np.where(share == 0, 0.5, 1.0)
    first = np.floor(place).astype(np.intp)
    low, high = (_at(a, order, np.clip(i, 0, n - 1)) for i in (first, first + 1))
    gap = high - low
    if weak:
        share = share.item()
        return high - gap * (1 - share) if share >= 0.5 else low + gap * share
    share = share.astype(place.dtype).reshape(-1, *[1] * (len(shape_of(a)) - 1))
    return ew.where(share >= 0.5, high - gap * (1 - share), low + gap * share)
