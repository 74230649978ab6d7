"""Which inputs the elements of a result depend on: rules shared by families.

A primitive that only moves elements is applied to an array of numbers of sets.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from ..core.avals import Aval, Axes, Shape, broadcast_shapes
from ..core.companions import Dependence

if TYPE_CHECKING:  # they are loaded when a pattern is asked
    from ..core.index_sets import IndexSets
    from ..core.propagation import Operand

Sets: TypeAlias = "IndexSets | None"
Ins: TypeAlias = "Sequence[Operand]"
Outs: TypeAlias = Sequence[Aval]

MOST = 10**8  # products of two elements that are looked at one by one


def union(sets: "Sequence[Sets]", shape: Shape) -> Sets:
    """The unions of the sets of arrays that broadcast to a shape."""
    found = [x for x in sets if x is not None]
    return found[0].union(found[1:], shape) if found else None


class Keeping(Dependence):
    """Each element depends on the one in its place in the first operand."""

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        return [ins[0].sets]


class Moving(Dependence):
    """Each element is one of the first operand, or none."""

    run: Any

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        x = ins[0].sets
        return [x and x.moved(lambda part: self.run(part, **params)[0])]


class Uniting(Dependence):
    """Each element depends on all along ``axes``, which are removed."""

    def depend(self, ins: Ins, avals: Outs, *, axes: Axes, **params: Any) -> list[Sets]:
        return [ins[0].sets and ins[0].sets.united(axes)]


class Accumulating(Dependence):
    """Each element depends on itself and those before it along an axis."""

    def depend(
        self, ins: Ins, avals: Outs, *, axis: int, reverse: bool = False, **params: Any
    ) -> list[Sets]:
        return [ins[0].sets and ins[0].sets.accumulated(axis, reverse)]


class AlongAxis(Dependence):
    """Each element depends on all along one axis, whose length may change."""

    is_dense = True

    def depend(self, ins: Ins, avals: Outs, *, axis: int, **params: Any) -> list[Sets]:
        (x, *_), (out,) = ins, avals
        if x.sets is None:
            return [None]
        line = x.sets.united((axis,))
        return [line.reshaped((*line.shape[:axis], 1, *line.shape[axis:])).broadcast(out.shape)]


class Broadcasting(Dependence):
    """Each element depends on those in its place, of operands that broadcast."""

    rules: Sequence[Any]  # one an operand; None: the result has no derivative by it
    linear: Sequence[set[int]]

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        """It does where no factor is 0 for all inputs."""
        found = []
        for i, (x, rule) in enumerate(zip(ins, self.rules, strict=True)):
            sets = None if rule is None else x.sets
            for j, factor in enumerate(ins):
                if sets is not None and self.is_factor(j, i):
                    mask = factor.nonzero
                    sets = sets if mask is None else sets.broadcast(avals[0].shape).where(mask)
            found.append(sets)
        return [union(found, avals[0].shape)]

    def is_factor(self, factor: int, of: int) -> bool:
        """Whether the result is 0 where one operand is, whatever the value of another."""
        own = [group for group in self.linear if factor in group]
        return bool(own) and all(of not in group for group in own)


def merged(sets: "Sequence[Sets]", shapes: Sequence[Shape], move: Any) -> Sets:
    """The sets of an array made of elements of several, by a function of the arrays."""
    one = next((x for x in sets if x is not None), None)
    return one and one.merged(sets, shapes, move)


class Joining(Dependence):
    """Each element is one of an operand."""

    run: Any

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        shapes = [x.aval.shape for x in ins]
        move = lambda *parts: self.run(*parts, **params)[0]
        return [merged([x.sets for x in ins], shapes, move)]


class Reading(Dependence):
    """``x[index]``: along an axis whose indices are data each element may be any."""

    reads_indices = True
    run: Any

    def depend(self, ins: Ins, avals: Outs, *, index: Any, **params: Any) -> list[Sets]:
        (x, *arrays) = ins
        if x.sets is None:
            return [None]
        unknown = tuple(d for d, a in zip(axes_of_arrays(index), arrays, strict=True)
                        if not a.is_known)  # fmt: skip
        values = [a.value if a.is_known else np.zeros(a.aval.shape, np.intp) for a in arrays]
        sets = x.sets
        if unknown:
            shape = tuple(1 if d in unknown else n for d, n in enumerate(x.aval.shape))
            sets = sets.united(unknown).reshaped(shape)
        return [sets.moved(lambda part: self.run(part, *values, index=index)[0])]


class Adding(Dependence):
    """The operand added into zeros of ``shape`` at ``index``."""

    makes_zeros = True
    reads_indices = True

    def depend(
        self, ins: Ins, avals: Outs, *, index: Any, shape: Shape, **params: Any
    ) -> list[Sets]:
        return [added(ins[0].sets, ins[1:], index, shape)]


class Updating(Dependence):
    """``x`` with elements at ``index`` that also depend on the second operand."""

    reads_indices = True

    def depend(self, ins: Ins, avals: Outs, *, index: Any, **params: Any) -> list[Sets]:
        x, v, *arrays = ins
        return [union([x.sets, added(v.sets, arrays, index, x.aval.shape)], x.aval.shape)]


class Overwriting(Updating):
    """``x`` with the elements of the second operand at ``index``."""

    run: Any

    def depend(self, ins: Ins, avals: Outs, *, index: Any, **params: Any) -> list[Sets]:
        x, v, *arrays = ins
        if not all(a.is_known for a in arrays):
            return super().depend(ins, avals, index=index)
        values = [a.value for a in arrays]
        move = lambda a, b: self.run(a, b, *values, index=index)[0]
        return [merged([x.sets, v.sets], [x.aval.shape, v.aval.shape], move)]


def axes_of_arrays(index: Any) -> list[int]:
    """The axis that each index array of an index reads."""
    axes, axis = [], 0
    for entry in index:
        if entry is None or entry is Ellipsis:
            continue
        if type(entry) not in (int, slice):
            axes.append(axis)
        axis += 1
    return axes


def added(sets: Sets, arrays: Ins, index: Any, shape: Shape) -> Sets:
    """The sets of zeros of ``shape`` to which elements are added at ``index``."""
    if sets is None:
        return None
    if not all(a.is_known for a in arrays):
        return _added_anywhere(sets, arrays, index, shape)
    size = math.prod(shape)
    places = np.arange(size).reshape(shape)[index.with_arrays([a.value for a in arrays])]
    wide = sets.broadcast(places.shape)
    if arrays and np.bincount(places.reshape(-1), minlength=1).max(initial=0) > 1:
        return wide.grouped(places, shape)

    def scatter(part: np.ndarray) -> np.ndarray:
        out = np.zeros(size, np.intp)
        out[places] = part
        return out.reshape(shape)

    return wide.moved(scatter)


def _added_anywhere(sets: "IndexSets", arrays: Ins, index: Any, shape: Shape) -> Sets:
    """The sets where the index arrays may hold any index."""
    axes = axes_of_arrays(index)
    one = tuple(1 if d in axes else n for d, n in enumerate(shape))
    zeros = [np.zeros(a.aval.shape, np.intp) for a in arrays]
    places = np.arange(math.prod(one)).reshape(one)[index.with_arrays(zeros)]
    return sets.broadcast(places.shape).grouped(places, one).broadcast(shape)


class InStacks(Dependence):
    """Each matrix depends on all elements of those in its place in the stacks of the operands."""

    is_dense = True
    core_ndims: ClassVar[dict[int, int]]

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        stacks: list[Shape] = []
        found: list[Sets] = []
        for i, x in enumerate(ins):
            rank = max(x.aval.ndim - self.core_ndims.get(i, 2), 0)
            stacks.append(x.aval.shape[:rank])
            found.append(x.sets and x.sets.united(tuple(range(rank, x.aval.ndim))))
        stack = broadcast_shapes(*stacks)
        one = union(found, stack)
        return [one and spread(one, a.shape) for a in avals]


def spread(stack: "IndexSets", shape: Shape) -> "IndexSets":
    """The sets of an element of a stack, for each element of its array."""
    return stack.reshaped(stack.shape + (1,) * (len(shape) - len(stack.shape))).broadcast(shape)


class Solving(InStacks):
    """A column of the solution depends on the whole matrix, and on one column beside it."""

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        a, b = ins
        (whole,) = super().depend([a, b._replace(sets=None)], avals, **params)
        column = b.sets and self.of_column(b.sets, **params)
        return [union([whole, column], avals[0].shape)]

    def of_column(self, b: "IndexSets", **params: Any) -> "IndexSets":
        """The sets of the solutions of one matrix, of right-hand sides with these sets."""
        line = b.united((len(b.shape) - 2,))
        return line.reshaped((*line.shape[:-1], 1, line.shape[-1])).broadcast(b.shape)


class Contracting(Dependence):
    """A sum of products over named axes, see ``letters``."""

    def letters(self, *avals: Aval, **params: Any) -> tuple[Sequence[Any], Any]:
        """The letters of the axes of each operand and of the result."""
        raise NotImplementedError

    def depend(self, ins: Ins, avals: Outs, **params: Any) -> list[Sets]:
        names, out = self.letters(*[x.aval for x in ins], **params)
        return [contracted(ins, names, out, avals[0].shape)]


def contracted(ins: Ins, names: Sequence[Any], out: Any, shape: Shape) -> Sets:
    """The sets of a sum of products over the axes that are not in ``out``."""
    found: list[Sets] = []
    for i, x in enumerate(ins):
        if x.sets is None:
            continue
        others = [(mask, letters) for j, letters in enumerate(names)
                  if j != i and (mask := ins[j].nonzero) is not None]  # fmt: skip
        sets = None
        if others:
            factor, axes = _product(others, {*names[i], *out})
            sets = _by_factor(x.sets, names[i], factor, axes, out, shape)
        found.append(sets or _whole(x.sets, names[i], out).broadcast(shape))
    return union(found, shape)


def _product(factors: Sequence[tuple[np.ndarray, Any]], kept: set[Any]) -> tuple[np.ndarray, Any]:
    """Where a product of factors, summed over the other axes, may differ from 0; its axes."""
    if len(factors) == 1:
        return factors[0]
    numbers = {axis: n for n, axis in enumerate(dict.fromkeys(
        axis for _, letters in factors for axis in letters))}  # fmt: skip
    out = [axis for axis in numbers if axis in kept]
    operands: list[Any] = []
    for mask, letters in factors:
        operands += [mask.astype(float), [numbers[axis] for axis in letters]]
    return np.einsum(*operands, [numbers[axis] for axis in out]) != 0, out


def _whole(sets: "IndexSets", letters: Any, out: Any) -> "IndexSets":
    """The unions along the axes that are not in the result, in its order."""
    summed = tuple(d for d, letter in enumerate(letters) if letter not in out)
    kept = [letter for letter in letters if letter in out]
    one = sets.united(summed)
    order = sorted(range(len(kept)), key=lambda d: out.index(kept[d]))
    lengths = dict(zip(kept, one.shape, strict=True))
    turned = one.moved(lambda part: part.transpose(order))
    return turned.reshaped(tuple(lengths.get(letter, 1) for letter in out))


def _by_factor(
    sets: "IndexSets", letters: Any, factor: Any, others: Any, out: Any, shape: Shape
) -> Sets:
    """The sets of a product with a factor that may differ from 0 in some places, or None."""
    lengths = dict(zip(letters, sets.shape, strict=True))
    # an axis of length 1 broadcasts: it is not there
    single = {axis for axis, n in zip(others, factor.shape, strict=True)
              if axis in lengths and n != lengths[axis]}  # fmt: skip
    kept = [d for d, axis in enumerate(others) if axis not in single or lengths[axis] == 1]
    factor = factor.reshape([factor.shape[d] for d in kept])
    others = [others[d] for d in kept]
    coords = dict(zip(others, np.nonzero(factor) if others else (), strict=True))
    free = [axis for axis in letters if axis not in coords]
    count = math.prod(lengths[axis] for axis in free)
    if np.count_nonzero(factor) * count > MOST:
        return None
    grids = np.indices([lengths[axis] for axis in free], sparse=False).reshape(len(free), count)
    places = {axis: coords[axis][:, None] for axis in coords}
    places.update({axis: grid[None] for axis, grid in zip(free, grids, strict=True)})
    # an axis that only the factor has more than once
    own = {axis: 0 if lengths[axis] == 1 else places[axis] for axis in letters}
    pairs = (int(np.count_nonzero(factor)), count)
    source = _numbers(sets.shape, [own[axis] for axis in letters], pairs)
    # axes of other operands alone: all along them depend on the same
    one = tuple(n if axis in places else 1 for axis, n in zip(out, shape, strict=True))
    target = _numbers(one, [places.get(axis, 0) for axis in out], pairs)
    return sets.through(target, source, one).broadcast(shape)


def _numbers(shape: Shape, places: Sequence[Any], pairs: tuple[int, int]) -> np.ndarray:
    """The numbers of elements at places along each axis."""
    total = np.zeros(pairs, np.intp)
    for n, place in zip(shape, places, strict=True):
        total = total * n + place
    return total.reshape(-1)
