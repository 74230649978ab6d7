"""Joining arrays along an axis, and splitting them."""

import itertools
import operator
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.trace import Tracer
from ..ops.index import concatenate_p
from ..ops.operand import integer_tuple as integer_tuple, operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast, expand_dims as _expand_dims, reshape as _reshape
from .aliasing import apart, as_array, gives
from .dispatch import Casting, check_cast, implements, no_out
from .shapes import atleast_1d, atleast_2d, atleast_3d, moveaxis, ravel, slice_axis, transpose


def _parts(arrays: Any) -> list[Any]:
    """Operands of a join, each an array or a tracer."""
    if isinstance(arrays, (Tracer, np.ndarray)):
        return list(arrays)
    return [strong(operand(x)) for x in arrays]


@implements("concatenate", "concat")
def concatenate(
    arrays: Any,
    /,
    axis: int | None = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: Casting = "same_kind",
) -> Any:
    """Join arrays along an axis they have; see numpy.concatenate."""
    no_out("concatenate", out)
    parts = _parts(arrays)
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        parts, axis = [ravel(x) for x in parts], 0
    if not shape_of(parts[0]):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    np.can_cast(int, int, casting)  # NumPy's error for an unknown rule
    if dtype is not None:
        for x in parts:
            check_cast("concatenate", x, dtype, casting)
        parts = [cast(x, dtype) for x in parts]
    return concatenate_p(*parts, axis=axis_of(axis, len(shape_of(parts[0]))))


@implements("stack")
def stack(
    arrays: Any,
    axis: int = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: Casting = "same_kind",
) -> Any:
    """Join arrays along a new axis; see numpy.stack."""
    no_out("stack", out)
    parts = _parts(arrays)
    if not parts:
        raise ValueError("need at least one array to stack")
    if len({shape_of(x) for x in parts}) > 1:
        raise ValueError("all input arrays must have the same shape")
    position = axis_of(axis, len(shape_of(parts[0])) + 1)
    return concatenate(
        [_expand_dims(x, (position,)) for x in parts], position, dtype=dtype, casting=casting
    )


@implements("vstack")
def vstack(tup: Any, *, dtype: Any = None, casting: Casting = "same_kind") -> Any:
    """Stack rows; see numpy.vstack."""
    return concatenate([atleast_2d(x) for x in _parts(tup)], 0, dtype=dtype, casting=casting)


@implements("hstack")
def hstack(tup: Any, *, dtype: Any = None, casting: Casting = "same_kind") -> Any:
    """Join along the second axis, or the only one; see numpy.hstack."""
    parts = [atleast_1d(x) for x in _parts(tup)]
    return concatenate(
        parts, 0 if len(shape_of(parts[0])) == 1 else 1, dtype=dtype, casting=casting
    )


@implements("dstack")
def dstack(tup: Any) -> Any:
    """Join along the third axis; see numpy.dstack."""
    return concatenate([atleast_3d(x) for x in _parts(tup)], 2)


@implements("column_stack")
def column_stack(tup: Any) -> Any:
    """Stack vectors as columns; see numpy.column_stack."""
    parts = [x if len(shape_of(x)) >= 2 else transpose(atleast_2d(x)) for x in _parts(tup)]
    return concatenate(parts, 1)


@implements("append")
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Join values to the end of an array; see numpy.append."""
    return concatenate([arr, values], axis)


@implements("block")
@gives(as_array)
def block(arrays: Any) -> Any:
    """Assemble an array from nested lists of blocks; see numpy.block."""
    depth = _depth(arrays)
    y = _blocks(arrays, depth, max(depth, _rank(arrays)))
    return y if depth else apart(y, arrays)


def _depth(x: Any) -> int:
    return 1 + max(map(_depth, x)) if isinstance(x, list) else 0


def _rank(x: Any) -> int:
    return max(map(_rank, x)) if isinstance(x, list) else len(shape_of(operand(x)))


def _blocks(x: Any, level: int, rank: int) -> Any:
    if not isinstance(x, list):
        x = strong(operand(x))
        return _reshape(x, (1,) * (rank - len(shape_of(x))) + shape_of(x))
    return concatenate([_blocks(part, level - 1, rank) for part in x], rank - level)


def _one(sections: Any) -> int | None:
    """Number of sections, None for a list of indices."""
    try:
        return operator.index(sections)
    except TypeError:
        return None


@implements("array_split")
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split into nearly equal parts, or at indices; see numpy.array_split."""
    ary = operand(ary)
    axis = axis_of(axis, len(shape_of(ary)))
    n = shape_of(ary)[axis]
    count = _one(indices_or_sections)
    if count is None:
        bounds = [0, *integer_tuple(indices_or_sections), n]
    else:
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = divmod(n, count)
        bounds = [i * each + min(i, extra) for i in range(count + 1)]
    return [slice_axis(ary, axis, a, b) for a, b in itertools.pairwise(bounds)]


@implements("split")
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split into equal parts, or at indices; see numpy.split."""
    n = shape_of(operand(ary))[axis]
    if (count := _one(indices_or_sections)) is not None and n % count:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def _rank_for(who: str, ary: Any, least: int) -> int:
    rank = len(shape_of(operand(ary)))
    if rank < least:
        raise ValueError(f"{who} only works on arrays of {least} or more dimensions")
    return rank


@implements("hsplit")
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the second axis, or the only one; see numpy.hsplit."""
    rank = _rank_for("hsplit", ary, 1)
    return split(ary, indices_or_sections, 0 if rank == 1 else 1)


@implements("vsplit")
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the first axis; see numpy.vsplit."""
    _rank_for("vsplit", ary, 2)
    return split(ary, indices_or_sections, 0)


@implements("dsplit")
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the third axis; see numpy.dsplit."""
    _rank_for("dsplit", ary, 3)
    return split(ary, indices_or_sections, 2)


@implements("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Slices along one axis; see numpy.unstack."""
    return tuple(moveaxis(x, axis, 0))
