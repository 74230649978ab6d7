"""Jacobians stored by rows: for each element of a value, its derivatives by a few inputs.

``data[k]`` holds the derivatives of all elements by one input each, and ``columns[k]`` the numbers
of these inputs, -1 for none; along an axis where they do not vary, ``columns`` has length 1. A
dense Jacobian has as many rows as there are inputs; that of an elementwise function has one row.
The numbers are known while a program is traced, whatever the data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.avals import Axes, dtype_of, shape_of
from ...core.lists import expand
from ...core.trace import Primitive, Tracer
from ...ops.contract import Multilinear
from ...ops.convert import Convert
from ...ops.elementwise import where
from ...ops.families import Elementwise
from ...ops.index import ARRAY, Concatenate, Index, concatenate_p, getitem_p, scatter_add_p
from ...ops.linalg.matrices import MatrixPrimitive
from ...ops.linear import Linear
from ...ops.reduce import Reduction
from ...ops.structure import mean_p, reshape, sum_p, transpose_p

SPARSE = 64  # rows of a sum, from which on its terms are added to them one by one


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """``data [K, *shape]`` and ``columns [K, *s]``, which broadcasts to the same shape."""

    data: Any
    columns: np.ndarray

    @property
    def varied(self) -> Axes:
        """The axes of the value along which the columns vary."""
        return tuple([d for d, n in enumerate(self.columns.shape[1:]) if n != 1])


def of_input(x: Any, first: int) -> np.ndarray:
    """The columns of an input, whose elements have numbers from ``first`` on."""
    shape = shape_of(x)
    return first + np.arange(np.prod(shape, dtype=int)).reshape(1, *shape)


def narrowed(columns: np.ndarray) -> np.ndarray:
    """Columns with length 1 along axes where they do not vary."""
    for d in range(1, columns.ndim):
        if columns.shape[d] > 1:
            first = columns[(*[slice(None)] * d, slice(0, 1))]
            columns = first if (columns == first).all() else columns
    return columns


def lifted(rows: Rows, rank: int) -> Rows:
    """Rows of a value with leading axes of length 1, up to a rank."""
    shape, s = shape_of(rows.data), rows.columns.shape
    new = (1,) * (rank + 1 - len(shape))
    if not new:
        return rows
    data = reshape(rows.data, (shape[0], *new, *shape[1:]))
    return Rows(data, rows.columns.reshape(s[0], *new, *s[1:]))


def placed(rows: Rows, columns: np.ndarray) -> Any:
    """The data in the order of other columns, which hold all of those of ``rows``."""
    if rows.columns is columns:
        return rows.data
    if not len(rows.columns):
        return np.zeros((len(columns), *shape_of(rows.data)[1:]), dtype_of(rows.data))
    if rows.columns.size == len(rows.columns) and columns.size == len(columns):
        order = np.argsort(rows.columns.reshape(-1))
        at = np.searchsorted(rows.columns.reshape(-1), columns.reshape(-1), sorter=order)
        at = order[np.minimum(at, len(order) - 1)].reshape(columns.shape)
        found = (rows.columns.reshape(-1)[at] == columns) & (columns >= 0)
        return _gathered(rows.data, at.reshape(-1), found)
    match = (rows.columns[:, None] == columns[None]) & (columns >= 0)  # [K, new K, *s]
    found, at = match.any(0), match.argmax(0)
    if len(match) == 1:
        return where(found, rows.data, 0)
    axes = tuple(range(1, found.ndim))
    first = np.where(found, at, -1).max(axes, keepdims=True, initial=-1)
    if (~found | (at == first)).all():  # each new row comes from one old row
        return _gathered(rows.data, np.maximum(first.reshape(-1), 0), found)
    parts = (
        where(m, getitem_p(rows.data, index=Index((slice(j, j + 1),))), 0)
        for j, m in enumerate(match)
    )
    total = next(parts)
    for part in parts:
        total = total + part
    return total


def _gathered(data: Any, order: np.ndarray, found: np.ndarray) -> Any:
    """Rows of data in an order, 0 where they are not found."""
    if not np.array_equal(order, np.arange(shape_of(data)[0])):
        data = getitem_p(data, order, index=Index((ARRAY,)))
    return data if found.all() else where(found, data, 0)


def _distinct(columns: np.ndarray) -> tuple[np.ndarray, bool]:
    """The distinct columns along axis 0, sorted, -1 behind them; whether none occurred twice."""
    size = math.prod(columns.shape[1:])
    flat = np.sort(columns.reshape(len(columns), size), 0)
    new = flat >= 0
    new[1:] &= flat[1:] != flat[:-1]
    place = np.cumsum(new, 0) - 1
    table = np.full((int(place[-1].max(initial=-1)) + 1 if len(flat) else 0, flat.shape[1]), -1)
    k, j = np.nonzero(new)
    table[place[k, j], j] = flat[k, j]
    single = int(new.sum()) == int((flat >= 0).sum())
    return table.reshape(len(table), *columns.shape[1:]), single


def spread(rows: Rows, axes: Axes) -> Rows:
    """Rows whose columns do not vary along axes."""
    axes = tuple([d for d in axes if d in rows.varied])
    if not axes:
        return rows
    table, _ = _distinct(_merged(rows.columns, axes))
    shape = [1 if d in axes else n for d, n in enumerate(rows.columns.shape[1:])]
    columns = narrowed(table.reshape(len(table), *shape))
    return Rows(placed(rows, columns), columns)


def condensed(rows: Rows) -> Rows:
    """Dense rows, where these are no fewer."""
    few = rows.varied and len(rows.columns) >= len(np.unique(rows.columns))
    return spread(rows, rows.varied) if few else rows


def _merged(columns: np.ndarray, axes: Axes) -> np.ndarray:
    """Columns with axes of the value moved into axis 0."""
    moved = np.moveaxis(columns, [d + 1 for d in axes], range(1, 1 + len(axes)))
    count = math.prod(moved.shape[: 1 + len(axes)])
    return moved.reshape(count, *moved.shape[1 + len(axes) :])


def aligned(parts: Sequence[Rows | None], rank: int) -> tuple[list[Any], np.ndarray]:
    """The data of operands that broadcast to a rank, in the same columns, and these."""
    known = [lifted(p, rank) for p in parts if p is not None]
    columns = common([p.columns for p in known])
    rest = iter(known)
    return [None if p is None else placed(next(rest), columns) for p in parts], columns


def common(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Columns of equal rank that hold all given ones."""
    if all(c is parts[0] for c in parts):
        return parts[0]
    if all(c.size == len(c) for c in parts):
        union = np.unique(np.concatenate([c.reshape(-1) for c in parts]))
        columns = union[union >= 0].reshape(-1, *[1] * (parts[0].ndim - 1))
        return next((c for c in parts if np.array_equal(c, columns)), columns)
    columns = max(parts, key=len)
    for part in parts:
        known = (part[:, None] == columns[None]).any(1) | (part < 0)
        extra = np.where(known, -1, part)
        used = (extra >= 0).any(tuple(range(1, extra.ndim)))
        if used.any():
            s = np.broadcast_shapes(columns.shape[1:], extra.shape[1:])
            both = [np.broadcast_to(c, (len(c), *s)) for c in (columns, extra[used])]
            columns = np.concatenate(both)
    everything = np.unique(columns[columns >= 0])
    if len(columns) >= len(everything):
        columns = everything.reshape(-1, *[1] * (columns.ndim - 1))
    columns = narrowed(columns)
    return next((c for c in parts if np.array_equal(c, columns)), columns)


