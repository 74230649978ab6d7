"""Losses of two classes, from probabilities and from logits."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..core.lazy import answering
from ..core.trace import Tracer
from ..nn.functions import log_sigmoid
from ..ops.losses import binary_cross_entropy_p, sigmoid_binary_cross_entropy_p
from ..ops.operand import half_in_single, operand
from ..ops.structure import cast
from .shared import check_unit, pair, reduced


@half_in_single
@answering
def binary_cross_entropy(
    probabilities: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean of -y log p - (1 - y) log(1 - p), finite where p is 0 or 1.

    Logarithms are clamped at -100, and the derivative is (p - y) / max(p (1 - p), 1e-12), as in
    PyTorch. :func:`binary_cross_entropy_with_logits` is more accurate.

    Args:
        probabilities: array in [0, 1], any shape.
        targets: array of the same shape, in [0, 1].
        reduction, weights, where: see :func:`mse`.

    Raises:
        ShapeError: if the shapes differ.
        ValueError: if a probability, or a target that is a whole number, is outside [0, 1].

    >>> float(binary_cross_entropy(np.array([0.5, 1.0]), np.array([1.0, 1.0])).round(4))
    0.3466
    """
    who = "binary_cross_entropy"
    p, y = pair(who, probabilities, targets, where)
    check_unit(who, y)
    losses = binary_cross_entropy_p(p, y)
    return reduced(who, losses, reduction, weights, where)


@half_in_single
@answering
def binary_cross_entropy_with_logits(
    logits: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    pos_weight: Any = None,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean of -y log s(x) - (1 - y) log s(-x), where s is the sigmoid.

    Args:
        logits: array, any shape.
        targets: array of the same shape, in [0, 1].
        reduction, weights, where: see :func:`mse`.
        pos_weight: a factor of the first term, which broadcasts; above 1 it favours recall.

    Raises:
        ShapeError: if the shapes differ.
        ValueError: if targets are whole numbers, and not all of them 0 or 1.

    >>> float(binary_cross_entropy_with_logits(np.array([-1e4, 1e4]), np.array([1.0, 1.0])))
    5000.0
    """
    who = "binary_cross_entropy_with_logits"
    x, y = pair(who, logits, targets, where)
    check_unit(who, y)
    if pos_weight is None:
        losses = sigmoid_binary_cross_entropy_p(x, y)
    else:
        positive = cast(operand(pos_weight), dtype_of(x))
        losses = -positive * y * log_sigmoid(x) - (1 - y) * log_sigmoid(-x)
    return reduced(who, losses, reduction, weights, where)


@half_in_single
@answering
def hinge(
    predictions: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean of max(0, 1 - predictions targets), for targets -1 and 1.

    Arguments and errors are those of :func:`mse`.

    >>> float(hinge(np.array([0.5, 2.0]), np.array([-1, 1])))
    0.75
    """
    x, y = pair("hinge", predictions, targets, where)
    if where is None and not isinstance(y, Tracer) and np.any(y == 0):
        raise ValueError("hinge: targets must be -1 and 1: got 0; write 2 * targets - 1")
    return reduced("hinge", np.maximum(0, 1 - x * y), reduction, weights, where)


# one value per element, by optax's names


@half_in_single
@answering
def sigmoid_binary_cross_entropy(logits: Any, labels: Any) -> Any:
    """-y log s(x) - (1 - y) log s(-x) of each element, where s is the sigmoid.

    >>> print(sigmoid_binary_cross_entropy(np.array([0.0, 1e4]), np.array([1, 0])).round(4))
    [6.931e-01 1.000e+04]
    """
    return sigmoid_binary_cross_entropy_p(*pair("sigmoid_binary_cross_entropy", logits, labels))


@half_in_single
@answering
def sigmoid_focal_loss(
    logits: Any, labels: Any, *, alpha: float | None = None, gamma: float = 2.0
) -> Any:
    """(1 - q)**gamma times the cross-entropy, where q is the probability of the label.

    Args:
        logits: array, any shape.
        labels: array of the same shape, in [0, 1].
        alpha: in [0, 1], the weight of label 1 (that of label 0 is 1 - alpha), or None for 1.
        gamma: at least 0; a larger one reduces the weight of well classified examples.

    Source: Lin et al. 2017, equation 5 (arXiv:1708.02002).

    >>> print(sigmoid_focal_loss(np.array([0.0, 2.0]), np.array([1, 1])).round(4))
    [0.1733 0.0018]
    """
    x, y = pair("sigmoid_focal_loss", logits, labels)
    losses = sigmoid_binary_cross_entropy_p(x, y)
    # log(1 - q) = log(y s(-x) + (1 - y) s(x)), exact for labels 0 and 1 at any x
    yes, no = log_sigmoid(x), log_sigmoid(-x)
    top = np.maximum(yes, no)
    part = y * np.exp(no - top) + (1 - y) * np.exp(yes - top)
    wrong = top + np.log(np.maximum(part, float(np.finfo(dtype_of(x)).tiny)))
    losses = losses * np.exp(gamma * wrong)
    if isinstance(alpha, (int, float)) and not 0 <= alpha <= 1:
        raise ValueError(f"sigmoid_focal_loss: alpha must be in [0, 1]: got {alpha}")
    return losses if alpha is None else losses * (alpha * y + (1 - alpha) * (1 - y))


@half_in_single
@answering
def hinge_loss(predictor_outputs: Any, targets: Any) -> Any:
    """max(0, 1 - outputs targets) of each element, for targets -1 and 1.

    >>> print(hinge_loss(np.array([0.5, 2.0]), np.array([-1, 1])))
    [1.5 0. ]
    """
    x, y = pair("hinge_loss", predictor_outputs, targets)
    return np.maximum(0, 1 - x * y)


@half_in_single
@answering
def perceptron_loss(predictor_outputs: Any, targets: Any) -> Any:
    """max(0, -outputs targets) of each element, for targets -1 and 1.

    >>> print(perceptron_loss(np.array([0.5, 2.0]), np.array([-1, 1])))
    [0.5 0. ]
    """
    x, y = pair("perceptron_loss", predictor_outputs, targets)
    return np.maximum(0, -x * y)
