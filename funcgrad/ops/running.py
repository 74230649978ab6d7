"""Positions of extrema in simpler primitives: without nan, and of those so far along an axis."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from .compare import eq, isnan, logical_or
from .elementwise import maximum, where
from .index import Index, concatenate_p, getitem_p


def passing_nan(position: Any, least: float) -> Callable[..., Any]:
    """Return where an extremum stands that is not nan; ``least`` never is one."""

    def decompose(x: Any, *, axis: int) -> Any:
        is_float = dtype_of(x).kind in "fc"
        return position.bind(where(isnan(x), least, x) if is_float else x, axis=axis)

    return decompose


def _running(extremum: Any, x: Any, axis: int) -> Any:
    """Return the largest, or smallest, element so far, doubling the reach."""
    reach, before = 1, [slice(None)] * axis
    while reach < (length := shape_of(x)[axis]):
        parts = [slice(0, reach), slice(0, length - reach)]  # the first stand for themselves
        parts = [getitem_p(x, index=Index((*before, part))) for part in parts]
        x = extremum(x, concatenate_p(*parts, axis=axis))
        reach *= 2
    return x


def last_of_running(extremum: Any) -> Callable[..., Any]:
    """Return where the extremum so far stands, the last of equals."""

    def decompose(x: Any, *, axis: int) -> Any:
        shape = [1] * len(shape_of(x))
        shape[axis] = -1
        hits = logical_or(eq(x, _running(extremum, x, axis)), isnan(x))
        positions = where(hits, np.arange(shape_of(x)[axis]).reshape(shape), 0)
        return (_running(maximum, positions, axis),)

    return decompose
