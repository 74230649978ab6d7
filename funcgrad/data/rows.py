"""Rows: a tree of arrays with one leading axis, the examples."""

import operator
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of, check_class, shape_of
from ..core.errors import DtypeError, ShapeError, TreeError
from ..core.trace import Tracer
from ..ops.operand import asarray
from ..random import RangeError


def count_rows(who: str, arrays: Any) -> int:
    """The length of the leading axis that all leaves share.

    Raises:
        TreeError: if there is no leaf.
        DtypeError: if a leaf is traced.
        ShapeError: naming the paths of leaves without an axis, or of another length.
        RangeError: if there are no rows.
    """
    pairs = tree.leaves_with_path(arrays)
    if not pairs:
        raise TreeError(f"{who}: there are no arrays: got {arrays!r}; give at least one")
    for path, x in pairs:
        if isinstance(x, Tracer):
            raise DtypeError(
                f"{who}: arrays must have their numbers: got a traced {aval_of(x)} at "
                f"{place(path)}; make the batches outside the traced function"
            )
        check_class(x)
        if not getattr(x, "shape", None):
            raise ShapeError(
                f"{who}: every leaf must be an array with a leading axis of examples: got {x!r} "
                f"at {place(path)}; make it one, np.asarray(...), or make one tree of a list of "
                f"examples, data.stack(examples)"
            )
    (first, x), *others = pairs
    count = shape_of(x)[0]
    for path, other in others:
        if shape_of(other)[0] != count:
            raise ShapeError(
                f"{who}: all arrays must have one leading axis: got {aval_of(x)} at "
                f"{place(first)} and {aval_of(other)} at {place(path)}; give each as many rows"
            )
    if count == 0:
        raise RangeError(f"{who}: there are no rows: got {aval_of(x)} at {place(first)}")
    return count


def take_rows(arrays: Any, rows: slice | np.ndarray) -> Any:
    """Return copies of some rows of each array, as plain ndarrays."""
    if isinstance(rows, slice):
        return tree.map(lambda x: np.array(asarray(x)[rows]), arrays)
    # np.take on the plain view: faster than x[rows], and no memmap comes out
    return tree.map(lambda x: np.take(asarray(x), rows, axis=0), arrays)


def integer(who: str, name: str, value: Any, least: int) -> int:
    """An argument as an int; raise if it is none, or too small."""
    try:
        number = operator.index(value)
    except TypeError:
        raise DtypeError(f"{who}: {name} must be an integer: got {value!r}") from None
    if number < least or isinstance(value, bool):
        raise RangeError(f"{who}: {name} must be an integer from {least} on: got {value!r}")
    return number


def column(who: str, name: str, value: Any, count: int | None = None) -> np.ndarray:
    """An argument as an array [N]; raise if it is of another shape."""
    array = asarray(value)
    if array.ndim != 1 or (count is not None and len(array) != count):
        want = "N" if count is None else count
        raise ShapeError(f"{who}: {name} must be of shape [{want}]: got {aval_of(array)}")
    return array


def place(path: Any) -> str:
    """A path as text."""
    return tree.keystr(path) or "the root"
