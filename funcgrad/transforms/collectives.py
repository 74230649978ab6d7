"""Collectives over named axes of vmap, on trees: psum, pmean, all_gather, ppermute, axis_index."""

import functools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..core import tree
from ..core.avals import aval_of, shape_of
from ..core.axes import axis_named
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..core.trace import Primitive
from ..ops.collective import (
    all_gather_p,
    all_to_all_p,
    pmax_p,
    pmin_p,
    ppermute_p,
    psum_p,
    psum_scatter_p,
)
from ..ops.elementwise import div
from ..ops.index import concatenate_p
from ..ops.structure import cast, reshape, sum_dtype


def _each(prim: Primitive, x: Any, name: Hashable, params: Callable[[Any, int], Any]) -> Any:
    """Apply a collective to each leaf of a tree."""
    axis = axis_named(prim.name, name)

    def one(leaf: Any) -> Any:
        made = params(leaf, axis.size)
        aval = aval_of(leaf)
        prim.infer(
            aval, aval_of(axis.token), size=axis.size, **made
        )  # raises where the shapes do not fit
        return prim.bind(leaf, axis.token, size=axis.size, **made)[0]

    return tree.map(one, x)


def _names(axis_name: Any) -> tuple[Hashable, ...]:
    return tuple(axis_name) if isinstance(axis_name, (tuple, list)) else (axis_name,)


def _over_each(prim: Primitive, x: Any, axis_name: Any) -> Any:
    for name in _names(axis_name):
        whole = axis_named(prim.name, name).index is not None
        x = _in_buffers(prim, x, name) if whole else _each(prim, x, name, lambda leaf, size: {})
    return x


def _in_buffers(prim: Primitive, x: Any, name: Hashable) -> Any:
    """Apply a collective of processes to a tree: one buffer, and one exchange, for each dtype."""
    leaves, structure = tree.flatten(x)
    if axis_named(prim.name, name).size == 1:  # of one process
        dtypes = [sum_dtype(aval_of(leaf).dtype) for leaf in leaves]
        kept = [leaf if prim is not psum_p else cast(leaf, d)
                for leaf, d in zip(leaves, dtypes, strict=True)]  # fmt: skip
        return tree.unflatten(structure, kept)
    groups: dict[Any, list[int]] = {}
    for i, leaf in enumerate(leaves):
        groups.setdefault(aval_of(leaf).dtype, []).append(i)
    found = list(leaves)
    for places in groups.values():
        flat = [reshape(leaves[i], (-1,)) for i in places]
        joined = concatenate_p(*flat, axis=0) if len(flat) > 1 else flat[0]
        total = _each(prim, joined, name, lambda leaf, size: {})
        start = 0
        for i in places:
            shape = shape_of(leaves[i])
            stop = start + math.prod(shape)
            found[i] = reshape(total[start:stop], shape)
            start = stop
    return tree.unflatten(structure, found)


@answering
def psum(x: Any, axis_name: Any) -> Any:
    """Sum of each leaf over the examples of a named axis, or of several.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x / psum(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([0.25, 0.75])
    """
    return _over_each(psum_p, x, axis_name)


@answering
def pmean(x: Any, axis_name: Any) -> Any:
    """Mean of each leaf over the examples of a named axis, or of several.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x - pmean(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """
    size = axis_size(axis_name)
    return tree.map(lambda total: div(total, size), psum(x, axis_name))


@answering
def pmax(x: Any, axis_name: Any) -> Any:
    """Maximum of each leaf over the examples of a named axis, or of several.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x / pmax(x, "i"), axis_name="i")(np.array([1.0, 2.0]))
    array([0.5, 1. ])
    """
    return _over_each(pmax_p, x, axis_name)


@answering
def pmin(x: Any, axis_name: Any) -> Any:
    """Minimum of each leaf over the examples of a named axis, or of several.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x - pmin(x, "i"), axis_name="i")(np.array([1.0, 2.0]))
    array([0., 1.])
    """
    return _over_each(pmin_p, x, axis_name)


