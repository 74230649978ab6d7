"""Discrete distributions: Poisson, binomial and their relatives, without derivatives.

For a small mean the method is inversion, which adds probabilities up to a uniform number of 52
bits. From a mean of 10 on it is transformed rejection, whose cost does not grow with the mean: a
ratio of uniform numbers is accepted at once inside a squeeze, else by its probability, which is
computed without cancellation (Loader 2000, "Fast and accurate computation of binomial
probabilities": deviance and the remainder of Stirling's formula).

Source: Hörmann 1993, "The transformed rejection method for generating Poisson random variables",
algorithm PTRS, and "The generation of binomial random variates", algorithm BTRS.
"""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..control.loops import while_loop
from ..core.avals import dtype_of, shape_of
from ..core.errors import DtypeError
from ..core.lazy import answering
from ..ops.compare import eq
from ..ops.elementwise import clip, div, mul, sub, where
from ..ops.families import masked_update
from ..ops.gamma import stirling
from ..ops.logarithms import log1pmx
from ..ops.operand import asarray
from ..ops.structure import broadcast_to, cast, cumsum_p
from .arguments import (
    RangeError,
    ShapeLike,
    as_shape,
    at_least_one_axis,
    check_broadcast,
    common_shape,
    floating,
    known,
    parameter,
)
from .draws import bernoulli
from .keys import Key, check_single, split
from .rejection import Rejection

SMALL = 10.0  # mean above which rejection is cheaper than inversion
F64 = np.dtype(np.float64)


class Poisson(Rejection):
    """Poisson distribution with mean ``rate``."""

    @override
    def attempt(self, u: Any, v: Any, rate: Any) -> tuple[Any, Any]:
        valid = rate >= 0
        k, few = np.where(valid, 0, np.nan), rate < SMALL
        by_inversion = lambda u, mean: _invert(u, np.exp(-mean), lambda k, i: mean[i] / k)
        k = masked_update(k, few, by_inversion, u, np.where(few, rate, 0))
        k, accepted = _judge(k, rate >= SMALL, _ptrs, u, v, rate)
        return np.where(valid, k, np.nan), accepted | ~valid


class Binomial(Rejection):
    """Binomial distribution of n trials with probability p."""

    @override
    def attempt(self, u: Any, v: Any, n: Any, p: Any) -> tuple[Any, Any]:
        valid = (n >= 0) & (n < np.inf) & (p >= 0) & (p <= 1)
        n, less = np.floor(np.where(valid, n, 0)), np.where(valid, np.minimum(p, 1 - p), 0)
        few = n * less < SMALL
        k = masked_update(np.zeros_like(u), few, _successes, u, np.where(few, n, 0), less)
        k, accepted = _judge(k, n * less >= SMALL, _btrs, u, v, n, less)
        k = np.where(p > 0.5, n - k, k)
        return np.where(valid, k, np.nan), accepted


class Geometric(Rejection):
    """Geometric distribution of the trials up to the first success, by inversion."""

    at_once = True

    @override
    def attempt(self, u: Any, v: Any, p: Any) -> tuple[Any, Any]:
        k = np.floor(np.log(u) / np.log1p(-p)) + 1
        return np.where((p >= 0) & (p <= 1), k, np.nan), np.ones(u.shape, bool)


def _judge(k: Any, many: Any, propose: Any, *xs: Any) -> tuple[Any, Any]:
    """``k`` with the proposals where ``many`` holds, and which elements are accepted."""
    if all(type(x) is np.ndarray for x in (many, *xs)) and many.ndim == 1:
        at, accepted = np.flatnonzero(many), np.ones(many.shape, bool)
        k[at], accepted[at] = propose(*[x[at] for x in xs])
        return k, accepted
    proposed, accepted = propose(*xs)
    return np.where(many, proposed, k), accepted | ~many


def _successes(u: Any, trials: Any, q: Any) -> Any:
    odds = q / (1 - q)
    first = np.exp(trials * np.log1p(-q))
    return _invert(u, first, lambda k, i: (trials[i] - (k - 1)) / k * odds[i])


def _invert(u: Any, term: Any, ratio: Any) -> Any:
    """Smallest k at which the sum of terms up to k exceeds u; ratio(k, i) is term k over k - 1."""
    if not isinstance(u, np.ndarray) or u.ndim != 1:
        return _invert_all(u, term, ratio)
    k = np.zeros(u.shape)
    left = u - term
    active = np.flatnonzero(left >= 0)
    left, term = left[active], term[active]
    for count in range(1, 200):  # far above the last term that changes a sum
        if not active.size:
            break
        k[active] = count
        term = term * ratio(count, active)
        left = left - term
        more = np.flatnonzero(left >= 0)
        active, left, term = active[more], left[more], term[more]
    return k


