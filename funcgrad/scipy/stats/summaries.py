"""Statistics of samples: means, moments and measures of spread, differentiable in the sample.

Names and arguments are those of SciPy; ``axis=None`` is over all elements. ``nan_policy`` must be
"propagate": a nan in the sample gives nan.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...ops.operand import operand
from ...ops.structure import cast

Axis = int | tuple[int, ...] | None


def sample(who: str, a: Any, nan_policy: str = "propagate") -> Any:
    """An argument as an array of floats or complex numbers."""
    if nan_policy != "propagate":
        raise ValueError(
            f"{who}: nan_policy must be 'propagate': got {shown(nan_policy)}; take nan out before"
        )
    a = operand(a)
    return a if is_inexact(dtype_of(a)) else cast(a, np.float64)


def size_along(a: Any, axis: Axis) -> int:
    """The number of elements along axes."""
    shape = shape_of(a)
    if axis is None:
        return math.prod(shape)
    return math.prod(shape[d] for d in ((axis,) if isinstance(axis, int) else axis))


def _weighted(a: Any, weights: Any, axis: Axis, keepdims: bool) -> Any:
    """The mean, with weights of the shape of ``a`` or of its axis."""
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    w = operand(weights)
    if len(shape_of(w)) == 1 < len(shape_of(a)) and isinstance(axis, int):
        w = np.reshape(w, [-1 if d == axis % len(shape_of(a)) else 1
                           for d in range(len(shape_of(a)))])  # fmt: skip
    total = np.sum(np.broadcast_to(w, shape_of(a)), axis=axis, keepdims=keepdims)
    return np.sum(a * w, axis=axis, keepdims=keepdims) / total


@answering
def gmean(
    a: Any, axis: Axis = 0, dtype: Any = None, weights: Any = None, *,
    nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Geometric mean of positive numbers.

    >>> print(gmean(np.array([1.0, 4.0])))
    2.0
    """
    a = sample("gmean", a, nan_policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(a if dtype is None else cast(a, dtype))
    return np.exp(_weighted(log, weights, axis, keepdims))


@answering
def hmean(
    a: Any, axis: Axis = 0, dtype: Any = None, *, weights: Any = None,
    nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Harmonic mean of positive numbers; 0 if one is 0, nan if one is negative.

    >>> print(hmean(np.array([1.0, 3.0])))
    1.5
    """
    return _power_mean("hmean", a, -1.0, axis, dtype, weights, nan_policy, keepdims)


@answering
def pmean(
    a: Any, p: Any, *, axis: Axis = 0, dtype: Any = None, weights: Any = None,
    nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Power mean of positive numbers: the mean of a**p to the power 1 / p, geometric for p = 0.

    >>> print(pmean(np.array([1.0, 7.0]), 2.0))
    5.0
    """
    if isinstance(p, int | float) and p == 0:
        return gmean(
            a, axis, dtype=dtype, weights=weights, nan_policy=nan_policy, keepdims=keepdims
        )
    return _power_mean("pmean", a, p, axis, dtype, weights, nan_policy, keepdims)


def _power_mean(
    who: str, a: Any, p: Any, axis: Axis, dtype: Any, weights: Any, policy: str, keepdims: bool
) -> Any:
    a = sample(who, a, policy)
    a = a if dtype is None else cast(a, dtype)
    negative = np.any(a < 0, axis=axis, keepdims=keepdims)
    with np.errstate(all="ignore"):
        y = _weighted(a**p, weights, axis, keepdims) ** (1 / p)
    return np.where(negative, np.nan, y)


@answering
def zscore(a: Any, axis: Axis = 0, ddof: int = 0, nan_policy: str = "propagate") -> Any:
    """Distances from the mean in standard deviations; nan for equal elements.

    >>> print(zscore(np.array([1.0, 3.0])))
    [-1.  1.]
    """
    return zmap(a, a, axis, ddof, nan_policy)


@answering
def zmap(
    scores: Any, compare: Any, axis: Axis = 0, ddof: int = 0, nan_policy: str = "propagate"
) -> Any:
    """Distances from the mean of another sample, in its standard deviations.

    >>> print(zmap(np.array([5.0]), np.array([1.0, 3.0])))
    [3.]
    """
    scores, a = sample("zmap", scores), sample("zmap", compare, nan_policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.std(a, axis=axis, ddof=ddof, keepdims=True)
        return (scores - np.mean(a, axis=axis, keepdims=True)) / spread


@answering
def gzscore(
    a: Any, *, axis: Axis = 0, ddof: int = 0, nan_policy: str = "propagate"
) -> Any:  # fmt: skip
    """zscore of the logarithms.

    >>> print(gzscore(np.array([1.0, 4.0])))
    [-1.  1.]
    """
    return zscore(np.log(sample("gzscore", a)), axis, ddof, nan_policy)


@answering
def gstd(
    a: Any, axis: Axis = 0, ddof: int = 1, *, keepdims: bool = False, nan_policy: str = "propagate"
) -> Any:
    """Geometric standard deviation: exp of that of the logarithms.

    >>> print(gstd(np.array([1.0, np.e**2]), ddof=0).round(6))
    2.718282
    """
    log = np.log(sample("gstd", a, nan_policy))
    return np.exp(np.std(log, axis=axis, ddof=ddof, keepdims=keepdims))


def _central(a: Any, order: int, axis: Axis, keepdims: bool = False, center: Any = None) -> Any:
    center = np.mean(a, axis=axis, keepdims=True) if center is None else center
    return np.mean((a - center) ** order, axis=axis, keepdims=keepdims)


@answering
def moment(
    a: Any, order: Any = 1, axis: Axis = 0, nan_policy: str = "propagate", *, center: Any = None,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Mean of the powers of the distances from the mean, or from ``center``.

    Args:
        order: int, or ints, for which results are stacked.

    >>> print(moment(np.array([1.0, 3.0, 5.0, 7.0]), 2))
    5.0
    """
    a = sample("moment", a, nan_policy)
    if np.ndim(order):
        return np.stack([_central(a, int(k), axis, keepdims, center) for k in order])
    return _central(a, int(order), axis, keepdims, center)


def _standardized(a: Any, order: int, axis: Axis, keepdims: bool) -> Any:
    """The moment over a power of the variance; nan where the latter is rounding."""
    mean = np.mean(a, axis=axis, keepdims=True)
    second = _central(a, 2, axis, keepdims, mean)
    size = np.abs(mean if keepdims else np.mean(a, axis=axis))
    flat = second <= (np.finfo(dtype_of(second)).eps * size) ** 2
    power = np.where(flat, 1.0, second) ** (order / 2)
    return np.where(flat, np.nan, _central(a, order, axis, keepdims, mean) / power)


@answering
def skew(
    a: Any, axis: Axis = 0, bias: bool = True, nan_policy: str = "propagate", *,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Skewness: the third central moment over the power 3/2 of the second.

    Args:
        bias: False for the unbiased estimate.

    >>> print(skew(np.array([0.0, 0.0, 3.0])).round(6))
    0.707107
    """
    a = sample("skew", a, nan_policy)
    n, y = size_along(a, axis), _standardized(a, 3, axis, keepdims)
    return y if bias or n < 3 else y * math.sqrt((n - 1) * n) / (n - 2)


@answering
def kurtosis(
    a: Any, axis: Axis = 0, fisher: bool = True, bias: bool = True,
    nan_policy: str = "propagate", *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Kurtosis: the fourth central moment over the square of the second, less 3 if ``fisher``.

    >>> print(kurtosis(np.array([0.0, 1.0])))
    -2.0
    """
    a = sample("kurtosis", a, nan_policy)
    n, y = size_along(a, axis), _standardized(a, 4, axis, keepdims)
    if not bias and n > 3:
        y = ((n * n - 1.0) * y - 3 * (n - 1.0) ** 2) / ((n - 2) * (n - 3)) + 3
    return y - 3 if fisher else y


@answering
def variation(
    a: Any, axis: Axis = 0, nan_policy: str = "propagate", ddof: int = 0, *, keepdims: bool = False
) -> Any:
    """Coefficient of variation: the standard deviation over the mean.

    >>> print(variation(np.array([1.0, 3.0])))
    0.5
    """
    a = sample("variation", a, nan_policy)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.mean(
            a, axis=axis, keepdims=keepdims
        )


@answering
def sem(
    a: Any, axis: Axis = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Any:
    """Standard error of the mean.

    >>> print(sem(np.array([1.0, 3.0])))
    1.0
    """
    a = sample("sem", a, nan_policy)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / math.sqrt(size_along(a, axis))


class DescribeResult(NamedTuple):
    """The number of elements, extrema, mean, variance, skewness and kurtosis."""

    nobs: int
    minmax: tuple[Any, Any]
    mean: Any
    variance: Any
    skewness: Any
    kurtosis: Any


@answering
def describe(
    a: Any, axis: Axis = 0, ddof: int = 1, bias: bool = True, nan_policy: str = "propagate"
) -> DescribeResult:
    """Number of elements, extrema, mean, variance, skewness and kurtosis.

    >>> print(describe(np.array([1.0, 3.0])).variance)
    2.0
    """
    a = sample("describe", a, nan_policy)
    extrema = np.min(a, axis=axis), np.max(a, axis=axis)
    variance = np.var(a, axis=axis, ddof=ddof)
    mean, third = np.mean(a, axis=axis), skew(a, axis, bias)
    fourth = kurtosis(a, axis, True, bias)
    return DescribeResult(size_along(a, axis), extrema, mean, variance, third, fourth)


@answering
def kstat(
    data: Any, n: int = 2, *, axis: Axis = None, nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Unbiased estimate of the n-th cumulant, n = 1, 2, 3 or 4.

    >>> print(kstat(np.array([1.0, 3.0])))
    2.0
    """
    a = sample("kstat", data, nan_policy)
    count = size_along(a, axis)
    m = lambda k: _central(a, k, axis, keepdims)
    if n == 1:
        return np.mean(a, axis=axis, keepdims=keepdims)
    if n == 2:
        return count / (count - 1) * m(2)
    if n == 3:
        return count**2 / ((count - 1) * (count - 2)) * m(3)
    if n == 4:
        scale = count**2 / ((count - 1) * (count - 2) * (count - 3))
        return scale * ((count + 1) * m(4) - 3 * (count - 1) * m(2) ** 2)
    raise ValueError(f"kstat: n must be 1, 2, 3 or 4: got {shown(n)}")


@answering
def kstatvar(
    data: Any, n: int = 2, *, axis: Axis = None, nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Unbiased estimate of the variance of kstat, n = 1 or 2.

    >>> print(kstatvar(np.array([1.0, 3.0]), 1))
    1.0
    """
    a = sample("kstatvar", data, nan_policy)
    count = size_along(a, axis)
    second = kstat(a, 2, axis=axis, keepdims=keepdims)
    if n == 1:
        return second / count
    if n != 2:
        raise ValueError(f"kstatvar: n must be 1 or 2: got {shown(n)}")
    fourth = kstat(a, 4, axis=axis, keepdims=keepdims)
    return (2 * count * second**2 + (count - 1) * fourth) / (count * (count + 1))


@answering
def iqr(
    x: Any, axis: Axis = None, rng: tuple[float, float] = (25, 75), scale: float | str = 1.0,
    nan_policy: str = "propagate", interpolation: str = "linear", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Distance of two percentiles, the quartiles by default, over ``scale``.

    >>> print(iqr(np.array([0.0, 1.0, 2.0, 3.0, 4.0])))
    2.0
    """
    x = sample("iqr", x, nan_policy)
    if scale == "normal":
        scale = 1.3489795003921634  # that of a standard normal distribution
    method: Any = interpolation
    low, high = (np.percentile(x, q, axis=axis, method=method, keepdims=keepdims) for q in rng)
    return (high - low) / scale


@answering
def median_abs_deviation(
    x: Any, axis: Axis = 0, center: Any = None, scale: float | str = 1.0,
    nan_policy: str = "propagate", *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Median of the distances from the median, over ``scale``.

    >>> print(median_abs_deviation(np.array([1.0, 2.0, 6.0])))
    1.0
    """
    x = sample("median_abs_deviation", x, nan_policy)
    if scale == "normal":
        scale = 0.6744897501960817  # that of a standard normal distribution
    if center is None or center is np.median:
        middle = np.median(x, axis=axis, keepdims=True)
    else:
        if axis is None:
            raise ShapeError("median_abs_deviation: center needs an axis: got None; give an int")
        middle = np.expand_dims(center(x, axis=axis), axis)
    return np.median(np.abs(x - middle), axis=axis, keepdims=keepdims) / scale
