"""Histograms: counts, or sums of weights, of the samples in each bin.

The bin of a sample has no derivative. Weights, bin widths, and edges that are computed from the
samples have one.
"""

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ConcretizationError, ShapeError
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.index import ARRAY, Index, scatter_add_p
from ..ops.layout import contiguous, copy_in
from ..ops.operand import common_dtype, integers, operand, strong
from ..ops.search import searchsorted_p
from ..ops.structure import cast, expand_dims
from .aliasing import laid_out_as
from .differences import diff
from .dispatch import check_cast, implements
from .indexing import concrete, known
from .reductions import all as _all, max as _max, min as _min, sum as _sum
from .shapes import atleast_2d, ravel, transpose

_BINS = "`bins`"


def _range_of(a: Any, range: Any) -> tuple[Any, Any]:
    """First and last edge: ``range``, or the extrema of the samples, at least 1 apart."""
    if range is not None:
        first, last = map(operand, range)
        if ew.is_complex(first) or ew.is_complex(last):
            raise TypeError("histogram: the range must be real: got complex numbers")
    elif not math.prod(shape_of(a)):
        first, last = 0, 1
    else:
        first, last = _min(a), _max(a)
    low, high = known(first), known(last)
    if low is None or high is None:
        kind = common_dtype([first, last, a, 0.5])
        margin = cast(compare.eq(first, last), kind) * 0.5
        return ew.sub(first, margin), ew.add(last, margin)
    if range is not None and low > high:
        raise ValueError("max must be larger than min in range parameter.")
    if not (np.isfinite(low) and np.isfinite(high)):
        whose = "autodetected" if range is None else "supplied"
        raise ValueError(f"{whose} range of [{low}, {high}] is not finite")
    return (first - 0.5, last + 0.5) if low == high else (first, last)


def _edges(a: Any, bins: Any, range: Any, weights: Any, who: str = _BINS) -> Any:
    """Bin edges, from a number, a name, or an array of edges."""
    if not isinstance(bins, str) and len(shape_of(operand(bins))) == 1:
        return _checked_edges(who, bins)
    if isinstance(bins, str):
        np.histogram_bin_edges([], bins)  # NumPy's error for an unknown name
        if weights is not None:
            raise TypeError(
                "Automated estimation of the number of bins is not supported for weighted data"
            )
        values = concrete(f"histogram: bins={bins!r}", a)
        bins = len(np.histogram_bin_edges(values, bins, range)) - 1
    elif len(shape_of(operand(bins))) > 1:
        raise ValueError(f"{who} must be 1d, when an array")
    try:
        count = operator.index(bins)
    except TypeError as err:
        raise TypeError(f"{who} must be an integer, a string, or an array") from err
    if count < 1:
        raise ValueError(f"{who} must be positive, when an integer")
    first, last = _range_of(a, range)
    kind = None  # as in numpy.histogramdd
    if who == _BINS:
        kind = common_dtype([first, last, a])
        kind = kind if is_inexact(kind) else np.result_type(kind, float)
    return np.linspace(first, last, count + 1, dtype=kind)


def _checked_edges(who: str, bins: Any) -> Any:
    """Edges given by the user, checked to increase."""
    edges = strong(operand(bins))
    values = known(edges)
    if values is not None and np.any(values[:-1] > values[1:]):
        raise ValueError(f"{who} must increase monotonically, when an array")
    return edges


def _numeric(a: Any) -> Any:
    a = ravel(strong(operand(a)))
    return cast(a, np.uint8) if dtype_of(a).kind == "b" else a


def _flat_weights(a: Any, weights: Any) -> Any:
    if weights is None:
        return None
    weights = strong(operand(weights))
    if shape_of(weights) != shape_of(strong(operand(a))):
        raise ValueError("weights should have the same shape as a.")
    return ravel(weights)


@implements("histogram_bin_edges")
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """Bin edges of a histogram; see numpy.histogram_bin_edges."""
    return _edges(_numeric(a), bins, range, _flat_weights(a, weights))


@implements("histogram")
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any]:
    """Counts, or sums of weights, per bin, and the edges; see numpy.histogram."""
    w, a = _flat_weights(a, weights), _numeric(a)
    edges = _edges(a, bins, range, w)
    indices = [_bin_index(edges, a)]
    kind = np.dtype(np.intp) if w is None else dtype_of(w)
    counts = cast(_bin_sums(indices, [shape_of(edges)[0] - 1], w, kind), kind)
    if density:
        counts = counts / cast(diff(edges), np.float64) / _sum(counts)
    return counts, edges


