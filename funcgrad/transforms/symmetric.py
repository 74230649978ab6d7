"""Hessians that are symmetric to the last bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import Shape
from ..core.trace import Tracer


def symmetric(hessian: Any, shapes: Sequence[Shape]) -> Any:
    """A tree of Hessians by arguments of these shapes, made symmetric.

    To compute half of the columns would not save time: a column is known only when the backward
    pass is complete. Traced ones stay as they are, symmetric up to rounding: of a compiled Hessian
    by 100 numbers this would be a third of the time.
    """
    blocks, treedef = tree.flatten(hessian)
    if any(isinstance(block, Tracer) for block in blocks):
        return hessian
    m = len(shapes)
    for start in range(0, len(blocks), m * m):  # one output after the other
        for i in range(m):
            for j in range(i, m):
                below = blocks[start + j * m + i]
                above = _turned(below, len(shapes[i]), len(shapes[j]))
                if i == j:  # halves cannot overflow
                    above = below * 0.5 + above * 0.5 if shapes[i] else below
                blocks[start + i * m + j] = above
    return tree.unflatten(treedef, blocks)


def _turned(block: Any, rows: int, columns: int) -> Any:
    """The block ``[*out, *columns, *rows]`` with its last axes exchanged."""
    n = np.ndim(block)
    first = n - rows - columns
    perm = (*range(first), *range(first + columns, n), *range(first, first + columns))
    return np.transpose(block, perm).copy() if rows and columns else block.copy()
