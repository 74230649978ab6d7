"""Set operations. The shape of a result depends on the values, so they run eagerly.

A result is gathered from the operands at known indices, and carries their derivatives.
"""

from typing import Any, NamedTuple

import numpy as np

from ..core.avals import Shape, dtype_of, is_inexact, shape_of
from ..core.errors import UnsupportedError
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.assign import set_at_p
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.operand import common_dtype, operand, strong
from ..ops.reduce import argsort_p, axis_of, gather_along_axis
from ..ops.search import searchsorted_p
from ..ops.structure import cast, cumsum_p, reshape
from .dispatch import EAGER, NO_DERIVATIVE, implements
from .histograms import bincount
from .indexing import concrete, take
from .joining import concatenate
from .manipulation import take_known
from .searching import first_of, first_true
from .shapes import ravel
from .sorting import sort


class UniqueAll(NamedTuple):
    """Result of numpy.unique_all."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """Result of numpy.unique_counts."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """Result of numpy.unique_inverse."""

    values: Any
    inverse_indices: Any


_numpy_unique: Any = np.unique  # its overloads ask for literal flags


@implements("unique", status=EAGER)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Distinct elements, ``size`` of them if given; see numpy.unique.

    With ``size``, the result has a static shape, so that ``jit`` can compile it.

    Args:
        ar: array; with ``size`` it is flattened.
        return_index: whether to return the index of each element's first occurrence.
        return_inverse: whether to return, per element, its index among the distinct ones.
        return_counts: whether to return the number of occurrences, 0 of a filled element.
        axis: the axis whose slices are compared; None with ``size``.
        equal_nan: whether all nan are one element.
        sorted: whether the elements rise; with ``size`` they always do.
        size: int, number of elements returned; by default all.
        fill_value: fills missing elements; by default the smallest element.

    >>> unique(np.array([3, 1, 3]), size=3)
    array([1, 3, 1])
    """
    ar = strong(operand(ar))
    flags = (return_index, return_inverse, return_counts)
    if size is not None:
        if axis is not None:
            raise UnsupportedError("unique: size= and axis= exclude each other; leave out axis=")
        return _unique_of_size(ravel(ar), shape_of(ar), flags, equal_nan, size, fill_value)
    options: dict[str, Any] = {"axis": axis, "equal_nan": equal_nan}
    if not isinstance(ar, Tracer):
        options |= {} if sorted else {"sorted": sorted}  # unknown to NumPy before 2.3
        return _numpy_unique(ar, *flags, **options)
    numbers = concrete("unique", ar)
    _, first, *others = _numpy_unique(numbers, True, return_inverse, return_counts, **options)
    if axis is None:
        values = take_known(ravel(ar), first, 0)
    else:
        values = take_known(ar, first, axis_of(axis, len(shape_of(ar))))
    rest = [first, *others] if return_index else others
    return (values, *rest) if rest else values


def _unique_of_size(
    flat: Any, shape: Shape, flags: tuple[bool, ...], equal_nan: bool, size: int, fill_value: Any
) -> Any:
    """Distinct elements of a vector, and as flagged their indices, inverse [shape] and counts."""
    (n,) = shape_of(flat)
    order = argsort_p(flat, axis=0, kind="stable")
    rising = gather_along_axis(flat, order, 0)
    changes = _changes(rising, equal_nan)
    starts, held = first_true(changes, size)
    fill = fill_value if fill_value is not None else rising[0] if n else 0
    values = ew.where(
        held, _take_or_zeros(rising, starts), cast(strong(operand(fill)), dtype_of(flat))
    )
    number = cumsum_p(cast(changes, np.intp), axis=0, reverse=False) - 1
    inverse = set_at_p(np.zeros(n, np.intp), number, order, index=Index([ARRAY]))
    counts = bincount(number, minlength=max(n, 1))
    results = (_take_or_zeros(order, starts), reshape(inverse, shape), first_of(counts, size))
    chosen = [y for y, wanted in zip(results, flags, strict=True) if wanted]
    return (values, *chosen) if chosen else values


