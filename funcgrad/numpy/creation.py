"""Arrays from numbers, lists and other arrays: what NumPy cannot dispatch on its own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.trace import Tracer
from ..ops.operand import asarray, operand, strong
from ..ops.structure import broadcast_to, cast
from .table import NO_DERIVATIVE, implements

DEFAULT_FLOAT = np.dtype(np.float32)  # of what the library itself creates


def array(obj: Any, dtype: Any = None) -> Any:
    """Return a new array from a number, an array, or a nested list, which may hold tracers.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: array([x, 2 * x]).sum())(1.0)
    np.float64(3.0)
    """
    result = asarray(obj, dtype)
    return np.array(result) if isinstance(result, np.ndarray) else result


@implements("array", "asarray", "asanyarray", "ascontiguousarray")
def _array_like(a: Any, dtype: Any = None, **options: Any) -> Any:
    """Return an array from what may hold tracers: numpy.array(..., like=tracer)."""
    return asarray(a, dtype)


@implements("full")
def _full_like(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """Return an array filled with one value: numpy.full(..., like=tracer)."""
    return full(shape, strong(operand(fill_value)), dtype)


def _constant(name: str) -> Callable[..., Any]:
    """Return a NumPy function that is called with like=tracer, to make a constant."""
    function = getattr(np, name)

    def make(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a constant array; see numpy.{name}."
    return make


for _name in ("zeros", "ones", "empty", "eye", "identity", "arange", "tri"):
    implements(_name, status=NO_DERIVATIVE)(_constant(_name))


def _like(x: Any, dtype: Any, shape: Any) -> tuple[Any, Any]:
    aval = aval_of(operand(x))
    shape = aval.shape if shape is None else shape
    return shape, aval.dtype if dtype is None else dtype


@implements("zeros_like", status=NO_DERIVATIVE)
def zeros_like(
    a: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Return zeros of the shape and dtype of ``a``; see numpy.zeros_like."""
    return np.zeros(*_like(a, dtype, shape))


@implements("ones_like", status=NO_DERIVATIVE)
def ones_like(
    a: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Return ones of the shape and dtype of ``a``; see numpy.ones_like."""
    return np.ones(*_like(a, dtype, shape))


@implements("empty_like", status=NO_DERIVATIVE)
def empty_like(
    prototype: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Return an array of the shape and dtype of ``prototype``; see numpy.empty_like."""
    return np.empty(*_like(prototype, dtype, shape))


@implements("full_like")
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Return an array like ``a`` filled with one value, which may be traced."""
    shape, dtype = _like(a, dtype, shape)
    return full(shape, fill_value, dtype)


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return an array filled with one value, which may be traced or broadcast.

    >>> full((2,), 3.0)
    array([3., 3.], dtype=float32)
    """
    value = operand(fill_value)
    if dtype is None and type(value) is float:
        dtype = DEFAULT_FLOAT
    if not isinstance(value, Tracer):
        return np.full(_shape(shape), value, dtype)
    return broadcast_to(value if dtype is None else cast(value, dtype), _shape(shape))


def zeros(shape: Any, dtype: Any = None) -> np.ndarray:
    """Return zeros, float32 unless ``dtype`` says otherwise.

    >>> zeros(2)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, DEFAULT_FLOAT if dtype is None else dtype)


def ones(shape: Any, dtype: Any = None) -> np.ndarray:
    """Return ones, float32 unless ``dtype`` says otherwise."""
    return np.ones(shape, DEFAULT_FLOAT if dtype is None else dtype)


def empty(shape: Any, dtype: Any = None) -> np.ndarray:
    """Return an array whose numbers are yet to be written, float32 unless ``dtype`` says so."""
    return np.empty(shape, DEFAULT_FLOAT if dtype is None else dtype)


def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = None) -> np.ndarray:
    """Return ones on one diagonal, float32 unless ``dtype`` says otherwise."""
    return np.eye(n, m, k, DEFAULT_FLOAT if dtype is None else dtype)


def identity(n: int, dtype: Any = None) -> np.ndarray:
    """Return the identity matrix, float32 unless ``dtype`` says otherwise."""
    return eye(n, dtype=dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Return evenly spaced numbers; their count must be known, so traced bounds raise.

    >>> arange(3.0)
    array([0., 1., 2.], dtype=float32)
    """
    bounds = (0, start, step) if stop is None else (start, stop, step)
    if dtype is None and any(type(b) is float for b in bounds):
        dtype = DEFAULT_FLOAT
    return np.arange(*bounds, dtype=dtype)
