"""The ufuncs of scipy.special, for traced arrays; loaded when the first one of them meets one.

Each finds the function of the same name in :mod:`funcgrad.scipy.special`, or NumPy's ufunc.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.registry import overrides
from ..numpy.ufunc_methods import loop_of
from ..ops.operand import operand
from ..ops.structure import cast
from . import special

_OF_NUMPY = ("cbrt", "exp2", "expm1", "log1p")  # scipy.special has ufuncs of its own for these
_DOUBLE = np.dtype(np.float64)


def _rule(ufunc: np.ufunc, function: Callable[..., Any]) -> Callable[..., Any]:
    """A rule of a ufunc that computes in the dtypes in which the ufunc does."""

    def rule(*inputs: Any) -> Any:
        xs = tuple(map(operand, inputs))
        if all(dtype_of(x) == _DOUBLE for x in xs):
            return function(*xs)
        kinds = loop_of(ufunc, xs)  # int8 and float16 become float32 or float64
        y = function(*map(cast, xs, kinds))
        if ufunc.nout == 1:
            return cast(y, kinds[-1])
        return tuple(map(cast, y, kinds[ufunc.nin :]))

    return rule


def _register() -> None:
    for home in ("scipy.special", "scipy.special._ufuncs"):  # wrapped if SCIPY_ARRAY_API=1
        scipys = vars(sys.modules.get(home, sys))
        for name in (*dir(special), *_OF_NUMPY):
            ufunc = scipys.get(name)
            if isinstance(ufunc, np.ufunc):
                own = getattr(special, name, None) or overrides[getattr(np, name)]
                overrides[ufunc] = _rule(ufunc, own)


_register()
