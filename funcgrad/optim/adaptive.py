"""Atoms that give each number a step size of its own, from running means of its gradients."""

from typing import Any, NamedTuple

import numpy as np

from ..ops.elementwise import root
from ..ops.structure import cast
from .base import GradientTransformation, check_decay, check_number, check_state, in_float32
from .numerics import (
    Tree,
    abs_sq,
    bias_factor,
    cast_like,
    corrected_mean,
    corrected_root,
    divisor,
    full_like,
    like,
    map_floating,
    map_state,
    moving_average,
    next_count,
    real_like,
    update_moment,
    update_second_moment,
    zero_count,
)


class ScaleByAdamState(NamedTuple):
    """The count of updates and the running means of gradients and of their squares."""

    count: Any
    mu: Tree
    nu: Tree


class ScaleByAmsgradState(NamedTuple):
    """The state of Adam, and the largest mean of squares so far."""

    count: Any
    mu: Tree
    nu: Tree
    nu_max: Tree


class ScaleByRssState(NamedTuple):
    """The sum of squared gradients."""

    sum_of_squares: Tree


class ScaleByAdaDeltaState(NamedTuple):
    """The running means of squared gradients and of squared updates."""

    e_g: Tree
    e_x: Tree


class ScaleByRmsState(NamedTuple):
    """The count of updates and the running mean of squared gradients."""

    count: Any
    nu: Tree


class ScaleByLionState(NamedTuple):
    """The count of updates and the running mean of gradients."""

    count: Any
    mu: Tree


def scale_by_adam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Divide the running mean of gradients by the root of that of their squares.

    Args:
        b1: in [0, 1), the decay of the mean m.
        b2: in [0, 1), the decay of the mean of squares v.
        eps: added to the root.
        eps_root: added under the root; funcgrad needs none to differentiate a step, as it takes
            the derivative of the root at 0 as 0.
        mu_dtype: the dtype in which m is kept; unless given the parameters', but
            float32 for float16.
        nesterov: whether m looks one step ahead (Dozat 2016).

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980).

    >>> opt = scale_by_adam()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    check_decay("scale_by_adam", b1=b1, b2=b2)

    def init(params: Tree) -> Tree:
        return ScaleByAdamState(zero_count(), full_like(params, dtype=mu_dtype), real_like(params))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adam", state, ScaleByAdamState, updates, "mu", params)
        count = next_count(state.count)
        mu, nu = update_moment(updates, state.mu, b1), update_second_moment(updates, state.nu, b2)
        fresh, later, squares = (
            bias_factor(b1, count),
            bias_factor(b1, next_count(count)),
            bias_factor(b2, count),
        )

        def step(g: Any, m: Any, v: Any) -> Any:
            if nesterov:
                mean = moving_average(m / like(later, m), g / like(fresh, g), b1)
            else:
                mean = m / like(fresh, m)
            return mean / (corrected_root(v, squares, eps_root) + like(eps, v))

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, cast_like(mu, state.mu), cast_like(nu, state.nu))

    return in_float32(GradientTransformation(init, update))


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
) -> GradientTransformation:
    """Divide the running mean of gradients by the root of the largest mean of squares so far.

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
    check_decay("scale_by_amsgrad", b1=b1, b2=b2)

    def init(params: Tree) -> Tree:
        mu, squares = full_like(params, dtype=mu_dtype), (real_like(params), real_like(params))
        return ScaleByAmsgradState(zero_count(), mu, *squares)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_amsgrad", state, ScaleByAmsgradState, updates, "mu", params)
        count = next_count(state.count)
        mu, nu = update_moment(updates, state.mu, b1), update_second_moment(updates, state.nu, b2)
        first = bias_factor(b1, count) if bias_correction_mu else 1
        second = bias_factor(b2, count) if bias_correction_nu else 1
        before, after = (1, second) if correct_after else (second, 1)
        top = map_state(lambda v, m: np.maximum(m, v / like(before, v)), nu, state.nu_max)

        def step(g: Any, m: Any, v: Any) -> Any:
            v = v / like(after, v) + like(eps_root, v)
            return m / like(first, m) / (root(v) + like(eps, v))

        updates = map_floating(step, updates, mu, top)
        nu, top = cast_like(nu, state.nu), cast_like(top, state.nu_max)
        return updates, ScaleByAmsgradState(count, cast_like(mu, state.mu), nu, top)

    return in_float32(GradientTransformation(init, update))


def scale_by_adamax(b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> GradientTransformation:
    """Divide the running mean of gradients by their decaying maximum.

    Args:
        b1, b2: in [0, 1), the decays of the mean and of the maximum.
        eps: added to the size of each gradient.

    Source: Kingma & Ba 2015, Algorithm 2 (arXiv:1412.6980).

    >>> opt = scale_by_adamax()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    check_decay("scale_by_adamax", b1=b1, b2=b2)

    def init(params: Tree) -> Tree:
        return ScaleByAdamState(zero_count(), full_like(params), real_like(params))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adamax", state, ScaleByAdamState, updates, "mu", params)
        count = next_count(state.count)
        mu = update_moment(updates, state.mu, b1)
        nu = map_state(
            lambda g, v: np.maximum(np.abs(g) + like(eps, v), like(b2, v) * v), updates, state.nu
        )
        first = bias_factor(b1, count)
        updates = map_floating(lambda g, m, v: m / like(first, m) / v, updates, mu, nu)
        return updates, ScaleByAdamState(count, cast_like(mu, state.mu), cast_like(nu, state.nu))

    return in_float32(GradientTransformation(init, update))


