"""Points and weights of Gauss quadrature, which are constants.

Points are eigenvalues of the matrix of the recurrence (Golub & Welsch 1969, "Calculation of Gauss
quadrature rules", Math. Comp. 23), improved by Newton's method; a weight is 1 over the sum of the
squares of the orthonormal polynomials of lower degrees.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import ConcretizationError, DtypeError, shown
from ..core.lazy import answering
from ..core.trace import Tracer

Rule = Any  # (points, weights), or (points, weights, their sum)


def _known(who: str, n: Any, *parameters: Any) -> tuple[int, list[float]]:
    if any(isinstance(x, Tracer) for x in (n, *parameters)):
        raise ConcretizationError(
            f"{who}: degree and parameters must be known: got a traced value; pass numbers"
        )
    if int(n) != n or n < 1:
        raise DtypeError(f"{who}: n must be an int > 0: got {shown(n)}")
    return int(n), [float(x) for x in parameters]


def _rule(n: int, diagonal: Any, squares: Any, total: float) -> tuple[Any, Any, float]:
    """Of monic polynomials p(k+1) = (x - diagonal[k]) p(k) - squares[k] p(k-1)."""
    k = np.arange(float(n))
    a, b = diagonal(k) + 0 * k, np.sqrt(squares(np.arange(1.0, n + 1)))
    x = np.linalg.eigvalsh(np.diag(a) + np.diag(b[:-1], -1))
    if not a.any():
        x = 0.5 * (x - x[::-1])
    for _ in range(2):
        value, slope, sum_of_squares = _orthonormal(x, a, b, total)
        x = x - value / slope
    weights = 1 / sum_of_squares
    return x, weights * (total / weights.sum()), total


def _orthonormal(x: Any, a: Any, b: Any, total: float) -> tuple[Any, Any, Any]:
    before = slope_before = np.zeros_like(x)
    now, slope = np.full_like(x, 1 / math.sqrt(total)), np.zeros_like(x)
    squares = now * now
    for k in range(len(a)):
        low = b[k - 1] if k else 0.0
        slope, slope_before = (now + (x - a[k]) * slope - low * slope_before) / b[k], slope
        now, before = ((x - a[k]) * now - low * before) / b[k], now
        squares = squares + (now * now if k + 1 < len(a) else 0)
    return now, slope, squares


def _given(rule: tuple[Any, Any, float], mu: bool) -> Rule:
    return rule if mu else rule[:2]


def _jacobi(n: int, alpha: float, beta: float) -> tuple[Any, Any, float]:
    def diagonal(k: Any) -> Any:
        s = 2 * k + alpha + beta
        first = (beta - alpha) / (alpha + beta + 2)
        return np.where(k == 0, first, (beta**2 - alpha**2) / np.where(k == 0, 1, s * (s + 2)))

    def squares(k: Any) -> Any:
        s = 2 * k + alpha + beta
        one = k == 1  # where factors of both sides are alpha + beta + 1
        ratio = np.where(one, 1.0, (k + alpha + beta) / np.where(one, 1, s - 1))
        return 4 * k * (k + alpha) * (k + beta) * ratio / (s * s * (s + 1))

    log = math.lgamma(alpha + 1) + math.lgamma(beta + 1) - math.lgamma(alpha + beta + 2)
    return _rule(n, diagonal, squares, 2 ** (alpha + beta + 1) * math.exp(log))


@answering
def roots_jacobi(n: int, alpha: float, beta: float, mu: bool = False) -> Rule:
    """Gauss quadrature on [-1, 1], of the weight (1 - x)^alpha (1 + x)^beta.

    Args:
        n: int, the number of points.
        alpha, beta: floats > -1.
        mu: whether to return the sum of the weights too.

    Raises:
        ConcretizationError: if an argument is traced.

    >>> print(roots_jacobi(1, 0.0, 0.0))
    (array([0.]), array([2.]))
    """
    n, (alpha, beta) = _known("roots_jacobi", n, alpha, beta)
    return _given(_jacobi(n, alpha, beta), mu)


@answering
def roots_legendre(n: int, mu: bool = False) -> Rule:
    """Gauss-Legendre quadrature on [-1, 1].

    >>> print(roots_legendre(2)[1])
    [1. 1.]
    """
    return _given(_jacobi(_known("roots_legendre", n)[0], 0.0, 0.0), mu)


@answering
def roots_gegenbauer(n: int, alpha: float, mu: bool = False) -> Rule:
    """Gauss quadrature on [-1, 1], of the weight (1 - x**2)**(alpha - 1/2).

    >>> print(roots_gegenbauer(1, 0.5))
    (array([0.]), array([2.]))
    """
    n, (alpha,) = _known("roots_gegenbauer", n, alpha)
    return _given(_jacobi(n, alpha - 0.5, alpha - 0.5), mu)


@answering
def roots_sh_legendre(n: int, mu: bool = False) -> Rule:
    """Gauss-Legendre quadrature on [0, 1].

    >>> print(roots_sh_legendre(1))
    (array([0.5]), array([1.]))
    """
    x, w, total = roots_legendre(n, True)
    return _given((0.5 * (x + 1), 0.5 * w, 0.5 * total), mu)


@answering
def roots_sh_jacobi(n: int, p1: float, q1: float, mu: bool = False) -> Rule:
    """Gauss quadrature on [0, 1], of the weight (1 - x)^(p1 - q1) x^(q1 - 1).

    >>> print(roots_sh_jacobi(1, 1.0, 1.0))
    (array([0.5]), array([1.]))
    """
    n, (p, q) = _known("roots_sh_jacobi", n, p1, q1)
    x, w, total = _jacobi(n, p - q, q - 1)
    return _given((0.5 * (x + 1), w / 2**p, total / 2**p), mu)


@answering
def roots_genlaguerre(n: int, alpha: float, mu: bool = False) -> Rule:
    """Gauss quadrature of the weight x^alpha exp(-x) for x > 0.

    >>> print(roots_genlaguerre(1, 0.0))
    (array([1.]), array([1.]))
    """
    n, (alpha,) = _known("roots_genlaguerre", n, alpha)
    rule = _rule(n, lambda k: 2 * k + alpha + 1, lambda k: k * (k + alpha), math.gamma(alpha + 1))
    return _given(rule, mu)


@answering
def roots_laguerre(n: int, mu: bool = False) -> Rule:
    """Gauss-Laguerre quadrature, of the weight exp(-x) for x > 0.

    >>> print(roots_laguerre(1)[0])
    [1.]
    """
    return roots_genlaguerre(n, 0.0, mu)


@answering
def roots_hermite(n: int, mu: bool = False) -> Rule:
    """Gauss-Hermite quadrature, of the weight exp(-x**2).

    >>> print(roots_hermite(1)[1].round(12))
    [1.77245385]
    """
    n, _ = _known("roots_hermite", n)
    return _given(_rule(n, lambda k: 0 * k, lambda k: 0.5 * k, math.sqrt(math.pi)), mu)


@answering
def roots_hermitenorm(n: int, mu: bool = False) -> Rule:
    """Gauss quadrature of the weight exp(-x**2 / 2).

    >>> print(roots_hermitenorm(1)[1].round(12))
    [2.50662827]
    """
    n, _ = _known("roots_hermitenorm", n)
    return _given(_rule(n, lambda k: 0 * k, lambda k: k, math.sqrt(2 * math.pi)), mu)


def gauss_chebyshev(kind: int, n: int, low: float, high: float, weight: float) -> Any:
    """The rule of T (kind 1) or U (kind 2) on an interval, with weights times a factor."""
    if kind == 1:
        angle = math.pi * (np.arange(n, 0, -1) - 0.5) / n
        x, w, total = np.sin(0.5 * math.pi - angle), np.full(n, math.pi / n), math.pi
    else:
        angle = math.pi * np.arange(n, 0, -1) / (n + 1)
        x, total = np.sin(0.5 * math.pi - angle), 0.5 * math.pi
        w = math.pi / (n + 1) * np.sin(angle) ** 2
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    return middle + half * x, weight * w, weight * total


def _chebyshev(name: str, doc: str, kind: int, *interval: float) -> Callable[..., Rule]:
    def roots(n: int, mu: bool = False) -> Rule:
        return _given(gauss_chebyshev(kind, _known(name, n)[0], *interval), mu)

    roots.__name__ = roots.__qualname__ = name
    roots.__doc__ = f"""Gauss-Chebyshev quadrature on [{interval[0]}, {interval[1]}], of {doc}.

    >>> x, w = {name}(3)
    >>> x.shape, w.shape
    ((3,), (3,))
    """
    return answering(roots)


# fmt: off
roots_chebyt = _chebyshev("roots_chebyt", "the weight 1 / sqrt(1 - x**2)", 1, -1, 1, 1.0)
roots_chebyu = _chebyshev("roots_chebyu", "the weight sqrt(1 - x**2)", 2, -1, 1, 1.0)
roots_chebyc = _chebyshev("roots_chebyc", "the weight 1 / sqrt(1 - (x/2)**2)", 1, -2, 2, 2.0)
roots_chebys = _chebyshev("roots_chebys", "the weight sqrt(1 - (x/2)**2)", 2, -2, 2, 2.0)
roots_sh_chebyt = _chebyshev("roots_sh_chebyt", "the weight 1 / sqrt(x - x**2)", 1, 0, 1, 1.0)
roots_sh_chebyu = _chebyshev("roots_sh_chebyu", "the weight sqrt(x - x**2)", 2, 0, 1, 0.25)
# fmt: on

# other names of SciPy
p_roots = roots_legendre
t_roots = roots_chebyt
u_roots = roots_chebyu
c_roots = roots_chebyc
s_roots = roots_chebys
j_roots = roots_jacobi
l_roots = roots_laguerre
la_roots = roots_genlaguerre
h_roots = roots_hermite
he_roots = roots_hermitenorm
cg_roots = roots_gegenbauer
ps_roots = roots_sh_legendre
ts_roots = roots_sh_chebyt
us_roots = roots_sh_chebyu
js_roots = roots_sh_jacobi
