"""The class of bijectors: pairs of a value and a log-determinant, and checks of arguments."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import DtypeError, ShapeError
from ...ops.operand import operand, strong
from ...ops.structure import cast


class Bijector:
    """A smooth invertible map.

    A subclass defines ``forward``, ``inverse`` and ``log_det``. Axes before those of one event are
    batch axes; a map of elements has no event axes.

    >>> class Cube(Bijector):
    ...     def forward(self, x): return x**3
    ...     def inverse(self, y): return np.cbrt(y)
    ...     def log_det(self, x): return np.log(3 * x**2)
    >>> print(*Cube().forward_and_log_det(2.0), np.log(12.0))
    8.0 2.4849066497880004 2.4849066497880004
    """

    __slots__ = ()

    def forward(self, x: Any) -> Any:
        """The constrained value of an unconstrained one."""
        raise NotImplementedError

    def inverse(self, y: Any) -> Any:
        """The unconstrained value of a constrained one."""
        raise NotImplementedError

    def log_det(self, x: Any) -> Any:
        """log abs det of the Jacobian of ``forward`` at x, without the event axes."""
        raise NotImplementedError

    def forward_and_log_det(self, x: Any) -> tuple[Any, Any]:
        """``forward(x)``, and the log-determinant of its Jacobian."""
        return self.forward(x), self.log_det(x)

    def inverse_and_log_det(self, y: Any) -> tuple[Any, Any]:
        """``inverse(y)``, and the log-determinant of its Jacobian."""
        x = self.inverse(y)
        return x, -self.log_det(x)


def as_real(bijector: Bijector, x: Any, event_axes: int = 0) -> Any:
    """The argument as a real floating array, checked to have the axes of an event."""
    x = strong(operand(x))
    if dtype_of(x).kind not in "fiub":
        raise DtypeError(f"{type(bijector).__name__}: the argument must be real: got {aval_of(x)}")
    if len(shape_of(x)) < event_axes:
        axes = "one axis" if event_axes == 1 else f"{event_axes} axes"
        raise ShapeError(
            f"{type(bijector).__name__}: the argument must have at least {axes}: got {aval_of(x)}"
        )
    return x if dtype_of(x).kind == "f" else cast(x, np.float64)


def softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)
