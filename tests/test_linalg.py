"""Linear algebra: NumPy's values, types and errors, derivatives, and the points where none exists.

The laws between the rules of each primitive are tested over the table of ``support/cases.py``.
"""

import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import linalg, tree
from funcgrad.core.errors import DtypeError, MissingRuleError, ShapeError, UnsupportedError
from funcgrad.ops.linalg import triangular

from .support.compare import assert_same

RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(2, 4, 4))
TALL, STACK = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 4, 4))
Z = A + 1j * B
PSD, PSZ = A @ A.T + np.eye(4), Z @ Z.conj().T + np.eye(4)
V = RNG.normal(size=4)
SINGULAR = np.outer(V, V)


def rank(n, size=4):
    """Return a matrix of this rank."""
    return RNG.normal(size=(size, n)) @ RNG.normal(size=(n, size))


def symmetric(a):
    return (a + np.conjugate(np.swapaxes(a, -1, -2))) / 2


TIGHT = {"rtol": 1e-12, "atol": 1e-12}

# values


def test_every_name_of_numpy_is_in_both_namespaces():
    names = set(np.linalg.__all__)

    assert names <= set(dir(fg.numpy.linalg)) and names <= set(dir(linalg))


FUNCTIONS = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": np.linalg.slogdet,
    "cholesky": lambda x: np.linalg.cholesky(x @ np.conj(x.mT) + np.eye(4, dtype=x.dtype)),
    "upper cholesky": lambda x: np.linalg.cholesky(x @ np.conj(x.mT) + 4, upper=True),
    "qr": np.linalg.qr,
    "complete qr": lambda x: np.linalg.qr(x, "complete"),
    "r": lambda x: np.linalg.qr(x[..., :3], "r"),
    "wide qr": lambda x: np.linalg.qr(x[..., :2, :]),
    "svd": lambda x: np.linalg.svd(x[..., :3], full_matrices=False),
    "full svd": np.linalg.svd,
    "hermitian svd": lambda x: np.linalg.svd(x, hermitian=True),
    "svdvals": np.linalg.svdvals,
    "hermitian svdvals": lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True),
    "eigh": np.linalg.eigh,
    "upper eigh": lambda x: np.linalg.eigh(x, "U"),
    "eigvalsh": np.linalg.eigvalsh,
    "eig": lambda x: [np.abs(y) for y in np.linalg.eig(x)],
    "eigvals": lambda x: np.abs(np.linalg.eigvals(x)),
    "pinv": lambda x: np.linalg.pinv(x[..., :2]),
    "pinv, rtol": lambda x: np.linalg.pinv(x[..., :2] @ x[..., :2, :], rtol=1e-6),
    "hermitian pinv": lambda x: np.linalg.pinv(x, hermitian=True),
    "solve": lambda x: np.linalg.solve(x, V),
    "solve many": lambda x: np.linalg.solve(x, x[..., ::-1, :3]),
    "matrix_power": lambda x: np.linalg.matrix_power(x, -3),
    "matrix_rank": lambda x: np.linalg.matrix_rank(x, rtol=0.2),
    "norm 2": lambda x: np.linalg.norm(x, 2, axis=(-2, -1)),
    "norm -2": lambda x: np.linalg.norm(x, -2, axis=(-1, -2), keepdims=True),
    "nuclear norm": lambda x: np.linalg.matrix_norm(x, ord="nuc"),
    **{
        f"cond {p}": lambda x, p=p: np.linalg.cond(x, p)
        for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc")
    },
    "tensorinv": lambda x: np.linalg.tensorinv(x.reshape(-1, 2, 2, 4)[0], 2),
    "tensorsolve": lambda x: np.linalg.tensorsolve(x.reshape(-1, 2, 2, 4)[0], V.reshape(2, 2)),
}
# of complex matrices the vectors have phases that are LAPACK's own
PHASES = {"svd", "full svd", "hermitian svd", "eigh", "upper eigh"}
each_function = pytest.mark.parametrize("name", FUNCTIONS)


@each_function
@pytest.mark.parametrize(
    "x", [A, Z, STACK, A.astype("f4"), Z.astype("c8")], ids=lambda x: str(x.dtype)
)
def test_traced_values_are_numpys(name, x):
    f = FUNCTIONS[name]
    want = f(x)
    kinds = []

    def watched(x):
        kinds.append(type(f(x)))
        return f(x)

    tolerance = 1e-12 if x.dtype.itemsize > 8 or x.dtype == float else 2e-5
    for got in (fg.vjp(watched, x)[0], fg.jvp(watched, (x,), (x,))[0], fg.jit(watched)(x)):
        assert_same(want, got, tolerance, tolerance)
        assert type(got) is type(want) or not isinstance(want, tuple)
    assert type(want) in kinds or not isinstance(want, tuple)


