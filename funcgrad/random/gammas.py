"""The gamma distribution and those made of it, differentiable in their parameters.

A number is drawn by Marsaglia & Tsang 2000, "A simple method for generating gamma variables" (ACM
TOMS 26): d (1 + c x)**3 for a normal x, accepted nearly always. For a < 1 the draw of a + 1 is
multiplied by u**(1/a), of which float32 has no more than the logarithm when ``a`` is small.

The derivative in ``a`` is implicit: moving ``a`` at a fixed value of the distribution function P
moves the number x by -(dP/da) / p(x) (Figurnov et al. 2018, equation 5, arXiv:1805.08498).
"""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import dtype_of, shape_of
from ..ops.compare import gt, lt
from ..ops.elementwise import add, div, exp, log as log_of, maximum, mul, neg, sub, where
from ..ops.gamma import digamma
from ..ops.incomplete import gamma_density, gammainc_slope
from ..ops.kernels import BLOCK
from ..ops.logarithms import log1pmx
from ..ops.operand import asarray
from ..ops.special import erfinv
from ..ops.structure import broadcast_to, cast
from ..special.exponentials import softmax
from .arguments import UNSIGNED, ShapeLike, at_least_one_axis, common_shape, floating, parameter
from .draws import normal
from .generator import Generator
from .keys import Key, single, split
from .rejection import Reparametrised


class Gamma(Reparametrised):
    """Numbers of the gamma distribution of shape parameter ``a``, or their logarithms."""

    @override
    def working(self, dtype: np.dtype) -> np.dtype:
        return np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)

    @override
    def attempt(self, u: Any, v: Any, a: Any, *, log: bool) -> tuple[Any, Any]:
        a = a[:1] if not a.strides[0] else a
        d = np.where(a < 1, a + 1, a) - u.dtype.type(1 / 3)
        c = 1 / (3 * np.sqrt(d))
        x = erfinv.function(2 * u - 1) * u.dtype.type(math.sqrt(2))
        w = 1 + c * x
        square = x * x
        accepted = (v < 1 - u.dtype.type(0.0331) * square * square) & (w > 0)
        unsure = np.flatnonzero(~accepted & (w > 0))
        accepted[unsure] = _exact(*(np.broadcast_to(z, x.shape)[unsure] for z in (v, x, c, d)))
        y = np.log(d) + 3 * np.log(w) if log else d * (w * w * w)
        return y, accepted | ~(a >= 0)

    @override
    def finish(
        self, out: Any, generator: Generator, keys: Any, params: list[Any], *, log: bool
    ) -> None:
        (a,) = params
        if not np.any((a[:1] if not a.strides[0] else a) < 1):
            return
        n = out.size // len(keys)
        streams = generator.fold_in(keys, np.zeros(len(keys), np.uint64))
        words = generator.bits(streams, n, UNSIGNED[out.itemsize]).reshape(-1)
        for i in range(0, out.size, BLOCK):
            block = slice(i, i + BLOCK)
            part = a[block].astype(out.dtype)
            less = np.where(part < 1, _log_of(words[block], out.dtype) / part, 0)
            out[block] = out[block] + less if log else out[block] * np.exp(less)

    @override
    def slope(self, a: Any, y: Any, *, log: bool) -> Any:
        dtype = dtype_of(y)
        a, y = cast(a, np.float64), cast(y, np.float64)
        if log:
            return cast(_log_slope(a, exp(y), y), dtype)
        some = gt(y, 0)
        x = where(some, y, 1.0)
        return cast(where(some, mul(x, _log_slope(a, x, log_of(x))), 0.0), dtype)


def _log_of(words: Any, dtype: np.dtype) -> Any:
    """Return the logarithms of uniform numbers, of small ones with all digits."""
    u = words.astype(dtype)
    u += dtype.type(0.5)
    return np.log(u * dtype.type(2.0 ** (-8 * words.itemsize)))


