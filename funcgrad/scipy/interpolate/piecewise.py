"""Piecewise polynomials: cubic splines, and the interpolants of Fritsch and Akima."""

import math
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...core.nodes import register_node
from ...core.outline import outline
from ...core.registry import load
from ...core.trace import is_concrete
from ...numpy.indexing import take
from ...ops.linalg.banded import solve_banded_p
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .crossings import crossings


@answering
class PPoly:
    """A piecewise polynomial: sum_j c[j, i] (t - x[i])^(k - 1 - j) between x[i] and x[i + 1].

    Args:
        c: coefficients, shape [k, m, ...].
        x: breakpoints, ascending, shape [m + 1].
        extrapolate: whether to use the first and last polynomial outside; False for nan there, or
            "periodic".
        axis: the axis of the result along which the arguments are.

    >>> print(PPoly(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([0.0, 1.0, 2.0]))(1.5))
    2.0
    """

    def __init__(self, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
        self.c, self.x, self.axis = as_floating(c), as_floating(x), axis
        self.extrapolate = True if extrapolate is None else extrapolate
        if len(shape_of(self.c)) < 2 or shape_of(self.x) != (shape_of(self.c)[1] + 1,):
            raise ShapeError(
                f"PPoly: c must be [k, m, ...] for m + 1 breakpoints: got {aval_of(self.c)} and "
                f"{aval_of(self.x)}"
            )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("c", self.c), ("x", self.x)]

    __repr__ = outline

    def _like(self, c: Any) -> "PPoly":
        return PPoly(c, self.x, self.extrapolate, self.axis)

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """The value, or derivative ``nu``, at places of any shape."""
        at, given = as_floating(x), self.extrapolate if extrapolate is None else extrapolate
        knots, shape = self.x, shape_of(at)
        if isinstance(given, str):
            at = knots[0] + np.mod(at - knots[0], knots[-1] - knots[0])
        flat = np.reshape(at, (-1,))
        i = interval(knots, flat)
        h = flat - take(knots, i, axis=0)
        rows = take(_derived(self.c, nu), i, axis=1)
        total = _horner(rows, np.reshape(h, (-1, *[1] * (len(shape_of(rows)) - 2))))
        if given is False:
            outside = np.logical_or(flat < knots[0], flat > knots[-1])
            total = np.where(np.reshape(outside, shape_of(h) + (1,) * (len(shape_of(total)) - 1)),
                             np.nan, total)  # fmt: skip
        total = np.reshape(total, (*shape, *shape_of(self.c)[2:]))
        return placed(total, len(shape), self.axis)

    def derivative(self, nu: int = 1) -> "PPoly":
        """The derivative ``nu`` as a piecewise polynomial."""
        return self._like(_derived(self.c, nu))

    def antiderivative(self, nu: int = 1) -> "PPoly":
        """The antiderivative that is 0 at the first breakpoint."""
        found: PPoly = self
        for _ in range(nu):
            k = shape_of(found.c)[0]
            powers = np.arange(k, 0, -1).reshape(-1, *[1] * (len(shape_of(found.c)) - 1))
            c = found.c / powers
            h = np.diff(self.x)
            rest = [1] * (len(shape_of(c)) - 2)
            areas = _horner(np.concatenate([c, c[:1] * 0]), np.reshape(h, (-1, *rest)))
            starts = np.concatenate([areas[:1] * 0, np.cumsum(areas, axis=0)[:-1]])
            found = self._like(np.concatenate([c, starts[None]]))
        return found

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """The integral from ``a`` to ``b``."""
        whole = self.antiderivative()
        return whole(b, extrapolate=extrapolate) - whole(a, extrapolate=extrapolate)

    @classmethod
    def from_spline(cls, tck: Any, extrapolate: Any = None) -> "PPoly":
        """The piecewise polynomial of a spline, a BSpline or its knots, coefficients and degree."""
        from_parts = load("funcgrad.scipy.interpolate.bsplines").BSpline
        spline = from_parts(*tck) if isinstance(tck, (tuple, list)) else tck
        starts = spline.t[:-1]
        rows = [spline(starts, nu) / math.factorial(nu) for nu in range(spline.k, -1, -1)]
        given = spline.extrapolate if extrapolate is None else extrapolate
        return PPoly(np.stack(rows), spline.t, given)

    def solve(self, y: Any = 0.0, discontinuity: bool = True, extrapolate: Any = None) -> Any:
        """The places with value y, ascending, of a function with scalar values.

        Args:
            y: scalar; the places are differentiable in it, the coefficients and breakpoints.
            discontinuity: whether a jump through y counts as one.
            extrapolate: whether places outside count; see the class.

        Raises:
            ShapeError: if the values are not scalars.
            ConcretizationError: under jit and vmap, where their number is not known.

        Where the function is y in all of an interval, its start counts, and nan follows.
        """
        if len(shape_of(self.c)) != 2:
            raise ShapeError(
                f"PPoly.solve: the values must be scalars: got coefficients {aval_of(self.c)}; "
                f"take one element of each"
            )
        given = self.extrapolate if extrapolate is None else extrapolate
        return crossings(self, operand(y), discontinuity, bool(given) and given != "periodic")

    def roots(self, discontinuity: bool = True, extrapolate: Any = None) -> Any:
        """The places with value 0, see :meth:`solve`."""
        return self.solve(0.0, discontinuity, extrapolate)


