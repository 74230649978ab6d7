"""The parts of which optimizers are chained; each does one thing to the updates."""

from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.parameters import trainable
from .base import (
    EmptyState,
    GradientTransformation,
    Mask,
    Schedule,
    check_decay,
    check_number,
    check_state,
    in_float32,
    require_params,
    resolve_mask,
    stateless,
)
from .numerics import (
    Tree,
    bias_factor,
    cast_like,
    full_like,
    like,
    map_floating,
    map_state,
    next_count,
    norm,
    rescale,
    update_moment,
    zero_count,
)


class CountState(NamedTuple):
    """How many updates there have been, int32."""

    count: Any


class EmaState(NamedTuple):
    """The count of updates and their running mean."""

    count: Any
    ema: Tree


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
    check_number("scale_by_schedule", "step_size_fn", step_size_fn, schedule=True)

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


def scale_by_trust_ratio(
    min_norm: Any = 0.0, trust_coefficient: Any = 1.0, eps: Any = 0.0
) -> GradientTransformation:
    """Multiply each array by the norm of its parameters over its own; by 1 where one is 0.

    Args:
        min_norm: the least value of both norms.
        trust_coefficient: a factor of the ratio.
        eps: added to the norm of the update.

    Raises, in ``update``:
        ValueError: if it is called without the parameters.

    Source: You, Gitman & Ginsburg 2017, Algorithm 1 (arXiv:1708.03888).

    >>> opt = scale_by_trust_ratio()
    >>> print(opt.update(np.array([3.0, 4.0]), (), np.array([0.0, 10.0]))[0])
    [6. 8.]
    """
    check_number("scale_by_trust_ratio", "trust_coefficient", trust_coefficient)

    def step(g: Any, p: Any) -> Any:
        size, own = np.maximum(norm(p), min_norm), np.maximum(norm(g), min_norm)
        none = (size == 0) | (own == 0)
        return rescale(g, np.where(none, 1, trust_coefficient * size), np.where(none, 1, own + eps))

    return in_float32(
        stateless(
            lambda updates, params: map_floating(
                step, updates, require_params("scale_by_trust_ratio", params)
            )
        )
    )


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
        check_state("trace", state, TraceState, updates, "trace", params)
        total = map_state(step, updates, state.trace)
        ahead = step if nesterov else lambda g, m: m
        return map_floating(ahead, updates, total), TraceState(cast_like(total, state.trace))

    return in_float32(GradientTransformation(lambda params: TraceState(full_like(params)), update))


def ema(decay: Any, debias: bool = True, accumulator_dtype: Any = None) -> GradientTransformation:
    """Replace the updates by their running mean.

    Args:
        decay: in [0, 1).
        debias: whether the mean is corrected for its start at 0.
        accumulator_dtype: the dtype in which it is kept; unless given the parameters', but
            float32 for float16.

    >>> opt = ema(0.9)
    >>> print(opt.update(np.array([2.0]), opt.init(np.zeros(1)))[0].round(6))
    [2.]
    """
    check_decay("ema", decay=decay)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("ema", state, EmaState, updates, "ema", params)
        count, mean = next_count(state.count), update_moment(updates, state.ema, decay)
        size = bias_factor(decay, count) if debias else 1
        updates = map_floating(lambda g, m: m / like(size, m), updates, mean)
        return updates, EmaState(count, cast_like(mean, state.ema))

    return in_float32(
        GradientTransformation(
            lambda params: EmaState(zero_count(), full_like(params, dtype=accumulator_dtype)),
            update,
        )
    )


def set_to_zero() -> GradientTransformation:
    """Replace the updates by zeros.

    >>> print(set_to_zero().update(np.ones(2), ())[0])
    [0. 0.]
    """
    return stateless(lambda updates, params: map_floating(np.zeros_like, updates))


def add_decayed_weights(weight_decay: Any = 0.0, mask: Mask = None) -> GradientTransformation:
    """Add the parameters, scaled, to the updates.

    Args:
        weight_decay: a number, or a schedule ``count -> number``.
        mask: a tree of booleans like the parameters, or a prefix of one, or a function of the
            parameters that gives it; only where it is True are weights added. Unless given, it
            is ``nn.trainable``: running statistics of a model do not decay.

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
        params = require_params("add_decayed_weights", params)
        rate = weight_decay
        if callable(weight_decay):
            rate, state = weight_decay(state.count), CountState(next_count(state.count))
        where = resolve_mask("add_decayed_weights", trainable if mask is None else mask, params)
        where = tree.broadcast(where, updates, who="add_decayed_weights: mask")

        def step(g: Any, p: Any, add: bool) -> Any:
            return g + like(rate, g) * like(p, g) if add else g

        return map_floating(step, updates, params, where), state

    return GradientTransformation(init, update)


def incremental_update(new_tensors: Tree, old_tensors: Tree, step_size: Any) -> Tree:
    """Return old parameters, moved a part of the way to new ones: step new + (1 - step) old.

    It is how averages of parameters (Polyak averaging, target networks) are kept.

    >>> incremental_update({"w": 1.0}, {"w": 0.0}, 0.25)
    {'w': 0.25}
    """
    return map_floating(
        lambda new, old: like(step_size, new) * new + like(1 - step_size, old) * old,
        new_tensors,
        old_tensors,
    )
