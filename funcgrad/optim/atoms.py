"""The parts of which optimizers are chained; each does one thing to the updates."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core import tree
from .base import (
    EmptyState,
    GradientTransformation,
    Schedule,
    Tree,
    check_decay,
    check_number,
    check_state,
    filled,
    kept,
    like,
    map_floating,
    need_params,
    next_count,
    remember,
    stateless,
    zero_count,
)


class CountState(NamedTuple):
    """How many updates there have been, int32."""

    count: Any


class TraceState(NamedTuple):
    """The decaying sum of updates."""

    trace: Tree


def scale(step_size: Any) -> GradientTransformation:
    """Multiply the updates by a number, which may be traced; they keep their dtype.

    >>> print(scale(-0.5).update(np.ones(2), ())[0])
    [-0.5 -0.5]
    """
    check_number("scale", "step_size", step_size)
    return stateless(
        lambda updates, params: map_floating(lambda g: g * like(step_size, g), updates)
    )


def scale_by_schedule(step_size_fn: Schedule) -> GradientTransformation:
    """Multiply the updates by ``step_size_fn(count)``; the first count is 0."""

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        step_size = step_size_fn(state.count)
        updates = map_floating(lambda g: g * like(step_size, g), updates)
        return updates, CountState(next_count(state.count))

    return GradientTransformation(lambda params: CountState(zero_count()), update)


def scale_by_learning_rate(learning_rate: Any, *, flip_sign: bool = True) -> GradientTransformation:
    """Multiply by the learning rate, negated so that adding the updates descends.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        flip_sign: whether to negate.

    >>> print(scale_by_learning_rate(0.5).update(np.ones(2), ())[0])
    [-0.5 -0.5]
    """
    check_number("scale_by_learning_rate", "learning_rate", learning_rate, schedule=True)
    sign = -1 if flip_sign else 1
    if callable(learning_rate):
        return scale_by_schedule(lambda count: sign * learning_rate(count))
    return scale(sign * learning_rate)


def trace(decay: Any, nesterov: bool = False) -> GradientTransformation:
    """Sum the updates up, older ones decaying: m <- g + decay m.

    Args:
        decay: in [0, 1), also called momentum.
        nesterov: whether to return g + decay m instead of m.

    Source: Sutskever et al. 2013, equations 1 to 4, with the learning rate outside of m.

    >>> opt = trace(0.5)
    >>> state = opt.init(np.zeros(1))
    >>> for _ in range(3):
    ...     updates, state = opt.update(np.ones(1), state)
    >>> print(updates)
    [1.75]
    """
    check_decay("trace", decay=decay)

    def step(g: Any, m: Any) -> Any:
        return g + like(decay, g) * m

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("trace", state, TraceState, updates, "trace")
        total = remember(step, updates, state.trace)
        ahead = step if nesterov else lambda g, m: m
        return map_floating(ahead, updates, total), TraceState(kept(total, state.trace))

    return GradientTransformation(lambda params: TraceState(filled(params)), update)


def add_decayed_weights(
    weight_decay: Any = 0.0, mask: Tree | Callable[[Tree], Tree] | None = None
) -> GradientTransformation:
    """Add the parameters, scaled, to the updates.

    Args:
        weight_decay: a number, or a schedule ``count -> number``.
        mask: a tree of booleans like the parameters, or a prefix of one, or a function of the
            parameters that gives it; only where it is True are weights added.

    Raises, in ``update``:
        ValueError: if it is called without the parameters.

    >>> opt = add_decayed_weights(0.1)
    >>> print(opt.update(np.zeros(2), opt.init(np.ones(2)), np.ones(2))[0])
    [0.1 0.1]
    """
    check_number("add_decayed_weights", "weight_decay", weight_decay, schedule=True)

    def init(params: Tree) -> Tree:
        return CountState(zero_count()) if callable(weight_decay) else EmptyState()

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        params = need_params("add_decayed_weights", params)
        rate = weight_decay
        if callable(weight_decay):
            rate, state = weight_decay(state.count), CountState(next_count(state.count))
        chosen = mask(params) if callable(mask) else True if mask is None else mask
        chosen = tree.broadcast(chosen, updates, who="add_decayed_weights: mask")

        def step(g: Any, p: Any, add: bool) -> Any:
            return g + like(rate, g) * like(p, g) if add else g

        return map_floating(step, updates, params, chosen), state

    return GradientTransformation(init, update)
