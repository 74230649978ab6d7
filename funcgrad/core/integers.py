"""Integer arguments of functions: sizes, axes, positions, counts.

An object with ``__index__`` is an integer, as for NumPy: NumPy scalars, 0-d arrays, an IntEnum.
"""

import operator
from typing import Any

from .avals import aval_of, dtype_of


def whole(x: Any) -> Any:
    """Convert an integer to a Python int; other objects, tracers and bools too, are unchanged.

    >>> import numpy as np
    >>> whole(np.int64(3)), whole(np.array(3)), whole(None), whole(2.0), whole(True)
    (3, 3, None, 2.0, True)
    """
    if type(x) is int or isinstance(x, (bool, str, tuple, list)):
        return x
    try:
        return operator.index(x)
    except TypeError:  # the __index__ of a tracer, or of an array with more elements, raises
        return x


def not_integers(what: str, x: Any) -> str:
    """The end of an error message for an array of indices whose dtype is not integer."""
    text = dtype_of(x).kind in "US"
    cure = "use np.unique(labels, return_inverse=True)[1]" if text else "use astype(int)"
    return f"{what} must be integers: got {aval_of(x)}; {cure}"


def several(x: Any) -> tuple[Any, ...]:
    """One integer, or a sequence of integers, as a tuple."""
    x = whole(x)
    return (x,) if isinstance(x, int) else tuple(map(whole, x))
