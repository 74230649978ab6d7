"""``at(x)[index].set(v)``: assignment as an expression, on arrays and tracers alike."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import Shape, aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.trace import Tracer
from ..ops import elementwise as ew
from ..ops.assign import add_at_p, set_at_p
from ..ops.index import ARRAY, Index, getitem_p, indexed_shape
from ..ops.operand import operand, strong
from ..ops.structure import broadcast_to, cast, reshape
from .indexing import concrete, getitem, parse

_DIRECT = (None, "promise_in_bounds")  # NumPy's own rules: an index out of range raises


def at(x: Any) -> "At":
    """Return what ``x`` can be indexed with to update it functionally.

    ``at(x)[index].set(v)`` gives a copy of ``x`` with ``x[index] = v`` done, and likewise
    ``add subtract multiply divide power min max apply``; ``get`` reads. The index is NumPy's;
    where it names an element more than once every update counts, for ``set`` the last. The
    result has the dtype of ``x``.

    Each takes ``mode=``: by default an index out of range raises IndexError; ``"drop"`` (or
    ``"fill"``) leaves such updates out, ``"clip"`` and ``"wrap"`` move them into range.

    >>> at(np.zeros(3))[1].set(5.0)
    array([0., 5., 0.])
    >>> at(np.zeros(3))[np.array([0, 0])].add(1.0)
    array([2., 0., 0.])
    """
    return At(x)


class At:
    """An array waiting for an index."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = strong(operand(array))

    def __getitem__(self, index: Any) -> "Place":
        return Place(self.array, index)

    def __repr__(self) -> str:
        return f"at({self.array!r})"


