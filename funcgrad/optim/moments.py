"""Running means of gradients and of their squares, from which adaptive atoms are made."""

from typing import Any

import numpy as np

from ..core.avals import PYTHON_SCALARS, dtype_of
from ..core.parameters import check_initialized
from ..ops.elementwise import root
from ..ops.structure import cast
from .base import Tree, like, remember


def squares_like(params: Tree, value: Any = 0.0) -> Tree:
    """Return where running means of squares start: real arrays like the parameters."""
    check_initialized(params)
    return remember(lambda p: np.full_like(np.real(p), value), params)


def means(updates: Tree, before: Tree, decay: Any) -> Tree:
    """Return the running means after one more update."""
    return remember(lambda g, m: mix(m, g, decay), updates, before)


def mean_squares(updates: Tree, before: Tree, decay: Any) -> Tree:
    """Return the running means of squares after one more update."""
    mixed = lambda g, v: like(decay, v) * v + weighted_square(g, 1 - decay)
    return remember(mixed, updates, before)


def weighted_square(x: Any, weight: Any) -> Any:
    """Return weight |x|², multiplied in the order that overflows last."""
    part = like(weight, x) * x
    return np.real(part * np.conj(x)) if dtype_of(x).kind == "c" else part * x


def corrected_root(v: Any, bias: Any, eps_root: Any) -> Any:
    """Return the root of v / bias + eps_root; v / bias may overflow where its root does not."""
    if type(eps_root) in PYTHON_SCALARS and eps_root == 0:
        return root(v) / like(np.sqrt(bias), v)
    return root(v / like(bias, v) + like(eps_root, v))


def mix(m: Any, x: Any, decay: Any) -> Any:
    """Return decay m + (1 - decay) x."""
    return like(decay, x) * m + like(1 - decay, x) * x


def bias(decay: Any, count: Any) -> Any:
    """Return 1 - decay**count, by which a running mean that started at 0 is too small."""
    return 1 - decay ** cast(count, np.float64)


def divisor(v: Any, eps: Any, eps_in_sqrt: bool) -> Any:
    """Return the root of v, kept from 0 by eps under it or beside it."""
    return np.sqrt(v + like(eps, v)) if eps_in_sqrt else root(v) + like(eps, v)
