"""Why a call of a compiled function compiles: in what it differs from the calls before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core.avals import Aval
from ...core.errors import shown
from ..arguments import described

if TYPE_CHECKING:
    from .signature import FlatCall, Signature


def compared(call: "FlatCall", signatures: Sequence["Signature"]) -> str:
    """Return in what a call differs from the signature to which it is nearest."""
    if not signatures:
        return "it is the first call"
    rows = [(_differences(call, s), s) for s in signatures]
    differences, _ = min(rows, key=lambda row: len(row[0]))
    return "; ".join(differences) or "the named axes around the call differ"


def _differences(call: "FlatCall", signature: "Signature") -> list[str]:
    spec, before = signature.spec, signature.call
    if call.in_tree.typed() != before.in_tree.typed():
        structures = f"{shown(before.in_tree)}, and is {shown(call.in_tree)}"
        return [f"the arguments' structure was {structures}"]
    rows = zip(before.places, before.avals, call.avals, strict=True)
    return [
        f"{described(spec.fun, place, path)} was {_word(a)}, and is {_word(b)}"
        for (place, path), a, b in rows
        if type(a) is not type(b) or a != b
    ]


def _word(x: Any) -> str:
    if isinstance(x, Aval):
        return f"{x}{', one of Python`s numbers' if x.weak else ''}"
    return shown(x)
