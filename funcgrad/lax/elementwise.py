"""Elementwise functions and shapes of ``jax.lax`` that NumPy spells otherwise."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.elementwise import reciprocal, sqrt
from ..ops.operand import operand


def rsqrt(x: Any) -> Any:
    """Elementwise 1 / sqrt(x).

    >>> print(rsqrt(4.0))
    0.5
    """
    return reciprocal(sqrt(operand(x)))


def clamp(min: Any, x: Any, max: Any) -> Any:
    """Values limited to bounds; see numpy.clip.

    >>> clamp(0, np.array([-1, 2, 9]), 5)
    array([0, 2, 5])
    """
    return np.clip(operand(x), min, max)


def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """Insert axes of length 1 at these positions of the result; see numpy.expand_dims.

    >>> expand_dims(np.ones(3), (0, 2)).shape
    (1, 3, 1)
    """
    return np.expand_dims(operand(array), tuple(dimensions))
