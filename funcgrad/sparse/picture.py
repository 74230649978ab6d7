"""Drawings of patterns in characters."""

import numpy as np

_SMALL = 16, 32  # rows and columns, up to which each element is a character
_HEIGHT, _WIDTH = 32, 64  # dots of a larger drawing, at most
# bits of a Braille character: its dots, four rows of two
_BITS = np.array([[1, 8], [2, 16], [4, 32], [64, 128]])


def picture(shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> list[str]:
    """Lines that show where the elements of a matrix are.

    >>> print(*picture((2, 3), np.array([0, 1]), np.array([0, 2])), sep="\\n")
    ●··
    ··●
    """
    height, width = shape
    if not height * width:
        return []
    if height <= _SMALL[0] and width <= _SMALL[1]:
        signs = np.full(shape, "·")
        signs[rows, columns] = "●"
        return ["".join(line) for line in signs]
    scale = max(height / _HEIGHT, width / _WIDTH, 1)
    high, wide = (max(1, round(n / scale)) for n in shape)
    dots = np.zeros((-(-high // 4) * 4, -(-wide // 2) * 2), bool)
    dots[rows * high // height, columns * wide // width] = True
    blocks = dots.reshape(len(dots) // 4, 4, -1, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (blocks * _BITS).sum((2, 3))
    return ["".join(map(chr, line)) for line in codes]
