"""Samples that are exact in the tails, where float32 has more digits than one word gives.

A word too small to fill the mantissa is extended by another word of 32 bits, from the stream of
``fold_in(key, 1)`` in order. With ``threefry2x32`` the samples are JAX's instead, made of multiples
of 2**-23.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, Shape, dtype_of, shape_of
from ..ops.compare import eq
from ..ops.elementwise import where
from ..ops.kernels import BLOCK
from ..ops.structure import cast, reshape
from .arguments import UNSIGNED
from .generator import Generator
from .primitives import GENERATORS, KeyPrimitive, bits_p, fold_in_p
from .rejection import Rejection, check_real, flat_operands, in_order, spread


class TailDraw(KeyPrimitive):
    """Array of floating numbers for each key.

    A word w of b bits means u = (w + 1/2) / 2**b. ``law(u, z)`` gets u and z = 1 - u, both in full
    precision.
    """

    def __init__(
        self,
        name: str,
        law: Callable[[np.ndarray, np.ndarray], np.ndarray],
        anew: Callable[[Any, Any], Any],
    ) -> None:
        super().__init__(name)
        self.law = law
        self.anew = anew  # the law as a function of arrays or tracers

    @override
    def run(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Any, ...]:
        rows, n = keys.reshape(-1, 2), math.prod(shape)
        work = np.result_type(dtype, np.float32)
        words = GENERATORS[impl].bits(rows, n, UNSIGNED[work.itemsize]).reshape(-1)
        out = np.empty(words.size, dtype)
        short = []  # indices of words to extend
        for i in range(0, words.size, BLOCK):
            w = words[i : i + BLOCK]
            out[i : i + BLOCK] = self._numbers(w, work, dtype, 0.5)
            if w.itemsize == 4:  # below 2**16 or above 2**32 - 2**16, by wraparound
                short.append(np.flatnonzero(w + np.uint32(1 << 16) < 1 << 17) + i)
        at = np.concatenate(short) if short else np.empty(0, np.intp)
        if at.size:
            more = (extra_words(GENERATORS[impl], rows, n, at) + 0.5) * 2.0**-32
            out[at] = self._numbers(words[at], work, dtype, more)
        return (out.reshape((*keys.shape[:-1], *shape))[()],)

    def decompose(self, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> Any:
        work = np.result_type(dtype, np.float32)
        unsigned = UNSIGNED[work.itemsize]
        words = bits_p(keys, shape=shape, dtype=unsigned, impl=impl)

        def numbers(rest: Any) -> Any:
            y = self.anew(_shares(words, work, rest), _shares(~words, work, 1 - rest))
            return np.clip(y, -65504, 65504) if dtype == np.float16 else y

        y = numbers(0.5)
        if unsigned.itemsize == 4:
            short = words + np.uint32(1 << 16) < np.uint32(1 << 17)
            more = cast(next_words(keys, short, shape, impl), np.float64)
            y = where(short, numbers((more + 0.5) * 2.0**-32), y)
        return (cast(y, dtype),)

    def _numbers(self, words: np.ndarray, work: np.dtype, dtype: np.dtype, rest: Any) -> Any:
        y = self.law(_scaled(words, work, rest), _scaled(~words, work, 1 - rest))
        return np.clip(y, -65504, 65504) if dtype == np.float16 else y

    @override
    def infer(self, keys: Aval, *, shape: Shape, dtype: np.dtype, impl: str) -> tuple[Aval, ...]:
        return (Aval((*keys.shape[:-1], *shape), dtype),)


def _scaled(words: np.ndarray, dtype: np.dtype, rest: Any) -> np.ndarray:
    """(words + rest) / 2**b."""
    c = words.astype(dtype)
    c += np.asarray(rest, dtype)
    c *= dtype.type(2.0 ** (-8 * words.itemsize))
    return c


def _shares(words: Any, dtype: np.dtype, rest: Any) -> Any:
    """The same of arrays or tracers."""
    size = 8 * dtype_of(words).itemsize
    rest = dtype.type(rest) if isinstance(rest, float) else cast(rest, dtype)
    return (cast(words, dtype) + rest) * dtype.type(2.0**-size)


def next_words(keys: Any, wanted: Any, shape: Shape, impl: str) -> Any:
    """The words of ``extra_words`` for the elements that are wanted, in their places."""
    n = math.prod(shape)
    one = np.ones((), np.uint64)
    words = bits_p(fold_in_p(keys, one, impl=impl), shape=(n,), dtype=UNSIGNED[4], impl=impl)
    return reshape(in_order(words, reshape(wanted, (*shape_of(keys)[:-1], n))), shape_of(wanted))


def extra_words(generator: Generator, rows: Any, n: int, at: Any) -> np.ndarray:
    """One more word of 32 bits for each of these elements; each key has n."""
    counts = np.bincount(at // n, minlength=len(rows))
    owners = np.flatnonzero(counts)
    streams = generator.fold_in(rows[owners], np.ones(len(owners), np.uint64))
    drawn = generator.bits(streams, int(counts.max()), UNSIGNED[4])
    return drawn[np.arange(drawn.shape[1]) < counts[owners, None]]


def _exponential(u: np.ndarray, z: np.ndarray) -> np.ndarray:
    """-log(z), accurate for small u by the factor u / (1 - z).

    Source: Goldberg 1991, "What every computer scientist should know about floating-point
    arithmetic", theorem 4; it takes a third of the time of log1p.
    """
    rounded = 1 - z
    least = np.flatnonzero(rounded == 0)
    rounded[least] = 1
    y = np.log(z)
    y[least] = -1
    y *= u
    y /= rounded
    return np.negative(y, y)


def _gumbel(u: np.ndarray, z: np.ndarray) -> np.ndarray:
    y = _exponential(z, u)  # -log(u)
    np.log(y, y)
    return np.negative(y, y)


def _exponential_of(u: Any, z: Any) -> Any:
    rounded = 1 - z
    least = eq(rounded, 0)
    return -(where(least, -1, np.log(z)) * u / where(least, 1, rounded))


def _gumbel_of(u: Any, z: Any) -> Any:
    return -np.log(_exponential_of(z, u))


def _laplace(u: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.copysign(np.log(2 * np.minimum(u, z)), z - u)


def _logistic(u: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.log(u / z)


def _cauchy(u: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.copysign(1 / np.tan(math.pi * np.minimum(u, z)), u - z)


exponential_p = TailDraw("random_exponential", _exponential, _exponential_of)
gumbel_p = TailDraw("random_gumbel", _gumbel, _gumbel_of)
laplace_p = TailDraw("random_laplace", _laplace, _laplace)
logistic_p = TailDraw("random_logistic", _logistic, _logistic)
cauchy_p = TailDraw("random_cauchy", _cauchy, _cauchy)


class Below(Rejection):
    """Whether a uniform number is below a probability of dtype ``dtype``.

    A word of 32 bits (float64: 64) decides, unless it equals the first word of the probability.
    """

    @override
    def run(
        self, keys: Any, *params: Any, shape: Shape, dtype: np.dtype, impl: str, **rest: Any
    ) -> tuple[Any, ...]:
        check_real(self.name, params)
        rows, whole, (p,) = flat_operands(keys, params, shape)
        n = math.prod(whole) // max(len(rows), 1)
        words = GENERATORS[impl].bits(rows, n, UNSIGNED[max(dtype.itemsize, 4)]).reshape(-1)
        if words.size and not p.strides[0]:
            out, at, left = _compare(words, float(p[0]))
        else:
            out, at, left = _compare_each(words, p)
        if at.size:
            out[at] = extra_words(GENERATORS[impl], rows, n, at) < left * 2.0**32
        return (out.reshape(whole)[()],)

    def decompose(
        self, keys: Any, *params: Any, shape: Shape, dtype: np.dtype, impl: str, **rest: Any
    ) -> Any:
        keys, (p,) = spread(keys, params, shape)
        unsigned = UNSIGNED[max(dtype.itemsize, 4)]
        words = bits_p(keys, shape=shape, dtype=unsigned, impl=impl)
        size = 2.0 ** (8 * unsigned.itemsize)
        scaled = cast(p, np.float64) * size
        certain = scaled >= size
        scaled = where((scaled > 0) & ~certain, scaled, 0.0)
        first = cast(scaled, unsigned)
        left = scaled - cast(first, np.float64)
        tied = eq(words, first) & (left > 0)
        more = cast(next_words(keys, tied, shape, impl), np.float64)
        return (where(tied, more < left * 2.0**32, (words < first) | certain),)

    @override
    def infer(self, keys: Aval, *params: Aval, **rest: Any) -> tuple[Aval, ...]:
        (aval,) = super().infer(keys, *params, **rest)
        return (Aval(aval.shape, np.dtype(bool)),)


def _compare(words: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray, Any]:
    """Mask of words below p, indices of words equal to its first word, and the rest of p."""
    size = 2.0 ** (8 * words.itemsize)
    if not 0 < p < 1:
        return np.full(words.shape, p >= 1), np.empty(0, np.intp), 0.0
    left, first = math.modf(p * size)
    start = words.dtype.type(first)
    tied = np.flatnonzero(words == start) if left else np.empty(0, np.intp)
    return words < start, tied, left


def _compare_each(words: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
    """As ``_compare``, with one probability per word."""
    size = 2.0 ** (8 * words.itemsize)
    out = np.empty(words.size, bool)
    tied: list[np.ndarray] = [np.empty(0, np.intp)]
    rests: list[np.ndarray] = [np.empty(0)]
    for i in range(0, words.size, BLOCK):
        w, scaled = words[i : i + BLOCK], p[i : i + BLOCK].astype(np.float64)
        scaled *= size
        certain = scaled >= size
        scaled[certain | ~(scaled > 0)] = 0
        first = scaled.astype(words.dtype)
        np.logical_or(w < first, certain, out[i : i + BLOCK])
        scaled -= first
        at = np.flatnonzero((w == first) & (scaled > 0))
        tied.append(at + i)
        rests.append(scaled[at])
    return out, np.concatenate(tied), np.concatenate(rests)


below_p = Below("random_below")
