"""For each element of an array the set of inputs that it depends on, in sorted arrays of integers.

The distinct sets are the rows of a table, and an array holds the number of a row for each element:
to move elements is to move these numbers, and a set that many elements share is stored once. A set
is stored as runs of neighbours, so that bands, triangles and whole rows take few integers. A union
of few sets is not computed before it must be: the element has several rows.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .avals import Axes, Shape
from .errors import MemoryLimitError

MOST = 2 * 10**8  # elements, or runs, in all: 8 bytes each, and as much again to sort them
SMALL = 512  # elements, below which arrays are compared by their bytes
FEW = 16  # rows of the table for each element, up to which a union is not computed


class TooManyError(Exception):
    """Sets with too many elements in all."""

    def __init__(self, count: int) -> None:
        self.count = count

    def at(self, place: str) -> MemoryLimitError:
        """The error for the user."""
        return MemoryLimitError(
            f"pattern: the sets of {place} have at most {MOST} elements in all: got {self.count}; "
            f"use products with the matrix, by jvp or vjp"
        )


def check_room(count: int) -> None:
    """Raise if sets have too many elements in all."""
    if count > MOST:
        raise TooManyError(count)


class Table:
    """Sets of integers below ``width``: row i has the runs from indptr[i] to indptr[i + 1].

    A run has the integers from its start to its stop, which is not in it; it touches no other run
    of its row. Row 0 is empty. ``contents``: tables whose rows it has too, each with the number
    before that of its row 1.
    """

    __slots__ = ("contents", "indptr", "sizes", "starts", "stops", "width")

    def __init__(
        self, indptr: np.ndarray, starts: np.ndarray, stops: np.ndarray, width: int
    ) -> None:
        self.indptr, self.starts, self.stops, self.width = indptr, starts, stops, width
        self.sizes = np.diff(indptr)  # in runs
        self.contents: dict[Table, int] = {self: 0}

    def runs(self, bases: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Starts and stops of the runs of rows, each plus the number beside its row; vectors."""
        counts = self.sizes[rows]
        check_room(int(counts.sum()))
        if counts.max(initial=0) < 2:
            some = np.flatnonzero(counts)
            places, bases = self.indptr[rows[some]], bases[some]
        else:
            places = np.repeat(self.indptr[rows] - (np.cumsum(counts) - counts), counts)
            places += np.arange(len(places))
            bases = np.repeat(bases, counts)
        return bases + self.starts[places], bases + self.stops[places]


def _joined(tables: Sequence[Table]) -> tuple[Table, dict[Table, int]]:
    """A table with the rows of several, and the shift of the numbers of each."""
    largest = max(tables, key=lambda table: len(table.starts))
    shifts, new = dict(largest.contents), []
    for table in tables:
        if table not in shifts:
            new.append(table)
            shifts[table] = -1
    if not new:
        return largest, shifts
    rows, end = len(largest.indptr) - 2, largest.indptr[-1]
    indptr = [largest.indptr]
    for table in new:
        indptr.append(table.indptr[2:] + end)
        shifts.update({part: n + rows for part, n in table.contents.items()})
        rows, end = rows + len(table.indptr) - 2, end + table.indptr[-1]
    starts = np.concatenate([largest.starts, *(table.starts for table in new)])
    stops = np.concatenate([largest.stops, *(table.stops for table in new)])
    whole = Table(np.concatenate(indptr), starts, stops, largest.width)
    whole.contents.update(shifts)
    return whole, shifts


def _shifted(rows: np.ndarray, shift: int) -> np.ndarray:
    return np.where(rows > 0, rows + shift, 0) if shift else rows


