"""SciPy's names: solvers over trees, integrals, densities, convolutions, matrix functions."""

import doctest
import importlib
import inspect
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import (
    ConcretizationError,
    DtypeError,
    ShapeError,
    TreeError,
    UnsupportedError,
)
from funcgrad.scipy import integrate, interpolate, linalg, signal, stats
from funcgrad.scipy.ode import ERROR, NODES, STAGES
from funcgrad.scipy.stats import continuous
from funcgrad.scipy.stats.moments import MOMENTS

RNG = np.random.default_rng(0)

# ordinary differential equations


def predators(y, t, rate):
    """Lotka and Volterra's equations, driven by a sine."""
    return {"x": rate * y["x"] - y["x"] * y["z"], "z": y["x"] * y["z"] - y["z"] + np.sin(t) / 9}


START, TIMES = {"x": np.array([1.0, 2.0]), "z": np.array([0.5, 0.7])}, np.linspace(0.0, 2.0, 4)


def test_the_tableau_has_the_order_it_claims():
    last, nodes = STAGES[-1], np.array([0, *NODES[:-1]])
    moments = [np.dot(last, nodes**k) for k in range(5)]

    assert [sum(row) for row in STAGES] == pytest.approx(NODES, rel=1e-14)
    assert moments == pytest.approx([1 / (k + 1) for k in range(5)], rel=1e-14)
    assert sum(ERROR) == pytest.approx(0, abs=1e-16)


def test_odeint_follows_a_solution_in_closed_form():
    times = np.array([0.0, 0.3, 0.3, 2.0, 5.0])
    f = lambda y, t, a: -a * y + np.cos(t)
    want = lambda t: (np.cos(t) + np.sin(t)) / 2 + 0.5 * np.exp(-t)  # for a = 1
    got = integrate.odeint(f, 1.0, times, 1.0)

    np.testing.assert_allclose(got, want(times), rtol=1e-6)
    back = integrate.odeint(f, got[-1], times[::-1], 1.0)
    np.testing.assert_allclose(back, want(times[::-1]), rtol=1e-5)  # the error grows backwards


def test_odeint_has_the_derivatives_of_the_solution_in_closed_form():
    f = lambda y0, t0, t1, a: integrate.odeint(lambda y, t: -a * t * y, y0, np.stack([t0, t1]))[1]
    exact = lambda y0, t0, t1, a: y0 * np.exp(-a * (t1 * t1 - t0 * t0) / 2)
    point = (1.3, 0.2, 1.4, 0.9)

    for transform in (fg.grad, fg.jacfwd, lambda f, n: fg.jit(fg.grad(f, n))):
        got = transform(f, (0, 1, 2, 3))(*point)
        np.testing.assert_allclose(got, fg.grad(exact, (0, 1, 2, 3))(*point), rtol=1e-6)
    second = lambda f: fg.jacfwd(fg.grad(f, 3), (0, 1, 2, 3))(*point)
    np.testing.assert_allclose(second(f), second(exact), rtol=1e-5)


def test_the_modes_of_odeint_agree_to_rounding():
    loss = lambda y, t, rate: (integrate.odeint(predators, y, t, rate)["x"] ** 2).sum()
    args = (START, TIMES, 1.3)
    moved = fg.tree.map(np.ones_like, args)
    grads = fg.grad(loss, (0, 1, 2))(*args)
    want = sum(np.sum(g) for g in fg.tree.leaves(grads))

    assert fg.jvp(loss, args, moved)[1] == pytest.approx(want, rel=1e-10)


def test_vmap_of_odeint_equals_a_loop():
    rates = np.array([0.5, 1.3, 2.0])
    f = lambda rate: integrate.odeint(predators, START, TIMES, rate)["z"]
    np.testing.assert_allclose(fg.vmap(f)(rates), [f(r) for r in rates], rtol=1e-12)
    np.testing.assert_allclose(
        fg.vmap(fg.jacfwd(f))(rates), [fg.jacfwd(f)(r) for r in rates], rtol=1e-9
    )


def test_trials_that_fail_leave_no_nan_in_a_gradient():
    # the first step, of length 1, asks for the root of a negative number
    f = lambda y0: integrate.odeint(
        lambda y, t: -100 * np.sqrt(y), y0, np.array([0.0, 0.01]), rtol=1e-6, atol=1e-6
    )[1]
    with np.errstate(invalid="ignore"):
        got = fg.grad(f)(1.0)

    assert got == pytest.approx((1 - 0.5) / 1, rel=1e-4)  # y = (sqrt(y0) - 50 t)**2


def test_odeint_keeps_dtypes_and_says_by_nan_where_it_cannot_go_on():
    single = integrate.odeint(lambda y, t: -y, np.ones(2, np.float32), TIMES)
    blown = integrate.odeint(lambda y, t: y * y, 1.0, np.array([0.0, 0.5, 1.5, 2.0]))
    short = integrate.odeint(lambda y, t: -y, 1.0, np.array([0.0, 100.0]), mxstep=3)
    wave = integrate.odeint(lambda y, t: 1j * y, 1.0 + 0j, np.array([0.0, np.pi]))

    assert single.dtype == np.float32 and abs(single[-1, 0] - np.exp(-2.0)) < 1e-5
    assert blown[1] == pytest.approx(2.0) and np.isnan(blown[2:]).all()
    assert np.isnan(short[1]) and abs(wave[1] + 1) < 1e-6


def test_a_list_of_scalars_is_a_vector_as_in_scipy():
    turning = lambda y, t: [y[1], -y[0]]

    got = integrate.odeint(turning, [1, 0], TIMES)
    np.testing.assert_allclose(np.stack([np.cos(TIMES), -np.sin(TIMES)], 1), got, atol=1e-6)
    assert np.array_equal(
        got, integrate.odeint(lambda t, y: turning(y, t), [1, 0], TIMES, tfirst=True)
    )
    assert integrate.odeint(turning, np.array([1.0, 0.0]), TIMES).shape == (len(TIMES), 2)
    pair = integrate.odeint(lambda y, t: (y[1], -y[0]), (1.0, 0.0), TIMES)
    np.testing.assert_allclose(got, np.stack(pair, 1), atol=1e-12)  # a tuple is a tree


