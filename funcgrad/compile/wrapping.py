"""Rolls of one array as slices of one array with wrapped ends.

Each roll is a copy, and its derivative another. Where several are needed, the array is copied once,
with its ends beside it, and the rolls are views.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Axes
from ..core.companions import Codegen
from ..core.jaxpr import Atom, Eqn, Jaxpr
from ..core.trace import Primitive
from ..ops.assign import add_at_p
from ..ops.elementwise import add
from ..ops.index import Index, concatenate_p, getitem_p
from .index_rules import filled_axis
from .rewrite import Builder, rewritten
from .statements import Statements
from .text import index as index_text
from .values import Value

ALONG_FIRST, SEVERAL = (
    2,
    5,
)  # rolls from which wrapped ends pay, along the first axis alone, and else


class Wrapped(Primitive, Codegen):
    """The operand, with ``before`` and ``after`` elements of the other end beside each axis."""

    differentiable = False

    @override
    def run(self, x: Any, *, before: Axes, after: Axes) -> tuple[Any, ...]:
        return (np.pad(x, tuple(zip(before, after, strict=True)), "wrap"),)

    @override
    def infer(self, x: Aval, *, before: Axes, after: Axes) -> tuple[Aval, ...]:
        lengths = zip(before, x.shape, after, strict=True)
        return (Aval(tuple([b + n + a for b, n, a in lengths]), x.dtype),)

    def decompose(self, x: Any, *, before: Axes, after: Axes) -> Any:
        for axis, (b, a) in enumerate(zip(before, after, strict=True)):
            n, lead = x.shape[axis], (slice(None),) * axis
            ends = (Index((*lead, slice(n - b, n))), Index((*lead, slice(a))))
            first, last = (getitem_p(x, index=index) for index in ends)
            x = concatenate_p(first, x, last, axis=axis)
        return (x,)

    def emit(
        self, w: Statements, outs: Sequence[Value], ins: Sequence[Value], *, before: Axes,
        after: Axes,
    ) -> None:  # fmt: skip
        (x,), (out,), shape = ins, outs, ins[0].aval.shape
        w.allocate(out)
        inner = [slice(b, b + n) for b, n in zip(before, shape, strict=True)]
        w.line(f"{_part(w, out, inner)}[...] = {x}", x.aval)
        for axis, (b, n, a) in enumerate(zip(before, shape, after, strict=True)):
            for place, source, count in ((0, n, b), (b + n, b, a)):
                if count:  # behind this axis the ends are still missing
                    there, here = (
                        [*[slice(None)] * axis, slice(i, i + count), *inner[axis + 1 :]]
                        for i in (place, source)
                    )
                    w.line(f"{_part(w, out, there)}[...] = {_part(w, out, here)}")


def _part(w: Statements, out: Value, at: Sequence[slice]) -> str:
    """A slice of an array: a view that is made once where the array is in the workspace."""
    text = f"{out}[{index_text(at, ())}]"
    return w.memory.constant(text, "") if out.static else text


wrapped_p = Wrapped("wrapped")


class Roll(NamedTuple):
    """``base + x[(i + shifts) mod n]``, of which ``base`` may be None."""

    x: Atom
    shifts: tuple[int, ...]
    base: Atom | None = None


def rolls_of_wrapped(jaxpr: Jaxpr) -> Jaxpr:
    """Replace rolls by slices of an array with wrapped ends, where it has several."""
    makers: dict[Atom, Eqn] = {v: eqn for eqn in jaxpr.eqns for v in eqn.outs}
    reads = Counter(a for eqn in jaxpr.eqns for a in eqn.ins)
    rolls: dict[Atom, Roll] = {}
    of: dict[Atom, set[tuple[int, ...]]] = {}
    for eqn in jaxpr.eqns:
        roll = _roll(makers, reads, eqn)
        if roll is not None:
            inner = rolls.get(roll.x)
            if inner is not None and inner.base is None:  # a roll of a roll
                shifts = tuple([a + b for a, b in zip(roll.shifts, inner.shifts, strict=True)])
                roll = Roll(inner.x, shifts, roll.base)
            rolls[eqn.outs[0]] = roll
            of.setdefault(roll.x, set()).add(roll.shifts)
    ends = {x: found for x, shifts in of.items() if (found := _ends(x, shifts)) is not None}
    rolls = {y: roll for y, roll in rolls.items() if roll.x in ends}
    return _as_slices(jaxpr, rolls, ends) if rolls else jaxpr


def _ends(x: Atom, shifts: set[tuple[int, ...]]) -> tuple[Axes, Axes] | None:
    """How many elements of the other end are needed beside each axis, if wrapping pays."""
    before = tuple([max(0, -min(some)) for some in zip(*shifts, strict=True)])
    after = tuple([max(0, *some) for some in zip(*shifts, strict=True)])
    along_first = not any(before[1:] + after[1:])
    short = all(4 * (b + a) <= n for b, a, n in zip(before, after, x.aval.shape, strict=True))
    needed = ALONG_FIRST if along_first else SEVERAL
    return (before, after) if short and len(shifts) >= needed else None


def _as_slices(
    jaxpr: Jaxpr, rolls: Mapping[Atom, Roll], ends: Mapping[Atom, tuple[Axes, Axes]]
) -> Jaxpr:
    """Replace rolls by slices of their arrays with wrapped ends."""
    wrapped: dict[Atom, Atom] = {}

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        roll = rolls.get(eqn.outs[0])
        if roll is None:
            return None
        before, after = ends[roll.x]
        x = build.now.get(roll.x, roll.x)
        if x not in wrapped:
            wrapped[x] = build(wrapped_p, x, before=before, after=after)
        places = zip(before, roll.shifts, x.aval.shape, strict=True)
        index = Index(slice(b + s, b + s + n) for b, s, n in places)
        y = build(getitem_p, wrapped[x], index=index)
        if roll.base is not None:
            y = build(add, build.now.get(roll.base, roll.base), y)
        return (y,)

    return rewritten(jaxpr, step)


def _roll(makers: Mapping[Atom, Eqn], reads: Mapping[Atom, int], eqn: Eqn) -> Roll | None:
    """The roll that an equation is: parts of an array joined, or both added to a base."""
    if eqn.prim is concatenate_p and len(eqn.ins) == 2:
        return _joined(makers, eqn.ins, eqn.params["axis"], eqn.outs[0].aval)
    if eqn.prim is not add_at_p or len(eqn.ins) > 2:
        return None
    first = makers.get(eqn.ins[0])
    if first is None or first.prim is not add_at_p or len(first.ins) > 2 or reads[eqn.ins[0]] > 1:
        return None
    out, indices = eqn.outs[0].aval, (first.params["index"], eqn.params["index"])
    axis = filled_axis(*indices, out.shape)
    if axis is None:
        return None
    parts = (first.ins[1], eqn.ins[1])
    at_start = range(out.shape[axis])[indices[0][axis]].start == 0
    roll = _joined(makers, parts if at_start else parts[::-1], axis, out)
    return None if roll is None else Roll(roll.x, roll.shifts, first.ins[0])


def _joined(makers: Mapping[Atom, Eqn], parts: Sequence[Atom], axis: int, out: Aval) -> Roll | None:
    """The roll that two parts of an array are, x[s:] and x[:s]."""
    one, other = (makers.get(part) for part in parts)
    if one is None or other is None or one.prim is not getitem_p or other.prim is not getitem_p:
        return None
    x = one.ins[0]
    if other.ins != (x,) or one.ins != (x,) or x.aval != out:
        return None
    if filled_axis(one.params["index"], other.params["index"], out.shape) != axis:
        return None
    n = out.shape[axis]
    s = range(n)[one.params["index"][axis]].start
    if not s:  # the parts are in order
        return None
    shifts = tuple([(s if 2 * s <= n else s - n) if d == axis else 0 for d in range(out.ndim)])
    return Roll(x, shifts)
