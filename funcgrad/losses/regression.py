"""Losses of numbers: differences and their sizes."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..ops.losses import log_cosh_p
from ..ops.operand import half_in_single
from ..ops.reduce import axes_of, norm_p
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import expand_dims
from .shared import difference, floating, pair, reduced, same_shape


@half_in_single
def mse(
    predictions: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Return the mean of the squared differences.

    Args:
        predictions: array, any shape.
        targets: array of the same shape.
        reduction: "mean", "sum", or "none" for one number an element.
        weights: numbers that broadcast to the losses; the mean is divided by their sum.
        where: a mask that broadcasts to the losses; what is False does not count, nan neither.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(mse(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    2.0
    """
    x, y = pair("mse", predictions, targets, where)
    return reduced("mse", np.square(x - y), reduction, weights, where)


@half_in_single
def l1(
    predictions: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Return the mean of the absolute differences, whose derivative where equal is 0.

    Arguments and errors are those of :func:`mse`.

    >>> float(l1(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    1.0
    """
    x, y = pair("l1", predictions, targets, where)
    return reduced("l1", np.abs(x - y), reduction, weights, where)


@half_in_single
def huber(
    predictions: Any,
    targets: Any,
    delta: float = 1.0,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Return the mean of d²/2 where the difference d is at most delta, linear above.

    PyTorch's ``smooth_l1_loss(beta)`` is this divided by ``delta=beta``.

    Args:
        predictions: array, any shape.
        targets: array of the same shape.
        delta: positive; above it the loss is delta (|d| - delta/2).
        reduction, weights, where: see :func:`mse`.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(huber(np.array([0.5, 3.0]), np.zeros(2), reduction="sum"))
    2.625
    """
    x, y = pair("huber", predictions, targets, where)
    return reduced("huber", huber_loss(x, y, delta), reduction, weights, where)


# one number an element, by optax's names


@half_in_single
def squared_error(predictions: Any, targets: Any = None) -> Any:
    """Return (predictions - targets)², targets being 0 unless given.

    >>> print(squared_error(np.array([1.0, 3.0]), np.ones(2)))
    [0. 4.]
    """
    return np.square(difference("squared_error", predictions, targets))


@half_in_single
def l2_loss(predictions: Any, targets: Any = None) -> Any:
    """Return half the squared error.

    >>> print(l2_loss(np.array([1.0, 3.0]), np.ones(2)))
    [0. 2.]
    """
    return 0.5 * np.square(difference("l2_loss", predictions, targets))


@half_in_single
def absolute_error(predictions: Any, targets: Any = None) -> Any:
    """Return |predictions - targets|, targets being 0 unless given.

    >>> print(absolute_error(np.array([1.0, 3.0]), np.ones(2)))
    [0. 2.]
    """
    return np.abs(difference("absolute_error", predictions, targets))


@half_in_single
def huber_loss(predictions: Any, targets: Any = None, delta: float = 1.0) -> Any:
    """Return d²/2 where the difference d is at most delta, and delta (|d| - delta/2) above.

    Source: Huber 1964, "Robust estimation of a location parameter".

    >>> print(huber_loss(np.array([0.5, 3.0])))
    [0.125 2.5  ]
    """
    size = np.abs(difference("huber_loss", predictions, targets))
    near = 0.5 * np.square(np.minimum(size, delta))
    return np.where(size < delta, near, delta * (size - 0.5 * delta))


@half_in_single
def log_cosh(predictions: Any, targets: Any = None) -> Any:
    """Return log(cosh(d)) of the difference d: d²/2 near 0, |d| - log 2 far from it.

    >>> print(log_cosh(np.array([0.0, 1000.0])).round(3))
    [  0.    999.307]
    """
    return log_cosh_p(difference("log_cosh", predictions, targets))


@half_in_single
def cosine_similarity(
    predictions: Any,
    targets: Any,
    *,
    epsilon: float = 0.0,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
) -> Any:
    """Return the cosine of the angle between vectors, 0 where one of them is 0.

    Args:
        predictions: vectors along ``axis``.
        targets: as many, of the same shape or one that broadcasts.
        epsilon: the least square of a norm.
        axis: the axis or axes of the numbers of a vector.
        where: a mask of the numbers that count.

    >>> print(cosine_similarity(np.array([[1.0, 0.0], [0.0, 0.0]]), np.ones((2, 2))).round(4))
    [0.7071 0.    ]
    """
    who = "cosine_similarity"
    x, y = floating(who, "predictions", predictions), floating(who, "targets", targets)
    if where is not None:
        x, y = np.where(where, x, 0), np.where(where, y, 0)
    x, y = np.broadcast_arrays(x, y)  # before norms are taken: 1 may stand for a whole axis
    cosine = np.sum(_unit(x, axis, epsilon) * _unit(y, axis, epsilon), axis=axis)
    if dtype_of(cosine).kind == "c":
        return cosine
    # rounding may leave [-1, 1], where arccos is nan; the derivative stays
    return cosine - stop_gradient(cosine - np.clip(cosine, -1, 1))


@half_in_single
def cosine_distance(
    predictions: Any,
    targets: Any,
    *,
    epsilon: float = 0.0,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    reduction: str = "none",
) -> Any:
    """Return 1 - the cosine of the angle between vectors; see :func:`cosine_similarity`.

    Args:
        predictions, targets, epsilon, axis, where: see :func:`cosine_similarity`; the shapes
            must agree.
        reduction: "none" for one number a vector, "mean", or "sum".

    >>> print(cosine_distance(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])))
    [1.]
    """
    who = "cosine_distance"
    same_shape(who, predictions, targets, "predictions", "targets")
    similar = cosine_similarity(predictions, targets, epsilon=epsilon, axis=axis, where=where)
    return reduced(who, 1 - similar, reduction)


def _unit(x: Any, axis: Any, epsilon: float) -> Any:
    """Return vectors of norm 1, and 0 for 0, whose derivative is 0."""
    axes = axes_of(axis, len(shape_of(x)))
    size = np.abs(x) if dtype_of(x).kind == "c" else x
    size = expand_dims(norm_p(size, axes=axes, dtype=dtype_of(size)), axes)
    none = size == 0
    return np.where(none, 0, x / np.maximum(np.where(none, 1, size), epsilon**0.5))
