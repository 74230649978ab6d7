"""Array creation from scalars, lists and other arrays, which NumPy does not dispatch.

Default dtypes are NumPy's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops import operand as operands
from ..ops.operand import holds_tracer, operand, strong
from ..ops.structure import broadcast_to, cast
from ..transforms.staging import ShapeDtypeStruct
from .aliasing import apart, contiguous, reshaped
from .dispatch import NO_DERIVATIVE, check_device, implements
from .shapes import expand_dims, integer_tuple


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

    >>> asarray([1.0, 2.0])
    array([1., 2.])
    """
    if holds_tracer(a):
        check_device(device)
        x = operands.asarray(a, dtype)
        if copy is False and x is not a:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return apart(x, a) if copy else x
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
    array([3., 3.])
    """
    value = operand(fill_value)
    if not isinstance(value, Tracer):
        return np.full(integer_tuple(shape), value, dtype, order, device=device)  # type: ignore[call-overload]
    check_device(device)
    value = strong(value if dtype is None else cast(value, dtype))
    return broadcast_to(value, integer_tuple(shape))


def zeros(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> np.ndarray:
    """Array of zeros.

    >>> zeros(2)
    array([0., 0.])
    """
    return np.zeros(shape, dtype, order, device=device)


def ones(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> np.ndarray:
    """Array of ones."""
    return np.ones(shape, dtype, order, device=device)


def empty(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> np.ndarray:
    """Uninitialized array."""
    return np.empty(shape, dtype, order, device=device)


def eye(
    N: int,  # noqa: N803, NumPy's names
    M: int | None = None,  # noqa: N803
    k: int = 0,
    dtype: Any = None,
    order: Any = "C",
    *,
    device: Any = None,
) -> np.ndarray:
    """Matrix with ones on one diagonal."""
    return np.eye(N, M, k, float if dtype is None else dtype, order, device=device)


def identity(n: int, dtype: Any = None) -> np.ndarray:
    """Identity matrix."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> np.ndarray:  # noqa: N803
    """Matrix with ones on and below one diagonal."""
    return np.tri(N, M, k, float if dtype is None else dtype)


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
    array([0., 1., 2.])
    """
    bounds = (0, start, step) if stop is None else (start, stop, step)
    return np.arange(*bounds, dtype=dtype, device=device)
