"""Each function of funcgrad.scipy.special, from one table: values, dtypes, derivatives, transforms.

A row gives arguments: floating arrays are differentiated, Python ints and tuples of them are
orders. Values at poles, branch points and tails are in ``test_special.py``.
"""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError, DtypeError, UnsupportedError
from funcgrad.scipy import special

scipy = pytest.importorskip("scipy.special")

X = np.array([0.3, 0.7, 1.6])  # positive
U = np.array([0.2, 0.5, 0.85])  # in (0, 1)
R = np.array([-1.3, 0.4, 2.2])  # real
A, B = np.array([0.6, 1.7, 3.2]), np.array([2.3, 0.8, 1.4])
Z = np.array([0.3 - 0.2j, -1.4 + 0.8j, 2.5 + 1.5j])

# fmt: off
ROWS = {
    "jv": (2, R), "jn": (1, R), "jve": (0.5, X), "j0": (R,), "j1": (R,), "yv": (0.3, X),
    "yn": (1, X), "yve": (2, X), "y0": (X,), "y1": (X,), "iv": (1.5, X), "ive": (2, R),
    "kv": (0.3, X), "kve": (1, X), "kn": (2, X), "k0": (X,), "k1": (X,), "k0e": (X,), "k1e": (X,),
    "i0": (R,), "i1": (R,), "i0e": (R,), "i1e": (R,), "jvp": (1, R, 2), "yvp": (1, X, 1),
    "ivp": (1, R, 2), "kvp": (1, X, 1), "airy": (R,),
    "spherical_jn": (2, R), "spherical_yn": (2, X), "spherical_in": (1, R), "spherical_kn": (2, X),
    "erf": (R,), "erfc": (R,), "erfcx": (R,), "erfi": (R,), "erfinv": (U,), "erfcinv": (U,),
    "dawsn": (R,), "wofz": (Z,), "voigt_profile": (R, A, B), "owens_t": (R, A),
    "ndtr": (R,), "log_ndtr": (R,), "ndtri": (U,),
    "expn": (3, X), "exp1": (X,), "expi": (R,), "sici": (X,), "shichi": (X,), "fresnel": (R,),
    "spence": (X,), "exprel": (R,), "expit": (R,), "log_expit": (R,), "logit": (U,),
    "gamma": (A,), "rgamma": (R,), "gammaln": (A,), "loggamma": (Z,), "digamma": (A,), "psi": (A,),
    "polygamma": (2, A), "zeta": (3.0, A), "beta": (A, B), "betaln": (A, B), "poch": (A, B),
    "gammainc": (A, X), "gammaincc": (A, X), "gammaincinv": (A, U), "gammainccinv": (A, U),
    "betainc": (A, B, U), "betaincc": (A, B, U), "betaincinv": (A, B, U), "betainccinv": (A, B, U),
    "multigammaln": (A + 2, 3), "factorial": (A,), "binom": (A + 3, B), "comb": (A + 3, 2),
    "perm": (A + 3, 2), "hyp0f1": (1.5, R), "hyp1f1": (A, B, R), "hyp2f1": (A, B, A + 1, -X),
    "ellipk": (U,), "ellipkm1": (U,), "ellipe": (U,), "ellipkinc": (R, U), "ellipeinc": (R, U),
    "ellipj": (R, U), "elliprf": (A, B, X), "elliprd": (A, B, X), "agm": (A, B),
    "lambertw": (Z,), "xlogy": (A, B), "xlog1py": (A, B), "entr": (X,), "rel_entr": (A, B),
    "kl_div": (A, B), "huber": (A, R), "pseudo_huber": (A, R), "boxcox": (X, R),
    "boxcox1p": (X, R), "inv_boxcox": (X, A), "inv_boxcox1p": (X, A), "softplus": (R,),
    "cosm1": (R,), "powm1": (X, R), "exp10": (R,), "sindg": (30 * R,), "cosdg": (30 * R,),
    "tandg": (30 * R,), "cotdg": (30 * R,), "radian": (A, B, X), "diric": (R, 4),
    "sph_harm_y": (3, 2, X, R), "lpmv": (1, 3, U), "eval_legendre": (4, R), "eval_chebyt": (4, R),
    "eval_chebyu": (4, R), "eval_hermite": (4, R), "eval_hermitenorm": (4, R),
    "eval_laguerre": (4, R), "eval_genlaguerre": (4, A, R), "eval_gegenbauer": (3, A, R),
    "eval_jacobi": (3, A, B, R), "bdtr": (2, 5, U), "bdtrc": (2, 5, U), "chdtr": (A, X),
    "chdtrc": (A, X), "chdtri": (A, U), "fdtr": (A, B, X), "fdtrc": (A, B, X), "fdtri": (A, B, U),
    "gdtr": (A, B, X), "gdtrc": (A, B, X), "gdtrix": (A, B, U), "pdtr": (2, X), "pdtrc": (2, X),
    "nbdtr": (2, 3, U), "nbdtrc": (2, 3, U), "stdtr": (A, R), "stdtrit": (A, U),
    "nrdtrimn": (U, A, R), "logsumexp": (R,), "softmax": (R,), "log_softmax": (R,),
    "hankel1": (1.5, R), "hankel2": (0, R), "hankel1e": (1, X), "hankel2e": (0.3, R),
    "h1vp": (1, X, 2), "h2vp": (1, X), "kelvin": (X,), "ber": (R,), "bei": (R,), "berp": (R,),
    "beip": (R,), "ker": (X,), "kei": (X,), "kerp": (X,), "keip": (X,), "struve": (1.5, X),
    "modstruve": (2, R), "elliprc": (A, B), "elliprg": (A, B, X), "elliprj": (A, B, X, A + 1),
    "modfresnelp": (X,), "modfresnelm": (X,), "legendre_p": (3, U), "legendre_p_all": (3, U),
    "sph_legendre_p": (3, -1, X), "sph_legendre_p_all": (3, 2, X), "assoc_legendre_p": (3, -1, U),
    "assoc_legendre_p_all": (3, 2, U), "sph_harm_y_all": (2, 1, X, R), "eval_chebyc": (4, R),
    "eval_chebys": (4, R), "eval_sh_chebyt": (4, R), "eval_sh_chebyu": (4, R),
    "eval_sh_legendre": (4, R), "eval_sh_jacobi": (3, A + 2, A, X), "assoc_laguerre": (R, 3, 0.5),
    "kolmogorov": (X,), "kolmogi": (U,), "smirnov": (5, U + 0.03), "smirnovi": (5, U),
    "bdtri": (2, 5, U), "bdtrik": (U, 9, 0.3), "bdtrin": (2, U, 0.3), "nbdtri": (2, 3, U),
    "nbdtrik": (U, 3, 0.2), "nbdtrin": (2, U, 0.3), "pdtri": (2, U), "pdtrik": (U, 5),
    "chdtriv": (U, X), "gdtria": (U, A, X), "gdtrib": (A, U, X), "btdtria": (U, A, 0.4),
    "btdtrib": (A, U, 0.4), "stdtridf": (0.5 + U[:2] / 5, X[1:] + 1),
    "nrdtrisd": (R, U + 0.1, B),
    "chndtr": (X, A, B), "chndtrix": (U, A, B), "ncfdtr": (A, B, A, X), "ncfdtri": (A, B, A, U),
    "nctdtr": (A, R, X), "nctdtrit": (A, R, U), "ndtri_exp": (-X,), "wrightomega": (R,),
    "cbrt": (R,), "exp2": (R,), "expm1": (R,), "log1p": (X,), "sinc": (R,),
}
WITHOUT = {  # without a derivative, or of known integers
    "gammasgn": (R,), "bernoulli": (6,), "factorial2": ((4, 5, 6, 7),), "round": (R,),
    "zetac": (R,),
    "roots_legendre": (5,), "roots_hermite": (5,), "roots_hermitenorm": (5,),
    "roots_laguerre": (5,), "roots_chebyt": (5,), "roots_chebyu": (5,), "roots_chebyc": (5,),
    "roots_chebys": (5,), "roots_sh_chebyt": (5,), "roots_sh_chebyu": (5,),
    "roots_sh_legendre": (5, True), "roots_jacobi": (6, 0.3, 1.7), "roots_genlaguerre": (6, 0.7),
    "roots_gegenbauer": (6, 0.7, True), "roots_sh_jacobi": (6, 2.3, 1.7), "euler": (6,),
    "stirling2": ((5, 7), (2, 3)), "factorialk": ((5, 7, 0, -2), 3), "jn_zeros": (3, 6),
    "jnp_zeros": (2, 5), "yn_zeros": (0, 5), "ynp_zeros": (1, 5), "jnyn_zeros": (2, 3),
    "riccati_jn": (3, 1.3), "riccati_yn": (3, 1.3), "lmbda": (2.5, 0.7),
}
# fmt: on
POLYNOMIALS = {
    "jacobi": (3, 1.0, 2.0),
    "sh_jacobi": (3, 2.0, 1.0),
    "genlaguerre": (3, 0.5),
    "laguerre": (3,),
    "hermite": (3,),
    "hermitenorm": (3,),
    "gegenbauer": (3, 0.7),
    "chebyt": (3,),
    "chebyu": (3,),
    "chebyc": (3,),
    "chebys": (3,),
    "sh_chebyt": (3,),
    "sh_chebyu": (3,),
    "legendre": (3,),
    "sh_legendre": (3,),
}
ALIASES = {
    "p": "legendre",
    "t": "chebyt",
    "u": "chebyu",
    "c": "chebyc",
    "s": "chebys",
    "j": "jacobi",
    "l": "laguerre",
    "la": "genlaguerre",
    "h": "hermite",
    "he": "hermitenorm",
    "cg": "gegenbauer",
    "ps": "sh_legendre",
    "ts": "sh_chebyt",
    "us": "sh_chebyu",
    "js": "sh_jacobi",
}
OWN = {"bessel_jn", "LinAlgError", *POLYNOMIALS, *(f"{name}_roots" for name in ALIASES)}
FAST = {
    "jv", "yv", "ive", "kve", "airy", "erfi", "dawsn", "wofz", "owens_t", "expn", "expi", "sici",
    "struve", "kelvin", "elliprj", "chdtriv", "wrightomega", "h1vp", "legendre_p_all",
    "fresnel", "spence", "rgamma", "loggamma", "gammaincinv", "hyp1f1", "hyp2f1",
    "ellipk", "ellipkinc", "ellipj", "lambertw", "boxcox", "sph_harm_y", "binom", "stdtrit",
}  # fmt: skip


