"""Fingerprints of arrays, by which a write to one is seen without a copy of it.

The array's memory, as 64-bit words, is a table of 1021 columns. The fingerprint holds the sum of
each row and of each column, modulo 2^64. Two words that share a row share no column: so a write to
one, two or three words cannot go unseen, nor two words exchanged. What else leaves all sums alike
is a pattern of four words or more at the corners of rectangles.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

_WIDTH = 1021  # a prime, so that rows of the table are no rows of the user's
_BLOCK = 128 * _WIDTH  # words: read twice, the second time from the second cache
_WORD = 8  # bytes


def fingerprint(x: np.ndarray, tables: int = 2) -> tuple[tuple[bytes, ...], ...]:
    """Return sums of the words of an array of any layout; -0.0 differs from 0.0, nan from nan.

    The sums of rows alone, one table of the two, cost a third, and miss an exchange in a row.

    >>> x = np.arange(5000.0)
    >>> before = fingerprint(x)
    >>> x[7], x[1028] = x[1028], x[7]
    >>> fingerprint(x) == before
    False
    """
    found: list[list[bytes]] = [[] for _ in range(tables)]
    for piece in _pieces(x):
        count = piece.nbytes // _WORD
        words = piece[: count * _WORD].view(np.uint64)
        for start in range(0, count, _BLOCK):
            block = words[start : start + _BLOCK]
            end = block.size // _WIDTH * _WIDTH
            for parts, axis in zip(found, (1, 0), strict=False):
                sums = np.add.reduce(block[:end].reshape(-1, _WIDTH), axis=axis)
                parts.append(sums.tobytes())
            found[0].append(block[end:].tobytes())
        found[0].append(piece[count * _WORD :].tobytes())
    return tuple(map(tuple, found))


def _pieces(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the bytes of an array in the order of its memory, without copies where it is dense."""
    dense = _ordered(np.asarray(x))
    if dense.flags.c_contiguous:
        yield dense.reshape(-1).view(np.uint8)
        return
    size = dense.itemsize * math.prod(dense.shape[1:])
    count = max(1, _BLOCK * _WORD // size)
    for i in range(0, len(dense), count):
        yield np.ascontiguousarray(dense[i : i + count]).reshape(-1).view(np.uint8)


def _ordered(x: np.ndarray) -> np.ndarray:
    """Return a view with its axes in the order of memory, none of them broadcast or reversed."""
    if x.flags.c_contiguous:
        return x
    steps: dict[int, Any] = {0: 0, 1: slice(None), -1: slice(None, None, -1)}
    x = x[tuple([steps[(s > 0) - (s < 0)] if n > 1 else 0
                 for n, s in zip(x.shape, x.strides, strict=True)])]  # fmt: skip
    return x.transpose(sorted(range(x.ndim), key=lambda d: -x.strides[d]))
