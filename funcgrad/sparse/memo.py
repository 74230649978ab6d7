"""Patterns of one function, found again only where its program has changed.

The program holds all that decides a pattern: shapes, dtypes, and the arrays that the function
closes over, such as indices. To stage it takes far less time than to find the pattern.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal
from ..core.static import typed
from ..core.trace import Tracer
from ..transforms.staging import stage
from .pattern import pattern
from .structure import Pattern

_KEPT = 8  # programs, the last ones


class Patterns:
    """The last programs of a function, with their patterns."""

    def __init__(self, origin: object, order: int) -> None:
        self.origin, self.order = origin, order
        self.known: tuple[tuple[ClosedJaxpr, Pattern], ...] = ()

    def find(self, fun: Callable[..., list[Any]], xs: Sequence[Any]) -> Pattern:
        """The pattern of a function of arrays ``xs``, which returns a list of arrays."""
        avals = list(map(aval_of, xs))
        closed, _ = stage(self.origin, lambda inputs: fun(*inputs), avals, operands=xs)
        for program, found in self.known:
            if _same(program, closed):
                return found
        # a scalar output of the order 2 is alone in its list
        run = closed if self.order == 1 else lambda *xs: closed(*xs)[0]
        found = pattern(run, *xs, argnums=tuple(range(len(xs))), order=self.order)
        if not any(isinstance(c, Tracer) for c in closed.consts):
            self.known = ((closed, found), *self.known[: _KEPT - 1])
        return found


def _same(a: ClosedJaxpr, b: ClosedJaxpr) -> bool:
    """Whether two programs are the same, with the same constants."""
    return _same_programs(a.jaxpr, b.jaxpr) and all(map(_same_arrays, a.consts, b.consts))


def _same_arrays(x: Any, y: Any) -> bool:
    if isinstance(x, Tracer) or isinstance(y, Tracer):
        return False
    return x is y or (x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc"))


def _same_programs(a: Jaxpr, b: Jaxpr) -> bool:
    """Whether two programs have the same equations, up to the names of variables."""
    if a is b:
        return True
    ours, theirs = (*a.constvars, *a.invars), (*b.constvars, *b.invars)
    lengths = len(a.constvars), len(a.invars), len(a.eqns), len(a.outvars)
    if lengths != (len(b.constvars), len(b.invars), len(b.eqns), len(b.outvars)):
        return False
    names = dict(zip(ours, theirs, strict=True))
    if any(v.aval != w.aval for v, w in names.items()):
        return False

    def same(v: Any, w: Any) -> bool:
        if isinstance(v, Literal):
            return isinstance(w, Literal) and typed(v.value) == typed(w.value)
        return names.get(v) is w

    for e, f in zip(a.eqns, b.eqns, strict=True):
        if e.prim is not f.prim or len(e.ins) != len(f.ins) or len(e.outs) != len(f.outs):
            return False
        if not all(map(same, e.ins, f.ins)) or not _same_params(e.params, f.params):
            return False
        names.update(zip(e.outs, f.outs, strict=True))
    return all(map(same, a.outvars, b.outvars))


def _same_params(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, Jaxpr):
        return isinstance(b, Jaxpr) and _same_programs(a, b)
    if isinstance(a, ClosedJaxpr):
        return isinstance(b, ClosedJaxpr) and _same(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same_params(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same_params, a, b))
    return bool(typed(a) == typed(b))
