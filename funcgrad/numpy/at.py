"""``at(x)[index].set(v)``: functional updates of arrays and traced values."""

import operator
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from types import EllipsisType, NoneType
from typing import Any, NoReturn

import numpy as np

from ..control.loops import scan
from ..core.avals import Shape, aval_of, broadcast_shapes, dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError, shown
from ..core.lazy import answering
from ..core.registry import load
from ..core.trace import Tracer, is_concrete
from ..ops import compare, elementwise as ew
from ..ops.assign import add_at_p, max_at_p, min_at_p, set_at_p
from ..ops.index import ARRAY, Index, getitem_p, indexed_shape
from ..ops.operand import cast_assigned, operand, strong
from ..ops.structure import broadcast_to, cast, reshape
from .indexing import concrete, getitem, parse

_OTHER_NAMES = {"mul": "multiply", "sub": "subtract", "div": "divide", "update": "set"}
_DIRECT = (None, "raise", "promise_in_bounds")  # an index out of range raises
_PLAIN = frozenset({int, slice, np.ndarray, NoneType, EllipsisType})


@answering
def at(x: Any) -> "IndexUpdateHelper":
    """Functional update of an array: ``at(x)[index].set(v)`` is a copy with ``x[index] = v``.

    The methods are ``set add subtract multiply divide power min max apply``; ``get`` reads. The
    index is NumPy's. With duplicate indices every update is applied; of ``set``, the last one
    stays. The result has the dtype of ``x``.

    Each method takes ``mode``: by default an index out of range raises IndexError; ``"drop"`` (or
    ``"fill"``) skips such updates, ``"clip"`` and ``"wrap"`` move the index into range. ``min`` and
    ``max`` share the gradient between ties. ``unique_indices=True`` promises that no index occurs
    twice, which saves ``multiply divide power apply`` a loop under jit. ``indices_are_sorted`` has
    no effect.

    >>> at(np.zeros(3))[1].set(5.0)
    array([0., 5., 0.])
    >>> at(np.zeros(3))[np.array([0, 0])].add(1.0)
    array([2., 0., 0.])
    """
    return IndexUpdateHelper(x)


