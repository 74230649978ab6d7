"""The arena: the bytes of a workspace, allocated and freed in the order in which a call runs."""

import bisect

ALIGNMENT = 64  # bytes: a cache line, and the widest vector registers


class Root:
    """Memory that values share, and how many do; ``offset`` is None outside the arena."""

    __slots__ = ("holders", "offset", "size")

    def __init__(self, offset: int | None, size: int) -> None:
        self.offset, self.size, self.holders = offset, size, 0


class Arena:
    """Free bytes as sorted intervals; the smallest interval that fits is taken (best fit)."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int]] = []  # start, stop
        self.size = 0
        self.live = 0
        self.peak = 0  # the most bytes live at once

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
        """Free bytes, joined with the free intervals beside them."""
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
