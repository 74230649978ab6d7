"""Helpers with which programs write rules of their own primitives."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ....core.avals import shape_of
from .numpy_wrapper import metadata


def unbroadcast(x: Any, target_meta: Any, broadcast_idx: int = 0) -> Any:
    """A cotangent summed over the axes along which its primal was broadcast.

    Args:
        x: cotangent of the broadcast array.
        target_meta: of the primal, by ``metadata``.
        broadcast_idx: the position at which axes were inserted.
    """
    shape, rank, _, is_complex = target_meta
    while len(shape_of(x)) > rank:
        x = np.sum(x, axis=broadcast_idx)
    long = tuple([d for d, n in enumerate(shape) if n == 1 and shape_of(x)[d] != 1])
    x = np.sum(x, axis=long, keepdims=True) if long else x
    return x if is_complex or not np.iscomplexobj(x) else np.real(x)


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A rule whose cotangent is summed to the shape of ``target``."""
    meta = metadata(target)
    return lambda g: unbroadcast(f(g), meta)


def match_complex(target: Any, x: Any) -> Any:
    """A value made real, or complex, as ``target`` is."""
    if np.iscomplexobj(x) and not np.iscomplexobj(target):
        return np.real(x)
    return x + 0j if np.iscomplexobj(target) and not np.iscomplexobj(x) else x


def replace_zero(x: Any, val: Any) -> Any:
    """The array, with ``val`` where it is 0."""
    return np.where(x, x, val)
