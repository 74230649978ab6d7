"""Floor 5: NumPy's names for arrays and tracers alike.

Inside a traced function plain ``import numpy as np`` works: NumPy hands its calls to the table
that this package fills. These names are that same table, and besides it the handful of
functions that NumPy cannot hand over: creation, and lists of traced values.
"""

import sys as _sys
from types import ModuleType as _ModuleType
from typing import NoReturn as _NoReturn

import numpy as _np

from ..core.errors import shown
from ..core.registry import overrides as _overrides
from . import (  # each fills the table
    apply as apply,
    bits as bits,
    calculus as calculus,
    choosing as choosing,
    correlation as correlation,
    emath as emath,
    fft as fft,
    grids as grids,
    histograms as histograms,
    indexing as indexing,
    linalg as linalg,
    norms as norms,
    order as order,
    padding as padding,
    pieces as pieces,
    polynomials as polynomials,
    products as products,
    quantiles as quantiles,
    queries as queries,
    reductions as reductions,
    refusals as refusals,
    scans as scans,
    searching as searching,
    sets as sets,
    shapes as shapes,
    statistics as statistics,
    ufuncs as ufuncs,
)
from .building import vectorize as vectorize
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
    linspace as linspace,
    ones as ones,
    ones_like as ones_like,
    tri as tri,
    zeros as zeros,
    zeros_like as zeros_like,
)
from .face import fill as _fill
from .inspection import VERSIONS as _VERSIONS, NamespaceInfo as _NamespaceInfo
from .joining import c_ as c_, index_exp as index_exp, r_ as r_, s_ as s_
from .sized import (
    argwhere as argwhere,
    flatnonzero as flatnonzero,
    nonzero as nonzero,
    unique as unique,
)
from .standard import (
    argsort as argsort,
    clip as clip,
    finfo as finfo,
    iinfo as iinfo,
    sort as sort,
    where as where,
)

__array_namespace_info__ = _NamespaceInfo
__array_api_version__ = _VERSIONS[-1]

_fill(_sys.modules[__name__], _np)
for _module, _numpys in ((emath, _np.emath), (fft, _np.fft), (linalg, _np.linalg)):
    _fill(_module, _numpys)


def _namespace(api_version: str | None) -> _ModuleType:
    """Return what x.__array_namespace__() of a tracer returns: this module."""
    if api_version not in (None, *_VERSIONS):
        raise ValueError(
            f"__array_namespace__: api_version is none that is known: got {shown(api_version)}; "
            f"ask for one of {', '.join(_VERSIONS)}"
        )
    return _sys.modules[__name__]


_overrides["namespace"] = _namespace


def __getattr__(name: str) -> _NoReturn:
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