@each_function
def test_a_batch_is_a_loop(name):
    f = FUNCTIONS[name]
    rows = [f(x) for x in STACK]
    want = tree.map(lambda *ys: np.stack(ys), *rows)

    assert_same(want, fg.vmap(f)(STACK), **TIGHT)
    assert_same(want, fg.jit(fg.vmap(f))(STACK), **TIGHT)
    last = np.moveaxis(STACK, 0, -1)
    assert_same(want, fg.vmap(f, in_axes=-1)(last), **TIGHT)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "matrix_rank"])
def test_derivatives_agree_with_differences(name):
    fg.check_grads(FUNCTIONS[name], (A + A.T if "hermitian" in name else A,), order=2)
    if name not in PHASES:
        fg.check_grads(FUNCTIONS[name], (Z + Z.conj().T if "hermitian" in name else Z,), order=1)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "matrix_rank"])
def test_gradients_of_programs_and_batches_are_those_of_eager_code(name):
    f = FUNCTIONS[name]
    loss = lambda x: sum(np.sum(np.sin(np.abs(y))) for y in tree.leaves(f(x)))
    want = [fg.grad(loss)(x) for x in STACK]

    assert_same(want[0], fg.jit(fg.grad(loss))(STACK[0]), 1e-10, 1e-10)
    assert_same(np.stack(want), fg.vmap(fg.grad(loss))(STACK), 1e-9, 1e-9)
    hessian = fg.hessian(loss)(STACK[0])
    assert_same(hessian, np.transpose(hessian, (2, 3, 0, 1)), 1e-7, 1e-7 * np.abs(hessian).max())


def test_real_eigenvalues_are_real_where_they_are_known():
    for x in (PSD, PSZ, A - A.T, np.stack([PSD, A - A.T]), np.zeros((0, 0)), PSD.astype("f4")):
        for f in (np.linalg.eig, np.linalg.eigvals):
            kinds = [y.dtype for y in tree.leaves(f(x))]
            program = [y.dtype for y in tree.leaves(fg.jit(f)(x))]
            assert kinds == [y.dtype for y in tree.leaves(fg.vjp(f, x)[0])]
            assert kinds == [y.dtype for y in tree.leaves(getattr(linalg, f.__name__)(x))]
            assert program == [np.result_type(k, np.complex64) for k in kinds]
    fg.check_grads(lambda x: np.linalg.eig(x)[0], (PSD,), order=2)


def test_integers_and_lists_count_as_floats():
    x = np.array([[2, 1], [1, 3]])
    for f in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigvalsh):
        assert_same(f(x), fg.jit(f)(x), **TIGHT)
        assert_same(f(x), getattr(linalg, f.__name__)(x.tolist()), **TIGHT)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)])
def test_empty_matrices_have_empty_gradients(shape):
    x = np.ones(shape)
    for f in (np.linalg.inv, np.linalg.det, np.linalg.eigvalsh, np.linalg.svdvals, linalg.expm):
        loss = lambda x, f=f: np.sum(f(x))
        assert fg.grad(loss)(x).shape == fg.jit(fg.grad(loss))(x).shape == shape


PRODUCTS = {
    "matmul": np.matmul,
    "dot": np.dot,
    "inner": np.inner,
    "outer": np.outer,
    "kron": np.kron,
    "tensordot": lambda x, y: np.tensordot(x, y, 1),
    "vecdot": np.vecdot,
    "einsum": lambda x, y: np.einsum("...ij,...jk->...ik", x, y),
    "solve": np.linalg.solve,
    "lstsq": lambda x, y: np.linalg.lstsq(x, y)[0],
}
SIDES = [(0,), (2,), (0, 2), (2, 0), (0, 0), (2, 3), (2, 0, 3), (0, 2, 3), (2, 3, 0), (3, 2, 2)]


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_empty_sides_have_derivatives_of_their_shapes(name):
    f, taken = PRODUCTS[name], 0
    for shapes in itertools.product(SIDES, SIDES):
        xs = [np.full(s, 0.5) + (np.eye(*s[-2:]) if len(s) > 1 else 0) for s in shapes]
        try:
            want = f(*xs)
        except (ValueError, np.linalg.LinAlgError):
            continue
        taken += 1
        loss = lambda *xs: np.sum(f(*xs) ** 2)
        both = fg.grad(loss, argnums=(0, 1))
        for g in (both, fg.jit(both)):
            assert [c.shape for c in g(*xs)] == [x.shape for x in xs]
        assert fg.jvp(f, xs, xs)[1].shape == want.shape
        fg.jvp(both, xs, xs)
        for c, x in zip(fg.vmap(both)(*(np.stack([x, x]) for x in xs)), xs, strict=True):
            assert c.shape == (2, *x.shape)
    assert taken > 3


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="NumPy 2.2 has it")
def test_a_vector_in_place_of_a_matrix_is_refused_as_by_numpy():
    for f in (np.matvec, np.vecmat):
        with pytest.raises(ValueError, match="needs at least 2 axes"):
            fg.jit(f)(V, V)


