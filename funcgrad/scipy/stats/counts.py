"""Further discrete families: draws without replacement, power laws, differences, waiting times.

Formulas are those of Johnson, Kemp & Kotz 2005, "Univariate discrete distributions", in SciPy's
parameters; k is an integer of the support, at location 0.
"""

from typing import Any

import numpy as np

from ...ops.stop_gradient import stop_gradient
from ...special import betaln, hyp2f1, ive, logsumexp, xlogy
from .discrete import COUNTS, summed, whole
from .distribution import LINE, POSITIVE, Discrete
from .noncentral import chi_tail
from .parts import count, log1mexp, log_choose

_FROM_ONE = lambda *_: (1, np.inf)


def _draws(k: Any, total: Any, marked: Any, draws: Any) -> Any:
    return log_choose(marked, k) + log_choose(total - marked, draws - k)


def _log_odds(k: Any, total: Any, marked: Any, draws: Any, odds: Any) -> Any:
    """The logarithm of the weight of k marked ones over the sum of all weights."""
    j = np.arange(count("nchypergeom_fisher", np.minimum(marked, draws)) + 1)
    shapes = [x[..., None] for x in np.broadcast_arrays(total, marked, draws, odds)]
    low, high = (x[..., None] for x in _span(total, marked, draws))
    inside = (j >= low) & (j <= high)
    at = np.where(inside, j, low)
    weights = _draws(at, *shapes[:3]) + xlogy(at, shapes[3])
    total_weight = logsumexp(np.where(inside, weights, -np.inf), axis=-1)
    return _draws(k, total, marked, draws) + xlogy(k, odds) - total_weight


def _span(total: Any, marked: Any, draws: Any, *_: Any) -> tuple[Any, Any]:
    return np.maximum(0, draws - (total - marked)), np.minimum(marked, draws)


def _fits(total: Any, marked: Any, draws: Any) -> Any:
    return whole(total) & whole(marked) & whole(draws) & (marked <= total) & (draws <= total)


def _most(total: Any, marked: Any, draws: Any, *_: Any) -> Any:
    return np.minimum(marked, draws)


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_TERMS = 12


def hurwitz(a: Any, q: Any) -> Any:
    """The sum of (q + k)^-a over k >= 0 for a > 1 and q >= 1, with derivatives in both.

    Source: DLMF 25.11.28, Euler and Maclaurin's formula from the term 12 on.
    """
    total = sum(((q + k) ** -a for k in range(_TERMS)), start=0 * a * q)
    x = q + _TERMS
    power = x**-a
    total = total + power * (x / (a - 1) + 0.5)
    term = a * power / x / 2
    for i, number in enumerate(_BERNOULLI):
        total = total + number * term
        j = 2 * i + 1
        term = term * ((a + j) * (a + j + 1) / ((j + 2) * (j + 3))) / (x * x)
    return total


def _harmonic(k: Any, a: Any, n: Any, upper: bool) -> Any:
    """The sum of j^-a over 1 <= j <= k, or k < j <= n."""
    j = np.arange(1, count("zipfian", n) + 1)
    k, a, n = (x[..., None] for x in np.broadcast_arrays(k, a, n))
    taken = (j > k) & (j <= n) if upper else j <= k
    return np.sum(np.where(taken, j**-a, 0), axis=-1)


def _above(k: Any, p: Any) -> Any:
    """The survival function of logser, by a hypergeometric function."""
    k = stop_gradient(k)
    return p ** (k + 1) / (k + 1) * hyp2f1(1.0, k + 1, k + 2, p) / -np.log1p(-p)


def _skellam(upper: bool, k: Any, mu1: Any, mu2: Any) -> Any:
    k, mu1, mu2 = np.broadcast_arrays(stop_gradient(k), mu1, mu2)
    low = k < 0
    below = chi_tail(upper, 2 * mu2, -2 * np.where(low, k, -1.0), 2 * mu1)
    beyond = chi_tail(not upper, 2 * mu1, 2 * (np.where(low, 0.0, k) + 1), 2 * mu2)
    return np.where(low, below, beyond)


def _two_sided(k: Any, a: Any, upper: bool) -> Any:
    """A tail of dlaplace: the distance d from the middle has exp(-a d) / (1 + exp(-a))."""
    inside = k < 0 if upper else k >= 0
    distance = np.where(k < 0, -k, k + 1)
    small = np.exp(-a * distance) / (1 + np.exp(-a))
    return np.where(inside, 1 - small, small)


# the formulas use these names
hypergeom: Discrete
nchypergeom_fisher: Discrete
nhypergeom: Discrete

