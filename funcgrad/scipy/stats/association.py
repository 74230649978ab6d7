"""Regression, correlation and ranks of samples, differentiable but for ranks."""

import math
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ...special import betainc, betaincc, stdtr
from ...transforms.batching import vmap
from .summaries import sample


class SignificanceResult(NamedTuple):
    """A statistic, and the probability of one as extreme."""

    statistic: Any
    pvalue: Any


class LinregressResult(NamedTuple):
    """A line, the correlation, its p-value, and the standard errors of slope and intercept."""

    slope: Any
    intercept: Any
    rvalue: Any
    pvalue: Any
    stderr: Any
    intercept_stderr: Any


def tails(who: str, lower: Any, upper: Any, alternative: str) -> Any:
    """The p-value of a statistic from the probabilities below and above it."""
    if alternative == "less":
        return lower
    if alternative == "greater":
        return upper
    if alternative != "two-sided":
        raise ValueError(f"{who}: alternative must be 'two-sided', 'less' or 'greater': got "
                         f"{shown(alternative)}")  # fmt: skip
    return np.minimum(2 * np.minimum(lower, upper), 1)


def tails_of_t(who: str, t: Any, df: Any, alternative: str) -> Any:
    """The p-value of Student's t."""
    return tails(who, stdtr(df, t), stdtr(df, -t), alternative)


def _pair(who: str, x: Any, y: Any, axis: int) -> tuple[Any, Any, int]:
    x, y = sample(who, x), sample(who, y)
    if shape_of(x)[axis] != shape_of(y)[axis]:
        raise ShapeError(f"{who}: x and y must have equal lengths: got {aval_of(x)} and "
                         f"{aval_of(y)}")  # fmt: skip
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    if shape_of(x)[-1] < 2:
        raise ShapeError(f"{who}: x and y must have 2 or more elements: got {aval_of(x)}")
    return x, y, shape_of(x)[-1]


@answering
def linregress(
    x: Any, y: Any, alternative: str = "two-sided", *, axis: int = 0,
    nan_policy: str = "propagate",
) -> LinregressResult:  # fmt: skip
    """Line of least squares through points, with the test that its slope is 0.

    Args:
        x, y: samples of equal shape.
        alternative: ``"two-sided"``, ``"less"`` or ``"greater"``, of the slope.

    >>> print(linregress(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])).slope)
    2.0
    """
    x, y, n = _pair("linregress", sample("linregress", x, nan_policy), y, axis)
    mean_x, mean_y = np.mean(x, axis=-1), np.mean(y, axis=-1)
    xx, xy, yy = _moments(x, y)
    slope, r = xy / xx, _correlation(xx, xy, yy)
    if n == 2:
        p, error = np.where(y[..., 0] == y[..., 1], 1.0, 0.0), 0.0 * slope
    else:
        tiny = np.finfo(dtype_of(r)).tiny
        t = r * np.sqrt((n - 2) / ((1 - r + tiny) * (1 + r + tiny)))
        p = tails_of_t("linregress", t, n - 2.0, alternative)
        error = np.sqrt((1 - r * r) * yy / xx / (n - 2))
    spread = error * np.sqrt(xx / n + mean_x * mean_x)
    return LinregressResult(slope, mean_y - slope * mean_x, r, p, error, spread)


def _moments(x: Any, y: Any) -> tuple[Any, Any, Any]:
    x, y = (v - np.mean(v, axis=-1, keepdims=True) for v in (x, y))
    return np.sum(x * x, axis=-1), np.sum(x * y, axis=-1), np.sum(y * y, axis=-1)


