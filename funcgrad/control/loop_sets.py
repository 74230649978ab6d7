"""Which inputs the results of loops and branches depend on.

A loop is followed step by step while that is cheap: then each step has its own sets. A step of many
operations is looked at once, see ``step_sets.py``. Else the carry has the sets of all steps
together, their fixed point, and the rows of all steps are computed as by vmap.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.index_sets import IndexSets, full_sets
from ..core.jaxpr import Jaxpr, programs_in
from ..core.lists import split_list
from ..core.propagation import Operand, Propagation, constant, dense, known, united
from ..transforms.jaxprs import batch_jaxpr
from .step_sets import followed
from .while_passes import WhileLayout

ELEMENTS = 2000  # that take as long as an equation without any
LITTLE = 4000  # the cost up to which loops are always followed operation by operation
ROUNDS = 5  # of a search for a fixed point, after which everything depends on everything


def cost(jaxpr: Jaxpr) -> int:
    """The cost of a step, in equations of few elements."""
    total = 0
    for eqn in jaxpr.eqns:
        total += 1 + sum(v.aval.size for v in eqn.outs) // ELEMENTS
        total += sum(map(cost, programs_in(eqn.params)))
    return total


def _size(operands: Sequence[Operand]) -> int:
    tables = {x.sets.table for x in operands if x.sets is not None}
    return sum(len(table.starts) for table in tables) // ELEMENTS


def branches_sets(
    walk: Propagation, ins: Sequence[Operand], *, branches: tuple[Jaxpr, ...]
) -> list[Operand]:
    """The outputs of a choice between programs: of all, unless the index is known."""
    index, *operands = ins
    if index.is_known:
        return walk.run(branches[min(max(int(index.value), 0), len(branches) - 1)], operands)
    rows = [walk.run(branch, operands) for branch in branches]
    return [united(column) for column in zip(*rows, strict=True)]


def scan_sets(
    walk: Propagation,
    ins: Sequence[Operand],
    avals: Sequence[Aval],
    *,
    jaxpr: Jaxpr,
    length: int,
    reverse: bool,
    num_consts: int,
    num_carry: int,
) -> list[Operand]:
    """The last carry and the rows of a scan."""
    consts, carry, xs = split_list(ins, num_consts, num_carry)
    order = list(range(length)[:: -1 if reverse else 1])
    rows: list[list[Operand]] = []
    each = cost(jaxpr)
    if walk.affords(each * length):
        for i in order:
            late = len(rows) > 1 and each * length > LITTLE
            if (late and not _counts(carry)) or not walk.spends(each + _size(carry)):
                break
            outs = walk.run(jaxpr, [*consts, *carry, *(_slice(x, i) for x in xs)])
            carry, row = split_list(outs, num_carry)
            rows.append(row)
    ys = avals[num_carry:]
    blocks = [[_row_block(x) for x in row] for row in rows]
    left = sorted(order[len(rows) :])
    if left:
        part = [_slice(x, slice(left[0], left[-1] + 1)) for x in xs]
        operands = jaxpr, consts, carry, part, len(left)
        carry, block = followed(walk, *operands, reverse) or _remaining(walk, *operands)
        blocks.append(block)
    if reverse:
        blocks.reverse()
    columns = zip(*blocks, strict=True) if blocks else [[] for _ in ys]
    return [*carry, *(_joined(column, a) for column, a in zip(columns, ys, strict=True))]


def _counts(carry: Sequence[Operand]) -> bool:
    """Whether a carry has a known integer, which may be an index at each step."""
    return any(x.is_known and x.aval.dtype.kind in "iu" for x in carry)


def _slice(x: Operand, part: Any) -> Operand:
    """A part of the steps of an operand that is sliced."""
    aval = Aval(np.empty(x.aval.shape, bool)[part].shape, x.aval.dtype)
    if x.is_known:
        return known(x.value[part], aval)
    return x.mapped(aval, lambda sets: sets.moved(lambda rows: rows[part]))


def _row_block(x: Operand) -> Operand:
    """The result of a step as a block of one row."""
    aval = Aval((1, *x.aval.shape), x.aval.dtype)
    if x.is_known:
        return known(np.reshape(x.value, aval.shape), aval)
    return x.mapped(aval, lambda sets: sets.reshaped(aval.shape))


def _joined(blocks: Sequence[Operand], aval: Aval) -> Operand:
    """The blocks of rows of all steps."""
    if all(x.is_known for x in blocks):
        start = np.empty((0, *aval.shape[1:]), aval.dtype)
        return known(np.concatenate([start, *(x.value for x in blocks)]), aval)
    found = Operand(aval, _concatenated([x.sets for x in blocks], blocks))
    if not any(x.support is not None for x in blocks):
        return found
    support = [x.unknown().support or full_sets(x.aval.shape) for x in blocks]
    return found._replace(support=_concatenated(support, blocks))


def _concatenated(sets: Sequence[IndexSets | None], blocks: Sequence[Operand]) -> IndexSets | None:
    one = next((x for x in sets if x is not None), None)
    shapes = [x.aval.shape for x in blocks]
    return one and one.merged(sets, shapes, lambda *parts: np.concatenate(parts))


def _remaining(
    walk: Propagation,
    jaxpr: Jaxpr,
    consts: list[Operand],
    carry: list[Operand],
    xs: list[Operand],
    steps: int,
) -> tuple[list[Operand], list[Operand]]:
    """The carry after some steps, and the rows of all of them."""
    n, k = len(consts), len(carry)
    any_x = [x.unknown().mapped(v.aval, lambda sets: sets.united((0,)))
             for v, x in zip(jaxpr.invars[n + k :], xs, strict=True)]  # fmt: skip
    before, after = _settled(walk, jaxpr, consts, carry, any_x)
    if len(jaxpr.outvars) == k:
        return after, []
    flags = [i >= n for i in range(len(jaxpr.invars))]
    program, more, _ = batch_jaxpr(jaxpr, flags, [True] * len(jaxpr.outvars), steps)
    wide = []
    for x in before:
        aval = Aval((steps, *x.aval.shape), x.aval.dtype)
        wide.append(x.mapped(aval, operator.methodcaller("broadcast", aval.shape)))
    rows = Jaxpr(program.invars, (), program.eqns, program.outvars[k:])
    return after[:k], walk.run(rows, [*map(constant, more), *consts, *wide, *xs])


def _settled(
    walk: Propagation,
    jaxpr: Jaxpr,
    consts: Sequence[Operand],
    carry: Sequence[Operand],
    xs: Sequence[Operand],
) -> tuple[list[Operand], list[Operand]]:
    """The carry before any of the steps of a loop, and the outputs of any step."""
    k = len(carry)
    now = [x.unknown() for x in carry]
    for _ in range(ROUNDS):
        outs = walk.run(jaxpr, [*consts, *now, *xs])
        wider = [united(pair) for pair in zip(now, outs[:k], strict=True)]
        pairs = list(zip(now, wider, strict=True))
        if all(_same(a.sets, b.sets) and _same(a.support, b.support) for a, b in pairs):
            return now, outs
        now = wider
    avals = [x.aval for x in now]
    found = dense([*consts, *now, *xs], avals)
    now = list(map(Operand, avals, found))
    return now, walk.run(jaxpr, [*consts, *now, *xs])


def _same(a: IndexSets | None, b: IndexSets | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(map(np.array_equal, a.runs(), b.runs()))


def while_sets(
    walk: Propagation,
    ins: Sequence[Operand],
    *,
    cond: Jaxpr,
    passes: tuple[Jaxpr, ...],
    sizes: tuple[tuple[int, int], ...],
) -> list[Operand]:
    """The carry of each pass of a loop that ends when a condition fails."""
    cond_consts, parts = WhileLayout(sizes).operands(ins)
    if len(passes) == 1:
        ((consts, carry),), each = parts, cost(passes[0]) + cost(cond)
        while (going := walk.run(cond, [*cond_consts, *carry])[0]).is_known:
            if not going.value:
                return carry
            if not walk.spends(each + _size(carry)):
                break
            carry = walk.run(passes[0], [*consts, *carry])
        parts = [(consts, carry)]
    results: list[Operand] = []
    emitted: list[Operand] = []
    for program, (consts, carry) in zip(passes, parts, strict=True):
        before, outs = _settled(walk, program, consts, carry, emitted)
        results += before
        emitted += [x.unknown() for x in outs[len(carry) :]]
    return results
