"""Peaks of samples: their places, which are constants, and their heights and widths.

Places are found from values, which must be known: under ``jit`` and ``vmap`` they are refused.
Properties that are numbers of the samples are differentiable.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ConcretizationError, ShapeError
from ...core.lazy import answering
from ...numpy.indexing import known, take
from ..floating import as_floating

_BASES = ("prominences", "left_bases", "right_bases")
_ENDS = ("widths", "width_heights", "left_ips", "right_ips")


def _values(who: str, x: Any, rank: int | None = 1) -> Any:
    """The values of samples."""
    values = known(x)
    if rank is not None and len(shape_of(x)) != rank:
        raise ShapeError(f"{who}: x must be a vector: got {aval_of(x)}; use argrelextrema")
    if values is None:
        raise ConcretizationError(
            f"{who}: how many peaks there are depends on values, which are not known under jit and "
            f"vmap: got {aval_of(x)}; call it outside"
        )
    return np.asarray(values)


def _maxima(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The middles, first and last places of the maxima, of which each may be a plateau."""
    steps = np.flatnonzero(np.diff(x)) + 1
    first = np.concatenate([[0], steps])
    last = np.concatenate([steps - 1, [len(x) - 1]])
    level = x[first] if len(x) else x
    inner = (level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])
    first, last = first[1:-1][inner], last[1:-1][inner]
    return (first + last) // 2, first, last


def _bounds(limits: Any, x: np.ndarray, peaks: np.ndarray) -> tuple[Any, Any]:
    """The least and the greatest value of a condition: numbers, or an element for each sample."""
    if np.ndim(limits) == 1 and len(limits) == 2 and not isinstance(limits, np.ndarray):
        low, high = limits
    else:
        low, high = limits, None
    at = lambda b: np.asarray(b)[peaks] if np.ndim(b) and np.size(b) == x.size else b
    return at(low), at(high)


def _within(values: Any, limits: tuple[Any, Any]) -> np.ndarray:
    low, high = limits
    keep = np.ones(np.shape(values), bool)
    keep &= True if low is None else values >= low
    return keep & (True if high is None else values <= high)


@answering
def find_peaks(
    x: Any, height: Any = None, threshold: Any = None, distance: float | None = None,
    prominence: Any = None, width: Any = None, wlen: int | None = None, rel_height: float = 0.5,
    plateau_size: Any = None,
) -> tuple[np.ndarray, dict[str, Any]]:  # fmt: skip
    """Places of the maxima of samples that fulfil all conditions, and their properties.

    Args:
        x: samples, shape [n].
        height: least height; or the pair of least and greatest, as in all conditions.
        threshold: vertical distance to both neighbours.
        distance: least distance of peaks; lower ones are dropped.
        prominence, wlen: see :func:`peak_prominences`.
        width, rel_height: see :func:`peak_widths`.
        plateau_size: number of equal samples at the peak.

    Returns:
        Indices [peaks], and a dict of properties by SciPy's names. Heights, thresholds, prominences
        and widths are differentiable in ``x``.

    >>> print(find_peaks(np.array([0.0, 2.0, 1.0, 3.0, 0.0]), height=2.5)[0])
    [3]
    """
    x = as_floating(x)
    values = _values("find_peaks", x)
    if distance is not None and distance < 1:
        raise ValueError(f"find_peaks: distance must be at least 1: got {distance}; write 1")
    peaks, first, last = _maxima(values)
    chosen = _Chosen(values, peaks)
    if plateau_size is not None:
        sizes = {"plateau_sizes": last - first + 1, "left_edges": first, "right_edges": last}
        chosen.limit("plateau_sizes", plateau_size, sizes)
    if height is not None:
        chosen.limit("peak_heights", height, {"peak_heights": take(x, chosen.peaks, axis=0)})
    if threshold is not None:
        chosen.limit_sides(threshold, x)
    if distance is not None:
        chosen.keep(_apart(chosen.peaks, values[chosen.peaks], distance), {})
    if prominence is not None or width is not None:
        found = peak_prominences(x, chosen.peaks, wlen)
        chosen.limit("prominences", prominence, dict(zip(_BASES, found, strict=True)))
    if width is not None:
        data = tuple(chosen.properties[k] for k in _BASES)
        ends = peak_widths(x, chosen.peaks, rel_height, data, wlen)
        chosen.limit("widths", width, dict(zip(_ENDS, ends, strict=True)))
    return chosen.peaks, chosen.properties