def _invert_all(u: Any, term: Any, ratio: Any) -> Any:
    """The same for tracers: a loop, which is short in C too."""

    def step(state: Any) -> Any:
        count, k, term, left = state
        more, term = left >= 0, term * ratio(count, ...)
        return count + 1, np.where(more, count, k), term, np.where(more, left - term, left)

    more = lambda state: np.any(state[3] >= 0) & (state[0] < 200)
    start = np.ones((), dtype_of(u)), np.zeros_like(u), term, u - term
    return while_loop(more, step, start)[1]


def _ptrs(u: Any, v: Any, rate: Any) -> tuple[Any, Any]:
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    u = u - 0.5
    edge = 0.5 - np.abs(u)
    k = np.floor((2 * a / edge + b) * u + rate + 0.43)
    accepted = (edge >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
    unsure = ~accepted & (k >= 0) & ((edge >= 0.013) | (v <= edge))

    def is_below(a: Any, b: Any, edge: Any, v: Any, k: Any, rate: Any) -> Any:
        height = v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (edge * edge) + b)
        return np.log(height) <= log_poisson(k, rate)

    return k, masked_update(accepted, unsure, is_below, a, b, edge, v, k, rate)


def _btrs(u: Any, v: Any, n: Any, p: Any) -> tuple[Any, Any]:
    """Proposals, and whether they are accepted, for p <= 1/2."""
    spread = np.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    u = u - 0.5
    edge = 0.5 - np.abs(u)
    k = np.floor((2 * a / edge + b) * u + n * p + 0.5)
    accepted = (edge >= 0.07) & (v <= 0.92 - 4.2 / b)
    unsure = ~accepted & (k >= 0) & (k <= n)

    def is_below(a: Any, b: Any, edge: Any, v: Any, k: Any, n: Any, p: Any, spread: Any) -> Any:
        height = v * (2.83 + 5.1 / b) * spread / (a / (edge * edge) + b)
        mode = np.floor((n + 1) * p)
        return np.log(height) <= _log_binomial(k, n, p) - _log_binomial(mode, n, p)

    return k, masked_update(accepted, unsure, is_below, a, b, edge, v, k, n, p, spread)


def log_poisson(k: Any, mean: Any) -> Any:
    """log(mean**k exp(-mean) / k!)."""
    small = np.where(k > 0, np.minimum(k, 7), 0)
    y = k * np.log(mean) - mean - np.interp(small, range(8), LOG_FACTORIALS)

    def large(k: Any, mean: Any) -> Any:
        return k * log1pmx((mean - k) / k) - 0.5 * np.log(2 * math.pi * k) - stirling(k)

    return masked_update(y, k >= 8, large, k, mean)


def _log_binomial(k: Any, n: Any, p: Any) -> Any:
    """Logarithm of the probability of k, up to a constant that depends on n only.

    Two independent Poisson variables, given that their sum is n, are binomial.
    """
    return log_poisson(k, n * p) + log_poisson(n - k, n * (1 - p))


LOG_FACTORIALS = np.array([math.lgamma(k + 1) for k in range(8)])

poisson_p = Poisson("random_poisson")
binomial_p = Binomial("random_binomial")
geometric_p = Geometric("random_geometric")


def _sample(prim: Rejection, who: str, key: Key, shape: Any, dtype: np.dtype, **params: Any) -> Any:
    shape = common_shape(who, shape, **params)
    rows = [broadcast_to(p, shape) for p in params.values()]
    return prim(check_single(who, key).data, *rows, shape=shape, dtype=dtype, impl=key.impl)


@answering
def poisson(key: Key, lam: Any, shape: ShapeLike | None = None, dtype: Any = np.int32) -> Any:
    """Samples from the Poisson distribution.

    Args:
        key: a single key.
        lam: mean, nonnegative; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``lam``.
        dtype: a signed integer dtype.

    Raises:
        RangeError: if ``lam`` is negative, or too large for the dtype. Under ``jit`` the samples
            are then -1, or the largest integer.

    Source: Hörmann 1993, algorithm PTRS, from ``lam`` 10 on; inversion below.

    >>> from funcgrad.random import key
    >>> print(poisson(key(0), np.array([0.0, 3.0, 1e6])))
    [      0       2 1000282]
    """
    who, dtype = "random.poisson", _signed("random.poisson", dtype)
    lam = parameter(who, "lam", lam, F64, "nonnegative")
    rate, largest = known(lam), np.iinfo(dtype).max
    if rate is not None and np.any(rate + 10 * np.sqrt(rate) > largest):
        raise RangeError(f"{who}: the samples must fit {dtype}: got lam {rate}; pass a wider dtype")
    return _sample(poisson_p, who, key, shape, dtype, lam=lam)