def interval(knots: Any, at: Any) -> Any:
    """The interval between knots in which each place lies; the first or last one outside."""
    found = np.searchsorted(stop_gradient(knots), stop_gradient(at), side="right") - 1
    return np.clip(found, 0, shape_of(knots)[0] - 2)


def gathered(x: Any, *index: Any) -> Any:
    """The elements x[index], where the indices of the first axes may be traced."""
    shape, rank = shape_of(x), len(index)
    flat = np.reshape(x, (math.prod(shape[:rank]), *shape[rank:]))
    place: Any = 0
    for i, n in zip(index, shape, strict=False):
        place = place * n + i
    return take(flat, place, axis=0)


def placed(y: Any, rank: int, axis: int) -> Any:
    """The axes of the places, which are the first, moved to an axis of the values."""
    return np.moveaxis(y, range(rank), range(axis, axis + rank)) if axis and rank else y


def _horner(rows: Any, h: Any) -> Any:
    total = rows[0]
    for row in rows[1:]:
        total = total * h + row
    return total


def _derived(c: Any, nu: int) -> Any:
    """The coefficients of a derivative."""
    k = shape_of(c)[0]
    if not nu:
        return c
    if nu >= k:
        return c[:1] * 0
    powers = np.arange(k - 1, nu - 1, -1)
    factors = np.array([math.perm(int(p), nu) for p in powers], float)
    return c[: k - nu] * cast(factors.reshape(-1, *[1] * (len(shape_of(c)) - 1)), dtype_of(c))


class Cubic(PPoly):
    """A piecewise cubic through values with given slopes."""

    def __init__(self, x: Any, y: Any, slopes: Any, axis: int, extrapolate: Any) -> None:
        """All with the axis of the samples first."""
        h = np.diff(x)
        gaps = np.reshape(h, (-1, *[1] * (len(shape_of(y)) - 1)))
        slope = (y[1:] - y[:-1]) / gaps
        bend = (slopes[:-1] + slopes[1:] - 2 * slope) / gaps
        c = np.stack([bend / gaps, (slope - slopes[:-1]) / gaps - bend, slopes[:-1], y[:-1]])
        super().__init__(c, x, extrapolate, axis)


def samples_of(who: str, x: Any, y: Any, axis: int, least: int = 2) -> tuple[Any, Any, int]:
    """Places and values, whose axis of samples is the first; the axis."""
    x, y = as_floating(x), as_floating(y)
    axis = axis % max(len(shape_of(y)), 1)
    if len(shape_of(x)) != 1 or shape_of(y)[axis : axis + 1] != shape_of(x):
        raise ShapeError(
            f"{who}: x must be a vector, of the length of y along axis {axis}: got {aval_of(x)} "
            f"and {aval_of(y)}"
        )
    if shape_of(x)[0] < least:
        raise ShapeError(f"{who}: x must have at least {least} elements: got {aval_of(x)}")
    if is_concrete(x) and not np.all(np.diff(stop_gradient(x)) > 0):
        raise ValueError(f"{who}: x must be strictly ascending: got {shown(stop_gradient(x))}")
    dtype = np.result_type(dtype_of(x), dtype_of(y))
    return cast(x, np.finfo(dtype).dtype), cast(np.moveaxis(y, axis, 0), dtype), axis