def test_vectors_and_stacks_of_right_hand_sides_follow_numpy_2():
    b = RNG.normal(size=(3, 4, 1))
    assert_same(np.linalg.solve(STACK, V), fg.jit(np.linalg.solve)(STACK, V), **TIGHT)
    assert_same(np.linalg.solve(A, b), fg.jit(np.linalg.solve)(A, b), **TIGHT)
    for axes in [(0, None), (None, 0), (0, 0)]:
        args = STACK if axes[0] == 0 else A, b if axes[1] == 0 else b[0]
        pick = lambda x, d, i: x if d is None else x[i]
        want = [np.linalg.solve(*(pick(x, d, i) for x, d in zip(args, axes, strict=True)))
                for i in range(3)]  # fmt: skip
        assert_same(np.stack(want), fg.vmap(np.linalg.solve, axes)(*args), **TIGHT)


def test_one_matrix_is_factored_once_for_a_batch_of_right_hand_sides():
    jaxpr = fg.make_jaxpr(fg.vmap(np.linalg.solve, (None, 0)))(A, np.ones((100, 4)))
    (eqn,) = [e for e in jaxpr.jaxpr.eqns if e.prim.name == "solve"]

    assert [v.aval.shape for v in eqn.ins] == [(4, 4), (4, 100)]


def test_no_rule_loops_over_a_batch():
    for f in FUNCTIONS.values():
        sizes = {len(fg.make_jaxpr(fg.vmap(f))(np.zeros((n, 4, 4))).jaxpr.eqns) for n in (2, 30)}
        assert len(sizes) == 1


# least squares


@pytest.mark.parametrize("rcond", [None, -1, 0.4, 5.0])
@pytest.mark.parametrize("b", [V[:3], A[:3, :2], A[:3, :0]], ids=["vector", "matrix", "empty"])
@pytest.mark.parametrize("a", [TALL[:3], TALL[:3, :2], TALL[:3].T[:2].T, Z[:3], rank(2, 3)])
def test_least_squares_give_all_of_numpys_results(a, b, rcond):
    f = lambda a: np.linalg.lstsq(a, b, rcond)
    assert_same(f(a), fg.vjp(f, a)[0], **TIGHT)
    assert_same(f(a), fg.jvp(f, (a,), (a,))[0], **TIGHT)


def test_least_squares_of_single_precision_find_the_rank_that_numpy_finds():
    a = TALL.astype("f4") @ np.ones((3, 3), "f4")
    f = lambda a: np.linalg.lstsq(a, np.ones(5, "f4"))
    assert_same(f(a), fg.vjp(f, a)[0], 1e-5, 1e-5)


def test_derivatives_of_least_squares():
    b = RNG.normal(size=(5, 2))
    for a in (TALL, TALL[:2]):
        fg.check_grads(lambda a, b: np.linalg.lstsq(a, b)[0], (a, b[: len(a)]), order=2)
    fg.check_grads(lambda a: np.linalg.lstsq(a, b)[1], (TALL,), order=2)
    assert_same(
        np.stack([np.linalg.lstsq(x, V)[0] for x in STACK]),
        fg.vmap(lambda x: np.linalg.lstsq(x, V)[0])(STACK),
        **TIGHT,
    )


def test_least_squares_of_constant_rank_have_the_derivative_along_it():
    def solution(x):  # of rank 2 for all x
        return np.linalg.lstsq(x @ x.T, np.arange(4.0), 1e-10)[0]

    fg.check_grads(solution, (A[:, :2],), order=1)
    fg.check_grads(lambda x: np.linalg.pinv(x @ x.T, 1e-10), (A[:, :2],), order=2)


