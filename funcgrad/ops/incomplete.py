"""The incomplete gamma functions, with derivatives of every order in both arguments.

Both are integrals of the density p(t) = t**(a-1) exp(-t) / gamma(a). For x <= max(1, a) and a < 25
by a power series (DLMF 8.7.1). Elsewhere the smaller of the two is x p(x) times the integral over
s >= 0 of exp(-|x - a| s - x (exp(±s) - 1 ∓ s)), by t = x exp(±s). This integrand is smooth and
decreases from 1, so that Gauss-Legendre quadrature is as accurate for a = 1e10 as for a = 1. The
derivatives in ``a`` are sums at the same points.

The k-th derivative of log(p) in ``a`` is log(t) - digamma(a) for k = 1, and -polygamma(k-1, a)
above; Bell polynomials of these give the derivatives of p (Moore 1982, "Algorithm AS 187:
derivatives of the incomplete gamma integral", has the first two by series).
"""

import functools
import math
from typing import Any

import numpy as np

from .compare import gt
from .elementwise import log, mul, neg, quotient, sub, where
from .families import Elementwise
from .gamma import (
    digamma,
    digamma_of,
    gamma_positive,
    gammaln_near,
    log_minus_digamma,
    no_derivative_in,
    polygamma,
    polygamma_of,
    stirling,
)
from .kernels import by_blocks, masked_update, polynomial
from .logarithms import log1pmx
from .quadrature import NODES, WEIGHTS, integrals

LARGE = 25.0  # above, the integral takes fewer operations than the series
TERMS = 90  # terms of the series that count for a < LARGE


def scaled_density(a: Any, x: Any, less: int = 0) -> Any:
    """x**(a - less) exp(-x) / gamma(a) for a > 0 and x > 0; with less = 1 the density."""
    small = np.minimum(a, 150)  # here powers and gamma(a) are in range
    half = np.power(np.minimum(x, 2e3), 0.5 * (small - less)) * np.exp(-0.5 * x)
    y = half / gamma_positive(small) * half

    def big(a: Any, x: Any) -> Any:
        change = (x - a) / a
        exponent = np.where(change < -0.4, np.log(x / a) - change, log1pmx(change))
        return np.sqrt(a / (2 * math.pi)) * np.exp(a * exponent - stirling(a)) / x**less

    return masked_update(y, a > 150, big, a, x)


def bell_polynomials(slopes: Any) -> list[Any]:
    """f^(k)/f for all k <= n, given the first n derivatives of log(f)."""
    results: list[Any] = [1.0]
    for n in range(len(slopes)):
        terms = [math.comb(n, j) * slopes[j] * results[n - j] for j in range(n + 1)]
        results.append(sum(terms))
    return results


def log_density_derivatives(order: int, a: Any) -> list[Any]:
    """The derivatives of log(p) in ``a`` from the second on; they do not depend on t."""
    return [-polygamma_of(np.full_like(a, k), a) for k in range(1, order)]


def _series(order: int, a: Any, x: Any) -> Any:
    """The derivative of the lower function by its series, whose terms are Taylor polynomials."""
    term = [np.ones_like(a)] + [np.zeros_like(a) for _ in range(order)]
    total = list(term)
    known = type(a) is type(x) is np.ndarray
    for n in range(1, 200 if known else TERMS):
        for k in range(order + 1):  # term * x / (a + n), as Taylor polynomials in a
            term[k] = (x * term[k] - (k * term[k - 1] if k else 0)) / (a + n)
        for k in range(order + 1):
            total[k] = total[k] + term[k]
        if known and np.all(np.abs(term[order]) < 1e-17 * np.abs(total[order])):
            break
    front = scaled_density(a, x) / a
    up = a + 1
    slopes = [np.log(x) - digamma_of(up), *log_density_derivatives(order, up)][:order]
    fronts = bell_polynomials(slopes)
    return front * sum(math.comb(order, k) * fronts[k] * total[order - k] for k in range(order + 1))


def _small_upper(a: Any, x: Any) -> Any:
    """The upper function for a < 1 and x <= 1 without the difference 1 - lower."""
    term, total = a, np.zeros_like(a)
    for n in range(1, 20):
        term = term * -x / n
        total = total + term / (a + n)
    front = np.expm1(a * np.log(x) - gammaln_near(a))
    return -front - (1 + front) * total


