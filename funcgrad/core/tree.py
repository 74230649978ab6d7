"""Pytrees: nested containers whose leaves are arrays, and their structure.

A structure is a flat sequence of nodes in preorder, so that flattening, unflattening, comparison
and hashing are loops without recursion. ``nodes.py`` defines which types are nodes.
"""

import builtins
import functools
import itertools
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .avals import Aval
from .errors import TreeError, short
from .nodes import NAMEDTUPLE, Handler, Path, cure, handlers

IsLeaf: TypeAlias = Callable[[Any], bool] | None


# An inner node of a structure: its type, its static data, and the number of children. A plain
# tuple, because every call of a transform makes some.
_Node: TypeAlias = tuple[type, Any, int]

_LEAF: Any = None  # a leaf in the preorder

_MANY = 100_000  # nodes, above which the tree is checked for cycles
_DEEP = 100_000  # levels
_ENDLESS = 1_000_000_000  # leaves
LEAVES = frozenset({np.ndarray, np.float64, np.float32, float})  # the types of nearly all leaves


@dataclass(frozen=True, slots=True)
class TreeDef:
    """The structure of a tree: its nodes in preorder, leaves as None.

    >>> structure({"w": 1, "b": [2, 3]})
    PyTreeDef({'w': *, 'b': [*, *]})
    """

    nodes: tuple[Any, ...]  # each a _Node, or _LEAF

    @property
    def num_leaves(self) -> int:
        return self.nodes.count(_LEAF)

    @property
    def num_nodes(self) -> int:
        return len(self.nodes)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        return unflatten(self, leaves)

    def children(self) -> list["TreeDef"]:
        """The structures of the children of the root."""
        if self.nodes[0] is _LEAF:
            return []
        ends = [1]
        for _ in range(self.nodes[0][2]):
            ends.append(_end(self.nodes, ends[-1]))
        return [TreeDef(self.nodes[a:b]) for a, b in itertools.pairwise(ends)]

    def __repr__(self) -> str:
        try:
            return f"PyTreeDef({unflatten(self, [_Star()] * self.num_leaves)!r})"
        except Exception:  # a registered class may not accept stars as leaves
            return f"PyTreeDef({self.nodes!r})"


_ONE_LEAF = TreeDef((_LEAF,))


class _Star:
    def __repr__(self) -> str:
        return "*"


def _end(nodes: Sequence[Any], start: int) -> int:
    """The end of the subtree that starts at ``start``."""
    missing, i = 1, start
    while missing:
        node = nodes[i]
        missing += (0 if node is _LEAF else node[2]) - 1
        i += 1
    return i


# flatten and unflatten


def handler_of(x: Any) -> Handler | None:
    handler = handlers.get(type(x))
    if handler is None and isinstance(x, tuple) and hasattr(x, "_fields"):
        return NAMEDTUPLE
    return handler


def flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeDef]:
    """The leaves, of a dict by sorted keys, and the structure that :func:`unflatten` needs.

    >>> flatten({"b": 2, "a": (1, None)})
    ([1, 2], PyTreeDef({'b': *, 'a': (*, None)}))
    """
    if type(tree) is np.ndarray and is_leaf is None:
        return [tree], _ONE_LEAF
    leaves: list[Any] = []
    nodes: list[Any] = []
    stack = [tree]
    many: float = _MANY
    while stack:
        x = stack.pop()
        kind = type(x)
        handler = None if kind in LEAVES else handlers.get(kind) or handler_of(x)
        if handler is None or (is_leaf is not None and is_leaf(x)):
            leaves.append(x)
            nodes.append(_LEAF)
            continue
        # as its handler does, without the call
        children, aux = (x, None) if kind is tuple or kind is list else handler.flatten(x)
        children = tuple(children)
        nodes.append((kind, aux, len(children)))
        if len(nodes) > many:
            many = _check_finite(tree, is_leaf)
        stack += children[::-1]
    return leaves, TreeDef(tuple(nodes))


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """Build a tree from its structure and leaves.

    Raises:
        TreeError: if the number of leaves differs from that of the structure.
    """
    leaves = list(leaves)
    if treedef is _ONE_LEAF and len(leaves) == 1:
        return leaves[0]
    if len(leaves) != treedef.num_leaves:
        raise TreeError(
            f"tree.unflatten: the structure has {treedef.num_leaves} leaves: got {len(leaves)}; "
            f"give one for each"
        )
    stack: list[Any] = []
    for node in reversed(treedef.nodes):
        if node is _LEAF:
            stack.append(leaves.pop())
            continue
        kind, aux, arity = node
        children = stack[: -arity - 1 : -1]
        del stack[len(stack) - arity :]
        if kind is tuple or kind is list:
            stack.append(children if kind is list else tuple(children))
        else:
            stack.append(handlers.get(kind, NAMEDTUPLE).unflatten(aux, children))
    return stack.pop()


