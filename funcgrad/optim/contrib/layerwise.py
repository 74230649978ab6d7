"""Optimizers that scale each array by a norm, LARS and NovoGrad; and centralized gradients."""

from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.outline import outlined
from ...core.parameters import trainable
from ...ops.elementwise import root
from ..alias import Scheduled, descend
from ..base import (
    EmptyState,
    GradientTransformation,
    GradientTransformationExtraArgs,
    Mask,
    ScalarOrSchedule,
    chain_as,
    leafwise,
    stateful,
)
from ..checks import check_decay, require_params
from ..numerics import (
    Tree,
    full_like,
    like,
    map_floating,
    map_state,
    moving_average,
    next_count,
    norm,
    rescale,
    zero_count,
)
from ..transforms import (
    TraceState,
    add_decayed_weights,
    scale_by_learning_rate,
    scale_by_trust_ratio,
    trace,
)
from ..wrappers import MaskedState, masked


@outlined
class ScaleByNovogradState(NamedTuple):
    """The count of updates, their decaying sum, and the running mean of squared norms."""

    count: Any
    mu: Tree
    nu: Tree


def lars(
    learning_rate: ScalarOrSchedule,
    weight_decay: Any = 0.0,
    weight_decay_mask: Mask = None,
    trust_coefficient: Any = 0.001,
    eps: Any = 0.0,
    trust_ratio_mask: Mask = True,
    momentum: Any = 0.9,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs[tuple[Scheduled, MaskedState, Scheduled, TraceState]]:
    """LARS: SGD with momentum, each array scaled to a fraction of the norm of its parameters.

    ``update`` needs the parameters.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        weight_decay, weight_decay_mask: see :func:`add_decayed_weights`.
        trust_coefficient, eps: see :func:`scale_by_trust_ratio`.
        trust_ratio_mask: which arrays are scaled; see :func:`masked`.
        momentum, nesterov: see :func:`trace`.

    Source: You, Gitman & Ginsburg 2017, Algorithm 1 (arXiv:1708.03888).

    >>> opt = lars(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.ones(1)), np.full(1, 2.0))[0].round(6))
    [-0.0002]
    """
    ratio = scale_by_trust_ratio(trust_coefficient=trust_coefficient, eps=eps)
    return chain_as(
        "lars",
        add_decayed_weights(weight_decay, weight_decay_mask),
        masked(ratio, trust_ratio_mask),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov),
    )


def novograd(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
) -> GradientTransformationExtraArgs[tuple[ScaleByNovogradState, Scheduled]]:
    """NovoGrad: SGD with momentum, each gradient array divided by its running norm.

    ``update`` needs the parameters.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root, weight_decay: see :func:`scale_by_novograd`.

    Source: Ginsburg et al. 2019, Algorithm 1 (arXiv:1905.11286).

    >>> opt = novograd(0.1)
    >>> print(opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4))
    [-0.06 -0.08]
    """
    scaled = scale_by_novograd(b1, b2, eps, eps_root, weight_decay)
    return descend("novograd", learning_rate, scaled)


def scale_by_novograd(
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformation[ScaleByNovogradState]:
    """Momentum m <- b1 m + g / (sqrt(v) + eps) + weight_decay p, v the running mean of norm(g)².

    Args:
        b1: in [0, 1), the decay of m.
        b2: in [0, 1), the decay of v, which starts at the first norm(g)².
        eps, eps_root: added beside and under the root.
        weight_decay: applies to the leaves p that ``nn.trainable`` names.
        mu_dtype: the dtype of m; that of the parameters unless given, but float32 for float16.

    Source: Ginsburg et al. 2019, Algorithm 1 (arXiv:1905.11286).

    >>> opt = scale_by_novograd()
    >>> print(opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4))
    [0.6 0.8]
    """

    def init(params: Tree) -> ScaleByNovogradState:
        # float64: the square of a norm in float32 may leave its range
        norms = map_state(lambda p: np.zeros((), np.float64), params)
        return ScaleByNovogradState(zero_count(), full_like(params, dtype=mu_dtype), norms)

    def step(updates: Tree, state: ScaleByNovogradState, params: Tree | None) -> Any:
        params = require_params("scale_by_novograd", params)
        first = state.count == 0

        def square(g: Any, v: Any) -> Any:
            size = np.square(norm(g))
            return np.where(first, size, moving_average(v, size, b2))

        nu = map_state(square, updates, state.nu)
        where = tree.broadcast(trainable(params), updates, who="scale_by_novograd")

        def total(g: Any, p: Any, m: Any, v: Any, decays: bool) -> Any:
            scaled = rescale(g, 1.0, root(v + eps_root) + eps)
            rate = weight_decay if decays else 0.0
            return like(b1, g) * m + scaled + like(rate, g) * like(p, g)

        mu = map_state(total, updates, params, state.mu, nu, where)
        updates = map_floating(lambda g, m: m, updates, mu)
        return updates, ScaleByNovogradState(next_count(state.count), mu, nu)

    check_decay("scale_by_novograd", b1=b1, b2=b2)
    return stateful("scale_by_novograd", ScaleByNovogradState, init, step)


def centralize() -> GradientTransformation[EmptyState]:
    """Subtract from each array of two axes or more its mean over all axes but the first.

    Source: Yong et al. 2020, equation 1 (arXiv:2004.01461).

    >>> print(centralize().update(np.array([[1.0, 3.0], [0.0, 4.0]]), ())[0])
    [[-1.  1.]
     [-2.  2.]]
    """

    def centred(g: Any) -> Any:
        axes = tuple(range(1, np.ndim(g)))
        return g - np.mean(g, axes, keepdims=True) if axes else g

    return leafwise(centred)
