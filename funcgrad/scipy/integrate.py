"""Integrals of samples and functions, and ordinary differential equations, by SciPy's names."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import shape_of
from ..core.lazy import answering, publish as _publish
from ..ops.operand import operand
from .adaptive_quadrature import quad as quad
from .bvp.solve import solve_bvp as solve_bvp
from .ivp.solve import solve_ivp as solve_ivp
from .ode import odeint as odeint
from .sample_rules import (
    cumulative_simpson as cumulative_simpson,
    newton_cotes as newton_cotes,
    nquad as nquad,
    samples_and_gaps,
    tplquad as tplquad,
)
from .vector_quadrature import quad_vec as quad_vec

__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "dblquad",
    "fixed_quad",
    "newton_cotes",
    "nquad",
    "odeint",
    "quad",
    "quad_vec",
    "romb",
    "simpson",
    "solve_bvp",
    "solve_ivp",
    "tplquad",
    "trapezoid",
]


@answering
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral of samples by the trapezoidal rule, differentiable in ``y``, ``x`` and ``dx``.

    Args:
        y: samples, shape [..., N, ...].
        x: coordinates of the samples, shape [N] or that of ``y``, in any order.
        dx: spacing of the samples, if ``x`` is not given.
        axis: the axis of N, which is removed.

    >>> print(trapezoid(np.array([0.0, 1.0, 4.0]), dx=0.5))
    1.5
    """
    return np.trapezoid(operand(y), None if x is None else operand(x), dx, axis)


@answering
def cumulative_trapezoid(
    y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """Cumulative integral of samples by the trapezoidal rule.

    Args:
        y, x, dx, axis: see :func:`trapezoid`.
        initial: None for N - 1 elements, or 0, which is inserted at the front.

    Raises:
        ValueError: for another ``initial``.

    >>> cumulative_trapezoid(np.array([0.0, 1.0, 4.0]), initial=0)
    array([0. , 0.5, 3. ])
    """
    if initial is not None and not (np.ndim(initial) == 0 and initial == 0):
        raise ValueError(f"cumulative_trapezoid: initial must be None or 0: got {initial}")
    y, gaps = samples_and_gaps("cumulative_trapezoid", y, x, dx, axis)
    areas = gaps * (y[..., 1:] + y[..., :-1]) / 2
    sums = np.cumsum(areas, axis=-1)
    if initial is not None:
        sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    return np.moveaxis(sums, -1, axis)


@answering
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral of samples by Simpson's rule.

    Args:
        y, x, dx, axis: see :func:`trapezoid`; consecutive elements of ``x`` must differ.

    For an even N the last interval is integrated under the parabola through the last three
    samples; for N = 2 by the trapezoidal rule.

    Source: Cartwright 2017, "Simpson's rule cumulative integration with MS Excel and
    irregularly-spaced data", equation 8 (J. Math. Sci. Math. Educ. 12).

    >>> print(simpson(np.array([0.0, 1.0, 4.0, 9.0])))
    9.0
    """
    y, h = samples_and_gaps("simpson", y, x, dx, axis)
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
    return total if pairs == n - 1 else total + _last_interval(y, h)


def _last_interval(y: Any, h: Any) -> Any:
    """Integral over the last interval, under the parabola through the last three samples."""
    a, b = h[..., -2], h[..., -1]
    return (
        y[..., -1] * (2 * b * b + 3 * a * b) / (6 * (a + b))
        + y[..., -2] * (b * b + 3 * a * b) / (6 * a)
        - y[..., -3] * b**3 / (6 * a * (a + b))
    )


@answering
def fixed_quad(
    func: Callable[..., Any], a: Any, b: Any, args: Sequence[Any] = (), n: int = 5
) -> tuple[Any, None]:
    """Integral of a function by Gauss-Legendre quadrature of fixed order.

    Args:
        func: ``func(x, *args)`` of n points, shape [n], the last axis of the result.
        a, b: finite bounds; the integral is differentiable in them.
        args: further arguments; the integral is differentiable in them.
        n: int, number of points; exact for polynomials of degree 2 n - 1.

    Returns:
        The integral, and None, as in SciPy.

    >>> print(round(fixed_quad(np.exp, 0.0, 1.0)[0], 9))
    1.718281828
    """
    points, weights = _gauss(n)
    half = (b - a) / 2
    values = func(half * (points + 1) + a, *args)
    return half * np.sum(weights * values, axis=-1), None


@answering
def dblquad(
    func: Callable[..., Any], a: Any, b: Any, gfun: Any, hfun: Any, args: Sequence[Any] = (),
    epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
) -> tuple[Any, Any]:  # fmt: skip
    """Integral of ``func(y, x, *args)`` over x from a to b, and y from gfun(x) to hfun(x).

    Args:
        func: returns a real scalar.
        a, b: the bounds of x, which may be infinite.
        gfun, hfun: the bounds of y, scalars or functions of x.
        args: further arguments.
        epsabs, epsrel: tolerances of both integrals, see :func:`quad`.

    Returns:
        The integral, differentiable as that of :func:`quad`, and an estimate of its error.

    >>> area, _ = dblquad(lambda y, x: 1.0, 0.0, 1.0, 0.0, lambda x: 2.0 * x)
    >>> print(area.round(9))
    1.0
    """
    low, high = (g if callable(g) else (lambda x, g=g: g) for g in (gfun, hfun))
    tolerances: dict[str, Any] = {"epsabs": epsabs, "epsrel": epsrel}
    inner = lambda x: quad(func, low(x), high(x), (x, *args), **tolerances)[0]
    return quad(inner, a, b, **tolerances)  # type: ignore[no-any-return]


@answering
def romb(y: Any, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral of 2^k + 1 samples at equal distances by Romberg's method.

    Args:
        y: samples, shape [..., N, ...], N = 2^k + 1.
        dx: their distance.
        axis: the axis of N, which is removed.

    Raises:
        ValueError: for another N.

    >>> print(romb(np.linspace(0.0, 1.0, 5) ** 4, dx=0.25))
    0.2
    """
    y, gaps = samples_and_gaps("romb", y, None, dx, axis)
    n = shape_of(y)[-1] - 1
    if n < 1 or n & (n - 1):
        raise ValueError(
            f"romb: the number of samples must be 2^k + 1: got {n + 1}; use simpson for others"
        )
    steps = [2**k for k in range(n.bit_length() - 1, -1, -1)]
    rules = [np.trapezoid(y[..., ::step], dx=gaps[..., 0] * step, axis=-1) for step in steps]
    for power in range(1, len(rules)):  # the error of a rule has the powers h^2, h^4, ...
        factor = 4.0**power
        rules = [(factor * fine - coarse) / (factor - 1)
                 for coarse, fine in itertools.pairwise(rules)]  # fmt: skip
    return rules[0]


@functools.lru_cache(256)
def _gauss(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(n)


_publish(__name__)
