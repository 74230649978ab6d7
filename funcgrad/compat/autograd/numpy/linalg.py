"""The names of ``numpy.linalg``, which take traced values."""

from typing import Any

import numpy as np

from ....numpy import linalg as _ours

__all__ = np.linalg.__all__
_dot = np.matmul  # a name that programs use


def T(x: Any) -> Any:  # noqa: N802, a name that programs use
    """The transposes of stacked matrices."""
    return np.swapaxes(x, -1, -2)


def __getattr__(name: str) -> Any:
    return getattr(_ours, name)
