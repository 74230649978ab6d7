"""Laplacians in one forward pass, against the trace of the dense Hessian."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.errors import DtypeError, MissingDerivativeError, ShapeError
from funcgrad.transforms.laplacian.rows import Rows, of_input
from funcgrad.transforms.laplacian.trace import Laplace, LaplaceTracer

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(5, 5)), RNG.normal(size=(3, 8)) / 2
RTOL = 1e-11  # the same derivatives, summed in another order


def traces(f, x, w=None):
    """The trace of the Hessian of each output, by derivatives of derivatives."""
    h = fg.jacfwd(fg.jacfwd(f))(x)
    h = h.reshape(*h.shape[: h.ndim - 2 * len(x.shape)], x.size, x.size)
    return np.einsum("...ij,ij->...", h, np.eye(x.size) if w is None else w)


def written(x):
    y = 0 * x
    y[0] = x[1] ** 2
    y[1:] += np.sin(x[:-1])
    return y * y


@fg.custom_jvp
def cube(x):
    return x**3


cube.defjvp(lambda primals, tangents: (cube(*primals), 3 * primals[0] ** 2 * tangents[0]))


def closed(x):
    """A custom rule that closes over a differentiated value."""
    inner = fg.custom_jvp(lambda y: x * y)
    inner.defjvp(lambda p, t: (x * p[0], x * t[0]))
    return inner(np.sin(x))


def orbitals(x):
    """A determinant of exponentials of distances, one row for each of four particles."""
    r = np.linalg.norm(x[:, None] - A[:4, :3], axis=-1)
    return np.linalg.slogdet(np.exp(-r * np.arange(1, 5) / 2))[1]


# fmt: off
LINES = {  # of five numbers
    "a reduced chain": lambda x: (np.sin(x) * x / (1 + x * x)).sum(),
    "an elementwise chain": lambda x: np.tanh(x) * np.exp(x),
    "reversed operands": lambda x: np.sin(x) * np.exp(x)[::-1] + x[2],
    "a quadratic form": lambda x: np.sin(x) @ A @ np.exp(x / 2),
    "softmax": lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
    "selections": lambda x: np.where(x > 0, np.sin(x), np.maximum(x**3, -1)),
    "concatenation": lambda x: np.concatenate([np.sin(x), x[:2] * x[2]]) ** 2,
    "a sum that is carried": lambda x: np.cumsum(np.sin(x)) ** 2,
    "two arguments": lambda x: np.arctan2(x[1:], x[:-1]) + np.hypot(x[0], x[1:]),
    "complex waves": lambda x: np.exp(1j * (x @ A)) * x,
    "absolute values": lambda x: np.abs(np.exp(1j * x).sum()) ** 2 + np.abs(np.fft.fft(x)),
    "an inverse": lambda x: np.linalg.inv(A + np.diag(x)) @ np.linalg.solve(A + np.outer(x, x), x),
    "moments": lambda x: np.var(x) * np.std(x) + np.prod(x) + np.mean(x**2),
    "jit": fg.jit(lambda x: np.tanh(x @ A) ** 2),
    "scan": lambda x: lax.scan(lambda c, a: (np.sin(c * a), c), x, np.arange(1.0, 4))[0],
    "while": lambda x: lax.while_loop(lambda c: c.sum() < 9, lambda c: c * c + 1, x),
    "cond": lambda x: lax.cond(x[0] > 9, np.cos, lambda x: np.sin(x) * x.sum(), x),
    "checkpoint": fg.checkpoint(lambda x: np.sin(x) * x.sum()),
    "a custom rule": lambda x: cube(x) * x[0],
    "a closure with a rule": closed,
    "indices in a loop": lambda x: sum(x[i] * x[(i + 1) % 5] ** 2 for i in range(5)),
    "a write in place": written,
    "the identity": lambda x: x,
    "a constant": lambda x: np.ones(2),
}
POINTS = {  # of four points in space
    "pairs": lambda x: np.exp(-((x[:, None] - x) ** 2).sum(-1)).sum(),
    "distances": lambda x: np.log(np.linalg.norm(x, axis=-1)) * x[:, 0],
    "features": lambda x: np.tanh(np.tanh(x @ B) @ B.T).sum(1),
    "a determinant": orbitals,
    "determinants": lambda x: np.linalg.det(np.stack([np.sin(x @ B[:, :4]), x @ B[:, 4:]]).mT),
    "contractions": lambda x: np.einsum("ij,ik,jk->i", x, np.sin(x), A[:3, :3]),
    "vmap": fg.vmap(lambda r: np.exp(-(r**2).sum()) * r[0]),
}
# fmt: on
CASES = {name: (f, (5,)) for name, f in LINES.items()}
CASES |= {name: (f, (4, 3)) for name, f in POINTS.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_laplacian_is_the_trace_of_the_hessian(name):
    f, shape = CASES[name]
    x = RNG.normal(size=shape)

    value, jacobian, got = fg.value_grad_laplacian(f)(x)

    np.testing.assert_allclose(got, traces(f, x), RTOL, 1e-11)
    np.testing.assert_allclose(jacobian, fg.jacfwd(f)(x), RTOL, 1e-12)
    np.testing.assert_allclose(value, f(x), 1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_laplacians_nest_in_transforms(name):
    f, shape = CASES[name]
    x, v = RNG.normal(size=(2, *shape))
    total = lambda x: np.real(fg.laplacian(f)(x)).sum()

    want = traces(f, x)

    np.testing.assert_allclose(fg.jit(fg.laplacian(f))(x), want, RTOL, 1e-11)
    rows = fg.vmap(fg.laplacian(f))(np.stack([x, v]))
    np.testing.assert_allclose(rows, np.stack([want, traces(f, v)]), RTOL, 1e-11)
    slope = fg.jvp(lambda x: np.real(traces(f, x)).sum(), (x,), (v,))[1]
    np.testing.assert_allclose(fg.jvp(total, (x,), (v,))[1], slope, 1e-9, 1e-9)
    if name not in ("while",):  # which has no reverse mode
        np.testing.assert_allclose((fg.jit(fg.grad(total))(x) * v).sum(), slope, 1e-9, 1e-9)


@pytest.mark.parametrize("n", [2, 3])
def test_harmonic_functions_have_laplacian_0(n):
    x = RNG.normal(size=n) + 2
    waves = lambda x: np.exp(x[0]) * np.sin(x[1]) + np.real((x[0] + 1j * x[1]) ** 5)
    charge = lambda x: np.log(np.linalg.norm(x)) if n == 2 else 1 / np.linalg.norm(x)

    for f in (waves, charge):
        assert abs(fg.laplacian(f)(x)) < 1e-12 * max(1, abs(f(x)))


def test_weights_multiply_second_derivatives():
    f, x, w = POINTS["pairs"], RNG.normal(size=(4, 3)), RNG.uniform(size=(4, 1))
    full = np.broadcast_to(w, (4, 3))

    want = traces(f, x, np.diag(full.ravel()))

    np.testing.assert_allclose(fg.laplacian(f, weights=w)(x), want, RTOL)
    np.testing.assert_allclose(fg.laplacian(f, weights=full)(x), want, RTOL)
    np.testing.assert_allclose(fg.laplacian(f, weights=3)(x), 3 * traces(f, x), RTOL)


def test_a_matrix_weighs_all_second_derivatives():
    f, x, w = LINES["reversed operands"], RNG.normal(size=5), np.round(A, 1)
    w[:, 4] = w[4] = 0

    want = traces(f, x, w)

    np.testing.assert_allclose(fg.laplacian(f, weights=w)(x), want, RTOL)
    found = fg.jit(lambda w: fg.value_grad_laplacian(f, weights=w)(x))(w)
    np.testing.assert_allclose(found[2], want, 1e-9)  # by differences of directions
    for _, jacobian, lap in (fg.value_grad_laplacian(f, weights=w)(x), found):
        np.testing.assert_allclose(lap, want, 1e-9)
        np.testing.assert_allclose(jacobian, fg.jacfwd(f)(x), 1e-9, 1e-12)
    slope = fg.grad(lambda w: fg.laplacian(f, weights=w)(x).sum())(np.eye(5))
    np.testing.assert_allclose(slope, fg.jacfwd(fg.jacfwd(f))(x).sum(0), 1e-9)


def test_trees_argnums_and_aux():
    f = lambda p, n, y: ((p["a"] ** 2).sum() * y * p["b"], n)
    p, y = {"a": np.array([1.0, 2.0]), "b": 3.0, "name": "x"}, 2.0

    assert fg.laplacian(f, has_aux=True)(p, 5, y) == (4 * 3 * 2, 5)
    assert fg.laplacian(f, (0, 2), has_aux=True, weights=({"a": 1, "b": 2, "name": 0}, 1))(
        p, 5, y
    ) == (24, 5)
    value, (slopes, by_y), lap, aux = fg.value_grad_laplacian(f, (0, 2), has_aux=True)(p, 5, y)
    assert (value, lap, aux, by_y, slopes["b"], slopes["name"]) == (30, 24, 5, 15, 10, "x")
    np.testing.assert_array_equal(slopes["a"], [12, 24])
    assert fg.laplacian(lambda x, y: x * y**3, argnames="y")(2.0, y=1.0) == 12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(dtype):
    x = np.ones(3, dtype)
    for weights in (None, np.arange(3.0), np.ones((3, 3))):
        y, j, lap = fg.value_grad_laplacian(lambda x: np.tanh(x @ x) * x, weights=weights)(x)
        assert y.dtype == j.dtype == lap.dtype == dtype
        waves = fg.laplacian(lambda x: np.exp(1j * x).sum(), weights=weights)(x)
        assert waves.dtype == np.result_type(dtype, np.complex64)


def test_empty_and_scalar_arguments():
    assert fg.laplacian(lambda x: (x**2).sum())(np.zeros(0)) == 0
    assert fg.laplacian(lambda x: x**3)(2.0) == 12
    assert fg.laplacian(lambda x: (x[:, :0] ** 2).sum())(np.ones((2, 3))) == 0
    assert fg.laplacian(lambda x: x[:0] * x[3:])(np.ones(3)).shape == (0,)
    y, j, lap = fg.value_grad_laplacian(lambda p: p[0].sum() * p[1] ** 2)((np.zeros((0, 2)), 3.0))
    assert (y, lap, j[0].shape, j[1]) == (0, 0, (0, 2), 0)


def test_rows_stay_few():
    """An elementwise function has one row, a function of each point as many as coordinates."""
    trace = Laplace("a test")
    x, r = np.ones(100_000), np.ones((50, 3))
    of = lambda x: LaplaceTracer(trace, x, Rows(np.ones((1, *x.shape)), of_input(x, 0)), None)
    line, points = of(x), of(r)

    rows = [
        np.tanh(line) * line[::-1].reshape(-1),
        np.exp(-np.linalg.norm(np.tanh(points @ B), axis=1)),
        points[:, None] - points,
        (np.sin(points) ** 2).sum(),
    ]

    assert [len(y.rows.columns) for y in rows] == [2, 3, 2, 150]
    assert rows[1].rows.columns.shape == (3, 50)


def test_a_function_of_many_points_takes_no_dense_jacobian():
    x = RNG.normal(size=(20_000, 3))  # whose Jacobian by 60,000 numbers would take 9.6 GB

    f = lambda x: np.tanh(np.tanh(x @ B) @ B.T)[..., 0]

    np.testing.assert_allclose(fg.laplacian(f)(x)[7], traces(f, x[7]))


def test_chains_of_many_elements_take_no_dense_jacobian():
    x = RNG.normal(size=20_000)
    springs = lambda x: ((x[1:] - x[:-1]) ** 2).sum() * np.exp(-(x @ x) / x.size)

    _, slope, got = fg.value_grad_laplacian(springs)(x)

    few = x[:30]
    np.testing.assert_allclose(fg.laplacian(springs)(few), traces(springs, few), 1e-11)
    np.testing.assert_allclose(slope, fg.grad(springs)(x), 1e-11, 1e-15)
    assert np.isfinite(got)


def test_laplacians_of_laplacians():
    f, x = lambda x: np.sin(x[0]) * np.exp(2 * x[1]), np.array([0.3, 0.2])

    np.testing.assert_allclose(fg.laplacian(fg.laplacian(f))(x), 9 * f(x), RTOL)


def test_the_untaken_branch_of_a_selection_is_no_path():
    x = np.array([0.0, 1.0, 2.0])
    with np.errstate(all="ignore"):
        for f in (fg.laplacian, lambda g: fg.jit(fg.laplacian(g))):
            assert f(lambda x: np.where(x > 0, np.log(x), 0).sum())(x) == -1.25


def test_errors_name_a_cure():
    x = np.ones(3)
    with pytest.raises(DtypeError, match=r"laplacian: argument 0 \('x'\) must be real: got c128"):
        fg.laplacian(lambda x: x)(1j * x)
    with pytest.raises(DtypeError, match=r"laplacian: the leaves .* got i64\[3\]; return .* aux"):
        fg.laplacian(lambda x: (x > 0).astype(int))(x)
    with pytest.raises(ShapeError, match=r"weights must have the shape .* \(3, 3\): got f64\[2\]"):
        fg.laplacian(np.sum, weights=np.ones(2))(x)
    with pytest.raises(DtypeError, match="weights must be real: got c128"):
        fg.laplacian(np.sum, weights=1j * x)(x)
    with pytest.raises(MissingDerivativeError, match="no forward derivative"):
        ruled = fg.custom_vjp(lambda x: x)
        ruled.defvjp(lambda x: (x, None), lambda _, ct: (ct,))
        fg.laplacian(ruled)(x)