# where there is no derivative, or a singular formula


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_the_determinant_of_singular_matrices_has_exact_derivatives(n):
    x = rank(n)
    cofactor = lambda i, j: (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(x, i, 0), j, 1))
    want = np.array([[cofactor(i, j) for j in range(4)] for i in range(4)])

    assert_same(want, fg.grad(np.linalg.det)(x), 1e-12, atol=1e-12)
    assert_same(fg.hessian(polynomial)(x), fg.hessian(np.linalg.det)(x), 1e-12, atol=1e-12)
    third = lambda det: fg.jvp(fg.hessian(det), (x,), (A,))[1]
    assert_same(third(polynomial), third(np.linalg.det), 1e-12, atol=1e-11)
    fourth = lambda det: fg.jvp(lambda y: fg.jvp(fg.hessian(det), (y,), (A,))[1], (x,), (B,))[1]
    assert_same(fourth(polynomial), fourth(np.linalg.det), 1e-12, atol=1e-10)


def polynomial(x):
    """Return the determinant by its definition."""
    total = 0.0
    for p in itertools.permutations(range(4)):
        sign = round(np.linalg.det(np.eye(4)[list(p)]))
        total = total + sign * x[0, p[0]] * x[1, p[1]] * x[2, p[2]] * x[3, p[3]]
    return total


def test_the_gradient_of_the_determinant_is_that_of_each_matrix_of_a_stack():
    stack = np.stack([A, rank(3), np.zeros((4, 4)), np.full((4, 4), np.nan)])
    with np.errstate(invalid="ignore"):
        got = fg.grad(lambda x: np.sum(np.linalg.det(x)))(stack)
        want = np.stack([fg.grad(np.linalg.det)(x) for x in stack])

    assert_same(want, got, **TIGHT)
    assert np.isfinite(got[:3]).all() and np.isnan(got[3]).all()


def finite(f, x):
    """Return the gradient, having seen that it and its derivative are finite, also compiled."""
    g = fg.grad(f)
    second = fg.jvp(g, (x,), (np.arange(1.0, x.size + 1).reshape(x.shape).astype(x.dtype),))[1]
    with np.errstate(all="raise"):
        first = g(x)
    assert np.isfinite(first).all() and np.isfinite(second).all()
    assert_same(first, fg.jit(g)(x), **TIGHT)
    return first


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_every_norm_has_gradient_zero_at_the_zero_matrix(order):
    for x in (np.zeros((3, 2)), np.zeros((2, 2), complex)):
        assert not finite(lambda x: np.linalg.norm(x, order), x).any()


def test_ties_share_the_gradient_of_the_spectral_norm():
    assert_same(
        np.diag([0.5, 0.5, 0.0]),
        fg.grad(lambda x: np.linalg.norm(x, 2))(np.diag([2.0, 2, 1])),
        **TIGHT,
    )


def test_what_is_not_determined_is_refused():
    with pytest.raises(MissingRuleError, match="qr: mode 'complete' has no derivative"):
        fg.grad(lambda x: np.linalg.qr(x, "complete")[0].sum())(TALL)
    with pytest.raises(UnsupportedError, match="qr: mode 'raw'"):
        fg.jit(lambda x: np.linalg.qr(x, "raw"))(TALL)


# one triangle is read, and has the gradient


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("name", ["cholesky", "eigvalsh", "eigh"])
def test_the_gradient_lies_in_the_triangle_that_is_read(name, lower):
    f = {
        "cholesky": lambda x: np.linalg.cholesky(x, upper=not lower),
        "eigvalsh": lambda x: np.linalg.eigvalsh(x, "L" if lower else "U"),
        "eigh": lambda x: np.linalg.eigh(x, "L" if lower else "U")[1] ** 3,
    }[name]
    loss = lambda x: np.sum(f(x) * V)
    noise = np.triu(B, 1) if lower else np.tril(B, -1)
    got = fg.grad(loss)(PSD + noise)

    assert_same(got, (np.tril if lower else np.triu)(got), **TIGHT)
    fg.check_grads(loss, (PSD + noise,), order=2)
    assert_same(
        symmetric(fg.grad(lambda x: loss(symmetric(x)))(PSD)),
        symmetric(fg.grad(loss)(PSD)),
        **TIGHT,
    )


# identities


def test_eigenvalues_and_singular_values_agree_with_functions_that_need_neither():
    h = symmetric(A)
    for power in (2, 3):
        want = fg.grad(lambda x, p=power: np.trace(np.linalg.matrix_power(symmetric(x), p)))(h)
        got = fg.grad(lambda x, p=power: np.sum(np.linalg.eigvalsh(symmetric(x)) ** p))(h)
        assert_same(want, got, 1e-10, 1e-10)
    squares = lambda x: np.sum(np.linalg.svdvals(x) ** 2)
    assert_same(2 * A, fg.grad(squares)(A), 1e-10, 1e-10)
    logdet = lambda x: np.linalg.slogdet(x)[1]
    for other in (
        lambda x: np.sum(np.log(np.linalg.svdvals(x))),
        lambda x: np.sum(np.log(np.abs(np.diagonal(np.linalg.qr(x)[1])))),
        lambda x: np.log(np.abs(np.linalg.det(x))),
        lambda x: np.sum(np.log(np.abs(np.linalg.eigvals(x)))),
        lambda x: np.sum(np.log(np.abs(np.diagonal(linalg.lu(x)[2])))),
    ):
        assert_same(fg.grad(logdet)(A), fg.grad(other)(A), 1e-10, 1e-10)
        assert_same(fg.hessian(logdet)(A), fg.hessian(other)(A), 1e-8, 1e-8)


