"""Colourings: which columns and rows of a sparse matrix one pass of a derivative finds together."""

from typing import Any, NoReturn

import numpy as np
from typing_extensions import override

from ..core.errors import MutationError, ShapeError
from .structure import Pattern

_TABLE = 100_000_000  # lines times colours, up to which elements are counted in a table


class Colouring:
    """Colours of columns and rows, such that each element is read from the result of one pass.

    A forward pass gives the sum of the columns of a colour, a reverse pass that of the rows of a
    colour. Columns and rows of the colour -1 are in no pass. It is immutable.

    Args:
        pattern: the places of the elements.
        columns: int[columns], colours of columns, for forward passes.
        rows: int[rows], colours of rows, for reverse passes.
        symmetric: whether an element (i, j) may be read as the element (j, i).

    Raises:
        ShapeError: if an element cannot be read.

    >>> Colouring(Pattern.from_dense([[1, 1, 0], [0, 1, 1]]), columns=[0, 1, 0])
    Colouring of 2 by 3 with 4 elements: 2 forward passes
    """

    pattern: Pattern
    columns: np.ndarray
    rows: np.ndarray
    symmetric: bool
    forward: int  # passes
    reverse: int
    places: np.ndarray  # int[nnz], places of the elements in the results, joined

    def __init__(
        self, pattern: Any, columns: Any = None, rows: Any = None, symmetric: bool = False
    ) -> None:
        pattern = Pattern.of(pattern)
        high, wide = pattern.shape
        columns = _colours("column", columns, wide)
        count = int(columns.max(initial=-1)) + 1
        rows = columns if symmetric else _colours("row", rows, high)
        first = 0 if symmetric else count  # the number of the first colour of rows
        # two ways to read an element: from the pass of its column, or from that of its row
        ways = columns[pattern.indices], rows[pattern.rows]
        good = _alone(ways[0], pattern.rows, high), _alone(ways[1], pattern.indices, wide)
        _check_readable(pattern, good)
        numbers = ways[0], ways[1] + first
        used = _used(numbers, good, max(count, first + int(rows.max(initial=-1)) + 1))
        renumbered = np.r_[np.where(used, np.cumsum(used) - 1, -1), -1]
        forward = int(np.count_nonzero(used[:count]))
        reverse = len(used) - count - int(np.count_nonzero(~used[count:]))
        starts = np.r_[np.arange(forward) * high, forward * high + np.arange(reverse) * wide]
        by_column = good[0] & used[numbers[0]]
        number = renumbered[np.where(by_column, *numbers)]
        places = starts[number] + np.where(by_column, pattern.rows, pattern.indices)
        columns = np.where(columns < 0, -1, renumbered[columns])
        if not symmetric:
            rows = np.where(rows < 0, -1, np.maximum(renumbered[rows + first] - forward, -1))
        for array in (columns, rows, places):
            array.flags.writeable = False
        vars(self).update(
            pattern=pattern,
            columns=columns,
            rows=columns if symmetric else rows,
            symmetric=symmetric,
            forward=forward,
            reverse=reverse,
            places=places,
        )

    @property
    def passes(self) -> int:
        """The number of forward and reverse passes, which is that of colours."""
        return self.forward + self.reverse

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise MutationError(f"Colouring: it is immutable: got {name} = ...; make a new one")

    @override
    def __reduce__(self) -> Any:
        rows = None if self.symmetric else self.rows
        return Colouring, (self.pattern, self.columns, rows, self.symmetric)

    @override
    def __repr__(self) -> str:
        kinds = {"forward": self.forward, "reverse": self.reverse}
        parts = [f"{n} {kind}" for kind, n in kinds.items() if n] or ["0"]
        passes = f"{' and '.join(parts)} pass{'' if self.passes == 1 else 'es'}"
        high, wide = self.pattern.shape
        return f"Colouring of {high} by {wide} with {self.pattern.nnz} elements: {passes}"


def _colours(name: str, colours: Any, count: int) -> np.ndarray:
    """Colours as an array; without any, all are -1."""
    if colours is None:
        return np.full(count, -1)
    colours = np.array(colours, np.intp)
    if colours.shape != (count,) or np.any(colours < -1):
        raise ShapeError(
            f"Colouring: each {name} has a colour of at least -1: got shape {colours.shape} for "
            f"{count}; use colour(pattern)"
        )
    return colours


def _alone(colours: np.ndarray, lines: np.ndarray, count: int) -> np.ndarray:
    """Whether an element is the only one of its colour in its line, a row or a column."""
    most = int(colours.max(initial=-1)) + 1
    keys = lines * most + colours
    if most == 0:
        return np.zeros(len(lines), bool)
    if count * most <= _TABLE:
        return (colours >= 0) & (np.bincount(np.maximum(keys, 0), colours >= 0)[keys] == 1)
    order = np.sort(keys[colours >= 0])
    met = np.searchsorted(order, keys, "right") - np.searchsorted(order, keys)
    return (colours >= 0) & (met == 1)


def _used(
    numbers: tuple[np.ndarray, np.ndarray], good: tuple[np.ndarray, np.ndarray], count: int
) -> np.ndarray:
    """The colours whose passes are needed to read all elements."""
    used = np.zeros(count, bool)
    for number, own, other in zip(numbers, good, good[::-1], strict=True):
        used[number[own & (~other | (numbers[0] == numbers[1]))]] = True
    left = np.flatnonzero(good[0] & good[1] & ~used[numbers[0]] & ~used[numbers[1]])
    while len(left):  # each in two passes, neither of them used: the one that reads most is added
        pair = numbers[0][left], numbers[1][left]
        most = np.argmax(np.bincount(np.concatenate(pair), minlength=count))
        used[most] = True
        left = left[(pair[0] != most) & (pair[1] != most)]
    return used


def _check_readable(pattern: Pattern, good: tuple[np.ndarray, np.ndarray]) -> None:
    readable = good[0] | good[1]
    if not np.all(readable):
        e = int(np.argmin(readable))
        raise ShapeError(
            f"Colouring: the element ({pattern.rows[e]}, {pattern.indices[e]}) shares its colours "
            f"with others of its row and its column; use colour(pattern)"
        )
