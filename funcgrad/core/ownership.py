"""Arrays of one's own: results that share no memory with what the user, or a tape, holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def copied(x: Any) -> Any:
    """Copy an array, in its memory order; anything else is itself."""
    return x.copy("K") if isinstance(x, np.ndarray) else x


def owned(x: Any, taken: set[int]) -> Any:
    """Return a result that the caller may change: an array of its own, none of those taken."""
    if type(x) is np.ndarray and (x.base is not None or id(x) in taken):
        x = x.copy()
    taken.add(id(x))
    return x


def fresh(outs: Sequence[Any], args: Sequence[Any]) -> tuple[Any, ...]:
    """Return the outputs of a run with arrays of their own: none of the operands, no views."""
    taken = set(map(id, args))
    return tuple([owned(y, taken) for y in outs])
