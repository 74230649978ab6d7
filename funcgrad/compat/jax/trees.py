"""``jax.tree_util``: trees by JAX's names."""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

from ...core import nodes, tree
from ...core.nodes import (
    DictKey as DictKey,
    FlattenedIndexKey as FlattenedIndexKey,
    GetAttrKey as GetAttrKey,
    Partial as Partial,
    SequenceKey as SequenceKey,
    register_dataclass as register_dataclass,
    register_static as register_static,
)
from ...core.tree import (
    TreeDef as TreeDef,
    all_leaves as all_leaves,
    keystr as keystr,
)

handler_of: Any = tree.handler_of
tree_flatten_with_path, tree_leaves = tree.flatten_with_path, tree.leaves
tree_leaves_with_path, tree_map = tree.leaves_with_path, tree.map
tree_map_with_path, tree_structure = tree.map_with_path, tree.structure
tree_unflatten = tree.unflatten
PyTreeDef = TreeDef
KeyPath = tuple
KeyEntry = Any


def tree_flatten(tree_: Any, is_leaf: Any = None) -> tuple[list[Any], TreeDef]:
    """The leaves of a tree, and its structure."""
    return tree.flatten(tree_, is_leaf)


def tree_all(tree_: Any, is_leaf: Any = None) -> bool:
    """Whether all leaves are true."""
    return all(tree.leaves(tree_, is_leaf))


_NONE = object()


def tree_reduce(
    function: Callable[[Any, Any], Any], tree: Any, initializer: Any = _NONE, is_leaf: Any = None
) -> Any:
    """Fold the leaves from the left."""
    leaves = tree_leaves(tree, is_leaf)
    return functools.reduce(function, leaves if initializer is _NONE else [initializer, *leaves])


def tree_reduce_associative(
    operation: Callable[[Any, Any], Any], tree: Any, identity: Any = _NONE, is_leaf: Any = None
) -> Any:
    """Combine the leaves by an associative operation."""
    return tree_reduce(operation, tree, identity, is_leaf)


def tree_transpose(
    outer_treedef: TreeDef, inner_treedef: TreeDef | None, pytree_to_transpose: Any
) -> Any:
    """Exchange two levels of a tree."""
    return tree.transpose(outer_treedef, inner_treedef, pytree_to_transpose)


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: Any = None) -> Any:
    """A prefix tree with its leaves repeated as in the full tree."""
    return tree.broadcast(prefix_tree, full_tree, is_leaf)


def register_pytree_node(
    nodetype: type, flatten_func: Any, unflatten_func: Any, flatten_with_keys_func: Any = None
) -> None:
    """Register a class as a node."""
    nodes.register_node(nodetype, flatten_func, unflatten_func, flatten_with_keys_func)


def register_pytree_node_class(cls: Any) -> Any:
    """Decorator that registers a class with tree_flatten and tree_unflatten."""
    nodes.register_node(cls, lambda x: x.tree_flatten(), cls.tree_unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type, flatten_with_keys: Any, unflatten_func: Any, flatten_func: Any = None
) -> None:
    """Register a class as a node with keys."""

    def flatten(x: Any) -> tuple[Iterable[Any], Any]:
        pairs, aux = flatten_with_keys(x)
        return [child for _, child in pairs], aux

    nodes.register_node(nodetype, flatten_func or flatten, unflatten_func, flatten_with_keys)


def register_pytree_with_keys_class(cls: Any) -> Any:
    """Decorator that registers a class with tree_flatten_with_keys and tree_unflatten."""
    flatten = cls.tree_flatten if hasattr(cls, "tree_flatten") else None
    register_pytree_with_keys(
        cls, lambda x: x.tree_flatten_with_keys(), cls.tree_unflatten, flatten
    )
    return cls


def treedef_is_leaf(treedef: TreeDef) -> bool:
    """Whether the structure is that of a leaf."""
    return treedef.num_leaves == 1 and treedef == tree.structure(0)


def treedef_children(treedef: TreeDef) -> list[TreeDef]:
    """The structures of the children of a node."""
    whole = tree.unflatten(treedef, [0] * treedef.num_leaves)
    handler = tree.handler_of(whole)
    return [] if handler is None else [tree.structure(x) for x in handler.flatten(whole)[0]]


def treedef_tuple(treedefs: Iterable[TreeDef]) -> TreeDef:
    """The structure of a tuple of trees."""
    trees = [tree.unflatten(each, [0] * each.num_leaves) for each in treedefs]
    return tree.structure(tuple(trees))


def is_tree_node(x: Any) -> bool:
    """Whether a value is a node."""
    return tree.handler_of(x) is not None


def static(**kwargs: Any) -> Any:
    """A field of a dataclass that is part of the structure."""
    return dataclasses.field(
        metadata={**(kwargs.pop("metadata", None) or {}), "static": True}, **kwargs
    )


def flatten_one_level(tree: Any) -> tuple[tuple[Any, ...], Any]:
    """The children of a node, and what its class needs besides to make it again."""
    handler = handler_of(tree)
    if handler is None:
        raise ValueError(f"flatten_one_level: it takes a node: got a leaf of {type(tree)}")
    children, aux = handler.flatten(tree)
    return tuple(children), aux


def flatten_one_level_with_keys(tree: Any) -> tuple[tuple[Any, ...], Any]:
    """``flatten_one_level`` with pairs (key, child)."""
    children, aux = flatten_one_level(tree)
    keys = handler_of(tree).keys(tree, aux, len(children))
    return tuple(zip(keys, children, strict=True)), aux
