"""Atoms that keep updates within bounds."""

from typing import Any

import numpy as np

from .base import (
    GradientTransformation,
    Tree,
    check_number,
    global_norm,
    like,
    map_floating,
    stateless,
)


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


def clip_by_global_norm(max_norm: Any) -> GradientTransformation:
    """Scale all updates down together where their norm exceeds ``max_norm``.

    Source: Pascanu et al. 2013, Algorithm 1 (arXiv:1211.5063).

    >>> print(clip_by_global_norm(1.0).update(np.array([3.0, 4.0]), ())[0])
    [0.6 0.8]
    """
    check_number("clip_by_global_norm", "max_norm", max_norm)

    def update(updates: Tree, params: Tree | None) -> Tree:
        norm = global_norm(updates)
        small = norm < max_norm
        divisor = np.where(small, max_norm, norm)  # so that a norm of 0 divides nothing
        return map_floating(lambda g: g * like(max_norm / divisor, g), updates)

    return stateless(update)