def _correlation(xx: Any, xy: Any, yy: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        r = xy / (np.sqrt(xx) * np.sqrt(yy))
    return np.maximum(np.minimum(r, 1), -1)


@answering
def pearsonr(
    x: Any, y: Any, *, alternative: str = "two-sided", method: Any = None, axis: int = 0
) -> SignificanceResult:
    """Correlation coefficient, with the test that it is 0 for normal samples.

    Args:
        method: None.

    >>> print(pearsonr(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 2.0])).statistic.round(6))
    0.5
    """
    if method is not None:
        raise UnsupportedError(f"pearsonr: method must be None: got {type(method).__name__}")
    x, y, n = _pair("pearsonr", x, y, axis)
    r = _correlation(*_moments(x, y))
    if n == 2:
        return SignificanceResult(r, 0.0 * r + 1)
    half, place = 0.5 * n - 1, 0.5 * (r + 1)
    lower, upper = betainc(half, half, place), betaincc(half, half, place)
    return SignificanceResult(r, tails("pearsonr", lower, upper, alternative))


@answering
def pointbiserialr(
    x: Any, y: Any, *, axis: int = 0, nan_policy: str = "propagate"
) -> SignificanceResult:
    """Correlation coefficient of booleans and numbers; see pearsonr.

    >>> print(pointbiserialr(np.array([False, True, True]), np.array([0.0, 1.0, 1.0])).statistic)
    1.0
    """
    return pearsonr(sample("pointbiserialr", x, nan_policy), y, axis=axis)


@answering
def spearmanr(
    a: Any, b: Any = None, axis: int = 0, nan_policy: str = "propagate",
    alternative: str = "two-sided",
) -> SignificanceResult:  # fmt: skip
    """Correlation coefficient of ranks, with the test that it is 0; without a derivative.

    Args:
        a, b: two vectors, or in ``a`` two columns (rows with ``axis=1``).

    >>> print(spearmanr(np.array([1.0, 2.0, 9.0]), np.array([1.0, 3.0, 2.0])).statistic.round(6))
    0.5
    """
    a = sample("spearmanr", a, nan_policy)
    if b is None:
        if len(shape_of(a)) != 2 or shape_of(a)[1 - axis] != 2:
            raise ShapeError(f"spearmanr: a must have two columns without b: got {aval_of(a)}")
        a, b = np.moveaxis(a, axis, -1)[0], np.moveaxis(a, axis, -1)[1]
        axis = 0
    x, y, n = _pair("spearmanr", a, b, axis)
    r = _correlation(*_moments(*(rankdata(v, axis=-1) for v in (x, y))))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = r * np.sqrt((n - 2) / np.maximum((1 - r) * (1 + r), 0))
    return SignificanceResult(r, tails_of_t("spearmanr", t, n - 2.0, alternative))


_METHODS = ("average", "min", "max", "dense", "ordinal")


@answering
def rankdata(
    a: Any, method: str = "average", *, axis: int | None = None, nan_policy: str = "propagate"
) -> Any:
    """Ranks from 1 on, without a derivative; of equal elements the mean rank, or as ``method``.

    Args:
        method: ``"average"``, ``"min"``, ``"max"``, ``"dense"`` or ``"ordinal"``.

    >>> print(rankdata(np.array([0.0, 2.0, 3.0, 2.0])))
    [1.  2.5 4.  2.5]
    """
    if method not in _METHODS:
        raise ValueError(f"rankdata: method must be one of {', '.join(map(repr, _METHODS))}: got "
                         f"{shown(method)}")  # fmt: skip
    sample("rankdata", 0.0, nan_policy)
    a = stop_gradient(operand(a))
    shape = shape_of(a)
    a, along = (np.ravel(a), 0) if axis is None else (a, axis)
    rows = np.moveaxis(a, along, -1)
    flat = np.reshape(rows, (math.prod(shape_of(rows)[:-1]), shape_of(rows)[-1]))
    ranks = np.reshape(vmap(lambda row: _ranks(row, method))(flat), shape_of(rows))
    ranks = np.moveaxis(ranks, -1, along)
    kept = shape_of(a) if axis is None else shape
    return np.reshape(ranks, kept)


def _ranks(a: Any, method: str) -> Any:
    if method == "ordinal":
        return np.argsort(np.argsort(a, kind="stable"), kind="stable") + 1
    ordered = np.sort(a)
    below = np.searchsorted(ordered, a, "left")
    if method == "min":
        return below + 1
    if method == "dense":
        steps = np.concatenate([np.ones(1, bool), ordered[1:] != ordered[:-1]])
        return np.cumsum(steps)[below]
    upto = np.searchsorted(ordered, a, "right")
    nan = np.isnan(a).any() if dtype_of(a).kind == "f" else False
    return upto if method == "max" else np.where(nan, np.nan, 0.5 * (below + upto + 1))