def _integral(order: int, a: Any, x: Any, sign: Any) -> Any:
    """The integral of the derivative of the density from x on, up or down by ``sign``."""
    rate = np.abs(x - a)
    end = 76 / (rate + np.sqrt(rate * rate + 76 * x))
    for _ in range(3):  # Newton steps to the end, where the exponent is 38
        slope = rate + x * sign * np.expm1(sign * end)
        end = end - (rate * end + x * _curve(sign * end) - 38) / slope
    start = np.log1p((x - a) / a)
    start = np.where(a < 8, np.log(x) - digamma_of(a), start + log_minus_digamma(a)) if order else x
    rest = log_density_derivatives(order, a)

    def integrand(node: Any, a: Any, x: Any, sign: Any, end: Any, *slopes: Any) -> Any:
        s = node * end
        value = np.exp(-np.abs(x - a) * s - x * _curve(sign * s))
        return (
            value * bell_polynomials([slopes[0] + sign * s, *slopes[1:]])[order] if order else value
        )

    given = (a, x, sign, end, start, *rest)
    return (
        scaled_density(a, x)
        * end
        * integrals(integrand, np.array(NODES), np.array(WEIGHTS), *given)
    )


def _curve(u: Any) -> Any:
    """exp(u) - 1 - u for u in [-3, 4]."""
    return u * u * polynomial(EXPONENTIAL, u)


def gamma_parts(order: int, a: Any, x: Any) -> tuple[Any, Any]:
    """The derivatives of the lower and the upper function in ``a``, of this order."""
    lower, upper = np.full_like(x, np.nan), np.full_like(x, np.nan)
    whole = float(order == 0)
    inside = (a > 0) & (x > 0) & (a < np.inf) & (x < np.inf)
    by_series = inside & (x <= np.maximum(a, 1)) & (a < LARGE)
    lower = masked_update(lower, by_series, functools.partial(_series, order), a, x)
    upper = masked_update(upper, by_series, lambda y: whole - y, lower)
    if order == 0:
        upper = masked_update(upper, by_series & (a < 1), _small_upper, a, x)
    rest, sign = inside & ~by_series, np.where(x > a, 1.0, -1.0)
    smaller = masked_update(
        np.full_like(x, np.nan), rest, functools.partial(_integral, order), a, x, sign
    )
    lower = np.where(rest, np.where(sign < 0, smaller, whole - smaller), lower)
    upper = np.where(rest, np.where(sign < 0, whole - smaller, smaller), upper)
    none = ((x == 0) & (a > 0)) | ((a == np.inf) & (x >= 0) & (x < np.inf))
    full = ((a == 0) & (x > 0)) | ((x == np.inf) & (a >= 0) & (a < np.inf))
    lower = np.where(none, 0, np.where(full, whole, lower))
    return lower, np.where(none, whole, np.where(full, 0, upper))


def _gammainc(a: Any, x: Any) -> Any:
    return gamma_parts(0, a, x)[0]


def _gammaincc(a: Any, x: Any) -> Any:
    return gamma_parts(0, a, x)[1]


def _gammainc_slope(order: Any, a: Any, x: Any) -> Any:
    return gamma_parts(int(order.flat[0]) if order.size else 0, a, x)[0]


def _gamma_density(a: Any, x: Any) -> Any:
    y = scaled_density(a, x, 1)
    y = np.where(x == np.inf, 0, np.where(x == 0, np.power(x, a - 1) / gamma_positive(a), y))
    return np.where((a >= 0) & (x >= 0), y, np.nan)


def _density_slope(order: Any, a: Any, x: Any) -> Any:
    """The derivative of the density in ``a``, of this order."""
    inside = gt(x, 0)
    slopes = [sub(log(where(inside, x, 1)), digamma(a))]
    slopes += [neg(polygamma(k, a)) for k in range(1, order)]
    return mul(gamma_density(a, x), bell_polynomials(slopes[:order])[order])


# the rules above use these names
gamma_density: Elementwise
gammainc_slope: Elementwise

# fmt: off
EXPONENTIAL = tuple([1 / math.factorial(n + 2) for n in range(27, -1, -1)])

gammainc  = Elementwise("gammainc", by_blocks(_gammainc),
    lambda t, y, a, x: mul(t, gammainc_slope(1, a, x)),
    lambda t, y, a, x: mul(t, gamma_density(a, x)))
gammaincc = Elementwise("gammaincc", by_blocks(_gammaincc),
    lambda t, y, a, x: neg(mul(t, gammainc_slope(1, a, x))),
    lambda t, y, a, x: neg(mul(t, gamma_density(a, x))))
# the derivative of gammainc in a; the order is a Python scalar
gammainc_slope = Elementwise("gammainc_slope", by_blocks(_gammainc_slope),
    no_derivative_in("gammainc_slope", "order"),
    lambda t, y, n, a, x: mul(t, gammainc_slope(n + 1, a, x)),
    lambda t, y, n, a, x: mul(t, _density_slope(n, a, x)))
gamma_density = Elementwise("gamma_density", by_blocks(_gamma_density),
    lambda t, y, a, x: mul(t, _density_slope(1, a, x)),
    lambda t, y, a, x: mul(t, mul(y, quotient(sub(a - 1, x), x))))
# fmt: on
