"""Colourings of stencils: a linear function of the place in the grid, modulo the number of colours.

Columns number the points of a grid whose axes are not known. The columns of a row of the matrix
come in runs; distances between these may be the lengths p and q of the grid's last axes.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from .structure import Pattern

_MOST = 32  # elements in a row; a longer one is no stencil
_SAMPLE = 32  # rows on which a colouring is tried before all
_TRIES = 12  # colourings tried on all rows
_STRIDES = 6  # distances of runs; a row with more is no stencil
_GAP = 2  # columns of a run differ by this much, at most


def lattice(pattern: Pattern, counts: Sequence[int] | None = None) -> np.ndarray | None:
    """Colours of columns by a linear function, if there is one; else None.

    ``colour = (j + a * (j // p) + b * (j // q)) mod k``

    Args:
        pattern: the places of the elements.
        counts: numbers of colours k to try, by default the elements of the longest row: no
            colouring has fewer.

    >>> print(lattice(Pattern.from_dense(np.eye(4) + np.eye(4, k=1))))
    [0 1 0 1]
    """
    lengths = np.diff(pattern.indptr)
    longest = int(lengths.max(initial=0))
    if not 0 < longest <= _MOST:
        return None
    sample = _sample(pattern, lengths, longest)
    strides = _strides(sample[len(sample) // 2])
    if len(strides) > _STRIDES:
        return None
    j = np.arange(pattern.shape[1])
    for count in [longest] if counts is None else counts:
        for colours in _candidates(sample, strides, j, count):
            if is_colouring(pattern, colours, count):
                return colours
    return None


def _candidates(
    sample: np.ndarray, strides: Sequence[int], j: np.ndarray, count: int
) -> Iterator[np.ndarray]:
    """Yield colours of columns ``j`` that are good in the sampled rows."""
    tried = 0
    for n in range(3):
        for axes in itertools.combinations(strides, n):
            for slopes in _slopes(sample, axes, count):
                yield _colours(j, axes, slopes) % count
                tried += 1
                if tried == _TRIES:
                    return


def is_colouring(pattern: Pattern, colours: np.ndarray, count: int) -> bool:
    """Whether the columns of each row have different colours."""
    met = np.zeros(pattern.shape[0] * count, bool)
    met[pattern.rows * count + colours[pattern.indices]] = True
    return int(np.count_nonzero(met)) == pattern.nnz


def _sample(pattern: Pattern, lengths: np.ndarray, count: int) -> np.ndarray:
    """int[rows, count], the columns of some of the longest rows."""
    rows = np.flatnonzero(lengths == count)
    rows = rows[np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows)), dtype=int)]
    return pattern.indices[pattern.indptr[rows, None] + np.arange(count)]


def _strides(row: np.ndarray) -> list[int]:
    """Distances of the runs of columns in a row from the run in the middle."""
    runs = np.split(row, np.flatnonzero(np.diff(row) > _GAP) + 1)
    centres = np.array([(run[0] + run[-1]) // 2 for run in runs])
    middle = np.searchsorted([run[-1] for run in runs], row[len(row) // 2])
    return [int(d) for d in np.unique(np.abs(centres - centres[middle])) if d > _GAP]


def _colours(j: np.ndarray, axes: tuple[int, ...], slopes: Sequence[int]) -> np.ndarray:
    """The linear function of columns."""
    total = j
    for stride, slope in zip(axes, slopes, strict=True):
        total = total + slope * (j // stride)
    return total


def _slopes(sample: np.ndarray, axes: tuple[int, ...], count: int) -> np.ndarray:
    """int[found, axes], slopes with which the columns of each sampled row have other colours."""
    slopes = np.array(list(itertools.product(range(count), repeat=len(axes))), int)
    slopes = slopes.reshape(count ** len(axes), len(axes))
    colours = np.broadcast_to(sample, (len(slopes), *sample.shape))
    for stride, slope in zip(axes, slopes.T, strict=True):
        colours = colours + slope[:, None, None] * (sample // stride % count)
    ordered = np.sort(colours % count, axis=-1)
    return slopes[np.all(ordered[..., 1:] != ordered[..., :-1], axis=(1, 2))]
