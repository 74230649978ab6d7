"""Losses: plain functions of predictions and targets.

The first half reduces (``reduction="mean" | "sum" | "none"``) and checks what it is given. The
second half has optax's names, and gives one number an example. Shapes must agree: [n] against
[n, 1] raises, where NumPy would broadcast to [n, n].
"""

from typing import Any

import numpy as np

from .core.avals import aval_of, dtype_of, is_inexact, shape_of
from .core.errors import DtypeError, ShapeError
from .core.trace import Tracer
from .nn.functions import shifted, sigmoid_p
from .ops.elementwise import div, maximum, mul, neg, safe_mul, sub
from .ops.operand import operand
from .ops.pointwise import Elementwise
from .ops.structure import cast


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


def _cross_entropy_of_sign(x: Any, y: Any) -> Any:
    # -y log s(x) - (1 - y) log s(-x), as log s(x) = min(x, 0) - log1p(exp(-|x|))
    rest = np.log1p(np.exp(np.negative(np.abs(x))))
    return y * np.maximum(np.negative(x), 0) + (1 - y) * np.maximum(x, 0) + rest


# fmt: off
clamped_log_p = Elementwise("clamped_log", _clamped_log,
    lambda t, v, x: div(t, maximum(x, 1e-12)))
cross_entropy_of_bits_p = Elementwise("cross_entropy_of_bits", _cross_entropy_of_bits,
    lambda t, v, p, y: mul(t, div(sub(p, y), maximum(mul(p, sub(1, p)), 1e-12))),
    lambda t, v, p, y: mul(t, sub(clamped_log_p(sub(1, p)), clamped_log_p(p))))
cross_entropy_of_sign_p = Elementwise("cross_entropy_of_sign", _cross_entropy_of_sign,
    lambda t, v, x, y: mul(t, sub(sigmoid_p(x), y)),
    lambda t, v, x, y: neg(mul(t, x)))
# fmt: on


# reduced


def mse(predictions: Any, targets: Any, reduction: str = "mean") -> Any:
    """Return the mean of the squared differences.

    Args:
        predictions: array, any shape.
        targets: array of the same shape.
        reduction: "mean", "sum", or "none" for one number an element.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(mse(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    2.0
    """
    return _reduced("mse", squared_error(*_pair("mse", predictions, targets)), reduction)


def l1(predictions: Any, targets: Any, reduction: str = "mean") -> Any:
    """Return the mean of the absolute differences, whose derivative where equal is 0.

    Arguments and errors are those of :func:`mse`.

    >>> float(l1(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    1.0
    """
    return _reduced("l1", absolute_error(*_pair("l1", predictions, targets)), reduction)


