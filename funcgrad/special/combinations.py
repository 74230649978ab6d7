"""Binomial coefficients and double factorials, and distribution functions by SciPy's names."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.errors import shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.operand import half_in_single, operand
from ..ops.structure import cast
from ..transforms.custom.decorators import custom_jvp
from ..transforms.forward import jvp
from .error_functions import ndtri
from .gamma import (
    betainc,
    betaincc,
    betaincinv,
    betaln,
    gamma,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    is_small_integer,
    poch,
    rgamma,
)


@half_in_single
def binom(n: Any, k: Any) -> Any:
    """Binomial coefficient gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1)), of real n and k.

    >>> print(binom(5.0, 2.0), binom(0.5, 2.0))
    10.0 -0.125
    """
    n, k = operand(n), operand(k)
    if is_small_integer(k):
        steps, y = np.asarray(k), 1.0 + 0.0 * n  # a product, exact for small integers
        for i in range(1, int(np.max(steps)) + 1):
            y = y * np.where(i <= steps, (n - steps + i) / i, 1.0)
        return y
    small = np.less(np.abs(n), 140)
    inner = np.where(small, n, 1.0)
    direct = gamma(inner + 1) * rgamma(k + 1) * rgamma(inner - k + 1)
    outer, place = np.where(small, 200.0, n), np.where(small, 1.0, k)
    return np.where(small, direct, np.exp(-betaln(outer - place + 1, place + 1)) / (outer + 1))


@answering
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:  # noqa: N803
    """Number of combinations of N things taken k at a time; 0 for k > N and for negative ones.

    Args:
        N: numbers of things.
        k: numbers of things taken.
        exact: whether to return a Python int, of ints.
        repetition: whether a thing may be taken again.

    >>> print(comb(5, 2), comb(5, 2, repetition=True))
    10.0 15.0
    """
    if exact:
        return _exact(N, k, repetition)
    things, k = operand(N), operand(k)
    if repetition:
        return np.where(np.equal(k, 0), 1.0, comb(things + k - 1, k))
    inside = np.less_equal(0, k) & np.less_equal(k, things)
    taken = np.where(inside, k, 0)
    if not isinstance(things, Tracer) and not isinstance(k, Tracer):
        taken = np.minimum(taken, np.where(inside, things - taken, 0))
    return np.where(inside, binom(np.where(inside, things, 1.0), taken), 0.0)


def _exact(n: Any, k: Any, repetition: bool) -> int:
    if not all(isinstance(v, int | np.integer) for v in (n, k)):
        raise TypeError(f"comb: exact=True takes ints: got {shown(n)} and {shown(k)}")
    n, k = int(n), int(k)
    n = n + k - 1 if repetition and k else n
    return math.comb(n, k) if 0 <= k <= n else 0


@answering
def perm(N: Any, k: Any) -> Any:  # noqa: N803
    """Number of arrangements of k of N things.

    >>> print(perm(5, 2))
    20.0
    """
    things, k = operand(N), operand(k)
    inside = np.less_equal(0, k) & np.less_equal(k, things)
    top, taken = np.where(inside, things, 1.0), np.where(inside, k, 0.0)
    return np.where(inside, poch(top - taken + 1, taken), 0.0)


@answering
def factorial2(n: Any) -> Any:
    """Double factorial n (n - 2) (n - 4) ..., 0 for negative n but 1 for -1.

    >>> print(factorial2(np.array([5, 6])).round(9))
    [15. 48.]
    """
    n = operand(n)
    inner = np.where(np.less(n, -1), 0.0, n)
    odd = np.mod(inner, 2)
    y = np.power(2.0, 0.5 * (inner + odd)) * gamma(1 + 0.5 * inner) / np.pi ** (0.5 * odd)
    return np.where(np.less(n, -1), 0.0, y)


# distribution functions


@answering
def bdtr(k: Any, n: Any, p: Any) -> Any:
    """Cumulative binomial distribution: of at most k of n, each with probability p.

    >>> print(bdtr(1, 3, 0.5).round(12))
    0.5
    """
    k = np.floor(operand(k))
    return betainc(n - k, k + 1, 1 - operand(p))


@answering
def bdtrc(k: Any, n: Any, p: Any) -> Any:
    """Survival function of the binomial distribution.

    >>> print(bdtrc(1, 3, 0.5).round(12))
    0.5
    """
    k = np.floor(operand(k))
    return betainc(k + 1, n - k, operand(p))


@answering
def chdtr(v: Any, x: Any) -> Any:
    """Cumulative chi-squared distribution of v degrees of freedom.

    >>> print(chdtr(2.0, 2.0).round(12))
    0.632120558829
    """
    return gammainc(0.5 * operand(v), 0.5 * operand(x))


@answering
def chdtrc(v: Any, x: Any) -> Any:
    """Survival function of the chi-squared distribution.

    >>> print(chdtrc(2.0, 2.0).round(12))
    0.367879441171
    """
    return gammaincc(0.5 * operand(v), 0.5 * operand(x))


@answering
def chdtri(v: Any, p: Any) -> Any:
    """Inverse of chdtrc in x.

    >>> print(chdtri(2.0, 0.5).round(12))
    1.38629436112
    """
    return 2 * gammainccinv(0.5 * operand(v), operand(p))


@answering
def fdtr(dfn: Any, dfd: Any, x: Any) -> Any:
    """Cumulative F distribution.

    >>> print(fdtr(2.0, 2.0, 1.0).round(12))
    0.5
    """
    dfn, dfd, x = operand(dfn), operand(dfd), operand(x)
    return betaincc(0.5 * dfd, 0.5 * dfn, dfd / (dfd + dfn * x))


@answering
def fdtrc(dfn: Any, dfd: Any, x: Any) -> Any:
    """Survival function of the F distribution.

    >>> print(fdtrc(2.0, 2.0, 1.0).round(12))
    0.5
    """
    dfn, dfd, x = operand(dfn), operand(dfd), operand(x)
    return betainc(0.5 * dfd, 0.5 * dfn, dfd / (dfd + dfn * x))


@answering
def fdtri(dfn: Any, dfd: Any, p: Any) -> Any:
    """Inverse of fdtr in x.

    >>> print(fdtri(2.0, 2.0, 0.5).round(12))
    1.0
    """
    dfn, dfd = operand(dfn), operand(dfd)
    x = betaincinv(0.5 * dfn, 0.5 * dfd, operand(p))
    return dfd / dfn * (x / (1 - x))


@answering
def gdtr(a: Any, b: Any, x: Any) -> Any:
    """Cumulative gamma distribution of rate a and shape b.

    >>> print(gdtr(1.0, 1.0, 1.0).round(12))
    0.632120558829
    """
    return gammainc(operand(b), operand(a) * operand(x))


@answering
def gdtrc(a: Any, b: Any, x: Any) -> Any:
    """Survival function of the gamma distribution.

    >>> print(gdtrc(1.0, 1.0, 1.0).round(12))
    0.367879441171
    """
    return gammaincc(operand(b), operand(a) * operand(x))


@answering
def gdtrix(a: Any, b: Any, p: Any) -> Any:
    """Inverse of gdtr in x.

    >>> print(gdtrix(1.0, 1.0, 0.5).round(12))
    0.69314718056
    """
    return gammaincinv(operand(b), operand(p)) / operand(a)


@answering
def pdtr(k: Any, m: Any) -> Any:
    """Cumulative Poisson distribution of mean m.

    >>> print(pdtr(1, 1.0).round(12))
    0.735758882343
    """
    return gammaincc(np.floor(operand(k)) + 1, operand(m))


@answering
def pdtrc(k: Any, m: Any) -> Any:
    """Survival function of the Poisson distribution.

    >>> print(pdtrc(1, 1.0).round(12))
    0.264241117657
    """
    return gammainc(np.floor(operand(k)) + 1, operand(m))


@answering
def nbdtr(k: Any, n: Any, p: Any) -> Any:
    """Cumulative negative binomial distribution: of at most k failures before n successes.

    >>> print(nbdtr(1, 1, 0.5).round(12))
    0.75
    """
    return betainc(operand(n), np.floor(operand(k)) + 1, operand(p))


@answering
def nbdtrc(k: Any, n: Any, p: Any) -> Any:
    """Survival function of the negative binomial distribution.

    >>> print(nbdtrc(1, 1, 0.5).round(12))
    0.25
    """
    return betaincc(operand(n), np.floor(operand(k)) + 1, operand(p))


@answering
def stdtr(df: Any, t: Any) -> Any:
    """Cumulative Student's t distribution of df degrees of freedom.

    >>> print(stdtr(1.0, 1.0).round(12))
    0.75
    """
    return _stdtr(*_together(df, t))


def _together(*xs: Any) -> list[Any]:
    arrays = np.broadcast_arrays(*map(operand, xs))
    kind = np.result_type(*map(dtype_of, arrays), np.float32)
    return [cast(x, kind) for x in arrays]


@custom_jvp
def _stdtr(df: Any, t: Any) -> Any:
    square = t * t
    far = np.greater(square, df)
    tail = 0.5 * betainc(0.5 * df, 0.5, df / (df + square))
    near = 0.5 * betainc(0.5, 0.5 * df, square / (df + square))
    upper = np.where(np.greater(t, 0), 1 - tail, tail)
    return np.where(far, upper, 0.5 + np.sign(t) * near)


def _t_density(df: Any, t: Any) -> Any:
    log = -betaln(0.5 * df, 0.5) - 0.5 * np.log(df) - 0.5 * (df + 1) * np.log1p(t * t / df)
    return np.exp(log)


@_stdtr.defjvp
def _stdtr_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Use the density as the derivative in t: at t = 0 the formula gives infinity times 0."""
    df, t = primals
    middle = np.equal(t, 0)  # where the probability is 1/2 for every df
    inner = np.where(middle, 1.0, t)
    _, moved = jvp(lambda df: _stdtr.fun(df, inner), (df,), (tangents[0],))
    return _stdtr(df, t), np.where(middle, 0.0, moved) + _t_density(df, t) * tangents[1]


