"""Transformations that act after several steps: accumulated gradients, and slow parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..control.conditionals import cond
from ..core import tree
from ..core.avals import dtype_of
from ..core.integers import whole
from ..ops.structure import cast, widened
from .base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Tree,
    check_state,
    checked,
    filled,
    kept,
    like,
    map_floating,
    next_count,
    remember,
    with_extra_args_support,
    zero_count,
)


class MultiStepsState(NamedTuple):
    """The gradients accumulated, how many, and how many updates there have been."""

    mini_step: Any
    gradient_step: Any
    inner_opt_state: Tree
    acc_grads: Tree


class LookaheadParams(NamedTuple):
    """The parameters that are stepped, and those that follow them slowly."""

    fast: Tree
    slow: Tree

    @classmethod
    def init_synced(cls, params: Tree) -> "LookaheadParams":
        """Return the parameters as fast and slow ones."""
        return cls(params, params)


class LookaheadState(NamedTuple):
    """The state of the fast optimizer, and the steps since the two were made equal."""

    fast_state: Tree
    steps_since_sync: Any


class MultiSteps:
    """An optimizer that steps once every k gradients, along their mean.

    Between, its updates are zeros, and the state of the inner optimizer stays.

    Args:
        opt: the inner optimizer.
        every_k_schedule: k, or a schedule ``count of updates so far -> k``.
        use_grad_mean: whether to step along the mean, or the sum.
        accumulator_dtype: the dtype in which it is kept; unless given the parameters', but
            float32 for float16.

    Raises:
        ValueError: if k is a number below 1.

    >>> from funcgrad import optim
    >>> opt = MultiSteps(optim.sgd(1.0), 2)
    >>> state = opt.init(np.zeros(1))
    >>> for g in (np.array([1.0]), np.array([3.0])):
    ...     updates, state = opt.update(g, state)
    >>> print(updates, opt.has_updated(state))
    [-2.] True
    """

    def __init__(
        self,
        opt: GradientTransformation,
        every_k_schedule: int | Callable[[Any], Any],
        use_grad_mean: bool = True,
        accumulator_dtype: Any = None,
    ) -> None:
        every_k_schedule = whole(every_k_schedule)
        if not callable(every_k_schedule) and not every_k_schedule >= 1:
            raise ValueError(f"MultiSteps: k must be at least 1: got {every_k_schedule}")
        self._opt = with_extra_args_support(checked("MultiSteps", opt))
        self._k, self._mean, self._dtype = every_k_schedule, use_grad_mean, accumulator_dtype

    def init(self, params: Tree) -> MultiStepsState:
        """Return the state before the first gradient."""
        acc = filled(map_floating(widened, params), dtype=self._dtype)
        return MultiStepsState(zero_count(), zero_count(), self._opt.init(params), acc)

    def update(
        self, updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        """Return zeros, or at the k-th gradient the inner optimizer's updates, and the state."""
        check_state("MultiSteps", state, MultiStepsState, updates, "acc_grads", params)
        k = self._k(state.gradient_step) if callable(self._k) else self._k
        n = cast(state.mini_step + 1, np.float64)
        mean = lambda g, a: a + (widened(g) - a) / like(n, a)
        add = mean if self._mean else lambda g, a: a + widened(g)
        acc = kept(remember(add, updates, state.acc_grads), state.acc_grads)
        as_given = map_floating(lambda g, a: cast(a, dtype_of(widened(g))), updates, acc)
        inner = state.inner_opt_state

        def step() -> Any:
            new, after = self._opt.update(as_given, inner, params, **extra)
            zeros = tree.map(np.zeros_like, acc)
            new = map_floating(lambda u, g: cast(u, dtype_of(g)), new, updates)
            return new, kept(after, inner), zeros, zero_count(), next_count(state.gradient_step)

        def wait() -> Any:
            zeros = map_floating(np.zeros_like, updates)
            return zeros, inner, acc, next_count(state.mini_step), state.gradient_step

        new, inner, acc, mini, count = cond(state.mini_step + 1 >= k, step, wait)
        return new, MultiStepsState(mini, count, inner, acc)

    def has_updated(self, state: MultiStepsState) -> Any:
        """Return whether the last call stepped."""
        return (state.mini_step == 0) & (state.gradient_step > 0)

    def gradient_transformation(self) -> GradientTransformationExtraArgs:
        """Return the pair of functions, as :func:`chain` takes it."""
        return GradientTransformationExtraArgs(self.init, self.update)


def lookahead(
    fast_optimizer: GradientTransformation,
    sync_period: int,
    slow_step_size: Any,
    reset_state: bool = False,
) -> GradientTransformationExtraArgs:
    """Let slow parameters follow fast ones, which start again from them every few steps.

    The parameters and updates are pairs, :class:`LookaheadParams`.

    Args:
        fast_optimizer: steps the fast parameters.
        sync_period: after how many steps the two are made equal.
        slow_step_size: how far, in (0, 1], the slow ones then go towards the fast ones.
        reset_state: whether the fast optimizer then starts anew.

    Raises:
        ValueError: if ``sync_period`` is below 1.

    Source: Zhang et al. 2019, Algorithm 1 (arXiv:1907.08610).

    >>> from funcgrad import optim
    >>> opt = lookahead(optim.sgd(1.0), sync_period=1, slow_step_size=0.5)
    >>> params = LookaheadParams.init_synced(np.zeros(1))
    >>> updates, state = opt.update(np.ones(1), opt.init(params), params)
    >>> print(optim.apply_updates(params, updates).slow)
    [-0.5]
    """
    if not sync_period >= 1:
        raise ValueError(f"lookahead: sync_period must be at least 1: got {sync_period}")
    fast_optimizer = with_extra_args_support(checked("lookahead", fast_optimizer))

    def init(params: Tree) -> Tree:
        return LookaheadState(fast_optimizer.init(_pair(params).fast), zero_count())

    def update(
        updates: Tree, state: Tree, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, Tree]:
        fast, slow = _pair(params)
        updates, inner = fast_optimizer.update(updates, state.fast_state, fast, **extra)
        ahead = map_floating(lambda u, f, s: f + u - s, updates, fast, slow)

        def sync() -> Any:
            rate = slow_step_size
            to_fast = map_floating(lambda u, d: u - like(1 - rate, d) * d, updates, ahead)
            to_slow = map_floating(lambda d: like(rate, d) * d, ahead)
            after = kept(fast_optimizer.init(fast), inner) if reset_state else inner
            return LookaheadParams(to_fast, to_slow), after

        def wait() -> Any:
            return LookaheadParams(updates, map_floating(np.zeros_like, updates)), inner

        count = (state.steps_since_sync + 1) % sync_period
        new, inner = cond(count == 0, sync, wait)
        return new, LookaheadState(inner, count)

    return GradientTransformationExtraArgs(init, update)


def _pair(params: Any) -> LookaheadParams:
    if not isinstance(params, LookaheadParams):
        raise TypeError(
            f"lookahead: the parameters must be LookaheadParams: got {type(params).__name__}; "
            f"write LookaheadParams.init_synced(params)"
        )
    return params


def incremental_update(new_tensors: Tree, old_tensors: Tree, step_size: Any) -> Tree:
    """Return old parameters, moved a part of the way to new ones: step new + (1 - step) old.

    It is how averages of parameters (Polyak averaging, target networks) are kept.

    >>> incremental_update({"w": 1.0}, {"w": 0.0}, 0.25)
    {'w': 0.25}
    """
    return map_floating(
        lambda new, old: like(step_size, new) * new + like(1 - step_size, old) * old,
        new_tensors,
        old_tensors,
    )
