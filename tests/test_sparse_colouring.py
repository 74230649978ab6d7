"""Colourings of patterns: each element is read from one pass, and there are few passes."""

import itertools
import pickle

import numpy as np
import pytest

from funcgrad.core.errors import MutationError, ShapeError
from funcgrad.sparse import Colouring, Pattern, colour
from funcgrad.sparse.greedy import greedy, neighbours, orders, smallest_last

RNG = np.random.default_rng(0)


def stencil(shape, offsets):
    """Return the pattern of a grid whose points depend on those at some offsets."""
    numbers = np.arange(np.prod(shape)).reshape(shape)
    rows, columns = [], []
    for offset in offsets:
        here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, shape, strict=True))
        there = tuple(slice(max(0, o), n + min(0, o)) for o, n in zip(offset, shape, strict=True))
        rows.append(numbers[here].ravel())
        columns.append(numbers[there].ravel())
    return Pattern.from_coo((numbers.size,) * 2, np.concatenate(rows), np.concatenate(columns))


def cross(rank, radius=1):
    steps = [s for s in range(-radius, radius + 1) if s]
    units = [tuple(s * (d == e) for e in range(rank)) for d in range(rank) for s in steps]
    return [(0,) * rank, *units]


def ring(n):
    eye = np.eye(n)
    return Pattern.from_dense(eye + np.roll(eye, 1, 0) + np.roll(eye, -1, 0))


def fields(n):
    """Return the pattern of two fields on a torus, each of which depends on the other's points."""
    line = ring(n).todense()
    own = np.kron(line, np.eye(n)) + np.kron(np.eye(n), line) > 0
    return np.block([[own, np.eye(n * n)], [np.eye(n * n), own]])


ARROW = np.eye(30) + np.eye(30)[0] + np.eye(30)[:, :1]
SYMMETRIC = RNG.random((40, 40)) < 0.05
# the pattern, passes at most of a Jacobian, and of a Hessian
PATTERNS = {
    "chain": (stencil((40,), cross(1)), 3, 3),
    "pentadiagonal": (stencil((40,), cross(1, 2)), 5, 5),
    "grid": (stencil((12, 17), cross(2)), 5, 5),
    "grid of length 5 and 10": (stencil((5, 10), cross(2)), 5, 5),
    "box": (stencil((9, 8), list(itertools.product((-1, 0, 1), repeat=2))), 9, 9),
    "grid in three dimensions": (stencil((5, 6, 7), cross(3)), 7, 7),
    "ring": (ring(31), 4, 4),
    "two fields on a torus": (Pattern.from_dense(fields(8)), 8, 12),
    "arrow": (Pattern.from_dense(ARROW), 3, 2),
    "arrows": (Pattern.from_dense(np.kron(np.eye(3), ARROW)), 3, 2),
    "random": (Pattern.from_dense(SYMMETRIC | SYMMETRIC.T | np.eye(40, dtype=bool)), 12, 8),
    "a row": (Pattern.from_dense(np.ones((1, 9))), 1, None),
    "a column": (Pattern.from_dense(np.ones((9, 1))), 1, None),
    "tall": (Pattern.from_dense(RNG.random((50, 6)) < 0.3), 6, None),
    "dense": (Pattern.from_dense(np.ones((5, 5))), 5, 5),
    "one element": (Pattern.from_dense([[1]]), 1, 1),
    "diagonal": (Pattern.from_dense(np.eye(6)), 1, 1),
    "nothing": (Pattern.from_dense(np.zeros((3, 3))), 0, 0),
    "empty": (Pattern.from_coo((0, 0), [], []), 0, 0),
    "off the diagonal": (Pattern.from_dense(np.eye(6)[::-1]), 1, 1),
}


def recovered(colouring, matrix):
    """Return the elements that are read from the passes over a matrix."""
    columns = [matrix @ (colouring.columns == c) for c in range(colouring.forward)]
    rows = [(colouring.rows == c) @ matrix for c in range(colouring.reverse)]
    return np.concatenate([*columns, *rows, np.zeros(0)])[colouring.places]


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev", "both"])
@pytest.mark.parametrize("name", PATTERNS)
def test_each_element_is_read_from_one_pass(name, mode):
    pattern, most, _ = PATTERNS[name]
    matrix = pattern.todense() * RNG.random(pattern.shape)
    colouring = colour(pattern, mode)

    assert np.array_equal(matrix[pattern.rows, pattern.indices], recovered(colouring, matrix))
    assert mode != "auto" or colouring.passes <= most
    assert mode != "fwd" or colouring.reverse == 0
    assert mode != "rev" or colouring.forward == 0


@pytest.mark.parametrize("name", [n for n in PATTERNS if PATTERNS[n][2] is not None])
def test_elements_of_a_symmetric_matrix_are_read_once(name):
    pattern, _, most = PATTERNS[name]
    matrix = pattern.todense() * RNG.random(pattern.shape)
    matrix = matrix + matrix.T
    colouring = colour(pattern, symmetric=True)

    assert np.array_equal(matrix[pattern.rows, pattern.indices], recovered(colouring, matrix))
    assert colouring.passes <= most and not colouring.reverse


@pytest.mark.parametrize("name", PATTERNS)
def test_a_greedy_colouring_is_one_in_each_order(name):
    pattern = PATTERNS[name][0]
    for order in orders(pattern):
        assert sorted(order) == list(range(pattern.shape[1]))
        Colouring(pattern, columns=greedy(pattern, order))


def test_smallest_last_removes_a_tree_leaf_by_leaf():
    star = Pattern.from_dense([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    order = smallest_last(neighbours(star))

    assert 0 in order[:2]  # one leaf may come before the centre, which has no more neighbours


def test_colours_that_no_element_needs_are_dropped():
    # of three pairs of mirrored elements each is read once
    pattern = Pattern.from_dense(np.eye(6)[::-1])
    colouring = Colouring(pattern, [0, 1, 2, 3, 4, 5], symmetric=True)

    assert colouring.passes == 3 and np.sum(colouring.columns >= 0) == 3


def test_a_pattern_is_coloured_once():
    pattern = stencil((5,), cross(1))

    assert colour(pattern) is colour(pattern)


def test_a_colouring_is_pickled_and_cannot_be_changed():
    colouring = colour(PATTERNS["arrow"][0])
    again = pickle.loads(pickle.dumps(colouring))

    assert np.array_equal(colouring.places, again.places)
    assert repr(again) == "Colouring of 30 by 30 with 88 elements: 2 forward and 1 reverse passes"
    with pytest.raises(MutationError, match=r"immutable: got rows = \.\.\."):
        colouring.rows = None


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda p: Colouring(p, [0, 0, 0]), ShapeError, r"the element \(0, 0\) shares its colours"),
        (lambda p: Colouring(p), ShapeError, "shares its colours"),
        (
            lambda p: Colouring(p, [0, 1]),
            ShapeError,
            r"each column has a colour.* got shape \(2,\)",
        ),
        (lambda p: Colouring(p, [0, 1, -2]), ShapeError, "a colour of at least -1"),
        (lambda p: colour(p, "reverse"), ValueError, "mode must be one of auto, fwd, rev, both"),
        (lambda p: colour(p, symmetric=True), ShapeError, "leave out symmetric"),
    ],
)
def test_a_faulty_colouring_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make(Pattern.from_dense([[1, 1, 0], [0, 1, 1]]))
