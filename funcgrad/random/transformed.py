"""Distributions that are functions of uniform, exponential and normal samples.

The samples are differentiable in their parameters. Where JAX has the same formula,
``threefry2x32`` gives JAX's samples up to the last bits.
"""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..ops.compare import lt
from ..ops.elementwise import (
    abs as abs_of,
    add,
    div,
    exp,
    log,
    log1p,
    mul,
    neg,
    pow,
    sign,
    sqrt,
    square,
    sub,
    tan,
    where,
)
from ..ops.normal import erfcx
from ..ops.special import erfinv_of
from ..ops.structure import broadcast_to, expand_dims, sum_p
from .arguments import ShapeLike, as_shape, check_order, common_shape, floating, parameter
from .discrete import rademacher
from .draws import between, exponential, matches_jax, normal, tail, uniform
from .gammas import loggamma
from .keys import Key, check_single, split
from .rejection import Reparametrized
from .tails import cauchy_p, laplace_p, logistic_p


class Wald(Reparametrized):
    """Samples from the Wald distribution: one of the two roots mean q and mean / q."""

    at_once = True

    @override
    def attempt(self, u: Any, v: Any, mean: Any) -> tuple[Any, Any]:
        half = np.square(erfinv_of(2 * u - 1)) * mean  # mean x² / 2 for a normal x
        q = 1 / (1 + half + np.sqrt(half * (half + 2)))  # the smaller root, without cancellation
        y = mean * np.where(v <= 1 / (1 + q), q, 1 / q)
        return np.where(mean > 0, y, np.nan), np.ones(u.shape, bool)

    @override
    def slope(self, a: Any, y: Any) -> Any:
        # dP/da = -2/a² exp(2/a) Phi(-s), p(y) = exp(2/a) phi(s) / y**1.5, s = (y/a + 1) / sqrt(y)
        root = sqrt(y)
        mills = mul(
            math.sqrt(math.pi / 2), erfcx(div(add(div(y, a), 1.0), mul(root, math.sqrt(2))))
        )
        return mul(mul(2.0, square(div(root, a))), mul(root, mills))


wald_p = Wald("random_wald")


def _within(who: str, key: Key, shape: ShapeLike, dtype: np.dtype, low: Any, high: Any) -> Any:
    """Uniform numbers in [low, high)."""
    bounds = dtype.type(low), dtype.type(high)
    return between(check_single(who, key), as_shape(who, shape), dtype, *bounds)


