"""Gradient descent with noise."""

from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...core.outline import outlined
from ...core.parameters import trainable
from ...ops.structure import cast
from ...random import Key, key as random_key, normal, split
from ..alias import Scheduled, descend
from ..base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
)
from ..checks import check_number
from ..numerics import Tree, is_floating, like, next_count, zero_count


@outlined
class AddNoiseState(NamedTuple):
    """The count of updates, and the key of the next noise."""

    count: Any
    key: Any


def noisy_sgd(
    learning_rate: ScalarOrSchedule, eta: Any = 0.01, gamma: Any = 0.55, key: Any = 0
) -> GradientTransformationExtraArgs[tuple[AddNoiseState, Scheduled]]:
    """Descend along the gradient plus decaying noise; see :func:`add_noise`.

    Source: Neelakantan et al. 2015, section 3 (arXiv:1511.06807).

    >>> opt = noisy_sgd(0.1)
    >>> opt.update(np.zeros(2), opt.init(np.zeros(2)))[0].shape
    (2,)
    """
    return descend("noisy_sgd", learning_rate, add_noise(eta, gamma, key))


def add_noise(eta: Any, gamma: Any, key: Any) -> GradientTransformation[AddNoiseState]:
    """Add normal noise of variance eta / count**gamma, count = 1 at the first update.

    Leaves that ``nn.trainable`` leaves out, such as running statistics, get no noise.

    Args:
        eta: the variance at the first update.
        gamma: the exponent of its decay.
        key: a key of ``fg.random``, or an integer seed.

    Source: Neelakantan et al. 2015, section 3 (arXiv:1511.06807).

    >>> opt = add_noise(1.0, 0.55, 0)
    >>> opt.update(np.zeros(2), opt.init(np.zeros(2)))[0].shape
    (2,)
    """
    check_number("add_noise", "eta", eta)

    def update(updates: Tree, state: AddNoiseState, params: Tree | None = None) -> Any:
        count, (carry, draw) = next_count(state.count), split(state.key)
        deviation = np.sqrt(eta / cast(count, np.float64) ** gamma)
        leaves, treedef = tree.flatten(updates)
        keys = tree.unflatten(treedef, list(split(draw, len(leaves)))) if leaves else updates
        where = tree.broadcast(trainable(updates), updates, who="add_noise")
        noise = lambda g, k: like(deviation, np.real(g)) * normal(k, shape_of(g), dtype_of(g))
        step = lambda g, k, add: g + noise(g, k) if add and is_floating(g) else g
        return tree.map(step, updates, keys, where), AddNoiseState(count, carry)

    start = key if isinstance(key, Key) else random_key(key)
    return GradientTransformation(lambda params: AddNoiseState(zero_count(), start), update)
