"""Losses of two classes, of probabilities and of logits."""

from typing import Any

import numpy as np

from ..core.avals import dtype_of
from ..nn.functions import log_sigmoid
from ..ops.compare import gt
from ..ops.elementwise import add, div, maximum, mul, neg, sub, where
from ..ops.logarithms import tailed_sigmoid
from ..ops.operand import half_in_single, operand
from ..ops.pointwise import Elementwise
from ..ops.structure import cast
from .shared import pair, reduced


def _clamped_log(x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100)


def _cross_entropy_of_bits(p: Any, y: Any) -> Any:
    if np.any((p < 0) | (p > 1)):
        raise ValueError(
            f"binary_cross_entropy: probabilities must be in [0, 1]: got {np.min(p)} to "
            f"{np.max(p)}; for logits use binary_cross_entropy_with_logits"
        )
    with np.errstate(divide="ignore"):
        no = np.maximum(np.log1p(np.negative(p)), -100)
    return -(y * _clamped_log(p) + (1 - y) * no)


def _curvature(p: Any, y: Any) -> Any:
    q = sub(1, p)
    return add(div(y, mul(p, p)), div(sub(1, y), mul(q, q)))


def _cross_entropy_of_sign(x: Any, y: Any) -> Any:
    # -y log s(x) - (1 - y) log s(-x), as log s(x) = min(x, 0) - log1p(exp(-|x|))
    rest = np.log1p(np.exp(np.negative(np.abs(x))))
    return y * np.maximum(np.negative(x), 0) + (1 - y) * np.maximum(x, 0) + rest


# fmt: off
clamped_log_p = Elementwise("clamped_log", _clamped_log,
    lambda t, v, x: div(t, maximum(x, 1e-12)))
cross_entropy_of_bits_p = Elementwise("cross_entropy_of_bits", _cross_entropy_of_bits,
    lambda t, v, p, y: mul(t, slope_of_bits_p(p, y)),
    lambda t, v, p, y: mul(t, sub(clamped_log_p(sub(1, p)), clamped_log_p(p))))
# a quotient, whose derivatives in p are those of -y/p + (1 - y)/(1 - p): there p would cancel
slope_of_bits_p = Elementwise("slope_of_bits",
    lambda p, y: (p - y) / np.maximum(p * (1 - p), 1e-12),
    lambda t, v, p, y: mul(t, where(gt(mul(p, sub(1, p)), 1e-12), _curvature(p, y), 1e12)),
    lambda t, v, p, y: neg(div(t, maximum(mul(p, sub(1, p)), 1e-12))))
cross_entropy_of_sign_p = Elementwise("cross_entropy_of_sign", _cross_entropy_of_sign,
    lambda t, v, x, y: mul(t, sub(tailed_sigmoid(x), y)),
    lambda t, v, x, y: neg(mul(t, x)))
# fmt: on


