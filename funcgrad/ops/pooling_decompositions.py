"""Window reductions in simpler primitives, by slices of arrays and tracers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from .assign import add_at_p, set_at_p
from .elementwise import where
from .index import ARRAY, Index, getitem_p
from .pooling_kernels import all_windows_hit, fold_order
from .structure import reshape
from .windows import Window, product, taps


def fold_by_slices(x: Any, windows: Sequence[Window], function: np.ufunc, start: Any) -> Any:
    """Fold windows axis by axis."""
    for d in fold_order(windows):
        x = _fold_axis(x, d, windows[d], function, start)
    return x


def _fold_axis(x: Any, axis: int, window: Window, function: np.ufunc, start: Any) -> Any:
    before, shape = (slice(None),) * axis, list(shape_of(x))
    shape[axis] = window[1]
    met = [(a, b) for _, (a,), (b,) in taps((window,)) if a.stop]
    parts = [(getitem_p(x, index=Index((*before, a))), Index((*before, b))) for a, b in met]
    y: Any = np.full(shape, start, dtype_of(x))
    if len({b.start % b.step for _, b in met}) == len(met):  # each place is written once
        for values, place in parts:
            y = set_at_p(y, values, index=place)
        return y
    if all(shape_of(values) == tuple(shape) for values, _ in parts[:2]):
        y = function(parts[0][0], parts[1][0])
        parts = parts[2:]
    for values, place in parts:
        y = set_at_p(y, function(getitem_p(y, index=place), values), index=place)
    return y


def count_misses(x: Any, y: Any, windows: Sequence[Window], misses: np.ufunc) -> Any:
    """The index, in each window, of the first element that is not a miss.

    Where ``misses`` compares with nan the index is 0.
    """
    missing: Any = np.ones(shape_of(y), bool)
    count: Any = np.zeros(shape_of(y), np.intp)
    for _, a, b in taps(windows):
        there, place = Index(a), Index(b)
        here = misses(getitem_p(x, index=there), getitem_p(y, index=place))
        missing = set_at_p(missing, getitem_p(missing, index=place) & here, index=place)
        count = count + missing
    return count


def read_hits(x: Any, hits: Any, windows: Sequence[Window]) -> Any:
    """The element at the hit of each window, 0 without a hit."""
    if 0 in shape_of(x) or 0 in shape_of(hits):
        return np.zeros(shape_of(hits), dtype_of(x))
    places, none = _flat_positions(hits, windows)
    y = getitem_p(reshape(x, (-1,)), places, index=Index((ARRAY,)))
    return where(none, dtype_of(y).type(0), y)


def add_hits(y: Any, hits: Any, windows: Sequence[Window]) -> Any:
    """Zeros, to which each element is added at the hit of its window."""
    shape = tuple(axis[0] for axis in windows)
    if 0 in shape or 0 in shape_of(hits):
        return np.zeros(shape, dtype_of(y))
    places, none = _flat_positions(hits, windows)
    flat = np.zeros(product(shape), dtype_of(y))
    values = reshape(where(none, dtype_of(y).type(0), y), (-1,))
    return reshape(add_at_p(flat, values, reshape(places, (-1,)), index=Index((ARRAY,))), shape)


def _flat_positions(hits: Any, windows: Sequence[Window]) -> tuple[Any, Any]:
    """The indices of the hits in the flat source, and a mask of windows without a hit."""
    stride, rank, offsets, starts = 1, len(windows), np.zeros((), np.intp), np.zeros((), np.intp)
    for d in reversed(range(rank)):
        n, m, size, _, off, b, step = windows[d]
        along = tuple(-1 if e == d else 1 for e in range(rank))
        offsets = offsets + (np.arange(size) * step * stride).reshape(along)
        starts = starts + ((np.arange(m) * b - off) * stride).reshape(along)
        stride *= n
    count = product([axis[2] for axis in windows])
    none = np.equal(hits, count) if not all_windows_hit(windows) else np.zeros(shape_of(hits), bool)
    table = np.append(offsets, 0)  # offset of each element of a window, 0 for no hit
    places = getitem_p(table, np.minimum(hits, count), index=Index((ARRAY,))) + starts
    return np.clip(np.where(none, 0, places), 0, stride - 1), none
