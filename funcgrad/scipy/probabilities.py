"""Distribution functions and their inverses, in a parameter too, by the names of scipy.special.

An inverse in a parameter is a root, differentiable in all other arguments; it is continuous where
the parameter counts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.lazy import answering
from ..ops.operand import operand
from ..special import (
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    ndtri,
    stdtr,
)
from ..transforms.custom.decorators import custom_jvp
from ..transforms.forward import jvp
from .stats.distribution import floating
from .stats.inversion import crossing
from .stats.mixed import kstwobign
from .stats.noncentral import ncf, nct, ncx2
from .stats.samples import ksone

Tails = Callable[..., tuple[Any, Any]]  # (parameter, *others) -> the lower tail and the upper one
End = float | Callable[..., Any]  # of the parameter, or this from the other arguments


def _inverse(tails: Tails, grows: bool, low: End = 0.0, high: End = np.inf) -> Callable[..., Any]:
    """(p, *others) -> the parameter at which the lower tail is p, between two ends."""
    lower = lambda x, *others: tails(x, *others)[0]

    @custom_jvp
    def root(p: Any, *others: Any) -> Any:
        small = p <= 0.5

        def excess(x: Any) -> tuple[Any, Any]:
            (below, above), slopes = jvp(lambda x: tails(x, *others), (x,), (np.ones_like(x),))
            gap = np.where(small, np.log(below) - np.log(p), np.log1p(-p) - np.log(above))
            slope = np.where(small, slopes[0] / below, -slopes[1] / above)
            return (gap, slope) if grows else (-gap, -slope)

        left, right = (end(*others) if callable(end) else end for end in (low, high))
        return crossing(excess, p, (0 * p + left, 0 * p + right))

    @root.defjvp
    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        p, *others = primals
        x = root(p, *others)
        moved = jvp(lambda *others: lower(x, *others), tuple(others), tuple(tangents[1:]))[1]
        slope = jvp(lambda x: lower(x, *others), (x,), (np.ones_like(x),))[1]
        return x, (tangents[0] - moved) / slope

    def inverse(*given: Any) -> Any:
        p, *others = np.broadcast_arrays(*floating(*given))
        inside = (p > 0) & (p < 1)
        with np.errstate(all="ignore"):
            return np.where(inside, root(np.where(inside, p, 0.5), *others), np.nan)

    return inverse


_gamma_shape = _inverse(lambda a, x: (gammainc(a, x), gammaincc(a, x)), False)
_beta_first = _inverse(lambda a, b, x: (betainc(a, b, x), betaincc(a, b, x)), False)
_beta_second = _inverse(lambda b, a, x: (betainc(a, b, x), betaincc(a, b, x)), True)
_poisson_count = _inverse(lambda k, m: (gammaincc(k + 1, m), gammainc(k + 1, m)), True)
_binomial_count = _inverse(
    lambda k, n, p: (betaincc(k + 1, n - k, p), betainc(k + 1, n - k, p)), True, 0.0, lambda n, p: n
)
_binomial_draws = _inverse(
    lambda n, k, p: (betaincc(k + 1, n - k, p), betainc(k + 1, n - k, p)), False, lambda k, p: k
)
_failures = _inverse(lambda k, n, p: (betainc(n, k + 1, p), betaincc(n, k + 1, p)), True)
_successes = _inverse(lambda n, k, p: (betainc(n, k + 1, p), betaincc(n, k + 1, p)), False)
_t_freedom = _inverse(lambda df, t: (stdtr(df, t), stdtr(df, -t)), True)


@answering
def kolmogorov(y: Any) -> Any:
    """Survival function of Kolmogorov's limiting distribution.

    >>> print(kolmogorov(1.0).round(12))
    0.269999671677
    """
    return kstwobign.sf(y)


@answering
def kolmogi(p: Any) -> Any:
    """Inverse of kolmogorov.

    >>> print(kolmogi(0.05).round(9))
    1.358098639
    """
    return kstwobign.isf(p)


@answering
def smirnov(n: Any, d: Any) -> Any:
    """Survival function of Smirnov's one-sided statistic of n draws.

    >>> print(smirnov(3, 0.5).round(12))
    0.166666666667
    """
    return ksone.sf(d, n)


@answering
def smirnovi(n: Any, p: Any) -> Any:
    """Inverse of smirnov in d.

    >>> print(smirnovi(3, 0.1875).round(9))
    0.482649946
    """
    return ksone.isf(p, n)


@answering
def bdtri(k: Any, n: Any, y: Any) -> Any:
    """Inverse of bdtr in the probability.

    >>> print(bdtri(1, 3, 0.5).round(12))
    0.5
    """
    k = np.floor(operand(k))
    return betainccinv(k + 1, operand(n) - k, operand(y))


@answering
def bdtrik(y: Any, n: Any, p: Any) -> Any:
    """Inverse of bdtr in k, as a real number.

    >>> print(bdtrik(0.5, 3, 0.5).round(9))
    1.0
    """
    return _binomial_count(y, n, p)


@answering
def bdtrin(k: Any, y: Any, p: Any) -> Any:
    """Inverse of bdtr in n, as a real number.

    >>> print(bdtrin(1, 0.5, 0.5).round(9))
    3.0
    """
    return _binomial_draws(y, k, p)


@answering
def nbdtri(k: Any, n: Any, y: Any) -> Any:
    """Inverse of nbdtr in the probability.

    >>> print(nbdtri(1, 1, 0.75).round(12))
    0.5
    """
    return betaincinv(operand(n), np.floor(operand(k)) + 1, operand(y))


@answering
def nbdtrik(y: Any, n: Any, p: Any) -> Any:
    """Inverse of nbdtr in k, as a real number.

    >>> print(nbdtrik(0.75, 1, 0.5).round(9))
    1.0
    """
    return _failures(y, n, p)


@answering
def nbdtrin(k: Any, y: Any, p: Any) -> Any:
    """Inverse of nbdtr in n, as a real number.

    >>> print(nbdtrin(1, 0.75, 0.5).round(9))
    1.0
    """
    return _successes(y, k, p)


@answering
def pdtri(k: Any, y: Any) -> Any:
    """Inverse of pdtr in the mean.

    >>> print(pdtri(0, 0.5).round(12))
    0.69314718056
    """
    return gammainccinv(np.floor(operand(k)) + 1, operand(y))


@answering
def pdtrik(p: Any, m: Any) -> Any:
    """Inverse of pdtr in k, as a real number.

    >>> print(pdtrik(0.735758882342885, 1.0).round(9))
    1.0
    """
    return _poisson_count(p, m)


@answering
def chdtriv(p: Any, x: Any) -> Any:
    """Inverse of chdtr in the degrees of freedom.

    >>> print(chdtriv(0.5, 1.38629436112).round(9))
    2.0
    """
    return 2 * _gamma_shape(p, 0.5 * operand(x))


@answering
def gdtria(p: Any, b: Any, x: Any) -> Any:
    """Inverse of gdtr in the rate.

    >>> print(gdtria(0.5, 1.0, 1.0).round(12))
    0.69314718056
    """
    return gammaincinv(operand(b), operand(p)) / operand(x)


@answering
def gdtrib(a: Any, p: Any, x: Any) -> Any:
    """Inverse of gdtr in the shape.

    >>> print(gdtrib(1.0, 0.5, 0.69314718056).round(9))
    1.0
    """
    return _gamma_shape(p, operand(a) * operand(x))


@answering
def btdtria(p: Any, b: Any, x: Any) -> Any:
    """Inverse of betainc in the first parameter.

    >>> print(btdtria(0.25, 1.0, 0.5).round(9))
    2.0
    """
    return _beta_first(p, b, x)


@answering
def btdtrib(a: Any, p: Any, x: Any) -> Any:
    """Inverse of betainc in the second parameter.

    >>> print(btdtrib(1.0, 0.75, 0.5).round(9))
    2.0
    """
    return _beta_second(p, a, x)


@answering
def stdtridf(p: Any, t: Any) -> Any:
    """Inverse of stdtr in the degrees of freedom.

    >>> print(stdtridf(0.75, 1.0).round(9))
    1.0
    """
    p, t = floating(p, t)
    low = np.less(t, 0)
    return _t_freedom(np.where(low, 1 - p, p), np.abs(t))


@answering
def nrdtrisd(mn: Any, p: Any, x: Any) -> Any:
    """Standard deviation of the normal distribution of mean mn whose cdf at x is p.

    >>> print(nrdtrisd(0.0, 0.975, 1.959963984540054).round(12))
    1.0
    """
    return (operand(x) - operand(mn)) / ndtri(operand(p))


@answering
def chndtr(x: Any, df: Any, nc: Any) -> Any:
    """Cumulative noncentral chi-squared distribution.

    >>> print(chndtr(2.0, 2.0, 0.0).round(12))
    0.632120558829
    """
    return ncx2.cdf(x, df, nc)


@answering
def chndtrix(p: Any, df: Any, nc: Any) -> Any:
    """Inverse of chndtr in x.

    >>> print(chndtrix(0.5, 2.0, 0.0).round(9))
    1.386294361
    """
    return ncx2.ppf(p, df, nc)


@answering
def ncfdtr(dfn: Any, dfd: Any, nc: Any, f: Any) -> Any:
    """Cumulative noncentral F distribution.

    >>> print(ncfdtr(2.0, 2.0, 0.0, 1.0).round(12))
    0.5
    """
    return ncf.cdf(f, dfn, dfd, nc)


@answering
def ncfdtri(dfn: Any, dfd: Any, nc: Any, p: Any) -> Any:
    """Inverse of ncfdtr in f.

    >>> print(ncfdtri(2.0, 2.0, 0.0, 0.5).round(9))
    1.0
    """
    return ncf.ppf(p, dfn, dfd, nc)


@answering
def nctdtr(df: Any, nc: Any, t: Any) -> Any:
    """Cumulative noncentral Student's t distribution.

    >>> print(nctdtr(1.0, 0.0, 1.0).round(9))
    0.75
    """
    return nct.cdf(t, df, nc)


@answering
def nctdtrit(df: Any, nc: Any, p: Any) -> Any:
    """Inverse of nctdtr in t.

    >>> print(nctdtrit(1.0, 0.0, 0.75).round(9))
    1.0
    """
    return nct.ppf(p, df, nc)