@answering
def binomial(
    key: Key, n: Any, p: Any, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Samples from the binomial distribution: successes in ``n`` independent trials.

    Args:
        key: a single key.
        n: number of trials, a nonnegative integer; it broadcasts to ``shape``, as ``p`` does.
        p: probability of a success, in [0, 1].
        shape: shape of the result; by default that of the parameters, broadcast.
        dtype: floating, as in JAX, or a signed integer dtype; float32 is exact up to 2**24.

    Raises:
        RangeError: if ``n`` is not a nonnegative integer, or ``p`` not in [0, 1]. Under ``jit``
            the samples are then nan, as an integer -1.

    Source: Hörmann 1993, algorithm BTRS, from n min(p, 1-p) = 10 on; inversion below.

    >>> from funcgrad.random import key
    >>> print(binomial(key(0), 10, np.array([0.0, 0.5, 1.0])))
    [ 0.  4. 10.]
    """
    who = "random.binomial"
    n = parameter(who, "n", n, F64, "a nonnegative integer")
    p = parameter(who, "p", p, F64, "in [0, 1]")
    return _sample(binomial_p, who, key, shape, _count_dtype(who, dtype), n=n, p=p)


@answering
def geometric(key: Key, p: Any, shape: ShapeLike | None = None, dtype: Any = np.int32) -> Any:
    """Samples from the geometric distribution: trials up to the first success.

    Args:
        key: a single key.
        p: probability of a success, in (0, 1]; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``p``.
        dtype: a signed integer dtype; larger samples become its largest integer.

    Raises:
        RangeError: if ``p`` is not in (0, 1].

    >>> from funcgrad.random import key
    >>> print(geometric(key(0), np.array([0.01, 0.5, 1.0])))
    [52  2  1]
    """
    who = "random.geometric"
    p = parameter(who, "p", p, F64, "in (0, 1]")
    return _sample(geometric_p, who, key, shape, _signed(who, dtype), p=p)


@answering
def multinomial(
    key: Key, n: Any, p: Any, *, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Samples from the multinomial distribution: counts of ``n`` trials per category.

    Args:
        key: a single key.
        n: number of trials, a nonnegative integer; it broadcasts to the result without its last
            axis.
        p: weights of the categories, shape [..., K], not necessarily normalized.
        shape: shape of the result, with K; by default that of ``p``.
        dtype: floating, as in JAX, or a signed integer dtype.

    Each count is binomial among the remaining trials: the conditional method of Davis 1993,
    "The computer generation of multinomial random variates".

    >>> from funcgrad.random import key
    >>> print(multinomial(key(0), 10, np.array([0.0, 0.5, 0.5])))
    [0. 5. 5.]
    """
    who = "random.multinomial"
    key, dtype = check_single(who, key), _count_dtype(who, dtype)
    n = parameter(who, "n", n, F64, "a nonnegative integer")
    p = parameter(who, "p", at_least_one_axis(who, "p", asarray(p)), F64, "nonnegative")
    shape = shape_of(p) if shape is None else as_shape(who, shape)
    check_broadcast(who, shape, p=p)
    check_broadcast(who, shape[:-1], n=n)
    p, left = broadcast_to(p, shape), broadcast_to(n, shape[:-1])
    rest = cumsum_p(p, axis=len(shape) - 1, reverse=True)
    ratios = clip(div(p, where(eq(rest, 0), 1.0, rest)), 0.0, 1.0)
    counts = []
    for i, subkey in enumerate(split(key, shape[-1])):
        counts.append(_sample(binomial_p, who, subkey, shape[:-1], F64, n=left, p=ratios[..., i]))
        left = sub(left, counts[-1])
    return cast(np.stack(counts, -1) if counts else np.zeros(shape), dtype)


@answering
def rademacher(key: Key, shape: ShapeLike = (), dtype: Any = np.int32) -> Any:
    """Random signs, -1 or 1 with equal probability.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a signed integer dtype, or floating.

    >>> from funcgrad.random import key
    >>> print(rademacher(key(0), (4,)))
    [ 1  1 -1  1]
    """
    who = "random.rademacher"
    dtype = _count_dtype(who, np.int32 if dtype is None else dtype)
    heads = cast(bernoulli(check_single(who, key), 0.5, as_shape(who, shape)), dtype)
    return sub(mul(heads, 2), 1)


def _signed(who: str, dtype: Any) -> np.dtype:
    dtype = np.dtype(np.int32 if dtype is None else dtype)
    if dtype.kind != "i":
        raise DtypeError(f"{who}: the dtype must be a signed integer dtype: got {dtype}")
    return dtype


def _count_dtype(who: str, dtype: Any) -> np.dtype:
    return np.dtype(dtype) if np.dtype(dtype or "f4").kind == "i" else floating(who, dtype)
