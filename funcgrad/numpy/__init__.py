"""Floor 5: NumPy's names for arrays and tracers alike.

Inside a traced function plain ``import numpy as np`` works: NumPy hands its calls to the table
that the modules here fill. These names are that same table, and besides it the handful of
functions that NumPy cannot hand over: creation, and lists of traced values. A name is made, and
its module loaded, when it is first asked for.
"""

from types import ModuleType as _ModuleType
from typing import Any as _Any

import numpy as _np

from ..core.lazy import (
    fetched as _fetched,
    homes_of as _homes_of,
    kept as _kept,
    publish as _publish,
)
from ..core.registry import load as _load

_PARTS = ("emath", "fft", "linalg")
_HOMES = _homes_of({
    "array_api": "__array_api_version__ __array_namespace_info__",
    "creation":
        "arange array asarray empty empty_like eye from_dlpack full full_like identity ones "
        "ones_like tri zeros zeros_like",
    "dtypes": "finfo iinfo",
    "functional": "vectorize",
    "index_tricks": "c_ index_exp r_ s_",
    "ranges": "linspace",
    "searching": "argwhere flatnonzero nonzero",
    "selection": "where",
    "sets": "unique",
    "sorting": "argsort sort",
    "ufuncs": "clip",
})  # fmt: skip


def _numpys() -> set[str]:
    """Return the public names of NumPy's own but its modules."""
    own = vars(_np)  # not getattr(), which loads the submodules it names
    return {n for n in _np.__all__ if n in own and not isinstance(own[n], _ModuleType)}


def __getattr__(name: str) -> _Any:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    if name in _HOMES:
        return _fetched(__name__, _HOMES[name], name)
    if name in _numpys():
        offered = _load(f"{__name__}.namespace").offered
        return _kept(__name__, name, offered(name, vars(_np)[name], __name__))
    if name == "random":
        raise AttributeError(
            "funcgrad.numpy.random: there are no generators with a hidden state here: use "
            "funcgrad.random, whose functions take a key, or numpy.random outside of traced code"
        )
    if not name.startswith("_") and name in dir(_np):
        raise AttributeError(
            f"funcgrad.numpy.{name}: this part of NumPy is not here: use numpy.{name}, outside of "
            f"traced code where it takes arrays"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_publish(__name__, [*_PARTS, *_HOMES, *_numpys()])
