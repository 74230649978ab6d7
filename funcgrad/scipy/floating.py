"""Arguments as arrays with a floating dtype."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact
from ..ops.operand import operand, strong
from ..ops.structure import cast


def as_floating(x: Any) -> Any:
    """An array with a floating dtype; integers become float64."""
    x = strong(operand(x))
    return x if is_inexact(dtype_of(x)) else cast(x, np.float64)
