"""Choosing between arrays, counting, and the refusals of what would write into one."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import MutationError, ShapeError
from ..core.trace import Tracer
from ..ops import compare, elementwise as ew
from ..ops.assign import set_at_p
from ..ops.index import ARRAY, Index, indexed_shape, scatter_add_p
from ..ops.operand import operand, strong, weak_with
from ..ops.reduce import take_along
from ..ops.structure import broadcast_to, cast, reshape
from .indexing import concrete, getitem, parse
from .table import EAGER_NO_DERIVATIVE, check_cast, implements, no_out, refuses


@implements("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Choose elementwise between two arrays, or find what is true; see numpy.where."""
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    return ew.where(operand(condition), operand(x), operand(y))


@implements("nonzero", status=EAGER_NO_DERIVATIVE)
def nonzero(a: Any) -> tuple[np.ndarray, ...]:
    """Return where elements are not zero; see numpy.nonzero."""
    return concrete("nonzero", operand(a)).nonzero()


@implements("select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Choose by the first condition that holds; see numpy.select."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    *choices, y = weak_with([*map(operand, choicelist), operand(default)])
    for i, (condition, choice) in reversed([*enumerate(zip(condlist, choices, strict=True))]):
        if dtype_of(operand(condition)).kind != "b":
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
        y = ew.where(operand(condition), choice, y)
    return y


@implements("choose")
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Choose elementwise among several arrays by number; see numpy.choose."""
    no_out("choose", out)
    arrays = weak_with([operand(c) for c in choices])
    a, n = strong(operand(a)), len(arrays)
    if mode == "clip":
        a = ew.clip(a, 0, n - 1)
    elif mode == "wrap":
        a = ew.mod(a, n)
    elif isinstance(a, np.ndarray) and (np.any(a < 0) or np.any(a >= n)):
        raise ValueError("invalid entry in choice array")
    else:
        a = ew.where(compare.lt(a, 0), n, a)  # out of range at both ends
    shape = np.broadcast_shapes(shape_of(a), *map(shape_of, arrays))
    table = np.stack([broadcast_to(c, shape) for c in arrays])
    return take_along(table, broadcast_to(a, shape)[None], 0)[0]


@implements("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Apply each function to the elements whose condition holds; see numpy.piecewise."""
    x = operand(x)
    if np.isscalar(condlist) or (
        shape_of(x) and not isinstance(condlist[0], (list, np.ndarray, Tracer))
    ):
        condlist = [condlist]
    masks = [concrete("piecewise", operand(c)).astype(bool) for c in condlist]
    if len(masks) == len(funclist) - 1:
        masks.append(~np.any(masks, axis=0))
    if len(masks) != len(funclist):
        raise ValueError(
            f"with {len(masks)} condition(s), either {len(masks)} or "
            f"{len(masks) + 1} functions are expected"
        )
    y = np.zeros(shape_of(x), dtype_of(x))
    for mask, value in zip(masks, funclist, strict=True):
        if callable(value):
            chosen = getitem(x, mask)
            value = value(chosen, *args, **kw) if aval_of(chosen).size else None
        if value is not None:
            y = _assigned(y, mask, operand(value))
    return y if isinstance(y, Tracer) else np.asarray(y)


def _assigned(y: Any, mask: np.ndarray, value: Any) -> Any:
    """Return ``y`` with a value of any dtype where the mask is true."""
    array, key, arrays = parse(y, mask)
    shape = indexed_shape(shape_of(array), key, [shape_of(i) for i in arrays])
    value = broadcast_to(cast(strong(value), dtype_of(y)), shape)
    return reshape(set_at_p(array, value, *arrays, index=key), shape_of(y))


# what would write traced values into an array

_IN_PLACE = "it would change an array in place, and a derivative be lost"
_AT = "write x = funcgrad.at(x)[index].set(value)"

# fmt: off
refuses("copyto", _IN_PLACE, "for numpy.full_like(a, x) write funcgrad.numpy.full_like(a, x), "
                             "else numpy.where", MutationError)
refuses("put put_along_axis place", _IN_PLACE, _AT, MutationError)
refuses("putmask", _IN_PLACE, "write x = numpy.where(mask, values, x)", MutationError)
refuses("fill_diagonal", _IN_PLACE,
        "write x = funcgrad.at(x)[numpy.diag_indices_from(x)].set(value)", MutationError)
# fmt: on


@implements("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Count each number, or add up its weights; see numpy.bincount."""
    places = concrete("bincount", operand(x))
    counts = np.bincount(places, None, minlength)
    if weights is None:
        return counts
    w = strong(operand(weights))
    check_cast("bincount", w, np.float64, "safe")
    w = cast(w, np.float64)
    if shape_of(w) != places.shape:
        raise ShapeError(f"bincount: the weights must be as many as the numbers: got {aval_of(w)}")
    return scatter_add_p(w, places, shape=counts.shape, index=Index([ARRAY]))
