"""Distributions with parameters: their laws, their extremes, and what moves when a parameter does.

Every distribution function is written out here. Literal values under ``JAX`` were printed by JAX
0.10.2 with ``jax_enable_x64``.
"""

import math

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import random, special
from funcgrad.core.errors import DtypeError, ShapeError
from funcgrad.random import RangeError
from funcgrad.random.gammas import gamma_p

from .support.compare import kolmogorov
from .support.turns import in_turns

PHILOX = random.key(42)
THREEFRY = random.key(42, impl="threefry2x32")
KEYS = {"philox": PHILOX, "threefry": THREEFRY}
BOTH = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
F64 = np.float64


def t_cdf(df):
    def cdf(x):
        tail = 0.5 * special.betainc(df / 2, 0.5, df / (df + x * x))
        return np.where(x < 0, tail, 1 - tail)

    return cdf


def log_gamma_cdf(a):
    """Return the distribution function of the logarithm, also where the number underflows."""

    def cdf(y):
        tiny = np.exp(a * np.minimum(y, 0) - special.gammaln(a + 1))
        return np.where(y < -40, tiny, special.gammainc(a, np.exp(y)))

    return cdf


def wald_cdf(mean):
    def cdf(x):
        root = np.sqrt(1 / x)
        rest = np.exp(2 / mean) * special.ndtr(-root * (x / mean + 1))
        return special.ndtr(root * (x / mean - 1)) + rest

    return cdf


def tail_cdf(low):  # between bounds half a unit apart
    def beyond(x):
        return np.exp(special.log_ndtr(-x) - special.log_ndtr(-low))

    return lambda x: (1 - beyond(x)) / (1 - beyond(low + 0.5))


def triangular_cdf(x):  # of -1, 0, 3
    return np.where(x < 0, (x + 1) ** 2 / 4, 1 - (3 - x) ** 2 / 12)


def maxwell_cdf(x):
    return special.erf(x / math.sqrt(2)) - math.sqrt(2 / math.pi) * x * np.exp(-x * x / 2)


def generalized_cdf(x):  # of p = 3
    return 0.5 + 0.5 * np.sign(x) * special.gammainc(1 / 3, np.abs(x) ** 3)


# fmt: off
LAWS = {
    "laplace": (random.laplace, lambda x: 0.5 - 0.5 * np.sign(x) * np.expm1(-np.abs(x))),
    "logistic": (random.logistic, special.expit),
    "cauchy": (random.cauchy, lambda x: 0.5 + np.arctan(x) / math.pi),
    "maxwell": (random.maxwell, maxwell_cdf),
    "pareto": (lambda k, n, d: random.pareto(k, 2.5, n, d), lambda x: 1 - x**-2.5),
    "weibull_min": (lambda k, n, d: random.weibull_min(k, 2.0, 1.5, n, d),
                    lambda x: -np.expm1(-((x / 2) ** 1.5))),
    "rayleigh": (lambda k, n, d: random.rayleigh(k, 2.0, n, d), lambda x: -np.expm1(-x * x / 8)),
    "lognormal": (lambda k, n, d: random.lognormal(k, 0.5, n, d),
                  lambda x: special.ndtr(np.log(x) / 0.5)),
    "double_sided_maxwell": (lambda k, n, d: random.double_sided_maxwell(k, 1.0, 2.0, (n,), d),
                   lambda x: 0.5 + 0.5 * np.sign(x - 1) * maxwell_cdf(np.abs(x - 1) / 2)),
    "triangular": (lambda k, n, d: random.triangular(k, -1.0, 0.0, 3.0, n, d), triangular_cdf),
    "generalized_normal": (lambda k, n, d: random.generalized_normal(k, 3.0, n, d),
                           generalized_cdf),
    **{f"wald {m}": (lambda k, n, d, m=m: random.wald(k, m, n, d), wald_cdf(m))
       for m in (0.2, 1.0, 5.0)},
    **{f"gamma {a}": (lambda k, n, d, a=a: random.gamma(k, a, n, d),
                      lambda x, a=a: special.gammainc(a, x))
       for a in (0.3, 0.999, 1.0, 2.5, 30.0, 1e4)},
    **{f"loggamma {a}": (lambda k, n, d, a=a: random.loggamma(k, a, n, d), log_gamma_cdf(a))
       for a in (1e-3, 0.3, 1.0, 7.0)},
    "chisquare": (lambda k, n, d: random.chisquare(k, 3.0, n, d),
                  lambda x: special.gammainc(1.5, x / 2)),
    "t": (lambda k, n, d: random.t(k, 3.0, n, d), t_cdf(3.0)),
    "t of a tenth": (lambda k, n, d: random.t(k, 0.5, n, d), t_cdf(0.5)),
    "f": (lambda k, n, d: random.f(k, 3.0, 5.0, n, d),
          lambda x: special.betainc(1.5, 2.5, 3 * x / (3 * x + 5))),
    **{f"beta {a} {b}": (lambda k, n, d, a=a, b=b: random.beta(k, a, b, n, d),
                         lambda x, a=a, b=b: special.betainc(a, b, x))
       for a, b in ((0.5, 0.5), (2.0, 3.0), (1e4, 2e4), (0.2, 5.0))},
    **{f"truncated_normal from {b}": (
           lambda k, n, d, b=b: random.truncated_normal(k, b, b + 0.5, n, d), tail_cdf(b))
       for b in (2.9, 3.1, 6.0, 12.0)},
    "dirichlet": (lambda k, n, d: random.dirichlet(k, np.array([0.7, 1.0, 3.0]), n, d)[..., 0],
                  lambda x: special.betainc(0.7, 4.0, x)),
    "ball": (lambda k, n, d: np.linalg.norm(random.ball(k, 3, 2, n, d), axis=-1), lambda r: r**3),
    "ball of p = 1": (lambda k, n, d: np.abs(random.ball(k, 2, 1.0, n, d)).sum(-1),
                      lambda r: r**2),
}
# fmt: on


