"""Trees as flat arrays, and back."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of, is_arraylike, shape_of
from ..core.errors import ShapeError, short
from ..core.lazy import answering
from .index import concatenate_p
from .operand import strong
from .structure import cast, project, reshape


@answering
def ravel_pytree(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Ravel the leaves of a tree into one flat array, with the function that inverts it.

    Args:
        value: a tree of arrays and scalars; they are promoted to one dtype.

    Returns:
        ``(flat, unravel)``; ``unravel(flat)`` has the shapes and dtypes of the leaves.

    Raises:
        TypeError: if a leaf is not an array or a scalar.
        ShapeError: when ``unravel`` is given an array of another size.

    >>> flat, unravel = ravel_pytree({"b": np.array([3.0, 4.0]), "a": 1.0})
    >>> print(flat, unravel(2 * flat)["b"])
    [1. 3. 4.] [6. 8.]
    """
    leaves, treedef = tree.flatten(value)
    for path, x in tree.leaves_with_path(value):
        if not is_arraylike(x):
            raise TypeError(
                f"ravel_pytree: the leaf at {short(tree.keystr(path))} must be an array: got "
                f"{type(x).__name__}"
            )
    avals = [aval_of(x) for x in leaves]
    ends = np.cumsum([0, *(a.size for a in avals)]).tolist()
    dtype = np.result_type(*(a.dtype for a in avals)) if avals else np.dtype(np.float32)
    parts = [cast(reshape(strong(x), (-1,)), dtype) for x in leaves]
    flat = concatenate_p(*parts, axis=0) if parts else np.zeros(0, dtype)

    def unravel(vector: Any) -> Any:
        if shape_of(vector) != (ends[-1],):
            raise ShapeError(
                f"unravel: the array must have shape ({ends[-1]},): got {aval_of(vector)}"
            )
        pieces = [
            _own(project(reshape(vector[start:stop], a.shape), a.dtype))
            for a, start, stop in zip(avals, ends[:-1], ends[1:], strict=True)
        ]
        return tree.unflatten(treedef, pieces)

    return flat, unravel


def _own(x: Any) -> Any:
    """A copy of a view: writing to it does not change the flat array."""
    return x.copy() if type(x) is np.ndarray and x.base is not None else x
