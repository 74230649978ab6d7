"""Metric learning: losses of the distances between embeddings."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..ops.operand import half_in_single, operand
from .regression import cosine_similarity
from .shared import floating


@half_in_single
@answering
def triplet_margin_loss(
    anchors: Any,
    positives: Any,
    negatives: Any,
    axis: int = -1,
    norm_degree: float = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
) -> Any:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) of each triplet.

    Args:
        anchors, positives, negatives: vectors along ``axis``, of one shape.
        axis: the axis of the vectors.
        norm_degree: p in the distance d(x, y) = (sum(|x - y|**p) + eps)**(1 / p).
        margin: the least difference of the two distances.
        eps: keeps the derivative finite where vectors are equal.

    Source: Weinberger & Saul 2009; Balntas et al. 2016, equation 1.

    >>> a, p, n = np.zeros((1, 2)), np.array([[0.0, 1.0]]), np.array([[1.5, 0.0]])
    >>> print(triplet_margin_loss(a, p, n).round(4))
    [0.5]
    """
    who = "triplet_margin_loss"
    a, p = floating(who, "anchors", anchors), floating(who, "positives", positives)
    n = floating(who, "negatives", negatives)
    if not shape_of(a) == shape_of(p) == shape_of(n):
        raise ShapeError(
            f"{who}: anchors, positives and negatives must have the same shape: got {aval_of(a)}, "
            f"{aval_of(p)} and {aval_of(n)}"
            "; give one positive and one negative for each anchor"
        )

    def distance(y: Any) -> Any:
        return (np.sum(np.abs(a - y) ** norm_degree, axis=axis) + eps) ** (1 / norm_degree)

    return np.maximum(distance(p) - distance(n) + margin, 0)


@half_in_single
@answering
def contrastive_loss(distances: Any, same: Any, margin: float = 1.0) -> Any:
    """d² / 2 of pairs of one class, max(0, margin - d)² / 2 of the others.

    Args:
        distances: array, at least 0.
        same: booleans of the same shape, True for pairs of one class.
        margin: the distance from which the other pairs cost nothing.

    Source: Hadsell, Chopra & LeCun 2006, equation 4.

    >>> print(contrastive_loss(np.array([2.0, 0.5]), np.array([True, False])))
    [2.    0.125]
    """
    d = floating("contrastive_loss", "distances", distances)
    near = np.square(np.maximum(margin - d, 0))
    return np.where(operand(same), np.square(d), near) / 2


@half_in_single
@answering
def ntxent(embeddings: Any, labels: Any, temperature: float = 0.07) -> Any:
    """Normalized temperature-scaled cross-entropy between embeddings of equal labels.

    Args:
        embeddings: shape [n, d].
        labels: integers, shape [n]; embeddings of equal labels are positive pairs.
        temperature: positive, the divisor of the cosine similarities.

    Raises:
        ShapeError: if there is not one label for each embedding.

    Source: Chen et al. 2020, equation 1 (arXiv:2002.05709).

    >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> print(ntxent(x, np.array([0, 0, 1, 1]), temperature=1.0).round(4))
    0.5514
    """
    x, labels = floating("ntxent", "embeddings", embeddings), operand(labels)
    if len(shape_of(x)) != 2 or shape_of(labels) != shape_of(x)[:1]:
        raise ShapeError(
            f"ntxent: embeddings must be [n, d] and labels [n]: got {aval_of(x)} and "
            f"{aval_of(labels)}"
            "; give one label for each row"
        )
    info = np.finfo(dtype_of(x))
    scores = cosine_similarity(x[None], x[:, None], epsilon=float(info.eps)) / temperature
    same = labels[:, None] == labels[None]
    positive = same & ~np.eye(shape_of(x)[0], dtype=bool)
    others = np.where(same, float(info.min) / 4, scores)  # finite: so are differences
    base = np.logaddexp.reduce(others, axis=1, keepdims=True)
    terms = np.where(positive, np.logaddexp(base, scores) - scores, 0)
    return np.sum(terms) / np.maximum(np.sum(positive), 1)
