"""Positions and different elements, as many as are asked for.

How many there are depends on the numbers, which a program does not know. With ``size=``, JAX's
keyword, the functions of this file return so many: the first ones, and ``fill_value`` after the
last. Without it they are NumPy's own.
"""

import math
import operator
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.errors import UnsupportedError
from ..ops import compare, elementwise as ew
from ..ops.assign import set_at_p
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.operand import operand, strong
from ..ops.reduce import argsort_p, take_along
from ..ops.structure import cast, cumsum_p, reshape
from .histograms import bincount
from .joining import concatenate
from .reductions import sum as _sum
from .shapes import ravel


def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> tuple[Any, ...]:
    """Return where elements are not zero, ``size`` of them if given; see numpy.nonzero.

    Args:
        a: array.
        size: how many positions to return; all of them unless given.
        fill_value: int, or one for each axis, of the positions that there are not; 0 unless given.

    >>> nonzero(np.array([0, 5, 0, 7]), size=3)
    (array([1, 3, 0]),)
    """
    a = strong(operand(a))
    if size is None:
        return np.nonzero(a)
    shape = shape_of(a)
    if not shape:
        raise ValueError("nonzero: an array without axes has no positions: write atleast_1d")
    places, held = _first(compare.ne(reshape(a, (math.prod(shape),)), 0), size)
    fills = fill_value if isinstance(fill_value, (tuple, list)) else [fill_value] * len(shape)
    found, stride = [], math.prod(shape)
    for n, fill in zip(shape, fills, strict=True):
        stride //= n or 1
        place = places // max(stride, 1) % max(n, 1)
        found.append(ew.where(held, place, 0 if fill is None else operator.index(fill)))
    return tuple(found)


def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Return where elements of the flattened array are not zero; see ``nonzero``."""
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Return where elements are not zero, one position a row; see ``nonzero``."""
    a = strong(operand(a))
    if size is None:
        return np.argwhere(a)
    return np.stack(nonzero(a, size=size, fill_value=fill_value), axis=1)


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
    """Return the different elements, ``size`` of them if given; see numpy.unique.

    Args:
        ar: array; with ``size`` it is flattened.
        return_index: whether to return where each stands first.
        return_inverse: whether to return the number of each element among the different ones.
        return_counts: whether to return how often each occurs; 0 for those that there are not.
        axis: None where ``size`` is given.
        equal_nan: whether nan is one element.
        sorted: whether the elements rise; with ``size`` they do.
        size: how many elements to return; all of them unless given.
        fill_value: of the elements that there are not; the smallest element unless given.

    >>> unique(np.array([3, 1, 3]), size=3)
    array([1, 3, 1])
    """
    ar = strong(operand(ar))
    flags = (return_index, return_inverse, return_counts)
    if size is None:
        options = {} if sorted else {"sorted": sorted}  # which an old NumPy does not know
        return np.unique(ar, *flags, axis, equal_nan=equal_nan, **options)
    if axis is not None:
        raise UnsupportedError("unique: size= does not go with axis=: leave one of them out")
    flat = ravel(ar)
    (n,) = shape_of(flat)
    order = argsort_p(flat, axis=0, kind="stable")
    rising = take_along(flat, order, 0)
    starts, held = _first(_changes(rising, equal_nan), size)
    fill = fill_value if fill_value is not None else rising[0] if n else 0
    values = ew.where(held, _picked(rising, starts), cast(strong(operand(fill)), dtype_of(ar)))
    number = cumsum_p(cast(_changes(rising, equal_nan), np.intp), axis=0, reverse=False) - 1
    back = set_at_p(np.zeros(n, np.intp), number, order, index=Index([ARRAY]))
    counts = bincount(number, minlength=max(n, 1))
    results = (_picked(order, starts), reshape(back, shape_of(ar)), _cut(counts, size))
    chosen = [y for y, wanted in zip(results, flags, strict=True) if wanted]
    return (values, *chosen) if chosen else values


def _changes(rising: Any, equal_nan: bool) -> Any:
    """Return where a sorted vector has another element than before."""
    if not shape_of(rising)[0]:
        return np.zeros(0, bool)
    before, after = rising[:-1], rising[1:]
    new = compare.ne(after, before)
    if equal_nan and is_inexact(dtype_of(rising)):
        new = new & compare.logical_not(compare.isnan(after) & compare.isnan(before))
    return concatenate([np.ones(1, bool), new])


def _first(mask: Any, size: int) -> tuple[Any, Any]:
    """Return the first ``size`` positions at which a mask is true, and which of them there are."""
    size = operator.index(size)
    order = argsort_p(compare.logical_not(mask), axis=0, kind="stable")
    return _cut(order, size), compare.lt(np.arange(size), _sum(mask))


def _cut(x: Any, size: int) -> Any:
    """Return the first elements of a vector, zeros behind its end."""
    missing = max(size - shape_of(x)[0], 0)
    return concatenate([x[:size], np.zeros(missing, dtype_of(x))]) if missing else x[:size]


def _picked(x: Any, places: Any) -> Any:
    """Return the elements of a vector at places, zeros where it is empty."""
    if not shape_of(x)[0]:
        return np.zeros(shape_of(places), dtype_of(x))
    return getitem_p(x, places, index=Index([ARRAY]))
