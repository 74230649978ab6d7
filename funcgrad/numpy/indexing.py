"""Indexing: getitem, take, diagonals and triangles."""

import math
import operator
from typing import Any

import numpy as np

from ..core.avals import Shape, aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.errors import ConcretizationError
from ..core.registry import overrides
from ..core.trace import ConcreteTracer, Tracer, is_concrete
from ..ops import elementwise as ew
from ..ops.index import ARRAY, Index, getitem_p, scatter_add_p
from ..ops.operand import asarray, integers, operand, strong
from ..ops.reduce import axis_of, gather_along_axis
from ..ops.structure import broadcast_to, cast, reshape
from .aliasing import Viewed, apart, in_c_order, viewed
from .dispatch import implements, no_out, unsupported
from .shapes import integer_tuple, ravel, ravel_if_none, scalar_axis

_OUTSIDE = "compute it outside the traced function"


def concrete(who: str, x: Any, cure: str = _OUTSIDE) -> np.ndarray:
    """Concrete values of an array, for a result whose shape depends on them.

    Raises:
        ConcretizationError: if only shape and dtype are known.
    """
    values = known(x)
    if values is None:
        raise ConcretizationError(
            f"{who}: the shape of the result depends on values, which are unknown for the traced "
            f"{x.aval}; {cure}"
        )
    return np.asarray(values)


def known(x: Any) -> Any:
    """Concrete value of an array, None where it is unknown."""
    while isinstance(x, ConcreteTracer):
        x = x.value
    return None if isinstance(x, Tracer) else x


def placeholder(x: Any) -> Any:
    """Array with the shape and dtype of a tracer that takes no memory; others are returned."""
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if isinstance(x, Tracer) else x


