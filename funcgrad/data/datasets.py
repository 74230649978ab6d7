"""Datasets: indexed and iterable sources of examples, which can resume an epoch at any batch."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import aval_of
from ..core.errors import FuncgradError, ShapeError
from ..core.lazy import answering
from ..core.nodes import Path
from ..core.tree import handler_of
from ..ops.operand import asarray
from ..random import Key, RangeError, permutation
from .rows import count_rows, integer, path_text, take_rows

Collate: TypeAlias = Callable[[list[Any]], Any]
Sampler: TypeAlias = Callable[[Key | None], Any]


class ExhaustedError(FuncgradError, ValueError):
    """A second pass over an iterator, which can be iterated only once.

    ``Loader(rows(), 32)`` with a generator ``rows()`` fails in its second epoch; give the
    function itself, ``Loader(rows, 32)``, which is called once for each epoch.
    """


@answering
def stack(examples: list[Any]) -> Any:
    """Stack trees of one structure into one tree, with a new leading axis.

    Raises:
        ShapeError: naming the path at which the examples differ in shape.
        TreeError: if they differ in structure.
        RangeError: if the list is empty.

    >>> stack([{"x": 1.0}, {"x": 2.0}])
    {'x': array([1., 2.])}
    """
    if not examples:
        raise RangeError("stack: the list of examples is empty: give at least one")

    def one(path: Path, *leaves: Any) -> np.ndarray:
        arrays = [asarray(x) for x in leaves]
        other = next((a for a in arrays if a.shape != arrays[0].shape), None)
        if other is not None:
            raise ShapeError(
                f"stack: examples must have one shape: got {aval_of(arrays[0])} and "
                f"{aval_of(other)} at {path_text(path)}; pad them in collate=, see pad_sequences"
            )
        return np.stack(arrays)

    return tree.map_with_path(one, *examples)


@dataclass(frozen=True)
class MapDataset:
    """A dataset with random access: rows by their indices, one or many at a time."""

    rows: int
    take: Callable[[Any], Any]  # an array of indices, or a slice -> a batch
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
                f"Loader: sampler must return row indices, integers [M]: got "
                f"{order.dtype}{list(order.shape)}"
            )
        if order.min() < 0 or order.max() >= self.rows:
            raise IndexError(
                f"Loader: sampler must return indices from 0 to {self.rows - 1}: got "
                f"{order.min()} to {order.max()}"
            )
        return order


@dataclass(frozen=True)
class IterableDataset:
    """A dataset without random access; a start in the middle skips the examples before it."""

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
    """The number of batches of an epoch."""
    if size is None:
        return rows
    return rows // size if drop_last else -(-rows // size)


def dataset_of(data: Any, key: Key | None, collate: Collate, sampler: Sampler | None) -> Any:
    """The dataset for the user's data."""
    if isinstance(data, (str, bytes)):
        raise TypeError(
            f"Loader: data must be arrays, or a sequence of examples: got {data!r}; read the file "
            f"first, as by numpy.loadtxt"
        )
    if handler_of(data) is None and not hasattr(data, "shape"):
        if hasattr(data, "__getitem__") and hasattr(type(data), "__len__"):
            rows = integer("Loader", "len(data)", len(data), 1)
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
    """The function that makes the iterable of an epoch."""
    if sampler is not None:
        raise RangeError("Loader: sampler needs data with random access: got an iterable")
    if callable(data):
        return data
    if key is not None:
        raise RangeError(
            "Loader: an iterable cannot be shuffled: got a key; give a function of a key that "
            "returns a shuffled iterable"
        )
    return _once(data) if iter(data) is data else lambda: data


def _once(iterator: Iterator[Any]) -> Callable[[], Iterator[Any]]:
    """A function that returns an iterator at its first call, and raises later."""
    left = [iterator]

    def make() -> Iterator[Any]:
        if not left:
            raise ExhaustedError(
                "Loader: the iterator is exhausted, and cannot restart: give the function "
                "that makes it, Loader(rows, ...) for Loader(rows(), ...)"
            )
        return left.pop()

    return make
