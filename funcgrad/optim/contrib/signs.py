"""Optimizers that step along the signs of gradients: signSGD and Rprop."""

from typing import Any, NamedTuple

import numpy as np

from ...core.outline import outlined
from ..alias import Scheduled, descend
from ..base import (
    EmptyState,
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    chain_as,
    leafwise,
    stateful,
)
from ..checks import check_number
from ..numerics import Tree, full_like, like, map_floating, map_state
from ..transforms import scale


@outlined
class ScaleByRpropState(NamedTuple):
    """The step size of each element, and its last update."""

    step_sizes: Tree
    prev_updates: Tree


def sign_sgd(
    learning_rate: ScalarOrSchedule,
) -> GradientTransformationExtraArgs[tuple[EmptyState, Scheduled]]:
    """Descend along the signs of the gradient.

    Source: Bernstein et al. 2018, Algorithm 1 (arXiv:1802.04434).

    >>> print(sign_sgd(0.1).update(np.array([3.0, -2.0]), ((), ()))[0])
    [-0.1  0.1]
    """
    return descend("sign_sgd", learning_rate, scale_by_sign())


def scale_by_sign() -> GradientTransformation[EmptyState]:
    """Replace each element by its sign.

    >>> print(scale_by_sign().update(np.array([0.3, -7.0]), ())[0])
    [ 1. -1.]
    """
    return leafwise(np.sign)


def rprop(
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> GradientTransformationExtraArgs[tuple[ScaleByRpropState, EmptyState]]:
    """Resilient backpropagation: steps along signs, of adaptive sizes; for full batches.

    Args:
        learning_rate: the first step size.
        eta_minus, eta_plus, min_step_size, max_step_size: see :func:`scale_by_rprop`.

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
) -> GradientTransformation[ScaleByRpropState]:
    """Replace each element by its sign times a step size, which grows until the sign changes.

    At a change of sign the update is 0, as in PyTorch; in optax 0.2 each step takes effect one
    update later.

    Args:
        learning_rate: the first step size.
        eta_minus, eta_plus: the factors by which step sizes shrink and grow.
        min_step_size, max_step_size: the bounds of step sizes.

    Source: Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation
    learning", section D; Igel & Hüsken 2000, Rprop-.

    >>> opt = scale_by_rprop(0.1)
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0])
    [ 0.1 -0.1]
    """
    check_number("scale_by_rprop", "learning_rate", learning_rate)

    def init(params: Tree) -> ScaleByRpropState:
        return ScaleByRpropState(full_like(params, learning_rate), full_like(params))

    def resize(g: Any, before: Any, size: Any) -> Any:
        turn = g * before
        new = np.where(turn > 0, size * like(eta_plus, g), size * like(eta_minus, g))
        new = np.clip(new, like(min_step_size, g), like(max_step_size, g))
        return np.where(turn == 0, size, new)

    def move(g: Any, before: Any, size: Any) -> Any:
        return np.where(g * before < 0, 0, size * np.sign(g))

    def step(updates: Tree, state: ScaleByRpropState, params: Tree | None) -> Any:
        sizes = map_state(resize, updates, state.prev_updates, state.step_sizes)
        moves = map_state(move, updates, state.prev_updates, sizes)
        return map_floating(lambda g, s: s, updates, moves), ScaleByRpropState(sizes, moves)

    return stateful("scale_by_rprop", ScaleByRpropState, init, step, "step_sizes")
