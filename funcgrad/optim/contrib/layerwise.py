"""Optimizers that scale each array by a norm: LARS and NovoGrad; and centralized gradients."""

from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.parameters import trainable
from ...ops.elementwise import root
from ..base import (
    GradientTransformation,
    Mask,
    chain_as,
    check_decay,
    check_state,
    in_float32,
    require_params,
    stateless,
)
from ..numerics import (
    Tree,
    cast_like,
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
from ..transforms import add_decayed_weights, scale_by_learning_rate, scale_by_trust_ratio, trace
from ..wrappers import masked


class ScaleByNovogradState(NamedTuple):
    """The count of updates, the sum of updates, and the running mean of squared norms."""

    count: Any
    mu: Tree
    nu: Tree


def lars(
    learning_rate: Any,
    weight_decay: Any = 0.0,
    weight_decay_mask: Mask = None,
    trust_coefficient: Any = 0.001,
    eps: Any = 0.0,
    trust_ratio_mask: Mask = True,
    momentum: Any = 0.9,
    nesterov: bool = False,
) -> GradientTransformation:
    """SGD with momentum whose steps have, array by array, a part of the parameters' norm.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        weight_decay, weight_decay_mask: see :func:`add_decayed_weights`.
        trust_coefficient, eps: see :func:`scale_by_trust_ratio`.
        trust_ratio_mask: where the norm counts; see :func:`masked`.
        momentum, nesterov: see :func:`trace`.

    Source: You, Gitman & Ginsburg 2017, Algorithm 1 (arXiv:1708.03888).

    >>> import numpy as np
    >>> opt = lars(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.ones(1)), np.full(1, 2.0))[0].round(6))
    [-0.0002]
    """
    return chain_as(
        "lars",
        add_decayed_weights(weight_decay, weight_decay_mask),
        masked(
            scale_by_trust_ratio(trust_coefficient=trust_coefficient, eps=eps), trust_ratio_mask
        ),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov),
    )


def novograd(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
) -> GradientTransformation:
    """SGD with momentum along gradients divided by the running norm of their array.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, weight_decay: see :func:`scale_by_novograd`.

    Source: Ginsburg et al. 2019, Algorithm 1 (arXiv:1905.11286).

    >>> import numpy as np
    >>> opt = novograd(0.1)
    >>> print(opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4))
    [-0.06 -0.08]
    """
    return chain_as(
        "novograd",
        scale_by_novograd(b1, b2, eps, eps_root, weight_decay),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_novograd(
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformation:
    """Divide each array by the root of the running mean of its squared norm, then sum up.

    Args:
        b1: in [0, 1), the decay of the sum.
        b2: in [0, 1), the decay of the mean of squared norms, which starts at the first of them.
        eps, eps_root: added beside and under the root.
        weight_decay: times the parameters, added before the sum; not of those that
            ``nn.trainable`` leaves out.
        mu_dtype: the dtype in which the sum is kept; unless given the parameters', but
            float32 for float16.

    Source: Ginsburg et al. 2019, Algorithm 1 (arXiv:1905.11286).

    >>> opt = scale_by_novograd()
    >>> print(opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4))
    [0.6 0.8]
    """
    check_decay("scale_by_novograd", b1=b1, b2=b2)

    def init(params: Tree) -> Tree:
        # float64: the square of a norm in float32 may leave its range
        norms = map_state(lambda p: np.zeros((), np.float64), params)
        return ScaleByNovogradState(zero_count(), full_like(params, dtype=mu_dtype), norms)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_novograd", state, ScaleByNovogradState, updates, "mu", params)
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
        stepped = map_floating(lambda g, m: m, updates, mu)
        mu, nu = cast_like(mu, state.mu), cast_like(nu, state.nu)
        return stepped, ScaleByNovogradState(next_count(state.count), mu, nu)

    return in_float32(GradientTransformation(init, update))


def centralize() -> GradientTransformation:
    """Subtract from each array of two axes or more its mean over all axes but the first.

    Source: Yong et al. 2020, equation 1 (arXiv:2004.01461).

    >>> print(centralize().update(np.array([[1.0, 3.0], [0.0, 4.0]]), ())[0])
    [[-1.  1.]
     [-2.  2.]]
    """

    def centred(g: Any) -> Any:
        axes = tuple(range(1, np.ndim(g)))
        return g - np.mean(g, axes, keepdims=True) if axes else g

    return stateless(lambda updates, params: map_floating(centred, updates))