def scale_by_radam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Rescale as Adam, corrected by the variance of the step size; by the mean alone at first.

    Args:
        b1, b2, eps, eps_root, nesterov: see :func:`scale_by_adam`.
        threshold: the length of the approximated average from which the variance is tractable.

    Source: Liu et al. 2020, Algorithm 2 (arXiv:1908.03265).

    >>> opt = scale_by_radam()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0])
    [ 0.3 -7. ]
    """
    check_decay("scale_by_radam", b1=b1, b2=b2)
    limit = 2 / (1 - b2) - 1

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_radam", state, ScaleByAdamState, updates, "mu", params)
        count = next_count(state.count)
        mu, nu = update_moment(updates, state.mu, b1), update_second_moment(updates, state.nu, b2)
        t, second = cast(count, np.float64), bias_factor(b2, count)
        rho = limit - 2 * t * (1 - second) / second
        tractable = rho >= threshold
        safe = np.where(tractable, rho, limit)  # so that no root of a negative number is taken
        gain = (safe - 4) * (safe - 2) * limit / ((limit - 4) * (limit - 2) * safe)

        def step(g: Any, m: Any, v: Any) -> Any:
            mean = corrected_mean(g, m, b1, count, nesterov)
            size = corrected_root(v, second, eps_root) + like(eps, v)
            return np.where(tractable, like(np.sqrt(gain), v) * mean / size, mean)

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, cast_like(mu, state.mu), cast_like(nu, state.nu))

    return in_float32(GradientTransformation(_adam_state, update))


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
        signs = map_floating(lambda g, m: np.sign(moving_average(m, g, b1)), updates, state.mu)
        mu = cast_like(update_moment(updates, state.mu, b2), state.mu)
        return signs, ScaleByLionState(next_count(state.count), mu)

    return in_float32(
        GradientTransformation(
            lambda params: ScaleByLionState(zero_count(), full_like(params, dtype=mu_dtype)), update
        )
    )


def scale_by_rss(
    initial_accumulator_value: Any = 0.1, eps: Any = 1e-7, *, eps_in_sqrt: bool = True
) -> GradientTransformation:
    """Divide the updates by the root of the sum v of all their squares; 0 where v is 0.

    Args:
        initial_accumulator_value: v before the first update.
        eps: keeps the divisor from 0.
        eps_in_sqrt: whether to divide by sqrt(v + eps), or by sqrt(v) + eps as PyTorch does.

    Source: Duchi, Hazan & Singer 2011, section 1.1 (JMLR 12).

    >>> opt = scale_by_rss(0.0)
    >>> print(opt.update(np.array([3.0, 0.0]), opt.init(np.zeros(2)))[0].round(4))
    [1. 0.]
    """
    check_number("scale_by_rss", "initial_accumulator_value", initial_accumulator_value)

    def init(params: Tree) -> Tree:
        return ScaleByRssState(real_like(params, initial_accumulator_value))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_rss", state, ScaleByRssState, updates, "sum_of_squares", params)
        total = map_state(lambda g, v: v + abs_sq(g), updates, state.sum_of_squares)
        updates = map_floating(lambda g, v: g / divisor(v, eps, eps_in_sqrt), updates, total)
        return updates, ScaleByRssState(cast_like(total, state.sum_of_squares))

    return in_float32(GradientTransformation(init, update))


def scale_by_adadelta(rho: Any = 0.9, eps: Any = 1e-6) -> GradientTransformation:
    """Multiply by the root of the mean square of past updates over that of gradients.

    Args:
        rho: in [0, 1), the decay of both means.
        eps: added under both roots.

    Source: Zeiler 2012, Algorithm 1 (arXiv:1212.5701).

    >>> opt = scale_by_adadelta()
    >>> print(opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0].round(6))
    [0.003162]
    """
    check_decay("scale_by_adadelta", rho=rho)

    def init(params: Tree) -> Tree:
        return ScaleByAdaDeltaState(real_like(params), real_like(params))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adadelta", state, ScaleByAdaDeltaState, updates, "e_g", params)
        e_g = update_second_moment(updates, state.e_g, rho)

        def step(g: Any, v: Any, x: Any) -> Any:
            return np.sqrt(x + like(eps, x)) / np.sqrt(v + like(eps, v)) * g

        updates = map_floating(step, updates, e_g, state.e_x)
        e_x = update_second_moment(updates, state.e_x, rho)
        return updates, ScaleByAdaDeltaState(cast_like(e_g, state.e_g), cast_like(e_x, state.e_x))

    return in_float32(GradientTransformation(init, update))


def scale_by_rms(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation:
    """Divide the updates by the root of the running mean v of their squares.

    Args:
        decay: in [0, 1), the decay of v.
        eps: keeps the divisor from 0.
        initial_scale: the value of v before the first update.
        eps_in_sqrt: whether to divide by sqrt(v + eps), or by sqrt(v) + eps as PyTorch does.
        bias_correction: whether to divide v by 1 - decay**count.

    Source: Hinton 2012, "Overview of mini-batch gradient descent", slide 29.
    """
    check_decay("scale_by_rms", decay=decay)

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_rms", state, ScaleByRmsState, updates, "nu", params)
        count = next_count(state.count)
        nu = update_second_moment(updates, state.nu, decay)
        size = bias_factor(decay, count) if bias_correction else 1
        updates = map_floating(
            lambda g, v: g / divisor(v / like(size, v), eps, eps_in_sqrt), updates, nu
        )
        return updates, ScaleByRmsState(count, cast_like(nu, state.nu))

    return in_float32(
        GradientTransformation(
            lambda params: ScaleByRmsState(zero_count(), real_like(params, initial_scale)),
            update,
        )
    )


def scale_by_stddev(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation:
    """Divide the updates by their running standard deviation; see :func:`scale_by_rms`.

    Source: Graves 2013, equations 38 to 40 (arXiv:1308.0850).
    """
    check_decay("scale_by_stddev", decay=decay)

    def init(params: Tree) -> Tree:
        return ScaleByAdamState(zero_count(), full_like(params), real_like(params, initial_scale))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_stddev", state, ScaleByAdamState, updates, "mu", params)
        count = next_count(state.count)
        mu, nu = (
            update_moment(updates, state.mu, decay),
            update_second_moment(updates, state.nu, decay),
        )
        size = bias_factor(decay, count) if bias_correction else 1

        def step(g: Any, m: Any, v: Any) -> Any:
            variance = v / like(size, v) - abs_sq(m / like(size, m))
            return g / divisor(variance, eps, eps_in_sqrt)

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, cast_like(mu, state.mu), cast_like(nu, state.nu))

    return in_float32(GradientTransformation(init, update))


def _adam_state(params: Tree) -> Tree:
    return ScaleByAdamState(zero_count(), full_like(params), real_like(params))