# fmt: off
hypergeom = Discrete("hypergeom", "M n N", _span, _fits,
    log_density=lambda k, total, n, draws: _draws(k, total, n, draws) - log_choose(total, draws),
    cumulative=lambda k, *s: summed(hypergeom, _most(*s), lambda j: j <= k[..., None], *s),
    survival=lambda k, *s: summed(hypergeom, _most(*s), lambda j: j > k[..., None], *s))

nchypergeom_fisher = Discrete("nchypergeom_fisher", "M n N odds", _span,
    lambda total, n, draws, odds: _fits(total, n, draws) & (odds > 0),
    log_density=_log_odds,
    cumulative=lambda k, *s: summed(nchypergeom_fisher, _most(*s), lambda j: j <= k[..., None], *s),
    survival=lambda k, *s: summed(nchypergeom_fisher, _most(*s), lambda j: j > k[..., None], *s))

nhypergeom = Discrete("nhypergeom", "M n r", lambda total, n, r: (0, n),
    lambda total, n, r: whole(n) & whole(r) & whole(total) & (n <= total) & (r <= total - n),
    log_density=lambda k, total, n, r: (-betaln(k + 1, r) - np.log(k + r)
        - betaln(n - k + 1, total - r - n + 1) - np.log(total - r - k + 1)
        + betaln(n + 1, total - n + 1) + np.log(total + 1)),
    cumulative=lambda k, *s: summed(nhypergeom, s[1], lambda j: j <= k[..., None], *s),
    survival=lambda k, *s: summed(nhypergeom, s[1], lambda j: j > k[..., None], *s))

zipf = Discrete("zipf", "a", _FROM_ONE, lambda a: a > 1,
    log_density=lambda k, a: -a * np.log(k) - np.log(hurwitz(a, 1.0)),
    survival=lambda k, a: hurwitz(a, k + 1) / hurwitz(a, 1.0))

zipfian = Discrete("zipfian", "a n", lambda a, n: (1, n),
    lambda a, n: (a >= 0) & (n > 0) & whole(n),
    log_density=lambda k, a, n: -a * np.log(k) - np.log(_harmonic(n, a, n, False)),
    cumulative=lambda k, a, n: _harmonic(k, a, n, False) / _harmonic(n, a, n, False),
    survival=lambda k, a, n: _harmonic(k, a, n, True) / _harmonic(n, a, n, False))

skellam = Discrete("skellam", "mu1 mu2", LINE, POSITIVE,
    log_density=lambda k, mu1, mu2: (-(np.sqrt(mu1) - np.sqrt(mu2)) ** 2
        + 0.5 * k * (np.log(mu1) - np.log(mu2))
        + np.log(ive(np.abs(stop_gradient(k)), 2 * np.sqrt(mu1 * mu2)))),
    cumulative=lambda k, mu1, mu2: _skellam(False, k, mu1, mu2),
    survival=lambda k, mu1, mu2: _skellam(True, k, mu1, mu2))

dlaplace = Discrete("dlaplace", "a", LINE, POSITIVE,
    log_density=lambda k, a: np.log(np.tanh(0.5 * a)) - a * np.abs(k),
    cumulative=lambda k, a: _two_sided(k, a, False),
    survival=lambda k, a: _two_sided(k, a, True))

planck = Discrete("planck", "lambda_", COUNTS, POSITIVE,
    log_density=lambda k, t: log1mexp(t) - t * k,
    cumulative=lambda k, t: -np.expm1(-t * (k + 1)),
    log_survival=lambda k, t: -t * (k + 1))

boltzmann = Discrete("boltzmann", "lambda_ N", lambda t, n: (0, n - 1),
    lambda t, n: (t > 0) & (n > 0) & whole(n),
    log_density=lambda k, t, n: log1mexp(t) - t * k - log1mexp(t * n),
    cumulative=lambda k, t, n: np.expm1(-t * (k + 1)) / np.expm1(-t * n),
    survival=lambda k, t, n: np.exp(-t * (k + 1)) * np.expm1(-t * (n - k - 1)) / np.expm1(-t * n))

logser = Discrete("logser", "p", _FROM_ONE, lambda p: (p > 0) & (p < 1),
    log_density=lambda k, p: k * np.log(p) - np.log(k) - np.log(-np.log1p(-p)),
    survival=_above)

yulesimon = Discrete("yulesimon", "alpha", _FROM_ONE, POSITIVE,
    log_density=lambda k, a: np.log(a) + betaln(k, a + 1),
    log_survival=lambda k, a: np.log(k) + betaln(k, a + 1))
# fmt: on
