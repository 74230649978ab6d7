"""Atoms that keep updates within bounds."""

import builtins
from typing import Any, NamedTuple

import numpy as np

from ..core.parameters import check_initialized
from .base import GradientTransformation, check_number, in_float32, require_params, stateless
from .numerics import Tree, like, map_floating, map_state, norm, root_mean_square, tree_norm


class ZeroNansState(NamedTuple):
    """Which arrays of the last updates held a nan."""

    found_nan: Tree


def clip(max_delta: Any) -> GradientTransformation:
    """Keep each number of the updates within [-max_delta, max_delta].

    >>> print(clip(1.0).update(np.array([-3.0, 0.5]), ())[0])
    [-1.   0.5]
    """
    check_number("clip", "max_delta", max_delta)
    return stateless(
        lambda updates, params: map_floating(
            lambda g: np.clip(g, like(-max_delta, g), like(max_delta, g)), updates
        )
    )


def clip_by_block_rms(threshold: Any) -> GradientTransformation:
    """Scale each array down where the root of its mean square exceeds ``threshold``.

    Source: Shazeer & Stern 2018, section 6 (arXiv:1804.04235).

    >>> print(clip_by_block_rms(1.0).update(np.array([4.0, 4.0]), ())[0])
    [1. 1.]
    """
    check_number("clip_by_block_rms", "threshold", threshold)

    def step(g: Any) -> Any:
        return g * like(_clip_factor(root_mean_square(g), threshold), g)

    return in_float32(stateless(lambda updates, params: map_floating(step, updates)))


def clip_by_global_norm(max_norm: Any) -> GradientTransformation:
    """Scale all updates down together where their norm exceeds ``max_norm``.

    Source: Pascanu et al. 2013, Algorithm 1 (arXiv:1211.5063).

    >>> print(clip_by_global_norm(1.0).update(np.array([3.0, 4.0]), ())[0])
    [0.6 0.8]
    """
    check_number("clip_by_global_norm", "max_norm", max_norm)

    def update(updates: Tree, params: Tree | None) -> Tree:
        factor = _clip_factor(tree_norm(updates), max_norm)
        return map_floating(lambda g: g * like(factor, g), updates)

    return in_float32(stateless(update))


def adaptive_grad_clip(
    clipping: Any, eps: Any = 1e-3, axis: int | tuple[int, ...] | None = None
) -> GradientTransformation:
    """Scale the gradient of each unit down where its norm exceeds a part of the parameters'.

    Args:
        clipping: the largest ratio of the two norms.
        eps: the least norm that parameters are taken to have.
        axis: the axes over which norms are taken. Unless given, all for vectors, and all but
            the last for weights of dense layers and convolutions.

    Raises, in ``update``:
        ValueError: if it is called without the parameters.

    Source: Brock et al. 2021, equation 3 (arXiv:2102.06171).

    >>> opt = adaptive_grad_clip(0.1)
    >>> print(opt.update(np.array([3.0, 4.0]), (), np.array([0.0, 10.0]))[0])
    [0.6 0.8]
    """
    check_number("adaptive_grad_clip", "clipping", clipping)

    def size(x: Any) -> Any:
        axes = axis
        if axes is None:
            vector = builtins.sum(n > 1 for n in np.shape(x)) <= 1
            axes = None if vector else tuple(range(max(np.ndim(x) - 1, 1)))
        axes = (0,) if axis is None and np.ndim(x) == 3 else axes
        return norm(x, axes, keepdims=True)

    def step(g: Any, p: Any) -> Any:
        most = clipping * np.maximum(size(p), eps)
        return g * like(_clip_factor(np.maximum(size(g), 1e-6), most), g)

    return in_float32(
        stateless(
            lambda updates, params: map_floating(
                step, updates, require_params("adaptive_grad_clip", params)
            )
        )
    )


def _clip_factor(size: Any, most: Any) -> Any:
    """Return the factor that brings a size down to ``most``, 1 where it is not above."""
    fits = size <= most
    return np.where(fits, 1, most / np.where(fits, 1, size))


def zero_nans() -> GradientTransformation:
    """Replace each nan of the updates by 0; the state says which arrays held one.

    >>> print(zero_nans().update(np.array([np.nan, 1.0]), ())[0])
    [0. 1.]
    """

    def found(x: Any) -> Any:
        return np.any(np.isnan(x))

    def update(updates: Tree, state: Tree, params: Tree | None = None) -> tuple[Tree, Tree]:
        cleaned = map_floating(lambda g: np.where(np.isnan(g), 0, g), updates)
        return cleaned, ZeroNansState(map_state(found, updates))

    def init(params: Tree) -> Tree:
        check_initialized(params)
        return ZeroNansState(map_state(lambda p: np.False_, params))

    return GradientTransformation(init, update)