def _exact(v: Any, x: Any, c: Any, d: Any) -> Any:
    """Return whether log(v) < x²/2 + d (1 - w³ + 3 log(w)), w = 1 + c x, where terms cancel."""
    v, x, c, d = (z.astype(np.float64) for z in (v, x, c, d))
    s = c * x
    return np.log(v) < 0.5 * x * x + d * (3 * log1pmx(s) - s * s * (3 + s))


def _log_slope(a: Any, x: Any, log_x: Any) -> Any:
    """Return the derivative of log(x) in ``a`` where P(a, x) stays the same."""
    tiny = lt(x, 1e-17)  # P is x**a / gamma(a + 1), also where x is no number of float64
    safe = where(tiny, 1.0, x)
    ratio = neg(div(gammainc_slope(1, a, safe), mul(gamma_density(a, safe), safe)))
    return where(tiny, div(sub(digamma(add(a, 1.0)), log_x), a), ratio)


gamma_p = Gamma("random_gamma")


def _draw(who: str, key: Key, a: Any, shape: Any, dtype: Any, log: bool) -> Any:
    key, dtype = single(who, key), floating(who, dtype)
    shape = common_shape(who, shape, a=a)
    a = broadcast_to(a, shape)
    return gamma_p(key.data, a, shape=shape, dtype=dtype, impl=key.impl, log=log)


