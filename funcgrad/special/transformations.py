"""Transformations, losses and elementary functions under SciPy's names."""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..core.errors import DtypeError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.operand import half_in_single, operand, promote_weak
from ..ops.transcendental.hypergeometric import hyp1f1, hyp2f1

cbrt, exp2, expm1, log1p = np.cbrt, np.exp2, np.expm1, np.log1p


@answering
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at 0; see numpy.sinc.

    >>> print(sinc(0.5).round(12))
    0.636619772368
    """
    return np.sinc(operand(x))


@answering
def round(x: Any) -> Any:
    """Nearest integer, the even one of two.

    >>> print(round(2.5))
    2.0
    """
    return np.rint(operand(x))


@half_in_single
def exprel(x: Any) -> Any:
    """(exp(x) - 1) / x, and 1 at 0.

    >>> print(exprel(0.0), exprel(1.0).round(12))
    1.0 1.718281828459
    """
    return hyp1f1(1.0, 2.0, operand(x))


@half_in_single
def boxcox(x: Any, lmbda: Any) -> Any:
    """(x**lmbda - 1) / lmbda, and log(x) for lmbda = 0, with derivatives there too.

    >>> print(boxcox(4.0, 0.5).round(12), boxcox(np.e, 0.0))
    2.0 1.0
    """
    x, lmbda = promote_weak([operand(x), operand(lmbda)])
    return _boxcox(np.log(np.where(np.equal(x, 0), 1.0, x)), lmbda, np.equal(x, 0))


@half_in_single
def boxcox1p(x: Any, lmbda: Any) -> Any:
    """boxcox(1 + x, lmbda), accurate also where x is small.

    >>> print(boxcox1p(1e-20, 0.5))
    1e-20
    """
    x, lmbda = promote_weak([operand(x), operand(lmbda)])
    return _boxcox(np.log1p(np.where(np.equal(x, -1), 0.0, x)), lmbda, np.equal(x, -1))


def _boxcox(log: Any, lmbda: Any, at_zero: Any) -> Any:
    y = log * exprel(lmbda * log)
    safe = np.where(np.greater(lmbda, 0), lmbda, 1.0)
    end = np.where(np.greater(lmbda, 0), -1 / safe, -np.inf)
    return np.where(at_zero, end, y)


@half_in_single
def inv_boxcox(y: Any, lmbda: Any) -> Any:
    """Inverse of boxcox: (1 + lmbda y)**(1 / lmbda).

    >>> print(inv_boxcox(2.0, 0.5).round(12))
    4.0
    """
    y, lmbda = operand(y), operand(lmbda)
    return np.exp(y * hyp2f1(1.0, 1.0, 2.0, -lmbda * y))


@half_in_single
def inv_boxcox1p(y: Any, lmbda: Any) -> Any:
    """Inverse of boxcox1p.

    >>> print(inv_boxcox1p(2.0, 0.5).round(12))
    3.0
    """
    y, lmbda = operand(y), operand(lmbda)
    return np.expm1(y * hyp2f1(1.0, 1.0, 2.0, -lmbda * y))


@half_in_single
def huber(delta: Any, r: Any) -> Any:
    """r**2 / 2 for |r| <= delta, and delta (|r| - delta / 2) beyond.

    >>> print(huber(1.0, np.array([0.5, 3.0])))
    [0.125 2.5  ]
    """
    delta, r = operand(delta), operand(r)
    size = np.abs(r)
    y = np.where(np.less_equal(size, delta), 0.5 * r * r, delta * (size - 0.5 * delta))
    return np.where(np.less(delta, 0), np.inf, y)


@half_in_single
def pseudo_huber(delta: Any, r: Any) -> Any:
    """delta**2 (sqrt(1 + (r / delta)**2) - 1).

    >>> print(pseudo_huber(1.0, 1e-9) == 5e-19)
    True
    """
    delta, r = operand(delta), operand(r)
    zero = np.equal(delta, 0)
    ratio = r / np.where(zero, 1.0, delta)
    y = r * r / (1 + np.sqrt(1 + ratio * ratio))
    return np.where(np.less(delta, 0), np.inf, np.where(zero, 0.0, y))


@half_in_single
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow.

    >>> print(softplus(1000.0))
    1000.0
    """
    return np.logaddexp(operand(x), 0)


