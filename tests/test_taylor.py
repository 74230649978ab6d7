"""Taylor mode: coefficients of curves, by the jvp of each primitive, in any composition."""

import gc
import math
import re
import time

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.core.registry import primitives
from funcgrad.transforms.taylor import way_of

from .support.cases import CASES
from .support.rules import derived_rows, has_derivative, problems

# how the coefficients of the outputs are found where all operands move; of all others by their jvp
WAYS = {
    "recurrence": "div quotient solve solve_banded solve_triangular det cofactor",
    "simpler": "pow square reciprocal beta",
    "product": "mul matmul einsum vecdot conv_general_dilated conv_kernel",
    "linear": "add sub neg pos deg2rad radians rad2deg degrees conj real imag where ldexp gate "
    "wins convert broadcast sum mean cumsum name reshape transpose concatenate getitem "
    "scatter_add set_at add_at taint undefined window_sum window_pick window_place fft rfft irfft",
}


def nested(fun, order, x):
    """Derivatives of orders 0 to ``order`` by nested forward mode."""
    found = []
    for _ in range(order + 1):
        found.append(fun(x))
        fun = (lambda g: lambda t: fg.jvp(g, (t,), (np.ones_like(t),))[1])(fun)
    return found


def along(fun, xs, series):
    """The function of t along a curve with these derivatives at t = 0."""
    term = lambda t, k, c: (t**k / math.factorial(k)) * c
    curve = lambda t, x, row: sum((term(t, k, c) for k, c in enumerate(row, 1)), start=x)
    return lambda t: fun(*[curve(t, x, row) for x, row in zip(xs, series, strict=True)])


def curve_through(xs, ts, order):
    """Derivatives of a curve through ``xs``, of small size so that no branch is left."""
    rng = np.random.default_rng(3)
    draw = lambda x: np.asarray(0.1 * rng.normal(size=x.shape)).astype(x.dtype)
    pairs = zip(xs, ts, strict=True)
    return [[np.asarray(0.3 * t), *(draw(x) for _ in range(order - 1))] for x, t in pairs]


def check_row(name, case, order, everything=True):
    for fun, xs, ts, chosen in problems(name, case):
        whole = len(chosen) == len(case.free)
        if not whole and not (everything and xs[0].dtype.kind == "f"):
            continue
        series = curve_through(xs, ts, order)
        with np.errstate(all="ignore"):
            want = nested(along(fun, xs, series), order, 0.0)
            outs, derivatives = fg.jet(fun, tuple(xs), tuple(series))
        for j, (y, row) in enumerate(zip(outs, derivatives, strict=True)):
            for k, got in enumerate([y, *row]):
                w = np.asarray(want[k][j])

                assert (w.shape, w.dtype) == (np.shape(got), np.asarray(got).dtype)
                single = w.dtype in (np.float32, np.complex64)
                tol = 1e-5 if single else 1e-10  # the issue's; single precision for its casts
                np.testing.assert_allclose(got, w, rtol=tol, atol=tol)


# the rules


@pytest.mark.slow
@derived_rows
def test_series_are_those_of_nested_forward_mode(name, case):
    check_row(name, case, 4)


SOME = "div pow exp arctan cbrt erf gammaln solve eigh svd max"


@pytest.mark.parametrize("name", SOME.split())
def test_series_of_some_primitives_are_those_of_nested_forward_mode(name):
    check_row(name, CASES[name][0], 3, everything=False)


def test_each_primitive_goes_its_way():
    found = {}
    for name in sorted(CASES):
        case = CASES[name][0]
        if name in primitives and has_derivative(name, case):
            way = way_of(primitives[name], frozenset(case.free), case.params)
            found.setdefault(way, set()).add(name)
    for way, names in WAYS.items():
        assert set(names.split()) <= found[way]
    own = {*WAYS["recurrence"].split(), *WAYS["simpler"].split()}

    assert own == found["recurrence"] | found["simpler"]  # the others have no rule of their own


