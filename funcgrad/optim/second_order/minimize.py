"""Minimization of a function of all the data, by repeated updates of an optimizer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.lazy import answering
from ...transforms.grad import value_and_grad
from ...transforms.jit.api import jit
from ..base import Optimizer, apply_updates, checked
from ..checks import check_number
from ..numerics import Tree, is_floating, map_floating
from .lbfgs import lbfgs


class MinimizeResult(NamedTuple):
    """The end of a minimization.

    ``params`` are the parameters, ``value`` and ``grad`` the function and its gradient there,
    ``steps`` the count of updates, ``converged`` whether the gradient is within the tolerance.
    """

    params: Tree
    value: Any
    grad: Tree
    steps: int
    converged: bool


@answering
def minimize(
    fun: Callable[..., Any],
    params: Tree,
    *args: Any,
    optimizer: Optimizer[Any] | None = None,
    max_steps: int = 1000,
    tol: float = 1e-6,
    compiled: bool = True,
    callback: Callable[[int, Tree, Any], Any] | None = None,
) -> MinimizeResult:
    """Minimize a function of a tree of parameters, by default by L-BFGS.

    Args:
        fun: ``fun(params, *args) -> real scalar``, without branches on values unless
            ``compiled=False``.
        params: tree of arrays, the start.
        *args: further arguments, constant.
        optimizer: any transformation; its line search, if any, receives ``value_fn``.
        max_steps: the largest number of updates.
        tol: the tolerance of the gradient's largest absolute element.
        compiled: whether to compile ``fun`` and its gradient.
        callback: ``(count, params, value)``, called after each update; the minimization ends if
            it returns True.

    Raises:
        FloatingPointError: if the value at the start is not finite.

    >>> rosenbrock = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> result = minimize(rosenbrock, np.array([-1.0, 2.0]))
    >>> print(result.params.round(6), result.converged)
    [1. 1.] True
    """
    check_number("minimize", "tol", tol)
    opt: Any = checked("minimize", lbfgs() if optimizer is None else optimizer)
    f = jit(fun) if compiled else fun
    value_fn = lambda p: f(p, *args)
    both = jit(value_and_grad(fun)) if compiled else value_and_grad(fun)
    state, steps = opt.init(params), 0
    value, grad = both(params, *args)
    if not np.isfinite(value):
        raise FloatingPointError(
            f"minimize: the value at the start must be finite: got {value}; choose another start"
        )
    while steps < max_steps and not _largest(grad) <= tol:
        descent = map_floating(np.conj, grad)  # of a complex parameter, JAX's convention
        updates, state = opt.update(
            descent, state, params, value=value, grad=grad, value_fn=value_fn
        )
        after = apply_updates(params, updates)
        new_value, new_grad = both(after, *args)
        steps += 1
        stuck = _largest(updates) == 0 or not np.isfinite(new_value)
        if not stuck:
            params, value, grad = after, new_value, new_grad
        if stuck or (callback is not None and callback(steps, params, value)):
            break
    return MinimizeResult(params, value, grad, steps, bool(_largest(grad) <= tol))


def _largest(updates: Tree) -> Any:
    """The largest absolute value of an element of a tree; 0 if there is none."""
    sizes = [np.max(np.abs(x)) for x in tree.leaves(updates) if is_floating(x) and np.size(x)]
    return max(sizes, default=0.0)