def test_the_exponential_agrees_with_that_of_eigenvalues():
    def by_eigh(x):
        w, v = np.linalg.eigh(symmetric(x))
        return (v * np.exp(w)) @ np.conj(v.mT)

    for x in (A, Z):
        want = lambda x: np.sum(np.real(by_eigh(x) * B))
        got = lambda x: np.sum(np.real(linalg.expm(symmetric(x)) * B))
        assert_same(want(x), got(x), **TIGHT)
        assert_same(fg.grad(want)(x), fg.grad(got)(x), 1e-10, 1e-10)
    assert_same(fg.hessian(want)(A), fg.hessian(got)(A), 1e-9, 1e-9)


def test_factors_multiply_to_the_matrix_and_so_do_their_derivatives():
    products = {
        "qr": lambda x: (lambda q, r: q @ r)(*np.linalg.qr(x)),
        "svd": lambda x: (lambda u, s, vh: (u * s[..., None, :]) @ vh)(
            *np.linalg.svd(x, full_matrices=False)
        ),
        "eig": lambda x: (lambda w, v: (v * w) @ np.linalg.inv(v))(*np.linalg.eig(x))
        if x.shape[0] == x.shape[1] else x + 0j,
        "lu": lambda x: (lambda p, low, up: p @ low @ up)(*linalg.lu(x)),
        "polar": lambda x: (lambda u, p: u @ p)(*linalg.polar(x)),
    }  # fmt: skip
    for f in products.values():
        for x in (A, Z, TALL, TALL.T.copy(), Z[:3], Z[:, :2]):
            t = np.ones_like(x) + x**2
            y, dy = fg.jvp(f, (x,), (t,))
            np.testing.assert_allclose(y, x, atol=1e-12)
            np.testing.assert_allclose(dy, t, atol=1e-10)


# errors


def nested(f):
    """Yield calls of a function in eager code and under each transform."""
    total = lambda x: np.sum(np.abs(tree.leaves(f(x))[0]))
    yield f
    yield fg.grad(total)
    yield fg.jit(f)
    yield fg.jit(fg.grad(total))
    yield lambda x: fg.vmap(f)(np.stack([np.eye(len(x), x.shape[1]), x]))
    yield lambda x: fg.jit(fg.vmap(fg.grad(total)))(np.stack([np.eye(len(x), x.shape[1]), x]))


MISTAKES = {
    "inv": (np.linalg.inv, np.zeros((2, 2)), "Singular matrix"),
    "solve": (lambda x: np.linalg.solve(x, x), np.zeros((2, 2)), "Singular matrix"),
    "cholesky": (np.linalg.cholesky, -np.eye(2), "not positive definite"),
    "triangular": (lambda x: linalg.solve_triangular(x, x), np.zeros((2, 2)), "Singular matrix"),
    "power": (lambda x: np.linalg.matrix_power(x, -1), np.zeros((2, 2)), "Singular matrix"),
    "tensorinv": (lambda x: np.linalg.tensorinv(x, 1), np.zeros((2, 2)), "Singular matrix"),
    **{
        f.__name__: (f, np.ones((2, 3)), "must be square")
        for f in (np.linalg.det, np.linalg.slogdet, np.linalg.eig, np.linalg.eigh, linalg.expm)
    },
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_numpys_error_everywhere(name):
    function, x, words = MISTAKES[name]
    for call in nested(function):
        with pytest.raises(np.linalg.LinAlgError, match=words):
            call(x)


def test_what_lapack_does_not_know_is_refused_as_by_numpy():
    half = np.eye(2, dtype=np.float16)
    for f in (np.linalg.inv, np.linalg.det, np.linalg.svd, np.linalg.eigvalsh):
        with pytest.raises(TypeError):
            f(half)
        with pytest.raises(DtypeError, match="float16 is unsupported in linalg"):
            fg.jit(f)(half)


# beyond NumPy


@pytest.fixture(params=["as it is installed", "without SciPy"])
def lapack(request, monkeypatch):
    """Solve triangular systems by SciPy, where it is installed, and by blocks."""
    if request.param == "without SciPy":
        monkeypatch.setattr(triangular, "routine", lambda name, char: None)


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize("n", [1, 3, 31, 32, 63, 64, 65, 150])
def test_triangular_systems_are_solved_in_blocks(n, columns, lapack):
    a = RNG.normal(size=(n, n)) / n + 2 * np.eye(n)
    b = RNG.normal(size=(n, columns))
    for lower, unit, trans in itertools.product((False, True), (False, True), (0, "T", 2)):
        t = np.tril(a) if lower else np.triu(a)
        t = t - np.diag(np.diag(t)) + np.eye(n) if unit else t
        want = np.linalg.solve(t if trans == 0 else t.T, b)
        assert_same(want, linalg.solve_triangular(a, b, trans, lower, unit), 1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, np.int64])
