"""How windows are reduced: plain functions of NumPy arrays, one call for each place in a window."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .windows import Window, identity_window, product, taps


def fold_order(windows: Sequence[Window]) -> list[int]:
    """Return the axes to fold: those in front, of long rows, first if the array becomes smaller."""
    axes = [d for d, axis in enumerate(windows) if axis != identity_window(axis[0])]
    grows = any(m > n for n, m, *_ in windows)
    return axes[::-1] if grows else axes


def fold_into(
    x: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], function: np.ufunc, start: Any,
) -> None:  # fmt: skip
    """Fold windows one axis after the other: a box is as fast as the sum of its sides."""
    axes = fold_order(windows)
    if not axes:
        out[...] = x
    for d, y in zip(axes, [*scratch, out] if axes else [], strict=True):
        fold_axis_into(x, y, d, windows[d], function, start)
        x = y


def fold_axis_into(
    x: np.ndarray, y: np.ndarray, axis: int, window: Window, function: np.ufunc, start: Any
) -> None:
    """Fold the windows of one axis into ``y``; what is met once is copied."""
    before = (slice(None),) * axis
    met = [(a, b) for _, (a,), (b,) in taps((window,)) if a.stop]
    parts = [(x[(*before, a)], y[(*before, b)]) for a, b in met]
    if len({b.start % b.step for _, b in met}) == len(met):  # the steps are all the same
        if sum(place.size for _, place in parts) < y.size:
            y.fill(start)
        for values, place in parts:
            place[...] = values
        return
    if all(place.shape == y.shape for _, place in parts[:2]):
        function(parts[0][0], parts[1][0], out=y)  # no need to fill y first
        parts = parts[2:]
    else:
        y.fill(start)
    for values, place in parts:
        function(place, values, out=place)


def first_hit_into(
    x: np.ndarray, y: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray], *,
    windows: Sequence[Window], misses: np.ufunc,
) -> None:  # fmt: skip
    """Write which element of each window is the first that ``misses`` does not rule out.

    It is the number of misses before it. Beside nan nothing is a miss, and the first is taken.
    """
    missing, missed = scratch
    missing.fill(True)
    out.fill(0)
    for _, a, b in taps(windows):
        where: Any = (*b, ...)  # a view also of an array without axes
        here, place = missed[where], missing[where]
        misses(x[a], y[b], out=here)
        np.logical_and(place, here, out=place)
        np.add(out, missing, out=out)


def flat_positions(hits: np.ndarray, windows: Sequence[Window], out: np.ndarray) -> None:
    """Write where in the flat source the hits are; what it says of a window without is void."""
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
    for group in (starts[: rank // 2], starts[rank // 2 :]):  # small sums first
        start = np.zeros((), np.intp)
        for part in group:
            start = start + part
        out += start


def all_windows_hit(windows: Sequence[Window]) -> bool:
    """Return whether every window sees an element of the source."""
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
    """Add each element of ``y`` into ``out`` where its window was hit."""
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
    """Read for each window the element of ``x`` that was hit."""
    (where,) = scratch
    if not (x.size and out.size):
        out.fill(0)
        return
    flat_positions(hits, windows, where)
    np.take(x.reshape(-1), where, out=out, mode="clip")
    if not all_windows_hit(windows):
        out[hits == product([axis[2] for axis in windows])] = 0
