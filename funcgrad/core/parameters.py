"""Trainable leaves of a tree, by the metadata of its node types."""

from collections.abc import Iterator
from typing import Any, TypeGuard

from . import tree
from .avals import dtype_of, is_arraylike, is_inexact
from .nodes import Handler


def is_model(x: Any) -> TypeGuard[Any]:
    """Whether an object is a node whose type says which of its parameters are trained."""
    handler = tree.handler_of(x)
    return handler is not None and handler.parameters is not None


def trainable(model: Any) -> Any:
    """A tree of booleans like the model: True for floating leaves that no node leaves out."""
    floating = lambda x: is_arraylike(x) and is_inexact(dtype_of(x))
    treedef = tree.structure(model)
    walk = _walk(model)
    return tree.unflatten(treedef, [on and floating(x) for x, node, on in walk if node is None])


def check_initialized(model: Any) -> None:
    """Raise for a model none of whose parameters has a value.

    Where some have one, the user may have removed the others on purpose.
    """
    if any(is_arraylike(x) and is_inexact(dtype_of(x)) for x in tree.leaves(model)):
        return
    for x, node, _ in _walk(model):
        if node is not None and node.parameters is not None:
            node.parameters.check(x)


def _walk(model: Any) -> Iterator[tuple[Any, Handler | None, bool]]:
    """Yield nodes and leaves in preorder, with the node's handler and whether it is trained."""
    stack: list[tuple[Any, bool]] = [(model, True)]
    while stack:
        x, trained = stack.pop()
        handler = tree.handler_of(x)
        yield x, handler, trained
        if handler is None:
            continue
        given, aux = handler.flatten(x)
        children = tuple(given)
        steps = [(child, trained) for child in children]
        if trained and handler.parameters is not None:
            keys = handler.keys(x, aux, len(children))
            out = handler.parameters.untrained
            steps = [(child, key not in out) for child, key in zip(children, keys, strict=True)]
        stack += reversed(steps)
