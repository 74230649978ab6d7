"""Threefry-2x32, JAX's generator: a key is two words of 32 bits.

Number i of a stream is the hash of the two halves of the 64-bit position i: 20 rounds of add,
rotate and xor, with the key added after every fourth. split, fold_in and bits use the hash as JAX
does (``jax_threefry_partitionable``, its default), so the bits are JAX's. Unlike philox, different
uses are not separated: ``fold_in(key, i)`` is child i of ``split(key)``, and 32 ``bits`` are the
xor of a child's words.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.3
(doi:10.1145/2063384.2063405).
"""

from typing import Any

import numpy as np

from .generator import Generator

BLOCK = 16384  # positions hashed at a time: three buffers of 64 kB
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = np.uint32(0x1BD11BDA)


def _seed(seeds: np.ndarray) -> np.ndarray:
    """Keys u32[n,2] from seeds u64[n]: the high and the low half."""
    return np.stack(_halves(seeds), -1)


def _split(keys: np.ndarray, num: int) -> np.ndarray:
    """u32[n,num,2], each key's children."""
    return np.stack(_words(keys, num), -1)


def _fold_in(keys: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Keys u32[n,2] hashed with the low halves of data u64[n]."""
    low = _halves(data)[1]
    words = np.zeros_like(low), low.copy()
    _hash(keys[:, 0], keys[:, 1], *words)
    return np.stack(words, -1)


def _bits(keys: np.ndarray, num: int, dtype: np.dtype[Any]) -> np.ndarray:
    """``num`` unsigned integers for each key."""
    high, low = _words(keys, num)
    if dtype.itemsize == 8:
        return (high.astype(dtype) << 32) | low
    high ^= low
    return high.astype(dtype, copy=False)


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (x >> 32).astype(np.uint32), x.astype(np.uint32)


def _words(keys: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Both words of each key's first ``num`` hashes, u32[n,num] twice."""
    out = np.empty((2, len(keys), num), np.uint32)
    k0, k1 = keys[:, :1], keys[:, 1:]  # [n, 1], against positions
    rows = max(1, BLOCK // max(num, 1))
    for j in range(0, num, BLOCK):
        positions = _halves(np.arange(j, min(j + BLOCK, num), dtype=np.uint64))
        for i in range(0, len(keys), rows):
            part = out[:, i : i + rows, j : j + BLOCK]
            part[0], part[1] = positions
            _hash(k0[i : i + rows], k1[i : i + rows], part[0], part[1])
    return out[0], out[1]


def _hash(k0: np.ndarray, k1: np.ndarray, x0: np.ndarray, x1: np.ndarray) -> None:
    """Hash the words x0 and x1 in place."""
    schedule = (k0, k1, k0 ^ k1 ^ PARITY)
    rest = np.empty_like(x1)
    x0 += k0
    x1 += k1
    for group in range(5):
        for r in ROTATIONS[group % 2]:
            x0 += x1
            np.right_shift(x1, 32 - r, rest)
            x1 <<= r
            x1 |= rest
            x1 ^= x0
        x0 += schedule[(group + 1) % 3]
        x1 += schedule[(group + 2) % 3]
        x1 += np.uint32(group + 1)


THREEFRY = Generator(np.dtype(np.uint32), _seed, _split, _fold_in, _bits)
