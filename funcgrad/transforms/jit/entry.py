"""Calling a compiled program: one generated function a signature checks, flattens and rebuilds.

The structure of the arguments is known when a program is compiled, so that taking trees apart,
comparing shapes and dtypes, and building the output's tree are straight lines of Python too. A
call that does not fit is answered with ``MISS``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...compile.text import literal
from ...core import tree
from ...core.avals import Aval
from ...core.nodes import NAMEDTUPLE, handlers
from ...core.static import needs_typing, typed

MISS = object()
DEPTH = 40  # how deep Python's parser shall have to go into one expression


class _Text:
    """Lines of a function, and the objects that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"MISS": MISS, "ndarray": np.ndarray, "generic": np.generic}
        self.count = 0

    def name(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def bind(self, value: Any) -> str:
        name = self.name("k")
        self.scope[name] = value
        return name

    def require(self, condition: str) -> None:
        self.lines.append(f"if not ({condition}): return MISS")


def entry(
    in_tree: tree.TreeDef,
    leaves: Sequence[Aval | Any],
    dynamic: Sequence[bool],
    main: Callable[..., Any],
    consts: Sequence[Any],
    out_tree: tree.TreeDef,
    donated: Sequence[int] = (),
) -> Callable[[tuple, dict], Any]:
    """Return ``entry(args, kwargs) -> output or MISS`` for one signature.

    Args:
        in_tree: the structure of ``(args, kwargs)``.
        leaves: of each leaf its aval, or the static value.
        dynamic: which of the leaves are arrays or numbers.
        main: the compiled program; it takes the constants and then the leaves that are dynamic.
        consts: its constants.
        out_tree: the structure of what it gives.
        donated: which of the dynamic leaves are written over.
    """
    text = _Text()
    names: list[str] = []
    rest = iter(zip(leaves, dynamic, strict=True))
    stack = ["(args, kwargs)"]
    for node in in_tree.nodes:
        x = stack.pop()
        if node is None:
            leaf, moves = next(rest)
            name = text.name("x")
            text.lines.append(f"{name} = {x}")
            names += _leaf(text, name, leaf, moves)
        else:
            stack += _children(text, x, node)[::-1]
    given = [n for n, m in zip(names, dynamic, strict=True) if m]
    _check_donated(text, given, donated)
    args = ", ".join([*map(text.bind, consts), *given])
    main_name = text.bind(main)
    fetch = [f"        {line}" for line in text.lines]
    lines = ["def entry(args, kwargs):", "    try:", *fetch]
    lines += [
        "    except (KeyError, ValueError, AttributeError, TypeError):",
        "        return MISS",
    ]
    if out_tree.nodes == (None,):
        lines.append(f"    return {main_name}({args})[0]")
    else:
        outs = [f"y{i}" for i in range(out_tree.num_leaves)]
        lines.append(f"    {', '.join(outs) + ',' if outs else '_'} = {main_name}({args})")
        lines.append(f"    return {_built(text, out_tree, outs)}")
    exec("\n".join(lines), text.scope)
    return text.scope.pop("entry")  # which holds the scope: so they go when it goes, without gc


def _children(text: _Text, x: str, node: tuple[type, Any, int]) -> list[str]:
    """Take a node apart; return the expressions of its children."""
    kind, aux, arity = node
    if x == "(args, kwargs)":
        return ["args", "kwargs"]
    if x == "args":  # a tuple, as Python makes it: of another length it raises ValueError
        given = [text.name("a") for _ in range(arity)]
        text.lines.append(f"({', '.join(given)}{',' if given else ''}) = args")
        return given
    if x == "kwargs":
        text.require(f"len(kwargs) == {arity}" if arity else "not kwargs")
        return [f"kwargs[{_key(text, k)}]" for k in aux]
    if kind is type(None):
        text.require(f"{x} is None")
        return []
    name = text.name("n")
    text.lines.append(f"{name} = {x}")
    if kind is dict:
        text.require(f"{name}.__class__ is dict and len({name}) == {arity}")
        if any(type(k) is not str for k in aux):  # 1, 1.0 and True are one key
            text.scope["typed"] = typed
            keys = text.bind(frozenset(map(typed, aux)))
            text.require(f"frozenset(map(typed, {name})) == {keys}")
        return [f"{name}[{_key(text, k)}]" for k in aux]
    if kind in (tuple, list) or kind not in handlers:  # a named tuple
        cls = kind.__name__ if kind in (tuple, list) else text.bind(kind)
        text.require(f"{name}.__class__ is {cls} and len({name}) == {arity}")
        return [f"{name}[{i}]" for i in range(arity)]
    text.require(f"{name}.__class__ is {text.bind(kind)}")
    children, static = text.name("n"), text.name("n")
    text.lines.append(f"{children}, {static} = {text.bind(handlers[kind].flatten)}({name})")
    text.require(f"{static} == {text.bind(aux)}")
    _same_types(text, static, aux)
    text.lines.append(f"{children} = tuple({children})")
    text.require(f"len({children}) == {arity}")
    return [f"{children}[{i}]" for i in range(arity)]


def _same_types(text: _Text, x: str, value: Any) -> None:
    """Require of static data equal to this that its numbers are of the same types and signs."""
    if type(value) in (bool, int):
        text.require(f"{x}.__class__ is {type(value).__name__}")
    elif type(value) is tuple:
        text.require(f"{x}.__class__ is tuple")
        for i, part in enumerate(value):
            _same_types(text, f"{x}[{i}]", part)
    elif needs_typing(value):
        text.scope["typed"] = typed
        text.require(f"typed({x}) == {text.bind(typed(value))}")


def _key(text: _Text, key: Any) -> str:
    return literal(key) if type(key) in (str, int, bool) else text.bind(key)


def _leaf(text: _Text, name: str, leaf: Any, moves: bool) -> list[str]:
    """Compare a leaf with what the program was compiled for."""
    if not moves:
        value = text.bind(leaf)
        if needs_typing(leaf):
            text.scope["typed"] = typed
            text.require(f"{name} is {value} or typed({name}) == {text.bind(typed(leaf))}")
            return [name]
        text.require(
            f"{name} is {value} or ({name}.__class__ is {value}.__class__ and {name} == {value})"
        )
    elif leaf.weak:
        text.require(f"{name}.__class__ is {type(leaf.dtype.type(0).item()).__name__}")
    else:
        dtype, shape = text.bind(leaf.dtype), text.bind(leaf.shape)
        text.require(f"{name}.dtype is {dtype} or {name}.dtype == {dtype}")
        kind = f"{name}.__class__ is ndarray"
        kind = kind if leaf.shape else f"({kind} or isinstance({name}, generic))"
        text.require(f"{kind} and {name}.shape == {shape}")
    return [name]


def _check_donated(text: _Text, names: Sequence[str], donated: Sequence[int]) -> None:
    """Let an array be written over only if it owns its memory, in order, and came once."""
    owners = [names[i] for i in donated]
    for name in owners:
        text.require(f"{name}.base is None and {name}.flags.carray")
    if owners:
        others = ", ".join(n for n in names if n not in owners)
        text.scope["apart"] = apart
        text.require(f"apart(({', '.join(owners)},), ({others}{',' if others else ''}))")


def apart(owners: Sequence[np.ndarray], others: Sequence[Any]) -> bool:
    """Return whether arrays that own their memory share it with none of the others."""
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


def _built(text: _Text, treedef: tree.TreeDef, leaves: Sequence[str]) -> str:
    """Return the expression of the tree with these leaves."""
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
            unflatten = text.bind(lambda *ys: tree.unflatten(treedef, ys))
            return f"{unflatten}({', '.join(leaves)})"
        stack.append((_node(text, kind, aux, [c for c, _ in children]), depth))
    return stack.pop()[0]


def _node(text: _Text, kind: type, aux: Any, children: Sequence[str]) -> str:
    inner = ", ".join(children)
    if kind is type(None):
        return "None"
    if kind is tuple:
        return f"({inner}{',' if len(children) == 1 else ''})"
    if kind is list:
        return f"[{inner}]"
    if kind is dict:
        pairs = zip(aux, children, strict=True)
        return f"{{{', '.join(f'{_key(text, k)}: {c}' for k, c in pairs)}}}"
    if kind not in handlers:
        return f"{text.bind(kind)}({inner})"
    unflatten = handlers.get(kind, NAMEDTUPLE).unflatten
    return f"{text.bind(unflatten)}({text.bind(aux)}, ({inner}{',' if children else ''}))"


def plain_tree(treedef: tree.TreeDef) -> str | None:
    """Return a tree of y0, y1, ... as text, None where its nodes are of other classes."""
    text = _Text()
    known = len(text.scope)
    built = _built(text, treedef, [f"y{i}" for i in range(treedef.num_leaves)])
    return built if len(text.scope) == known else None
