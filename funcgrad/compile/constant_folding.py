"""Constant folding: operations on literals and constants are computed at compile time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.dead_code import dce
from ..core.effects import is_effectful, without_effects
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, programs_in
from ..ops.constant import Array, constant_p
from ..ops.structure import broadcast_p, reshape_p
from .liveness import last_reads, nbytes
from .rewrite import Builder, rewritten

_ROOM = 1 << 20  # bytes of results that are always allowed
_LARGE = 16  # times that, the largest array that is computed on the way


def fold_literals(jaxpr: Jaxpr) -> Jaxpr:
    """Compute operations on literals, unless NumPy would warn or raise."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        ins = eqn.ins
        if not ins or type(ins[0]) is not Literal or any(v.aval.shape for v in eqn.outs):
            return None
        operands = [a.value for a in ins if isinstance(a, Literal)]
        if len(operands) < len(ins) or is_effectful(eqn):
            return None
        try:
            with np.errstate(all="raise"):
                values = eqn.prim.run(*operands, **eqn.params)
        except Exception:  # any: the operation warns or raises when it runs
            return None
        atoms = [Literal(v[()] if isinstance(v, np.ndarray) else v) for v in values]
        return atoms

    return rewritten(jaxpr, step)


def fold_constants(jaxpr: Jaxpr, constants: Sequence[Any]) -> Jaxpr:
    """Compute the values made of constants, the first inputs, that other operations read.

    For example the seeds of a Jacobian times the matrix of a linear function. What is kept takes
    at most twice the memory of the constants.
    """
    known = {v: x for v, x in zip(jaxpr.invars, constants, strict=False) if type(x) is np.ndarray}
    room = max(2 * sum(x.nbytes for x in known.values()), _ROOM)
    barred: set[Eqn] = set()
    while True:
        wanted = _frontier(jaxpr, known, barred, room)
        if not wanted:
            return jaxpr
        needed = dce(without_effects(Jaxpr(jaxpr.invars, (), jaxpr.eqns, tuple(wanted))))
        values: dict[Var, Any] = {}
        failed = _computed(needed, dict(known), values, set(wanted))
        if failed is None:
            return _with_values(jaxpr, values)
        barred.add(failed)


def _frontier(jaxpr: Jaxpr, known: Mapping[Any, Any], barred: set[Eqn], room: int) -> list[Var]:
    """Values that are made of constants and read by other operations, as many as have room."""
    makers: dict[Any, Eqn | None] = dict.fromkeys(known)
    read: dict[Any, None] = {}
    for eqn in jaxpr.eqns:
        large = sum(nbytes(v.aval) for v in eqn.outs) > _LARGE * room
        if (
            large
            or eqn.prim.has_effect
            or eqn in barred
            or programs_in(eqn.params)
            or not _is_known(eqn, makers)
        ):
            read.update(dict.fromkeys(eqn.ins))
        else:
            makers.update(dict.fromkeys(eqn.outs, eqn))
    read.update(dict.fromkeys(jaxpr.outvars))
    wanted = []
    for v in read:
        # a broadcast array, and a constant in another shape, are views
        if (maker := makers.get(v)) is None or maker.prim is broadcast_p:
            continue
        if maker.prim is reshape_p and maker.ins[0] in known:
            continue
        room -= nbytes(v.aval)
        if room >= 0:
            wanted.append(v)
    return wanted


def _computed(
    jaxpr: Jaxpr, known: dict[Any, Any], values: dict[Var, Any], wanted: set[Any]
) -> Eqn | None:
    """Compute a program of constants; an equation at which NumPy warns or raises is returned."""
    last = last_reads(jaxpr)
    for i, eqn in enumerate(jaxpr.eqns):
        try:
            with np.errstate(all="raise"):
                outs = eqn.prim.run(*(_value(a, known) for a in eqn.ins), **eqn.params)
        except Exception:  # any: the operation warns or raises when it runs
            return eqn
        known.update(zip(eqn.outs, outs, strict=True))
        values.update({v: np.array(known[v]) for v in eqn.outs if v in wanted})
        for atom in set(eqn.ins):
            if last.get(atom) == i:
                known.pop(atom, None)
    return None


def _with_values(jaxpr: Jaxpr, values: Mapping[Any, np.ndarray]) -> Jaxpr:
    """The program with these values as constants."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        if values.keys().isdisjoint(eqn.outs):
            return None
        return [of(build, eqn, v) if v in values else v for v in eqn.outs]

    def of(build: Builder, eqn: Eqn, v: Var) -> Atom:
        if not v.aval.shape:
            return Literal(values[v][()])
        build.add(Eqn(constant_p, (), (v,), {"array": Array(values[v])}, eqn.source, eqn.scope))
        return v

    return dce(rewritten(jaxpr, step))


def _is_known(eqn: Eqn, known: Mapping[Any, Any]) -> bool:
    """Whether an equation reads constants, and otherwise only literals."""
    read = [a for a in eqn.ins if not isinstance(a, Literal)]
    return bool(read) and all(a in known for a in read)


def _value(atom: Atom, known: Mapping[Any, Any]) -> Any:
    return atom.value if isinstance(atom, Literal) else known[atom]
