"""Trees of arrays as vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ....core import tree
from ..core import make_vjp


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """A vector of all elements of a tree of arrays, and the map back to such a tree."""
    unflatten, flat = make_vjp(_flat, value)
    return flat, unflatten


def _flat(value: Any) -> Any:
    parts = [np.ravel(x) for x in tree.leaves(value)]
    return np.concatenate(parts) if parts else np.zeros(0)


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Any, Any, Any]:
    """A function of vectors for one of trees, the map from vectors to trees, and the example."""
    flat, unflatten = flatten(example)
    return lambda x, *args: flatten(func(unflatten(x), *args))[0], unflatten, flat
