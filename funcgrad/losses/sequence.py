"""Losses of sequences: connectionist temporal classification."""

from typing import Any

import numpy as np

from ..control.loops import scan
from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import not_integers
from ..core.lazy import answering
from ..core.trace import Tracer
from ..nn.functions import log_softmax
from ..ops.operand import half_in_single, operand
from ..ops.stop_gradient import stop_gradient
from .shared import floating


@half_in_single
@answering
def ctc_loss(
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> Any:
    """-log of the probability that frames, without repeats and blanks, give the labels.

    Args:
        logits: shape [batch, frames, classes].
        logit_paddings: 1 for padding, at the end, else 0; shape [batch, frames].
        labels: class indices, shape [batch, labels].
        label_paddings: 1 for padding, at the end, else 0; shape [batch, labels].
        blank_id: the blank class.
        log_epsilon: the logarithm of 0; the loss of more labels than fit into the frames is about
            -log_epsilon.

    Raises:
        ShapeError, DtypeError: if shapes do not fit, or labels are not integers.
        IndexError: if a label outside the padding is not a class, or is the blank.
        ValueError: if a label follows padding.

    Source: Graves et al. 2006, equations 6 to 8.

    >>> logits = np.zeros((1, 2, 3))  # all 9 paths are equal; 3 of them read [1]
    >>> loss = ctc_loss(logits, np.zeros((1, 2)), np.array([[1]]), np.zeros((1, 1)))
    >>> print(np.exp(-loss).round(4))
    [0.3333]
    """
    logits, labels = floating("ctc_loss", "logits", logits), operand(labels)
    paddings = operand(logit_paddings), operand(label_paddings)
    _check(logits, paddings[0], labels, paddings[1], blank_id)
    lengths = np.sum(paddings[1] == 0, axis=1)
    # padding may hold any number, such as -100
    path, skips = _path(np.where(paddings[1] == 0, labels, blank_id), blank_id)
    logs = np.moveaxis(log_softmax(logits), 1, 0)  # [B, T, K] -> [T, B, K]
    real = np.moveaxis(paddings[0] == 0, 1, 0)
    never = np.full((shape_of(logits)[0], 1), log_epsilon, dtype_of(logits))

    def step(alpha: Any, frame: Any) -> tuple[Any, None]:
        log, is_real = frame
        one = np.concatenate([never, alpha[:, :-1]], 1)
        two = np.where(skips, np.concatenate([never, one[:, :-1]], 1), never)
        into = np.logaddexp(np.logaddexp(alpha, one), two)
        return np.where(is_real[:, None], into + np.take_along_axis(log, path, 1), alpha), None

    # before the first frame the path is before its first blank
    start = np.concatenate([np.zeros_like(never), *[never] * (shape_of(path)[1] - 1)], 1)
    alpha, _ = scan(step, start, (logs, real))
    end = _picked(alpha, 2 * lengths)
    before = _picked(alpha, np.maximum(2 * lengths - 1, 0))
    log = np.where(lengths > 0, np.logaddexp(end, before), end)
    # rounding may give a probability above 1; the derivative stays
    return stop_gradient(np.maximum(log, 0)) - log


def _path(labels: Any, blank_id: int) -> tuple[Any, Any]:
    """Blanks and labels in turn, and a mask of the labels before which the blank is optional."""
    batch, count = shape_of(labels)
    blank = np.full((batch, count, 1), blank_id, dtype_of(labels))
    path = np.reshape(np.concatenate([blank, labels[:, :, None]], 2), (batch, 2 * count))
    path = np.concatenate([path, np.full((batch, 1), blank_id, dtype_of(labels))], 1)
    differs = (path[:, 2:] != path[:, :-2]) & (path[:, 2:] != blank_id)
    first = np.zeros((batch, min(2, 2 * count + 1)), bool)
    return path, np.concatenate([first, differs], 1)


def _picked(alpha: Any, at: Any) -> Any:
    return np.take_along_axis(alpha, at[:, None], 1)[:, 0]


def _check(logits: Any, padded: Any, labels: Any, label_padded: Any, blank: int) -> None:
    who, shape = "ctc_loss", shape_of(logits)
    if len(shape) != 3 or not shape[1] or shape_of(padded) != shape[:2]:
        raise ShapeError(
            f"{who}: logits must be [batch, frames, classes], with a frame at least, and "
            f"logit_paddings [batch, frames]: got {aval_of(logits)} and {aval_of(padded)}"
            "; add axes by x[None]"
        )
    fits = len(shape_of(labels)) == 2 and shape_of(labels)[0] == shape[0]
    if not fits or shape_of(label_padded) != shape_of(labels):
        raise ShapeError(
            f"{who}: labels and label_paddings must be [batch, labels]: got {aval_of(labels)} and "
            f"{aval_of(label_padded)}, for a batch of {shape[0]}"
            "; add axes by x[None]"
        )
    if dtype_of(labels).kind not in "iu":
        raise DtypeError(f"{who}: {not_integers('labels', labels)}")
    if not 0 <= blank < shape[2]:
        raise IndexError(
            f"{who}: blank_id must be one of {shape[2]} classes: got {blank}; write blank_id=0"
        )
    if isinstance(labels, Tracer) or isinstance(label_padded, Tracer):
        return  # their values may be unknown
    if np.any((label_padded[:, :-1] != 0) & (label_padded[:, 1:] == 0)):
        raise ValueError(
            f"{who}: labels must come before their padding: got label_paddings with a 0 after a 1; "
            f"move the labels to the front"
        )
    used = labels[label_padded == 0]
    bad = used[(used < 0) | (used >= shape[2]) | (used == blank)]
    if bad.size:
        raise IndexError(
            f"{who}: the label {bad[0]} is the blank or out of range for {shape[2]} classes; mark "
            f"padding by label_paddings"
        )
