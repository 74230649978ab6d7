"""``lax.gather`` and ``lax.scatter``: windows of an array, by their dimension numbers."""

import enum
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import numpy as jnp


class GatherScatterMode(enum.Enum):
    """What an index out of range does."""

    CLIP = 0
    FILL_OR_DROP = 1
    PROMISE_IN_BOUNDS = 2
    ONE_HOT = 3

    @staticmethod
    def from_any(s: Any) -> "GatherScatterMode":
        """A mode from its name; None is that of the function."""
        named = {"clip": 0, "fill": 1, "drop": 1, "promise_in_bounds": 2, None: 1}
        return GatherScatterMode(named.get(s, s))


class GatherDimensionNumbers(NamedTuple):
    """Axes of the operand, of the indices and of the result of ``gather``."""

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()


class ScatterDimensionNumbers(NamedTuple):
    """Axes of the operand, of the indices and of the updates of ``scatter``."""

    update_window_dims: Sequence[int]
    inserted_window_dims: Sequence[int]
    scatter_dims_to_operand_dims: Sequence[int]
    operand_batching_dims: Sequence[int] = ()
    scatter_indices_batching_dims: Sequence[int] = ()


def _windows(
    shape: Sequence[int], starts: Any, sizes: Sequence[int], numbers: GatherDimensionNumbers
) -> tuple[list[Any], Any]:
    """The index along each axis of the operand, of axes (batch, window); which are in range."""
    batch, rank = starts.shape[:-1], len(shape)
    first: list[Any] = [jnp.zeros(batch, int)] * rank
    for i, d in enumerate(numbers.start_index_map):
        first[d] = starts[..., i]
    pairs = zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True)
    for d, axis in pairs:
        first[d] = jnp.broadcast_to(_along(batch[axis], axis, len(batch)), batch)
    rows = list(zip(first, shape, sizes, strict=True))
    inside = [(at >= 0) & (at <= n - size) for at, n, size in rows]
    clipped = [jnp.clip(at, 0, n - size) for at, n, size in rows]
    steps = [_along(size, d, rank) for d, size in enumerate(sizes)]
    whole = [at.reshape(*batch, *[1] * rank) for at in clipped]
    valid = jnp.all(jnp.stack(inside), axis=0) if rank else jnp.ones(batch, bool)
    return [a + b for a, b in zip(whole, steps, strict=True)], valid


def _along(size: int, axis: int, rank: int) -> np.ndarray:
    return np.arange(size).reshape([size if d == axis else 1 for d in range(rank)])


def gather(
    operand: Any, start_indices: Any, dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int], *, mode: Any = None, fill_value: Any = None, **_: Any,
) -> Any:  # fmt: skip
    """Windows of an array, which begin at given indices."""
    x, starts, numbers = jnp.asarray(operand), jnp.asarray(start_indices), dimension_numbers
    index, valid = _windows(x.shape, starts, slice_sizes, numbers)
    found, count = x[tuple(index)], starts.ndim - 1
    if GatherScatterMode.from_any(mode or "clip") is GatherScatterMode.FILL_OR_DROP:
        fill = _default_fill(x.dtype) if fill_value is None else fill_value
        found = jnp.where(valid.reshape(*valid.shape, *[1] * x.ndim), found, fill)
    gone = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    found = jnp.squeeze(found, axis=tuple([count + d for d in sorted(gone)]))
    return jnp.moveaxis(found, range(count, found.ndim), numbers.offset_dims)


def _default_fill(dtype: Any) -> Any:
    """nan; of signed integers the least, of unsigned ones the largest, as in JAX."""
    if dtype.kind in "fc":
        return np.nan
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max


def _scatter(name: str, method: str) -> Callable[..., Any]:
    def call(
        operand: Any, scatter_indices: Any, updates: Any,
        dimension_numbers: ScatterDimensionNumbers, *, mode: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        x, starts, numbers = jnp.asarray(operand), jnp.asarray(scatter_indices), dimension_numbers
        new = jnp.asarray(updates).astype(x.dtype)
        windows, count = tuple(numbers.update_window_dims), starts.ndim - 1
        new = jnp.moveaxis(new, windows, range(count, new.ndim))
        gone = sorted({*numbers.inserted_window_dims, *numbers.operand_batching_dims})
        new = jnp.expand_dims(new, tuple([count + d for d in gone]))
        same = GatherDimensionNumbers(
            windows, tuple(gone), tuple(numbers.scatter_dims_to_operand_dims),
            tuple(numbers.operand_batching_dims), tuple(numbers.scatter_indices_batching_dims),
        )  # fmt: skip
        index, valid = _windows(x.shape, starts, new.shape[count:], same)
        if GatherScatterMode.from_any(mode) is GatherScatterMode.FILL_OR_DROP and x.ndim:
            there = valid.reshape(*valid.shape, *[1] * x.ndim)
            index[0] = jnp.where(there, index[0], x.shape[0])  # a write out of range is dropped
        return getattr(x.at[tuple(index)], method)(new)

    call.__name__, call.__doc__ = name, f"Windows of an array by ``at[index].{method}``."
    return call


scatter, scatter_add = _scatter("scatter", "set"), _scatter("scatter_add", "add")
scatter_mul, scatter_sub = _scatter("scatter_mul", "multiply"), _scatter("scatter_sub", "subtract")
scatter_min, scatter_max = _scatter("scatter_min", "min"), _scatter("scatter_max", "max")
