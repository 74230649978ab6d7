"""Fusion: chains of elementwise operations over big arrays run block by block, in cache.

A chain over whole arrays is limited by memory bandwidth; over blocks of some ten thousand elements
its temporaries stay in the cache. The chain becomes one equation that holds it as a program.
"""

import math
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from ..core.avals import Aval, Shape
from ..core.companions import Codegen
from ..core.jaxpr import Atom, Eqn, Jaxpr, Var, eval_jaxpr, replace_eqn
from ..core.trace import Primitive
from ..ops.convert import Convert
from ..ops.families import Elementwise
from ..ops.index import getitem_p, reads_contiguous
from ..ops.structure import transpose_p
from .rewrite import over
from .shifts import from_row
from .threads import in_threads
from .values import Allocation, Value
from .writer import Writer

BIG = 1 << 17  # elements from which blocks pay
BLOCK = 1 << 16  # elements of a block


class Blocks(Primitive, Codegen):
    """``jaxpr : operands -> outs``, elementwise, over blocks of ``rows`` rows of one axis.

    ``axis``: 0, or 1 of stacks of a few arrays, each of which has a part in a block. ``flat``: the
    arrays are flattened to one axis before.
    All blocks have the same size: unless ``exact``, the last one overlaps the one before.
    """

    differentiable = False

    def __init__(self, name: str, exact: bool) -> None:
        super().__init__(name)
        self.exact = exact  # True: no blocks overlap, so that outputs may be written in place

    @override
    def run(self, *args: Any, jaxpr: Jaxpr, **params: Any) -> tuple[Any, ...]:
        return jaxpr.run(*args)

    def decompose(self, *args: Any, jaxpr: Jaxpr, **params: Any) -> tuple[Any, ...]:
        return eval_jaxpr(jaxpr, (), args)

    @override
    def infer(self, *avals: Aval, jaxpr: Jaxpr, **params: Any) -> tuple[Aval, ...]:
        return tuple([a.aval for a in jaxpr.outvars])

    @override
    def overwrites(self, operand: int) -> bool:
        return self.exact

    def emit(
        self, w: Writer, outs: Sequence[Value], ins: Sequence[Value], *, jaxpr: Jaxpr, rows: int,
        axis: int, flat: bool,
    ) -> None:  # fmt: skip
        shape = outs[0].aval.shape
        whole = (math.prod(shape),) if flat else shape
        names = [w.allocate(out) for out in outs]
        place = lambda x: cut_axis(x.aval.shape, shape, axis)
        sources = [x if place(x) is None else _whole(w, x, flat) for x in ins]
        sinks = [_whole(w, out, flat) for out in outs]
        inner = resized(jaxpr, shape, (*whole[:axis], rows, *whole[axis + 1 :]), axis)
        w.study(inner)
        starts = _starts(whole[axis], rows, self.exact)

        def body(step: str) -> None:
            w.comment(f"blocks of {math.prod(whole) // whole[axis] * rows} elements")
            part = [f"[{':, ' * d}{step}:{step} + {rows}]" for d in (0, 1)]
            roots = {name: Allocation() for name in names}
            given = [
                x if (d := place(old)) is None
                else _part(w, x, part[d], v.aval, roots.get(old.text), d)
                for x, old, v in zip(sources, ins, inner.invars, strict=True)
            ]  # fmt: skip
            if not axis:
                _keep_frames(w, given, ins, step)
            targets = [
                _part(w, y, part[axis], a.aval, roots[name], axis)
                for y, a, name in zip(sinks, inner.outvars, names, strict=True)
            ]
            w.block(inner, given, targets)

        if w.threads > 1 and whole[axis] >= 2 * w.threads * rows:
            in_threads(w, starts, body)
        else:
            step = w.token("i")
            with w.indented(f"for {step} in {starts}:"):
                body(step)


def _keep_frames(w: Writer, given: Sequence[Value], ins: Sequence[Value], step: str) -> None:
    """Tell of parts of slices where they lie in the arrays of these."""
    rows_of = dict[Any, str]()
    for x, old in zip(given, ins, strict=True):
        kept = x is not old and x.aval.ndim == old.aval.ndim  # else it is flat
        if old.frame is not None and kept:
            x.frame = from_row(w, old.frame, step, rows_of)
            w.unread.add(old.text)


def _whole(w: Writer, x: Value, flat: bool) -> Value:
    """An array flattened to one axis, if the chain does not depend on its shape."""
    if not flat or len(x.aval.shape) == 1:
        return x
    aval = Aval((x.aval.size,), x.aval.dtype)
    return w.view(x, x.reshaped(aval.shape), aval, True, "", static=x.static and x.contiguous)