def test_odeint_refuses_what_does_not_fit():
    with pytest.raises(TreeError, match="what func gives"):
        integrate.odeint(lambda y, t: (y, y), 1.0, TIMES)
    with pytest.raises(ShapeError, match=r"shape of y\['a'\], f64\[\]: got f64\[2\]"):
        integrate.odeint(lambda y, t: {"a": np.zeros(2)}, {"a": 1.0}, TIMES)
    with pytest.raises(ValueError, match="must be monotonic"):
        integrate.odeint(lambda y, t: y, 1.0, [0.0, 1.0, 0.5])


def test_odeint_equals_that_of_jax():
    jax = pytest.importorskip("jax")
    ode = pytest.importorskip("jax.experimental.ode")
    x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    with x64(True):
        f = lambda y, t, a: -a * y * jax.numpy.cos(t)
        want = ode.odeint(f, jax.numpy.ones(2), jax.numpy.asarray(TIMES), 0.7)
    got = integrate.odeint(lambda y, t, a: -a * y * np.cos(t), np.ones(2), TIMES, 0.7)

    np.testing.assert_allclose(got, want, rtol=1e-6)  # two solvers' errors


# integrals of samples and functions


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("name", ["trapezoid", "cumulative_trapezoid", "simpson"])
def test_samples_are_integrated_with_derivatives_by_values_and_places(name, n):
    rule = getattr(integrate, name)
    x, y = np.cumsum(RNG.uniform(0.2, 1.0, n)), RNG.normal(size=n)
    degree = 2 if name == "simpson" and n > 2 else 1
    exact = (x[-1] ** (degree + 1) - x[0] ** (degree + 1)) / (degree + 1)

    assert np.ravel(rule(x**degree, x))[-1] == pytest.approx(exact)
    assert rule(y.astype("f4"), x.astype("f4")).dtype == np.float32
    fg.check_grads(rule, (y, x), 2)
    both = rule(np.stack([y, y * y], 1), np.stack([x, x], 1), axis=0)
    np.testing.assert_allclose(both, np.stack([rule(y, x), rule(y * y, x)], -1))


def test_fixed_quad_is_exact_for_polynomials_and_differentiable_by_all():
    f = lambda a, b, c: integrate.fixed_quad(lambda x, c: c * x**9 + x, a, b, (c,))[0]
    want = lambda a, b, c: c * (b**10 - a**10) / 10 + (b * b - a * a) / 2
    point = (0.3, 1.2, 2.0)

    assert f(*point) == pytest.approx(want(*point), rel=1e-13)
    np.testing.assert_allclose(
        fg.grad(f, (0, 1, 2))(*point), fg.grad(want, (0, 1, 2))(*point), rtol=1e-12
    )


# distributions

SHAPES = {
    "beta": (2.0, 3.0), "chi2": (3.0,), "f": (3.0, 5.0), "gamma": (2.5,), "gennorm": (1.3,),
    "invgamma": (2.5,), "lognorm": (0.7,), "pareto": (2.0,), "skewnorm": (1.3,), "t": (3.5,),
    "truncnorm": (-1.0, 2.0), "vonmises": (2.0,), "weibull_min": (1.7,), "wrapcauchy": (0.4,),
    "bernoulli": (0.3,), "betabinom": (7, 1.5, 2.0), "binom": (7, 0.3), "geom": (0.3,),
    "nbinom": (2.5, 0.4), "poisson": (2.7,), "randint": (2, 7),
    # of stats/counts.py
    "boltzmann": (1.4, 9), "dlaplace": (0.8,), "hypergeom": (20, 7, 12), "logser": (0.6,),
    "nchypergeom_fisher": (20, 7, 12, 1.7), "nhypergeom": (20, 7, 12), "planck": (0.6,),
    "skellam": (2.7, 1.4), "yulesimon": (2.5,), "zipf": (2.5,), "zipfian": (1.3, 9),
    # of stats/families.py
    "betaprime": (2.0, 3.0), "bradford": (1.5,), "burr": (2.0, 1.5), "burr12": (2.0, 1.5),
    "chi": (2.5,), "dgamma": (1.6,), "dweibull": (1.6,), "erlang": (3.0,), "exponpow": (1.3,),
    "exponweib": (1.4, 1.2), "fatiguelife": (0.8,), "fisk": (2.2,), "foldcauchy": (0.7,),
    "foldnorm": (0.7,), "genextreme": (-0.2,), "gengamma": (1.5, 1.3), "genlogistic": (1.4,),
    "genpareto": (0.2,), "gompertz": (0.9,), "halfgennorm": (1.4,), "invgauss": (0.9,),
    "invweibull": (2.1,), "johnsonsb": (0.4, 1.2), "johnsonsu": (0.4, 1.2), "kappa3": (1.4,),
    "laplace_asymmetric": (1.3,), "loggamma": (1.7,), "loglaplace": (2.3,),
    "loguniform": (0.3, 2.5), "reciprocal": (0.3, 2.5), "lomax": (2.1,), "nakagami": (1.6,),
    "powerlaw": (1.7,), "powerlognorm": (1.4, 0.8), "powernorm": (1.6,), "rdist": (3.2,),
    "skewcauchy": (0.3,), "truncexpon": (2.4,), "weibull_max": (1.6,),
    # of stats/rare.py
    "alpha": (1.4,), "argus": (1.2,), "crystalball": (1.1, 2.3),
    "dpareto_lognorm": (0.1, 0.7, 1.8, 1.3), "exponnorm": (0.9,), "genexpon": (0.8, 1.2, 1.5),
    "genhalflogistic": (0.6,), "jf_skew_t": (2.1, 1.4), "kappa4": (0.3, 0.2), "mielke": (2.2, 3.1),
    "norminvgauss": (1.5, 0.4), "pearson3": (0.8,), "recipinvgauss": (0.7,),
    "rel_breitwigner": (2.1,), "rice": (0.8,), "trapezoid": (0.3, 0.7), "triang": (0.6,),
    "truncpareto": (1.7, 4.0), "truncweibull_min": (1.6, 0.2, 1.9), "vonmises_line": (1.3,),
    # of stats/mixed.py, noncentral.py, samples.py, stable.py
    "gausshyper": (1.8, 2.1, 1.5, 0.7), "genhyperbolic": (0.5, 1.5, -0.5),
    "geninvgauss": (2.3, 1.5), "tukeylambda": (0.3,), "ncf": (3.0, 5.0, 0.7), "nct": (3.5, 0.7),
    "ncx2": (2.5, 1.7),
    "irwinhall": (4,), "ksone": (6,), "kstwo": (6,), "studentized_range": (3.0, 10.0),
    "levy_stable": (1.5, 0.3),
}  # fmt: skip
_ALL = sorted(n for n, d in vars(stats).items() if type(d).__name__ == "Continuous")
OLD = [n for n in _ALL if n in vars(continuous)]
CONTINUOUS = [n if n in OLD else pytest.param(n, marks=pytest.mark.slow) for n in _ALL]
WITH_QUANTILES = [
    p
    for p, name in zip(CONTINUOUS, _ALL, strict=True)
    if name not in ("arcsine", "truncpareto", "gausshyper")  # whose quantiles round to 1
]
DISCRETE = sorted(n for n, d in vars(stats).items() if type(d).__name__ == "Discrete")
INSIDE = {"beta": 0.3, "pareto": 1.4, "uniform": 0.3, "anglit": 0.3, "weibull_max": -0.7,
          "levy_l": -0.7, "truncpareto": 1.4, "gausshyper": 0.4, "irwinhall": 1.7, "ksone": 0.35,
          "kstwo": 0.35, "studentized_range": 2.0}  # fmt: skip