def _changes(rising: Any, equal_nan: bool) -> Any:
    """Mask of the elements of a sorted vector that differ from the one before."""
    if not shape_of(rising)[0]:
        return np.zeros(0, bool)
    before, after = rising[:-1], rising[1:]
    new = compare.ne(after, before)
    if equal_nan and is_inexact(dtype_of(rising)):
        new = new & compare.logical_not(compare.isnan(after) & compare.isnan(before))
    return concatenate([np.ones(1, bool), new])


def _take_or_zeros(x: Any, positions: Any) -> Any:
    """Elements of a vector at indices, zeros if it is empty."""
    if not shape_of(x)[0]:
        return np.zeros(shape_of(positions), dtype_of(x))
    return getitem_p(x, positions, index=Index([ARRAY]))


@implements("unique_all", status=EAGER)
def unique_all(x: Any, /) -> UniqueAll:
    """Distinct elements, first indices, inverse and counts; see numpy.unique_all."""
    return UniqueAll(*unique(x, True, True, True, equal_nan=False))


@implements("unique_counts", status=EAGER)
def unique_counts(x: Any, /) -> UniqueCounts:
    """Distinct elements and their counts; see numpy.unique_counts."""
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


@implements("unique_inverse", status=EAGER)
def unique_inverse(x: Any, /) -> UniqueInverse:
    """Distinct elements, and each element's index among them; see numpy.unique_inverse."""
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


@implements("unique_values", status=EAGER)
def unique_values(x: Any, /) -> Any:
    """Distinct elements; see numpy.unique_values."""
    return unique(x, equal_nan=False)


@implements("union1d", status=EAGER)
def union1d(ar1: Any, ar2: Any) -> Any:
    """Distinct elements of two arrays; see numpy.union1d."""
    return unique(concatenate([ar1, ar2], None))


def _concrete_vectors(who: str, ar1: Any, ar2: Any) -> tuple[Any, Any, np.ndarray, np.ndarray]:
    """Two arrays as vectors, and their concrete values."""
    a, b = ravel(strong(operand(ar1))), ravel(strong(operand(ar2)))
    return a, b, concrete(who, a), concrete(who, b)


@implements("intersect1d", status=EAGER)
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Common elements of two arrays, taken from the first; see numpy.intersect1d."""
    a, b, *numbers = _concrete_vectors("intersect1d", ar1, ar2)
    _, first, second = np.intersect1d(numbers[0], numbers[1], assume_unique, return_indices=True)
    values = cast(take_known(a, first, 0), common_dtype([a, b]))
    return (values, first, second) if return_indices else values


@implements("setdiff1d", status=EAGER)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Elements of the first array that are not in the second; see numpy.setdiff1d."""
    a, _, values, others = _concrete_vectors("setdiff1d", ar1, ar2)
    positions = np.arange(values.size)
    if not assume_unique:
        values, positions = np.unique(values, return_index=True)
    return take_known(a, positions[np.isin(values, others, invert=True)], 0)


@implements("setxor1d", status=EAGER)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Elements of exactly one of two arrays; see numpy.setxor1d."""
    a, b, *_ = _concrete_vectors("setxor1d", ar1, ar2)
    if not assume_unique:
        a, b = unique(a), unique(b)
    both = concatenate([a, b])
    values = concrete("setxor1d", both)
    order = np.argsort(values, kind="stable")
    change = np.concatenate([[True], values[order][1:] != values[order][:-1], [True]])
    return take_known(both, order[change[1:] & change[:-1]] if values.size else order, 0)


@implements("isin", "in1d", status=NO_DERIVATIVE)
def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
) -> Any:
    """Mask of the elements that are in a second array; see numpy.isin."""
    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    element, others = strong(operand(element)), ravel(strong(operand(test_elements)))
    if kind == "table":
        samples = np.zeros(1, dtype_of(element)), np.zeros(1, dtype_of(others))
        np.isin(*samples, kind="table")  # NumPy's error where the dtypes have no table
    size = shape_of(others)[0]
    if not size:
        return np.full(shape_of(element), bool(invert))
    dtype = common_dtype([element, others])
    element, others = cast(element, dtype), sort(cast(others, dtype))
    nearest = ew.minimum(searchsorted_p(others, element, side="left"), size - 1)
    found = compare.eq(take(others, nearest), element)
    return compare.logical_not(found) if invert else found
