"""Window reductions of NumPy arrays: one call of a ufunc for each element of the window."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .windows import Window, identity_window, product, taps


def fold_order(windows: Sequence[Window]) -> list[int]:
    """The axes in the order to fold: the leading ones first, if the array shrinks."""
    axes = [d for d, axis in enumerate(windows) if axis != identity_window(axis[0])]
    grows = any(m > n for n, m, *_ in windows)
    return axes[::-1] if grows else axes


def fold_into(
    x: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], function: np.ufunc, start: Any,
) -> None:  # fmt: skip
    """Fold windows axis by axis: the cost is the sum of the window's lengths, not the product."""
    axes = fold_order(windows)
    if not axes:
        out[...] = x
    for d, y in zip(axes, [*scratch, out] if axes else [], strict=True):
        fold_axis_into(x, y, d, windows[d], function, start)
        x = y


def fold_axis_into(
    x: np.ndarray, y: np.ndarray, axis: int, window: Window, function: np.ufunc, start: Any
) -> None:
    """Fold the windows of one axis into ``y``; an element that occurs once is copied."""
    before = (slice(None),) * axis
    met = [(a, b) for _, (a,), (b,) in taps((window,)) if a.stop]
    parts = [(x[(*before, a)], y[(*before, b)]) for a, b in met]
    if len({b.start % b.step for _, b in met}) == len(met):  # each place is written once
        if sum(place.size for _, place in parts) < y.size:
            y.fill(start)
        for values, place in parts:
            place[...] = values
        return
    if all(place.shape == y.shape for _, place in parts[:2]):
        function(parts[0][0], parts[1][0], out=y)  # y needs no initial values
        parts = parts[2:]
    else:
        y.fill(start)
    for values, place in parts:
        function(place, values, out=place)


def first_hit_into(
    x: np.ndarray, y: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], misses: np.ufunc,
) -> None:  # fmt: skip
    """Write the index, in each window, of the first element that is not a miss.

    It is the number of misses before it. Where ``misses`` compares with nan the index is 0.
    """
    missing, missed = scratch
    missing.fill(True)
    out.fill(0)
    for _, a, b in taps(windows):
        where: Any = (*b, ...)  # a view, of an array of rank 0 too
        here, place = missed[where], missing[where]
        misses(x[a], y[b], out=here)
        np.logical_and(place, here, out=place)
        np.add(out, missing, out=out)


def flat_positions(hits: np.ndarray, windows: Sequence[Window], out: np.ndarray) -> None:
    """Write the indices of the hits in the flat source; undefined for a window without a hit."""
    stride, rank = 1, len(windows)
    offsets = np.zeros(tuple(axis[2] for axis in windows), np.intp)
    starts = []
    for d in reversed(range(rank)):
        n, m, size, _, off, b, step = windows[d]
        along = tuple(-1 if e == d else 1 for e in range(rank))
        offsets += (np.arange(size) * step * stride).reshape(along)
        starts.append(((np.arange(m) * b - off) * stride).reshape(along))
        stride *= n
    np.take(np.append(offsets, 0), hits, out=out, mode="clip")
    for group in (starts[: rank // 2], starts[rank // 2 :]):  # sums of small arrays first
        start = np.zeros((), np.intp)
        for part in group:
            start = start + part
        out += start


def all_windows_hit(windows: Sequence[Window]) -> bool:
    """Whether every window contains an element of the source."""
    for axis in windows:
        met = np.zeros(axis[1], bool)
        for _, _, (b,) in taps((axis,)):
            met[b] = True
        if not met.all():
            return False
    return True


def add_hits_into(
    y: np.ndarray, hits: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window],
) -> None:  # fmt: skip
    """Add each element of ``y`` into ``out`` at the hit of its window."""
    (where,) = scratch
    out.fill(0)
    if not (y.size and out.size):
        return
    flat_positions(hits, windows, where)
    if not all_windows_hit(windows):
        none = hits == product([axis[2] for axis in windows])
        where[none], y = 0, np.where(none, y.dtype.type(0), y)
    np.add.at(out.reshape(-1), where.reshape(-1), y.reshape(-1))


def read_hits_into(
    x: np.ndarray, hits: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window],
) -> None:  # fmt: skip
    """Read the element of ``x`` at the hit of each window."""
    (where,) = scratch
    if not (x.size and out.size):
        out.fill(0)
        return
    flat_positions(hits, windows, where)
    np.take(x.reshape(-1), where, out=out, mode="clip")
    if not all_windows_hit(windows):
        out[hits == product([axis[2] for axis in windows])] = 0
