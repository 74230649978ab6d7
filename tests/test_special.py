"""Special functions: their values and derivatives, at the edges too.

``special_values.json`` holds values of mpmath, computed with 60 digits and rounded, at random
points of the whole domain and near the zeros.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, special
from funcgrad.core.errors import DtypeError, UnsupportedError

TABLE = json.loads((Path(__file__).parent / "special_values.json").read_text(encoding="utf-8"))
VALUES, DERIVATIVES = TABLE["values"], TABLE["derivatives"]
ULP = {np.float64: 2.0**-52, np.float32: 2.0**-23}
INF, NAN = math.inf, math.nan

# units in the last place, where four do not do: in all of these the rounding of an intermediate
# sum, exponent or quotient is multiplied by the size of the result's logarithm or its derivative
LOOSE = {
    "beta": 12, "betaln": 20, "gammainc": 10, "gammaincc": 24, "betainc": 24, "polygamma": 8,
    "zeta": 8, "expit": 4, "multigammaln": 20, "erfi": 12, "hyp1f1": 8, "hyp2f1": 24,
    "betaincinv": 14, "gammainccinv": 6,
}  # fmt: skip


def arrays(name, dtype=np.float64):
    return [np.array(x, dtype) for x in VALUES[name]["x"]]


def in_ulps(want, got, dtype=np.float64):
    scale = np.maximum(np.abs(want), np.finfo(dtype).tiny)
    return np.max(np.abs(np.asarray(got, np.float64) - want) / scale) / ULP[dtype]


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_mpmath(name):
    more = (3,) if name == "multigammaln" else ()
    want = np.array(VALUES[name]["y"])
    got = getattr(special, name)(*arrays(name), *more)

    assert in_ulps(want, got) <= LOOSE.get(name, 4)


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"multigammaln"}))
def test_single_precision_is_accurate_and_stays_single(name):
    with np.errstate(all="ignore"):
        xs = arrays(name, np.float32)
        want = getattr(special, name)(*[x.astype(np.float64) for x in xs])
        got = getattr(special, name)(*xs)
    size = np.abs(want)
    normal = np.isfinite(want) & (size > np.finfo(np.float32).tiny) & (size < 1e38)

    assert got.dtype == np.float32
    # log_expit and expit are NumPy's own float32 functions; erfinv is rounded as JAX rounds it
    bound = {"log_expit": 4, "expit": 4, "erfinv": 60, "log_ndtr": 3, "logit": 3}
    assert in_ulps(want[normal], got[normal], np.float32) <= bound.get(name, 2)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_are_those_of_mpmath(name):
    function, places = name.split()
    row = DERIVATIVES[name]
    f = getattr(special, function)
    for i in map(int, places):
        f = fg.grad(f, argnums=i)
    got = fg.vmap(f)(*map(np.array, row["x"]))

    np.testing.assert_allclose(got, row["y"], rtol=1e-12)  # a hundred roundings or so


EDGES = {
    "erf": ([-INF, 0, INF, NAN], [-1, 0, 1, NAN]),
    "erfc": ([-INF, 0, INF, NAN], [2, 1, 0, NAN]),
    "erfcx": ([-INF, 0, INF, NAN], [INF, 1, 0, NAN]),
    "erfinv": ([-1, 0, 1, 1.5, NAN], [-INF, 0, INF, NAN, NAN]),
    "erfcinv": ([0, 1, 2, -0.5, NAN], [INF, 0, -INF, NAN, NAN]),
    "ndtr": ([-INF, -1e200, 0, 1e200, INF, NAN], [0, 0, 0.5, 1, 1, NAN]),
    "log_ndtr": ([-INF, -1e200, 1e200, INF, NAN], [-INF, -INF, 0, 0, NAN]),
    "ndtri": ([0, 0.5, 1, -0.1, NAN], [-INF, 0, INF, NAN, NAN]),
    "gamma": ([0.0, -0.0, -1, 1, 172, INF, NAN], [INF, -INF, NAN, 1, INF, INF, NAN]),
    "gammaln": ([0, -1, 1, 2, INF, -INF, NAN], [INF, INF, 0, 0, INF, INF, NAN]),
    "gammasgn": ([0.0, -0.0, -0.5, -1.5, -1, NAN], [1, -1, -1, 1, NAN, NAN]),
    "digamma": ([0.0, -0.0, -1, INF, NAN], [-INF, INF, NAN, INF, NAN]),
    "i0": ([-INF, 0, INF, NAN], [INF, 1, INF, NAN]),
    "i0e": ([-INF, 0, INF, NAN], [0, 1, 0, NAN]),
    "i1": ([-INF, 0, INF, NAN], [-INF, 0, INF, NAN]),
    "i1e": ([-INF, 0, INF, NAN], [0, 0, 0, NAN]),
    "expit": ([-INF, -1000, 0, 1000, INF, NAN], [0, 0, 0.5, 1, 1, NAN]),
    "log_expit": ([-INF, -1e9, 1e9, INF], [-INF, -1e9, 0, 0]),
    "logit": ([0, 0.5, 1, -1, 2, NAN], [-INF, 0, INF, NAN, NAN, NAN]),
    "entr": ([-1, 0, 1, INF, NAN], [-INF, 0, 0, -INF, NAN]),
    "factorial": ([-1, 0, 3], [0, 1, 6]),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges_have_their_values_without_a_warning(name):
    x, want = EDGES[name]
    got = getattr(special, name)(np.array(x, np.float64))

    np.testing.assert_allclose(got, want, rtol=1e-14)


PAIRS = {
    "xlogy": [(0, 0, 0), (0, INF, 0), (0, NAN, NAN), (2, 0, -INF), (NAN, 1, NAN)],
    "xlog1py": [(0, -1, 0), (0, NAN, NAN), (2, -1, -INF)],
    "rel_entr": [
        (0, 0, 0),
        (0, 2, 0),
        (1, 0, INF),
        (-1, 1, INF),
        (1, NAN, NAN),
        (1e300, 1e-20, 1e300 * 320 * math.log(10)),
    ],
    "kl_div": [(0, 2, 2), (0, 0, 0), (1, 0, INF), (1, -1, INF), (NAN, 1, NAN)],
    "zeta": [(1, 2, INF), (2, 0, INF), (2, -1, INF), (0.5, 2, NAN), (2, INF, 0), (2.5, -1.5, NAN)],
    "polygamma": [(0, 1, special.digamma(1.0)), (1, 0, INF), (-1, 1, NAN), (1.5, 1, NAN)],
    "gammainc": [(1, 0, 0), (1, INF, 1), (0, 1, 1), (INF, 1, 0), (-1, 1, NAN), (1, -1, NAN)],
    "gammaincc": [(1, 0, 1), (1, INF, 0), (0, 1, 0), (INF, 1, 1), (1, NAN, NAN)],
    "beta": [(0, 1, INF), (1e-300, 1e-300, 2e300), (1, 1, 1), (NAN, 1, NAN)],
    "betaln": [(0, 1, INF), (1, 1, 0), (1e308, 1, -math.log(1e308))],
}


@pytest.mark.parametrize("name", PAIRS)
def test_edges_of_two_operands_have_their_values(name):
    for x, y, want in PAIRS[name]:
        got = getattr(special, name)(float(x), float(y))

        assert got == pytest.approx(want, rel=1e-13, abs=1e-15, nan_ok=True)


def slope(f, *xs, argnum=0, order=1):
    for _ in range(order):
        f = fg.grad(f, argnums=argnum)
    with np.errstate(all="ignore"):  # log(0) warns, as NumPy does
        return f(*map(float, xs))


def test_slopes_at_the_edges():
    assert slope(special.expit, 1000) == slope(special.expit, -1000) == 0
    assert slope(special.logit, 0) == slope(special.logit, 1) == INF
    assert slope(special.ndtri, 0) == slope(special.ndtri, 1) == INF
    assert slope(special.i0e, 0) == 0
    assert slope(special.i1e, 0) == slope(special.i1, 0) == 0.5
    assert slope(special.entr, 0) == INF
    assert slope(special.xlogy, 0, 2) == math.log(2) and slope(special.xlogy, 0, 0) == -INF
    assert slope(special.xlogy, 0, 0, argnum=1) == slope(special.rel_entr, 0, 0, argnum=1) == 0
    assert slope(special.log_ndtr, 50) == 0
    assert slope(special.log_ndtr, -1e10) == pytest.approx(1e10, rel=1e-15)
    assert slope(special.erfc, 1e200) == slope(special.ndtr, -1e200) == 0


def test_second_slopes_at_the_edges():
    assert slope(special.log_ndtr, -1e6, order=2) == pytest.approx(-1, rel=1e-11)
    assert slope(special.log_ndtr, 50, order=2) == 0
    assert slope(special.i0, 0, order=2) == 0.5
    assert slope(special.i1, 0, order=3) == pytest.approx(3 / 8)
    assert slope(special.i0, 0, order=4) == pytest.approx(3 / 8)
    assert slope(special.expit, 1000, order=2) == 0
    assert slope(special.gammaln, 1, order=3) == pytest.approx(special.polygamma(2, 1.0))


def test_terms_of_polygamma_that_cancel_leave_the_others():
    rest = math.factorial(30) * special.zeta(31.0, 1.5)

    assert special.polygamma(30, -0.5) == pytest.approx(-rest, rel=1e-14)
    assert special.polygamma(1, -1e-20) == pytest.approx(1e40, rel=1e-15)


def test_a_zero_cotangent_wins_over_a_pole():
    f = lambda x: np.where(x > 0, special.gammaln(x) + special.entr(x) + special.logit(x), 0.0)

    with np.errstate(all="ignore"):
        got = fg.grad(lambda x: f(x).sum())(np.array([0.0, -1.0]))

    np.testing.assert_array_equal(got, [0, 0])


def test_orders_have_no_derivative():
    with pytest.raises(UnsupportedError, match=r"polygamma: .* no derivative in n"):
        fg.grad(special.polygamma)(2.0, 1.0)
    with pytest.raises(UnsupportedError, match=r"zeta: .* no derivative in x"):
        fg.grad(special.zeta)(2.0, 1.0)


@pytest.mark.parametrize("name", ["gammaln", "ndtr", "i0", "xlogy", "logit"])
def test_complex_numbers_are_refused_by_name(name):
    function = getattr(special, name)
    z = np.array([1 + 2j])
    with pytest.raises(DtypeError, match=rf"{name}: not defined for these dtypes"):
        function(z, z) if name == "xlogy" else function(z)


def test_operands_promote_as_those_of_ufuncs_do():
    one = lambda dtype: np.ones(2, dtype)

    assert special.gammaln(one(np.int8)).dtype == np.float16
    assert special.gammaln(one(np.int32)).dtype == np.float64
    assert special.xlogy(one(np.float32), 2.0).dtype == np.float32
    assert special.xlogy(one(np.float32), one(np.int64)).dtype == np.float64
    assert type(special.gammaln(2.5)) is np.float64
    assert special.gammainc([1.0, 2.0], [[1.0], [2.0]]).shape == (2, 2)
    assert special.betainc(np.ones((0, 3)), 1.0, 0.5).shape == (0, 3)


@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "betaln", "gammainc"])
def test_a_traced_scalar_leaves_half_precision_as_an_untraced_one_does(name):
    f, half = getattr(special, name), np.array(0.5, np.float16)
    of_scalar = lambda x: f(x, half)
    got = [
        fg.vjp(of_scalar, 1.0)[0],
        fg.jvp(of_scalar, (1.0,), (1.0,))[0],
        fg.jit(of_scalar)(1.0),
        fg.vmap(lambda y: fg.vjp(lambda x: f(x, y), 1.0)[0])(half[None]),
    ]

    assert [y.dtype for y in got] == [f(1.0, half).dtype] * 4 == [np.float16] * 4


def test_strided_and_many_operands_agree_with_plain_ones():
    x = np.linspace(0.1, 9, 70000).reshape(2, -1)

    np.testing.assert_array_equal(special.gammaln(x.T), special.gammaln(x).T)
    np.testing.assert_array_equal(
        special.xlogy(x[:, ::-2], x[:1, ::-2]), special.xlogy(x, x[:1])[:, ::-2]
    )


JITTED = {
    "gammaln": lambda x: special.gammaln(x) * special.digamma(x),
    "gammainc": lambda x: special.gammainc(x, 2.0) + special.gammaincc(2.0, x),
    "betainc": lambda x: special.betainc(x, 2.0, 0.3),
    "log_ndtr": lambda x: special.log_ndtr(-x) + special.ndtri(special.ndtr(x)),
    "entropies": lambda x: special.entr(x) + special.kl_div(x, 2.0) + special.rel_entr(x, 0.5),
    "bessel": lambda x: special.i0e(x) * special.i1(x),
    "polygamma": lambda x: special.polygamma(2, x) + special.zeta(3.0, x),
}


@pytest.mark.parametrize("name", JITTED)
def test_compiled_gradients_equal_eager_ones(name):
    x = np.linspace(0.5, 3, 5)
    gradient = fg.grad(lambda x: JITTED[name](x).sum())
    batched = fg.vmap(fg.grad(JITTED[name]))

    np.testing.assert_allclose(fg.jit(gradient)(x), gradient(x), rtol=1e-12)
    np.testing.assert_allclose(batched(x), gradient(x), rtol=1e-12)


@pytest.mark.parametrize("name", JITTED)
def test_standalone_source_needs_numpy_alone(name):
    x = np.linspace(0.5, 3, 5)
    gradient = fg.jit(fg.grad(lambda x: JITTED[name](x).sum()))
    text = gradient.source(x, standalone=True)
    namespace = {}
    exec(compile(text, "standalone", "exec"), namespace)
    function = next(
        f for k, f in namespace.items() if callable(f) and not k.startswith(("_", "numpy"))
    )

    assert "import funcgrad" not in text and "from funcgrad" not in text
    np.testing.assert_array_equal(function(x), gradient(x))


@pytest.mark.parametrize("name", ["jv", "erf"])
def test_loops_until_convergence_need_numpy_alone(name):
    z = np.linspace(0.5, 3, 5) + (0 if name == "jv" else 1j)
    function = fg.special.erf if name == "erf" else lambda z: fg.special.jv(2.5, z)
    compiled, namespace = fg.jit(function), {}

    exec(compile(compiled.source(z, standalone=True), "standalone", "exec"), namespace)

    alone = [f for k, f in namespace.items() if callable(f) and not k.startswith("_")]
    np.testing.assert_array_equal(alone[-1](z), compiled(z))


def test_numpys_i0_is_traced():
    x = np.array([0.0, 1.5, 20.0])

    np.testing.assert_allclose(fg.jit(np.i0)(x), np.i0(x), rtol=1e-14)
    np.testing.assert_allclose(fg.vmap(fg.grad(np.i0))(x), special.i1(x), rtol=1e-14)
    assert fg.jit(np.i0)(np.array([1, 2])).dtype == np.i0(np.array([1, 2])).dtype


# sums of exponentials


def test_logsumexp_takes_weights_signs_and_masks():
    a = np.array([[1.0, 2.0, 3.0], [1e4, 1e4, -INF]])
    y, sign = special.logsumexp(a[0], b=np.array([1.0, 0.0, -1.0]), return_sign=True)

    assert y == pytest.approx(math.log(math.e**3 - math.e)) and sign == -1
    np.testing.assert_allclose(
        special.logsumexp(a, axis=1, where=np.array([True, False, True]), keepdims=True),
        [[math.log(math.e + math.e**3)], [1e4]],
    )
    assert special.logsumexp(np.array([NAN, 0.0]), b=np.array([0.0, 1.0])) == 0
    assert special.logsumexp(np.array([])) == special.logsumexp(np.array([-INF, -INF])) == -INF
    assert special.logsumexp(np.array([INF, 1.0])) == INF
    z = np.array([1 + 1j, 2 - 3j])
    np.testing.assert_allclose(special.logsumexp(z), np.log(np.sum(np.exp(z))))


def test_logsumexp_has_the_softmax_as_gradient():
    a = np.array([1e4, 1e4 - 1, -INF])

    np.testing.assert_allclose(fg.grad(special.logsumexp)(a), special.softmax(a), rtol=1e-12)
    np.testing.assert_array_equal(fg.grad(special.logsumexp)(np.array([-INF, -INF])), [0, 0])
    fg.check_grads(lambda a, b: special.logsumexp(a, 0, b), (a[:2] / 1e4, np.array([1.0, 2])), 2)


def test_the_softmax_is_over_all_axes_unless_told():
    x = np.arange(6.0).reshape(2, 3)

    assert special.softmax(x).sum() == pytest.approx(1)
    np.testing.assert_allclose(special.softmax(x, 1), nn.softmax(x))
    np.testing.assert_allclose(special.log_softmax(x, (0, 1)), np.log(special.softmax(x)))


# peers


# whose limits at the edges are in test_special_names.py
LIMITS = {
    "jv", "yv", "ive", "kve", "expn", "expi", "spence", "rgamma", "dawsn", "erfi", "ellipk",
    "ellipe", "ellipkinc", "ellipeinc", "elliprf", "elliprd", "hyp0f1", "hyp1f1", "hyp2f1",
    "owens_t", "gammaincinv", "gammainccinv", "betaincinv",
}  # fmt: skip


@pytest.mark.peers
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"multigammaln"} - LIMITS))
def test_values_and_edges_are_those_of_scipy(name):
    scipy = pytest.importorskip("scipy.special")
    edge = np.array([-INF, -2.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 30.0, INF, NAN])
    count = len(VALUES[name]["x"])
    if name.startswith("beta"):  # whose poles are nan here
        edge = edge[5:8]
    xs = np.meshgrid(*[edge] * count)
    with np.errstate(all="ignore"):
        want, got = getattr(scipy, name)(*xs), getattr(special, name)(*xs)

    finite = np.isfinite(want)  # at infinities scipy is of several minds

    np.testing.assert_allclose(got[finite], want[finite], rtol=1e-12, atol=1e-15)


@pytest.mark.peers
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"erfcx", "erfcinv", "log_expit", "zeta"}))
def test_gradients_are_those_of_jax(name, jax):
    peer = getattr(jax.scipy.special, name)
    more = (3,) if name == "multigammaln" else ()
    xs = [x[:6] for x in arrays(name)]
    if name == "polygamma":
        argnum, xs[0] = 1, xs[0].astype(int)
    else:
        argnum = len(xs) - 1
    want = jax.vmap(jax.grad(lambda *xs: peer(*xs, *more), argnum))(*xs)
    got = fg.vmap(fg.grad(lambda *xs: getattr(special, name)(*xs, *more), argnum))(*xs)

    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-12)


# tails and edges of derivatives


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["i0e", "i1e"])
def test_derivatives_of_scaled_bessel_functions_do_not_cancel(name, order):
    mpmath = pytest.importorskip("mpmath")
    n = int(name[1])
    exact = lambda v: mpmath.exp(-abs(v)) * mpmath.besseli(n, v)
    f = getattr(special, name)
    for _ in range(order):
        f = (lambda g: fg.grad(lambda v: np.sum(g(v))))(f)
    x = np.array([0.1, 1.0, 5.0, 20.0, 39.0, 41.0, 300.0, 710.0, 1e4])
    with mpmath.workdps(60):
        want = np.array([float(mpmath.diff(exact, mpmath.mpf(float(v)), order)) for v in x])

    np.testing.assert_allclose(f(x), want, rtol=1e-11)
    np.testing.assert_allclose(f(np.float32(x)), np.float32(want), rtol=3e-6, atol=1e-9)
    sign = (-1) ** (order + n)
    np.testing.assert_allclose(f(-x), sign * f(x), rtol=1e-14)


def test_slopes_of_unscaled_bessel_functions_do_not_overflow_before_they_must():
    x = np.float32(90.0)
    want = special.i0(90.0) - special.i1(90.0) / 90.0

    np.testing.assert_allclose(fg.grad(special.i1)(x), want, rtol=1e-6)


def test_the_gamma_density_may_be_denormal():
    got = fg.grad(special.gammainc, 1)(51.79474679231202, 1e-05)

    np.testing.assert_allclose(got, 1.5375e-320, rtol=1e-3)
    np.testing.assert_allclose(fg.grad(special.gammaincc, 1)(51.79474679231202, 1e-05), -got)


@pytest.mark.parametrize("name", ["erf", "erfc", "ndtr", "log_ndtr", "i0e", "i1e", "digamma"])
def test_derivatives_in_half_precision_are_those_of_double(name):
    f = getattr(special, name)
    x = np.array([-6e4, -300.0, -7.0, -0.5, 0.5, 7.0, 300.0, 6e4], np.float16)
    x = np.abs(x) if name == "digamma" else x
    for _ in range(2):
        f = (lambda g: fg.grad(lambda v: np.sum(g(v))))(f)
        with np.errstate(over="ignore", invalid="ignore"):
            want, got = f(x.astype(float)).astype(np.float16), f(x)

        assert got.dtype == np.float16
        np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=4e-3, atol=2e-7)


def test_logsumexp_has_a_derivative_in_a_weight_that_is_0():
    a, b = np.array([0.3, 0.5]), np.array([1.0, 0.0])
    by_weight = lambda b: special.logsumexp(a, b=b)
    want = np.exp(a - 0.3)

    np.testing.assert_allclose(fg.grad(by_weight)(b), want, rtol=1e-15)
    np.testing.assert_allclose(fg.jit(fg.grad(by_weight))(b), want, rtol=1e-15)
    np.testing.assert_allclose(fg.jvp(by_weight, (b,), (np.array([0.0, 1.0]),))[1], want[1])
    both = lambda v: special.logsumexp(v[:2], b=v[2:])
    plain = lambda v: np.log(v[2] * np.exp(v[0]) + v[3] * np.exp(v[1]))
    v = np.concatenate([a, b])
    np.testing.assert_allclose(fg.hessian(both)(v), fg.hessian(plain)(v), rtol=1e-12, atol=1e-15)
    hidden = fg.grad(lambda b: special.logsumexp(a, b=b, where=np.array([True, False])))
    assert np.array_equal(hidden(b), [1.0, 0.0])


@pytest.mark.parametrize("absent", [np.inf, -np.inf, np.nan, 1e5])
def test_what_has_weight_0_may_be_anything(absent):
    a, b = np.array([0.0, absent]), np.array([1.0, 0.0])

    assert special.logsumexp(a, b=b) == 0
    assert np.array_equal(fg.grad(lambda a: special.logsumexp(a, b=b))(a), [1.0, 0.0])


def test_a_scalar_overflows_its_dtype_without_a_warning_as_an_array_does(recwarn):
    x = np.float32(1e38)

    assert special.gammaln(x) == special.gammaln(np.array([x]))[0] == np.inf
    assert not recwarn.list
