"""Weak types in loops: a Python number that a loop carries stays one, as in a loop of Python's.

A program carries arrays. Where the user's function saw a Python number, which beside an array takes
the array's dtype, its program either gives the same dtypes for an array, or turns it back first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, is_inexact
from ..core.errors import FuncgradError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, programs_in
from ..core.lists import compress
from ..ops.operand import common_dtype, weaken_p
from ..ops.structure import convert_p, truncate_p


def settled(before: Aval, after: Aval) -> Aval:
    """Return what a loop carries in the place of a Python number, given how it comes out."""
    if not before.weak:
        return before
    return Aval(before.shape, common_dtype((before, after)), after.weak)


def strong_inputs(jaxpr: Jaxpr, flags: Sequence[bool]) -> Jaxpr:
    """Return a program with arrays for the Python numbers flagged, and the same dtypes in it."""
    found = strengthened(jaxpr, flags)
    if found is not None:
        return found
    invars = [Var(_strong(v.aval), v) if f else v for v, f in zip(jaxpr.invars, flags, strict=True)]
    pairs = zip(jaxpr.invars, invars, strict=True)
    back = [Eqn(weaken_p, (new,), (old,), {}) for old, new in pairs if old is not new]
    return Jaxpr(tuple(invars), (), (*back, *jaxpr.eqns), jaxpr.outvars)


def strong_outputs(jaxpr: Jaxpr, count: int) -> Jaxpr:
    """Return a program of which the first outputs, as many as ``count``, are arrays."""
    eqns, outvars = list(jaxpr.eqns), list(jaxpr.outvars)
    for i, atom in enumerate(outvars[:count]):
        dtype = atom.aval.dtype
        if isinstance(atom, Literal):
            outvars[i] = Literal(dtype.type(atom.value))
        elif atom.aval.weak:
            strong = outvars[i] = Var(_strong(atom.aval))
            prim = convert_p if is_inexact(dtype) else truncate_p
            eqns.append(Eqn(prim, (atom,), (strong,), {"dtype": dtype}))
    return Jaxpr(jaxpr.invars, (), tuple(eqns), tuple(outvars))


def strengthened(jaxpr: Jaxpr, flags: Sequence[bool]) -> Jaxpr | None:
    """Return a program with arrays for the Python numbers flagged, None if a dtype then differs.

    It is what the user's function would give for arrays, without being run again: a loop in a loop
    would be staged exponentially often in their depth.
    """
    numbers = compress(jaxpr.invars, flags)
    now: dict[Any, Any] = {v: Var(_strong(v.aval), v.of) for v in numbers}
    eqns: list[Eqn] = []
    for eqn in jaxpr.eqns:
        if now.keys().isdisjoint(eqn.ins):
            eqns.append(eqn)
            continue
        new = (
            _held(eqn, now)
            if programs_in(eqn.params) or eqn.prim.holds.close
            else _inferred(eqn, now)
        )
        if new is None:
            return None
        eqns += new
    invars, outvars = (tuple([now.get(a, a) for a in xs]) for xs in (jaxpr.invars, jaxpr.outvars))
    return Jaxpr(invars, (), tuple(eqns), outvars)


def _inferred(eqn: Eqn, now: dict[Any, Any]) -> list[Eqn] | None:
    """Return an equation of changed operands, None if its outputs differ in dtype."""
    ins = tuple([now.get(a, a) for a in eqn.ins])
    try:
        avals = eqn.prim.infer(*(a.aval for a in ins), **eqn.params)
    except (FuncgradError, TypeError, ValueError):
        return None
    for v, aval in zip(eqn.outs, avals, strict=True):
        if v.aval.dtype != aval.dtype:
            return None
        if v.aval != aval:
            now[v] = Var(aval, v.of)
    outs = tuple([now.get(v, v) for v in eqn.outs])
    return [Eqn(eqn.prim, ins, outs, eqn.params, eqn.source, eqn.scope)]


def _held(eqn: Eqn, now: dict[Any, Var]) -> list[Eqn] | None:
    """Return an equation that holds programs, its operands Python numbers again.

    None if an array would make a difference in the programs, or to what reads the outputs.
    """
    if eqn.prim.holds.bodies is None or any(v.aval.weak for v in eqn.outs):
        return None
    for program, operands in eqn.prim.holds.bodies(*eqn.ins, **eqn.params):
        pairs = zip(operands, program.invars, strict=True)
        flags = [a in now and v.aval.weak for a, v in pairs]
        if any(flags) and strengthened(program, flags) is None:
            return None
    eqns, ins = [], list[Atom]()
    for atom in eqn.ins:
        if atom in now:
            eqns.append(Eqn(weaken_p, (now[atom],), (Var(atom.aval),), {}, eqn.source))
        ins.append(eqns[-1].outs[0] if atom in now else atom)
    return [*eqns, Eqn(eqn.prim, tuple(ins), eqn.outs, eqn.params, eqn.source, eqn.scope)]


def _strong(aval: Aval) -> Aval:
    return Aval(aval.shape, aval.dtype)


def numbers(xs: Sequence[Any], weak: Sequence[bool]) -> list[Any]:
    """Return the values with those flagged as Python numbers, or as tracers of them."""
    return [weaken_p(x) if w else x for x, w in zip(xs, weak, strict=True)]


def arrays(xs: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    """Return the values in these dtypes, Python numbers as arrays."""
    return [_array(x, a.dtype) for x, a in zip(xs, avals, strict=True)]


def _array(x: Any, dtype: np.dtype) -> Any:
    if not hasattr(x, "dtype"):
        return np.asarray(x, dtype)
    if x.dtype == dtype and not getattr(getattr(x, "aval", None), "weak", False):
        return x
    return (convert_p if is_inexact(dtype) else truncate_p)(x, dtype=dtype)
