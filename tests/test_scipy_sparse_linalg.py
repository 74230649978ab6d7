"""Operators, eigenvalues, least squares and exponentials of funcgrad.scipy.sparse.linalg."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ShapeError, UnsupportedError
from funcgrad.scipy.linalg import expm
from funcgrad.scipy.sparse import linalg

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(6, 6)) * 2, RNG.normal(size=(6, 2))
TALL, WIDE = RNG.normal(size=(8, 5)), RNG.normal(size=(5, 8))


def random_symmetric(n, seed):
    rng = np.random.default_rng(seed)
    a = np.where(rng.uniform(size=(n, n)) < 3 / n, rng.normal(size=(n, n)), 0)
    return a + a.T + np.diag(np.linspace(-4, 20, n))


LARGE = random_symmetric(220, 0)
SPARSE = fg.sparse.csr(LARGE)
PATTERN = SPARSE.pattern
PUSH = (lambda d: (d + d.T) / 2)(fg.sparse.CSR(np.cos(np.arange(SPARSE.nnz)), PATTERN).todense())
PUSH = PUSH[PATTERN.rows, PATTERN.indices]


def stored(a):
    """A matrix, which may be traced, with all of its elements."""
    return fg.sparse.CSR(np.ravel(a), fg.sparse.csr(np.ones(a.shape)).pattern)


# operators


def test_an_operator_is_its_matrix():
    op = linalg.LinearOperator((6, 6), lambda v: A @ v)
    v = B[:, 0]
    for got, want in (
        (op @ B, A @ B), (op.T @ B, A.T @ B), ((op + 2 * op).H.matvec(v), 3 * A.T @ v),
        ((op @ op)(v), A @ A @ v), ((op - op.T).rmatmat(B), (A.T - A) @ B), (-op * v, -A @ v),
        (linalg.aslinearoperator(fg.sparse.csr(A)).rmatvec(v), A.T @ v),
    ):  # fmt: skip
        np.testing.assert_allclose(got, want, atol=1e-12)
    wave = linalg.LinearOperator((6, 6), lambda v: (A + 1j * np.eye(6)) @ v, dtype=complex)
    np.testing.assert_allclose(wave.rmatvec(v + 0j), (A.T - 1j * np.eye(6)) @ v)
    np.testing.assert_allclose(wave.T.matvec(v + 0j), (A.T + 1j * np.eye(6)) @ v)
    with pytest.raises(ShapeError, match="LinearOperator: a vector of 6 elements is needed"):
        op.matvec(np.ones(5))


def test_solvers_take_operators_that_close_over_traced_values():
    solved = lambda a: linalg.gmres(
        linalg.LinearOperator((6, 6), lambda v: a @ v), B[:, 0], rtol=1e-13
    )[0]
    exact = lambda a: np.linalg.solve(a, B[:, 0])
    slope = lambda f: fg.grad(lambda a: np.sum(f(a) ** 2))(A)

    np.testing.assert_allclose(solved(A), exact(A), rtol=1e-9)
    np.testing.assert_allclose(slope(solved), slope(exact), rtol=1e-8)
    with pytest.raises(ShapeError, match="cg: the matrix must be 6 by 6: got"):
        linalg.cg(linalg.LinearOperator((5, 5), lambda v: v), B[:, 0])


# eigenvalues


@pytest.mark.parametrize("which", ["LM", "LA", "SA", "BE"])
def test_eigenvalues_at_the_ends_are_those_of_the_dense_matrix(which):
    w = np.linalg.eigvalsh(LARGE)
    at = {"LM": np.sort(np.argsort(np.abs(w))[-5:]), "LA": np.arange(215, 220),
          "SA": np.arange(5), "BE": np.array([0, 1, 217, 218, 219])}[which]  # fmt: skip
    values, vectors = linalg.eigsh(SPARSE, 5, which=which)

    np.testing.assert_allclose(values, w[at], rtol=1e-12)
    np.testing.assert_allclose(LARGE @ vectors, vectors * values, atol=1e-11)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-12)
    small = linalg.eigsh(LARGE[:9, :9], 3, which=which, return_eigenvectors=False)
    assert set(small) <= set(np.linalg.eigvalsh(LARGE[:9, :9]))


@pytest.mark.parametrize("which", ["LM", pytest.param("BE", marks=pytest.mark.slow)])
def test_eigenvalues_and_eigenvectors_have_derivatives_of_both_modes(which):
    def f(data):
        w, v = linalg.eigsh(fg.sparse.CSR(data, PATTERN), 3, which=which)
        return w, np.sum(np.abs(v) ** 3, axis=0)

    h = 1e-5
    along = lambda s: f(SPARSE.data + s * PUSH)
    out, moved = fg.jvp(f, (SPARSE.data,), (PUSH,))
    for got, ahead, behind in zip(moved, along(h), along(-h), strict=True):
        np.testing.assert_allclose(got, (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-7)
    cts = (np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0, -1.0]))
    (back,) = fg.vjp(f, SPARSE.data)[1](cts)
    pushed = sum(np.sum(c * m) for c, m in zip(cts, moved, strict=True))
    assert np.sum(back * PUSH) == pytest.approx(pushed, rel=1e-8)
    loss = lambda s: np.sum(f(SPARSE.data + s * PUSH)[1])
    slope = fg.grad(loss)
    assert fg.grad(slope)(0.0) == pytest.approx((slope(1e-4) - slope(-1e-4)) / 2e-4, rel=1e-4)
    for got, want in zip(fg.jit(f)(SPARSE.data), out, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9)


@pytest.mark.parametrize("turned", [False, True])
def test_singular_values_are_those_of_the_dense_matrix(turned):
    a = LARGE[:, :180].T if turned else LARGE[:, :180]
    u, s, vh = linalg.svds(fg.sparse.csr(a), 4)

    np.testing.assert_allclose(s, np.linalg.svd(a)[1][:4][::-1], rtol=1e-12)
    np.testing.assert_allclose(a @ vh.T, u * s, atol=1e-11)
    np.testing.assert_allclose(u.T @ u, np.eye(4), atol=1e-12)
    rows = np.random.default_rng(0).normal(size=a.shape)
    values = lambda t: linalg.svds(a + t * rows, 4, return_singular_vectors=False)
    slope = (values(1e-5) - values(-1e-5)) / 2e-5
    np.testing.assert_allclose(fg.jvp(values, (0.0,), (1.0,))[1], slope, rtol=1e-6)


# least squares


@pytest.mark.parametrize("name", ["lsqr", "lsmr"])
@pytest.mark.parametrize("damp", [0.0, 0.3])
@pytest.mark.parametrize("a", [TALL, WIDE], ids=["tall", "wide"])
def test_least_squares_have_the_derivatives_of_the_pseudoinverse(a, damp, name):
    b, n = RNG.normal(size=len(a)), a.shape[1]

    def exact(a, b):
        if damp:
            return np.linalg.solve(a.T @ a + damp * damp * np.eye(n), a.T @ b)
        return np.linalg.pinv(a) @ b

    solver = getattr(linalg, name)
    solved = lambda a, b: solver(stored(a), b, damp, 1e-14, 1e-14, 0)[0]
    args, ts = (a, b), (np.cos(a), np.sin(b))

    np.testing.assert_allclose(solved(*args), exact(*args), rtol=1e-10)
    got, want = (fg.jvp(f, args, ts)[1] for f in (solved, exact))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
    for i in (0, 1):
        got, want = (fg.grad(lambda *x, f=f: np.sum(np.sin(f(*x))), i)(*args)
                     for f in (solved, exact))  # fmt: skip
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(fg.jit(solved)(*args), solved(*args), rtol=1e-10)


@pytest.mark.parametrize("name", ["lsqr", "lsmr"])
def test_least_squares_end_where_those_of_scipy_do(name):
    theirs = pytest.importorskip("scipy.sparse.linalg")
    b, most = RNG.normal(size=8), {"iter_lim": 2} if name == "lsqr" else {"maxiter": 2}
    for options in ({}, {"damp": 0.4}, most, {"x0": np.ones(5)}, {"conlim": 1.5}):
        want, got = (getattr(m, name)(TALL, b, atol=1e-10, btol=1e-10, **options)
                     for m in (theirs, linalg))  # fmt: skip
        np.testing.assert_allclose(got[0], want[0], rtol=1e-9)
        for x, y in zip(got[1:9], want[1:9], strict=True):
            assert x == pytest.approx(y, rel=1e-6, abs=1e-8), options


# exponentials


@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_products_with_an_exponential_are_those_of_the_exponential(kind):
    def f(a, b):
        return linalg.expm_multiply(stored(a) if kind == "csr" else a, b)

    exact = lambda a, b: expm(a) @ b
    args, ts = (A - 9 * np.eye(6), B), (np.cos(A), B**2)

    np.testing.assert_allclose(f(*args), exact(*args), rtol=1e-11)
    got, want = (fg.jvp(g, args, ts)[1] for g in (f, exact))
    np.testing.assert_allclose(got, want, rtol=1e-10)
    got, want = (fg.grad(lambda a, g=g: np.sum(g(a, B) ** 2))(args[0]) for g in (f, exact))
    np.testing.assert_allclose(got, want, rtol=1e-10)
    np.testing.assert_allclose(fg.jit(f)(*args), f(*args), rtol=1e-12)
    times = linalg.expm_multiply(A, B, 0.1, 0.9, 3)
    np.testing.assert_allclose(times, [expm(t * A) @ B for t in (0.1, 0.5, 0.9)], rtol=1e-11)


def test_what_these_functions_lack_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="eigsh: M and sigma must be None"):
        linalg.eigsh(SPARSE, 2, sigma=1.0)
    with pytest.raises(ValueError, match="eigsh: which must be one of LM, LA, SA, BE: got 'SM'"):
        linalg.eigsh(SPARSE, 2, which="SM")
    with pytest.raises(ShapeError, match="eigsh: k must be from 1 to 219: got 220"):
        linalg.eigsh(SPARSE, 220)
    with pytest.raises(UnsupportedError, match="svds: which must be 'LM': got 'SM'"):
        linalg.svds(SPARSE, 2, which="SM")
    with pytest.raises(ShapeError, match=r"expm_multiply: A must be 6 by 6 for B: got \(8, 5\)"):
        linalg.expm_multiply(TALL, B)
    with pytest.raises(TypeError, match="cg: SciPy's operators take plain arrays"):
        sparse = pytest.importorskip("scipy.sparse.linalg")
        linalg.cg(sparse.aslinearoperator(A @ A.T), B[:, 0])
    assert linalg.factorized(np.diag([2.0, 4.0]))(np.ones(2)) == pytest.approx([0.5, 0.25])