class _Chosen:
    """Peaks that fulfil the conditions so far, and their properties."""

    def __init__(self, values: np.ndarray, peaks: np.ndarray) -> None:
        self.values, self.peaks = values, peaks
        self.properties: dict[str, Any] = {}

    def keep(self, chosen: np.ndarray, properties: dict[str, Any]) -> None:
        """Drop the other peaks, after new properties were added."""
        self.peaks = self.peaks[chosen]
        self.properties = {k: v[chosen] for k, v in {**self.properties, **properties}.items()}

    def limit(self, name: str, limits: Any, properties: dict[str, Any]) -> None:
        """Keep peaks of which a property is within limits."""
        found = np.asarray(known(properties[name]))
        self.keep(_within(found, _bounds(limits, self.values, self.peaks)), properties)

    def limit_sides(self, limits: Any, x: Any) -> None:
        """Keep peaks whose distances to both neighbours are within limits."""
        at = take(x, self.peaks, axis=0)
        left, right = (at - take(x, self.peaks + step, axis=0) for step in (-1, 1))
        low, high = _bounds(limits, self.values, self.peaks)
        sides = [np.asarray(known(side)) for side in (left, right)]
        chosen = _within(np.minimum(*sides), (low, None))
        chosen &= _within(np.maximum(*sides), (None, high))
        self.keep(chosen, {"left_thresholds": left, "right_thresholds": right})


def _apart(peaks: np.ndarray, heights: np.ndarray, distance: float) -> np.ndarray:
    """Which peaks stay if the higher ones drop those that are nearer than ``distance``."""
    keep, gap = np.ones(len(peaks), bool), int(np.ceil(distance))
    for i in np.argsort(heights)[::-1]:
        if keep[i]:
            keep &= (np.abs(peaks - peaks[i]) >= gap) | (np.arange(len(peaks)) == i)
    return keep


@answering
def peak_prominences(x: Any, peaks: Any, wlen: int | None = None) -> tuple[Any, Any, Any]:
    """Heights of peaks above the higher of the two lowest samples before something higher.

    Args:
        x: samples, shape [n].
        peaks: indices of peaks, shape [m].
        wlen: int, the number of samples around a peak that are searched, by default all.

    Returns:
        Prominences, differentiable in x, and the indices of the lowest samples on both sides, [m].

    >>> print(peak_prominences(np.array([0.0, 2.0, 1.0, 3.0, 0.0]), np.array([1, 3]))[0])
    [1. 3.]
    """
    x = as_floating(x)
    values, peaks = _values("peak_prominences", x), np.asarray(peaks, int)
    left, right = np.empty_like(peaks), np.empty_like(peaks)
    reach = len(values) if wlen is None else (int(np.ceil(wlen)) | 1) // 2
    for k, p in enumerate(peaks):
        low, high = max(p - reach, 0), min(p + reach, len(values) - 1)
        above = np.flatnonzero(values[low:p] > values[p])
        start = low + above[-1] + 1 if len(above) else low
        above = np.flatnonzero(values[p : high + 1] > values[p])
        stop = p + above[0] if len(above) else high + 1
        side = values[start : p + 1]
        left[k] = p - int(np.argmin(side[::-1]))
        right[k] = p + int(np.argmin(values[p:stop]))
    higher = np.where(values[left] > values[right], left, right)
    return take(x, peaks, axis=0) - take(x, higher, axis=0), left, right


