"""Borders around an array."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, is_inexact, shape_of
from ..core.trace import Tracer
from ..ops.index import Index, scatter_add_p
from ..ops.operand import operand, strong
from ..ops.structure import broadcast_to, cast
from .order import take_known
from .shapes import concatenate, cut
from .table import implements, unsupported


@implements("pad")
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Add borders; see numpy.pad for the modes.

    Raises:
        UnsupportedError: for a mode that is a function.
    """
    x = operand(array)
    rank = len(shape_of(x))
    if isinstance(pad_width, dict):
        given = (pad_width.get(d, pad_width.get(d - rank, 0)) for d in range(rank))
        pad_width = [np.broadcast_to(width, 2) for width in given]
    widths = np.broadcast_to(np.asarray(pad_width), (rank, 2)).tolist()
    if np.any(np.asarray(widths) < 0):
        raise ValueError("index can't contain negative values")
    if mode in ("edge", "reflect", "symmetric", "wrap", "empty") and "reflect_type" not in kwargs:
        for d, width in enumerate(widths):
            if any(width):
                how = "edge" if mode == "empty" else mode
                x = take_known(x, np.pad(np.arange(shape_of(x)[d]), width, how), d)
        return x
    if mode == "constant":
        return _pad_constant(x, widths, kwargs.get("constant_values", 0))
    if mode in _STATISTICS or mode == "linear_ramp" or kwargs.get("reflect_type") == "even":
        return _pad_values(x, widths, mode, kwargs)
    if not callable(mode) and mode not in ("reflect", "symmetric"):
        raise ValueError(f"mode '{mode}' is not supported")
    raise unsupported("pad", f"mode={mode!r} {kwargs or ''}", "build the border with concatenate")


def _pad_constant(x: Any, widths: Any, values: Any) -> Any:
    rank = len(shape_of(x))
    if not isinstance(values, Tracer) and not np.any(values):
        shape = tuple(n + a + b for n, (a, b) in zip(shape_of(x), widths, strict=True))
        inside = (slice(a, a + n) for n, (a, _) in zip(shape_of(x), widths, strict=True))
        return scatter_add_p(x, shape=shape, index=Index(inside))
    values = broadcast_to(strong(operand(values)), (rank, 2))
    for d in range(rank):
        x = _bordered(x, d, widths[d], values[d, 0], values[d, 1])
    return x


def _bordered(x: Any, d: int, width: Any, before: Any, after: Any) -> Any:
    """Join borders of ``width`` to both ends of one axis; each stretches to its place."""
    borders = []
    for n, value in zip(width, (before, after), strict=True):
        shape = (*shape_of(x)[:d], n, *shape_of(x)[d + 1 :])
        borders.append(cast(broadcast_to(value, shape), dtype_of(x)))
    return concatenate([borders[0], x, borders[1]], d)


def _pad_values(x: Any, widths: Any, mode: str, options: dict[str, Any]) -> Any:
    """Pad by a statistic of each line, or by a ramp from its ends."""
    rank = len(shape_of(x))
    if mode not in _STATISTICS and mode != "linear_ramp":
        return pad(x, widths, mode)
    ends = np.broadcast_to(np.asarray(options.get("end_values", 0)), (rank, 2))
    lengths = np.broadcast_to(np.asarray(options.get("stat_length"), object), (rank, 2))
    for d, (a, b) in enumerate(widths):
        first, last = cut(x, d, None, 1), cut(x, d, -1, None)
        if mode == "linear_ramp":
            along = (slice(None), *[None] * (rank - 1 - d))
            up, down = (np.arange(n)[along] / max(n, 1) for n in (a, b))
            before = ends[d, 0] + (first - ends[d, 0]) * up
            after = ends[d, 1] + (last - ends[d, 1]) * np.flip(down, 0)
        else:
            statistic = _STATISTICS[mode]
            head = cut(x, d, None, lengths[d, 0])
            tail = x if lengths[d, 1] is None else cut(x, d, -lengths[d, 1], None)
            before, after = (statistic(part, axis=d, keepdims=True) for part in (head, tail))
            if not is_inexact(dtype_of(x)):
                before, after = np.rint(before), np.rint(after)
        x = _bordered(x, d, (a, b), before, after)
    return x


_STATISTICS = {"mean": np.mean, "maximum": np.max, "minimum": np.min, "median": np.median}
