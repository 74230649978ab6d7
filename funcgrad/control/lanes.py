"""Examples of a batch that do not take part in a branch or a step, where an operation may raise.

Under vmap all examples run a branch, or a step of a loop, and a mask selects whose results count.
The others may hold an index out of range, or a singular matrix, for which NumPy raises. They get
the operands of an example that takes part.
"""

from collections.abc import Sequence
from typing import Any

from ..core.jaxpr import Jaxpr, programs_in
from ..core.lists import Flags
from ..ops.elementwise import where
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.linalg.matrices import MatrixPrimitive
from ..ops.reduce import argmax_p
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import expand_dims


def has_matrices(jaxpr: Jaxpr) -> bool:
    """Whether a program has operations of linear algebra, for which LAPACK may raise."""
    return _any(jaxpr, lambda eqn: isinstance(eqn.prim, MatrixPrimitive))


def may_raise(jaxpr: Jaxpr) -> bool:
    """Whether an operation of a program raises for some values of its operands."""
    indexed = lambda x: type(x) is Index and ARRAY in x
    return has_matrices(jaxpr) or _any(jaxpr, lambda eqn: any(map(indexed, eqn.params.values())))


def _any(jaxpr: Jaxpr, test: Any) -> bool:
    held = lambda eqn: any(_any(program, test) for program in programs_in(eqn.params))
    return any(test(eqn) or held(eqn) for eqn in jaxpr.eqns)


def taking_part(values: Sequence[Any], flags: Flags, mask: Any) -> list[Any]:
    """Values whose rows outside of the mask are those of its first true row, without derivative.

    ``flags``: which values have the batch axis, their first one.
    """
    row = argmax_p(mask, axis=0)
    first = lambda x: stop_gradient(getitem_p(x, row, index=Index((ARRAY,))))
    masked = lambda x: where(expand_dims(mask, tuple(range(1, len(x.shape)))), x, first(x))
    return [masked(x) if flag else x for x, flag in zip(values, flags, strict=True)]