def gamma(key: Key, a: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Return numbers of the gamma distribution with shape parameter ``a`` and scale 1.

    Args:
        key: a single key.
        a: not negative, its mean; it broadcasts to ``shape``; 0 gives 0.
        shape: the shape of the result; that of ``a`` unless given.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if ``a`` is negative.

    The result is differentiable in ``a``. For small ``a`` most draws are too small for float32,
    and are 0; see ``loggamma``.

    Source: Marsaglia & Tsang 2000; Figurnov et al. 2018 (arXiv:1805.08498) for the derivative.

    >>> from funcgrad.random import key
    >>> gamma(key(0), 3.0, (10000,)).mean().round(1)
    np.float32(3.0)
    """
    who = "random.gamma"
    a = parameter(who, "a", a, floating(who, dtype), "not negative")
    return _draw(who, key, a, shape, dtype, False)


def loggamma(key: Key, a: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Return logarithms of gamma distributed numbers, those that ``gamma`` draws of the key.

    Args:
        key: a single key.
        a: not negative; it broadcasts to ``shape``; 0 gives -inf.
        shape: the shape of the result; that of ``a`` unless given.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if ``a`` is negative.

    The result is differentiable in ``a``, and finite also where the number itself would be 0.

    >>> from funcgrad.random import key
    >>> bool(np.isfinite(loggamma(key(0), 1e-3, (1000,))).all())
    True
    """
    who = "random.loggamma"
    a = parameter(who, "a", a, floating(who, dtype), "not negative")
    return _draw(who, key, a, shape, dtype, True)


def chisquare(key: Key, df: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Return numbers of the chi-square distribution: sums of ``df`` squares of normal numbers.

    Args:
        key: a single key.
        df: degrees of freedom, not negative; it broadcasts to ``shape``.
        shape: the shape of the result; that of ``df`` unless given.
        dtype: float16, float32 or float64.

    The result is differentiable in ``df``.

    >>> from funcgrad.random import key
    >>> chisquare(key(0), 4.0, (10000,)).mean().round(1)
    np.float32(4.0)
    """
    who = "random.chisquare"
    df = parameter(who, "df", df, floating(who, dtype), "not negative")
    return mul(_draw(who, key, mul(df, 0.5), common_shape(who, shape, df=df), dtype, False), 2.0)


def f(
    key: Key, dfnum: Any, dfden: Any, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Return numbers of Fisher's F distribution: quotients of two mean chi-squares.

    Args:
        key: a single key.
        dfnum: degrees of freedom above, positive.
        dfden: degrees of freedom below, positive.
        shape: the shape of the result; that of both parameters together unless given.
        dtype: float16, float32 or float64.

    The result is differentiable in both parameters.

    >>> from funcgrad.random import key
    >>> print(f(key(0), 3.0, np.array([5.0, 10.0]), (2, 2)).shape)
    (2, 2)
    """
    who, dtype = "random.f", floating("random.f", dtype)
    above = parameter(who, "dfnum", dfnum, dtype, "positive")
    below = parameter(who, "dfden", dfden, dtype, "positive")
    shape = common_shape(who, shape, dfnum=above, dfden=below)
    k_below, k_above = split(single(who, key))
    logs = [
        sub(_draw(who, k, mul(df, 0.5), shape, dtype, True), log_of(mul(df, 0.5)))
        for k, df in ((k_above, above), (k_below, below))
    ]
    return exp(sub(*logs))


def t(key: Key, df: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Return numbers of Student's t distribution.

    Args:
        key: a single key.
        df: degrees of freedom, positive; it broadcasts to ``shape``.
        shape: the shape of the result; that of ``df`` unless given.
        dtype: float16, float32 or float64.

    The result is differentiable in ``df``.

    >>> from funcgrad.random import key
    >>> print(t(key(0), 3.0, (2, 2)).shape)
    (2, 2)
    """
    who, dtype = "random.t", floating("random.t", dtype)
    half = mul(parameter(who, "df", df, dtype, "positive"), 0.5)
    shape = common_shape(who, shape, df=half)
    k_above, k_below = split(single(who, key))
    # in logarithms, for the gamma number of a small df may be 0
    ratio = sub(log_of(half), _draw(who, k_below, half, shape, dtype, True))
    return mul(normal(k_above, shape, dtype), exp(mul(ratio, 0.5)))


def beta(key: Key, a: Any, b: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Return numbers of the beta distribution: x / (x + y) for gamma numbers x and y.

    Args:
        key: a single key.
        a: positive; it broadcasts to ``shape``, as ``b`` does.
        b: positive.
        shape: the shape of the result; that of both parameters together unless given.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if a parameter is not positive.

    The result is differentiable in ``a`` and ``b``.

    >>> from funcgrad.random import key
    >>> beta(key(0), 1.0, 3.0, (10000,)).mean().round(2)
    np.float32(0.25)
    """
    who, dtype = "random.beta", floating("random.beta", dtype)
    a = parameter(who, "a", a, dtype, "positive")
    b = parameter(who, "b", b, dtype, "positive")
    shape = common_shape(who, shape, a=a, b=b)
    k_a, k_b = split(single(who, key))
    x = _draw(who, k_a, a, shape, dtype, True)
    y = _draw(who, k_b, b, shape, dtype, True)
    top = maximum(x, y)
    x, y = exp(sub(x, top)), exp(sub(y, top))
    return div(x, add(x, y))


def dirichlet(key: Key, alpha: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Return probabilities of the Dirichlet distribution: gamma numbers over their sum.

    Args:
        key: a single key.
        alpha: concentrations, positive, shape [..., n].
        shape: the shape of the result without its last axis, n; that of ``alpha`` unless given.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if a concentration is not positive.

    The result is differentiable in ``alpha``.

    >>> from funcgrad.random import key
    >>> p = dirichlet(key(0), np.ones(3), (4,))
    >>> print(p.shape, p.sum(-1).round(6))
    (4, 3) [1. 1. 1. 1.]
    """
    who, dtype = "random.dirichlet", floating("random.dirichlet", dtype)
    alpha = at_least_one_axis(who, "alpha", asarray(alpha))
    alpha = parameter(who, "alpha", alpha, dtype, "positive")
    *batch, n = shape_of(alpha)
    lead = common_shape(who, shape, alpha=np.empty(batch, bool))
    logs = _draw(who, key, alpha, (*lead, n), dtype, True)
    return softmax(logs, axis=-1) if n else logs
