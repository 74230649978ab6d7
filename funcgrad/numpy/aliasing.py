"""Views: results that share memory with their operand, exactly where NumPy's do."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import Axes, Shape, shape_of
from ..core.buffers import Buffer, fresh_copy, new_array
from ..core.memory import Owner, alias, owner_of, snapshot, steps_of, write
from ..core.trace import Tracer
from ..ops.assign import set_at_p
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.layout import (
    bottom_of,
    contiguous as c_order,
    has_noted_strides,
    in_c_order,
    is_contiguous,
    laid_out,
    laid_out_as,
    same_content,
    strides_after_reshape,
    strides_in_elements,
    strides_of,
)
from ..ops.structure import reshape_p
from .dispatch import F


class Viewed:
    """A view that is no single primitive: a function of one array.

    Args:
        function: gives the elements of a traced array.
        numpys: gives the view of an ndarray.
        writeable: whether the view may be written into.
    """

    def __init__(self, function: Any, numpys: Callable[..., Any], writeable: bool = False) -> None:
        self.function, self.numpys, self.writeable = function, numpys, writeable
        self.viewing = self

    def bind(self, x: Any, **params: Any) -> tuple[Any, ...]:
        return (self.function(x, **params),)

    def run(self, x: Any, **params: Any) -> tuple[Any, ...]:
        return (self.numpys(x, **params),)

    def put(self, x: Any, part: Any, **params: Any) -> Any:
        """``x`` with the elements of the view replaced by ``part``."""
        shape, size = shape_of(x), math.prod(shape_of(x))
        positions = self.numpys(np.arange(size).reshape(shape), **params)
        new = set_at_p(reshape_p(x, shape=(size,)), part, positions, index=Index([ARRAY]))
        return reshape_p(new, shape=shape)

    def __call__(self, x: Any, **params: Any) -> Any:
        """Give the view of an array, with its memory."""
        y = self.function(x, **params)
        if isinstance(x, Tracer) and y is x:
            y = snapshot(x)
        return viewed(y, x, self, params, self.writeable)


def viewed(y: Any, x: Any, prim: Any, params: dict[str, Any], writeable: bool = True) -> Any:
    """The result of one operation on ``x``, as a view of its memory."""
    if y is x or not isinstance(x, Tracer):
        return y
    if type(x) is Buffer:
        y = Buffer(prim.run(x.value, **params)[0])
        if not np.may_share_memory(y.value, x.value):
            return y  # the elements had to be copied
    elif not isinstance(y, Tracer):
        return y
    elif is_scalar(x) and writeable:  # x[...] is an array of its own, x.T and x.real are scalars
        if not y.shape and prim is getitem_p:
            y = snapshot(y)
            y._memory = Owner()
        return y
    return alias(y, as_array(x), prim, params, writeable)


def apart(y: Any, *xs: Any) -> Any:
    """A result, as a copy if it would be one of the operands or a view of one."""
    if isinstance(y, np.ndarray):
        arrays = [x for x in xs if isinstance(x, np.ndarray)]
        return y.copy() if any(np.may_share_memory(y, x) for x in arrays) else y
    if isinstance(y, Tracer):
        owner = owner_of(y)
        if any(isinstance(x, Tracer) and owner_of(x) is owner for x in xs):
            return in_order_of(fresh_copy(y), y)
    return y


def is_scalar(x: Any) -> bool:
    """Whether a traced value of shape () is a scalar in NumPy, which is immutable."""
    if x.shape or x._memory is not None:
        return False
    x = bottom_of(x)
    return x._trace.gives_scalar(x) if isinstance(x, Tracer) else not isinstance(x, np.ndarray)


def as_array(y: Any) -> Any:
    """A result, in an array of its own if it is a traced scalar."""
    return new_array(y) if isinstance(y, Tracer) and is_scalar(y) else y


def as_scalar(y: Any) -> Any:
    """A result, as a scalar if it has no axis."""
    if shape_of(y) or not isinstance(y, (Tracer, np.ndarray)):
        return y
    if isinstance(y, np.ndarray):
        return y[()]
    return y if is_scalar(y) else getitem_p(reshape_p(y, shape=(1,)), index=Index((0,)))


def gives(form: Callable[[Any], Any]) -> Callable[[F], F]:
    """Let a function give an array, or a scalar, where its result has no axis, as NumPy's does."""

    def wrap(fun: Any) -> Any:
        return functools.wraps(fun)(lambda *args, **kwargs: form(fun(*args, **kwargs)))

    return wrap


