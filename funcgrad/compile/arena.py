"""Memory of one call: one arena, whose bytes are given out and taken back as values live and die.

The plan is made while the source is written, in the order in which the program runs.
"""

import bisect

ALIGNMENT = 64  # bytes: a cache line, and the widest vector registers


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
