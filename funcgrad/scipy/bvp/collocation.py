"""The equations of collocation by cubic splines, their matrix, and the residuals of a spline."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import dtype_of, real_dtype, shape_of
from ...transforms.batching import vmap
from ...transforms.forward import jvp
from ..interpolate.piecewise import PPoly
from .blocks import Blocks


class System(NamedTuple):
    """A boundary value problem.

    Args:
        slope: ``slope(x, y, p, begins)``, shape [n, m]; ``begins`` says that x[0] is the left end.
        conditions: ``conditions(ya, yb, p)``, shape [n + k].
        slope_jac: derivatives of the slope by y and p, [n, n, m] and [n, k, m].
        conditions_jac: those of the conditions by ya, yb and p.
    """

    slope: Callable[..., Any]
    conditions: Callable[..., Any]
    slope_jac: Callable[..., Any]
    conditions_jac: Callable[..., Any]


class Residuals(NamedTuple):
    """Residuals of the equations, and the values that they are made of.

    Args:
        inner: of collocation, shape [n, m - 1].
        outer: of the boundary conditions, shape [n + k].
        middle: the spline in the middle of each interval.
        f, f_middle: the slope at the nodes, and in the middles.
    """

    inner: Any
    outer: Any
    middle: Any
    f: Any
    f_middle: Any


def residuals(system: System, x: Any, y: Any, p: Any) -> Residuals:
    """Residuals of the Lobatto formula of order 4.

    Source: Kierzenka & Shampine 2001, "A BVP solver based on residual control and the Maltab PSE",
    section 3.
    """
    h = np.diff(x)
    f = system.slope(x, y, p, True)
    middle = (y[:, 1:] + y[:, :-1]) / 2 - h / 8 * (f[:, 1:] - f[:, :-1])
    f_middle = system.slope(x[:-1] + h / 2, middle, p, False)
    inner = y[:, 1:] - y[:, :-1] - h / 6 * (f[:, :-1] + f[:, 1:] + 4 * f_middle)
    return Residuals(inner, system.conditions(y[:, 0], y[:, -1], p), middle, f, f_middle)


def matrix(system: System, x: Any, y: Any, p: Any, middle: Any) -> Blocks:
    """The matrix of derivatives of the residuals by y and p."""
    h = np.diff(x)[:, None, None]
    by_y, by_p = (_first(d) for d in system.slope_jac(x, y, p, True))
    by_middle, mid_by_p = (_first(d) for d in system.slope_jac(_middles(x), middle, p, False))
    one = np.eye(shape_of(y)[0])
    a, b = by_y[:-1], by_y[1:]
    left = -one - h / 6 * (a + 2 * by_middle) - h**2 / 12 * (by_middle @ a)
    right = one - h / 6 * (b + 2 * by_middle) + h**2 / 12 * (by_middle @ b)
    inside = mid_by_p + h / 8 * (by_middle @ (by_p[:-1] - by_p[1:]))
    of_p = -h / 6 * (by_p[:-1] + by_p[1:] + 4 * inside)
    return Blocks(left, right, of_p, *system.conditions_jac(y[:, 0], y[:, -1], p))


def _first(derivative: Any) -> Any:
    """Derivatives [n, k, m] with the nodes first."""
    return np.moveaxis(derivative, -1, 0)


def _middles(x: Any) -> Any:
    return x[:-1] + np.diff(x) / 2


def derived_slope_jac(slope: Callable[..., Any]) -> Callable[..., Any]:
    """Derivatives of the slope, which at a node depends on y at that node alone."""

    def jacobians(x: Any, y: Any, p: Any, begins: bool) -> tuple[Any, Any]:
        n, k = shape_of(y)[0], shape_of(p)[0]
        units = np.eye(n, dtype=dtype_of(y))
        along = lambda e: np.broadcast_to(e[:, None], shape_of(y))
        by_y = vmap(lambda e: jvp(lambda y: slope(x, y, p, begins), (y,), (along(e),))[1])(units)
        if not k:
            return np.moveaxis(by_y, 0, 1), np.zeros((n, 0, shape_of(y)[1]), dtype_of(y))
        units = np.eye(k, dtype=dtype_of(p))
        by_p = vmap(lambda e: jvp(lambda p: slope(x, y, p, begins), (p,), (e,))[1])(units)
        return np.moveaxis(by_y, 0, 1), np.moveaxis(by_p, 0, 1)

    return jacobians


def derived_conditions_jac(conditions: Callable[..., Any]) -> Callable[..., Any]:
    """Derivatives of the conditions by ya, yb and p, each [n + k, ...]."""

    def jacobians(ya: Any, yb: Any, p: Any) -> tuple[Any, Any, Any]:
        at, n, k = (ya, yb, p), shape_of(ya)[0], shape_of(p)[0]
        found = []
        for i, count in enumerate((n, n, k)):
            alone = lambda v, i=i: conditions(*at[:i], v, *at[i + 1 :])
            units = np.eye(count, dtype=dtype_of(ya))
            along = lambda e, i=i, alone=alone: jvp(alone, (at[i],), (e,))[1]
            rows = vmap(along)(units) if count else np.zeros((0, n + k), dtype_of(ya))
            found.append(np.swapaxes(rows, 0, 1))
        return found[0], found[1], found[2]

    return jacobians


def spline(x: Any, y: Any, f: Any) -> PPoly:
    """The cubic spline with values y and slopes f at the nodes."""
    h = np.diff(x)
    slope = (y[:, 1:] - y[:, :-1]) / h
    bend = (f[:, :-1] + f[:, 1:] - 2 * slope) / h
    c = np.stack([bend / h, (slope - f[:, :-1]) / h - bend, f[:, :-1], y[:, :-1]])
    return PPoly(np.swapaxes(c, 1, 2), x, extrapolate=True, axis=1)


def rms_residuals(system: System, x: Any, p: Any, sol: PPoly, found: Residuals) -> Any:
    """Root mean square of the relative residual of the spline in each interval, by Lobatto's rule.

    The residual is 0 at the nodes; in the middle it is 3/2 of that of collocation over h.
    """
    h = np.diff(x)
    shift = h / 2 * (3 / 7) ** 0.5
    total = 32 / 45 * _squares(1.5 * found.inner / h, found.f_middle)
    for places in (_middles(x) + shift, _middles(x) - shift):
        f = system.slope(places, sol(places), p, False)
        total = total + 49 / 90 * _squares(sol(places, 1) - f, f)
    return np.sqrt(total / 2)


def _squares(residual: Any, f: Any) -> Any:
    relative = np.abs(residual / (1 + np.abs(f)))
    return np.sum(relative**2, axis=0).astype(real_dtype(dtype_of(relative)))
