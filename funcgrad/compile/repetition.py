"""Steps that a straight-line program repeats: those of a loop that Python unrolled.

Equations have equal kinds if they differ in their operands and in the integers of an index alone.
A period is a distance at which kinds repeat; in a run of steps all operands move regularly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.jaxpr import Eqn, Jaxpr, Literal
from ..ops.assign import add_at_p, set_at_p
from ..ops.index import getitem_p, scatter_add_p

SAVED = 2000  # equations, from which on a loop pays
STEPS = 8  # steps
LOOPS = 16  # the most that are looked for
MIX, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)  # of hashes: 2^64 / golden ratio
INDEXED = frozenset({getitem_p, scatter_add_p, set_at_p, add_at_p})


class Run(NamedTuple):
    """``length`` steps of ``period`` equations each, from the equation ``start`` on."""

    start: int
    period: int
    length: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.length


class Numbers:
    """The values of a program as numbers: those that equations define, in order, from 0 on.

    Inputs have negative numbers, and so have literals, one for each aval. ``first`` is the number
    of the first output of each equation, ``slot`` the place of its first operand in ``ins``.
    """

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.eqns = eqns = jaxpr.eqns
        self.outs = [v for eqn in eqns for v in eqn.outs]
        number: dict[Any, int] = {v: i for i, v in enumerate(self.outs)}
        self.number = number
        avals: dict[Any, int] = {}
        for v in (*jaxpr.constvars, *jaxpr.invars):
            number[v] = -1 - len(number)
        flat = [a for eqn in eqns for a in eqn.ins]
        below = -2 - len(number)
        for a in flat:
            if type(a) is Literal:
                number[a] = below - avals.setdefault(a.aval, len(avals))
        self.atoms: Sequence[Any] = flat
        self.ins = np.array([number[a] for a in flat], np.int64)
        self.slot = np.cumsum([0, *[len(eqn.ins) for eqn in eqns]])
        self.first = np.cumsum([0, *[len(eqn.outs) for eqn in eqns]])
        self.left = [number[a] for a in jaxpr.outvars if a in number]
        self.homes = np.full(len(self.outs), -1)  # the loop that defines each value

    def home(self, number: int) -> int:
        """The loop that defines a value, -1 for none."""
        return -1 if number < 0 else int(self.homes[number])

    def homes_of(self, rows: np.ndarray) -> np.ndarray:
        return np.where(rows < 0, -1, self.homes[np.maximum(rows, 0)])

    def makers(self, numbers: Sequence[int]) -> list[Eqn]:
        """The equations that define values."""
        return [self.eqns[i] for i in np.searchsorted(self.first, numbers, "right") - 1]

    def kinds(self) -> np.ndarray:
        """The kinds of equations, apart where they read inputs, or results of other kinds."""
        found = kinds(self.eqns).astype(np.uint64)
        if not self.ins.size:
            return found
        makers = np.searchsorted(self.first, self.ins, "right") - 1
        read = np.where(self.ins < 0, self.ins.astype(np.uint64), found[np.maximum(makers, 0)])
        count = np.diff(self.slot)
        place = np.arange(self.ins.size) - np.repeat(self.slot[:-1], count)
        mixed = (read + MIX) * (MIX + 2 * place.astype(np.uint64))
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed ^ (mixed >> SHIFT))])
        return found * MIX + total[self.slot[1:]] - total[self.slot[:-1]]

    def operands(self, run: Run) -> np.ndarray:
        """The numbers of all operands of the steps of a run, a row for each step."""
        return self.ins[self.slot[run.start] : self.slot[run.stop]].reshape(run.length, -1)


def kinds(eqns: Sequence[Eqn]) -> np.ndarray:
    """A number for each equation; equal ones differ in operands and integers of an index alone."""
    known: dict[Any, int] = {}
    found = []
    for eqn in eqns:
        key: Any = eqn.scope
        if key is None:
            params: Any = eqn.params
            if eqn.prim in INDEXED:
                params = {**params, "index": tuple([_kind_of_entry(e) for e in params["index"]])}
            avals = [v.aval for v in eqn.outs]
            key = (eqn.prim, len(eqn.ins), eqn.source, *avals, *params.values())
        try:
            found.append(known.setdefault(key, len(known)))
        except TypeError:  # a parameter that is not hashable
            found.append(known.setdefault(object(), len(known)))
    return np.array(found, np.int64)


def _kind_of_entry(entry: Any) -> Any:
    if type(entry) is not slice:
        return int if type(entry) is int else entry
    return "one" if is_one(entry) else (entry.start, entry.stop, entry.step)


def is_one(entry: Any) -> bool:
    """Whether an entry of an index is a slice of one element, ``i : i + 1``."""
    if type(entry) is not slice or entry.start is None or entry.stop is None:
        return False
    return entry.step in (None, 1) and entry.stop == entry.start + 1 and entry.start >= 0


def pays(run: Run, saved: int, parts: int = 0) -> bool:
    """Whether a loop saves so many equations, in front of which each step adds some."""
    return run.length >= STEPS and (run.length - 1) * run.period - run.length * parts >= saved


def repeated(found: np.ndarray, saved: int) -> list[Run]:
    """Runs of equations whose kinds repeat, and that pay, in the order of the program."""
    found = found.copy()
    runs: list[Run] = []
    while len(runs) < LOOPS:
        options = [_runs(found, period, saved) for period in _periods(found)]
        best = max(options, key=_saved, default=[])
        if not best:
            break
        for run in best:
            runs.append(run)
            places = slice(run.start, run.stop)
            found[places] = np.arange(run.start, run.stop)  # which are equal to no other
    return sorted(runs)


def _saved(runs: Sequence[Run]) -> int:
    return sum((run.length - 1) * run.period for run in runs)


def _periods(found: np.ndarray) -> list[int]:
    """Distances at which sequences of equal kinds recur most often."""
    periods: dict[int, None] = {}
    window, length = found, 1
    while length < len(found) // STEPS:
        order = np.argsort(window, kind="stable")
        gaps = np.diff(order)[window[order[1:]] == window[order[:-1]]]
        if not gaps.size:
            break
        counts = np.bincount(gaps)
        often = np.argsort(counts * np.arange(len(counts)))[-2:]
        periods.update(dict.fromkeys(often.tolist()))
        mixed = window[:-length] * MIX + window[length:]
        window, length = mixed ^ (mixed >> SHIFT), 2 * length
    return [period for period in periods if period]


def _runs(found: np.ndarray, period: int, saved: int) -> list[Run]:
    """The longest runs of equal kinds at a distance."""
    equal = found[period:] == found[:-period]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
    runs = [Run(a, period, (b - a) // period + 1) for a, b in edges.reshape(-1, 2).tolist()]
    return [run for run in runs if pays(run, saved)]


def regular(run: Run, rows: np.ndarray, homes: np.ndarray) -> Run | None:
    """The longest part of a run whose operands all move by the same distance at each step.

    Args:
        rows: numbers of the operands, a row for each step.
        homes: numbers of the loops that define these, -1 for none.
    """
    moves = np.diff(rows, axis=0)
    same = np.all(moves[1:] == moves[:-1], axis=1) & np.all(homes[2:] == homes[1:-1], axis=1)
    same &= np.all(homes[1:-1] == homes[:-2], axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]))).reshape(-1, 2)
    if not edges.size:
        return None
    start, stop = edges[np.argmax(edges[:, 1] - edges[:, 0])].tolist()
    return Run(run.start + start * run.period, run.period, stop - start + 2)