@in_turns("name, impl, dtype", LAWS, KEYS, ["float32", "float64"])
def test_draws_follow_their_law(name, impl, dtype):
    draw, cdf = LAWS[name]
    sample = draw(KEYS[impl], 20000, np.dtype(dtype))

    assert sample.dtype == dtype and sample.shape == (20000,)
    assert kolmogorov(sample.astype(F64), cdf) < 1.95  # exceeded with probability 1e-3


def log_mass(k, mean):
    return k * np.log(mean) - mean - special.gammaln(k + 1)


def excess(drawn, mass):
    """Return chi-square over the counts with at least 10 expected, in standard deviations."""
    got = np.bincount(drawn.astype(int), minlength=mass.size)[: mass.size]
    want = mass * drawn.size
    common = want >= 10
    stat = np.sum((got[common] - want[common]) ** 2 / want[common])
    degrees = np.count_nonzero(common) - 1
    return (stat - degrees) / math.sqrt(2 * degrees)


@BOTH
@pytest.mark.parametrize("rate", [0.05, 3.0, 9.99, 10.0, 30.0, 1000.0])
def test_poisson_counts_have_their_probabilities(rate, key):
    drawn = random.poisson(key, rate, 40000)
    k = np.arange(int(rate + 10 * math.sqrt(rate)) + 10)

    assert drawn.dtype == np.int32
    assert abs(excess(drawn, np.exp(log_mass(k, rate)))) < 5


@BOTH
@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("n", [1, 12, 80, 3000])
def test_binomial_counts_have_their_probabilities(n, p, key):
    drawn = random.binomial(key, n, p, 20000)
    k = np.arange(n + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)

    assert drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() <= n
    mass = np.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))
    assert n == 1 or abs(excess(drawn, mass)) < 5
    assert abs(drawn.mean() - n * p) < 5 * math.sqrt(n * p * (1 - p) / 20000)


@BOTH
def test_geometric_counts_have_their_probabilities(key):
    drawn = random.geometric(key, 0.2, 20000)

    assert drawn.dtype == np.int32 and drawn.min() == 1
    assert abs(excess(drawn, np.append(0, 0.2 * 0.8 ** np.arange(60)))) < 5


@pytest.mark.parametrize("rate", [1e6, 1e9, 1e15])
def test_large_rates_keep_mean_and_variance(rate):
    drawn = random.poisson(PHILOX, rate, 40000, np.int64) - rate

    assert abs(drawn.mean()) < 5 * math.sqrt(rate / 40000)
    np.testing.assert_allclose(drawn.var() / rate, 1, atol=5 * math.sqrt(2 / 40000))


def test_many_trials_keep_mean_and_variance():
    drawn = random.binomial(PHILOX, 10**12, 0.7, 40000, F64) - 0.7e12

    assert abs(drawn.mean()) < 5 * math.sqrt(0.21e12 / 40000)
    np.testing.assert_allclose(drawn.var() / 0.21e12, 1, atol=5 * math.sqrt(2 / 40000))