# where SciPy's own error is larger: densities by differences, quadrature, and bisection
ROUGH = {"genhyperbolic": 1e-8, "geninvgauss": 1e-5, "gausshyper": 1e-7, "kstwo": 1e-6,
         "ksone": 1e-6, "kstwobign": 1e-6, "studentized_range": 1e-6, "tukeylambda": 1e-7,
         "nct": 1e-7, "norminvgauss": 1e-6,
         "rice": 1e-5, "levy_stable": 1e-6}  # fmt: skip


def of(name):
    return getattr(stats, name), SHAPES.get(name, ()), INSIDE.get(name, 0.8)


def real(shapes):
    """Shape parameters with derivatives, and all from these: numbers of draws are ints."""
    given = lambda some, rest: [next(rest) if isinstance(x, float) else x for x in some]
    return [x for x in shapes if isinstance(x, float)], lambda *xs: given(shapes, iter(xs))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities_integrate_to_one_and_are_the_slopes_of_the_cdf(name):
    d, shapes, x = of(name)
    low, high = (float(np.clip(end, -1, 1)) if np.isinf(end) else float(end)
                 for end in (d.support(*shapes)[0], d.support(*shapes)[1]))  # fmt: skip
    assert np.isfinite([low, high]).all()
    assert d.logpdf(np.float32(x), *shapes).dtype == np.float32
    some, filled = real(shapes)
    fg.check_grads(lambda x, *xs: d.logpdf(x, *filled(*xs), 0.1, 1.2), (x, *some), 2)
    fg.check_grads(lambda loc, scale: d.logpdf(x, *shapes, loc, scale), (-0.1, 1.2), 2)
    slope = fg.grad(lambda x: d.cdf(x, *shapes))(x)
    assert slope == pytest.approx(d.pdf(x, *shapes), rel=1e-9)
    assert -fg.grad(lambda x: d.sf(x, *shapes))(x) == pytest.approx(slope, rel=1e-9)
    assert d.cdf(x, *shapes) + d.sf(x, *shapes) == pytest.approx(1.0)
    assert np.exp(d.logcdf(x, *shapes)) == pytest.approx(d.cdf(x, *shapes))
    assert np.exp(d.logsf(x, *shapes)) == pytest.approx(d.sf(x, *shapes))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CONTINUOUS)
def test_compiled_tails_give_no_warnings(name):
    d, shapes, x = of(name)
    far = np.array([-1e300, -1e3, 0.0, x, 1e3, 1e300, np.inf, np.nan])
    for method in ("cdf", "logsf"):
        f = lambda x, method=method: getattr(d, method)(x, *shapes)
        np.testing.assert_allclose(fg.jit(f)(far), f(far), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("name", WITH_QUANTILES)
def test_quantiles_invert_the_cdf(name):
    d, shapes, _ = of(name)
    q = np.array([1e-9, 0.1, 0.5, 0.93])

    moved = (*shapes, 0.3, 2.0)
    rtol = 1e-6  # 0.3 + 2 z rounds a small z
    np.testing.assert_allclose(d.cdf(d.ppf(q, *moved), *moved), q, rtol=rtol)
    np.testing.assert_allclose(d.sf(d.isf(q, *moved), *moved), q, rtol=rtol)
    assert np.isnan(d.ppf(np.array([-0.1, 1.1]), *shapes)).all()
    assert d.cdf(d.ppf(np.float32(0.3), *shapes), *shapes).dtype == np.float32
    low, high = d.support(*shapes)
    assert d.ppf(0.0, *shapes) == low and d.isf(0.0, *shapes) == high


def test_a_frozen_distribution_has_the_methods_at_its_parameters():
    frozen = stats.gamma(2.0, scale=3.0)
    x, q = np.array([0.5, 4.0]), np.array([0.1, 0.8])

    for method, at in [("pdf", x), ("logcdf", x), ("sf", x), ("ppf", q), ("isf", q)]:
        want = getattr(stats.gamma, method)(at, 2.0, scale=3.0)
        assert np.array_equal(getattr(frozen, method)(at), want)
    np.testing.assert_allclose(frozen.interval(0.8), frozen.ppf(np.array([0.1, 0.9])), rtol=1e-14)
    assert frozen.median() == frozen.ppf(0.5)
    assert stats.poisson(3.0).pmf(2) == stats.poisson.pmf(2, 3.0)
    normal = stats.multivariate_normal(np.zeros(2), np.eye(2))
    assert normal.logpdf(x) == stats.multivariate_normal.logpdf(x)
    slopes = fg.jit(fg.grad(lambda d: d.logpdf(0.3)))(stats.norm(1.0, scale=2.0))
    np.testing.assert_allclose([*slopes.args, slopes.kwds["scale"]], [-0.175, -0.43875])
    assert pickle.loads(pickle.dumps(frozen)).cdf(1.0) == frozen.cdf(1.0)
    with pytest.raises(TypeError, match=r"norm: unexpected keyword argument: got 'locc'; use loc"):
        stats.norm(locc=1)
    with pytest.raises(TypeError, match=r"norm\(0, 1\)\.pdf\(\) takes 1 positional"):
        stats.norm(0, 1).pdf(0.0, 1.0)


_SHAPES = {
    "binom": (7.0, 0.3), "nbinom": (3.0, 0.3), "betabinom": (7.0, 1.3, 2.2), "bernoulli": (0.3,),
    "geom": (0.3,), "triang": (0.3,), "randint": (2.0, 9.0), "loguniform": (0.4, 2.3),
    "reciprocal": (0.4, 2.3), "genpareto": (0.3,), "hypergeom": (20.0, 7.0, 12.0),
    "nhypergeom": (20.0, 7.0, 12.0), "boltzmann": (1.4, 9.0), "logser": (0.6,),
}  # fmt: skip


def test_means_and_variances_are_those_of_scipy():
    theirs = pytest.importorskip("scipy.stats")
    for name, formula in MOMENTS.items():
        ours, peer = getattr(stats, name), getattr(theirs, name)
        count = len(inspect.signature(formula).parameters)
        for shapes in [_SHAPES.get(name, (5.3, 4.7)[:count]), (1.2, 0.7, 0.6)[:count]]:
            where = {"loc": -0.3, "scale": 1.7} if "scale" in ours._names else {"loc": -0.3}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of SciPy, for invalid parameters
                want = [np.where(np.isfinite(v), v, -1) for v in peer.stats(*shapes, **where)]
            got = [np.where(np.isfinite(v), v, -1) for v in ours.stats(*shapes, **where)]
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12, err_msg=name)
    assert stats.norm(1.0, 2.0).std() == 2 and stats.norm.stats(moments="v") == 1
    assert fg.grad(lambda a: stats.gamma(a, scale=2.0).var())(3.0) == 4
    with pytest.raises(UnsupportedError, match=r"burr\.mean: .*quad"):
        stats.burr.mean(1.0, 2.0)


