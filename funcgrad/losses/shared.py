"""Checks, masks and reductions that losses share."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError, shown
from ..core.integers import not_integers
from ..core.trace import Tracer
from ..ops.operand import operand
from ..ops.structure import cast


def pair(who: str, predictions: Any, targets: Any, where: Any = None) -> tuple[Any, Any]:
    """Both as floating arrays of one shape; integer targets take the dtype of the predictions.

    Differences of small integers, such as pixels, would wrap around. Both are 0 where the mask is
    False, so that elements there, also nan, have no derivative.
    """
    x, y = numbers(who, "predictions", predictions), numbers(who, "targets", targets)
    same_shape(who, x, y, "predictions", "targets")
    if not is_inexact(dtype_of(x)):
        wide = dtype_of(y) if is_inexact(dtype_of(y)) else np.dtype(float)
        x = cast(x, np.result_type(dtype_of(x), wide))
    if not is_inexact(dtype_of(y)):
        y = cast(y, dtype_of(x))
    if where is None:
        return x, y
    where = mask_of(who, where, shape_of(x))
    return np.where(where, x, 0), np.where(where, y, 0)


def numbers(who: str, what: str, x: Any) -> Any:
    """An array of numbers; raise for other objects."""
    array = operand(x)
    if isinstance(array, np.ndarray) and array.dtype.kind in "US":
        raise DtypeError(
            f"{who}: {what} must be an array of numbers: got {shown(x)}; give an array of numbers, "
            f"for texts np.unique(x, return_inverse=True)[1]"
        )
    if isinstance(array, np.ndarray) and array.dtype.hasobject:
        got = getattr(x, "__name__", None) or (shown(x) if x is None else type(x).__name__)
        cure = "return it from its function" if x is None else "write np.asarray(x, float)"
        cure = f"call {got}" if callable(x) else cure
        raise DtypeError(f"{who}: {what} must be an array of numbers: got {got}; {cure}")
    return array


def difference(who: str, predictions: Any, targets: Any) -> Any:
    """predictions - targets; the targets are 0 unless given."""
    if targets is None:
        return pair(who, predictions, predictions)[0]
    x, y = pair(who, predictions, targets)
    return x - y


def same_shape(who: str, x: Any, y: Any, one: str, other: str) -> None:
    """Raise unless both have the same shape."""
    if shape_of(x) != shape_of(y):
        raise ShapeError(
            f"{who}: {one} and {other} must have the same shape: got {aval_of(x)} and "
            f"{aval_of(y)}; reshape one, as in y[:, None]"
        )


def floating(who: str, what: str, x: Any) -> Any:
    """An array; raise unless its dtype is floating."""
    x = numbers(who, what, x)
    if not is_inexact(dtype_of(x)):
        raise DtypeError(f"{who}: {what} must be floating: got {aval_of(x)}; use astype(float)")
    return x


def mask_of(who: str, where: Any, shape: tuple[int, ...]) -> Any:
    """A mask; raise unless it is boolean and broadcasts to a shape."""
    where = operand(where)
    if dtype_of(where) != np.bool_:
        raise DtypeError(f"{who}: where must be boolean: got {aval_of(where)}; write where != 0")
    _check_broadcast(who, "where", where, shape)
    return where


def reduced(
    who: str,
    losses: Any,
    reduction: str,
    weights: Any = None,
    where: Any = None,
    counts: Any = None,
) -> Any:
    """Mean, sum, or all of the weighted losses.

    The mean is their sum over the sum of the weights; ``counts`` are weights that the losses
    already contain.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(
            f"{who}: reduction must be 'mean', 'sum' or 'none': got {shown(reduction)}"
        )
    shape, dtype = shape_of(losses), dtype_of(losses)
    if weights is not None:
        weights = cast(operand(weights), dtype)
        _check_broadcast(who, "weights", weights, shape)
        losses = losses * weights
        counts = weights if counts is None else weights * counts
    if where is not None:
        where = mask_of(who, where, shape)
        losses = np.where(where, losses, 0)
        counts = np.where(where, np.ones((), dtype) if counts is None else counts, 0)
    if reduction == "none":
        return losses
    if reduction == "sum" or counts is None:
        return np.sum(losses) if reduction == "sum" else np.mean(losses)
    total = np.sum(np.broadcast_to(cast(counts, dtype), shape))
    return np.sum(losses) / np.where(total == 0, 1, total)


