"""Optimizers that step along the signs of gradients: signSGD and Rprop."""

from typing import Any, NamedTuple

import numpy as np

from ..base import (
    GradientTransformation,
    chain_as,
    check_number,
    check_state,
    in_float32,
    stateless,
)
from ..numerics import Tree, cast_like, full_like, like, map_floating, map_state
from ..transforms import scale, scale_by_learning_rate


class ScaleByRpropState(NamedTuple):
    """The step size of each number, and the update before."""

    step_sizes: Tree
    prev_updates: Tree


def sign_sgd(learning_rate: Any) -> GradientTransformation:
    """Descend along the signs of the gradient.

    Source: Bernstein et al. 2018, Algorithm 1 (arXiv:1802.04434).

    >>> import numpy as np
    >>> print(sign_sgd(0.1).update(np.array([3.0, -2.0]), ((), ()))[0])
    [-0.1  0.1]
    """
    return chain_as("sign_sgd", scale_by_sign(), scale_by_learning_rate(learning_rate))


def scale_by_sign() -> GradientTransformation:
    """Replace each number by its sign.

    >>> print(scale_by_sign().update(np.array([0.3, -7.0]), ())[0])
    [ 1. -1.]
    """
    return stateless(lambda updates, params: map_floating(np.sign, updates))


def rprop(
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> GradientTransformation:
    """Descend along signs by steps that learn their size; for whole batches.

    Args:
        learning_rate: the first size of all steps.
        eta_minus, eta_plus, min_step_size, max_step_size: see :func:`scale_by_rprop`.

    >>> import numpy as np
    >>> opt = rprop(0.1)
    >>> print(opt.update(np.array([3.0, -2.0]), opt.init(np.zeros(2)))[0])
    [-0.1  0.1]
    """
    bounds = eta_minus, eta_plus, min_step_size, max_step_size
    return chain_as("rprop", scale_by_rprop(learning_rate, *bounds), scale(-1.0))


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
        sizes = map_state(resized, updates, state.prev_updates, state.step_sizes)
        step = lambda g, before, size: np.where(g * before < 0, 0, size * np.sign(g))
        steps = map_state(step, updates, state.prev_updates, sizes)
        stepped = map_floating(lambda g, s: s, updates, steps)
        sizes, steps = cast_like(sizes, state.step_sizes), cast_like(steps, state.prev_updates)
        return stepped, ScaleByRpropState(sizes, steps)

    return in_float32(
        GradientTransformation(
            lambda params: ScaleByRpropState(full_like(params, learning_rate), full_like(params)),
            update,
        )
    )
