"""Tests of normality, of equal variances, and of several p-values together."""

import math
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops.operand import operand
from ...special import chdtr, chdtrc, ndtr, ndtri
from .association import SignificanceResult, tails
from .significance import f_oneway
from .summaries import Axis, kurtosis, sample, size_along, skew


def _of_normal(who: str, z: Any, alternative: str) -> SignificanceResult:
    return SignificanceResult(z, tails(who, ndtr(z), ndtr(-z), alternative))


def _enough(who: str, n: int, least: int) -> int:
    if n < least:
        raise ShapeError(f"{who}: {least} or more elements are needed: got {n}")
    return n


@answering
def skewtest(
    a: Any, axis: Axis = 0, nan_policy: str = "propagate", alternative: str = "two-sided", *,
    keepdims: bool = False,
) -> SignificanceResult:  # fmt: skip
    """Test that a sample has the skewness of a normal one.

    Source: D'Agostino, Belanger & D'Agostino 1990, American Statistician 44.

    >>> print(skewtest(np.arange(9.0)).pvalue)
    1.0
    """
    a = sample("skewtest", a, nan_policy)
    n = _enough("skewtest", size_along(a, axis), 8)
    y = skew(a, axis, keepdims=keepdims) * math.sqrt((n + 1) * (n + 3) / (6.0 * (n - 2)))
    beta = 3.0 * (n * n + 27 * n - 70) * (n + 1) * (n + 3)
    beta /= (n - 2.0) * (n + 5) * (n + 7) * (n + 9)
    square = -1 + math.sqrt(2 * (beta - 1))
    delta, alpha = 1 / math.sqrt(0.5 * math.log(square)), math.sqrt(2 / (square - 1))
    return _of_normal("skewtest", delta * np.arcsinh(y / alpha), alternative)


@answering
def kurtosistest(
    a: Any, axis: Axis = 0, nan_policy: str = "propagate", alternative: str = "two-sided", *,
    keepdims: bool = False,
) -> SignificanceResult:  # fmt: skip
    """Test that a sample has the kurtosis of a normal one.

    Source: Anscombe & Glynn 1983, Biometrika 70.

    >>> print(kurtosistest(np.arange(9.0)).statistic.round(6))
    -0.907712
    """
    a = sample("kurtosistest", a, nan_policy)
    n = _enough("kurtosistest", size_along(a, axis), 5)
    mean = 3.0 * (n - 1) / (n + 1)
    variance = 24.0 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3.0) * (n + 5))
    x = (kurtosis(a, axis, False, keepdims=keepdims) - mean) / math.sqrt(variance)
    root = 6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
    root *= math.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    c = 6 + 8 / root * (2 / root + math.sqrt(1 + 4 / root**2))
    z = 1 - 2 / (9 * c) - np.cbrt((1 - 2 / c) / (1 + x * math.sqrt(2 / (c - 4))))
    return _of_normal("kurtosistest", z / math.sqrt(2 / (9 * c)), alternative)


@answering
def normaltest(
    a: Any, axis: Axis = 0, nan_policy: str = "propagate", *, keepdims: bool = False
) -> SignificanceResult:
    """Test of normality by the sum of the squares of skewtest and kurtosistest.

    >>> print(normaltest(np.arange(9.0)).statistic.round(6))
    0.823942
    """
    a = sample("normaltest", a, nan_policy)
    parts = [f(a, axis, keepdims=keepdims).statistic for f in (skewtest, kurtosistest)]
    y = parts[0] ** 2 + parts[1] ** 2
    return SignificanceResult(y, chdtrc(2.0, y))


@answering
def bartlett(
    *samples: Any, axis: int = 0, nan_policy: str = "propagate"
) -> SignificanceResult:  # fmt: skip
    """Test that normal samples have equal variances.

    >>> print(bartlett(np.array([0.0, 1.0]), np.array([0.0, 1.0])).pvalue)
    1.0
    """
    groups = [sample("bartlett", a, nan_policy) for a in samples]
    free = [shape_of(a)[axis] - 1.0 for a in groups]
    k, total = len(groups), sum(free)
    variances = [np.var(a, axis=axis, ddof=1) for a in groups]
    pooled: Any = sum(n * v for n, v in zip(free, variances, strict=True)) / total
    own: Any = sum(n * np.log(v) for n, v in zip(free, variances, strict=True))
    scale = 1 + (sum(1 / n for n in free) - 1 / total) / (3 * (k - 1))
    y = (total * np.log(pooled) - own) / scale
    return SignificanceResult(y, chdtrc(k - 1.0, y))


@answering
def levene(
    *samples: Any, center: str = "median", proportiontocut: float = 0.05, axis: int = 0,
    nan_policy: str = "propagate",
) -> SignificanceResult:  # fmt: skip
    """Test that samples have equal variances, by distances from their medians, or means.

    Args:
        center: ``"median"`` or ``"mean"``.
        proportiontocut: without effect.

    >>> print(levene(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 3.0])).pvalue)
    1.0
    """
    centers: dict[str, Any] = {"median": np.median, "mean": np.mean}
    if center not in centers:
        raise ValueError(f"levene: center must be 'median' or 'mean': got {shown(center)}")
    groups = [sample("levene", a, nan_policy) for a in samples]
    apart = [np.abs(a - centers[center](a, axis=axis, keepdims=True)) for a in groups]
    return f_oneway(*apart, axis=axis)


_COMBINED = ("fisher", "pearson", "tippett", "stouffer")


@answering
def combine_pvalues(
    pvalues: Any, method: str = "fisher", weights: Any = None, *, axis: int = 0,
    nan_policy: str = "propagate", keepdims: bool = False,
) -> SignificanceResult:  # fmt: skip
    """P-value of independent tests together.

    Args:
        method: ``"fisher"``, ``"pearson"``, ``"tippett"`` or ``"stouffer"``.
        weights: of ``"stouffer"``, like ``pvalues``.

    >>> print(combine_pvalues(np.array([0.1, 0.2])).pvalue.round(6))
    0.09824
    """
    p = sample("combine_pvalues", pvalues, nan_policy)
    count = size_along(p, axis)
    along: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    if method == "fisher":
        y = -2 * np.sum(np.log(p), **along)
        return SignificanceResult(y, chdtrc(2.0 * count, y))
    if method == "pearson":
        y = 2 * np.sum(np.log1p(-p), **along)
        return SignificanceResult(y, chdtr(2.0 * count, -y))
    if method == "tippett":
        y = np.min(p, **along)
        return SignificanceResult(y, -np.expm1(count * np.log1p(-y)))
    if method != "stouffer":
        raise ValueError(f"combine_pvalues: method must be one of "
                         f"{', '.join(map(repr, _COMBINED))}: got {shown(method)}")  # fmt: skip
    w = np.ones(shape_of(p), p.dtype) if weights is None else operand(weights)
    y = -np.sum(w * ndtri(p), **along) / np.sqrt(np.sum(w * w + 0 * p, **along))
    return SignificanceResult(y, ndtr(-y))
