"""Rows of a tree of arrays: checks of the leading axis of examples, and selection."""

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
        ShapeError: if a leaf is a scalar, or leaves differ in length; it names their paths.
        RangeError: if there are no rows.
    """
    pairs = tree.leaves_with_path(arrays)
    if not pairs:
        raise TreeError(f"{who}: the tree has no arrays: got {arrays!r}; give at least one")
    for path, x in pairs:
        if isinstance(x, Tracer):
            raise DtypeError(
                f"{who}: arrays must not be traced: got {aval_of(x)} at "
                f"{path_text(path)}; make the batches outside the traced function"
            )
        check_class(x)
        if not getattr(x, "shape", None):
            raise ShapeError(
                f"{who}: every leaf must be an array with a leading axis of examples: got {x!r} "
                f"at {path_text(path)}; for a list of examples use data.stack(examples)"
            )
    (first, x), *others = pairs
    count = shape_of(x)[0]
    for path, other in others:
        if shape_of(other)[0] != count:
            raise ShapeError(
                f"{who}: all arrays must have the same number of rows: got {aval_of(x)} at "
                f"{path_text(first)} and {aval_of(other)} at {path_text(path)}"
            )
    if count == 0:
        raise RangeError(
            f"{who}: the arrays have no rows: got {aval_of(x)} at {path_text(first)}"
            "; give one at least"
        )
    return count


def take_rows(arrays: Any, rows: slice | np.ndarray) -> Any:
    """Copy the selected rows of each array, as plain ndarrays."""
    if isinstance(rows, slice):
        return tree.map(lambda x: np.array(asarray(x)[rows]), arrays)
    # np.take on the plain view is faster than x[rows], and never returns a memmap
    return tree.map(lambda x: np.take(asarray(x), rows, axis=0), arrays)


def integer(who: str, name: str, value: Any, least: int) -> int:
    """An argument as an int; raise unless it is an integer >= ``least``."""
    try:
        number = operator.index(value)
    except TypeError:
        raise DtypeError(f"{who}: {name} must be an integer: got {value!r}") from None
    if number < least or isinstance(value, bool):
        raise RangeError(f"{who}: {name} must be an integer >= {least}: got {value!r}")
    return number


def column(who: str, name: str, value: Any, count: int | None = None) -> np.ndarray:
    """An argument as an array [N]; raise if it has another shape."""
    array = asarray(value)
    if array.ndim != 1 or (count is not None and len(array) != count):
        want = "N" if count is None else count
        raise ShapeError(
            f"{who}: {name} must have shape [{want}]: got {aval_of(array)}"
            "; give one entry for each row"
        )
    return array


def path_text(path: Any) -> str:
    """The text of a path."""
    return tree.keystr(path) or "the root"
