"""Integrals of densities by Gauss-Legendre quadrature where they are not negligible.

In a variable that runs over the whole line (a logarithm, a logit), a smooth density of one peak is
analytic and falls at least as an exponential: 64 points on either side of the peak, denser near it,
as far as it has fallen by exp(-40), give all digits. The places are found at the values of the
parameters, as constants, so that derivatives of every order are sums at the same points.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import dtype_of
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...special import logsumexp
from .inversion import iterated

POINTS = 64  # on either side of the peak
FALL = 40.0  # exp(-40) is below the precision of float64
REACH = 750.0  # exp of more overflows
GRID, ZOOMS = 33, 8  # each zoom divides a window that is too wide by up to 16


@functools.lru_cache(1)
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    """Distances from the peak in [0, 1], which are denser near it, and logarithms of weights."""
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    roots = (points + 1) / 2
    return roots * roots, np.log(weights * roots)


def log_integral(
    integrand: Callable[..., Any], low: Any, high: Any, *shapes: Any, like: Any = None,
    zooms: int = ZOOMS,
) -> Any:  # fmt: skip
    """Logarithm of the integral of exp(integrand(t, *shapes)) over t, with all derivatives.

    Args:
        integrand: logarithm of a function of one peak, which is analytic between the ends and falls
            towards the infinite ones; of arrays with one axis more at the end.
        low, high: ends, infinite as the floats -inf and inf.
        shapes: parameters, arrays of one floating dtype.
        like: a cheaper function that is about as large, by which the points are chosen.
        zooms: how often the window shrinks, by up to 16; fewer suffice between near ends.
    """
    log_mean, width = log_mean_and_width(integrand, low, high, *shapes, like=like, zooms=zooms)
    return log_mean + np.log(width)


def log_mean_and_width(
    integrand: Callable[..., Any], low: Any, high: Any, *shapes: Any, like: Any = None,
    zooms: int = ZOOMS,
) -> tuple[Any, Any]:  # fmt: skip
    """The two factors of an integral, of which the width may be 0."""
    shapes = tuple(x[..., None] for x in shapes)
    dtype = dtype_of(shapes[0])
    known = tuple(map(stop_gradient, shapes))
    *ends, peak = _window(like or integrand, low, high, known, dtype, zooms)
    left, right = (
        end if isinstance(at, float) else at[..., None] + (end - stop_gradient(at[..., None]))
        for at, end in zip((low, high), ends, strict=True)
    )
    points, log_weights = (cast(x, dtype) for x in _legendre())
    shares = np.concatenate([peak - peak * points, peak + (1 - peak) * points], axis=-1)
    with np.errstate(divide="ignore"):  # a peak at an end
        logs = [log_weights + np.log(peak), log_weights + np.log1p(-peak)]
    values = integrand(left + (right - left) * shares, *shapes)
    return logsumexp(values + np.concatenate(logs, axis=-1), axis=-1), (right - left)[..., 0]


def _window(
    integrand: Any, low: Any, high: Any, shapes: tuple[Any, ...], dtype: Any, zooms: int
) -> Any:
    """The ends of the part in which the integrand is within FALL of its maximum, as constants.

    The third is the share of the part that is below the maximum.
    """
    low, high = (x if isinstance(x, float) else stop_gradient(x)[..., None] for x in (low, high))
    if isinstance(low, float) and np.isinf(low):
        low = (0.0 if isinstance(high, float) else np.minimum(high, 0)) - REACH
    if isinstance(high, float) and np.isinf(high):
        high = np.maximum(low, 0) + REACH
    whole = sum(0 * x for x in (low, high, *shapes))
    steps = cast(np.linspace(0, 1, GRID), dtype)
    index = np.arange(GRID)

    def zoomed(left: Any, right: Any, fall: float, zooms: int) -> Any:
        def zoom(state: Any) -> Any:
            left, right, count = state
            t = left + (right - left) * steps
            y = integrand(t, *shapes)
            y = np.where(np.isnan(y), -np.inf, y)
            large = y >= np.max(y, axis=-1, keepdims=True) - fall
            first = np.min(np.where(large, index, GRID), axis=-1, keepdims=True)
            last = np.max(np.where(large, index, -1), axis=-1, keepdims=True)
            at = lambda i: np.take_along_axis(t, np.clip(i, 0, GRID - 1), -1)
            return at(first - 1), at(last + 1), count + 1

        start = left, right, np.int64(0)
        return iterated(lambda state: state[2] < zooms, zoom, start)[:2]

    left, right = zoomed(cast(low + whole, dtype), cast(high + whole, dtype), FALL, zooms)
    below, above = zoomed(left, right, 1.0, 3)
    width = np.where(right > left, right - left, 1)
    return left, right, ((below + above) / 2 - left) / width
