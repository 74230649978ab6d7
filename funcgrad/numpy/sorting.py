"""Sorting and partitioning."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.trace import Tracer
from ..ops.operand import integers, operand, strong
from ..ops.reduce import argpartition_p, argsort_p, gather_along_axis
from ..ops.structure import cast
from .aliasing import in_order_of
from .dispatch import NO_DERIVATIVE, implements
from .indexing import concrete
from .shapes import ravel_if_none, scalar_axis

_KINDS = ("quicksort", "heapsort", "mergesort", "stable", None)


def _check_sorting(kind: Any, order: Any) -> None:
    """Raise as NumPy's sorting functions do for these options."""
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if kind not in _KINDS:
        np.sort([0], kind=kind)  # NumPy takes a prefix, and raises for anything else


def _check_selecting(kind: Any, order: Any) -> None:
    """Raise as NumPy's partitioning functions do for these options."""
    _check_sorting(None, order)
    np.partition([0], 0, kind=kind)


@implements("sort")
def sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: bool = False,
) -> Any:
    """Sort along an axis, the largest element first if ``descending``; see numpy.sort.

    >>> sort([2, 3, 1], descending=True)
    array([3, 2, 1])
    """
    a = operand(a)
    if isinstance(a, Tracer):
        _check_sorting(kind, order)
        a, axis = ravel_if_none(a, axis)
        y = in_order_of(gather_along_axis(a, argsort_p(a, axis=axis, kind="stable"), axis), a)
    else:
        y = np.sort(a, axis, kind, order, stable=stable)
    return np.flip(y, axis) if descending else y


@implements("argsort", status=NO_DERIVATIVE)
def argsort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: bool = False,
) -> Any:
    """Indices that sort an array, the largest element first if ``descending``; see numpy.argsort.

    >>> argsort([2, 3, 2], descending=True, stable=True)
    array([1, 0, 2])
    """
    a = operand(a)
    if descending:
        a, axis = ravel_if_none(strong(a), axis)
        # the reverse of an ascending sort keeps the order of equal elements if it meets them
        # in reverse
        reversed_ = argsort(np.flip(a, axis), axis, kind, order, stable=stable)
        return shape_of(a)[axis] - 1 - np.flip(reversed_, axis)
    if not isinstance(a, Tracer):
        return np.argsort(a, axis, kind, order, stable=stable)
    _check_sorting(kind, order)
    a, axis = ravel_if_none(a, scalar_axis(a, axis))
    return argsort_p(a, axis=axis, kind="stable" if stable else kind)


@implements("argpartition", status=NO_DERIVATIVE)
def argpartition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """Indices that partition an array around its kth element; see numpy.argpartition."""
    _check_selecting(kind, order)
    a, axis = ravel_if_none(operand(a), axis)
    indices = concrete("argpartition", integers(kth))
    kth = tuple(indices.tolist()) if indices.ndim else indices.item()
    return argpartition_p(a, kth=kth, axis=axis)


@implements("partition")
def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """Partition an array around its kth element; see numpy.partition."""
    _check_selecting(kind, order)
    a, axis = ravel_if_none(operand(a), axis)
    return in_order_of(gather_along_axis(a, argpartition(a, kth, axis), axis), a)


@implements("sort_complex")
def sort_complex(a: Any) -> Any:
    """Sort by the real part, then by the imaginary part; see numpy.sort_complex."""
    y = sort(strong(operand(a)))
    if dtype_of(y).kind == "c":
        return y
    small = dtype_of(y).char in "bhBH"
    return cast(y, np.complex64 if small else np.result_type(dtype_of(y), np.complex128))
