"""Atoms that give each number a step size of its own, from running means of its gradients."""

from typing import Any, NamedTuple

import numpy as np

from ..ops.elementwise import root
from ..ops.structure import cast
from .base import (
    GradientTransformation,
    Tree,
    abs_square,
    check_decay,
    check_state,
    filled,
    kept,
    like,
    map_floating,
    next_count,
    remember,
    zero_count,
)


class ScaleByAdamState(NamedTuple):
    """The count of updates and the running means of gradients and of their squares."""

    count: Any
    mu: Tree
    nu: Tree


class ScaleByRmsState(NamedTuple):
    """The count of updates and the running mean of squared gradients."""

    count: Any
    nu: Tree


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
        mu_dtype: the dtype in which m is kept, the parameters' unless given.
        nesterov: whether m looks one step ahead (Dozat 2016).

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980).

    >>> opt = scale_by_adam()
    >>> print(opt.update(np.array([0.3, -7.0]), opt.init(np.zeros(2)))[0].round(4))
    [ 1. -1.]
    """
    check_decay("scale_by_adam", b1=b1, b2=b2)

    def init(params: Tree) -> Tree:
        return ScaleByAdamState(zero_count(), filled(params, dtype=mu_dtype), _squares(params))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adam", state, ScaleByAdamState, updates, "mu")
        count = next_count(state.count)
        mu, nu = _means(updates, state.mu, b1), _mean_squares(updates, state.nu, b2)
        fresh, later, squares = _bias(b1, count), _bias(b1, next_count(count)), _bias(b2, count)

        def step(g: Any, m: Any, v: Any) -> Any:
            if nesterov:
                mean = _mix(m / like(later, m), g / like(fresh, g), b1)
            else:
                mean = m / like(fresh, m)
            return mean / (root(v / like(squares, v) + like(eps_root, v)) + like(eps, v))

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, kept(mu, state.mu), kept(nu, state.nu))

    return GradientTransformation(init, update)


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
        check_state("scale_by_rms", state, ScaleByRmsState, updates, "nu")
        count = next_count(state.count)
        nu = _mean_squares(updates, state.nu, decay)
        bias = _bias(decay, count) if bias_correction else 1
        updates = map_floating(
            lambda g, v: g / _divisor(v / like(bias, v), eps, eps_in_sqrt), updates, nu
        )
        return updates, ScaleByRmsState(count, kept(nu, state.nu))

    return GradientTransformation(
        lambda params: ScaleByRmsState(zero_count(), _squares(params, initial_scale)), update
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
        return ScaleByAdamState(zero_count(), filled(params), _squares(params, initial_scale))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        check_state("scale_by_stddev", state, ScaleByAdamState, updates, "mu")
        count = next_count(state.count)
        mu, nu = _means(updates, state.mu, decay), _mean_squares(updates, state.nu, decay)
        bias = _bias(decay, count) if bias_correction else 1

        def step(g: Any, m: Any, v: Any) -> Any:
            variance = v / like(bias, v) - abs_square(m / like(bias, m))
            return g / _divisor(variance, eps, eps_in_sqrt)

        updates = map_floating(step, updates, mu, nu)
        return updates, ScaleByAdamState(count, kept(mu, state.mu), kept(nu, state.nu))

    return GradientTransformation(init, update)


# what they share


def _squares(params: Tree, value: Any = 0.0) -> Tree:
    """Return where running means of squares start: real arrays like the parameters."""
    return remember(lambda p: np.full_like(np.real(p), value), params)


def _means(updates: Tree, means: Tree, decay: Any) -> Tree:
    return remember(lambda g, m: _mix(m, g, decay), updates, means)


def _mean_squares(updates: Tree, means: Tree, decay: Any) -> Tree:
    return remember(lambda g, v: _mix(v, abs_square(g), decay), updates, means)


def _mix(m: Any, x: Any, decay: Any) -> Any:
    """Return decay m + (1 - decay) x."""
    return like(decay, x) * m + like(1 - decay, x) * x


def _bias(decay: Any, count: Any) -> Any:
    """Return 1 - decay**count, by which a running mean that started at 0 is too small."""
    return 1 - decay ** cast(count, np.float64)


def _divisor(v: Any, eps: Any, eps_in_sqrt: bool) -> Any:
    return np.sqrt(v + like(eps, v)) if eps_in_sqrt else root(v) + like(eps, v)
