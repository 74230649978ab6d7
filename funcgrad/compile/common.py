"""Dead code, common subexpressions, constant folding."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, programs_in
from ..core.static import typed
from ..ops.constant import Array, constant_p
from ..ops.elementwise import add, mul
from .buffers import nbytes
from .rewrite import Builder, remade, rewritten

_ROOM = 1 << 20  # bytes that may always be computed in advance


def dce(jaxpr: Jaxpr) -> Jaxpr:
    """Drop the equations that no output needs, and what loops compute for nobody."""
    found = jaxpr.memo.get("alive")
    if found is None:
        found = jaxpr.memo["alive"] = _alive(jaxpr)
    return found


def _alive(jaxpr: Jaxpr) -> Jaxpr:
    needed: set[Any] = set(jaxpr.outvars)
    kept: list[Eqn] = []
    for eqn in reversed(jaxpr.eqns):
        used = [v in needed for v in eqn.outs]
        if not any(used):
            continue
        if eqn.prim.prune is not None and not (all(used) and _reads_all(eqn)):
            eqn = pruned(eqn, used)
        needed.update(eqn.ins)
        kept.append(eqn)
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(kept[::-1]), jaxpr.outvars)


def _reads_all(eqn: Eqn) -> bool:
    """Return whether the programs that an equation holds read all that they are given."""
    for program in programs_in(eqn.params):
        found = program.memo.get("reads all")
        if found is None:
            read = {a for held in program.eqns for a in held.ins}.union(program.outvars)
            found = program.memo["reads all"] = read.issuperset(program.invars)
        if not found:
            return False
    return True


def pruned(eqn: Eqn, used: Sequence[bool]) -> Eqn:
    """Return an equation without the outputs that nobody reads."""
    ins, outs, params = eqn.prim.prune(used, **eqn.params)
    kept_ins, kept_outs = tuple([eqn.ins[i] for i in ins]), tuple([eqn.outs[i] for i in outs])
    return remade(eqn, kept_ins, kept_outs, params)


def cse(jaxpr: Jaxpr) -> Jaxpr:
    """Compute each expression once: the same primitive of the same operands and parameters."""
    seen: dict[Hashable, Sequence[Atom]] = {}

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        params = eqn.params and tuple([(k, typed(eqn.params[k])) for k in sorted(eqn.params)])
        ins = tuple(map(_key, eqn.ins))
        key = (eqn.prim, eqn.scope, frozenset(ins) if _commutes(eqn) else ins, params or ())
        try:
            return seen.setdefault(key, eqn.outs) if key in seen else seen.update({key: eqn.outs})
        except TypeError:  # a parameter that is not hashable
            return None

    return rewritten(jaxpr, step)


def _commutes(eqn: Eqn) -> bool:
    """Return whether exchanging the operands keeps every bit: of complex products it may not."""
    return eqn.prim is add or (eqn.prim is mul and eqn.outs[0].aval.dtype.kind != "c")


def _key(atom: Atom) -> Hashable:
    """Return what tells one operand from another: of a number its type and its digits."""
    return (type(atom.value), repr(atom.value)) if isinstance(atom, Literal) else atom


def fold(jaxpr: Jaxpr) -> Jaxpr:
    """Compute now what is made of numbers alone, unless NumPy would warn of it."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        numbers = all(isinstance(a, Literal) for a in eqn.ins) and eqn.ins
        if not numbers or any(v.aval.shape for v in eqn.outs):
            return None
        try:
            with np.errstate(all="raise"):
                values = eqn.prim.run(*(a.value for a in eqn.ins), **eqn.params)
        except Exception:  # of whatever kind: it shall warn, or raise, when it runs
            return None
        atoms = [Literal(v[()] if isinstance(v, np.ndarray) else v) for v in values]
        return atoms

    return rewritten(jaxpr, step)


def precomputed(jaxpr: Jaxpr, constants: Sequence[Any]) -> Jaxpr:
    """Compute now what is made of constants alone, the first inputs, in no more memory than theirs.

    So are the seeds of a Jacobian, say, times what a linear function multiplies them by.
    """
    known = {v: x for v, x in zip(jaxpr.invars, constants, strict=False) if type(x) is np.ndarray}
    room = max(sum(x.nbytes for x in known.values()), _ROOM) if known else 0

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        nonlocal room
        size = sum(nbytes(v.aval) for v in eqn.outs)
        whole = all(isinstance(a, Literal) or a in known for a in eqn.ins)
        if not known.keys() & set(eqn.ins) or not whole or size > room or programs_in(eqn.params):
            return None
        try:
            with np.errstate(all="raise"):
                values = eqn.prim.run(*(_value(a, known) for a in eqn.ins), **eqn.params)
        except Exception:  # of whatever kind: it shall warn, or raise, when it runs
            return None
        room -= size
        return [of(build, eqn, v, x) for v, x in zip(eqn.outs, values, strict=True)]

    def of(build: Builder, eqn: Eqn, v: Var, x: Any) -> Atom:
        if not v.aval.shape:
            return Literal(x[()] if isinstance(x, np.ndarray) else x)
        known[v] = np.array(x)
        build.add(Eqn(constant_p, (), (v,), {"array": Array(known[v])}, eqn.source, eqn.scope))
        return v

    return dce(rewritten(jaxpr, step)) if known else jaxpr


def _value(atom: Atom, known: Mapping[Any, Any]) -> Any:
    return atom.value if isinstance(atom, Literal) else known[atom]
