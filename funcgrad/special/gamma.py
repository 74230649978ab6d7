"""Gamma and beta functions, incomplete ones, and their logarithms and derivatives."""

import math
from typing import Any

import numpy as np

from ..ops import beta as beta_ops, gamma as gamma_ops, incomplete, incomplete_beta
from ..ops.operand import half_in_single, operand


@half_in_single
def gamma(x: Any) -> Any:
    """Gamma function: integral of t**(x-1) exp(-t) over t > 0; nan at -1, -2, ...

    >>> print(gamma(5.0))
    24.0
    """
    return gamma_ops.gamma(operand(x))


@half_in_single
def gammaln(x: Any) -> Any:
    """log(abs(gamma(x))), infinite at 0, -1, -2, ...

    >>> print(gammaln(101.0))
    363.7393755555634...
    """
    return gamma_ops.gammaln(operand(x))


def gammasgn(x: Any) -> Any:
    """Sign of gamma(x), nan at -1, -2, ...; its derivative is 0.

    >>> print(gammasgn(np.array([0.5, -0.5])))
    [ 1. -1.]
    """
    return gamma_ops.gammasgn(operand(x))


@half_in_single
def digamma(x: Any) -> Any:
    """Derivative of log(gamma(x)); nan at -1, -2, ...

    >>> print(digamma(1.0))
    -0.57721566490153...
    """
    return gamma_ops.digamma(operand(x))


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
        q: shift, by default 1, which gives the Riemann zeta function.

    >>> print(zeta(2.0))
    1.644934066848226...
    """
    return gamma_ops.zeta(operand(x), operand(1.0 if q is None else q))


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
    sign = gammasgn(z + m) * gammasgn(z)
    return sign * np.exp(gammaln(z + m) - gammaln(z))
