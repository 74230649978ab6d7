"""Properties of arrays: shape, size, text, shared memory; none of them has a derivative."""

import math
from collections.abc import Callable
from typing import Any

from ..core import tree
from ..core.avals import aval_of, shape_of
from ..core.trace import Tracer
from ..ops.operand import operand
from ..ops.reduce import axes_in
from .dispatch import EAGER_NO_DERIVATIVE, NO_DERIVATIVE, implements, numpy_function
from .indexing import concrete


@implements("shape", status=NO_DERIVATIVE)
def shape(a: Any) -> tuple[int, ...]:
    """Shape; see numpy.shape."""
    return shape_of(operand(a))


@implements("ndim", status=NO_DERIVATIVE)
def ndim(a: Any) -> int:
    """Number of axes; see numpy.ndim."""
    return len(shape_of(operand(a)))


@implements("size", status=NO_DERIVATIVE)
def size(a: Any, axis: Any = None) -> int:
    """Number of elements, or the length of an axis; see numpy.size."""
    if axis is None:
        return aval_of(operand(a)).size
    shape = shape_of(operand(a))
    return math.prod(shape[d] for d in axes_in(axis, len(shape)))


def _on_concrete_values(name: str) -> Callable[..., Any]:
    """Rule of a NumPy function that needs concrete values, without a derivative."""
    function = numpy_function(name)

    def on_numbers(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        values = [concrete(name, x)[()] if isinstance(x, Tracer) else x for x in leaves]
        args, kwargs = treedef.unflatten(values)
        return function(*args, **kwargs)

    on_numbers.__name__ = on_numbers.__qualname__ = name
    on_numbers.__doc__ = f"Run numpy.{name} on concrete values; the result has no derivative."
    return on_numbers


for _name in ("array_repr", "array_str", "array2string", "shares_memory", "may_share_memory"):
    implements(_name, status=EAGER_NO_DERIVATIVE)(_on_concrete_values(_name))
