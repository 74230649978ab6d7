"""Integrals, of ordinary differential equations and of functions and samples: SciPy's names."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ShapeError
from ..core.lazy import publish as _publish
from ..ops.operand import operand, strong
from ..ops.reduce import axis_of
from ..ops.structure import cast
from .ode import odeint as odeint

__all__ = ["cumulative_trapezoid", "fixed_quad", "odeint", "simpson", "trapezoid"]


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate samples by the trapezoidal rule.

    Args:
        y: samples, shape [..., N, ...].
        x: where they were taken, shape [N] or that of ``y``; it need not rise.
        dx: the gap between samples, where ``x`` is not given.
        axis: the axis of N, which the result lacks.

    The result is differentiable by ``y``, ``x`` and ``dx``.

    >>> print(trapezoid(np.array([0.0, 1.0, 4.0]), dx=0.5))
    1.5
    """
    return np.trapezoid(operand(y), None if x is None else operand(x), dx, axis)


def cumulative_trapezoid(
    y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """Integrate samples from the first to each later one by the trapezoidal rule.

    Args:
        y, x, dx, axis: see :func:`trapezoid`.
        initial: None, for a result with one element less, or 0, which is put before it.

    Raises:
        ValueError: if ``initial`` is something else.

    >>> cumulative_trapezoid(np.array([0.0, 1.0, 4.0]), initial=0)
    array([0. , 0.5, 3. ])
    """
    if initial is not None and not (np.ndim(initial) == 0 and initial == 0):
        raise ValueError(f"cumulative_trapezoid: initial must be None or 0: got {initial}")
    y, gaps = _samples("cumulative_trapezoid", y, x, dx, axis)
    areas = gaps * (y[..., 1:] + y[..., :-1]) / 2
    sums = np.cumsum(areas, axis=-1)
    if initial is not None:
        sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    return np.moveaxis(sums, -1, axis)


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate samples by Simpson's rule: a parabola through every three of them.

    Args:
        y, x, dx, axis: see :func:`trapezoid`; no two neighbours in ``x`` may be equal.

    The last gap of an odd number of gaps is integrated under the parabola through the last three
    samples; of two samples, it is the trapezoidal rule.

    Source: Cartwright 2017, "Simpson's rule cumulative integration with MS Excel and
    irregularly-spaced data", equation 8 (J. Math. Sci. Math. Educ. 12).

    >>> print(simpson(np.array([0.0, 1.0, 4.0, 9.0])))
    9.0
    """
    y, h = _samples("simpson", y, x, dx, axis)
    n = shape_of(y)[-1]
    if n < 3:
        return (h * (y[..., 1:] + y[..., :-1]) / 2).sum(axis=-1)
    pairs = n - 1 - (n - 1) % 2
    a, b = h[..., 0:pairs:2], h[..., 1:pairs:2]
    left, middle, right = (y[..., k : k + pairs : 2] for k in range(3))
    areas = (
        (a + b) / 6 * (left * (2 - b / a) + middle * (a + b) ** 2 / (a * b) + right * (2 - a / b))
    )
    total = areas.sum(axis=-1)
    return total if pairs == n - 1 else total + _last(y, h)


def _last(y: Any, h: Any) -> Any:
    """Return the integral over the last gap, under the parabola through the last three samples."""
    a, b = h[..., -2], h[..., -1]
    return (
        y[..., -1] * (2 * b * b + 3 * a * b) / (6 * (a + b))
        + y[..., -2] * (b * b + 3 * a * b) / (6 * a)
        - y[..., -3] * b**3 / (6 * a * (a + b))
    )


def _samples(who: str, y: Any, x: Any, dx: Any, axis: int) -> tuple[Any, Any]:
    """Return samples with their axis last, and the gaps between them."""
    y = strong(operand(y))
    y = y if is_inexact(dtype_of(y)) else cast(y, np.float64)
    axis = axis_of(axis, len(shape_of(y)))
    y = np.moveaxis(y, axis, -1)
    if not shape_of(y)[-1]:
        raise ValueError(f"{who}: there must be at least one sample: got {aval_of(y)}")
    if x is None:
        return y, np.broadcast_to(operand(dx), (shape_of(y)[-1] - 1,))
    x = strong(operand(x))
    x = np.moveaxis(x, axis, -1) if len(shape_of(x)) > 1 else x
    if shape_of(x)[-1:] != shape_of(y)[-1:]:
        raise ShapeError(
            f"{who}: x must have as many elements as y along axis {axis}: got {aval_of(x)} and "
            f"{aval_of(y)}, with that axis last"
        )
    return y, np.diff(x, axis=-1)


def fixed_quad(
    func: Callable[..., Any], a: Any, b: Any, args: Sequence[Any] = (), n: int = 5
) -> tuple[Any, None]:
    """Integrate a function by Gauss and Legendre's rule of a fixed order.

    Args:
        func: ``func(x, *args)`` of n points at once, shape [n]; they are the last axis of its
            result.
        a, b: the bounds, finite numbers.
        args: further arguments; the result is differentiable by these and the bounds.
        n: how many points; polynomials of degree 2 n - 1 come out exact.

    Returns:
        The integral, and None, as in SciPy.

    >>> print(round(fixed_quad(np.exp, 0.0, 1.0)[0], 9))
    1.718281828
    """
    points, weights = _gauss(n)
    half = (b - a) / 2
    values = func(half * (points + 1) + a, *args)
    return half * np.sum(weights * values, axis=-1), None


@functools.lru_cache(256)
def _gauss(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(n)


_publish(__name__)
