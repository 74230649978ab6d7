"""Array creation from scalars, lists and other arrays, which NumPy does not dispatch.

The default dtype is float32, also for the Python floats that ``asarray`` takes: the Array API
standard asks for one default of all functions. ``array``, which is NumPy's name, gives float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, aval_of, shape_of
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops import operand as operands
from ..ops.operand import holds_tracer, operand, strong
from ..ops.structure import broadcast_to, cast
from ..transforms.staging import ShapeDtypeStruct
from .aliasing import apart, contiguous, reshaped
from .dispatch import NO_DERIVATIVE, check_device, implements
from .shapes import expand_dims, integer_tuple

DEFAULT_FLOAT = np.dtype(np.float32)  # of arrays that the library creates
DEFAULT_COMPLEX = np.dtype(np.complex64)


def default_dtype(*numbers: Any) -> np.dtype | None:
    """Default dtype of Python scalars, None where NumPy chooses."""
    if not all(type(x) in PYTHON_SCALARS for x in numbers):
        return None
    kinds = set(map(type, numbers))
    return DEFAULT_COMPLEX if complex in kinds else DEFAULT_FLOAT if float in kinds else None


def _leaves(obj: Any) -> list[Any]:
    if not isinstance(obj, (list, tuple)):
        return [obj]
    inner = (x for part in operands.nested_lists(obj) for x in part)
    return [x for x in inner if not isinstance(x, (list, tuple))]


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
) -> Any:
    """New array from a scalar, an array, or a nested list, which may hold tracers.

    Python floats become float64, as in NumPy; see ``asarray``.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: array([x, 2 * x]).sum())(1.0)
    np.float64(3.0)
    """
    if not holds_tracer(object):
        return np.array(object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin)  # type: ignore[call-overload]
    x = asarray(object, dtype, copy=copy)
    return expand_dims(x, tuple(range(max(ndmin - len(shape_of(x)), 0))))


def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: bool | None = None,
) -> Any:
    """Array from a scalar, an array, or a nested list, which may hold tracers.

    Python floats become float32 unless ``dtype`` is given; arrays, tracers and NumPy scalars keep
    their dtype.

    >>> asarray([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    if holds_tracer(a):
        check_device(device)
        x = operands.asarray(a, dtype)
        if copy is False and x is not a:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return apart(x, a) if copy else x
    if dtype is None and (type(a) in PYTHON_SCALARS or type(a) in (list, tuple)):
        dtype = default_dtype(*_leaves(a))
    return np.asarray(a, dtype, order, device=device, copy=copy)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """Array that shares memory with an array of another library; a tracer is returned as it is.

    >>> from_dlpack(np.arange(3))
    array([0, 1, 2])
    """
    if isinstance(x, Tracer):
        check_device(device)
        return x
    options = {"device": device, "copy": copy}  # unknown to NumPy 2.0
    return np.from_dlpack(x, **{k: v for k, v in options.items() if v is not None})


@implements("array")
def _array_like(
    object: Any, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0, **options: Any
) -> Any:
    """Rule of numpy.array(..., like=tracer)."""
    return array(object, dtype, copy=copy, ndmin=ndmin)


@implements("ascontiguousarray")
def _ascontiguousarray_like(a: Any, dtype: Any = None, **options: Any) -> Any:
    """Rule of numpy.ascontiguousarray(..., like=tracer)."""
    x = asarray(a, dtype)
    return contiguous(x if shape_of(x) else reshaped(x, (1,)))


@implements("asarray", "asanyarray")
def _asarray_like(
    a: Any, dtype: Any = None, *_: Any, copy: bool | None = None, **options: Any
) -> Any:
    """Rule of numpy.asarray(..., like=tracer)."""
    return asarray(a, dtype, copy=copy)


@implements("full")
def _full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """Rule of numpy.full(..., like=tracer)."""
    return full(shape, strong(operand(fill_value)), dtype)


def _constant(name: str) -> Callable[..., Any]:
    """Rule of a NumPy function that creates a constant with like=tracer."""
    function = getattr(np, name)

    def make(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a constant array; see numpy.{name}."
    return make


for _name in ("zeros", "ones", "empty", "eye", "identity", "arange", "tri"):
    implements(_name, status=NO_DERIVATIVE)(_constant(_name))


def _is_description(x: Any) -> bool:
    """Whether an object has a shape and a dtype, but no elements."""
    if isinstance(x, (np.ndarray, np.generic, Tracer)) or hasattr(x, "__array__"):
        return isinstance(x, ShapeDtypeStruct)
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _like(x: Any, dtype: Any, shape: Any) -> tuple[Any, Any]:
    """Shape and dtype of an array like ``x``, unless given."""
    aval = x if _is_description(x) else aval_of(operand(x))
    shape = aval.shape if shape is None else shape
    return shape, np.dtype(aval.dtype) if dtype is None else dtype


@implements("zeros_like", status=NO_DERIVATIVE)
def _zeros_like(
    a: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Zeros with the shape and dtype of ``a``; see numpy.zeros_like."""
    check_device(device)
    return np.zeros(*_like(a, dtype, shape))


@implements("ones_like", status=NO_DERIVATIVE)
def _ones_like(
    a: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Ones with the shape and dtype of ``a``; see numpy.ones_like."""
    check_device(device)
    return np.ones(*_like(a, dtype, shape))


@implements("empty_like", status=NO_DERIVATIVE)
def _empty_like(
    prototype: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Array with the shape and dtype of ``prototype``; see numpy.empty_like."""
    check_device(device)
    return np.empty(*_like(prototype, dtype, shape))


@implements("full_like")
def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Array with the shape and dtype of ``a``, filled with one value, which may be traced."""
    shape, dtype = _like(a, dtype, shape)
    return full(shape, fill_value, dtype, device=device)


def _like_of_description(name: str) -> Callable[..., Any]:
    """``*_like`` function that takes a ShapeDtypeStruct too."""
    function = getattr(np, name)
    rule = overrides[function]

    def like(prototype: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _is_description(prototype) or holds_tracer([prototype, *args, *kwargs.values()]):
            return rule(prototype, *args, **kwargs)
        return function(prototype, *args, **kwargs)

    like.__name__ = like.__qualname__ = name
    like.__doc__ = (
        f"Apply numpy.{name} to an array, or to anything that has a shape and a dtype.\n\n"
        f"See it for the arguments."
    )
    like.__wrapped__ = function  # type: ignore[attr-defined]  # whose signature this has
    overrides[like] = rule
    return like


zeros_like, ones_like = _like_of_description("zeros_like"), _like_of_description("ones_like")
empty_like, full_like = _like_of_description("empty_like"), _like_of_description("full_like")


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    device: Any = None,
) -> Any:
    """Array filled with a value, which may be traced, and broadcasts.

    >>> full((2,), 3.0)
    array([3., 3.], dtype=float32)
    """
    value = operand(fill_value)
    if not isinstance(value, Tracer):
        dtype = default_dtype(value) if dtype is None else dtype
        return np.full(integer_tuple(shape), value, dtype, order, device=device)  # type: ignore[call-overload]
    check_device(device)
    value = strong(value if dtype is None else cast(value, dtype))
    return broadcast_to(value, integer_tuple(shape))


def zeros(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> np.ndarray:
    """Array of zeros, float32 unless ``dtype`` is given.

    >>> zeros(2)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, DEFAULT_FLOAT if dtype is None else dtype, order, device=device)


def ones(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> np.ndarray:
    """Array of ones, float32 unless ``dtype`` is given."""
    return np.ones(shape, DEFAULT_FLOAT if dtype is None else dtype, order, device=device)


def empty(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> np.ndarray:
    """Uninitialized array, float32 unless ``dtype`` is given."""
    return np.empty(shape, DEFAULT_FLOAT if dtype is None else dtype, order, device=device)


def eye(
    N: int,  # noqa: N803, NumPy's names
    M: int | None = None,  # noqa: N803
    k: int = 0,
    dtype: Any = None,
    order: Any = "C",
    *,
    device: Any = None,
) -> np.ndarray:
    """Matrix with ones on one diagonal, float32 unless ``dtype`` is given."""
    return np.eye(N, M, k, DEFAULT_FLOAT if dtype is None else dtype, order, device=device)


def identity(n: int, dtype: Any = None) -> np.ndarray:
    """Identity matrix, float32 unless ``dtype`` is given."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> np.ndarray:  # noqa: N803
    """Matrix with ones on and below one diagonal, float32 unless ``dtype`` is given."""
    return np.tri(N, M, k, DEFAULT_FLOAT if dtype is None else dtype)


def arange(
    start: Any,
    stop: Any = None,
    step: Any = 1,
    dtype: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Evenly spaced numbers in [start, stop), which may not be traced: the shape depends on them.

    >>> arange(3.0)
    array([0., 1., 2.], dtype=float32)
    """
    bounds = (0, start, step) if stop is None else (start, stop, step)
    y = np.arange(*bounds, dtype=dtype, device=device)
    default = default_dtype(*bounds) if dtype is None else None
    return y if default is None else y.astype(default)  # computed in float64, rounded once