def flatten_with_path(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[tuple[Path, Any]], TreeDef]:
    """The ``(path, leaf)`` pairs, and the structure."""
    return leaves_with_path(tree, is_leaf), structure(tree, is_leaf)


def leaves_with_path(tree: Any, is_leaf: IsLeaf = None) -> list[tuple[Path, Any]]:
    """The leaves of a tree in order, each with its path."""
    found: list[tuple[Path, Any]] = []
    stack: list[tuple[Any, Any]] = [(None, tree)]
    count, many = 0, _MANY / 100  # the paths of deep trees are long
    while stack:
        trail, x = stack.pop()
        handler = handler_of(x)
        if handler is None or (is_leaf is not None and is_leaf(x)):
            found.append((_path(trail), x))
            continue
        count += 1
        if count > many:
            many = _check_finite(tree, is_leaf)
        children, aux = handler.flatten(x)
        children = tuple(children)
        keys = handler.keys(x, aux, len(children))
        steps = [((trail, k), c) for k, c in zip(keys, children, strict=True)]
        stack.extend(reversed(steps))
    return found


def _check_finite(tree: Any, is_leaf: IsLeaf) -> float:
    """Raise for a tree that contains itself, or shared nodes in exponential number.

    It is called once, and only for trees with many nodes, because of its cost.
    """
    sizes: dict[int, int] = {}  # nodes of finished subtrees, with multiplicity
    kept: list[Any] = []  # so that no id is reused
    open_: dict[int, Any] = {}  # the nodes from the root to the current one
    stack: list[tuple[Any, Any, Any]] = [(None, tree, None)]
    while stack:
        trail, x, children = stack.pop()
        if children is not None:  # all finished
            sizes[id(x)] = size = 1 + sum(sizes.get(id(c), 1) for c in children)
            del open_[id(x)]
            if size > _ENDLESS:
                raise TreeError(
                    f"tree: the {type(x).__name__} at {_path_text(trail)} has more than "
                    f"{_ENDLESS:,} leaves, because it repeats the same objects; flatten them"
                )
            continue
        handler = handler_of(x)
        if id(x) in sizes or handler is None or (is_leaf is not None and is_leaf(x)):
            continue
        if id(x) in open_:
            raise TreeError(
                f"tree: the {type(x).__name__} at {_path_text(open_[id(x)])} contains itself, at "
                f"{_path_text(trail)}; remove the inner one"
            )
        if len(open_) > _DEEP:
            raise TreeError(f"tree: it is nested more than {_DEEP:,} deep; make it a flat list")
        given, aux = handler.flatten(x)
        children, open_[id(x)] = tuple(given), trail
        kept.append((x, children))
        stack.append((trail, x, children))
        keys = handler.keys(x, aux, len(children))
        stack += [((trail, k), c, None) for k, c in zip(keys, children, strict=True)]
    return math.inf


def _path_text(trail: Any) -> str:
    return short(keystr(_path(trail))) or "the root"


def _path(trail: Any) -> Path:
    """The keys of a linked list of pairs, which is copied only here."""
    keys: list[Any] = []
    while trail is not None:
        trail, key = trail
        keys.append(key)
    return tuple(reversed(keys))


def leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree in order."""
    return flatten(tree, is_leaf)[0]


def structure(tree: Any, is_leaf: IsLeaf = None) -> TreeDef:
    """The structure of a tree."""
    return flatten(tree, is_leaf)[1]


def keystr(path: Path, *, simple: bool = False, separator: str = "") -> str:
    """The text of a path.

    >>> from funcgrad.tree import DictKey, SequenceKey
    >>> keystr((DictKey("w"), SequenceKey(0)))
    "['w'][0]"
    >>> keystr((DictKey("w"), SequenceKey(0)), simple=True, separator="/")
    'w/0'
    """
    steps = (str(key[0]) if simple and isinstance(key, tuple) else str(key) for key in path)
    return separator.join(steps)


# mapping and reducing


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Apply ``f`` to the leaves of trees with the same structure.

    Args:
        f: function of one leaf of each tree.
        tree: the tree that defines the structure.
        *rest: trees with this structure, or with subtrees in place of its leaves.
        is_leaf: ``is_leaf(node)`` is true for nodes that are leaves.

    Raises:
        TreeError: if the structures differ, with the first path.

    >>> map(lambda x, y: x + y, {"a": 1, "b": 2}, {"a": 10, "b": 20})
    {'a': 11, 'b': 22}
    """
    if not callable(f):
        got = type(f).__name__
        raise TypeError(f"tree.map: f must be a function: got {got}; write map(f, tree)")
    first, treedef = flatten(tree, is_leaf)
    columns = [first, *(flatten_up_to(treedef, other, "tree.map") for other in rest)]
    return unflatten(treedef, [f(*xs) for xs in zip(*columns, strict=True)])


