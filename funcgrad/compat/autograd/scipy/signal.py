"""Convolution over chosen axes."""

from typing import Any

from ....core.registry import load
from ....scipy import signal as ours


def convolve(a: Any, b: Any, axes: Any = None, dot_axes: Any = ((), ()), mode: str = "full") -> Any:
    """Convolution of two arrays; see funcgrad.scipy.signal.convolve for the arguments."""
    return ours.convolve(a, b, mode, axes=axes, dot_axes=dot_axes)


def __getattr__(name: str) -> Any:
    return getattr(ours if hasattr(ours, name) else load("scipy.signal"), name)
