"""Losses of several classes: cross-entropy, margins, Kullback-Leibler divergence."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..nn.functions import one_hot, softmax
from ..ops.elementwise import weighted
from ..ops.operand import half_in_single, operand
from ..ops.structure import cast
from ..special.exponentials import subtract_max
from .shared import (
    check_labels,
    check_logs,
    check_one_hot,
    floating,
    mask_of,
    numbers,
    reduced,
    same_shape,
)


@half_in_single
@answering
def cross_entropy(
    logits: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    axis: int = -1,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    class_weights: Any = None,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean of -log softmax(logits) at the targets.

    Args:
        logits: array; ``axis`` is the axis of the classes.
        targets: class indices, of the logits' shape without ``axis``; or probabilities (one-hot),
            of the logits' shape.
        reduction, weights, where: see :func:`mse`; one value per example.
        axis: the axis of the classes.
        label_smoothing: in [0, 1], the fraction of each target spread over all classes.
        ignore_index: an index whose examples give 0 and do not count in the mean.
        class_weights: shape [classes]; for indices the mean is divided by the sum of weights.

    Raises:
        ShapeError: if the shapes do not fit.
        DtypeError: if indices are not integers.
        IndexError: if an index is outside [0, classes) and is not ``ignore_index``.

    >>> float(cross_entropy(np.array([[0.0, 0.0], [1e4, 0.0]]), np.array([1, 0])).round(4))
    0.3466
    """
    who = "cross_entropy"
    logits, targets = numbers(who, "logits", logits), numbers(who, "targets", targets)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"{who}: label_smoothing must be in [0, 1]: got {label_smoothing}"
            "; write label_smoothing=0.1"
        )
    dense = shape_of(targets) == shape_of(logits)
    if dense:
        check_one_hot(who, targets)
    if dense and ignore_index is not None:
        raise ValueError(
            f"{who}: ignore_index needs targets that are class indices; write targets.argmax(axis)"
        )
    if ignore_index is not None:
        kept = targets != ignore_index
        where = kept if where is None else kept & mask_of(who, where, shape_of(targets))
    if where is not None:
        logits, targets = _masked(who, logits, targets, axis, where, dense)
    gains = None if class_weights is None else _per_class(who, class_weights, logits, axis)
    if dense:
        losses = _with_weights(logits, targets, axis, label_smoothing, gains)
        return reduced(who, losses, reduction, weights, where)
    losses = _with_labels(who, logits, targets, axis, label_smoothing, gains)
    counts = None if gains is None else np.take(np.reshape(gains, -1), targets)
    return reduced(who, losses, reduction, weights, where, counts)


@half_in_single
@answering
def nll_loss(
    log_probs: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    axis: int = -1,
    weights: Any = None,
    where: Any = None,
) -> Any:
    """Mean of the negative log-probabilities at the targets.

    Args:
        log_probs: array, such as log_softmax(logits); ``axis`` is the axis of the classes.
        targets: class indices, of the log-probabilities' shape without ``axis``.
        reduction, weights, where: see :func:`mse`; one value per example.
        axis: the axis of the classes.

    >>> print(nll_loss(np.log([[0.5, 0.5], [0.9, 0.1]]), np.array([1, 0])).round(4))
    0.3993
    """
    log_probs, targets = operand(log_probs), operand(targets)
    if where is not None:
        log_probs, targets = _masked("nll_loss", log_probs, targets, axis, where, False)
    check_labels("nll_loss", log_probs, targets, axis)
    check_logs("nll_loss", "log_probs", log_probs)
    return reduced("nll_loss", -_picked(log_probs, targets, axis), reduction, weights, where)


# one value per example, by optax's names


@half_in_single
@answering
def softmax_cross_entropy(logits: Any, labels: Any, axis: int = -1, where: Any = None) -> Any:
    """-sum(labels log softmax(logits)) along an axis.

    Args:
        logits: array; ``axis`` is the axis of the classes.
        labels: probabilities of the same shape.
        axis: the axis of the classes.
        where: a mask of the classes; those where it is False are left out.

    >>> print(softmax_cross_entropy(np.zeros((2, 4)), np.eye(4)[:2]).round(4))
    [1.3863 1.3863]
    """
    who = "softmax_cross_entropy"
    logits, labels = operand(logits), operand(labels)
    if dtype_of(labels).kind in "iu" and len(shape_of(labels)) == len(shape_of(logits)) - 1:
        raise ShapeError(
            f"{who}: the labels must be probabilities: got indices {aval_of(labels)} for logits "
            f"{aval_of(logits)}; use softmax_cross_entropy_with_integer_labels"
        )
    same_shape(who, logits, labels, "logits", "labels")
    if where is not None:
        where = mask_of(who, where, shape_of(logits))
        logits, labels = np.where(where, logits, -np.inf), np.where(where, labels, 0)
    return _with_weights(logits, labels, axis, 0.0)


