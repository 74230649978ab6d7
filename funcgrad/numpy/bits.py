"""packbits and unpackbits; neither has a derivative."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops import compare
from ..ops.operand import operand, strong
from ..ops.structure import cast, expand_dims, reshape
from .dispatch import NO_DERIVATIVE, implements
from .padding import pad
from .reductions import sum
from .shapes import moveaxis, ravel_if_none


def _bit_positions(bitorder: str) -> np.ndarray:
    """Position of each of eight bits, counted from the lowest."""
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return np.arange(8, dtype=np.uint8)[:: -1 if bitorder == "big" else 1]


@implements("packbits", status=NO_DERIVATIVE)
def packbits(a: Any, /, axis: int | None = None, bitorder: str = "big") -> Any:
    """Pack booleans into bytes, padded with zeros; see numpy.packbits."""
    a = strong(operand(a))
    if dtype_of(a).kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    a, axis = ravel_if_none(a, axis)
    bits = cast(compare.ne(moveaxis(a, axis, -1), 0), np.uint8)
    *lead, n = shape_of(bits)
    bits = pad(bits, [(0, 0)] * len(lead) + [(0, -n % 8)])
    bits = compare.left_shift(reshape(bits, (*lead, -(-n // 8), 8)), _bit_positions(bitorder))
    return moveaxis(sum(bits, axis=-1, dtype=np.uint8), -1, axis)


@implements("unpackbits", status=NO_DERIVATIVE)
def unpackbits(
    a: Any, /, axis: int | None = None, count: int | None = None, bitorder: str = "big"
) -> Any:
    """Unpack bytes into ``count`` bits; see numpy.unpackbits."""
    a = strong(operand(a))
    if dtype_of(a) != np.uint8:
        raise TypeError("Expected an input array of unsigned byte data type")
    a, axis = ravel_if_none(a, axis)
    last = moveaxis(a, axis, -1)
    *lead, n = shape_of(last)
    bits = compare.right_shift(expand_dims(last, (len(lead) + 1,)), _bit_positions(bitorder))
    bits = reshape(compare.bitwise_and(bits, np.uint8(1)), (*lead, 8 * n))
    if count is not None and count < 0:
        count += 8 * n
        if count < 0:
            raise ValueError(f"-count larger than number of elements along axis: {count}")
    if count is not None and count > 8 * n:
        bits = pad(bits, [(0, 0)] * len(lead) + [(0, count - 8 * n)])
    return moveaxis(bits[..., :count], -1, axis)
