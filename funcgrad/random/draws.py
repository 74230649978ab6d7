"""Independent samples: random bits, and traced arithmetic on them.

Samples are differentiable in their parameters, and ``jit`` fuses the arithmetic. The arithmetic is
JAX's: with ``threefry2x32`` the samples equal JAX's, up to the last bits of logarithms and of fused
products (``uniform`` with bounds, which XLA's CPU compiler fuses).
"""

import math
from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, Shape, aval_of, dtype_of
from ..core.errors import DtypeError
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.compare import eq, ge, lt
from ..ops.elementwise import (
    NonDifferentiable,
    add,
    div,
    log,
    log1p,
    maximum,
    minimum,
    mul,
    neg,
    nextafter,
    sub,
    where,
)
from ..ops.index import Index, getitem_p
from ..ops.operand import operand, strong
from ..ops.special import BLOCK
from ..ops.structure import broadcast_to, cast
from .arguments import (
    UNSIGNED,
    RangeError,
    ShapeLike,
    as_shape,
    check_broadcast,
    check_mode,
    check_order,
    check_span,
    common_shape,
    floating,
    known,
)
from .keys import Key, check_single, split
from .primitives import bits_p, normal_p, uniform_p
from .tails import TailDraw, below_p, exponential_p, gumbel_p


@answering
def bits(key: Key, shape: ShapeLike = (), dtype: Any = np.uint32) -> Any:
    """Uniform random unsigned integers.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: uint8, uint16, uint32 or uint64.

    >>> from funcgrad.random import key
    >>> print(bits(key(0), (2,)))
    [149215387  49592932]
    """
    key, shape = check_single("random.bits", key), as_shape("random.bits", shape)
    dtype = np.dtype(np.uint32 if dtype is None else dtype)
    if dtype.kind != "u":
        raise DtypeError(f"random.bits: the dtype must be unsigned: got {dtype}; use randint")
    return _bits(key, shape, dtype)


@answering
def uniform(
    key: Key, shape: ShapeLike = (), dtype: Any = np.float32, minval: Any = 0.0, maxval: Any = 1.0
) -> Any:
    """Samples from the uniform distribution on [minval, maxval).

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64; samples are multiples of its eps.
        minval: lower bound, inclusive; it broadcasts to ``shape``.
        maxval: upper bound, exclusive; it broadcasts to ``shape``.

    Raises:
        RangeError: if minval exceeds maxval, or their difference is not finite. Equal bounds are
            allowed, and give that value.

    The samples are differentiable in minval and maxval.

    >>> from funcgrad.random import key
    >>> print(uniform(key(0), (2,), minval=-1.0))
    [-0.93051624 -0.97690654]
    """
    key, shape = check_single("random.uniform", key), as_shape("random.uniform", shape)
    dtype = floating("random.uniform", dtype)
    if type(minval) is type(maxval) is float and (minval, maxval) == (0.0, 1.0):
        return unit(key, shape, dtype)
    minval, maxval = cast(operand(minval), dtype), cast(operand(maxval), dtype)
    check_broadcast("random.uniform", shape, minval=minval, maxval=maxval)
    check_order("random.uniform", "minval", minval, "maxval", maxval)
    check_span("random.uniform", "minval", minval, "maxval", maxval)
    return between(key, shape, dtype, minval, maxval)


