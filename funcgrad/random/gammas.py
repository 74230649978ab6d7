"""The gamma distribution and those derived from it, differentiable in their parameters.

The method is Marsaglia & Tsang 2000, "A simple method for generating gamma variables" (ACM TOMS
26): d (1 + c x)**3 for a normal x, nearly always accepted. For a < 1 the sample of a + 1 is
multiplied by u**(1/a), which underflows float32 for small ``a``, but whose logarithm does not.

The derivative in ``a`` is implicit: at a fixed value of the distribution function P,
dx/da = -(dP/da) / p(x) (Figurnov et al. 2018, equation 5, arXiv:1805.08498).
"""

import math
from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import dtype_of, shape_of
from ..core.lazy import answering
from ..ops.compare import gt, lt
from ..ops.elementwise import add, div, exp, log as log_of, maximum, mul, neg, sub, where
from ..ops.gamma import digamma
from ..ops.incomplete import gamma_density, gammainc_slope
from ..ops.kernels import BLOCK, masked_update
from ..ops.logarithms import log1pmx
from ..ops.operand import asarray
from ..ops.special import erfinv_of
from ..ops.structure import broadcast_to, cast
from ..special.exponentials import softmax
from .arguments import UNSIGNED, ShapeLike, at_least_one_axis, common_shape, floating, parameter
from .draws import normal
from .generator import Generator
from .keys import Key, check_single, split
from .primitives import bits_p, fold_in_p
from .rejection import Reparametrized


class Gamma(Reparametrized):
    """Samples from the gamma distribution with shape parameter ``a``, or their logarithms."""

    @override
    def working(self, dtype: np.dtype) -> np.dtype:
        return np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)

    @override
    def attempt(self, u: Any, v: Any, a: Any, *, log: bool) -> tuple[Any, Any]:
        if isinstance(a, np.ndarray) and not a.strides[-1]:
            a = a[:1]
        d = np.where(a < 1, a + 1, a) - u.dtype.type(1 / 3)
        c = 1 / (3 * np.sqrt(d))
        x = erfinv_of(2 * u - 1) * u.dtype.type(math.sqrt(2))
        w = 1 + c * x
        square = x * x
        accepted = (v < 1 - u.dtype.type(0.0331) * square * square) & (w > 0)
        terms = [z if z.shape == x.shape else np.broadcast_to(z, x.shape) for z in (v, x, c, d)]
        accepted = masked_update(accepted, ~accepted & (w > 0), _exact, *terms)
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
    def finished(self, out: Any, keys: Any, params: list[Any], impl: str, *, log: bool) -> Any:
        (a,), kind = params, dtype_of(out)
        stream = fold_in_p(keys, np.zeros((), np.uint64), impl=impl)
        unsigned = UNSIGNED[kind.itemsize]
        words = bits_p(stream, shape=shape_of(out)[-1:], dtype=unsigned, impl=impl)
        u = (cast(words, kind) + kind.type(0.5)) * kind.type(2.0 ** (-8 * kind.itemsize))
        less = where(lt(a, 1), div(log_of(u), a), 0)
        return add(out, less) if log else mul(out, exp(less))

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
    """Logarithms of uniform numbers, accurate also for small ones."""
    u = words.astype(dtype)
    u += dtype.type(0.5)
    return np.log(u * dtype.type(2.0 ** (-8 * words.itemsize)))


def _exact(v: Any, x: Any, c: Any, d: Any) -> Any:
    """Whether log(v) < x²/2 + d (1 - w³ + 3 log(w)), w = 1 + c x, without cancellation."""
    v, x, c, d = (z.astype(np.float64) for z in (v, x, c, d))
    s = c * x
    return np.log(v) < 0.5 * x * x + d * (3 * log1pmx(s) - s * s * (3 + s))


def _log_slope(a: Any, x: Any, log_x: Any) -> Any:
    """Derivative of log(x) in ``a`` at constant P(a, x)."""
    tiny = lt(x, 1e-17)  # P is x**a / gamma(a + 1), also where x underflows float64
    safe = where(tiny, 1.0, x)
    ratio = neg(div(gammainc_slope(1, a, safe), mul(gamma_density(a, safe), safe)))
    return where(tiny, div(sub(digamma(add(a, 1.0)), log_x), a), ratio)


gamma_p = Gamma("random_gamma")


def _draw(who: str, key: Key, a: Any, shape: Any, dtype: Any, log: bool) -> Any:
    key, dtype = check_single(who, key), floating(who, dtype)
    shape = common_shape(who, shape, a=a)
    a = broadcast_to(a, shape)
    return gamma_p(key.data, a, shape=shape, dtype=dtype, impl=key.impl, log=log)


