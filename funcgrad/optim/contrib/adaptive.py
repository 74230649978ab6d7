"""Adam with other running means: AdaBelief, Yogi and Adan."""

from typing import Any, NamedTuple

import numpy as np

from ...core.parameters import trainable
from ..adaptive import ScaleByAdamState, _adam_state
from ..base import GradientTransformation, Mask, chain_as, check_decay, check_state, in_float32
from ..numerics import (
    Tree,
    abs_sq,
    bias_factor,
    cast_like,
    corrected_mean,
    corrected_root,
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
from ..transforms import add_decayed_weights, scale_by_learning_rate


class ScaleByAdanState(NamedTuple):
    """The running means of gradients m, differences v and squares n, the last gradient g, t."""

    m: Tree
    v: Tree
    n: Tree
    g: Tree
    t: Any


def adabelief(
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Adam that goes far where gradients are as their mean foretells.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps, eps_root, nesterov: see :func:`scale_by_belief`.

    Source: Zhuang et al. 2020, Algorithm 2 (arXiv:2010.07468).

    >>> import numpy as np
    >>> opt = adabelief(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1111]
    """
    return chain_as(
        "adabelief",
        scale_by_belief(b1, b2, eps, eps_root, nesterov=nesterov),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_belief(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Divide the running mean of gradients by how far gradients are from it.

    Args:
        b1, b2, eps, nesterov: see :func:`scale_by_adam`.
        eps_root: added to the mean of squared differences at each update.

    Source: Zhuang et al. 2020, Algorithm 2 (arXiv:2010.07468).

    >>> opt = scale_by_belief()
    >>> print(opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0].round(4))
    [1.1111]
    """
    check_decay("scale_by_belief", b1=b1, b2=b2)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_belief", state, ScaleByAdamState, updates, "mu", params)
        count = next_count(state.count)
        mu, second = update_moment(updates, state.mu, b1), bias_factor(b2, count)
        nu = map_state(
            lambda g, m, v: like(b2, v) * v + weighted_square(g - m, 1 - b2) + like(eps_root, v),
            updates,
            mu,
            state.nu,
        )

        def step(g: Any, m: Any, v: Any) -> Any:
            mean = corrected_mean(g, m, b1, count, nesterov)
            return mean / (corrected_root(v, second, 0) + like(eps, v))

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, cast_like(mu, state.mu), cast_like(nu, state.nu))

    return in_float32(GradientTransformation(_adam_state, update))


def yogi(
    learning_rate: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-3
) -> GradientTransformation:
    """Adam whose mean of squares moves slowly towards much larger and much smaller squares.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, eps: see :func:`scale_by_yogi`.

    Source: Zaheer et al. 2018, Algorithm 2 (NeurIPS 31).

    >>> import numpy as np
    >>> opt = yogi(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)))[0].round(4))
    [-0.1]
    """
    return chain_as("yogi", scale_by_yogi(b1, b2, eps), scale_by_learning_rate(learning_rate))


def scale_by_yogi(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-3,
    eps_root: Any = 0.0,
    initial_accumulator_value: Any = 1e-6,
) -> GradientTransformation:
    """Rescale as Adam, with a mean of squares that moves by steps of the size of the square.

    Args:
        b1, b2, eps, eps_root: see :func:`scale_by_adam`.
        initial_accumulator_value: both running means before the first update; that of gradients
            is 0 where ``nn.trainable`` leaves a leaf out, which without a gradient then stays.

    Source: Zaheer et al. 2018, Algorithm 2 (NeurIPS 31).

    >>> opt = scale_by_yogi(initial_accumulator_value=0.0, eps=0.0)
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    check_decay("scale_by_yogi", b1=b1, b2=b2)
    start = initial_accumulator_value

    def init(params: Tree) -> Tree:
        begin = lambda p, m, moves: m if moves else np.zeros_like(m)
        mu = map_state(begin, params, full_like(params, start), trainable(params))
        return ScaleByAdamState(zero_count(), mu, real_like(params, start))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_yogi", state, ScaleByAdamState, updates, "mu", params)
        count = next_count(state.count)
        mu = update_moment(updates, state.mu, b1)
        nu = map_state(lambda g, v: _yogi_square(v, g, b2), updates, state.nu)
        first, second = bias_factor(b1, count), bias_factor(b2, count)

        def step(g: Any, m: Any, v: Any) -> Any:
            size = corrected_root(v, second, eps_root) + like(eps, v)
            return m / like(first, m) / size

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, cast_like(mu, state.mu), cast_like(nu, state.nu))

    return in_float32(GradientTransformation(init, update))


def _yogi_square(v: Any, g: Any, decay: Any) -> Any:
    return v - np.sign(v - abs_sq(g)) * weighted_square(g, 1 - decay)


def adan(
    learning_rate: Any,
    b1: Any = 0.98,
    b2: Any = 0.92,
    b3: Any = 0.99,
    eps: Any = 1e-8,
    eps_root: Any = 1e-8,
    weight_decay: Any = 0.0,
    mask: Mask = None,
) -> GradientTransformation:
    """Adam that adds the mean difference of gradients, as Nesterov's momentum does.

    ``update`` needs the parameters.

    Args:
        learning_rate: a number, or a schedule ``count -> number``.
        b1, b2, b3, eps, eps_root: see :func:`scale_by_adan`.
        weight_decay, mask: decoupled decay; see :func:`add_decayed_weights`.

    Source: Xie et al. 2024, Algorithm 1 (arXiv:2208.06677).

    >>> import numpy as np
    >>> opt = adan(0.1)
    >>> print(opt.update(np.array([3.0]), opt.init(np.zeros(1)), np.zeros(1))[0].round(4))
    [-0.1]
    """
    return chain_as(
        "adan",
        scale_by_adan(b1, b2, b3, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_adan(
    b1: Any = 0.98, b2: Any = 0.92, b3: Any = 0.99, eps: Any = 1e-8, eps_root: Any = 0.0
) -> GradientTransformation:
    """Rescale the mean of gradients and of their differences, which look one step ahead.

    Args:
        b1, b2, b3: in [0, 1), the decays of the means of gradients, differences and squares.
        eps, eps_root: see :func:`scale_by_adam`.

    Source: Xie et al. 2024, Algorithm 1 (arXiv:2208.06677).

    >>> opt = scale_by_adan()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    check_decay("scale_by_adan", b1=b1, b2=b2, b3=b3)

    def init(params: Tree) -> Tree:
        m, v, g = full_like(params), full_like(params), full_like(params)
        return ScaleByAdanState(m, v, real_like(params), g, zero_count())

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adan", state, ScaleByAdanState, updates, "m", params)
        first = state.t == 0
        change = map_state(lambda g, old: np.where(first, 0, g - old), updates, state.g)
        ahead = map_state(lambda g, d: g + like(1 - b2, g) * d, updates, change)
        m, v = update_moment(updates, state.m, b1), update_moment(change, state.v, b2)
        n, t = update_second_moment(ahead, state.n, b3), next_count(state.t)
        biases = bias_factor(b1, t), bias_factor(b2, t), bias_factor(b3, t)

        def step(g: Any, m: Any, v: Any, n: Any) -> Any:
            mean = m / like(biases[0], m) + like(1 - b2, v) * v / like(biases[1], v)
            return mean / (corrected_root(n, biases[2], eps_root) + like(eps, n))

        stepped = map_floating(step, updates, m, v, n)
        last = cast_like(map_state(lambda g, old: g, updates, state.g), state.g)
        return stepped, ScaleByAdanState(
            cast_like(m, state.m), cast_like(v, state.v), cast_like(n, state.n), last, t
        )

    return in_float32(GradientTransformation(init, update))