def test_each_function_has_a_row():
    assert set(special.__all__) - ROWS.keys() - WITHOUT.keys() - OWN == set()


def test_short_names_of_quadrature_are_the_same_functions():
    for short, long in ALIASES.items():
        f, args = getattr(special, f"{short}_roots"), WITHOUT[f"roots_{long}"]
        assert f is getattr(special, f"roots_{long}")
        assert_near(getattr(scipy, f"{short}_roots")(*args), f(*args), 1e-11, 1e-14)


def leaves(y):
    return [np.asarray(v) for v in (y if isinstance(y, tuple) else (y,))]


def is_free(x):
    return isinstance(x, np.ndarray)


def assert_near(want, got, rtol, atol=0.0):
    for a, b in zip(leaves(want), leaves(got), strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)


named = pytest.mark.parametrize(
    "name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in ROWS]
)


@pytest.mark.parametrize("name", [*ROWS, *WITHOUT])
def test_values_and_dtypes_are_those_of_scipy(name):
    args = (ROWS | WITHOUT)[name]
    f, peer = getattr(special, name), getattr(scipy, name)
    args = tuple(np.array(a) if isinstance(a, tuple) else a for a in args)
    want, got = peer(*args), f(*args)

    assert_near(want, got, 1e-11, 1e-14)  # SciPy's own errors
    assert [y.dtype for y in leaves(got)] == [y.dtype for y in leaves(want)]
    single = {np.dtype("f8"): np.float32, np.dtype("c16"): np.complex64}
    cut = tuple(a.astype(single[a.dtype]) if is_free(a) and a.dtype in single else a for a in args)
    if any(is_free(a) for a in cut) and all(is_free(a) or isinstance(a, int) for a in args):
        assert {y.real.dtype.itemsize for y in leaves(f(*cut))} <= {4, 8}
        assert_near(got, f(*cut), 2e-4, 1e-5)