class IndexUpdateHelper:
    """An array to be indexed and updated."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = strong(operand(array))

    def __getattr__(self, name: str) -> NoReturn:
        cure = f"; write at(x)[index].{name}(...)" if hasattr(IndexUpdateRef, name) else ""
        words = f"at: the index is missing: got at(x).{name}{cure}"
        raise AttributeError(words, name=name, obj=self)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            f"at: an update is functional: got at(x)[{shown(index)}] = ...; write "
            f"x = at(x)[{shown(index)}].set(value)"
        )

    def __getitem__(self, index: Any) -> "IndexUpdateRef":
        return IndexUpdateRef(self.array, index)

    def __repr__(self) -> str:
        return f"at({self.array!r})"


class IndexUpdateRef:
    """Elements of an array to be read or updated."""

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array, self.index = array, index

    def __repr__(self) -> str:
        return f"at({self.array!r})[{self.index!r}]"

    def __getattr__(self, name: str) -> NoReturn:
        known = [n for n in vars(IndexUpdateRef) if n[0] != "_"]
        near = _OTHER_NAMES.get(name) or next(iter(get_close_matches(name, known, 1)), "set")
        words = f"at[]: it has no method {name!r}: got at(x)[i].{name}; use at(x)[i].{near}(value)"
        raise AttributeError(words, name=name, obj=self)

    def get(
        self,
        *,
        mode: str | None = None,
        fill_value: Any = None,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
    ) -> Any:
        """The elements; with mode "fill", those out of range are ``fill_value`` or nan."""
        if mode in _DIRECT:
            try:
                return getitem(self.array, self.index)
            except IndexError as err:
                load("funcgrad.answers.binding").note_operands(err, "at[].get", (self.array,))
                raise
        if fill_value is None:
            fill_value = np.nan if is_inexact(dtype_of(self.array)) else 0
        x, key, arrays, _ = _normalized_index(self.array, self.index, mode, fill_value)
        return getitem_p(x, *arrays, index=key)

    def set(self, values: Any, **options: Any) -> Any:
        """Array with the elements replaced."""
        out = self._written(operator.setitem, values, options)
        if out is not None:
            return out
        return self._updated("set", set_at_p, values, **options)

    def add(self, values: Any, **options: Any) -> Any:
        """Array with values added to the elements."""
        given = values.shape if type(values) is np.ndarray else ()
        single = type(self.index) is np.ndarray and given in ((), self.index.shape)
        if (single and self.array.ndim == 1) or not _holds_arrays(self.index):
            out = self._written(np.add.at if single else _add_to_slices, values, options)
            if out is not None:
                return out
        return self._updated("add", add_at_p, values, **options)

    def subtract(self, values: Any, **options: Any) -> Any:
        """Array with values subtracted from the elements."""
        return self._updated("subtract", _subtract, values, **options)

    def min(self, values: Any, **options: Any) -> Any:
        """Array with each element replaced by its minimum with a value."""
        return self._updated("min", min_at_p, values, **options)

    def max(self, values: Any, **options: Any) -> Any:
        """Array with each element replaced by its maximum with a value."""
        return self._updated("max", max_at_p, values, **options)

    def multiply(self, values: Any, **options: Any) -> Any:
        """Array with the elements multiplied by values."""
        return self._updated("multiply", SequentialUpdate(ew.mul), values, **options)

    def divide(self, values: Any, **options: Any) -> Any:
        """Array with the elements divided by values."""
        return self._updated("divide", SequentialUpdate(ew.div), values, **options)

    def power(self, values: Any, **options: Any) -> Any:
        """Array with the elements raised to powers."""
        return self._updated("power", SequentialUpdate(ew.pow), values, **options)

    def apply(self, function: Callable[[Any], Any], **options: Any) -> Any:
        """Array with an elementwise function applied to the elements."""
        return self._updated(
            "apply", SequentialUpdate(lambda old, _: function(old)), False, **options
        )

    def _written(self, write: Callable[..., None], values: Any, options: Any) -> Any:
        """Array updated by plain NumPy, None where tracers or options need more."""
        if options or not _is_plain(self.array, self.index, values):
            return None
        out = np.array(self.array)
        try:
            write(out, self.index, values)
        except (ValueError, IndexError):
            return None  # the caller raises with context
        return out

    def _updated(
        self,
        who: str,
        update: Callable[..., Any],
        values: Any,
        *,
        mode: str | None = None,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
    ) -> Any:
        v = operand(values)
        try:
            x, key, arrays, crop = _normalized_index(self.array, self.index, mode, 1)
            shape = indexed_shape(shape_of(x), key, [shape_of(a) for a in arrays])
            v = _broadcast_values(who, v, shape, dtype_of(x))
            if isinstance(update, SequentialUpdate):
                y = update(x, v, arrays, key, unique_indices)
            else:
                y = update(x, v, *arrays, index=key)
        except IndexError as err:
            note = load("funcgrad.answers.binding").note_operands
            note(err, f"at[].{who}", (self.array, self.index))
            raise
        return reshape(y[crop] if crop else y, shape_of(self.array))


def combined(x: Any, index: Any, function: Callable[[Any, Any], Any], values: Any) -> Any:
    """Array with ``function(element, value)`` at an index, for duplicates repeatedly."""
    return at(x)[index]._updated("at", SequentialUpdate(function), values)


def _subtract(x: Any, v: Any, *arrays: Any, index: Index) -> Any:
    return add_at_p(x, ew.neg(v), *arrays, index=index)


class SequentialUpdate:
    """Replaces elements by ``function(element, value)``, for duplicate indices repeatedly.

    A known index is processed in rounds without duplicates; an unknown one element by element,
    unless the caller promises that no index occurs twice.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function

    def __call__(self, x: Any, v: Any, arrays: list[Any], key: Index, unique: bool) -> Any:
        if unique or not arrays:
            return self.at_once(x, v, arrays, key)
        shape, indices = shape_of(x), np.arange(aval_of(x).size).reshape(shape_of(x))
        indices = reshape(getitem_p(indices, *arrays, index=key), (-1,))
        way = self.in_rounds if is_concrete(indices) else self.one_by_one
        return reshape(way(reshape(x, (-1,)), reshape(v, (-1,)), indices), shape)

    def at_once(self, x: Any, v: Any, arrays: Sequence[Any], key: Index) -> Any:
        new = self.function(getitem_p(x, *arrays, index=key), v)
        return set_at_p(x, cast(new, dtype_of(x)), *arrays, index=key)

    def in_rounds(self, x: Any, v: Any, indices: Any) -> Any:
        indices = concrete("at[]", indices)
        rounds = _occurrence(indices)
        for n in range(rounds.max(initial=-1) + 1):
            now = rounds == n
            x = self.at_once(x, v[now], [indices[now]], Index([ARRAY]))
        return x if rounds.size or isinstance(x, Tracer) else np.array(x)

    def one_by_one(self, x: Any, v: Any, indices: Any) -> Any:
        def step(x: Any, pair: Any) -> tuple[Any, None]:
            position, value = pair
            return self.at_once(x, value, [position], Index([ARRAY])), None

        return scan(step, x, (indices, v))[0]


