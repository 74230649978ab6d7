"""Dtypes: promotion, casts, copies, limits."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.buffers import fresh_copy
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops.layout import laid_out, strides_of
from ..ops.operand import operand, strong
from ..ops.structure import cast
from .aliasing import apart, as_array, copied_in, is_scalar
from .dispatch import (
    EAGER_NO_DERIVATIVE,
    NO_DERIVATIVE,
    Casting,
    check_cast,
    check_device,
    implements,
)
from .indexing import concrete, placeholder


@implements("result_type", status=NO_DERIVATIVE)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """Dtype after promotion; see numpy.result_type."""
    return np.result_type(*(_kind(x) for x in arrays_and_dtypes))


def _kind(x: Any) -> Any:
    if isinstance(x, Tracer):
        return x.dtype.type(0).item() if x.aval.weak else x.dtype
    return x


@implements("can_cast", status=NO_DERIVATIVE)
def can_cast(from_: Any, to: Any, casting: Casting = "safe") -> bool:
    """Whether a casting rule allows a cast; see numpy.can_cast."""
    return np.can_cast(dtype_of(from_) if isinstance(from_, Tracer) else from_, to, casting)


@implements("common_type", status=NO_DERIVATIVE)
def common_type(*arrays: Any) -> Any:
    """Common inexact type of arrays; see numpy.common_type."""
    return np.common_type(*(np.empty(0, dtype_of(a)) for a in arrays))


@implements("copy")
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """Copy of an array; see numpy.copy."""
    a = strong(operand(a))
    if not isinstance(a, Tracer):
        return np.copy(a, order)  # type: ignore[call-overload]
    return as_array(copied_in(fresh_copy(a), a, order))


@implements("astype")
def astype(
    x: Any,
    dtype: Any,
    /,
    order: str = "K",
    casting: Casting = "unsafe",
    subok: bool = True,
    copy: bool = True,
    device: Any = None,
) -> Any:
    """Cast to a dtype; see ndarray.astype. A cast to integers has no derivative."""
    check_device(device)
    x = strong(operand(x))
    check_cast("astype", x, dtype, casting)
    y = cast(x, dtype)
    if isinstance(x, Tracer) and is_scalar(x):
        return y
    if y is not x or copy or not _is_in(x, order):
        y = apart(y, x)
        y = y if order == "K" else copied_in(y, x, order)
    return as_array(y)


def _is_in(x: Any, order: str) -> bool:
    """Whether an array is in an order as it is."""
    if order == "K":
        return True
    flags = (laid_out(x.shape, strides_of(x)) if isinstance(x, Tracer) else x).flags
    return bool({"C": flags.c_contiguous, "F": flags.f_contiguous, "A": flags.forc}[order])


overrides["astype"] = astype


@implements("min_scalar_type", status=EAGER_NO_DERIVATIVE)
def min_scalar_type(a: Any, /) -> np.dtype:
    """Smallest dtype that holds a scalar; see numpy.min_scalar_type."""
    return np.min_scalar_type(concrete("min_scalar_type", a) if not shape_of(a) else placeholder(a))


def isscalar(element: Any) -> bool:
    """Whether a value is a scalar in NumPy; numpy.isscalar is False for all traced ones.

    >>> isscalar(np.sum(np.ones(2))), isscalar(np.ones(()))
    (True, False)
    """
    return is_scalar(element) if isinstance(element, Tracer) else np.isscalar(element)


def finfo(type: Any, /) -> Any:
    """Limits of a floating dtype, or of an array's dtype; see numpy.finfo.

    >>> finfo(np.ones(2, np.float32)).bits
    32
    """
    return np.finfo(_dtype(type))


def iinfo(type: Any, /) -> Any:
    """Limits of an integer dtype, or of an array's dtype; see numpy.iinfo.

    >>> iinfo(np.ones(2, np.int8)).max
    127
    """
    return np.iinfo(_dtype(type))


def _dtype(x: Any) -> Any:
    return x.dtype if isinstance(x, (Tracer, np.ndarray, np.generic)) else x
