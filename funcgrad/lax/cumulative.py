"""Products, running folds and largest elements with JAX's arguments."""

import string
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError
from ..core.integers import whole
from ..numpy.cumulative import cummax as running_max, cummin as running_min
from ..ops.operand import operand

DotDimensionNumbers: TypeAlias = tuple[
    tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
]


def dot_general(lhs: Any, rhs: Any, dimension_numbers: DotDimensionNumbers) -> Any:
    """Return the product of two arrays over some axes, with others in common.

    Args:
        lhs, rhs: arrays.
        dimension_numbers: ``((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))``.

    Returns:
        An array whose axes are the common ones, the rest of lhs, and the rest of rhs.

    Raises:
        ShapeError: if the axes do not pair up.

    >>> x, y = np.ones((5, 2, 3)), np.ones((5, 3, 4))
    >>> dot_general(x, y, (((2,), (1,)), ((0,), (0,)))).shape
    (5, 2, 4)
    """
    x, y = operand(lhs), operand(rhs)
    (lc, rc), (lb, rb) = ([tuple(map(whole, axes)) for axes in pair] for pair in dimension_numbers)
    left, right = _axes("lhs", x, lc, lb), _axes("rhs", y, rc, rb)
    for what, a, b in (("contracting", left[0], right[0]), ("batch", left[1], right[1])):
        sizes = [shape_of(x)[d] for d in a], [shape_of(y)[d] for d in b]
        if sizes[0] != sizes[1]:
            raise ShapeError(
                f"dot_general: {what} axes must pair up: got axes {a} of {aval_of(x)} and {b} of "
                f"{aval_of(y)}"
            )
    names = iter(string.ascii_letters)
    first = [next(names) for _ in shape_of(x)]
    second = [next(names) for _ in shape_of(y)]
    for i, j in zip((*left[0], *left[1]), (*right[0], *right[1]), strict=True):
        second[j] = first[i]
    free = lambda letters, used: [c for d, c in enumerate(letters) if d not in used]
    batch = [first[d] for d in left[1]]
    out = [*batch, *free(first, (*left[0], *left[1])), *free(second, (*right[0], *right[1]))]
    return np.einsum(f"{''.join(first)},{''.join(second)}->{''.join(out)}", x, y)


def top_k(operand: Any, k: int, axis: int = -1) -> tuple[Any, Any]:
    """Return the k largest elements along an axis, the largest first, and where they stand.

    Of equals the first comes first.

    Args:
        operand: array of one axis or more.
        k: known, at most the length of the axis.
        axis: along which.

    Raises:
        ShapeError: if k exceeds the length.

    >>> top_k(np.array([3.0, 9.0, 1.0, 9.0]), 3)
    (array([9., 9., 3.]), array([1, 3, 0]))
    """
    x = _array(operand)
    shape = shape_of(x)
    k = whole(k)
    if not shape or not isinstance(k, int) or not 0 <= k <= shape[axis]:
        raise ShapeError(
            f"top_k: k must be at most the length of axis {axis}: got {k} for {aval_of(x)}"
        )
    # sorting backwards keeps the order of equals only if they stood backwards before
    last = shape[axis] - 1
    order = last - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    indices = np.take(order, np.arange(k), axis=axis)
    return np.take_along_axis(x, indices, axis=axis), indices


def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return running sums along an axis, from its end if reversed.

    >>> cumsum(np.array([1.0, 2.0, 3.0]), reverse=True)
    array([6., 5., 3.])
    """
    return _running(lambda x: np.cumsum(x, axis=axis), operand, axis, reverse)


def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return running products along an axis, from its end if reversed.

    >>> cumprod(np.array([1.0, 2.0, 3.0]))
    array([1., 2., 6.])
    """
    return _running(lambda x: np.cumprod(x, axis=axis), operand, axis, reverse)


def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return running maxima along an axis, from its end if reversed.

    >>> cummax(np.array([1.0, 3.0, 2.0]))
    array([1., 3., 3.])
    """
    return _running(lambda x: running_max(x, axis), operand, axis, reverse)


def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return running minima along an axis, from its end if reversed.

    >>> cummin(np.array([1.0, 3.0, 2.0]), reverse=True)
    array([1., 2., 2.])
    """
    return _running(lambda x: running_min(x, axis), operand, axis, reverse)


def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Return running log(sum(exp(x))) along an axis, from its end if reversed.

    >>> cumlogsumexp(np.array([1000.0, 1000.0])).round(4)
    array([1000.    , 1000.6931])
    """
    return _running(lambda x: np.logaddexp.accumulate(x, axis=axis), operand, axis, reverse)


def _running(f: Any, x: Any, axis: int, reverse: bool) -> Any:
    x = _array(x)
    return np.flip(f(np.flip(x, axis)), axis) if reverse else f(x)


def _array(x: Any) -> Any:
    return operand(x)


def _axes(who: str, x: Any, contracting: Sequence[int], batch: Sequence[int]) -> tuple[Any, Any]:
    rank = len(shape_of(x))
    both = [*contracting, *batch]
    if any(not 0 <= d < rank for d in both) or len(set(both)) != len(both):
        raise ShapeError(
            f"dot_general: axes of {who} must differ and lie in [0, {rank}): got {both} for "
            f"{aval_of(x)}"
        )
    return tuple(contracting), tuple(batch)