def test_the_support_moves_with_location_and_scale():
    assert stats.expon.support(3.0, 2.0) == (3, np.inf)
    assert stats.uniform(1.0, 4.0).support() == (1, 5)
    assert stats.binom.support(10, 0.3, loc=2) == (2, 12)
    assert np.isnan(stats.beta.support(-1.0, 2.0)).all()
    assert fg.grad(lambda s: stats.uniform.support(1.0, s)[1])(4.0) == 1


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_point_outside_the_support_has_density_0_and_slope_0(name):
    d, shapes, x = of(name)
    far = np.array([-np.inf, np.inf])
    far = np.append(far, [-99.0] if np.isfinite(d.support(*shapes)[0]) else [])
    value = lambda x, *shapes: d.logpdf(x, *shapes)

    assert (value(far, *shapes) == -np.inf).all() and (d.pdf(far, *shapes) == 0).all()
    assert np.isnan(value(np.nan, *shapes)) and np.isnan(d.logpdf(x, *shapes, 0, -1.0))
    for z in far:
        places = [i + 1 for i, y in enumerate(shapes) if isinstance(y, float)]
        grads = fg.grad(value, (0, *places))(z, *shapes)
        assert np.isfinite(grads).all() and grads[0] == 0


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_sum_to_one_and_to_the_cdf(name):
    d, shapes, _ = of(name)
    k = np.arange(-2, 90)
    p, before = d.pmf(k, *shapes), d.cdf(-3, *shapes)

    assert before + p.sum() + d.sf(89, *shapes) == pytest.approx(1.0)
    assert d.logpmf(2.5, *shapes) == -np.inf
    assert d.pmf(k + 3, *shapes, loc=3) == pytest.approx(p)
    some, filled = real(shapes)
    if some:
        at = 3 if name != "bernoulli" else 1
        fg.check_grads(lambda *xs: d.logpmf(at, *filled(*xs)), tuple(some), 2)
    np.testing.assert_allclose(d.cdf(k + 0.5, *shapes), before + np.cumsum(p), atol=1e-13)
    np.testing.assert_allclose(d.sf(k, *shapes), 1 - before - np.cumsum(p), atol=1e-13)


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_densities_equal_those_of_scipy(name):
    theirs = getattr(pytest.importorskip("scipy.stats"), name)
    d, shapes, _ = of(name)
    discrete = name in DISCRETE
    x = np.arange(-1.0, 9.0) if discrete else np.append(RNG.normal(size=30) * 3, [0, 1, 20, -20])
    where = (2,) if discrete else (1.3, 0.7)
    density = ["logpmf", "pmf"] if discrete else ["logpdf", "pdf"]
    ends = [0, 1] if name != "pearson3" else []  # SciPy gives infinite ones
    q = np.append(RNG.uniform(size=9), [*ends, -1, np.nan])
    inverse = ["ppf"] if name == "norminvgauss" else ["ppf", "isf"]  # SciPy gives one isf for all
    for method in [*density, "cdf", "sf", "logcdf", "logsf", *inverse]:
        points = q if method in inverse else x
        with np.errstate(all="ignore"):
            want = getattr(theirs, method)(points, *shapes, *where)
        got = getattr(d, method)(points, *shapes, *where)
        # where SciPy's underflow, or are 1 less the other tail
        want = np.where((want == -np.inf) & (got < -30), got, want)
        np.testing.assert_allclose(
            got, want, rtol=ROUGH.get(name, 1e-9), atol=1e-14, err_msg=method
        )


# families that contain a simpler one, in whose formulas nothing is integrated
WITHIN = {
    "gausshyper": ((1.8, 2.1, 0.0, 0.7), "beta", (1.8, 2.1)),
    "genhyperbolic": ((-0.5, 1.5, 0.4), "norminvgauss", (1.5, 0.4)),
    "geninvgauss": ((-0.5, 1.5), "invgauss", (1 / 1.5, 0, 1.5)),
    "irwinhall": ((2,), "triang", (0.5, 0, 2)),
    "ksone": ((1,), "uniform", ()),
    "kstwo": ((1,), "uniform", (0.5, 0.5)),
    "landau": ((), "levy_stable", (1.0, 1.0)),
    "levy_stable": ((0.5, 1.0), "levy", ()),
    "ncf": ((3.0, 5.0, 0.0), "f", (3.0, 5.0)),
    "nct": ((3.5, 0.0), "t", (3.5,)),
    "ncx2": ((2.5, 0.0), "chi2", (2.5,)),
    "rice": ((0.0,), "rayleigh", ()),
    "studentized_range": ((2.0, 3.5), "t", (3.5, 0, np.sqrt(2))),  # of the absolute value
    "tukeylambda": ((0.0,), "logistic", ()),
    "vonmises_line": ((0.0,), "uniform", (-np.pi, 2 * np.pi)),
}