def has_own_columns(rows: Rows, axis: int) -> bool:
    """Whether no input occurs twice along an axis."""
    return _distinct(_merged(rows.columns, (axis,)))[1]


def summed(rows: Rows, axes: Axes) -> Rows | None:
    """The rows of a sum along axes: each row splits into one for each term, if they differ."""
    if not set(axes) <= set(rows.varied):
        return None
    columns = _merged(rows.columns, axes)
    shape = shape_of(rows.data)
    rest = [d for d in range(1, len(shape)) if d - 1 not in axes]
    lengths = (len(columns), *(shape[d] for d in rest))
    different = np.unique(columns[columns >= 0])
    apart = len(columns) <= len(different) and _distinct(columns)[1]
    many = columns.size == len(columns) and len(different) > SPARSE
    if not apart and not many:
        return None
    data = transpose_p(rows.data, perm=(0, *(d + 1 for d in axes), *rest))
    data = reshape(data, lengths)
    if apart:
        return Rows(data, narrowed(columns))
    place = np.searchsorted(different, np.maximum(columns.reshape(-1), different[0]))
    index = Index((ARRAY,))  # an empty row is 0, wherever it is added
    data = scatter_add_p(data, place, shape=(len(different), *lengths[1:]), index=index)
    return Rows(data, different.reshape(-1, *[1] * len(rest)))