def _part(
    w: Writer, x: Value, part: str, aval: Aval, memory: Allocation | None, axis: int
) -> Value:
    value = Value(w.token(), aval, memory, contiguous=not axis)
    w.line(f"{value} = {x}{part}")
    return value


def _starts(n: int, rows: int, exact: bool) -> str:
    if exact:
        return f"range(0, {n}, {rows})"
    return f"(*range(0, {n - rows}, {rows}), {n - rows})"


def cut_axis(have: Shape, shape: Shape, axis: int) -> int | None:
    """The axis of an operand that is cut with an axis of the result; None for a whole operand."""
    d = axis - (len(shape) - len(have))
    return d if d >= 0 and have[d] == shape[axis] else None


def resized(jaxpr: Jaxpr, shape: Shape, block: Shape, axis: int) -> Jaxpr:
    """An elementwise program with the shapes of one block in place of those of whole arrays."""
    now: dict[Any, Any] = {}

    def sized(var: Var) -> Var:
        have = var.aval.shape
        if have == shape:
            have = block
        elif (d := cut_axis(have, shape, axis)) is not None:
            have = (*have[:d], block[axis], *have[d + 1 :])
        return Var(Aval(have, var.aval.dtype, var.aval.weak), var.of)

    now.update((v, sized(v)) for v in jaxpr.invars)
    eqns = []
    for eqn in jaxpr.eqns:
        now.update((v, sized(v)) for v in eqn.outs)
        eqns.append(replace_eqn(eqn, over(eqn, now), tuple([now[v] for v in eqn.outs])))
    invars = tuple([now[v] for v in jaxpr.invars])
    return Jaxpr(invars, (), tuple(eqns), tuple([now[a] for a in jaxpr.outvars]))


blocks_p = Blocks("blocks", exact=True)
overlapping_p = Blocks("overlapping_blocks", exact=False)


def fuse(jaxpr: Jaxpr) -> Jaxpr:
    """Replace chains of elementwise equations over big arrays of one shape by one equation each.

    An equation joins the last chain of its shape, unless it depends on an equation after that.
    """
    if not any(_fusible(eqn) for eqn in jaxpr.eqns):
        return jaxpr
    groups: list[list[Eqn]] = []
    home: dict[Var, int] = {}  # the index in ``groups`` where a variable is defined
    last: dict[Shape, int] = {}
    for eqn in _small_first(_slices_first(jaxpr)):
        ready = max((home.get(a, -1) for a in eqn.ins if isinstance(a, Var)), default=-1)
        shape = eqn.outs[0].aval.shape if eqn.outs else ()
        place = last.get(shape, -1) if _fusible(eqn) else -1
        if place >= max(ready, 0):
            groups[place].append(eqn)
        else:
            place = len(groups)
            groups.append([eqn])
            if _fusible(eqn):
                last[shape] = place
        home.update((v, place) for v in eqn.outs)
    used_after = _uses(groups, jaxpr.outvars)
    strided = set[Any]()
    for eqn in jaxpr.eqns:
        if _is_strided(eqn) or (eqn.prim is getitem_p and eqn.ins[0] in strided):
            strided.update(eqn.outs)
    eqns: list[Eqn] = []
    for place, group in enumerate(groups):
        if len(group) == 1:
            eqns += group
        else:
            eqns.append(_joined(group, place, used_after, strided))
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _slices_first(jaxpr: Jaxpr) -> list[Eqn]:
    """The equations, big slices and scalars behind those that make their arrays.

    A chain need not end where one is read.
    """
    slices: dict[Atom, list[Eqn]] = {}
    rest = list[Eqn]()
    for eqn in jaxpr.eqns:
        view = eqn.prim is getitem_p and len(eqn.ins) == 1
        view = view and (eqn.outs[0].aval.size >= BIG or not eqn.outs[0].aval.shape)
        if view and isinstance(eqn.ins[0], Var):
            slices.setdefault(eqn.ins[0], []).append(eqn)
        else:
            rest.append(eqn)

    def of(made: Sequence[Var]) -> list[Eqn]:
        found = [part for v in made for part in slices.get(v, ())]
        for part in found:  # slices of slices are added on the way
            found += slices.get(part.outs[0], ())
        return found

    return [*of(jaxpr.invars), *(e for eqn in rest for e in (eqn, *of(eqn.outs)))]


