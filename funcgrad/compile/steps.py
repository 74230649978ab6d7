"""A run of equal steps as a scan: the program of one step, and the sources of its operands.

Operands are constants, values of this step or of steps before (the carry), and rows: of arrays that
the program indexes by integers, and of values that another loop has left at each of its steps.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import Aval
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, replace_eqn
from ..core.registry import primitives
from ..ops.assign import add_at_p, set_at_p
from ..ops.elementwise import pow
from ..ops.index import ARRAY, Index, getitem_p
from ..ops.structure import broadcast_p, reshape_p
from .repetition import INDEXED, Numbers, Run, is_one
from .rewrite import Builder

BACK = 4  # steps that a carry reaches back, at most
SPARE = 1 << 24  # bytes of rows that nothing reads


class IrregularError(Exception):
    """Raised where the steps of a run are not those of a loop."""


class Rows(NamedTuple):
    """Values that another part of the program defines, one for each step."""

    first: int
    move: int


class Row(NamedTuple):
    """``x[entries]`` with the integer at ``place`` of the index, one for each step."""

    x: Any
    entries: Index
    place: int
    integers: tuple[int, ...]


class Scalars(NamedTuple):
    """Scalars of one dtype, one for each step."""

    values: tuple[Any, ...]
    dtype: np.dtype


def row_of(made: Sequence[Eqn]) -> Row | None:
    """The rows that values are, if their equations read one array, each by an integer."""
    x = made[0].ins[0] if made[0].ins else None
    for eqn in made:
        if eqn.prim is not getitem_p or len(eqn.ins) > 1 or eqn.ins[0] is not x:
            return None
        if len(eqn.params["index"]) != 1 or type(eqn.params["index"][0]) is not int:
            return None
    return Row(x, Index((ARRAY,)), 0, tuple([eqn.params["index"][0] for eqn in made]))


def without_axis(aval: Aval, row: Row) -> Aval:
    """The aval of a row, of that of a slice of one row."""
    axis = sum(e is None or type(e) is slice for e in row.entries[: row.place])
    return Aval((*aval.shape[:axis], *aval.shape[axis + 1 :]), aval.dtype)


class Loop:
    """A run of steps as a scan: the program of one step, with its operands."""

    def __init__(self, numbers: Numbers, run: Run, rows: np.ndarray) -> None:
        self.numbers, self.run, self.rows = numbers, run, rows
        self.base = int(numbers.first[run.start])
        self.width = int(numbers.first[run.start + run.period]) - self.base
        self.eqns: list[Eqn] = []
        self.now: dict[int, Var] = {}  # values of this step, by number
        self.back: dict[int, list[Var]] = {}  # values of steps before, by number in the first step
        self.consts: dict[Any, Var] = {}
        self.xs: dict[Any, Var] = {}
        self.ys: dict[int, Var] = {}
        self.last: dict[int, Any] = {}
        self.read: dict[int, Atom] = {}
        self.parts = 0  # rows that are joined from values
        slot = 0
        for j in range(run.period):
            eqn = numbers.eqns[run.start + j]
            self._step(eqn, j, slot)
            slot += len(eqn.ins)
        for offset, chain in self.back.items():
            for k in range(len(chain)):
                before = numbers.outs[self.base + offset - (k + 1) * self.width]
                if before.aval != chain[k].aval:
                    raise IrregularError

    # the program of a step

    def _step(self, eqn: Eqn, j: int, slot: int) -> None:
        """Add an equation of the first step."""
        first = int(self.numbers.first[self.run.start + j])
        outs = tuple([Var(v.aval) for v in eqn.outs])
        moved = self._integers(j) if eqn.prim in INDEXED else {}
        if moved and eqn.prim is getitem_p and self._is_row(eqn, slot, moved):
            ((place, integers),) = moved.items()
            index = list(eqn.params["index"])
            is_slice, index[place] = type(index[place]) is slice, ARRAY
            row = Row(eqn.ins[0], Index(index), place, integers)
            x = self._given(row, Var(without_axis(outs[0].aval, row) if is_slice else outs[0].aval))
            if x.aval != outs[0].aval:
                params = {"shape": outs[0].aval.shape}
                self.eqns.append(Eqn(reshape_p, (x,), outs, params, eqn.source))
                x = outs[0]
            self.now[first] = x
            return
        ins = [self._operand(a, slot + k, eqn) for k, a in enumerate(eqn.ins)]
        if moved:
            self._indexed(eqn, ins, moved, outs[0])
        else:
            self.eqns.append(replace_eqn(eqn, tuple(ins), outs))
        self.now.update(zip(range(first, first + len(outs)), outs, strict=True))

    def _operand(self, atom: Atom, slot: int, eqn: Eqn) -> Atom:
        column = self.rows[:, slot]
        first, move = int(column[0]), int(column[1] - column[0])
        if type(atom) is Literal:
            return self._literal(atom, slot, eqn)
        if not move:
            return self.consts.setdefault(atom, Var(atom.aval))
        back = -((first - self.base) // self.width)
        if move == self.width and back <= BACK and self.numbers.home(first) < 0:
            if back <= 0:
                return self.now[first]
            return self._carried(first - self.base + back * self.width, back)
        if first < 0 or max(first, int(column[-1])) >= self.base:
            raise IrregularError
        return self._other(Rows(first, move), column.tolist(), atom.aval)

    def _other(self, key: Rows, found: list[int], aval: Aval) -> Var:
        """A value that another part of the program defines."""
        outs = self.numbers.outs
        if key not in self.xs:
            if any(outs[n].aval != aval for n in found):
                raise IrregularError
            if self.numbers.home(key.first) < 0 and row_of(self.numbers.makers(found)) is None:
                self.parts += 1
        return self._given(key, Var(aval))

    def _literal(self, atom: Literal, slot: int, eqn: Eqn) -> Atom:
        numbers, width = self.numbers, self.rows.shape[1]
        start = int(numbers.slot[self.run.start]) + slot
        stop = start + self.run.length * width
        values = [a.value for a in numbers.atoms[start:stop:width]]
        if all(v is values[0] or repr(v) == repr(values[0]) for v in values):
            return atom
        dtype = atom.aval.dtype
        if atom.aval.weak:
            others = [a.aval.dtype for a in eqn.ins if not a.aval.weak]
            if not others or eqn.prim is pow:  # which is written by its exponent
                raise IrregularError
            dtype = np.result_type(*others, values[0])
        x = self._given(Scalars(tuple(values), dtype), Var(Aval((), dtype)))
        avals = [x.aval if a is atom else a.aval for a in eqn.ins]
        if list(eqn.prim.infer(*avals, **eqn.params)) != [v.aval for v in eqn.outs]:
            raise IrregularError
        return x

    def only_views(self) -> bool:
        """Whether a step computes nothing."""
        return all(eqn.prim.codegen.is_view for eqn in self.eqns)

    def _carried(self, offset: int, back: int) -> Var:
        """The value with this offset in a step, so many steps before."""
        chain = self.back.setdefault(offset, [])
        while len(chain) < back:
            chain.append(Var(self.numbers.outs[self.base + offset].aval))
        return chain[back - 1]

    def _given(self, key: Any, new: Var) -> Var:
        return self.xs.setdefault(key, new)

    # indices that move

    def _integers(self, j: int) -> dict[int, tuple[int, ...]]:
        """The places of an index whose integer moves, with the integers of all steps."""
        run, eqns = self.run, self.numbers.eqns
        found = {}
        steps = [e.params["index"] for e in eqns[run.start + j : run.stop : run.period]]
        for place, entry in enumerate(steps[0]):
            if type(entry) is int or is_one(entry):
                at = [e[place].start if type(entry) is slice else e[place] for e in steps]
                if at.count(at[0]) < len(at):
                    found[place] = tuple(at)
        return found

    def _is_row(self, eqn: Eqn, slot: int, moved: Mapping[int, Any]) -> bool:
        column = self.rows[:, slot]
        return (
            len(eqn.ins) == 1 == len(moved) and type(eqn.ins[0]) is Var and column[0] == column[1]
        )

    def _indexed(self, eqn: Eqn, ins: Sequence[Atom], moved: Mapping[int, Any], out: Var) -> None:
        """Add an equation with integers of its index as operands."""
        plain = 2 if eqn.prim in (set_at_p, add_at_p) else 1
        arrays, entries, given = iter(ins[plain:]), [], list(ins[:plain])
        axes: list[int] = []  # of length 1, which slices of one row keep
        rank = 0
        for place, entry in enumerate(eqn.params["index"]):
            if place in moved:
                key = Scalars(moved[place], np.dtype(np.intp))
                given.append(self._given(key, Var(Aval((), key.dtype))))
                axes += [rank] if type(entry) is slice else []
            elif entry is ARRAY:
                given.append(next(arrays))
            rank += entry is None or type(entry) is slice
            entries.append(ARRAY if place in moved else entry)
        params = {**eqn.params, "index": Index(entries)}
        if axes and (plain < len(ins) or (eqn.prim is not getitem_p and plain == 2)):
            raise IrregularError
        if axes and eqn.prim is not getitem_p:
            given[0] = self._reshaped(given[0], axes, eqn.source)
        (aval,) = eqn.prim.infer(*[a.aval for a in given], **params)
        made = out if aval == out.aval else Var(aval)
        self.eqns.append(replace_eqn(eqn, tuple(given), (made,), params))
        if made is not out:
            self.eqns.append(Eqn(reshape_p, (made,), (out,), {"shape": out.aval.shape}, eqn.source))

    def _reshaped(self, x: Atom, axes: Sequence[int], source: str) -> Var:
        """A value without axes of length 1."""
        shape = tuple([n for d, n in enumerate(x.aval.shape) if d not in axes])
        out = Var(Aval(shape, x.aval.dtype))
        self.eqns.append(Eqn(reshape_p, (x,), (out,), {"shape": shape}, source))
        return out

    # the equations around it

    def plan(self, uses: np.ndarray) -> None:
        """Decide which values leave the loop, by the numbers that are read outside."""
        count, width, outs = self.run.length, self.width, self.numbers.outs
        finals = {
            self.base + (count - k - 1) * width + offset
            for offset, chain in self.back.items()
            for k in range(len(chain))
        }
        spare = 0
        for offset in np.unique((uses - self.base) % width).tolist():
            used = uses[(uses - self.base) % width == offset]
            value = outs[self.base + offset]
            if finals.issuperset(used.tolist()):
                continue
            final = self.base + (count - 1) * width + offset
            if used.tolist() == [final] and not value.aval.weak:
                self.last[final] = None
                continue
            self.ys[offset] = value
            spare += (count - len(used)) * value.aval.size * value.aval.dtype.itemsize
        if spare > SPARE:
            raise IrregularError

    def emit(self, build: Builder, value: Callable, stacked: Callable) -> None:
        """Add the scan, and the equations that make its operands.

        ``value`` gives a value in the new program, ``stacked`` the array of an operand's rows.
        """
        numbers, width = self.numbers, self.width
        inits, carry, following = [], [], []
        for offset, chain in self.back.items():
            at = self.base + offset
            carry += chain
            inits += [value(numbers.outs[at - (k + 1) * width]) for k in range(len(chain))]
            following += [self.now[at], *chain[:-1]]
        for final in self.last:
            made = self.now[self.base + (final - self.base) % width]
            carry.append(Var(made.aval))
            zero = made.aval.dtype.type(0)
            shape = made.aval.shape
            inits.append(build(broadcast_p, zero, shape=shape, axes=tuple(range(len(shape)))))
            following.append(made)
        consts = [value(a) for a in self.consts]
        xs = [stacked(key, self.run.length, v.aval) for key, v in self.xs.items()]
        ys = [self.now[self.base + offset] for offset in self.ys]
        invars = (*self.consts.values(), *carry, *self.xs.values())
        body = Jaxpr(invars, (), tuple(self.eqns), (*following, *ys))
        params = {
            "length": self.run.length, "reverse": False, "jaxpr": body,
            "num_consts": len(consts), "num_carry": len(carry),
        }  # fmt: skip
        scan, ins = primitives["scan"], (*consts, *inits, *xs)
        outs = tuple(map(Var, scan.infer(*(a.aval for a in ins), **params)))
        build.add(Eqn(scan, ins, outs, params, numbers.eqns[self.run.start].source))
        self._take(outs)

    def _take(self, outs: Sequence[Var]) -> None:
        """Note which value each output of the scan is."""
        found = iter(outs)
        for offset, chain in self.back.items():
            for k in range(len(chain)):
                self.read[self.base + (self.run.length - k - 1) * self.width + offset] = next(found)
        for final in self.last:
            self.read[final] = next(found)
        self.ys = dict(zip(self.ys, found, strict=True))

    def value(self, build: Builder, number: int) -> Atom:
        """A value that leaves the loop."""
        if number not in self.read:
            step, offset = divmod(number - self.base, self.width)
            self.read[number] = build(getitem_p, self.ys[offset], index=Index((step,)))
        return self.read[number]
