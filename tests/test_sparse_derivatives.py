"""Sparse Jacobians and Hessians, against dense ones."""

import pickle

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, sparse
from funcgrad.core.errors import DtypeError, MissingDerivativeError, ShapeError

from .test_sparse_pattern import HESSIANS, JACOBIANS

RNG = np.random.default_rng(0)
X = RNG.random(12)
FACTOR = sparse.csr(np.eye(12) + np.eye(12, k=3) * 0.5)
INDICES = RNG.permutation(12)


def heat(u):
    grid = np.pad(u.reshape(3, 4), 1)
    inner = grid[1:-1, 1:-1]
    around = grid[2:, 1:-1] + grid[:-2, 1:-1] + grid[1:-1, 2:] + grid[1:-1, :-2]
    return ((around - 4 * inner) * (1 + inner**2)).ravel()


def orbit(x):
    return lax.scan(lambda c, a: (c * 0.5 + np.sin(a), c * a), np.array([0.0, 1.0]), x[:6, None])[1]


# functions of 12 numbers
FUNCTIONS = {
    "elementwise": lambda x: np.sin(x) * x,
    "a stencil": heat,
    "a ring": lambda x: x * np.roll(x, 1) - np.roll(x, -1),
    "an arrow": lambda x: np.concatenate([[np.sum(x**2)], x[1:] * x[0]]),
    "a sum": lambda x: np.sum(x**3),
    "a column": lambda x: np.outer(x[:1], np.arange(1.0, 5.0)),
    "a gather": lambda x: x[INDICES, None] * x[:, None] ** np.arange(2),
    "a sparse factor": lambda x: np.tanh(FACTOR @ x) * (x @ FACTOR),
    "a scan": orbit,
    "a tree": lambda x: {"a": x[:3] ** 2, "b": [x[3] * x[4], np.cos(x[5:])]},
    "a selection": lambda x: np.where(x > 0.5, x**2, np.roll(x, 2)),
    "nothing": lambda x: np.zeros(3) + 0 * x[0] ** 0,
    "no elements": lambda x: x[:0],
    "linear": lambda x: 3 * x[::-1],
}
SCALARS = {
    "rosenbrock": lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
    "an arrow": lambda x: np.sum(x[0] * x[1:] ** 2),
    "a ring": lambda x: np.sum(np.sin(x) * np.roll(x, 1)),
    "separable": lambda x: np.sum(np.exp(x)),
    "linear": lambda x: np.sum(x),
    "dense": lambda x: np.sum(x) ** 3,
    "pairs": lambda x: np.sum(x[:6] * x[6:]),
}
WAYS = {"eager": lambda f: f, "jit": fg.jit}


def dense(f, x):
    """Return the Jacobian of a function of a vector as one matrix."""
    rows = fg.tree.leaves(fg.jacfwd(f)(x))
    return np.concatenate([np.reshape(row, (-1, x.size)) for row in rows])


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev", "both"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sparse_jacobian_equals_the_dense_one(name, mode):
    f = FUNCTIONS[name]
    got = sparse.jacobian(f, mode=mode)(X)

    np.testing.assert_allclose(got.todense(), dense(f, X), rtol=1e-13, atol=1e-14)
    assert got.shape == dense(f, X).shape


@pytest.mark.parametrize("name", ["a stencil", "an arrow", "a tree", "a scan", "no elements"])
def test_a_compiled_sparse_jacobian_equals_the_dense_one(name):
    value, got = fg.jit(sparse.value_and_jacobian(FUNCTIONS[name]))(X)

    np.testing.assert_allclose(got.todense(), dense(FUNCTIONS[name], X), rtol=1e-13, atol=1e-14)
    for y, want in zip(*map(fg.tree.leaves, (value, FUNCTIONS[name](X))), strict=True):
        np.testing.assert_allclose(y, want, rtol=1e-14)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SCALARS)
def test_a_sparse_hessian_equals_the_dense_one(name, way):
    f = SCALARS[name]
    got = WAYS[way](sparse.hessian(f))(X)

    np.testing.assert_allclose(got.todense(), fg.hessian(f)(X), rtol=1e-12, atol=1e-13)


