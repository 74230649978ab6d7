"""Interpolation of samples at scattered places."""

import itertools
import math
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ConcretizationError, ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...core.outline import outline
from ...numpy.indexing import known, take
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .legacy import interp1d
from .piecewise import register_fields

_LEAST_DEGREES = {"multiquadric": 0, "linear": 0, "thin_plate_spline": 1, "cubic": 1, "quintic": 2}
_OF_SQUARES: dict[str, Any] = {
    "linear": lambda s: -_root(s),
    "thin_plate_spline": lambda s: np.where(s > 0, s, 0.0) * np.log(np.where(s > 0, s, 1.0)) / 2,
    "cubic": lambda s: s * _root(s),
    "quintic": lambda s: -s * s * _root(s),
    "multiquadric": lambda s: -np.sqrt(s + 1),
    "inverse_multiquadric": lambda s: 1 / np.sqrt(s + 1),
    "inverse_quadratic": lambda s: 1 / (s + 1),
    "gaussian": lambda s: np.exp(-s),
}


def _root(s: Any) -> Any:
    """The square root, whose derivative at 0 is 0."""
    return np.where(s > 0, np.sqrt(np.where(s > 0, s, 1.0)), 0.0)


@answering
class RBFInterpolator:
    """Sum of radial functions around samples and a polynomial, which passes through the samples.

    Args:
        y: places of the samples, shape [n, d].
        d: values, shape [n, ...].
        neighbors: int, how many of the nearest samples determine a value, or None for all.
        smoothing: 0, or how far values may differ from samples: a number, or [n].
        kernel: "linear", "thin_plate_spline", "cubic", "quintic", "multiquadric",
            "inverse_multiquadric", "inverse_quadratic" or "gaussian".
        epsilon: factor of distances, needed by the last four and "multiquadric".
        degree: int, of the polynomial, -1 for none; by default the least for the kernel.

    Its call takes places [m, d]; it is differentiable in all arrays.

    Source: Fasshauer 2007, "Meshfree approximation methods with Matlab", chapters 6 and 19.

    >>> places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> print(RBFInterpolator(places, places.sum(axis=1))(np.array([[0.5, 0.25]])).round(9))
    [0.75]
    """

    def __init__(
        self, y: Any, d: Any, neighbors: int | None = None, smoothing: Any = 0.0,
        kernel: str = "thin_plate_spline", epsilon: Any = None, degree: int | None = None,
    ) -> None:  # fmt: skip
        self.y, self.d = as_floating(y), as_floating(d)
        if len(shape_of(self.y)) != 2 or shape_of(self.d)[:1] != shape_of(self.y)[:1]:
            raise ShapeError(
                f"RBFInterpolator: y must be [n, d], and d [n, ...]: got {aval_of(self.y)} and "
                f"{aval_of(self.d)}"
            )
        if kernel not in _OF_SQUARES:
            raise ValueError(
                f"RBFInterpolator: kernel must be one of {', '.join(_OF_SQUARES)}: got "
                f"{shown(kernel)}"
            )
        if epsilon is None and kernel not in ("linear", "thin_plate_spline", "cubic", "quintic"):
            raise ValueError(f"RBFInterpolator: kernel {kernel!r} needs epsilon; write epsilon=1.0")
        n, rank = shape_of(self.y)
        self.kernel, self.neighbors = kernel, None if neighbors is None else min(int(neighbors), n)
        self.epsilon = operand(1.0 if epsilon is None else epsilon)
        self.smoothing = np.broadcast_to(as_floating(smoothing), (n,))
        self.degree = max(_LEAST_DEGREES.get(kernel, -1), 0) if degree is None else int(degree)
        if self.degree < -1 or math.comb(self.degree + rank, rank) > (self.neighbors or n):
            raise ValueError(
                f"RBFInterpolator: a polynomial of degree {self.degree} needs as many samples as "
                f"coefficients: got {self.neighbors or n}; lower degree"
            )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("y", self.y), ("d", self.d), ("kernel", self.kernel)]

    __repr__ = outline

    def _radial(self, a: Any, b: Any) -> Any:
        gap = a[..., :, None, :] - b[..., None, :, :]
        return _OF_SQUARES[self.kernel](self.epsilon**2 * np.sum(gap**2, axis=-1))

    def _monomials(self, x: Any) -> Any:
        """The monomials at scaled places [..., m, d], [..., m, monomials]."""
        rank = shape_of(x)[-1]
        rows = [
            math.prod(
                [x[..., k] ** p for k, p in enumerate(powers)], start=np.ones(shape_of(x)[:-1])
            )
            for powers in itertools.product(range(self.degree + 1), repeat=rank)
            if sum(powers) <= self.degree
        ]
        return np.stack(rows, axis=-1) if rows else np.zeros((*shape_of(x)[:-1], 0))

    def __call__(self, x: Any) -> Any:
        """The values at places [m, d]."""
        x = as_floating(x)
        rank = shape_of(self.y)[1]
        if len(shape_of(x)) != 2 or shape_of(x)[1] != rank:
            raise ShapeError(f"RBFInterpolator: places must be [m, {rank}]: got {aval_of(x)}")
        values = np.reshape(self.d, (shape_of(self.y)[0], -1))
        if self.neighbors is None:
            found = self._solved(self.y, values, self.smoothing, x)
        else:
            far = np.sum((stop_gradient(x)[:, None] - stop_gradient(self.y)) ** 2, axis=-1)
            near = np.argsort(far, axis=1, kind="stable")[:, : self.neighbors]
            y, d, smoothing = (take(v, near, axis=0) for v in (self.y, values, self.smoothing))
            found = self._solved(y, d, smoothing, x[:, None, :])[:, 0]
        return np.reshape(found, (shape_of(x)[0], *shape_of(self.d)[1:]))

    def _solved(self, y: Any, d: Any, smoothing: Any, x: Any) -> Any:
        """The values at x [..., m, d] of the function through samples [..., n, d]."""
        low, high = np.min(stop_gradient(y), axis=-2), np.max(stop_gradient(y), axis=-2)
        shift, width = (low + high) / 2, (high - low) / 2
        scaled = lambda v: (v - shift[..., None, :]) / np.where(width == 0, 1, width)[..., None, :]
        p = self._monomials(scaled(y))
        n, m = shape_of(p)[-2:]
        diagonal = np.eye(n) * smoothing[..., None, :]
        top = np.concatenate([self._radial(y, y) + diagonal, p], axis=-1)
        zeros = np.zeros((*shape_of(p)[:-2], m, m))
        below = np.concatenate([np.swapaxes(p, -1, -2), zeros], axis=-1)
        right = np.concatenate([d, np.zeros((*shape_of(d)[:-2], m, shape_of(d)[-1]))], axis=-2)
        c = np.linalg.solve(np.concatenate([top, below], axis=-2), right)
        return self._radial(x, y) @ c[..., :n, :] + self._monomials(scaled(x)) @ c[..., n:, :]


