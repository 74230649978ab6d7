"""Adaptive step sizes: transformations that divide by running means of the gradients."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.lazy import answering
from ..core.outline import outlined
from ..ops.elementwise import root
from ..ops.structure import cast
from .base import GradientTransformation, stateful
from .checks import check_decay, check_number
from .numerics import (
    Tree,
    abs_sq,
    bias_factor,
    corrected_root,
    debias,
    divisor,
    full_like,
    like,
    map_floating,
    map_state,
    next_count,
    real_like,
    update_moment,
    update_second_moment,
    zero_count,
)


@outlined
class ScaleByAdamState(NamedTuple):
    """The count of updates, and the running means of the gradients and of their squares."""

    count: Any
    mu: Tree
    nu: Tree


@outlined
class ScaleByAmsgradState(NamedTuple):
    """The state of Adam, and the maximum of the mean of squares."""

    count: Any
    mu: Tree
    nu: Tree
    nu_max: Tree


@outlined
class ScaleByRssState(NamedTuple):
    """The sum of the squared gradients."""

    sum_of_squares: Tree


@outlined
class ScaleByAdaDeltaState(NamedTuple):
    """The running means of the squared gradients and of the squared updates."""

    e_g: Tree
    e_x: Tree


@outlined
class ScaleByRmsState(NamedTuple):
    """The count of updates, and the running mean of the squared gradients."""

    count: Any
    nu: Tree


# by a mean of the gradients, and one of their squares


def scale_by_moments(
    who: str,
    b1: Any,
    b2: Any,
    rescale: Callable[[Any], Callable[..., Any]],
    init: Callable[[Tree], ScaleByAdamState] | None = None,
    second_moment: Callable[[Tree, Tree, Tree], Tree] | None = None,
) -> GradientTransformation[ScaleByAdamState]:
    """Rescale each leaf by two running means, mu of the updates and nu of their squares.

    Args:
        who: the function that errors name.
        b1, b2: in [0, 1), the decays of mu and nu.
        rescale: ``count -> ((g, mu, nu) -> update)``, of one leaf.
        init: ``params -> state``; zeros unless given.
        second_moment: ``(updates, mu, nu) -> nu``; the running mean of squares unless given.
    """

    def step(updates: Tree, state: ScaleByAdamState, params: Tree | None) -> Any:
        count = next_count(state.count)
        mu = update_moment(updates, state.mu, b1)
        if second_moment is None:
            nu = update_second_moment(updates, state.nu, b2)
        else:
            nu = second_moment(updates, mu, state.nu)
        updates = map_floating(rescale(count), updates, mu, nu)
        return updates, ScaleByAdamState(count, mu, nu)

    check_decay(who, b1=b1, b2=b2)
    return stateful(who, ScaleByAdamState, init or adam_state, step)


def adam_state(params: Tree, mu_dtype: Any = None, nu: Any = 0.0) -> ScaleByAdamState:
    return ScaleByAdamState(zero_count(), full_like(params, dtype=mu_dtype), real_like(params, nu))


@answering
def scale_by_adam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
) -> GradientTransformation[ScaleByAdamState]:
    """Adam: the mean of the gradients over the root of the mean of squares, bias-corrected.

    Args:
        b1: in [0, 1), the decay of the mean m.
        b2: in [0, 1), the decay of the mean of squares v.
        eps: added to the root.
        eps_root: added under the root; a step can be differentiated without it, as the
            derivative of the root at 0 is taken as 0.
        mu_dtype: the dtype of m; that of the parameters unless given, but float32 for float16.
        nesterov: whether m is one step ahead (Dozat 2016).

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980).

    >>> opt = scale_by_adam()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """

    def rescale(count: Any) -> Callable[..., Any]:
        mean, factor = debias(b1, count, nesterov), bias_factor(b2, count)
        return lambda g, m, v: mean(g, m) / (corrected_root(v, factor, eps_root) + like(eps, v))

    check_decay("scale_by_adam", eps=eps, eps_root=eps_root)
    return scale_by_moments("scale_by_adam", b1, b2, rescale, lambda p: adam_state(p, mu_dtype))


@answering
def scale_by_amsgrad(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    *,
    correct_after: bool = False,
) -> GradientTransformation[ScaleByAmsgradState]:
    """AMSGrad: the mean of the gradients over the root of the largest mean of squares so far.

    Args:
        b1, b2, eps, eps_root, mu_dtype: see :func:`scale_by_adam`.
        bias_correction_mu: whether the mean is corrected for its start at 0.
        bias_correction_nu: whether the mean of squares is, before its maximum is taken.
        correct_after: whether it is corrected after the maximum is taken instead, as in PyTorch.

    Source: Reddi, Kale & Kumar 2018, Algorithm 2 (arXiv:1904.09237).

    >>> opt = scale_by_amsgrad()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """

    def init(params: Tree) -> ScaleByAmsgradState:
        return ScaleByAmsgradState(*adam_state(params, mu_dtype), real_like(params))

    def step(updates: Tree, state: ScaleByAmsgradState, params: Tree | None) -> Any:
        count = next_count(state.count)
        mu = update_moment(updates, state.mu, b1)
        nu = update_second_moment(updates, state.nu, b2)
        first = bias_factor(b1, count) if bias_correction_mu else 1
        second = bias_factor(b2, count) if bias_correction_nu else 1
        before, after = (1, second) if correct_after else (second, 1)
        top = map_state(lambda v, m: np.maximum(m, v / like(before, v)), nu, state.nu_max)

        def rescale(g: Any, m: Any, v: Any) -> Any:
            v = v / like(after, v) + like(eps_root, v)
            return m / like(first, m) / (root(v) + like(eps, v))

        updates = map_floating(rescale, updates, mu, top)
        return updates, ScaleByAmsgradState(count, mu, nu, top)

    check_decay("scale_by_amsgrad", b1=b1, b2=b2, eps=eps, eps_root=eps_root)
    return stateful("scale_by_amsgrad", ScaleByAmsgradState, init, step)


@answering
def scale_by_adamax(
    b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8
) -> GradientTransformation[ScaleByAdamState]:
    """AdaMax: the mean of the gradients over the decaying maximum of their sizes.

    Args:
        b1, b2: in [0, 1), the decays of the mean and of the maximum.
        eps: added to the size of each gradient.

    Source: Kingma & Ba 2015, Algorithm 2 (arXiv:1412.6980).

    >>> opt = scale_by_adamax()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """

    def maximum(updates: Tree, mu: Tree, nu: Tree) -> Tree:
        larger = lambda g, v: np.maximum(np.abs(g) + like(eps, v), like(b2, v) * v)
        return map_state(larger, updates, nu)

    def rescale(count: Any) -> Callable[..., Any]:
        mean = debias(b1, count)
        return lambda g, m, v: mean(g, m) / v

    return scale_by_moments("scale_by_adamax", b1, b2, rescale, second_moment=maximum)


@answering
def scale_by_radam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    *,
    nesterov: bool = False,
) -> GradientTransformation[ScaleByAdamState]:
    """RAdam: Adam, rectified by the variance of its step size; at first the mean alone.

    Args:
        b1, b2, eps, eps_root, nesterov: see :func:`scale_by_adam`.
        threshold: the length of the approximated average from which the variance is tractable.

    Source: Liu et al. 2020, Algorithm 2 (arXiv:1908.03265).

    >>> opt = scale_by_radam()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0])
    [ 0.3 -7. ]
    """
    check_decay("scale_by_radam", b1=b1, b2=b2, eps=eps, eps_root=eps_root)
    limit = 2 / (1 - b2) - 1

    def rescale(count: Any) -> Callable[..., Any]:
        mean_of, factor = debias(b1, count, nesterov), bias_factor(b2, count)
        t = cast(count, np.float64)
        rho = limit - 2 * t * (1 - factor) / factor
        tractable = rho >= threshold
        safe = np.where(tractable, rho, limit)  # no root of a negative number
        gain = (safe - 4) * (safe - 2) * limit / ((limit - 4) * (limit - 2) * safe)

        def leaf(g: Any, m: Any, v: Any) -> Any:
            mean = mean_of(g, m)
            size = corrected_root(v, factor, eps_root) + like(eps, v)
            return np.where(tractable, like(np.sqrt(gain), v) * mean / size, mean)

        return leaf

    return scale_by_moments("scale_by_radam", b1, b2, rescale)


# by squares alone


@answering
def scale_by_rss(
    initial_accumulator_value: Any = 0.1, eps: Any = 1e-7, *, eps_in_sqrt: bool = True
) -> GradientTransformation[ScaleByRssState]:
    """AdaGrad: the updates over the root of the sum v of their squares; 0 where v is 0.

    Args:
        initial_accumulator_value: v before the first update.
        eps: keeps the divisor from 0.
        eps_in_sqrt: whether to divide by sqrt(v + eps), or by sqrt(v) + eps as in PyTorch.

    Source: Duchi, Hazan & Singer 2011, section 1.1 (JMLR 12).

    >>> opt = scale_by_rss(0.0)
    >>> print(opt.update(np.array([3.0, 0.0]), opt.init(np.zeros(2)))[0].round(4))
    [1. 0.]
    """
    check_number("scale_by_rss", "initial_accumulator_value", initial_accumulator_value)

    def init(params: Tree) -> ScaleByRssState:
        return ScaleByRssState(real_like(params, initial_accumulator_value))

    def step(updates: Tree, state: ScaleByRssState, params: Tree | None) -> Any:
        total = map_state(lambda g, v: v + abs_sq(g), updates, state.sum_of_squares)
        updates = map_floating(lambda g, v: g / divisor(v, eps, eps_in_sqrt), updates, total)
        return updates, ScaleByRssState(total)

    return stateful("scale_by_rss", ScaleByRssState, init, step, "sum_of_squares")


@answering
def scale_by_adadelta(
    rho: Any = 0.9, eps: Any = 1e-6
) -> GradientTransformation[ScaleByAdaDeltaState]:
    """AdaDelta: the updates times rms(past updates) / rms(gradients).

    Args:
        rho: in [0, 1), the decay of both means of squares.
        eps: added under both roots.

    Source: Zeiler 2012, Algorithm 1 (arXiv:1212.5701).

    >>> opt = scale_by_adadelta()
    >>> print(opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0].round(6))
    [0.003162]
    """

    def init(params: Tree) -> ScaleByAdaDeltaState:
        return ScaleByAdaDeltaState(real_like(params), real_like(params))

    def step(updates: Tree, state: ScaleByAdaDeltaState, params: Tree | None) -> Any:
        e_g = update_second_moment(updates, state.e_g, rho)

        def rescale(g: Any, v: Any, x: Any) -> Any:
            return np.sqrt(x + like(eps, x)) / np.sqrt(v + like(eps, v)) * g

        updates = map_floating(rescale, updates, e_g, state.e_x)
        return updates, ScaleByAdaDeltaState(e_g, update_second_moment(updates, state.e_x, rho))

    check_decay("scale_by_adadelta", rho=rho, eps=eps)
    return stateful("scale_by_adadelta", ScaleByAdaDeltaState, init, step, "e_g")


@answering
def scale_by_rms(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation[ScaleByRmsState]:
    """RMSProp: the updates over the root of the running mean v of their squares.

    Args:
        decay: in [0, 1), the decay of v.
        eps: keeps the divisor from 0.
        initial_scale: v before the first update.
        eps_in_sqrt: whether to divide by sqrt(v + eps), or by sqrt(v) + eps as in PyTorch.
        bias_correction: whether to divide v by 1 - decay**count.

    Source: Hinton 2012, "Overview of mini-batch gradient descent", slide 29.
    """

    def init(params: Tree) -> ScaleByRmsState:
        return ScaleByRmsState(zero_count(), real_like(params, initial_scale))

    def step(updates: Tree, state: ScaleByRmsState, params: Tree | None) -> Any:
        count = next_count(state.count)
        nu = update_second_moment(updates, state.nu, decay)
        factor = bias_factor(decay, count) if bias_correction else 1
        rescale = lambda g, v: g / divisor(v / like(factor, v), eps, eps_in_sqrt)
        return map_floating(rescale, updates, nu), ScaleByRmsState(count, nu)

    check_decay("scale_by_rms", decay=decay, eps=eps)
    return stateful("scale_by_rms", ScaleByRmsState, init, step, "nu")


@answering
def scale_by_stddev(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation[ScaleByAdamState]:
    """Centered RMSProp: the updates over their running standard deviation.

    The arguments are those of :func:`scale_by_rms`.

    Source: Graves 2013, equations 38 to 40 (arXiv:1308.0850).
    """
    check_decay("scale_by_stddev", decay=decay, eps=eps)

    def rescale(count: Any) -> Callable[..., Any]:
        factor = bias_factor(decay, count) if bias_correction else 1

        def leaf(g: Any, m: Any, v: Any) -> Any:
            variance = v / like(factor, v) - abs_sq(m / like(factor, m))
            return g / divisor(variance, eps, eps_in_sqrt)

        return leaf

    init = lambda params: adam_state(params, nu=initial_scale)
    return scale_by_moments("scale_by_stddev", decay, decay, rescale, init)
