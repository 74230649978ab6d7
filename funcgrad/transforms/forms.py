"""The form of operands: scalar or 0-d array, and the order in memory.

A program depends on it only where it writes in place.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops.layout import strides_of_strided


def is_array(x: Any) -> bool:
    """Whether a 0-d value is an array, which is written in place, and no scalar."""
    return not overrides["is_scalar"](x) if isinstance(x, Tracer) else isinstance(x, np.ndarray)


def lay_out(tracers: Iterable[Any], values: Iterable[Any]) -> None:
    """Note which inputs of a program are 0-d arrays, and which are not in C order."""
    for x, value in zip(tracers, values, strict=True):
        if not isinstance(value, (np.ndarray, Tracer)):
            continue
        if not x.shape and is_array(value):
            x._trace.arrays.add(x._var)
        elif (strides := strides_of_strided(value)) is not None:
            x._trace.layouts.strides[x._var] = strides
