"""Sums, means, extrema and centers of the regions that labels mark.

Labels are constants. ``index`` names the regions of the results: None for one region of all
elements with a label above 0, or of all elements without labels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ConcretizationError, DtypeError, ShapeError, shown
from ...core.lazy import answering
from ...numpy.at import at
from ...numpy.indexing import known
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating


class _Regions:
    """The region of each element, and the order of the results."""

    def __init__(self, who: str, shape: tuple[int, ...], labels: Any, index: Any) -> None:
        self.scalar = index is None or not shape_of(operand(index))
        if labels is None:
            if index is not None:
                raise ValueError(f"{who}: index needs labels: got labels=None; give labels too")
            self.count, self.place = 1, np.zeros(shape, int)
        else:
            given = strong(operand(labels))
            if dtype_of(given).kind not in "biuf":
                raise DtypeError(f"{who}: labels must hold integers: got {shown(labels)}")
            given = np.broadcast_to(given, shape)
            if index is None:
                self.count, self.place = 1, np.where(given > 0, 0, 1)
            else:
                names, back = np.unique(np.ravel(_known(who, "index", index)), return_inverse=True)
                i = np.clip(np.searchsorted(names, np.ravel(given)), 0, len(names) - 1)
                found = np.where(np.take(names, i) == np.ravel(given), i, len(names))
                self.count, self.place = len(names), np.reshape(found, shape)
                self.back, self.shape = back, np.shape(index)
        self.place = np.reshape(self.place, (-1,))

    def ordered(self, values: Any) -> Any:
        """Values of the regions, as ``index`` names them."""
        return values[0] if self.scalar else np.reshape(values[self.back], self.shape)

    def summed(self, x: Any) -> Any:
        """The sum over each region."""
        return at(np.zeros(self.count + 1, np.result_type(x)))[self.place].add(x)[:-1]

    def counts(self) -> Any:
        """The number of elements of each region."""
        return self.summed(np.ones(shape_of(self.place)[0]))

    def spread(self, values: Any) -> Any:
        """The value of its region for each element; that of the first one outside."""
        return values[np.where(self.place < self.count, self.place, 0)]


def _known(who: str, name: str, x: Any) -> np.ndarray:
    values = known(operand(x))
    if values is None:
        raise ConcretizationError(
            f"{who}: {name} must be known, which values are not under jit and vmap: got "
            f"{aval_of(x)}; keep them outside"
        )
    return np.asarray(values)


def _flat(who: str, x: Any, labels: Any, index: Any) -> tuple[Any, _Regions]:
    x = as_floating(x)
    return np.reshape(x, (-1,)), _Regions(who, shape_of(x), labels, index)


@answering
def sum_labels(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Sum of the elements of each region.

    Args:
        input: array.
        labels: integers that broadcast to its shape, or None.
        index: a label, labels of any shape, or None.

    >>> print(sum_labels(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 2]))
    [1. 5.]
    """
    x, regions = _flat("sum_labels", input, labels, index)
    return regions.ordered(regions.summed(x))


@answering
def sum(input: Any, labels: Any = None, index: Any = None) -> Any:
    """The same as :func:`sum_labels`, by its older name.

    >>> print(sum(np.arange(4.0)))
    6.0
    """
    return sum_labels(input, labels, index)


@answering
def mean(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Mean of the elements of each region; see :func:`sum_labels`.

    >>> print(mean(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 2]))
    [0.5 2.5]
    """
    x, regions = _flat("mean", input, labels, index)
    return regions.ordered(regions.summed(x) / regions.counts())


def _variances(x: Any, regions: _Regions) -> Any:
    means = regions.summed(x) / regions.counts()
    return regions.summed((x - regions.spread(means)) ** 2) / regions.counts()


@answering
def variance(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Variance of the elements of each region; see :func:`sum_labels`.

    >>> print(variance(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 2]))
    [0.25 0.25]
    """
    x, regions = _flat("variance", input, labels, index)
    return regions.ordered(_variances(x, regions))


@answering
def standard_deviation(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Standard deviation of the elements of each region; see :func:`sum_labels`.

    >>> print(standard_deviation(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 2]))
    [0.5 0.5]
    """
    x, regions = _flat("standard_deviation", input, labels, index)
    return regions.ordered(np.sqrt(_variances(x, regions)))


def _greatest(x: Any, regions: _Regions) -> Any:
    start = np.full(regions.count + 1, -np.inf, np.result_type(x))
    return at(start)[regions.place].max(x)[:-1]


@answering
def maximum(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Greatest element of each region, whose derivative equal elements share.

    Args: see :func:`sum_labels`.

    >>> print(maximum(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 2]))
    [1. 3.]
    """
    x, regions = _flat("maximum", input, labels, index)
    return regions.ordered(_greatest(x, regions))


@answering
def minimum(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Least element of each region; see :func:`maximum`.

    >>> print(minimum(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 2]))
    [0. 2.]
    """
    x, regions = _flat("minimum", input, labels, index)
    return -regions.ordered(_greatest(-x, regions))


def _position(who: str, x: Any, labels: Any, index: Any) -> Any:
    """The indices of the first greatest element of each region."""
    x = stop_gradient(as_floating(x))
    flat, regions = _flat(who, x, labels, index)
    rows = [np.argmax(np.where(regions.place == k, flat, -np.inf)) for k in range(regions.count)]
    found = np.stack(np.unravel_index(np.stack(rows), shape_of(x)), axis=-1)
    if regions.scalar:
        return tuple(found[0])
    return [tuple(row) for row in found[regions.back]]


@answering
def maximum_position(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Indices of the greatest element of each region, which have no derivative.

    Args: see :func:`sum_labels`.

    >>> print(maximum_position(np.array([[1.0, 3.0], [2.0, 0.0]])))
    (np.int64(0), np.int64(1))
    """
    return _position("maximum_position", input, labels, index)


