"""Scores of predictions: accuracy, precision, recall, AUC, R2 and errors. See also ``losses``."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, is_inexact, shape_of
from ..core.errors import DtypeError, ShapeError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..losses.shared import check_labels, mask_of, pair, reduced
from ..numpy.at import at
from ..ops.operand import asarray
from ..random import RangeError


@answering
def accuracy(predictions: Any, labels: Any, *, where: Any = None) -> Any:
    """The fraction of correct predictions.

    Args:
        predictions: classes with the shape of the labels; or logits [..., C], with the argmax as
            class.
        labels: integers or booleans.
        where: mask that broadcasts to the labels, False for ignored examples.

    Raises:
        DtypeError: if predictions with the shape of the labels are floating.
        ShapeError: if the shapes do not fit.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    np.float64(0.5)
    """
    predictions, labels = asarray(predictions), asarray(labels)
    if len(shape_of(predictions)) == len(shape_of(labels)) + 1:
        check_labels("accuracy", predictions, labels, -1)
        predictions = np.argmax(predictions, axis=-1)
    else:
        _check_classes("accuracy", predictions, labels)
    return _share("accuracy", predictions == labels, where)


@answering
def top_k_accuracy(logits: Any, labels: Any, k: int, *, where: Any = None) -> Any:
    """The fraction of labels among the k largest logits.

    Among equal logits the lower class wins; nan is never correct.

    Args:
        logits: array [..., C].
        labels: integers [...].
        k: int, from 1 to C.
        where: mask that broadcasts to the labels, False for ignored examples.

    Raises:
        RangeError: if k is out of range.

    >>> top_k_accuracy(np.array([[0.1, 0.9, 0.5], [0.8, 0.2, 0.4]]), np.array([2, 1]), k=2)
    np.float64(0.5)
    """
    logits, labels = asarray(logits), asarray(labels)
    check_labels("top_k_accuracy", logits, labels, -1)
    classes = shape_of(logits)[-1]
    if not 1 <= k <= classes:
        raise RangeError(
            f"top_k_accuracy: k must be from 1 to {classes}, the number of classes: got {k}"
            "; give a smaller k"
        )
    own = np.take_along_axis(logits, labels[..., None], axis=-1)
    ties = (logits == own) & (np.arange(classes) < labels[..., None])
    rank = np.sum(~(logits <= own) | ties, axis=-1)  # nan is not less or equal
    return _share("top_k_accuracy", rank < k, where)


@answering
def confusion_matrix(predictions: Any, labels: Any, num_classes: int | None = None) -> Any:
    """The number of examples of each true class (row) and predicted class (column).

    Args:
        predictions: integers [...].
        labels: integers [...].
        num_classes: C; by default the largest class + 1.

    Raises:
        IndexError: if a class is not in [0, C).
        DtypeError: if C is not given and the classes are traced.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]))
    array([[1, 1],
           [0, 1]])
    """
    who, given = "confusion_matrix", (asarray(predictions), asarray(labels))
    _check_classes(who, *given)
    known = not any(isinstance(x, Tracer) for x in given)
    if num_classes is None:
        if not known:
            raise DtypeError(
                f"{who}: num_classes must be given for traced classes; write num_classes="
            )
        num_classes = max((int(np.max(x)) for x in given if np.size(x)), default=-1) + 1
    for name, x in zip(("predictions", "labels"), given if known else (), strict=known):
        if np.size(x) and not (np.min(x) >= 0 and np.max(x) < num_classes):
            raise IndexError(
                f"{who}: {name} must be from 0 to {num_classes - 1}: got {np.min(x)} to {np.max(x)}"
                "; give a larger num_classes"
            )
    columns, rows = (x.reshape(-1).astype(np.int64) for x in given)
    return at(np.zeros((num_classes, num_classes), np.int64))[rows, columns].add(1)


@answering
def precision(matrix: Any, average: str = "macro") -> Any:
    """Precision, TP / (TP + FP) of each class, averaged.

    Args:
        matrix: a confusion matrix [C, C]; a class that is never predicted has precision 0.
        average: "macro" for the mean over classes, "micro" over examples, "weighted" by the
            number of examples of a class, "none" for an array [C].

    >>> precision(np.array([[1, 1], [0, 2]]), "none")
    array([1.        , 0.66666667])
    """
    right, given, there = _counts("precision", matrix)
    return _averaged("precision", right, given, there, average)


@answering
def recall(matrix: Any, average: str = "macro") -> Any:
    """Recall, TP / (TP + FN) of each class, averaged.

    Args:
        matrix: a confusion matrix [C, C]; a class without examples has recall 0.
        average: "macro", "micro", "weighted" or "none", as in ``precision``.

    >>> recall(np.array([[1, 1], [0, 2]]), "none")
    array([0.5, 1. ])
    """
    right, _, there = _counts("recall", matrix)
    return _averaged("recall", right, there, there, average)


@answering
def f1(matrix: Any, average: str = "macro") -> Any:
    """F1, 2 TP / (2 TP + FP + FN) of each class, averaged.

    Args:
        matrix: a confusion matrix [C, C].
        average: "macro", "micro", "weighted" or "none", as in ``precision``.

    >>> f1(np.array([[1, 1], [0, 2]]), "none")
    array([0.66666667, 0.8       ])
    """
    right, given, there = _counts("f1", matrix)
    return _averaged("f1", 2 * right, given + there, there, average)


@answering
def roc_auc(scores: Any, labels: Any) -> Any:
    """The area under the ROC curve: the probability that a positive scores above a negative.

    Args:
        scores: real array [N]; ties count half.
        labels: array [N] of 0 and 1.

    Raises:
        RangeError: if a label does not occur, or a score is nan.

    >>> roc_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    np.float64(0.75)
    """
    scores, labels = asarray(scores), asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ShapeError(
            f"roc_auc: scores and labels must have one shape [N]: got {aval_of(scores)} and "
            f"{aval_of(labels)}"
            "; give one score for each label"
        )
    positive = labels == 1
    count, others = int(np.sum(positive)), int(np.sum(labels == 0))
    if not (count and others) or count + others != len(labels) or np.any(np.isnan(scores)):
        raise RangeError(
            f"roc_auc: labels must be 0 and 1 and contain both, and scores must not be nan: got "
            f"{count} ones and {others} zeros of {len(labels)}"
            "; give labels of both classes"
        )
    ordered = np.sort(scores)
    below, upto = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    ranks = (below + upto + 1) / 2  # the mean rank of ties
    return (np.sum(ranks[positive]) - count * (count + 1) / 2) / (count * others)


@answering
def r2(predictions: Any, targets: Any) -> Any:
    """The coefficient of determination R2: 1 is perfect, 0 is the score of the mean.

    For constant targets it is 1 for a perfect prediction, and 0 otherwise.

    Args:
        predictions: real array [N, ...].
        targets: array of the same shape; the score is the mean over all axes but the first.

    Raises:
        ShapeError: if the shapes differ.

    >>> r2(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
    np.float64(0.5)
    """
    x, y = pair("r2", asarray(predictions), asarray(targets))
    left = np.sum((y - x) ** 2, axis=0)
    total = np.sum((y - np.mean(y, axis=0)) ** 2, axis=0)
    constant = total == 0
    score = 1 - left / np.where(constant, 1, total)
    return np.mean(np.where(constant, left == 0, score))


@answering
def mean_absolute_error(predictions: Any, targets: Any, *, where: Any = None) -> Any:
    """mean(abs(predictions - targets)), in the units of the targets.

    Args:
        predictions: real array.
        targets: array of the same shape.
        where: mask that broadcasts to them, False for ignored elements.

    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
    np.float64(1.5)
    """
    x, y = pair("mean_absolute_error", predictions, targets, where)
    return reduced("mean_absolute_error", np.abs(x - y), "mean", where=where)


@answering
def root_mean_squared_error(predictions: Any, targets: Any, *, where: Any = None) -> Any:
    """sqrt(mean((predictions - targets)**2)), in the units of the targets.

    Args:
        predictions: real array.
        targets: array of the same shape.
        where: mask that broadcasts to them, False for ignored elements.

    >>> root_mean_squared_error(np.array([1.0, 2.0]), np.array([4.0, 6.0]))
    np.float64(3.5355339059327378)
    """
    x, y = pair("root_mean_squared_error", predictions, targets, where)
    return np.sqrt(reduced("root_mean_squared_error", (x - y) ** 2, "mean", where=where))


def _share(who: str, right: Any, where: Any) -> Any:
    if where is None:
        return np.mean(right)
    where = mask_of(who, where, shape_of(right))
    counts = np.broadcast_to(where, shape_of(right))
    return np.sum(right & counts) / np.maximum(np.sum(counts), 1)


def _check_classes(who: str, predictions: Any, labels: Any) -> None:
    """Raise unless both are classes and have one shape."""
    if shape_of(predictions) != shape_of(labels):
        raise ShapeError(
            f"{who}: predictions and labels must have one shape: got {aval_of(predictions)} and "
            f"{aval_of(labels)}; write np.argmax(logits, axis=-1) for logits, and labels second"
        )
    for name, x in (("predictions", predictions), ("labels", labels)):
        if is_inexact(dtype_of(x)):
            raise DtypeError(
                f"{who}: {name} must be integer or boolean classes: got {aval_of(x)}; for logits "
                f"write {'x > 0' if len(shape_of(x)) < 2 else 'np.argmax(x, axis=-1)'}"
            )


def _counts(who: str, matrix: Any) -> tuple[Any, Any, Any]:
    """For each class the numbers of true positives, of predictions and of examples."""
    matrix = asarray(matrix)
    shape = shape_of(matrix)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(
            f"{who}: the matrix must be a confusion matrix [C, C]: got {aval_of(matrix)}; write "
            f"{who}(confusion_matrix(predictions, labels))"
        )
    return np.diagonal(matrix), np.sum(matrix, axis=0), np.sum(matrix, axis=1)


def _averaged(who: str, part: Any, whole: Any, there: Any, average: str) -> Any:
    ratio = lambda a, b: a / np.where(b == 0, 1, b)
    if average == "micro":
        return ratio(np.sum(part), np.sum(whole))
    scores = ratio(part, whole)
    if average == "weighted":
        return np.sum(scores * ratio(there, np.sum(there)))
    if average not in ("macro", "none"):
        raise ValueError(
            f"{who}: average must be 'macro', 'micro', 'weighted' or 'none': got {shown(average)}"
        )
    return np.mean(scores) if average == "macro" else scores
