"""Decide by its annotation whether a field of a module is a child or static."""

import ast
import collections.abc
import typing
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from ..core.nodes import handlers

Array: TypeAlias = np.ndarray[Any, Any]

_CONTAINERS = frozenset({type(None), tuple, list, dict, OrderedDict, defaultdict})
_NAMES = frozenset({"Array", "ArrayLike", "NDArray", "ndarray", "_SupportsArray"})
# types whose arguments say nothing about the value: functions, classes, literals
_OPAQUE = frozenset({"Callable", "type", "Type", "Literal"})


def mentions_children(annotation: Any, names: Mapping[str, Any], module: type) -> bool:
    """Whether an annotation names arrays, modules or other nodes of a tree.

    Args:
        annotation: a type, or the text of one.
        names: the known values of names in such a text.
        module: the base class of modules.
    """
    return _Reader(names, module).holds(annotation)


class _Reader:
    """Reads one annotation; ``seen`` stops recursive types."""

    def __init__(self, names: Mapping[str, Any], module: type) -> None:
        self.names, self.module = names, module
        self.seen: list[Any] = []

    def holds(self, t: Any) -> bool:
        t = getattr(t, "__forward_arg__", t)
        if isinstance(t, str):
            return self.in_text(t)
        if any(t is s for s in self.seen):
            return False
        self.seen.append(t)
        if isinstance(t, typing.TypeVar):
            return any(map(self.holds, (t.__bound__, *t.__constraints__)))
        if hasattr(t, "__value__"):  # type X = ...
            return self.holds(t.__value__)
        origin = typing.get_origin(t)
        if origin in (collections.abc.Callable, type, typing.Literal):
            return False
        if origin is not None:
            return self.holds(origin) or any(map(self.holds, typing.get_args(t)))
        return isinstance(t, type) and self.is_child(t)

    def is_child(self, t: type) -> bool:
        if issubclass(t, self.module) or issubclass(t, np.ndarray) or t.__name__ in _NAMES:
            return True
        if issubclass(t, tuple) and hasattr(t, "_fields"):
            return any(map(self.holds, t.__annotations__.values()))
        return t in handlers and t not in _CONTAINERS

    def in_text(self, text: str) -> bool:
        try:
            return self.in_expression(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:
            return False

    def in_expression(self, node: ast.AST) -> bool:
        """Whether any known name of an expression is a child."""
        if isinstance(node, ast.Name | ast.Attribute):
            text = ast.unparse(node)
            value: Any = self.names.get(text.partition(".")[0], self)
            for part in text.split(".")[1:]:
                value = getattr(value, part, self)
            return text.rpartition(".")[2] in _NAMES if value is self else self.holds(value)
        if isinstance(node, ast.Subscript):
            base = ast.unparse(node.value).rpartition(".")[2]
            if base in _OPAQUE:
                return False
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str) and self.in_text(node.value)
        return any(map(self.in_expression, ast.iter_child_nodes(node)))
