"""The loop around an optimizer, for a function of all the data at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...transforms.grad import value_and_grad
from ...transforms.jit.api import jit
from ..base import (
    GradientTransformation,
    apply_updates,
    check_number,
    check_transformation,
    with_extra_args_support,
)
from ..numerics import Tree, is_floating, map_floating
from .lbfgs import lbfgs


class MinimizeResult(NamedTuple):
    """Where a minimization ended.

    ``params`` are the parameters, ``value`` the function there, ``grad`` its gradient,
    ``steps`` how many updates there were, ``converged`` whether the gradient is small enough.
    """

    params: Tree
    value: Any
    grad: Tree
    steps: int
    converged: bool


def minimize(
    fun: Callable[..., Any],
    params: Tree,
    *args: Any,
    optimizer: GradientTransformation | None = None,
    max_steps: int = 1000,
    tol: float = 1e-6,
    compiled: bool = True,
    callback: Callable[[int, Tree, Any], Any] | None = None,
) -> MinimizeResult:
    """Minimize a function of a tree of parameters, by L-BFGS unless told otherwise.

    Args:
        fun: ``fun(params, *args)`` gives a real number; it is compiled, and so must not branch
            on values unless ``compiled=False``.
        params: tree of arrays, from which it starts.
        *args: further arguments, held fixed.
        optimizer: any transformation; one with a line search gets what that needs.
        max_steps: the largest number of updates.
        tol: ends where no number of the gradient is larger.
        compiled: whether to compile ``fun`` and its gradient.
        callback: called after each update with the count, parameters and value; it ends the
            minimization by returning True.

    Raises:
        FloatingPointError: if the value at the start is not finite.

    >>> rosenbrock = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> result = minimize(rosenbrock, np.array([-1.0, 2.0]))
    >>> print(result.params.round(6), result.converged)
    [1. 1.] True
    """
    check_number("minimize", "tol", tol)
    opt = with_extra_args_support(
        check_transformation("minimize", lbfgs() if optimizer is None else optimizer)
    )
    f = jit(fun) if compiled else fun
    value_fn = lambda p: f(p, *args)
    both = jit(value_and_grad(fun)) if compiled else value_and_grad(fun)
    state, steps = opt.init(params), 0
    value, grad = both(params, *args)
    if not np.isfinite(value):
        raise FloatingPointError(
            f"minimize: the value at the start must be finite: got {value}; start elsewhere"
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
    """Return the largest size of a number in a tree, 0 where there is none."""
    sizes = [np.max(np.abs(x)) for x in tree.leaves(updates) if is_floating(x) and np.size(x)]
    return max(sizes, default=0.0)