@pytest.mark.parametrize("name", WITHIN)
def test_a_family_contains_a_simpler_one(name):
    shapes, simpler, others = WITHIN[name]
    x = np.array([0.55, 0.8]) if name in ("gausshyper", "ksone", "kstwo") else np.array([0.3, 1.7])
    theirs = getattr(stats, simpler)
    want = theirs.pdf(x, *others), theirs.cdf(x, *others), theirs.sf(x, *others)
    if name == "studentized_range":
        want = 2 * want[0], 1 - 2 * want[2], 2 * want[2]
    d = getattr(stats, name)
    for method, value in zip((d.pdf, d.cdf, d.sf), want, strict=True):
        np.testing.assert_allclose(method(x, *shapes), value, rtol=1e-12)


@pytest.mark.parametrize("name", ["geninvgauss", "levy_stable", "ncx2", "nct", "kstwo"])
def test_cumulative_distributions_by_sums_have_derivatives_in_all_parameters(name):
    d, shapes, x = of(name)
    some, filled = real(shapes)
    at = np.array([0.7, 1.0]) * x

    fg.check_grads(lambda x, *xs: d.cdf(x, *filled(*xs)), (at, *some), 1)
    assert d.cdf(at.astype("f4"), *shapes).dtype == np.float32
    with np.errstate(all="ignore"):  # windows begin beyond the range of numbers
        batched = fg.jit(fg.vmap(lambda x: d.cdf(x, *shapes)))(at)
    np.testing.assert_allclose(batched, d.cdf(at, *shapes), rtol=1e-12)


def test_the_slope_of_ncx2_in_nc_is_a_difference_of_cdfs():
    for nc in (0.0, 1.7, 900.0):  # of which each second count is summed
        x = nc + 3.0
        want = (stats.ncx2.cdf(x, 4.5, nc) - stats.ncx2.cdf(x, 2.5, nc)) / 2
        assert fg.grad(lambda nc, x=x: stats.ncx2.cdf(x, 2.5, nc))(nc) == pytest.approx(want)


def test_a_number_of_draws_must_be_known():
    with pytest.raises(ConcretizationError, match=r"ksone: n must be known: got .* pass an int"):
        fg.jit(stats.ksone.cdf)(0.3, 7)


@pytest.mark.parametrize("name", ["invgauss", "skewnorm", "cosine"])
def test_quantiles_without_a_formula_have_the_derivatives_of_the_root(name):
    d, shapes, _ = of(name)
    q = np.array([0.05, 0.2, 0.9])
    for method in (d.ppf, d.isf):
        fg.check_grads(lambda q, *s, m=method: m(q, *s, 0.3, 2.0), (q, *shapes), 2)
        with np.errstate(all="ignore"):  # a step beyond the range of numbers
            compiled = fg.jit(fg.vmap(method, (0, *[None for _ in shapes])))(q, *shapes)
        np.testing.assert_allclose(compiled, method(q, *shapes), rtol=1e-12)
    assert d.ppf(np.float32(0.3), *shapes).dtype == np.float32


def test_quantiles_without_a_formula_reach_far_tails():
    tiny = np.array([1e-30, 1e-300])
    for d, shape in ((stats.invgauss, 0.9), (stats.skewnorm, 1.3)):
        np.testing.assert_allclose(d.cdf(d.ppf(tiny, shape), shape), tiny, rtol=1e-9)
        np.testing.assert_allclose(d.sf(d.isf(tiny, shape), shape), tiny, rtol=1e-9)


def test_quantiles_of_counts_are_the_first_to_reach_their_probability():
    q = np.array([1e-9, 0.2, 0.5, 0.999999])
    for name in DISCRETE:
        d, shapes, _ = of(name)
        k = fg.jit(lambda q, d=d, shapes=shapes: d.ppf(q, *shapes))(q)
        assert np.all(d.cdf(k, *shapes) >= q) and np.all(d.cdf(k - 1, *shapes) < q)
        k = d.isf(q, *shapes)
        assert np.all(d.sf(k, *shapes) <= q) and np.all(d.sf(k - 1, *shapes) > q)
    assert stats.poisson.ppf(0.5, 1e6) == 1e6 and stats.binom.ppf(np.float32(0.5), 9, 0.5) == 4
    assert fg.grad(lambda mu: stats.poisson.ppf(0.5, mu))(3.0) == 0


def test_distributions_keep_float32_and_take_parameters_by_name():
    x = RNG.normal(size=3).astype(np.float32)

    assert stats.norm.logpdf(x, loc=0.5).dtype == stats.t.cdf(x, 3.0).dtype == np.float32
    assert stats.norm.ppf(x).dtype == stats.norm.isf(x).dtype == np.float32
    assert stats.gamma.logpdf(1.5, a=2.0, scale=3.0) == stats.gamma.logpdf(1.5, 2.0, 0, 3.0)
    with pytest.raises(TypeError, match="missing: got no a"):
        stats.gamma.logpdf(1.5)
    with pytest.raises(TypeError, match="unexpected keyword argument: got 'sigma'; use scale"):
        stats.norm.logpdf(1.5, sigma=2.0)


def test_tails_far_out_keep_their_digits():
    assert stats.norm.logsf(40.0) == pytest.approx(-804.608442, rel=1e-8)
    assert stats.logistic.sf(60.0) == pytest.approx(np.exp(-60.0), rel=1e-12)
    far = stats.truncnorm.logpdf(31.0, 30.0, np.inf)  # about 30 exp(-30.5)
    assert far == pytest.approx(-30.5 + np.log(30.0), abs=2e-3)


def test_the_cdf_of_t_has_its_slope_where_the_formula_has_none():
    slope = fg.grad(stats.t.cdf)(0.0, 3.5)

    assert slope == pytest.approx(stats.t.pdf(0.0, 3.5))
    fg.check_grads(stats.t.cdf, (np.array([-2.0, 0.3, 4.0]), 3.5), 1)


def test_vectors_have_densities_with_derivatives_by_everything():
    a = RNG.normal(size=(3, 3))
    cov, mean, x = a @ a.T + np.eye(3), RNG.normal(size=3), RNG.normal(size=(4, 3))
    gaps = x - mean
    quad = np.einsum("ni,ij,nj->n", gaps, np.linalg.inv(cov), gaps)
    want = -(quad + np.linalg.slogdet(2 * np.pi * cov)[1]) / 2
    mvn = lambda x, mean, cov: stats.multivariate_normal.logpdf(x, mean, (cov + cov.T) / 2)

    np.testing.assert_allclose(mvn(x, mean, cov), want)
    np.testing.assert_allclose(
        stats.multivariate_normal.logpdf(x, mean, cov, allow_singular=True), want
    )
    fg.check_grads(mvn, (x, mean, cov), 2)
    singular = lambda c: stats.multivariate_normal.logpdf(x, mean, c, allow_singular=True).sum()
    for cov in (np.eye(3), np.diag([2.0, 2.0, 1.0])):  # of equal variances
        for f in (fg.grad, fg.hessian):
            want = f(lambda c: mvn(x, mean, c).sum())(cov)
            got = f(lambda c: singular((c + c.T) / 2))(cov)
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)
    alpha, p = np.array([1.5, 2.0, 0.7]), np.array([0.2, 0.5, 0.3])
    fg.check_grads(lambda a: stats.dirichlet.logpdf(p, a), (alpha,), 2)
    assert stats.dirichlet.logpdf(p + 0.1, alpha) == -np.inf
    fg.check_grads(lambda p: stats.multinomial.logpmf(np.array([1, 0, 2]), 3, p), (p,), 2)
    assert stats.multinomial.pmf(np.array([1, 0, 2]), 3, p) == pytest.approx(3 * 0.2 * 0.09)


