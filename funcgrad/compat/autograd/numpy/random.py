"""NumPy's random numbers, by the names of ``numpy.random``; they carry no derivative."""

from typing import Any

import numpy as np

__all__ = np.random.__all__


def __getattr__(name: str) -> Any:
    return getattr(np.random, name)