@half_in_single
def cosm1(x: Any) -> Any:
    """cos(x) - 1, accurate also where x is small.

    >>> print(cosm1(1e-9))
    -5e-19
    """
    x = operand(x)
    return -2 * np.sin(0.5 * x) ** 2


@half_in_single
def powm1(x: Any, y: Any) -> Any:
    """x**y - 1 for x > 0, accurate also where it is small.

    >>> print(powm1(2.0, 1e-20).round(40))
    6.931471805599452e-21
    """
    return np.expm1(operand(y) * np.log(operand(x)))


@half_in_single
def exp10(x: Any) -> Any:
    """10**x.

    >>> print(exp10(2.0))
    100.0
    """
    return np.power(10.0, operand(x))


def _in_degrees(function: Any, name: str, doc: str) -> Any:
    def of_degrees(x: Any) -> Any:
        x = operand(x)
        turns = np.rint(x / 180.0)
        return function(np.deg2rad(x - 180.0 * turns), np.where(np.mod(turns, 2) == 1, -1.0, 1.0))

    of_degrees.__name__ = of_degrees.__qualname__ = name
    of_degrees.__doc__ = doc
    return half_in_single(of_degrees)


sindg = _in_degrees(lambda x, sign: sign * np.sin(x), "sindg", "Sine of an angle in degrees.")
cosdg = _in_degrees(lambda x, sign: sign * np.cos(x), "cosdg", "Cosine of an angle in degrees.")
tandg = _in_degrees(lambda x, _: np.tan(x), "tandg", "Tangent of an angle in degrees.")
cotdg = _in_degrees(lambda x, _: 1 / np.tan(x), "cotdg", "Cotangent of an angle in degrees.")


@answering
def radian(d: Any, m: Any, s: Any) -> Any:
    """Degrees, minutes and seconds as radians.

    >>> print(radian(180.0, 0.0, 0.0).round(12))
    3.14159265359
    """
    return np.deg2rad(operand(d) + operand(m) / 60 + operand(s) / 3600)


@answering
def diric(x: Any, n: int) -> Any:
    """Periodic sinc: sin(n x / 2) / (n sin(x / 2)).

    >>> print(diric(0.0, 4), diric(np.pi, 3).round(12))
    1.0 -0.333333333333
    """
    if not isinstance(n, int | np.integer) or n <= 0:
        raise ValueError(f"diric: n must be an int > 0: got {shown(n)}")
    x = operand(x)
    # a sum of cosines, which has no quotient of zeros
    total: Any = 0.0
    for k in range(n):
        total = total + np.cos((k - 0.5 * (n - 1)) * x)
    return total / n


@answering
def bernoulli(n: int) -> Any:
    """Bernoulli numbers B(0), ..., B(n), with B(1) = -1/2.

    >>> print(bernoulli(4))
    [ 1.         -0.5         0.16666667  0.         -0.03333333]
    """
    n = _order("bernoulli", n)
    values = [Fraction(1)]
    for k in range(1, n + 1):  # the sum of comb(k + 1, j) B(j) over j <= k is 0
        odd = k > 1 and k % 2
        terms = [] if odd else [math.comb(k + 1, j) * values[j] for j in range(k)]
        values.append(-sum(terms, Fraction(0)) / (k + 1))
    return np.array([float(v) for v in values])


def _order(who: str, n: Any) -> int:
    if isinstance(n, Tracer) or not float(n) >= 0 or int(n) != n:
        raise DtypeError(f"{who}: n must be an int >= 0: got {shown(n)}")
    return int(n)