def reshaped(x: Any, shape: Shape) -> Any:
    """``x`` with another shape: a view where NumPy gives one, else a copy."""
    y = reshape_p(x, shape=shape)
    if not isinstance(x, Tracer) or not _shares(y, x, shape):
        return y
    return viewed(y, x, reshape_p, {"shape": shape})


def _shares(y: Any, x: Any, shape: Shape) -> bool:
    """Whether ``y``, which is ``x`` reshaped, is a view in NumPy."""
    own, part = bottom_of(x), bottom_of(y)
    computed = any(type(prim) is Viewed for prim, _ in steps_of(x))  # not the view itself
    known = type(own) is np.ndarray and type(part) is np.ndarray
    if known and not computed and not has_noted_strides(x):
        return part.base is own or (own.base is not None and part.base is own.base)
    return strides_after_reshape(x.shape, strides_of(x), shape) is not None


def raveled(x: Any) -> Any:
    """Elements along one axis: a view of a contiguous array, else a copy."""
    shape = (math.prod(shape_of(x)),)
    if isinstance(x, Tracer) and is_contiguous(x.shape, strides_of(x)):
        if x.shape == shape:
            return x
        return viewed(reshape_p(x, shape=shape), x, reshape_p, {"shape": shape})
    y = reshape_p(x, shape=shape)
    if isinstance(x, Tracer) and strides_after_reshape(x.shape, strides_of(x), shape):
        return same_content(y)  # reshape gives a view here, ravel a copy
    return y


def in_order_of(y: Any, x: Any, order: str = "K", without: Axes = ()) -> Any:
    """A new array that NumPy would give in the order of ``x``.

    Args:
        order: "K" for the order of axes; "A" for F order if ``x`` is in F order, else C order.
        without: axes of ``x`` that the array does not have.
    """
    array = x if isinstance(x, np.ndarray) else bottom_of(x)
    if not isinstance(array, (np.ndarray, Tracer)) or not isinstance(y, Tracer):
        return y
    if isinstance(array, np.ndarray) and array.flags.c_contiguous:
        return in_c_order(y)
    kept = [[n for d, n in enumerate(s) if d not in without] for s in (shape_of(x), strides_of(x))]
    like = laid_out(*map(tuple, kept))
    wanted = np.empty_like(like, order=order, shape=y.shape)  # type: ignore[call-overload]
    return laid_out_as(y, strides_in_elements(wanted))


def copied_in(y: Any, x: Any, order: str) -> Any:
    """A copy ``y`` of ``x``, in the order that NumPy's copy of that option has."""
    if order == "C" or not isinstance(y, Tracer):
        return in_c_order(y)
    if order == "F":
        return laid_out_as(y, c_order(y.shape[::-1])[::-1])
    return in_order_of(y, x, order)


def contiguous(x: Any) -> Any:
    """An array in C order: itself, or a copy."""
    if not isinstance(x, Tracer):
        return np.ascontiguousarray(x)
    if is_contiguous(x.shape, strides_of(x)):
        return x
    return in_c_order(fresh_copy(x))


def keep_layout(x: Any) -> None:
    """Note the layout of the memory of ``x`` before the first write, which does not change it."""
    owner = owner_of(x)
    if owner._memory is None:
        owner._memory = Owner()
    if owner._memory.strides is None:
        owner._memory.strides = _layout(owner)


def _layout(x: Any) -> Any:
    """The strides of an owner of memory, or a tracer of which they are asked when needed."""
    array = bottom_of(x)
    while isinstance(array, Tracer) and hasattr(array, "value"):
        array = array.value
    return snapshot(x) if isinstance(array, Tracer) else strides_of(x)


def write_content(x: Any, new: Any) -> None:
    """Give an array, and all that share its memory, new content, in the layout that it has."""
    if not isinstance(new, Tracer):  # into a buffer
        x[...] = new
    else:
        write(x, new, _in_layout)


def _in_layout(x: Any, new: Any) -> Any:
    return laid_out_as(new, strides_of(x)) if len(x.shape) > 1 else new
