"""Comparisons of arrays, and tests of their elements; none of them has a derivative."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.errors import DtypeError
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.structure import cast
from .dispatch import NO_DERIVATIVE, implements, no_out
from .reductions import all as _all


@implements("iscomplexobj", status=NO_DERIVATIVE)
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex; see numpy.iscomplexobj."""
    return ew.is_complex(operand(x))


@implements("isrealobj", status=NO_DERIVATIVE)
def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex; see numpy.isrealobj."""
    return not iscomplexobj(x)


@implements("iscomplex", status=NO_DERIVATIVE)
def iscomplex(x: Any) -> Any:
    """Mask of elements with a nonzero imaginary part; see numpy.iscomplex."""
    return compare.ne(np.imag(strong(operand(x))), 0)


@implements("isreal", status=NO_DERIVATIVE)
def isreal(x: Any) -> Any:
    """Mask of elements without an imaginary part; see numpy.isreal."""
    return compare.eq(np.imag(operand(x)), 0)


@implements("isposinf", status=NO_DERIVATIVE)
def isposinf(x: Any, out: Any = None) -> Any:
    """Mask of elements equal to +inf; see numpy.isposinf."""
    no_out("isposinf", out)
    return compare.eq(_ordered("isposinf", x), np.inf)


@implements("isneginf", status=NO_DERIVATIVE)
def isneginf(x: Any, out: Any = None) -> Any:
    """Mask of elements equal to -inf; see numpy.isneginf."""
    no_out("isneginf", out)
    return compare.eq(_ordered("isneginf", x), -np.inf)


def _ordered(who: str, x: Any) -> Any:
    x = strong(operand(x))
    if ew.is_complex(x):
        raise DtypeError(f"{who}: complex numbers have no sign: got {aval_of(x)}; pass x.real")
    return x


@implements("isclose", status=NO_DERIVATIVE)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Mask of elements that are equal within a tolerance; see numpy.isclose."""
    a, b = operand(a), operand(b)
    b = cast(strong(b), np.result_type(dtype_of(b), 1.0))  # integers must not overflow
    finite = compare.isfinite(b)
    gap = ew.abs(ew.sub(a, ew.where(finite, b, 0)))
    near = compare.le(gap, ew.add(atol, ew.mul(rtol, ew.abs(b))))
    near = compare.logical_or(compare.logical_and(near, finite), compare.eq(a, b))
    return compare.logical_or(near, _both_nan(a, b)) if equal_nan else near


def _both_nan(a: Any, b: Any) -> Any:
    return compare.logical_and(compare.isnan(a), compare.isnan(b))


@implements("allclose", status=NO_DERIVATIVE)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Whether two arrays are equal within a tolerance; see numpy.allclose."""
    return _truth(_all(isclose(a, b, rtol, atol, equal_nan)))


@implements("array_equal", status=NO_DERIVATIVE)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Whether shapes and elements are equal; see numpy.array_equal."""
    a, b = operand(a1), operand(a2)
    if shape_of(a) != shape_of(b):
        return False
    same = compare.eq(a, b)
    if equal_nan:
        same = compare.logical_or(same, _both_nan(a, b))
    return _truth(_all(same))


@implements("array_equiv", status=NO_DERIVATIVE)
def array_equiv(a1: Any, a2: Any) -> Any:
    """Whether elements are equal after broadcasting; see numpy.array_equiv."""
    a, b = operand(a1), operand(a2)
    try:
        broadcast_shapes(shape_of(a), shape_of(b))
    except ValueError:
        return False
    return _truth(_all(compare.eq(a, b)))


def _truth(x: Any) -> Any:
    return x if isinstance(x, Tracer) else bool(x)