def test_counts_at_the_ends_are_certain():
    assert not random.poisson(PHILOX, 0.0, 100).any()
    assert random.binomial(PHILOX, 7, np.array([0.0, 1.0]), (50, 2)).tolist() == [[0, 7]] * 50
    assert not random.binomial(PHILOX, 0, 0.5, 100).any()
    assert (random.geometric(PHILOX, 1.0, 100) == 1).all()
    assert random.geometric(PHILOX, 1e-300, ()) == np.iinfo(np.int32).max
    assert random.poisson(PHILOX, 3.0, 0).shape == (0,)
    assert random.gamma(PHILOX, 3.0, (2, 0)).shape == (2, 0)


def test_counts_of_categories_add_up():
    n, p = np.array([[10], [1000]]), np.array([0.0, 1.0, 3.0, 4.0])
    drawn = random.multinomial(PHILOX, n, p, shape=(2, 5000, 4))

    assert drawn.dtype == np.float32 and not drawn[..., 0].any()
    assert np.array_equal(drawn.sum(-1), np.broadcast_to(n, (2, 5000)))
    # 5 standard deviations of at most sqrt(1/4 / trials)
    np.testing.assert_allclose(drawn[1].mean(0) / 1000, p / 8, atol=5e-3 / math.sqrt(5))
    covariance = np.cov(drawn[1], rowvar=False)
    want = 1000 * (np.diag(p / 8) - np.outer(p / 8, p / 8))
    np.testing.assert_allclose(covariance, want, atol=30)


def test_signs_are_even():
    signs = random.rademacher(PHILOX, 40000)

    assert signs.dtype == np.int32 and set(signs.tolist()) == {-1, 1}
    assert abs(signs.mean()) < 5 / 200


def test_extremes_stay_in_range():
    """float32 keeps what tiny and huge parameters mean."""
    tiny = random.dirichlet(PHILOX, np.full(4, 1e-6), 1000)
    even = random.beta(PHILOX, 1e-4, 1e-4, 1000)

    assert np.isfinite(tiny).all() and (tiny.max(-1) > 0.999).mean() > 0.99
    np.testing.assert_allclose(np.bincount(tiny.argmax(-1)) / 1000, 0.25, atol=0.07)  # 5 deviations
    assert ((even < 1e-3) | (even > 0.999)).mean() > 0.99 and abs(even.mean() - 0.5) < 0.08
    assert np.isfinite(random.loggamma(PHILOX, 1e-30, 100)).all()
    assert random.gamma(PHILOX, 0.0) == 0 and random.loggamma(PHILOX, 0.0) == -np.inf
    np.testing.assert_allclose(random.gamma(PHILOX, 1e30, 100), 1e30, rtol=1e-6)
    assert np.isfinite(random.wald(PHILOX, np.array([1e-6, 1e6]), (100, 2))).all()


def test_truncated_numbers_are_right_far_out():
    lower, upper = np.array([5.0, 30.0, -np.inf, 1e4]), np.array([np.inf, 31.0, -8.0, np.inf])
    x = random.truncated_normal(PHILOX, lower, upper, (20000, 4))
    size = np.where(upper < 0, -upper, lower).astype(np.float32)
    hazard = 1 / (math.sqrt(math.pi / 2) * special.erfcx(size / math.sqrt(2)))

    assert ((x > lower) & (x < upper)).all()
    # the mean of a tail is its hazard rate; 5 standard deviations of at most 0.2 / sqrt(20000)
    np.testing.assert_allclose(np.abs(x).mean(0, np.float64)[:3], hazard[:3], rtol=2e-3)


@pytest.mark.parametrize("bounds", [(4.0, 5.0), (-6.0, -3.5), (20.0, 20.1), (7.0, math.inf)])
def test_bounds_in_a_tail_move_what_is_drawn(bounds):
    def total(low, high):
        return np.sum(random.truncated_normal(PHILOX, low, high, 6, F64))

    low, high = bounds
    in_low, in_high = fg.grad(total, argnums=(0, 1))(low, high)

    np.testing.assert_allclose(in_low, central(lambda x: total(x, high), low, 1e-5), rtol=1e-6)
    if high < math.inf:
        np.testing.assert_allclose(in_high, central(lambda x: total(low, x), high, 1e-5), rtol=1e-6)
    compiled = fg.jit(total)(low, high)
    np.testing.assert_allclose(compiled, total(low, high), rtol=1e-13)


