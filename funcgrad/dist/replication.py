"""Which outputs of a program are the same on all ranks: a walk over its equations.

A value varies if it depends on a split argument, or on the index of the rank; a collective that
gives all ranks one result ends that.
"""

from collections.abc import Sequence
from typing import Any

from ..core.companions import inlined
from ..core.jaxpr import ClosedJaxpr, Eqn, Jaxpr, Literal
from ..core.registry import primitives

_SAME = frozenset({"psum", "pmax", "pmin", "all_gather"})
_VARY = frozenset({"psum_scatter", "all_to_all", "ppermute"})


def is_replicated(closed: ClosedJaxpr, split: Sequence[bool]) -> list[bool]:
    """Whether each output is the same on all ranks.

    Args:
        closed: the program of a rank.
        split: which inputs are parts, or indices of the rank.
    """
    return [not v for v in varying(closed.jaxpr, [*[False] * len(closed.consts), *split])]


def varying(jaxpr: Jaxpr, flags: Sequence[bool]) -> list[bool]:
    """Which outputs vary, from the flags of constants and inputs."""
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), flags, strict=True))
    read = lambda a: not isinstance(a, Literal) and known[a]
    for eqn in jaxpr.eqns:
        known.update(zip(eqn.outs, _outs(eqn, [read(a) for a in eqn.ins]), strict=True))
    return [read(a) for a in jaxpr.outvars]


def _outs(eqn: Eqn, flags: list[bool]) -> list[bool]:
    """Which outputs of an equation vary."""
    if eqn.prim.name in _SAME:
        return [False] * len(eqn.outs)
    if eqn.prim.name in _VARY:
        return [True] * len(eqn.outs)
    called = inlined(eqn.prim, eqn.params)
    if called is not None:
        return varying(called, flags)
    if eqn.prim is primitives["scan"]:
        return _of_scan(eqn, flags)
    if eqn.prim is primitives["cond"] and not flags[0]:
        branches = [varying(branch, flags[1:]) for branch in eqn.params["branches"]]
        return list(map(any, zip(*branches, strict=True)))
    return [any(flags)] * len(eqn.outs)  # of other loops too: each output with any operand


def _of_scan(eqn: Eqn, flags: list[bool]) -> list[bool]:
    """The flags of the carry grow until they stay."""
    n, k = eqn.params["num_consts"], eqn.params["num_carry"]
    now = flags
    while True:
        outs = varying(eqn.params["jaxpr"], now)
        carry = [a or b for a, b in zip(now[n : n + k], outs[:k], strict=True)]
        if carry == now[n : n + k]:
            return outs
        now = [*now[:n], *carry, *now[n + k :]]