@answering
def stdtrit(df: Any, p: Any) -> Any:
    """Inverse of stdtr in t: the quantiles of Student's t distribution.

    >>> print(stdtrit(1.0, 0.75).round(12))
    1.0
    """
    return _stdtrit(*_together(df, p))


@custom_jvp
def _stdtrit(df: Any, p: Any) -> Any:
    centre = np.less(np.abs(p - 0.5), 0.25)
    x = betaincinv(0.5, 0.5 * df, np.abs(2 * np.where(centre, p, 0.6) - 1))
    near = np.sign(p - 0.5) * np.sqrt(df * x / (1 - x))
    y = betaincinv(0.5 * df, 0.5, 2 * np.where(centre, 0.1, np.minimum(p, 1 - p)))
    end = np.equal(y, 0)
    far = np.sqrt(df * (1 - y) / np.where(end, 1.0, y))
    far = np.sign(p - 0.5) * np.where(end, np.inf, far)
    return np.where(centre, near, far)


@_stdtrit.defjvp
def _stdtrit_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    df, p = primals
    t = _stdtrit(df, p)
    _, moved = jvp(lambda df: _stdtr(df, t), (df,), (tangents[0],))
    return t, (tangents[1] - moved) / _t_density(df, t)


@answering
def nrdtrimn(p: Any, std: Any, x: Any) -> Any:
    """Mean of the normal distribution whose cumulative distribution at x is p.

    >>> print(nrdtrimn(0.5, 1.0, 2.0))
    2.0
    """
    return operand(x) - operand(std) * ndtri(operand(p))