def test_the_philox_numbers_never_change():
    assert random.poisson(PHILOX, np.array([2.0, 50.0, 1e6])).tolist() == [5, 55, 1000400]
    assert random.binomial(PHILOX, 1000, np.array([0.001, 0.5])).tolist() == [3.0, 512.0]
    # rtol: the last bits of NumPy's log differ between processors
    got = random.gamma(PHILOX, np.array([0.5, 2.0, 100.0]))
    np.testing.assert_allclose(got, [0.20724681, 0.976044893, 112.538284], rtol=1e-5)


def test_vectors_have_their_mean_and_covariance():
    mean, cov = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 1.0]])
    for method in ("cholesky", "eigh", "svd"):
        x = random.multivariate_normal(PHILOX, mean, cov, 40000, method=method)
        assert x.dtype == F64 and x.shape == (40000, 2)
        np.testing.assert_allclose(x.mean(0), mean, atol=0.04)  # 5 standard deviations
        np.testing.assert_allclose(np.cov(x, rowvar=False), cov, atol=0.08)
    singular = random.multivariate_normal(PHILOX, np.zeros(2), np.ones((2, 2)), 9, method="eigh")
    np.testing.assert_allclose(singular[:, 0], singular[:, 1], atol=1e-7)  # a root of rounding


def test_vectors_broadcast_their_parameters():
    mean, cov = np.zeros((3, 1, 2), np.float32), np.broadcast_to(np.eye(2, dtype="f4"), (4, 2, 2))

    assert random.multivariate_normal(PHILOX, mean, cov).shape == (3, 4, 2)
    assert random.multivariate_normal(PHILOX, mean, cov, (5, 3, 4)).dtype == np.float32
    assert random.multivariate_normal(PHILOX, mean, cov, dtype=F64).dtype == F64


@pytest.mark.parametrize("dtype", [F64, np.complex128])
@pytest.mark.parametrize(("n", "m"), [(3, 3), (4, 2), (2, 5), (1, 1)])
def test_orthogonal_matrices_are_even(n, m, dtype):
    q = random.orthogonal(PHILOX, n, (2000,), dtype, m)
    small = q.mT if n < m else q
    whole = np.broadcast_to(np.eye(min(n, m)), (2000, min(n, m), min(n, m)))

    assert q.shape == (2000, n, m) and q.dtype == dtype
    np.testing.assert_allclose(small.conj().mT @ small, whole, atol=1e-14)
    assert abs(q.mean()) < 0.06 and abs(np.mean(np.abs(q[:, 0, 0]) ** 2) - 1 / max(n, m)) < 0.04


# transforms

A = np.array([[0.3], [0.7], [3.0], [500.0]])
DRAWS = {
    "gamma": lambda k, a: random.gamma(k, a, (4, 5), F64),
    "loggamma": lambda k, a: random.loggamma(k, a, (4, 5)),
    "chisquare": lambda k, a: random.chisquare(k, a, (4, 5)),
    "t": lambda k, a: random.t(k, a, (4, 5)),
    "f": lambda k, a: random.f(k, a, 3.0, (4, 5)),
    "beta": lambda k, a: random.beta(k, a, 2.0, (4, 5)),
    "dirichlet": random.dirichlet,
    "wald": lambda k, a: random.wald(k, a, (4, 5)),
    "pareto": lambda k, a: random.pareto(k, a, (4, 5)),
    "poisson": lambda k, a: random.poisson(k, a, (4, 5)),
    "binomial": lambda k, a: random.binomial(k, 40, a / (1 + a), (4, 5)),
    "geometric": lambda k, a: random.geometric(k, a / (1 + a), (4, 5)),
    "multinomial": lambda k, a: random.multinomial(k, 20, a[:, 0]),
    "generalized_normal": lambda k, a: random.generalized_normal(k, a, (4, 5)),
    "multivariate_normal": lambda k, a: random.multivariate_normal(k, a[:, 0], np.diag(a[:, 0])),
    "orthogonal": lambda k, a: random.orthogonal(k, 3, (2,), m=4),
    "ball": lambda k, a: random.ball(k, 3, 1.5, (2,)),
    "triangular": lambda k, a: random.triangular(k, 0.0, a / 2, a, (4, 5)),
}


