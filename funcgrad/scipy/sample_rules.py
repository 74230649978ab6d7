"""Rules for samples at equal or other distances, and iterated integrals of functions."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import ShapeError, shown
from ..core.lazy import answering
from ..ops.operand import operand, strong
from ..ops.reduce import axis_of
from .adaptive_quadrature import quad
from .floating import as_floating


def samples_and_gaps(who: str, y: Any, x: Any, dx: Any, axis: int) -> tuple[Any, Any]:
    """Samples with their axis last, and the intervals between them."""
    y = as_floating(y)
    axis = axis_of(axis, len(shape_of(y)))
    y = np.moveaxis(y, axis, -1)
    if not shape_of(y)[-1]:
        raise ValueError(f"{who}: y must have at least one sample: got {aval_of(y)}")
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


@answering
def cumulative_simpson(
    y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """Cumulative integral of samples by Simpson's rule.

    Args:
        y, x, dx, axis: see :func:`trapezoid`; elements of ``x`` must ascend.
        initial: None for N - 1 elements, or a value that is inserted at the front, and added.

    Two samples are integrated by the trapezoidal rule.

    Source: Cartwright 2017, "Simpson's rule cumulative integration with MS Excel and
    irregularly-spaced data", equations 8 and 10 (J. Math. Sci. Math. Educ. 12).

    >>> cumulative_simpson(np.array([0.0, 1.0, 4.0, 9.0]), initial=0).round(9)
    array([0.        , 0.33333333, 2.66666667, 9.        ])
    """
    y, h = samples_and_gaps("cumulative_simpson", y, x, dx, axis)
    n = shape_of(y)[-1]
    if n < 3:
        parts = h * (y[..., 1:] + y[..., :-1]) / 2
    else:
        forward = _first_areas(y, h)
        backward = _first_areas(y[..., ::-1], h[..., ::-1])[..., ::-1]
        last = backward[..., -1:]
        # the first interval of each pair, and the second one
        both = np.stack([forward, backward], axis=-1)
        pairs = np.reshape(both[..., ::2, :], (*shape_of(both)[:-2], -1))
        parts = np.concatenate([pairs[..., : n - 2], last], axis=-1)
    sums = np.cumsum(parts, axis=-1)
    if initial is not None:
        first = np.broadcast_to(operand(initial), shape_of(sums[..., :1]))
        sums = np.concatenate([first, sums + operand(initial)], axis=-1)
    return np.moveaxis(sums, -1, axis)


def _first_areas(y: Any, h: Any) -> Any:
    """The integral over the first of each two intervals, under the parabola of three samples."""
    a, b = h[..., :-1], h[..., 1:]
    ratio = a / (a + b)
    mixed = ratio * (a / b)
    return (
        a
        / 6
        * ((3 - ratio) * y[..., :-2] + (3 + mixed + ratio) * y[..., 1:-1] - mixed * y[..., 2:])
    )


@answering
def newton_cotes(rn: Any, equal: int = 0) -> tuple[Any, Any]:
    """Weights of the rule that is exact for polynomials of a degree.

    Args:
        rn: int, the degree, for places 0, 1, ..., rn; or the places, from 0 to their number less 1.
        equal: whether the places are equally spaced.

    Returns:
        Weights [n + 1], differentiable in places, and the factor of the error.

    Source: Abramowitz & Stegun 1964, "Handbook of mathematical functions", section 25.4.

    >>> print(newton_cotes(2)[0].round(9))
    [0.33333333 1.33333333 0.33333333]
    """
    places = np.arange(rn + 1) if isinstance(rn, int) else operand(rn)
    n = shape_of(places)[0] - 1
    if n < 1:
        raise ValueError(f"newton_cotes: there must be two places: got {shown(rn)}; write 1")
    t = 2 * (places / n) - 1  # on [-1, 1]
    powers = np.arange(n + 1)
    moments = np.where(powers % 2 == 0, 2 / (powers + 1), 0.0)
    vander = np.stack([t**k for k in range(n + 1)])
    weights = np.linalg.solve(vander, moments) * (n / 2)
    equal = bool(equal) or isinstance(rn, int)
    power = n + 2 if n % 2 == 0 and equal else n + 1
    exact = n ** (power + 1) / (power + 1)
    return weights, (exact - np.sum(weights * places**power)) / math.factorial(power)


@answering
def tplquad(
    func: Callable[..., Any], a: Any, b: Any, gfun: Any, hfun: Any, qfun: Any, rfun: Any,
    args: Sequence[Any] = (), epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
) -> tuple[Any, Any]:  # fmt: skip
    """Integral of ``func(z, y, x, *args)`` over x from a to b, y, and z.

    Args:
        func: returns a real scalar.
        a, b: the bounds of x.
        gfun, hfun: the bounds of y, scalars or functions of x.
        qfun, rfun: the bounds of z, scalars or functions of x and y.
        args: further arguments.
        epsabs, epsrel: tolerances of all integrals, see :func:`quad`.

    Returns:
        The integral, differentiable as that of :func:`quad`, and an estimate of its error.

    >>> print(tplquad(lambda z, y, x: x + y * z, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0)[0].round(9))
    0.75
    """
    at = lambda g: g if callable(g) else (lambda *_: g)
    low, high, below, above = map(at, (gfun, hfun, qfun, rfun))
    ranges = [
        lambda y, x, *_: (below(x, y), above(x, y)), lambda x, *_: (low(x), high(x)), (a, b),
    ]  # fmt: skip
    return nquad(func, ranges, args, {"epsabs": epsabs, "epsrel": epsrel})  # type: ignore[return-value]


class Iterated(NamedTuple):
    """The integrand of one variable after the integrals over those before it."""

    func: Callable[..., Any]
    ranges: Sequence[Any]
    options: Sequence[Any]

    def integral(self, depth: int, outer: tuple[Any, ...]) -> tuple[Any, Any]:
        """The integral over the first ``depth`` variables, for values of the others."""
        of = lambda given: given(*outer) if callable(given) else given
        low, high = of(self.ranges[depth - 1])
        options = dict(of(self.options[depth - 1]))
        if "points" in options:
            options["points"] = [p for p in options["points"] if low <= p <= high]
        if depth == 1:
            return quad(lambda x: self.func(x, *outer), low, high, **options)  # type: ignore[no-any-return]
        inner = lambda x: self.integral(depth - 1, (x, *outer))[0]
        return quad(inner, low, high, **options)  # type: ignore[no-any-return]


@answering
def nquad(
    func: Callable[..., Any], ranges: Sequence[Any], args: Sequence[Any] = (), opts: Any = None,
    full_output: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """Integral of ``func(x0, x1, ..., *args)`` over several variables.

    Args:
        func: returns a real scalar.
        ranges: of each variable a pair of bounds, or a function of the variables after it, and of
            ``args``, that returns it.
        args: further arguments.
        opts: options of :func:`quad`, a dict or a function that returns it; or one for each
            variable.
        full_output: must be False.

    Returns:
        The integral, differentiable as that of :func:`quad`, and the error of the last one.

    >>> print(nquad(lambda x, y: x * y, [lambda y: (0.0, y), (0.0, 1.0)])[0].round(9))
    0.125
    """
    if full_output:
        raise ValueError("nquad: full_output must be False: got True; leave it out")
    args = tuple(args) if isinstance(args, (list, tuple)) else (args,)
    count = len(ranges)
    options = (
        [opts or {}] * count if opts is None or isinstance(opts, dict) or callable(opts) else opts
    )
    if len(options) != count or not count:
        raise ValueError(f"nquad: there must be options for each of {count} variables: got "
                         f"{len(options)}")  # fmt: skip
    return Iterated(func, ranges, options).integral(count, args)
