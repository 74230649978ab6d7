"""The colouring with the fewest passes: by columns, by rows, by both, or of a symmetric matrix."""

from typing import Any

import numpy as np

from ..core.errors import ShapeError
from ..core.lazy import answering
from .colouring import Colouring
from .greedy import greedy, largest_first, orders
from .lattice import lattice
from .star import star
from .structure import Pattern

MODES = ("auto", "fwd", "rev", "both")
_ROUNDS = 16  # lengths, longest first, from which on rows may count as dense
_MORE = 4  # colours beyond those of the longest row that are tried for a stencil
_SMALL = 5  # colours of a stencil, than which a star colouring has hardly fewer
_QUICK = 200_000  # elements, up to which a second order is tried
_FEW = 4  # passes, up to which two kinds of them cost more than they save


@answering
def colour(pattern: Any, mode: str = "auto", symmetric: bool = False) -> Colouring:
    """Colour a pattern for the fewest passes: by a formula for stencils, else greedily.

    Args:
        pattern: a Pattern, a sparse matrix or an array.
        mode: "fwd" for forward passes, by columns; "rev" for reverse passes, by rows; "both" for
            dense rows by reverse passes and the rest by forward passes, or dense columns by forward
            passes and the rest by reverse ones; "auto" for the fewest, forward ones first.
        symmetric: whether the matrix is symmetric, as a Hessian is; then half of it is read.

    Raises:
        ShapeError: if a symmetric pattern is not square and symmetric.

    >>> arrow = np.eye(50) + np.eye(50)[0] + np.eye(50)[:, :1]
    >>> colour(arrow)
    Colouring of 50 by 50 with 148 elements: 2 forward and 1 reverse passes
    >>> colour(arrow, symmetric=True)
    Colouring of 50 by 50 with 148 elements: 2 forward passes
    """
    pattern = Pattern.of(pattern)
    check_mode("colour", mode)
    known = vars(pattern).setdefault("_colourings", {})
    if (mode, symmetric) not in known:
        known[mode, symmetric] = _symmetric(pattern) if symmetric else _COLOURED[mode](pattern)
    return known[mode, symmetric]


def check_mode(who: str, mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"{who}: mode must be one of {', '.join(MODES)}: got {mode!r}")


def _forward(pattern: Pattern) -> Colouring:
    return Colouring(pattern, columns=_colours(pattern))


def _reverse(pattern: Pattern) -> Colouring:
    return Colouring(pattern, rows=_colours(pattern.T))


def _both(pattern: Pattern) -> Colouring:
    """Passes of both kinds, with dense rows or with dense columns apart."""
    dense = _dense_rows(pattern)
    by_rows = Colouring(
        pattern,
        columns=_colours(_part(pattern, ~dense)),
        rows=_colours(_part(pattern, dense).T),
    )
    dense = _dense_rows(pattern.T)
    by_columns = Colouring(
        pattern,
        columns=_colours(_part(pattern.T, dense).T),
        rows=_colours(_part(pattern.T, ~dense)),
    )
    alone = _forward(pattern), _reverse(pattern)
    return min(*alone, by_rows, by_columns, key=_passes)


def _best(pattern: Pattern) -> Colouring:
    """The fewest passes; forward ones where the numbers are equal, of both kinds if far fewer."""
    best = _forward(pattern)
    if best.passes > _longest(pattern.T):
        best = min(best, _reverse(pattern), key=_passes)
    if best.passes > _FEW:
        least = min(_bounds(each).min(initial=best.passes) for each in (pattern, pattern.T))
        if 3 * least < 2 * best.passes:
            both = _both(pattern)
            best = both if 3 * both.passes < 2 * best.passes else best
    return best


_COLOURED = {"auto": _best, "fwd": _forward, "rev": _reverse, "both": _both}


def _symmetric(pattern: Pattern) -> Colouring:
    if pattern != pattern.T:
        raise ShapeError(
            f"colour: a symmetric pattern is that of its transpose: got another one of shape "
            f"{pattern.shape}; leave out symmetric"
        )
    regular = lattice(pattern)
    if regular is not None and _count(regular) <= _SMALL:
        return Colouring(pattern, regular, symmetric=True)
    degrees = np.diff(pattern.indptr) - np.bincount(
        pattern.rows[pattern.rows == pattern.indices], minlength=pattern.shape[0]
    )
    natural = [range(len(degrees))] if pattern.nnz <= _QUICK else []
    found = [star(pattern, order) for order in (largest_first(degrees), *natural)]
    if regular is not None and _count(regular) <= min(map(_count, found)):
        return Colouring(pattern, regular, symmetric=True)
    best = min((Colouring(pattern, c, symmetric=True) for c in found), key=_passes)
    if best.passes > _longest(pattern):  # colours of columns may be fewer, as those of any matrix
        best = min(best, Colouring(pattern, _colours(pattern), symmetric=True), key=_passes)
    return best


def _passes(colouring: Colouring) -> int:
    return colouring.passes


def _count(colours: np.ndarray) -> int:
    return int(colours.max(initial=-1)) + 1


def _longest(pattern: Pattern) -> int:
    """Elements of the longest row, below which no number of colours of columns can be."""
    return int(np.diff(pattern.indptr).max(initial=0))


def _colours(pattern: Pattern) -> np.ndarray:
    """Colours of columns: of the best order, or of any with as few as the longest row needs."""
    bound = _longest(pattern)
    filled = np.bincount(pattern.indices, minlength=pattern.shape[1]) > 0
    if bound == np.count_nonzero(filled):
        return np.where(filled, np.cumsum(filled) - 1, -1)
    if (regular := lattice(pattern)) is not None:
        return np.where(filled, regular, -1)
    best = greedy(pattern, range(pattern.shape[1]))
    more = range(bound + 1, min(_count(best), bound + 1 + _MORE))
    if (regular := lattice(pattern, more)) is not None:
        best = np.where(filled, regular, -1)
    for order in orders(pattern) if _count(best) > bound else ():
        best = min(best, greedy(pattern, order), key=_count)
        if _count(best) == bound:
            break
    return best


def _lengths(pattern: Pattern) -> np.ndarray:
    """Lengths of rows from which on they may count as dense."""
    return np.unique(np.diff(pattern.indptr))[:0:-1][:_ROUNDS]


def _bounds(pattern: Pattern) -> np.ndarray:
    """Passes that at least are needed if rows from a length on are dense, for each length."""
    lengths = np.diff(pattern.indptr)
    return np.array([
        np.bincount(pattern.indices[lengths[pattern.rows] >= length]).max(initial=0)
        + lengths[lengths < length].max(initial=0)
        for length in _lengths(pattern)
    ])  # fmt: skip


def _dense_rows(pattern: Pattern) -> np.ndarray:
    """bool[rows], those that reverse passes should find."""
    bounds = _bounds(pattern)
    if not len(bounds):
        return np.zeros(pattern.shape[0], bool)
    return np.diff(pattern.indptr) >= _lengths(pattern)[np.argmin(bounds)]


def _part(pattern: Pattern, rows: np.ndarray) -> Pattern:
    """The pattern with these rows only, the others empty."""
    kept = rows[pattern.rows]
    return Pattern.from_coo(pattern.shape, pattern.rows[kept], pattern.indices[kept])
