"""Splits: training and test sets, and the folds of cross-validation."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import DtypeError
from ..random import Key, RangeError, permutation
from .rows import column, count_rows, integer, take_rows


def train_test_split(
    arrays: Any, test_size: float = 0.2, *, key: Key | None, stratify: Any = None
) -> tuple[Any, Any]:
    """Split rows in two, and return both parts as copies.

    Args:
        arrays: a tree of arrays with one leading axis.
        test_size: float in (0, 1), a share; or an integer, how many rows.
        key: draws which rows; None tests on the last ones, which suits a time series.
        stratify: labels [N], whose shares will be the same in both parts, as nearly as can be.

    Raises:
        RangeError: if one part would be empty.

    >>> import funcgrad as fg
    >>> train, test = train_test_split((np.ones((10, 3)), np.arange(10)), 0.3, key=fg.random.key(0))
    >>> train[0].shape, test[0].shape
    ((7, 3), (3, 3))
    """
    who = "train_test_split"
    count = count_rows(who, arrays)
    tests = _test_count(who, test_size, count)
    order = np.arange(count) if key is None else permutation(key, count)
    if stratify is not None:
        order = _stratified(order, column(who, "stratify", stratify, count), tests)
    train, test = order[: count - tests], order[count - tests :]
    return take_rows(arrays, train), take_rows(arrays, test)


def k_fold(
    arrays: Any, folds: int = 5, *, key: Key | None, stratify: Any = None
) -> Iterator[tuple[Any, Any]]:
    """An iterator over the folds, each a part to train on and a part to validate on.

    Every row validates once; the sizes of the folds differ by one at most.

    Args:
        arrays: a tree of arrays with one leading axis.
        folds: how many, from 2 to the number of rows.
        key: draws the folds; None keeps neighbouring rows together.
        stratify: labels [N]; of each, the folds have equal counts up to one.

    Raises:
        RangeError: if there are fewer rows than folds.

    >>> [(len(train), len(valid)) for train, valid in k_fold(np.arange(5), 2, key=None)]
    [(2, 3), (3, 2)]
    """
    count, folds = count_rows("k_fold", arrays), integer("k_fold", "folds", folds, 2)
    if folds > count:
        raise RangeError(f"k_fold: folds must be at most the {count} rows: got {folds}")
    order = np.arange(count) if key is None else permutation(key, count)
    if stratify is None:
        parts = np.array_split(order, folds)
    else:
        # dealt like cards, a label after the other, so that each fold gets its share of each
        labels = column("k_fold", "stratify", stratify, count)
        dealt = order[np.argsort(labels[order], kind="stable")]
        parts = [dealt[i::folds] for i in range(folds)]
    others = (np.concatenate(parts[:i] + parts[i + 1 :]) for i in range(folds))
    pairs = zip(others, parts, strict=True)
    return ((take_rows(arrays, train), take_rows(arrays, valid)) for train, valid in pairs)


def _test_count(who: str, test_size: Any, count: int) -> int:
    if isinstance(test_size, float | np.floating):
        tests = round(count * float(test_size)) if 0 < test_size < 1 else 0
    elif isinstance(test_size, int | np.integer) and not isinstance(test_size, bool):
        tests = int(test_size)
    else:
        raise DtypeError(f"{who}: test_size must be a share or a count: got {test_size!r}")
    if not 0 < tests < count:
        raise RangeError(
            f"{who}: test_size must leave both parts some of the {count} rows: got {test_size}; "
            f"give a share between 0 and 1, or a count from 1 to {count - 1}"
        )
    return tests


def _stratified(order: np.ndarray, labels: np.ndarray, tests: int) -> np.ndarray:
    """The rows with those for testing last, of each label its share, rounded.

    Source: the method of largest remainders; of equal ones the first in the order wins.
    """
    _, kinds, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    exact = counts * tests / len(order)
    quota = np.floor(exact).astype(int)
    largest = np.argsort(quota - exact, kind="stable")[: tests - quota.sum()]
    quota[largest] += 1
    grouped = np.argsort(kinds, kind="stable")
    within = np.empty(len(order), int)  # how many of its kind stand before a row
    within[grouped] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    tested = within >= (counts - quota)[kinds]
    return np.concatenate([order[~tested], order[tested]])
