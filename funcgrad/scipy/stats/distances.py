"""Distances of distributions that are given by samples, and tests by the largest one."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...ops.stop_gradient import stop_gradient
from .mixed import kstwobign
from .samples import ksone, kstwo
from .summaries import sample


class KstestResult(NamedTuple):
    """The largest distance, its p-value, where it is, and whether the first cdf is above there."""

    statistic: Any
    pvalue: Any
    statistic_location: Any
    statistic_sign: Any


def _vector(who: str, x: Any) -> Any:
    x = sample(who, x)
    if len(shape_of(x)) != 1:
        raise ShapeError(f"{who}: samples must be vectors: got {aval_of(x)}; use ravel")
    return x


def _cdf(who: str, x: Any, weights: Any, points: Any) -> Any:
    """The share of a sample at or below points."""
    order = np.argsort(x)
    count = np.searchsorted(x[order], points, "right")
    if weights is None:
        return count / shape_of(x)[0]
    total = np.cumsum(_vector(who, weights)[order])
    return np.concatenate([0 * total[:1], total])[count] / total[-1]


def _gaps(who: str, u: Any, v: Any, u_weights: Any, v_weights: Any) -> tuple[Any, Any]:
    u, v = _vector(who, u), _vector(who, v)
    points = np.sort(np.concatenate([u, v]))
    inner = points[:-1]
    return _cdf(who, u, u_weights, inner) - _cdf(who, v, v_weights, inner), np.diff(points)


@answering
def wasserstein_distance(
    u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None
) -> Any:
    """Integral of the distance of two cdfs, differentiable in samples and weights.

    >>> print(wasserstein_distance(np.array([0.0, 1.0]), np.array([2.0, 3.0])))
    2.0
    """
    gap, width = _gaps("wasserstein_distance", u_values, v_values, u_weights, v_weights)
    return np.sum(np.abs(gap) * width)


@answering
def energy_distance(
    u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None
) -> Any:
    """Root of twice the integral of the squared distance of two cdfs.

    >>> print(energy_distance(np.array([0.0]), np.array([2.0])))
    2.0
    """
    gap, width = _gaps("energy_distance", u_values, v_values, u_weights, v_weights)
    return np.sqrt(2 * np.sum(gap * gap * width))


def _largest(who: str, above: Any, below: Any, points: Any, alternative: str) -> tuple[Any, ...]:
    """The largest of the distances above and below, where it is, and its sign."""
    first, last = np.argmax(above), np.argmax(below)
    if alternative == "greater":
        return above[first], points[first], 1
    if alternative == "less":
        return below[last], points[last], -1
    if alternative != "two-sided":
        raise ValueError(f"{who}: alternative must be 'two-sided', 'less' or 'greater': got "
                         f"{shown(alternative)}")  # fmt: skip
    up = above[first] > below[last]
    y = np.maximum(above[first], below[last])
    return y, np.where(up, points[first], points[last]), np.where(up, 1, -1)


@answering
def ks_1samp(
    x: Any, cdf: Callable[..., Any], args: tuple[Any, ...] = (), alternative: str = "two-sided",
    method: str = "auto", *, nan_policy: str = "propagate",
) -> KstestResult:  # fmt: skip
    """Kolmogorov's and Smirnov's test of a sample: the largest distance from a cdf.

    Args:
        x: vector of n elements.
        cdf: function of arrays, and of ``args``.
        alternative: ``"two-sided"``, ``"less"`` or ``"greater"``.
        method: ``"auto"`` or ``"exact"``; ``"asymp"`` for the limit of large n of the
            two-sided p-value.

    >>> print(ks_1samp(np.array([0.2, 0.4]), lambda x: x).statistic)
    0.6
    """
    asymptotic = _is_asymptotic("ks_1samp", method)
    x = np.sort(_vector("ks_1samp", sample("ks_1samp", x, nan_policy)))
    n, values = shape_of(x)[0], cdf(x, *args)
    rank = np.arange(n)
    y, place, sign = _largest(
        "ks_1samp", (rank + 1.0) / n - values, values - rank / n, x, alternative
    )
    if alternative == "two-sided":
        p = kstwobign.sf(math.sqrt(n) * y) if asymptotic else kstwo.sf(y, n)
    else:
        p = ksone.sf(y, n)
    return KstestResult(y, p, place, sign)


def _is_asymptotic(who: str, method: str) -> bool:
    if method not in ("auto", "exact", "asymp"):
        raise UnsupportedError(f"{who}: method must be 'auto', 'exact' or 'asymp': got "
                               f"{shown(method)}")  # fmt: skip
    return method == "asymp"


@answering
def ks_2samp(
    data1: Any, data2: Any, alternative: str = "two-sided", method: str = "auto", *,
    nan_policy: str = "propagate",
) -> KstestResult:  # fmt: skip
    """Kolmogorov's and Smirnov's test of two samples: the largest distance of their cdfs.

    Args:
        data1, data2: vectors.
        alternative: ``"two-sided"``, ``"less"`` or ``"greater"``.
        method: ``"auto"`` or ``"exact"``: the probability of paths in a lattice.

    Neither the statistic nor the p-value has a derivative.

    Source: Hodges 1958, "The significance probability of the Smirnov two-sample test".

    >>> print(ks_2samp(np.array([1.0, 2.0]), np.array([3.0, 4.0])).pvalue.round(6))
    0.333333
    """
    x, y = (stop_gradient(_vector("ks_2samp", sample("ks_2samp", v, nan_policy)))
            for v in (data1, data2))  # fmt: skip
    if _is_asymptotic("ks_2samp", method):
        raise UnsupportedError("ks_2samp: method must be 'auto' or 'exact': got 'asymp'")
    points = np.sort(np.concatenate([x, y]))
    gap = _cdf("ks_2samp", x, None, points) - _cdf("ks_2samp", y, None, points)
    d, place, sign = _largest("ks_2samp", gap, -gap, points, alternative)
    m, n = shape_of(x)[0], shape_of(y)[0]
    return KstestResult(d, _outside(d, m, n, alternative == "two-sided"), place, sign)


def _outside(d: Any, m: int, n: int, both: bool) -> Any:
    """The share of the paths from (0, 0) to (m, n) that reach a distance d from the diagonal."""
    cells = np.rint(d * (m * n))  # distances are multiples of 1 / m n
    i = np.arange(m + 1)
    share = np.where(cells <= 0, np.ones(m + 1), 0)
    for length in range(1, m + n + 1):
        j = length - i
        distance = i * n - j * m
        reached = (np.abs(distance) if both else distance) >= cells
        before = np.concatenate([share[:1] * 0, share[:-1]])  # of i - 1
        mixed = (before * i + share * j) / length
        share = np.where((j >= 0) & (j <= n), np.where(reached, 1, mixed), 0)
    return share[m]
