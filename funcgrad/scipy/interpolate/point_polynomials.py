"""Polynomials through samples, and ratios of polynomials."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...core.outline import outline
from ...numpy.indexing import known
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ..floating import as_floating
from .piecewise import placed, register_fields


class Samples:
    """Samples of a function, and the polynomial through them."""

    def __init__(self, xi: Any, yi: Any, axis: int) -> None:
        self.xi, y = as_floating(xi), as_floating(yi)
        self.axis = axis % max(len(shape_of(y)), 1)
        if len(shape_of(self.xi)) != 1 or shape_of(y)[self.axis : self.axis + 1] != shape_of(xi):
            raise ShapeError(
                f"{type(self).__name__}: xi must be a vector, of the length of yi along axis "
                f"{axis}: got {aval_of(self.xi)} and {aval_of(y)}"
            )
        self.yi = np.moveaxis(y, self.axis, 0)

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("xi", self.xi), ("yi", self.yi)]

    __repr__ = outline

    def _values(self, flat: Any) -> Any:
        """The values [places, ...] at places [places]."""
        raise TypeError(f"{type(self).__name__}: it has no values; use a subclass")

    def _column(self, v: Any) -> Any:
        return np.reshape(v, (*shape_of(v), *[1] * (len(shape_of(self.yi)) - 1)))

    def __call__(self, x: Any) -> Any:
        """The values at places of any shape."""
        at = as_floating(x)
        return self._placed(self._values(np.reshape(at, (-1,))), shape_of(at))

    def _placed(self, found: Any, shape: tuple[int, ...]) -> Any:
        return placed(np.reshape(found, (*shape, *shape_of(self.yi)[1:])), len(shape), self.axis)

    def derivatives(self, x: Any, der: int | None = None) -> Any:
        """The values and derivatives below order ``der``, by default as many as there are samples.

        They are on a new first axis.
        """
        count = shape_of(self.xi)[0] if der is None else int(der)
        at = as_floating(x)
        c = self._coefficients(np.reshape(at, (-1,)), count)
        rows = [self._placed(math.factorial(k) * c[k], shape_of(at)) for k in range(count)]
        return np.stack(rows)

    def derivative(self, x: Any, der: int = 1) -> Any:
        """The derivative of order ``der``."""
        return self.derivatives(x, der + 1)[der]

    def _coefficients(self, flat: Any, count: int) -> list[Any]:
        """The coefficients of the polynomial around each place, by Newton's form."""
        n = shape_of(self.xi)[0]
        newton = divided_differences(self.xi, self.yi)
        zero = flat[:, None] * 0
        zero = np.reshape(zero, (-1, *[1] * (len(shape_of(self.yi)) - 1))) * self.yi[0]
        c: list[Any] = [zero + newton[n - 1]] + [zero] * (count - 1)
        for i in range(n - 2, -1, -1):  # c (t - x_i) + newton_i around the place
            gap = self._column(flat - self.xi[i])
            below = [zero, *c[:-1]]
            c = [gap * c[k] + below[k] for k in range(count)]
            c[0] = c[0] + newton[i]
        return c


def divided_differences(x: Any, y: Any) -> Any:
    """The coefficients of Newton's form; equal neighbours stand for given derivatives."""
    n, values = shape_of(x)[0], known(x)
    column = lambda v: np.reshape(v, (-1, *[1] * (len(shape_of(y)) - 1)))
    first = np.arange(n)
    for i in range(1, n if values is not None else 0):
        # the first of equal places, whose value is that of the function
        first[i] = first[i - 1] if values[i] == values[i - 1] else i
    order = np.arange(n) - first
    row, newton = y[first], [y[0]]
    for k in range(1, n):
        gap = x[k:] - x[:-k]
        same = first[k:] == first[:-k]
        slope = (row[1:] - row[:-1]) / column(np.where(same, 1.0, gap))
        given = y[first[k:] + np.minimum(k, order[k:])] / math.factorial(k)
        row = np.where(column(same), given, slope) if same.any() else slope
        newton.append(row[0])
    return newton