@half_in_single
@answering
def softmax_cross_entropy_with_integer_labels(
    logits: Any, labels: Any, axis: int = -1, where: Any = None
) -> Any:
    """-log softmax(logits) at the labels, which are indices along an axis.

    Args:
        logits: array; ``axis`` is the axis of the classes.
        labels: class indices, of the logits' shape without ``axis``.
        axis: the axis of the classes.
        where: a mask of the classes; those where it is False are left out.

    >>> print(softmax_cross_entropy_with_integer_labels(np.zeros((2, 4)), np.array([3, 0])))
    [1.38629436 1.38629436]
    """
    who = "softmax_cross_entropy_with_integer_labels"
    logits = operand(logits)
    if where is not None:
        logits = np.where(mask_of(who, where, shape_of(logits)), logits, -np.inf)
    return _with_labels(who, logits, operand(labels), axis, 0.0)


@half_in_single
@answering
def poly_loss_cross_entropy(
    logits: Any, labels: Any, *, epsilon: float = 2.0, axis: int = -1, where: Any = None
) -> Any:
    """PolyLoss: the cross-entropy plus epsilon (1 - q), where q is the label's probability.

    Args:
        logits, labels, axis, where: see :func:`softmax_cross_entropy`.
        epsilon: the weight of the second term.

    Source: Leng et al. 2022, equation 3 (arXiv:2204.12511).

    >>> print(poly_loss_cross_entropy(np.zeros((1, 4)), np.eye(4)[:1]).round(4))
    [2.8863]
    """
    losses = softmax_cross_entropy(logits, labels, axis, where)
    logits = operand(logits) if where is None else np.where(where, logits, -np.inf)
    rest = operand(labels) * (1 - softmax(logits, axis))
    return losses + epsilon * _total(rest, axis, where)


@half_in_single
@answering
def multiclass_hinge_loss(scores: Any, labels: Any) -> Any:
    """max(0, 1 + largest score of a wrong class - score of the label).

    Args:
        scores: shape [..., classes].
        labels: class indices, shape [...].

    Source: Crammer & Singer 2001, section 3.

    >>> print(multiclass_hinge_loss(np.array([[1.0, 0.5], [3.0, 0.0]]), np.array([0, 0])))
    [0.5 0. ]
    """
    return _margin("multiclass_hinge_loss", scores, labels, 1.0)


@half_in_single
@answering
def multiclass_perceptron_loss(scores: Any, labels: Any) -> Any:
    """Largest score minus the score of the label.

    >>> print(multiclass_perceptron_loss(np.array([[1.0, 0.5], [1.0, 3.0]]), np.array([0, 0])))
    [0. 2.]
    """
    return _margin("multiclass_perceptron_loss", scores, labels, 0.0)


@half_in_single
@answering
def smooth_labels(labels: Any, alpha: float, *, axis: int = -1, where: Any = None) -> Any:
    """(1 - alpha) labels + alpha / number of classes.

    Args:
        labels: probabilities; ``axis`` is the axis of the classes.
        alpha: in [0, 1].
        axis: the axis of the classes.
        where: a mask of the classes; those where it is False are left out.

    Source: Szegedy et al. 2016, section 7 (arXiv:1512.00567).

    >>> print(smooth_labels(np.array([1.0, 0.0]), 0.2))
    [0.9 0.1]
    """
    labels = floating("smooth_labels", "labels", labels)
    if isinstance(alpha, (int, float)) and not 0 <= alpha <= 1:
        raise ValueError(f"smooth_labels: alpha must be in [0, 1]: got {alpha}")
    if where is None:
        return (1 - alpha) * labels + alpha / shape_of(labels)[axis]
    count = np.sum(np.broadcast_to(where, shape_of(labels)), axis=axis, keepdims=True)
    return (1 - alpha) * labels + alpha / cast(count, dtype_of(labels))


@half_in_single
@answering
def kl_divergence(
    log_predictions: Any, targets: Any, axis: Any = -1, where: Any = None, reduction: str = "none"
) -> Any:
    """sum(targets (log targets - log_predictions)) along an axis.

    PyTorch's ``kl_div(reduction="batchmean")`` is the mean of these.

    Args:
        log_predictions: logarithms of probabilities.
        targets: probabilities of the same shape; 0 log 0 is 0.
        axis: the axis or axes of the outcomes.
        where: a mask of the outcomes; those where it is False are left out.
        reduction: "none" for one value per example, "mean", or "sum".

    Source: Kullback & Leibler 1951, equation 2.4.

    >>> print(kl_divergence(np.log(np.array([0.5, 0.5])), np.array([0.25, 0.75])).round(4))
    0.1308
    """
    who = "kl_divergence"
    check_logs(who, "log_predictions", operand(log_predictions))
    return reduced(who, _divergence(who, log_predictions, targets, axis, where), reduction)


