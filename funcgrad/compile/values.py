"""A value as generated source names it, and the expressions of its views."""

from collections.abc import Sequence
from typing import Any

from ..core.avals import Aval
from .arena import Root
from .text import index, lengths


class Value:
    """A value: its name, its aval, and its memory.

    ``static``: a view of the workspace, made once for all calls. ``made``: it has memory; False
    for an output before its first statement. ``contiguous``: in C order without gaps; for a static
    value certain, else an estimate.
    """

    __slots__ = ("aval", "contiguous", "home", "made", "root", "static", "text")

    def __init__(
        self,
        text: str,
        aval: Aval,
        root: Root | None = None,
        *,
        static: bool = False,
        made: bool = True,
        contiguous: bool = True,
        home: "Value | None" = None,
    ) -> None:
        self.text, self.aval, self.root = text, aval, root
        self.static, self.made, self.contiguous = static, made, contiguous
        self.home = home  # the output that is a reshape of this value

    def __str__(self) -> str:
        return self.text

    def reshaped(self, shape: Sequence[int]) -> str:
        if len(shape) == 1:
            return f"{self}.reshape(-1)" if shape[0] else f"{self}.reshape(0)"
        return f"{self}.reshape{lengths(shape) if shape else '(())'}"

    def transposed(self, perm: Sequence[int]) -> str:
        rank = len(perm)
        if list(perm) == list(range(rank))[::-1]:
            return f"{self}.T"
        return f"{self}.transpose({', '.join(map(str, perm))})"

    def indexed(self, entries: Sequence[Any], arrays: Sequence[Any]) -> str:
        return f"{self}[{index(entries, arrays)}]"

    def repeated(self, shape: Sequence[int], axes: Sequence[int]) -> str:
        narrow = tuple(1 if d in axes else n for d, n in enumerate(shape))
        return f"broadcast_to({self.reshaped(narrow)}, {lengths(shape)})"