def moved(f, args, i, h):
    return leaves(f(*[a + h if j == i else a for j, a in enumerate(args)]))


@pytest.mark.parametrize("monic", [False, True])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_as_objects_are_those_of_scipy(name, monic):
    want, got = (getattr(m, name)(*POLYNOMIALS[name], monic=monic) for m in (scipy, special))

    np.testing.assert_allclose(got.coeffs, want.coeffs, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got.weights, want.weights, rtol=1e-12, atol=1e-14)
    assert (got.normcoef, got(0.4), got.weight_func(0.3)) == pytest.approx(
        (want.normcoef, want(0.4), want.weight_func(0.3)), rel=1e-13
    )
    assert got.limits == want.limits and isinstance(got, np.poly1d)
    assert fg.grad(got)(0.4) == pytest.approx(np.polyval(np.polyder(want), 0.4), rel=1e-12)
    assert got(np.poly1d([2.0, 1.0]))(0.3) == pytest.approx(want(1.6), rel=1e-12)


INF, NAN = np.inf, np.nan
EDGES = [
    ("ber", (), [0, NAN], [1, NAN]), ("ker", (), [0, -1, INF], [INF, NAN, 0]),
    ("kei", (), [0, -1], [-np.pi / 4, NAN]), ("struve", 0, [0, -1.3], [0, -0.6823503116019978]),
    ("struve", -1, [0], [2 / np.pi]), ("modstruve", 2, [INF, -INF, NAN], [INF, -INF, NAN]),
    ("struve", 0.5, [-1], [NAN]), ("elliprc", 1.0, [0, -1], [INF, 0.6232252401402305]),
    ("elliprj", (0.0, 1.0, 2.0), [0, -INF], [NAN, NAN]), ("elliprg", (0.0, 0.0), [4], [1]),
    ("wrightomega", (), [-INF, INF, NAN, -800], [0, INF, NAN, 0]),
    ("ndtri_exp", (), [0, -INF, 1], [INF, -INF, NAN]),
    ("jv", 0, [0, INF, -INF, NAN], [1, 0, 0, NAN]), ("jv", 0.5, [0, -1], [0, NAN]),
    ("jv", -1.5, [0], [-INF]), ("yv", 0, [0, -1, INF], [-INF, NAN, 0]), ("yv", -1, [0], [INF]),
    ("ive", 1, [0, INF, -INF], [0, 0, 0]), ("kve", 2, [0, -1, INF], [INF, NAN, 0]),
    ("jv", 1e6, [1.0, 2e6], [0, NAN]), ("expn", 1, [0, -1, INF], [INF, NAN, 0]),
    ("expn", 3, [0], [0.5]), ("hyp1f1", (1.0, 0.0), [1], [INF]),
    ("hyp2f1", (1.0, 2.0, 4.0), [1, 2], [3, INF]), ("hyp2f1", (1.0, 1.0, 2.0), [1], [INF]),
    ("gammaincinv", 2.0, [0, 1, -1, 2], [0, INF, NAN, NAN]),
    ("gammainccinv", 2.0, [0, 1], [INF, 0]), ("betaincinv", (2.0, 3.0), [0, 1, 2], [0, 1, NAN]),
    ("expi", (), [0, INF, -INF, NAN], [-INF, INF, 0, NAN]), ("spence", (), [1], [0]),
    ("rgamma", (), [0, -1, -2, INF, 200], [0, 0, 0, 0, 0]), ("zeta", (), [1, 0], [INF, -0.5]),
    ("ellipk", (), [1, 2, -INF], [INF, NAN, 0]), ("ellipe", (), [1, 2, -INF], [1, NAN, INF]),
    ("dawsn", (), [0, INF, -INF], [0, 0, 0]), ("owens_t", INF, [1], [0]),
    ("owens_t", 0.0, [INF], [0.25]),
    ("boxcox", (0.0,), [2, 0, -1], [-0.5, -INF, -INF]),
    ("stdtrit", 2.0, [0, 0.5, 1], [-INF, 0, INF]),
    ("k0", (), [0], [INF]), ("y1", (), [0], [-INF]), ("exprel", (), [0], [1]),
]  # fmt: skip


