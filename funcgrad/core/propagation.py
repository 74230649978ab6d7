"""On which elements of a program's inputs each element of its values depends, with a derivative.

The rules are those of primitives, see ``Dependence`` in ``companions.py``. A value that depends on
no input is computed where it can be, because an index or a constant factor may decide.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .avals import Aval, aval_of, is_inexact
from .companions import NO_PROGRAMS
from .dead_code import dce
from .index_sets import IndexSets
from .jaxpr import Eqn, Jaxpr, Literal
from .trace import Tracer

UNKNOWN: Any = type("UNKNOWN", (), {"__repr__": lambda self: "unknown"})()


class Operand(NamedTuple):
    """A value of a program: the inputs that it depends on, if any, and its value, if known."""

    aval: Aval
    sets: IndexSets | None = None
    value: Any = UNKNOWN

    @property
    def is_known(self) -> bool:
        return self.value is not UNKNOWN


def known(value: Any, aval: Aval) -> Operand:
    """An operand with a value."""
    return Operand(aval, None, value)


def constant(x: Any) -> Operand:
    """A constant of a program; a value under a transform is not known."""
    return Operand(aval_of(x)) if isinstance(x, Tracer) else known(x, aval_of(x))


class Propagation:
    """One walk over a program and those that it holds.

    Args:
        decompose: prim, avals, params -> the program of simpler primitives of one without a rule,
            and the values of its first operands; or None.
        steps: equations that loops may take one step at a time.
    """

    def __init__(self, decompose: Callable[..., Any], steps: int) -> None:
        self.decompose, self.steps = decompose, steps
        self.dense: dict[str, None] = {}  # the equations without a rule, and their lines

    def run(self, jaxpr: Jaxpr, ins: Sequence[Operand]) -> list[Operand]:
        """The outputs of a program without constants."""
        program = dce(jaxpr)
        last: dict[Any, int] = {a: i for i, eqn in enumerate(program.eqns) for a in eqn.ins}
        kept = set(program.outvars)
        env: dict[Any, Operand] = dict(zip(program.invars, ins, strict=True))
        for i, eqn in enumerate(program.eqns):
            outs = self.apply(eqn, [_read(env, atom) for atom in eqn.ins])
            env.update(zip(eqn.outs, outs, strict=True))
            for atom in {*eqn.ins, *eqn.outs}:
                if last.get(atom, i) == i and atom not in kept:
                    env.pop(atom, None)
        return [_read(env, atom) for atom in program.outvars]

    def apply(self, eqn: Eqn, ins: Sequence[Operand]) -> list[Operand]:
        """The outputs of an equation."""
        avals = [v.aval for v in eqn.outs]
        if all(x.sets is None for x in ins) and eqn.prim.holds.depend_through is None:
            return _computed(eqn, ins, avals)
        if eqn.prim.holds.depend_through is not None:
            outs = eqn.prim.holds.depend_through(self, ins, avals, **eqn.params)
        elif not eqn.prim.differentiable:
            outs = list(map(Operand, avals))
        else:
            outs = list(map(Operand, avals, self.sets(eqn, ins, avals)))
        return [x if is_inexact(x.aval.dtype) else x._replace(sets=None) for x in outs]

    def sets(self, eqn: Eqn, ins: Sequence[Operand], avals: Sequence[Aval]) -> Sequence[Any]:
        """The sets of the outputs of an equation, by the rule of its primitive."""
        prim, params = eqn.prim, eqn.params
        if prim.dependence.depend is not None:
            return prim.dependence.depend(ins, avals, **params)
        simpler = None
        if prim.holds is NO_PROGRAMS:
            simpler = self.decompose(prim, [x.aval for x in ins], params)
        if simpler is not None:
            program, consts = simpler
            return [x.sets for x in self.run(program, [*map(constant, consts), *ins])]
        self.dense[f"{prim.name} at {eqn.source or 'an unknown line'}"] = None
        return dense(ins, avals)


def _read(env: dict[Any, Operand], atom: Any) -> Operand:
    return known(atom.value, atom.aval) if type(atom) is Literal else env[atom]


def _computed(eqn: Eqn, ins: Sequence[Operand], avals: Sequence[Aval]) -> list[Operand]:
    """The outputs of an equation on which no input has an influence; their values if known."""
    if all(x.is_known for x in ins):
        try:
            with np.errstate(all="ignore"):
                return list(map(known, eqn.prim.run(*[x.value for x in ins], **eqn.params), avals))
        except (ArithmeticError, ValueError, IndexError):  # of a branch that does not run, say
            pass
    return list(map(Operand, avals))


def dense(ins: Sequence[Operand], avals: Sequence[Aval]) -> list[IndexSets | None]:
    """Each element of the outputs depends on all elements of the operands."""
    first, *rest = [x.sets.united(tuple(range(x.aval.ndim))) for x in ins if x.sets is not None]
    return [first.union(rest, a.shape) for a in avals]