def _places(who: str, args: tuple[Any, ...], rank: int) -> Any:
    """Places [..., d], given as one array or an array for each coordinate."""
    if len(args) == 1 and isinstance(args[0], tuple):
        args = args[0]
    if len(args) > 1:
        x = np.stack(np.broadcast_arrays(*map(as_floating, args)), axis=-1)
    else:
        x = as_floating(args[0])
    if shape_of(x)[-1:] != (rank,):
        raise ShapeError(f"{who}: places must be [..., {rank}]: got {aval_of(x)}")
    return x


class Scattered:
    """Samples at scattered places."""

    def __init__(self, points: Any, values: Any, rescale: bool) -> None:
        points, self.values = as_floating(points), as_floating(values)
        self.points = points[:, None] if len(shape_of(points)) == 1 else points
        if len(shape_of(self.points)) != 2 or shape_of(self.values)[:1] != shape_of(points)[:1]:
            raise ShapeError(
                f"{type(self).__name__}: points must be [n, d], and values [n, ...]: got "
                f"{aval_of(points)} and {aval_of(self.values)}"
            )
        at = stop_gradient(self.points)
        self.scale = np.ptp(at, axis=0) if rescale else np.ones(shape_of(at)[1])

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("points", self.points), ("values", self.values)]

    __repr__ = outline


@answering
class NearestNDInterpolator(Scattered):
    """The value of the nearest sample.

    Args:
        x: places of the samples, shape [n, d].
        y: values, shape [n, ...].
        rescale: whether distances are in units of the range of each coordinate.
        tree_options: ignored, for compatibility with SciPy.

    Its call takes places [..., d], or an array for each coordinate.

    >>> print(NearestNDInterpolator(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([3.0, 5.0]))(
    ...     np.array([0.9, 0.7])))
    5.0
    """

    def __init__(self, x: Any, y: Any, rescale: bool = False, tree_options: Any = None) -> None:
        super().__init__(x, y, rescale)

    def __call__(self, *args: Any) -> Any:
        """The values at places."""
        x = _places("NearestNDInterpolator", args, shape_of(self.points)[1])
        gap = (stop_gradient(x)[..., None, :] - stop_gradient(self.points)) / self.scale
        return take(self.values, np.argmin(np.sum(gap**2, axis=-1), axis=-1), axis=0)