# how a linear primitive moves columns


def moved_columns(
    prim: Primitive, parts: Sequence[Rows | None], args: Sequence[Any], params: dict[str, Any]
) -> np.ndarray | None:
    """The columns of the result of a linear primitive; None where they vary within a sum.

    They are the means of those that it sums: of maps without negative coefficients.
    """
    counted = _counted(prim, parts, args)
    if counted is None:
        return None
    columns = [
        None if p is None else np.broadcast_to(p.columns, (len(p.columns), *shape_of(x)))
        for p, x in zip(parts, args, strict=True)
    ]
    size = max(len(c) for c in columns if c is not None)
    operands = [
        y if c is None else _moments(c, size) for c, y in zip(columns, counted, strict=True)
    ]
    axes = [None if c is None else 0 for c in columns]
    prim = sum_p if prim is mean_p else prim
    outs, out_axes = prim.batch(operands, axes, 3 * size, **params)
    y = np.moveaxis(np.asarray(outs[0]), out_axes[0] or 0, 0)
    counts, sums, squares = np.split(y, 3)
    if (squares * counts != sums * sums).any():
        return None
    found = np.rint(np.divide(sums, counts, out=np.full(sums.shape, -1.0), where=counts != 0))
    return narrowed(found.astype(int))


def _moments(columns: np.ndarray, size: int) -> np.ndarray:
    """How many columns there are, the columns, and their squares."""
    missing = np.full((size - len(columns), *columns.shape[1:]), -1)
    columns = np.concatenate([columns, missing]) if len(missing) else columns
    known = columns >= 0
    x = np.where(known, columns, 0).astype(float)
    return np.concatenate([known, x, x * x])


def _counted(
    prim: Primitive, parts: Sequence[Rows | None], args: Sequence[Any]
) -> list[Any] | None:
    """The other operands with which a linear primitive has coefficients >= 0, or None."""
    if isinstance(prim, Multilinear):
        return [np.ones(shape_of(x)) for x in args]
    if isinstance(prim, Concatenate):
        return [np.zeros(shape_of(x)) for x in args]
    plain = isinstance(prim, Linear) and type(prim).on_paths is Linear.on_paths
    if not plain or parts[0] is None or any(isinstance(x, Tracer) for x in args[1:]):
        return None
    return list(args)


def mixed_axes(
    prim: Primitive, parts: Sequence[Rows | None], args: Sequence[Any], i: int, params: dict
) -> Axes:
    """The axes of operand ``i`` along which a linear primitive sums."""
    shape, found = shape_of(args[i]), []
    for d, n in enumerate(shape):
        place = np.arange(n).reshape(1, *[n if e == d else 1 for e in range(len(shape))])
        alone: list[Rows | None] = [None] * len(args)
        alone[i] = Rows(None, place)
        if n > 1 and moved_columns(prim, alone, args, params) is None:
            found.append(d)
    return tuple(found)


