"""Base classes of distributions; an instance is given by its formulas.

A formula is that of the standard form, with location 0 and scale 1, at points in the support. A
point outside is replaced by one inside before a formula is applied, so that its derivatives are
0, not nan.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np
from typing_extensions import override

from ...core.avals import dtype_of
from ...core.errors import shown
from ...core.lazy import answering
from ...core.registry import load
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from .frozen import OF_POINTS, Frozen
from .inversion import inverted, least
from .moments import Characteristics
from .parts import first_count, floating, selected

Formula = Callable[..., Any]  # (points or probabilities, *shape parameters) -> values

# supports, from the shape parameters, and which of these are valid
LINE = lambda *_: (-np.inf, np.inf)
HALF_LINE = lambda *_: (0, np.inf)
UNIT = lambda *_: (0, 1)
BALL = lambda *_: (-1, 1)
ANY = lambda *_: True
POSITIVE = lambda *shapes: np.all(np.stack(np.broadcast_arrays(*shapes)) > 0, axis=0)

LOG_2PI = math.log(2 * math.pi)


def named(name: str) -> "Distribution":
    """The distribution of a name, as it is pickled."""
    return getattr(load("funcgrad.scipy.stats"), name)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Distribution(Characteristics):
    """Base class of continuous and discrete distributions: parameters, and relations of tails."""

    name: str
    shapes: str  # names of the shape parameters
    ends: Callable[..., tuple[Any, Any]]  # of the support, from the shape parameters
    valid: Callable[..., Any]
    log_density: Formula
    log_cdf: Formula | None = None
    cumulative: Formula | None = None
    log_survival: Formula | None = None
    survival: Formula | None = None
    quantile: Formula | None = None
    upper_quantile: Formula | None = None  # inverse of the survival function

    def __init_subclass__(cls) -> None:
        for name, method in [*vars(cls).items()]:
            if name[0] != "_" and callable(method):
                setattr(cls, name, answering(method))

    def __repr__(self) -> str:
        return f"<the distribution {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return named, (self.name,)

    @override
    def __call__(self, *args: Any, **given: Any) -> Frozen:
        self._arguments("", self._names, args, given)
        return Frozen(self, args, given)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        methods = [x for x in dir(type(self)) if x[0] != "_"]
        cure = "draw by funcgrad.random, with a key"
        other = name.replace("pmf", "pdf") if "pmf" in name else name.replace("pdf", "pmf")
        if other != name and other in methods:
            cure = f"use {other}"
        elif name not in ("rvs", "resample"):
            cure = f"use {', '.join(get_close_matches(name, methods, 1, 0.6) or methods)}"
        words = f"{self.name}: the distribution has no method {name!r}; {cure}"
        raise AttributeError(words, name=name, obj=self)

    def _arguments(self, method: str, names: Sequence[str], args: Any, given: Any) -> list[Any]:
        """Shape parameters, loc and, if there is one, scale, bound as in SciPy."""
        defaults = {"loc": 0, "scale": 1}
        who = f"{self.name}.{method}" if method else self.name
        if len(args) > len(names):
            raise TypeError(
                f"{who}: takes at most {len(names)} parameters, "
                f"{', '.join(names)}: got {len(args)}"
                "; leave the others out"
            )
        values = dict(zip(names, args, strict=False))
        for key, value in given.items():
            if key not in names or key in values:
                cure = (
                    load("funcgrad.answers.binding").keyword(key, names)
                    or f"its parameters are {', '.join(names)}"
                )
                raise TypeError(
                    f"{who}: "
                    f"{'given twice' if key in values else 'unexpected keyword argument'}: got "
                    f"{shown(key)}; {cure}"
                )
            values[key] = value
        missing = [name for name in names if name not in values and name not in defaults]
        if missing:
            raise TypeError(
                f"{who}: a parameter is missing: got no {', '.join(missing)}; write "
                f"{who}({'x, ' if method in OF_POINTS else ''}{', '.join(names)})"
            )
        return [values.get(name, defaults.get(name)) for name in names]

    @property
    def _names(self) -> list[str]:
        """The parameters, in their order."""
        return [*self.shapes.split(), "loc"]

    def support(self, *args: Any, **given: Any) -> tuple[Any, Any]:
        """The ends of the support; nan for invalid parameters."""
        *shapes, loc = floating(*self._arguments("support", self._names, args, given))
        good = self.valid(*shapes)
        low, high = (selected(good, loc + end, np.nan) for end in self.ends(*shapes))
        return low, high

    # inside the support, in standard form

    def _cdf(self, z: Any, *shapes: Any) -> Any:
        if self.cumulative is not None:
            return self.cumulative(z, *shapes)
        if self.log_cdf is not None:
            return np.exp(self.log_cdf(z, *shapes))
        return 1 - self._sf(z, *shapes)

    def _sf(self, z: Any, *shapes: Any) -> Any:
        if self.survival is not None:
            return self.survival(z, *shapes)
        if self.log_survival is not None:
            return np.exp(self.log_survival(z, *shapes))
        if self.cumulative is None and self.log_cdf is None:
            raise TypeError(f"{self.name}: the cumulative distribution is not implemented")
        return 1 - self._cdf(z, *shapes)

    def _logcdf(self, z: Any, *shapes: Any) -> Any:
        if self.log_cdf is not None:
            return self.log_cdf(z, *shapes)
        tail = self._sf(z, *shapes)  # log1p where the other tail is small and more accurate
        body = self._cdf(z, *shapes)
        return _log_of(body, tail)

    def _logsf(self, z: Any, *shapes: Any) -> Any:
        if self.log_survival is not None:
            return self.log_survival(z, *shapes)
        return _log_of(self._sf(z, *shapes), self._cdf(z, *shapes))


def _log_of(p: Any, rest: Any) -> Any:
    """log(p), where p + rest is 1."""
    large = p > 0.5
    return np.where(large, np.log1p(-np.where(large, rest, 0)), np.log(np.where(large, 1, p)))


@dataclass(frozen=True, repr=False)
class Continuous(Distribution):
    """Continuous distribution with SciPy's parameters: shapes, then loc=0 and scale=1.

    Every method takes points x (or probabilities q) and the parameters by position or name; all
    broadcast. float32 stays float32. Densities are 0 outside the support, and nan for invalid
    parameters, as in SciPy.

    >>> from funcgrad.scipy.stats import norm
    >>> print(norm.logpdf(0.0, loc=1.0, scale=2.0).round(6))
    -1.737086
    """

    closed: bool = True  # whether the formula holds at the ends of the support

    @property
    @override
    def _names(self) -> list[str]:
        return [*self.shapes.split(), "loc", "scale"]

    @override
    def support(self, *args: Any, **given: Any) -> tuple[Any, Any]:
        """The ends of the support; nan for invalid parameters."""
        *shapes, loc, scale = floating(*self._arguments("support", self._names, args, given))
        good = (scale > 0) & self.valid(*shapes)
        low, high = (selected(good, loc + scale * end, np.nan) for end in self.ends(*shapes))
        return low, high

    def logpdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """Logarithm of the density; -inf outside the support."""
        z, scale, shapes, good = self._standard("logpdf", x, args, given)
        with np.errstate(all="ignore"):
            low, high = self.ends(*shapes)
            beyond = (z < low) | (z > high) if self.closed else (z <= low) | (z >= high)
            beyond = beyond | np.isinf(z)
            y = self.log_density(
                np.where(beyond, _interior_point(low, high, z), z), *shapes
            ) - np.log(scale)
            return selected(good, np.where(beyond, -np.inf, y), np.nan)

    def pdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """Density; 0 outside the support."""
        return np.exp(self.logpdf(x, *args, **given))

    def cdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """Cumulative distribution function: probability of a value <= x."""
        return self._tail("cdf", self._cdf, (0, 1), x, args, given)

    def sf(self, x: Any, *args: Any, **given: Any) -> Any:
        """Survival function 1 - cdf(x), in full precision."""
        return self._tail("sf", self._sf, (1, 0), x, args, given)

    def logcdf(self, x: Any, *args: Any, **given: Any) -> Any:
        """Logarithm of cdf(x)."""
        return self._tail("logcdf", self._logcdf, (-np.inf, 0), x, args, given)

    def logsf(self, x: Any, *args: Any, **given: Any) -> Any:
        """Logarithm of sf(x)."""
        return self._tail("logsf", self._logsf, (0, -np.inf), x, args, given)

    def ppf(self, q: Any, *args: Any, **given: Any) -> Any:
        """Quantile, the inverse of cdf; nan for q outside [0, 1]."""
        return self._point("ppf", self.quantile or self._inverse(False), False, q, args, given)

    def isf(self, q: Any, *args: Any, **given: Any) -> Any:
        """Inverse of sf; nan for q outside [0, 1]."""
        upper, lower = self.upper_quantile, self.quantile
        if upper is None and lower is not None:
            upper = lambda q, *shapes: lower(1 - q, *shapes)
        return self._point("isf", upper or self._inverse(True), True, q, args, given)

    def _inverse(self, upper: bool) -> Formula | None:
        """The root of the cdf, or of the survival function; None without these."""
        if all(
            f is None for f in (self.cumulative, self.log_cdf, self.survival, self.log_survival)
        ):
            return None
        logs = self._logcdf, self._logsf
        tail = self._sf if upper else self._cdf
        return inverted(tail, logs, self.log_density, self.ends, upper)

    def _split(self, method: str, x: Any, args: Any, given: Any) -> tuple[Any, ...]:
        """x, loc, scale, the shape parameters, and the mask of valid parameters."""
        x, *shapes, loc, scale = floating(x, *self._arguments(method, self._names, args, given))
        good = (scale > 0) & self.valid(*shapes) & (x == x)  # not nan
        return x, loc, np.where(scale > 0, scale, 1), shapes, good

    def _standard(self, method: str, x: Any, args: Any, given: Any) -> tuple[Any, ...]:
        x, loc, scale, shapes, good = self._split(method, x, args, given)
        with np.errstate(all="ignore"):
            return (x - loc) / scale, scale, shapes, good

    def _tail(
        self,
        method: str,
        formula: Formula,
        ends: tuple[float, float],
        x: Any,
        args: Any,
        given: Any,
    ) -> Any:
        z, _, shapes, good = self._standard(method, x, args, given)
        with np.errstate(all="ignore"):
            low, high = self.ends(*shapes)
            below, above = z <= low, z >= high
            y = formula(np.where(below | above, _interior_point(low, high, z), z), *shapes)
            y = np.where(below, ends[0], np.where(above, ends[1], y))
            return selected(good, y, np.nan)

    def _point(
        self, method: str, formula: Formula | None, upper: bool, q: Any, args: Any, given: Any
    ) -> Any:
        if formula is None:
            raise TypeError(f"{self.name}.{method}: the quantiles are not implemented")
        q, loc, scale, shapes, good = self._split(method, q, args, given)
        with np.errstate(all="ignore"):
            low, high = self.ends(*shapes)[:: -1 if upper else 1]
            inner = (q > 0) & (q < 1)
            z = formula(np.where(inner, q, 0.5), *shapes)
            end = np.where(q == 0, low, np.where(q == 1, high, np.nan))
            z = np.where(inner, z, cast(end, dtype_of(q)))
            return selected(good, loc + scale * z, np.nan)


@dataclass(frozen=True, repr=False)
class Discrete(Distribution):
    """Discrete distribution on the integers k with SciPy's parameters: shapes, then loc=0.

    The probability of a non-integer is 0; cumulative functions count the integers <= k.

    >>> from funcgrad.scipy.stats import poisson
    >>> print(poisson.pmf(2, 3.0).round(6))
    0.224042
    """

    def logpmf(self, k: Any, *args: Any, **given: Any) -> Any:
        """Logarithm of the probability of k; -inf outside the support."""
        k, shapes, good = self._shifted("logpmf", k, args, given)
        with np.errstate(all="ignore"):
            low, high = self.ends(*shapes)
            beyond = (k < low) | (k > high) | (np.floor(k) != k) | np.isinf(k)
            beyond = beyond & ~np.isnan(k)
            y = self.log_density(np.where(beyond, first_count(low), k), *shapes)
            return selected(good, np.where(beyond, -np.inf, y), np.nan)

    def pmf(self, k: Any, *args: Any, **given: Any) -> Any:
        """Probability of k; 0 outside the support."""
        return np.exp(self.logpmf(k, *args, **given))

    def cdf(self, k: Any, *args: Any, **given: Any) -> Any:
        """Cumulative distribution function: probability of a value <= k."""
        return self._tail("cdf", self._cdf, (0, 1), k, args, given)

    def sf(self, k: Any, *args: Any, **given: Any) -> Any:
        """Survival function 1 - cdf(k), in full precision."""
        return self._tail("sf", self._sf, (1, 0), k, args, given)

    def logcdf(self, k: Any, *args: Any, **given: Any) -> Any:
        """Logarithm of cdf(k)."""
        return self._tail("logcdf", self._logcdf, (-np.inf, 0), k, args, given)

    def logsf(self, k: Any, *args: Any, **given: Any) -> Any:
        """Logarithm of sf(k)."""
        return self._tail("logsf", self._logsf, (0, -np.inf), k, args, given)

    def ppf(self, q: Any, *args: Any, **given: Any) -> Any:
        """Smallest k with cdf(k) >= q, without a derivative; nan for q outside [0, 1]."""
        return self._least(
            "ppf", lambda k, q, *shapes: self._cdf(k, *shapes) >= q, 0, q, args, given
        )

    def isf(self, q: Any, *args: Any, **given: Any) -> Any:
        """Smallest k with sf(k) <= q, without a derivative; nan for q outside [0, 1]."""
        return self._least(
            "isf", lambda k, q, *shapes: self._sf(k, *shapes) <= q, 1, q, args, given
        )

    def _least(
        self, method: str, reached: Formula, lowest: int, q: Any, args: Any, given: Any
    ) -> Any:
        """The smallest integer that a predicate holds for; below all of them at ``lowest``."""
        q, *shapes, loc = floating(q, *self._arguments(method, self._names, args, given))
        q, *shapes = map(stop_gradient, (q, *shapes))
        with np.errstate(all="ignore"):
            good = self.valid(*shapes)
            low, high = (cast(0 * q + end, dtype_of(q)) for end in self.ends(*shapes))
            inner = (q > 0) & (q < 1)
            k = least(lambda k: reached(k, np.where(inner, q, 0.5), *shapes), low, high)
            end = np.where(q == lowest, low - 1, np.where(q == 1 - lowest, high, np.nan))
            return selected(good, np.where(inner, k, end) + loc, np.nan)

    def _shifted(self, method: str, k: Any, args: Any, given: Any) -> tuple[Any, ...]:
        k, *shapes, loc = floating(k, *self._arguments(method, self._names, args, given))
        return k - loc, shapes, self.valid(*shapes)

    def _tail(
        self,
        method: str,
        formula: Formula,
        ends: tuple[float, float],
        k: Any,
        args: Any,
        given: Any,
    ) -> Any:
        k, shapes, good = self._shifted(method, k, args, given)
        with np.errstate(all="ignore"):
            low, high = self.ends(*shapes)
            k = np.floor(k)
            below, above = k < low, k >= high
            y = formula(np.where(below | above, first_count(low), k), *shapes)
            y = np.where(below, ends[0], np.where(above, ends[1], y))
            return selected(good, y, np.nan)


def _interior_point(low: Any, high: Any, like: Any) -> Any:
    """Point inside an interval with finite or infinite ends, in the dtype of ``like``."""
    low, high = stop_gradient(low), stop_gradient(high)
    left = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0) - 1)
    return cast((left + np.where(np.isfinite(high), high, left + 2)) / 2, dtype_of(like))
