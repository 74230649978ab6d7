"""Matrices made from blocks and vectors."""

from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..numpy.joining import concatenate
from ..ops.operand import common_dtype, operand, strong
from ..ops.structure import cast, reshape


@answering
def block_diag(*arrays: Any) -> Any:
    """Block-diagonal matrix.

    Args:
        *arrays: blocks: matrices, vectors (one row) or scalars.

    Raises:
        ShapeError: if one has more than two axes.

    >>> print(block_diag(1.0, np.array([[2.0, 3.0]])))
    [[1. 0. 0.]
     [0. 2. 3.]]
    """
    blocks = [strong(operand(x)) for x in arrays] or [np.zeros((1, 0))]
    for i, x in enumerate(blocks):
        if len(shape_of(x)) > 2:
            raise ShapeError(
                f"block_diag: argument {i} has more than two axes: got {shape_of(x)}; give matrices"
            )
    kind = common_dtype(blocks)
    blocks = [reshape(x, (1,) * (2 - len(shape_of(x))) + shape_of(x)) for x in blocks]
    width, rows, before = sum(shape_of(x)[1] for x in blocks), [], 0
    for x in blocks:
        m, n = shape_of(x)
        sides = np.zeros((m, before), kind), np.zeros((m, width - before - n), kind)
        rows.append(concatenate([sides[0], cast(x, kind), sides[1]], axis=1))
        before += n
    return concatenate(rows, axis=0)


@answering
def toeplitz(c: Any, r: Any = None) -> Any:
    """Toeplitz matrix, constant along each diagonal.

    Args:
        c: first column, shape [M].
        r: first row, shape [N], whose first element is not read; by default the conjugate of ``c``.

    >>> print(toeplitz(np.array([1, 2, 3]), np.array([0, 4])))
    [[1 4]
     [2 1]
     [3 2]]
    """
    c = reshape(strong(operand(c)), (-1,))
    r = np.conjugate(c) if r is None else reshape(strong(operand(r)), (-1,))
    m, n = shape_of(c)[0], shape_of(r)[0]
    whole = concatenate([c[::-1], r[1:]])
    return whole[np.arange(m - 1, -1, -1)[:, None] + np.arange(n)]