def _occurrence(indices: np.ndarray) -> np.ndarray:
    """Number of equal entries before each entry."""
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.searchsorted(ordered, ordered)
    counts = np.empty_like(indices)
    counts[order] = np.arange(len(indices)) - starts
    return counts


def _add_to_slices(x: np.ndarray, index: Any, values: Any) -> None:
    x[index] += values


def _holds_arrays(index: Any) -> bool:
    return any(type(e) is np.ndarray for e in (index if type(index) is tuple else (index,)))


def _is_plain(x: Any, index: Any, values: Any) -> bool:
    """Whether nothing is traced and the dtypes of array and values fit."""
    entries = index if type(index) is tuple else (index,)
    if type(x) is not np.ndarray or not all(type(e) in _PLAIN for e in entries):
        return False
    if type(values) is np.ndarray:
        return values.dtype == x.dtype
    return type(values) is float and x.dtype.kind == "f"


def _broadcast_values(who: str, v: Any, shape: Shape, dtype: np.dtype) -> Any:
    """Values of an update with the shape and dtype of the elements."""
    v = cast_assigned(v, dtype) if type(v) is int and dtype.kind in "iu" else strong(v)
    if not np.can_cast(dtype_of(v), dtype, "same_kind"):
        cure = f"convert the array: at(x.astype({str(dtype_of(v))!r}))"
        raise DtypeError(
            f"at[].{who}: values of dtype {dtype_of(v)} do not fit an array of dtype {dtype}; "
            f"{'write float(value)' if dtype_of(v).kind in 'US' else cure}"
        )
    given, extra = shape_of(v), len(shape_of(v)) - len(shape)
    if extra > 0 and given[:extra] == (1,) * extra:  # NumPy drops leading axes of length 1
        v = reshape(v, given[extra:])
    try:
        fits = broadcast_shapes(shape_of(v), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"at[].{who}: the values do not broadcast to the elements: got {aval_of(v)} for "
            f"elements of shape {shape}; give that shape, or a scalar"
        )
    return broadcast_to(cast(v, dtype), shape)


def _normalized_index(
    x: Any, index: Any, mode: str | None, border: Any
) -> tuple[Any, Index, list[Any], tuple[slice, ...]]:
    """Array, index and index arrays, all in range, and a function that crops the array again.

    Modes "drop" and "fill" send indices out of range to a border after the indexed axes.
    """
    x, key, arrays = parse(x, index)
    if mode in _DIRECT:
        return x, key, arrays, ()
    if mode not in ("drop", "fill", "clip", "wrap"):
        raise ValueError(
            f"at[]: mode must be 'drop', 'fill', 'clip' or 'wrap': got {shown(mode)}; write "
            f"mode='drop' to skip indices out of range"
        )
    shape, rest, axis = shape_of(x), iter(arrays), 0
    entries: list[Any] = []
    widths = [(0, 0)] * len(shape)
    moved: list[Any] = []
    for entry in key:
        if entry is ARRAY or type(entry) is int:
            i = next(rest) if entry is ARRAY else np.asarray(entry)
            moved.append(_in_range(cast(i, np.dtype(np.intp)), shape[axis], mode))
            widths[axis] = (0, int(mode in ("drop", "fill")))
            entry = ARRAY
        entries.append(entry)
        axis += entry is not None and entry is not Ellipsis
    if not any(after for _, after in widths):
        return x, Index(entries), moved, ()
    bordered = np.pad(x, widths, constant_values=border)
    return bordered, Index(entries), moved, tuple(slice(n) for n in shape)


def _in_range(i: Any, n: int, mode: str) -> Any:
    """Indices into an axis of length n, those out of range replaced by n."""
    if mode == "wrap":
        return ew.mod(i, n)
    if mode == "clip":
        return ew.clip(i, 0, n - 1)
    inside = np.logical_and(compare.ge(i, -n), compare.lt(i, n))
    return ew.where(inside, ew.where(compare.lt(i, 0), i + n, i), n)
