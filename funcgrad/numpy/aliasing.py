"""Views: results that share memory with their operand, exactly where NumPy's do."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..core.avals import Shape, shape_of
from ..core.buffers import Buffer
from ..core.memory import alias, owner_of, steps_of
from ..core.trace import ConcreteTracer, Tracer
from ..ops.index import getitem_p
from ..ops.structure import reshape_p, transpose_p


def viewed(y: Any, x: Any, prim: Any, params: dict[str, Any], writeable: bool = True) -> Any:
    """The result of one operation on ``x``, as a view of its memory."""
    if y is x or not isinstance(x, Tracer):
        return y
    if not isinstance(y, Tracer):
        if type(x) is not Buffer or not isinstance(y, np.ndarray):
            return y
        y = Buffer(y)
    return alias(y, x, prim, params, writeable)


def reshaped(x: Any, shape: Shape) -> Any:
    """``x`` with another shape: a view where NumPy gives one, else a copy."""
    if not isinstance(x, Tracer):
        return reshape_p(x, shape=shape)
    y = reshape_p(x, shape=shape)
    return viewed(y, x, reshape_p, {"shape": shape}) if _shares(y, x, shape) else y


def _shares(y: Any, x: Any, shape: Shape) -> bool:
    """Whether the reshaped ``y`` shares the memory of ``x`` in NumPy."""
    own, part = _bottom(x), _bottom(y)
    if isinstance(own, np.ndarray) and isinstance(part, np.ndarray):
        return part.base is own or (own.base is not None and part.base is own.base)
    return strides_after_reshape(x.shape, layout_of(x).strides, shape) is not None


def _bottom(x: Any) -> Any:
    """The array at the bottom of tracers with known values."""
    while isinstance(x, ConcreteTracer):
        x = x.value
    return x


def layout_of(x: Any) -> np.ndarray:
    """An array of one byte an element, never read, with the layout of a tracer in memory."""
    shape = shape_of(owner_of(x))
    layout = _laid_out(shape, _contiguous_strides(shape))
    for prim, params in steps_of(x):
        if prim is getitem_p:
            layout = layout[tuple(params["index"])]
        elif prim is transpose_p:
            layout = layout.transpose(params["perm"])
        elif prim is reshape_p:
            shape = params["shape"]
            strides = strides_after_reshape(layout.shape, layout.strides, shape)
            layout = _laid_out(shape, strides or _contiguous_strides(shape))
    return layout


def _laid_out(shape: Shape, strides: Sequence[int]) -> np.ndarray:
    return as_strided(np.empty(1, np.int8), shape, strides)


def _contiguous_strides(shape: Shape) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def strides_after_reshape(
    shape: Shape, strides: Sequence[int], new: Shape
) -> tuple[int, ...] | None:
    """The strides of a reshaped view, None where the elements must be copied.

    Groups of axes with equal numbers of elements are matched from the left; the old axes of a
    group must lie behind each other in memory.
    """
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    found: list[int] = []
    i = j = 0
    lengths = list(new)
    while j < len(lengths):
        if lengths[j] == 1:
            found.append(found[-1] * 1 if found else 1)
            j += 1
            continue
        if 0 in new:
            return _contiguous_strides(new)
        first, count = i, old[i][0]
        start, size = j, lengths[j]
        i, j = i + 1, j + 1
        while count != size:
            if count < size:
                count *= old[i][0]
                i += 1
            else:
                size *= lengths[j]
                j += 1
        for (_, outer), (n, inner) in zip(old[first : i - 1], old[first + 1 : i], strict=True):
            if outer != n * inner:
                return None
        step = old[i - 1][1]
        group = []
        for n in reversed(lengths[start:j]):
            group.append(step)
            step *= n
        found += reversed(group)
    return tuple(found)
