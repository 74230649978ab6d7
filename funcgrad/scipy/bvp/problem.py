"""The functions of a boundary value problem, with checks and the singular term."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ConcretizationError, ShapeError
from ...core.trace import Tracer
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from .collocation import System, derived_conditions_jac, derived_slope_jac


class BoundaryProblem(NamedTuple):
    """What the user gives: functions, the left end of the interval, and the singular term."""

    fun: Callable[..., Any]
    bc: Callable[..., Any]
    fun_jac: Callable[..., Any] | None
    bc_jac: Callable[..., Any] | None
    start: Any
    S: Any

    def system(self) -> System:
        """The functions of the problem, with the singular term."""
        slope_jac = self.given_slope_jac if self.fun_jac else derived_slope_jac(self.slope)
        bc_jac = self.given_bc_jac if self.bc_jac else derived_conditions_jac(self.conditions)
        return System(self.slope, self.conditions, slope_jac, bc_jac)

    def known(self) -> System:
        """The functions on known values, with all traced values as constants."""
        return System(*(_known(function) for function in self.system()))

    def projection(self) -> Any:
        """The matrix that makes S y = 0 at the left end, None without S."""
        if self.S is None:
            return None
        return np.eye(shape_of(self.S)[0]) - np.linalg.pinv(self.S) @ self.S

    def slope(self, x: Any, y: Any, p: Any, begins: bool) -> Any:
        f = self._called("fun", self.fun, shape_of(y), dtype_of(y), p, x, y)
        if self.S is None:
            return f
        if not begins:
            return f + self.S @ y / (x - self.start)
        after = f[:, 1:] + self.S @ y[:, 1:] / (x[1:] - self.start)
        return np.concatenate([self._limit(f[:, :1]), after], axis=1)

    def conditions(self, ya: Any, yb: Any, p: Any) -> Any:
        shape = (shape_of(ya)[0] + shape_of(p)[0],)
        return self._called("bc", self.bc, shape, dtype_of(ya), p, ya, yb)

    def given_slope_jac(self, x: Any, y: Any, p: Any, begins: bool) -> tuple[Any, Any]:
        n, m, k = *shape_of(y), shape_of(p)[0]
        shapes = [(n, n, m), (n, k, m)]
        by_y, by_p = self._parts("fun_jac", self.fun_jac, shapes, dtype_of(y), p, x, y)
        if self.S is None:
            return by_y, by_p
        if not begins:
            return by_y + self.S[:, :, None] / (x - self.start), by_p
        term = self.S[:, :, None] / (x[1:] - self.start)
        limits = [self._limit(d[:, :, 0])[:, :, None] for d in (by_y, by_p)]
        return (
            np.concatenate([limits[0], by_y[:, :, 1:] + term], axis=2),
            np.concatenate([limits[1], by_p[:, :, 1:]], axis=2),
        )

    def given_bc_jac(self, ya: Any, yb: Any, p: Any) -> tuple[Any, ...]:
        n, k = shape_of(ya)[0], shape_of(p)[0]
        shapes = [(n + k, n), (n + k, n), (n + k, k)]
        return self._parts("bc_jac", self.bc_jac, shapes, dtype_of(ya), p, ya, yb)

    def _limit(self, f: Any) -> Any:
        """The slope at the left end, where S y / (x - a) tends to S dy/dx."""
        return np.linalg.pinv(np.eye(shape_of(f)[0]) - self.S) @ f

    @staticmethod
    def _called(who: str, function: Any, shape: Any, dtype: Any, p: Any, *args: Any) -> Any:
        value = strong(operand(function(*args, p) if shape_of(p)[0] else function(*args)))
        if shape_of(value) != shape:
            raise ShapeError(
                f"solve_bvp: {who} must return an array of shape {shape}: got {aval_of(value)}"
            )
        return cast(value, dtype)

    def _parts(
        self, who: str, function: Any, shapes: Any, dtype: Any, p: Any, *args: Any
    ) -> tuple[Any, ...]:
        """The derivatives that the user gives; without parameters the last one is empty."""
        if shape_of(p)[0]:
            found = tuple(function(*args, p))
        else:
            found = function(*args)
            found = (*found, None) if len(shapes) == 3 else (found, None)
            found = (*found[:-1], np.zeros(shapes[-1], dtype))
        arrays = tuple(strong(operand(x)) for x in found)
        if [shape_of(x) for x in arrays] != shapes:
            got = ", ".join(str(aval_of(x)) for x in arrays)
            raise ShapeError(f"solve_bvp: {who} must return arrays of shapes {shapes}: got {got}")
        return tuple(cast(x, dtype) for x in arrays)


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its results as plain values."""

    def known(*args: Any) -> Any:
        return tree.map(known_value, function(*args))

    return known


def known_value(x: Any) -> Any:
    """The value of an array, without derivatives.

    Raises:
        ConcretizationError: under jit and vmap.
    """
    x = stop_gradient(x)
    if isinstance(x, Tracer):
        raise ConcretizationError(
            f"solve_bvp: the mesh depends on values: got {aval_of(x)} traced; call it outside of "
            f"jit and vmap"
        )
    return x