def check_one_hot(who: str, targets: Any) -> None:
    """Raise if known integer targets of the shape of the logits are not one-hot, but indices."""
    known = isinstance(targets, np.ndarray) and targets.dtype.kind in "iu"
    if known and targets.size and (targets.min() < 0 or targets.max() > 1):
        raise ShapeError(
            f"{who}: targets of the shape of logits are probabilities: got {aval_of(targets)} with "
            f"the element {targets.max()}; for class indices give logits an axis of classes"
        )


def check_labels(who: str, logits: Any, labels: Any, axis: int) -> None:
    """Raise unless labels are class indices for the logits."""
    shape = shape_of(logits)
    if not shape:
        raise ShapeError(
            f"{who}: logits need an axis of classes: got {aval_of(logits)}; write logits[None]"
        )
    d = axis % len(shape)
    if shape_of(labels) != shape[:d] + shape[d + 1 :]:
        raise ShapeError(
            f"{who}: class indices must have the shape of logits without axis {axis}, "
            f"{shape[:d] + shape[d + 1 :]}, or one-hot targets that of logits, {shape}: got logits "
            f"{aval_of(logits)} and targets {aval_of(labels)}; "
            f"{_cure_of_labels(shape_of(labels), shape, d)}"
        )
    if dtype_of(labels).kind not in "iu":
        raise DtypeError(f"{who}: {not_integers('class indices', labels)}")
    if isinstance(labels, Tracer):
        return  # its values may be unknown
    bad = np.argwhere((np.asarray(labels) < 0) | (np.asarray(labels) >= shape[d]))
    if len(bad):
        where = tuple(bad[0].tolist())
        raise IndexError(
            f"{who}: the label {np.asarray(labels)[where]} at {list(where)} is out of range for "
            f"{shape[d]} classes: labels go from 0 to {shape[d] - 1}; skip others by "
            f"cross_entropy(ignore_index=)"
        )


def _cure_of_labels(labels: tuple[int, ...], logits: tuple[int, ...], d: int) -> str:
    """The cure for labels whose shape does not fit the logits."""
    wanted = logits[:d] + logits[d + 1 :]
    if labels == (*wanted, 1):
        return "write targets[..., 0]"
    if len(labels) == len(logits):
        return f"give both the same number of classes: {logits[d]} are not {labels[d]}"
    return "give one target for each example"


def check_unit(who: str, targets: Any) -> None:
    """Raise if known targets are whole numbers, as labels are, and not all of them 0 or 1."""
    if isinstance(targets, Tracer) or not np.size(targets):
        return
    low, high = np.min(targets), np.max(targets)
    if (low < 0 or high > 1) and np.all(targets == np.round(targets)):
        cure = "write (1 + targets) / 2" if low == -1 and high == 1 else "scale them"
        raise ValueError(f"{who}: targets must be in [0, 1]: got {low} to {high}; {cure}")


def check_logs(who: str, what: str, x: Any) -> None:
    """Raise if a known logarithm of a probability is positive."""
    positive = np.any(x > 0.01)  # more than an error of rounding
    if not isinstance(positive, Tracer) and positive:
        raise ValueError(
            f"{who}: {what} must be logarithms of probabilities, at most 0: got {aval_of(x)} with "
            f"positive elements; for logits write nn.log_softmax({what})"
        )


def _check_broadcast(who: str, what: str, x: Any, shape: tuple[int, ...]) -> None:
    given = shape_of(x)
    fits = len(given) <= len(shape) and all(
        n in (1, m) for n, m in zip(reversed(given), reversed(shape), strict=False)
    )
    if not fits:
        raise ShapeError(
            f"{who}: {what} must broadcast to the losses, of shape {shape}: got {aval_of(x)}"
            "; give one for each example"
        )
