"""The phase of complex vectors, which LAPACK fixes: one element of each is real."""

from typing import Any

import numpy as np

from ...core.avals import shape_of
from .. import compare, elementwise as ew
from .matrices import sum_along


def turning(v: Any, moved: Any, row: int) -> Any:
    """i times the angle by which each column turns, such that the given row stays real."""
    here, inverse = _row(v, row)
    return 1j * (ew.imag(sum_along(ew.where(here, moved, 0), -2)) * inverse)[..., None, :]


def turning_ct(v: Any, along: Any, row: int) -> Any:
    """The transpose of ``turning``: the cotangent of vectors, given that of the angle."""
    here, inverse = _row(v, row)
    return ew.where(here, (-1j * (ew.imag(along) * inverse))[..., None, :], 0)


def _row(v: Any, row: int) -> tuple[Any, Any]:
    """A mask of the row, and the inverses of its elements; 0 where an element is 0."""
    m = shape_of(v)[-2]
    here = (np.arange(m) == row % max(m, 1))[:, None]
    x = ew.real(sum_along(ew.where(here, v, 0), -2))
    zero = compare.eq(x, 0)
    return here, ew.where(zero, 0, 1 / ew.where(zero, 1, x))
