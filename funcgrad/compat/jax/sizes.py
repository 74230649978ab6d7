"""Functions whose results have a size that depends on values, with the size given."""

from typing import Any

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...numpy.at import at
from ...numpy.indexing import getitem
from ...ops.structure import cast


def nonzero(x: Any, size: int, fill_value: Any) -> tuple[Any, ...]:
    """Indices of the elements that are not 0: ``size`` of them, filled with ``fill_value``."""
    mask = np.ravel(x != 0)
    order = np.argsort(~mask, stable=True)[:size]
    if size > len(mask):
        order = np.concatenate([order, np.zeros(size - len(mask), int)])
    valid = np.arange(size) < np.sum(mask)
    places = np.unravel_index(order, shape_of(x))
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value or 0,) * len(places)
    rows = zip(places, fills, strict=True)
    return tuple([np.where(valid, place, fill) for place, fill in rows])


def unique(x: Any, axis: int | None, size: int, fill_value: Any) -> tuple[Any, Any, Any, Any]:
    """Sorted slices without repetition, ``size`` of them, their first indices, inverse and counts.

    Missing slices are ``fill_value``, or the smallest slice; their counts are 0.
    """
    slices = np.reshape(x, (-1,)) if axis is None else np.moveaxis(x, axis, 0)
    n, core = shape_of(slices)[0], shape_of(slices)[1:]
    rows = np.reshape(slices, (n, -1))
    order = np.lexsort(tuple(rows[:, ::-1].T))
    ordered = rows[order]
    new = np.any(ordered[1:] != ordered[:-1], axis=1)
    first = np.concatenate([np.ones(1, bool), new])
    (ends,) = nonzero(first, size + 1, n)
    starts = ends[:-1]
    known = starts < n
    places = np.where(known, starts, 0)
    fill = ordered[:1] if fill_value is None else fill_value
    values = np.where(known[:, None], ordered[places], fill)
    values = np.reshape(cast(values, dtype_of(x)), (size, *core))
    group = np.minimum(np.cumsum(first) - 1, size - 1)
    inverse = at(np.zeros(n, int))[order].set(group)
    inverse = np.reshape(inverse, shape_of(x)) if axis is None else inverse
    found = values if axis is None else np.moveaxis(values, 0, axis)
    return found, order[places], inverse, np.diff(ends)


def bincount(x: Any, weights: Any, length: int) -> Any:
    """Sums of weights, or numbers of elements, by index below ``length``."""
    weights = np.ones(1, int) if weights is None else weights
    start = np.zeros(length, dtype_of(weights))
    added = np.broadcast_to(weights, shape_of(x))
    return at(start)[np.maximum(x, 0)].add(added, mode="drop")


def repeat(x: Any, repeats: Any, axis: int | None, length: int) -> Any:
    """Slices repeated, ``length`` of them; the last one fills the rest."""
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    n = shape_of(x)[axis]
    ends = np.cumsum(np.broadcast_to(repeats, (n,)))
    places = np.minimum(np.searchsorted(ends, np.arange(length), side="right"), n - 1)
    return getitem(x, (slice(None),) * (axis % len(shape_of(x))) + (places,))


_EMPTY = {"sum": 0, "prod": 1, "min": np.inf, "max": -np.inf}


def segments(method: str, data: Any, ids: Any, count: int | None) -> Any:
    """Slices of ``data`` combined by segment; an id out of range is dropped."""
    if count is None:
        count = int(np.max(np.asarray(ids), initial=-1)) + 1
    dtype = dtype_of(data)
    start = _EMPTY[method]
    if np.isinf(start) and dtype.kind in "iu":
        start = np.iinfo(dtype).max if start > 0 else np.iinfo(dtype).min
    result = np.full((count, *shape_of(data)[1:]), start, dtype)
    name = {"sum": "add", "prod": "multiply"}.get(method, method)
    inside = np.where(ids < 0, count, ids)  # a negative id is no index from the end
    return getattr(at(result)[inside], name)(data, mode="drop")