class IndexSets:
    """One set of integers for each element of an array, the union of rows of a table.

    Args:
        table: the sets.
        parts: arrays of the shape of the array: numbers of rows.
    """

    __slots__ = ("parts", "shape", "table")

    def __init__(self, table: Table, parts: Sequence[np.ndarray], shape: Shape) -> None:
        self.table, self.parts, self.shape = table, parts, shape

    @classmethod
    def united_parts(cls, table: Table, parts: Sequence[np.ndarray], shape: Shape) -> "IndexSets":
        """The unions of rows, of which some may be given twice."""
        found = cls(table, _distinct(parts), shape)
        return found if len(found.parts) <= FEW else found.settled()

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def filled(self) -> np.ndarray:
        """The mask of the sets that are not empty."""
        some = self.table.sizes > 0
        found = np.zeros(self.shape, bool)
        for part in self.parts:
            found |= some[part]
        return found

    def moved(self, move: Callable[[np.ndarray], Any]) -> "IndexSets":
        """The sets of an array made of the same elements, by a function of the array."""
        parts = [np.asarray(move(part)) for part in self.parts]
        shape = parts[0].shape if parts else np.shape(move(np.zeros(self.shape, np.intp)))
        return IndexSets(self.table, [part for part in parts if part.any()], shape)

    def reshaped(self, shape: Shape) -> "IndexSets":
        return IndexSets(self.table, [part.reshape(shape) for part in self.parts], shape)

    def broadcast(self, shape: Shape) -> "IndexSets":
        if shape == self.shape:
            return self
        return IndexSets(self.table, [np.broadcast_to(p, shape) for p in self.parts], shape)

    def where(self, mask: Any) -> "IndexSets":
        """The sets where a mask, which broadcasts to the shape, holds; empty ones elsewhere."""
        if np.all(mask):
            return self
        return self.moved(lambda part: np.where(mask, part, 0))

    def settled(self) -> "IndexSets":
        """The same sets in a table of their own."""
        size = self.size
        rows = [part.reshape(-1) for part in self.parts]
        # sets are large: equal ones are computed once
        if size and rows and sum(int(self.table.sizes[r].sum()) for r in rows) > 4 * FEW * size:
            label = np.zeros(size, np.intp)
            for row in rows:
                label = np.unique(label * len(self.table.indptr) + row, return_inverse=True)[1]
            first = np.unique(label, return_index=True)[1]
            pairs = [(np.arange(len(first)), r[first]) for r in rows]
            few = _united(self.table, pairs, (len(first),))
            return few.moved(lambda part: part[label].reshape(self.shape))
        return _united(self.table, [(np.arange(size), r) for r in rows], self.shape)

    def united(self, axes: Axes) -> "IndexSets":
        """The unions along axes, which are removed."""
        kept = [d for d in range(len(self.shape)) if d not in axes]
        shape = tuple(self.shape[d] for d in kept)
        length = math.prod(self.shape[d] for d in axes)
        rows = [p.transpose(*kept, *axes).reshape(*shape, length) for p in self.parts]
        if length * len(rows) <= FEW:
            few = [r[..., i] for r in rows for i in range(length) if r[..., i].any()]
            return IndexSets.united_parts(self.table, few, shape)
        groups = np.broadcast_to(np.arange(math.prod(shape)).reshape(*shape, 1), (*shape, length))
        return self._grouped([(groups, row) for row in rows], shape)

    def grouped(self, groups: np.ndarray, shape: Shape) -> "IndexSets":
        """The unions of the elements that have the same number of a group, an element of shape."""
        return self._grouped([(groups, part) for part in self.parts], shape)

    def through(self, targets: np.ndarray, sources: np.ndarray, shape: Shape) -> "IndexSets":
        """The sets of an array in which ``targets[k]`` depends on this element ``sources[k]``."""
        flat = [part.reshape(-1) for part in self.parts]
        return self._grouped([(targets, part[sources]) for part in flat], shape)

    def _grouped(self, pairs: Any, shape: Shape) -> "IndexSets":
        flat = [(groups.reshape(-1), rows.reshape(-1)) for groups, rows in pairs]
        return _united(self.table, flat, shape)

    def union(self, others: Sequence["IndexSets"], shape: Shape) -> "IndexSets":
        """The unions with the sets of other arrays; all broadcast to a shape."""
        wide = [x.broadcast(shape) for x in aligned([self, *others]) if x is not None]
        parts = [part for x in wide for part in x.parts]
        return IndexSets.united_parts(wide[0].table, parts, shape)

    def merged(
        self,
        sets: Sequence["IndexSets | None"],
        shapes: Sequence[Shape],
        move: Callable[..., Any],
    ) -> "IndexSets":
        """The sets of an array made of elements of several, by a function of the arrays."""
        same = aligned(sets)
        found = [x for x in same if x is not None]
        zeros = [np.zeros(shape, np.intp) for shape in shapes]
        rows = [
            [x.parts[k] if x is not None and k < len(x.parts) else zero
             for x, zero in zip(same, zeros, strict=True)]
            for k in range(max(len(x.parts) for x in found))
        ]  # fmt: skip
        parts = [np.asarray(move(*row)) for row in rows]
        shape = parts[0].shape if parts else np.shape(move(*zeros))
        return IndexSets(found[0].table, [part for part in parts if part.any()], shape)

    def accumulated(self, axis: int, reverse: bool) -> "IndexSets":
        """The unions of each element and those before it along an axis, by doubling."""
        sets, reach = self, 1
        while reach < self.shape[axis]:
            before = sets.moved(functools.partial(_moved, -reach if reverse else reach, axis))
            sets, reach = sets.union([before], self.shape).settled(), 2 * reach
        return sets

    def runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The number of runs of each element, in C order, and the starts and stops of all."""
        one = self if len(self.parts) == 1 else self.settled()
        if not one.parts:
            return np.zeros(self.size, np.intp), _NONE, _NONE
        rows = one.parts[0].reshape(-1)
        return one.table.sizes[rows], *one.table.runs(np.zeros(len(rows), np.intp), rows)

    def csr(self) -> tuple[np.ndarray, np.ndarray]:
        """The sets of all elements in C order: where each begins, and their sorted elements."""
        counts, starts, stops = self.runs()
        lengths = stops - starts
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        check_room(total)
        indices = np.repeat(starts - (ends - lengths), lengths)
        indices += np.arange(total)
        ends = np.concatenate([[0], ends])
        return ends[np.concatenate([[0], np.cumsum(counts)])], indices


_NONE = np.zeros(0, np.intp)
_ONE = Table(np.array([0, 0, 1]), np.array([0]), np.array([1]), 1)


def _moved(n: int, axis: int, part: np.ndarray) -> np.ndarray:
    """Elements moved by n along an axis, the first ones 0."""
    found = np.zeros_like(part)
    before, after = (
        (slice(None, -n), slice(n, None)) if n > 0 else (slice(-n, None), slice(None, n))
    )
    lead = (slice(None),) * axis
    found[(*lead, after)] = part[(*lead, before)]
    return found


def _distinct(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The parts that differ from those before."""
    if len(parts) > 1 and parts[0].size < SMALL:
        return list({part.tobytes(): part for part in parts}.values())
    found: list[np.ndarray] = []
    for part in parts:
        if not any(part is one or _equal(part, one) for one in found):
            found.append(part)
    return found


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one shape are equal; most differ in one of a few elements."""
    places = range(0, a.size, max(a.size // 7, 1))
    return all(a.flat[i] == b.flat[i] for i in places) and bool(np.array_equal(a, b))


def _united(table: Table, pairs: Any, shape: Shape) -> IndexSets:
    """An array whose set ``g`` unites the rows beside ``g``; pairs of vectors (g, row)."""
    count, gap = math.prod(shape), table.width + 1  # runs of neighbouring sets do not touch
    starts, stops = [_NONE], [_NONE]
    for group, rows in pairs:
        if len(rows) > 2 * count:  # a group may have a set twice
            group, rows = np.divmod(_unique(group * len(table.indptr) + rows), len(table.indptr))
        first, last = table.runs(group * gap, rows)
        starts.append(first)
        stops.append(last)
    first, last = _merged(np.concatenate(starts), np.concatenate(stops))
    owners = first // gap
    indptr = np.zeros(count + 2, np.intp)
    np.cumsum(np.bincount(owners, minlength=count), out=indptr[2:])
    made = Table(indptr, first - owners * gap, last - owners * gap, table.width)
    return IndexSets(made, [np.arange(1, count + 1).reshape(shape)], shape)


def _merged(starts: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted runs that do not touch, of the same integers as those given."""
    if np.array_equal(stops, starts + 1):  # single integers
        starts = _unique(starts)
        stops = starts + 1
    else:
        # at a gap as many runs have stopped as have started, whichever these are
        starts, stops = np.sort(starts), np.sort(stops)
    new = np.ones(len(starts) + 1, bool)
    np.greater(starts[1:], stops[:-1], out=new[1:-1])
    return starts[new[:-1]], stops[new[1:]]


