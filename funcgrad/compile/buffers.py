"""Memory of one call: one arena, whose bytes are given out and taken back as values live and die.

The plan is made while the source is written, in the order in which the program runs.
"""

import bisect
import itertools
from typing import Any

from ..core.avals import Aval
from ..core.jaxpr import Jaxpr

ALIGNMENT = 64  # bytes: a cache line, and the widest vector registers


def nbytes(aval: Aval) -> int:
    """Return the size of an array, in bytes."""
    return aval.size * aval.dtype.itemsize


def last_reads(jaxpr: Jaxpr) -> dict[Any, int]:
    """Return of each value the place of the last equation that reads it, or else that makes it.

    An input that nobody reads has -1, an output the number of equations.
    """
    last: dict[Any, int] = dict.fromkeys(jaxpr.invars, -1)
    for i, eqn in enumerate(jaxpr.eqns):
        last.update(dict.fromkeys((*eqn.outs, *eqn.ins), i))
    last.update(dict.fromkeys(jaxpr.outvars, len(jaxpr.eqns)))
    return last


def live_bytes(jaxpr: Jaxpr, last: dict[Any, int]) -> list[int]:
    """Return at each equation the bytes that values of the program occupy; views are free."""
    change = [0] * (len(jaxpr.eqns) + 2)
    for i, eqn in enumerate(jaxpr.eqns):
        for v in eqn.outs if not eqn.prim.codegen.is_view else ():
            change[i] += nbytes(v.aval)
            change[last[v] + 1] -= nbytes(v.aval)
    return list(itertools.accumulate(change[: len(jaxpr.eqns)]))


class Root:
    """Some bytes of the arena, and how many values lie in them; other arrays have no offset."""

    __slots__ = ("holders", "offset", "size")

    def __init__(self, offset: int | None, size: int) -> None:
        self.offset, self.size, self.holders = offset, size, 0


class Arena:
    """The bytes that are free, as intervals in order; the smallest one that fits is taken."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int]] = []  # start, stop
        self.size = 0
        self.live = 0
        self.peak = 0  # the most bytes that were ever live at once

    def take(self, size: int) -> Root:
        rounded = _rounded(size)
        self.live += rounded
        self.peak = max(self.peak, self.live)
        fitting = [(b - a, i) for i, (a, b) in enumerate(self.free) if b - a >= rounded]
        if fitting:
            _, i = min(fitting)
            start, stop = self.free.pop(i)
            if stop - start > rounded:
                self.free.insert(i, (start + rounded, stop))
        else:
            start = self.free.pop()[0] if self.free and self.free[-1][1] == self.size else self.size
            self.size = start + rounded
        return Root(start, size)

    def give(self, root: Root) -> None:
        """Take bytes back, joining them with the free ones beside them."""
        assert root.offset is not None
        start, stop = root.offset, root.offset + _rounded(root.size)
        self.live -= stop - start
        i = bisect.bisect(self.free, (start, stop))
        if i < len(self.free) and self.free[i][0] == stop:
            stop = self.free.pop(i)[1]
        if i and self.free[i - 1][1] == start:
            i -= 1
            start = self.free.pop(i)[0]
        self.free.insert(i, (start, stop))


def _rounded(size: int) -> int:
    return max(-(-size // ALIGNMENT), 1) * ALIGNMENT
