"""Names of other libraries, so that their programs run after a change of import lines.

``funcgrad.compat.autograd`` has the names of HIPS autograd, ``funcgrad.compat.jax`` those of JAX.
"""

from ..core.lazy import missing as _missing, publish as _publish
from ..core.registry import load as _load

_PARTS = ("autograd", "jax")


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    raise _missing(__name__, name)


_publish(__name__, _PARTS)
