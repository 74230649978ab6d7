"""Arrays as sets. What they hold is known only with the numbers, so these run eagerly.

The values returned are those of the arrays, at known places, and carry their derivatives.
"""

from typing import Any, NamedTuple

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops import compare, elementwise as ew
from ..ops.operand import common_dtype, operand, strong
from ..ops.reduce import axis_of
from ..ops.search import searchsorted_p
from ..ops.structure import cast
from .dispatch import EAGER, NO_DERIVATIVE, implements
from .indexing import concrete, take
from .joining import concatenate
from .manipulation import take_known
from .shapes import ravel
from .sorting import sort


class UniqueAll(NamedTuple):
    """What numpy.unique_all returns."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """What numpy.unique_counts returns."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """What numpy.unique_inverse returns."""

    values: Any
    inverse_indices: Any


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
) -> Any:
    """Return the different elements, each from where it stands first; see numpy.unique."""
    ar = strong(operand(ar))
    numbers = concrete("unique", ar)
    options = {"return_inverse": return_inverse, "return_counts": return_counts}
    _, first, *others = np.unique(  # type: ignore[call-overload]
        numbers, return_index=True, axis=axis, equal_nan=equal_nan, **options
    )
    if axis is None:
        values = take_known(ravel(ar), first, 0)
    else:
        values = take_known(ar, first, axis_of(axis, len(shape_of(ar))))
    rest = [first, *others] if return_index else others
    return (values, *rest) if rest else values


@implements("unique_all", status=EAGER)
def unique_all(x: Any, /) -> UniqueAll:
    """Return the different elements, first places, inverse and counts; see numpy.unique_all."""
    return UniqueAll(*unique(x, True, True, True, equal_nan=False))


@implements("unique_counts", status=EAGER)
def unique_counts(x: Any, /) -> UniqueCounts:
    """Return the different elements and how often each occurs; see numpy.unique_counts."""
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


@implements("unique_inverse", status=EAGER)
def unique_inverse(x: Any, /) -> UniqueInverse:
    """Return the different elements, and which each one is; see numpy.unique_inverse."""
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


@implements("unique_values", status=EAGER)
def unique_values(x: Any, /) -> Any:
    """Return the different elements; see numpy.unique_values."""
    return unique(x, equal_nan=False)


@implements("union1d", status=EAGER)
def union1d(ar1: Any, ar2: Any) -> Any:
    """Return what is in either array; see numpy.union1d."""
    return unique(concatenate([ar1, ar2], None))


def _vectors(who: str, ar1: Any, ar2: Any) -> tuple[Any, Any, np.ndarray, np.ndarray]:
    """Return two arrays as vectors, and their numbers."""
    a, b = ravel(strong(operand(ar1))), ravel(strong(operand(ar2)))
    return a, b, concrete(who, a), concrete(who, b)


@implements("intersect1d", status=EAGER)
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Return what is in both arrays, as it stands in the first; see numpy.intersect1d."""
    a, b, *numbers = _vectors("intersect1d", ar1, ar2)
    _, first, second = np.intersect1d(numbers[0], numbers[1], assume_unique, return_indices=True)
    values = cast(take_known(a, first, 0), common_dtype([a, b]))
    return (values, first, second) if return_indices else values


@implements("setdiff1d", status=EAGER)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return what is in the first array and not in the second; see numpy.setdiff1d."""
    a, _, numbers, others = _vectors("setdiff1d", ar1, ar2)
    places = np.arange(numbers.size)
    if not assume_unique:
        numbers, places = np.unique(numbers, return_index=True)
    return take_known(a, places[np.isin(numbers, others, invert=True)], 0)


@implements("setxor1d", status=EAGER)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return what is in one array only; see numpy.setxor1d."""
    a, b, *_ = _vectors("setxor1d", ar1, ar2)
    if not assume_unique:
        a, b = unique(a), unique(b)
    both = concatenate([a, b])
    numbers = concrete("setxor1d", both)
    order = np.argsort(numbers, kind="stable")
    change = np.concatenate([[True], numbers[order][1:] != numbers[order][:-1], [True]])
    return take_known(both, order[change[1:] & change[:-1]] if numbers.size else order, 0)


@implements("isin", "in1d", status=NO_DERIVATIVE)
def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
) -> Any:
    """Return where an element is one of some others; see numpy.isin."""
    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    element, others = strong(operand(element)), ravel(strong(operand(test_elements)))
    if kind == "table":
        np.isin(*(np.zeros(1, dtype_of(x)) for x in (element, others)), kind=kind)  # may refuse
    size = shape_of(others)[0]
    if not size:
        return np.full(shape_of(element), bool(invert))
    dtype = common_dtype([element, others])
    element, others = cast(element, dtype), sort(cast(others, dtype))
    place = ew.minimum(searchsorted_p(others, element, side="left"), size - 1)
    found = compare.eq(take(others, place), element)
    return compare.logical_not(found) if invert else found
