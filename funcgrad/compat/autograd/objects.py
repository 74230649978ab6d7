"""Gradients by values of classes that are no containers of arrays, boxed by classes of the user's.

The graph of the function is recorded by nodes; each node is an operation, and is walked back.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ...core.errors import UnsupportedError
from .rules import find_vjp
from .tracer import Box, Node, NodeTrace, NodeTracer, trace
from .util import toposort
from .vspaces import vspace


class VJPNode(Node):
    """An operation, with what its reverse rule reads."""

    __slots__ = ("argnums", "args", "fun", "kwargs", "parents", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.value, self.fun, self.args, self.kwargs = value, fun, args, kwargs
        self.argnums, self.parents = tuple(parent_argnums), parents

    def initialize_root(self, x: Any) -> None:
        self.value, self.parents = x, ()

    def pull(self, g: Any) -> Sequence[Any]:
        """The cotangents of the parents."""
        prim = getattr(self.fun, "prim", None)
        if prim is None:
            maker = find_vjp(self.fun, self.argnums)
            return list(maker(self.argnums, self.value, self.args, self.kwargs)(g))
        if isinstance(self.value, tuple):
            raise UnsupportedError(
                f"{self.fun.__name__}: operations with several results have no gradient by an "
                f"object; make its class a tree: funcgrad.tree.register_node"
            )
        needs = [i if i in self.argnums else None for i in range(len(self.args))]
        found = prim.vjp([g], needs, [self.value], self.args, **self.kwargs)
        return [found[i] for i in self.argnums]


def make_vjp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """The map that pulls a cotangent of ``fun(x)`` back to ``x``, and ``fun(x)``."""
    value, end = trace(VJPNode.new_root(x), fun, x)

    def vjp(g: Any) -> Any:
        if end is None:
            return vspace(x).zeros()
        totals = {end: g}
        for node in toposort(end):
            g = totals.pop(node)
            if not node.parents:
                return g
            for parent, ct in zip(node.parents, node.pull(g), strict=True):
                had = totals.get(parent)
                totals[parent] = ct if had is None else vspace(parent.value).add(had, ct)
        return g

    return vjp, value


def boxed(value: Any, graph: NodeTrace, node: Any) -> Any:
    """The value with its node: in a box of the user's class, or as a traced array."""
    kind = Box.type_mappings.get(type(value))
    if kind is None:
        return NodeTracer(graph, value, node)
    box = kind.__new__(kind)
    box._value, box._trace, box._node = value, graph, node
    return box


def called(fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive that has boxes among its arguments, and record it."""
    nodes = {i: _node_of(x) for i, x in enumerate(args) if _node_of(x) is not None}
    values = tuple([_value_of(x) if i in nodes else x for i, x in enumerate(args)])
    answer = fun(*values, **kwargs)
    graph = next(x._trace for i, x in enumerate(args) if i in nodes)
    parents = tuple(nodes.values())
    node = type(parents[0])(answer, fun, values, kwargs, tuple(nodes), parents)
    return boxed(answer, graph, node)


def _node_of(x: Any) -> Any:
    return x.node if isinstance(x, NodeTracer) else getattr(x, "_node", None)


def _value_of(x: Any) -> Any:
    return x.value if isinstance(x, NodeTracer) else x._value
