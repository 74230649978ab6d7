"""The function of a standalone file that takes the user's own arguments."""

from collections.abc import Iterable
from typing import Any

from ..compile.names import label
from ..compile.text import parameter
from ..core import tree
from ..core.errors import FuncgradError, UnsupportedError
from .arguments import Place
from .calls import plain_tree


def wrapper_of(spot: Any, given: Any, out_tree: tree.TreeDef, name: str) -> list[str]:
    """Return the lines of a function of the user's arguments that runs a program, ``_run``.

    Args:
        spot: what is known of the function's parameters.
        given: the call that was staged.
        out_tree: the structure of its output.
        name: what the function is called.
    """
    rows = zip(given.places, given.moving, strict=True)
    leaves = [expression_of(spot, *place) for place, m in rows if m]
    built = plain_tree(out_tree)
    parameters = parameters_of(spot, dict.fromkeys(p for p, _ in given.places))
    lines = [f"def {label(name) or 'call'}({parameters}):"]
    call = f"_run({', '.join(leaves)})"
    if built is None:
        told = "Return the leaves of the output: its tree has nodes of other classes."
        return [*lines, f'    """{told}"""', f"    return {call}"]
    outs = "".join(f"y{i}, " for i in range(out_tree.num_leaves))
    return [*lines, f"    {outs}= {call}" if outs else f"    {call}", f"    return {built}"]


def expression_of(spot: Any, place: Place, path: tree.Path) -> str:
    """Return a leaf of an argument as an expression of the argument.

    Raises:
        UnsupportedError: if a key on the way there has no text.
    """
    for key in path:
        plain = getattr(key, "key", getattr(key, "idx", 0))
        if type(plain) not in (str, int, bool):
            raise UnsupportedError(
                f"source: a standalone file cannot spell the key {plain!r} of an argument: use "
                f"strings or integers"
            )
    return label(spot.name_of(place, ())) + tree.keystr(path)


def parameters_of(spot: Any, given: Iterable[Place]) -> str:
    """Return the parameters of a function as text: its own, or those that were given."""
    variadic = any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in spot.parameters)
    if variadic or not spot.parameters:
        return ", ".join(dict.fromkeys(label(spot.name_of(place, ())) for place in given))
    words: list[str] = []
    for p in spot.parameters:
        if p.kind is p.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(p.name if p.default is p.empty else f"{p.name}={_default(p.default)}")
    return ", ".join(words)


def _default(value: Any) -> str:
    try:
        return parameter(value)
    except FuncgradError:
        return "None"
