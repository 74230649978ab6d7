"""Variants of Adam: AdaBelief, Yogi and Adan."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.outline import outlined
from ...core.parameters import trainable
from ..adaptive import ScaleByAdamState, scale_by_moments
from ..alias import Adam, Scheduled, descend
from ..base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Mask,
    ScalarOrSchedule,
    stateful,
)
from ..checks import check_decay
from ..numerics import (
    Tree,
    abs_sq,
    bias_factor,
    corrected_root,
    debias,
    full_like,
    like,
    map_floating,
    map_state,
    next_count,
    real_like,
    update_moment,
    update_second_moment,
    weighted_square,
    zero_count,
)
from ..transforms import add_decayed_weights


@outlined
class ScaleByAdanState(NamedTuple):
    """The running means of gradients m, differences v and squares n; the last gradient g; t."""

    m: Tree
    v: Tree
    n: Tree
    g: Tree
    t: Any


def adabelief(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs[Adam]:
    """AdaBelief: Adam with the variance of the gradients about their mean, for the squares.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps, eps_root, nesterov: see :func:`scale_by_belief`.

    Source: Zhuang et al. 2020, Algorithm 2 (arXiv:2010.07468).

    >>> opt = adabelief(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1111]
    """
    scaled = scale_by_belief(b1, b2, eps, eps_root, nesterov=nesterov)
    return descend("adabelief", learning_rate, scaled)


def scale_by_belief(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformation[ScaleByAdamState]:
    """Divide the mean m of the gradients g by the root of the mean of (g - m)².

    Args:
        b1, b2, eps, nesterov: see :func:`scale_by_adam`.
        eps_root: added to the mean of (g - m)² at each update.

    Source: Zhuang et al. 2020, Algorithm 2 (arXiv:2010.07468).

    >>> opt = scale_by_belief()
    >>> print(opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0].round(4))
    [1.1111]
    """

    def variance(updates: Tree, mu: Tree, nu: Tree) -> Tree:
        return map_state(
            lambda g, m, v: like(b2, v) * v + weighted_square(g - m, 1 - b2) + like(eps_root, v),
            updates,
            mu,
            nu,
        )

    def rescale(count: Any) -> Callable[..., Any]:
        mean, factor = debias(b1, count, nesterov), bias_factor(b2, count)
        return lambda g, m, v: mean(g, m) / (corrected_root(v, factor, 0) + like(eps, v))

    return scale_by_moments("scale_by_belief", b1, b2, rescale, second_moment=variance)


def yogi(
    learning_rate: ScalarOrSchedule, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-3
) -> GradientTransformationExtraArgs[Adam]:
    """Yogi: Adam with a mean of squares that grows and falls by bounded steps.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, eps: see :func:`scale_by_yogi`.

    Source: Zaheer et al. 2018, Algorithm 2 (NeurIPS 31).

    >>> opt = yogi(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1]
    """
    return descend("yogi", learning_rate, scale_by_yogi(b1, b2, eps))


def scale_by_yogi(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-3,
    eps_root: Any = 0.0,
    initial_accumulator_value: Any = 1e-6,
) -> GradientTransformation[ScaleByAdamState]:
    """Rescale like Adam, with v <- v - (1 - b2) sign(v - g²) g².

    Args:
        b1, b2, eps, eps_root: see :func:`scale_by_adam`.
        initial_accumulator_value: both running means before the first update. The mean of the
            gradients starts at 0 for the leaves that ``nn.trainable`` leaves out: they stay.

    Source: Zaheer et al. 2018, Algorithm 2 (NeurIPS 31).

    >>> opt = scale_by_yogi(initial_accumulator_value=0.0, eps=0.0)
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    start = initial_accumulator_value

    def init(params: Tree) -> ScaleByAdamState:
        begin = lambda p, m, trained: m if trained else np.zeros_like(m)
        mu = map_state(begin, params, full_like(params, start), trainable(params))
        return ScaleByAdamState(zero_count(), mu, real_like(params, start))

    def second_moment(updates: Tree, mu: Tree, nu: Tree) -> Tree:
        step = lambda g, v: v - np.sign(v - abs_sq(g)) * weighted_square(g, 1 - b2)
        return map_state(step, updates, nu)

    def rescale(count: Any) -> Callable[..., Any]:
        mean, factor = debias(b1, count), bias_factor(b2, count)
        return lambda g, m, v: mean(g, m) / (corrected_root(v, factor, eps_root) + like(eps, v))

    return scale_by_moments("scale_by_yogi", b1, b2, rescale, init, second_moment)


def adan(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.98,
    b2: Any = 0.92,
    b3: Any = 0.99,
    eps: Any = 1e-8,
    eps_root: Any = 1e-8,
    weight_decay: Any = 0.0,
    mask: Mask = None,
) -> GradientTransformationExtraArgs[tuple[ScaleByAdanState, Scheduled, Scheduled]]:
    """Adan: Adam with the mean difference of gradients added, as in Nesterov momentum.

    ``update`` needs the parameters.

    Args:
        learning_rate: a scalar, or a schedule ``count -> scalar``.
        b1, b2, b3, eps, eps_root: see :func:`scale_by_adan`.
        weight_decay, mask: decoupled; see :func:`add_decayed_weights`.

    Source: Xie et al. 2024, Algorithm 1 (arXiv:2208.06677).

    >>> opt = adan(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)), np.zeros(1))[0].round(4))
    [-0.1]
    """
    scaled = scale_by_adan(b1, b2, b3, eps, eps_root)
    return descend("adan", learning_rate, scaled, add_decayed_weights(weight_decay, mask))


def scale_by_adan(
    b1: Any = 0.98, b2: Any = 0.92, b3: Any = 0.99, eps: Any = 1e-8, eps_root: Any = 0.0
) -> GradientTransformation[ScaleByAdanState]:
    """(m + (1 - b2) v) / (sqrt(n) + eps), of bias-corrected means of gradients g.

    m is the mean of g, v of the differences d of successive g, n of (g + (1 - b2) d)².

    Args:
        b1, b2, b3: in [0, 1), the decays of m, v and n.
        eps, eps_root: see :func:`scale_by_adam`.

    Source: Xie et al. 2024, Algorithm 1 (arXiv:2208.06677).

    >>> opt = scale_by_adan()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """

    def init(params: Tree) -> ScaleByAdanState:
        m, v, g = full_like(params), full_like(params), full_like(params)
        return ScaleByAdanState(m, v, real_like(params), g, zero_count())

    def step(updates: Tree, state: ScaleByAdanState, params: Tree | None) -> Any:
        first = state.t == 0
        change = map_state(lambda g, old: np.where(first, 0, g - old), updates, state.g)
        ahead = map_state(lambda g, d: g + like(1 - b2, g) * d, updates, change)
        m, v = update_moment(updates, state.m, b1), update_moment(change, state.v, b2)
        n, t = update_second_moment(ahead, state.n, b3), next_count(state.t)
        factors = bias_factor(b1, t), bias_factor(b2, t), bias_factor(b3, t)

        def rescale(g: Any, m: Any, v: Any, n: Any) -> Any:
            mean = m / like(factors[0], m) + like(1 - b2, v) * v / like(factors[1], v)
            return mean / (corrected_root(n, factors[2], eps_root) + like(eps, n))

        last = map_state(lambda g, old: g, updates, state.g)
        return map_floating(rescale, updates, m, v, n), ScaleByAdanState(m, v, n, last, t)

    check_decay("scale_by_adan", b1=b1, b2=b2, b3=b3)
    return stateful("scale_by_adan", ScaleByAdanState, init, step, "m")
