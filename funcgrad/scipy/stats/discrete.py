"""Discrete distributions on the integers.

Formulas are those of Johnson, Kemp & Kotz 2005, "Univariate discrete distributions", in SciPy's
parameters; k is an integer of the support, at location 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...special import betainc, betaincc, betaln, gammainc, gammaincc, gammaln, xlog1py, xlogy
from .distribution import Discrete
from .parts import count, log_choose

COUNTS = lambda *_: (0, np.inf)
_UP_TO_N = lambda n, *_: (0, n)
_PROBABILITY = lambda p: (p >= 0) & (p <= 1)


def whole(n: Any) -> Any:
    """Whether numbers are nonnegative integers."""
    return (n >= 0) & (np.floor(n) == n)


betabinom: Discrete  # its formulas use the name

# fmt: off
bernoulli = Discrete("bernoulli", "p", lambda p: (0, 1), _PROBABILITY,
    log_density=lambda k, p: xlogy(k, p) + xlog1py(1 - k, -p),
    cumulative=lambda k, p: np.where(k < 1, 1 - p, 1),
    survival=lambda k, p: np.where(k < 1, p, 0))

binom = Discrete("binom", "n p", _UP_TO_N, lambda n, p: whole(n) & _PROBABILITY(p),
    log_density=lambda k, n, p: log_choose(n, k) + xlogy(k, p) + xlog1py(n - k, -p),
    cumulative=lambda k, n, p: betaincc(k + 1, n - k, p),
    survival=lambda k, n, p: betainc(k + 1, n - k, p))

betabinom = Discrete("betabinom", "n a b", _UP_TO_N, lambda n, a, b: whole(n) & (a > 0) & (b > 0),
    log_density=lambda k, n, a, b: log_choose(n, k) + betaln(k + a, n - k + b) - betaln(a, b),
    cumulative=lambda k, n, a, b: summed(betabinom, n, lambda j: j <= k[..., None], n, a, b),
    survival=lambda k, n, a, b: summed(betabinom, n, lambda j: j > k[..., None], n, a, b))

nbinom = Discrete("nbinom", "n p", COUNTS, lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    log_density=lambda k, n, p: (gammaln(n + k) - gammaln(k + 1) - gammaln(n)
        + n * np.log(p) + xlog1py(k, -p)),
    cumulative=lambda k, n, p: betainc(n, k + 1, p),
    survival=lambda k, n, p: betaincc(n, k + 1, p))

geom = Discrete("geom", "p", lambda p: (1, np.inf), lambda p: (p > 0) & (p <= 1),
    log_density=lambda k, p: np.log(p) + xlog1py(k - 1, -p),
    cumulative=lambda k, p: -np.expm1(xlog1py(k, -p)),
    log_survival=lambda k, p: xlog1py(k, -p))

poisson = Discrete("poisson", "mu", COUNTS, lambda mu: mu >= 0,
    log_density=lambda k, mu: xlogy(k, mu) - gammaln(k + 1) - mu,
    cumulative=lambda k, mu: gammaincc(k + 1, mu),
    survival=lambda k, mu: gammainc(k + 1, mu))

randint = Discrete("randint", "low high", lambda low, high: (low, high - 1),
    lambda low, high: (low < high) & (np.floor(low) == low) & (np.floor(high) == high),
    log_density=lambda k, low, high: -np.log(high - low) + 0 * k,
    cumulative=lambda k, low, high: (k - low + 1) / (high - low))
# fmt: on


def summed(family: Discrete, most: Any, taken: Callable[[Any], Any], *shapes: Any) -> Any:
    """The sum of the probabilities of the counts up to ``most`` that a predicate takes."""
    j = np.arange(count(family.name, most) + 1)
    shapes = tuple(x[..., None] for x in shapes)
    low, high = family.ends(*shapes)
    inside = taken(j) & (j >= low) & (j <= high)
    terms = np.exp(family.log_density(np.where(inside, j, low), *shapes))
    return np.sum(np.where(inside, terms, 0), axis=-1)