FUNCTIONS = """sin cos tan exp log sqrt sinh cosh tanh asin acos atan asinh acosh atanh erf erfc
gamma loggamma digamma"""


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS.split())
def test_coefficients_of_order_20_are_those_of_mpmath(name):
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 60
    ours = {"erf": fg.special.erf, "erfc": fg.special.erfc, "gamma": fg.special.gamma,
            "loggamma": fg.special.gammaln, "digamma": fg.special.digamma}  # fmt: skip
    x = 1.3 if name == "acosh" else 0.4
    got = fg.taylor(ours.get(name) or getattr(np, re.sub("^a", "arc", name)), 20)(x)
    want = [float(c) for c in mpmath.taylor(getattr(mpmath, name), mpmath.mpf(x), 20)]

    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)  # the issue's


# programs


@fg.custom_jvp
def doubled_slope(x):
    return np.exp(x)


@doubled_slope.defjvp
def _(primals, tangents):
    y = doubled_slope(primals[0])
    return y, 2 * y * tangents[0]


@fg.custom_batch
def with_batch_rule(x):
    return np.sin(x)


with_batch_rule.def_vmap(lambda size, batched, x: (np.sin(x), True))


def closing(x):
    """A custom rule that closes over a differentiated value."""

    @fg.custom_jvp
    def inner(y):
        return np.sin(y) * x

    inner.defjvp(lambda p, t: (np.sin(p[0]) * x, np.cos(p[0]) * t[0] * x))
    return inner(x * x)


def written(x):
    y = np.zeros(3) + x
    y[0] = np.sin(x) * y[1]
    y *= y
    return np.sum(y)


def solve(matvec, b):
    return np.linalg.solve(fg.jacfwd(matvec)(b), b)


A = np.arange(9.0).reshape(3, 3) / 9 + np.diag([1.0, 2.0, 4.0])
PROGRAMS = {
    "scan": lambda x: lax.scan(lambda c, y: (np.sin(c) * x + y, c * x), x, A[0] * x)[1].sum(),
    "fori_loop": lambda x: lax.fori_loop(0, 4, lambda i, c: np.sin(c) * x + i, 1.0),
    "while_loop": lambda x: lax.while_loop(lambda c: c < 10, lambda c: c * (1 + x), x),
    "loop in a loop": lambda x: lax.scan(
        lambda c, _: (lax.fori_loop(0, 2, lambda i, d: np.sin(d) * x, c), None), x, None, length=3
    )[0],
    "cond": lambda x: lax.cond(x > 0.5, lambda x: np.sin(x) * x, lambda x: x, x),
    "jit": fg.jit(lambda x: np.tanh(x) / x),
    "checkpoint": fg.checkpoint(lambda x: np.sin(x) * np.exp(x)),
    "custom_jvp": lambda x: doubled_slope(x * x) * x,
    "custom_batch": lambda x: with_batch_rule(x) * x,
    "closure": closing,
    "write in place": written,
    "grad": fg.grad(lambda x: np.sin(x) ** 3),
    "grad of a loop": fg.grad(lambda x: lax.fori_loop(0, 3, lambda i, c: np.sin(c) * x, x)),
    "grad of a checkpointed loop": fg.grad(
        lambda x: lax.scan(lambda c, y: (np.sin(c) * y, c), x, A[0] * x, checkpoint=1)[0]
    ),
    "jet": lambda x: fg.taylor(lambda y: np.sin(x * y) * y, 2)(x).sum(),
    "linear solve": lambda x: lax.custom_linear_solve(
        lambda v: (A + x * A @ A) @ v, np.ones(3) * x, solve, solve
    ).sum(),
    "expm": lambda x: fg.linalg.expm(A * x).sum(),
    "sqrtm": lambda x: fg.scipy.linalg.sqrtm(A @ A.T + x * A * A.T).sum(),
    "product of three": lambda x: np.einsum("ij,jk,ki->", A * x, np.sin(A * x), np.exp(A * x)),
    "softmax": lambda x: fg.nn.softmax(A[0] * np.sin(x))[1],
    "sort": lambda x: np.sort(np.sin(A * x), axis=0)[1].sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_have_the_series_of_nested_forward_mode(name):
    fun, order = PROGRAMS[name], 3
    want = [y / math.factorial(k) for k, y in enumerate(nested(fun, order, np.array(0.7)))]

    np.testing.assert_allclose(fg.taylor(fun, order)(0.7), want, rtol=1e-11)  # reordered


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_series_compose_with_the_other_transforms(name):
    fun, xs = fg.taylor(PROGRAMS[name], 4), np.array([0.7, 0.8])
    want = np.stack([fun(x) for x in xs])
    loss = lambda x: np.sum(np.arctan(fun(x)))
    slope = fg.grad(loss)(0.7)
    h = 1e-5

    np.testing.assert_allclose(fg.jit(fun)(0.7), want[0], rtol=1e-12)  # fused
    np.testing.assert_allclose(fg.taylor(fg.jit(PROGRAMS[name]), 4)(0.7), want[0], rtol=1e-12)
    np.testing.assert_allclose(fg.vmap(fun)(xs), want, rtol=1e-11)  # other BLAS calls
    got = fg.taylor(fg.vmap(PROGRAMS[name]), 4)(xs).T
    np.testing.assert_allclose(got, want, rtol=1e-11)
    np.testing.assert_allclose(fg.jit(fg.grad(loss))(0.7), slope, rtol=1e-10)
    np.testing.assert_allclose(fg.jvp(loss, (0.7,), (1.0,))[1], slope, rtol=1e-10)
    if name != "custom_jvp":  # whose rule is another derivative
        # central differences, of error h**2 and eps / h
        np.testing.assert_allclose((loss(0.7 + h) - loss(0.7 - h)) / (2 * h), slope, rtol=1e-5)


def test_a_custom_vjp_has_the_series_of_its_function():
    @fg.custom_vjp
    def sine(x):
        return np.sin(x)

    sine.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (ct * np.cos(x),))
    want = fg.taylor(lambda x: np.sin(x) * x, 4)(0.7)

    np.testing.assert_array_equal(want, fg.taylor(lambda x: sine(x) * x, 4)(0.7))


