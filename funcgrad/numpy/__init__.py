"""Floor 5: NumPy's names for arrays and tracers alike.

Inside a traced function plain ``import numpy as np`` works: NumPy hands its calls to the table
that the modules here fill. These names are that same table, and besides it the handful of
functions that NumPy cannot hand over: creation, and lists of traced values. A name is made, and
its module loaded, when it is first asked for.
"""

from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

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

if _TYPE_CHECKING:
    from . import emath as emath, fft as fft, linalg as linalg
    from .array_api import (
        __array_api_version__ as __array_api_version__,
        __array_namespace_info__ as __array_namespace_info__,
    )
    from .creation import (
        arange as arange,
        array as array,
        asarray as asarray,
        empty as empty,
        empty_like as empty_like,
        eye as eye,
        from_dlpack as from_dlpack,
        full as full,
        full_like as full_like,
        identity as identity,
        ones as ones,
        ones_like as ones_like,
        tri as tri,
        zeros as zeros,
        zeros_like as zeros_like,
    )
    from .dtypes import finfo as finfo, iinfo as iinfo
    from .functional import vectorize as vectorize
    from .index_tricks import c_ as c_, index_exp as index_exp, r_ as r_, s_ as s_
    from .ranges import linspace as linspace
    from .searching import argwhere as argwhere, flatnonzero as flatnonzero, nonzero as nonzero
    from .selection import where as where
    from .sets import unique as unique
    from .sorting import argsort as argsort, sort as sort
    from .ufuncs import clip as clip


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
