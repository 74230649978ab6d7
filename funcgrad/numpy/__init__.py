"""Floor 5: NumPy's names for arrays and tracers alike.

Inside a traced function plain ``import numpy as np`` works: NumPy hands its calls to the table
that this package fills. These names are that same table, and besides it the handful of
functions that NumPy cannot hand over: creation, and lists of traced values.
"""

import sys as _sys

import numpy as _np

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
from .creation import (
    arange as arange,
    array as array,
    asarray as asarray,
    empty as empty,
    eye as eye,
    full as full,
    identity as identity,
    ones as ones,
    zeros as zeros,
)
from .joining import c_ as c_, index_exp as index_exp, r_ as r_, s_ as s_

for _name, _function in list(vars(_np).items()):  # not dir(), which names submodules to be loaded
    if callable(_function) and _function.__hash__ and _function in _overrides:
        globals().setdefault(_name, _overrides[_function])
    elif isinstance(_function, float | type(None)) or (
        isinstance(_function, type) and issubclass(_function, _np.generic)
    ):
        globals().setdefault(_name, _function)

_overrides["namespace"] = lambda: _sys.modules[__name__]  # what x.__array_namespace__() returns
