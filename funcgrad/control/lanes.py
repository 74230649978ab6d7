"""Examples of a batch that do not take part in a branch or a step, where an operation may raise.

Under vmap all examples run a branch, or a step of a loop, and a mask selects whose results count.
The others may hold an index out of range, a singular matrix, or a negative power of an integer, for
which NumPy raises. They get the operands of an example that takes part.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, aval_of
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, programs_in
from ..core.lists import Flags
from ..core.trace import Primitive, is_concrete
from ..ops.elementwise import pow as pow_p, where
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.linalg.matrices import MatrixPrimitive
from ..ops.reduce import argmax_p
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import expand_dims


def may_be_taken(prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> bool:
    """Whether the body of a loop takes an operation on tracers around: one that may raise later."""
    if all(map(is_concrete, args)):  # it raises now, as one on arrays
        return False
    avals, values = list(map(aval_of, args)), [x if is_concrete(x) else None for x in args]
    refuses = isinstance(prim, MatrixPrimitive) or _indices(params) or _checked(prim, avals, values)
    return bool(refuses) or any(map(may_raise, programs_in(params)))


def has_matrices(jaxpr: Jaxpr) -> bool:
    """Whether a program has operations of linear algebra, for which LAPACK may raise."""
    return _any(jaxpr, lambda eqn: isinstance(eqn.prim, MatrixPrimitive))


def may_raise(jaxpr: Jaxpr) -> bool:
    """Whether an operation of a program raises for some values of its operands."""
    return _any(jaxpr, lambda eqn: bool(refused(eqn)))


def refused(eqn: Eqn) -> Sequence[Atom]:
    """The operands for some values of which an operation raises, without programs that it holds."""
    if isinstance(eqn.prim, MatrixPrimitive):
        return not_linear(eqn)
    values = [a.value if isinstance(a, Literal) else None for a in eqn.ins]
    places = _checked(eqn.prim, [a.aval for a in eqn.ins], values)
    return [*eqn.ins[len(eqn.ins) - _indices(eqn.params) :], *[eqn.ins[i] for i in places]]


# the operands that an operation checks, for all dtypes
_CHECKED = {"binary_cross_entropy": (0, 1), "nanargmax": (0,), "nanargmin": (0,)}
_OF_ELEMENTS = frozenset({"max", "min", "argmax", "argmin"})  # which need one at least


def _checked(prim: Primitive, avals: Sequence[Aval], values: Sequence[Any]) -> Sequence[int]:
    """The places of operands that are checked; ``values``: those that are known, else None."""
    if prim is not pow_p:
        empty = prim.name in _OF_ELEMENTS and 0 in avals[0].shape
        return (0,) if empty else _CHECKED.get(prim.name, ())
    whole = avals[0].dtype.kind in "biu" and avals[1].dtype.kind == "i"
    return (1,) if whole and (values[1] is None or np.min(values[1], initial=0) < 0) else ()


def _indices(params: dict[str, Any]) -> int:
    """The number of arrays by which an operation indexes, its last operands."""
    return sum(x.count(ARRAY) for x in params.values() if type(x) is Index)


def not_linear(eqn: Eqn) -> list[Atom]:
    """The operands in which an operation is not linear: no tangent decides whether it raises."""
    linear = lambda i: eqn.prim.is_linear(frozenset({i}), **eqn.params)
    return [x for i, x in enumerate(eqn.ins) if not linear(i)]


def _any(jaxpr: Jaxpr, test: Any) -> bool:
    return any(test(eqn) or _holds(eqn, test) for eqn in jaxpr.eqns)


def _holds(eqn: Eqn, test: Any) -> bool:
    return any(_any(program, test) for program in programs_in(eqn.params))


def may_be_refused(jaxpr: Jaxpr) -> list[bool]:
    """For each input of a program, whether it raises for some values of it."""
    found: set[Atom] = set()
    for eqn in reversed(jaxpr.eqns):
        holds = _holds(eqn, lambda inner: bool(refused(inner)))
        found.update(not_linear(eqn) if holds else refused(eqn))
        found.update(() if found.isdisjoint(eqn.outs) else eqn.ins)
    return [v in found for v in jaxpr.invars]


def taking_part(jaxpr: Jaxpr, values: Sequence[Any], flags: Flags, mask: Any) -> list[Any]:
    """Inputs of a program, with rows outside of the mask that are those of its first true row.

    So it is for inputs by which the program may raise; the rows have no derivative.
    ``flags``: which values have the batch axis, their first one.
    """
    row = argmax_p(mask, axis=0)
    first = lambda x: stop_gradient(getitem_p(x, row, index=Index((ARRAY,))))
    masked = lambda x: where(expand_dims(mask, tuple(range(1, len(x.shape)))), x, first(x))
    rows = zip(values, flags, may_be_refused(jaxpr), strict=True)
    return [masked(x) if flag and risky else x for x, flag, risky in rows]