@answering
def minimum_position(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Indices of the least element of each region; see :func:`maximum_position`.

    >>> print(minimum_position(np.array([[1.0, 3.0], [2.0, 0.0]])))
    (np.int64(1), np.int64(1))
    """
    return _position("minimum_position", -as_floating(input), labels, index)


@answering
def extrema(input: Any, labels: Any = None, index: Any = None) -> tuple[Any, Any, Any, Any]:
    """Least and greatest element of each region, and their indices; see :func:`maximum`.

    >>> print(extrema(np.array([1.0, 3.0]))[:2])
    (np.float64(1.0), np.float64(3.0))
    """
    return (
        minimum(input, labels, index),
        maximum(input, labels, index),
        minimum_position(input, labels, index),
        maximum_position(input, labels, index),
    )


@answering
def median(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Median of the elements of each region, whose labels must be known; see :func:`sum_labels`.

    >>> print(median(np.arange(4.0), np.array([1, 1, 1, 2]), [1, 2]))
    [1. 3.]
    """
    x, regions = _flat("median", input, labels, index)
    place = _known("median", "labels", regions.place)
    rows = [np.median(x[np.flatnonzero(place == k)]) for k in range(regions.count)]
    return regions.ordered(np.stack(rows))


@answering
def center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:
    """Mean of the indices of each region, weighted by the elements.

    Args: see :func:`sum_labels`.

    Returns:
        A tuple of numbers, one for each axis; for several labels a list of these.

    >>> print(center_of_mass(np.array([[0.0, 1.0], [0.0, 3.0]])))
    (np.float64(0.75), np.float64(1.0))
    """
    x = as_floating(input)
    flat, regions = _flat("center_of_mass", x, labels, index)
    total = regions.summed(flat)
    grid = np.indices(shape_of(x)).reshape(len(shape_of(x)), -1)
    rows = [regions.summed(flat * g) / total for g in grid]
    if regions.scalar:
        return tuple(row[0] for row in rows)
    return [tuple(row[i] for row in rows) for i in regions.back]


@answering
def histogram(
    input: Any, min: float, max: float, bins: int, labels: Any = None, index: Any = None
) -> Any:
    """Histogram of the elements of each region, which has no derivative.

    Args:
        input, labels, index: see :func:`sum_labels`.
        min, max, bins: the range, and the number of equal intervals.

    >>> print(histogram(np.array([0.1, 0.2, 0.9]), 0, 1, 2))
    [2 1]
    """
    x, regions = _flat("histogram", input, labels, index)
    values, place = _known("histogram", "input", x), _known("histogram", "labels", regions.place)
    edges = np.linspace(min, max, bins + 1)
    rows = [np.histogram(values[place == k], edges)[0] for k in range(regions.count)]
    return rows[0] if regions.scalar else [rows[i] for i in regions.back]


@answering
def labeled_comprehension(
    input: Any, labels: Any, index: Any, func: Callable[..., Any], out_dtype: Any, default: Any,
    pass_positions: bool = False,
) -> Any:  # fmt: skip
    """A function of the elements of each region, whose labels must be known.

    Args:
        input, labels, index: see :func:`sum_labels`.
        func: ``func(elements)``, or with flat indices as a second argument if ``pass_positions``.
        out_dtype: dtype of the results.
        default: the result of a region without elements.

    >>> print(labeled_comprehension(np.arange(4.0), np.array([1, 1, 2, 2]), [1, 3], np.sum,
    ...                             float, -1.0))
    [ 1. -1.]
    """
    x, regions = _flat("labeled_comprehension", input, labels, index)
    place = _known("labeled_comprehension", "labels", regions.place)
    rows = []
    for k in range(regions.count):
        i = np.flatnonzero(place == k)
        given = (x[i], i) if pass_positions else (x[i],)
        rows.append(func(*given) if len(i) else default)
    return regions.ordered(np.stack([operand(r) for r in rows]).astype(out_dtype))


# labels


@answering
def find_objects(input: Any, max_label: int = 0) -> list[Any]:
    """Slices that contain each label, None for labels without elements.

    Args:
        input: labels, of known values.
        max_label: int, the number of labels, by default the greatest.

    >>> print(find_objects(np.array([0, 1, 1, 0])))
    [(slice(1, 3, None),)]
    """
    values = _known("find_objects", "input", input)
    if values.dtype.kind not in "iub":
        raise ShapeError(f"find_objects: input must hold integers: got {aval_of(values)}")
    found: list[Any] = []
    for k in range(1, (max_label or int(values.max(initial=0))) + 1):
        where = np.nonzero(values == k)
        slices = tuple(slice(int(i.min()), int(i.max()) + 1) for i in where if len(i))
        found.append(slices if len(where[0]) else None)
    return found


@answering
def value_indices(arr: Any, *, ignore_value: int | None = None) -> dict[Any, Any]:
    """Indices of each value of an array of integers, whose values must be known.

    Args:
        arr: integers.
        ignore_value: int, a value that is left out.

    >>> print(value_indices(np.array([2, 1, 2]))[2])
    (array([0, 2]),)
    """
    values = _known("value_indices", "arr", arr)
    names = [v for v in np.unique(values) if v != ignore_value]
    return {v: np.nonzero(values == v) for v in names}
