"""Shapes and padding by JAX's conventions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import whole
from ..core.lazy import answering
from ..numpy.at import at
from ..ops.operand import operand as as_operand
from ..ops.structure import cast


@answering
def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """Insert axes of length 1 at these positions of the result; see numpy.expand_dims.

    >>> expand_dims(np.ones(3), (0, 2)).shape
    (1, 3, 1)
    """
    return np.expand_dims(as_operand(array), tuple(dimensions))


@answering
def broadcast_in_dim(
    operand: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int]
) -> Any:
    """Broadcast an array, axis i of which becomes axis ``broadcast_dimensions[i]``.

    Args:
        operand: array of n axes, each of length 1 or of the length of its axis in ``shape``.
        shape: of the result.
        broadcast_dimensions: n increasing positions in ``shape``.

    Raises:
        ShapeError: if the positions do not increase, or an axis has another length.

    >>> broadcast_in_dim(np.array([1, 2]), (2, 3), (0,))
    array([[1, 1, 1],
           [2, 2, 2]])
    """
    x, shape, places = as_operand(operand), tuple(shape), tuple(map(whole, broadcast_dimensions))
    own = shape_of(x)
    inside = len(places) == len(own) and all(0 <= d < len(shape) for d in places)
    if not inside or list(places) != sorted(set(places)):
        raise ShapeError(
            f"broadcast_in_dim: {aval_of(x)} needs {len(own)} increasing positions in the shape "
            f"{shape}: got {places}"
            "; give one position for each axis"
        )
    lengths = dict(zip(places, own, strict=True))
    spread = np.reshape(x, [lengths.get(d, 1) for d in range(len(shape))])
    return np.broadcast_to(spread, shape)


@answering
def pad(operand: Any, padding_value: Any, padding_config: Sequence[tuple[int, int, int]]) -> Any:
    """Pad an array at both ends of each axis and between its elements.

    Args:
        operand: array of n axes.
        padding_value: scalar of the operand's dtype.
        padding_config: n triples (low, high, interior); a negative low or high removes elements.

    Raises:
        ShapeError: if there is not one triple per axis, or a length would be negative.
        DtypeError: if the dtypes differ.

    >>> pad(np.array([1, 2, 3]), 0, [(1, -1, 1)])
    array([0, 1, 0, 2, 0])
    """
    x, value = as_operand(operand), as_operand(padding_value)
    widths, shape = [tuple(map(whole, w)) for w in padding_config], shape_of(x)
    if len(widths) != len(shape) or any(len(w) != 3 or w[2] < 0 for w in widths):
        raise ShapeError(
            f"pad: {aval_of(x)} needs {len(shape)} triples (low, high, interior >= 0): got {widths}"
            "; give one triple for each axis"
        )
    if not aval_of(value).weak and dtype_of(value) != dtype_of(x):
        raise DtypeError(
            f"pad: the padding value must have the operand's dtype: got {aval_of(value)} for "
            f"{aval_of(x)}; convert it by astype"
        )
    whole_shape, places, kept = [], [], []
    for n, (low, high, inner) in zip(shape, widths, strict=True):
        spread = n + inner * max(n - 1, 0)
        if spread + low + high < 0:
            raise ShapeError(
                f"pad: the length of an axis would be {spread + low + high}: got {widths} for "
                f"{aval_of(x)}; remove fewer elements"
            )
        first = max(low, 0)
        whole_shape.append(first + spread + max(high, 0))
        places.append(slice(first, first + spread, inner + 1))
        kept.append(slice(max(-low, 0), max(whole_shape[-1] - max(-high, 0), 0)))
    full = np.broadcast_to(cast(value, dtype_of(x)), whole_shape)
    return at(full)[tuple(places)].set(x)[tuple(kept)]
