"""The entry of a compiled program: a generated function that checks, flattens and rebuilds.

The key of a program is known when it is compiled, so that flattening the arguments, comparing them
with the key and building the output's tree are straight lines of Python. The entry returns
``MISS`` for a call with another key.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ...core import tree
from ...core.nodes import handlers
from .key import Checks, Code, Key

Entry: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Any]  # args, kwargs -> out or MISS

DEPTH = 40  # of an expression, for Python's parser


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
