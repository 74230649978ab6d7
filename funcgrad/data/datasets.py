"""Sources: what examples come from, each able to begin an epoch at any of its batches."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import aval_of
from ..core.errors import FuncgradError, ShapeError
from ..core.nodes import Path
from ..core.tree import handler_of
from ..ops.operand import asarray
from ..random import Key, RangeError, permutation
from .rows import count_rows, integer, place, take_rows

Collate: TypeAlias = Callable[[list[Any]], Any]
Sampler: TypeAlias = Callable[[Key | None], Any]


class ExhaustedError(FuncgradError, ValueError):
    """A second pass over what can be iterated only once.

    ``Loader(rows(), 32)`` with a generator ``rows()`` fails in its second epoch; give the
    function itself, ``Loader(rows, 32)``, which is called anew for each epoch.
    """


def stack(examples: list[Any]) -> Any:
    """Trees of one structure as one tree, each leaf with a new leading axis.

    Raises:
        ShapeError: naming the path at which the examples differ in shape.
        TreeError: if they differ in structure.
        RangeError: if there are none.

    >>> stack([{"x": 1.0}, {"x": 2.0}])
    {'x': array([1., 2.])}
    """
    if not examples:
        raise RangeError("stack: there are no examples: give at least one")

    def one(path: Path, *leaves: Any) -> np.ndarray:
        arrays = [asarray(x) for x in leaves]
        other = next((a for a in arrays if a.shape != arrays[0].shape), None)
        if other is not None:
            raise ShapeError(
                f"stack: examples must be alike: got {aval_of(arrays[0])} and {aval_of(other)} at "
                f"{place(path)}; pad them: collate=pad_sequences, or a function that calls it"
            )
        return np.stack(arrays)

    return tree.map_with_path(one, *examples)


@dataclass(frozen=True)
class MapDataset:
    """Examples that can be had by their numbers, as many at once as asked for."""

    rows: int
    take: Callable[[Any], Any]  # an array of numbers, or a slice -> a batch
    one: Callable[[int], Any]
    sampler: Sampler | None

    def batches(self, key: Key | None, size: int | None, drop_last: bool, start: int) -> Any:
        order = self._order(key)
        total = self.rows if order is None else len(order)
        if size is None:
            for i in range(start, total):
                yield self.one(i if order is None else int(order[i]))
            return
        for i in range(start, length(total, size, drop_last)):
            rows = slice(i * size, min((i + 1) * size, total))
            yield self.take(rows if order is None else order[rows])

    def count(self, key: Key | None, size: int | None, drop_last: bool) -> int:
        total = self.rows if self.sampler is None else len(self._order(key))
        return length(total, size, drop_last)

    def _order(self, key: Key | None) -> Any:
        if self.sampler is None:
            return None if key is None else permutation(key, self.rows)
        order = asarray(self.sampler(key))
        if order.ndim != 1 or order.dtype.kind not in "iu" or not len(order):
            raise RangeError(
                f"Loader: sampler must return the numbers of rows, integers [M]: got "
                f"{order.dtype}{list(order.shape)}"
            )
        if order.min() < 0 or order.max() >= self.rows:
            raise IndexError(
                f"Loader: sampler must return numbers from 0 to {self.rows - 1}: got "
                f"{order.min()} to {order.max()}"
            )
        return order


@dataclass(frozen=True)
class IterableDataset:
    """Examples that come one after the other; to begin later means to skip."""

    make: Callable[..., Any]
    collate: Collate
    rows: None = field(default=None)

    def batches(self, key: Key | None, size: int | None, drop_last: bool, start: int) -> Any:
        examples = iter(self.make() if key is None else self.make(key))
        skipped = start * (1 if size is None else size)
        examples = itertools.islice(examples, skipped, None)
        if size is None:
            yield from examples
            return
        while chosen := list(itertools.islice(examples, size)):
            if len(chosen) == size or not drop_last:
                yield self.collate(chosen)


def length(rows: int, size: int | None, drop_last: bool) -> int:
    """How many batches of a size so many rows give."""
    if size is None:
        return rows
    return rows // size if drop_last else -(-rows // size)


def source_of(data: Any, key: Key | None, collate: Collate, sampler: Sampler | None) -> Any:
    """The source for whatever a user gives as data."""
    if handler_of(data) is None and not hasattr(data, "shape"):
        if hasattr(data, "__getitem__") and hasattr(type(data), "__len__"):
            rows = integer("Loader", "the number of examples", len(data), 1)
            numbers = lambda i: range(i.start, i.stop) if isinstance(i, slice) else i.tolist()
            take = lambda i: collate([data[j] for j in numbers(i)])
            return MapDataset(rows, take, data.__getitem__, sampler)
        if callable(data) or hasattr(data, "__iter__"):
            return IterableDataset(_maker(data, key, sampler), collate)
    rows = count_rows("Loader", data)
    data = tree.map(asarray, data)
    one = lambda i: tree.map(lambda x: x[0], take_rows(data, slice(i, i + 1)))
    return MapDataset(rows, lambda i: take_rows(data, i), one, sampler)


def _maker(data: Any, key: Key | None, sampler: Sampler | None) -> Callable[..., Any]:
    """The function that begins an epoch."""
    if sampler is not None:
        raise RangeError("Loader: sampler needs examples that have numbers: got an iterable")
    if callable(data):
        return data
    if key is not None:
        raise RangeError(
            "Loader: an iterable cannot be shuffled: got a key; give a function of a key that "
            "returns an iterable, in an order that it draws"
        )
    return _once(data) if iter(data) is data else lambda: data


def _once(iterator: Iterator[Any]) -> Callable[[], Iterator[Any]]:
    """A function that gives an iterator away, once."""
    left = [iterator]

    def make() -> Iterator[Any]:
        if not left:
            raise ExhaustedError(
                "Loader: the iterator was used before, and cannot begin again; give the function "
                "that makes it, Loader(rows, ...) for Loader(rows(), ...)"
            )
        return left.pop()

    return make
