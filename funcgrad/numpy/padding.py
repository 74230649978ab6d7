"""numpy.pad."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..ops.index import Index, getitem_p, scatter_add_p
from ..ops.operand import holds_tracer, operand, strong
from ..ops.structure import broadcast_to, cast
from .aliasing import in_order_of
from .dispatch import implements, unsupported
from .joining import concatenate
from .manipulation import take_known
from .shapes import slice_axis


@implements("pad")
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Pad an array; see numpy.pad for the modes.

    Raises:
        UnsupportedError: for a mode that is a function.
    """
    x = strong(operand(array))
    rank = len(shape_of(x))
    if isinstance(pad_width, dict):
        given: Any = (pad_width.get(d, pad_width.get(d - rank, 0)) for d in range(rank))
        pad_width = [np.broadcast_to(width, 2) for width in given]
    pairs = np.broadcast_to(np.asarray(pad_width), (rank, 2))
    if np.any(pairs < 0):
        raise ValueError("index can't contain negative values")
    if callable(mode):
        raise unsupported("pad", f"mode={mode!r}", "build the border with concatenate")
    small = np.ones([min(n, 1) for n in shape_of(x)])  # NumPy checks modes and options
    np.pad(small, np.minimum(pairs, 1) if rank else 0, mode, **_without_tracers(kwargs))
    return in_order_of(_padded(x, pairs.tolist(), mode, kwargs), x, "A")


def _padded(x: Any, widths: list[Any], mode: str, kwargs: dict[str, Any]) -> Any:
    """Array with borders of these widths along its axes."""
    if mode == "constant":
        return _pad_constant(x, widths, kwargs.get("constant_values", 0))
    if mode in _STATISTICS or mode == "linear_ramp":
        return _pad_values(x, widths, mode, kwargs)
    how = _ODD[mode] if kwargs.get("reflect_type") == "odd" else partial(_pad_by_index, mode=mode)
    for d, width in enumerate(widths):
        if any(width):
            x = how(x, width, d)
    return x


def _without_tracers(options: dict[str, Any]) -> dict[str, Any]:
    return {k: 0 if holds_tracer(v) else v for k, v in options.items()}


def _pad_by_index(x: Any, width: Any, d: int, mode: Any) -> Any:
    """Pad one axis with elements of the array, or with zeros for mode 'empty'."""
    n = shape_of(x)[d]
    if mode == "empty":
        return _add_border(x, d, width, 0, 0)
    places = np.pad(np.arange(n), width, mode)
    before, after = (_at_run(x, part, d) for part in (places[: width[0]], places[width[0] + n :]))
    if before is None or after is None:
        return take_known(x, places, d)
    return concatenate([before, x, after], d)


def _at_run(x: Any, places: Any, d: int) -> Any:
    """The elements at places of one axis as a slice; None where these turn or go round."""
    if not len(places):
        return slice_axis(x, d, 0, 0)
    first, last, step = int(places[0]), int(places[-1]), int(places[-1] > places[0]) * 2 - 1
    if len(places) > 1 and first == last and np.all(places == first):
        shape = (*shape_of(x)[:d], len(places), *shape_of(x)[d + 1 :])
        return broadcast_to(slice_axis(x, d, first, first + 1), shape)
    if abs(last - first) != len(places) - 1 or np.any(np.diff(places) != step):
        return None
    if len(places) == 1 or step > 0:
        return slice_axis(x, d, first, last + 1)
    stop = last - 1 if last else None
    return getitem_p(x, index=Index((*[slice(None)] * d, slice(first, stop, -1))))