def test_few_passes_suffice():
    passes = {name: sparse.colour(sparse.pattern(f, X)).passes for name, f in FUNCTIONS.items()}

    assert passes == {
        "elementwise": 1, "a stencil": 5, "a ring": 3, "an arrow": 3, "a sum": 1, "a column": 1,
        "a gather": 3, "a sparse factor": 3, "a scan": 6, "a tree": 1, "a selection": 2,
        "nothing": 0, "no elements": 0, "linear": 1,
    }  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_several_arguments_and_trees_become_columns(way):
    f = lambda p, k, y: p["b"] * p["a"][:, None] * y[:2] * k
    p, y = {"a": X[:3], "b": X[3]}, X[4:7]
    of_vector = lambda v: f({"a": v[:3], "b": v[3]}, 2.0, v[4:7])
    got = WAYS[way](sparse.jacobian(f, (0, 2)))(p, 2.0, y)

    np.testing.assert_allclose(got.todense(), dense(of_vector, X[:7]), rtol=1e-14)
    named = sparse.jacobian(f, argnames="y")(p, k=2.0, y=y)
    np.testing.assert_allclose(named.todense(), dense(of_vector, X[:7])[:, 4:], rtol=1e-14)


def test_aux_and_values_are_returned():
    f = lambda x: (x**2, {"n": len(x), "s": x.sum()})
    matrix, aux = sparse.jacobian(f, has_aux=True)(X)
    (value, again), same = sparse.value_and_jacobian(f, has_aux=True)(X)
    curved, third = sparse.hessian(lambda x: (np.sum(x**3), x[0]), has_aux=True)(X)

    assert aux["n"] == again["n"] == 12 and aux["s"] == X.sum() and third == X[0]
    assert np.array_equal(value, X**2)
    assert np.array_equal(matrix.data, same.data) and np.array_equal(curved.diagonal(), 6 * X)


def test_a_sparse_jacobian_is_differentiated():
    f = lambda x: np.sum(np.sin(sparse.jacobian(heat)(x).data))
    g = lambda x: np.sum(np.sin(dense(heat, x)))
    want = fg.grad(g)(X)

    np.testing.assert_allclose(fg.grad(f)(X), want, rtol=1e-12)
    np.testing.assert_allclose(fg.jit(fg.grad(f))(X), want, rtol=1e-12)
    np.testing.assert_allclose(fg.jvp(f, (X,), (X,))[1], want @ X, rtol=1e-12)
    solve = lambda x: sparse.jacobian(heat)(x) @ x
    np.testing.assert_allclose(
        fg.jacobian(solve)(X), fg.jacobian(lambda x: dense(heat, x) @ x)(X), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("way", WAYS)
def test_vmap_of_a_sparse_jacobian_is_a_stack(way):
    xs = RNG.random((3, 12))
    got = WAYS[way](fg.vmap(sparse.jacobian(heat)))(xs)

    assert got.shape == (3, 12, 12)
    np.testing.assert_allclose(got.todense(), [dense(heat, x) for x in xs], rtol=1e-13, atol=1e-14)


@fg.custom_vjp
def turned(x):
    return x


turned.defvjp(lambda x: (x, None), lambda _, ct: (ct[::-1],))


def test_what_one_mode_cannot_the_other_does():
    wide = lambda x: 1j * np.sum(x**2)

    assert np.array_equal(sparse.jacobian(turned)(X).todense(), np.eye(12)[::-1])
    assert sparse.jacobian(lambda x: turned(x)[:0])(X).shape == (0, 12)
    np.testing.assert_allclose(sparse.jacobian(wide)(X).todense(), [2j * X], rtol=1e-15)
    with pytest.raises(MissingDerivativeError, match="no forward derivative"):
        sparse.jacobian(turned, mode="fwd")(X)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "fwd", "rev", "both"])
