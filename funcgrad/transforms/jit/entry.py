"""The entry of a compiled program: a generated function that checks, flattens and rebuilds.

The key of a program is known when it is compiled, so that flattening the arguments, comparing them
with the key and building the output's tree are straight lines of Python. The entry returns
``MISS`` for a call with another key.
"""

from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from typing import Any, TypeAlias

import numpy as np

from ...compile.text import literal
from ...core import tree
from ...core.avals import Aval
from ...core.nodes import handlers
from ...core.static import typed
from .key import DictKeys, Key, Node, Static, typed_key

Entry: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Any]  # args, kwargs -> out or MISS

MISS = object()
DEPTH = 40  # of an expression, for Python's parser
_MANY = 16  # elements of a static tuple, from which on they are compared by a function


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
            self.scope["typed_key"] = typed_key
            wanted = self.bind(frozenset(map(typed_key, keys.value)))
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


def entry(
    key: Key,
    main: Callable[..., Any],
    consts: Sequence[Any],
    out_tree: tree.TreeDef,
    donated: Sequence[int] = (),
) -> Entry:
    """The function through which the calls with one key run a program.

    Args:
        key: the key.
        main: the compiled program; it takes the constants, and then the dynamic leaves.
        consts: its constants.
        out_tree: the structure of its output.
        donated: the dynamic leaves that it overwrites.
    """
    code = Checks(key)
    if donated:
        _check_donated(code, code.operands, donated)
    args = ", ".join([*map(code.bind, consts), *code.operands])
    run = code.bind(main)
    lines = ["def entry(args, kwargs):", "    try:", *(f"        {line}" for line in code.lines)]
    lines += [
        "    except (KeyError, ValueError, AttributeError, TypeError):",
        "        return MISS",
    ]
    if out_tree.nodes == (None,):
        lines.append(f"    return {run}({args})[0]")
    else:
        outs = [f"y{i}" for i in range(out_tree.num_leaves)]
        lines.append(f"    {', '.join(outs) + ',' if outs else '_'} = {run}({args})")
        lines.append(f"    return {_built(code, out_tree, outs)}")
    exec("\n".join(lines), code.scope)
    return code.scope.pop("entry")  # its globals are the scope, which must not refer to it


def _check_donated(code: Checks, names: Sequence[str], donated: Sequence[int]) -> None:
    """Require that donated arrays are contiguous, and share their memory with no other array."""
    owners = [names[i] for i in donated]
    for name in owners:
        code.require(f"{name}.base is None and {name}.flags.carray")
    others = ", ".join(n for n in names if n not in owners)
    code.scope["apart"] = apart
    code.require(f"apart(({', '.join(owners)},), ({others}{',' if others else ''}))")


def apart(owners: Sequence[np.ndarray], others: Sequence[Any]) -> bool:
    """Whether arrays that own their memory share it with none of the others."""
    own = set(map(id, owners))
    if len(own) < len(owners):
        return False
    for x in others:
        base = getattr(x, "base", None)
        if id(x) in own or id(base) in own:
            return False
        plain = base is None or (type(base) is np.ndarray and base.base is None)
        if not plain and any(np.may_share_memory(x, owner) for owner in owners):
            return False
    return True


def _built(code: Code, treedef: tree.TreeDef, leaves: Sequence[str]) -> str:
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
        pairs = zip(aux, children, strict=True)
        return f"{{{', '.join(f'{code.constant(k)}: {c}' for k, c in pairs)}}}"
    if kind not in handlers:
        return f"{code.bind(kind)}({inner})"
    unflatten = code.bind(handlers[kind].unflatten)
    return f"{unflatten}({code.bind(aux)}, ({inner}{',' if children else ''}))"


def plain_tree(treedef: tree.TreeDef) -> str | None:
    """A tree of y0, y1, ... as text; None if it has nodes of registered classes."""
    code = Code()
    built = _built(code, treedef, [f"y{i}" for i in range(treedef.num_leaves)])
    return built if not code.scope else None