# values


@pytest.mark.peers
def test_jet_has_the_convention_of_jax():
    jax_jet = pytest.importorskip("jax.experimental.jet")
    jnp = pytest.importorskip("jax.numpy")
    xs, rows = (0.5, 1.5), ([1.0, 0.3, -0.2], [0.1, 0.0, 2.0])
    want = jax_jet.jet(lambda x, y: (jnp.sin(x * y), x / y), xs, rows)
    got = fg.jet(lambda x, y: (np.sin(x * y), x / y), xs, rows)

    for w, g in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-5)  # JAX in float32


def test_jet_of_a_jet_continues_the_curve():
    row = [1.0, 0.0, 0.0]
    y, series = fg.jet(np.sin, (0.3,), (row,))
    want = fg.jet(lambda x: np.exp(np.sin(x)), (0.3,), (row,))
    got = fg.jet(np.exp, (y,), (series,))

    np.testing.assert_allclose(fg.tree.leaves(got), fg.tree.leaves(want), rtol=1e-14)


def test_trees_have_a_list_in_place_of_each_leaf():
    fun = lambda p, n: {"y": p["a"] * p["b"] ** n, "n": n}
    y, series = fg.jet(fun, ({"a": 2.0, "b": 3.0}, 2), ({"a": [1.0, 0], "b": [0, 0]}, [0, 0]))

    assert y == {"y": 18.0, "n": 2}
    assert series == {"y": [9.0, 0.0], "n": [0, 0]}


def test_a_series_of_a_tree_may_be_a_list_of_trees():
    fun = lambda p: p["a"] * p["b"]
    want = fg.jet(fun, ({"a": 2.0, "b": 3.0},), ({"a": [1.0, 0.0], "b": [0.0, 4.0]},))
    got = fg.jet(fun, ({"a": 2.0, "b": 3.0},), ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 4.0}],))

    assert got == want == (6.0, [3.0, 8.0])

    pair = fg.jet(lambda p: p[0] * p[1], ((2.0, 3.0),), ([(1.0, 0.0), (0.0, 4.0)],))
    assert pair == want
    assert fg.jet(lambda p: 2.0, ({},), ([],)) == (2.0, [])