@pytest.mark.parametrize("shapes", [((40, 3, 3), (40, 3, 2)), ((5, 20, 4, 4), (20, 4, 1)),
                                    ((70, 1, 1), (1, 3)), ((90, 5, 5), (2, 1, 5, 2))])  # fmt: skip
def test_stacks_of_triangular_systems_are_solved_row_by_row(shapes, dtype):
    a, b = ((9 * RNG.normal(size=shape)).astype(dtype) for shape in shapes)
    n = a.shape[-1]
    a = a + (30 * np.eye(n)).astype(dtype)
    for lower, unit in itertools.product((False, True), (False, True)):
        t = np.tril(a) if lower else np.triu(a)
        t = t * (1 - np.eye(n, dtype=dtype)) + np.eye(n, dtype=dtype) if unit else t
        want = np.linalg.solve(t, b)
        # condition numbers of some hundred
        tolerance = 1e-3 if dtype == np.float32 else 1e-9
        assert_same(want, linalg.solve_triangular(a, b, 0, lower, unit), tolerance, atol=tolerance)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        linalg.solve_triangular(a * (1 - np.eye(n, dtype=dtype)), b)


@pytest.mark.parametrize("shape", [(40, 3, 3), (2, 70, 70), (70, 70)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_triangular_systems_with_infinite_elements_are_solved_without_warnings(
    shape, dtype, recwarn, lapack
):
    a, b = 3 * np.eye(shape[-1]) + RNG.normal(size=shape) / shape[-1], RNG.normal(size=shape)
    b.flat[:3] = 3e38, np.inf, np.nan

    linalg.solve_triangular(a.astype(dtype), b.astype(dtype), lower=True)

    assert not recwarn.list


def test_a_triangular_system_is_solved_to_the_accuracy_of_substitution(lapack):
    n = 200
    a = np.tril(-np.ones((n, n)), -1) + np.eye(n)  # of condition 2**200
    assert_same(2.0 ** np.arange(n), linalg.solve_triangular(a, np.ones(n), lower=True), **TIGHT)
    assert_same(2.0 ** np.arange(n)[::-1], linalg.solve_triangular(a.T, np.ones(n)), **TIGHT)


def test_derivatives_of_systems_and_factors():
    well = A + 4 * np.eye(4)
    for f in (
        lambda a, b: linalg.solve_triangular(a, b, lower=True),
        lambda a, b: linalg.solve_triangular(a, b, "T", unit_diagonal=True),
        lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b),
        lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b, 1),
        lambda a, b: linalg.cho_solve(linalg.cho_factor(a @ a.mT), b),
    ):
        fg.check_grads(f, (well, V), order=2)
        fg.check_grads(f, (STACK + 4 * np.eye(4), B[:, :2]), order=1)
    fg.check_grads(lambda a, b: linalg.solve_triangular(a, b, "C"), (Z + 3 * np.eye(4), Z), order=1)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 3, 3), (40, 50), (50, 40), (80, 80)])
def test_rows_in_order_of_pivots_are_the_product_of_both_factors(shape):
    for x in (RNG.normal(size=shape), RNG.normal(size=shape) + 1j):
        p, low, up = linalg.lu(x)
        assert_same(x, p @ low @ up, **TIGHT)
        assert_same((p @ low, up), linalg.lu(x, permute_l=True), **TIGHT)
        assert_same((low, up), (np.tril(low), np.triu(up)), **TIGHT)
        assert np.abs(low).max() <= 1.5 and (p.sum(axis=-1) == 1).all()


def test_lu_solves_every_transpose():
    for x in (STACK, STACK + 1j * STACK[::-1]):
        factors = linalg.lu_factor(x)
        for trans, y in ((0, x), (1, x.mT), (2, np.conj(x.mT))):
            assert_same(
                np.linalg.solve(y, B), linalg.lu_solve(factors, B.astype(x.dtype), trans), **TIGHT
            )


