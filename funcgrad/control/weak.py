"""Weak types in loops: a Python scalar in the carry stays weakly typed, as in a Python loop.

A program carries arrays. Where the user's function had a weakly typed scalar, its program either
has the same dtypes for an array, or converts the array to a weak type first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, is_inexact
from ..core.companions import NO_PROGRAMS
from ..core.errors import FuncgradError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, programs_in
from ..core.lists import compress
from ..ops.operand import common_dtype, weaken_p
from ..ops.structure import convert_p, truncate_p


def carried_aval(before: Aval, after: Aval) -> Aval:
    """The aval that a loop carries for a weakly typed scalar, given its aval after a step."""
    if not before.weak:
        return before
    return Aval(before.shape, common_dtype((before, after)), after.weak)


def strong_inputs(jaxpr: Jaxpr, start: int, weak: Sequence[bool]) -> Jaxpr:
    """A program with arrays for weakly typed inputs, and the same dtypes inside.

    Args:
        jaxpr: the program.
        start: the first input of the carry.
        weak: which inputs of the carry are weakly typed.
    """
    flags = [False] * len(jaxpr.invars)
    flags[start : start + len(weak)] = weak
    found = without_weak_inputs(jaxpr, flags)
    if found is not None:
        return found
    rows = zip(jaxpr.invars, flags, strict=True)
    invars = [Var(Aval(v.aval.shape, v.aval.dtype), v) if f else v for v, f in rows]
    pairs = zip(jaxpr.invars, invars, strict=True)
    back = [Eqn(weaken_p, (new,), (old,), {}) for old, new in pairs if old is not new]
    return Jaxpr(tuple(invars), (), (*back, *jaxpr.eqns), jaxpr.outvars)


def strong_outputs(jaxpr: Jaxpr, count: int) -> Jaxpr:
    """A program whose first ``count`` outputs are not weakly typed."""
    eqns, outvars = list(jaxpr.eqns), list(jaxpr.outvars)
    for i, atom in enumerate(outvars[:count]):
        dtype = atom.aval.dtype
        if isinstance(atom, Literal):
            outvars[i] = Literal(dtype.type(atom.value))
        elif atom.aval.weak:
            strong = outvars[i] = Var(Aval(atom.aval.shape, atom.aval.dtype))
            prim = convert_p if is_inexact(dtype) else truncate_p
            eqns.append(Eqn(prim, (atom,), (strong,), {"dtype": dtype}))
    return Jaxpr(jaxpr.invars, (), tuple(eqns), tuple(outvars))


def without_weak_inputs(jaxpr: Jaxpr, flags: Sequence[bool]) -> Jaxpr | None:
    """A program with arrays for the weakly typed inputs flagged; None if a dtype then differs.

    The user's function is not traced again: nested loops would be traced exponentially often in
    their depth.
    """
    numbers = compress(jaxpr.invars, flags)
    now: dict[Any, Any] = {v: Var(Aval(v.aval.shape, v.aval.dtype), v.of) for v in numbers}
    eqns: list[Eqn] = []
    for eqn in jaxpr.eqns:
        if now.keys().isdisjoint(eqn.ins):
            eqns.append(eqn)
            continue
        holds = eqn.prim.holds
        held = holds is not NO_PROGRAMS and (holds.close or programs_in(eqn.params))
        new = _held(eqn, now) if held else _inferred(eqn, now)
        if new is None:
            return None
        eqns += new
    invars, outvars = (tuple([now.get(a, a) for a in xs]) for xs in (jaxpr.invars, jaxpr.outvars))
    return Jaxpr(invars, (), tuple(eqns), outvars)


def _inferred(eqn: Eqn, now: dict[Any, Any]) -> list[Eqn] | None:
    """An equation with the operands replaced; None if its outputs then differ in dtype."""
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
    """An equation that holds programs, with its operands converted to weak types again.

    None if arrays would change a dtype in the programs, or if an output is weakly typed.
    """
    if eqn.prim.holds.bodies is None or any(v.aval.weak for v in eqn.outs):
        return None
    for program, operands in eqn.prim.holds.bodies(*eqn.ins, **eqn.params):
        pairs = zip(operands, program.invars, strict=True)
        flags = [a in now and v.aval.weak for a, v in pairs]
        if any(flags) and without_weak_inputs(program, flags) is None:
            return None
    eqns, ins = [], list[Atom]()
    for atom in eqn.ins:
        if atom in now:
            eqns.append(Eqn(weaken_p, (now[atom],), (Var(atom.aval),), {}, eqn.source))
        ins.append(eqns[-1].outs[0] if atom in now else atom)
    return [*eqns, Eqn(eqn.prim, tuple(ins), eqn.outs, eqn.params, eqn.source, eqn.scope)]


def weaken(xs: Sequence[Any], weak: Sequence[bool]) -> list[Any]:
    """Convert the values flagged to weak types."""
    return [weaken_p(x) if w else x for x, w in zip(xs, weak, strict=True)]


def as_arrays(xs: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    """Convert the values to these dtypes, and Python scalars to arrays."""
    arrays = []
    for x, a in zip(xs, avals, strict=True):
        if not hasattr(x, "dtype"):
            x = np.asarray(x, a.dtype)
        elif x.dtype != a.dtype or getattr(getattr(x, "aval", None), "weak", False):
            x = (convert_p if is_inexact(a.dtype) else truncate_p)(x, dtype=a.dtype)
        arrays.append(x)
    return arrays