@answering
def peak_widths(
    x: Any, peaks: Any, rel_height: float = 0.5, prominence_data: Any = None,
    wlen: int | None = None,
) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """Widths of peaks at a share of their prominence below the top.

    Args:
        x, peaks, wlen: see :func:`peak_prominences`.
        rel_height: the share.
        prominence_data: the result of :func:`peak_prominences`, or None.

    Returns:
        Widths, the heights at which they are measured, and both ends, [m]; all differentiable.

    >>> print(peak_widths(np.array([0.0, 1.0, 2.0, 1.0, 0.0]), np.array([2]))[0])
    [2.]
    """
    x = as_floating(x)
    values, peaks = _values("peak_widths", x), np.asarray(peaks, int)
    if rel_height < 0:
        raise ValueError(f"peak_widths: rel_height must not be negative: got {rel_height}")
    data = peak_prominences(x, peaks, wlen) if prominence_data is None else prominence_data
    heights = take(x, peaks, axis=0) - data[0] * rel_height
    level = np.asarray(known(heights))
    ends = []
    for step, bases in ((-1, data[1]), (1, data[2])):
        inner = np.array(
            [_crossing(values, p, int(b), h, step)
             for p, b, h in zip(peaks, np.asarray(bases), level, strict=True)], int
        )  # fmt: skip
        at, beyond = take(x, inner, axis=0), inner - step
        slope = take(x, np.clip(beyond, 0, len(values) - 1), axis=0) - at
        lower = values[inner] < level
        share = np.where(lower, (heights - at) / np.where(lower, slope, 1.0), 0.0)
        ends.append(inner - step * share)
    return ends[1] - ends[0], heights, ends[0], ends[1]


def _crossing(values: np.ndarray, peak: int, base: int, height: float, step: int) -> int:
    """The first place from a peak whose value is not above a height."""
    i = int(peak)
    while i != base and height < values[i]:
        i += step
    return i


# relative extrema


@answering
def argrelextrema(
    data: Any, comparator: Callable[[Any, Any], Any], axis: int = 0, order: int = 1,
    mode: Any = "clip",
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Indices of the elements that compare with all neighbours; they have no derivative.

    Args:
        data: array of known values.
        comparator: a function of two arrays, as ``np.greater``.
        axis: the axis of the neighbours.
        order: int, the number of neighbours on each side.
        mode: "clip", the ends are their own neighbours, or "wrap".

    Returns:
        Indices for each axis, as ``np.nonzero``.

    >>> print(argrelextrema(np.array([0.0, 2.0, 1.0, 3.0, 0.0]), np.greater)[0])
    [1 3]
    """
    return _extrema("argrelextrema", data, comparator, axis, order, mode)


def _extrema(
    who: str, data: Any, comparator: Callable[[Any, Any], Any], axis: int, order: int, mode: Any
) -> tuple[np.ndarray, ...]:
    if order < 1 or mode not in ("clip", "wrap"):
        raise ValueError(
            f"{who}: order must be positive, and mode 'clip' or 'wrap': got {order}, {mode!r}"
        )
    x = _values(who, as_floating(data), None)
    places, keep = np.arange(x.shape[axis]), np.ones(x.shape, bool)
    for shift in range(1, order + 1):
        for i in (places + shift, places - shift):
            keep &= comparator(x, np.take(x, i, axis=axis, mode=mode))
    return np.nonzero(keep)


@answering
def argrelmax(data: Any, axis: int = 0, order: int = 1, mode: str = "clip") -> tuple[Any, ...]:
    """Indices of relative maxima; see :func:`argrelextrema`.

    >>> print(argrelmax(np.array([0.0, 2.0, 1.0]))[0])
    [1]
    """
    return _extrema("argrelmax", data, np.greater, axis, order, mode)


@answering
def argrelmin(data: Any, axis: int = 0, order: int = 1, mode: str = "clip") -> tuple[Any, ...]:
    """Indices of relative minima; see :func:`argrelextrema`.

    >>> print(argrelmin(np.array([2.0, 0.0, 1.0]))[0])
    [1]
    """
    return _extrema("argrelmin", data, np.less, axis, order, mode)
