"""Arguments as arrays with a floating dtype."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact
from ..core.errors import DtypeError, shown
from ..ops.operand import operand, strong
from ..ops.structure import cast


def as_floating(x: Any) -> Any:
    """An array with a floating dtype; integers become float64."""
    x = strong(operand(x))
    if dtype_of(x).kind not in "biufc":
        raise DtypeError(f"an array must hold numbers: got {shown(x)}")
    return x if is_inexact(dtype_of(x)) else cast(x, np.float64)
