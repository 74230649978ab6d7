"""Lookahead: slow parameters that follow the average of fast ones."""

from typing import Any, NamedTuple

import numpy as np

from ...control.conditionals import cond
from ...core.lazy import answering
from ...core.outline import outlined
from ..base import GradientTransformationExtraArgs, Optimizer, checked
from ..numerics import Tree, cast_like, like, map_floating, zero_count


class LookaheadParams(NamedTuple):
    """The fast parameters, which the optimizer updates, and the slow ones."""

    fast: Tree
    slow: Tree

    @classmethod
    def init_synced(cls, params: Tree) -> "LookaheadParams":
        """The same parameters as fast and slow ones."""
        return cls(params, params)


@outlined
class LookaheadState(NamedTuple):
    """The state of the fast optimizer, and the count of updates since the last synchronization."""

    fast_state: Tree
    steps_since_sync: Any


@answering
def lookahead(
    fast_optimizer: Optimizer[Any],
    sync_period: int,
    slow_step_size: Any,
    reset_state: bool = False,
) -> GradientTransformationExtraArgs[LookaheadState]:
    """Every few updates, move slow parameters towards fast ones, and restart these from there.

    The parameters and updates are pairs, :class:`LookaheadParams`.

    Args:
        fast_optimizer: updates the fast parameters.
        sync_period: the number of its updates between synchronizations.
        slow_step_size: in (0, 1], the fraction of the way that the slow parameters move.
        reset_state: whether a synchronization resets the state of the fast optimizer.

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
    optimizer = checked("lookahead", fast_optimizer)

    def init(params: Tree) -> LookaheadState:
        return LookaheadState(optimizer.init(_pair(params).fast), zero_count())

    def update(
        updates: Tree, state: LookaheadState, params: Tree | None = None, **extra: Any
    ) -> tuple[Any, LookaheadState]:
        fast, slow = _pair(params)
        updates, inner = optimizer.update(updates, state.fast_state, fast, **extra)
        ahead = map_floating(lambda u, f, s: f + u - s, updates, fast, slow)

        def sync() -> Any:
            rate = slow_step_size
            to_fast = map_floating(lambda u, d: u - like(1 - rate, d) * d, updates, ahead)
            to_slow = map_floating(lambda d: like(rate, d) * d, ahead)
            after = cast_like(optimizer.init(fast), inner) if reset_state else inner
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
