"""Inverses of matrices; nan for matrices that are singular up to rounding."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.frames import warn
from .. import compare, elementwise as ew
from ..reduce import all_p
from ..structure import sum_p
from .degenerate import CURES
from .matrices import eps


def nan_if_singular(x: Any, y: Any) -> Any:
    """The inverses y of x; nan where x is singular up to rounding."""
    n, rank = shape_of(x)[-1], len(shape_of(x))
    length = ew.sqrt(sum_p(ew.square(ew.abs(x)), axes=(rank - 2,)))
    scaled = ew.abs(y) * length[..., :, None]
    condition = math.sqrt(n) * ew.sqrt(sum_p(ew.square(scaled), axes=(rank - 2, rank - 1)))
    regular = compare.lt(condition, 1 / (32 * max(n, 1) * eps(y)))
    whole = all_p(compare.isfinite(x), axes=(rank - 2, rank - 1))
    bad = compare.logical_and(compare.logical_not(regular), whole)
    return ew.where(bad[..., None, None], np.nan, y)


def inverse_or_nan(who: str | None = None) -> Callable[[Any], Any]:
    """A function that inverts matrices; for singular ones it gives nan, and may warn.

    A matrix is singular up to rounding if its condition number, with columns scaled to length 1, is
    over 1 / (32 n eps). The scale of columns has no effect on the accuracy of an inverse.
    """

    def inverted(x: Any) -> Any:
        try:
            y = np.linalg.inv(x)
        except np.linalg.LinAlgError:
            y = _each_inverse(x)
        n = x.shape[-1]
        limit = 1 / (32 * max(n, 1) * float(np.finfo(y.dtype).eps))
        bound = n * n * np.abs(x).max(initial=0) * np.abs(y).max(initial=0)
        if bound < limit:  # the usual case: the bound is over all condition numbers
            return y
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = y * np.linalg.norm(x, axis=-2)[..., :, None]
            condition = math.sqrt(n) * np.linalg.norm(scaled, axis=(-2, -1))
        bad = ~(condition < limit) & np.isfinite(x).all(axis=(-2, -1))
        if bad.any():
            if who is not None:
                warn(CURES[who], RuntimeWarning)
            y[bad] = np.nan
        return y

    return inverted


def _each_inverse(x: Any) -> Any:
    """The inverse of each matrix of a stack; nan for singular ones."""
    flat = x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    return np.stack([_inverse_or_nan(one) for one in flat]).reshape(x.shape)


def _inverse_or_nan(x: Any) -> Any:
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return np.full_like(x, np.nan, np.result_type(x, np.float32))