@BOTH
@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_does_not_depend_on_its_batch(name, key):
    draw, keys = DRAWS[name], random.split(key, 3)
    close = {"rtol": 2e-6} if name in ("multivariate_normal", "dirichlet") else {"rtol": 0}
    one_by_one = np.stack([draw(k, A) for k in keys])
    many = A * np.array([1.0, 2.0, 0.5])[:, None, None]

    np.testing.assert_allclose(fg.vmap(lambda k: draw(k, A))(keys), one_by_one, **close)
    pairs = np.stack([draw(k, a) for k, a in zip(keys, many, strict=True)])
    np.testing.assert_allclose(fg.vmap(draw)(keys, many), pairs, **close)
    np.testing.assert_allclose(
        fg.vmap(lambda a: draw(key, a))(many), np.stack([draw(key, a) for a in many]), **close
    )
    nested = fg.vmap(lambda k: fg.vmap(lambda a: draw(k, a))(many))(keys)
    np.testing.assert_allclose(nested[2, 1], draw(keys[2], many[1]), **close)


@BOTH
@pytest.mark.parametrize("name", DRAWS)
def test_a_compiled_draw_is_the_draw(name, key):
    want, got = DRAWS[name](key, A), fg.jit(DRAWS[name])(key, A)

    assert want.dtype == got.dtype
    np.testing.assert_allclose(got, want, rtol=1e-6)  # compiled arithmetic, reordered


@pytest.mark.parametrize("dtype", [np.float16, np.float32, F64])
@pytest.mark.parametrize("name", ["gamma", "loggamma", "chisquare", "t", "wald", "pareto",
                                  "rayleigh", "lognormal", "generalized_normal"])  # fmt: skip
def test_a_draw_has_the_dtype_asked_for(name, dtype):
    draw = getattr(random, name)

    assert draw(PHILOX, 2.0, (3,), dtype).dtype == dtype
    assert draw(PHILOX, np.array([2.0, 3.0])).dtype == np.float32
    assert draw(PHILOX, 2, (3,), None).dtype == np.float32


# derivatives


def test_logarithms_are_those_of_the_draws():
    np.testing.assert_allclose(
        np.exp(random.loggamma(PHILOX, A, (4, 5), F64)),
        random.gamma(PHILOX, A, (4, 5), F64),
        rtol=1e-12,  # logarithms of up to 460
    )


JAX = [  # a, x, jax.lax.random_gamma_grad(a, x)
    (0.001, 1e-200, 4.599414466669988e-195),
    (0.1, 1e-05, 0.0011089279600203117),
    (0.5, 0.2, 0.7940505663308435),
    (2.0, 1.7, 0.99990245241327),
    (30.0, 25.0, 0.9166815997356534),
    (10000.0, 10100.0, 1.0050001660074206),
]


@pytest.mark.parametrize(("a", "x", "want"), JAX)
def test_the_slope_of_a_gamma_number_is_that_of_jax(a, x, want):
    got = gamma_p.slope(np.float64(a), np.float64(x), log=False)
    logarithmic = gamma_p.slope(np.float64(a), np.log(x), log=True)

    np.testing.assert_allclose([got, logarithmic * x], want, rtol=1e-9)


@pytest.mark.parametrize("a", [0.3, 1.0, 4.0, 60.0, 1e4])
def test_the_slope_keeps_the_value_of_the_distribution_function(a):
    def draw(a):
        return random.gamma(PHILOX, a, (), F64)

    x, h = draw(a), 1e-5 * a
    in_a = special.gammainc(a + h, x) - special.gammainc(a - h, x)
    in_x = special.gammainc(a, x + h) - special.gammainc(a, x - h)

    np.testing.assert_allclose(fg.grad(draw)(a), -in_a / in_x, rtol=1e-6)  # h**2, and eps / h
    np.testing.assert_allclose(fg.jvp(draw, (a,), (1.0,))[1], -in_a / in_x, rtol=1e-6)


def quantile(p, a, x):
    """Return the x of the value p of the gamma distribution function, by Newton's method."""
    for _ in range(20):
        density = math.exp((a - 1) * math.log(x) - x - special.gammaln(a))
        x = x - (special.gammainc(a, x) - p) / density
    return x


@pytest.mark.parametrize("a", [0.8, 5.0])
def test_the_second_derivative_is_that_of_the_quantile(a):
    def draw(a):
        return random.gamma(PHILOX, a, (), F64)

    x, h = draw(a), 1e-3
    p = special.gammainc(a, x)
    want = (quantile(p, a + h, x) - 2 * x + quantile(p, a - h, x)) / h**2

    np.testing.assert_allclose(fg.grad(fg.grad(draw))(a), want, rtol=1e-4)  # h**2, and eps / h**2