@answering
def laplace(key: Key, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Samples from the Laplace distribution with density exp(-abs(x)) / 2.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> print(laplace(key(0), (2,)).round(3))
    [2.667 3.768]
    """
    who = "random.laplace"
    dtype = floating(who, dtype)
    if not matches_jax(check_single(who, key)):
        return tail(laplace_p, check_single(who, key), as_shape(who, shape), dtype)
    u = _within(who, key, shape, dtype, float(np.finfo(dtype).epsneg) - 1, 1.0)
    return mul(sign(u), log1p(neg(abs_of(u))))


@answering
def logistic(key: Key, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Samples from the logistic distribution with cumulative distribution function expit.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> print(logistic(key(0), (2,)).round(3))
    [-3.324 -4.45 ]
    """
    who = "random.logistic"
    dtype = floating(who, dtype)
    if not matches_jax(check_single(who, key)):
        return tail(logistic_p, check_single(who, key), as_shape(who, shape), dtype)
    u = _within(who, key, shape, dtype, float(np.finfo(dtype).tiny), 1.0)
    return sub(log(u), log1p(neg(u)))


@answering
def cauchy(key: Key, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Samples from the Cauchy distribution with density 1 / (pi (1 + x²)).

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> print(cauchy(key(0), (2,)).round(1))
    [ -9.1 -27.6]
    """
    who = "random.cauchy"
    dtype = floating(who, dtype)
    if not matches_jax(check_single(who, key)):
        return tail(cauchy_p, check_single(who, key), as_shape(who, shape), dtype)
    u = _within(who, key, shape, dtype, float(np.finfo(dtype).eps), 1.0)
    return tan(mul(math.pi, sub(u, 0.5)))


@answering
def pareto(key: Key, b: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the Pareto distribution with density b / x**(b+1) above 1.

    Args:
        key: a single key.
        b: positive; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``b``.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> bool(np.all(pareto(key(0), 2.0, (100,)) >= 1))
    True
    """
    who, dtype = "random.pareto", floating("random.pareto", dtype)
    b = parameter(who, "b", b, dtype, "positive")
    shape = common_shape(who, shape, b=b)
    return exp(div(exponential(check_single(who, key), shape, dtype), b))


@answering
def weibull_min(
    key: Key,
    scale: Any,
    concentration: Any,
    shape: ShapeLike | None = None,
    dtype: Any = np.float32,
) -> Any:
    """Samples from the Weibull distribution: scale e**(1 / concentration), e exponential.

    Args:
        key: a single key.
        scale: nonnegative; it broadcasts to ``shape``, as ``concentration`` does.
        concentration: positive.
        shape: shape of the result; by default that of the parameters, broadcast.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> weibull_min(key(0), 2.0, 1.0, (10000,)).mean().round(1)
    np.float32(2.0)
    """
    who, dtype = "random.weibull_min", floating("random.weibull_min", dtype)
    scale = parameter(who, "scale", scale, dtype, "nonnegative")
    power = parameter(who, "concentration", concentration, dtype, "positive")
    shape = common_shape(who, shape, scale=scale, concentration=power)
    return mul(scale, pow(exponential(check_single(who, key), shape, dtype), div(1.0, power)))


@answering
def rayleigh(key: Key, scale: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the Rayleigh distribution: norms of two normal numbers.

    Args:
        key: a single key.
        scale: standard deviation of the normal numbers, nonnegative; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``scale``.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> np.square(rayleigh(key(0), 1.0, (10000,))).mean().round(1)
    np.float32(2.0)
    """
    who, dtype = "random.rayleigh", floating("random.rayleigh", dtype)
    scale = parameter(who, "scale", scale, dtype, "nonnegative")
    shape = common_shape(who, shape, scale=scale)
    return mul(scale, sqrt(mul(exponential(check_single(who, key), shape, dtype), 2.0)))


def maxwell(key: Key, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Samples from the Maxwell distribution: norms of three standard normal numbers.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> np.square(maxwell(key(0), (10000,))).mean().round(1)
    np.float32(3.0)
    """
    who = "random.maxwell"
    shape, dtype = as_shape(who, shape), floating(who, dtype)
    vectors = normal(check_single(who, key), (*shape, 3), dtype)
    return sqrt(sum_p(square(vectors), axes=(len(shape),)))


def double_sided_maxwell(
    key: Key, loc: Any, scale: Any, shape: ShapeLike = (), dtype: Any = np.float32
) -> Any:
    """Samples loc + scale x, where x is a sample of ``maxwell`` with a random sign.

    Args:
        key: a single key.
        loc: center; it broadcasts against ``scale``.
        scale: nonnegative.
        shape: leading axes, before those of the parameters.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> double_sided_maxwell(key(0), np.zeros(3), 1.0, (2,)).shape
    (2, 3)
    """
    who = "random.double_sided_maxwell"
    dtype = floating(who, dtype)
    loc = parameter(who, "loc", loc, dtype)
    scale = parameter(who, "scale", scale, dtype, "nonnegative")
    shape = (*as_shape(who, shape), *common_shape(who, None, loc=loc, scale=scale))
    k_size, k_sign = split(check_single(who, key))
    x = mul(rademacher(k_sign, shape, dtype), maxwell(k_size, shape, dtype))
    return add(mul(x, scale), loc)


@answering
def lognormal(
    key: Key, sigma: Any = 1.0, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Samples from the log-normal distribution: exp(sigma x), x standard normal.

    Args:
        key: a single key.
        sigma: standard deviation of the logarithm, nonnegative; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``sigma``.
        dtype: float16, float32 or float64.

    >>> from funcgrad.random import key
    >>> np.median(lognormal(key(0), 0.5, (10000,))).round(1)
    np.float32(1.0)
    """
    who, dtype = "random.lognormal", floating("random.lognormal", dtype)
    sigma = parameter(who, "sigma", sigma, dtype, "nonnegative")
    shape = common_shape(who, shape, sigma=sigma)
    return exp(mul(normal(check_single(who, key), shape, dtype), sigma))


@answering
def triangular(
    key: Key,
    left: Any,
    mode: Any,
    right: Any,
    shape: ShapeLike | None = None,
    dtype: Any = np.float32,
) -> Any:
    """Samples from the triangular distribution.

    Args:
        key: a single key.
        left: lower bound; the parameters broadcast to ``shape``.
        mode: point of the largest density.
        right: upper bound, above ``left``.
        shape: shape of the result; by default that of the parameters, broadcast.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if the parameters are not in order.

    >>> from funcgrad.random import key
    >>> triangular(key(0), 0.0, 1.0, 2.0, (10000,)).mean().round(1)
    np.float32(1.0)
    """
    who, dtype = "random.triangular", floating("random.triangular", dtype)
    given = {"left": left, "mode": mode, "right": right}
    left, mode, right = (parameter(who, name, x, dtype) for name, x in given.items())
    check_order(who, "left", left, "mode", mode)
    check_order(who, "mode", mode, "right", right)
    shape = common_shape(who, shape, left=left, mode=mode, right=right)
    u = uniform(check_single(who, key), shape, dtype)
    width, before, after = sub(right, left), sub(mode, left), sub(right, mode)
    rising = lt(mul(u, width), before)
    # the root of the branch not taken is that of 1: its derivative must be finite
    up = where(rising, mul(mul(u, width), before), 1.0)
    down = where(rising, 1.0, mul(mul(sub(1.0, u), width), after))
    return where(rising, add(left, _root(up)), sub(right, _root(down)))


def _root(x: Any) -> Any:
    """Square root of x >= 0, with a derivative of 0 at 0."""
    some = lt(0.0, x)
    return where(some, sqrt(where(some, x, 1.0)), 0.0)


def wald(key: Key, mean: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the Wald (inverse Gaussian) distribution with scale parameter 1.

    Args:
        key: a single key.
        mean: positive; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``mean``.
        dtype: float16, float32 or float64.

    The samples are differentiable in ``mean``.

    Source: Michael, Schucany & Haas 1976, "Generating random variates using transformations with
    multiple roots".

    >>> from funcgrad.random import key
    >>> wald(key(0), 2.0, (100000,)).mean().round(1)
    np.float32(2.0)
    """
    who, dtype = "random.wald", floating("random.wald", dtype)
    mean = parameter(who, "mean", mean, dtype, "positive")
    shape = common_shape(who, shape, mean=mean)
    mean = broadcast_to(mean, shape)
    return wald_p(check_single(who, key).data, mean, shape=shape, dtype=dtype, impl=key.impl)


def generalized_normal(
    key: Key, p: Any, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Samples from the generalized normal distribution, with density ~ exp(-abs(x)**p).

    Args:
        key: a single key.
        p: positive; 1 gives the Laplace distribution, 2 the normal one with variance 1/2.
        shape: shape of the result, to which ``p`` broadcasts; by default that of ``p``.
        dtype: float16, float32 or float64.

    The samples are differentiable in ``p``.

    >>> from funcgrad.random import key
    >>> np.square(generalized_normal(key(0), 2.0, (10000,))).mean().round(1)
    np.float32(0.5)
    """
    who, dtype = "random.generalized_normal", floating("random.generalized_normal", dtype)
    p = parameter(who, "p", p, dtype, "positive")
    shape = common_shape(who, shape, p=p)
    k_size, k_sign = split(check_single(who, key))
    size = exp(div(loggamma(k_size, div(1.0, p), shape, dtype), p))
    return mul(rademacher(k_sign, shape, dtype), size)


def ball(key: Key, d: int, p: Any = 2, shape: ShapeLike = (), dtype: Any = np.float32) -> Any:
    """Uniform samples from the unit ball of the norm sum(abs(x)**p)**(1/p).

    Args:
        key: a single key.
        d: int, dimension.
        p: positive scalar.
        shape: shape of the result without its last axis, d.
        dtype: float16, float32 or float64.

    Source: Barthe et al. 2005, "A probabilistic approach to the geometry of the l_p^n-ball",
    theorem 1 (arXiv:math/0503650).

    >>> from funcgrad.random import key
    >>> x = ball(key(0), 3, shape=(1000,))
    >>> x.shape, bool(np.all(np.linalg.norm(x, axis=-1) <= 1))
    ((1000, 3), True)
    """
    who, dtype = "random.ball", floating("random.ball", dtype)
    (d,), shape = as_shape(who, d), as_shape(who, shape)
    p = parameter(who, "p", p, dtype, "positive")
    if shape_of(p):
        raise ShapeError(f"{who}: p must be a scalar: got {aval_of(p)}")
    k_point, k_rest = split(check_single(who, key))
    point = generalized_normal(k_point, p, (*shape, d), dtype)
    sizes = sum_p(pow(abs_of(point), p), axes=(len(shape),))
    total = pow(add(sizes, exponential(k_rest, shape, dtype)), div(1.0, p))
    return div(point, expand_dims(total, (len(shape),)))
