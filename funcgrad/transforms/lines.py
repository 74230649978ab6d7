"""Lines of user code for the operations of a derivative."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ..core.trace import Tracer
from .staging import StagingTracer, staged_in


class Located:
    """A primitive on a tape, with the line of user code that applied it.

    The equations of its derivative get this line, and each cotangent refers to the variable of its
    primal, so that compiled source has comments and names for them.
    """

    __slots__ = ("line", "prim", "pull")

    def __init__(self, line: str, prim: Any, pull: Callable[..., Sequence[Any]]) -> None:
        self.line, self.prim, self.pull = _primed(line), prim, pull

    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, **params: Any) -> Sequence[Any]:
        found = self.at((outs[0], *cts), self.pull, cts, needs, outs, ins, **params)
        for values, own in ((outs, cts), (ins, found)):
            for x, ct in zip(values, own, strict=False):
                if (ct := staged_in(ct)) is None or ct._var.of is not None:
                    continue
                if (x := staged_in(x)) is not None and ct._var is not x._var:
                    ct._var.of = x._var
        return found

    def add(self, a: Any, b: Any) -> Any:
        """The sum of two cotangents, one of which the rule has just given."""
        return self.at((a, b), operator.add, a, b)

    def at(self, xs: Sequence[Any], fun: Callable[..., Any], /, *args: Any, **params: Any) -> Any:
        """Call a function whose operations on traced values get the line of the derivative."""
        before: dict[Any, str] = {}  # cotangents may be of another program
        for x in xs:
            found: Any = (x,) if type(x) is StagingTracer else located_in(x)
            before.update((t._trace, t._trace.at) for t in found)
        try:
            for trace in before:
                trace.at = self.line
            return fun(*args, **params)
        finally:
            for trace, at in before.items():
                trace.at = at


@functools.lru_cache(4096, typed=True)
def _primed(line: str) -> str:
    """The line with the mark of a derivative, silent if the line is."""
    return type(line)(line.rstrip("'") + "'")


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
