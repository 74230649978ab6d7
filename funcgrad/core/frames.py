"""Frames of user code: where a warning points, and which tracebacks are left out."""

import os
import sys
import warnings
from types import TracebackType
from typing import Any

from .errors import FuncgradError

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
NUMPY = f"{os.sep}numpy{os.sep}"
_LIBRARIES = ("funcgrad", "numpy", "scipy")


def is_inside(filename: str) -> bool:
    """Whether a file is one of this library or of NumPy."""
    return filename.startswith(PACKAGE) or NUMPY in filename


def is_user(trace: TracebackType | None) -> bool:
    """Whether an error, caught by a function of ours, was raised in user code that it called."""
    while trace is not None and (trace := trace.tb_next) is not None:
        library = str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if library not in _LIBRARIES and library not in sys.stdlib_module_names:
            return True
    return False


def shorten(err: Exception) -> None:
    """Remove an error's traceback, unless it has a frame of user code.

    A few functions of the NumPy namespace call user functions (piecewise); their frames stay.
    """
    frames: TracebackType | None = err.__traceback__
    while frames is not None:
        filename = frames.tb_frame.f_code.co_filename
        if not is_inside(filename):
            return
        frames = frames.tb_next
    if isinstance(err, FuncgradError):
        err.__suppress_context__ = True
    err.__traceback__ = None


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the innermost line of user code."""
    frame: Any = sys._getframe(1)
    level = 2  # 1 would be this function, and 2 is its caller
    while frame.f_back is not None and is_inside(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
