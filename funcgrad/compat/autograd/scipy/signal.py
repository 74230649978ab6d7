"""Convolution over chosen axes."""

from typing import Any

from ....scipy import signal as ours
from .names import found


def convolve(a: Any, b: Any, axes: Any = None, dot_axes: Any = ((), ()), mode: str = "full") -> Any:
    """Convolution of two arrays; see funcgrad.scipy.signal.convolve for the arguments."""
    return ours.convolve(a, b, mode, axes=axes, dot_axes=dot_axes)


def __getattr__(name: str) -> Any:
    return found(ours, "scipy.signal", name)
