"""Initial values of solvers: trees, and arrays as SciPy takes them."""

from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import dtype_of, is_arraylike, shape_of
from ..ops.operand import operand
from ..ops.structure import cast


def scalars_as_array(x: Any, kinds: tuple[type, ...] = (list, tuple)) -> Any:
    """A list or tuple of scalars as an array, other trees as they are."""
    is_vector = type(x) in kinds and x and all(is_arraylike(e) and shape_of(e) == () for e in x)
    return np.stack([operand(e) for e in x]) if is_vector else x


def initial(x: Any) -> Any:
    """The first point of a search: a list or tuple of scalars is an array, integers are floats."""
    floating = lambda e: cast(operand(e), np.float64) if _is_integer(e) else e
    return tree.map(floating, scalars_as_array(x))


def _is_integer(x: Any) -> bool:
    return is_arraylike(x) and dtype_of(x).kind in "iu"
