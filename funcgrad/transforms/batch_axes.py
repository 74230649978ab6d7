"""Batch axes of the arguments and outputs of vmap."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import aval_of, is_arraylike, shape_of
from ..core.errors import ShapeError, UnsupportedError
from ..core.integers import whole
from ..core.trace import Tracer
from ..ops.layout import to_c_order
from ..ops.structure import batch_at_front, transpose_p
from .places import Place, argument_name, of_argument

_OPTIONS = ("in_axes", "out_axes", "axis_name", "axis_size", "chunk_size")  # of vmap


def _places(args: Any, kwargs: Any) -> list[tuple[Place, Any, Any]]:
    """Each leaf of a call with its argument and its path there."""
    places: list[tuple[Place, Any, Any]] = []
    for place, value in (*enumerate(args), *((k, kwargs[k]) for k in sorted(kwargs))):
        places += [(place, path, x) for path, x in tree.leaves_with_path(value)]
    return places


def batch_axes(fun: Any, in_axes: Any, args: Any, kwargs: Any) -> list[int | None]:
    """The batch axis of each leaf of a call, not negative."""
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ValueError(
            f"vmap: in_axes must have one entry for each positional argument: got {len(in_axes)} "
            f"for {len(args)}; write "
            f"in_axes=({'0, ' * len(args)})"
        )
    given = tree.broadcast_prefix(in_axes, args, lambda d: d is None, "vmap: in_axes")
    places = _places(args, kwargs)
    given += [0] * (len(places) - len(given))
    axes: list[int | None] = []
    try:
        batched = [is_arraylike(x) for *_, x in places]
    except UnsupportedError as err:
        raise of_argument(err, "vmap", fun, places) from None
    for (place, path, x), axis, is_array in zip(places, map(whole, given), batched, strict=True):
        rank = len(shape_of(x)) if is_array else 0
        if axis is None or not is_array:
            axes.append(None)
        elif not isinstance(axis, int) or not -rank <= axis < rank:
            cure = (
                f"it is an option of vmap: write vmap(f, {place}=...)(x)"
                if place in _OPTIONS
                else "set in_axes to None where all examples share it"
            )
            raise ShapeError(
                f"vmap: {argument_name(fun, place, path)} has no axis {axis!r} to map over: got "
                f"{aval_of(x)}; {cure}"
            )
        else:
            axes.append(axis % rank)
    return axes


def batch_size(
    fun: Any, args: Any, kwargs: Any, axes: Sequence[int | None], given: int | None
) -> int:
    """The number of examples, which must be the length of all batch axes."""
    rows = [
        (place, path, axis, shape_of(x)[axis])
        for (place, path, x), axis in zip(_places(args, kwargs), axes, strict=True)
        if axis is not None
    ]
    given = whole(given)
    sizes = {n for *_, n in rows} | ({given} if given is not None else set())
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError("vmap: no argument has an axis to map over; give axis_size")
    lengths = [
        f"{argument_name(fun, place, path)} has axis {d} of {n}" for place, path, d, n in rows
    ]
    lengths += [f"axis_size is {given}"] if given is not None else []
    raise ShapeError(
        f"vmap: the mapped axes differ in length: {', '.join(lengths)}; set in_axes to None for "
        f"what all examples share"
    )


def move_batch_axis(
    path: Any, y: Any, axis: int | None, want: int | None, size: int
) -> tuple[Any, Any]:
    """Move the batch axis of an output to ``want``."""
    where = f" at {tree.keystr(path)}" if path else ""
    if not is_arraylike(y):
        return y, None
    if want is None:
        if axis is not None:
            raise ShapeError(
                f"vmap: out_axes is None for the output{where}, which differs from example to "
                f"example: got {aval_of(y)}; give it an axis"
            )
        return y, None
    y = batch_at_front(y, axis, size)
    rank, want = len(shape_of(y)), whole(want)
    if not isinstance(want, int) or not -rank <= want < rank:
        raise ShapeError(
            f"vmap: out_axes is {want!r} for the output{where}, which has {rank} axes with the "
            f"batch axis; choose one from {-rank} to {rank - 1}"
        )
    want %= rank
    if want:
        y = transpose_p(y, perm=(*range(1, want + 1), 0, *range(want + 1, rank)))
    repeats = isinstance(y, np.ndarray) and 0 in y.strides  # a broadcast view
    return (y.copy() if repeats else to_c_order(y) if isinstance(y, Tracer) else y), want
