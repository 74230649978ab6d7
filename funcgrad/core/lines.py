"""The line of user code that an operation comes from."""

import os
import sys
from typing import Any

from .jaxpr import eval_jaxpr

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_EVAL = eval_jaxpr.__code__


def user_line() -> str:
    """``file:line`` of the innermost frame of user code.

    While a program runs equation by equation, it is the line of the equation.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if frame.f_code is _EVAL and (eqn := frame.f_locals.get("eqn")) is not None:
            if eqn.source:
                return eqn.source
        elif not filename.startswith(_PACKAGE):
            return f"{filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
