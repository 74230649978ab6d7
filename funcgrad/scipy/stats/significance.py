"""Tests of means, of counts and of normality: statistics and p-values with derivatives."""

from typing import Any, NamedTuple

import numpy as np

from ...core.avals import shape_of
from ...core.errors import UnsupportedError, shown
from ...core.lazy import answering
from ...ops.operand import operand
from ...special import chdtrc, fdtrc, xlogy
from .association import SignificanceResult, tails_of_t
from .summaries import Axis, kurtosis, sample, size_along, skew


class TtestResult(NamedTuple):
    """A statistic, its p-value, and the degrees of freedom."""

    statistic: Any
    pvalue: Any
    df: Any


@answering
def ttest_1samp(
    a: Any, popmean: Any, axis: Axis = 0, nan_policy: str = "propagate",
    alternative: str = "two-sided",
) -> TtestResult:  # fmt: skip
    """Student's test that the mean of a normal sample has a value.

    >>> print(ttest_1samp(np.array([1.0, 3.0]), 0.0).statistic)
    2.0
    """
    a = sample("ttest_1samp", a, nan_policy)
    n = size_along(a, axis)
    error = np.sqrt(np.var(a, axis=axis, ddof=1) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (np.mean(a, axis=axis) - operand(popmean)) / error
    df = np.full(shape_of(t), n - 1)[()]
    return TtestResult(t, tails_of_t("ttest_1samp", t, n - 1.0, alternative), df)


@answering
def ttest_rel(
    a: Any, b: Any, axis: Axis = 0, nan_policy: str = "propagate", alternative: str = "two-sided"
) -> TtestResult:
    """Student's test that the mean of differences of pairs is 0.

    >>> print(ttest_rel(np.array([1.0, 4.0]), np.array([0.0, 1.0])).statistic)
    2.0
    """
    a, b = sample("ttest_rel", a, nan_policy), sample("ttest_rel", b)
    return ttest_1samp(a - b, 0.0, axis, alternative=alternative)


@answering
def ttest_ind(
    a: Any, b: Any, *, axis: Axis = 0, equal_var: bool = True, nan_policy: str = "propagate",
    alternative: str = "two-sided", trim: float = 0, method: Any = None,
) -> TtestResult:  # fmt: skip
    """Student's test that two normal samples have equal means; Welch's with ``equal_var=False``.

    Args:
        trim, method: 0 and None.

    >>> print(ttest_ind(np.array([1.0, 3.0]), np.array([-1.0, 1.0])).statistic.round(6))
    1.414214
    """
    if trim or method is not None:
        raise UnsupportedError(f"ttest_ind: trim must be 0 and method None: got {shown(trim)} and "
                               f"{shown(method)}")  # fmt: skip
    a, b = sample("ttest_ind", a, nan_policy), sample("ttest_ind", b)
    m, n = float(size_along(a, axis)), float(size_along(b, axis))
    va, vb = np.var(a, axis=axis, ddof=1), np.var(b, axis=axis, ddof=1)
    square, df = _spread(va, vb, m, n, equal_var)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (np.mean(a, axis=axis) - np.mean(b, axis=axis)) / np.sqrt(square)
    p = tails_of_t("ttest_ind", t, df, alternative)
    return TtestResult(t, p, np.broadcast_to(df, shape_of(t))[()])


@answering
def ttest_ind_from_stats(
    mean1: Any, std1: Any, nobs1: Any, mean2: Any, std2: Any, nobs2: Any,
    equal_var: bool = True, alternative: str = "two-sided",
) -> SignificanceResult:  # fmt: skip
    """ttest_ind of two samples of which means, standard deviations and sizes are known.

    >>> print(ttest_ind_from_stats(2.0, 2**0.5, 2, 0.0, 2**0.5, 2).statistic.round(6))
    1.414214
    """
    one, two = operand(std1) ** 2, operand(std2) ** 2
    square, df = _spread(one, two, operand(nobs1), operand(nobs2), equal_var)
    t = (operand(mean1) - operand(mean2)) / np.sqrt(square)
    return SignificanceResult(t, tails_of_t("ttest_ind_from_stats", t, df, alternative))


def _spread(va: Any, vb: Any, m: Any, n: Any, equal_var: bool) -> tuple[Any, Any]:
    """The variance of the difference of two means, and the degrees of freedom."""
    if equal_var:
        df: Any = m + n - 2.0
        return ((m - 1) * va + (n - 1) * vb) / df * (1 / m + 1 / n), df
    square = va / m + vb / n
    return square, square**2 / ((va / m) ** 2 / (m - 1) + (vb / n) ** 2 / (n - 1))


@answering
def f_oneway(
    *samples: Any, axis: int = 0, equal_var: bool = True, nan_policy: str = "propagate"
) -> SignificanceResult:
    """Test that normal samples of one variance have equal means.

    >>> print(f_oneway(np.array([1.0, 3.0]), np.array([-1.0, 1.0])).statistic.round(6))
    2.0
    """
    if not equal_var:
        raise UnsupportedError("f_oneway: equal_var must be True: got False; there is ttest_ind")
    groups = [sample("f_oneway", a, nan_policy) for a in samples]
    means = [np.mean(a, axis=axis, keepdims=True) for a in groups]
    sizes = [shape_of(a)[axis] for a in groups]
    total, count = sum(sizes), len(groups)
    grand: Any = sum(n * m for n, m in zip(sizes, means, strict=True)) / total
    between: Any = sum(n * (m - grand) ** 2 for n, m in zip(sizes, means, strict=True))
    within: Any = sum(
        np.sum((a - m) ** 2, axis=axis, keepdims=True)
        for a, m in zip(groups, means, strict=True)
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        f = np.squeeze(between / (count - 1) / (within / (total - count)), axis)
    return SignificanceResult(f, fdtrc(count - 1.0, float(total - count), f))


_POWERS = {
    "pearson": 1, "log-likelihood": 0, "freeman-tukey": -0.5, "mod-log-likelihood": -1,
    "neyman": -2, "cressie-read": 2 / 3,
}  # fmt: skip


@answering
def power_divergence(
    f_obs: Any, f_exp: Any = None, ddof: int = 0, axis: Axis = 0, lambda_: Any = None, *,
    nan_policy: str = "propagate",
) -> SignificanceResult:  # fmt: skip
    """Test that counts have expected values, by the divergence of Cressie and Read.

    Args:
        f_exp: expected counts, by default their mean.
        lambda_: the power, or its name, as ``"log-likelihood"`` for G tests; by default 1.

    >>> print(power_divergence(np.array([1.0, 3.0])).statistic)
    1.0
    """
    observed = sample("power_divergence", f_obs, nan_policy)
    power = 1 if lambda_ is None else _POWERS.get(lambda_, lambda_)
    if isinstance(power, str):
        raise ValueError(f"power_divergence: lambda_ must be a number or one of "
                         f"{', '.join(map(repr, _POWERS))}: got {shown(lambda_)}")  # fmt: skip
    if f_exp is None:
        expected = np.mean(observed, axis=axis, keepdims=True)
    else:
        expected = sample("power_divergence", f_exp)
    if power == 1:
        terms = (observed - expected) ** 2 / expected
    elif power == 0:
        terms = 2 * xlogy(observed, observed / expected)
    elif power == -1:
        terms = 2 * xlogy(expected, expected / observed)
    else:
        terms = observed * ((observed / expected) ** power - 1) / (0.5 * power * (power + 1))
    y = np.sum(terms, axis=axis)
    df = size_along(terms, axis) - 1.0 - ddof
    return SignificanceResult(y, chdtrc(df, y))


@answering
def chisquare(
    f_obs: Any, f_exp: Any = None, ddof: int = 0, axis: Axis = 0, *, sum_check: bool = True
) -> SignificanceResult:
    """Pearson's test that counts have expected values.

    Args:
        f_exp: expected counts, by default their mean.
        sum_check: without effect: sums are not compared.

    >>> print(chisquare(np.array([1.0, 3.0])).statistic)
    1.0
    """
    return power_divergence(f_obs, f_exp, ddof, axis, 1)


@answering
def jarque_bera(
    x: Any, *, axis: Axis = None, nan_policy: str = "propagate"
) -> SignificanceResult:  # fmt: skip
    """Test of normality by skewness and kurtosis.

    >>> print(jarque_bera(np.array([-1.0, 0.0, 1.0])).statistic)
    0.28125
    """
    x = sample("jarque_bera", x, nan_policy)
    shape = skew(x, axis) ** 2 + 0.25 * kurtosis(x, axis) ** 2
    y = size_along(x, axis) / 6 * shape
    return SignificanceResult(y, chdtrc(2.0, y))
