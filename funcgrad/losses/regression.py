"""Regression: losses of differences and of angles."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.lazy import answering
from ..ops.losses import log_cosh_p
from ..ops.operand import half_in_single
from ..ops.reduce import axes_of, norm_p
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import expand_dims
from .shared import difference, floating, pair, reduced, same_shape


@half_in_single
@answering
def mse(
    predictions: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean squared error.

    Args:
        predictions: array, any shape.
        targets: array of the same shape.
        reduction: "mean", "sum", or "none" for one value per element.
        weights: array that broadcasts to the losses; the mean is divided by its sum.
        where: a mask that broadcasts to the losses; elements where it is False are left out, also
            nan.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(mse(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    2.0
    """
    x, y = pair("mse", predictions, targets, where)
    return reduced("mse", np.square(x - y), reduction, weights, where)


@half_in_single
@answering
def l1(
    predictions: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean absolute error, whose derivative at 0 is 0.

    Arguments and errors are those of :func:`mse`.

    >>> float(l1(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    1.0
    """
    x, y = pair("l1", predictions, targets, where)
    return reduced("l1", np.abs(x - y), reduction, weights, where)


@half_in_single
@answering
def huber(
    predictions: Any,
    targets: Any,
    delta: float = 1.0,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean of d²/2 for differences d up to delta, and of delta (|d| - delta/2) above.

    PyTorch's ``smooth_l1_loss(beta)`` is this divided by ``delta=beta``.

    Args:
        predictions: array, any shape.
        targets: array of the same shape.
        delta: positive, the difference from which the loss is linear.
        reduction, weights, where: see :func:`mse`.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(huber(np.array([0.5, 3.0]), np.zeros(2), reduction="sum"))
    2.625
    """
    x, y = pair("huber", predictions, targets, where)
    return reduced("huber", huber_loss(x, y, delta), reduction, weights, where)


# one value per element, by optax's names


@half_in_single
@answering
def squared_error(predictions: Any, targets: Any = None) -> Any:
    """(predictions - targets)²; the targets are 0 unless given.

    >>> print(squared_error(np.array([1.0, 3.0]), np.ones(2)))
    [0. 4.]
    """
    return np.square(difference("squared_error", predictions, targets))


@half_in_single
@answering
def l2_loss(predictions: Any, targets: Any = None) -> Any:
    """(predictions - targets)² / 2; the targets are 0 unless given.

    >>> print(l2_loss(np.array([1.0, 3.0]), np.ones(2)))
    [0. 2.]
    """
    return 0.5 * np.square(difference("l2_loss", predictions, targets))


@half_in_single
@answering
def absolute_error(predictions: Any, targets: Any = None) -> Any:
    """|predictions - targets|; the targets are 0 unless given.

    >>> print(absolute_error(np.array([1.0, 3.0]), np.ones(2)))
    [0. 2.]
    """
    return np.abs(difference("absolute_error", predictions, targets))


@half_in_single
@answering
def huber_loss(predictions: Any, targets: Any = None, delta: float = 1.0) -> Any:
    """d²/2 for differences d up to delta, and delta (|d| - delta/2) above.

    Source: Huber 1964, "Robust estimation of a location parameter".

    >>> print(huber_loss(np.array([0.5, 3.0])))
    [0.125 2.5  ]
    """
    if type(delta) in (int, float) and delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive: got {delta}")
    size = np.abs(difference("huber_loss", predictions, targets))
    near = 0.5 * np.square(np.minimum(size, delta))
    return np.where(size < delta, near, delta * (size - 0.5 * delta))


@half_in_single
@answering
def log_cosh(predictions: Any, targets: Any = None) -> Any:
    """log(cosh(d)) of the difference d: d²/2 near 0, |d| - log 2 far from it.

    >>> print(log_cosh(np.array([0.0, 1000.0])).round(3))
    [  0.    999.307]
    """
    return log_cosh_p(difference("log_cosh", predictions, targets))


@half_in_single
@answering
def cosine_similarity(
    predictions: Any,
    targets: Any,
    *,
    epsilon: float = 0.0,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
) -> Any:
    """Cosine of the angle between vectors; 0 where one of them is 0.

    Args:
        predictions: vectors along ``axis``.
        targets: vectors of the same shape, or of one that broadcasts.
        epsilon: the least value of a squared norm.
        axis: the axis or axes of the vectors.
        where: a mask of the elements; those where it is False are left out.

    >>> print(cosine_similarity(np.array([[1.0, 0.0], [0.0, 0.0]]), np.ones((2, 2))).round(4))
    [0.7071 0.    ]
    """
    who = "cosine_similarity"
    x, y = floating(who, "predictions", predictions), floating(who, "targets", targets)
    if where is not None:
        x, y = np.where(where, x, 0), np.where(where, y, 0)
    x, y = np.broadcast_arrays(x, y)  # before the norms, which run over the whole axis
    cosine = np.sum(_unit(x, axis, epsilon) * _unit(y, axis, epsilon), axis=axis)
    if dtype_of(cosine).kind == "c":
        return cosine
    # rounding may leave [-1, 1], where arccos is nan; the derivative stays
    return cosine - stop_gradient(cosine - np.clip(cosine, -1, 1))


@half_in_single
@answering
def cosine_distance(
    predictions: Any,
    targets: Any,
    *,
    epsilon: float = 0.0,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    reduction: str = "none",
) -> Any:
    """1 - the cosine of the angle between vectors; see :func:`cosine_similarity`.

    Args:
        predictions, targets, epsilon, axis, where: see :func:`cosine_similarity`; the shapes
            must agree.
        reduction: "none" for one value per vector, "mean", or "sum".

    >>> print(cosine_distance(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])))
    [1.]
    """
    who = "cosine_distance"
    same_shape(who, predictions, targets, "predictions", "targets")
    similar = cosine_similarity(predictions, targets, epsilon=epsilon, axis=axis, where=where)
    return reduced(who, 1 - similar, reduction)


def _unit(x: Any, axis: Any, epsilon: float) -> Any:
    """Vectors scaled to norm 1; a zero vector stays, with derivative 0."""
    axes = axes_of(axis, len(shape_of(x)))
    size = np.abs(x) if dtype_of(x).kind == "c" else x
    size = expand_dims(norm_p(size, axes=axes, dtype=dtype_of(size)), axes)
    none = size == 0
    return np.where(none, 0, x / np.maximum(np.where(none, 1, size), epsilon**0.5))