@pytest.mark.parametrize("name", JACOBIANS)
def test_values_of_all_patterns(name, mode):
    f, shape = JACOBIANS[name]
    jacobian = sparse.jacobian(f, mode=mode)
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=shape)
        want = fg.jacobian(f)(x).reshape(-1, x.size)
        np.testing.assert_allclose(jacobian(x).todense(), want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fg.jit(jacobian)(x).todense(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", HESSIANS)
def test_values_of_all_patterns_of_hessians(name):
    f, shape = HESSIANS[name]
    hessian = sparse.hessian(f)
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=shape)
        want = fg.hessian(f)(x).reshape(x.size, x.size)
        np.testing.assert_allclose(hessian(x).todense(), want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fg.jit(hessian)(x).todense(), want, rtol=1e-12, atol=1e-12)


def written(x):
    y = x.copy()
    y[1:-1] = x[2:] * x[:-2]
    y[INDICES[:5]] += np.sin(x[:5])
    return y


# functions whose elements depend on few inputs
SHORT = {
    "a stencil": heat,
    "a ring": lambda x: np.roll(x, 1) * np.roll(x, -1) - np.exp(x),
    "writes": written,
    "sums of pairs": lambda x: np.repeat((x.reshape(6, 2) ** 2).mean(1), 2) * x[INDICES],
    "a selection": lambda x: np.where(x > 0.5, x**2, np.roll(x, 2)),
    "joined": lambda x: np.concatenate([x[3:] * x[0], np.tanh(x[:2]), np.log(x[5:6])]),
    "jit": lambda x: np.diff(fg.jit(lambda y: y * y[::-1])(x)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SHORT)
def test_a_compiled_jacobian_of_few_inputs_an_element_needs_no_passes(name, dtype):
    f, x = SHORT[name], X.astype(dtype)
    x[2] = 0  # a structural zero times inf is 0
    program = fg.make_jaxpr(sparse.jacobian(f))(x)

    got = fg.jit(sparse.jacobian(f))(x)

    with np.errstate(all="ignore"):
        want = sparse.jacobian(f)(x)
    rtol = 1e-13 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(got.data, want.data, rtol=rtol, atol=1e-14, strict=True)
    assert rank_of(program) <= rank_of(fg.make_jaxpr(f)(x))


def rank_of(program):
    """Return the largest number of axes of a value."""
    return max(v.aval.ndim for e in program.eqns for v in e.outs)


def test_a_compiled_hessian_of_few_inputs_an_element_needs_no_passes():
    program = fg.make_jaxpr(sparse.hessian(SCALARS["rosenbrock"]))(X)

    assert rank_of(program) == 1


def test_a_large_pattern_is_coloured_only_for_passes(monkeypatch):
    coloured = []
    counted = lambda *args, **kwargs: coloured.append(args) or sparse.colour(*args, **kwargs)
    monkeypatch.setattr("funcgrad.sparse.derivatives._LARGE", 10)
    monkeypatch.setattr("funcgrad.sparse.derivatives.colour", counted)

    got = fg.jit(sparse.jacobian(heat))(X)
    assert not coloured
    fg.jit(sparse.jacobian(orbit))(X)

    np.testing.assert_allclose(got.todense(), dense(heat, X), rtol=1e-13, atol=1e-14)
    assert len(coloured) == 1


def test_a_selection_before_an_infinite_factor_runs_with_masks():
    f = lambda x: np.sqrt(np.where(x > 0.5, x, 0)) * np.roll(x, 1)

    got = fg.jit(sparse.jacobian(f))(X)

    np.testing.assert_allclose(got.todense(), sparse.jacobian(f)(X).todense(), rtol=1e-13)
    assert np.isfinite(got.data).all()


def test_dtypes_are_those_of_the_dense_jacobian():
    x = X.astype(np.float32)

    assert sparse.jacobian(heat)(x).dtype == np.float32
    assert sparse.hessian(SCALARS["rosenbrock"])(x).dtype == np.float32
    assert sparse.jacobian(FUNCTIONS["no elements"])(x).dtype == np.float32
    assert sparse.jacobian(lambda x: x * 1j)(X).dtype == np.complex128
    z = X + 1j * X[::-1]
    for mode in ("fwd", "rev"):
        got = sparse.jacobian(heat, mode=mode, holomorphic=True)(z)
        want = fg.jacfwd(heat, holomorphic=True)(z)
        np.testing.assert_allclose(got.todense(), want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("f", [np.sin, lambda x: np.reshape(x, 1) ** 2, lambda x: np.ones(2) * x])
def test_a_scalar_argument_is_a_column(f):
    got = sparse.jacobian(f)(0.5)

    assert got.shape == (np.size(f(0.5)), 1)
    np.testing.assert_allclose(got.todense().ravel(), np.ravel(fg.jacfwd(f)(0.5)), rtol=1e-15)


def test_trees_without_leaves_give_empty_matrices():
    assert sparse.jacobian(lambda x: None)(np.ones(3)).shape == (0, 3)
    assert sparse.jacobian(lambda p: np.ones(3))({}).shape == (3, 0)
    assert sparse.hessian(lambda p: 1.0)({}).shape == (0, 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_many_passes_run_in_several_batches(monkeypatch, way, mode):
    monkeypatch.setattr(sparse.derivatives, "_CHUNK", 24)
    got = WAYS[way](sparse.jacobian(heat, mode=mode))(X)

    np.testing.assert_allclose(got.todense(), dense(heat, X), rtol=1e-13, atol=1e-14)


def test_a_function_whose_rule_calls_it_again_is_dense():
    def root(a):
        newton = lambda f, u: lax.fori_loop(0, 20, lambda i, u: u - f(u) / (3 * u**2 + a), u)
        solve = lambda g, y: y / g(np.ones_like(y))
        return lax.custom_root(lambda u: u**3 + a * u - 1.0, np.ones(3), newton, solve)

    got = sparse.jacobian(root)(X[:3])

    assert sparse.pattern(root, X[:3]).dense_by == ("custom_jvp, whose rule calls it again",)
    np.testing.assert_allclose(got.todense(), fg.jacfwd(root)(X[:3]), rtol=1e-13)


def test_a_newton_step_by_conjugate_gradients_is_compiled_and_differentiated():
    def conjugate_gradients(product, b):
        def step(state):
            x, r, p = state
            q = product(p)
            a = (r @ r) / (p @ q)
            s = r - a * q
            return x + a * p, s, s + (s @ s) / (r @ r) * p

        return lax.while_loop(lambda s: s[1] @ s[1] > 1e-26, step, (0 * b, b, b))[0]

    energy = lambda x: np.sum((x - np.roll(x, 1)) ** 2 * (1 + x**2)) + np.sum(x**4 + x**2)

    def step(x):
        matrix, b = sparse.hessian(energy)(x), fg.grad(energy)(x)
        solved = lax.custom_linear_solve(
            lambda v: matrix @ v, b, conjugate_gradients, symmetric=True
        )
        return np.sum((x - solved) ** 2)

    by_solve = lambda x: np.sum(
        (x - np.linalg.solve(fg.hessian(energy)(x), fg.grad(energy)(x))) ** 2
    )
    want = fg.grad(by_solve)(X)

    np.testing.assert_allclose(fg.grad(step)(X), want, rtol=1e-10)
    np.testing.assert_allclose(fg.jit(fg.grad(step))(X), want, rtol=1e-10)


def test_a_pattern_or_a_colouring_may_be_given():
    def branches(x):
        return x**2 if x[0] > 0 else x  # no program, so no pattern is found

    eye = np.eye(12)
    colouring = sparse.colour(sparse.pattern(heat, X))

    assert np.array_equal(sparse.jacobian(branches, pattern=eye)(X).data, 2 * X)
    got = sparse.jacobian(heat, colouring=colouring)(X)
    assert got.pattern is colouring.pattern
    np.testing.assert_allclose(got.todense(), dense(heat, X), rtol=1e-13)


def test_a_pattern_is_found_anew_where_the_program_has_changed(monkeypatch):
    found = []
    original = sparse.memo.pattern
    monkeypatch.setattr(
        sparse.memo, "pattern", lambda *a, **k: found.append(1) or original(*a, **k)
    )
    places = np.arange(12)
    jacobian = sparse.jacobian(lambda x: np.sin(x[places]) * lax.cond(True, np.cos, np.sin, x))
    jacobian(X), jacobian(2 * X)
    assert len(found) == 1
    places[:] = INDICES
    got = jacobian(X)
    want = dense(lambda x: np.sin(x[places]) * np.cos(x), X)
    assert len(found) == 2
    np.testing.assert_allclose(got.todense(), want, rtol=1e-14)
    jacobian(X[:, None]), jacobian(X.astype(np.float32)), jacobian(X)
    assert len(found) == 4


def test_a_sparse_jacobian_is_pickled():
    again = pickle.loads(pickle.dumps(sparse.jacobian(heat)))

    assert again(X).pattern == sparse.jacobian(heat)(X).pattern


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (lambda: sparse.jacobian(heat, mode="reverse"), ValueError, "mode must be one of auto"),
        (lambda: sparse.jacobian(heat, pattern=np.eye(5))(X), ShapeError, "must have 12 columns"),
        (lambda: sparse.jacobian(lambda x: x[:3], pattern=np.eye(12))(X), ShapeError, "3 rows"),
        (lambda: sparse.jacobian(heat, colouring=np.eye(5)), TypeError, "must be a Colouring"),
        (lambda: sparse.jacobian(heat)(np.arange(12)), DtypeError, "must be real or complex"),
        (lambda: sparse.jacobian(lambda x: x > 0)(X), DtypeError, "leaves of the output"),
        (lambda: sparse.jacobian(heat)(X * 1j), DtypeError, "holomorphic=True"),
        (lambda: sparse.jacobian(heat, holomorphic=True)(X), DtypeError, "holomorphic=False"),
        (lambda: sparse.hessian(heat)(X), ShapeError, "must be a scalar|needs a real scalar"),
        (
            lambda: sparse.jacobian(lambda x: np.sum(x * 1j), mode="rev")(X),
            DtypeError,
            'complex output .* use mode="fwd"',
        ),
    ],
)
def test_what_has_no_sparse_derivative_is_refused(f, error, words):
    with pytest.raises(error, match=words):
        f()
