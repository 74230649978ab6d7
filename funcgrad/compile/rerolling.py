"""Loops that Python unrolled, rolled into scans again.

A program of 1,000 equal steps compiles in a third of the time, most of which is its trace.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, replace_eqn
from ..ops.constant import Array, constant_p
from ..ops.index import ARRAY, Index, concatenate_p, getitem_p
from ..ops.structure import reshape_p, transpose_p
from .repetition import SAVED, STEPS, Numbers, Run, pays, regular, repeated
from .rewrite import Builder
from .steps import IrregularError, Loop, Row, Scalars, row_of


def reroll(jaxpr: Jaxpr) -> Jaxpr:
    """Replace long runs of equal steps by scans."""
    return rolled(jaxpr, SAVED)


def rolled(jaxpr: Jaxpr, saved: int, widest: float = math.inf) -> Jaxpr:
    """Replace runs of equal steps by scans.

    Args:
        saved: the fewest equations for which a loop pays.
        widest: the most elements of a value of a step.
    """
    numbers = Numbers(jaxpr)
    runs = [run for run in repeated(numbers.kinds(), saved) if _width(jaxpr, run) <= widest]
    return Rerolling(jaxpr, numbers, saved).over(runs) if runs else jaxpr


def _width(jaxpr: Jaxpr, run: Run) -> int:
    """The most elements of a value of the first step."""
    step = jaxpr.eqns[run.start : run.start + run.period]
    return max((v.aval.size for eqn in step for v in eqn.outs), default=0)


class Rerolling:
    """A program whose runs of equal steps become loops."""

    def __init__(self, jaxpr: Jaxpr, numbers: Numbers, saved: int) -> None:
        self.jaxpr, self.numbers, self.saved, self.build = jaxpr, numbers, saved, Builder()
        self.loops: list[Loop] = []

    def over(self, runs: Sequence[Run]) -> Jaxpr:
        """The program with loops for these runs."""
        for run in runs:
            self._roll(run)
        try:
            for loop in self.loops:
                loop.plan(self._uses(loop))
        except IrregularError:
            return self.jaxpr
        if not self.loops:
            return self.jaxpr
        place, eqns = 0, self.jaxpr.eqns
        for loop in self.loops:
            self._keep(eqns[place : loop.run.start])
            loop.emit(self.build, self.value, self.stacked)
            place = loop.run.stop
        self._keep(eqns[place:])
        outvars = tuple(map(self.value, self.jaxpr.outvars))
        return Jaxpr(self.jaxpr.invars, self.jaxpr.constvars, tuple(self.build.eqns), outvars)

    def _roll(self, run: Run) -> None:
        """Make a loop of the regular part of a run, if there is one."""
        rows = self.numbers.operands(run)
        part = regular(run, rows, self.numbers.homes_of(rows))
        for _ in range(2):
            if part is None or not pays(part, self.saved):
                return
            skipped = (part.start - run.start) // run.period
            try:
                loop = Loop(self.numbers, part, rows[skipped : skipped + part.length])
            except IrregularError:  # the first step may be another
                part = Run(part.start + part.period, part.period, part.length - 1)
                continue
            if pays(part, self.saved, loop.parts) and not loop.only_views():
                first = self.numbers.first
                self.numbers.homes[first[part.start] : first[part.stop]] = len(self.loops)
                self.loops.append(loop)
            return

    def _uses(self, loop: Loop) -> np.ndarray:
        """The numbers of the values of a loop that the program reads outside of it."""
        numbers, run = self.numbers, loop.run
        start, stop = numbers.slot[run.start], numbers.slot[run.stop]
        read = np.concatenate([numbers.ins[:start], numbers.ins[stop:], numbers.left])
        mine = (read >= loop.base) & (read < loop.base + run.length * loop.width)
        return np.unique(read[mine].astype(np.int64))

    def value(self, atom: Atom) -> Atom:
        """A value in the new program."""
        if type(atom) is Literal:
            return atom
        number = self.numbers.number[atom]
        home = self.numbers.home(number)
        return atom if home < 0 else self.loops[home].value(self.build, number)

    def _keep(self, eqns: Sequence[Eqn]) -> None:
        for eqn in eqns:
            ins = tuple(map(self.value, eqn.ins))
            self.build.source, self.build.scope = eqn.source, eqn.scope
            if eqn.prim is concatenate_p and len(ins) >= STEPS and eqn.params["axis"] == 0:
                ins = self._joined(eqn, ins)
            same = all(a is b for a, b in zip(ins, eqn.ins, strict=True))
            self.build.add(eqn if same else replace_eqn(eqn, ins))

    # rows

    def stacked(self, key: Any, count: int, aval: Aval) -> Atom:
        """The array whose rows are the operands of the steps of a loop."""
        if type(key) is Scalars:
            return self.build(constant_p, array=Array(np.array(key.values, key.dtype)))
        if type(key) is Row:
            return self._rows(self._at_front(self.value(key.x), key), key.integers)
        found = range(key.first, key.first + count * key.move, key.move)
        return self._left(found) or self._read(found) or self._stack(found, aval)

    def _at_front(self, x: Atom, row: Row) -> Atom:
        """An array from which all but one entry of an index are read, that axis in front."""
        before = row.entries[: row.place]
        entries = [*before, slice(None), *row.entries[row.place + 1 :]]
        x = self.build(getitem_p, x, index=Index(entries))
        axis = sum(e is None or type(e) is slice for e in before)
        others = [d for d in range(x.aval.ndim) if d != axis]
        return self.build(transpose_p, x, perm=(axis, *others)) if axis else x

    def _rows(self, x: Atom, places: Sequence[int]) -> Atom:
        """Rows of an array, by a slice where their distances are equal."""
        length = x.aval.shape[0]
        places = [i + length if i < 0 else i for i in places]
        step = places[1] - places[0] if len(places) > 1 else 1
        if step and list(places) == list(
            range(places[0], places[-1] + (1 if step > 0 else -1), step)
        ):
            stop = places[-1] + step
            index = slice(places[0], None if stop < 0 else stop, step)
            whole = (places[0], places[-1], step) == (0, length - 1, 1)
            return x if whole else self.build(getitem_p, x, index=Index((index,)))
        numbers = self.build(constant_p, array=Array(np.array(places)))
        return self.build(getitem_p, x, numbers, index=Index((ARRAY,)))

    def _left(self, found: Sequence[int]) -> Atom | None:
        """Values that a loop has left at its steps."""
        if self.numbers.home(found[0]) < 0:
            return None
        loop = self.loops[self.numbers.home(found[0])]
        steps = [divmod(n - loop.base, loop.width) for n in found]
        (_, offset), *_ = steps
        if offset not in loop.ys or any(o != offset for _, o in steps):
            return None
        return self._rows(loop.ys[offset], [step for step, _ in steps])

    def _read(self, found: Sequence[int]) -> Atom | None:
        row = row_of(self.numbers.makers(found))
        return None if row is None else self._rows(self.value(row.x), row.integers)

    def _stack(self, found: Sequence[int], aval: Aval) -> Atom:
        build, shape = self.build, (1, *aval.shape)
        parts = [build(reshape_p, self.value(self.numbers.outs[n]), shape=shape) for n in found]
        return build(concatenate_p, *parts, axis=0)

    def _joined(self, eqn: Eqn, ins: Sequence[Atom]) -> tuple[Atom, ...]:
        """The operands of a concatenation; consecutive rows that a loop has left are one."""
        found: list[tuple[Any, list[Any]]] = []
        numbers = [self.numbers.number[a] if type(a) is Var else -1 for a in eqn.ins]
        for atom, number in zip(ins, numbers, strict=True):
            place = None if number < 0 else self._place(self.numbers.makers([number])[0])
            last = found[-1] if found else (None, [])
            if place is not None and last[0] == place[:2] and _goes_on(last[1], place[2]):
                last[1].append(place[2])
            elif place is not None:
                found.append((place[:2], [place[2]]))
            else:
                found.append((None, [atom]))
        joined: list[Atom] = []
        for key, values in found:
            joined += values if key is None else [self._rows(self.loops[key[0]].ys[key[1]], values)]
        return tuple(joined)

    def _place(self, eqn: Eqn) -> tuple[int, int, int] | None:
        """Loop, offset and step of a value that an equation makes a row."""
        if eqn.prim is not reshape_p or type(eqn.ins[0]) is not Var:
            return None
        if eqn.outs[0].aval.shape != (1, *eqn.ins[0].aval.shape):
            return None
        number = self.numbers.number[eqn.ins[0]]
        home = self.numbers.home(number)
        if home < 0:
            return None
        step, offset = divmod(number - self.loops[home].base, self.loops[home].width)
        return (home, offset, step) if offset in self.loops[home].ys else None


def _goes_on(steps: Sequence[int], step: int) -> bool:
    """Whether a step follows steps in their direction."""
    move = step - steps[-1]
    return move in (1, -1) and (len(steps) == 1 or move == steps[-1] - steps[-2])