@answering
def gamma(key: Key, a: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the gamma distribution with shape parameter ``a`` and scale 1.

    Args:
        key: a single key.
        a: nonnegative, the mean; it broadcasts to ``shape``; 0 gives 0.
        shape: shape of the result; by default that of ``a``.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if ``a`` is negative.

    The samples are differentiable in ``a``. For small ``a`` most samples underflow to 0; see
    ``loggamma``.

    Source: Marsaglia & Tsang 2000; Figurnov et al. 2018 (arXiv:1805.08498) for the derivative.

    >>> from funcgrad.random import key
    >>> gamma(key(0), 3.0, (10000,)).mean().round(1)
    np.float32(3.0)
    """
    who = "random.gamma"
    a = parameter(who, "a", a, floating(who, dtype), "nonnegative")
    return _draw(who, key, a, shape, dtype, False)


@answering
def loggamma(key: Key, a: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Logarithms of the samples that ``gamma`` draws with the same key.

    Args:
        key: a single key.
        a: nonnegative; it broadcasts to ``shape``; 0 gives -inf.
        shape: shape of the result; by default that of ``a``.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if ``a`` is negative.

    The samples are differentiable in ``a``, and finite where those of ``gamma`` underflow.

    >>> from funcgrad.random import key
    >>> bool(np.isfinite(loggamma(key(0), 1e-3, (1000,))).all())
    True
    """
    who = "random.loggamma"
    a = parameter(who, "a", a, floating(who, dtype), "nonnegative")
    return _draw(who, key, a, shape, dtype, True)


@answering
def chisquare(key: Key, df: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the chi-square distribution with ``df`` degrees of freedom.

    Args:
        key: a single key.
        df: degrees of freedom, nonnegative; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``df``.
        dtype: float16, float32 or float64.

    The samples are differentiable in ``df``.

    >>> from funcgrad.random import key
    >>> chisquare(key(0), 4.0, (10000,)).mean().round(1)
    np.float32(4.0)
    """
    who = "random.chisquare"
    df = parameter(who, "df", df, floating(who, dtype), "nonnegative")
    return mul(_draw(who, key, mul(df, 0.5), common_shape(who, shape, df=df), dtype, False), 2.0)


@answering
def f(
    key: Key, dfnum: Any, dfden: Any, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Samples from the F distribution.

    Args:
        key: a single key.
        dfnum: degrees of freedom of the numerator, positive.
        dfden: degrees of freedom of the denominator, positive.
        shape: shape of the result; by default that of the parameters, broadcast.
        dtype: float16, float32 or float64.

    The samples are differentiable in both parameters.

    >>> from funcgrad.random import key
    >>> print(f(key(0), 3.0, np.array([5.0, 10.0]), (2, 2)).shape)
    (2, 2)
    """
    who, dtype = "random.f", floating("random.f", dtype)
    above = parameter(who, "dfnum", dfnum, dtype, "positive")
    below = parameter(who, "dfden", dfden, dtype, "positive")
    shape = common_shape(who, shape, dfnum=above, dfden=below)
    k_below, k_above = split(check_single(who, key))
    logs = [
        sub(_draw(who, k, mul(df, 0.5), shape, dtype, True), log_of(mul(df, 0.5)))
        for k, df in ((k_above, above), (k_below, below))
    ]
    return exp(sub(*logs))


@answering
def t(key: Key, df: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from Student's t distribution.

    Args:
        key: a single key.
        df: degrees of freedom, positive; it broadcasts to ``shape``.
        shape: shape of the result; by default that of ``df``.
        dtype: float16, float32 or float64.

    The samples are differentiable in ``df``.

    >>> from funcgrad.random import key
    >>> print(t(key(0), 3.0, (2, 2)).shape)
    (2, 2)
    """
    who, dtype = "random.t", floating("random.t", dtype)
    half = mul(parameter(who, "df", df, dtype, "positive"), 0.5)
    shape = common_shape(who, shape, df=half)
    k_above, k_below = split(check_single(who, key))
    # in logarithms, because the gamma sample for a small df may underflow
    ratio = sub(log_of(half), _draw(who, k_below, half, shape, dtype, True))
    return mul(normal(k_above, shape, dtype), exp(mul(ratio, 0.5)))


@answering
def beta(key: Key, a: Any, b: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the beta distribution.

    Args:
        key: a single key.
        a: positive; it broadcasts to ``shape``, as ``b`` does.
        b: positive.
        shape: shape of the result; by default that of the parameters, broadcast.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if a parameter is not positive.

    The samples are differentiable in ``a`` and ``b``.

    >>> from funcgrad.random import key
    >>> beta(key(0), 1.0, 3.0, (10000,)).mean().round(2)
    np.float32(0.25)
    """
    who, dtype = "random.beta", floating("random.beta", dtype)
    a = parameter(who, "a", a, dtype, "positive")
    b = parameter(who, "b", b, dtype, "positive")
    shape = common_shape(who, shape, a=a, b=b)
    k_a, k_b = split(check_single(who, key))
    x = _draw(who, k_a, a, shape, dtype, True)
    y = _draw(who, k_b, b, shape, dtype, True)
    top = maximum(x, y)
    x, y = exp(sub(x, top)), exp(sub(y, top))
    return div(x, add(x, y))


@answering
def dirichlet(key: Key, alpha: Any, shape: ShapeLike | None = None, dtype: Any = np.float32) -> Any:
    """Samples from the Dirichlet distribution.

    Args:
        key: a single key.
        alpha: concentrations, positive, shape [..., N].
        shape: shape of the result without its last axis, N; by default that of ``alpha``.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if a concentration is not positive.

    The samples are differentiable in ``alpha``.

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
