"""Samplers: functions of an epoch's key that return the row indices of the epoch, in order."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import DtypeError
from ..core.lazy import answering
from ..random import Key, RangeError, choice, permutation, split
from .rows import column, integer


@answering
def weighted_sampler(weights: Any, count: int | None = None) -> Callable[[Key | None], np.ndarray]:
    """A sampler that draws rows with replacement, with probabilities proportional to weights.

    It makes rare classes as frequent as others: ``weights = (1 / np.bincount(y))[y]``.

    Args:
        weights: array [N], not negative.
        count: int, the number of rows of an epoch, by default N.

    Raises:
        RangeError: if a weight is negative or not finite, or all are 0.

    >>> import funcgrad as fg
    >>> weighted_sampler([0, 1, 0])(fg.random.key(0))
    array([1, 1, 1])
    """
    w = column("weighted_sampler", "weights", weights).astype(float)
    if not len(w) or not np.all(np.isfinite(w) & (w >= 0)) or not np.any(w):
        raise RangeError(
            f"weighted_sampler: weights must be finite, not negative, and not all 0: got {weights}"
            "; give one weight for each row"
        )
    total = len(w) if count is None else integer("weighted_sampler", "count", count, 1)

    def sample(key: Key | None) -> np.ndarray:
        return choice(_required("weighted_sampler", key), len(w), (total,), p=w)

    return sample


@answering
def bucket_sampler(lengths: Any, batch_size: int) -> Callable[[Key | None], np.ndarray]:
    """A sampler that groups rows of similar length into batches, to reduce padding.

    The order of batches is random, and rows of equal length are shuffled.

    Args:
        lengths: integers [N], the lengths of the sequences.
        batch_size: the batch size of the loader.

    >>> import funcgrad as fg
    >>> lengths = np.array([5, 1, 9, 1, 5, 9])
    >>> lengths[bucket_sampler(lengths, 2)(fg.random.key(0))]
    array([9, 9, 5, 5, 1, 1])
    """
    lengths = column("bucket_sampler", "lengths", lengths)
    size = integer("bucket_sampler", "batch_size", batch_size, 1)

    def sample(key: Key | None) -> np.ndarray:
        order_key, batch_key = split(_required("bucket_sampler", key))
        shuffled = permutation(order_key, len(lengths))
        order = shuffled[np.argsort(lengths[shuffled], kind="stable")]
        # the batch that is not full stays last, so that drop_last applies
        full = len(order) // size
        batches = order[: full * size].reshape(full, size)
        return np.concatenate([permutation(batch_key, batches).ravel(), order[full * size :]])

    return sample


def _required(who: str, key: Key | None) -> Key:
    if key is None:
        raise DtypeError(f"{who}: the key must not be None: give the Loader key=")
    return key
