"""Lines of user code for the operations of a derivative."""

from collections.abc import Callable, Sequence
from typing import Any

from ..core.trace import Tracer
from .staging import staged_in


class Located:
    """A primitive on a tape, with the line of user code that applied it.

    The equations of its derivative get this line, and each cotangent refers to the variable of its
    primal, so that compiled source has comments and names for them.
    """

    __slots__ = ("line", "prim", "pull")

    def __init__(self, line: str, prim: Any, pull: Callable[..., Sequence[Any]]) -> None:
        self.line, self.prim, self.pull = line.rstrip("'") + "'", prim, pull  # prime: derivative

    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        tracers = (t for x in (outs[0], *cts) for t in located_in(x))
        before = {t._trace: t._trace.at for t in tracers}  # cotangents may be of another program
        try:
            for trace in before:
                trace.at = self.line
            found = self.pull(cts, needs, outs, ins, **params)
        finally:
            for trace, at in before.items():
                trace.at = at
        for values, own in ((outs, cts), (ins, found)):
            for x, ct in zip(values, own, strict=False):
                x, ct = staged_in(x), staged_in(ct)
                if x is not None and ct is not None and ct._var.of is None:
                    ct._var.of = x._var if ct._var is not x._var else None
        return found


def located_in(x: Any) -> list[Any]:
    """The tracers that a value and its tangent wrap, and that have lines."""
    found: list[Any] = []
    while isinstance(x, Tracer):
        if x._line is not None:
            return [*found, x]
        if x._tangent is not None:
            found += located_in(x._tangent)
        x = x.value  # type: ignore[attr-defined]
    return found


def line_of(x: Any) -> str:
    """The line of the operation that computed a value, "" if no tracer knows it."""
    while isinstance(x, Tracer):
        if x._line is not None:
            return x._line
        if x._tangent is not None and (line := line_of(x._tangent)):
            return line
        x = x.value  # type: ignore[attr-defined]
    return ""
