"""Sorting and partitioning."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..ops import reduce as prims
from ..ops.operand import integers, operand, strong
from ..ops.reduce import take_along
from ..ops.structure import cast
from .dispatch import NO_DERIVATIVE, implements
from .indexing import concrete
from .shapes import numbers_axis, one_axis

_KINDS = ("quicksort", "heapsort", "mergesort", "stable", None)


def _check_sorting(kind: Any, order: Any) -> None:
    """Raise for what NumPy's sorting functions refuse."""
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if kind not in _KINDS:
        np.sort([0], kind=kind)  # a prefix will do, and else it complains


def _check_selecting(kind: Any, order: Any) -> None:
    """Raise for what NumPy's partitioning functions refuse."""
    _check_sorting(None, order)
    np.partition([0], 0, kind=kind)


@implements("sort")
def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """Sort along an axis; see numpy.sort."""
    _check_sorting(kind, order)
    a, axis = one_axis(operand(a), axis)
    return take_along(a, prims.argsort_p(a, axis=axis, kind="stable"), axis)


@implements("argsort", status=NO_DERIVATIVE)
def argsort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """Return the positions that sort an array; see numpy.argsort."""
    _check_sorting(kind, order)
    a = operand(a)
    a, axis = one_axis(a, numbers_axis(a, axis))
    return prims.argsort_p(a, axis=axis, kind="stable" if stable else kind)


@implements("argpartition", status=NO_DERIVATIVE)
def argpartition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """Return positions that put the kth element in its place; see numpy.argpartition."""
    _check_selecting(kind, order)
    a, axis = one_axis(operand(a), axis)
    places = concrete("argpartition", integers(kth))
    kth = tuple(places.tolist()) if places.ndim else places.item()
    return prims.argpartition_p(a, kth=kth, axis=axis)


@implements("partition")
def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """Put the kth element in its place; see numpy.partition."""
    _check_selecting(kind, order)
    a, axis = one_axis(operand(a), axis)
    return take_along(a, argpartition(a, kth, axis), axis)


@implements("sort_complex")
def sort_complex(a: Any) -> Any:
    """Sort as complex numbers, by the real part and then the imaginary; see numpy.sort_complex."""
    y = sort(strong(operand(a)))
    if dtype_of(y).kind == "c":
        return y
    small = dtype_of(y).char in "bhBH"
    return cast(y, np.complex64 if small else np.result_type(dtype_of(y), np.complex128))
