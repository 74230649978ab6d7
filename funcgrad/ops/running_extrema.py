"""The index of the running maximum or minimum along one axis."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import shape_of
from .compare import eq, isnan, logical_or
from .elementwise import maximum, minimum, where
from .index import Index, concatenate_p, getitem_p
from .reduce import Position


def _running_extremum(extremum: Any, x: Any, axis: int) -> Any:
    """The running maximum or minimum, by doubling."""
    reach, before = 1, [slice(None)] * axis
    while reach < (length := shape_of(x)[axis]):
        parts = [slice(0, reach), slice(0, length - reach)]  # the first elements stay
        parts = [getitem_p(x, index=Index((*before, part))) for part in parts]
        x = extremum(x, concatenate_p(*parts, axis=axis))
        reach *= 2
    return x


def _decompose_by(extremum: Any) -> Callable[..., Any]:
    """The index of the running extremum, the last of ties."""

    def decompose(x: Any, *, axis: int) -> Any:
        shape = [1] * len(shape_of(x))
        shape[axis] = -1
        hits = logical_or(eq(x, _running_extremum(extremum, x, axis)), isnan(x))
        positions = np.arange(shape_of(x)[axis]).reshape(shape)
        return (_running_extremum(maximum, where(hits, positions, 0), axis),)

    return decompose


def _argcummax(x: Any, axis: int) -> Any:
    """The index of the running maximum, the last of ties."""
    return _last_hit(x, np.maximum.accumulate(x, axis), axis)


def _argcummin(x: Any, axis: int) -> Any:
    return _last_hit(x, np.minimum.accumulate(x, axis), axis)


def _last_hit(x: Any, y: Any, axis: int) -> Any:
    shape = [1] * x.ndim
    shape[axis] = -1
    positions = np.arange(x.shape[axis]).reshape(shape)
    hits = (x == y) | np.isnan(x)
    return np.maximum.accumulate(np.where(hits, positions, 0), axis)


# fmt: off
argcummax_p = Position("argcummax", _argcummax, keeps_axis=True,
                       decompose=_decompose_by(maximum))
argcummin_p = Position("argcummin", _argcummin, keeps_axis=True,
                       decompose=_decompose_by(minimum))
# fmt: on
