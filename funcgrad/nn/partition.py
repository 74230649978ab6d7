"""The trained leaves of a model, and its partition into these and the others.

A mask is a tree of booleans like the model, or a prefix of one.
"""

import math
from typing import Any, TypeAlias

from ..core import parameters, tree
from ..core.avals import shape_of
from ..core.errors import shown
from ..core.lazy import answering
from ..core.nodes import Path
from .replace import Where, resolved

Mask: TypeAlias = Any  # a tree of booleans, or a prefix of one, or a function that gives one


@answering
def trainable(model: Any, *frozen: Where) -> Any:
    """The mask of trained leaves of a model: a tree of booleans like it.

    Not trained are states such as running statistics, frozen layers (see :func:`freeze`), and
    integer arrays. It is the default mask of weight decay.

    Args:
        model: a model, or any tree.
        *frozen: paths of subtrees that are not trained either.

    >>> from funcgrad import nn, random
    >>> model = nn.BatchNorm(3).init(random.key(0))
    >>> trainable(model)
    BatchNorm(features=3, scale=True, bias=True, mean=False, var=False)
    """
    mask = parameters.trainable(model)
    if not frozen:
        return mask
    shut = {resolved("trainable", model, where) for where in frozen}

    def trained(path: Path, on: bool) -> bool:
        return on and not any(path[:n] in shut for n in range(len(path) + 1))

    return tree.map_with_path(trained, mask)


@answering
def partition(model: Any, mask: Mask = trainable) -> tuple[Any, Any]:
    """Split a model by a mask into two models, with None for the leaves of the other.

    Differentiate with respect to the first, update it with an optimizer, and :func:`combine` both
    again: then no other leaf can change, whatever the optimizer.

    Args:
        model: a model, or any tree.
        mask: a tree of booleans, a prefix of one, or a function of the model that returns one; by
            default :func:`trainable`.

    >>> from funcgrad import nn, random
    >>> params, rest = partition(nn.BatchNorm(3).init(random.key(0)))
    >>> params, rest.scale
    (BatchNorm(features=3, scale=f32[3], bias=f32[3]), None)
    """
    given = callable(mask) and tree.handler_of(mask) is None  # a mask of a model is callable too
    chosen = mask(model) if given else mask
    if any(isinstance(m, str) for m in tree.leaves(chosen)):
        raise TypeError(
            f"partition: the mask must hold booleans: got {shown(chosen)}; give a function of the "
            f"model, as nn.trainable"
        )
    flags = tree.broadcast_prefix(chosen, model, who="partition: the mask and the model")
    leaves, treedef = tree.flatten(model)
    pairs = list(zip(leaves, flags, strict=True))
    return (
        tree.unflatten(treedef, [x if flag else None for x, flag in pairs]),
        tree.unflatten(treedef, [None if flag else x for x, flag in pairs]),
    )


@answering
def combine(*parts: Any) -> Any:
    """Merge partitions of a model: at each path the first leaf that is not None.

    Args:
        *parts: trees that differ in structure only by None, as from :func:`partition`.

    >>> combine({"a": 1, "b": None}, {"a": None, "b": 2})
    {'a': 1, 'b': 2}
    """
    first = lambda *xs: next((x for x in xs if x is not None), None)
    return tree.map(first, *parts, is_leaf=lambda x: x is None)


@answering
def count_params(model: Any, mask: Mask = trainable) -> int:
    """The number of elements of the leaves in a mask, by default of the trained leaves.

    >>> from funcgrad import nn, random
    >>> count_params(nn.Dense(3, 4).init(random.key(0)))
    16
    """
    return sum(math.prod(shape_of(x)) for x in tree.leaves(partition(model, mask)[0]))
