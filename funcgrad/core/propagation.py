"""On which elements of a program's inputs each element of its values depends, with a derivative.

The rules are those of primitives, see ``Dependence`` in ``companions.py``. A value that depends on
no input is computed where it can be, because an index or a constant factor may decide.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .avals import Aval, aval_of, is_inexact
from .companions import NO_PROGRAMS, Dependence
from .dead_code import dce
from .effects import without_effects
from .index_sets import IndexSets, TooManyError, full_sets
from .jaxpr import Eqn, Jaxpr, Literal
from .trace import Primitive, Tracer

UNKNOWN: Any = type("UNKNOWN", (), {"__repr__": lambda self: "unknown"})()


class Operand(NamedTuple):
    """A value of a program.

    Args:
        aval: its shape and dtype.
        sets: the inputs on which its elements depend; None: on none.
        value: its value, if it is known.
        support: sets that are not empty where an element may differ from 0; None: all may.
    """

    aval: Aval
    sets: IndexSets | None = None
    value: Any = UNKNOWN
    support: IndexSets | None = None

    @property
    def is_known(self) -> bool:
        return self.value is not UNKNOWN

    @property
    def nonzero(self) -> np.ndarray | None:
        """The mask of elements that may differ from 0; None: all may."""
        if self.is_known:
            found = np.not_equal(self.value, 0)
        elif self.support is not None:
            found = self.support.filled
        else:
            return None
        return None if found.all() else found

    def mapped(self, aval: Aval, change: Callable[[IndexSets], IndexSets]) -> "Operand":
        """Another value, whose sets are those of this one changed."""
        sets, support = self.sets, self.support
        return Operand(aval, sets and change(sets), support=support and change(support))

    def unknown(self) -> "Operand":
        """The operand without its value."""
        support = self.support
        if self.is_known and (found := self.nonzero) is not None:
            support = full_sets(self.aval.shape).where(found)
        return self._replace(value=UNKNOWN, support=support)


def known(value: Any, aval: Aval) -> Operand:
    """An operand with a value."""
    return Operand(aval, None, value)


def constant(x: Any) -> Operand:
    """A constant of a program; a value under a transform is not known."""
    return Operand(aval_of(x)) if isinstance(x, Tracer) else known(x, aval_of(x))


class Propagation:
    """One walk over a program and those that it holds.

    Args:
        decompose: prim, avals, params -> the program of simpler primitives of one that has no
            rule, and the values of its first operands.
        steps: equations that loops may take one step at a time.
    """

    def __init__(self, decompose: Callable[..., Any], steps: int) -> None:
        self.decompose, self.steps = decompose, steps
        self.dense: dict[str, None] = {}  # equations that depend on more than they read
        self.depth = 0  # of rules of functions that are followed

    def affords(self, steps: int) -> bool:
        """Whether so many equations of loops may be followed one by one."""
        return steps <= self.steps

    def spends(self, steps: int) -> bool:
        """Whether they may, and if so count them."""
        if not self.affords(steps):
            return False
        self.steps -= steps
        return True

    def run(self, jaxpr: Jaxpr, ins: Sequence[Operand]) -> list[Operand]:
        """The outputs of a program without constants."""
        program = dce(without_effects(jaxpr))
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
        outs = list(map(Operand, avals))
        if all(x.sets is None and x.support is None for x in ins):
            return _computed(eqn, ins, avals)
        if eqn.prim.holds.depend_through is not None:
            outs = eqn.prim.holds.depend_through(self, ins, avals, **eqn.params)
        elif eqn.prim.differentiable:
            try:
                if any(x.sets is not None for x in ins):
                    outs = list(map(Operand, avals, self.sets(eqn, ins, avals)))
                if eqn.prim.dependence.makes_zeros or any(_has_zeros(x) for x in ins):
                    outs = _supported(eqn, ins, outs)
            except TooManyError as err:
                raise err.at(_place(eqn)) from None
        return [x if is_inexact(x.aval.dtype) else Operand(x.aval, None, x.value) for x in outs]

    def sets(self, eqn: Eqn, ins: Sequence[Operand], avals: Sequence[Aval]) -> Sequence[Any]:
        """The sets of the outputs of an equation, by the rule of its primitive."""
        prim, params = eqn.prim, eqn.params
        if prim.dependence.depend is not None:
            if prim.dependence.is_dense or _reads_unknown(prim.dependence, ins):
                self.note(eqn)
            return prim.dependence.depend(ins, avals, **params)
        if prim.decompose is not None and prim.holds is NO_PROGRAMS:
            return [x.sets for x in self.decomposed(prim, ins, params)]
        self.note(eqn)
        return dense(ins, avals)

    def decomposed(
        self, prim: Primitive, ins: Sequence[Operand], params: dict[str, Any]
    ) -> list[Operand]:
        """The outputs of an operation by those that it is made of."""
        program, consts = self.decompose(prim, [x.aval for x in ins], params)
        return self.run(program, [*map(constant, consts), *ins])

    def note(self, eqn: Eqn) -> None:
        """Note an equation whose results may depend on less than their sets say."""
        self.dense[_place(eqn)] = None


def _place(eqn: Eqn) -> str:
    """An operation and its line."""
    return f"{eqn.prim.name} at {eqn.line}" if eqn.line else eqn.prim.name


def _has_zeros(x: Operand) -> bool:
    """Whether some elements of an operand are known to be 0."""
    return x.support is not None or (x.is_known and x.aval.shape != () and x.nonzero is not None)


def _reads_unknown(rule: Dependence, ins: Sequence[Operand]) -> bool:
    """Whether an index among the operands is data."""
    return rule.reads_indices and any(not x.is_known and x.aval.dtype.kind in "iu" for x in ins[1:])


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


def _supported(eqn: Eqn, ins: Sequence[Operand], outs: list[Operand]) -> list[Operand]:
    """The outputs with support, where they are linear in operands that have it or depend."""
    own = frozenset(i for i, x in enumerate(ins) if x.support is not None)
    own = own or frozenset(i for i, x in enumerate(ins) if x.sets is not None)
    linear = lambda places: eqn.prim.is_linear(places, **eqn.params)
    own = own if linear(own) else frozenset((min(own),))  # the others are factors
    if not linear(own) or eqn.prim.dependence.depend is None:
        return outs
    own |= {i for i in range(len(ins)) if i not in own and linear(own | {i})}
    given = [
        x._replace(sets=x.unknown().support or full_sets(x.aval.shape), support=None)
        if i in own
        else x._replace(sets=None)
        for i, x in enumerate(ins)
    ]
    found = eqn.prim.dependence.depend(given, [x.aval for x in outs], **eqn.params)
    kept = [s or full_sets(x.aval.shape).where(False) for x, s in zip(outs, found, strict=True)]
    # where an input has an influence, a support that is full says nothing
    return [x._replace(support=None if x.sets is not None and s.filled.all() else s)
            for x, s in zip(outs, kept, strict=True)]  # fmt: skip


def united(values: Sequence[Operand]) -> Operand:
    """One of several values of one shape, of which it is not known which."""
    aval = values[0].aval
    found = [x.sets for x in values if x.sets is not None]
    sets = found[0].union(found[1:], aval.shape) if found else None
    support = [x.unknown().support for x in values]
    first, *rest = support
    if first is None or any(s is None for s in rest):
        return Operand(aval, sets)
    return Operand(aval, sets, support=first.union([s for s in rest if s], aval.shape))


def dense(ins: Sequence[Operand], avals: Sequence[Aval]) -> list[IndexSets | None]:
    """Each element of the outputs depends on all elements of the operands."""
    whole = [x.sets.united(tuple(range(x.aval.ndim))) for x in ins if x.sets is not None]
    return [whole[0].union(whole[1:], a.shape) if whole else None for a in avals]
