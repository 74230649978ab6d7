"""Lookahead: slow parameters that follow fast ones."""

from typing import Any, NamedTuple

import numpy as np

from ...control.conditionals import cond
from ..base import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_transformation,
    with_extra_args_support,
)
from ..numerics import Tree, cast_like, like, map_floating, zero_count


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
    fast_optimizer = with_extra_args_support(check_transformation("lookahead", fast_optimizer))

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
            after = cast_like(fast_optimizer.init(fast), inner) if reset_state else inner
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
