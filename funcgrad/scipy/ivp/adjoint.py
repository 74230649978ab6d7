"""Reverse mode of initial value problems by the continuous adjoint equation.

Source: Pontryagin et al. 1962; Chen, Rubanova, Bettencourt & Duvenaud 2018, "Neural ordinary
differential equations", section 2.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...core.errors import UnsupportedError
from ...core.trace import Tracer
from ...ops.ravel import ravel_pytree
from ...transforms.custom.decorators import custom_vjp
from ...transforms.grad import vjp

Integrate = Callable[[Callable[[Any, Any], Any], float, float, Any], Any]


def adjoint_values(
    slope: Callable[..., Any], consts: Sequence[Any], y0: Any, start: float, times: np.ndarray,
    values: np.ndarray, solution: Callable[[Any], Any], integrate: Integrate,
) -> Any:  # fmt: skip
    """Known values of a solution, [T, n], whose cotangents follow the adjoint equation.

    Args:
        slope: ``slope(t, y, *consts)``, which closes over no traced value.
        solution: the solution as a function of time, on known values.
        integrate: ``integrate(f, a, b, y)`` is the solution of dy/dt = f(t, y) at b.
    """
    ruled = custom_vjp(lambda consts, y0: np.array(values))

    def back(kept: Any, ct: Any) -> Any:
        consts, y0 = kept
        if any(isinstance(x, Tracer) for x in tree.leaves((consts, y0, ct))):
            raise UnsupportedError(
                "solve_ivp: adjoint=True has no derivatives of second order: got a traced "
                "cotangent; leave adjoint out"
            )
        flat, unravel = ravel_pytree(consts) if consts else (np.zeros(0), lambda v: ())
        n = shape_of(y0)[0]

        def down(t: Any, state: Any) -> Any:
            pull = vjp(lambda y, flat: slope(t, y, *unravel(flat)), solution(t), flat)[1]
            by_y, by_flat = pull(state[:n])
            return -np.concatenate([by_y, by_flat])

        state = np.zeros(n + shape_of(flat)[0], dtype_of(y0))
        now: float | None = None
        for t, row in zip(times[::-1], ct[::-1], strict=True):
            if not np.any(row):
                continue
            state = state if now is None else integrate(down, now, float(t), state)
            state, now = state + np.concatenate([row, np.zeros(len(state) - n)]), float(t)
        if now is not None and now != start:
            state = integrate(down, now, start, state)
        return unravel(np.asarray(state[n:], dtype_of(flat))), state[:n]

    ruled.defvjp(lambda consts, y0: (np.array(values), (consts, y0)), back)
    return ruled(tuple(consts), y0)
