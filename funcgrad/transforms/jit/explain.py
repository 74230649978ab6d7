"""Why a call of a compiled function compiles: its differences from the calls before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.avals import Aval
from ...core.errors import shown
from ...core.tree_code import Static
from ..places import argument_name

if TYPE_CHECKING:
    from .key import FlatCall, Key
    from .signature import Signature


def compared(call: "FlatCall | Signature", signatures: Sequence["Signature"]) -> str:
    """In what a call differs from the signature to which it is nearest."""
    if not signatures:
        return "it is the first call"
    differences = min((_differences(call, s) for s in signatures), key=len)
    return "; ".join(differences) or "the named axes around the call differ"


def _differences(call: "FlatCall | Signature", signature: "Signature") -> list[str]:
    if call.key.nodes != signature.key.nodes:
        structures = f"{shown(signature.in_tree)}, and is {shown(call.in_tree)}"
        return [f"the arguments' structure was {structures}"]
    rows = zip(signature.places, signature.key.leaves, call.key.leaves, strict=True)
    return [
        f"{argument_name(signature.spec.fun, place, path)} was {_word(a)}, and is {_word(b)}"
        for (place, path), a, b in rows
        if a != b
    ] + _of_calls(call.key, signature.key)


def _of_calls(now: "Key", before: "Key") -> list[str]:
    """Differences that are of no single leaf."""
    pairs = [
        ("the backend", repr(before.backend), repr(now.backend)),
        ("the order of the keyword arguments", str(before.keywords), str(now.keywords)),
        ("the strides of the arguments", str(before.strides), str(now.strides)),
        ("whether each argument is a 0-d array", str(before.arrays), str(now.arrays)),
    ]
    return [f"{what} was {a}, and is {b}" for what, a, b in pairs if a != b]


def _word(leaf: Aval | Static) -> str:
    if isinstance(leaf, Static):
        return shown(leaf.value)
    return f"{leaf}{', a Python scalar' if leaf.weak else ''}"
