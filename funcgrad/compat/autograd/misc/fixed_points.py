"""Fixed points, differentiated implicitly."""

from collections.abc import Callable
from typing import Any

from ..core import make_vjp, vspace
from ..rules import defvjp
from ..tracer import primitive


@primitive
def fixed_point(
    f: Callable[[Any], Callable[[Any], Any]],
    a: Any,
    x0: Any,
    distance: Callable[[Any, Any], Any],
    tol: float,
) -> Any:
    """The limit of x = f(a)(x) from ``x0``, until two iterates are nearer than ``tol``."""
    step, x = f(a), x0
    while True:
        x, before = step(x), x
        if distance(x, before) <= tol:
            return x


def _adjoint(state: tuple[Any, Any, Any, Any]) -> Callable[[Any], Any]:
    """The iteration w = J' w + g, whose limit solves (1 - J') w = g."""
    f, a, x, g = state
    pull, _ = make_vjp(f(a), x)
    return lambda w: vspace(x).add(pull(w), g)


def _fixed_point_vjp(
    x: Any, f: Any, a: Any, x0: Any, distance: Any, tol: float
) -> Callable[[Any], Any]:
    pull, _ = make_vjp(lambda a: f(a)(x), a)
    adjoint = lambda state: _adjoint((f, *state))
    return lambda g: pull(fixed_point(adjoint, (a, x, g), vspace(x).zeros(), distance, tol))


defvjp(fixed_point, None, _fixed_point_vjp, None)
