"""Interpolation on rectilinear grids."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...core.nodes import register_node
from ...core.outline import outline
from ...core.trace import is_concrete
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .bsplines import make_interp_spline
from .local_slopes import PchipInterpolator
from .piecewise import gathered, interval

_DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}


@answering
class RegularGridInterpolator:
    """Values between the points of a rectilinear grid, differentiable in these, values and places.

    Args:
        points: a vector for each of d axes, strictly ascending or descending.
        values: shape [n1, ..., nd, ...].
        method: "linear", "nearest", "slinear", "cubic", "quintic" or "pchip".
        bounds_error: whether places outside are an error; under jit and vmap they are not.
        fill_value: of places outside; None to extrapolate.

    Its call takes places [..., d] and returns [..., *trailing].

    >>> plane = np.add.outer(np.arange(3.0), np.arange(4.0))
    >>> f = RegularGridInterpolator((np.arange(3.0), np.arange(4.0)), plane)
    >>> print(f(np.array([0.5, 1.25])))
    [1.75]
    """

    def __init__(
        self, points: Sequence[Any], values: Any, method: str = "linear",
        bounds_error: bool = True, fill_value: Any = np.nan,
    ) -> None:  # fmt: skip
        self.grid, self.values = tuple(map(as_floating, points)), as_floating(values)
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        lengths = tuple(shape_of(x)[0] for x in self.grid)
        if shape_of(self.values)[: len(lengths)] != lengths:
            raise ShapeError(
                f"RegularGridInterpolator: values must begin with the shape {lengths} of the grid: "
                f"got {aval_of(self.values)}"
            )
        self._check(method)
        for d, x in enumerate(self.grid):
            if is_concrete(x) and shape_of(x)[0] > 1:
                known = np.asarray(stop_gradient(x))
                if np.all(np.diff(known) < 0):
                    flipped = [*self.grid]
                    flipped[d] = x[::-1]
                    self.grid, self.values = tuple(flipped), np.flip(self.values, d)
                elif not np.all(np.diff(known) > 0):
                    raise ValueError(
                        f"RegularGridInterpolator: axis {d} must be strictly ascending or "
                        f"descending: got {shown(known)}"
                    )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("points", self.grid), ("values", self.values)]

    __repr__ = outline

    @staticmethod
    def _check(method: str) -> None:
        if method not in ("linear", "nearest", "pchip", *_DEGREES):
            raise ValueError(
                f"RegularGridInterpolator: method must be 'linear', 'nearest', 'slinear', 'cubic', "
                f"'quintic' or 'pchip': got {shown(method)}"
            )

    def __call__(self, xi: Any, method: str | None = None) -> Any:
        """The values at places [..., d]."""
        method = self.method if method is None else method
        self._check(method)
        d = len(self.grid)
        xi = (
            np.stack(np.broadcast_arrays(*map(as_floating, xi)), axis=-1)
            if isinstance(xi, tuple) else as_floating(xi)
        )  # fmt: skip
        if len(shape_of(xi)) == 1 and shape_of(xi)[0] % d == 0:  # as in SciPy
            xi = np.reshape(xi, (-1, d))
        if shape_of(xi)[-1] != d:
            raise ShapeError(
                f"RegularGridInterpolator: places must be [..., {d}]: got {aval_of(xi)}"
                "; give one coordinate for each axis"
            )
        flat = np.reshape(xi, (-1, d))
        outside = self._outside(flat)
        if method == "linear":
            found = self._linear(flat)
        elif method == "nearest":
            found = self._nearest(flat)
        else:
            found = self._smooth(flat, method)
        if self.fill_value is not None:
            fill = np.reshape(outside, (-1, *[1] * (len(shape_of(found)) - 1)))
            found = np.where(fill, cast(np.asarray(self.fill_value), dtype_of(found)), found)
        return np.reshape(found, (*shape_of(xi)[:-1], *shape_of(self.values)[d:]))

    def _outside(self, flat: Any) -> Any:
        known = stop_gradient(flat)
        sides = [
            np.logical_or(known[:, k] < stop_gradient(x[0]), known[:, k] > stop_gradient(x[-1]))
            for k, x in enumerate(self.grid)
        ]
        outside = np.any(np.stack(sides), axis=0)
        if self.bounds_error and is_concrete(outside) and np.any(np.asarray(outside)):
            raise ValueError(
                "RegularGridInterpolator: places must be inside of the grid: got one outside; pass "
                "bounds_error=False"
            )
        return outside

    def _shares(self, flat: Any) -> list[tuple[Any, Any]]:
        found = []
        for k, x in enumerate(self.grid):
            if shape_of(x)[0] == 1:
                found.append((np.zeros(shape_of(flat)[0], int), flat[:, k] * 0))
                continue
            i = interval(x, flat[:, k])
            found.append((i, (flat[:, k] - gathered(x, i)) / gathered(np.diff(x), i)))
        return found

    def _linear(self, flat: Any) -> Any:
        shares = self._shares(flat)
        rank = len(shape_of(self.values)) - len(self.grid)
        total: Any = 0
        for corner in itertools.product((0, 1), repeat=len(shares)):
            if any(c and shape_of(x)[0] == 1 for c, x in zip(corner, self.grid, strict=True)):
                continue
            weight: Any = 1.0
            for c, (_, share) in zip(corner, shares, strict=True):
                weight = weight * (share if c else 1 - share)
            at = tuple(i + c for c, (i, _) in zip(corner, shares, strict=True))
            total = total + np.reshape(weight, (-1, *[1] * rank)) * gathered(self.values, *at)
        return total

    def _nearest(self, flat: Any) -> Any:
        at = tuple(i + (share > 0.5) for i, share in self._shares(flat))
        return gathered(self.values, *at)

    def _smooth(self, flat: Any, method: str) -> Any:
        """The tensor product of splines along each axis."""
        found = self.values[None]
        for k, x in enumerate(self.grid):
            rows = _weights(x, flat[:, k], method) if method != "pchip" else None
            if rows is None:  # is not linear in the values: one place after another
                return self._monotonic(flat)
            found = np.sum(
                np.reshape(rows, (*shape_of(rows), *[1] * (len(shape_of(found)) - 2))) * found,
                axis=1,
            )
        return found

    def _monotonic(self, flat: Any) -> Any:
        rows = []
        for p in range(shape_of(flat)[0]):
            found = self.values
            for k in reversed(range(len(self.grid))):
                found = PchipInterpolator(self.grid[k], found, axis=k)(flat[p, k])
            rows.append(found)
        return np.stack(rows) if rows else np.zeros((0, *shape_of(self.values)[len(self.grid) :]))


def _weights(x: Any, at: Any, method: str) -> Any:
    """The weights of samples in a spline at each place, [places, n]."""
    degree = _DEGREES[method]
    if shape_of(x)[0] <= degree:
        raise ShapeError(
            f"RegularGridInterpolator: method {method!r} needs more than {degree} points along "
            f"each axis: got {aval_of(x)}"
        )
    return make_interp_spline(x, np.eye(shape_of(x)[0]), degree)(at)


@answering
def interpn(
    points: Sequence[Any], values: Any, xi: Any, method: str = "linear",
    bounds_error: bool = True, fill_value: Any = np.nan,
) -> Any:  # fmt: skip
    """Values between the points of a grid; see :class:`RegularGridInterpolator`.

    >>> print(interpn((np.arange(3.0),), np.arange(3.0) ** 2, np.array([0.5])))
    [0.5]
    """
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value)(xi)


def _made(rest: Any, children: Any) -> RegularGridInterpolator:
    made = RegularGridInterpolator.__new__(RegularGridInterpolator)
    made.grid, made.values = children
    made.method, made.bounds_error, made.fill_value = rest
    return made


register_node(
    RegularGridInterpolator,
    lambda f: ((f.grid, f.values), (f.method, f.bounds_error, f.fill_value)),
    _made,
)
