"""The subtree at a path of a model: read it, or replace it.

Paths are written as in Python, ``"layers[2].kernel"``.
"""

import ast
from dataclasses import fields
from typing import Any, TypeAlias

from ..core import tree
from ..core.errors import TreeError, shown
from ..core.lazy import answering
from ..core.nodes import DictKey, GetAttrKey, Path, SequenceKey
from .containers import as_layer
from .module import check_fields
from .traverse import is_module, text_of, with_fields

Where: TypeAlias = str | Path


@answering
def get(model: Any, where: Where) -> Any:
    """The subtree, leaf or static field at a path of a model.

    Args:
        model: a model, or any tree.
        where: text such as "layers[2].kernel", or a path of ``fg.tree``.

    Raises:
        TreeError: if the path does not exist, with the steps that do.

    >>> from funcgrad import nn
    >>> get(nn.Sequential(nn.Flatten(), nn.relu), "layers[0]")
    Flatten()
    """
    for key in resolved("get", model, where):
        model = _child(model, key)
    return model


@answering
def replace(model: Any, where: Where, new: Any) -> Any:
    """Replace a layer, an array or a static field at a path of a model.

    Args:
        model: a model, or any tree.
        where: text such as "layers[2]", or a path of ``fg.tree``.
        new: the new value, with its parameters drawn. A function is wrapped as a layer.

    Raises:
        TreeError: if the path does not exist, with the steps that do.
        ModuleError: if a field cannot hold the value.

    >>> import numpy as np
    >>> from funcgrad import nn, random
    >>> model = nn.MLP(4, 8, 10).init(random.key(0))
    >>> head = nn.Dense(8, 3).init(random.key(1))
    >>> replace(model, "layers[1]", head)(np.ones(4)).shape
    (3,)
    """
    return _replaced(model, resolved("replace", model, where), new)


def _replaced(node: Any, path: Path, new: Any) -> Any:
    if not path:
        function = is_module(node) and not is_module(new) and callable(new)
        return as_layer("replace", new, 0) if function else new
    key, *rest = path
    value = _replaced(_child(node, key), tuple(rest), new)
    if is_module(node):
        changed = with_fields(node, {**node.__dict__, key.name: value})
        check_fields(changed)
        return changed
    children, aux, keys = _taken_apart(node)
    new_children = [value if k == key else x for k, x in zip(keys, children, strict=True)]
    handler: Any = tree.handler_of(node)
    return handler.unflatten(aux, new_children)


def _taken_apart(node: Any) -> tuple[list[Any], Any, list[Any]]:
    handler = tree.handler_of(node)
    if handler is None:
        return [], None, []
    children, aux = handler.flatten(node)
    children = list(children)
    return children, aux, list(handler.keys(node, aux, len(children)))


def _child(node: Any, key: Any) -> Any:
    if is_module(node):
        return getattr(node, key.name)
    children, _, keys = _taken_apart(node)
    return children[keys.index(key)]


def _keys(node: Any) -> list[Any]:
    """The steps from a node to its children."""
    if is_module(node):
        every: Any = fields(type(node))
        return [GetAttrKey(f.name) for f in every]
    return _taken_apart(node)[2]


def resolved(who: str, model: Any, where: Where) -> Path:
    """The path of a text, with each step checked."""
    if callable(where):
        raise TypeError(
            f"{who}: where must be a path: got {shown(where)}; write it as text, 'layers[0].kernel'"
        )
    path: list[Any] = []
    node = model
    for key in _parsed(who, where) if isinstance(where, str) else where:
        if is_module(node) and not isinstance(key, GetAttrKey) and hasattr(node, "layers"):
            path.append(GetAttrKey("layers"))  # model[0] is model.layers[0]
            node = node.layers
        known = _keys(node)
        if isinstance(node, tuple | list) and isinstance(key, SequenceKey) and key.idx < 0:
            key = SequenceKey(key.idx + len(node))
        if key not in known:
            here = f"at {text_of(tuple(path))!r}" if path else "in the model"
            raise TreeError(
                f"{who}: the path {written(where)!r} does not exist: {here} there is "
                f"{', '.join(map(str, known)) or 'nothing'}"
                "; name one of these"
            )
        path.append(known[known.index(key)])  # DictKey(0) == SequenceKey(0)
        node = _child(node, path[-1])
    return tuple(path)


def written(where: Where) -> str:
    return where if isinstance(where, str) else text_of(where)


def _parsed(who: str, text: str) -> list[Any]:
    """The steps of a path that is written as in Python."""
    dot = "" if not text or text[0] in ".[" else "."
    try:
        node = ast.parse(f"_{dot}{text}", mode="eval").body
        steps: list[Any] = []
        while not isinstance(node, ast.Name):
            steps.append(_step(node))
            node = node.value  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, AttributeError):
        raise TreeError(
            f"{who}: not a path: got {text!r}; write it as in Python: 'layers[2].kernel'"
        ) from None
    return steps[::-1]


def _step(node: Any) -> Any:
    if isinstance(node, ast.Attribute):
        return GetAttrKey(node.attr)
    key = ast.literal_eval(node.slice)
    return SequenceKey(key) if type(key) is int else DictKey(key)
