"""Sparse matrices: products, sums and their derivatives, against dense arrays."""

import pickle

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import sparse
from funcgrad.core.errors import ConversionError, ShapeError

from .support.compare import assert_same

RNG = np.random.default_rng(0)
DENSE = RNG.random((4, 3)) * [[1, 0, 1], [0, 0, 0], [1, 0, 0], [1, 1, 1]]
A = sparse.csr(DENSE)
COLUMN, ROW = RNG.random(3), RNG.random(4)

# of a matrix, sparse or dense, and a vector
PROGRAMS = {
    "A @ x": lambda a, x: a @ x,
    "A @ X": lambda a, x: a @ np.outer(x, ROW),
    "x @ A.T": lambda a, x: x @ a.T,
    "X @ A": lambda a, x: np.outer(COLUMN, ROW * x[0]) @ a,
    "a stack": lambda a, x: a @ (x[:, None] * np.ones((2, 1, 5))),
    "scaled": lambda a, x: (2 * a / x[0] - a * x - -a * ROW[:, None]) @ x,
    "a sum": lambda a, x: (a + a * x[1] - a) @ x,
    "products of elements": lambda a, x: (a * a) @ x,
    "the diagonal": lambda a, x: a.diagonal() * x,
}
WAYS = {
    "eager": lambda f: f,
    "jit": fg.jit,
    "jvp": lambda f: lambda a, x: fg.jvp(f, (a, x), (a * 2.0, x**2))[1],
    "grad": lambda f: lambda a, x: fg.grad(lambda a, x: np.sum(np.sin(f(a, x))), 1)(a, x),
    "jit of grad": lambda f: fg.jit(fg.grad(lambda a, x: np.sum(np.sin(f(a, x))), 1)),
    "hessian": lambda f: fg.hessian(lambda a, x: np.sum(np.sin(f(a, x))), 1),
    "vmap": lambda f: lambda a, x: fg.vmap(f, (None, 0))(a, np.stack([x, 2 * x])),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_sparse_matrix_computes_as_a_dense_one(program, way):
    f = WAYS[way](PROGRAMS[program])

    np.testing.assert_allclose(f(A, COLUMN), f(DENSE, COLUMN), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("jit", [False, True])
def test_the_gradient_by_a_matrix_is_that_of_its_elements(jit):
    f = lambda a, x: np.sum(np.sin(a @ x) * (x @ a.T))
    g = fg.jit(fg.grad(f)) if jit else fg.grad(f)
    got = g(A, COLUMN)

    assert isinstance(got, sparse.CSR) and got.pattern is A.pattern
    np.testing.assert_allclose(got.todense(), fg.grad(f)(DENSE, COLUMN) * (DENSE != 0), rtol=1e-13)


def test_vmap_makes_a_stack_of_matrices():
    stack = fg.vmap(lambda s: A * s)(np.arange(3.0))
    want = np.arange(3.0)[:, None, None] * DENSE

    assert stack.shape == (3, 4, 3)
    assert_same(want, stack.todense())
    np.testing.assert_allclose(stack @ COLUMN, want @ COLUMN, rtol=1e-14)
    np.testing.assert_allclose(stack @ DENSE.T, want @ DENSE.T, rtol=1e-14)
    np.testing.assert_allclose(fg.vmap(lambda a: a @ COLUMN)(stack), want @ COLUMN, rtol=1e-14)


def test_sums_of_other_structures_unite_them():
    other = np.eye(4, 3)
    total = A - 2.0 * sparse.csr(other)

    assert total.nnz == np.sum((DENSE != 0) | (other != 0))
    assert_same(DENSE - 2 * other, np.asarray(total))
    assert_same(2 * DENSE, sum([A, A]).todense())
    grad = fg.grad(lambda s: np.sum((A + sparse.csr(other) * s).todense() ** 2))
    np.testing.assert_allclose(grad(1.0), 2 * np.trace((DENSE + other)[:3]), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i8"])
def test_dtypes_are_kept(dtype):
    a, x = (2 * DENSE).astype(dtype), COLUMN.astype(dtype)

    assert sparse.csr(a).dtype == dtype
    assert (sparse.csr(a) @ x).dtype == (a @ x).dtype
    np.testing.assert_allclose(sparse.csr(a) @ x, a @ x, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 3), (1, 1)])
def test_a_matrix_without_elements_is_0(shape):
    a = sparse.csr(np.zeros(shape))
    rows, columns = shape

    for f in (a.__matmul__, fg.jit(lambda x: a @ x)):
        assert_same(np.zeros(rows), f(np.ones(columns)))
    assert_same(np.zeros(columns), np.ones(rows) @ a)
    assert_same(np.zeros(shape), a.todense())


def test_a_matrix_is_a_tree_with_one_leaf():
    leaves, treedef = fg.tree.flatten({"a": A})

    assert len(leaves) == 1 and leaves[0] is A.data
    assert fg.tree.unflatten(treedef, leaves)["a"].pattern is A.pattern
    assert pickle.loads(pickle.dumps(A)).pattern == A.pattern
    assert [fg.tree.keystr(p) for p, _ in fg.tree.leaves_with_path({"a": A})] == ["['a'].data"]


def test_a_matrix_of_scipy_becomes_one_of_ours_and_back():
    scipy = pytest.importorskip("scipy.sparse")
    twice = scipy.coo_array(([1.0, 2.0, 3.0], ([1, 0, 1], [0, 1, 0])), shape=(2, 2))
    unsorted = scipy.csr_array(([1.0, 2.0], [1, 0], [0, 2]), shape=(1, 2))

    assert_same(twice.toarray(), sparse.csr(twice).todense())
    assert_same(unsorted.toarray(), sparse.csr(unsorted).todense())
    assert_same(DENSE, A.to_scipy().toarray())
    assert sparse.csr(A.to_scipy()).pattern == A.pattern


def test_a_matrix_shows_its_places():
    assert repr(A).splitlines() == [
        "CSR of 4 by 3 with 6 elements (50 %), float64", "●·●", "···", "●··", "●●●",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (lambda: A @ np.ones(4), ShapeError, "have length 3 along the axis that is"),
        (lambda: A @ 2.0, ShapeError, "at least one axis"),
        (lambda: A @ A.T, ConversionError, "product of two sparse matrices"),
        (lambda: A + 1.0, ConversionError, "the sum with an array is not sparse"),
        (lambda: A + A.T, ShapeError, "the shapes of a sum must be equal"),
        (lambda: A * A.T, ShapeError, "both structures are equal"),
        (lambda: A * np.ones((4, 3)), ShapeError, "a scalar, a row or a column"),
        (lambda: bool(A), TypeError, "ambiguous"),
        (lambda: np.sin(A), TypeError, "does not support ufuncs|__array_ufunc__"),
        (lambda: sparse.CSR(np.ones(2), A.pattern), ShapeError, "an element for each place"),
        (lambda: fg.jit(sparse.csr)(DENSE), ConversionError, "give a pattern"),
        (lambda: fg.jit(lambda a: a.to_scipy())(A), ConversionError, "traced"),
    ],
)
def test_what_has_no_meaning_is_refused(f, error, words):
    with pytest.raises(error, match=words):
        f()


def test_a_traced_array_is_stored_by_a_given_pattern():
    f = lambda a: np.sum((sparse.csr(a, A.pattern) @ COLUMN) ** 2)
    want = fg.grad(lambda a: np.sum((a @ COLUMN) ** 2))(DENSE) * (DENSE != 0)

    np.testing.assert_allclose(fg.grad(f)(DENSE), want, rtol=1e-14)