def huber(predictions: Any, targets: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
    """Return the mean of d²/2 where the difference d is at most delta, linear above.

    Args:
        predictions: array, any shape.
        targets: array of the same shape.
        delta: positive; above it the loss is delta (|d| - delta/2).
        reduction: "mean", "sum", or "none" for one number an element.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(huber(np.array([0.5, 3.0]), np.zeros(2), reduction="sum"))
    2.625
    """
    predictions, targets = _pair("huber", predictions, targets)
    return _reduced("huber", huber_loss(predictions, targets, delta), reduction)


def cross_entropy(
    logits: Any,
    targets: Any,
    reduction: str = "mean",
    *,
    axis: int = -1,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> Any:
    """Return the mean of -log softmax(logits) at the targets.

    Args:
        logits: array; along ``axis`` one number a class.
        targets: class indices, shaped like logits without ``axis``; or probabilities (one-hot),
            shaped like logits.
        reduction: "mean", "sum", or "none" for one number an example.
        axis: the axis of the classes.
        label_smoothing: in [0, 1]; this part of each target is spread over all classes.
        ignore_index: an index whose examples give 0 and do not count in the mean.

    Raises:
        ShapeError: if the shapes do not fit.
        DtypeError: if indices are not integers.
        IndexError: if an index is outside [0, classes) and is not ``ignore_index``.

    >>> float(cross_entropy(np.array([[0.0, 0.0], [1e4, 0.0]]), np.array([1, 0])).round(4))
    0.3466
    """
    who = "cross_entropy"
    logits, targets = operand(logits), operand(targets)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{who}: label_smoothing must be in [0, 1]: got {label_smoothing}")
    if shape_of(targets) == shape_of(logits):
        if ignore_index is not None:
            raise ValueError(f"{who}: ignore_index needs targets that are class indices")
        return _reduced(who, _with_weights(logits, targets, axis, label_smoothing), reduction)
    if ignore_index is None:
        return _reduced(who, _with_labels(who, logits, targets, axis, label_smoothing), reduction)
    kept = targets != ignore_index
    labels = np.where(kept, targets, 0)
    losses = np.where(kept, _with_labels(who, logits, labels, axis, label_smoothing), 0)
    if reduction != "mean":
        return _reduced(who, losses, reduction)
    count = cast(np.sum(kept), dtype_of(losses))
    return np.sum(losses) / np.maximum(count, 1)


def binary_cross_entropy(probabilities: Any, targets: Any, reduction: str = "mean") -> Any:
    """Return the mean of -y log p - (1 - y) log(1 - p), safe where p is 0 or 1.

    Logarithms are at least -100, and the derivative is (p - y) / max(p (1 - p), 1e-12), as in
    PyTorch. Prefer :func:`binary_cross_entropy_with_logits`, which loses no accuracy.

    Args:
        probabilities: array of numbers in [0, 1], any shape.
        targets: array of the same shape, in [0, 1].
        reduction: "mean", "sum", or "none" for one number an element.

    Raises:
        ShapeError: if the shapes differ.
        ValueError: if a probability is outside [0, 1].

    >>> float(binary_cross_entropy(np.array([0.5, 1.0]), np.array([1.0, 1.0])).round(4))
    0.3466
    """
    who = "binary_cross_entropy"
    return _reduced(who, cross_entropy_of_bits_p(*_pair(who, probabilities, targets)), reduction)


def binary_cross_entropy_with_logits(logits: Any, targets: Any, reduction: str = "mean") -> Any:
    """Return the mean of -y log s(x) - (1 - y) log s(-x), s being the sigmoid.

    Args:
        logits: array, any shape.
        targets: array of the same shape, in [0, 1].
        reduction: "mean", "sum", or "none" for one number an element.

    Raises:
        ShapeError: if the shapes differ.

    >>> float(binary_cross_entropy_with_logits(np.array([-1e4, 1e4]), np.array([1.0, 1.0])))
    5000.0
    """
    who = "binary_cross_entropy_with_logits"
    return _reduced(who, cross_entropy_of_sign_p(*_pair(who, logits, targets)), reduction)


# one number an example, by optax's names


def squared_error(predictions: Any, targets: Any = None) -> Any:
    """Return (predictions - targets)², targets being 0 unless given."""
    return np.square(_difference("squared_error", predictions, targets))


def l2_loss(predictions: Any, targets: Any = None) -> Any:
    """Return half the squared error."""
    return 0.5 * np.square(_difference("l2_loss", predictions, targets))


def absolute_error(predictions: Any, targets: Any = None) -> Any:
    """Return |predictions - targets|, targets being 0 unless given."""
    return np.abs(_difference("absolute_error", predictions, targets))


def huber_loss(predictions: Any, targets: Any = None, delta: float = 1.0) -> Any:
    """Return d²/2 where the difference d is at most delta, and delta (|d| - delta/2) above.

    Source: Huber 1964, "Robust estimation of a location parameter".
    """
    size = np.abs(_difference("huber_loss", predictions, targets))
    quadratic = np.minimum(size, delta)
    return 0.5 * np.square(quadratic) + delta * (size - quadratic)


def softmax_cross_entropy(logits: Any, labels: Any, axis: int = -1) -> Any:
    """Return -sum(labels log softmax(logits)) along an axis.

    >>> print(softmax_cross_entropy(np.zeros((2, 4)), np.eye(4)[:2]).round(4))
    [1.3863 1.3863]
    """
    logits, labels = operand(logits), operand(labels)
    _same_shape("softmax_cross_entropy", logits, labels, "logits", "labels")
    return _with_weights(logits, labels, axis, 0.0)


def softmax_cross_entropy_with_integer_labels(logits: Any, labels: Any, axis: int = -1) -> Any:
    """Return -log softmax(logits) at the labels, which are indices along an axis.

    >>> print(softmax_cross_entropy_with_integer_labels(np.zeros((2, 4)), np.array([3, 0])))
    [1.38629436 1.38629436]
    """
    who = "softmax_cross_entropy_with_integer_labels"
    return _with_labels(who, operand(logits), operand(labels), axis, 0.0)


def sigmoid_binary_cross_entropy(logits: Any, labels: Any) -> Any:
    """Return -y log s(x) - (1 - y) log s(-x) of each element, s being the sigmoid."""
    pair = _pair("sigmoid_binary_cross_entropy", logits, labels)
    return cross_entropy_of_sign_p(*pair)


# what they share


def _with_labels(who: str, logits: Any, labels: Any, axis: int, smoothing: float) -> Any:
    """Return log(sum(exp(z))) - z[label] for the shifted logits z."""
    _check_labels(who, logits, labels, axis)
    z = shifted(logits, axis)
    picked = np.squeeze(np.take_along_axis(z, np.expand_dims(labels, axis), axis), axis)
    if smoothing:
        picked = (1 - smoothing) * picked + smoothing * np.mean(z, axis=axis)
    return np.log(np.sum(np.exp(z), axis=axis)) - picked


def _with_weights(logits: Any, weights: Any, axis: int, smoothing: float) -> Any:
    """Return -sum(weights log softmax(logits)), where a weight of 0 also outweighs -inf."""
    if not is_inexact(dtype_of(weights)):
        weights = cast(weights, dtype_of(logits))
    if smoothing:
        weights = (1 - smoothing) * weights + smoothing / shape_of(logits)[axis]
    z = shifted(logits, axis)
    logs = z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))
    return -np.sum(safe_mul(weights, logs), axis=axis)


