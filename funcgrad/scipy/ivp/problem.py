"""The functions of an initial value problem, as they are and on known values."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, is_inexact, shape_of
from ...core.errors import ConcretizationError, ConversionError, ShapeError, UnsupportedError, shown
from ...core.trace import Tracer, is_concrete
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...sparse.derivatives import jacobian as sparse_jacobian
from ...sparse.matrix import CSR
from ...sparse.passes import colour
from ...transforms.abstract import closure_convert
from ...transforms.jacobian import jacfwd
from ...transforms.jit.api import jit

_COMPILED_FROM = 16  # Jacobians, after which their function is compiled


class TracedError(Exception):
    """A function of the problem gives a traced value, where it was called on plain ones."""

    def __init__(self, value: Any) -> None:
        super().__init__("a traced value")
        self.value = value


class Problem:
    """The right-hand side and its Jacobian, as functions of t and y."""

    def __init__(self, fun: Any, jac: Any, sparsity: Any, args: Sequence[Any]) -> None:
        self.fun, self.jac, self.sparsity, self.args = fun, jac, sparsity, args
        self.colouring: Any = None
        self.plain: Any = None  # the functions on known values
        self.plain_jac: Any = None

    def slope(self, t: Any, y: Any) -> Any:
        """dy/dt, with the shape and dtype of y."""
        value = strong(operand(self.fun(t, y, *self.args)))
        if shape_of(value) != shape_of(y):
            raise ShapeError(
                f"solve_ivp: fun must return dy/dt with the shape of y, {aval_of(y)}: got "
                f"{aval_of(value)}; fun takes (t, y), in this order"
            )
        return cast(value, dtype_of(y))

    def values(self, t: Any, y: Any) -> Any:
        """dy/dt on known values."""
        value = self.slope(t, y) if self.plain is None else self.plain(t, y)
        if isinstance(value, Tracer):
            raise TracedError(stop_gradient(value))
        return value

    def known(self, t: Any, y: Any) -> "Problem":
        """The problem with all traced values that it depends on as constants."""
        known = Problem(self.fun, self.jac, self.sparsity, self.args)
        known.plain = self._constant(self.slope, t, y)
        if callable(self.jac):
            known.plain_jac = self._constant(self.given, t, y)
        elif self.jac is not None:
            known.plain_jac = lambda t, y: stop_gradient(self.given(t, y))
        return known

    def _constant(self, function: Any, t: Any, y: Any) -> Callable[[Any, Any], Any]:
        try:
            converted, consts = closure_convert(function, t, y)
        except (ConcretizationError, ConversionError):  # it branches on values
            return lambda t, y: stop_gradient(function(t, y))
        consts = stop_gradient(consts)
        return Warm(lambda t, y: converted(t, y, *consts))

    def given(self, t: Any, y: Any) -> Any:
        """The Jacobian that the user gives, as an array."""
        matrix = self.jac(t, y, *self.args) if callable(self.jac) else self.jac
        if isinstance(matrix, CSR) or hasattr(matrix, "toarray"):
            matrix = matrix.todense() if isinstance(matrix, CSR) else matrix.toarray()
        matrix = cast(strong(operand(matrix)), dtype_of(y))
        n = shape_of(y)[0]
        if shape_of(matrix) != (n, n):
            raise ShapeError(f"solve_ivp: jac must be {n} by {n}: got {aval_of(matrix)}")
        return matrix

    def matrix(self, implicit: bool) -> Callable[[Any, Any], Any]:
        """The Jacobian of the right-hand side as a function, derived or given."""
        if not implicit:
            return self.derived
        if self.plain_jac is not None:
            return self.plain_jac  # type: ignore[no-any-return]
        if self.jac is not None:
            return self.given
        return Warm(self.derived)

    def derived(self, t: Any, y: Any) -> Any:
        fun = self.slope if self.plain is None else self.plain
        along = lambda y: fun(t, y)
        if self.sparsity is None:
            return jacfwd(along, holomorphic=dtype_of(y).kind == "c")(y)
        if self.colouring is None:
            self.colouring = colour(self.sparsity, "fwd")
        holomorphic = dtype_of(y).kind == "c"
        return sparse_jacobian(along, colouring=self.colouring, holomorphic=holomorphic)(
            y
        ).todense()


class Warm:
    """A function of t and y that is compiled where it is needed often on known values."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function, self.count = function, 0
        self.compiled: Any = jit(function)

    def __call__(self, t: Any, y: Any) -> Any:
        if isinstance(y, Tracer) or isinstance(t, Tracer) or self.compiled is None:
            return self.function(t, y)
        self.count += 1
        if self.count > _COMPILED_FROM:
            try:
                return self.compiled(t, y)
            except (ConcretizationError, ConversionError):  # it branches on values
                self.compiled = None
        return self.function(t, y)


def span_of(t_span: Sequence[Any]) -> tuple[Any, Any]:
    """Both ends, as float64."""
    if not np.iterable(t_span):
        raise ShapeError(f"solve_ivp: t_span must be a pair: got {shown(t_span)}; write (0.0, t1)")
    ends = list(t_span) if not isinstance(t_span, Tracer) else [t_span[0], t_span[1]]
    if len(ends) != 2:
        raise ShapeError(f"solve_ivp: t_span must be a pair: got {shown(t_span)}")
    t, end = (cast(strong(operand(x)), np.float64) for x in ends)
    return t, end


def start_of(y0: Any, method: str) -> Any:
    y = strong(operand(y0))
    y = y if is_inexact(dtype_of(y)) else cast(y, np.float64)
    if len(shape_of(y)) != 1:
        raise ShapeError(f"solve_ivp: y0 must be a vector: got {aval_of(y)}; write [y0]")
    if method == "Radau" and dtype_of(y).kind == "c":
        raise UnsupportedError(
            f"solve_ivp: method 'Radau' takes real y0: got {aval_of(y)}; use method='BDF'"
        )
    return y


def times_of(t_eval: Any, t: Any, end: Any) -> Any:
    """The times of the result, which must be sorted, and in the interval."""
    times = cast(strong(operand(t_eval)), np.float64)
    if len(shape_of(times)) != 1:
        raise ShapeError(f"solve_ivp: t_eval must be a vector: got {aval_of(times)}")
    if all(map(is_concrete, (times, t, end))):
        t, end = float(stop_gradient(t)), float(stop_gradient(end))
        sign = 1 if end >= t else -1
        if np.any(np.diff([sign * t, *sign * np.asarray(stop_gradient(times)), sign * end]) < 0):
            raise ValueError(
                f"solve_ivp: t_eval must be sorted, from {t} to {end}: got {shown(t_eval)}; "
                f"take times within t_span"
            )
    return times
