"""Questions about arrays: shapes, dtypes, comparisons; none of them has a derivative."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.errors import DtypeError
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.reduce import axes_in
from ..ops.structure import cast
from .dispatch import (
    EAGER_NO_DERIVATIVE,
    NO_DERIVATIVE,
    check_cast,
    check_device,
    implements,
    no_out,
    numpy_function,
)
from .indexing import concrete
from .reductions import all as _all


@implements("shape", status=NO_DERIVATIVE)
def shape(a: Any) -> tuple[int, ...]:
    """Return the shape; see numpy.shape."""
    return shape_of(operand(a))


@implements("ndim", status=NO_DERIVATIVE)
def ndim(a: Any) -> int:
    """Return the number of axes; see numpy.ndim."""
    return len(shape_of(operand(a)))


@implements("size", status=NO_DERIVATIVE)
def size(a: Any, axis: Any = None) -> int:
    """Return the number of elements, or the length of an axis; see numpy.size."""
    if axis is None:
        return aval_of(operand(a)).size
    shape = shape_of(operand(a))
    return math.prod(shape[d] for d in axes_in(axis, len(shape)))


@implements("iscomplexobj", status=NO_DERIVATIVE)
def iscomplexobj(x: Any) -> bool:
    """Return whether the dtype is complex; see numpy.iscomplexobj."""
    return ew.is_complex(operand(x))


@implements("isrealobj", status=NO_DERIVATIVE)
def isrealobj(x: Any) -> bool:
    """Return whether the dtype is not complex; see numpy.isrealobj."""
    return not iscomplexobj(x)


@implements("iscomplex", status=NO_DERIVATIVE)
def iscomplex(x: Any) -> Any:
    """Return where the imaginary part is not zero; see numpy.iscomplex."""
    return compare.ne(np.imag(strong(operand(x))), 0)


@implements("isreal", status=NO_DERIVATIVE)
def isreal(x: Any) -> Any:
    """Return where the imaginary part is zero; see numpy.isreal."""
    return compare.eq(np.imag(operand(x)), 0)


@implements("isposinf", status=NO_DERIVATIVE)
def isposinf(x: Any, out: Any = None) -> Any:
    """Return where the value is +inf; see numpy.isposinf."""
    no_out("isposinf", out)
    return compare.eq(_ordered("isposinf", x), np.inf)


@implements("isneginf", status=NO_DERIVATIVE)
def isneginf(x: Any, out: Any = None) -> Any:
    """Return where the value is -inf; see numpy.isneginf."""
    no_out("isneginf", out)
    return compare.eq(_ordered("isneginf", x), -np.inf)


def _ordered(who: str, x: Any) -> Any:
    x = strong(operand(x))
    if ew.is_complex(x):
        raise DtypeError(f"{who}: complex numbers have no sign: got {aval_of(x)}; ask of x.real")
    return x


@implements("result_type", status=NO_DERIVATIVE)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """Return the dtype of a promotion; see numpy.result_type."""
    return np.result_type(*(_kind(x) for x in arrays_and_dtypes))


def _kind(x: Any) -> Any:
    if isinstance(x, Tracer):
        return x.dtype.type(0).item() if x.aval.weak else x.dtype
    return x


@implements("can_cast", status=NO_DERIVATIVE)
def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Return whether a cast is allowed; see numpy.can_cast."""
    return np.can_cast(dtype_of(from_) if isinstance(from_, Tracer) else from_, to, casting)


@implements("common_type", status=NO_DERIVATIVE)
def common_type(*arrays: Any) -> Any:
    """Return the inexact type common to arrays; see numpy.common_type."""
    return np.common_type(*(np.empty(0, dtype_of(a)) for a in arrays))


@implements("isclose", status=NO_DERIVATIVE)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Return where two arrays are equal within a tolerance; see numpy.isclose."""
    a, b = operand(a), operand(b)
    b = cast(strong(b), np.result_type(dtype_of(b), 1.0))  # whole numbers must not wrap around
    finite = compare.isfinite(b)
    gap = ew.abs(ew.sub(a, ew.where(finite, b, 0)))
    near = compare.le(gap, ew.add(atol, ew.mul(rtol, ew.abs(b))))
    near = compare.logical_or(compare.logical_and(near, finite), compare.eq(a, b))
    return compare.logical_or(near, _both_nan(a, b)) if equal_nan else near


def _both_nan(a: Any, b: Any) -> Any:
    return compare.logical_and(compare.isnan(a), compare.isnan(b))


@implements("allclose", status=NO_DERIVATIVE)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Return whether two arrays are equal within a tolerance; see numpy.allclose."""
    return _truth(_all(isclose(a, b, rtol, atol, equal_nan)))


