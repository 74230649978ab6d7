"""Splines of several variables: products of splines of one, and piecewise polynomials on grids."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError, UnsupportedError
from ...core.lazy import answering
from ...core.outline import outline
from ..floating import as_floating
from .bsplines import BSpline, make_interp_spline
from .piecewise import gathered, interval, register_fields


def _basis(t: Any, k: int, x: Any, nu: int) -> Any:
    """The values of all B-splines at places, [places, n]."""
    return BSpline(t, np.eye(shape_of(t)[0] - k - 1), k)(x, nu)


@answering
class NdBSpline:
    """The spline sum_ij... c[i, j, ...] B_i(x) B_j(y) ... of several variables.

    Args:
        t: knots of each variable, a tuple of vectors.
        c: coefficients, shape [n1, n2, ..., ...].
        k: int, the degree, or ints.
        extrapolate: whether to use the first and last polynomials outside; False for nan there.

    Its call takes places [..., d], and ``nu``, orders of derivatives [d].

    >>> t = np.array([0.0, 0.0, 1.0, 1.0])
    >>> print(NdBSpline((t, t), np.array([[0.0, 1.0], [2.0, 3.0]]), k=1)(np.array([0.5, 0.5])))
    1.5
    """

    def __init__(self, t: Sequence[Any], c: Any, k: Any, *, extrapolate: Any = None) -> None:
        self.t, self.c = tuple(map(as_floating, t)), as_floating(c)
        d = len(self.t)
        self.k = (int(k),) * d if np.ndim(k) == 0 else tuple(int(v) for v in k)
        self.extrapolate = True if extrapolate is None else bool(extrapolate)
        sizes = tuple(shape_of(x)[0] - k - 1 for x, k in zip(self.t, self.k, strict=True))
        if shape_of(self.c)[:d] != sizes:
            raise ShapeError(
                f"NdBSpline: c must begin with the numbers of splines {sizes}: got "
                f"{aval_of(self.c)}"
            )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("t", self.t), ("c", self.c), ("k", self.k)]

    __repr__ = outline

    def __call__(self, xi: Any, *, nu: Any = None, extrapolate: Any = None) -> Any:
        """The values, or derivatives, at places [..., d]."""
        xi, d = as_floating(xi), len(self.t)
        if shape_of(xi)[-1:] != (d,):
            raise ShapeError(f"NdBSpline: places must be [..., {d}]: got {aval_of(xi)}")
        flat = np.reshape(xi, (-1, d))
        orders = [0] * d if nu is None else [int(n) for n in nu]
        rows = zip(self.t, self.k, orders, strict=True)
        weights = [_basis(t, k, flat[:, i], n) for i, (t, k, n) in enumerate(rows)]
        found = self.c[None]
        for w in weights:
            more = len(shape_of(found)) - 2
            found = np.sum(np.reshape(w, (*shape_of(w), *[1] * more)) * found, axis=1)
        if not (self.extrapolate if extrapolate is None else extrapolate):
            outside: Any = False
            for i, (t, k) in enumerate(zip(self.t, self.k, strict=True)):
                ends = t[k], t[shape_of(t)[0] - k - 1]
                beyond = np.logical_or(flat[:, i] < ends[0], flat[:, i] > ends[1])
                outside = np.logical_or(outside, beyond)
            more = len(shape_of(found)) - 1
            found = np.where(np.reshape(outside, (-1, *[1] * more)), np.nan, found)
        return np.reshape(found, (*shape_of(xi)[:-1], *shape_of(self.c)[d:]))


@answering
class RectBivariateSpline:
    """The spline through samples on a rectangular grid, differentiable in samples and places.

    Args:
        x, y: places along both axes, strictly ascending, shapes [n] and [m].
        z: values, shape [n, m].
        bbox: must be four times None.
        kx, ky: int, the degrees.
        s: must be 0; smoothing is not supported.
        maxit: ignored, for compatibility with SciPy.

    Its call takes vectors of places, and gives the values on their grid; with ``grid=False`` it
    takes arrays that broadcast. Places outside have the value at the border.

    >>> z = np.add.outer(np.arange(4.0) ** 2, np.arange(4.0))
    >>> print(RectBivariateSpline(np.arange(4.0), np.arange(4.0), z).ev(1.5, 2.5).round(9))
    4.75
    """

    def __init__(
        self, x: Any, y: Any, z: Any, bbox: Sequence[Any] = (None,) * 4, kx: int = 3, ky: int = 3,
        s: Any = 0, maxit: int = 20,
    ) -> None:  # fmt: skip
        x, y, z = as_floating(x), as_floating(y), as_floating(z)
        if any(b is not None for b in bbox) or s != 0:
            raise UnsupportedError(
                f"RectBivariateSpline: bbox must be None, and s 0: got {bbox} and s={s}; pass s=0"
            )
        if shape_of(z) != (*shape_of(x), *shape_of(y)):
            raise ShapeError(
                f"RectBivariateSpline: z must be [{shape_of(x)[0]}, {shape_of(y)[0]}]: got "
                f"{aval_of(z)}"
            )
        first = make_interp_spline(x, z, kx)
        second = make_interp_spline(y, first.c, ky, axis=1)
        self.tx, self.ty = first.t, second.t
        self.c, self.degrees = np.moveaxis(second.c, 0, 1), (kx, ky)

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("tx", self.tx), ("ty", self.ty), ("c", self.c)]

    __repr__ = outline

    def _weights(self, x: Any, y: Any, dx: int, dy: int) -> tuple[Any, Any]:
        """The values of the B-splines at places within the borders."""
        rows = ((self.tx, self.degrees[0], x, dx), (self.ty, self.degrees[1], y, dy))
        return tuple(  # type: ignore[return-value]
            _basis(t, k, np.clip(as_floating(at), t[0], t[-1]), n) for t, k, at, n in rows
        )

    def __call__(self, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Any:
        """The values, or derivatives of orders ``dx`` and ``dy``."""
        if not grid:
            x, y = np.broadcast_arrays(as_floating(x), as_floating(y))
            first, second = self._weights(np.ravel(x), np.ravel(y), dx, dy)
            return np.reshape(np.sum((first @ self.c) * second, axis=1), shape_of(x))
        first, second = self._weights(np.atleast_1d(x), np.atleast_1d(y), dx, dy)
        return first @ self.c @ second.T

    def ev(self, xi: Any, yi: Any, dx: int = 0, dy: int = 0) -> Any:
        """The values at places that broadcast."""
        return self(xi, yi, dx, dy, grid=False)

    def integral(self, xa: Any, xb: Any, ya: Any, yb: Any) -> Any:
        """The integral over a rectangle, as far as it is within the borders."""
        sides = []
        for t, k, a, b in ((self.tx, self.degrees[0], xa, xb), (self.ty, self.degrees[1], ya, yb)):
            spline = BSpline(t, np.eye(shape_of(t)[0] - k - 1), k).antiderivative()
            low, high = (np.clip(as_floating(v), t[0], t[-1]) for v in (a, b))
            sides.append(spline(high) - spline(low))
        return sides[0] @ self.c @ sides[1]

    def get_knots(self) -> tuple[Any, Any]:
        """The knots along both axes."""
        return self.tx, self.ty

    def get_coeffs(self) -> Any:
        """The coefficients, as a vector."""
        return np.ravel(self.c)


@answering
def bisplev(x: Any, y: Any, tck: Any, dx: int = 0, dy: int = 0) -> Any:
    """Values of a spline of two variables on a grid.

    Args:
        x, y: places along both axes, numbers or vectors.
        tck: the list [tx, ty, c, kx, ky] of knots, coefficients and degrees.
        dx, dy: int, the orders of derivatives.

    >>> t = np.array([0.0, 0.0, 1.0, 1.0])
    >>> print(bisplev(0.5, 0.5, [t, t, np.array([0.0, 1.0, 2.0, 3.0]), 1, 1]))
    1.5
    """
    made = RectBivariateSpline.__new__(RectBivariateSpline)
    tx, ty, c, kx, ky = tck
    made.tx, made.ty, made.degrees = as_floating(tx), as_floating(ty), (int(kx), int(ky))
    sizes = [shape_of(t)[0] - k - 1 for t, k in ((made.tx, kx), (made.ty, ky))]
    made.c = np.reshape(as_floating(c), sizes)
    found = made(x, y, dx, dy)
    if shape_of(found)[0] > 1:
        return found
    return found[0] if shape_of(found)[1] > 1 else found[0, 0]


@answering
class NdPPoly:
    """Piecewise polynomials on a grid: sums of c[i, j, ..., p, q, ...] (x - x_p)^(kx - 1 - i) ....

    Args:
        c: coefficients, shape [kx, ky, ..., mx, my, ..., ...].
        x: breakpoints of each variable, ascending, a tuple of vectors [mx + 1], [my + 1], ...
        extrapolate: whether to use the first and last polynomials outside; False for nan there.

    Its call takes places [..., d], and ``nu``, orders of derivatives [d].

    >>> ends = np.array([0.0, 1.0])
    >>> print(NdPPoly(np.array([2.0, 1.0]).reshape(2, 1, 1, 1), (ends, ends))(np.array([0.5, 0.5])))
    2.0
    """

    def __init__(self, c: Any, x: Sequence[Any], extrapolate: Any = None) -> None:
        self.x, self.c = tuple(map(as_floating, x)), as_floating(c)
        self.extrapolate = True if extrapolate is None else bool(extrapolate)
        d = len(self.x)
        sizes = tuple(shape_of(v)[0] - 1 for v in self.x)
        if shape_of(self.c)[d : 2 * d] != sizes:
            raise ShapeError(
                f"NdPPoly: c must be [{d} orders, intervals {sizes}, ...]: got {aval_of(self.c)}"
            )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("c", self.c), ("x", self.x)]

    __repr__ = outline

    def __call__(self, x: Any, nu: Any = None, extrapolate: Any = None) -> Any:
        """The values, or derivatives, at places [..., d]."""
        x, d = as_floating(x), len(self.x)
        if shape_of(x)[-1:] != (d,):
            raise ShapeError(f"NdPPoly: places must be [..., {d}]: got {aval_of(x)}")
        flat = np.reshape(x, (-1, d))
        nu = (0,) * d if nu is None else tuple(int(n) for n in nu)
        i = [interval(knots, flat[:, k]) for k, knots in enumerate(self.x)]
        h = [flat[:, k] - gathered(knots, i[k]) for k, knots in enumerate(self.x)]
        orders = shape_of(self.c)[:d]
        total: Any = 0
        more = len(shape_of(self.c)) - 2 * d
        for place in itertools.product(*map(range, orders)):
            powers = [n - 1 - p for n, p in zip(orders, place, strict=True)]
            if any(p < n for p, n in zip(powers, nu, strict=True)):
                continue
            weight: Any = 1.0
            for p, n, gap in zip(powers, nu, h, strict=True):
                weight = weight * math.perm(p, n) * gap ** (p - n)
            row = gathered(self.c[place], *i)
            total = total + np.reshape(weight * np.ones(shape_of(flat)[0]), (-1, *[1] * more)) * row
        if not (self.extrapolate if extrapolate is None else extrapolate):
            sides = [
                np.logical_or(flat[:, k] < knots[0], flat[:, k] > knots[-1])
                for k, knots in enumerate(self.x)
            ]
            outside = np.any(np.stack(sides), axis=0)
            total = np.where(np.reshape(outside, (-1, *[1] * more)), np.nan, total)
        return np.reshape(total, (*shape_of(x)[:-1], *shape_of(self.c)[2 * d :]))


register_fields(NdBSpline, ("t", "c"), ("k", "extrapolate"))
register_fields(RectBivariateSpline, ("tx", "ty", "c"), ("degrees",))
register_fields(NdPPoly, ("c", "x"), ("extrapolate",))