@implements("histogramdd")
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, list[Any]]:
    """Histogram of points in several dimensions; see numpy.histogramdd."""
    sample = operand(sample) if isinstance(sample, (np.ndarray, Tracer)) else np.stack(sample).T
    sample = transpose(atleast_2d(sample)) if len(shape_of(sample)) < 2 else sample
    columns = [sample[:, d] for d in builtins.range(shape_of(sample)[1])]
    if _per_axis(bins):
        if len(bins) != len(columns):
            raise ValueError(
                "The dimension of bins must be equal to the dimension of the sample x."
            )
    else:
        bins = [bins] * len(columns)
    ranges = [None] * len(columns) if range is None else range
    if len(ranges) != len(columns):
        raise ValueError("range argument must have one entry per dimension")
    edges = [
        _edges(x, b, r, None, f"`bins[{d}]`")
        for d, (x, b, r) in enumerate(zip(columns, bins, ranges, strict=True))
    ]
    indices = [_bin_index(e, x) for e, x in zip(edges, columns, strict=True)]
    w = None if weights is None else strong(operand(weights))
    if w is not None and ew.is_complex(w):
        raise TypeError(f"histogramdd: weights must be real: got {aval_of(w)}")
    w = None if w is None else cast(w, np.float64)
    counts = _bin_sums(indices, [shape_of(e)[0] - 1 for e in edges], w, np.dtype(np.float64))
    if density:
        total = _sum(counts)
        for d, e in enumerate(edges):
            counts = counts / expand_dims(
                diff(e), tuple(k for k in builtins.range(len(edges)) if k != d)
            )
        counts = counts / total
    else:  # a part of an array that counts the outliers too
        strides = contiguous(tuple(n + 2 for n in shape_of(counts)))
        plain = isinstance(counts, np.ndarray)
        counts = copy_in(strides, counts) if plain else laid_out_as(counts, strides)
    return counts, edges


@implements("histogram2d")
def histogram2d(
    x: Any,
    y: Any,
    bins: Any = 10,
    range: Any = None,
    density: Any = None,
    weights: Any = None,
) -> tuple[Any, Any, Any]:
    """Histogram of points in two dimensions; see numpy.histogram2d."""
    x, y = strong(operand(x)), strong(operand(y))
    if shape_of(x) != shape_of(y):
        raise ValueError("x and y must have the same length.")
    if _per_axis(bins) and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = histogramdd(np.stack([x, y], axis=1), bins, range, density, weights)
    return counts, edges[0], edges[1]


def _per_axis(bins: Any) -> bool:
    """Whether ``bins`` has an entry for each axis."""
    try:
        return len(bins) > 0
    except TypeError:
        return False


def _bin_index(edges: Any, a: Any) -> Any:
    """Index of each sample's bin: -1 below the first edge, the number of bins above the last."""
    index = searchsorted_p(edges, a, side="right") - 1
    on_edge = compare.eq(a, edges[-1])  # the last bin includes its end
    return ew.sub(index, cast(on_edge, np.intp))


def _bin_sums(indices: Sequence[Any], lengths: Sequence[int], weights: Any, kind: Any) -> Any:
    """Sum of the weights in each bin, without samples outside all bins."""
    inside = [
        compare.logical_and(compare.ge(p, 0), compare.lt(p, n))
        for p, n in zip(indices, lengths, strict=True)
    ]
    held = _all(np.stack(inside), axis=0) if len(inside) > 1 else inside[0]
    indices = [ew.where(held, p, 0) for p in indices]
    weights = cast(held, kind) if weights is None else ew.where(held, weights, 0)
    index = Index([ARRAY] * len(indices))
    return scatter_add_p(weights, *indices, shape=tuple(lengths), index=index)


@implements("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Number of occurrences of each integer, or the sum of their weights; see numpy.bincount.

    Under ``jit`` the result has length ``minlength``, and an integer out of its range raises
    IndexError when the compiled function runs.
    """
    indices, length = integers(x), operator.index(minlength)
    values = known(indices)
    if values is not None:
        indices = values
        length = len(np.bincount(values, None, length))  # NumPy's error for invalid integers
    else:
        indices = _unknown_bins(indices, length)
    if weights is None:
        w = np.ones(shape_of(indices), np.intp)
    else:
        w = strong(operand(weights))
        check_cast("bincount", w, np.float64, "safe")
        w = cast(w, np.float64)
    if shape_of(w) != shape_of(indices):
        raise ShapeError(f"bincount: the weights must be as many as the integers: got {aval_of(w)}")
    return scatter_add_p(w, indices, shape=(length,), index=Index([ARRAY]))


def _unknown_bins(indices: Any, length: int) -> Any:
    """Unknown integers to be counted, negative ones replaced by an index out of range."""
    try:
        np.bincount(np.zeros(0, dtype_of(indices)))  # of uint64, it depends on NumPy's version
        counted = len(shape_of(indices)) == 1
    except TypeError:
        counted = False
    if not counted:
        raise TypeError(f"bincount: x must be a vector of integers: got {aval_of(indices)}")
    if length <= 0:
        raise ConcretizationError(
            f"bincount: the length of the result depends on values, which are unknown for the "
            f"traced {aval_of(indices)}; give minlength="
        )
    return ew.where(compare.lt(indices, 0), length, indices)