@answering
class LinearNDInterpolator(Scattered):
    """Linear interpolation in the triangles, or simplices, of a triangulation of the samples.

    Args:
        points: places of the samples, shape [n, d], d > 1, of known values.
        values: shape [n, ...].
        fill_value: of places outside of all triangles.
        rescale: whether the triangulation is of coordinates in units of their range.

    Its call takes places [..., d] of known values, and is differentiable in these, in points and
    values. The triangulation is SciPy's, which must be installed.

    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> found = LinearNDInterpolator(corners, np.array([0.0, 1.0, 2.0]))  # doctest: +SKIP
    >>> print(found(0.25, 0.5))  # doctest: +SKIP
    1.25
    """

    def __init__(
        self, points: Any, values: Any, fill_value: Any = np.nan, rescale: bool = False
    ) -> None:
        super().__init__(points, values, rescale)
        self.fill_value = fill_value
        at = known(self.points)
        if at is None or shape_of(self.points)[1] < 2:
            raise ConcretizationError(
                f"LinearNDInterpolator: points must be [n, d], d > 1, of known values: got "
                f"{aval_of(self.points)}"
            )
        try:
            from scipy.spatial import Delaunay
        except ImportError:
            raise ImportError(
                "LinearNDInterpolator: it needs SciPy for the triangulation; pip install scipy"
            ) from None
        self.tri = Delaunay(np.asarray(at) / np.asarray(self.scale))

    def __call__(self, *args: Any) -> Any:
        """The values at places."""
        x = _places("LinearNDInterpolator", args, shape_of(self.points)[1])
        at = known(x)
        if at is None:
            raise ConcretizationError(
                f"LinearNDInterpolator: the triangles of places depend on their values, which are "
                f"not known under jit and vmap: got {aval_of(x)}; use RBFInterpolator"
            )
        found = self.tri.find_simplex(np.asarray(at) / np.asarray(self.scale))
        corners = self.tri.simplices[np.maximum(found, 0)]
        places = take(self.points, corners, axis=0)
        sides = np.swapaxes(places[..., :-1, :] - places[..., -1:, :], -1, -2)
        share = np.linalg.solve(sides, (x - places[..., -1, :])[..., None])[..., 0]
        share = np.concatenate([share, 1 - np.sum(share, axis=-1, keepdims=True)], axis=-1)
        values = take(self.values, corners, axis=0)
        more = len(shape_of(self.values)) - 1
        total = np.sum(
            np.reshape(share, (*shape_of(share), *[1] * more)) * values, axis=np.ndim(found)
        )
        outside = np.reshape(found < 0, (*np.shape(found), *[1] * more))
        return np.where(outside, cast(np.asarray(self.fill_value), dtype_of(total)), total)


@answering
def griddata(
    points: Any, values: Any, xi: Any, method: str = "linear", fill_value: Any = np.nan,
    rescale: bool = False,
) -> Any:  # fmt: skip
    """Values at places of samples at scattered places.

    Args:
        points: places of the samples, [n, d], or a tuple of d vectors; or [n].
        values: shape [n].
        xi: places, [..., d], or a tuple of arrays.
        method: "linear" or "nearest"; "cubic" for one coordinate. Linear values of several
            coordinates need SciPy for the triangulation.
        fill_value: of places outside of the samples.
        rescale: see :class:`LinearNDInterpolator`.

    >>> print(griddata(np.array([0.0, 1.0]), np.array([3.0, 5.0]), np.array([0.5])))
    [4.]
    """
    stacked = lambda v: np.stack(np.broadcast_arrays(*map(as_floating, v)), axis=-1)
    points = stacked(points) if isinstance(points, tuple) else as_floating(points)
    xi = stacked(xi) if isinstance(xi, tuple) else as_floating(xi)
    if method not in ("linear", "nearest", "cubic"):
        raise ValueError(
            f"griddata: method must be 'linear', 'nearest' or 'cubic': got {shown(method)}"
        )
    if len(shape_of(points)) == 1 or shape_of(points)[1] == 1:
        flat, at = np.ravel(points), xi if len(shape_of(points)) == 1 else xi[..., 0]
        fill = "extrapolate" if method == "nearest" else fill_value
        return interp1d(flat, values, method, 0, bounds_error=False, fill_value=fill)(at)
    if method == "nearest":
        return NearestNDInterpolator(points, values, rescale)(xi)
    if method == "cubic":
        raise UnsupportedError("griddata: cubic values need one coordinate: got "
                               f"{aval_of(points)}; use RBFInterpolator")  # fmt: skip
    return LinearNDInterpolator(points, values, fill_value, rescale)(xi)


register_fields(RBFInterpolator, ("y", "d", "epsilon", "smoothing"),
                ("kernel", "neighbors", "degree"))  # fmt: skip
register_fields(NearestNDInterpolator, ("points", "values", "scale"), ())
