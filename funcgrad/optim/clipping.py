"""Transformations that keep updates within bounds, and finite."""

import builtins
from typing import Any, NamedTuple

import numpy as np

from ..control.conditionals import cond
from ..core import tree
from ..core.lazy import answering
from ..core.outline import outlined
from ..core.parameters import check_initialized
from .base import (
    EmptyState,
    GradientTransformation,
    GradientTransformationExtraArgs,
    Optimizer,
    checked,
    in_float32,
    leafwise,
    stateless,
)
from .checks import check_not_negative, check_number
from .numerics import (
    Tree,
    is_floating,
    like,
    map_floating,
    map_state,
    next_count,
    norm,
    root_mean_square,
    tree_norm,
    zero_count,
)


@outlined
class ZeroNansState(NamedTuple):
    """For each array of the last updates, whether it held a nan."""

    found_nan: Tree


@outlined
class ApplyIfFiniteState(NamedTuple):
    """Counts of refused updates, in a row and in all, and whether the last was finite."""

    notfinite_count: Any
    last_finite: Any
    total_notfinite: Any
    inner_state: Tree


@answering
def clip(max_delta: Any) -> GradientTransformation[EmptyState]:
    """Clip each element of the updates to [-max_delta, max_delta].

    >>> print(clip(1.0).update(np.array([-3.0, 0.5]), ())[0])
    [-1.   0.5]
    """
    check_number("clip", "max_delta", max_delta)
    check_not_negative("clip", max_delta=max_delta)
    return leafwise(lambda g: np.clip(g, like(-max_delta, g), like(max_delta, g)))


@answering
def clip_by_block_rms(threshold: Any) -> GradientTransformation[EmptyState]:
    """Scale down each array whose root mean square exceeds ``threshold``.

    Source: Shazeer & Stern 2018, section 6 (arXiv:1804.04235).

    >>> print(clip_by_block_rms(1.0).update(np.array([4.0, 4.0]), ())[0])
    [1. 1.]
    """
    check_number("clip_by_block_rms", "threshold", threshold)
    check_not_negative("clip_by_block_rms", threshold=threshold)

    return in_float32(leafwise(lambda g: g * like(_factor(root_mean_square(g), threshold), g)))


@answering
def clip_by_global_norm(max_norm: Any) -> GradientTransformation[EmptyState]:
    """Scale down all updates by one factor if their joint norm exceeds ``max_norm``.

    Source: Pascanu et al. 2013, Algorithm 1 (arXiv:1211.5063).

    >>> print(clip_by_global_norm(1.0).update(np.array([3.0, 4.0]), ())[0])
    [0.6 0.8]
    """
    check_number("clip_by_global_norm", "max_norm", max_norm)
    check_not_negative("clip_by_global_norm", max_norm=max_norm)

    def update(updates: Tree, params: Tree | None) -> Tree:
        factor = _factor(tree_norm(updates), max_norm)
        return map_floating(lambda g: g * like(factor, g), updates)

    return in_float32(stateless(update))


@answering
def adaptive_grad_clip(
    clipping: Any, eps: Any = 1e-3, axis: int | tuple[int, ...] | None = None
) -> GradientTransformation[EmptyState]:
    """Scale down the gradient of each unit if norm(gradient) / norm(parameters) is too large.

    Args:
        clipping: the largest ratio of the two norms.
        eps: the least norm of the parameters.
        axis: the axes of the norms; unless given, all for vectors, and all but the last for the
            weights of dense layers and convolutions.

    Raises, in ``update``:
        ValueError: if it is called without the parameters.

    Source: Brock et al. 2021, equation 3 (arXiv:2102.06171).

    >>> opt = adaptive_grad_clip(0.1)
    >>> print(opt.update(np.array([3.0, 4.0]), (), np.array([0.0, 10.0]))[0])
    [0.6 0.8]
    """
    check_number("adaptive_grad_clip", "clipping", clipping)
    check_not_negative("adaptive_grad_clip", clipping=clipping)

    def size(x: Any) -> Any:
        axes = axis
        if axes is None:
            vector = builtins.sum(n > 1 for n in np.shape(x)) <= 1
            axes = None if vector else tuple(range(max(np.ndim(x) - 1, 1)))
        axes = (0,) if axis is None and np.ndim(x) == 3 else axes
        return norm(x, axes, keepdims=True)

    def step(g: Any, p: Any) -> Any:
        most = clipping * np.maximum(size(p), eps)
        return g * like(_factor(np.maximum(size(g), 1e-6), most), g)

    return in_float32(leafwise(step, "adaptive_grad_clip"))


def _factor(size: Any, most: Any) -> Any:
    """min(1, most / size), and 1 where both are 0."""
    fits = size <= most
    return np.where(fits, 1, most / np.where(fits, 1, size))


@answering
def zero_nans() -> GradientTransformation[ZeroNansState]:
    """Replace each nan of the updates by 0; the state says which arrays held one.

    >>> print(zero_nans().update(np.array([np.nan, 1.0]), ())[0])
    [0. 1.]
    """

    def found(x: Any) -> Any:
        return np.any(np.isnan(x))

    def update(updates: Tree, state: ZeroNansState, params: Tree | None = None) -> Any:
        cleaned = map_floating(lambda g: np.where(np.isnan(g), 0, g), updates)
        return cleaned, ZeroNansState(map_state(found, updates))

    def init(params: Tree) -> ZeroNansState:
        check_initialized(params)
        return ZeroNansState(map_state(lambda p: np.False_, params))

    return GradientTransformation(init, update)


@answering
def apply_if_finite(
    inner: Optimizer[Any], max_consecutive_errors: int
) -> GradientTransformationExtraArgs[ApplyIfFiniteState]:
    """Refuse updates that hold nan or infinity: they become 0, and the state stays.

    Args:
        inner: the transformation of finite updates.
        max_consecutive_errors: the largest count of refusals in a row; the next update passes.

    >>> from funcgrad import optim
    >>> opt = apply_if_finite(optim.sgd(0.1), 3)
    >>> updates, state = opt.update(np.array([np.inf, 1.0]), opt.init(np.zeros(2)))
    >>> print(updates, state.total_notfinite)
    [0. 0.] 1
    """
    apply = checked("apply_if_finite", inner)

    def init(params: Tree) -> ApplyIfFiniteState:
        return ApplyIfFiniteState(zero_count(), np.array(True), zero_count(), apply.init(params))

    def update(
        updates: Tree, state: ApplyIfFiniteState, params: Tree | None = None, **extra: Any
    ) -> tuple[Tree, ApplyIfFiniteState]:
        finite = np.array(True)
        for g in tree.leaves(updates):
            finite = finite & np.all(np.isfinite(g)) if is_floating(g) else finite
        refused = np.where(finite, 0, next_count(state.notfinite_count))
        total = np.where(finite, state.total_notfinite, next_count(state.total_notfinite))
        new, inner_state = cond(
            finite | (refused > max_consecutive_errors),
            lambda: apply.update(updates, state.inner_state, params, **extra),
            lambda: (map_floating(np.zeros_like, updates), state.inner_state),
        )
        return new, ApplyIfFiniteState(refused, finite, total, inner_state)

    return GradientTransformationExtraArgs(init, update)
