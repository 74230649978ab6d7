"""Reductions in C: sums in blocks of eight accumulators, extrema, positions, accumulations."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..core.avals import Aval
from .functions import cast, product, wraps
from .literals import NotInCError, ctype, label_of, part_of, suffix
from .nests import Nest
from .statements import Statements
from .values import TINY, Memory, Value, place, registers, stand_in

LANES = 8  # accumulators of a sum
BLOCK = 128  # terms of a block of a sum
FAN = 32  # blocks in a block of the next level

NOT_FINITE = "NOT_FINITE"

# of each reduction the start, None for the first element, and the step from {0} by {1}
_STEPS = {
    "sum": ("-0.0", "{0} + {1}"),
    "prod": ("1", "{0} * {1}"),
    "max": (None, "maximum_{n}({0}, {1})"),
    "min": (None, "minimum_{n}({0}, {1})"),
    "any": ("false", "{0} || {1}"),
    "all": ("true", "{0} && {1}"),
}


class Terms(NamedTuple):
    """The terms of a reduction: of arrays of one shape, the last axes of which are reduced."""

    arrays: list[Value]
    texts: Callable[[Sequence[str]], str]  # the term of elements of the arrays, in ``dtype``
    dtype: np.dtype
    rank: int  # how many axes are reduced

    @property
    def kept(self) -> int:
        return self.arrays[0].aval.ndim - self.rank

    def at(self, nest: Nest) -> str:
        return self.texts([nest.at(x) for x in self.arrays])


def _step(how: str, dtype: np.dtype) -> tuple[str | None, str]:
    start, step = _STEPS[how]
    if dtype.kind == "c":
        start = {"-0.0": f"complex_{label_of(part_of(dtype))}(-0.0, -0.0)"}.get(str(start), start)
        step = {"prod": "mul_{n}({0}, {1})"}.get(how, step)
    elif dtype.kind != "f" and start == "-0.0":
        start = "0"
    if dtype.kind in "iu" and dtype.itemsize < 4 and how == "prod":
        step = f"1u * {step}"  # not in int, which would overflow
    if wraps(dtype):
        step = {"sum": "add_{n}({0}, {1})", "prod": "mul_{n}({0}, {1})"}.get(how, step)
    if dtype.kind == "b":
        step = {"max": "{0} || {1}", "min": "{0} && {1}"}.get(how, step)
    return start, step.replace("{n}", label_of(dtype))


def reduce(w: Statements, how: str, x: Value, axes: Sequence[int], dtype: np.dtype) -> Value:
    """Reduce along axes.

    Args:
        w: the writer.
        how: sum, prod, max, min, any or all.
        x: the operand.
        axes: the axes, not negative.
        dtype: of the result, in which it accumulates.
    """
    kept = [d for d in range(x.aval.ndim) if d not in axes]
    moved = x.viewed(lambda a: a.transpose((*kept, *axes)))
    terms = Terms([moved], lambda texts: cast(texts[0], x, dtype), dtype, len(axes))
    return _reduced(w, how, terms)


def vecdot(w: Statements, a: Value, b: Value, dtype: np.dtype) -> Value:
    """The sums of products along the last axis."""
    shape = np.broadcast_shapes(a.aval.shape, b.aval.shape)
    pair = [x.broadcast(shape) for x in (a, b)]
    return _reduced(w, "sum", Terms(pair, _products(pair, dtype), dtype, 1))


def total_of_products(w: Statements, pair: Sequence[Value], dtype: np.dtype) -> str:
    """The name of the sum of the products of two rows."""
    return _total(w, Terms(list(pair), _products(pair, dtype), dtype, 1), "sum")


def _products(pair: Sequence[Value], dtype: np.dtype) -> Callable[[Sequence[str]], str]:
    """The product of two elements, cast to a dtype, as a function of their expressions."""
    return lambda row: product([cast(t, x, dtype) for t, x in zip(row, pair, strict=True)], dtype)


def _reduced(w: Statements, how: str, terms: Terms) -> Value:
    shape = terms.arrays[0].aval.shape
    aval, count = Aval(shape[: terms.kept], terms.dtype), math.prod(shape[terms.kept :])
    start, step = _step(how, terms.dtype)
    if not aval.size:
        return w.array(aval)
    if not count:
        if start is None:
            raise NotInCError(f"{how} of no elements")
        return w.filled(aval, how in ("prod", "all"))
    if aval.size <= TINY and count * aval.size <= 4 * TINY:
        return _unrolled(w, terms, aval, count, step)
    terms = terms._replace(arrays=[w.stored(x) for x in terms.arrays])
    if not shape[: terms.kept] or aval.size == 1:
        whole = terms._replace(rank=len(shape))
        return w.define(aval, [_total(w, whole, how)])
    out = w.array(aval)
    if _is_row_by_row(terms):
        _row_by_row(w, terms, out, start, step)
        return out
    indices = w.indices(terms.kept)
    with w.loops(aval.shape, indices), w.using(indices):
        rows = [row_of(w, x, terms.kept, indices) for x in terms.arrays]
        w.line(f"{out.at(*indices)} = {_total(w, terms._replace(arrays=rows), how)};")
    return out


def _is_row_by_row(terms: Terms) -> bool:
    """Whether the axes that are kept lie closest in memory."""
    x = terms.arrays[0]
    pairs = [(s, d < terms.kept) for d, (n, s) in
             enumerate(zip(x.aval.shape, x.strides, strict=True)) if n > 1 and s]  # fmt: skip
    return bool(pairs) and min(pairs, key=lambda pair: abs(pair[0]))[1]


def row_of(w: Statements, x: Value, rows: int, indices: Sequence[str]) -> Value:
    """The part at the indices of the first axes, through a pointer."""
    assert x.memory is not None
    at = place(x.offset, x.strides[:rows], indices)
    name, shape = w.name("row"), x.aval.shape[rows:]
    constant = "" if x.memory.owned else "const "
    w.line(f"{constant}{ctype(x.aval.dtype)} *{name} = {x.memory.name} + {at};")
    layout = stand_in(shape, 0, x.strides[rows:])
    return Value(Aval(shape, x.aval.dtype), layout, Memory(name, x.aval, x.memory.owned))


def _unrolled(w: Statements, terms: Terms, aval: Aval, count: int, step: str) -> Value:
    items = [terms.texts(row) for row in zip(*[x.items for x in terms.arrays], strict=True)]
    texts = []
    for i in range(aval.size):
        total, *more = items[i * count : (i + 1) * count]
        for item in more:
            total = step.format(f"({total})" if " " in total else total, f"({item})")
        texts.append(total)
    return w.define(aval, texts, w.wanted[0][1])


def _row_by_row(w: Statements, terms: Terms, out: Value, start: str | None, step: str) -> None:
    """Accumulate into all results at once: their axes are the inner loops."""
    kept, shape = terms.kept, terms.arrays[0].aval.shape
    if start is None:
        first = (*[slice(None)] * kept, *[0] * terms.rank, Ellipsis)
        w.copy(out, terms.arrays[0].viewed(lambda a: a[first]))
    else:
        w.copy(out, registers(Aval((), terms.dtype), [start]))
    widened = (..., *[None] * terms.rank)
    wide = out.viewed(lambda a: np.broadcast_to(a[widened], shape))
    order = (*range(kept, len(shape)), *range(kept))
    *arrays, sink = (x.viewed(lambda a: a.transpose(order)) for x in (*terms.arrays, wide))
    nest = Nest(sink.aval.shape, [*arrays, sink], w.indices(len(shape)))
    with w.loops(nest.lengths, nest.indices):
        old, new = nest.at(sink), terms._replace(arrays=arrays).at(nest)
        w.line(f"{old} = {step.format(old, f'({new})')};")


def _total(w: Statements, terms: Terms, how: str) -> str:
    """The name of the reduction of all elements."""
    start, step = _step(how, terms.dtype)
    (first, *_), kind = terms.arrays, ctype(terms.dtype)
    nest = Nest(first.aval.shape, terms.arrays, w.indices(first.aval.ndim))
    total = w.name("total")
    w.line(f"{kind} {total} = {terms.texts([first.items[0]]) if start is None else start};")
    lanes = how == "sum" and terms.dtype.kind in "fc" and nest.lengths[-1:] >= [2 * LANES]
    if not lanes:
        with w.loops(nest.lengths, nest.indices):
            w.line(f"{total} = {step.format(total, f'({terms.at(nest)})')};")
        return total
    *outer, n = nest.lengths
    whole, sizes = n - n % LANES, [BLOCK]
    while sizes[0] * FAN < whole:
        sizes = [sizes[0] * FAN, *sizes]
    with w.loops(outer, nest.indices[:-1]), w.using(nest.indices):
        _blocks(w, terms, nest, total, sizes if whole > BLOCK else [], "0", str(whole))
        if n > whole:
            with w.loop(nest.indices[-1], n, whole):
                w.line(f"{total} += {terms.at(nest)};")
    return total


def _blocks(
    w: Statements, terms: Terms, nest: Nest, total: str, sizes: Sequence[int], begin: str, stop: str
) -> None:
    """Add the terms of a range, by blocks of these sizes; the sum of each has its own rounding."""
    if not sizes:
        return _lanes(w, terms, nest, total, begin, stop)
    at, end, part = w.name("begin"), w.name("end"), w.name("part")
    with w.braces(f"for (int {at} = {begin}; {at} < {stop}; {at} += {sizes[0]})"):
        w.line(f"const int {end} = {at} + {sizes[0]} < {stop} ? {at} + {sizes[0]} : {stop};")
        w.line(f"{ctype(terms.dtype)} {part} = {_step('sum', terms.dtype)[0]};")
        _blocks(w, terms, nest, part, sizes[1:], at, end)
        w.line(f"{total} += {part};")
    return None


def _lanes(w: Statements, terms: Terms, nest: Nest, total: str, begin: str, stop: str) -> None:
    """Add the terms of a block by eight accumulators."""
    i, lanes, lane = nest.indices[-1], w.name("lanes"), w.name("lane")
    starts = ", ".join([str(_step("sum", terms.dtype)[0])] * LANES)
    w.line(f"{ctype(terms.dtype)} {lanes}[{LANES}] = {{{starts}}};")
    with w.braces(f"for (int {i} = {begin}; {i} < {stop}; {i} += {LANES})"), w.loop(lane, LANES):
        nest.indices[-1] = f"{i} + {lane}"
        w.line(f"{lanes}[{lane}] += {terms.at(nest)};")
        nest.indices[-1] = i
    pairs = [f"({lanes}[{k}] + {lanes}[{k + 1}])" for k in range(0, LANES, 2)]
    w.line(f"{total} += ({pairs[0]} + {pairs[1]}) + ({pairs[2]} + {pairs[3]});")


def check_finite(w: Statements, xs: Sequence[Value]) -> Value:
    """Leave with a code where an element is not finite: x * 0 is then nan."""
    for x in {id(x.layout): x for x in xs if x.aval.size}.values():
        dtype = x.aval.dtype
        if x.memory is None:
            finite = f"isfinite_{label_of(dtype)}" if dtype.kind == "c" else "isfinite"
            known = [item for item in x.items if not item.isdecimal()]  # the others are zeros
            condition = " && ".join(f"{finite}({item})" for item in known)
            if known:
                w.fail_if(f"!({condition})", NOT_FINITE)
            continue
        terms = Terms([x], _zeros_if_finite(dtype), part_of(dtype), x.aval.ndim)
        w.fail_if(f"{_total(w, terms, 'sum')} != 0", NOT_FINITE)
    return registers(Aval((), np.dtype(bool)), ["true"])


def _zeros_if_finite(dtype: np.dtype) -> Callable[[Sequence[str]], str]:
    """Of the expression of an element one that is 0 if it is finite, else nan."""
    if dtype.kind != "c":
        return lambda texts: f"{texts[0]} * 0"
    f = suffix(dtype)
    return lambda texts: f"(creal{f}({texts[0]}) * 0 + cimag{f}({texts[0]}) * 0)"


def accumulate(
    w: Statements, how: str, x: Value, axis: int, dtype: np.dtype, reverse: bool = False
) -> Value:
    """Accumulate along an axis, from its end if ``reverse``."""
    out = w.array(Aval(x.aval.shape, dtype))
    if not out.aval.size:
        return out
    _, step = _step(how, dtype)
    back = (*[slice(None)] * axis, slice(None, None, -1 if reverse else None))
    source, sink = w.stored(x).viewed(lambda a: a[back]), out.viewed(lambda a: a[back])
    head, tail = ((*[slice(None)] * axis, s) for s in (slice(0, 1), slice(1, None)))
    w.copy(sink.viewed(lambda a: a[head]), source.viewed(lambda a: a[head]))
    now, term = sink.viewed(lambda a: a[tail]), source.viewed(lambda a: a[tail])
    if not now.aval.size:
        return out
    before = Value(now.aval, sink.viewed(lambda a: a[head]).layout, sink.memory)
    before.layout = stand_in(now.aval.shape, before.offset, now.strides)
    nest = Nest(now.aval.shape, [now, before, term], w.indices(now.aval.ndim))
    with w.loops(nest.lengths, nest.indices):
        total = step.format(nest.at(before), cast(nest.at(term), x, dtype))
        w.line(f"{nest.at(now)} = {total};")
    return out


def position(w: Statements, how: str, x: Value, axis: int) -> Value:
    """The index of the first nan, else of the first extremum, along an axis."""
    if how not in ("argmax", "argmin") or not x.aval.size or x.aval.dtype.kind == "c":
        raise NotInCError(f"{how} is not written in C")
    kept = [d for d in range(x.aval.ndim) if d != axis]
    moved = w.stored(x).viewed(lambda a: a.transpose((*kept, axis)))
    out = w.array(Aval(moved.aval.shape[:-1], np.dtype(np.intp)))
    indices, kind = w.indices(moved.aval.ndim), ctype(x.aval.dtype)
    *around, i = indices
    best, place_of = w.name("best"), w.name("place")
    with w.loops(moved.aval.shape[:-1], around), w.using(indices):
        w.line(f"{kind} {best} = {moved.at(*around, '0')};")
        w.line(f"int64_t {place_of} = 0;")
        with w.loop(i, moved.aval.shape[-1], 1):
            at = moved.at(*indices)
            better = f"{at} {'>' if how == 'argmax' else '<'} {best}"
            if x.aval.dtype.kind == "f":  # nan is taken, and kept
                better = f"{best} == {best} && !({at} {'<=' if how == 'argmax' else '>='} {best})"
            with w.braces(f"if ({better})"):
                w.line(f"{best} = {at};")
                w.line(f"{place_of} = {i};")
        w.line(f"{out.at(*around)} = {place_of};")
    return out
