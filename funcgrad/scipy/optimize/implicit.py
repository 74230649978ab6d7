"""Derivatives of a solution by the implicit function theorem."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.solve import custom_linear_solve
from ...core.avals import dtype_of, shape_of
from ...ops.stop_gradient import stop_gradient
from ...transforms.abstract import closure_convert
from ...transforms.batching import vmap
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp


def implicit(
    who: str,
    function: Callable[[Any], Any],
    start: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    equations: Callable[[Any], Callable[[Any], Any]],
    free: Callable[[Any], Any],
) -> Any:
    """Solution x of ``equations(function)(x) = 0`` in its free elements, with derivatives.

    Source: the implicit function theorem, dx = -(df/dx)^-1 df.
    """
    converted, consts = closure_convert(function, start)
    solution = Solution(converted, solve, equations, free)
    return solution(tuple(consts), stop_gradient(start))


class Solution:
    """A solution as a function of the values that the equations close over, with its rule."""

    def __init__(self, converted: Any, solve: Any, equations: Any, free: Any) -> None:
        self.converted, self.equations, self.free = converted, equations, free
        self.solve = solve

    def __call__(self, consts: Any, start: Any) -> Any:
        ruled = custom_jvp(self.solved)  # as an attribute: a reference cycle
        ruled.defjvp(self.rule)
        return ruled(consts, start)

    def at(self, consts: Any) -> Callable[[Any], Any]:
        return lambda v: self.converted(v, *consts)

    def solved(self, consts: Any, start: Any) -> Any:
        return stop_gradient(self.solve(self.at(consts), start))

    def rule(self, primals: Any, tangents: Any) -> tuple[Any, Any]:
        consts, start = primals
        x = self(consts, start)
        moves = self.free(x)
        residual = lambda consts: self.equations(self.at(consts))(x)
        moved = jvp(residual, (consts,), tangents[:1])[1]

        def slope(v: Any) -> Any:
            pushed = jvp(self.equations(self.at(consts)), (x,), (np.where(moves, v, 0),))[1]
            return np.where(moves, pushed, v)

        return x, custom_linear_solve(slope, np.where(moves, -moved, 0), _dense, _dense)


def _dense(matvec: Callable[[Any], Any], b: Any) -> Any:
    columns = vmap(matvec, out_axes=-1)(np.eye(shape_of(b)[0], dtype=dtype_of(b)))
    return np.linalg.solve(columns, b)
