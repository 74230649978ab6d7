"""Selection of elements from several arrays by a condition or an index."""

from typing import Any

import numpy as np

from ..core.avals import broadcast_shapes, dtype_of, shape_of
from ..ops import compare, elementwise as ew
from ..ops.operand import holds_tracer, operand, promote_weak, strong
from ..ops.reduce import gather_along_axis
from ..ops.structure import broadcast_to
from .aliasing import as_array, gives, in_c_order
from .dispatch import implements, no_out
from .searching import nonzero


@implements("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Choose elementwise between two arrays, or find the nonzero elements; see numpy.where.

    NumPy takes the arguments by position only.

    >>> where(condition=[True, False], x=[1, 2], y=0)
    array([1, 0])
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    operands = operand(condition), operand(x), operand(y)
    return as_array(ew.where(*operands)) if holds_tracer(operands) else np.where(*operands)


@implements("select")
@gives(as_array)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Elements of the first choice whose condition holds; see numpy.select."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    *choices, y = promote_weak([*map(operand, choicelist), operand(default)])
    for i, (condition, choice) in reversed([*enumerate(zip(condlist, choices, strict=True))]):
        if dtype_of(operand(condition)).kind != "b":
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
        y = ew.where(operand(condition), choice, y)
    return in_c_order(y)


@implements("choose")
def choose(a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    """Elements of several arrays by an index array; see numpy.choose."""
    no_out("choose", out)
    arrays = promote_weak([operand(c) for c in choices])
    a, n = strong(operand(a)), len(arrays)
    np.choose(0, [0], mode=mode)  # NumPy's error for an unknown mode
    if mode == "clip":
        a = ew.clip(a, 0, n - 1)
    elif mode == "wrap":
        a = ew.mod(a, n)
    elif isinstance(a, np.ndarray) and (np.any(a < 0) or np.any(a >= n)):
        raise ValueError("invalid entry in choice array")
    else:
        a = ew.where(compare.lt(a, 0), n, a)  # out of range at both ends
    shape = broadcast_shapes(shape_of(a), *map(shape_of, arrays))
    table = np.stack([broadcast_to(c, shape) for c in arrays])
    return gather_along_axis(table, broadcast_to(a, shape)[None], 0)[0]