def _place(who: str, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ShapeError(
            f"{who}: the value has no axis {axis}: got a value of {rank} axes"
            "; count axes from 0, without the mapped one"
        )
    return axis % rank


@answering
def all_gather(x: Any, axis_name: Hashable, *, axis: int = 0, tiled: bool = False) -> Any:
    """Values of all examples, stacked along a new axis, or concatenated if ``tiled``.

    Args:
        x: a tree of arrays.
        axis_name: the named axis.
        axis: the axis of the result that counts the examples.
        tiled: whether to concatenate along an existing axis.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: all_gather(x, "i"), axis_name="i")(np.array([1.0, 2.0]))
    array([[1., 2.],
           [1., 2.]])
    """

    def params(leaf: Any, size: int) -> dict[str, Any]:
        rank = len(shape_of(leaf)) + (not tiled)
        return {"axis": _place("all_gather", axis, rank), "tiled": tiled}

    return _each(all_gather_p, x, axis_name, params)


@answering
def psum_scatter(
    x: Any, axis_name: Hashable, *, scatter_dimension: int = 0, tiled: bool = False
) -> Any:
    """Part ``i`` of the sum over all examples, for example ``i``.

    Args:
        x: a tree of arrays; ``scatter_dimension`` has one element, or block, per example.
        axis_name: the named axis.
        scatter_dimension: the axis that is split.
        tiled: whether to keep that axis, split into blocks.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: psum_scatter(x, "i"), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """

    def params(leaf: Any, size: int) -> dict[str, Any]:
        rank = len(shape_of(leaf))
        return {"axis": _place("psum_scatter", scatter_dimension, rank), "tiled": tiled}

    return _each(psum_scatter_p, x, axis_name, params)


@answering
def all_to_all(
    x: Any, axis_name: Hashable, split_axis: int, concat_axis: int, *, tiled: bool = False
) -> Any:
    """Part ``i`` of the value of every example, for example ``i``.

    Args:
        x: a tree of arrays; ``split_axis`` has one element, or block, per example.
        axis_name: the named axis.
        split_axis: the axis that is split.
        concat_axis: the axis of the result along which the parts lie.
        tiled: whether to split and concatenate existing axes.

    >>> import numpy as np, funcgrad as fg
    >>> f = lambda x: all_to_all(x, "i", 0, 0)
    >>> fg.vmap(f, axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 3.],
           [2., 4.]])
    """

    def params(leaf: Any, size: int) -> dict[str, Any]:
        rank = len(shape_of(leaf))
        split, concat = (_place("all_to_all", a, rank) for a in (split_axis, concat_axis))
        return {"split": split, "concat": concat, "tiled": tiled}

    return _each(all_to_all_p, x, axis_name, params)


@answering
def ppermute(x: Any, axis_name: Hashable, perm: Sequence[tuple[int, int]]) -> Any:
    """Value of another example: that of its source in ``perm``, zeros without a source.

    Args:
        x: a tree of arrays.
        axis_name: the named axis.
        perm: pairs (source, destination) of indices along the named axis.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: ppermute(x, "i", [(0, 1)]), axis_name="i")(np.array([1.0, 2.0]))
    array([0., 1.])
    """
    pairs = tuple((int(a), int(b)) for a, b in perm)

    def params(leaf: Any, size: int) -> dict[str, Any]:
        for column in zip(*pairs, strict=True):
            if len(set(column)) < len(column) or not all(0 <= i < size for i in column):
                raise ValueError(
                    f"ppermute: sources must be distinct indices from 0 to {size - 1}, and so must "
                    f"destinations: got {shown(pairs)}"
                    "; give each rank once"
                )
        return {"perm": pairs}

    return _each(ppermute_p, x, axis_name, params)


@answering
def axis_index(axis_name: Hashable) -> Any:
    """Index of the example along the named axis, an integer from 0.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x + axis_index("i"), axis_name="i")(np.array([10, 10]))
    array([10, 11])
    """
    axis = axis_named("axis_index", axis_name)
    return axis.token if axis.index is None else axis.index


@answering
def axis_size(axis_name: Any) -> int:
    """Number of examples along a named axis; the product for several.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x / axis_size("i"), axis_name="i")(np.ones(4))
    array([0.25, 0.25, 0.25, 0.25])
    """
    sizes = (axis_named("axis_size", name).size for name in _names(axis_name))
    return functools.reduce(lambda a, b: a * b, sizes, 1)
