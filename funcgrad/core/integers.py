"""Integers among the arguments of functions: sizes, axes, positions, counts.

Whatever has ``__index__`` is one, as it is for NumPy: NumPy's scalars, 0-d arrays, an IntEnum.
"""

import operator
from typing import Any


def whole(x: Any) -> Any:
    """Return an integer as Python's int, and anything else, a traced value or a bool, as it is.

    >>> import numpy as np
    >>> whole(np.int64(3)), whole(np.array(3)), whole(None), whole(2.0), whole(True)
    (3, 3, None, 2.0, True)
    """
    if type(x) is int or isinstance(x, (bool, str, tuple, list)):
        return x
    try:
        return operator.index(x)
    except TypeError:  # a traced value, or an array of several, has one too, which raises
        return x


def several(x: Any) -> tuple[Any, ...]:
    """Return what may be one integer or a sequence of them as a tuple."""
    x = whole(x)
    return (x,) if isinstance(x, int) else tuple(map(whole, x))
