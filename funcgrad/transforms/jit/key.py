"""The key of a call: calls of a compiled function with equal keys run the same program.

A key holds the tree structure of the arguments, and the aval or the static value of each leaf. The
cache compares keys by hash and ``==``. The entry compares a call with its key by lines of Python
that ``Checks`` writes: one method for nodes, one for avals, one for static values.
"""

from collections.abc import Hashable, Sequence
from dataclasses import is_dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...compile.text import literal
from ...core.avals import Aval
from ...core.nodes import handlers
from ...core.static import typed
from ...core.tree import TreeDef

MISS = object()
_MANY = 16  # elements of a static tuple, from which on they are compared by a function


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
        try:
            return hash(self.typed)
        except TypeError:  # a dataclass with a hash of its own, and a field without
            return hash(self.value)

    def __reduce__(self) -> Any:
        return type(self), (self.value,)


class DictKeys(Static):
    """The keys of a dict; a subclass of str counts as str, as in a look-up."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        self.value, self.typed = value, tuple(map(_typed_key, value))


def _typed_key(key: Any) -> Hashable:
    return (str, key) if isinstance(key, str) else typed(key)


Node: TypeAlias = tuple[type, Static | None, int]  # class, static data, number of children


class Key(NamedTuple):
    """The structure, leaves and named axes of a call: its program depends on nothing else."""

    nodes: tuple[Node | None, ...]  # of (args, kwargs) in preorder, None for a leaf
    leaves: tuple[Aval | Static, ...]
    axes: tuple[Hashable, ...] = ()  # the named axes around the call
    arrays: tuple[bool, ...] = ()  # which leaves are 0-d arrays, if the function asks
    strides: tuple[Any, ...] = ()  # of the leaves that are not in C order, if the function asks


def key_of(in_tree: TreeDef, leaves: Sequence[Aval | Static], axes: Sequence[Hashable]) -> Key:
    nodes: list[Node | None] = []
    for node in in_tree.nodes:
        if node is not None:
            kind, aux, arity = node
            data = DictKeys(aux) if kind is dict else None if aux is None else Static(aux)
            node = kind, data, arity
        nodes.append(node)
    return Key(tuple(nodes), tuple(leaves), tuple(axes))


class Code:
    """Lines of a function, and the objects that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}
        self.count = 0

    def name(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def bind(self, value: Any) -> str:
        name = self.name("k")
        self.scope[name] = value
        return name

    def constant(self, key: Any) -> str:
        return literal(key) if type(key) in (str, int, bool) else self.bind(key)


class Checks(Code):
    """Lines that flatten a call, and return ``MISS`` unless its key equals the given one.

    They accept arrays of class ndarray, NumPy scalars and Python scalars. A tracer, or an array of
    a subclass, is a miss even if the keys are equal.
    """

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.scope |= {"MISS": MISS, "ndarray": np.ndarray, "generic": np.generic}
        self.operands: list[str] = []  # the names of the dynamic leaves
        unasked = [None] * len(key.leaves)
        leaves = zip(key.leaves, key.arrays or unasked, key.strides or unasked, strict=True)
        self.ordered = bool(key.strides)
        stack = ["(args, kwargs)"]
        for node in key.nodes:
            x = stack.pop()
            if node is None:
                self.leaf(x, *next(leaves))
            else:
                stack += self.children(x, node)[::-1]

    def require(self, condition: str) -> None:
        self.lines.append(f"if not ({condition}): return MISS")

    def leaf(self, x: str, leaf: Aval | Static, is_array: bool | None, strides: Any) -> None:
        name = self.name("x")
        self.lines.append(f"{name} = {x}")
        if isinstance(leaf, Static):
            self.require(self.same(name, leaf.value))
            return
        self.operands.append(name)
        if leaf.weak:
            self.require(f"{name}.__class__ is {type(leaf.dtype.type(0).item()).__name__}")
            return
        dtype, shape = self.bind(leaf.dtype), self.bind(leaf.shape)
        self.require(f"{name}.dtype is {dtype} or {name}.dtype == {dtype}")
        kind = f"{name}.__class__ is ndarray"
        if not (leaf.shape or is_array):
            scalar = f"isinstance({name}, generic)"
            kind = f"({kind} or {scalar})" if is_array is None else scalar
        self.require(f"{kind} and {name}.shape == {shape}")
        if strides is not None:
            self.require(f"{name}.strides == {tuple([n * leaf.dtype.itemsize for n in strides])}")
        elif self.ordered:
            self.require(f"{name}.flags.c_contiguous")

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
        if x == "(args, kwargs)":
            return ["args", "kwargs"]
        if x == "args":  # Python's own tuple; another length raises ValueError
            given = [self.name("a") for _ in range(arity)]
            self.lines.append(f"({', '.join(given)}{',' if given else ''}) = args")
            return given
        if isinstance(data, DictKeys):
            return self.of_dict(x, data, arity)
        if kind is type(None):
            self.require(f"{x} is None")
            return []
        name = self.name("n")
        self.lines.append(f"{name} = {x}")
        if kind in handlers and kind not in (tuple, list):
            return self.of_registered(name, kind, data, arity)
        self.require(f"{name}.__class__ is {self.bind(kind)} and len({name}) == {arity}")
        return [f"{name}[{i}]" for i in range(arity)]

    def of_dict(self, x: str, keys: DictKeys, arity: int) -> list[str]:
        if x == "kwargs":
            self.require(f"len(kwargs) == {arity}" if arity else "not kwargs")
            return [f"kwargs[{self.constant(k)}]" for k in keys.value]
        name = self.name("n")
        self.lines.append(f"{name} = {x}")
        self.require(f"{name}.__class__ is dict and len({name}) == {arity}")
        if not all(isinstance(k, str) for k in keys.value):  # 1, 1.0 and True are one key
            self.scope["typed_key"] = _typed_key
            wanted = self.bind(frozenset(map(_typed_key, keys.value)))
            self.require(f"frozenset(map(typed_key, {name})) == {wanted}")
        return [f"{name}[{self.constant(k)}]" for k in keys.value]

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
    return isinstance(value, tuple) and type(value).__eq__ is tuple.__eq__


def needs_typing(value: Any) -> bool:
    """Whether equal values of one type may differ in the types or signs of their numbers."""
    holds = isinstance(value, (tuple, frozenset, float, complex, np.generic))
    return holds or (is_dataclass(value) and not isinstance(value, type))
