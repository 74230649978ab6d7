"""Array creation from scalars, lists and other arrays, which NumPy does not dispatch.

Default dtypes are NumPy's. Inside a transform the arrays that ``zeros``, ``ones``, ``empty``,
``full`` and their ``*_like`` create are buffers: traced values can be written into them.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.buffers import (
    Buffer,
    buffer,
    fresh_copy,
    holds_buffer,
    holds_traced,
    new_array,
    plain,
    plain_in,
)
from ..core.errors import ConcretizationError
from ..core.registry import overrides
from ..core.trace import Tracer, is_concrete, running
from ..ops import operand as operands
from ..ops.layout import laid_out, strides_in_elements, strides_of_strided
from ..ops.operand import holds_tracer, operand, strong
from ..ops.structure import broadcast_to, cast
from ..transforms.abstract import ShapeDtypeStruct
from .aliasing import apart, contiguous, is_scalar, laid_out_as, reshaped
from .dispatch import NO_DERIVATIVE, check_device, implements
from .shapes import expand_dims, integer_tuple


def _writable(x: np.ndarray, like: Any) -> Any:
    """A new array, as a buffer if ``like`` is traced."""
    return Buffer(x) if isinstance(like, Tracer) else x


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> Any:
    """New array from a scalar, an array, or a nested list, which may hold tracers.

    >>> import funcgrad as fg
    >>> fg.grad(lambda x: array([x, 2 * x]).sum())(1.0)
    np.float64(3.0)
    """
    if not holds_traced(object) and (copy or not isinstance(object, Buffer)):
        options = {"copy": copy, "order": order, "subok": subok, "ndmin": ndmin}
        y = np.array(plain_in(object), dtype, **options)  # type: ignore[call-overload]
        return Buffer(y) if holds_buffer(object) else _writable(y, like)
    x = asarray(object, dtype, copy=copy)
    return expand_dims(x, tuple(range(max(ndmin - len(shape_of(x)), 0))))


def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    like: Any = None,
    copy: bool | None = None,
) -> Any:
    """Array from a scalar, an array, or a nested list, which may hold tracers.

    >>> asarray([1.0, 2.0])
    array([1., 2.])
    """
    if holds_traced(a):
        check_device(device)
        x = operands.asarray(a, dtype)
        if copy is False and x is not a:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        x = apart(x, a) if copy else x
        return new_array(x) if is_scalar(x) else x
    y = np.asarray(plain_in(a), dtype, order, device=device, copy=copy)
    if isinstance(a, Buffer):
        return a if y is a.value else Buffer(y)
    return _writable(y, like)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """Array that shares memory with an array of another library; a tracer is returned as it is.

    >>> from_dlpack(np.arange(3))
    array([0, 1, 2])
    """
    if isinstance(x, Tracer):
        check_device(device)
        return fresh_copy(x) if copy else x
    options = {"device": device, "copy": copy}  # unknown to NumPy 2.0
    return np.from_dlpack(x, **{k: v for k, v in options.items() if v is not None})


@implements("array")
def _array_like(
    object: Any, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0, **options: Any
) -> Any:
    """Rule of numpy.array(..., like=tracer)."""
    y = array(object, dtype, copy=copy, ndmin=ndmin)
    return Buffer(y) if type(y) is np.ndarray and copy else y


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
        return Buffer(function(*args, **kwargs))

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a constant array; see numpy.{name}."
    return make


for _name in ("eye", "identity", "arange", "tri"):
    implements(_name, status=NO_DERIVATIVE)(_constant(_name))


def _with_like(name: str) -> Callable[..., Any]:
    """Rule of a NumPy function that allocates an array with like=tracer."""
    function = getattr(np, name)

    def make(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None) -> Any:
        y = function(shape, dtype, order, device=device)
        return buffer(_begun(y) if name == "empty" else y)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Allocate an array; see numpy.{name}."
    return make


for _name in ("zeros", "ones", "empty"):
    implements(_name, status=NO_DERIVATIVE)(_with_like(_name))


def _begun(x: np.ndarray) -> np.ndarray:
    """An uninitialized array with its first elements: 0, in ``python -X dev`` nan."""
    if x.dtype.kind not in "biufc":
        return x
    x.fill(np.nan if sys.flags.dev_mode and x.dtype.kind in "fc" else 0)
    return x


def _is_description(x: Any) -> bool:
    """Whether an object has a shape and a dtype, but no elements."""
    if isinstance(x, (np.ndarray, np.generic, Tracer)) or hasattr(x, "__array__"):
        return isinstance(x, ShapeDtypeStruct)
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _like(x: Any, dtype: Any, order: Any, shape: Any) -> np.ndarray:
    """An uninitialized array like ``x``, also in its memory order."""
    aval = x if _is_description(x) else aval_of(operand(x))
    dtype = np.dtype(aval.dtype) if dtype is None else dtype
    if isinstance(x, Tracer) and len(aval.shape) > 1 and order in ("K", "A"):
        strides = strides_of_strided(x)
        if strides is not None:
            return np.empty_like(laid_out(aval.shape, strides), dtype, order, shape=shape)
    order = "F" if order == "F" else "C"
    return np.empty(aval.shape if shape is None else shape, dtype, order)


def _filled(x: np.ndarray, value: Any) -> Any:
    x.fill(value)
    return buffer(x)


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
    return _filled(_like(a, dtype, order, shape), 0)


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
    return _filled(_like(a, dtype, order, shape), 1)


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
    return buffer(_begun(_like(prototype, dtype, order, shape)))


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
    check_device(device)
    y = _like(a, dtype, order, shape)
    if holds_traced(fill_value):
        return laid_out_as(full(y.shape, fill_value, y.dtype), strides_in_elements(y))
    np.copyto(y, plain_in(fill_value), casting="unsafe")
    return buffer(y)


def _like_of_description(name: str) -> Callable[..., Any]:
    """``*_like`` function that takes a ShapeDtypeStruct too."""
    function = getattr(np, name)
    rule = overrides[function]

    def like(prototype: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _is_description(prototype) or holds_tracer([prototype, *args, *kwargs.values()]):
            return rule(prototype, *args, **kwargs)
        y = function(prototype, *args, **kwargs)
        if running.get() is None:
            return y
        return buffer(_begun(y) if name == "empty_like" else y)

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
    like: Any = None,
) -> Any:
    """Array filled with a value, which may be traced, and broadcasts.

    >>> full((2,), 3.0)
    array([3., 3.])
    """
    value = operand(fill_value)
    if not isinstance(value, Tracer) or isinstance(value, Buffer):
        return buffer(np.full(integer_tuple(shape), plain(value), dtype, order, device=device))  # type: ignore[call-overload]
    check_device(device)
    value = strong(value if dtype is None else cast(value, dtype))
    y = broadcast_to(value, integer_tuple(shape))
    return y if shape_of(y) else new_array(y)


def zeros(
    shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None
) -> Any:
    """Array of zeros; inside a transform traced values may be written into it.

    >>> import funcgrad as fg
    >>> def squares(x):
    ...     out = zeros(3)
    ...     out[1] = x**2
    ...     return out
    >>> fg.jacfwd(squares)(3.0)
    array([0., 6., 0.])
    """
    return buffer(np.zeros(shape, dtype, order, device=device))


def ones(
    shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None
) -> Any:
    """Array of ones; inside a transform traced values may be written into it."""
    return buffer(np.ones(shape, dtype, order, device=device))


def empty(
    shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None
) -> Any:
    """Uninitialized array; inside a transform traced values may be written into it."""
    y = np.empty(shape, dtype, order, device=device)
    return y if running.get() is None else buffer(_begun(y))


def eye(
    N: int,  # noqa: N803, NumPy's names
    M: int | None = None,  # noqa: N803
    k: int = 0,
    dtype: Any = float,
    order: Any = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> np.ndarray:
    """Matrix with ones on one diagonal."""
    return _writable(np.eye(N, M, k, dtype, order, device=device), like)


def identity(n: int, dtype: Any = None, *, like: Any = None) -> np.ndarray:
    """Identity matrix."""
    return eye(n, dtype=dtype, like=like)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = float, *, like: Any = None) -> Any:  # noqa: N803
    """Matrix with ones on and below one diagonal."""
    return _writable(np.tri(N, M, k, float if dtype is None else dtype), like)


def arange(
    start: Any,
    stop: Any = None,
    step: Any = 1,
    dtype: Any = None,
    *,
    device: Any = None,
    like: Any = None,
) -> Any:
    """Evenly spaced numbers in [start, stop), which may not be traced: the shape depends on them.

    >>> arange(3.0)
    array([0., 1., 2.])
    """
    bounds = (0, start, step) if stop is None else (start, stop, step)
    for x in bounds:
        if isinstance(x, Tracer) and not is_concrete(x):
            raise ConcretizationError(
                f"arange: the bounds and the step decide the shape, and must be concrete: got "
                f"{aval_of(x)}; write start + step * arange(n)"
            )
    return _writable(np.arange(*bounds, dtype=dtype, device=device), like)
