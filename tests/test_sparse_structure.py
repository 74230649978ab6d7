"""Patterns of sparse matrices."""

import pickle

import numpy as np
import pytest

from funcgrad.core.errors import MutationError, ShapeError
from funcgrad.sparse import Pattern

DENSE = np.random.default_rng(0).random((7, 5)) < 0.4
DENSE[2] = False  # a row without elements


def test_a_pattern_is_the_same_however_it_is_made():
    rows, columns = np.nonzero(DENSE)
    twice = np.r_[rows, rows][::-1], np.r_[columns, columns][::-1]
    want = Pattern.from_dense(DENSE)
    starts = np.r_[0, np.cumsum(DENSE.sum(1))]

    assert want == Pattern.from_coo(DENSE.shape, *twice) == Pattern.of(want) == Pattern.of(DENSE)
    assert (
        want
        == Pattern.from_csr(DENSE.shape, starts, columns)
        == Pattern(DENSE.shape, starts, columns)
    )
    assert hash(want) == hash(Pattern.from_coo(DENSE.shape, *twice))
    assert want == pickle.loads(pickle.dumps(want)) != Pattern.from_dense(DENSE.T)
    assert np.array_equal(want.todense(), DENSE) and want.nnz == DENSE.sum()


def test_the_transpose_lists_the_elements_column_by_column():
    pattern = Pattern.from_dense(DENSE)
    numbers = np.zeros(DENSE.shape, int)
    numbers[DENSE] = np.arange(pattern.nnz)

    assert np.array_equal(pattern.T.todense(), DENSE.T)
    assert pattern == pattern.T.T
    assert np.array_equal(pattern.order, numbers.T[DENSE.T])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_a_pattern_may_be_empty(shape):
    pattern = Pattern.from_coo(shape, [], [])

    assert pattern.nnz == 0 and pattern.T.shape == shape[::-1]
    assert repr(pattern).startswith(f"Pattern of {shape[0]} by {shape[1]} with 0 elements")


def test_a_pattern_of_scipy_counts_stored_zeros():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.coo_array(([0.0, 1.0], ([0, 1], [1, 0])), shape=(2, 3))

    assert Pattern.of(matrix) == Pattern.from_coo((2, 3), [0, 1], [1, 0])


def test_a_pattern_cannot_be_changed():
    indices = np.array([0, 1])
    pattern = Pattern((1, 2), [0, 2], indices)
    indices[0] = 1

    assert pattern.indices[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        pattern.indices[0] = 1
    with pytest.raises(MutationError, match=r"immutable: got shape"):
        pattern.shape = (2, 2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Pattern((1, 3), [0, 2], [1, 0]), "sorted and different"),
        (lambda: Pattern((1, 3), [0, 2], [1, 1]), "sorted and different"),
        (lambda: Pattern((2, 3), [0, 1], [1]), "indptr must grow"),
        (lambda: Pattern((2, 3), [0, 2, 1], [1]), "indptr must grow"),
        (lambda: Pattern((1, 3), [0, 1], [3]), "a column lies outside the matrix: got 3 to 3"),
        (lambda: Pattern.from_coo((1, 3), [-1], [0]), "a row lies outside the matrix"),
        (lambda: Pattern.from_dense([1, 0]), "a matrix has two axes"),
    ],
)
def test_a_faulty_pattern_is_refused(make, words):
    with pytest.raises(ShapeError, match=words):
        make()


def test_a_large_pattern_is_drawn_in_dots():
    n = 400
    lines = repr(Pattern.from_dense(np.eye(n))).splitlines()

    assert lines[0] == "Pattern of 400 by 400 with 400 elements (0.25 %)"
    assert len(lines) == 9 and {len(line) for line in lines[1:]} == {16}
