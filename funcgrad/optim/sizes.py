"""Norms of gradients, whose squares may leave the range of the dtype."""

import functools
import math
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import dtype_of, shape_of
from ..ops.elementwise import hypot, root
from ..ops.reduce import axes_of, norm_p
from ..ops.structure import cast, expand_dims
from .base import Tree, is_floating, like, real_dtype


def norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the Euclidean norm along axes, in float64: that of float32 may leave its range.

    Its derivative where it is 0 is 0.
    """
    size = np.abs(x) if dtype_of(x).kind == "c" else x
    axes = axes_of(axis, len(shape_of(x)))
    y = norm_p(np.asarray(size) if not shape_of(x) else size, axes=axes, dtype=np.dtype(float))
    return expand_dims(y, axes) if keepdims else y


def resized(x: Any, size: Any, own: Any) -> Any:
    """Return x size / own of an array; that ratio of float64 numbers may leave its range."""
    if dtype_of(x) in (np.float64, np.complex128):
        return x / like(own, x) * like(size, x)
    half = like(root(size / own), x)
    return x * half * half


def root_mean_square(x: Any) -> Any:
    """Return the root of the mean square of an array, in float64."""
    return norm(x) / math.sqrt(max(math.prod(shape_of(x)), 1))


def norm_of_all(updates: Tree) -> Any:
    """Return the Euclidean norm of all leaves together, in float64."""
    norms = [norm(x) for x in tree.leaves(updates) if is_floating(x)]
    return functools.reduce(hypot, norms) if norms else np.float64(0)


def global_norm(updates: Tree) -> Any:
    """Return the Euclidean norm of all leaves together; its derivative where it is 0 is 0.

    It is of the leaves' dtype, but float32 for float16.

    >>> float(global_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}))
    5.0
    """
    return cast(norm_of_all(updates), np.result_type(real_dtype(*tree.leaves(updates)), np.float32))