def _pad_odd(x: Any, width: Any, d: int, turn: int) -> Any:
    """Pad one axis by point reflection at its ends, ``turn`` elements before the first.

    Two reflections shift by twice the length, and by twice the difference of the ends.
    """
    n = shape_of(x)[d]
    period = n - 1 + turn
    if not period:  # NumPy repeats a single element
        return _pad_by_index(x, width, d, "edge")
    turns, position = np.divmod(np.arange(-width[0], n + width[1]), 2 * period)
    back = position >= n
    along = (slice(None), *[None] * (len(shape_of(x)) - 1 - d))
    picked = take_known(x, np.where(back, 2 * period - turn - position, position), d)
    first, last = slice_axis(x, d, None, 1), slice_axis(x, d, -1, None)
    sign = np.where(back, -1, 1).astype(dtype_of(x))[along]
    ends = turns.astype(dtype_of(x))[along] * (2 * (last - first))
    return picked * sign + back.astype(dtype_of(x))[along] * (2 * last) + ends


def _pad_constant(x: Any, widths: Any, values: Any) -> Any:
    rank = len(shape_of(x))
    traced = holds_tracer(values)
    if not traced and not np.any(values):
        shape = tuple(n + a + b for n, (a, b) in zip(shape_of(x), widths, strict=True))
        inside = (slice(a, a + n) for n, (a, _) in zip(shape_of(x), widths, strict=True))
        return scatter_add_p(x, shape=shape, index=Index(inside))
    if not traced:
        values = _cast_checked(np.asarray(values), dtype_of(x))
    values = broadcast_to(cast(strong(operand(values)), dtype_of(x)), (rank, 2))
    for d in range(rank):
        x = _add_border(x, d, widths[d], values[d, 0], values[d, 1])
    return x


def _cast_checked(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values cast to a dtype as NumPy's assignment does, which raises if one is out of range."""
    out = np.empty(values.shape, dtype)
    for position in np.ndindex(values.shape):
        out[position] = values[position]
    return out


def _add_border(x: Any, d: int, width: Any, before: Any, after: Any) -> Any:
    """Join borders of ``width`` to both ends of one axis; each broadcasts to its shape."""
    borders = []
    for n, value in zip(width, (before, after), strict=True):
        shape = (*shape_of(x)[:d], n, *shape_of(x)[d + 1 :])
        borders.append(cast(broadcast_to(value, shape), dtype_of(x)))
    return concatenate([borders[0], x, borders[1]], d)


def _pad_values(x: Any, widths: Any, mode: str, options: dict[str, Any]) -> Any:
    """Pad by a statistic along each axis, or by a linear ramp from the ends."""
    rank = len(shape_of(x))
    ends = broadcast_to(strong(operand(options.get("end_values", 0))), (rank, 2))
    lengths = np.broadcast_to(np.asarray(options.get("stat_length"), object), (rank, 2))
    for d, (a, b) in enumerate(widths):
        if not a + b:
            continue
        first, last = slice_axis(x, d, None, 1), slice_axis(x, d, -1, None)
        if mode == "linear_ramp":
            along = (slice(None), *[None] * (rank - 1 - d))
            up, down = (np.arange(n)[along] / max(n, 1) for n in (a, b))
            before = ends[d, 0] + (first - ends[d, 0]) * up
            after = ends[d, 1] + (last - ends[d, 1]) * np.flip(down, 0)
            if dtype_of(x).kind in "iu":
                before, after = np.floor(before), np.floor(after)
        else:
            statistic = _STATISTICS[mode]
            head = slice_axis(x, d, None, lengths[d, 0])
            n = shape_of(x)[d]
            tail = slice_axis(
                x, d, max(n - (n if lengths[d, 1] is None else lengths[d, 1]), 0), None
            )
            before, after = (statistic(part, axis=d, keepdims=True) for part in (head, tail))
            if dtype_of(x).kind in "iu" and is_inexact(dtype_of(before)):
                before, after = np.rint(before), np.rint(after)
        x = _add_border(x, d, (a, b), before, after)
    return x


_STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": np.mean,
    "maximum": np.max,
    "minimum": np.min,
    "median": np.median,
}
_ODD = {"reflect": partial(_pad_odd, turn=0), "symmetric": partial(_pad_odd, turn=1)}