def test_a_singular_matrix_has_an_lu_factorisation():
    p, low, up = linalg.lu(np.zeros((3, 3)))
    assert_same(np.zeros((3, 3)), p @ low @ up, **TIGHT)
    assert_same(SINGULAR, np.linalg.multi_dot(linalg.lu(SINGULAR)), 1e-14, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("kind", ["f4", "f8", "c8", "c16"])
def test_the_exponential_of_a_sum_of_itself_is_its_square(scale, kind):
    x = (scale * (Z if kind[0] == "c" else A)).astype(kind)
    half = linalg.expm(x / 2)
    y = linalg.expm(x)
    error = np.abs(y - half @ half).max() / np.abs(y).max()

    assert y.dtype == kind and error < (1e-12 if kind in ("f8", "c16") else 1e-5)


def test_the_exponential_at_known_points():
    nilpotent = np.diag([1.0, 2.0, 3.0], 1)
    want = np.eye(4) + nilpotent + nilpotent @ nilpotent / 2 + np.diag([1.0], 3)
    assert_same(want, linalg.expm(nilpotent), **TIGHT)
    assert_same(np.eye(3), linalg.expm(np.zeros((3, 3))), 0, 0)
    turn = np.array([[np.cos(9), -np.sin(9)], [np.sin(9), np.cos(9)]])
    assert_same(turn, linalg.expm(np.array([[0.0, -9.0], [9.0, 0.0]])), **TIGHT)
    # far from normal, where scaling by the norm would lose half the digits
    big = 1e6
    want = np.array([[np.e, big * np.sinh(1.0)], [0.0, 1 / np.e]])
    assert_same(want, linalg.expm(np.array([[1.0, big], [0.0, -1.0]])), 1e-13, 1e-12)
    assert np.isnan(linalg.expm(np.full((2, 2), np.nan))).all()


def test_the_exponential_under_every_transform():
    stack = np.stack([A, 8 * A, 0.1 * A])
    want = np.stack([linalg.expm(x) for x in stack])
    loss = lambda x: np.sum(np.sin(linalg.expm(x)))
    gradients = np.stack([fg.grad(loss)(x / 4) for x in stack])

    for f in (linalg.expm, fg.vmap(linalg.expm), fg.jit(linalg.expm), fg.jit(fg.vmap(linalg.expm))):
        assert_same(want, f(stack), **TIGHT)
    assert_same(gradients[0], fg.jit(fg.grad(loss))(stack[0] / 4), **TIGHT)
    for f in (fg.vmap(fg.grad(loss)), fg.jit(fg.vmap(fg.grad(loss)))):
        assert_same(gradients, f(stack / 4), **TIGHT)
    fg.check_grads(linalg.expm, (A,), order=2)
    fg.check_grads(linalg.expm, (Z,), order=1)
    direction = fg.jvp(linalg.expm, (A,), (B,))
    assert_same(direction, linalg.expm_frechet(A, B), **TIGHT)


def test_matrices_are_built_from_parts():
    want = np.zeros((4, 5))
    want[:2, :2], want[2, 2], want[3, 3:] = 1, 2, (3, 4)
    blocks = (np.ones((2, 2)), 2.0, np.array([3.0, 4.0]))
    assert_same(want, linalg.block_diag(*blocks), **TIGHT)
    assert_same(want, fg.jit(linalg.block_diag)(*blocks), **TIGHT)
    fg.check_grads(lambda a, b: linalg.block_diag(a, 1.0, b), (A, TALL), order=2)
    with pytest.raises(ShapeError, match="block_diag: argument 0 has more than two axes"):
        linalg.block_diag(STACK)
    assert_same(np.array([[1, 4, 5], [2, 1, 4]]), linalg.toeplitz([1, 2], [0, 4, 5]), **TIGHT)
    assert_same(linalg.toeplitz(V), linalg.toeplitz(V).T, **TIGHT)
    fg.check_grads(linalg.toeplitz, (V, V[:2]), order=2)
    for side, order in (("right", 1), ("left", -1)):
        u, p = linalg.polar(TALL, side)
        assert_same(TALL, np.linalg.multi_dot([u, p][::order]) if order == 1 else p @ u, **TIGHT)


# programs


def test_a_standalone_program_needs_numpy_alone():
    def loss(x):
        w, v = np.linalg.eigh(x @ x.T)
        s = np.linalg.svd(x, full_matrices=False)[1]
        solved = linalg.solve_triangular(np.linalg.qr(x)[1], V)
        return np.sum(w * s) + np.linalg.det(x) + np.linalg.slogdet(x)[1] + np.sum(solved * v)

    step = fg.jit(fg.value_and_grad(lambda x: loss(x) + np.sum(linalg.lu(x)[2])))
    space = {}
    exec(compile(step.source(A, standalone=True), "standalone", "exec"), space)
    name = next(k for k in space if "loss" in k or "lambda" in k or "main" in k or "value" in k)

    assert_same(step(A), space[name](A), **TIGHT)


# peers


@pytest.mark.peers
def test_gradients_of_complex_matrices_follow_jax(jax):
    losses = [
        lambda np, x: np.real(np.sum(np.linalg.inv(x) * B)),
        lambda np, x: np.real(np.linalg.det(x) * (1 + 2j)),
        lambda np, x: np.linalg.slogdet(x)[1] + np.imag(np.linalg.slogdet(x)[0]),
        lambda np, x: np.real(np.sum(np.linalg.cholesky(x @ np.conj(x.T)) * B)),
        lambda np, x: np.real(np.sum(np.linalg.qr(x)[0] * B) + np.sum(np.linalg.qr(x)[1] ** 2)),
        lambda np, x: np.sum(np.linalg.eigvalsh(x + np.conj(x.T)) ** 3),
        lambda np, x: np.linalg.norm(x, "nuc") + np.linalg.norm(x, 2),
        lambda np, x: np.real(np.sum(np.linalg.pinv(x[:, :2]) * B[:2])),
        lambda np, x: np.real(np.sum(np.linalg.eigvals(x) ** 3)),
        lambda np, x: np.real(np.sum(np.linalg.solve(x, V) ** 2)),
    ]
    for loss in losses:
        want = jax.grad(lambda x, f=loss: f(jax.numpy, x))(Z)
        got = fg.grad(lambda x, f=loss: f(np, x))(Z)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("name", ["svdvals", "nuc", "2", "cond"])
def test_values_of_infinite_matrices_are_numpys_and_have_derivatives_of_nan(name, kind):
    f = {"svdvals": np.linalg.svdvals, "cond": np.linalg.cond}.get(
        name, lambda a: np.linalg.norm(a, int(name) if name == "2" else name)
    )
    a = np.full((3, 3), np.inf, kind)  # of which LAPACK has values, but no vectors
    with np.errstate(all="ignore"):
        want = f(a)
        y, pull = fg.vjp(f, a)
        grads = [pull(np.ones_like(want))[0], fg.jit(lambda a: fg.vjp(f, a)[1](want * 0 + 1)[0])(a)]
        values = [y, fg.jvp(f, (a,), (np.ones_like(a),))[0], fg.jit(f)(a), fg.vmap(f)(a[None])[0]]

    for got in values:
        np.testing.assert_array_equal(got, want)
    for grad in grads:
        assert not np.isfinite(grad).any() or name == "cond"  # an infinite choice, of slope 0


@pytest.mark.parametrize("p", [None, 2, -2, 1, np.inf])
def test_a_condition_number_is_infinite_where_it_is_undefined_and_nan_of_nan(p):
    regular, zero = np.diag([1.0, 2.0, 3.0]), np.zeros((3, 3))
    a = np.stack([regular, zero, np.diag([1.0, 0.0, 2.0])])
    cond = lambda a: np.linalg.cond(a, p)
    with np.errstate(all="ignore"):
        want = cond(a)
        for got in (fg.vjp(cond, a)[0], fg.jit(cond)(a), fg.vmap(cond)(a)):
            np.testing.assert_allclose(got, want, rtol=1e-12)  # other order of factors


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_small_systems_in_a_long_loop_are_those_of_numpy(dtype):
    a = (np.eye(3) * 4 + np.arange(9).reshape(3, 3) / 9).astype(dtype)

    def step(x, _):
        factor = np.linalg.cholesky(a @ a.T + np.eye(3, dtype=dtype) * np.sum(x * x))
        return np.linalg.solve(a + x[:, :1] * 0, x) + np.tril(factor)[:, :2] * 0.1, x

    def states(x):
        return fg.lax.scan(step, x, None, 70)

    x = np.arange(6).reshape(3, 2).astype(dtype) / 7
    assert_same(states(x), fg.jit(states)(x), 1e-4 if dtype == "f4" else 1e-12)


def test_a_singular_matrix_in_a_long_loop_raises_as_in_numpy():
    f = lambda x: fg.lax.scan(lambda c, _: (np.linalg.solve(c, c), None), x, None, 70)[0]
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        fg.jit(f)(np.zeros((2, 2)))