@answering
class KroghInterpolator(Samples):
    """The polynomial through samples and derivatives.

    Args:
        xi: places, shape [n]. A place that is repeated stands for derivatives, one after the other;
            under ``jit`` and ``vmap``, where they are not known, all count as different.
        yi: values and derivatives, shape [..., n, ...].
        axis: the axis of n.

    Its call takes places of any shape, as do ``derivative(x, der)`` and ``derivatives(x, der)``.

    Source: Krogh 1970, "Efficient algorithms for polynomial interpolation and numerical
    differentiation" (Math. Comp. 24).

    >>> print(KroghInterpolator(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))(0.5))
    0.25
    """

    def __init__(self, xi: Any, yi: Any, axis: int = 0) -> None:
        super().__init__(xi, yi, axis)

    def _values(self, flat: Any) -> Any:
        return self._coefficients(flat, 1)[0]


@answering
def krogh_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """The values, or derivatives, of a polynomial; see :class:`KroghInterpolator`.

    Args:
        x: places.
        der: int, the order of a derivative; None for all; or ints.

    >>> print(krogh_interpolate(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0]), 1.5))
    2.25
    """
    return _derived(KroghInterpolator(xi, yi, axis), x, der)


def _derived(p: Samples, x: Any, der: Any) -> Any:
    if der is None:
        return p.derivatives(x)
    if np.ndim(der) == 0:
        return p(x) if der == 0 else p.derivative(x, int(der))
    return p.derivatives(x, int(np.max(der)) + 1)[np.asarray(der)]


@answering
class BarycentricInterpolator(Samples):
    """The polynomial through samples, by the barycentric formula.

    Args:
        xi: places, shape [n], all different.
        yi: values, shape [..., n, ...].
        axis: the axis of n.
        wi: weights of the formula [n], by default computed.
        rng: ignored, for compatibility with SciPy.

    Source: Berrut & Trefethen 2004, "Barycentric Lagrange interpolation" (SIAM Rev. 46), equations
    3.2 and 4.2.

    >>> print(BarycentricInterpolator(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0]))(1.5)
    ...       .round(9))
    2.25
    """

    def __init__(
        self, xi: Any, yi: Any = None, axis: int = 0, *, wi: Any = None, rng: Any = None
    ) -> None:
        if yi is None:
            raise ValueError("BarycentricInterpolator: yi must be given: got None; pass values")
        super().__init__(xi, yi, axis)
        self.wi = _weights(self.xi) if wi is None else as_floating(wi)

    def _values(self, flat: Any) -> Any:
        gap = flat[:, None] - self.xi
        at = stop_gradient(gap) == 0  # where the place is a sample
        # near the sample the polynomial is y + slope gap, which has its derivatives too
        safe = np.where(at, 1.0, gap)
        terms = np.where(np.any(at, axis=1, keepdims=True), 0.0, self.wi / safe)
        total = np.sum(terms, axis=1)
        hit = np.any(at, axis=1)
        flatter = np.reshape(self.yi, (shape_of(self.yi)[0], -1))
        found = terms @ flatter / np.where(hit, 1.0, total)[:, None]
        exact = np.reshape(self._coefficients(flat, 1)[0], (-1, shape_of(flatter)[1]))
        return np.where(hit[:, None], exact, found)


def _weights(x: Any) -> Any:
    """1 / prod(x_i - x_j) with places scaled to a length of 4."""
    scale = 4 / (np.max(stop_gradient(x)) - np.min(stop_gradient(x)))
    n = shape_of(x)[0]
    gaps = np.where(np.eye(n, dtype=bool), 1.0, (x[:, None] - x) * scale)
    return 1 / np.prod(gaps, axis=1)


@answering
def barycentric_interpolate(
    xi: Any, yi: Any, x: Any, axis: int = 0, *, der: Any = 0, rng: Any = None
) -> Any:
    """The values, or derivatives, of a polynomial; see :class:`BarycentricInterpolator`.

    >>> print(barycentric_interpolate(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0]), 1.5)
    ...       .round(9))
    2.25
    """
    return _derived(BarycentricInterpolator(xi, yi, axis), x, der)