def through(
    prim: Primitive, args: Sequence[Any], parts: Sequence[Rows | None], params: dict, rank: int
) -> tuple[list[Rows | None], np.ndarray]:
    """Rows of operands that a linear primitive takes each to one row, and the columns of these.

    ``rank`` is that of the result.
    """
    if isinstance(prim, (Elementwise, Convert)):
        data, columns = aligned(parts, rank)
        return [None if t is None else Rows(t, columns) for t in data], columns
    mine = [p for p in parts if p is not None]
    if len(mine) == 1 or isinstance(prim, Concatenate):
        own = lambda i, p: p
        apart = lambda i, p: spread(p, mixed_axes(prim, parts, args, i, params))
        for change in (own, apart):
            some = _padded([p and change(i, p) for i, p in enumerate(parts)])
            found = _out_columns(prim, some, args, params, rank)
            if found is not None:
                return some, found
    return dense(parts, rank)


def dense(parts: Sequence[Rows | None], rank: int) -> tuple[list[Rows | None], np.ndarray]:
    """Rows with the same columns for all elements of all operands; columns of this rank."""
    parts = [p and spread(p, p.varied) for p in parts]
    columns = common([p.columns.reshape(-1, 1) for p in parts if p is not None])
    shaped = lambda n: columns.reshape(-1, *[1] * n)

    def same(p: Rows) -> Rows:
        own = shaped(p.columns.ndim - 1)
        return p if np.array_equal(p.columns, own) else Rows(placed(p, own), own)

    return [p and same(p) for p in parts], shaped(rank)


def _padded(parts: Sequence[Rows | None]) -> list[Rows | None]:
    """Rows of operands, as many of each."""
    size = max(len(p.columns) for p in parts if p is not None)
    return [p and _with_empty(p, size - len(p.columns)) for p in parts]


def _with_empty(rows: Rows, n: int) -> Rows:
    """Rows with n empty ones behind them."""
    if not n:
        return rows
    zeros = np.zeros((n, *shape_of(rows.data)[1:]), dtype_of(rows.data))
    missing = np.full((n, *rows.columns.shape[1:]), -1)
    data = concatenate_p(rows.data, zeros, axis=0)
    return Rows(data, np.concatenate([rows.columns, missing]))


def _out_columns(
    prim: Primitive, parts: Sequence[Rows | None], args: Sequence[Any], params: dict, rank: int
) -> np.ndarray | None:
    known = [p for p in parts if p is not None]
    flat = [p.columns.reshape(-1) for p in known if not p.varied]
    if len(flat) == len(known) and all(np.array_equal(c, flat[0]) for c in flat):
        return flat[0].reshape(-1, *[1] * rank)
    return moved_columns(prim, parts, args, params)


def together(
    prim: Primitive, args: Sequence[Any], parts: Sequence[Rows | None], params: dict
) -> tuple[list[Any], np.ndarray, Callable[[int], np.ndarray]]:
    """The data of the operands of any primitive, whose rows it takes each to one row.

    Returns also its columns, and a function that gives them for an output of some rank.
    """
    mine = [i for i, p in enumerate(parts) if p is not None]
    if isinstance(prim, Elementwise):
        data, columns = aligned(parts, max(len(shape_of(x)) for x in args))
        return data, columns, lambda rank: columns
    if len(mine) == 1:
        (i,) = mine
        rows: Any = parts[i]
        shape = shape_of(args[i])
        if isinstance(prim, Reduction):
            rows = spread(rows, params["axes"])
            kept = [n for d, n in enumerate(rows.columns.shape[1:]) if d not in params["axes"]]
            out = rows.columns.reshape(len(rows.columns), *kept)
            return expand([rows.data], [p is not None for p in parts]), out, lambda rank: out
        if isinstance(prim, MatrixPrimitive):
            core = lambda k: prim.core_ndims.get(k, 2)
            stack = max(len(shape_of(x)) - core(k) for k, x in enumerate(args))
            rows = spread(rows, tuple(range(len(shape) - core(i), len(shape))))
            given = rows.columns.shape[1 : len(shape) - core(i) + 1]
            lead = (1,) * (stack - len(given)) + given
            shaped = lambda rank: rows.columns.reshape(-1, *lead, *[1] * (rank - stack))
            return expand([rows.data], [p is not None for p in parts]), rows.columns, shaped
    parts, columns = dense(parts, 0)
    return [p and p.data for p in parts], columns, lambda rank: columns.reshape(-1, *[1] * rank)