@implements("array_equal", status=NO_DERIVATIVE)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Return whether shapes and elements are equal; see numpy.array_equal."""
    a, b = operand(a1), operand(a2)
    if shape_of(a) != shape_of(b):
        return False
    same = compare.eq(a, b)
    if equal_nan:
        same = compare.logical_or(same, _both_nan(a, b))
    return _truth(_all(same))


@implements("array_equiv", status=NO_DERIVATIVE)
def array_equiv(a1: Any, a2: Any) -> Any:
    """Return whether elements are equal after broadcasting; see numpy.array_equiv."""
    a, b = operand(a1), operand(a2)
    try:
        broadcast_shapes(shape_of(a), shape_of(b))
    except ValueError:
        return False
    return _truth(_all(compare.eq(a, b)))


def _truth(x: Any) -> Any:
    return x if isinstance(x, Tracer) else bool(x)


@implements("copy")
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """Return a copy; see numpy.copy."""
    a = strong(operand(a))
    return a if isinstance(a, Tracer) else np.copy(a)


@implements("astype")
def astype(
    x: Any,
    dtype: Any,
    /,
    order: str = "K",
    casting: str = "unsafe",
    subok: bool = True,
    copy: bool = True,
    device: Any = None,
) -> Any:
    """Cast to a dtype; see ndarray.astype. A cast to integers has no derivative."""
    check_device(device)
    x = strong(operand(x))
    check_cast("astype", x, dtype, casting)
    return cast(x, dtype)


overrides["astype"] = astype


# what depends on shapes alone


@implements("einsum_path", status=NO_DERIVATIVE)
def einsum_path(*operands: Any, **options: Any) -> Any:
    """Return the order of products that costs least; see numpy.einsum_path."""
    return np.einsum_path(*(_stand_in(x) for x in operands), **options)


def _stand_in(x: Any) -> Any:
    """Return an array of the same shape that takes no memory."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Tracer) else x


def _indices_from(name: str) -> Callable[..., Any]:
    """Return a NumPy function that gives indices into an array of some shape."""
    function = numpy_function(name)

    def of_shape(arr: Any, *args: Any, **kwargs: Any) -> Any:
        return function(_stand_in(arr), *args, **kwargs)

    of_shape.__name__ = of_shape.__qualname__ = name
    of_shape.__doc__ = f"Return indices that a shape determines; see numpy.{name}."
    return of_shape


for _name in ("tril_indices_from", "triu_indices_from", "diag_indices_from"):
    implements(_name, status=NO_DERIVATIVE)(_indices_from(_name))


@implements("min_scalar_type", status=EAGER_NO_DERIVATIVE)
def min_scalar_type(a: Any, /) -> np.dtype:
    """Return the smallest dtype that holds a number; see numpy.min_scalar_type."""
    return np.min_scalar_type(concrete("min_scalar_type", a) if not shape_of(a) else _stand_in(a))


# functions whose result is text, or whose shape depends on the numbers: NumPy's own, on those


def _plain(name: str) -> Callable[..., Any]:
    """Return a NumPy function that takes known numbers, and whose result has no derivative."""
    function = numpy_function(name)

    def on_numbers(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        numbers = [concrete(name, x)[()] if isinstance(x, Tracer) else x for x in leaves]
        args, kwargs = treedef.unflatten(numbers)
        return function(*args, **kwargs)

    on_numbers.__name__ = on_numbers.__qualname__ = name
    on_numbers.__doc__ = f"Run numpy.{name} on the numbers; its result carries no derivative."
    return on_numbers


for _name in (
    "argwhere", "flatnonzero", "array_repr", "array_str", "array2string", "shares_memory",
    "may_share_memory",
):  # fmt: skip
    implements(_name, status=EAGER_NO_DERIVATIVE)(_plain(_name))