@answering
def lagrange(x: Any, w: Any) -> Any:
    """Coefficients of the polynomial through samples, the highest power first.

    SciPy gives a ``numpy.poly1d``, which cannot hold traced values; ``np.poly1d`` of the result is
    the same.

    Args:
        x, w: places and values, shape [n].

    >>> print(lagrange(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])) + 0.0)
    [1. 0. 0.]
    """
    x, w = as_floating(x), as_floating(w)
    if len(shape_of(x)) != 1 or shape_of(x) != shape_of(w):
        raise ShapeError(
            f"lagrange: x and w must be vectors of one length: got {aval_of(x)} and {aval_of(w)}"
        )
    total: Any = 0.0
    n = shape_of(x)[0]
    for i in range(n):
        p = np.ones(1, dtype_of(x))
        for j in range(n):
            if j != i:
                p = np.convolve(p, np.stack([np.ones(()), -x[j]])) / (x[i] - x[j])
        total = total + w[i] * p
    return total


@answering
def pade(an: Any, m: int, n: int | None = None) -> tuple[Any, Any]:
    """Coefficients of the ratio of polynomials with a given Taylor series.

    SciPy gives a pair of ``numpy.poly1d``, which cannot hold traced values.

    Args:
        an: coefficients of the series, the lowest power first, shape [k].
        m, n: int, the degrees of denominator and numerator; n is k - 1 - m by default.

    Returns:
        Numerator [n + 1] and denominator [m + 1], the highest power first.

    >>> p, q = pade(np.array([1.0, 1.0, 0.5]), 1)
    >>> print(p, q)
    [0.5 1. ] [-0.5  1. ]
    """
    an = as_floating(an)
    count = shape_of(an)[0]
    n = count - 1 - m if n is None else n
    if m < 0 or n < 0 or m + n > count - 1:
        raise ValueError(
            f"pade: the series must have m + n + 1 coefficients: got {count} for m={m}, n={n}"
        )
    an = an[: m + n + 1]
    row, column = np.arange(m + n + 1)[:, None], np.arange(m)
    place = row - column - 1
    series = np.where(place >= 0, an[np.maximum(place, 0)], 0.0)
    matrix = np.concatenate([np.eye(m + n + 1, n + 1), -series], axis=1)
    found = np.linalg.solve(matrix, an)
    p = found[: n + 1]
    q = np.concatenate([np.ones(1), found[n + 1 :]])
    return p[::-1], q[::-1]


@answering
def approximate_taylor_polynomial(
    f: Callable[[Any], Any], x: Any, degree: int, scale: Any, order: int | None = None
) -> Any:
    """Coefficients of a polynomial near a Taylor polynomial, by interpolation around a point.

    SciPy gives a ``numpy.poly1d``. Exact derivatives are those of ``fg.jvp``.

    Args:
        f: function of an array of places.
        x: the point.
        degree: int, the degree.
        scale: width of the interval in which f is evaluated.
        order: int, the degree of the interpolation, at least ``degree``.

    Returns:
        Coefficients [degree + 1] of powers of t - x, the highest first.

    >>> print(approximate_taylor_polynomial(np.sin, 0.0, 1, 1.0, 5).round(3) + 0.0)
    [1. 0.]
    """
    order = degree if order is None else order
    n = order + 1
    # Chebyshev points, without the last one that would repeat the first
    places = scale * np.cos(np.linspace(0, np.pi, n, endpoint=n % 1 != 0)) + operand(x)
    found = KroghInterpolator(places, f(places)).derivatives(x, degree + 1)
    powers = np.array([math.factorial(k) for k in range(degree + 1)], float)
    return (found / powers)[::-1]


register_fields(KroghInterpolator, ("xi", "yi"), ("axis",))
register_fields(BarycentricInterpolator, ("xi", "yi", "wi"), ("axis",))
