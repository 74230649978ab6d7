"""Statistics of samples without elements beyond limits, and of angles."""

import math
from typing import Any

import numpy as np

from ...core.avals import dtype_of, shape_of
from ...core.lazy import answering
from ...ops.structure import cast
from .summaries import Axis, sample

_Limits = tuple[Any, Any] | None


def _kept(a: Any, limits: _Limits, inclusive: tuple[bool, bool]) -> Any:
    low, high = (None, None) if limits is None else limits
    kept = a == a
    if low is not None:
        kept = kept & (a >= low if inclusive[0] else a > low)
    if high is not None:
        kept = kept & (a <= high if inclusive[1] else a < high)
    return kept


def _mean(
    a: Any, limits: _Limits, inclusive: tuple[bool, bool], axis: Axis, keepdims: bool
) -> tuple[Any, Any]:
    kept = _kept(a, limits, inclusive)
    count = np.sum(cast(kept, dtype_of(a)), axis=axis, keepdims=keepdims)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(np.where(kept, a, 0), axis=axis, keepdims=keepdims) / count, count


@answering
def tmean(
    a: Any, limits: _Limits = None, inclusive: tuple[bool, bool] = (True, True), axis: Axis = None,
    *, nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Mean of the elements between two limits, each None for no limit.

    >>> print(tmean(np.array([1.0, 3.0, 99.0]), (0.0, 10.0)))
    2.0
    """
    a = sample("tmean", a, nan_policy)
    return _mean(a, limits, inclusive, axis, keepdims)[0]


@answering
def tvar(
    a: Any, limits: _Limits = None, inclusive: tuple[bool, bool] = (True, True), axis: Axis = 0,
    ddof: int = 1, *, nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Variance of the elements between two limits.

    >>> print(tvar(np.array([1.0, 3.0, 99.0]), (0.0, 10.0)))
    2.0
    """
    return _variance("tvar", a, limits, inclusive, axis, ddof, nan_policy, keepdims)[0]


def _variance(
    who: str, a: Any, limits: _Limits, inclusive: tuple[bool, bool], axis: Axis, ddof: int,
    nan_policy: str, keepdims: bool,
) -> tuple[Any, Any]:  # fmt: skip
    a = sample(who, a, nan_policy)
    mean, count = _mean(a, limits, inclusive, axis, True)
    square = np.where(_kept(a, limits, inclusive), a - mean, 0) ** 2
    if not keepdims:
        count = np.reshape(count, shape_of(np.sum(square, axis=axis)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(square, axis=axis, keepdims=keepdims) / (count - ddof), count


@answering
def tstd(
    a: Any, limits: _Limits = None, inclusive: tuple[bool, bool] = (True, True), axis: Axis = 0,
    ddof: int = 1, *, nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Standard deviation of the elements between two limits.

    >>> print(tstd(np.array([1.0, 3.0, 99.0]), (0.0, 10.0), ddof=0))
    1.0
    """
    return np.sqrt(_variance("tstd", a, limits, inclusive, axis, ddof, nan_policy, keepdims)[0])


@answering
def tsem(
    a: Any, limits: _Limits = None, inclusive: tuple[bool, bool] = (True, True), axis: Axis = 0,
    ddof: int = 1, *, nan_policy: str = "propagate", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Standard error of the mean of the elements between two limits.

    >>> print(tsem(np.array([1.0, 3.0, 99.0]), (0.0, 10.0)))
    1.0
    """
    variance, count = _variance("tsem", a, limits, inclusive, axis, ddof, nan_policy, keepdims)
    return np.sqrt(variance / count)


@answering
def tmin(
    a: Any, lowerlimit: Any = None, axis: Axis = 0, inclusive: bool = True,
    nan_policy: str = "propagate", *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Minimum of the elements above a limit, nan if there are none.

    >>> print(tmin(np.array([1.0, 3.0]), 2.0))
    3.0
    """
    a = sample("tmin", a, nan_policy)
    kept = _kept(a, (lowerlimit, None), (inclusive, True))
    y = np.min(np.where(kept, a, np.inf), axis=axis, keepdims=keepdims)
    return np.where(np.any(kept, axis=axis, keepdims=keepdims), y, np.nan)


@answering
def tmax(
    a: Any, upperlimit: Any = None, axis: Axis = 0, inclusive: bool = True,
    nan_policy: str = "propagate", *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Maximum of the elements below a limit, nan if there are none.

    >>> print(tmax(np.array([1.0, 3.0]), 2.0))
    1.0
    """
    return -tmin(
        -sample("tmax", a), None if upperlimit is None else -upperlimit, axis, inclusive,
        nan_policy, keepdims=keepdims,
    )  # fmt: skip


@answering
def trim_mean(
    a: Any, proportiontocut: float, axis: int | None = 0, *, nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Mean without a share of the lowest and of the highest elements.

    >>> print(trim_mean(np.array([0.0, 1.0, 3.0, 99.0]), 0.25))
    2.0
    """
    a = sample("trim_mean", a, nan_policy)
    rank = len(shape_of(a))
    a, along = (np.ravel(a), 0) if axis is None else (a, axis)
    n = shape_of(a)[along]
    cut = int(proportiontocut * n)
    if 2 * cut >= n:
        raise ValueError(f"trim_mean: no element is left of {n}: got {proportiontocut} to cut")
    middle = np.moveaxis(np.sort(a, axis=along), along, -1)[..., cut : n - cut]
    y = np.mean(middle, axis=-1)
    if not keepdims:
        return y
    return np.reshape(y, (1,) * rank) if axis is None else np.expand_dims(y, along)


def _resultant(
    who: str, a: Any, high: float, low: float, axis: Axis, policy: str, keepdims: bool
) -> tuple[Any, Any]:
    angle = (sample(who, a, policy) - low) * (2 * math.pi / (high - low))
    return tuple(np.mean(f(angle), axis=axis, keepdims=keepdims) for f in (np.sin, np.cos))  # type: ignore[return-value]


@answering
def circmean(
    samples: Any, high: float = 2 * math.pi, low: float = 0, axis: Axis = None,
    nan_policy: str = "propagate", *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Mean of angles in [low, high).

    >>> print(circmean(np.array([0.1, 2 * np.pi + 0.3])).round(6))
    0.2
    """
    sine, cosine = _resultant("circmean", samples, high, low, axis, nan_policy, keepdims)
    angle = np.mod(np.arctan2(sine, cosine), 2 * math.pi)
    return angle * ((high - low) / (2 * math.pi)) + low


@answering
def circvar(
    samples: Any, high: float = 2 * math.pi, low: float = 0, axis: Axis = None,
    nan_policy: str = "propagate", *, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Variance of angles: 1 - R, with the length R of the mean of unit vectors.

    >>> print(circvar(np.array([0.0, np.pi / 2])).round(6))
    0.292893
    """
    sine, cosine = _resultant("circvar", samples, high, low, axis, nan_policy, keepdims)
    return 1 - np.minimum(np.hypot(sine, cosine), 1)


@answering
def circstd(
    samples: Any, high: float = 2 * math.pi, low: float = 0, axis: Axis = None,
    nan_policy: str = "propagate", *, normalize: bool = False, keepdims: bool = False,
) -> Any:  # fmt: skip
    """Standard deviation of angles: sqrt(-2 log(R)), in their units unless ``normalize``.

    >>> print(circstd(np.array([0.0, np.pi / 2])).round(6))
    0.832555
    """
    sine, cosine = _resultant("circstd", samples, high, low, axis, nan_policy, keepdims)
    length = np.minimum(np.hypot(sine, cosine), 1)
    with np.errstate(divide="ignore"):
        y = np.sqrt(-2 * np.log(length))
    return y if normalize else y * ((high - low) / (2 * math.pi))
