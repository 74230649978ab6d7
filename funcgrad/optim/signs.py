"""Atoms that go by the signs of gradients."""

from typing import Any, NamedTuple

import numpy as np

from .base import (
    GradientTransformation,
    Tree,
    check_decay,
    check_number,
    check_state,
    filled,
    in_single,
    kept,
    like,
    map_floating,
    next_count,
    remember,
    stateless,
    zero_count,
)
from .moments import means, mix


class ScaleByLionState(NamedTuple):
    """The count of updates and the running mean of gradients."""

    count: Any
    mu: Tree


class ScaleByRpropState(NamedTuple):
    """The step size of each number, and the update before."""

    step_sizes: Tree
    prev_updates: Tree


def scale_by_sign() -> GradientTransformation:
    """Replace each number by its sign.

    >>> print(scale_by_sign().update(np.array([0.3, -7.0]), ())[0])
    [ 1. -1.]
    """
    return stateless(lambda updates, params: map_floating(np.sign, updates))


def scale_by_lion(b1: Any = 0.9, b2: Any = 0.99, mu_dtype: Any = None) -> GradientTransformation:
    """Return the sign of a mean of the gradient and the running mean of those before.

    Args:
        b1: in [0, 1), the weight of the running mean in the sign.
        b2: in [0, 1), the decay of the running mean.
        mu_dtype: the dtype in which it is kept; unless given the parameters', but
            float32 for float16.

    Source: Chen et al. 2023, Algorithm 2 (arXiv:2302.06675).

    >>> opt = scale_by_lion()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0])
    [ 1. -1.]
    """
    check_decay("scale_by_lion", b1=b1, b2=b2)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_lion", state, ScaleByLionState, updates, "mu", params)
        signs = map_floating(lambda g, m: np.sign(mix(m, g, b1)), updates, state.mu)
        mu = kept(means(updates, state.mu, b2), state.mu)
        return signs, ScaleByLionState(next_count(state.count), mu)

    return in_single(
        GradientTransformation(
            lambda params: ScaleByLionState(zero_count(), filled(params, dtype=mu_dtype)), update
        )
    )


def scale_by_rprop(
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> GradientTransformation:
    """Step along signs; a step grows while the sign stays, and shrinks where it changes.

    As in PyTorch; optax 0.2 lets each step take effect one update later.

    Args:
        learning_rate: the first size of all steps.
        eta_minus, eta_plus: the factors by which sizes shrink and grow.
        min_step_size, max_step_size: the bounds of sizes.

    Source: Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation
    learning", section D; Igel & Hüsken 2000, Rprop-.

    >>> opt = scale_by_rprop(0.1)
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0])
    [ 0.1 -0.1]
    """
    check_number("scale_by_rprop", "learning_rate", learning_rate)

    def resized(g: Any, before: Any, size: Any) -> Any:
        turn = g * before
        new = np.where(turn > 0, size * like(eta_plus, g), size * like(eta_minus, g))
        new = np.clip(new, like(min_step_size, g), like(max_step_size, g))
        return np.where(turn == 0, size, new)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_rprop", state, ScaleByRpropState, updates, "step_sizes", params)
        sizes = remember(resized, updates, state.prev_updates, state.step_sizes)
        step = lambda g, before, size: np.where(g * before < 0, 0, size * np.sign(g))
        steps = remember(step, updates, state.prev_updates, sizes)
        stepped = map_floating(lambda g, s: s, updates, steps)
        sizes, steps = kept(sizes, state.step_sizes), kept(steps, state.prev_updates)
        return stepped, ScaleByRpropState(sizes, steps)

    return in_single(
        GradientTransformation(
            lambda params: ScaleByRpropState(filled(params, learning_rate), filled(params)), update
        )
    )