@answering
def normal(key: Key, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Samples from the standard normal distribution: sqrt(2) erfinv(u), u in (-1, 1).

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating dtype, or a complex one with total variance 1.

    Source: Giles 2010, "Approximating the erfinv function", see ``ops/special.py``.

    >>> from funcgrad.random import key
    >>> print(normal(key(0), (2,)).round(3))
    [-1.815 -2.272]
    """
    key, shape = check_single("random.normal", key), as_shape("random.normal", shape)
    dtype = np.dtype(np.float32 if dtype is None else dtype)
    if dtype.kind == "c":
        parts = floating("random.normal", np.finfo(dtype).dtype)
        k_real, k_imag = split(key)
        real, imag = _normal(k_real, shape, parts), _normal(k_imag, shape, parts)
        return div(add(real, mul(imag, 1j)), dtype.type(math.sqrt(2)))
    return _normal(key, shape, floating("random.normal", dtype))


@answering
def bernoulli(
    key: Key, p: Any = 0.5, shape: ShapeLike | None = None, mode: str | None = None
) -> Any:
    """Samples from the Bernoulli distribution: booleans, true with probability ``p``.

    Args:
        key: a single key.
        p: floating, in [0, 1]; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``p``.
        mode: for ``threefry2x32`` only, as in JAX: "low" (None), or "high" with twice the bits, for
            a ``p`` below 1e-6 in float32. The default generator is exact down to 2**-64.

    Raises:
        RangeError: if a probability is outside [0, 1].

    >>> from funcgrad.random import key
    >>> print(bernoulli(key(0), 0.5, (4,)))
    [ True  True False  True]
    """
    who = "random.bernoulli"
    key, mode = check_single(who, key), check_mode(who, mode)
    p = operand(p)
    if dtype_of(p).kind != "f":
        raise DtypeError(
            f"{who}: p must be floating: got {aval_of(p)}; write 1.0, or p.astype(float)"
        )
    value = known(p)
    if value is not None and not np.all((value >= 0) & (value <= 1)):
        raise RangeError(f"{who}: p must be in [0, 1]: got {value}; see special.expit for logits")
    shape = common_shape(who, shape, p=p)
    dtype = floating(who, np.float32 if type(p) in PYTHON_SCALARS else dtype_of(p))
    if not matches_jax(key):
        p = (broadcast_to if isinstance(p, Tracer) else np.broadcast_to)(strong(p), shape)
        return below_p(key.data, p, shape=shape, dtype=dtype, impl=key.impl)
    if mode == "low":
        return lt(unit(key, shape, dtype), p)
    high, low = _high_and_low(key, shape, dtype)
    return lt(low, sub(p, high))


@answering
def randint(key: Key, shape: ShapeLike, minval: Any, maxval: Any, dtype: Any = np.int32) -> Any:
    """Uniform random integers in [minval, maxval).

    Args:
        key: a single key.
        shape: shape of the result.
        minval: lower bound, inclusive; it broadcasts to ``shape``.
        maxval: upper bound, exclusive; it broadcasts to ``shape``.
        dtype: an integer dtype that holds every value of the range.

    Raises:
        RangeError: if minval is not below maxval, or a bound does not fit the dtype.

    A sample is the remainder of twice the bits of the dtype (at least 64), as in JAX; the relative
    error of its probability is at most (maxval - minval) / 2**64.

    >>> from funcgrad.random import key
    >>> print(randint(key(0), (4,), 0, 10))
    [2 3 3 6]
    """
    who = "random.randint"
    key, shape, dtype = check_single(who, key), as_shape(who, shape), np.dtype(dtype or np.int32)
    if dtype.kind not in "iu":
        raise DtypeError(f"{who}: the dtype must be an integer dtype: got {dtype}; use uniform")
    wide = dtype if dtype.itemsize >= 4 else np.dtype(np.int32)
    minval, maxval = operand(minval), operand(maxval)
    check_broadcast(who, shape, minval=minval, maxval=maxval)
    low, top = _integer_bounds(minval, maxval, dtype, wide)
    unsigned = UNSIGNED[wide.itemsize]
    # 0 means all integers of the dtype: their number does not fit it
    count = add(cast(sub(top, low), unsigned), 1)
    count = where(ge(top, low), count, 1)
    k_high, k_low = split(key)
    offset = remainder_p(_bits(k_high, shape, unsigned), _bits(k_low, shape, unsigned), count)
    return cast(add(low, cast(offset, wide)), dtype)


@answering
def exponential(key: Key, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Samples from the exponential distribution of mean 1: -log(1 - u).

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> print(exponential(key(0), (2,)).round(3))
    [0.035 0.012]
    """
    key, shape = check_single("random.exponential", key), as_shape("random.exponential", shape)
    dtype = floating("random.exponential", dtype)
    if not matches_jax(key):
        return tail(exponential_p, key, shape, dtype)
    return neg(log1p(neg(unit(key, shape, dtype))))


@answering
def gumbel(
    key: Key, shape: ShapeLike = (), dtype: Any = np.float32, mode: str | None = None
) -> Any:
    """Samples from the standard Gumbel distribution: -log(-log(u)).

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64.
        mode: for ``threefry2x32`` only, as in JAX: "low" (None), or "high" with twice the bits:
            float32 samples then reach 32, not 16. Those of the default generator reach 44.

    >>> from funcgrad.random import key
    >>> print(gumbel(key(0), (2,)).round(3))
    [-1.212 -1.495]
    """
    key, shape = check_single("random.gumbel", key), as_shape("random.gumbel", shape)
    dtype, mode = floating("random.gumbel", dtype), check_mode("random.gumbel", mode)
    if not matches_jax(key):
        return tail(gumbel_p, key, shape, dtype)
    tiny = np.finfo(dtype).tiny
    if mode == "low":
        return neg(log(neg(log(maximum(add(unit(key, shape, dtype), tiny), tiny)))))
    high, low = _high_and_low(key, shape, dtype)
    u = where(ge(high, 0.5), high, add(add(high, low), tiny))
    return neg(log(neg(log1p(neg(u)))))


# from bits to floating numbers


def matches_jax(key: Key) -> bool:
    """Whether the samples of a key equal JAX's."""
    return key.impl == "threefry2x32"


def tail(prim: TailDraw, key: Key, shape: Shape, dtype: np.dtype) -> Any:
    return prim(key.data, shape=shape, dtype=dtype, impl=key.impl)


def _bits(key: Key, shape: Shape, dtype: np.dtype) -> Any:
    return bits_p(key.data, shape=shape, dtype=dtype, impl=key.impl)


def unit(key: Key, shape: Shape, dtype: np.dtype) -> Any:
    return uniform_p(key.data, shape=shape, dtype=dtype, impl=key.impl)


def between(key: Key, shape: Shape, dtype: np.dtype, low: Any, high: Any) -> Any:
    u = add(mul(unit(key, shape, dtype), sub(high, low)), low)
    a, b, largest = known(low), known(high), dtype.type(1) - np.finfo(dtype).eps
    if a is not None and b is not None and np.all(largest * (b - a) + a < b):
        return u
    # rounding may reach high; for high == low, even the number below
    return maximum(low, minimum(u, nextafter(high, -np.inf)))


def _normal(key: Key, shape: Shape, dtype: np.dtype) -> Any:
    return normal_p(key.data, shape=shape, dtype=dtype, impl=key.impl)


def _high_and_low(key: Key, shape: Shape, dtype: np.dtype) -> tuple[Any, Any]:
    """Uniform numbers, and the bits after their last one as numbers."""
    pair = unit(key, (2, *shape), dtype)
    high, low = (getitem_p(pair, index=Index((i,))) for i in (0, 1))
    return high, mul(low, np.finfo(dtype).eps)


def _remainder_of_two_words(high: Any, low: Any, n: Any) -> Any:
    """(2**b high + low) mod n in words of b bits, where n = 0 stands for 2**b."""
    if np.ndim(n) or np.size(low) <= BLOCK:
        return _remainder_in_block(high, low, n)
    out = np.empty_like(low)
    words = high.reshape(-1), low.reshape(-1), out.reshape(-1)
    for i in range(0, low.size, BLOCK):
        x, y, z = (w[i : i + BLOCK] for w in words)
        z[...] = _remainder_in_block(x, y, n)
    return out


def _remainder_anew(high: Any, low: Any, n: Any) -> Any:
    one, half = dtype_of(low).type(1), dtype_of(low).type(4 * dtype_of(low).itemsize)
    safe = where(eq(n, 0), one, n)
    mod = lambda x: where(eq(n, 0), x, np.remainder(x, safe))
    factor = mod(one << half)
    return mod(mod(high) * mod(factor * factor) + mod(low))


def _remainder_in_block(high: Any, low: Any, n: Any) -> Any:
    def mod(x: Any) -> Any:
        # NumPy divides by a constant 15 times faster than it takes remainders; as x // 0
        # is 0, the remainder by 0 is x, and that of 2**b is 0
        return np.subtract(x, np.multiply(np.floor_divide(x, n), n))

    with np.errstate(divide="ignore"):
        factor = mod(np.asarray(1 << (4 * low.itemsize), low.dtype))
        factor = mod(np.multiply(factor, factor))
        return mod(np.add(np.multiply(mod(high), factor), mod(low)))


remainder_p = NonDifferentiable(
    "random_remainder", _remainder_of_two_words, decompose=_remainder_anew
)


def _integer_bounds(low: Any, high: Any, dtype: np.dtype, wide: np.dtype) -> tuple[Any, Any]:
    """Smallest and largest value of randint, as integers of the wide dtype."""
    who = "random.randint"
    for name, x in (("minval", low), ("maxval", high)):
        if dtype_of(x).kind not in "iu":
            raise DtypeError(f"{who}: {name} must be an integer: got {aval_of(x)}")
    least, bound, info = known(low), known(high), np.iinfo(dtype)
    if least is not None and bound is not None and not np.all(least < bound):
        raise RangeError(f"{who}: minval must be below maxval: got {low} and {high}; exchange them")
    for name, x, last in (("minval", least, info.max), ("maxval", bound, info.max + 1)):
        if x is not None and x.size and not info.min <= int(x.min()) <= int(x.max()) <= last:
            raise RangeError(f"{who}: {name} must fit {dtype}: got {x}; pass a wider dtype")
    top = sub(high, 1) if bound is None else np.asarray(bound - 1)
    return _as_integers(low if least is None else least, wide), _as_integers(top, wide)


def _as_integers(x: Any, dtype: np.dtype) -> Any:
    return cast(x, dtype) if isinstance(x, Tracer) else x.astype(dtype)