def _small_first(eqns: Sequence[Eqn]) -> list[Eqn]:
    """The equations, those that make small arrays before chains that they do not depend on.

    A chain need not end where another operand of it is made.
    """
    done, chain = list[Eqn](), list[Eqn]()
    made = set[Any]()
    for eqn in eqns:
        if _fusible(eqn):
            chain.append(eqn)
            made.update(eqn.outs)
            continue
        size = sum(v.aval.size for v in eqn.outs)
        if not made.isdisjoint(eqn.ins) or any(2 * size > e.outs[0].aval.size for e in chain):
            done += chain
            chain, made = [], set()
        done.append(eqn)
    return done + chain


def _fusible(eqn: Eqn) -> bool:
    """Whether an equation may be part of a chain: elementwise, over a big array."""
    prim = eqn.prim
    if not isinstance(prim, (Elementwise, Convert)):
        return False
    (out, *more) = eqn.outs
    if more or out.aval.size < BIG:
        return False
    shape = out.aval.shape
    rank = len(shape)
    fits = lambda a: not a.aval.shape or a.aval.shape == shape or (
        rank > 1 and _has_blocks(shape) and _narrow(a.aval.shape, shape)
    )  # fmt: skip
    return all(fits(a) for a in eqn.ins)


def _has_blocks(shape: Shape) -> bool:
    """Whether rows of the first axis make blocks, or parts of a stack of few arrays."""
    return shape[0] >= 8 or _is_stack(shape)


def _is_stack(shape: Shape) -> bool:
    """Whether blocks of a stack of few arrays are cut along the second axis."""
    fits = len(shape) > 1 and 1 < shape[0] < 8 <= shape[1]
    return fits and shape[0] * math.prod(shape[2:]) <= BLOCK // 8


def _narrow(have: Shape, shape: Shape) -> bool:
    """Whether blocks of rows can be sliced from a broadcast operand."""
    return len(have) < len(shape) or (len(have) == len(shape) and have[0] in (1, shape[0]))


def _uses(groups: Sequence[Sequence[Eqn]], outvars: Sequence[Any]) -> dict[Any, set[int]]:
    """The groups that read each variable; -1 stands for the outputs of the program."""
    uses: dict[Any, set[int]] = {a: {-1} for a in outvars}
    for place, group in enumerate(groups):
        for eqn in group:
            for atom in eqn.ins:
                uses.setdefault(atom, set()).add(place)
    return uses


def _is_strided(eqn: Eqn) -> bool:
    """Whether the output is a view with gaps, of which flattening would make a copy."""
    if eqn.prim is transpose_p:
        return True
    index = eqn.params["index"] if eqn.prim is getitem_p and len(eqn.ins) == 1 else ()
    return not reads_contiguous(index, eqn.ins[0].aval.shape) if index else False


def _joined(group: Sequence[Eqn], place: int, uses: dict[Any, set[int]], strided: set[Any]) -> Eqn:
    """One equation that holds a chain."""
    made = {v for eqn in group for v in eqn.outs}
    read = dict.fromkeys(a for e in group for a in e.ins if isinstance(a, Var) and a not in made)
    outs = tuple([v for e in group for v in e.outs if uses.get(v, set()) - {place}])
    program = Jaxpr(tuple(read), (), tuple(group), outs)
    shape = outs[0].aval.shape
    flat = all(a.aval.shape in ((), shape) for e in group for a in (*e.ins, *e.outs))
    if shape[0] >= 8 and math.prod(shape[1:]) <= BLOCK and not strided.isdisjoint(read):
        flat = False  # a view with gaps would be copied
    axis = 1 if not flat and shape[0] < 8 and _is_stack(shape) else 0
    count = math.prod(shape) if flat else shape[axis]
    per_row = 1 if flat else math.prod(shape) // shape[axis]
    rows, exact = block_rows(count, per_row)
    prim = blocks_p if exact else overlapping_p
    params = {"jaxpr": program, "rows": rows, "axis": axis, "flat": flat}
    source = group[0].source if all(e.in_quiet_block for e in group) else str(group[0].source)
    return Eqn(prim, tuple(read), outs, params, source, group[0].scope)


def block_rows(count: int, per_row: int) -> tuple[int, bool]:
    """The rows of a block, and whether blocks of that size divide the array exactly."""
    wanted = min(max(BLOCK // per_row, 1), count)
    for rows in range(wanted, max(wanted // 3, 1) - 1, -1):
        if count % rows == 0:
            return rows, True
    return wanted, False
