"""The arena: the bytes of a workspace, allocated and freed in the order in which a call runs."""

import bisect

ALIGNMENT = 64  # bytes: a cache line, and the widest vector registers


class Allocation:
    """Memory, and the number of values in it; ``offset`` is None outside the arena."""

    __slots__ = ("offset", "references", "size")

    def __init__(self, offset: int | None = None, size: int = 0) -> None:
        self.offset, self.size, self.references = offset, size, 0


class Arena:
    """Bytes that are allocated by best fit; the free ones are kept as sorted intervals."""

    def __init__(self) -> None:
        self.free_list: list[tuple[int, int]] = []  # start, stop
        self.size = 0
        self.live = 0
        self.peak = 0  # the most bytes live at once

    def allocate(self, size: int) -> Allocation:
        """Take bytes from the smallest free interval that fits, else extend the arena."""
        rounded = _rounded(size)
        self.live += rounded
        self.peak = max(self.peak, self.live)
        fitting = [(b - a, i) for i, (a, b) in enumerate(self.free_list) if b - a >= rounded]
        if fitting:
            _, i = min(fitting)
            start, stop = self.free_list.pop(i)
            if stop - start > rounded:
                self.free_list.insert(i, (start + rounded, stop))
        else:
            at_end = bool(self.free_list) and self.free_list[-1][1] == self.size
            start = self.free_list.pop()[0] if at_end else self.size
            self.size = start + rounded
        return Allocation(start, size)

    def free(self, allocation: Allocation) -> None:
        """Free bytes, joined with the free intervals beside them."""
        assert allocation.offset is not None
        start, stop = allocation.offset, allocation.offset + _rounded(allocation.size)
        self.live -= stop - start
        i = bisect.bisect(self.free_list, (start, stop))
        if i < len(self.free_list) and self.free_list[i][0] == stop:
            stop = self.free_list.pop(i)[1]
        if i and self.free_list[i - 1][1] == start:
            i -= 1
            start = self.free_list.pop(i)[0]
        self.free_list.insert(i, (start, stop))


def _rounded(size: int) -> int:
    return max(-(-size // ALIGNMENT), 1) * ALIGNMENT
