"""Sums of neighbours in a row times numbers, as convolutions by shifted slices are written.

NumPy's ``correlate`` adds up to eleven neighbours in the time of two to four operations, where a
product and a sum for each of them take two.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal
from ..core.trace import Primitive
from ..ops.elementwise import add, mul, neg, sub
from ..ops.families import NonDifferentiable
from ..ops.index import Index, getitem_p, scatter_add_p
from .algebra import finite
from .index_rules import ranges_of
from .rewrite import Builder, rewritten
from .statements import Statements
from .values import Value

ENOUGH = 512  # elements from which the calls of correlate pay
ROW = {"d": 3, "f": 5}  # neighbours in a row from which it is faster, by dtype
LONGEST = 11  # neighbours for which it is fast


class Weighted(NonDifferentiable):
    """``base + w_1 x_1 + w_2 x_2 + ...`` of arrays, then numbers; an even count has no base."""

    def __init__(self, name: str) -> None:
        super().__init__(name, _weighted, decompose=True)
        self.fills = True

    @override
    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return (Aval(avals[0].shape, avals[0].dtype),)

    @override
    def overwrites(self, operand: int) -> bool:
        return False

    @override
    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V]) -> None:
        (out,), (base, xs, numbers) = outs, parts_of(ins)
        w.allocate(out)
        multiply, add_to = w.numpy("multiply"), w.numpy("add")
        w.call(multiply, [xs[0], numbers[0]], out)
        term = w.memory.buffer(out.aval)
        for x, number in zip(xs[1:], numbers[1:], strict=True):
            w.call(multiply, [x, number], term)
            w.call(add_to, [out, term], out)
        w.memory.free(term)
        if base:
            w.call(add_to, [base[0], out], out)


def parts_of(operands: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    """The base, if there is one, the arrays and the numbers."""
    odd, half = len(operands) % 2, len(operands) // 2
    return operands[:odd], operands[odd : odd + half], operands[odd + half :]


def _weighted(*operands: Any) -> Any:
    base, xs, numbers = parts_of(operands)
    first, *more = (*base, *(x * number for x, number in zip(xs, numbers, strict=True)))
    return sum(more, first)


class Unpadded(Primitive, Codegen):
    """``total``, a sum of weights times slices of ``v`` among zeros, for any weights.

    A weight that is not finite makes nan of these zeros: then the sum of paddings of weights times
    ``v`` takes its place.
    """

    differentiable = False

    @override
    def run(self, total: Any, v: Any, *weights: Any, starts: Any) -> tuple[Any, ...]:
        if np.isfinite(sum(weights)):
            return (total,)
        out = np.zeros(total.shape, total.dtype)
        for weight, start in zip(weights, starts, strict=True):
            out[part_at(start, v.shape)] += weight * v
        return (out,)

    @override
    def infer(self, total: Aval, v: Aval, *weights: Aval, starts: Any) -> tuple[Aval, ...]:
        return (total,)

    def decompose(self, total: Any, v: Any, *weights: Any, starts: Any) -> Any:
        out: Any = 0
        for weight, start in zip(weights, starts, strict=True):
            index = Index(part_at(start, v.shape))
            out = out + scatter_add_p(weight * v, shape=total.shape, index=index)
        return (out,)

    @override
    def overwrites(self, operand: int) -> bool:
        return operand == 0

    def emit(
        self, w: Statements, outs: Sequence[Value], ins: Sequence[Value], *, starts: Any
    ) -> None:
        (total, _, *weights), (out,) = ins, outs
        if out.text != total.text:
            w.copy(out, total)
        inf, run = w.numpy("inf"), w.part(self, "run")
        numbers = " + ".join(dict.fromkeys(map(str, weights)))
        given = ", ".join([*map(str, ins), f"starts={w.param(starts)}"])
        with w.indented(f"if not -{inf} < {numbers} < {inf}:"):
            w.line(f"{w.numpy('copyto')}({out}, {run}({given})[0])")


weighted_p = Weighted("weighted")
unpadded_p = Unpadded("unpadded")


def part_at(start: Sequence[int], shape: Shape) -> tuple[slice, ...]:
    """The index of the part of an array that starts here, and has this shape."""
    return tuple([slice(a, a + n) for a, n in zip(start, shape, strict=True)])


# the pass


class Summand(NamedTuple):
    """A term of a sum, added or subtracted: a number times a slice, or another value."""

    atom: Atom
    minus: bool
    x: Atom | None = None
    number: Any = None
    array: Atom | None = None  # of which x is a slice
    start: tuple[int, ...] = ()


def weigh(jaxpr: Jaxpr) -> Jaxpr:
    """Replace sums of neighbours times numbers by one equation, and add slices to slices first."""
    reads = Counter(a for eqn in jaxpr.eqns for a in eqn.ins)
    reads.update(jaxpr.outvars)
    sums = {v for eqn in jaxpr.eqns if eqn.prim in (add, sub) for v in eqn.outs if reads[v] == 1}
    inner = {a for eqn in jaxpr.eqns if eqn.prim in (add, sub) for a in eqn.ins if a in sums}
    return rewritten(jaxpr, lambda build, eqn: _of_sum(build, eqn, inner))


def _of_sum(build: Builder, eqn: Eqn, inner: set[Any]) -> Sequence[Atom] | None:
    """The last of some sums, in which weighted neighbours are one term."""
    out = eqn.outs[0]
    if eqn.prim not in (add, sub) or out in inner or out.aval.dtype.char not in ROW:
        return None
    if out.aval.size < ENOUGH:
        return None
    terms = _terms(build, eqn, inner)
    rows = _rows(terms, ROW[out.aval.dtype.char])
    taken = {id(term) for row in rows for term in row}
    rest = [term for term in terms if id(term) not in taken]
    order = _shifts_first(rest, out.aval)
    if not rows and order == rest:
        return None
    total: Atom | None = None
    for row in rows:
        xs = [term.x for term in row]
        numbers = [build(neg, t.number) if t.minus else t.number for t in row]
        total = build(weighted_p, *([] if total is None else [total]), *xs, *numbers)
    for term in order:
        if not (isinstance(term.atom, Literal) and term.atom.value == 0):
            first = total is None and not term.minus
            total = term.atom if first else build(sub if term.minus else add, total, term.atom)
    return None if total is None else (total,)


def _shifts_first(terms: Sequence[Summand], out: Aval) -> list[Summand]:
    """Terms in an order in which slices, which are added as shifts, come first."""
    rows = lambda term: None if term.array is None else term.array.aval.shape[1:]
    lengths = Counter(n for t in terms if (n := rows(t)) is not None and n != out.shape[1:])
    slices = [t for t in terms if lengths[rows(t)] > 1]
    others = [t for t in terms if lengths[rows(t)] < 2]
    plus = [t for t in slices if not t.minus]
    if len(lengths) != 1 or not plus or not others or terms[:2] == slices[:2]:
        return list(terms)
    return [*plus, *(t for t in slices if t.minus), *others]


def _terms(build: Builder, eqn: Eqn, inner: set[Any]) -> list[Summand]:
    """The terms of a sum, in order."""
    waiting: list[tuple[Atom, bool, Eqn | None]] = [(eqn.outs[0], False, eqn)]
    found = list[Summand]()
    while waiting:
        atom, minus, made = waiting.pop()
        if made is None:
            found.append(_term(build, atom, minus, eqn.outs[0].aval))
            continue
        for x, other in ((made.ins[1], made.prim is sub), (made.ins[0], False)):
            follow = build.maker(x) if x in inner and x.aval == atom.aval else None
            follow = follow if follow is not None and follow.prim in (add, sub) else None
            waiting.append((x, minus != other, follow))
    return found


def _term(build: Builder, atom: Atom, minus: bool, out: Aval) -> Summand:
    eqn, x = build.maker(atom), atom
    number: Atom = Literal(1.0)
    if eqn is not None and eqn.prim is mul:
        for y, a in (eqn.ins, eqn.ins[::-1]):
            plain = a.aval.dtype == out.dtype and (not isinstance(a, Literal) or finite(a))
            if not a.aval.shape and plain:
                x, number = y, a
    eqn = build.maker(x)
    if eqn is None or eqn.prim is not getitem_p or len(eqn.ins) > 1 or x.aval != out:
        return Summand(atom, minus)
    start = start_of(eqn.params["index"], eqn.ins[0].aval.shape)
    return Summand(atom, minus, x, number, eqn.ins[0], start) if start else Summand(atom, minus)


def start_of(index: Sequence[Any], shape: Shape) -> tuple[int, ...]:
    """Where slices without steps start, () for other indices."""
    if len(index) > len(shape) or any(type(e) is not slice for e in index):
        return ()
    ranges = ranges_of(index, shape)
    return tuple([r.start for r in ranges]) if all(r.step == 1 for r in ranges) else ()


def _rows(terms: Sequence[Summand], least: int) -> list[list[Summand]]:
    """Terms that are neighbours along the last axis, of which several have a number."""
    lines: dict[Any, dict[int, Summand]] = {}
    for term in terms:
        if term.array is not None:
            lines.setdefault((term.array, term.start[:-1]), {})[term.start[-1]] = term
    rows = list[list[Summand]]()
    for line in lines.values():
        for place in sorted(line):
            if rows and rows[-1][-1] is line.get(place - 1) and len(rows[-1]) < LONGEST:
                rows[-1].append(line[place])
            else:
                rows.append([line[place]])
    numbers = lambda row: [t for t in row if not _is_one(t.number)]
    return [row for row in rows if len(row) >= least and len(numbers(row)) > 1]


def _is_one(number: Any) -> bool:
    return isinstance(number, Literal) and abs(number.value) == 1
