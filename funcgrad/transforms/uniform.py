"""Constants of a program whose elements are all equal: they become scalars."""

from typing import Any

import numpy as np

from ..core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Literal, Var
from ..ops.structure import broadcast_p


def uniform_as_scalars(closed: ClosedJaxpr) -> ClosedJaxpr:
    """Replace constants whose elements are all equal by a broadcast scalar."""
    eqns: list[Eqn] = []
    rest: list[tuple[Var, Any]] = []
    for var, x in zip(closed.jaxpr.constvars, closed.consts, strict=True):
        if type(x) is np.ndarray and x.dtype.kind in "fiub" and _uniform(x):
            params = {"shape": x.shape, "axes": tuple(range(x.ndim))}
            number = x[(0,) * x.ndim] if x.size else x.dtype.type(0)
            eqns.append(Eqn(broadcast_p, (Literal(number),), (var,), params))
        else:
            rest.append((var, x))
    if not eqns:
        return closed
    old = closed.jaxpr
    jaxpr = Jaxpr(old.invars, tuple([v for v, _ in rest]), (*eqns, *old.eqns), old.outvars)
    return ClosedJaxpr(jaxpr, tuple([x for _, x in rest]))


def _uniform(x: np.ndarray) -> bool:
    if not x.size:
        return True
    first = x[(0,) * x.ndim]  # x.flat stops at 32 axes
    if x[(-1,) * x.ndim] != first or not (x == first).all():
        return False
    return first != 0 or x.dtype.kind != "f" or bool((np.signbit(x) == np.signbit(first)).all())