def _unique(keys: np.ndarray) -> np.ndarray:
    """Sorted integers without duplicates; for many the sort is faster than the hashes of unique."""
    if len(keys) < 2 or np.all(keys[1:] > keys[:-1]):
        return keys
    keys = np.sort(keys)
    new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]


def identity_sets(shapes: Sequence[Shape]) -> list[IndexSets]:
    """The sets of arrays whose elements are numbered one after another: each has its own number."""
    sizes = [math.prod(shape) for shape in shapes]
    total = sum(sizes)
    indptr, numbers = np.maximum(np.arange(-1, total + 1), 0), np.arange(total)
    table, start, made = Table(indptr, numbers, numbers + 1, total), 1, []
    for shape, size in zip(shapes, sizes, strict=True):
        made.append(IndexSets(table, [np.arange(start, start + size).reshape(shape)], shape))
        start += size
    return made


def full_sets(shape: Shape) -> IndexSets:
    """The sets of an array whose elements all depend on one input."""
    return IndexSets(_ONE, [np.broadcast_to(np.intp(1), shape)], shape)


def aligned(sets: Sequence["IndexSets | None"]) -> list["IndexSets | None"]:
    """The same sets with one table for all."""
    tables = list(dict.fromkeys(x.table for x in sets if x is not None))
    if len(tables) < 2:
        return list(sets)
    table, shifts = _joined(tables)
    return [
        None
        if x is None
        else IndexSets(table, [_shifted(p, shifts[x.table]) for p in x.parts], x.shape)
        for x in sets
    ]
