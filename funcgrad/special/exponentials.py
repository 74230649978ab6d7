"""Sums of exponentials along axes, without overflow."""

import math
from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..ops.operand import half_in_single, operand
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast


def _peak(x: Any, axis: Any) -> Any:
    """Return the largest (real) element along the axes as a constant, 0 where it is infinite."""
    real = x.real if dtype_of(x).kind == "c" else x
    peak = stop_gradient(np.max(real, axis=axis, keepdims=True))
    return np.where(np.isfinite(peak), peak, 0)


def _floating(x: Any) -> Any:
    """Return integers as float64: the difference of small ones wraps around."""
    return cast(x, np.dtype(float)) if dtype_of(x).kind in "biu" else x


def shifted(x: Any, axis: Any) -> Any:
    """Return x minus its largest element along the axes, so that no exponential overflows."""
    x = _floating(x)
    return x - _peak(x, axis) if np.size(x) else x  # there is no largest of none


@half_in_single
def softmax(x: Any, axis: Any = None) -> Any:
    """Return exp(x) / sum(exp(x)) along axes: positive numbers that add up to 1.

    Args:
        x: array, real or complex.
        axis: int, tuple of int, or None for all axes.

    >>> print(softmax(np.array([0.0, 0.0, -1e4])))
    [0.5 0.5 0. ]
    """
    e = np.exp(shifted(operand(x), axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@half_in_single
def log_softmax(x: Any, axis: Any = None) -> Any:
    """Return log(softmax(x)) along axes, finite for all finite x.

    Args:
        x: array, real or complex.
        axis: int, tuple of int, or None for all axes.

    >>> print(log_softmax(np.array([0.0, -1e4])))
    [     0. -10000.]
    """
    z = shifted(operand(x), axis)
    if not np.size(z):
        return z
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


def _weighted(x: Any, b: Any) -> Any:
    """Return exp(x); where the weight b is 0 it is its derivative, and must be a finite number."""
    absent = np.equal(b, 0)
    most = math.log(np.finfo(dtype_of(x)).max)
    capped = np.where(np.isnan(x), -np.inf, np.where(np.real(x) > most, most, x))
    return np.exp(np.where(absent, capped, x))


@half_in_single
def logsumexp(
    a: Any,
    axis: Any = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: Any = None,
) -> Any:
    """Return log(sum(b exp(a))) along axes, without overflow.

    Args:
        a: array, real or complex.
        axis: int, tuple of int, or None for all axes.
        b: weights that broadcast against ``a``, 1 unless given; where one is 0, ``a`` may be
            anything.
        keepdims: whether the axes stay, with length 1.
        return_sign: whether to return the logarithm of the sum's size, and its sign (of a complex
            sum its phase); without it the logarithm of a negative sum is nan.
        where: truth values that broadcast against ``a``: which elements are summed, all unless
            given. Of none the sum is 0 and its logarithm -infinity.

    >>> print(logsumexp(np.array([1e4, 1e4])))
    10000.6931...
    """
    a = _floating(operand(a))
    if where is not None:
        a = np.where(where, a, -np.inf)
    b = None if b is None else operand(b)
    summed = a if b is None else np.where(np.equal(b, 0), -np.inf, a)
    # there is no largest of none
    peak = _peak(summed, axis) if np.size(summed) else 0
    e = np.exp(a - peak) if b is None else _weighted(a - peak, b)
    total = np.sum(e if b is None else b * e, axis=axis, keepdims=True)
    sign = np.sign(total) if return_sign else None
    size = np.abs(total) if return_sign else total
    none = np.equal(size, 0)
    y = np.where(none, -np.inf, np.log(np.where(none, 1, size)) + peak)
    if not keepdims:
        y, sign = np.squeeze(y, axis), sign if sign is None else np.squeeze(sign, axis)
    return (y, sign) if return_sign else y