def test_arguments_of_taylor_are_those_of_the_function():
    assert fg.taylor(lambda x, n, *, scale=1: scale * x**n, 2)(2.0, 2, scale=3).tolist() == [
        12,
        12,
        3,
    ]


def test_coefficients_without_factorials():
    y, series = fg.jet(np.exp, (0.0,), ([1.0, 0.0, 0.0],), factorial_scaled=False)

    np.testing.assert_allclose([y, *series], [1, 1, 1 / 2, 1 / 6])


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "f2"])
def test_coefficients_keep_the_dtype(dtype):
    x = np.array([0.5, 1.5], dtype)
    fun = lambda x: np.exp(x * 2) / (x + 1) + np.array([1, 2]).astype(x.dtype) * x**2

    assert fg.taylor(fun, 3)(x).dtype == fun(x).dtype == x.dtype


def test_powers_of_zero_are_exact():
    at = lambda fun, x: fg.taylor(fun, 4)(np.float64(x)).tolist()

    assert at(lambda x: x**2, 0.0) == [0, 0, 1, 0, 0]
    assert at(lambda x: x**3, 0.0) == [0, 0, 0, 1, 0]
    assert at(lambda x: np.square(x) * x, 0.0) == [0, 0, 0, 1, 0]
    assert at(lambda x: np.power(x, np.array(2.0)), 0.0) == [0, 0, 1, 0, 0]
    assert at(lambda x: x**2.5, 0.0)[:3] == [0, 0, 0]
    assert at(lambda x: x**-2, 2.0) == [1 / 4, -1 / 4, 3 / 16, -1 / 8, 5 / 64]
    assert at(np.sin, 0.0) == [0, 1, 0, -1 / 6, 0]


def test_poles_stay_where_they_are():
    x = np.array([0.0, 4.0])
    for fun in (np.sqrt, np.log, lambda x: 1 / x, lambda x: x**1.5):
        with np.errstate(divide="ignore"):  # of the value itself
            got = fg.taylor(fun, 4)(x)

        assert np.isfinite(got[:, 1]).all()
        assert not np.isfinite(got[3:, 0]).any()


@pytest.mark.parametrize("dtype", ["f8", "c16", "f4"])
def test_a_determinant_is_a_polynomial_at_singular_matrices_too(dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(2, 3, 3)).astype(dtype) * 3 for _ in range(2))
    a[1, 0] = a[1, 1]  # singular
    a = a + 1j * b if dtype == "c16" else a
    det = lambda t: np.linalg.det(a + t * b)
    x = np.dtype(dtype).type(0).real
    got = fg.taylor(det, 7)(x)
    slope = fg.taylor(lambda t: fg.jvp(det, (t,), (np.ones_like(t),))[1], 6)(x)
    mirror = fg.taylor(lambda t: np.linalg.det((a + t * b).mT), 7)(x)
    tol = 1e-4 if dtype == "f4" else 1e-11  # of numbers up to 300

    np.testing.assert_allclose(got[4:], 0, atol=tol)  # of degree 3
    np.testing.assert_allclose(got.sum(0), np.linalg.det(a + b), rtol=10 * tol)
    np.testing.assert_allclose(slope.T, (got[1:].T * np.arange(1, 8)), atol=20 * tol)
    np.testing.assert_allclose(mirror, got, atol=tol)
    np.testing.assert_allclose(fg.jit(fg.taylor(det, 7))(x), got, atol=tol)
    assert got.dtype == a.dtype


def test_an_element_that_does_not_move_has_no_series():
    still, moving = np.array([0.0, 1.0]), [np.array([0.0, 1.0]), np.zeros(2)]
    padded = lambda x: np.sum(np.sqrt(np.pad(x, 1)))

    for jet in (fg.jet, fg.jit(fg.jet, static_argnums=0)):
        _, series = jet(np.sqrt, (still,), (moving,))
        np.testing.assert_array_equal(series, [[0, 1 / 2], [0, -1 / 4]])
    for fun in (fg.taylor(padded, 2), fg.jit(fg.taylor(padded, 2)), fg.taylor(fg.jit(padded), 2)):
        np.testing.assert_allclose(fun(np.ones(2)), [2, 1, -1 / 4])


