"""Named axes around a compiled function: constants of its program, given anew by each call."""

import operator
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from ..core.avals import aval_of
from ..core.axes import Axis, axis_env
from ..core.jaxpr import ClosedJaxpr, Jaxpr
from ..core.trace import Tracer


class NamedAxis(NamedTuple):
    """A constant of a program that stands for the token of a named axis; each call has its own."""

    name: Hashable


def axis_key(name: Hashable, axis: Axis) -> Hashable:
    """The facts of a named axis on which a staged program depends."""
    index = axis.index
    known = None if index is None or isinstance(index, Tracer) else operator.index(index)
    return name, axis.size, aval_of(axis.token), known


def with_axes(closed: ClosedJaxpr, names: Sequence[Hashable]) -> ClosedJaxpr:
    """Turn the first inputs, tokens of named axes, into constants; drop those not read."""
    old = closed.jaxpr
    read = {a for eqn in old.eqns for a in eqn.ins} | {*old.outvars}
    used = [(v, NamedAxis(n)) for v, n in zip(old.invars, names, strict=False) if v in read]
    constvars = (*old.constvars, *(v for v, _ in used))
    jaxpr = Jaxpr(old.invars[len(names) :], constvars, old.eqns, old.outvars)
    return ClosedJaxpr(jaxpr, (*closed.consts, *(axis for _, axis in used)))


def tokens(consts: Sequence[Any]) -> tuple[Any, ...]:
    """The constants, with the tokens of the axes around this call."""
    env = axis_env.get({})
    return tuple([env[x.name].token if isinstance(x, NamedAxis) else x for x in consts])
