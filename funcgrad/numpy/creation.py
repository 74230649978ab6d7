"""Arrays from numbers, lists and other arrays: what NumPy cannot dispatch on its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, aval_of, dtype_of, shape_of
from ..core.trace import Tracer
from ..ops.structure import broadcast_to, cast, concatenate_p, expand_dims
from .table import implements

DEFAULT_FLOAT = np.dtype(np.float32)  # of what the library itself creates


def asarray(obj: Any, dtype: Any = None) -> Any:
    """Return an array, a tracer, or a nested list of either, as one array.

    >>> asarray([1, 2, 3])
    array([1, 2, 3])
    """
    if isinstance(obj, Tracer):
        return obj if dtype is None else cast(obj, dtype)
    if isinstance(obj, list | tuple) and holds_tracer(obj):
        stacked = _stacked(obj)
        return stacked if dtype is None else cast(stacked, dtype)
    return np.asarray(obj, dtype)


def array(obj: Any, dtype: Any = None) -> Any:
    """Return a new array from a number, an array, or a nested list, which may hold tracers.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: array([x, 2 * x]).sum())(1.0)
    np.float64(3.0)
    """
    result = asarray(obj, dtype)
    return np.array(result) if isinstance(result, np.ndarray) else result


def holds_tracer(obj: Any) -> bool:
    """Return whether a nested list holds a tracer at any depth."""
    if isinstance(obj, list | tuple):
        return any(map(holds_tracer, obj))
    return isinstance(obj, Tracer)


def operand(x: Any) -> Any:
    """Return an argument that a primitive can take: lists become arrays, numbers stay weak."""
    if isinstance(x, Tracer | np.ndarray) or type(x) in PYTHON_SCALARS:
        return x
    return asarray(x)


def _stacked(obj: Any) -> Any:
    if not isinstance(obj, list | tuple):
        return obj
    parts = [operand(_stacked(part)) for part in obj]
    shapes = {shape_of(part) for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            f"array: the elements of a list must agree in shape: got {sorted(shapes)}; "
            f"pad them, or keep them in a list"
        )
    return concatenate_p(*(expand_dims(strong(part), (0,)) for part in weak_with(parts)), axis=0)


def strong(x: Any) -> Any:
    """Return a number as an array, an array as itself."""
    return np.asarray(x) if type(x) in PYTHON_SCALARS else x


def weak_with(parts: Sequence[Any]) -> list[Any]:
    """Return the parts with Python numbers in the dtype that the others give them."""
    kinds = [x if type(x) in PYTHON_SCALARS else dtype_of(x) for x in parts]
    if all(type(x) in PYTHON_SCALARS for x in parts):
        return list(parts)
    dtype = np.result_type(*kinds)
    return [np.asarray(x, dtype) if type(x) in PYTHON_SCALARS else x for x in parts]


def _like(x: Any, dtype: Any, shape: Any) -> tuple[Any, Any]:
    aval = aval_of(operand(x))
    shape = aval.shape if shape is None else shape
    return shape, aval.dtype if dtype is None else dtype


@implements("zeros_like")
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


@implements("ones_like")
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


@implements("empty_like")
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
    return tuple(shape) if isinstance(shape, tuple | list) else (shape,)


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