def map_with_path(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Apply ``f(path, leaf, ...)`` to each leaf; see :func:`map`."""
    pairs, treedef = flatten_with_path(tree, is_leaf)
    columns = [flatten_up_to(treedef, other, "tree.map_with_path") for other in rest]
    rows = zip(pairs, *columns, strict=True)
    return unflatten(treedef, [f(path, x, *others) for (path, x), *others in rows])


def reduce(
    f: Callable[[Any, Any], Any], tree: Any, *initializer: Any, is_leaf: IsLeaf = None
) -> Any:
    """Fold the leaves from the left, starting from ``initializer`` if given."""
    values = [*initializer, *leaves(tree, is_leaf)]
    if not values or not callable(f):
        raise TypeError("tree.reduce: f is no function, or the tree has no leaves; give both")
    return functools.reduce(f, values)


def all(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether all leaves are true."""
    return builtins.all(leaves(tree, is_leaf))


def transpose(outer: TreeDef, inner: TreeDef | None, tree: Any) -> Any:
    """Exchange two levels: a tree ``outer`` of trees ``inner`` becomes ``inner`` of ``outer``.

    >>> transpose(structure([0, 0]), structure({"a": 0}), [{"a": 1}, {"a": 2}])
    {'a': [1, 2]}
    """
    branches = flatten_up_to(outer, tree, "tree.transpose")
    if inner is None:
        inner = structure(branches[0])
    rows = [flatten_up_to(inner, branch, "tree.transpose") for branch in branches]
    columns = zip(*rows, strict=True) if rows else [()] * inner.num_leaves
    return unflatten(inner, [unflatten(outer, column) for column in columns])


def all_leaves(values: Iterable[Any], is_leaf: IsLeaf = None) -> bool:
    """Whether all objects of the iterable are leaves."""
    return builtins.all(
        handler_of(x) is None or (is_leaf is not None and is_leaf(x)) for x in values
    )


# prefixes: trees whose leaves correspond to subtrees


def flatten_up_to(
    treedef: TreeDef, tree: Any, who: str = "tree", usual: str = "give both the same structure"
) -> list[Any]:
    """The subtrees of ``tree`` at the leaves of ``treedef``; ``usual`` is the cure of its error.

    Raises:
        TreeError: if the tree does not have the structure, with the path and both sides.
    """
    result: list[Any] = []
    stack: list[tuple[Any, Any]] = [(None, tree)]
    for node in treedef.nodes:
        trail, x = stack.pop()
        if node is _LEAF:
            result.append(x)
            continue
        handler = handler_of(x)
        children, aux = handler.flatten(x) if handler is not None else ((), None)
        children = tuple(children)
        if handler is None or (type(x), aux, len(children)) != node:
            raise TreeError(
                f"{who}: the trees differ at {keystr(_path(trail)) or 'the root'}: expected "
                f"{_describe(node)}: got {_describe_value(x)}; {cure(node[0], x, usual)}"
            )
        keys = handler.keys(x, aux, len(children))
        steps = [((trail, k), c) for k, c in zip(keys, children, strict=True)]
        stack.extend(reversed(steps))
    return result


def _describe(node: _Node) -> str:
    kind, aux, arity = node
    if kind is type(None):
        return "None"
    name = kind.__name__
    if kind in (dict, OrderedDict, defaultdict):
        return f"a {name} with keys {list(aux[1] if kind is defaultdict else aux)}"
    plain = aux is None or aux is kind or aux == ()
    return f"a {name} of {arity}{'' if plain else f' with static {aux!r}'}"


def _describe_value(x: Any) -> str:
    handler = handler_of(x)
    if handler is None:
        aval = getattr(x, "aval", None)
        return f"a leaf, {aval if type(aval) is Aval else type(x).__name__}"
    children, aux = handler.flatten(x)
    return _describe((type(x), aux, len(tuple(children))))


def broadcast(prefix: Any, full: Any, is_leaf: IsLeaf = None, who: str = "tree") -> Any:
    """Repeat each leaf of ``prefix`` over the corresponding subtree of ``full``.

    >>> broadcast((0, None), ([1, 2], 3), is_leaf=lambda x: x is None)
    ([0, 0], None)
    """
    return unflatten(structure(full), broadcast_prefix(prefix, full, is_leaf, who))


def broadcast_prefix(
    prefix: Any, full: Any, is_leaf: IsLeaf = None, who: str = "tree"
) -> list[Any]:
    """For each leaf of ``full`` the corresponding leaf of ``prefix``."""
    entries, treedef = flatten(prefix, is_leaf)
    counts = [structure(x).num_leaves for x in flatten_up_to(treedef, full, who)]
    return [x for x, n in zip(entries, counts, strict=True) for _ in range(n)]
