"""The parts of which optimizers are chained; each does one thing to the updates."""

from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.lazy import answering
from ..core.outline import outlined
from ..core.parameters import trainable
from .base import (
    EmptyState,
    GradientTransformation,
    Mask,
    ScalarOrSchedule,
    Schedule,
    in_float32,
    leafwise,
    stateful,
)
from .checks import (
    check_decay,
    check_not_negative,
    check_number,
    check_rate,
    require_params,
    resolve_mask,
)
from .numerics import (
    Tree,
    bias_factor,
    full_like,
    like,
    map_floating,
    map_state,
    moving_average,
    next_count,
    norm,
    rescale,
    update_moment,
    zero_count,
)


@outlined
class CountState(NamedTuple):
    """The count of updates, an int32."""

    count: Any


@outlined
class EmaState(NamedTuple):
    """The count of updates, and their running mean."""

    count: Any
    ema: Tree


@outlined
class TraceState(NamedTuple):
    """The decaying sum of the updates."""

    trace: Tree


@outlined
class ScaleByLionState(NamedTuple):
    """The count of updates, and the running mean of the gradients."""

    count: Any
    mu: Tree


@answering
def scale(step_size: Any) -> GradientTransformation[EmptyState]:
    """Multiply the updates by a scalar, which may be traced; they keep their dtype.

    >>> print(scale(-0.5).update(np.ones(2), ())[0])
    [-0.5 -0.5]
    """
    check_number("scale", "step_size", step_size)
    return leafwise(lambda g: g * like(step_size, g))


@answering
def scale_by_schedule(step_size_fn: Schedule) -> GradientTransformation[CountState]:
    """Multiply the updates by ``step_size_fn(count)``; the first count is 0."""
    check_number("scale_by_schedule", "step_size_fn", step_size_fn, schedule=True)

    def update(updates: Tree, state: CountState, params: Tree | None = None) -> Any:
        step_size = step_size_fn(state.count)
        updates = map_floating(lambda g: g * like(step_size, g), updates)
        return updates, CountState(next_count(state.count))

    return GradientTransformation(lambda params: CountState(zero_count()), update)


@answering
def scale_by_learning_rate(
    learning_rate: ScalarOrSchedule, *, flip_sign: bool = True
) -> GradientTransformation[EmptyState | CountState]:
    """Multiply the updates by the negated learning rate, so that adding them descends.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        flip_sign: whether to negate.

    >>> print(scale_by_learning_rate(0.5).update(np.ones(2), ())[0])
    [-0.5 -0.5]
    """
    return with_rate("scale_by_learning_rate", learning_rate, flip_sign)


def with_rate(
    who: str, learning_rate: ScalarOrSchedule, flip_sign: bool = True
) -> GradientTransformation[EmptyState | CountState]:
    """The same with the name of the optimizer for errors."""
    check_rate(who, learning_rate, flip_sign)

    def signed(rate: Any) -> Any:
        return (-1 if flip_sign else 1) * rate

    scaled: Any
    if callable(learning_rate):
        scaled = scale_by_schedule(lambda count: signed(learning_rate(count)))
    else:
        scaled = scale(signed(learning_rate))
    return scaled


