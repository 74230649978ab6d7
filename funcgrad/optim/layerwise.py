"""Atoms that treat each array of the parameters as one: its norm, its mean."""

from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.parameters import trainable
from ..ops.elementwise import root
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
    need_params,
    next_count,
    remember,
    stateless,
    zero_count,
)
from .moments import mix
from .sizes import norm, resized


class ScaleByNovogradState(NamedTuple):
    """The count of updates, the sum of updates, and the running mean of squared norms."""

    count: Any
    mu: Tree
    nu: Tree


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
        return resized(g, np.where(none, 1, trust_coefficient * size), np.where(none, 1, own + eps))

    return in_single(
        stateless(
            lambda updates, params: map_floating(
                step, updates, need_params("scale_by_trust_ratio", params)
            )
        )
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
        norms = remember(lambda p: np.zeros((), np.float64), params)
        return ScaleByNovogradState(zero_count(), filled(params, dtype=mu_dtype), norms)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_novograd", state, ScaleByNovogradState, updates, "mu", params)
        params = need_params("scale_by_novograd", params)
        first = state.count == 0

        def square(g: Any, v: Any) -> Any:
            size = np.square(norm(g))
            return np.where(first, size, mix(v, size, b2))

        nu = remember(square, updates, state.nu)

        where = tree.broadcast(trainable(params), updates, who="scale_by_novograd")

        def total(g: Any, p: Any, m: Any, v: Any, decays: bool) -> Any:
            scaled = resized(g, 1.0, root(v + eps_root) + eps)
            rate = weight_decay if decays else 0.0
            return like(b1, g) * m + scaled + like(rate, g) * like(p, g)

        mu = remember(total, updates, params, state.mu, nu, where)
        stepped = map_floating(lambda g, m: m, updates, mu)
        mu, nu = kept(mu, state.mu), kept(nu, state.nu)
        return stepped, ScaleByNovogradState(next_count(state.count), mu, nu)

    return in_single(GradientTransformation(init, update))


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
