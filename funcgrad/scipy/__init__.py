"""Differentiable functions under SciPy's names.

Only the solvers of ``optimize`` run SciPy, and need it: pip install 'funcgrad[scipy]'.
"""

from ..core.lazy import publish as _publish
from . import (
    integrate as integrate,
    linalg as linalg,
    optimize as optimize,
    signal as signal,
    special as special,
    stats as stats,
)

_publish(__name__, ["integrate", "linalg", "optimize", "signal", "special", "stats"])