@answering
class CubicHermiteSpline(Cubic):
    """The piecewise cubic with given values and slopes.

    Args:
        x: places, strictly ascending, shape [n].
        y, dydx: values and slopes, shape [..., n, ...].
        axis: the axis of n.
        extrapolate: see :class:`PPoly`.

    >>> line = CubicHermiteSpline(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    >>> print(line(0.25))
    0.25
    """

    def __init__(self, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:
        x, y, axis = samples_of("CubicHermiteSpline", x, y, axis)
        super().__init__(x, y, np.moveaxis(as_floating(dydx), axis, 0), axis, extrapolate)


@answering
class CubicSpline(Cubic):
    """The piecewise cubic with two continuous derivatives.

    Args:
        x, y, axis: see :class:`CubicHermiteSpline`.
        bc_type: "not-a-knot", "clamped", "natural", "periodic"; or a pair of such for both ends,
            each also (1, slope) or (2, second derivative).
        extrapolate: see :class:`PPoly`; by default "periodic" for that type.

    Source: de Boor 1978, "A practical guide to splines", chapter IV.

    >>> print(CubicSpline(np.arange(4.0), np.arange(4.0) ** 3)(2.5))
    15.625
    """

    def __init__(
        self, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
    ) -> None:
        x, y, axis = samples_of("CubicSpline", x, y, axis)
        periodic = isinstance(bc_type, str) and bc_type == "periodic"
        slopes = _periodic(x, y) if periodic else _smooth(x, y, bc_type)
        given = "periodic" if periodic and extrapolate is None else extrapolate
        super().__init__(x, y, slopes, axis, given)


def _ends_of(bc_type: Any) -> list[tuple[int, Any]]:
    """The condition at each end: the order of a derivative, or 0 for not-a-knot; its value."""
    pair = [bc_type] * 2 if isinstance(bc_type, str) else list(bc_type)
    kinds = {"not-a-knot": (0, 0.0), "clamped": (1, 0.0), "natural": (2, 0.0)}
    found = []
    for end in pair:
        known = kinds.get(end) if isinstance(end, str) else tuple(end)
        if known is None or len(pair) != 2 or known[0] not in (0, 1, 2):
            raise ValueError(
                f"CubicSpline: bc_type must be 'not-a-knot', 'clamped', 'natural', 'periodic' or a "
                f"pair of conditions: got {shown(bc_type)}"
            )
        found.append((known[0], known[1]))
    return found


def _smooth(x: Any, y: Any, bc_type: Any) -> Any:
    """The slopes of a spline, by the conditions at its ends."""
    ends, n = _ends_of(bc_type), shape_of(x)[0]
    h = np.diff(x)
    g = np.reshape(h, (-1, *[1] * (len(shape_of(y)) - 1)))
    m = (y[1:] - y[:-1]) / g
    if n == 2:  # a missing condition is that of the line
        ends = [e if e[0] else (1, m[0]) for e in ends]
    if n == 3 and not ends[0][0] and not ends[1][0]:  # the parabola
        one, none = np.ones_like(h[:1]), np.zeros_like(h[:1])
        lower = np.concatenate([none, h[1:], one])
        main = np.concatenate([one, 2 * (h[:1] + h[1:]), one])
        upper = np.concatenate([one, h[:1], none])
        right = np.stack([2 * m[0], 3 * (g[0] * m[1] + g[1] * m[0]), 2 * m[1]])
        return tridiagonal(lower, main, upper, right)
    first = _condition(ends[0], h, g, m, y)
    last = _condition(ends[1], h[::-1], g[::-1], m[::-1], y[::-1], -1)
    inner = 3 * (g[1:] * m[:-1] + g[:-1] * m[1:])
    lower = np.concatenate([h[:1] * 0, h[1:], last[1][None]])
    main = np.concatenate([first[0][None], 2 * (h[:-1] + h[1:]), last[0][None]])
    upper = np.concatenate([first[1][None], h[:-1], h[:1] * 0])
    right = np.concatenate([first[2][None], inner, last[2][None]])
    return tridiagonal(lower, main, upper, right)


def _condition(
    end: tuple[int, Any], h: Any, g: Any, m: Any, y: Any, sign: int = 1
) -> tuple[Any, Any, Any]:
    """The row of an end: the coefficients of its slope and the next one, and the right side."""
    order, value = end
    if order == 0:
        d = g[0] + g[1]
        right = ((g[0] + 2 * d) * g[1] * m[0] + g[0] ** 2 * m[1]) / d
        return h[1], h[0] + h[1], right
    value = np.broadcast_to(cast(operand(value), dtype_of(y)), shape_of(y)[1:])
    if order == 1:
        return np.ones_like(h[0]), np.zeros_like(h[0]), value
    return 2 * h[0], h[0], 3 * g[0] * m[0] - sign * 0.5 * value * g[0] ** 2


def _periodic(x: Any, y: Any) -> Any:
    """The slopes of a periodic spline."""
    if is_concrete(y) and not np.allclose(stop_gradient(y[0]), stop_gradient(y[-1]), 1e-15, 1e-15):
        raise ValueError("CubicSpline: the first and last value of a periodic spline must be equal")
    h = np.diff(x)
    g = np.reshape(h, (-1, *[1] * (len(shape_of(y)) - 1)))
    m = (y[1:] - y[:-1]) / g
    n = shape_of(h)[0]
    if n == 1:
        return np.stack([m[0] * 0, m[0] * 0])
    roll = lambda v: np.roll(v, 1, axis=0)
    unit = np.eye(n)
    before, after = np.roll(unit, -1, axis=1), np.roll(unit, 1, axis=1)
    matrix = (2 * (roll(h) + h))[:, None] * unit + h[:, None] * before + roll(h)[:, None] * after
    right = 3 * (g * roll(m) + roll(g) * m)
    slopes = np.linalg.solve(matrix, np.reshape(right, (n, -1)))
    slopes = np.reshape(slopes, shape_of(right))
    return np.concatenate([slopes, slopes[:1]])


def tridiagonal(lower: Any, main: Any, upper: Any, b: Any) -> Any:
    """The solution of a tridiagonal system, [n] or [n, ...].

    Row i is lower[i] x[i - 1] + main[i] x[i] + upper[i] x[i + 1] = b[i].
    """
    band = np.stack([np.roll(upper, 1), main, np.roll(lower, -1)])
    flat = np.reshape(b, (shape_of(main)[0], -1))
    return np.reshape(solve_banded_p(band, flat, below=1, above=1), shape_of(b))


def flattened(p: Any) -> tuple[tuple[Any, Any], tuple[Any, int]]:
    return (p.c, p.x), (p.extrapolate, p.axis)


def rebuilt(kind: type[PPoly]) -> Any:
    def rebuild(rest: tuple[Any, int], children: Any) -> PPoly:
        made = kind.__new__(kind)
        made.c, made.x = children
        made.extrapolate, made.axis = rest
        return made

    return rebuild


for _kind in (PPoly, CubicHermiteSpline, CubicSpline):
    register_node(_kind, flattened, rebuilt(_kind))


def register_fields(kind: Any, names: tuple[str, ...], static: tuple[str, ...]) -> None:
    """Register a class as a tree whose children are some attributes, and others its structure."""

    def rebuild(rest: Any, children: Any) -> Any:
        made = kind.__new__(kind)
        for name, x in zip((*names, *static), (*children, *rest), strict=True):
            setattr(made, name, x)
        return made

    fields = lambda made, some: tuple(getattr(made, name) for name in some)
    register_node(kind, lambda made: (fields(made, names), fields(made, static)), rebuild)
