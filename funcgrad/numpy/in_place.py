"""NumPy's functions that write into an array: put, place, copyto, fill_diagonal, ufunc.at."""

import math
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.buffers import plain
from ..core.errors import DtypeError, MutationError
from ..core.memory import are_same
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops import elementwise as ew
from ..ops.assign import set_at_p
from ..ops.index import ARRAY, Index
from ..ops.operand import holds_tracer, integers, operand, strong
from ..ops.structure import broadcast_to, cast, reshape
from .aliasing import apart, in_c_order, keep_layout, write_content
from .assignment import assigned, broadcasts, setitem, written_as
from .at import at, combined
from .dispatch import NO_DERIVATIVE, Casting, implements
from .indexing import as_positions, getitem

AT = "write x = funcgrad.at(x)[index].set(value)"


def _target(who: str, x: Any, cure: str = AT) -> Any:
    """The content of an array to be written into.

    Raises:
        MutationError: if it is an ndarray, which cannot hold traced values.
    """
    if not isinstance(x, Tracer):
        raise MutationError(
            f"{who}: an ndarray cannot hold traced values: got {aval_of(x)}; {cure}"
        )
    keep_layout(x)
    return plain(x)


def elements(x: Any) -> Any:
    """The elements of a traced array along one axis, in C order, in a new array."""
    return in_c_order(apart(reshape(x, (math.prod(shape_of(x)),)), x))


def set_elements(x: Any, index: Any, values: Any) -> None:
    """Write ``x.flat[index] = values``, in place; too few values are repeated."""
    shape = shape_of(x)
    positions = getitem(np.arange(math.prod(shape)), index)
    count = math.prod(shape_of(positions))
    if count and math.prod(shape_of(values := operand(values))):
        values = _repeated(values, dtype_of(x), np.arange(count))
        places = np.unravel_index(positions, shape) if shape else ...
        x[places] = reshape(values, shape_of(positions))


overrides["elements"] = elements
overrides["set_elements"] = set_elements


def _repeated(values: Any, dtype: np.dtype, positions: Any) -> Any:
    """The values, raveled and repeated, for these positions in their sequence."""
    values = reshape(written_as(values, dtype), (-1,))
    n = shape_of(values)[0]
    return getitem(values, ew.mod(positions, n) if n else positions)