def _check_labels(who: str, logits: Any, labels: Any, axis: int) -> None:
    shape = shape_of(logits)
    if not shape:
        raise ShapeError(f"{who}: logits need an axis of classes: got {aval_of(logits)}")
    d = axis % len(shape)
    if shape_of(labels) != shape[:d] + shape[d + 1 :]:
        raise ShapeError(
            f"{who}: class indices must be shaped like logits without axis {axis}, "
            f"{shape[:d] + shape[d + 1 :]}, one-hot targets like logits, {shape}: got logits "
            f"{aval_of(logits)} and targets {aval_of(labels)}"
        )
    if dtype_of(labels).kind not in "iu":
        raise DtypeError(
            f"{who}: class indices must be integers: got {aval_of(labels)}; use astype(int)"
        )
    if isinstance(labels, Tracer):
        return  # its numbers may not be known
    bad = np.argwhere((np.asarray(labels) < 0) | (np.asarray(labels) >= shape[d]))
    if len(bad):
        where = tuple(bad[0].tolist())
        raise IndexError(
            f"{who}: the label {np.asarray(labels)[where]} at {list(where)} is out of range for "
            f"{shape[d]} classes: labels go from 0 to {shape[d] - 1}; for labels to be skipped "
            f"see ignore_index"
        )


def _pair(who: str, predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Return both as arrays of one shape; integer targets get the predictions' dtype."""
    x, y = operand(predictions), operand(targets)
    _same_shape(who, x, y, "predictions", "targets")
    if is_inexact(dtype_of(x)) and not is_inexact(dtype_of(y)):
        y = cast(y, dtype_of(x))
    return x, y


def _same_shape(who: str, x: Any, y: Any, one: str, other: str) -> None:
    if shape_of(x) != shape_of(y):
        raise ShapeError(
            f"{who}: {one} and {other} must have one shape: got {aval_of(x)} and {aval_of(y)}; "
            f"reshape one, for example y[:, None] or x.reshape(-1)"
        )


def _difference(who: str, predictions: Any, targets: Any) -> Any:
    if targets is None:
        return operand(predictions)
    x, y = _pair(who, predictions, targets)
    return x - y


def _reduced(who: str, losses: Any, reduction: str) -> Any:
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"{who}: reduction must be 'mean', 'sum' or 'none': got {reduction!r}")
