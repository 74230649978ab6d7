"""Reading and writing elements by functions that write nothing: the standard has no scatter."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ops.flat_indices import flat_parts, joined_parts
from ...ops.index import ARRAY, Index
from .forms import FORMS, form, in_order
from .namespaces import Operation, is_numpys


@form("getitem")
def _getitem(at: Operation, x: Any, *arrays: Any, index: Index) -> Any:
    (x,) = at.own(x, *arrays)[:1]
    if not arrays:
        return _basic(at, x, index)
    places = at.array(_places(at, tuple(x.shape), index, arrays), np.int64)
    flat = at("take", at("reshape", x, (-1,)), at("reshape", places, (-1,)), axis=0)
    return at("reshape", flat, tuple(places.shape))


def _basic(at: Operation, x: Any, index: Index) -> Any:
    """Slices and integers; a slice that runs backwards is flipped afterwards."""
    key: list[Any] = []
    turned, axis, out = [], 0, 0
    for entry in index:
        if entry is Ellipsis:
            continue
        if type(entry) is slice:
            start, stop, step = entry.indices(x.shape[axis])
            n = len(range(start, stop, step))
            if step < 0:
                turned.append(out)
                start, step = start + max(n - 1, 0) * step, -step
            entry = slice(start, start + (n - 1) * step + 1, step) if n else slice(0, 0)
        key.append(entry)
        axis += entry is not None
        out += entry is None or type(entry) is slice
    y = x[(*key, ...)]
    return at("flip", y, axis=tuple(turned)) if turned else y


def _places(at: Operation, shape: Sequence[int], index: Index, arrays: Sequence[Any]) -> Any:
    """The positions in ``x.reshape(-1)`` of the elements of ``x[index]``.

    Raises:
        IndexError: if an index is out of bounds.
    """
    if not arrays:
        return np.arange(int(np.prod(shape))).reshape(shape)[tuple(index)]
    xp, lift = _level(at, arrays)
    places, slice_axes, before = flat_parts(tuple(shape), index)
    rest, common = iter(arrays), lift(0)
    for entry, size, stride in places:
        i = lift(next(rest) if entry is ARRAY else entry)
        if bool(xp.any((i < -size) | (i >= size))):
            raise IndexError(f"an index is out of bounds for an axis of size {size}")
        common = common + xp.where(i < 0, i + size, i) * stride
    return joined_parts(xp, common, list(map(lift, slice_axes)), before)


def _level(at: Operation, xs: Sequence[Any]) -> tuple[Any, Callable[[Any], Any]]:
    """NumPy if all values are NumPy's, else the namespace; and the function to its integers."""
    if all(map(is_numpys, xs)):
        return np, lambda i: np.asarray(i, np.int64)
    return at.space.xp, lambda i: at.array(i, np.int64)


Combine = Callable[[Operation, Any, Any], Any]


def _writing(combine: Combine) -> Any:
    """The form of a write in which elements are met by their order in the index."""

    def write(at: Operation, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
        x, v = at.array(x, at.dtype), at.array(v, at.dtype)
        places = _places(at, tuple(x.shape), index, arrays)
        v = at("reshape", at("broadcast_to", v, tuple(places.shape)), (-1,))
        if 0 in x.shape or not v.shape[0]:
            return x
        flat = _scattered(at, combine, at("reshape", x, (-1,)), places, v)
        return at("reshape", flat, tuple(x.shape))

    return write


def _scattered(at: Operation, combine: Combine, x: Any, places: Any, v: Any) -> Any:
    """Combine v[i] into x[places[i]] for i = 0, 1, ...

    Each round takes the next element of every position, so there are as many rounds as elements
    that meet at one position.
    """
    xp, lift = _level(at, [places])
    places = xp.reshape(places, (-1,))
    order = xp.argsort(places, stable=True)
    places, own = xp.take(places, order, axis=0), lift(np.arange(x.shape[0]))
    first, last = xp.searchsorted(places, own), places.shape[0] - 1
    for k in range(last + 1):
        spot = xp.where(first + k <= last, first + k, last)
        hit = (first + k <= last) & (xp.take(places, spot, axis=0) == own)
        if not bool(xp.any(hit)):
            break
        source = at.array(xp.take(order, spot, axis=0), np.int64)
        met = combine(at, x, at("take", v, source, axis=0))
        x = at("where", at.array(hit, bool), met, x)
    return x


def _of_numbers(name: str) -> Combine:
    """A ufunc, of booleans by way of integers."""

    def combine(at: Operation, x: Any, v: Any) -> Any:
        kind = np.dtype(np.uint8) if at.dtype.kind == "b" else at.dtype
        return at.array(at(name, at.array(x, kind), at.array(v, kind)), at.dtype)

    return combine


def _of_order(name: str) -> Combine:
    return lambda at, x, v: _of_numbers(name)(at, *in_order(at, x, v))


FORMS["set_at"] = _writing(lambda at, x, v: v)
FORMS["add_at"] = _writing(_of_numbers("add"))
FORMS["max_at"] = _writing(_of_order("maximum"))
FORMS["min_at"] = _writing(_of_order("minimum"))