@half_in_single
@answering
def kl_divergence_with_log_targets(
    log_predictions: Any, log_targets: Any, axis: Any = -1, where: Any = None
) -> Any:
    """:func:`kl_divergence` with logarithms of targets.

    >>> print(kl_divergence_with_log_targets(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4))
    0.1308
    """
    who = "kl_divergence_with_log_targets"
    x = floating(who, "log_predictions", log_predictions)
    y = floating(who, "log_targets", log_targets)
    same_shape(who, x, y, "log_predictions", "log_targets")
    return _total(weighted(np.exp(y), y - x), axis, where)


@half_in_single
@answering
def generalized_kl_divergence(
    log_predictions: Any, targets: Any, axis: Any = -1, where: Any = None
) -> Any:
    """:func:`kl_divergence` of measures: plus sum(exp(log_predictions) - targets).

    >>> print(generalized_kl_divergence(np.log(np.array([1.0, 1.0])), np.ones(2)))
    0.0
    """
    rest = np.exp(operand(log_predictions)) - operand(targets)
    divergence = _divergence("kl_divergence", log_predictions, targets, axis, where)
    return divergence + _total(rest, axis, where)


# helpers


def _divergence(who: str, log_predictions: Any, targets: Any, axis: Any, where: Any) -> Any:
    x = floating(who, "log_predictions", log_predictions)
    y = floating(who, "targets", targets)
    same_shape(who, x, y, "log_predictions", "targets")
    return _total(weighted(y, _safe_log(y) - x), axis, where)


def _with_labels(
    who: str, logits: Any, labels: Any, axis: int, smoothing: float, gains: Any = None
) -> Any:
    """log(sum(exp(z))) - z[label] for the shifted logits z, times the weight of the label."""
    check_labels(who, logits, labels, axis)
    z = subtract_max(logits, axis)
    if gains is not None:
        logs = z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))
        hard, spread = _picked(gains * logs, labels, axis), np.mean(gains * logs, axis=axis)
        return -((1 - smoothing) * hard + smoothing * spread)
    picked = _picked(z, labels, axis)
    if smoothing:
        picked = (1 - smoothing) * picked + smoothing * np.mean(z, axis=axis)
    return np.log(np.sum(np.exp(z), axis=axis)) - picked


def _with_weights(logits: Any, weights: Any, axis: int, smoothing: float, gains: Any = None) -> Any:
    """-sum(weights log softmax(logits)), where 0 times -inf is 0."""
    if not is_inexact(dtype_of(weights)):
        weights = cast(weights, dtype_of(logits))
    if smoothing:
        weights = (1 - smoothing) * weights + smoothing / shape_of(logits)[axis]
    z = subtract_max(logits, axis)
    logs = z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))
    return -np.sum(weighted(weights if gains is None else weights * gains, logs), axis=axis)


def _picked(x: Any, labels: Any, axis: int) -> Any:
    """The elements at the labels."""
    return np.squeeze(np.take_along_axis(x, np.expand_dims(labels, axis), axis), axis)


def _per_class(who: str, class_weights: Any, logits: Any, axis: int) -> Any:
    """Weights of the classes, in the dtype of the logits, along their axis."""
    class_weights = cast(operand(class_weights), dtype_of(logits))
    classes, rank = shape_of(logits)[axis], len(shape_of(logits))
    if shape_of(class_weights) != (classes,):
        raise ShapeError(
            f"{who}: class_weights must hold one weight for each of {classes} classes: got "
            f"{aval_of(class_weights)}"
            "; give one for each class"
        )
    return np.reshape(class_weights, [classes if d == axis % rank else 1 for d in range(rank)])


def _masked(who: str, logits: Any, targets: Any, axis: int, where: Any, dense: bool) -> Any:
    """Logits and targets, set to 0 where a mask of examples is False."""
    shape, d = shape_of(logits), axis % max(len(shape_of(logits)), 1)
    examples = shape[:d] + shape[d + 1 :]
    where = np.broadcast_to(mask_of(who, where, examples), examples)
    wide = np.expand_dims(where, axis)
    return np.where(wide, logits, 0), np.where(wide if dense else where, targets, 0)


def _margin(who: str, scores: Any, labels: Any, margin: float) -> Any:
    scores, labels = floating(who, "scores", scores), operand(labels)
    check_labels(who, scores, labels, -1)
    own = np.take_along_axis(scores, labels[..., None], -1)[..., 0]
    hot = one_hot(labels, shape_of(scores)[-1], dtype=dtype_of(scores))
    return np.max(scores + margin - margin * hot, axis=-1) - own


def _safe_log(x: Any) -> Any:
    return np.log(np.where(x == 0, 1, x))


def _total(terms: Any, axis: Any, where: Any) -> Any:
    return np.sum(terms if where is None else np.where(where, terms, 0), axis=axis)
