"""Loop nests: the loops over the elements of arrays of one shape."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from ..core.avals import Shape
from .values import Value, place


class Nest:
    """The indices of a loop nest, and the places of the elements of its arrays.

    Adjacent axes that are one stride of memory in all arrays are one loop.
    """

    def __init__(self, shape: Shape, arrays: Sequence[Value], indices: Sequence[str]) -> None:
        self.places = {id(x): list(x.strides) for x in arrays}
        self.lengths = list(shape)
        for d in reversed(range(len(shape))):
            if self.lengths[d] == 1:
                self._drop(d)
        for d in reversed(range(len(self.lengths) - 1)):
            if all(s[d] == s[d + 1] * self.lengths[d + 1] for s in self.places.values()):
                self.lengths[d + 1] *= self.lengths[d]
                self._drop(d)
        self.indices = list(indices[: len(self.lengths)])

    def _drop(self, axis: int) -> None:
        for strides in (self.lengths, *self.places.values()):
            del strides[axis]

    def at(self, x: Value) -> str:
        """The element of an array at the indices of the loops."""
        assert x.memory is not None
        return f"{x.memory.name}[{place(x.offset, self.places[id(x)], self.indices)}]"


class Lines:
    """The lines of a function under construction."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1

    def line(self, text: str) -> None:
        self.lines.append(f"{'    ' * self.depth}{text}")

    @contextmanager
    def braces(self, head: str) -> Iterator[None]:
        """Write the head of a block; lines in the context are its body."""
        self.line(f"{head} {{" if head else "{")
        self.depth += 1
        yield
        self.depth -= 1
        self.line("}")

    @contextmanager
    def loop(self, index: str, length: int, start: int = 0) -> Iterator[None]:
        """Write a loop of an index over ``range(start, length)``."""
        kind = "int" if length < 1 << 31 else "int64_t"
        with self.braces(f"for ({kind} {index} = {start}; {index} < {length}; {index}++)"):
            yield

    @contextmanager
    def loops(
        self, lengths: Sequence[int], indices: Sequence[str], independent: bool = False
    ) -> Iterator[None]:
        """Write nested loops; ``independent``: no turn reads what another one writes."""
        with ExitStack() as stack:
            for index, n in zip(indices, lengths, strict=True):
                if independent and index == indices[-1]:
                    self.line("INDEPENDENT")
                stack.enter_context(self.loop(index, n))
            yield


def is_empty(shape: Any) -> bool:
    return math.prod(shape) == 0