# fmt: off
MOMENTS = {  # a draw by one parameter, a function of it, the derivative of that function's mean
    "gamma": (random.gamma, np.square, 2.0, lambda a: 2 * a + 1),
    "small gamma": (random.gamma, lambda x: x, 0.05, lambda a: 1.0),
    "loggamma": (random.loggamma, lambda x: x, 0.5, lambda a: special.polygamma(1, a)),
    "tiny loggamma": (random.loggamma, lambda x: x, 1e-3, lambda a: special.polygamma(1, a)),
    "chisquare": (random.chisquare, lambda x: x, 3.0, lambda df: 1.0),
    "t": (random.t, lambda x: np.log1p(x * x), 4.0,  # the mean is 2 (psi((df+1)/2) - psi(df/2))
          None),
    "f": (lambda k, a, *r: random.f(k, 3.0, a, *r), lambda x: x, 12.0, lambda b: -2 / (b - 2) ** 2),
    "beta in a": (lambda k, a, *r: random.beta(k, a, 3.0, *r), lambda x: x, 0.6,
                  lambda a: 3 / (a + 3) ** 2),
    "beta in b": (lambda k, b, *r: random.beta(k, 0.6, b, *r), lambda x: x, 3.0,
                  lambda b: -0.6 / (b + 0.6) ** 2),
    "dirichlet": (lambda k, a, *r: random.dirichlet(k, np.stack([a, 1.0, 2.0]), *r)[..., 0],
                  lambda x: x, 0.8, lambda a: 3 / (a + 3) ** 2),
    "wald": (random.wald, lambda x: x, 1.5, lambda m: 1.0),
    "wald in squares": (random.wald, np.square, 1.5, lambda m: 2 * m + 3 * m**2),
    "pareto": (random.pareto, np.log, 2.0, lambda b: -1 / b**2),
    "weibull_min": (lambda k, c, *r: random.weibull_min(k, 1.0, c, *r), lambda x: x, 2.0,
                    lambda c: -special.digamma(1 + 1 / c) * special.gamma(1 + 1 / c) / c**2),
    "triangular": (lambda k, m, *r: random.triangular(k, 0.0, m, 2.0, *r), lambda x: x, 0.5,
                   lambda m: 1 / 3),
    "generalized_normal": (random.generalized_normal, np.abs, 2.0, None),
}
# fmt: on


def mean_log1p(df):
    """Return the mean of log(1 + t²) by the midpoint rule in u = arctan(t)."""
    u = (np.arange(200000) + 0.5) / 200000 * math.pi / 2
    x = np.tan(u)
    density = (1 + x * x / df) ** (-(df + 1) / 2) * (1 + x * x)
    return np.sum(np.log1p(x * x) * density) / np.sum(density)


def mean_size(p):
    return special.gamma(2 / p) / special.gamma(1 / p)


def central(f, x, h=1e-4):
    return (f(x + h) - f(x - h)) / (2 * h)


@pytest.mark.parametrize("name", MOMENTS)
def test_gradients_have_the_mean_of_the_gradient(name):
    draw, function, a, slope = MOMENTS[name]
    if slope is None:
        slope = lambda x: central({"t": mean_log1p}.get(name, mean_size), x)
    n = 40000
    grads = fg.jvp(lambda a: function(draw(PHILOX, a, (n,), F64)), (a,), (1.0,))[1]
    backwards = fg.grad(lambda a: np.mean(function(draw(PHILOX, a, (n,), F64))))(a)

    assert abs(grads.mean() - slope(a)) < 4.5 * grads.std() / math.sqrt(n)
    np.testing.assert_allclose(backwards, grads.mean(), rtol=1e-10)


def test_float32_gradients_are_those_of_float64():
    def total(a, dtype):
        return np.sum(random.loggamma(PHILOX, a, (4, 2), dtype))

    a32 = A.astype(np.float32)
    got = fg.grad(total)(a32, np.float32)

    assert got.dtype == np.float32
    drawn = random.loggamma(PHILOX, a32, (4, 2))
    want = gamma_p.slope(np.broadcast_to(A, (4, 2)), drawn.astype(F64), log=True).sum(1)
    np.testing.assert_allclose(got[:, 0], want, rtol=1e-5)


