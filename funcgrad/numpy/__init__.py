"""NumPy's names, for arrays and traced values.

A traced function may use plain ``import numpy as np``: NumPy dispatches its calls to the rules in
this package. The names here use the same rules, and add the functions that NumPy does not
dispatch: array creation, and lists of traced values. A name is loaded at first use.
"""

from types import ModuleType as _ModuleType
from typing import Any as _Any

import numpy as _np

from ..core.lazy import (
    fetched as _fetched,
    homes_of as _homes_of,
    kept as _kept,
    missing as _missing,
    publish as _publish,
)
from ..core.registry import load as _load

_PARTS = ("emath", "fft", "linalg")
_HOMES = _homes_of({
    "array_api": "__array_api_version__ __array_namespace_info__",
    "creation":
        "arange array asarray empty empty_like eye from_dlpack full full_like identity ones "
        "ones_like tri zeros zeros_like",
    "dtypes": "finfo iinfo isscalar",
    "functional": "fromiter",
    "index_tricks": "c_ index_exp ndenumerate r_ s_",
    "memory_orders": "asfortranarray require",
    "ranges": "linspace",
    "searching": "argwhere flatnonzero nonzero",
    "selection": "where",
    "sets": "unique",
    "sorting": "argsort sort",
    "ufuncs": "clip",
    "vectorizing": "vectorize",
})  # fmt: skip


def _numpys() -> set[str]:
    """Public names of NumPy, without its modules."""
    own = vars(_np)  # getattr() would load submodules
    return {n for n in _np.__all__ if n in own and not isinstance(own[n], _ModuleType)}


def __getattr__(name: str) -> _Any:
    if name in _PARTS:
        return _load(f"{__name__}.{name}")
    if name in _HOMES:
        return _fetched(__name__, _HOMES[name], name)
    if name in _numpys():
        wrap_if_traced = _load(f"{__name__}.namespace").wrap_if_traced
        return _kept(__name__, name, wrap_if_traced(name, vars(_np)[name], __name__))
    if name == "random":
        raise AttributeError(
            "funcgrad.numpy.random: generators with a hidden state are not supported; use "
            "funcgrad.random, whose functions take a key"
        )
    if name == "special":  # SciPy with SCIPY_ARRAY_API=1 asks the namespace of an array for it
        return _load("funcgrad.scipy.special")
    if name == "lib":
        return _np.lib  # sliding_window_view dispatches on traced arrays
    if not name.startswith("_") and name in dir(_np):
        raise AttributeError(
            f"funcgrad.numpy.{name}: this part of NumPy is not supported in traced code; use "
            f"numpy.{name} outside of it"
        )
    raise _missing(__name__, name)


_publish(__name__, [*_PARTS, *_HOMES, *_numpys()])
