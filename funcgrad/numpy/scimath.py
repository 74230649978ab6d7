"""numpy.emath and numpy.real_if_close: functions with a real or complex result.

The dtype of the result depends on values, so these run eagerly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..ops import elementwise as ew
from ..ops.operand import operand, strong
from ..ops.structure import cast
from .aliasing import as_array, gives
from .dispatch import EAGER, implements
from .indexing import concrete

_SINGLE = "bBhHf"  # dtype characters that become complex64


def _extended(who: str, x: Any, outside: Callable[[np.ndarray], Any]) -> Any:
    """Array as complex if any element is outside the real domain."""
    x = strong(operand(x))
    if ew.is_complex(x) or not np.any(outside(concrete(f"emath.{who}", x))):
        return x
    return cast(x, np.complex64 if dtype_of(x).char in _SINGLE else np.complex128)


def _negative(x: np.ndarray) -> Any:
    return x < 0


def _beyond_one(x: np.ndarray) -> Any:
    return np.abs(x) > 1


def _register(name: str, outside: Callable[[np.ndarray], Any]) -> Callable[..., Any]:
    function = getattr(np, name)

    def extended(x: Any) -> Any:
        return function(_extended(name, x, outside))

    extended.__name__ = extended.__qualname__ = name
    extended.__doc__ = f"numpy.{name}, complex outside the real domain; see numpy.emath.{name}."
    return implements(f"emath.{name}", status=EAGER)(extended)


_LOG = _register("log", _negative)
for _name in ("sqrt", "log2", "log10"):
    _register(_name, _negative)
for _name in ("arccos", "arcsin", "arctanh"):
    _register(_name, _beyond_one)


@implements("emath.logn", status=EAGER)
def logn(n: Any, x: Any) -> Any:
    """Logarithm to base n; see numpy.emath.logn."""
    return _LOG(x) / _LOG(n)


@implements("emath.power", status=EAGER)
def power(x: Any, p: Any) -> Any:
    """Power, complex if the base is negative; see numpy.emath.power."""
    x, p = _extended("power", x, _negative), strong(operand(p))
    if dtype_of(p).kind in "iu" and np.any(concrete("emath.power", p) < 0):
        p = cast(p, np.float64)
    return np.power(x, p)


@implements("real_if_close", status=EAGER)
@gives(as_array)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """Real part if the imaginary part is negligible; see numpy.real_if_close."""
    a = strong(operand(a))
    if not ew.is_complex(a):
        return a
    imaginary = concrete("real_if_close", a).imag
    limit = tol * np.finfo(imaginary.dtype).eps if tol > 1 else tol
    return ew.real(a) if np.all(np.abs(imaginary) < limit) else a