def test_underflowed_numbers_have_no_slope_and_their_logarithms_one():
    numbers = fg.grad(lambda a: np.sum(random.gamma(PHILOX, a, (50,))))(np.float32(1e-4))
    logs = fg.grad(lambda a: np.sum(random.loggamma(PHILOX, a, (50,))))(np.float32(1e-4))

    assert np.isfinite(numbers) and np.isfinite(logs) and logs > 1e6


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_mean_and_covariance_move_vectors(method):
    mean, cov = np.array([0.5, -1.0, 0.0]), np.eye(3) * [1.0, 2.0, 3.0] + 0.3
    turn = np.array([[0.3, 0.1, 0.2], [0.1, -0.4, 0.5], [0.2, 0.5, 0.1]])

    def total(mean, cov):
        return np.sum(np.sin(random.multivariate_normal(PHILOX, mean, cov, (4,), method=method)))

    in_mean, in_cov = fg.grad(total, argnums=(0, 1))(mean, cov)
    direction = np.array([1.0, 2.0, -1.0])
    moved = [
        central(lambda h: total(mean + h * direction, cov), 0.0, 1e-5),
        central(lambda h: total(mean, cov + h * turn), 0.0, 1e-5),
    ]

    np.testing.assert_allclose([in_mean @ direction, np.sum(in_cov * turn)], moved, rtol=1e-7)


def test_counts_carry_no_gradient():
    def total(x):
        return np.sum(x * (random.poisson(PHILOX, x) + random.binomial(PHILOX, 9, x / 9)))

    x = np.array([0.5, 2.0])
    want = random.poisson(PHILOX, x) + random.binomial(PHILOX, 9, x / 9)
    assert np.array_equal(want, fg.grad(total)(x))


def test_unknown_parameters_out_of_range_give_nan():
    x = np.array([-1.0, np.nan, 0.5])

    assert np.isnan(fg.jit(lambda a: random.gamma(PHILOX, a))(x)).tolist() == [True, True, False]
    assert np.isnan(fg.jit(lambda a: random.wald(PHILOX, a))(x)).tolist() == [True, True, False]
    assert fg.jit(lambda a: random.poisson(PHILOX, a))(x)[:2].tolist() == [-1, -1]
    assert np.isnan(fg.jit(lambda p: random.binomial(PHILOX, 5, p))(x)[:2]).all()
    assert fg.jit(lambda a: random.poisson(PHILOX, a))(np.array(1e30)) == 2**31 - 1


# errors

