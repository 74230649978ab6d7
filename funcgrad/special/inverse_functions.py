"""Inverses of the logarithm of the normal distribution function, and of w + log(w)."""

import math
from typing import Any

import numpy as np

from ..ops.operand import half_in_single
from ..transforms.custom.decorators import custom_jvp
from .error_functions import erfcx, log_ndtr, ndtri
from .harmonics import floating

ROOT_HALF, ROOT_HALF_PI = math.sqrt(0.5), math.sqrt(0.5 * math.pi)


@custom_jvp
def _far_quantile(y: Any) -> Any:
    """The x with log_ndtr(x) = y for y < -80, by Newton's method."""
    x = -np.sqrt(-2 * y - np.log(-4 * np.pi * y))
    for _ in range(4):  # each time with twice the digits, from 3 on
        x = x - (log_ndtr(x) - y) * _mills(-x)
    return x


def _mills(x: Any) -> Any:
    """(1 - ndtr(x)) / ndtr'(x)."""
    return ROOT_HALF_PI * erfcx(x * ROOT_HALF)


@_far_quantile.defjvp
def _far_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    x = _far_quantile(primals[0])
    return x, tangents[0] * _mills(-x)


@half_in_single
def ndtri_exp(y: Any) -> Any:
    """Inverse of log_ndtr: the x at which it is y <= 0.

    >>> print(ndtri_exp(-0.6931471805599453).round(12), ndtri_exp(-1e6).round(6))
    -0.0 -1414.207783
    """
    y = floating(y)
    near, far = np.greater(y, -0.1), np.less(y, -80)  # where exp(y) is normal in float32 too
    with np.errstate(all="ignore"):
        upper = -ndtri(-np.expm1(np.where(near, y, -0.05)))
        middle = ndtri(np.exp(np.where(near | far, -1.0, y)))
        end = np.isinf(y)
        lower = np.where(end, y, _far_quantile(np.where(far & ~end, y, -1e3)))
        return np.where(near, upper, np.where(far, lower, middle))


@custom_jvp
def _omega(x: Any) -> Any:
    """The w with w + log(w) = x.

    Source: Fritsch, Shafer & Crowley 1973, "Solution of the transcendental equation w exp(w) = x"
    (Comm. ACM 16), an iteration of order 4.
    """
    w = np.where(x < 1, np.exp(np.minimum(x, 1)), np.maximum(x, 1) - np.log(np.maximum(x, 1)))
    tiny = x < -40  # w is exp(x) to rounding
    w = np.where(tiny, 1.0, np.where(x < 1, w / (1 + 0.5 * w), w))
    for _ in range(3):
        r = np.where(tiny, 0, x - w - np.log(w))
        e = r / (1 + w)
        b = 2 * (1 + w + 2 * r / 3)
        w = w * (1 + e * ((b - e) / (b - 2 * e)))
    return np.where(tiny, np.exp(np.minimum(x, 0)), w)


@_omega.defjvp
def _omega_rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
    w = _omega(primals[0])
    return w, tangents[0] * (w / (1 + w))


@half_in_single
def wrightomega(x: Any) -> Any:
    """Wright's omega of real x: the w with w + log(w) = x.

    >>> print(wrightomega(1.0), wrightomega(0.0).round(12))
    1.0 0.56714329041
    """
    x = floating(x)
    finite = np.isfinite(x)
    return np.where(finite, _omega(np.where(finite, x, 0)), np.where(x < 0, 0.0, x))
