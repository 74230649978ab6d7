"""Elements and updates at an index: out of range a read is clamped, and a write is dropped."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import Shape, dtype_of, shape_of
from ...core.trace import Tracer
from ...numpy.at import at
from ...numpy.indexing import getitem

_ARRAYS = (Tracer, np.ndarray, np.generic)


def elements(x: Any, index: Any) -> Any:
    """Elements at an index, the integers of which are clamped."""
    if isinstance(x, Tracer) or _traced(index):
        return getitem(x, clamped(index, shape_of(x)))
    try:
        return x[index]
    except IndexError:
        return x[clamped(index, shape_of(x))]


def clamped(index: Any, shape: Shape) -> Any:
    """The index, with its integers moved into range."""
    return _mapped(index, shape, _into_range)


def updated(x: Any, index: Any, method: str, values: Any, options: dict[str, Any]) -> Any:
    """``at(x)[index].method(values)``; updates out of range are dropped.

    The array gets a border for them only if an array of the index with axes is traced.
    """
    mode = options.pop("mode", None)
    if mode == "clip":
        return getattr(at(x)[clamped(index, shape_of(x))], method)(*values, **options)
    if mode not in (None, "drop", "fill"):
        return getattr(at(x)[index], method)(*values, **options)
    inside = _inside(index, shape_of(x))
    if inside is None:
        return getattr(at(x)[index], method)(*values, **options)
    if isinstance(inside, Tracer) and not shape_of(inside) and method in ("set", "add"):
        index = clamped(index, shape_of(x))
        kept = getitem(x, index) if method == "set" else np.zeros((), dtype_of(x))
        values = (np.where(inside, values[0], kept),)
        return getattr(at(x)[index], method)(*values, **options)
    return getattr(at(x)[index], method)(*values, mode="drop", **options)


def _inside(index: Any, shape: Shape) -> Any:
    """Whether all positions are in range: None if that is known.

    If arrays of the index have axes, one of theirs: which stands for no position as a whole.
    """
    found: list[Any] = []

    def look(i: Any, n: int) -> Any:
        inside = (i >= -n) & (i < n)
        if isinstance(inside, Tracer) or not np.all(inside):
            found.append(inside)
        return i

    _mapped(index, shape, look)
    with_axes = [f for f in found if np.ndim(f)]
    if with_axes or not found:
        return with_axes[0] if with_axes else None
    return functools.reduce(operator.and_, found)


def _mapped(index: Any, shape: Shape, function: Callable[[Any, int], Any]) -> Any:
    """The index with a function applied to its integers and the lengths of their axes."""
    entries = index if isinstance(index, tuple) else (index,)
    taken = sum(map(_axes, entries))
    axis, out = 0, []
    for entry in entries:
        if entry is Ellipsis:
            axis += len(shape) - taken
        known = _is_integers(entry) and axis < len(shape)
        out.append(function(entry, shape[axis]) if known else entry)
        axis += _axes(entry)
    return tuple(out) if isinstance(index, tuple) else out[0]


def _is_integers(entry: Any) -> bool:
    if isinstance(entry, _ARRAYS):
        return dtype_of(entry).kind in "iu"
    return isinstance(entry, int) and not isinstance(entry, bool)


def _axes(entry: Any) -> int:
    """The number of axes that an entry of an index takes."""
    if entry is None or entry is Ellipsis or isinstance(entry, bool):
        return 0
    mask = isinstance(entry, _ARRAYS) and dtype_of(entry).kind == "b"
    return len(shape_of(entry)) if mask else 1


def _into_range(i: Any, n: int) -> Any:
    if not isinstance(i, Tracer) and np.all((i >= -n) & (i < n)):
        return i
    if isinstance(i, int):
        return min(max(i, -n), n - 1)
    return np.clip(i.astype(np.intp), -n, n - 1)


def _traced(index: Any) -> bool:
    entries = index if isinstance(index, tuple) else (index,)
    return any(isinstance(entry, Tracer) for entry in entries)