class Place:
    """Elements of an array, waiting for what is to be done to them."""

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array, self.index = array, index

    def __repr__(self) -> str:
        return f"at({self.array!r})[{self.index!r}]"

    def get(self, *, mode: str | None = None, fill_value: Any = None) -> Any:
        """Return the elements; with mode "fill" those out of range are ``fill_value`` or nan."""
        if mode in _DIRECT:
            return getitem(self.array, self.index)
        positions, inside = _positions(self.array, self.index, mode)
        y = reshape(self.array, (-1,))[positions]
        if fill_value is None:
            fill_value = np.nan if is_inexact(dtype_of(y)) else 0
        return y if inside.all() else ew.where(inside, y, fill_value)

    def set(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with the elements replaced."""
        x, key, arrays, v = self._update("set", values, mode)
        return reshape(set_at_p(x, v, *arrays, index=key), shape_of(self.array))

    def add(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with values added to the elements."""
        return self._added(*self._update("add", values, mode))

    def subtract(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with values subtracted from the elements."""
        x, key, arrays, v = self._update("subtract", values, mode)
        return self._added(x, key, arrays, ew.neg(v))

    def multiply(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with the elements multiplied by values."""
        return self._each("multiply", ew.mul, values, mode)

    def divide(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with the elements divided by values."""
        return self._each("divide", ew.div, values, mode)

    def power(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with the elements raised to values."""
        return self._each("power", ew.pow, values, mode)

    def min(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with the elements limited from above by values."""
        return self._each("min", ew.minimum, values, mode)

    def max(self, values: Any, *, mode: str | None = None) -> Any:
        """Return the array with the elements limited from below by values."""
        return self._each("max", ew.maximum, values, mode)

    def apply(self, function: Callable[[Any], Any], *, mode: str | None = None) -> Any:
        """Return the array with an elementwise function applied to the elements."""
        return self._each("apply", lambda old, _: function(old), False, mode)

    def _added(self, x: Any, key: Index, arrays: list[Any], v: Any) -> Any:
        return reshape(add_at_p(x, v, *arrays, index=key), shape_of(self.array))

    def _update(self, who: str, values: Any, mode: str | None) -> tuple[Any, Index, list[Any], Any]:
        """Return the array, index and values of an update whose index is in range."""
        x, v = self.array, strong(operand(values))
        if mode in _DIRECT:
            x, key, arrays = parse(x, self.index)
            shape = indexed_shape(shape_of(x), key, [shape_of(a) for a in arrays])
            return x, key, arrays, _fitted(who, v, shape, dtype_of(x))
        positions, inside = _positions(x, self.index, mode)
        v = _fitted(who, v, positions.shape, dtype_of(x))
        return reshape(x, (-1,)), Index([ARRAY]), [positions[inside]], v[inside]

    def _each(self, who: str, function: Callable[..., Any], values: Any, mode: str | None) -> Any:
        """Return the array with elements replaced by ``function(element, value)``.

        Duplicates are done one after the other, so that each counts and has its derivative.
        """
        x, key, arrays, v = self._update(who, values, mode)
        if not arrays:
            new = function(getitem_p(x, index=key), v)
            return set_at_p(x, cast(new, dtype_of(x)), index=key)
        places = np.arange(aval_of(x).size).reshape(shape_of(x))
        places = places[key.with_arrays([concrete(f"at[].{who}", a) for a in arrays])].ravel()
        x, v = reshape(x, (-1,)), reshape(v, (-1,))
        rounds = _occurrence(places)
        for n in range(rounds.max(initial=-1) + 1):
            now = places[rounds == n]
            new = cast(function(x[now], v[rounds == n]), dtype_of(x))
            x = set_at_p(x, new, now, index=Index([ARRAY]))
        y = reshape(x, shape_of(self.array))
        return y if rounds.size or isinstance(y, Tracer) else np.array(y)


def _occurrence(places: np.ndarray) -> np.ndarray:
    """Return how many equal entries stand before each."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    starts = np.searchsorted(ordered, ordered)
    counts = np.empty_like(places)
    counts[order] = np.arange(len(places)) - starts
    return counts


def _fitted(who: str, v: Any, shape: Shape, dtype: np.dtype) -> Any:
    """Return the values of an update with the shape and dtype of the elements."""
    if not np.can_cast(dtype_of(v), dtype, "same_kind"):
        raise DtypeError(
            f"at[].{who}: values of dtype {dtype_of(v)} do not fit an array of dtype {dtype}; "
            f"convert the array: at(x.astype({str(dtype_of(v))!r}))"
        )
    try:
        fits = np.broadcast_shapes(shape_of(v), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"at[].{who}: the values do not broadcast to the elements: got {aval_of(v)} for "
            f"elements of shape {shape}"
        )
    return broadcast_to(cast(v, dtype), shape)


def _positions(x: Any, index: Any, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the places in ``x.ravel()`` that an index names, and which of them are in range."""
    if mode not in ("drop", "fill", "clip", "wrap"):
        raise ValueError(f"at[]: mode must be 'drop', 'fill', 'clip' or 'wrap': got {mode!r}")
    x, key, arrays = parse(x, index)
    shape = shape_of(x)
    # a table of the places, with a border of -1 in which everything out of range ends
    table = np.full([n + 1 for n in shape], -1)
    table[tuple(slice(n) for n in shape)] = np.arange(math.prod(shape)).reshape(shape)
    moved: list[Any] = []
    rest = iter(arrays)
    axis = 0
    for entry in key:
        if entry is None or entry is Ellipsis:
            moved.append(entry)
            continue
        n = shape[axis]
        axis += 1
        if type(entry) is slice:
            moved.append(_within(entry, n))
        else:
            i = concrete("at[] with a mode", next(rest)) if entry is ARRAY else np.asarray(entry)
            moved.append(_moved(i, n, mode))
    moved += [slice(n) for n in shape[axis:]]
    places = table[tuple(moved)]
    return np.maximum(places, 0), places >= 0


def _within(entry: slice, n: int) -> slice:
    """Return a slice of an axis that has a border behind its n elements."""
    start, stop, step = entry.indices(n)
    return slice(start, None if stop < 0 else stop, step)


def _moved(i: np.ndarray, n: int, mode: str) -> np.ndarray:
    """Return indices into an axis of length n: in range, or n itself."""
    if mode == "wrap":
        return i % n
    if mode == "clip":
        return np.clip(i, 0, n - 1)
    return np.where((-n <= i) & (i < n), i % n, n)