K = PHILOX
ERRORS = [
    (lambda: random.gamma(K, -1.0), RangeError, r"random.gamma: a must be nonnegative: got -1"),
    (lambda: random.gamma(0, 1.0), random.NotAKeyError, r"random.gamma: .* write .*key\(0\)"),
    (lambda: random.gamma(K, np.nan), RangeError, r"random.gamma: a must be nonnegative: got nan"),
    (lambda: random.gamma(K, 1j), DtypeError, r"random.gamma: a must be real: got c128\[\]"),
    (lambda: random.gamma(K, 1.0, (), int), DtypeError, r"random.gamma: .*got int64"),
    (lambda: random.gamma(K, np.ones(3), (2,)), ShapeError, r"gamma: a must broadcast .*f32\[3\]"),
    (lambda: random.loggamma(K, [-1.0]), RangeError, r"random.loggamma: a must be nonnegative"),
    (lambda: random.beta(K, 0.0, 1.0), RangeError, r"random.beta: a must be positive: got 0"),
    (lambda: random.beta(K, 1.0, -2.0), RangeError, r"random.beta: b must be positive: got -2"),
    (lambda: random.dirichlet(K, 1.0), ShapeError, r"alpha must have at least one axis: got f64"),
    (lambda: random.dirichlet(K, [1.0, 0.0]), RangeError, r"alpha must be positive: got \[1. 0.\]"),
    (lambda: random.chisquare(K, -1), RangeError, r"random.chisquare: df must be nonnegative"),
    (lambda: random.t(K, 0), RangeError, r"random.t: df must be positive: got 0"),
    (lambda: random.f(K, 1, 0), RangeError, r"random.f: dfden must be positive: got 0"),
    (lambda: random.poisson(K, -1.0), RangeError, r"poisson: lam must be nonnegative: got -1"),
    (lambda: random.poisson(K, 1e10), RangeError, r"fit int32: got lam .*; pass a wider dtype"),
    (lambda: random.poisson(K, 1.0, (), float), DtypeError, r"signed integer dtype: got float64"),
    (lambda: random.binomial(K, 2.5, 0.5), RangeError, r"n must be a nonnegative integer: got 2.5"),
    (lambda: random.binomial(K, 2, 1.5), RangeError, r"binomial: p must be in \[0, 1\]: got 1.5"),
    (lambda: random.geometric(K, 0.0), RangeError, r"p must be in \(0, 1\]: got 0"),
    (lambda: random.multinomial(K, 5, 0.5), ShapeError, r"p must have at least one axis"),
    (lambda: random.multinomial(K, [5, 6], [0.5, 0.5]), ShapeError, r"n must broadcast"),
    (lambda: random.rademacher(K, (), "u1"), DtypeError, r"random.rademacher: .*uint8"),
    (lambda: random.pareto(K, 0.0), RangeError, r"random.pareto: b must be positive"),
    (lambda: random.wald(K, 0.0), RangeError, r"random.wald: mean must be positive"),
    (lambda: random.triangular(K, 0, 2, 1), RangeError, r"mode must not exceed right"),
    (lambda: random.weibull_min(K, 1, 0), RangeError, r"concentration must be positive: got 0"),
    (lambda: random.ball(K, 2, [1, 2]), ShapeError, r"ball: p must be a scalar: got f32\[2\]"),
    (lambda: random.multivariate_normal(K, 0.0, np.eye(1)), ShapeError, r"mean must have at least"),
    (lambda: random.multivariate_normal(K, np.zeros(3), np.eye(2)), ShapeError, r"\[..., 3, 3\]"),
    (lambda: random.multivariate_normal(K, np.zeros(2), np.eye(2), method="lu"),
     RangeError, "method must be 'cholesky', .*: got 'lu'"),
    (lambda: random.multivariate_normal(K, np.zeros(2), -np.eye(2)), np.linalg.LinAlgError,
     r"cov has no factor: .*; method='eigh' takes a singular cov"),
    (lambda: random.orthogonal(K, -1), ShapeError, r"orthogonal: lengths must be nonnegative"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), ERRORS)
def test_errors_say_what_came_and_the_cure(call, error, words):
    with pytest.raises(error, match=words):
        call()


# with JAX at hand

S, F = (2000,), np.float32
SAME_AS_JAX = {
    "laplace": lambda r, k: r.laplace(k, S),
    "logistic": lambda r, k: r.logistic(k, S),
    "cauchy": lambda r, k: r.cauchy(k, S),
    "pareto": lambda r, k: r.pareto(k, F(2), S),
    "weibull_min": lambda r, k: r.weibull_min(k, F(2), F(1.5), S),
    "maxwell": lambda r, k: r.maxwell(k, S),
    "double_sided_maxwell": lambda r, k: r.double_sided_maxwell(k, F(0), F(2), S),
    "lognormal": lambda r, k: r.lognormal(k, F(0.5), S),
    "triangular": lambda r, k: r.triangular(k, F(0), F(1), F(3), S),
    "rademacher": lambda r, k: r.rademacher(k, S),
    "multivariate_normal": lambda r, k: r.multivariate_normal(
        k, np.ones(3, F), np.eye(3, dtype=F) + F(0.3), (100,)
    ),
    "orthogonal": lambda r, k: r.orthogonal(k, 4, (3,), m=6),
    "unitary": lambda r, k: r.orthogonal(k, 4, (), "complex64"),
}


@pytest.mark.peers
class TestAgainstJax:
    @pytest.mark.parametrize("name", SAME_AS_JAX)
    def test_equal_but_for_last_bits(self, name):
        jax = pytest.importorskip("jax")
        want = np.asarray(SAME_AS_JAX[name](jax.random, jax.random.key(7)))
        got = SAME_AS_JAX[name](random, random.key(7, impl="threefry2x32"))

        assert want.dtype == got.dtype
        # a few units in the last place; absolutely so where the result is near 0
        np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6)

    def test_slopes_of_gamma_numbers(self):
        jax = pytest.importorskip("jax")
        a = np.logspace(-3, 4, 60)
        x = random.gamma(PHILOX, a, (50, 60), F64)
        a = np.broadcast_to(a, x.shape)[x > 1e-290]
        x = x[x > 1e-290]
        with jax.enable_x64():
            want = np.asarray(jax.lax.random_gamma_grad(a, x))

        np.testing.assert_allclose(gamma_p.slope(a, x, log=False), want, rtol=1e-9)
