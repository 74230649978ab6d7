"""NumPy's names, which take traced values, also in lists.

Results are those of ``funcgrad.numpy``, except that created arrays are plain ndarrays.
"""

from typing import Any

import numpy as _np

from ....core.lazy import kept as _kept
from ....core.registry import load as _load

_PARTS = (
    "fft", "linalg", "numpy_boxes", "numpy_vjps", "numpy_vspaces", "numpy_wrapper", "random",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    return _kept(__name__, name, _load(f"{__name__}.numpy_wrapper").found(name))


def __dir__() -> list[str]:
    return sorted({*_np.__all__, *_PARTS})


__all__ = [name for name in _np.__all__ if name not in ("f2py", "typing")]
__version__ = _np.__version__
