"""Choosing between arrays, counting, and the refusals of what would write into one."""

import operator
from typing import Any

import numpy as np

from ..core.avals import aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.errors import ConcretizationError, MutationError, ShapeError
from ..ops import compare, elementwise as ew
from ..ops.index import ARRAY, Index, scatter_add_p
from ..ops.operand import integers, operand, strong, weak_with
from ..ops.reduce import take_along
from ..ops.structure import broadcast_to, cast
from .dispatch import EAGER_NO_DERIVATIVE, check_cast, implements, no_out, refuses
from .indexing import concrete, known


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
    np.choose(0, [0], mode=mode)  # complains of a mode that it does not know
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
    return take_along(table, broadcast_to(a, shape)[None], 0)[0]


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
    """Count each number, or add up its weights; see numpy.bincount.

    Where the numbers are not known, in a program, there are ``minlength`` counts, and a number
    that has no place among them raises IndexError when the program runs.
    """
    places, length = integers(x), operator.index(minlength)
    numbers = known(places)
    if numbers is not None:
        places = numbers
        length = len(np.bincount(numbers, None, length))  # complains of what is no vector of them
    else:
        places = _unknown_places(places, length)
    if weights is None:
        w = np.ones(shape_of(places), np.intp)
    else:
        w = strong(operand(weights))
        check_cast("bincount", w, np.float64, "safe")
        w = cast(w, np.float64)
    if shape_of(w) != shape_of(places):
        raise ShapeError(f"bincount: the weights must be as many as the numbers: got {aval_of(w)}")
    return scatter_add_p(w, places, shape=(length,), index=Index([ARRAY]))


def _unknown_places(places: Any, length: int) -> Any:
    """Return the places of numbers to be counted, those below 0 beyond the end."""
    if len(shape_of(places)) != 1 or not np.can_cast(dtype_of(places), np.intp, "safe"):
        raise TypeError(f"bincount: only a vector of integers is counted: got {aval_of(places)}")
    if length <= 0:
        raise ConcretizationError(
            f"bincount: how many counts there are depends on the numbers, and of {aval_of(places)} "
            f"they are not known: give minlength=, which is then their number"
        )
    return ew.where(compare.lt(places, 0), length, places)
