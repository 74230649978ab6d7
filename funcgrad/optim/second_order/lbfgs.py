"""L-BFGS: quasi-Newton steps with a curvature estimated from the last few gradients."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...control.conditionals import cond
from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...core.integers import whole
from ...core.lazy import answering
from ...core.outline import outlined
from ...ops.structure import cast
from ...transforms.grad import value_and_grad
from ..base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Optimizer,
    ScalarOrSchedule,
    chain_as,
    identity,
    stateful,
)
from ..checks import require_params
from ..numerics import (
    Tree,
    cast_like,
    full_like,
    global_norm,
    inner_product,
    like,
    map_floating,
    map_state,
    next_count,
    widest_real_dtype,
    zero_count,
)
from ..transforms import scale, scale_by_learning_rate
from .linesearch import LinesearchState, scale_by_zoom_linesearch, scaled


@outlined
class ScaleByLBFGSState(NamedTuple):
    """The last parameters and gradients, and the memory of their changes.

    The memories have one more leading axis, the oldest step first; a weight is 1 over the inner
    product of the two changes, and 0 for steps not yet made.
    """

    count: Any
    params: Tree
    updates: Tree
    diff_params_memory: Tree
    diff_updates_memory: Tree
    weights_memory: Any


@answering
def scale_by_lbfgs(
    memory_size: int = 10, scale_init_precond: bool = True
) -> GradientTransformation[ScaleByLBFGSState]:
    """Multiply the updates by an estimate of the inverse Hessian.

    Args:
        memory_size: the number of past steps in the estimate.
        scale_init_precond: whether the initial estimate is the inverse curvature of the last
            step (at the first step min(1, 1 / norm of the gradient)), or 1.

    Raises:
        ValueError: if ``memory_size`` is below 1; in ``update``, if the parameters are missing.

    Source: Nocedal & Wright 2006, Algorithm 7.4 and equation 7.20.

    >>> opt = scale_by_lbfgs()
    >>> x = np.array([3.0, 4.0])
    >>> print(opt.update(x, opt.init(x), x)[0].round(3))
    [0.6 0.8]
    """
    memory_size = whole(memory_size)
    if not memory_size >= 1:
        raise ValueError(f"scale_by_lbfgs: memory_size must be at least 1: got {memory_size}")

    def init(params: Tree) -> ScaleByLBFGSState:
        memory = lambda p: np.zeros((memory_size, *shape_of(p)), dtype_of(p))
        weights = np.zeros(memory_size, widest_real_dtype(*tree.leaves(params)))
        old, new = map_state(memory, params), map_state(memory, params)
        return ScaleByLBFGSState(
            zero_count(), full_like(params), full_like(params), old, new, weights
        )

    def step(updates: Tree, state: ScaleByLBFGSState, params: Tree | None) -> Any:
        params, first = require_params("scale_by_lbfgs", params), state.count == 0
        change = lambda new, old: np.where(first, 0, new - old)
        moved = map_state(change, params, state.params)
        turned = map_state(change, updates, state.updates)
        product = inner_product(turned, moved)
        weight = np.where(product == 0, 0, 1 / np.where(product == 0, 1, product))
        s = map_state(_pushed, moved, state.diff_params_memory)
        y = map_state(_pushed, turned, state.diff_updates_memory)
        rho = _pushed(weight, state.weights_memory)
        gamma = _first_scale(updates, turned, product, first) if scale_init_precond else 1.0
        now = map_state(lambda p, g: p, params, updates), map_state(lambda g: g, updates)
        after = ScaleByLBFGSState(next_count(state.count), *now, s, y, rho)
        return _inverse_times(updates, s, y, rho, gamma), after

    return stateful("scale_by_lbfgs", ScaleByLBFGSState, init, step, "updates")


@answering
def lbfgs(
    learning_rate: ScalarOrSchedule | None = None,
    memory_size: int = 10,
    scale_init_precond: bool = True,
    linesearch: Optimizer[Any] | None = scale_by_zoom_linesearch(  # noqa: B008
        20, initial_guess_strategy="one"
    ),
) -> GradientTransformationExtraArgs[tuple[ScaleByLBFGSState, Any, Any]]:
    """L-BFGS: quasi-Newton steps with a line search; for full batches.

    ``update`` needs the parameters and, for the line search, ``value=``, ``grad=`` and
    ``value_fn=``; :func:`value_and_grad_from_state` avoids computing them twice, and
    :func:`minimize` runs the whole loop.

    Args:
        learning_rate: a scalar, a schedule ``count -> scalar``, or None for 1.
        memory_size, scale_init_precond: see :func:`scale_by_lbfgs`.
        linesearch: the last part of the chain, or None.

    Source: Liu & Nocedal 1989; Nocedal & Wright 2006, Algorithm 7.5.

    >>> f = lambda x: np.sum((x - 1.0) ** 4)
    >>> opt, x = lbfgs(), np.array([3.0, -2.0])
    >>> state, step = opt.init(x), value_and_grad_from_state(f)
    >>> for _ in range(30):
    ...     value, grad = step(x, state=state)
    ...     updates, state = opt.update(grad, state, x, value=value, grad=grad, value_fn=f)
    ...     x = x + updates
    >>> print(x.round(2))
    [1. 1.]
    """
    return chain_as(
        "lbfgs",
        scale_by_lbfgs(memory_size, scale_init_precond),
        scale(-1.0) if learning_rate is None else scale_by_learning_rate(learning_rate),
        identity() if linesearch is None else linesearch,
    )


@answering
def value_and_grad_from_state(value_fn: Callable[..., Any]) -> Callable[..., tuple[Any, Tree]]:
    """``value_and_grad`` that reuses the value and gradient of the last line search.

    The result is called as ``(params, *args, state=state, **kwargs)``; before the first update
    both are computed.

    Raises, when it is called:
        ValueError: if the state holds no line search that keeps its gradient.

    >>> step = value_and_grad_from_state(lambda x: np.sum(x**2))
    >>> step(np.ones(2), state=lbfgs().init(np.ones(2)))
    (np.float64(2.0), array([2., 2.]))
    """

    def both(params: Tree, *args: Any, state: Tree, **kwargs: Any) -> tuple[Any, Tree]:
        is_search = lambda x: isinstance(x, LinesearchState)
        searches = [x for x in tree.leaves(state, is_leaf=is_search) if is_search(x)]
        if len(searches) != 1 or searches[0].grad is None:
            raise ValueError(
                "value_and_grad_from_state: the state must hold one line search that keeps its "
                f"gradient: got {len(searches)} line searches; pass the state of lbfgs, or "
                "store_grad=True to scale_by_backtracking_linesearch"
            )
        value, grad = searches[0].value, searches[0].grad

        def computed() -> tuple[Any, Tree]:
            new = value_and_grad(value_fn)(params, *args, **kwargs)
            return cast(new[0], dtype_of(value)), cast_like(new[1], grad)

        return cond(np.isfinite(value), lambda: (value, grad), computed)

    return both


def _inverse_times(updates: Tree, s: Tree, y: Tree, rho: Any, gamma: Any) -> Tree:
    """The estimated inverse Hessian times the updates (Algorithm 7.4)."""
    steps = [(map_state(lambda m, k=k: m[k], s), map_state(lambda m, k=k: m[k], y), rho[k])
             for k in range(shape_of(rho)[0])]  # fmt: skip
    vector, alphas = updates, []
    for moved, turned, weight in reversed(steps):
        alpha = weight * inner_product(moved, vector)
        vector = map_floating(lambda v, d, a=alpha: v - like(a, v) * d, vector, turned)
        alphas.append(alpha)
    vector = scaled(gamma, vector)
    for (moved, turned, weight), alpha in zip(steps, reversed(alphas), strict=True):
        rest = alpha - weight * inner_product(turned, vector)
        vector = map_floating(lambda v, d, a=rest: v + like(a, v) * d, vector, moved)
    return vector


def _first_scale(updates: Tree, turned: Tree, product: Any, first: Any) -> Any:
    """The initial estimate: the inverse curvature along the last step (equation 7.20)."""
    square = inner_product(turned, turned)
    curvature = np.where(square > 0, product / np.where(square > 0, square, 1), 1)
    size = global_norm(updates)
    return np.where(first, np.where(size > 1, 1 / np.where(size > 1, size, 1), 1), curvature)


def _pushed(new: Any, memory: Any) -> Any:
    """A memory without its oldest entry, and with a new one at its end."""
    return np.concatenate([memory[1:], cast(new, dtype_of(memory))[None]])
