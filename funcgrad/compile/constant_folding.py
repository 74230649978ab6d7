"""Constant folding: operations on literals and constants are computed at compile time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.dead_code import dce
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, programs_in
from ..ops.constant import Array, constant_p
from .liveness import nbytes
from .rewrite import Builder, rewritten

_ROOM = 1 << 20  # bytes of results that are always allowed


def fold_literals(jaxpr: Jaxpr) -> Jaxpr:
    """Compute operations on literals, unless NumPy would warn or raise."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        ins = eqn.ins
        if not ins or type(ins[0]) is not Literal or any(v.aval.shape for v in eqn.outs):
            return None
        operands = [a.value for a in ins if isinstance(a, Literal)]
        if len(operands) < len(ins):
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
    """Compute operations on constants, which are the first inputs, within their memory.

    For example the seeds of a Jacobian times the matrix of a linear function.
    """
    known = {v: x for v, x in zip(jaxpr.invars, constants, strict=False) if type(x) is np.ndarray}
    if not any(_is_known(eqn, known) for eqn in jaxpr.eqns):
        return jaxpr
    room = max(sum(x.nbytes for x in known.values()), _ROOM)

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        nonlocal room
        if not _is_known(eqn, known) or programs_in(eqn.params):
            return None
        size = sum(nbytes(v.aval) for v in eqn.outs)
        if size > room:
            return None
        try:
            with np.errstate(all="raise"):
                values = eqn.prim.run(*(_value(a, known) for a in eqn.ins), **eqn.params)
        except Exception:  # any: the operation warns or raises when it runs
            return None
        room -= size
        return [of(build, eqn, v, x) for v, x in zip(eqn.outs, values, strict=True)]

    def of(build: Builder, eqn: Eqn, v: Var, x: Any) -> Atom:
        if not v.aval.shape:
            return Literal(x[()] if isinstance(x, np.ndarray) else x)
        known[v] = np.array(x)
        build.add(Eqn(constant_p, (), (v,), {"array": Array(known[v])}, eqn.source, eqn.scope))
        return v

    return dce(rewritten(jaxpr, step))


def _is_known(eqn: Eqn, known: Mapping[Any, Any]) -> bool:
    """Whether an equation reads constants, and otherwise only literals."""
    read = [a for a in eqn.ins if not isinstance(a, Literal)]
    return bool(read) and all(a in known for a in read)


def _value(atom: Atom, known: Mapping[Any, Any]) -> Any:
    return atom.value if isinstance(atom, Literal) else known[atom]
