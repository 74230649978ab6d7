"""The collectives as a user calls them: on trees, over an axis that vmap has named."""

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..core import tree
from ..core.avals import aval_of, shape_of
from ..core.axes import axis_named
from ..core.errors import ShapeError, shown
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


def _each(prim: Primitive, x: Any, name: Hashable, params: Callable[[Any, int], Any]) -> Any:
    """Apply a collective to each leaf of a tree."""
    axis = axis_named(prim.name, name)

    def one(leaf: Any) -> Any:
        made = params(leaf, axis.size)
        aval = aval_of(leaf)
        prim.infer(aval, aval_of(axis.token), size=axis.size, **made)  # complains, if it must
        return prim.bind(leaf, axis.token, size=axis.size, **made)[0]

    return tree.map(one, x)


def _names(axis_name: Any) -> tuple[Hashable, ...]:
    return tuple(axis_name) if isinstance(axis_name, (tuple, list)) else (axis_name,)


def _over_each(prim: Primitive, x: Any, axis_name: Any) -> Any:
    for name in _names(axis_name):
        x = _each(prim, x, name, lambda leaf, size: {})
    return x


def psum(x: Any, axis_name: Any) -> Any:
    """Return the sum over all examples of the named axis, or axes, of each leaf of a tree.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x / psum(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([0.25, 0.75])
    """
    return _over_each(psum_p, x, axis_name)


def pmean(x: Any, axis_name: Any) -> Any:
    """Return the mean over all examples of the named axis, or axes.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x - pmean(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """
    size = axis_size(axis_name)
    return tree.map(lambda total: div(total, size), psum(x, axis_name))


def pmax(x: Any, axis_name: Any) -> Any:
    """Return the largest over all examples of the named axis, or axes.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x / pmax(x, "i"), axis_name="i")(np.array([1.0, 2.0]))
    array([0.5, 1. ])
    """
    return _over_each(pmax_p, x, axis_name)


def pmin(x: Any, axis_name: Any) -> Any:
    """Return the smallest over all examples of the named axis, or axes.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x - pmin(x, "i"), axis_name="i")(np.array([1.0, 2.0]))
    array([0., 1.])
    """
    return _over_each(pmin_p, x, axis_name)


def _place(who: str, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ShapeError(f"{who}: there is no axis {axis}: the value has {rank}")
    return axis % rank


def all_gather(x: Any, axis_name: Hashable, *, axis: int = 0, tiled: bool = False) -> Any:
    """Return all examples' values, along a new axis, or ``tiled`` along an old one.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: all_gather(x, "i"), axis_name="i")(np.array([1.0, 2.0]))
    array([[1., 2.],
           [1., 2.]])
    """

    def params(leaf: Any, size: int) -> dict[str, Any]:
        rank = len(shape_of(leaf)) + (not tiled)
        return {"axis": _place("all_gather", axis, rank), "tiled": tiled}

    return _each(all_gather_p, x, axis_name, params)


def psum_scatter(
    x: Any, axis_name: Hashable, *, scatter_dimension: int = 0, tiled: bool = False
) -> Any:
    """Return this example's part, along one axis, of the sum over all examples.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: psum_scatter(x, "i"), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """

    def params(leaf: Any, size: int) -> dict[str, Any]:
        rank = len(shape_of(leaf))
        return {"axis": _place("psum_scatter", scatter_dimension, rank), "tiled": tiled}

    return _each(psum_scatter_p, x, axis_name, params)


def all_to_all(
    x: Any, axis_name: Hashable, split_axis: int, concat_axis: int, *, tiled: bool = False
) -> Any:
    """Return this example's part, along one axis, of every example's value.

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


def ppermute(x: Any, axis_name: Hashable, perm: Sequence[tuple[int, int]]) -> Any:
    """Return the value of this example's source in ``perm``, pairs (source, destination).

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: ppermute(x, "i", [(0, 1)]), axis_name="i")(np.array([1.0, 2.0]))
    array([0., 1.])
    """
    pairs = tuple((int(a), int(b)) for a, b in perm)

    def params(leaf: Any, size: int) -> dict[str, Any]:
        for column in zip(*pairs, strict=True):
            if len(set(column)) < len(column) or not all(0 <= i < size for i in column):
                raise ValueError(
                    f"ppermute: sources and destinations must each be different numbers from 0 to "
                    f"{size - 1}: got {shown(pairs)}"
                )
        return {"perm": pairs}

    return _each(ppermute_p, x, axis_name, params)


def axis_index(axis_name: Hashable) -> Any:
    """Return the number of this example along the named axis.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x + axis_index("i"), axis_name="i")(np.array([10, 10]))
    array([10, 11])
    """
    axis = axis_named("axis_index", axis_name)
    return axis.token if axis.index is None else axis.index


def axis_size(axis_name: Any) -> int:
    """Return the number of examples along the named axis, or axes together.

    >>> import numpy as np, funcgrad as fg
    >>> fg.vmap(lambda x: x / axis_size("i"), axis_name="i")(np.ones(4))
    array([0.25, 0.25, 0.25, 0.25])
    """
    sizes = (axis_named("axis_size", name).size for name in _names(axis_name))
    return functools.reduce(lambda a, b: a * b, sizes, 1)
