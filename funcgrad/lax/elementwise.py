"""Elementwise functions of ``jax.lax`` that NumPy spells otherwise."""

from typing import Any

import numpy as np

from ..core.lazy import answering
from ..ops.elementwise import reciprocal, sqrt
from ..ops.operand import operand


@answering
def rsqrt(x: Any) -> Any:
    """Elementwise 1 / sqrt(x).

    >>> print(rsqrt(4.0))
    0.5
    """
    return reciprocal(sqrt(operand(x)))


@answering
def clamp(min: Any, x: Any, max: Any) -> Any:
    """Values limited to bounds; see numpy.clip.

    >>> clamp(0, np.array([-1, 2, 9]), 5)
    array([0, 2, 5])
    """
    return np.clip(operand(x), min, max)
