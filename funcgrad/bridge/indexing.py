"""JAX's gather, scatter and dynamic slices as NumPy's indexing.

A window lies at each row of the start indices. Each operand axis gets an index array: its start,
and along an axis of the window the offsets 0, 1, ... beside it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.avals import shape_of
from ..numpy.at import at


def _places(
    starts: Any,
    shape: Sequence[int],
    sizes: Sequence[int],
    batching: Sequence[tuple[int, int]],
    indexed: Sequence[int],
    kept: Sequence[int],
    window_dims: Sequence[int],
    rank: int,
    clip: bool,
) -> tuple[list[Any], Any]:
    """The index array of each operand axis, and whether each element lies in the operand.

    Args:
        starts: [..., K], the start indices of the windows.
        shape: of the operand.
        sizes: of the window along each operand axis.
        batching: pairs of an operand axis and an axis of ``starts`` that go together.
        indexed: the operand axis of each of the K columns.
        kept: the operand axes along which the window stays.
        window_dims: the axes of the result for these.
        rank: of the result.
        clip: whether windows are moved into the operand.
    """
    batch_dims = [d for d in range(rank) if d not in window_dims]
    lay = lambda x, dims: np.reshape(
        x, [dict(zip(dims, shape_of(x), strict=True)).get(d, 1) for d in range(rank)]
    )
    found: list[Any] = [0] * len(shape)
    for column, axis in enumerate(indexed):
        start = fnp.astype(starts[..., column], np.intp)
        top = shape[axis] - sizes[axis]
        found[axis] = lay(np.clip(start, 0, top) if clip else start, batch_dims)
    for axis, of_starts in batching:
        found[axis] = lay(np.arange(shape[axis]), [batch_dims[of_starts]])
    for axis, dim in zip(kept, window_dims, strict=True):
        found[axis] = found[axis] + lay(np.arange(sizes[axis]), [dim])
    inside: Any = True
    for index, n in zip(found, shape, strict=True):
        inside = inside & (index >= 0) & (index < n)
    return found, inside


def gather(
    eqn: Any,
    x: Any,
    starts: Any,
    *,
    dimension_numbers: Any,
    slice_sizes: Sequence[int],
    mode: Any,
    fill_value: Any,
    **params: Any,
) -> Any:
    """Windows of an array; one that is not inside is moved, or filled, by the mode."""
    d = dimension_numbers
    pairs = list(zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True))
    gone = {*d.collapsed_slice_dims, *d.operand_batching_dims}
    kept = [i for i in range(len(shape_of(x))) if i not in gone]
    rank, clip = len(eqn.outvars[0].aval.shape), "CLIP" in str(mode)
    found, inside = _places(
        starts, shape_of(x), slice_sizes, pairs, d.start_index_map, kept, d.offset_dims, rank, clip
    )
    if "FILL" not in str(mode):
        return at(x)[tuple(found)].get()
    y = at(x)[tuple(np.where(inside, i, 0) for i in found)].get()
    return np.where(inside, y, _filler(x.dtype, fill_value)).astype(x.dtype)


def _filler(dtype: np.dtype, given: Any) -> Any:
    if given is not None:
        return given
    if dtype.kind in "fc":
        return np.nan
    return np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max


def scatter(
    how: str,
    eqn: Any,
    x: Any,
    starts: Any,
    updates: Any,
    *,
    dimension_numbers: Any,
    mode: Any,
    **params: Any,
) -> Any:
    """Write windows into a copy of an array; elements outside are dropped."""
    d = dimension_numbers
    pairs = list(zip(d.operand_batching_dims, d.scatter_indices_batching_dims, strict=True))
    gone = {*d.inserted_window_dims, *d.operand_batching_dims}
    kept = [i for i in range(len(shape_of(x))) if i not in gone]
    sizes = [1] * len(shape_of(x))
    for axis, dim in zip(kept, d.update_window_dims, strict=True):
        sizes[axis] = shape_of(updates)[dim]
    rank, clip = len(shape_of(updates)), "CLIP" in str(mode)
    found, inside = _places(
        starts, shape_of(x), sizes, pairs, d.scatter_dims_to_operand_dims, kept,
        d.update_window_dims, rank, clip,
    )  # fmt: skip
    if "FILL" not in str(mode) or not shape_of(x):
        return getattr(at(x)[tuple(found)], how)(updates)
    # an element outside is written into one more row, which is cut off
    n = shape_of(x)[0]
    longer = np.concatenate([x, np.zeros((1, *shape_of(x)[1:]), x.dtype)])
    found = [np.where(inside, i, n if axis == 0 else 0) for axis, i in enumerate(found)]
    return getattr(at(longer)[tuple(found)], how)(updates)[:n]


def dynamic_slice(eqn: Any, x: Any, *starts: Any, slice_sizes: Sequence[int]) -> Any:
    """A slice whose start is moved so that it lies inside."""
    return at(x)[_window(x, starts, slice_sizes)].get()


def dynamic_update_slice(eqn: Any, x: Any, update: Any, *starts: Any) -> Any:
    """An array with a slice replaced."""
    return at(x)[_window(x, starts, shape_of(update))].set(update)


def _window(x: Any, starts: Sequence[Any], sizes: Sequence[int]) -> tuple[Any, ...]:
    rank = len(sizes)
    rows = []
    for d, (start, size, n) in enumerate(zip(starts, sizes, shape_of(x), strict=True)):
        row = np.clip(fnp.astype(start, np.intp), 0, n - size) + np.arange(size)
        rows.append(np.reshape(row, [-1 if e == d else 1 for e in range(rank)]))
    return tuple(rows)
