"""A scan whose step is followed once: the dependence of each carry, step after step.

The step of all steps at once, as by vmap, says on which of its constants, carry and x each element
of a carry and of a row depends. These relations are then composed, which takes a few operations a
step, whatever the step computes. The inputs of a step are one vector: constants, x and carry.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, is_inexact
from ..core.index_sets import IndexSets, identity_sets
from ..core.jaxpr import Jaxpr
from ..core.propagation import Operand, Propagation, constant
from ..transforms.jaxprs import batch_jaxpr

COMPOSED = 4  # the cost of a composed step, in equations of few elements
VOLUME = 5 * 10**7  # elements of all values of all steps, up to which they are looked at together
LARGE = 2000  # runs of sets, which take as long
_NONE = np.zeros(0, np.intp)


class Inputs:
    """Operands of a loop that may depend on inputs, as one vector for each step."""

    def __init__(self, operands: Sequence[Operand], flags: Sequence[bool], steps: int) -> None:
        pairs = zip(operands, flags, strict=True)
        self.operands = [x for x, flag in pairs if flag]
        self.flags, self.steps = flags, steps
        self.sizes = [x.aval.size // (steps or 1) for x in self.operands]
        self.size = sum(self.sizes)

    def numbers(self, start: int, width: int) -> list[np.ndarray]:
        """The numbers of elements that begin at ``start``, and follow after ``width`` steps."""
        found = []
        for x, size in zip(self.operands, self.sizes, strict=True):
            rows = width * np.arange(self.steps or 1)[:, None] + start + np.arange(size)
            found.append(rows.reshape(x.aval.shape))
            start += size
        return found

    def vector(self) -> IndexSets | None:
        """The sets of the vector: of shape [size], or [steps, size]."""
        lead = (self.steps,) if self.steps else ()
        sets = [x.sets and x.sets.reshaped((*lead, n))
                for x, n in zip(self.operands, self.sizes, strict=True)]  # fmt: skip
        one = next((x for x in sets if x is not None), None)
        shapes = [(*lead, n) for n in self.sizes]
        return one and one.merged(sets, shapes, lambda *parts: np.concatenate(parts, -1))


def followed(
    walk: Propagation,
    jaxpr: Jaxpr,
    consts: Sequence[Operand],
    carry: Sequence[Operand],
    xs: Sequence[Operand],
    steps: int,
    reverse: bool,
) -> tuple[list[Operand], list[Operand]] | None:
    """The last carry and the rows of a scan; None if that takes too long."""
    volume = steps * sum(v.aval.size for eqn in jaxpr.eqns for v in eqn.outs)
    if not walk.affords(COMPOSED * steps) or volume > VOLUME:
        return None
    c = Inputs(consts, [x.sets is not None for x in consts], 0)
    x = Inputs(xs, [x.sets is not None for x in xs], steps)
    k = Inputs(carry, [is_inexact(x.aval.dtype) for x in carry], 0)
    relations = _relations(walk, jaxpr, consts, carry, xs, steps, (c, x, k))
    shapes = [(c.size,), (x.size,), (k.size,)]
    constant_sets, rows, now = c.vector(), x.vector(), k.vector()
    carried = _carried(relations[: len(carry)], k, steps)
    states: list[IndexSets | None] = [None] * steps
    for t in range(steps)[:: -1 if reverse else 1]:
        states[t] = now
        row = rows and rows.moved(operator.itemgetter(t)).settled()
        whole = _merged([constant_sets, row, now], shapes, lambda *parts: np.concatenate(parts))
        targets, sources = carried[t]
        now = whole and whole.through(targets, sources, (k.size,))
        if not walk.spends(COMPOSED + (len(now.table.starts) // LARGE if now else 0)):
            return None
    after = _cut(now, carry, k)
    stack = _merged(states, [(k.size,)] * steps, lambda *parts: np.stack(parts))
    whole = _merged(
        [constant_sets, rows, stack], [(c.size,), (steps, x.size), (steps, k.size)],
        lambda a, *b: np.concatenate([np.broadcast_to(a, (steps, c.size)), *b], 1),
    )  # fmt: skip
    avals = [Aval((steps, *v.aval.shape), v.aval.dtype) for v in jaxpr.outvars[len(carry) :]]
    found = zip(avals, relations[len(carry) :], strict=True)
    return after, [_rows(whole, c.size + x.size + k.size, a, *pairs) for a, pairs in found]


def _rows(
    whole: IndexSets | None,
    width: int,
    aval: Aval,
    at: np.ndarray,
    targets: np.ndarray,
    sources: np.ndarray,
) -> Operand:
    """The rows of all steps, by the vectors of all steps."""
    size = aval.size // aval.shape[0]
    places = at * size + targets, at * width + sources
    return Operand(aval, whole and whole.through(*places, aval.shape))


def _merged(sets: Any, shapes: Any, move: Any) -> IndexSets | None:
    one = next((x for x in sets if x is not None), None)
    return one and one.merged(sets, shapes, move)


def _relations(
    walk: Propagation,
    jaxpr: Jaxpr,
    consts: Sequence[Operand],
    carry: Sequence[Operand],
    xs: Sequence[Operand],
    steps: int,
    inputs: tuple[Inputs, Inputs, Inputs],
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each output: steps, elements of the output, and elements of the vector of the step."""
    c, x, k = inputs
    n, width = len(consts), x.size + k.size
    flags = [i >= n for i in range(len(jaxpr.invars))]
    program, more, _ = batch_jaxpr(jaxpr, flags, [True] * len(jaxpr.outvars), steps)
    wide = [Operand(Aval((steps, *y.aval.shape), y.aval.dtype)) for y in carry]
    states = Inputs(wide, k.flags, steps)
    (every,) = identity_sets([(c.size + steps * width,)])
    numbers = iter([*c.numbers(0, 0), *states.numbers(c.size + x.size, width),
                    *x.numbers(c.size, width)])  # fmt: skip
    operands = []
    for y, flag in zip([*consts, *wide, *xs], [*c.flags, *k.flags, *x.flags], strict=True):
        sets = IndexSets(every.table, [next(numbers) + 1], y.aval.shape) if flag else None
        operands.append(y._replace(sets=sets, support=None))
    found = []
    for out in walk.run(program, [*map(constant, more), *operands]):
        if out.sets is None:
            found.append((_NONE, _NONE, _NONE))
            continue
        indptr, indices = out.sets.csr()
        places = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        at, targets = np.divmod(places, max(out.aval.size // steps, 1))
        step, local = np.divmod(indices - c.size, max(width, 1))
        own = indices < c.size
        kept = own | (step == at)  # no step reads the inputs of another
        sources = np.where(own, indices, c.size + local)
        found.append((at[kept], targets[kept], sources[kept]))
    return found


def _carried(
    relations: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], k: Inputs, steps: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each step: elements of the vector of the carry, and those that they depend on."""
    own = [r for r, flag in zip(relations, k.flags, strict=True) if flag]
    starts = np.cumsum([0, *k.sizes])[:-1]
    at = np.concatenate([_NONE, *(a for a, _, _ in own)])
    targets = np.concatenate([_NONE, *(b + s for (_, b, _), s in zip(own, starts, strict=True))])
    sources = np.concatenate([_NONE, *(c for _, _, c in own)])
    order = np.argsort(at, kind="stable")
    cuts = np.cumsum(np.bincount(at, minlength=steps))[:-1]
    return list(zip(np.split(targets[order], cuts), np.split(sources[order], cuts), strict=True))


def _cut(now: IndexSets | None, carry: Sequence[Operand], k: Inputs) -> list[Operand]:
    """The leaves of a carry, of the sets of its vector."""
    found, start, sizes = [], 0, iter(k.sizes)
    for x, flag in zip(carry, k.flags, strict=True):
        sets = None
        if flag and now is not None:
            size = next(sizes)
            sets = now.moved(operator.itemgetter(slice(start, start + size))).reshaped(x.aval.shape)
            start += size
        found.append(Operand(x.aval, sets))
    return found
