"""Linear systems of boundary value problems, solved by orthogonal elimination of every other node.

The equations of interval j are left[j] y[j] + right[j] y[j + 1] + of_p[j] p = residual[j]; those at
the boundary are first y[0] + last y[-1] + bound_p p = condition.

Source: Wright 1992, "Stable parallel algorithms for two-point boundary value problems", section 2.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, shape_of


class Blocks(NamedTuple):
    """The matrix: of m - 1 intervals, n components and k parameters.

    Args:
        left, right: shape [m - 1, n, n].
        of_p: shape [m - 1, n, k].
        first, last: shape [n + k, n].
        bound_p: shape [n + k, k].
    """

    left: Any
    right: Any
    of_p: Any
    first: Any
    last: Any
    bound_p: Any


class Level(NamedTuple):
    """The elimination of the nodes between the two intervals of each pair."""

    turn: Any  # [pairs, 2 n, 2 n], orthogonal
    own: Any  # [pairs, n, n], of the eliminated node
    others: Any  # [pairs, n, 2 n + k], of the nodes beside it and of p


class Factors(NamedTuple):
    """A factored matrix: its levels, and the matrix of the first and last node and p."""

    levels: Sequence[Level]
    rest: Any


def factored(blocks: Blocks) -> Factors:
    """Factors of the matrix."""
    intervals, levels = tuple(blocks[:3]), []
    while shape_of(intervals[0])[0] > 1:
        level, intervals = _eliminated(*intervals)
        levels.append(level)
    top = np.concatenate([part[0] for part in intervals], axis=-1)
    bottom = np.concatenate(blocks[3:], axis=-1)
    return Factors(levels, np.concatenate([top, bottom]))


def _eliminated(left: Any, right: Any, of_p: Any) -> tuple[Level, tuple[Any, ...]]:
    """The elimination of every other node, and the equations of intervals twice as long."""
    n = shape_of(of_p)[1]
    end = shape_of(left)[0] // 2 * 2
    a, b, c = (x[0:end:2] for x in (left, right, of_p))
    d, e, f = (x[1:end:2] for x in (left, right, of_p))
    turn, upper = np.linalg.qr(np.concatenate([b, d], axis=1), mode="complete")
    turn = np.conj(np.swapaxes(turn, 1, 2))
    none = np.zeros((end // 2, n, n), dtype_of(a))
    beside = np.concatenate(
        [np.concatenate([a, none, c], axis=2), np.concatenate([none, e, f], axis=2)], axis=1
    )
    turned = turn @ beside
    new = turned[:, n:]
    parts = (new[:, :, :n], new[:, :, n : 2 * n], new[:, :, 2 * n :])
    odd = (x[end:] for x in (left, right, of_p))
    joined = tuple(np.concatenate(pair) for pair in zip(parts, odd, strict=True))
    return Level(turn, upper[:, :n], turned[:, :n]), joined


def solved(factors: Factors, residual: Any, condition: Any) -> tuple[Any, Any]:
    """Solution y, shape [m, n], and p, shape [k].

    Raises:
        numpy.linalg.LinAlgError: if the matrix is singular.
    """
    n, tops = shape_of(residual)[1], []
    for level in factors.levels:
        end = shape_of(residual)[0] // 2 * 2
        pairs = np.reshape(residual[:end], (end // 2, 2 * n))
        turned = (level.turn @ pairs[..., None])[..., 0]
        tops.append(turned[:, :n])
        residual = np.concatenate([turned[:, n:], residual[end:]])
    z = np.linalg.solve(factors.rest, np.concatenate([residual[0], condition]))
    y, p = np.stack([z[:n], z[n : 2 * n]]), z[2 * n :]
    for level, top in zip(reversed(factors.levels), reversed(tops), strict=True):
        count = shape_of(top)[0]
        ps = np.broadcast_to(p, (count, shape_of(p)[0]))
        beside = np.concatenate([y[:count], y[1 : count + 1], ps], axis=1)
        right = top - (level.others @ beside[..., None])[..., 0]
        between = np.linalg.solve(level.own, right[..., None])[..., 0]
        mixed = np.reshape(np.stack([y[:count], between], axis=1), (2 * count, n))
        y = np.concatenate([mixed, y[count:]])
    return y, p