@pytest.mark.parametrize("name, orders, x, want", EDGES)
def test_edges_have_their_limits_without_a_warning(name, orders, x, want):
    first = orders if isinstance(orders, tuple) else (orders,)
    got = getattr(special, name)(*first, np.array(x, float))

    np.testing.assert_allclose(got, want, rtol=1e-14)


COMPLEX = [
    "erf",
    "erfc",
    "erfcx",
    "erfi",
    "dawsn",
    "wofz",
    "gamma",
    "rgamma",
    "loggamma",
    "digamma",
]


@pytest.mark.parametrize("name", COMPLEX)
def test_functions_of_complex_numbers_are_holomorphic_and_those_of_scipy(name):
    z = np.array([0.01 + 0.02j, 1.3 - 0.4j, -2.7 + 0.6j, 0.5 + 4j, -0.3 - 1.2j, 1.0 + 0j])
    f, h = getattr(special, name), 1e-6
    slope = fg.jvp(f, (z,), (np.ones_like(z),))[1]

    np.testing.assert_allclose(f(z), getattr(scipy, name)(z), rtol=1e-12)
    assert f(z.astype(np.complex64)).dtype == np.complex64
    for step in (h, 1j * h):
        np.testing.assert_allclose((f(z + step) - f(z - step)) / (2 * step), slope, 1e-6, 1e-9)