def test_densities_compile_and_batch():
    x = RNG.uniform(0.1, 2.0, 5)
    for name in OLD:
        d, shapes, _ = of(name)
        f = lambda x, d=d, shapes=shapes: d.logpdf(x, *shapes, 0.05, 1.1)
        np.testing.assert_allclose(fg.jit(f)(x), f(x), rtol=1e-12)
        np.testing.assert_allclose(fg.vmap(f)(x), f(x), rtol=1e-12)


# convolutions


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions_of_any_rank_equal_their_definition(mode):
    for n, k in [((5,), (3,)), ((5, 4), (2, 3)), ((3, 4, 3), (2, 2, 1))]:
        a, b = RNG.normal(size=n), RNG.normal(size=k)
        full = np.zeros([i + j - 1 for i, j in zip(n, k, strict=True)])
        for place in np.ndindex(k):
            full[tuple(slice(s, s + i) for s, i in zip(place, n, strict=True))] += b[place] * a
        starts = {"full": [0] * len(n), "same": [(j - 1) // 2 for j in k]}
        first = starts.get(mode, [j - 1 for j in k])
        size = {"full": full.shape, "same": n}.get(mode, np.subtract(n, k) + 1)
        want = full[tuple(slice(s, s + m) for s, m in zip(first, size, strict=True))]

        np.testing.assert_allclose(signal.convolve(a, b, mode), want, atol=1e-13)
        np.testing.assert_allclose(signal.fftconvolve(a, b, mode), want, atol=1e-13)
        np.testing.assert_allclose(signal.correlate(a, np.flip(b), mode), want, atol=1e-13)
        fg.check_grads(lambda a, b: signal.convolve(a, b, mode), (a, b), 2)


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
def test_matrices_are_convolved_as_scipy_does(boundary):
    theirs = pytest.importorskip("scipy.signal")
    for n, k in [((5, 6), (2, 3)), ((4, 4), (3, 1))]:
        a, b = RNG.normal(size=n), RNG.normal(size=k)
        for name in ("convolve2d", "correlate2d"):
            for mode in ("full", "same", "valid"):
                want = getattr(theirs, name)(a, b, mode, boundary, 1.5)
                got = getattr(signal, name)(a, b, mode, boundary, 1.5)
                np.testing.assert_allclose(got, want, atol=1e-13)


def test_some_axes_are_convolved_and_some_summed():
    a, b = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(3, 2, 4))
    got = signal.convolve(a, b, "valid", axes=([1], [2]), dot_axes=([0], [1]))
    want = [
        [sum(np.convolve(a[k, :, i], b[j, k], "valid") for k in range(2)) for j in range(3)]
        for i in range(3)
    ]

    np.testing.assert_allclose(got, want, atol=1e-13)


def test_detrended_samples_have_neither_mean_nor_slope():
    y = RNG.normal(size=(3, 8)) + 4 * np.arange(8)
    line = signal.detrend(y)

    np.testing.assert_allclose([line.sum(), (line * np.arange(8)).sum()], 0, atol=1e-12)
    np.testing.assert_allclose(signal.detrend(y.T, axis=0, type="constant").sum(0), 0, atol=1e-12)
    fg.check_grads(signal.detrend, (y,), 2)


# matrices


def test_matrix_equations_hold_and_have_derivatives():
    a, b, q = (RNG.normal(size=s) for s in ((3, 3), (2, 2), (3, 2)))
    p = a @ a.T + np.eye(3)
    x, root, upper = linalg.solve_sylvester(a, b, q), linalg.sqrtm(p), linalg.cholesky(p)
    bands, y = RNG.normal(size=(3, 4)) + [[0], [4], [0]], RNG.normal(size=4)
    dense = np.diag(bands[0, 1:], 1) + np.diag(bands[1]) + np.diag(bands[2, :-1], -1)

    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-12)
    np.testing.assert_allclose(root @ root, p, atol=1e-12)
    np.testing.assert_allclose(upper.T @ upper, p, atol=1e-12)
    np.testing.assert_allclose(dense @ linalg.solve_banded((1, 1), bands, y), y, atol=1e-12)
    fg.check_grads(linalg.sqrtm, (p,), 2)
    fg.check_grads(linalg.solve_sylvester, (a, b, q), 2)
    fg.check_grads(lambda m, y: linalg.solve_banded((1, 1), m, y), (bands, y), 2)


@pytest.mark.parametrize("lower", [True, False])
def test_names_that_numpy_has_too_take_scipys_arguments(lower):
    oracle = pytest.importorskip("scipy.linalg")
    z = RNG.normal(size=(4, 3, 3)) + 1j * RNG.normal(size=(4, 3, 3))
    a, c, positive = z[0], z[1], z[2] @ z[2].conj().T + np.eye(3)
    rubbish = positive + (np.triu if lower else np.tril)(z[3], 1 if lower else -1)  # not read
    opposite = linalg.eigvalsh(a, rubbish, lower=lower)
    values, vectors = linalg.eigh(a, rubbish, lower=lower)

    np.testing.assert_allclose(opposite, oracle.eigvalsh(a, rubbish, lower=lower), atol=1e-12)
    np.testing.assert_allclose(vectors.conj().T @ positive @ vectors, np.eye(3), atol=1e-11)
    np.testing.assert_allclose(values, opposite, atol=1e-12)
    want = oracle.cholesky(rubbish, lower=lower)
    np.testing.assert_allclose(linalg.cholesky(rubbish, lower=lower), want, atol=1e-12)
    for kind, matrix in (("gen", a), ("sym", a), ("her", a), ("pos", rubbish)):
        want = oracle.solve(matrix, c, lower=lower, assume_a=kind)
        np.testing.assert_allclose(
            linalg.solve(matrix, c, lower, assume_a=kind), want, rtol=1e-9, atol=1e-10
        )
    want = np.linalg.solve(a.T, c)
    np.testing.assert_allclose(linalg.solve(a, c, transposed=True), want, atol=1e-10)


