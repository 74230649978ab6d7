"""The derivative of a solution, whatever solver found it."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.solve import custom_linear_solve
from ...core.avals import dtype_of, shape_of
from ...transforms.batching import vmap
from ...transforms.custom import custom_jvp
from ...transforms.forward import jvp
from ...transforms.linear import stop_gradient
from ...transforms.staging import closure_convert


def implicit(
    who: str,
    function: Callable[[Any], Any],
    start: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    equations: Callable[[Any], Callable[[Any], Any]],
    free: Callable[[Any], Any],
) -> Any:
    """Return the x that solves ``equations(function)(x) = 0`` in its free elements.

    Source: the implicit function theorem, dx = -(df/dx)^-1 df.
    """
    converted, consts = closure_convert(function, start)
    at = lambda consts: lambda v: converted(v, *consts)

    def ruled(rule: Callable[..., Any]) -> custom_jvp:
        solution = custom_jvp(lambda consts, start: stop_gradient(solve(at(consts), start)))
        solution.defjvp(functools.partial(rule, rule))
        return solution

    # it gets itself as an argument: a function that closes over itself is a reference cycle
    def rule(rule: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
        consts, start = primals
        x = ruled(rule)(consts, start)
        moves = free(x)
        moved = jvp(lambda consts: equations(at(consts))(x), (consts,), tangents[:1])[1]

        def slope(v: Any) -> Any:
            pushed = jvp(equations(at(consts)), (x,), (np.where(moves, v, 0),))[1]
            return np.where(moves, pushed, v)

        return x, custom_linear_solve(slope, np.where(moves, -moved, 0), _dense, _dense)

    return ruled(rule)(tuple(consts), stop_gradient(start))


def _dense(matvec: Callable[[Any], Any], b: Any) -> Any:
    columns = vmap(matvec, out_axes=-1)(np.eye(shape_of(b)[0], dtype=dtype_of(b)))
    return np.linalg.solve(columns, b)
