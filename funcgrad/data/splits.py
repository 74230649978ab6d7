"""Splits: training and test sets, and the folds of cross-validation."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..answers.misfits import told
from ..core.errors import DtypeError
from ..core.lazy import answering
from ..random import Key, RangeError, permutation
from .rows import column, count_rows, integer, take_rows


@answering
def train_test_split(
    arrays: Any, test_size: float = 0.2, *, key: Key | None, stratify: Any = None
) -> tuple[Any, Any]:
    """Split rows into a training and a test set, as copies.

    Args:
        arrays: a tree of arrays with one leading axis.
        test_size: float in (0, 1), the fraction of rows for testing; or int, their number.
        key: draws the rows; None takes the last ones, for a time series.
        stratify: labels [N], whose fractions are kept in both parts, up to rounding.

    Raises:
        RangeError: if a part would be empty.

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


@answering
def k_fold(
    arrays: Any, folds: int = 5, *, key: Key | None, stratify: Any = None
) -> Iterator[tuple[Any, Any]]:
    """Iterate over folds, as pairs of a training and a validation set.

    Every row is in one validation set; the sizes of the folds differ by at most one.

    Args:
        arrays: a tree of arrays with one leading axis.
        folds: int, from 2 to the number of rows.
        key: draws the folds; None makes them of consecutive rows.
        stratify: labels [N]; the counts of a label in the folds differ by at most one.

    Raises:
        RangeError: if there are fewer rows than folds.

    >>> [(len(train), len(valid)) for train, valid in k_fold(np.arange(5), 2, key=None)]
    [(2, 3), (3, 2)]
    """
    count, folds = count_rows("k_fold", arrays), integer("k_fold", "folds", folds, 2)
    if folds > count:
        raise RangeError(
            f"k_fold: folds must be at most the {count} rows: got {folds}; give fewer folds"
        )
    order = np.arange(count) if key is None else permutation(key, count)
    if stratify is None:
        parts = np.array_split(order, folds)
    else:
        # rows sorted by label are dealt to the folds in turn
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
        cure = f"; write {who}((x, y))" if isinstance(test_size, np.ndarray) else ""
        raise DtypeError(
            f"{who}: test_size must be a float or an integer: got {told(test_size)}{cure}"
        )
    if not 0 < tests < count:
        raise RangeError(
            f"{who}: test_size must leave rows in both parts: got {test_size} of {count} rows; "
            f"give a fraction in (0, 1), or an integer from 1 to {count - 1}"
        )
    return tests


def _stratified(order: np.ndarray, labels: np.ndarray, tests: int) -> np.ndarray:
    """The row order with the test rows last, each label at its rounded quota.

    Source: the largest remainder method; ties go to the first label.
    """
    _, kinds, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    exact = counts * tests / len(order)
    quota = np.floor(exact).astype(int)
    largest = np.argsort(quota - exact, kind="stable")[: tests - quota.sum()]
    quota[largest] += 1
    grouped = np.argsort(kinds, kind="stable")
    within = np.empty(len(order), int)  # rows of the same label before a row
    within[grouped] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    tested = within >= (counts - quota)[kinds]
    return np.concatenate([order[~tested], order[tested]])
