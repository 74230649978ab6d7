"""Star colourings of symmetric matrices, from which each element is read directly, or mirrored.

Neighbours have different colours, and no path of four vertices has two colours only. An element
(i, j) is then read from the column of j, or the element (j, i) from that of i.

Source: Gebremedhin, Tarafdar, Manne & Pothen 2007, "New acyclic and star coloring algorithms with
application to computing Hessians", Algorithm 4.1. Sets of colours are integers, as in greedy.py.
"""

from collections.abc import Iterable

import numpy as np

from .structure import Pattern


def star(pattern: Pattern, order: Iterable[int]) -> np.ndarray:
    """Colours of the columns of a symmetric matrix, in this order; -1 for an empty column.

    >>> print(star(Pattern.from_dense(np.eye(4) + np.eye(4)[0] + np.eye(4)[:, :1]), range(4)))
    [0 1 1 1]
    """
    off = pattern.rows != pattern.indices
    starts = np.zeros(pattern.shape[0] + 1, np.intp)
    np.cumsum(np.bincount(pattern.rows[off], minlength=pattern.shape[0]), out=starts[1:])
    search = _Search(starts.tolist(), pattern.indices[off].tolist())
    empty = (np.diff(pattern.indptr) == 0).tolist()
    for v in order:
        if not empty[v]:
            search.colour(v)
    return np.array([bit.bit_length() - 1 for bit in search.bits], np.intp)


class _Search:
    """The state of the algorithm: a bit for the colour of each vertex, 0 for none, and sets."""

    def __init__(self, starts: list[int], near: list[int]) -> None:
        count = len(starts) - 1
        self.near = [near[starts[v] : starts[v + 1]] for v in range(count)]
        self.bits = [0] * count
        self.once = [0] * count  # colours of the neighbours
        self.twice = [0] * count  # colours that two or more neighbours have
        self.hubs = [0] * count  # colours of neighbours x that have its own colour twice around

    def colour(self, v: int) -> None:
        bits, once, near = self.bits, self.once, self.near[v]
        taken, twice = once[v], self.twice[v]
        for w in near:
            if bit := bits[w]:
                taken |= self.hubs[w]  # v - w - x - y: v and x may not share a colour
                if bit & twice:
                    taken |= once[w]  # x - w - v - q: x and v may not share a colour
        bit = bits[v] = ~taken & (taken + 1)
        for w in near:
            if not once[w] & bit:
                once[w] |= bit
            elif not self.twice[w] & bit:
                self.twice[w] |= bit
                if bits[w]:
                    self.mark(w, bit)
            elif bits[w]:
                self.hubs[v] |= bits[w]
        if twice:
            for w in near:
                if bits[w] & twice:
                    self.hubs[w] |= bit

    def mark(self, hub: int, bit: int) -> None:
        """Note a hub in its neighbours of one colour."""
        for u in self.near[hub]:
            if self.bits[u] == bit:
                self.hubs[u] |= self.bits[hub]
