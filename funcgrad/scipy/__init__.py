"""Differentiable functions under SciPy's names.

Only the solvers of ``optimize`` run SciPy, and need it: pip install 'funcgrad[scipy]'.
"""

from ..core.lazy import publish as _publish
from . import (
    fft as fft,
    integrate as integrate,
    interpolate as interpolate,
    linalg as linalg,
    ndimage as ndimage,
    optimize as optimize,
    signal as signal,
    sparse as sparse,
    special as special,
    stats as stats,
)

_publish(
    __name__,
    [
        "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse",
        "special", "stats",
    ],
)  # fmt: skip