def test_derivatives_of_higher_order():
    third = lambda f: fg.grad(fg.grad(fg.grad(f)))

    assert third(special.j0)(0.0) == 0
    assert third(special.j1)(0.0) == pytest.approx(-3 / 8)
    assert third(lambda x: special.airy(x)[0])(0.0) == pytest.approx(0.3550280538878172)
    assert third(special.dawsn)(0.0) == pytest.approx(-4)
    assert third(special.ellipk)(0.0) == pytest.approx(np.pi / 2 * 6 * (5 / 16) ** 2)
    assert third(special.spence)(1.0) == pytest.approx(-2 / 3)
    assert third(lambda x: special.boxcox(2.0, x))(0.0) == pytest.approx(np.log(2.0) ** 4 / 4)
    assert fg.grad(special.rgamma)(-2.0) == 2


REFUSED = [
    ("jv", 0, (1.5, 2.0), "no derivative in v"), ("kve", 0, (1.5, 2.0), "no derivative in v"),
    ("expn", 0, (1.0, 2.0), "no derivative in n"), ("zeta", 0, (2.5,), "no derivative in x"),
    ("hyp0f1", 0, (2.5, 1.0), "no derivative in v"),
]  # fmt: skip


@pytest.mark.parametrize("name, i, args, words", REFUSED)
def test_a_derivative_that_is_missing_is_refused(name, i, args, words):
    with pytest.raises(UnsupportedError, match=words):
        fg.grad(getattr(special, name), i)(*args)


