"""Inlining of called programs, and lowering of operations to simpler ones."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.companions import NO_PROGRAMS
from ..core.jaxpr import Atom, Eqn, Jaxpr, SilentLine, Var, programs_in, replace_eqn
from .cse import cse
from .rewrite import Builder, on_programs, over, rewritten


def inline(jaxpr: Jaxpr) -> Jaxpr:
    """Replace each equation that only calls a program (jit, checkpoint, rules) by that program.

    No derivative is asked for any more: a linear system is replaced by its solver, if it is staged.

    The equations of a ``checkpoint`` get a scope of their own: equations of different scopes are
    never merged, so that rematerialized values stay apart.
    """
    scopes = itertools.count(1)

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        return _expanded(build, eqn, scopes) if eqn.prim.holds is not NO_PROGRAMS else None

    return rewritten(jaxpr, step)


def _expanded(build: Builder, eqn: Eqn, scopes: Iterator[int]) -> Sequence[Atom] | None:
    """Add the equations of the program that is called; return the atoms of its outputs."""
    program, apart = _called(eqn)
    if program is None:
        return None
    scope = next(scopes) if apart else eqn.scope
    now: dict[Any, Atom] = dict(zip(program.invars, eqn.ins, strict=True))
    for inner in program.eqns:
        ins = over(inner, now)
        source = inner.source or eqn.source
        source = SilentLine(source) if eqn.in_quiet_block else source
        outs = tuple([Var(v.aval, now.get(v.of, v.of)) for v in inner.outs])
        copy = Eqn(inner.prim, ins, outs, inner.params, source, scope)
        found = _expanded(build, copy, scopes) if copy.prim.holds is not NO_PROGRAMS else None
        if found is None:
            build.add(copy)
        now.update(zip(inner.outs, outs if found is None else found, strict=True))
    return [now.get(a, a) for a in program.outvars]


def _called(eqn: Eqn) -> tuple[Any, bool]:
    """The program that takes the place of an equation, and whether to keep it apart."""
    holds = eqn.prim.holds
    if holds.inline is not None:
        return holds.inline(**eqn.params)  # type: ignore[no-any-return]
    return (None if holds.applied is None else holds.applied(**eqn.params)), False


def lower(jaxpr: Jaxpr) -> Jaxpr:
    """Replace equations by simpler ones, where their primitive has a ``lower`` rule."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        return _lowered(build, eqn) if _is_lowered(eqn) else None

    return rewritten(jaxpr, step)


def _is_lowered(eqn: Eqn) -> bool:
    """Whether the primitive of an equation has a rule for results of any size."""
    codegen = eqn.prim.codegen
    return codegen.lower is not None and not codegen.lower_from


def lower_large(jaxpr: Jaxpr) -> Jaxpr:
    """Replace equations by those that are faster in NumPy for large results."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        return _lowered(build, eqn) if _is_lowered_large(eqn) else None

    return cse(rewritten(on_programs(jaxpr, lower_large), step)) if _has_large(jaxpr) else jaxpr


def _has_large(jaxpr: Jaxpr) -> bool:
    """Whether a program, or one that it holds, has such an equation."""
    held = (program for eqn in jaxpr.eqns if eqn.params for program in programs_in(eqn.params))
    return any(map(_is_lowered_large, jaxpr.eqns)) or any(map(_has_large, held))


def _is_lowered_large(eqn: Eqn) -> bool:
    """Whether the primitive of an equation has a rule for results of at least its size."""
    codegen = eqn.prim.codegen
    return 0 < codegen.lower_from <= eqn.outs[0].aval.size if eqn.outs else False


def _lowered(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """Lower an equation, and the equations that this gives; None where no rule applies."""
    start = len(build.eqns)
    atom = build.by_rule(eqn, eqn.prim.codegen.lower, *eqn.ins, **eqn.params)
    if atom is None:
        return None
    now: dict[Any, Atom] = {}
    added = build.eqns[start:]
    del build.eqns[start:]
    for new in added:
        new = replace_eqn(new, over(new, now))
        found = _lowered(build, new) if _is_lowered(new) else None
        if found is None:
            build.add(new)
        else:
            now.update(zip(new.outs, found, strict=True))
    return [now.get(atom, atom)]
