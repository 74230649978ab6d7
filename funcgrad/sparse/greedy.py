"""Greedy colourings: columns that share no row get one colour.

A set of colours is an integer with a bit for each, so that a colouring costs two operations for
each element of the matrix.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from .structure import Pattern

_PAIRS = 20_000_000  # of columns that share a row, up to which neighbours are counted exactly
_LAST = 1_500_000  # of such pairs, up to which the order smallest-last is tried


def greedy(pattern: Pattern, order: Iterable[int]) -> np.ndarray:
    """The least free colour for each column, in this order; -1 for a column without elements.

    >>> greedy(Pattern.from_dense([[1, 1, 0], [0, 1, 1]]), [0, 1, 2])
    array([0, 1, 0])
    """
    starts, rows = pattern.T.indptr.tolist(), pattern.T.indices.tolist()
    taken = [0] * pattern.shape[0]  # colours of the columns in each row
    colours = [-1] * pattern.shape[1]
    for column in order:
        own = rows[starts[column] : starts[column + 1]]
        if not own:
            continue
        union = 0
        for row in own:
            union |= taken[row]
        bit = ~union & (union + 1)
        colours[column] = bit.bit_length() - 1
        for row in own:
            taken[row] |= bit
    return np.array(colours, np.intp)


def orders(pattern: Pattern) -> Iterator[Iterable[int]]:
    """Yield orders in which to colour the columns, cheap ones first."""
    count = pattern.shape[1]
    lengths = np.diff(pattern.indptr)
    pairs = int((lengths * lengths).sum())
    if pairs > _PAIRS:
        degrees = np.bincount(pattern.indices, lengths[pattern.rows] - 1, count)
        yield largest_first(degrees)
        return
    near = neighbours(pattern)
    yield largest_first(np.diff(near.indptr))
    if pairs <= _LAST:
        yield smallest_last(near)


def largest_first(degrees: np.ndarray) -> list[int]:
    """Columns with many neighbours first."""
    return np.argsort(-degrees, kind="stable").tolist()


def neighbours(pattern: Pattern) -> Pattern:
    """The graph of columns that share a row, each also with itself."""
    lengths = np.diff(pattern.indptr)
    repeats = lengths[pattern.rows]
    first = np.repeat(pattern.indices, repeats)
    ends = np.cumsum(repeats)
    inside = np.arange(len(first)) - np.repeat(ends - repeats, repeats)
    second = pattern.indices[np.repeat(pattern.indptr[pattern.rows], repeats) + inside]
    return Pattern.from_coo((pattern.shape[1],) * 2, first, second)


def smallest_last(graph: Pattern) -> list[int]:
    """Columns in such an order that each has few neighbours among those before it.

    Source: Matula & Beck 1983, "Smallest-last ordering and clustering and graph coloring".
    """
    starts, near = graph.indptr.tolist(), graph.indices.tolist()
    degrees = np.diff(graph.indptr).tolist()
    buckets: list[list[int]] = [[] for _ in range(max(degrees, default=0) + 1)]
    for v, degree in enumerate(degrees):
        buckets[degree].append(v)
    found: list[int] = []
    least = 0
    while len(found) < len(degrees):
        while not buckets[least]:
            least += 1
        v = buckets[least].pop()
        if degrees[v] != least:
            continue  # an entry of an earlier degree, or of a column that is ordered
        found.append(v)
        degrees[v] = -1
        for w in near[starts[v] : starts[v + 1]]:
            degree = degrees[w] - 1
            if degree >= 0:
                degrees[w] = degree
                buckets[degree].append(w)
                least = min(least, degree)
    return found[::-1]
