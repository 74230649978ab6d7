"""numpy.piecewise: functions of the elements that conditions choose.

Where the conditions are known, each function gets those elements, as NumPy has it. Where they are
not, in a program, how many there are is not known either: then each function gets as many
elements as there are, and must treat them one by one, which is checked.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import Shape, aval_of, dtype_of, shape_of
from ..core.errors import ConcretizationError
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.assign import set_at_p
from ..ops.families import Elementwise
from ..ops.index import indexed_shape
from ..ops.operand import Weaken, operand, strong, written
from ..ops.structure import Convert, broadcast_to, cast, reshape
from ..transforms.staging import ShapeDtypeStruct, make_jaxpr
from .dispatch import implements
from .indexing import getitem, known, parse, take
from .reductions import any as _any

_MANY = 1009  # a length that no other array has by chance


@implements("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Apply each function to the elements whose condition holds; see numpy.piecewise."""
    x = operand(x)
    if np.isscalar(condlist) or (shape_of(x) and not shape_of(operand(condlist[0]))):
        condlist = [condlist]  # one condition alone
    masks = [cast(strong(operand(c)), bool) for c in condlist]
    if len(masks) == len(funclist) - 1:
        masks.append(compare.logical_not(_any(np.stack(masks), axis=0)))
    if len(masks) != len(funclist):
        raise ValueError(
            f"with {len(masks)} condition(s), either {len(masks)} or "
            f"{len(masks) + 1} functions are expected"
        )
    numbers = [known(mask) for mask in masks]
    assign = _by_where if any(mask is None for mask in numbers) else _by_index
    y = np.zeros(shape_of(x), dtype_of(x))
    for mask, number, value in zip(masks, numbers, funclist, strict=True):
        apply = _applied(value, args, kw)
        y = assign(y, x, mask if assign is _by_where else np.asarray(number), value, apply)
    return y if isinstance(y, Tracer) else np.asarray(y)


def _applied(value: Any, args: Sequence[Any], kw: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda chosen: operand(value(chosen, *args, **kw) if callable(value) else value)


def _by_index(y: Any, x: Any, mask: np.ndarray, value: Any, apply: Callable[[Any], Any]) -> Any:
    """Return ``y`` with the values of the chosen elements in their places."""
    chosen = getitem(x, mask)
    if callable(value) and not aval_of(chosen).size:
        return y
    array, key, arrays = parse(y, mask)
    shape = indexed_shape(shape_of(array), key, [shape_of(i) for i in arrays])
    new = broadcast_to(written(apply(chosen), dtype_of(y)), shape)
    return reshape(set_at_p(array, new, *arrays, index=key), shape_of(y))


def _by_where(y: Any, x: Any, mask: Any, value: Any, apply: Callable[[Any], Any]) -> Any:
    """Return ``y`` with a function of each element where a mask that is not known is true."""
    if not aval_of(x).size:
        return y
    mask = _stretched(mask, shape_of(x))
    new = x
    if callable(value):
        _check_elementwise(apply, dtype_of(x))
        # what is not chosen may lie outside the function's domain: a chosen one in its place
        flat = reshape(x, (aval_of(x).size,))
        first = take(flat, np.argmax(reshape(mask, (aval_of(x).size,)))) if shape_of(x) else x
        new = ew.where(mask, x, first)
    new = apply(new)
    if shape_of(new) not in (shape_of(x), ()):
        raise ConcretizationError(
            f"piecewise: how many elements a condition chooses is not known, so a value cannot be "
            f"an array: got {aval_of(new)}; write numpy.where"
        )
    return ew.where(mask, written(new, dtype_of(y)), y)


def _stretched(mask: Any, shape: Shape) -> Any:
    """Return a mask of the first axes of an array as one of all its elements, as in x[mask]."""
    have = shape_of(mask)
    if have != shape[: len(have)]:
        raise IndexError(
            f"boolean index did not match indexed array: the mask has shape {have}, "
            f"the axes {shape[: len(have)]}"
        )
    return broadcast_to(reshape(mask, have + (1,) * (len(shape) - len(have))), shape)


def _check_elementwise(apply: Callable[[Any], Any], dtype: np.dtype) -> None:
    """Raise if what a function makes of one element might depend on the others."""
    closed = make_jaxpr(apply)(ShapeDtypeStruct((_MANY,), dtype))
    kinds = (Elementwise, Convert, Weaken)
    strays = [e.prim.name for e in closed.jaxpr.eqns if not isinstance(e.prim, kinds)]
    if strays:
        raise ConcretizationError(
            f"piecewise: which elements a condition chooses is not known, so a function must "
            f"treat them one by one: got one that uses {strays[0]!r}; write numpy.where, or "
            f"compute the condition outside the traced function"
        )
