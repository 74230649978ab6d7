"""Functions that are traced once and replayed."""

import functools
from collections.abc import Callable
from typing import Any

from ..tracer import Node, trace
from ..util import subvals, toposort


class ConstGraphNode(Node):
    """An operation that can be applied again to other values of its parents."""

    __slots__ = ("again", "parents")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.parents = parents
        self.again = lambda values: fun(
            *subvals(args, zip(parent_argnums, values, strict=True)), **kwargs
        )

    def initialize_root(self) -> None:
        self.parents = ()


def const_graph_unary(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Function that runs once, and then only repeats its operations on other arguments."""
    order: list[Any] = []

    def call(x: Any) -> Any:
        if not order:
            value, end = trace(ConstGraphNode.new_root(), fun, x)
            if end is None:
                raise ValueError("const_graph: the output does not depend on the input")
            order.extend(reversed(list(toposort(end))))
            return value
        values = {order[0]: x}
        for node in order[1:]:
            values[node] = node.again([values[parent] for parent in node.parents])
        return values[order[-1]]

    return call


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Function of the remaining arguments whose operations are those of its first call."""
    replayed = const_graph_unary(lambda rest: fun(*args, *rest, **kwargs))

    @functools.wraps(fun)
    def call(*rest: Any) -> Any:
        return replayed(rest)

    return call


class FullGraphNode(Node):
    """An operation with its value, function and arguments."""

    __slots__ = ("recipe", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.value = value
        self.recipe = fun, args, kwargs, list(zip(parent_argnums, parents, strict=True))

    def initialize_root(self) -> None:
        self.value, self.recipe = None, (lambda x: x, (), {}, [])


def full_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The node of the output of a call; the nodes of its operands are in its ``recipe``."""
    return trace(FullGraphNode.new_root(), lambda args: fun(*args, **kwargs), args)[1]
