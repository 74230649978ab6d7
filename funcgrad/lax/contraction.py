"""``dot_general``: products summed over contracting axes, with batch axes."""

import string
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from ..ops.operand import operand

DotDimensionNumbers: TypeAlias = tuple[
    tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
]


@answering
def dot_general(lhs: Any, rhs: Any, dimension_numbers: DotDimensionNumbers) -> Any:
    """Products of two arrays, summed over contracting axes, for each index of the batch axes.

    Args:
        lhs, rhs: arrays.
        dimension_numbers: ``((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))``, axes.

    Returns:
        An array with the batch axes, then the other axes of lhs, then those of rhs.

    Raises:
        ShapeError: if paired axes differ in number or length.

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
                f"dot_general: {what} axes differ in length: got axes {a} of {aval_of(x)} and "
                f"{b} of {aval_of(y)}"
                "; choose axes of one length"
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


def _axes(who: str, x: Any, contracting: Sequence[int], batch: Sequence[int]) -> tuple[Any, Any]:
    rank = len(shape_of(x))
    both = [*contracting, *batch]
    if any(not 0 <= d < rank for d in both) or len(set(both)) != len(both):
        raise ShapeError(
            f"dot_general: axes of {who} must differ and lie in [0, {rank}): got {both} for "
            f"{aval_of(x)}"
        )
    return tuple(contracting), tuple(batch)