def parse(x: Any, index: Any) -> tuple[Any, Index, list[Any]]:
    """Array, static index and index arrays of ``x[index]``.

    The array is ``x``, with an axis more for each 0-d boolean in the index.
    """
    entries = list(index) if isinstance(index, tuple) else [index]
    entries = [_entry(e) for e in entries]
    rank = len(shape_of(x))
    used = sum(_axes_indexed(e) for e in entries)
    if used > rank:
        raise IndexError(
            f"too many indices for array: array is {rank}-dimensional, but {used} were indexed"
        )
    dots = [i for i, e in enumerate(entries) if e is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    for i in dots:
        if rank > used or not _separates(entries, i):
            entries[i : i + 1] = [slice(None)] * (rank - used)
    keys: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    for e in entries:
        if e is Ellipsis:
            keys.append(e)
        elif e is None or (isinstance(e, (int, slice)) and not isinstance(e, bool)):
            keys.append(e)
            axis += e is not None
        elif isinstance(e, bool):
            x = reshape(x, (*shape_of(x)[:axis], 1, *shape_of(x)[axis:]))
            keys.append(ARRAY)
            arrays.append(np.arange(int(e)))
            axis += 1
        elif dtype_of(e).kind == "b":
            mask = concrete("a boolean index", e, "write numpy.where(mask, x, 0) for x[mask]")
            if mask.shape != shape_of(x)[axis : axis + mask.ndim]:
                raise IndexError(
                    f"boolean index did not match indexed array: the mask has shape {mask.shape}, "
                    f"the axes {shape_of(x)[axis : axis + mask.ndim]}"
                )
            keys += [ARRAY] * mask.ndim
            arrays += mask.nonzero()
            axis += mask.ndim
        else:
            keys.append(ARRAY)
            arrays.append(e)
            axis += 1
    return x, Index(keys), arrays


def _separates(entries: list[Any], i: int) -> bool:
    """Whether an ellipsis separates index arrays, whose axes then come first in the result.

    It separates them even where it stands for no axis.
    """
    advanced = [not (e is None or e is Ellipsis or isinstance(e, slice)) for e in entries]
    return any(advanced[:i]) and any(advanced[i:])


def _entry(e: Any) -> Any:
    """Entry of an index as an int, slice, None, Ellipsis, bool, or array."""
    if e is None or e is Ellipsis or type(e) is int:
        return e
    if isinstance(e, slice):
        return slice(*(None if v is None else operator.index(v) for v in (e.start, e.stop, e.step)))
    if isinstance(e, (bool, np.bool_)):
        return bool(e)
    if isinstance(e, np.integer):
        return int(e)
    if not isinstance(e, (np.ndarray, Tracer)):
        e = _converted(e)
        if type(e) is int:
            return e
    kind = dtype_of(e).kind if isinstance(e, (np.ndarray, Tracer)) else "O"
    if kind not in "biu":
        raise IndexError(
            f"only integers, slices, ellipsis, None and integer or boolean arrays are valid "
            f"indices: got {aval_of(e) if kind != 'O' else type(e).__name__}"
        )
    if kind == "b" and not shape_of(e):
        return bool(concrete("a boolean index", e))
    return e


def _converted(e: Any) -> Any:
    """Entry of another type as an integer or an array, as NumPy converts it."""
    if hasattr(type(e), "__index__") and not getattr(e, "shape", ()):
        return operator.index(e)
    array = asarray(e)
    if isinstance(array, np.ndarray) and array.size == 0 and array.ndim:
        return array.astype(np.intp)  # NumPy takes an empty list as integers
    return array if array.dtype.kind != "O" else e


def _axes_indexed(e: Any) -> int:
    if e is None or e is Ellipsis or isinstance(e, bool):
        return 0
    return len(shape_of(e)) if not isinstance(e, (int, slice)) and dtype_of(e).kind == "b" else 1


def unknown_mask(x: Any, index: Any) -> Any:
    """The index, if it is a boolean array whose elements are not known."""
    if type(index) is tuple and len(index) == 1:
        (index,) = index
    if not isinstance(index, Tracer) or index.dtype.kind != "b" or is_concrete(index):
        return None
    return index if index.ndim and index.shape == shape_of(x)[: index.ndim] else None


def getitem(x: Any, index: Any) -> Any:
    """Elements ``x[index]``, by NumPy's rules."""
    if type(index) is int or type(index) is slice:
        index = _entry(index)
        if type(index) is int and not shape_of(x):
            raise IndexError("too many indices for array: array is 0-dimensional")
        key = Index((index,))
        y = getitem_p(x, index=key)
        return viewed(y, x, getitem_p, {"index": key}) if shape_of(y) or slice is type(index) else y
    mask = unknown_mask(x, index)
    if mask is not None:
        return overrides["masked"](x, mask)
    array, key, arrays = parse(x, index)
    y = getitem_p(array, *arrays, index=key)
    entries = index if type(index) is tuple else (index,)
    if arrays or not (shape_of(y) or any(e is Ellipsis for e in entries)):
        return y  # a copy, or a scalar
    if not shape_of(y):  # a view too, where NumPy sees an ellipsis
        key = key if Ellipsis in key else Index((*key, Ellipsis))
        y = getitem_p(array, index=key)
    return viewed(y, array, getitem_p, {"index": key})


overrides[operator.getitem] = getitem


@implements("take")
def take(
    a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Any:
    """Slices at integer indices; see numpy.take."""
    no_out("take", out)
    a, indices = operand(a), integers(indices)
    a, axis = ravel_if_none(a, scalar_axis(a, axis))
    positions = as_positions("take", indices)
    n = shape_of(a)[axis]
    if 0 in shape_of(a)[:axis] or (not n and mode in ("clip", "wrap")):  # indices are not read
        shape = (*shape_of(a)[:axis], *shape_of(indices), *shape_of(a)[axis + 1 :])
        return _take_from_empty(a, shape)
    if mode == "clip":
        indices = ew.clip(positions, 0, n - 1)
    elif mode == "wrap":
        indices = ew.mod(positions, n)
    return in_c_order(getitem(a, (*[slice(None)] * axis, strong(indices))))


def as_positions(who: str, x: Any) -> Any:
    """Integer indices as intp: a small dtype may not hold the length of an axis."""
    if dtype_of(x).kind not in "iu":
        raise TypeError(f"{who}: the indices must be integers: got {aval_of(x)}")
    return cast(x, np.dtype(np.intp))


def _take_from_empty(a: Any, shape: Shape) -> Any:
    """Empty result of taking along an axis of length 0."""
    if math.prod(shape):
        raise IndexError("cannot do a non-empty take from an empty axes.")
    return apart(reshape(a, shape), a)


@implements("take_along_axis")
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Elements at indices along one axis, matched along the others; see numpy.take_along_axis."""
    arr, indices = operand(arr), operand(indices)
    if axis is None:
        arr, axis = ravel(arr), 0
    if dtype_of(indices).kind not in "iu":
        raise IndexError(f"take_along_axis: the indices must be integers: got {aval_of(indices)}")
    if len(shape_of(arr)) != len(shape_of(indices)):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    axis = axis_of(axis, len(shape_of(arr)))
    common = broadcast_shapes(*(_insert_one(shape_of(v), axis) for v in (arr, indices)))
    arr, indices = (
        broadcast_to(v, (*common[:axis], shape_of(v)[axis], *common[axis + 1 :]))
        for v in (arr, indices)
    )
    return gather_along_axis(arr, indices, axis)


def _insert_one(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])


@implements("lib.stride_tricks.sliding_window_view")
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """Sliding windows, along new axes at the end; see numpy.lib.stride_tricks."""
    x, lengths = operand(x), integer_tuple(window_shape)
    if writeable:
        raise unsupported("sliding_window_view", "writeable=True", "write into the array itself")
    if any(n < 0 for n in lengths):
        raise ValueError("`window_shape` cannot contain negative values")
    rank = len(shape_of(x))
    axes = tuple(range(rank)) if axis is None else integer_tuple(axis)
    if len(axes) != len(lengths):
        raise ValueError(
            f"sliding_window_view: window_shape must have a length for each axis: got "
            f"{len(lengths)} for {len(axes)}"
        )
    params = {"axes": tuple(axis_of(d, rank) for d in axes), "lengths": lengths}
    return _WINDOWS(x, **params)


def _windows(x: Any, axes: tuple[int, ...], lengths: tuple[int, ...]) -> Any:
    """Windows of these lengths along axes, by new axes at the end."""
    for d, n in zip(axes, lengths, strict=True):
        count = shape_of(x)[d] - n + 1
        if count < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        positions = np.arange(count)[:, None] + np.arange(n)
        windows = getitem_p(x, positions, index=Index((*[slice(None)] * d, ARRAY)))
        x = np.moveaxis(windows, d + 1, -1)
    return x


_WINDOWS = Viewed(
    _windows,
    lambda x, axes, lengths: np.lib.stride_tricks.sliding_window_view(x, lengths, axes),
)


@implements("compress")
def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    """Slices that a condition selects; see numpy.compress."""
    no_out("compress", out)
    mask = concrete("compress", operand(condition)).astype(bool)
    if mask.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return take(a, mask.nonzero()[0], axis)


@implements("extract")
def extract(condition: Any, arr: Any) -> Any:
    """Elements that a condition selects; see numpy.extract."""
    mask = concrete("extract", operand(condition)).astype(bool)
    return take(ravel(arr), mask.ravel().nonzero()[0])


@implements("diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal as the last axis; see numpy.diagonal."""
    a, offset = operand(a), operator.index(offset)
    rank = len(shape_of(a))
    if rank < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    first, second = axis_of(axis1, rank), axis_of(axis2, rank)
    rest = [d for d in range(rank) if d not in (first, second)]
    a = np.transpose(a, (*rest, first, second))
    return _DIAGONAL(a, offset=offset)


def _diagonal(a: Any, offset: int) -> Any:
    """Diagonal of the last two axes, as the last axis: each n + 1-th element of their rows."""
    *lead, m, n = shape_of(a)
    length = max(min(m, n - offset) if offset >= 0 else min(m + offset, n), 0)
    start = offset if offset >= 0 else -offset * n
    stop = start + (length - 1) * (n + 1) + 1 if length else start
    rows = reshape(a, (*lead, m * n))
    return getitem_p(rows, index=Index((*[slice(None)] * len(lead), slice(start, stop, n + 1))))


_DIAGONAL = Viewed(_diagonal, lambda x, offset: np.diagonal(x, offset, -2, -1))


@implements("linalg.diagonal")
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Diagonals of the last two axes; see numpy.linalg.diagonal."""
    return diagonal(x, offset, -2, -1)


@implements("trace")
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    """Sum of a diagonal; see numpy.trace."""
    no_out("trace", out)
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@implements("linalg.trace")
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sums of the diagonals of the last two axes; see numpy.linalg.trace."""
    return trace(x, offset, -2, -1, dtype)


@implements("diag")
def diag(v: Any, k: int = 0) -> Any:
    """Diagonal of a matrix, or the matrix with a given diagonal; see numpy.diag."""
    v = operand(v)
    if len(shape_of(v)) == 2:
        return diagonal(v, k)
    if len(shape_of(v)) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return diagflat(v, k)


@implements("diagflat")
def diagflat(v: Any, k: int = 0) -> Any:
    """Matrix with the elements of an array on a diagonal; see numpy.diagflat."""
    v, k = ravel(v), operator.index(k)
    n = shape_of(v)[0] + abs(k)
    rows = np.arange(shape_of(v)[0]) + max(-k, 0)
    return _scatter(v, (n, n), (rows, rows + k))


def _scatter(v: Any, shape: tuple[int, ...], arrays: Any) -> Any:
    """Array of zeros with ``v`` at these indices."""
    return scatter_add_p(v, *arrays, shape=shape, index=Index([ARRAY] * len(shape)))


@implements("tril")
def tril(m: Any, k: int = 0) -> Any:
    """Lower triangle, with zeros above; see numpy.tril."""
    m = operand(m)
    return ew.where(_below(m, k), m, np.zeros((), dtype_of(m)))


@implements("triu")
def triu(m: Any, k: int = 0) -> Any:
    """Upper triangle, with zeros below; see numpy.triu."""
    m = operand(m)
    return ew.where(_below(m, k - 1), np.zeros((), dtype_of(m)), m)


def _below(m: Any, k: int) -> np.ndarray:
    """Mask of the elements on and below diagonal ``k``; of a vector [n], as of [n, n]."""
    tri: Any = np.tri  # its overloads know no unpacked shape
    return tri(*shape_of(m)[-2:], k=k, dtype=bool)
