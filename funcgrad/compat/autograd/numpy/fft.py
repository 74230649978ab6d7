"""The names of ``numpy.fft``, which take traced values."""

from typing import Any

import numpy as np

from ....numpy import fft as _ours

__all__ = np.fft.__all__


def __getattr__(name: str) -> Any:
    return getattr(_ours, name)
