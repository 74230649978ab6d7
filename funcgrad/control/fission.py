"""Fission of scan: the equations of a step that need no other step run once, for all steps.

These are equations that read no carried value, and equations that no carried value needs. A carry
that is only added to is a sum over the steps. What remains in the loop is a recurrence.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..compile.rewrite import Builder, over
from ..compile.simplification import simplify
from ..core.companions import NO_PROGRAMS
from ..core.dead_code import dce
from ..core.effects import is_effectful
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, replace_eqn
from ..core.trace import Primitive
from ..ops.assign import add_at_p, set_at_p
from ..ops.constant import Array, constant_p
from ..ops.contract import matmul
from ..ops.elementwise import add, mul
from ..ops.index import Batching, Index, concatenate_p, getitem_p, scatter_add_p
from ..ops.structure import broadcast_p, reshape_p, sum_p, transpose_p
from ..transforms.jaxprs import batch_jaxpr

FEWEST = 4  # steps
NARROW = 4096  # elements of a result, up to which the calls of a step cost more than its memory
WIDE = 1 << 15  # the same for a product
MEMORY = 1 << 25  # bytes of the results for all steps
CALL, VIEW, COPY = 6, 1, 3  # the costs of a call, of the view of a row, and of its copy
_PLAIN = {scatter_add_p: 1, add_at_p: 2, set_at_p: 2}  # operands but index arrays


class Step(NamedTuple):
    """The inputs and outputs of a step: ``consts, carry, xs -> carry, ys``."""

    consts: tuple[Var, ...]
    carry: tuple[Var, ...]
    xs: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    following: tuple[Atom, ...]
    ys: tuple[Atom, ...]


class Parts(NamedTuple):
    """The equations before, in and after the loop, and the values that leave the loop."""

    before: list[Eqn]
    inside: list[Eqn]
    after: list[Eqn]
    rows: list[Var]


def split_scan(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
    """Replace a scan by equations for all its steps and a scan of the others."""
    if eqn.params["length"] < FEWEST or is_effectful(eqn):
        return None
    body, n, k = eqn.params["jaxpr"], eqn.params["num_consts"], eqn.params["num_carry"]
    ins, outs = body.invars, body.outvars
    step = Step(ins[:n], ins[n : n + k], ins[n + k :], body.eqns, outs[:k], outs[k:])
    sums = _sums(step)
    parts = _parts(step, sums, eqn.params["length"])
    inside = {v for e in parts.inside for v in e.outs}
    sums = {i: term for i, term in sums.items() if term not in inside or term.aval.size <= NARROW}
    parts = _parts(step, sums, eqn.params["length"])
    if not sums and not parts.before and not parts.after:
        return None
    return Fission(build, eqn, step, sums, parts).outputs()


def _sums(step: Step) -> dict[int, Any]:
    """The terms of the carries to which each step only adds."""
    readers: dict[Atom, int] = {}
    for eqn in step.eqns:
        for a in eqn.ins:
            readers[a] = readers.get(a, 0) + 1
    for a in (*step.following, *step.ys):
        readers[a] = readers.get(a, 0) + 1
    makers = {eqn.outs[0]: eqn for eqn in step.eqns}
    varying: set[Any] = {*step.carry, *step.xs, *(v for eqn in step.eqns for v in eqn.outs)}
    found: dict[int, Any] = {}
    for i, (old, new) in enumerate(zip(step.carry, step.following, strict=True)):
        made = makers.get(new) if isinstance(new, Var) else None
        if made is None or made.prim is not add or old not in made.ins or made.scope is not None:
            continue
        term = made.ins[1] if made.ins[0] is old else made.ins[0]
        alone = readers[old] == readers[new] == 1 and term in varying
        if alone and old.aval.dtype.char in "fdFD" and term.aval == old.aval == new.aval:
            found[i] = term
    return found


def _at_once(step: Step, sums: dict[int, Any]) -> dict[Any, Eqn]:
    """The terms whose sum over the steps is one operation, and that nothing else reads."""
    read = [a for eqn in step.eqns for a in eqn.ins] + [*step.following, *step.ys]
    found = {}
    for eqn in step.eqns:
        (out, *_), ranks = eqn.outs, {a.aval.ndim for a in eqn.ins[1:]}
        product = eqn.prim is matmul and ranks == {2} == {eqn.ins[0].aval.ndim}
        alone = out in sums.values() and read.count(out) == 1 and eqn.scope is None
        if alone and (product or (eqn.prim is scatter_add_p and len(ranks) == 1)):
            found[out] = eqn
    return found


def _parts(step: Step, sums: dict[int, Var], length: int) -> Parts:
    """Divide the equations of a step."""
    dropped = {step.following[i] for i in sums}
    eqns = [eqn for eqn in step.eqns if eqn.outs[0] not in dropped]
    carried = {a for i, a in enumerate(step.following) if i not in sums}
    ys = [a for a in (*step.ys, *sums.values()) if isinstance(a, Var)]
    before, rest, known = _before(step, eqns, length)
    at_once = set(_at_once(step, sums))
    inside, after = _after(rest, carried, at_once, length)
    after = [*_again(inside, {*ys, *(a for eqn in after for a in eqn.ins)}, length), *after]
    read = [a for eqn in after for a in eqn.ins]
    made = {v for eqn in after for v in eqn.outs}
    rows = [a for a in dict.fromkeys((*ys, *read)) if isinstance(a, Var)]
    rows = [a for a in rows if a not in known and a not in made]
    parts = Parts(before, inside, after, rows)
    results = {*rows, *made, *(v for eqn in before for v in eqn.outs)}
    size = sum(v.aval.size * v.aval.dtype.itemsize for v in results)
    if size * length > MEMORY or (after and not _pays(parts, set(ys), inside)):
        rows = [a for a in dict.fromkeys(ys) if a not in known]
        return Parts(before, rest, [], rows)
    return parts


def _before(step: Step, eqns: Sequence[Eqn], length: int) -> tuple[list[Eqn], list[Eqn], set[Var]]:
    """The equations that read no carry, the others, and the values known before the loop."""
    known: set[Any] = {*step.consts, *step.xs}
    differ: set[Any] = set(step.xs)  # between steps
    before, rest = [], []
    for eqn in eqns:
        free = all(isinstance(a, Literal) or a in known for a in eqn.ins)
        if free and not differ.isdisjoint(eqn.ins) and _is_moved(eqn, length):
            known.update(eqn.outs)
            differ.update(eqn.outs)
            before.append(eqn)
        else:
            rest.append(eqn)
    return before, rest, known


def _after(
    eqns: Sequence[Eqn], carried: set[Any], at_once: set[Any], length: int
) -> tuple[list[Eqn], list[Eqn]]:
    """Divide equations into those that a carry needs, and those that only outputs need."""
    needed = set(carried)
    inside, after = [], []
    for eqn in reversed(eqns):
        moved = eqn.outs[0] in at_once or _is_moved(eqn, length)
        if moved and needed.isdisjoint(eqn.outs):
            after.append(eqn)
        else:
            needed.update(eqn.ins)
            inside.append(eqn)
    return inside[::-1], after[::-1]


def _again(inside: Sequence[Eqn], read: set[Any], length: int) -> list[Eqn]:
    """The products that the loop only sums: it needs no memory for them, if they are made twice."""
    readers: dict[Atom, list[Any]] = {}
    for eqn in inside:
        for a in eqn.ins:
            readers.setdefault(a, []).append(eqn.prim)
    products = [e for e in inside if e.prim is mul and e.outs[0] in read and _is_moved(e, length)]
    return [e for e in products if set(readers.get(e.outs[0], ())) == {sum_p}]


def _is_moved(eqn: Eqn, length: int) -> bool:
    """Whether an equation can be computed for all steps, and whether it is small."""
    prim = eqn.prim
    if eqn.scope is not None or prim.holds is not NO_PROGRAMS or not prim.is_builtin:
        return False
    if type(prim).batch is Primitive.batch:  # it has no rule
        return False
    if len(eqn.ins) > _PLAIN.get(prim, len(eqn.ins)):  # index arrays
        return False
    size = max(v.aval.size for v in eqn.outs)
    return size <= (WIDE if prim is matmul else NARROW) and size * length <= MEMORY // 8


def _pays(parts: Parts, ys: set[Any], inside: Sequence[Eqn]) -> bool:
    """Whether the equations after the loop cost more than the rows that they need."""
    direct = {v for eqn in inside for v in eqn.outs if not eqn.prim.codegen.is_view}
    new = [v for v in parts.rows if v not in ys]
    cost = sum(VIEW if v in direct else COPY for v in new)
    gain = sum(VIEW if eqn.prim.codegen.is_view else CALL for eqn in parts.after)
    return gain > cost


class Fission:
    """The equations that replace a scan: those for all steps around a scan of the others."""

    def __init__(
        self, build: Builder, eqn: Eqn, step: Step, sums: dict[int, Var], parts: Parts
    ) -> None:
        self.build, self.eqn, self.step, self.sums, self.parts = build, eqn, step, sums, parts
        self.length = eqn.params["length"]
        n, k = len(step.consts), len(step.carry)
        self.inits = eqn.ins[n : n + k]
        # the values outside of the loop: constants, and those of all steps
        self.outer: dict[Any, Atom] = dict(zip(step.consts, eqn.ins[:n], strict=True))
        self.outer.update(zip(step.xs, eqn.ins[n + k :], strict=True))
        self.stacked: set[Any] = set(step.xs)

    def outputs(self) -> list[Atom]:
        """Add the equations, and return the atoms of the scan's outputs."""
        step, found = self.step, _at_once(self.step, self.sums)
        at_once = {v: eqn for v, eqn in found.items() if eqn in self.parts.after}
        self._for_all_steps(self.parts.before)
        last = self._loop()
        self._for_all_steps([eqn for eqn in self.parts.after if eqn not in at_once.values()])
        for i, term in self.sums.items():
            total = self._total(at_once[term]) if term in at_once else self._sum(term)
            last[i] = self.build(add, self.inits[i], total)
        carry = [last[i] for i in range(len(step.carry))]
        return [*carry, *(self._rows_of(a) for a in step.ys)]

    def _for_all_steps(self, eqns: Sequence[Eqn]) -> None:
        """Add equations of a step, each with one more axis, for all steps."""
        made = {v for eqn in eqns for v in eqn.outs}
        read = dict.fromkeys(a for eqn in eqns for a in eqn.ins if isinstance(a, Var))
        ins = [a for a in read if a not in made]
        outs = [v for eqn in eqns for v in eqn.outs]
        held = Jaxpr(tuple(ins), (), tuple(eqns), tuple(outs))
        flags = [a in self.stacked for a in ins]
        program, arrays, _ = batch_jaxpr(held, flags, [True] * len(outs), self.length)
        given = [self.build(constant_p, array=Array(x)) for x in arrays]
        operands = (*given, *(self.outer[a] for a in ins))
        now: dict[Any, Atom] = dict(zip(program.invars, operands, strict=True))
        for eqn in program.eqns:
            copies = tuple([Var(v.aval) for v in eqn.outs])
            self.build.add(replace_eqn(eqn, over(eqn, now), copies))
            now.update(zip(eqn.outs, copies, strict=True))
        self.outer.update(zip(outs, (now.get(a, a) for a in program.outvars), strict=True))
        self.stacked.update(outs)

    def _loop(self) -> dict[int, Atom]:
        """Add the scan of the equations in the loop; return the last carries by their places."""
        step, parts = self.step, self.parts
        kept = [i for i in range(len(step.carry)) if i not in self.sums]
        rows = self._direct_rows()
        read: set[Any] = {a for eqn in parts.inside for a in eqn.ins}
        read.update(step.following[i] for i in kept)
        inside = list(parts.inside)
        for eqn in reversed(parts.before):  # cheaper again than read
            if eqn.prim is broadcast_p and eqn.outs[0] in read:
                inside.insert(0, eqn)
                read.update(eqn.ins)
        made = {v for eqn in inside for v in eqn.outs}
        known = [v for v in self.outer if v in read and v not in made]
        consts = [v for v in known if v not in self.stacked]
        xs = [v for v in known if v in self.stacked]
        carry = [step.carry[i] for i in kept]
        if not (carry or rows):
            return {}
        outvars = (*(step.following[i] for i in kept), *rows)
        program = dce(Jaxpr((*consts, *carry, *xs), (), tuple(inside), outvars))
        program = dce(simplify(program))
        sizes = {"num_consts": len(consts), "num_carry": len(carry)}
        given = [*(self.outer[v] for v in consts), *(self.inits[i] for i in kept)]
        params = {**self.eqn.params, "jaxpr": program, **sizes}
        ins = (*given, *(self.outer[v] for v in xs))
        avals = self.eqn.prim.infer(*(a.aval for a in ins), **params)
        outs = tuple([Var(a) for a in avals])
        self.build.add(replace_eqn(self.eqn, ins, outs, params))
        self.outer.update(zip(rows, outs[len(kept) :], strict=True))
        self.stacked.update(rows)
        self._shift()
        return dict(zip(kept, outs, strict=False))

    def _direct_rows(self) -> list[Any]:
        """The values of which the loop keeps all steps; the next carry in place of the carry."""
        made = {v for e in self.parts.inside if not e.prim.codegen.is_view for v in e.outs}
        following: dict[Any, Any] = dict(zip(self.step.carry, self.step.following, strict=True))
        rows = []
        self.shifted = {}
        for a in self.parts.rows:
            then = following.get(a)
            if then in made and a.aval.shape and a.aval.size <= NARROW:
                self.shifted[a] = then
                a = then
            rows.append(a)
        return list(dict.fromkeys(rows))

    def _shift(self) -> None:
        """Add the carries of all steps: the first one, and what followed all but the last."""
        inits = dict(zip(self.step.carry, self.inits, strict=True))
        for old, new in self.shifted.items():
            first = self.build(reshape_p, inits[old], shape=(1, *old.aval.shape))
            reverse = self.eqn.params["reverse"]
            index = Index((slice(1, None) if reverse else slice(0, self.length - 1),))
            others = self.build(getitem_p, self.outer[new], index=index)
            both = (others, first) if reverse else (first, others)
            self.outer[old] = self.build(concatenate_p, *both, axis=0)
            self.stacked.add(old)

    def _sum(self, term: Var) -> Atom:
        return self.build(sum_p, self.outer[term], axes=(0,))

    def _total(self, eqn: Eqn) -> Atom:
        """The sum over the steps of the results of an equation."""
        if eqn.prim is matmul:
            return self._product(eqn)
        ct, *arrays = (self._rows_of(a) for a in eqn.ins)
        index, shape = eqn.params["index"], eqn.params["shape"]
        if not self.stacked.intersection(eqn.ins[1:]):  # the same places at each step
            ct, arrays = self.build(sum_p, ct, axes=(0,)), [self.outer[a] for a in eqn.ins[1:]]
        else:
            before = Batching(index, arrays, [0] * len(arrays), self.length, len(shape)).swap
            axes = range(1, ct.aval.ndim)
            perm = (*axes[:before], 0, *axes[before:])
            ct = self.build(transpose_p, ct, perm=perm)
        return self.build(scatter_add_p, ct, *arrays, index=index, shape=shape)

    def _product(self, eqn: Eqn) -> Atom:
        """sum_t a_t b_t = [a_1 a_2 ...] [b_1; b_2; ...]."""
        a, b = (self._rows_of(x) for x in eqn.ins)
        (_, m, k), n = a.aval.shape, b.aval.shape[2]
        columns = self.build(transpose_p, a, perm=(0, 2, 1))
        columns = self.build(reshape_p, columns, shape=(self.length * k, m))
        left = self.build(transpose_p, columns, perm=(1, 0))
        return self.build(matmul, left, self.build(reshape_p, b, shape=(self.length * k, n)))

    def _rows_of(self, a: Any) -> Atom:
        """A value for all steps."""
        if a in self.stacked:
            return self.outer[a]
        x = self.outer.get(a, a)
        return self.build(broadcast_p, x, shape=(self.length, *x.aval.shape), axes=(0,))
