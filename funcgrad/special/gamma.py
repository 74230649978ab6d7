"""Gamma and beta functions, incomplete ones, and their logarithms and derivatives."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops import beta as beta_ops, gamma as gamma_ops, incomplete, incomplete_beta
from ..ops.operand import half_in_single, operand
from ..ops.transcendental import gamma_functions, inverses


@half_in_single
def gamma(x: Any) -> Any:
    """Gamma function: integral of t**(x-1) exp(-t) over t > 0; nan at -1, -2, ...

    Args:
        x: array, real or complex.

    >>> print(gamma(5.0))
    24.0
    """
    x = operand(x)
    return np.exp(loggamma(x)) if dtype_of(x).kind == "c" else gamma_ops.gamma(x)


@half_in_single
def rgamma(x: Any) -> Any:
    """1 / gamma(x), with derivatives also at the poles of gamma, where it is 0.

    Args:
        x: array, real or complex.

    >>> print(rgamma(np.array([5.0, -1.0])).round(12))
    [0.04166667 0.        ]
    """
    x = operand(x)
    return np.exp(-loggamma(x)) if dtype_of(x).kind == "c" else gamma_functions.rgamma(x)


@half_in_single
def loggamma(z: Any) -> Any:
    """Principal branch of log(gamma(z)) of complex z; of real z nan for z < 0.

    >>> print(loggamma(1.0 + 1.0j).round(12))
    (-0.650923199302-0.301640320468j)
    """
    z = operand(z)
    if dtype_of(z).kind == "c":
        return gamma_functions.complex_polygamma(-1, z)
    return np.where(np.less(z, 0), np.nan, gamma_ops.gammaln(np.where(np.less(z, 0), 1.0, z)))


@half_in_single
def gammaln(x: Any) -> Any:
    """log(abs(gamma(x))), infinite at 0, -1, -2, ...

    >>> print(gammaln(101.0))
    363.7393755555634...
    """
    return gamma_ops.gammaln(operand(x))


@answering
def gammasgn(x: Any) -> Any:
    """Sign of gamma(x), nan at -1, -2, ...; its derivative is 0.

    >>> print(gammasgn(np.array([0.5, -0.5])))
    [ 1. -1.]
    """
    return gamma_ops.gammasgn(operand(x))


@half_in_single
def digamma(x: Any) -> Any:
    """Derivative of log(gamma(x)) of real or complex x; nan at -1, -2, ...

    >>> print(digamma(1.0))
    -0.57721566490153...
    """
    x = operand(x)
    if dtype_of(x).kind == "c":
        return gamma_functions.complex_polygamma(0, x)
    return gamma_ops.digamma(x)


psi = digamma


@half_in_single
def polygamma(n: Any, x: Any) -> Any:
    """Derivative of order n of ``digamma``.

    Args:
        n: nonnegative integers, without a derivative.
        x: array that broadcasts against ``n``.

    >>> print(polygamma(1, 1.0))
    1.644934066848226...
    """
    return gamma_ops.polygamma(operand(n), operand(x))


@half_in_single
def zeta(x: Any, q: Any = None) -> Any:
    """Hurwitz zeta function: sum of (q + k)**-x over k = 0, 1, 2, ...

    Args:
        x: exponent, without a derivative; the result is infinite at 1, and nan below.
        q: shift. Without it, the Riemann zeta function of any real x.

    >>> print(zeta(2.0))
    1.644934066848226...
    """
    if q is None:
        return gamma_functions.riemann_zeta(operand(x))
    return gamma_ops.zeta(operand(x), operand(q))


@half_in_single
def zetac(x: Any) -> Any:
    """zeta(x) - 1, accurate also where x is large.

    >>> print(zetac(60.0))
    8.67361...e-19
    """
    x = operand(x)
    large = np.greater(x, 1.5)
    rest = gamma_functions.riemann_zeta(np.where(large, 0.0, x)) - 1
    return np.where(large, gamma_ops.zeta(np.where(large, x, 2.0), 2.0), rest)


@half_in_single
def gammainc(a: Any, x: Any) -> Any:
    """Regularized incomplete gamma function: integral of t**(a-1) exp(-t) up to x, over gamma(a).

    Both arguments have derivatives of all orders.

    >>> print(gammainc(1.0, 2.0))
    0.8646647167633...
    """
    return incomplete.gammainc(operand(a), operand(x))


@half_in_single
def gammaincc(a: Any, x: Any) -> Any:
    """1 - gammainc(a, x), accurate also where gammainc is near 1.

    >>> print(gammaincc(1.0, 100.0))
    3.72007597602083...e-44
    """
    return incomplete.gammaincc(operand(a), operand(x))


@half_in_single
def gammaincinv(a: Any, y: Any) -> Any:
    """Inverse of gammainc in x: the quantiles of the gamma distribution.

    >>> print(gammaincinv(2.0, 0.5).round(12))
    1.678346990017
    """
    return inverses.gammaincinv(operand(a), operand(y))


@half_in_single
def gammainccinv(a: Any, y: Any) -> Any:
    """Inverse of gammaincc in x, accurate for small y.

    >>> print(gammainccinv(2.0, 1e-300).round(9))
    697.324211379
    """
    return inverses.gammainccinv(operand(a), operand(y))


@half_in_single
def betaincinv(a: Any, b: Any, y: Any) -> Any:
    """Inverse of betainc in x: the quantiles of the beta distribution.

    >>> print(betaincinv(2.0, 3.0, 0.5).round(12))
    0.385727568132
    """
    return inverses.betaincinv(operand(a), operand(b), operand(y))


@half_in_single
def betainccinv(a: Any, b: Any, y: Any) -> Any:
    """Inverse of betaincc in x.

    >>> print(betainccinv(2.0, 3.0, 0.5).round(12))
    0.385727568132
    """
    return inverses.betainccinv(operand(a), operand(b), operand(y))


@half_in_single
def beta(a: Any, b: Any) -> Any:
    """gamma(a) gamma(b) / gamma(a + b).

    >>> print(round(beta(2.0, 3.0), 12))
    0.083333333333
    """
    return beta_ops.beta(operand(a), operand(b))


@half_in_single
def betaln(a: Any, b: Any) -> Any:
    """log(abs(beta(a, b))).

    >>> print(betaln(1.0, 1e10))
    -23.02585092994...
    """
    return beta_ops.betaln(operand(a), operand(b))


@half_in_single
def betainc(a: Any, b: Any, x: Any) -> Any:
    """Regularized incomplete beta function: integral of t**(a-1) (1-t)**(b-1) up to x, over beta.

    All three arguments have derivatives of all orders.

    >>> print(round(betainc(2.0, 2.0, 0.5), 12))
    0.5
    """
    return incomplete_beta.betainc(operand(a), operand(b), operand(x))


@half_in_single
def betaincc(a: Any, b: Any, x: Any) -> Any:
    """1 - betainc(a, b, x), accurate also where betainc is near 1.

    >>> print(round(betaincc(1.0, 1.0, 0.75), 12))
    0.25
    """
    return incomplete_beta.betaincc(operand(a), operand(b), operand(x))


@half_in_single
def multigammaln(a: Any, d: int) -> Any:
    """Logarithm of the multivariate gamma function.

    Args:
        a: array, greater than (d - 1) / 2.
        d: int, dimension.

    >>> print(multigammaln(3.0, 1) == gammaln(3.0))
    True
    """
    a = operand(a)
    total = gammaln(a)
    for i in range(1, d):
        total = total + gammaln(a - i / 2)
    return total + d * (d - 1) / 4 * math.log(math.pi)


@half_in_single
def factorial(n: Any) -> Any:
    """gamma(n + 1), and 0 for n < 0.

    >>> print(factorial(np.array([-1, 0, 4])))
    [ 0.  1. 24.]
    """
    n = operand(n)
    return np.where(np.less(n, 0), 0, gamma(np.where(np.less(n, 0), 0, n) + 1))


@half_in_single
def poch(z: Any, m: Any) -> Any:
    """Pochhammer symbol gamma(z + m) / gamma(z); for integer m, z (z + 1) ... (z + m - 1).

    >>> print(round(poch(2.0, 3), 12))
    24.0
    """
    z, m = operand(z), operand(m)
    if is_small_integer(m):  # a product, exact for small integers
        steps, y = np.asarray(m), 1.0 + 0.0 * z
        for i in range(int(np.max(steps))):
            y = y * np.where(i < steps, z + i, 1.0)
        return y
    sign = gammasgn(z + m) * gammasgn(z)
    return sign * np.exp(gammaln(z + m) - gammaln(z))


def is_small_integer(m: Any) -> bool:
    """Whether all elements are known to be integers from 0 to 40."""
    if isinstance(m, Tracer) or not np.size(m):
        return False
    m = np.asarray(m)
    return bool(np.all((m == np.rint(m)) & (m >= 0) & (m <= 40)))
