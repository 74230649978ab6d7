"""A value as generated source names it, and the expressions of its views."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.avals import Aval
from .text import index, lengths


class Allocation:
    """Memory, and the number of values in it; ``offset`` is None outside the arena."""

    __slots__ = ("offset", "references", "size")

    def __init__(self, offset: int | None = None, size: int = 0) -> None:
        self.offset, self.size, self.references = offset, size, 0


class Frame(NamedTuple):
    """Where a slice lies: its element (i, j) is ``flat[start + i strides[0] + j strides[1]]``.

    ``own``: the array was made for this value alone.
    """

    flat: str
    static: bool
    start: int
    strides: tuple[int, ...]
    own: bool


class Value:
    """A value: its name, its aval, and its memory.

    ``static``: a view of the workspace, made once for all calls. ``allocated``: it has memory, as
    an output has none before its first statement. ``contiguous``: in C order without gaps; certain
    for a ``certain`` value, as each static one is, else an estimate. ``number``: that of a literal,
    else None. ``frame``: where a slice lies in its array.
    """

    __slots__ = (
        "allocated", "allocation", "aval", "certain", "contiguous", "frame", "number",
        "reshape_of", "static", "text",
    )  # fmt: skip

    def __init__(
        self,
        text: str,
        aval: Aval,
        allocation: Allocation | None = None,
        *,
        static: bool = False,
        allocated: bool = True,
        contiguous: bool = True,
        certain: bool = False,
        reshape_of: "Value | None" = None,
        number: Any = None,
    ) -> None:
        self.text, self.aval, self.allocation = text, aval, allocation
        self.static, self.allocated, self.contiguous = static, allocated, contiguous
        self.certain = static or certain
        self.reshape_of = reshape_of  # the output in whose memory it lies
        self.number = number
        self.frame: Frame | None = None

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
