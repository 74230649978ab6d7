"""softmax, log_softmax and logsumexp, without overflow."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.lazy import answering
from ..ops.operand import half_in_single, operand
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast


def _max_or_zero(x: Any, axis: Any) -> Any:
    """Maximum of the real parts along axes, as a constant; 0 where it is infinite."""
    real = x.real if dtype_of(x).kind == "c" else x
    peak = stop_gradient(np.max(real, axis=axis, keepdims=True))
    return np.where(np.isfinite(peak), peak, 0)


def _floating(x: Any) -> Any:
    """Integers as float64, because differences of small integers overflow."""
    return cast(x, np.dtype(float)) if dtype_of(x).kind in "biu" else x


def subtract_max(x: Any, axis: Any) -> Any:
    """x minus its maximum along the axes, so that no exponential overflows."""
    x = _floating(x)
    return x - _max_or_zero(x, axis) if np.size(x) else x  # an empty array has no maximum


@half_in_single
def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along axes.

    Args:
        x: array, real or complex.
        axis: int, tuple of int, or None for all axes.

    >>> print(softmax(np.array([0.0, 0.0, -1e4])))
    [0.5 0.5 0. ]
    """
    e = np.exp(subtract_max(operand(x), axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@half_in_single
def log_softmax(x: Any, axis: Any = None) -> Any:
    """log(softmax(x)) along axes, finite for all finite x.

    Args:
        x: array, real or complex.
        axis: int, tuple of int, or None for all axes.

    >>> print(log_softmax(np.array([0.0, -1e4])))
    [     0. -10000.]
    """
    z = subtract_max(operand(x), axis)
    if not np.size(z):
        return z
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


def _weighted(x: Any, b: Any) -> Any:
    """exp(x), finite also where the weight b is 0, whose derivative it is."""
    absent = np.equal(b, 0)
    most = math.log(np.finfo(dtype_of(x)).max)
    capped = np.where(np.isnan(x), -np.inf, np.where(np.real(x) > most, most, x))
    return np.exp(np.where(absent, capped, x))


@half_in_single
@answering
def logsumexp(
    a: Any,
    axis: Any = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: Any = None,
) -> Any:
    """log(sum(b exp(a))) along axes, without overflow.

    Args:
        a: array, real or complex.
        axis: int, tuple of int, or None for all axes.
        b: weights that broadcast against ``a``, by default 1; where one is 0, ``a`` may be
            infinite or nan.
        keepdims: whether to keep the axes with length 1.
        return_sign: whether to return log(abs(sum)) and the sign of the sum (of a complex sum its
            phase). By default the logarithm of a negative sum is nan.
        where: boolean mask that broadcasts against ``a``, of the elements that are summed. An
            empty sum is 0, its logarithm -infinity.

    >>> print(logsumexp(np.array([1e4, 1e4])))
    10000.6931...
    """
    a = _floating(operand(a))
    if where is not None:
        a = np.where(where, a, -np.inf)
    b = None if b is None else operand(b)
    summed = a if b is None else np.where(np.equal(b, 0), -np.inf, a)
    # an empty array has no maximum
    peak = _max_or_zero(summed, axis) if np.size(summed) else 0
    e = np.exp(a - peak) if b is None else _weighted(a - peak, b)
    total = np.sum(e if b is None else b * e, axis=axis, keepdims=True)
    sign = np.sign(total) if return_sign else None
    size = np.abs(total) if return_sign else total
    none = np.equal(size, 0)
    y = np.where(none, -np.inf, np.log(np.where(none, 1, size)) + peak)
    if not keepdims:
        y, sign = np.squeeze(y, axis), sign if sign is None else np.squeeze(sign, axis)
    return (y, sign) if return_sign else y