def test_the_branch_is_that_of_the_base_point():
    fun = lambda x: np.where(x > 0, np.abs(x) * np.maximum(x, 1), np.log(np.abs(x)))

    np.testing.assert_allclose(
        fg.taylor(fun, 2)(np.array([2.0, -1.0])).T, [[4, 4, 1], [0, -1, -0.5]]
    )


# cost


def test_the_cost_grows_as_the_square_of_the_order():
    fun = lambda x: np.sin(np.exp(-x * x) + np.tanh(3 * x)) / np.sqrt(1 + x)
    count = lambda order: len(fg.make_jaxpr(fg.taylor(fun, order))(0.5).jaxpr.eqns)

    assert count(16) < 4.2 * count(8)


@pytest.mark.peers
@pytest.mark.slow
def test_coefficients_are_faster_than_those_of_jax():
    jax = pytest.importorskip("jax")
    jax_jet, jnp = pytest.importorskip("jax.experimental.jet"), jax.numpy
    x, order = np.random.default_rng(0).uniform(-1, 1, 10_000), 12
    of = lambda xp: lambda t: xp.sin(xp.exp(-t * t) + xp.tanh(3 * t))
    with jax.enable_x64(True):
        row = lambda t: [jnp.ones_like(t), *[jnp.zeros_like(t)] * (order - 1)]
        theirs = jax.jit(lambda t: jax_jet.jet(of(jnp), (t,), (row(t),)))
        given = jnp.asarray(x)
        ours = fg.jit(fg.taylor(of(np), order))
        want = [y / math.factorial(k) for k, y in enumerate(fg.tree.leaves(theirs(given)))]
        np.testing.assert_allclose(ours(x), want, rtol=1e-7, atol=1e-7)  # of gamma functions
        times = []
        for _ in range(40):  # in turns
            start = time.perf_counter()
            ours(x)
            middle = time.perf_counter()
            jax.block_until_ready(theirs(given))
            times.append((middle - start, time.perf_counter() - middle))
    mine, other = np.median(times, axis=0)
    print(f"taylor {mine * 1e3:.2f} ms, jax {other * 1e3:.2f} ms")

    assert mine < other


def test_a_pass_leaves_no_cycle_of_references():
    fun = lambda x: np.sin(x) * np.exp(-x) / np.sqrt(x)
    fg.taylor(fun, 3)(np.ones(3))
    gc.collect()
    fg.taylor(fun, 3)(np.ones(3))

    assert gc.collect() == 0


# errors


def test_errors_say_the_cause_and_the_cure():
    with pytest.raises(
        fg.errors.ShapeError, match="jet: the series must have equal lengths: got 1"
    ):
        fg.jet(np.add, (1.0, 2.0), ([1.0], [1.0, 0.0]))
    with pytest.raises(fg.errors.ShapeError, match="jet: the tangent of argument 0"):
        fg.jet(np.sin, (1.0,), ([np.ones(2)],))
    with pytest.raises(
        TypeError, match="jet: series must have a list of derivatives for each leaf"
    ):
        fg.jet(np.sin, (1.0,), (1.0,))
    with pytest.raises(TypeError, match="one entry for each of the 1 primals"):
        fg.jet(np.sin, (1.0,), ([1.0], [2.0]))
    with pytest.raises(fg.errors.DtypeError, match=r"taylor: argument 0 .* write 1\.0"):
        fg.taylor(lambda x: x, 2)(1)
    with pytest.raises(ValueError, match="taylor: order must be an integer of at least 0: got -1"):
        fg.taylor(np.sin, -1)
    with pytest.raises(fg.errors.LeakedTracerError):
        kept = []
        fg.taylor(lambda x: kept.append(x) or x, 2)(1.0)
        kept[0] + 1
