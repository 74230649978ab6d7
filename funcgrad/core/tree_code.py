"""Generated code that flattens and builds trees of one structure.

Flattening, comparing the structure and building a tree are straight lines of Python.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from . import tree
from .nodes import Keys, handlers, order_of
from .static import holds_foreign, typed

MISS: Any = object()  # for a tree of another structure
DEPTH = 40  # of an expression, for Python's parser
_MANY = 16  # elements of a static tuple, from which on they are compared by a function
_OFTEN = 8  # trees of one structure, after which its code pays
_LONG = 2000  # nodes, above which no code is made
_compiled = lru_cache(256)(compile)  # calls with like arguments have equal definitions


class Static:
    """A static value; equal ones have equal types too, so that 1, 1.0 and True differ.

    It is one leaf of a tree, also if the value is a tree.
    """

    __slots__ = ("typed", "value")

    def __init__(self, value: Any) -> None:
        self.value: Any = value
        self.typed: Hashable = typed(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and bool(self.typed == other.typed)

    def __hash__(self) -> int:
        if type(self) is Static and holds_foreign(self.value):
            raise TypeError("an array of another library may change")
        try:
            return hash(self.typed)
        except TypeError:  # a dataclass with a hash of its own, and a field without
            return hash(self.value)

    def __reduce__(self) -> Any:
        return type(self), (self.value,)


class DictKeys(Static):
    """The keys of a dict in its order; a subclass of str counts as str, as in a look-up."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        self.value, self.typed = value, tuple(map(typed_key, order_of(value)))


def typed_key(key: Any) -> Hashable:
    return (str, key) if isinstance(key, str) else typed(key)


Node: TypeAlias = tuple[type, Static | None, int]  # class, static data, number of children


def typed_nodes(nodes: Iterable[Any]) -> tuple[Node | None, ...]:
    """The nodes of a tree's structure, with their static data as :class:`Static`."""
    found: list[Node | None] = []
    for node in nodes:
        if node is not None:
            kind, aux, arity = node
            data = DictKeys(aux) if kind is dict else None if aux is None else Static(aux)
            node = kind, data, arity
        found.append(node)
    return tuple(found)


def orders(treedef: tree.TreeDef) -> tuple[Any, ...]:
    """For each node the order of a dict's keys, in which equal structures may differ."""
    keys = {dict: lambda aux: aux, defaultdict: lambda aux: aux[1]}
    kinds = [None if node is None else node[0] for node in treedef.nodes]
    rows = zip(kinds, treedef.nodes, strict=True)
    return tuple([order_of(keys[k](node[1])) if k in keys else None for k, node in rows])


