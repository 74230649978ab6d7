"""Means and variances of distributions in standard form, from their shape parameters.

Formulas are those of Johnson, Kotz & Balakrishnan 1994, "Continuous univariate distributions", and
Johnson, Kemp & Kotz 2005, "Univariate discrete distributions", in SciPy's parameters. A moment that
does not exist is inf or nan.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ...special import digamma, expm1, gammaln, polygamma
from .frozen import Freezable
from .parts import floating, selected

_PI2 = math.pi**2
_EULER = 0.57721566490153286061
_HALF_NORMAL = math.sqrt(2 / math.pi)

Moments = Callable[..., tuple[Any, Any]]


def _from(least: float, x: Any, formula: Callable[[Any], Any], other: Any = np.inf) -> Any:
    """A formula of x where x > least, elsewhere another value."""
    inside = x > least
    return np.where(inside, formula(np.where(inside, x, least + 1.0)), other)


def _gamma(x: Any) -> Any:
    return np.exp(gammaln(x))


def _weibull(c: Any) -> tuple[Any, Any]:
    first = _gamma(1 + 1 / c)
    return first, _gamma(1 + 2 / c) - first * first


def _chi(df: Any) -> tuple[Any, Any]:
    first = math.sqrt(2) * np.exp(gammaln((df + 1) / 2) - gammaln(df / 2))
    return first, df - first * first


def _nakagami(nu: Any) -> tuple[Any, Any]:
    first = np.exp(gammaln(nu + 0.5) - gammaln(nu)) / np.sqrt(nu)
    return first, 1 - first * first


def _fisk(c: Any) -> tuple[Any, Any]:
    moment = lambda k: _from(k, c, lambda c: k * math.pi / c / np.sin(k * math.pi / c))
    first = moment(1)
    return first, moment(2) - np.where(c > 2, first, 0) ** 2


def _bradford(c: Any) -> tuple[Any, Any]:
    k = np.log1p(c)
    return (c - k) / (c * k), ((c + 2) * k - 2 * c) / (2 * c * k * k)


def _skew_normal(a: Any) -> tuple[Any, Any]:
    first = _HALF_NORMAL * a / np.sqrt(1 + a * a)
    return first, 1 - first * first


def _log_uniform(a: Any, b: Any) -> tuple[Any, Any]:
    width = np.log(b / a)
    first = (b - a) / width
    return first, (b - a) * (b + a) / (2 * width) - first * first


def _beta_binomial(n: Any, a: Any, b: Any) -> tuple[Any, Any]:
    total = a + b
    return n * a / total, n * a * b * (total + n) / (total * total * (total + 1))


def _boltzmann(t: Any, n: Any) -> tuple[Any, Any]:
    """The moments of planck less those beyond n."""
    one, all_ = expm1(t), expm1(t * n)
    return 1 / one - n / all_, np.exp(t) / one**2 - n * n * np.exp(t * n) / all_**2


def _log_series(p: Any) -> tuple[Any, Any]:
    log = np.log1p(-p)
    return -p / ((1 - p) * log), -p * (p + log) / ((1 - p) * log) ** 2


# fmt: off
# name -> from the shape parameters the mean and the variance
MOMENTS: dict[str, Moments] = {
    "norm":        lambda: (0.0, 1.0),
    "uniform":     lambda: (0.5, 1 / 12),
    "expon":       lambda: (1.0, 1.0),
    "laplace":     lambda: (0.0, 2.0),
    "logistic":    lambda: (0.0, _PI2 / 3),
    "gumbel_r":    lambda: (_EULER, _PI2 / 6),
    "gumbel_l":    lambda: (-_EULER, _PI2 / 6),
    "rayleigh":    lambda: (math.sqrt(math.pi / 2), 2 - math.pi / 2),
    "maxwell":     lambda: (2 * _HALF_NORMAL, 3 - 8 / math.pi),
    "halfnorm":    lambda: (_HALF_NORMAL, 1 - 2 / math.pi),
    "halflogistic": lambda: (math.log(4), _PI2 / 3 - math.log(4) ** 2),
    "cauchy":      lambda: (np.nan, np.nan),
    "halfcauchy":  lambda: (np.inf, np.inf),
    "levy":        lambda: (np.inf, np.inf),
    "arcsine":     lambda: (0.5, 0.125),
    "semicircular": lambda: (0.0, 0.25),
    "anglit":      lambda: (0.0, _PI2 / 16 - 0.5),
    "cosine":      lambda: (0.0, _PI2 / 3 - 2),
    "hypsecant":   lambda: (0.0, _PI2 / 4),
    "moyal":       lambda: (_EULER + math.log(2), _PI2 / 2),
    "gibrat":      lambda: (math.sqrt(math.e), math.e * (math.e - 1)),
    "wald":        lambda: (1.0, 1.0),
    "gamma":       lambda a: (a, a),
    "erlang":      lambda a: (a, a),
    "beta":        lambda a, b: (a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))),
    "chi2":        lambda df: (df, 2 * df),
    "chi":         _chi,
    "ncx2":        lambda df, nc: (df + nc, 2 * (df + 2 * nc)),
    "t":           lambda df: (np.where(df > 1, 0.0, np.inf), _from(
        2, df, lambda df: df / (df - 2), np.where(df > 1, np.inf, np.nan))),
    "f":           lambda n, m: (_from(2, m, lambda m: m / (m - 2)), _from(
        4, m, lambda m: 2 * m * m * (n + m - 2) / (n * (m - 2) ** 2 * (m - 4)))),
    "lognorm":     lambda s: (np.exp(s * s / 2), expm1(s * s) * np.exp(s * s)),
    "pareto":      lambda b: (_from(1, b, lambda b: b / (b - 1)), _from(
        2, b, lambda b: b / ((b - 1) ** 2 * (b - 2)))),
    "lomax":       lambda c: (_from(1, c, lambda c: 1 / (c - 1)), _from(
        2, c, lambda c: c / ((c - 1) ** 2 * (c - 2)))),
    "weibull_min": _weibull,
    "weibull_max": lambda c: (-_weibull(c)[0], _weibull(c)[1]),
    "dweibull":    lambda c: (0 * c, _gamma(1 + 2 / c)),
    "dgamma":      lambda a: (0 * a, a * (a + 1)),
    "invgamma":    lambda a: (_from(1, a, lambda a: 1 / (a - 1)), _from(
        2, a, lambda a: 1 / ((a - 1) ** 2 * (a - 2)))),
    "invgauss":    lambda mu: (mu, mu**3),
    "betaprime":   lambda a, b: (_from(1, b, lambda b: a / (b - 1)), _from(
        2, b, lambda b: a * (a + b - 1) / ((b - 2) * (b - 1) ** 2))),
    "powerlaw":    lambda a: (a / (a + 1), a / ((a + 2) * (a + 1) ** 2)),
    "triang":      lambda c: ((1 + c) / 3, (1 - c + c * c) / 18),
    "bradford":    _bradford,
    "nakagami":    _nakagami,
    "genpareto":   lambda c: (_from(-1, -c, lambda d: 1 / (1 + d)), _from(
        -0.5, -c, lambda d: 1 / ((1 + d) ** 2 * (1 + 2 * d)))),
    "loggamma":    lambda c: (digamma(c), polygamma(1, c)),
    "gennorm":     lambda b: (0 * b, np.exp(gammaln(3 / b) - gammaln(1 / b))),
    "exponnorm":   lambda k: (k, 1 + k * k),
    "skewnorm":    _skew_normal,
    "fisk":        _fisk,
    "loguniform":  _log_uniform,
    "reciprocal":  _log_uniform,
    "laplace_asymmetric": lambda k: (1 / k - k, 1 / k**2 + k**2),
    # discrete
    "bernoulli":   lambda p: (p, p * (1 - p)),
    "binom":       lambda n, p: (n * p, n * p * (1 - p)),
    "geom":        lambda p: (1 / p, (1 - p) / p**2),
    "nbinom":      lambda n, p: (n * (1 - p) / p, n * (1 - p) / p**2),
    "poisson":     lambda mu: (mu, mu),
    "randint":     lambda low, high: ((low + high - 1) / 2, ((high - low) ** 2 - 1) / 12),
    "betabinom":   _beta_binomial,
    "hypergeom":   lambda m, n, k: (k * n / m, k * n * (m - n) * (m - k) / (m * m * (m - 1))),
    "nhypergeom":  lambda m, n, r: (r * n / (m - n + 1),
        r * n * (m + 1) * (m - n + 1 - r) / ((m - n + 1) ** 2 * (m - n + 2))),
    "skellam":     lambda mu1, mu2: (mu1 - mu2, mu1 + mu2),
    "dlaplace":    lambda a: (0 * a, 0.5 / np.sinh(0.5 * a) ** 2),
    "planck":      lambda t: (1 / expm1(t), np.exp(t) / expm1(t) ** 2),
    "boltzmann":   _boltzmann,
    "logser":      _log_series,
    "yulesimon":   lambda a: (_from(1, a, lambda a: a / (a - 1)), _from(
        2, a, lambda a: a * a / ((a - 1) ** 2 * (a - 2)))),
}
# fmt: on


class Characteristics(Freezable):
    """Numbers of a distribution: median, intervals, mean and variance."""

    valid: Callable[..., Any]
    ppf: Callable[..., Any]
    _names: list[str]
    _arguments: Callable[..., list[Any]]

    def median(self, *args: Any, **given: Any) -> Any:
        """The quantile of 0.5."""
        return self.ppf(0.5, *args, **given)

    def interval(self, confidence: Any, *args: Any, **given: Any) -> tuple[Any, Any]:
        """The interval of a probability, with equal tails."""
        tails = (1 - confidence) / 2, (1 + confidence) / 2
        return self.ppf(tails[0], *args, **given), self.ppf(tails[1], *args, **given)

    def mean(self, *args: Any, **given: Any) -> Any:
        """The mean; inf or nan where there is none."""
        return self._moments("mean", args, given)[0]

    def var(self, *args: Any, **given: Any) -> Any:
        """The variance; inf or nan where there is none."""
        return self._moments("var", args, given)[1]

    def std(self, *args: Any, **given: Any) -> Any:
        """The square root of the variance."""
        return np.sqrt(self._moments("std", args, given)[1])

    def stats(self, *args: Any, moments: str = "mv", **given: Any) -> Any:
        """The mean ("m") and the variance ("v"), or one of them."""
        if not moments or not set(moments) <= set("mv"):
            raise UnsupportedError(
                f"{self.name}.stats: moments must be of 'mv': got {moments!r}; write moments='mv'"
            )
        found = self._moments("stats", args, given)
        wanted = tuple([found["mv".index(letter)] for letter in moments])
        return wanted if len(wanted) > 1 else wanted[0]

    def _moments(self, method: str, args: Any, given: Any) -> tuple[Any, Any]:
        formula = MOMENTS.get(self.name)
        if formula is None:
            raise UnsupportedError(
                f"{self.name}.{method}: there is no formula of it; integrate x {self.name}.pdf(x) "
                f"by funcgrad.scipy.integrate.quad"
            )
        names = self._names
        values = dict(
            zip(names, floating(*self._arguments(method, names, args, given)), strict=True)
        )
        loc, scale = values.pop("loc"), values.pop("scale", 1)
        shapes = values.values()
        good = (scale > 0) & self.valid(*shapes)
        with np.errstate(all="ignore"):
            mean, var = formula(*shapes)
            return (
                selected(good, loc + scale * mean, np.nan),
                selected(good, 0 * loc + scale * scale * var, np.nan),
            )
