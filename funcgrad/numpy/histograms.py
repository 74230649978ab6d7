"""Histograms: how many samples, or how much of their weights, fall between edges.

Which bin a sample falls into has no derivative; the weights in it, the widths of the bins and
edges that are taken from the samples have.
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
from ..ops.operand import common_dtype, integers, operand, strong
from ..ops.search import searchsorted_p
from ..ops.structure import cast, expand_dims
from .differences import diff
from .dispatch import check_cast, implements
from .indexing import concrete, known
from .reductions import all as _all, max as _max, min as _min, sum as _sum
from .shapes import atleast_2d, ravel, transpose

_BINS = "`bins`"


def _outer(a: Any, range: Any) -> tuple[Any, Any]:
    """Return the outermost edges, as given or as the samples have them, some way apart."""
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
        apart = cast(compare.eq(first, last), kind) * 0.5
        return ew.sub(first, apart), ew.add(last, apart)
    if range is not None and low > high:
        raise ValueError("max must be larger than min in range parameter.")
    if not (np.isfinite(low) and np.isfinite(high)):
        whose = "autodetected" if range is None else "supplied"
        raise ValueError(f"{whose} range of [{low}, {high}] is not finite")
    return (first - 0.5, last + 0.5) if low == high else (first, last)


def _edges(a: Any, bins: Any, range: Any, weights: Any, who: str = _BINS) -> Any:
    """Return the edges of the bins, however they are asked for."""
    if not isinstance(bins, str) and len(shape_of(operand(bins))) == 1:
        return _rising(who, bins)
    if isinstance(bins, str):
        np.histogram_bin_edges([], bins)  # refuses names that it does not know
        if weights is not None:
            raise TypeError(
                "Automated estimation of the number of bins is not supported for weighted data"
            )
        numbers = concrete(f"histogram: bins={bins!r}", a)
        bins = len(np.histogram_bin_edges(numbers, bins, range)) - 1
    elif len(shape_of(operand(bins))) > 1:
        raise ValueError(f"{who} must be 1d, when an array")
    try:
        count = operator.index(bins)
    except TypeError as err:
        raise TypeError(f"{who} must be an integer, a string, or an array") from err
    if count < 1:
        raise ValueError(f"{who} must be positive, when an integer")
    first, last = _outer(a, range)
    kind = None  # as numpy.histogramdd has it
    if who == _BINS:
        kind = common_dtype([first, last, a])
        kind = kind if is_inexact(kind) else np.result_type(kind, float)
    return np.linspace(first, last, count + 1, dtype=kind)


def _rising(who: str, bins: Any) -> Any:
    """Return edges that the user gives."""
    edges = strong(operand(bins))
    numbers = known(edges)
    if numbers is not None and np.any(numbers[:-1] > numbers[1:]):
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
    """Return the edges that histogram would use; see numpy.histogram_bin_edges."""
    return _edges(_numeric(a), bins, range, _flat_weights(a, weights))


@implements("histogram")
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any]:
    """Return the counts, or weights, of samples between edges, and those; see numpy.histogram."""
    w, a = _flat_weights(a, weights), _numeric(a)
    edges = _edges(a, bins, range, w)
    places = [_bin(edges, a)]
    kind = np.dtype(np.intp) if w is None else dtype_of(w)
    counts = cast(_counted(places, [shape_of(edges)[0] - 1], w, kind), kind)
    if density:
        counts = counts / cast(diff(edges), np.float64) / _sum(counts)
    return counts, edges


@implements("histogramdd")
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, list[Any]]:
    """Return the counts, or weights, in boxes of several axes; see numpy.histogramdd."""
    sample = operand(sample) if isinstance(sample, (np.ndarray, Tracer)) else np.stack(sample).T
    sample = transpose(atleast_2d(sample)) if len(shape_of(sample)) < 2 else sample
    columns = [sample[:, d] for d in builtins.range(shape_of(sample)[1])]
    if _several(bins):
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
    places = [_bin(e, x) for e, x in zip(edges, columns, strict=True)]
    w = None if weights is None else strong(operand(weights))
    if w is not None and ew.is_complex(w):
        raise TypeError(f"histogramdd: weights must be real: got {aval_of(w)}")
    w = None if w is None else cast(w, np.float64)
    counts = _counted(places, [shape_of(e)[0] - 1 for e in edges], w, np.dtype(np.float64))
    if density:
        total = _sum(counts)
        for d, e in enumerate(edges):
            counts = counts / expand_dims(
                diff(e), tuple(k for k in builtins.range(len(edges)) if k != d)
            )
        counts = counts / total
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
    """Return the counts, or weights, of pairs in rectangles; see numpy.histogram2d."""
    x, y = strong(operand(x)), strong(operand(y))
    if shape_of(x) != shape_of(y):
        raise ValueError("x and y must have the same length.")
    if _several(bins) and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = histogramdd(np.stack([x, y], axis=1), bins, range, density, weights)
    return counts, edges[0], edges[1]


def _several(bins: Any) -> bool:
    """Return whether ``bins`` has an entry for each axis."""
    try:
        return len(bins) > 0
    except TypeError:
        return False


def _bin(edges: Any, a: Any) -> Any:
    """Return the number of each sample's bin, or that of none: 0 below is -1, too far is n."""
    place = searchsorted_p(edges, a, side="right") - 1
    on_edge = compare.eq(a, edges[-1])  # the last bin includes its end
    return ew.sub(place, cast(on_edge, np.intp))


def _counted(places: Sequence[Any], lengths: Sequence[int], weights: Any, kind: Any) -> Any:
    """Return the sums of weights in each bin, without the samples that are in none."""
    inside = [
        compare.logical_and(compare.ge(p, 0), compare.lt(p, n))
        for p, n in zip(places, lengths, strict=True)
    ]
    held = _all(np.stack(inside), axis=0) if len(inside) > 1 else inside[0]
    places = [ew.where(held, p, 0) for p in places]
    weights = cast(held, kind) if weights is None else ew.where(held, weights, 0)
    index = Index([ARRAY] * len(places))
    return scatter_add_p(weights, *places, shape=tuple(lengths), index=index)


@implements("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Count each number, or add up its weights; see numpy.bincount.

    Where the numbers are not known, in a program, there are ``minlength`` counts, and a number
    that has no place among them raises IndexError when the program runs.
    """
    places, length = integers(x), operator.index(minlength)
    numbers = known(places)
    if numbers is not None:
        places = numbers
        length = len(np.bincount(numbers, None, length))  # complains of what is no vector of them
    else:
        places = _unknown_places(places, length)
    if weights is None:
        w = np.ones(shape_of(places), np.intp)
    else:
        w = strong(operand(weights))
        check_cast("bincount", w, np.float64, "safe")
        w = cast(w, np.float64)
    if shape_of(w) != shape_of(places):
        raise ShapeError(f"bincount: the weights must be as many as the numbers: got {aval_of(w)}")
    return scatter_add_p(w, places, shape=(length,), index=Index([ARRAY]))


def _unknown_places(places: Any, length: int) -> Any:
    """Return the places of numbers to be counted, those below 0 beyond the end."""
    if len(shape_of(places)) != 1 or not np.can_cast(dtype_of(places), np.intp, "safe"):
        raise TypeError(f"bincount: only a vector of integers is counted: got {aval_of(places)}")
    if length <= 0:
        raise ConcretizationError(
            f"bincount: how many counts there are depends on the numbers, and of {aval_of(places)} "
            f"they are not known: give minlength=, which is then their number"
        )
    return ew.where(compare.lt(places, 0), length, places)
