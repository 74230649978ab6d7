"""Where a leaf stands among the arguments of a call, and its name in an error."""

import inspect
from collections.abc import Iterable
from typing import Any, TypeAlias

from ..core import tree
from ..core.avals import is_foreign
from ..core.errors import UnsupportedError, short
from ..core.registry import load

Place: TypeAlias = int | str  # of an argument: its position, or its keyword


def argument_name(fun: Any, place: Place, path: tree.Path = ()) -> str:
    """The name of a leaf of an argument in an error: position, parameter name and tree path."""
    name = repr(place) if isinstance(place, str) else str(place)
    try:
        if isinstance(place, int):
            name = f"{place} ({list(inspect.signature(fun).parameters)[place]!r})"
    except (TypeError, ValueError, IndexError):  # no signature, or *args
        pass
    return f"argument {name}{f' at {short(tree.keystr(path))}' if path else ''}"


def of_argument(
    err: UnsupportedError, who: str, fun: Any, rows: Iterable[tuple[Place, tree.Path, Any]]
) -> UnsupportedError:
    """The error of a leaf that cannot be traced; of another library's, with its argument's name."""
    for place, path, x in rows:
        if is_foreign(x):
            told = load("funcgrad.peers.arrays").refusal(x)
            return UnsupportedError(f"{who}: {argument_name(fun, place, path)}: {told}")
    return err
