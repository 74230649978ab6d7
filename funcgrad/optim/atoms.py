"""The parts of which optimizers are chained; each does one thing to the updates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..ops.elementwise import root
from ..ops.structure import cast
from .base import (
    EmptyState,
    GradientTransformation,
    Schedule,
    Tree,
    abs_square,
    check_decay,
    check_number,
    check_state,
    filled,
    global_norm,
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


class ScaleByAdamState(NamedTuple):
    """The count of updates and the running means of gradients and of their squares."""

    count: Any
    mu: Tree
    nu: Tree


class ScaleByRmsState(NamedTuple):
    """The count of updates and the running mean of squared gradients."""

    count: Any
    nu: Tree


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


def scale_by_adam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Divide the running mean of gradients by the root of that of their squares.

    Args:
        b1: in [0, 1), the decay of the mean m.
        b2: in [0, 1), the decay of the mean of squares v.
        eps: added to the root.
        eps_root: added under the root; funcgrad needs none to differentiate a step, as it takes
            the derivative of the root at 0 as 0.
        mu_dtype: the dtype in which m is kept, the parameters' unless given.
        nesterov: whether m looks one step ahead (Dozat 2016).

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980).

    >>> opt = scale_by_adam()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    check_decay("scale_by_adam", b1=b1, b2=b2)

    def init(params: Tree) -> Tree:
        return ScaleByAdamState(zero_count(), filled(params, dtype=mu_dtype), _squares(params))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adam", state, ScaleByAdamState, updates, "mu")
        count = next_count(state.count)
        mu, nu = _means(updates, state.mu, b1), _mean_squares(updates, state.nu, b2)
        fresh, later, squares = _bias(b1, count), _bias(b1, next_count(count)), _bias(b2, count)

        def step(g: Any, m: Any, v: Any) -> Any:
            if nesterov:
                mean = _mix(m / like(later, m), g / like(fresh, g), b1)
            else:
                mean = m / like(fresh, m)
            return mean / (root(v / like(squares, v) + like(eps_root, v)) + like(eps, v))

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, kept(mu, state.mu), kept(nu, state.nu))

    return GradientTransformation(init, update)


def scale_by_rms(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation:
    """Divide the updates by the root of the running mean v of their squares.

    Args:
        decay: in [0, 1), the decay of v.
        eps: keeps the divisor from 0.
        initial_scale: the value of v before the first update.
        eps_in_sqrt: whether to divide by sqrt(v + eps), or by sqrt(v) + eps as PyTorch does.
        bias_correction: whether to divide v by 1 - decay**count.

    Source: Hinton 2012, "Overview of mini-batch gradient descent", slide 29.
    """
    check_decay("scale_by_rms", decay=decay)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_rms", state, ScaleByRmsState, updates, "nu")
        count = next_count(state.count)
        nu = _mean_squares(updates, state.nu, decay)
        bias = _bias(decay, count) if bias_correction else 1
        updates = map_floating(
            lambda g, v: g / _divisor(v / like(bias, v), eps, eps_in_sqrt), updates, nu
        )
        return updates, ScaleByRmsState(count, kept(nu, state.nu))

    return GradientTransformation(
        lambda params: ScaleByRmsState(zero_count(), _squares(params, initial_scale)), update
    )


def scale_by_stddev(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation:
    """Divide the updates by their running standard deviation; see :func:`scale_by_rms`.

    Source: Graves 2013, equations 38 to 40 (arXiv:1308.0850).
    """
    check_decay("scale_by_stddev", decay=decay)

    def init(params: Tree) -> Tree:
        return ScaleByAdamState(zero_count(), filled(params), _squares(params, initial_scale))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_stddev", state, ScaleByAdamState, updates, "mu")
        count = next_count(state.count)
        mu, nu = _means(updates, state.mu, decay), _mean_squares(updates, state.nu, decay)
        bias = _bias(decay, count) if bias_correction else 1

        def step(g: Any, m: Any, v: Any) -> Any:
            variance = v / like(bias, v) - abs_square(m / like(bias, m))
            return g / _divisor(variance, eps, eps_in_sqrt)

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, kept(mu, state.mu), kept(nu, state.nu))

    return GradientTransformation(init, update)


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


def clip(max_delta: Any) -> GradientTransformation:
    """Keep each number of the updates within [-max_delta, max_delta].

    >>> print(clip(1.0).update(np.array([-3.0, 0.5]), ())[0])
    [-1.   0.5]
    """
    check_number("clip", "max_delta", max_delta)
    return stateless(
        lambda updates, params: map_floating(
            lambda g: np.clip(g, like(-max_delta, g), like(max_delta, g)), updates
        )
    )


def clip_by_global_norm(max_norm: Any) -> GradientTransformation:
    """Scale all updates down together where their norm exceeds ``max_norm``.

    Source: Pascanu et al. 2013, Algorithm 1 (arXiv:1211.5063).

    >>> print(clip_by_global_norm(1.0).update(np.array([3.0, 4.0]), ())[0])
    [0.6 0.8]
    """
    check_number("clip_by_global_norm", "max_norm", max_norm)

    def update(updates: Tree, params: Tree | None) -> Tree:
        norm = global_norm(updates)
        small = norm < max_norm
        divisor = np.where(small, max_norm, norm)  # so that a norm of 0 divides nothing
        return map_floating(lambda g: g * like(max_norm / divisor, g), updates)

    return stateless(update)


# what they share


def _squares(params: Tree, value: Any = 0.0) -> Tree:
    """Return where running means of squares start: real arrays like the parameters."""
    return remember(lambda p: np.full_like(np.real(p), value), params)


def _means(updates: Tree, means: Tree, decay: Any) -> Tree:
    return remember(lambda g, m: _mix(m, g, decay), updates, means)


def _mean_squares(updates: Tree, means: Tree, decay: Any) -> Tree:
    return remember(lambda g, v: _mix(v, abs_square(g), decay), updates, means)


def _mix(m: Any, x: Any, decay: Any) -> Any:
    """Return decay m + (1 - decay) x."""
    return like(decay, x) * m + like(1 - decay, x) * x


def _bias(decay: Any, count: Any) -> Any:
    """Return 1 - decay**count, by which a running mean that started at 0 is too small."""
    return 1 - decay ** cast(count, np.float64)


def _divisor(v: Any, eps: Any, eps_in_sqrt: bool) -> Any:
    return np.sqrt(v + like(eps, v)) if eps_in_sqrt else root(v) + like(eps, v)