@implements("put", status=NO_DERIVATIVE)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write values at flat positions, in place; see numpy.put."""
    x = _target("put", a)
    if mode not in ("raise", "wrap", "clip"):
        np.put(np.zeros(1), 0, 0, mode)  # type: ignore[arg-type]  # raises
    positions = reshape(as_positions("put", integers(ind)), (-1,))
    count, size = shape_of(positions)[0], math.prod(shape_of(x))
    if not count or not math.prod(shape_of(v := operand(v))):
        return
    if mode == "wrap":
        positions = ew.mod(positions, size)
    elif mode == "clip":
        positions = ew.clip(positions, 0, size - 1)
    values = _repeated(v, dtype_of(x), np.arange(count))
    new = set_at_p(reshape(x, (-1,)), values, positions, index=Index([ARRAY]))
    write_content(a, reshape(new, shape_of(x)))


@implements("putmask", status=NO_DERIVATIVE)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """Write where a mask is true, in place, values by their positions; see numpy.putmask."""
    x, chosen = _target("putmask", a), operand(mask)
    if math.prod(shape_of(chosen)) != math.prod(shape_of(x)):
        raise ValueError("putmask: mask and data must be the same size")
    if not math.prod(shape_of(values := operand(values))):
        return
    positions = np.arange(math.prod(shape_of(x))).reshape(shape_of(x))
    values = _repeated(values, dtype_of(x), positions)
    chosen = cast(reshape(chosen, shape_of(x)), np.dtype(bool))
    write_content(a, ew.where(chosen, values, x))


@implements("place", status=NO_DERIVATIVE)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """Write where a mask is true, in place, the values in order; see numpy.place."""
    x, chosen = _target("place", arr), cast(operand(mask), np.dtype(bool))
    if math.prod(shape_of(chosen)) != math.prod(shape_of(x)):
        raise ValueError("place: mask and data must be the same size")
    if not math.prod(shape_of(vals := operand(vals))):
        if np.any(chosen):
            raise ValueError("Cannot insert from an empty array!")
        return
    chosen = reshape(chosen, (-1,))
    order = np.maximum(np.cumsum(chosen) - 1, 0)
    values = _repeated(vals, dtype_of(x), order)
    new = ew.where(chosen, values, reshape(x, (-1,)))
    write_content(arr, reshape(new, shape_of(x)))


@implements("copyto", status=NO_DERIVATIVE)
def copyto(dst: Any, src: Any, casting: Casting = "same_kind", where: Any = True) -> None:
    """Write one array into another, in place; see numpy.copyto."""
    x = _target("copyto", dst, "use funcgrad.numpy.full_like(array, value)")
    if isinstance(src, Tracer) and are_same(dst, src):
        return  # before any check, as in NumPy
    src = strong(operand(src)) if holds_tracer(src) else np.asarray(src)
    if not np.can_cast(dtype_of(src), dtype_of(x), casting):
        raise DtypeError(
            f"Cannot cast array data from {dtype_of(src)!r} to {dtype_of(x)!r} according to the "
            f"rule {casting!r}"
        )
    if where is True:
        setitem(dst, Ellipsis, src)
        return
    src = broadcast_to(assigned(src, dtype_of(x), shape_of(x)), shape_of(x))
    where = operand(where)
    if not broadcasts(shape_of(where), shape_of(x)):
        text = (
            f"could not broadcast where mask from shape {shape_of(where)} into shape {shape_of(x)}"
        )
        raise ValueError(text.replace(", ", ","))
    write_content(dst, ew.where(broadcast_to(where, shape_of(x)), src, x))


@implements("fill_diagonal", status=NO_DERIVATIVE)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Write the main diagonal, in place; see numpy.fill_diagonal."""
    x = _target("fill_diagonal", a)
    shape, rank = shape_of(x), len(shape_of(x))
    if rank < 2:
        raise ValueError("array must be at least 2-d")
    if rank > 2 and len(set(shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    end = shape[1] * shape[1] if rank == 2 and not wrap else None
    step = shape[1] + 1 if rank == 2 else 1 + int(np.cumprod(shape[:-1]).sum())
    positions = np.arange(math.prod(shape))[:end:step]
    values = _repeated(val, dtype_of(x), np.arange(len(positions)))
    new = set_at_p(reshape(x, (-1,)), values, positions, index=Index([ARRAY]))
    write_content(a, reshape(new, shape))


@implements("put_along_axis", status=NO_DERIVATIVE)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """Write at indices along one axis, in place; see numpy.put_along_axis."""
    x, indices = _target("put_along_axis", arr), integers(indices)
    if axis is None:
        if len(shape_of(indices)) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        set_elements(arr, indices, assigned(values, dtype_of(x), shape_of(indices)))
        return
    rank = len(shape_of(x))
    if len(shape_of(indices)) != rank:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    axis = np.lib.array_utils.normalize_axis_index(axis, rank)
    key = [np.arange(n).reshape(-1, *[1] * (rank - 1 - d)) for d, n in enumerate(shape_of(x))]
    arr[(*key[:axis], indices, *key[axis + 1 :])] = values


_UPDATES = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
    "power": "power", "minimum": "min", "maximum": "max",
}  # fmt: skip


def ufunc_at(ufunc: np.ufunc, x: Any, indices: Any, *values: Any) -> None:
    """Apply a ufunc in place at indices, of which duplicates count; see numpy.ufunc.at."""
    method = _UPDATES.get(ufunc.__name__)
    update = "apply(function)" if method is None else f"{method}(value)"
    cure = f"write x = funcgrad.at(x)[index].{update}"
    content, function = _target(f"numpy.{ufunc.__name__}.at", x, cure), overrides[ufunc]
    dtype = dtype_of(content)
    given = [dtype, *map(_kind, values), None]
    *_, result = ufunc.resolve_dtypes(tuple(given), casting="same_kind")
    if not np.can_cast(result, dtype, "same_kind"):
        raise DtypeError(
            f"Cannot cast ufunc {ufunc.__name__!r} output from {result!r} to {dtype!r} with "
            f"casting rule 'same_kind'"
        )
    place = at(content)[indices]
    if not values:
        new = place.apply(function)
    elif method is not None and result == dtype:
        new = getattr(place, method)(values[0])
    else:
        new = combined(content, indices, function, values[0])
    write_content(x, new)


def _kind(x: Any) -> Any:
    value = operand(x)
    return type(value) if type(value) in (int, float, complex) else dtype_of(value)


overrides["ufunc_at"] = ufunc_at
