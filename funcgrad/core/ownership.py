"""Ownership: results that alias no array that the user or a tape holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def copied(x: Any) -> Any:
    """Copy an array in its memory order; other objects are unchanged."""
    return x.copy("K") if isinstance(x, np.ndarray) else x


def unaliased(x: Any, taken: set[int]) -> Any:
    """Copy a result that is a view or whose id is taken, so that the caller may change it."""
    if type(x) is np.ndarray and (x.base is not None or id(x) in taken):
        x = x.copy()
    taken.add(id(x))
    return x


def apart(x: Any, given: Sequence[Any]) -> Any:
    """Copy a result that is a given array, or a view of one, so that the caller may change it."""
    if type(x) is not np.ndarray:
        return x
    base = _base_of(x)
    return x.copy("K") if any(base is _base_of(y) for y in given) else x


def _base_of(x: Any) -> Any:
    """The array that owns the memory of an array."""
    while isinstance(base := getattr(x, "base", None), np.ndarray):
        x = base
    return x


def unaliased_outputs(outs: Sequence[Any], args: Sequence[Any]) -> tuple[Any, ...]:
    """Copy outputs that are views or operands, or that occur twice."""
    taken = set(map(id, args))
    return tuple([unaliased(y, taken) for y in outs])
