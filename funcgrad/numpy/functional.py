"""NumPy's functional programming: fromiter, apply_along_axis, apply_over_axes, piecewise.

``piecewise`` gives each function the elements that its condition selects. Under ``jit`` the number
of these elements is unknown: each function then gets as many elements as the array has, and must
be elementwise, which is checked.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import Shape, aval_of, dtype_of, shape_of
from ..core.buffers import holds_traced
from ..core.errors import ConcretizationError
from ..core.trace import Tracer, running
from ..ops import compare, elementwise as ew
from ..ops.assign import set_at_p
from ..ops.convert import Convert
from ..ops.families import Elementwise
from ..ops.index import indexed_shape
from ..ops.operand import Weaken, cast_assigned, operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import broadcast_to, cast, reshape
from ..transforms.abstract import ShapeDtypeStruct, make_jaxpr
from . import creation
from .aliasing import as_array, gives, in_order_of
from .dispatch import implements
from .indexing import getitem, known, parse, take
from .joining import stack
from .reductions import any as _any
from .shapes import integer_tuple, moveaxis


def fromiter(iter: Any, dtype: Any, count: int = -1, *, like: Any = None) -> Any:
    """Vector of the values that an iterator gives, which may be traced; see numpy.fromiter."""
    if running.get() is None:
        return np.fromiter(iter, dtype, count)
    values = list(iter if count < 0 else itertools.islice(iter, count))
    if not holds_traced(values):
        return creation.array(np.fromiter(values, dtype, count), like=like)
    if len(values) < count:
        raise ValueError(f"iterator too short: expected {count} items, got {len(values)}")
    return creation.asarray(values, dtype)


@implements("apply_along_axis", calls=True)
@gives(as_array)
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """Apply a function to each vector along an axis in a loop; see numpy.apply_along_axis."""
    arr = operand(arr)
    axis = axis_of(axis, len(shape_of(arr)))
    last = moveaxis(arr, axis, -1)
    lead = shape_of(last)[:-1]
    results = [strong(operand(func1d(last[i], *args, **kwargs))) for i in np.ndindex(lead)]
    if not results:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    kind, inner = dtype_of(results[0]), shape_of(results[0])
    y = reshape(stack([cast(r, kind) for r in results]), (*lead, *inner))
    new = range(len(inner))
    return moveaxis(y, tuple(len(lead) + d for d in new), tuple(axis + d for d in new))


@implements("apply_over_axes", calls=True)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """Apply a function of an array and an axis along several axes; see numpy.apply_over_axes."""
    y = operand(a)
    rank = len(shape_of(y))
    for axis in integer_tuple(axes):
        axis = axis + rank if axis < 0 else axis
        result = func(y, axis)
        if len(shape_of(result)) != len(shape_of(y)):
            result = np.expand_dims(result, axis)
        if len(shape_of(result)) != len(shape_of(y)):
            raise ValueError("function is not returning an array of the correct shape")
        y = result
    return y


_UNLIKELY_LENGTH = 1009  # a length that is unlikely among other arrays


@implements("piecewise", calls=True)
@gives(as_array)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Apply each function to the elements whose condition holds; see numpy.piecewise."""
    x = operand(x)
    if np.isscalar(condlist) or (shape_of(x) and not shape_of(operand(condlist[0]))):
        condlist = [condlist]  # a single condition
    masks = [cast(strong(operand(c)), bool) for c in condlist]
    if len(masks) == len(funclist) - 1:
        masks.append(compare.logical_not(_any(np.stack(masks), axis=0)))
    if len(masks) != len(funclist):
        raise ValueError(
            f"with {len(masks)} condition(s), either {len(masks)} or "
            f"{len(masks) + 1} functions are expected"
        )
    values = [known(mask) for mask in masks]
    assign = _assign_by_where if any(mask is None for mask in values) else _assign_by_index
    y = np.zeros(shape_of(x), dtype_of(x))
    for mask, number, value in zip(masks, values, funclist, strict=True):
        apply = _bind_arguments(value, args, kw)
        y = assign(y, x, mask if assign is _assign_by_where else np.asarray(number), value, apply)
    return in_order_of(y, x) if isinstance(y, Tracer) else np.asarray(y)


def _bind_arguments(value: Any, args: Sequence[Any], kw: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda chosen: operand(value(chosen, *args, **kw) if callable(value) else value)


def _assign_by_index(
    y: Any, x: Any, mask: np.ndarray, value: Any, apply: Callable[[Any], Any]
) -> Any:
    """``y`` with the results for the selected elements written at their indices."""
    chosen = getitem(x, mask)
    if callable(value) and not aval_of(chosen).size:
        return y
    array, key, arrays = parse(y, mask)
    shape = indexed_shape(shape_of(array), key, [shape_of(i) for i in arrays])
    new = broadcast_to(cast_assigned(apply(chosen), dtype_of(y)), shape)
    return reshape(set_at_p(array, new, *arrays, index=key), shape_of(y))


def _assign_by_where(y: Any, x: Any, mask: Any, value: Any, apply: Callable[[Any], Any]) -> Any:
    """``y`` with an elementwise function of ``x`` where an unknown mask is true."""
    if not aval_of(x).size:
        return y
    mask = _broadcast_mask(mask, shape_of(x))
    new = x
    if callable(value):
        _check_elementwise(apply, dtype_of(x))
        # an unselected element may lie outside the domain: a selected one replaces it
        flat = reshape(x, (aval_of(x).size,))
        first = take(flat, np.argmax(reshape(mask, (aval_of(x).size,)))) if shape_of(x) else x
        new = ew.where(mask, x, first)
    new = apply(new)
    if shape_of(new) not in (shape_of(x), ()):
        raise ConcretizationError(
            f"piecewise: a value cannot be an array where a condition is unknown: got "
            f"{aval_of(new)}; write numpy.where"
        )
    return ew.where(mask, cast_assigned(new, dtype_of(y)), y)


def _broadcast_mask(mask: Any, shape: Shape) -> Any:
    """Mask of leading axes, broadcast to all axes of an array, as in x[mask]."""
    have = shape_of(mask)
    if have != shape[: len(have)]:
        raise IndexError(
            f"boolean index did not match indexed array: the mask has shape {have}, "
            f"the axes {shape[: len(have)]}"
        )
    return broadcast_to(reshape(mask, have + (1,) * (len(shape) - len(have))), shape)


def _check_elementwise(apply: Callable[[Any], Any], dtype: np.dtype) -> None:
    """Raise unless a function is elementwise."""
    closed = make_jaxpr(apply)(ShapeDtypeStruct((_UNLIKELY_LENGTH,), dtype))
    kinds = (Elementwise, Convert, Weaken)
    offending = [e.prim.name for e in closed.jaxpr.eqns if not isinstance(e.prim, kinds)]
    if offending:
        raise ConcretizationError(
            f"piecewise: a function must be elementwise where a condition is unknown: got one that "
            f"uses {offending[0]!r}; write numpy.where"
        )
