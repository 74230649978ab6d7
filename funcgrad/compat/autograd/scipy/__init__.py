"""SciPy's names, which take traced values where funcgrad.scipy has them."""

from ....core.lazy import missing as _missing, publish as _publish
from ....core.registry import load as _load

_PARTS = ("integrate", "linalg", "signal", "special", "stats")


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    raise _missing(__name__, name)


_publish(__name__, _PARTS)