@answering
def scale_by_trust_ratio(
    min_norm: Any = 0.0, trust_coefficient: Any = 1.0, eps: Any = 0.0
) -> GradientTransformation[EmptyState]:
    """Multiply each array by norm(parameter) / norm(update); by 1 where one of them is 0.

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

    return in_float32(leafwise(step, "scale_by_trust_ratio"))


@answering
def scale_by_lion(
    b1: Any = 0.9, b2: Any = 0.99, mu_dtype: Any = None
) -> GradientTransformation[ScaleByLionState]:
    """Lion: the sign of b1 m + (1 - b1) g, where m is the running mean of the gradients g.

    Args:
        b1: in [0, 1), the weight of m.
        b2: in [0, 1), the decay of m.
        mu_dtype: the dtype of m; that of the parameters unless given, but float32 for float16.

    Source: Chen et al. 2023, Algorithm 2 (arXiv:2302.06675).

    >>> opt = scale_by_lion()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0])
    [ 1. -1.]
    """

    def init(params: Tree) -> ScaleByLionState:
        return ScaleByLionState(zero_count(), full_like(params, dtype=mu_dtype))

    def step(updates: Tree, state: ScaleByLionState, params: Tree | None) -> Any:
        signs = map_floating(lambda g, m: np.sign(moving_average(m, g, b1)), updates, state.mu)
        mu = update_moment(updates, state.mu, b2)
        return signs, ScaleByLionState(next_count(state.count), mu)

    check_decay("scale_by_lion", b1=b1, b2=b2)
    return stateful("scale_by_lion", ScaleByLionState, init, step)


@answering
def trace(decay: Any, nesterov: bool = False) -> GradientTransformation[TraceState]:
    """Momentum: replace the updates g by their decaying sum, m <- g + decay m.

    Args:
        decay: in [0, 1), also called momentum.
        nesterov: whether the update is g + decay m instead of m.

    Source: Sutskever et al. 2013, equations 1 to 4, with the learning rate outside of m.

    >>> opt = trace(0.5)
    >>> state = opt.init(np.zeros(1))
    >>> for _ in range(3):
    ...     updates, state = opt.update(np.ones(1), state)
    >>> print(updates)
    [1.75]
    """
    check_decay("trace", decay=decay)

    def add(g: Any, m: Any) -> Any:
        return g + like(decay, g) * m

    def step(updates: Tree, state: TraceState, params: Tree | None) -> Any:
        total = map_state(add, updates, state.trace)
        ahead = add if nesterov else lambda g, m: m
        return map_floating(ahead, updates, total), TraceState(total)

    return stateful(
        "trace", TraceState, lambda params: TraceState(full_like(params)), step, "trace"
    )


@answering
def ema(
    decay: Any, debias: bool = True, accumulator_dtype: Any = None
) -> GradientTransformation[EmaState]:
    """Replace the updates by their running mean.

    Args:
        decay: in [0, 1).
        debias: whether the mean is corrected for its start at 0.
        accumulator_dtype: the dtype of the mean; that of the parameters unless given, but
            float32 for float16.

    >>> opt = ema(0.9)
    >>> print(opt.update(np.array([2.0]), opt.init(np.zeros(1)))[0].round(6))
    [2.]
    """
    check_decay("ema", decay=decay)

    def init(params: Tree) -> EmaState:
        return EmaState(zero_count(), full_like(params, dtype=accumulator_dtype))

    def step(updates: Tree, state: EmaState, params: Tree | None) -> Any:
        count, mean = next_count(state.count), update_moment(updates, state.ema, decay)
        factor = bias_factor(decay, count) if debias else 1
        return map_floating(lambda g, m: m / like(factor, m), updates, mean), EmaState(count, mean)

    return stateful("ema", EmaState, init, step, "ema")


@answering
def set_to_zero() -> GradientTransformation[EmptyState]:
    """Replace the updates by zeros.

    >>> print(set_to_zero().update(np.ones(2), ())[0])
    [0. 0.]
    """
    return leafwise(np.zeros_like)


@answering
def add_decayed_weights(
    weight_decay: Any = 0.0, mask: Mask = None
) -> GradientTransformation[EmptyState | CountState]:
    """Add weight_decay times the parameters to the updates.

    Args:
        weight_decay: a scalar, or a schedule ``count -> scalar``.
        mask: which parameters decay: a tree of booleans like the parameters, a prefix of one, or
            a function of the parameters that gives it. ``nn.trainable`` unless given: running
            statistics of a model do not decay.

    Raises, in ``update``:
        ValueError: if it is called without the parameters.

    >>> opt = add_decayed_weights(0.1)
    >>> print(opt.update(np.zeros(2), opt.init(np.ones(2)), np.ones(2))[0])
    [0.1 0.1]
    """
    check_number("add_decayed_weights", "weight_decay", weight_decay, schedule=True)
    check_not_negative("add_decayed_weights", weight_decay=weight_decay)

    def init(params: Tree) -> EmptyState | CountState:
        return CountState(zero_count()) if callable(weight_decay) else EmptyState()

    def update(updates: Tree, state: Any, params: Tree | None = None) -> Any:
        params = require_params("add_decayed_weights", params)
        rate = weight_decay
        if callable(weight_decay):
            rate, state = weight_decay(state.count), CountState(next_count(state.count))
        where = resolve_mask("add_decayed_weights", trainable if mask is None else mask, params)
        where = tree.broadcast(where, updates, who="add_decayed_weights: mask")

        def decay(g: Any, p: Any, add: bool) -> Any:
            return g + like(rate, g) * like(p, g) if add else g

        return map_floating(decay, updates, params, where), state

    return GradientTransformation(init, update)


@answering
def incremental_update(new_tensors: Tree, old_tensors: Tree, step_size: Any) -> Tree:
    """Polyak averaging of parameters: step_size new + (1 - step_size) old, as for target networks.

    >>> incremental_update({"w": 1.0}, {"w": 0.0}, 0.25)
    {'w': 0.25}
    """
    return map_floating(
        lambda new, old: like(step_size, new) * new + like(1 - step_size, old) * old,
        new_tensors,
        old_tensors,
    )
