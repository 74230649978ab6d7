"""Whether two values have the same elements, as far as is known before a program runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Atom, Eqn, Literal
from ..core.trace import Tracer
from .staging import StagingTracer

_RECENT = 200  # equations that are searched
_DEPTH = 6  # of expressions that are compared


def have_same_elements(x: Any, y: Any) -> bool:
    """Whether two values are known to have the same elements: ``x > 0`` twice, say."""
    while isinstance(x, Tracer) and isinstance(y, Tracer) and x._trace is y._trace:
        if isinstance(x, StagingTracer):
            trace: Any = x._trace
            return _same_atoms(trace.eqns[-_RECENT:], x._var, y._var, _DEPTH)
        if x._mark is not y._mark or not hasattr(x, "value"):
            return False
        x, y = x.value, y.value
    known = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    return known and np.array_equal(x, y)


def _same_atoms(eqns: Sequence[Eqn], x: Atom, y: Atom, depth: int) -> bool:
    """Whether the same operations on the same operands lead to two atoms."""
    if isinstance(x, Literal) and isinstance(y, Literal):
        return type(x.value) is type(y.value) and bool(x.value == y.value)
    if x is y or isinstance(x, Literal) or isinstance(y, Literal) or not depth:
        return x is y
    e, f = (next((eqn for eqn in eqns if v in eqn.outs), None) for v in (x, y))
    if e is None or f is None or e.prim is not f.prim or e.params != f.params:
        return False
    if e.outs.index(x) != f.outs.index(y) or len(e.ins) != len(f.ins):
        return False
    return all(_same_atoms(eqns, a, b, depth - 1) for a, b in zip(e.ins, f.ins, strict=True))