def test_generalized_eigenvalues_have_derivatives():
    a, b = RNG.normal(size=(2, 3, 3))
    fg.check_grads(lambda a, b: linalg.eigvalsh(a, b @ b.T + np.eye(3)), (a, b), 2)
    fg.check_grads(lambda a, b: linalg.solve(a @ a.T, b, assume_a="pos"), (a + np.eye(3), b), 2)
    with pytest.raises(ValueError, match="assume_a must be"):
        linalg.solve(a, b, assume_a="banded")


# SciPy's solvers


def test_without_scipy_all_but_the_solvers_work():
    code = """
import sys
sys.modules["scipy"] = None
import numpy as np
from funcgrad.scipy import optimize, stats
assert stats.norm.cdf(0.0) == 0.5
for solver in (optimize.minimize, optimize.root, optimize.least_squares):
    try:
        solver(lambda x: x, 1.0)
    except ImportError as err:
        assert "pip install 'funcgrad[scipy]'" in str(err)
    else:
        raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_examples_of_the_solvers_give_what_they_say(optimize):
    for solver in (optimize.minimize, optimize.root, optimize.least_squares):
        text = solver.__doc__.replace("# doctest: +SKIP", "")
        example = doctest.DocTestParser().get_doctest(
            text, vars(optimize) | {"np": np}, solver.__name__, None, None
        )
        assert doctest.DocTestRunner().run(example).failed == 0


def misfit(p, c):
    return ((p["a"] - c) ** 2).sum() + (p["b"][0] - p["a"].sum()) ** 2 + 0.1 * (p["a"] ** 4).sum()


POINT = {"a": np.array([0.5, -0.5]), "b": (1.0,)}


@pytest.fixture
def optimize():
    pytest.importorskip("scipy")
    return importlib.import_module("funcgrad.scipy.optimize")


@pytest.mark.parametrize(
    "method",
    [None, "BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov",
     "trust-exact", "trust-constr", "Nelder-Mead"],
)  # fmt: skip
def test_every_method_of_minimize_finds_the_bottom_of_a_tree(optimize, method):
    found = optimize.minimize(misfit, POINT, (1.0,), method)
    slope = fg.grad(misfit)(found.x, 1.0)

    assert found.compiled and max(abs(np.ravel(s)).max() for s in fg.tree.leaves(slope)) < 1e-2
    assert fg.tree.structure(found.x) == fg.tree.structure(POINT)


def test_minimize_keeps_dtypes_and_says_whether_it_compiled(optimize):
    single = optimize.minimize(lambda p: (p["w"] ** 2).sum(), {"w": np.ones(2, np.float32)})
    branch = lambda x: (x - 1) ** 2 if x > 0 else x * x - x
    found = optimize.minimize(branch, -3.0)

    assert single.x["w"].dtype == single.jac["w"].dtype == np.float32 and single.compiled
    assert found.x == pytest.approx(1.0, abs=1e-5) and not found.compiled
    assert optimize.minimize(lambda p: p["w"] ** 2, {"w": 1}).x["w"].dtype == float
    with pytest.raises(DtypeError, match=r"x0\['w'\] must be real numbers: got c128"):
        optimize.minimize(lambda p: abs(p["w"]) ** 2, {"w": 1j})


def test_bounds_and_constraints_are_of_trees(optimize):
    bounds = ({"a": -np.inf, "b": (0.0,)}, {"a": np.array([0.2, 1.0]), "b": (np.inf,)})
    held = optimize.minimize(misfit, POINT, (1.0,), bounds=bounds).x
    equal = {"type": "eq", "fun": lambda p: p["a"][0] - 2 * p["a"][1]}
    tied = optimize.minimize(misfit, POINT, (1.0,), constraints=equal).x
    pairs = optimize.minimize(lambda x: ((x - 2) ** 2).sum(), np.zeros(2), bounds=[(0, 1)] * 2).x

    assert held["a"][0] == pytest.approx(0.2) and tied["a"][0] == pytest.approx(2 * tied["a"][1])
    np.testing.assert_allclose(pairs, 1.0)


def test_a_minimum_is_differentiable_by_all_that_it_depends_on(optimize):
    def bottom(c, start=POINT):
        return optimize.minimize(lambda p: misfit(p, c), start, tol=1e-10).x["a"]

    c, e = np.array([1.0, 2.0]), 1e-3  # minima are found to some 1e-9
    want = np.stack([(bottom(c + d) - bottom(c - d)) / (2 * e) for d in e * np.eye(2)], 1)

    np.testing.assert_allclose(fg.jacrev(bottom)(c), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fg.jacfwd(bottom)(c), want, rtol=1e-5, atol=1e-6)
    least = lambda c: optimize.minimize(lambda x: (x - c**2) ** 2, 1.0, tol=1e-12).x
    assert fg.grad(fg.grad(least))(1.2) == pytest.approx(2.0, rel=1e-6)
    held = lambda c: (
        optimize.minimize(
            lambda x: ((x - c) ** 2).sum(), np.zeros(2), bounds=[(None, 1), (0, None)]
        ).x
    )
    np.testing.assert_allclose(fg.jacrev(held)(np.array([2.0, 3.0])), [[0, 0], [0, 1]], atol=1e-8)
    assert fg.grad(lambda c: optimize.minimize(misfit, POINT, (c,)).fun)(1.0) == pytest.approx(
        fg.grad(misfit, 1)(optimize.minimize(misfit, POINT, (1.0,)).x, 1.0), rel=1e-4
    )


def test_a_constrained_minimum_of_a_tree_is_differentiable(optimize):
    equal = {"type": "eq", "fun": lambda p: p["a"][0]}
    tied = lambda c: optimize.minimize(misfit, POINT, (c,), constraints=equal, tol=1e-12).x["a"][1]
    want = (tied(1.001) - tied(0.999)) / 0.002

    assert fg.grad(tied)(1.0) == pytest.approx(want, rel=1e-4, abs=1e-5)  # of a few iterations


def test_solvers_that_call_scipy_are_refused_under_jit_and_vmap(optimize):
    for transform, c in ((fg.jit, 1.0), (fg.vmap, np.ones(2))):
        with pytest.raises(UnsupportedError, match="outside of jit and vmap"):
            transform(lambda c: optimize.minimize(misfit, POINT, (c,), method="CG").fun)(c)


def test_roots_and_least_squares_are_of_trees(optimize):
    f = lambda x, c: {"u": x["a"] ** 2 - c, "v": x["b"] - 3 * x["a"]}
    start = {"a": 1.0, "b": np.ones(())}
    at = np.linspace(0, 1, 9)
    curve = lambda p: p["a"] * np.exp(-p["k"] * at) - 2 * np.exp(-1.5 * at)
    fit = optimize.least_squares(curve, {"a": 1.0, "k": 1.0})
    held = optimize.least_squares(curve, {"a": 1.0, "k": 1.0}, bounds=(0, {"a": 1.8, "k": 9.0}))

    assert optimize.root(f, start, (2.0,)).x["b"] == pytest.approx(3 * np.sqrt(2))
    slope = fg.grad(lambda c: optimize.root(f, start, (c,)).x["b"])(2.0)
    assert slope == pytest.approx(1.5 / np.sqrt(2))
    assert (fit.x["a"], fit.x["k"]) == pytest.approx((2.0, 1.5)) and held.x["a"] < 1.8 + 1e-9


def test_integrals_over_two_variables_and_rombergs_are_those_of_scipy():
    scipy = pytest.importorskip("scipy.integrate")
    wave = lambda y, x, k: np.sin(k * x * y)
    area = lambda k: integrate.dblquad(wave, 0.0, 1.0, 0.0, lambda x: x, (k,))[0]

    want = scipy.dblquad(wave, 0, 1, 0, lambda x: x, (1.3,))[0]
    np.testing.assert_allclose([area(1.3), fg.jit(area)(1.3)], want, rtol=1e-12)
    slope = scipy.dblquad(lambda y, x: x * y * np.cos(1.3 * x * y), 0, 1, 0, lambda x: x)[0]
    np.testing.assert_allclose(fg.grad(area)(1.3), slope, rtol=1e-9)
    tail = integrate.dblquad(lambda t, x: np.exp(-x * t) / t**4, 0.0, np.inf, 1.0, np.inf)[0]
    np.testing.assert_allclose(tail, 1 / 4, rtol=1e-8)
    y = np.random.default_rng(0).random((3, 17, 2))
    np.testing.assert_allclose(integrate.romb(y, 0.3, 1), scipy.romb(y, 0.3, 1), rtol=1e-13)
    with pytest.raises(ValueError, match=r"must be 2\^k \+ 1: got 4; use simpson"):
        integrate.romb(np.ones(4))


def test_places_of_a_value_of_a_piecewise_polynomial_are_those_of_scipy():
    theirs = pytest.importorskip("scipy.interpolate")
    rng = np.random.default_rng(0)
    for k in range(40):
        n, m = rng.integers(1, 5), rng.integers(1, 6)
        c, x = rng.normal(size=(n, m)), np.sort(rng.normal(size=m + 1))
        c = np.round(c) if k % 4 == 0 else c  # jumps, and intervals of zeros
        for way in [(True, True), (True, False), (False, True)]:
            want, got = theirs.PPoly(c, x).roots(*way), interpolate.PPoly(c, x).roots(*way)
            np.testing.assert_allclose(np.sort(got), np.sort(want), atol=1e-9)
    x, y = np.linspace(0, 10, 11), np.cos(np.linspace(0, 10, 11) ** 2 / 9)
    level = lambda y, at: interpolate.CubicSpline(x, y).solve(at, extrapolate=False)
    np.testing.assert_allclose(
        level(y, 0.5), theirs.CubicSpline(x, y).solve(0.5, extrapolate=False)
    )
    fg.check_grads(level, (y, 0.5), order=1)
    with pytest.raises(ConcretizationError, match="the number of places must be known"):
        fg.jit(level)(y, 0.5)
    spline = theirs.make_interp_spline(x, y)
    for tck in (spline, (spline.t, spline.c, spline.k)):
        ours = interpolate.make_interp_spline(x, y) if tck is spline else tck
        at = np.array([-0.5, 1.1, 3.0, 10.0])
        np.testing.assert_allclose(
            interpolate.PPoly.from_spline(ours)(at), theirs.PPoly.from_spline(tck)(at), atol=1e-13
        )
    akima = theirs.Akima1DInterpolator(x, y, method="makima")(x[:-1] + 0.3)
    got = interpolate.Akima1DInterpolator(x, y, method="makima")(x[:-1] + 0.3)
    np.testing.assert_allclose(got, akima, atol=1e-14)


@pytest.mark.parametrize(
    "a", [[1.0, -0.9], [2.0, -3.8, 1.9], [1.0, -2.0, 1.0], [1.0, 0.5, 0.2, 0.1]]
)
def test_filters_of_long_signals_are_those_of_scipy(a):
    theirs = pytest.importorskip("scipy.signal")
    rng = np.random.default_rng(0)
    b, a = rng.normal(size=2), np.array(a)
    for shape, axis in [((127,), 0), ((1_000,), 0), ((3, 1_025), 1), ((129, 2, 2), 0)]:
        x = rng.normal(size=shape)
        start = rng.normal(size=[*shape[:axis], len(a) - 1, *shape[axis + 1 :]])
        want = theirs.lfilter(b, a, x, axis, start)
        for y, z in zip(signal.lfilter(b, a, x, axis, start), want, strict=True):
            np.testing.assert_allclose(y, z, rtol=1e-10, atol=1e-11 * np.abs(z).max())
    fg.check_grads(
        lambda b, a, x: signal.lfilter(b, a, x)[::7], (b, a, 0.1 * x[:, 0, 0]), order=1, rtol=1e-4
    )


def test_parameters_of_odeint_come_by_args_as_in_scipy():
    f = lambda y, t, a, b: -a * y + b
    want = integrate.odeint(f, 1.0, TIMES, 0.7, 0.1)

    assert np.array_equal(integrate.odeint(f, 1.0, TIMES, args=(0.7, 0.1)), want)
    assert np.array_equal(integrate.odeint(f, 1.0, TIMES, 0.7, args=0.1), want)


def test_one_argument_of_solve_ivp_is_no_tuple():
    with pytest.raises(TypeError, match=r"args must be a tuple: got 2.0; write args=\(x,\)"):
        integrate.solve_ivp(lambda t, y, a: -a * y, (0.0, 1.0), [1.0], args=2.0)
