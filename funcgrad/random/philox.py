"""Philox-4x64-10, the default generator: the raw output of NumPy's implementation.

A key has two words of 64 bits. The counter, four words of 64 bits, encodes the use of a number, so
that different uses of one key never read the same numbers. NumPy increments the counter before
each block of four outputs, so the first block of a stream is that of position 1:

    word 0    word 1         word 2    word 3
    position  carry, or data     0     0 bits    1 split    2 fold_in

- ``bits``: the stream at (1, 0, 0, 0), its words split, lowest bits first, into narrower integers.
- ``split``: child i is the pair of outputs 2i and 2i+1 of the stream at (1, 0, 0, 1); hence the
  children of ``split(key, 3)`` start with those of ``split(key, 2)``.
- ``fold_in``: the first two outputs of the block at (1, data, 0, 2).
- ``key(seed)``: the words (seed modulo 2**64, 0).

NumPy keeps the raw stream of a bit generator in all versions, but not the output of ``Generator``;
everything after the raw words is computed here.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.2
(doi:10.1145/2063384.2063405).
"""

from typing import Any

import numpy as np

from .generator import Generator

BITS, SPLIT, FOLD_IN = range(3)


def _seed(seeds: np.ndarray) -> np.ndarray:
    """Keys u64[n,2] of seeds u64[n]."""
    return np.stack([seeds, np.zeros_like(seeds)], -1)


def _split(keys: np.ndarray, num: int) -> np.ndarray:
    """u64[n,num,2], each key's children."""
    out = np.empty((len(keys), num, 2), np.uint64)
    for row, key in zip(out, keys, strict=True):
        row[...] = _stream(key, SPLIT, 0, 2 * num).reshape(num, 2)
    return out


def _fold_in(keys: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Keys u64[n,2] folded with data u64[n]."""
    out = np.empty((len(keys), 2), np.uint64)
    for row, key, number in zip(out, keys, data, strict=True):
        row[...] = _stream(key, FOLD_IN, number, 2)
    return out


def _bits(keys: np.ndarray, num: int, dtype: np.dtype[Any]) -> np.ndarray:
    """``num`` unsigned integers for each key."""
    words = -(-num * dtype.itemsize // 8)
    if len(keys) == 1:  # a view, without a copy
        return _cut(_stream(keys[0], BITS, 0, words), dtype)[None, :num]
    out = np.empty((len(keys), num), dtype)
    for row, key in zip(out, keys, strict=True):
        row[...] = _cut(_stream(key, BITS, 0, words), dtype)[:num]
    return out


def _stream(key: np.ndarray, domain: int, data: Any, num: int) -> np.ndarray:
    """First ``num`` words for one use of one key."""
    counter = np.array([0, data, 0, domain], np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(num)


def _cut(words: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """64-bit words split into narrower ones, lowest bits first on every machine."""
    narrow = words.astype("<u8", copy=False).view(f"<u{dtype.itemsize}")
    return narrow.astype(dtype, copy=False)


PHILOX = Generator(np.dtype(np.uint64), _seed, _split, _fold_in, _bits)