def test_what_is_not_defined_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="hyp1f1: its parameters have first derivatives"):
        fg.grad(fg.grad(special.hyp1f1))(0.5, 1.5, 1.0)
    with pytest.raises(ConcretizationError, match="sph_harm_y: orders and degrees must be known"):
        fg.vmap(lambda n: special.sph_harm_y(n, 0, 0.3, 0.2))(np.arange(3))
    with pytest.raises(DtypeError, match="eval_legendre: orders and degrees must be integers"):
        special.eval_legendre(0.5, 0.3)
    with pytest.raises(DtypeError, match="jv: not defined for these dtypes"):
        special.jv(0, 1j)


def test_a_python_scalar_leaves_spherical_harmonics_in_single_precision():
    theta = np.ones(2, np.float32)

    assert special.sph_harm_y(2, 1, theta, 0.3).dtype == np.complex64
    assert special.eval_jacobi(2, 0.5, 0.5, theta).dtype == np.float32


def test_bessel_functions_of_all_orders_at_once_are_those_of_each():
    got = special.bessel_jn(R, v=3)

    np.testing.assert_allclose(got, [special.jv(k, R) for k in range(4)])


@named
def test_derivatives_are_those_of_central_differences(name):
    args, f = ROWS[name], getattr(special, name)
    free = [i for i, a in enumerate(args) if is_free(a)]
    h = 1e-5
    for i in free:
        of_one = lambda x, i=i: f(*args[:i], x, *args[i + 1 :])
        _, got = fg.jvp(of_one, (args[i],), (np.ones_like(args[i]),))
        want = [(p - m) / (2 * h) for p, m in
                zip(moved(f, args, i, h), moved(f, args, i, -h), strict=True)]  # fmt: skip

        assert_near(tuple(want), got, 2e-6, 2e-8)  # of the differences: h**2, and eps / h

        _, pull = fg.vjp(of_one, args[i])
        t = np.random.default_rng(0).normal(size=args[i].shape)
        _, out = fg.jvp(of_one, (args[i],), (t.astype(args[i].dtype),))
        cts = [np.random.default_rng(1).normal(size=y.shape).astype(y.dtype) for y in leaves(out)]
        (back,) = pull(tuple(cts) if isinstance(out, tuple) else cts[0])
        pushed = sum(np.sum(c * y) for c, y in zip(cts, leaves(out), strict=True))

        pushed = pushed if np.iscomplexobj(back) else np.real(pushed)  # by JAX's convention
        np.testing.assert_allclose(np.sum(back * t), pushed, rtol=1e-10)


@named
def test_vmap_is_a_loop_and_jit_changes_nothing(name):
    args, f = ROWS[name], getattr(special, name)
    free = [i for i, a in enumerate(args) if is_free(a)]

    def whole(*xs):
        filled = dict(zip(free, xs, strict=True))
        return f(*[filled.get(i, a) for i, a in enumerate(args)])

    xs = [args[i] for i in free]
    stacked = [np.stack([x, x[::-1]]) for x in xs]
    want = whole(*xs)

    assert_near(want, fg.jit(whole)(*xs), 1e-12, 1e-15)
    peer = getattr(scipy, name)
    if isinstance(peer, np.ufunc):  # called plainly, it finds ours
        of_peer = lambda *xs: peer(*[dict(zip(free, xs, strict=True)).get(i, a)
                                     for i, a in enumerate(args)])  # fmt: skip
        assert_near(want, fg.jit(of_peer)(*xs), 1e-12, 1e-15)
    got = fg.vmap(whole)(*stacked)
    assert_near(want, tuple(y[0] for y in leaves(got)), 1e-12, 1e-15)
    assert_near(whole(*[x[::-1] for x in xs]), tuple(y[1] for y in leaves(got)), 1e-12, 1e-15)