class Code:
    """Lines of a function, and the objects that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}
        self.leaves: list[str] = []  # their names
        self.count = 0

    def name(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def bind(self, value: Any) -> str:
        name = self.name("k")
        self.scope[name] = value
        return name

    def constant(self, key: Any) -> str:
        if type(key) is int and abs(key) >= 1 << 64:
            return hex(key)  # Python limits decimal digits
        return repr(key) if type(key) in (int, str, bool) else self.bind(key)

    def define(self, name: str, parameters: str, lines: Sequence[str], rest: Sequence[str]) -> Any:
        """Define a function that returns ``MISS`` where ``lines`` raise, and then runs ``rest``."""
        text = [f"def {name}({parameters}):"]
        if lines:
            text += ["    try:", *(f"        {line}" for line in lines)]
            text.append("    except (KeyError, ValueError, AttributeError, TypeError):")
            text.append("        return MISS")
        text += [f"    {line}" for line in rest]
        exec(_compiled("\n".join(text), "<string>", "exec"), self.scope)
        return self.scope.pop(name)  # its globals are the scope, which must not refer to it

    def flatten(self, x: str, nodes: Iterable[Node | None]) -> None:
        """Flatten a tree, or return ``MISS`` if its structure is not the given one."""
        self.scope["MISS"] = MISS
        stack = [x]
        for node in nodes:
            x = stack.pop()
            if node is None:
                self.leaf(x)
            else:
                stack += self.children(x, node)[::-1]

    def require(self, condition: str) -> None:
        self.lines.append(f"if not ({condition}): return MISS")

    def leaf(self, x: str) -> None:
        self.leaves.append(self.named(x, "x"))

    def named(self, x: str, prefix: str) -> str:
        """A name for an expression, itself if it is one."""
        if x.isidentifier():
            return x
        name = self.name(prefix)
        self.lines.append(f"{name} = {x}")
        return name

    def unpacked(self, x: str, arity: int) -> list[str]:
        """Names for the items of a sequence, in half the time of one index each."""
        names = [self.name("a") for _ in range(arity)]
        self.lines.append(f"[{', '.join(names)}] = {x}")
        return names

    def same(self, x: str, value: Any, depth: int = 0) -> str:
        """The condition that ``typed(x) == typed(value)``."""
        own, cls = self.bind(value), self.bind(type(value))
        if _is_tuple(value) and len(value) < _MANY and depth < 3:
            parts = [f"{x}.__class__ is {cls} and len({x}) == {len(value)}"]
            parts += [self.same(f"{x}[{i}]", part, depth + 1) for i, part in enumerate(value)]
            equal = " and ".join(parts)
        elif needs_typing(value):
            self.scope["typed"] = typed
            equal = f"typed({x}) == {self.bind(typed(value))}"
        else:
            equal = f"{x}.__class__ is {cls} and {x} == {own}"
        return f"({x} is {own} or ({equal}))"

    def children(self, x: str, node: Node) -> list[str]:
        """Check a node; the expressions of its children."""
        kind, data, arity = node
        if kind is type(None):
            self.require(f"{x} is None")
            return []
        name = self.named(x, "n")
        if isinstance(data, DictKeys):
            return self.of_dict(name, data, arity)
        if kind in handlers and kind not in (tuple, list):
            return self.of_registered(name, kind, data, arity)
        self.require(f"{name}.__class__ is {self.bind(kind)} and len({name}) == {arity}")
        if arity > 1 and kind in (list, tuple):
            return self.unpacked(name, arity)
        return [f"{name}[{i}]" for i in range(arity)]

    def of_dict(self, name: str, keys: DictKeys, arity: int) -> list[str]:
        order = order_of(keys.value)
        self.require(f"{name}.__class__ is dict")
        if all(isinstance(k, str) for k in order):
            self.require(f"[*{name}] == {self.bind(list(order))}" if order else f"not {name}")
        else:  # 1, 1.0 and True are one key
            self.scope["typed_key"] = typed_key
            self.require(f"(*map(typed_key, {name}),) == {self.bind(keys.typed)}")
        children = dict(zip(order, self.unpacked(f"{name}.values()", arity), strict=True))
        return [children[k] for k in keys.value]

    def of_registered(self, name: str, kind: type, data: Static | None, arity: int) -> list[str]:
        self.require(f"{name}.__class__ is {self.bind(kind)}")
        children, static = self.name("n"), self.name("n")
        flatten = self.bind(handlers[kind].flatten)
        self.lines.append(f"{children}, {static} = {flatten}({name})")
        self.require(self.same(static, None if data is None else data.value))
        self.lines.append(f"{children} = tuple({children})")
        self.require(f"len({children}) == {arity}")
        return [f"{children}[{i}]" for i in range(arity)]


def _is_tuple(value: Any) -> bool:
    """Whether a value compares as a tuple of its elements."""
    kind = type(value)
    return isinstance(value, tuple) and kind.__eq__ is tuple.__eq__ and kind is not Keys


def needs_typing(value: Any) -> bool:
    """Whether equal values of one type may differ in the types or signs of their numbers."""
    holds = isinstance(value, (tuple, frozenset, float, complex, np.generic))
    return holds or (is_dataclass(value) and not isinstance(value, type))


def built(code: Code, treedef: tree.TreeDef, leaves: Sequence[str]) -> str:
    """The expression of a tree with these leaves."""
    rest = list(leaves)
    stack: list[tuple[str, int]] = []
    for node in reversed(treedef.nodes):
        if node is None:
            stack.append((rest.pop(), 0))
            continue
        kind, aux, arity = node
        children = [stack.pop() for _ in range(arity)]
        depth = 1 + max((d for _, d in children), default=0)
        if depth > DEPTH:
            unflatten = code.bind(lambda *ys: tree.unflatten(treedef, ys))
            return f"{unflatten}({', '.join(leaves)})"
        stack.append((_node(code, kind, aux, [c for c, _ in children]), depth))
    return stack.pop()[0]


def _node(code: Code, kind: type, aux: Any, children: Sequence[str]) -> str:
    inner = ", ".join(children)
    if kind is type(None):
        return "None"
    if kind is tuple:
        return f"({inner}{',' if len(children) == 1 else ''})"
    if kind is list:
        return f"[{inner}]"
    if kind is dict:
        values = dict(zip(aux, children, strict=True))
        return f"{{{', '.join(f'{code.constant(k)}: {values[k]}' for k in order_of(aux))}}}"
    if kind not in handlers:
        return f"{code.bind(kind)}({inner})"
    unflatten = code.bind(handlers[kind].unflatten)
    return f"{unflatten}({code.bind(aux)}, ({inner}{',' if children else ''}))"


class TreeCode:
    """A structure, with code that flattens and builds its trees from the ninth on.

    Args:
        treedef: the structure.
    """

    __slots__ = ("build", "count", "flatten", "treedef")

    build: Callable[[Sequence[Any]], Any]  # leaves -> tree, once there is code
    flatten: Callable[[Any], Any]  # tree -> leaves, or MISS

    def __init__(self, treedef: tree.TreeDef) -> None:
        self.treedef, self.count = treedef, 0
        self.flatten = lambda _: MISS

    def meets(self, treedef: tree.TreeDef) -> bool:
        """Whether a tree has this structure; the code is made when many have it."""
        try:
            same = bool(self.treedef == treedef) and orders(self.treedef) == orders(treedef)
        except Exception:  # static data that do not compare, arrays for example
            return False
        self.count += same
        if self.count == _OFTEN and len(treedef.nodes) <= _LONG:
            self.generate()
        return same

    def generate(self) -> None:
        nodes = typed_nodes(self.treedef.nodes)
        try:
            hash(nodes)
        except TypeError:  # unhashable data may change
            return
        code, maker = Code(), Code()
        code.flatten("tree", nodes)
        code.scope["are_leaves"] = are_leaves
        rest = [f"leaves = [{', '.join(code.leaves)}]"]
        rest.append("return leaves if are_leaves(leaves) else MISS")
        names = [maker.name("y") for _ in range(self.treedef.num_leaves)]
        given = f"[{', '.join(names)}] = leaves"
        result = f"return {built(maker, self.treedef, names)}"
        self.build = maker.define("build", "leaves", (), [given, result])
        # last, so that an interruption before it leaves no half of the code
        self.flatten = code.define("flatten", "tree", code.lines, rest)


def are_leaves(xs: Sequence[Any]) -> bool:
    return tree.LEAVES.issuperset(map(type, xs)) or not any(map(tree.handler_of, xs))


def plain_tree(treedef: tree.TreeDef) -> str | None:
    """A tree of y0, y1, ... as text; None if it has nodes of registered classes."""
    code = Code()
    text = built(code, treedef, [f"y{i}" for i in range(treedef.num_leaves)])
    return text if not code.scope else None