@half_in_single
def binary_cross_entropy(
    probabilities: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Return the mean of -y log p - (1 - y) log(1 - p), safe where p is 0 or 1.

    Logarithms are at least -100, and the derivative is (p - y) / max(p (1 - p), 1e-12), as in
    PyTorch. Prefer :func:`binary_cross_entropy_with_logits`, which loses no accuracy.

    Args:
        probabilities: array of numbers in [0, 1], any shape.
        targets: array of the same shape, in [0, 1].
        reduction, weights, where: see :func:`mse`.

    Raises:
        ShapeError: if the shapes differ.
        ValueError: if a probability is outside [0, 1].

    >>> float(binary_cross_entropy(np.array([0.5, 1.0]), np.array([1.0, 1.0])).round(4))
    0.3466
    """
    who = "binary_cross_entropy"
    losses = cross_entropy_of_bits_p(*pair(who, probabilities, targets, where))
    return reduced(who, losses, reduction, weights, where)


@half_in_single
def binary_cross_entropy_with_logits(
    logits: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    pos_weight: Any = None,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Return the mean of -y log s(x) - (1 - y) log s(-x), s being the sigmoid.

    Args:
        logits: array, any shape.
        targets: array of the same shape, in [0, 1].
        reduction, weights, where: see :func:`mse`.
        pos_weight: a factor of the first term, that broadcasts; above 1 it favours recall.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(binary_cross_entropy_with_logits(np.array([-1e4, 1e4]), np.array([1.0, 1.0])))
    5000.0
    """
    who = "binary_cross_entropy_with_logits"
    x, y = pair(who, logits, targets, where)
    if pos_weight is None:
        losses = cross_entropy_of_sign_p(x, y)
    else:
        positive = cast(operand(pos_weight), dtype_of(x))
        losses = -positive * y * log_sigmoid(x) - (1 - y) * log_sigmoid(-x)
    return reduced(who, losses, reduction, weights, where)


@half_in_single
def hinge(
    predictions: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Return the mean of max(0, 1 - predictions targets), for targets -1 and 1.

    Arguments and errors are those of :func:`mse`.

    >>> float(hinge(np.array([0.5, 2.0]), np.array([-1, 1])))
    0.75
    """
    x, y = pair("hinge", predictions, targets, where)
    return reduced("hinge", np.maximum(0, 1 - x * y), reduction, weights, where)


# one number an element, by optax's names


@half_in_single
def sigmoid_binary_cross_entropy(logits: Any, labels: Any) -> Any:
    """Return -y log s(x) - (1 - y) log s(-x) of each element, s being the sigmoid.

    >>> print(sigmoid_binary_cross_entropy(np.array([0.0, 1e4]), np.array([1, 0])).round(4))
    [6.931e-01 1.000e+04]
    """
    return cross_entropy_of_sign_p(*pair("sigmoid_binary_cross_entropy", logits, labels))


@half_in_single
def sigmoid_focal_loss(
    logits: Any, labels: Any, *, alpha: float | None = None, gamma: float = 2.0
) -> Any:
    """Return (1 - q)**gamma times the cross-entropy, q being the probability of the label.

    Args:
        logits: array, any shape.
        labels: array of the same shape, in [0, 1].
        alpha: in [0, 1], a weight of label 1 against label 0, or None.
        gamma: at least 0; the larger, the less count examples that are right already.

    Source: Lin et al. 2017, equation 5 (arXiv:1708.02002).

    >>> print(sigmoid_focal_loss(np.array([0.0, 2.0]), np.array([1, 1])).round(4))
    [0.1733 0.0018]
    """
    x, y = pair("sigmoid_focal_loss", logits, labels)
    losses = cross_entropy_of_sign_p(x, y)
    # log(1 - q) = log(y s(-x) + (1 - y) s(x)), exact for labels 0 and 1 at any x
    yes, no = log_sigmoid(x), log_sigmoid(-x)
    top = np.maximum(yes, no)
    part = y * np.exp(no - top) + (1 - y) * np.exp(yes - top)
    wrong = top + np.log(np.maximum(part, float(np.finfo(dtype_of(x)).tiny)))
    losses = losses * np.exp(gamma * wrong)
    return losses if alpha is None else losses * (alpha * y + (1 - alpha) * (1 - y))


@half_in_single
def hinge_loss(predictor_outputs: Any, targets: Any) -> Any:
    """Return max(0, 1 - outputs targets) of each element, for targets -1 and 1.

    >>> print(hinge_loss(np.array([0.5, 2.0]), np.array([-1, 1])))
    [1.5 0. ]
    """
    x, y = pair("hinge_loss", predictor_outputs, targets)
    return np.maximum(0, 1 - x * y)


@half_in_single
def perceptron_loss(predictor_outputs: Any, targets: Any) -> Any:
    """Return max(0, -outputs targets) of each element, for targets -1 and 1.

    >>> print(perceptron_loss(np.array([0.5, 2.0]), np.array([-1, 1])))
    [0.5 0. ]
    """
    x, y = pair("perceptron_loss", predictor_outputs, targets)
    return np.maximum(0, -x * y)
