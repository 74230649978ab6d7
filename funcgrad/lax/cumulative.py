"""Cumulative sums, products, maxima and minima along an axis, with JAX's arguments."""

from typing import Any

import numpy as np

from ..core.lazy import answering
from ..numpy.cumulative import cummax as running_max, cummin as running_min
from ..ops.operand import operand as as_operand


@answering
def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Cumulative sum along an axis, from its end if ``reverse``.

    >>> cumsum(np.array([1.0, 2.0, 3.0]), reverse=True)
    array([6., 5., 3.])
    """
    return _cumulative(lambda x: np.cumsum(x, axis=axis), operand, axis, reverse)


@answering
def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Cumulative product along an axis, from its end if ``reverse``.

    >>> cumprod(np.array([1.0, 2.0, 3.0]))
    array([1., 2., 6.])
    """
    return _cumulative(lambda x: np.cumprod(x, axis=axis), operand, axis, reverse)


@answering
def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Cumulative maximum along an axis, from its end if ``reverse``.

    >>> cummax(np.array([1.0, 3.0, 2.0]))
    array([1., 3., 3.])
    """
    return _cumulative(lambda x: running_max(x, axis), operand, axis, reverse)


@answering
def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Cumulative minimum along an axis, from its end if ``reverse``.

    >>> cummin(np.array([1.0, 3.0, 2.0]), reverse=True)
    array([1., 2., 2.])
    """
    return _cumulative(lambda x: running_min(x, axis), operand, axis, reverse)


@answering
def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Cumulative log(sum(exp(x))) along an axis, from its end if ``reverse``.

    >>> cumlogsumexp(np.array([1000.0, 1000.0])).round(4)
    array([1000.    , 1000.6931])
    """
    return _cumulative(lambda x: np.logaddexp.accumulate(x, axis=axis), operand, axis, reverse)


def _cumulative(f: Any, x: Any, axis: int, reverse: bool) -> Any:
    x = as_operand(x)
    return np.flip(f(np.flip(x, axis)), axis) if reverse else f(x)
