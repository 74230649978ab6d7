"""Hamiltonian samplers: their laws, their adaptation, and diagnostics of their draws."""

import itertools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import random
from funcgrad.c import compiler
from funcgrad.core.errors import DtypeError, MissingDerivativeError, ShapeError, TreeError
from funcgrad.random.mcmc import adaptation
from funcgrad.random.mcmc.doubling import nuts_transition
from funcgrad.random.mcmc.fixed_length import hmc_transition
from funcgrad.random.mcmc.hamiltonian import leapfrog, placed, start

from .support.compare import assert_same

COVARIANCE = np.array([[1.0, 0.9], [0.9, 2.0]])
PRECISION = np.linalg.inv(COVARIANCE)
MEAN = np.array([1.0, -2.0])
SAMPLERS = {"nuts": random.nuts, "hmc": random.hmc}
each_sampler = pytest.mark.parametrize("name", SAMPLERS)


def correlated(x):
    return -(x - MEAN) @ PRECISION @ (x - MEAN) / 2


def normal(x):
    return -np.sum(x**2) / 2


def quick(name, logdensity, position, *args, **options):
    """Few draws in NumPy, which need no compiler."""
    return SAMPLERS[name](random.key(0), logdensity, position, *args, backend="numpy", **options)


# the draws


@each_sampler
def test_moments_of_a_correlated_normal(name):
    options = {"nuts": {}, "hmc": {"num_steps": 5}}[name]
    draws, stats = quick(name, correlated, np.zeros(2), 400, 300, **options)
    error = np.sqrt(np.diag(COVARIANCE) / random.ess(draws, "mean"))
    flat = draws.reshape(-1, 2)

    assert np.all(np.abs(flat.mean(0) - MEAN) < 4 * error)
    np.testing.assert_allclose(np.cov(flat.T), COVARIANCE, rtol=0.2)  # some 500 effective draws
    assert np.all(random.rhat(draws) < 1.02) and not stats.diverging.any()
    assert abs(stats.acceptance_rate.mean() - 0.8) < 0.15


def stationary(transition, dtype=np.float64):
    """Draws after one transition, from exact draws of the logistic distribution as the start."""
    x = random.logistic(random.key(1), (8_000, 1), dtype)
    density = fg.value_and_grad(lambda x: np.sum(-x - 2 * np.logaddexp(0.0, -x)))
    root = np.full(1, 2.0**0.5, dtype)
    one = lambda k, x: transition(density, k, placed(density, x, root), 1.5, root)
    with np.errstate(all="ignore"):
        return fg.jit(fg.vmap(one))(random.split(random.key(2), len(x)), x)


@pytest.mark.parametrize(
    "transition",
    [lambda *a: nuts_transition(5, *a), lambda *a: hmc_transition(3, *a)],
    ids=["nuts", "hmc"],
)
def test_a_transition_leaves_the_density_invariant(transition):
    drawn = stationary(transition)
    uniform = np.sort(fg.special.expit(drawn.place.position[:, 0]))
    distance = np.max(np.abs(uniform - (np.arange(len(uniform)) + 0.5) / len(uniform)))

    assert distance < 1.63 / np.sqrt(len(uniform))  # Kolmogorov and Smirnov's test at 1 %
    assert drawn.acceptance_rate.mean() < 0.95  # a coarse step: without the weights it would fail


def turns(momenta, variances=1.0):
    """Whether the trajectory with these momenta turns."""
    total = sum(momenta) - (momenta[0] + momenta[-1]) / 2
    return any(total @ p <= 0 for p in (momenta[0], momenta[-1]))


def steps_by_doubling(key, density, place, step, max_depth):
    """The number of steps of a trajectory, by a plain search of all its subtrees."""
    keys = random.split(key, 3)
    first = start(keys[0], place)
    directions = int(random.bits(keys[1]))
    ends, tree, count = {1: first, 0: first}, [first[1]], 0
    for depth in range(max_depth):
        forward = directions >> depth & 1
        new = []
        for _ in range(2**depth):
            ends[forward], _ = leapfrog(density, ends[forward], step if forward else -step, 1.0)
            new.append(ends[forward][1])
            count += 1
            sizes = (2**k for k in range(1, depth + 1))
            if any(len(new) % n == 0 and turns(new[-n:]) for n in sizes):
                return count, depth
        tree = tree + new if forward else new[::-1] + tree
        if turns(tree):
            return count, depth + 1
    return count, max_depth


def test_a_trajectory_ends_at_the_first_turn_of_a_subtree():
    density = fg.value_and_grad(correlated)
    place = placed(density, np.array([0.3, 0.2]), np.ones(2))
    keys = random.split(random.key(5), 40)
    draw = lambda k: nuts_transition(4, density, k, place, 0.3, np.ones(2))
    drawn = fg.jit(fg.vmap(draw))(keys)
    got = list(zip(drawn.n_steps.tolist(), drawn.tree_depth.tolist(), strict=True))
    want = [steps_by_doubling(k, density, place, 0.3, 4) for k in keys]

    assert got == want and len(set(want)) > 5


def test_draws_are_trees_like_the_position():
    position = {"a": np.float32(0.5), "b": (np.zeros((2, 3)),)}
    f = lambda x: normal(x["b"][0]) + normal(x["a"])
    draws, stats = quick("nuts", f, position, 6, 5, 3)
    want = {"a": (np.float32, (3, 6)), "b": ((np.float64, (3, 6, 2, 3)),)}

    assert fg.tree.map(lambda x: (x.dtype, x.shape), draws) == want
    assert stats.lp.shape == stats.energy.shape == stats.n_steps.shape == (3, 6)
    assert stats.step_size.shape == (3,)
    assert stats.inverse_mass_matrix["b"][0].shape == (3, 2, 3)
    np.testing.assert_allclose(stats.lp[1, 2], f(fg.tree.map(lambda x: x[1, 2], draws)), rtol=1e-6)


def test_draws_of_float32_stay_float32():
    draws, stats = quick("nuts", lambda x: -np.sum(x**2) / np.float64(2), np.zeros(2, "f"), 5, 30)

    assert draws.dtype == stats.energy.dtype == stats.step_size.dtype == np.float32


@each_sampler
def test_fixed_steps_and_masses_stay_as_given(name):
    given = {"step_size": 0.25, "inverse_mass_matrix": {"x": np.array([1.0, 4.0])}}
    _, stats = quick(name, lambda t: normal(t["x"]), {"x": np.zeros(2)}, 5, 30, 2, **given)

    assert stats.step_size.tolist() == [0.25, 0.25]
    assert stats.inverse_mass_matrix["x"].tolist() == [[1.0, 4.0]] * 2


def test_chains_start_apart_unless_asked_not_to():
    none = {"step_size": 1e-9, "inverse_mass_matrix": np.ones(2)}
    apart, _ = quick("hmc", normal, np.ones(2), 1, 0, 3, num_steps=1, **none)
    together, _ = quick("hmc", normal, np.ones(2), 1, 0, 3, num_steps=1, jitter=0.0, **none)

    np.testing.assert_allclose(together, 1.0, rtol=1e-6)
    assert np.ptp(apart, axis=0).min() > 0.1 and np.abs(apart - 1).max() <= 1


def test_a_start_near_the_position_keeps_to_the_support():
    draws, _ = quick("nuts", lambda x: np.sum(np.log(x) - x), np.full(3, 1e-3), 10, 20, 2)

    assert np.all(draws > 0)


def test_a_divergence_is_marked():
    _, stats = quick("hmc", lambda x: -np.sum(x**4), np.ones(1), 5, 0, 2, step_size=50.0)

    assert stats.diverging.all() and np.all(stats.acceptance_rate == 0)


def test_a_dense_mass_matrix_makes_a_correlated_density_round():
    """Deviations of 10 and 1 along the diagonals: no scaling of the elements helps."""
    rotation = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    covariance = rotation @ np.diag([100.0, 1.0]) @ rotation.T
    precision = np.linalg.inv(covariance)
    vector = lambda t: np.stack([t["a"], t["b"]])
    f = lambda t: -vector(t) @ precision @ vector(t) / 2
    start = {"a": 0.0, "b": 0.0}
    run = lambda dense: quick("hmc", f, start, 1, 150, 2, num_steps=6, dense_mass=dense).stats
    stats, diagonal = run(True), run(False)

    assert stats.inverse_mass_matrix.shape == (2, 2, 2)
    np.testing.assert_allclose(stats.inverse_mass_matrix[0], covariance, rtol=0.7)  # of 25 draws
    assert np.all(stats.step_size > 2 * diagonal.step_size)


@each_sampler
def test_a_linear_map_of_the_density_maps_the_draws(name):
    """x = A z: the mass matrix inv(A A') in x is the unit matrix in z."""
    a = np.array([[2.0, 0.0], [1.5, 0.5]])
    inverse = np.linalg.inv(a)
    fixed = {"step_size": 0.3, "dense_mass": True, "jitter": 0.0}
    run = lambda f, m: quick(name, f, np.zeros(2), 8, 0, 2, inverse_mass_matrix=m, **fixed)
    quartic = lambda z: -np.sum(z**4) / 4 - np.sum(z) ** 2
    want = run(quartic, np.eye(2))
    got = run(lambda x: quartic(inverse @ x), a @ a.T)

    np.testing.assert_allclose(got.draws, want.draws @ a.T, rtol=1e-8)  # errors of rounding grow
    np.testing.assert_allclose(got.stats.inverse_mass_matrix, np.stack([a @ a.T] * 2), rtol=1e-12)


# transforms


def test_the_same_key_gives_the_same_draws_under_jit_and_vmap():
    data = np.array([[0.0, 1.0], [2.0, 3.0]])
    keys = random.split(random.key(3), 2)
    run = lambda k, m: random.nuts(
        k, lambda x: normal(x - m), np.zeros(2), 4, 6, 2, backend="numpy"
    )
    want = [run(k, m) for k, m in zip(keys, data, strict=True)]
    mapped = fg.vmap(run)(keys, data)

    assert_same(want[0], fg.jit(run)(keys[0], data[0]), rtol=1e-9)  # another order of sums
    both = fg.tree.map(lambda *x: np.stack(x), *want)
    assert_same(both, mapped, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.skipif(not compiler.is_found(), reason="needs a C compiler: $CC, cc, gcc or clang")
def test_compiled_chains_begin_as_those_of_numpy():
    runs = [
        random.nuts(random.key(0), correlated, np.zeros(2), 5, 10, 2, backend=b)
        for b in ("numpy", "c", "auto")
    ]
    for run in runs[1:]:
        assert_same(runs[0], run, rtol=1e-6)  # a chain multiplies errors of rounding


def test_draws_have_no_derivative_unless_it_is_dropped():
    def mean(m, keep=lambda m: m):
        f = lambda x: normal(x - keep(m))
        return np.mean(quick("nuts", f, np.zeros(1), 3, 3, 1).draws) * m

    with pytest.raises(
        MissingDerivativeError, match=r"nuts: draws have no derivative: .*stop_grad"
    ):
        fg.grad(mean)(1.0)
    want = mean(1.0)
    assert fg.grad(lambda m: mean(m, fg.stop_gradient))(1.0) == pytest.approx(want)


# known posteriors

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
DEVIATIONS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def schools(p):
    tau = np.exp(p["log tau"])
    theta = p["mu"] + tau * p["z"]
    data = -np.sum(((EFFECTS - theta) / DEVIATIONS) ** 2) / 2 - np.sum(p["z"] ** 2) / 2
    return data - p["mu"] ** 2 / 50 - np.log1p(tau**2 / 25) + p["log tau"]


@pytest.mark.slow
@each_sampler
def test_eight_schools_have_their_published_means(name):
    """Of posteriordb, "eight_schools-eight_schools_noncentered": mu, tau and the first effect."""
    start = {"mu": 0.0, "log tau": 0.0, "z": np.zeros(8)}
    draws, stats = SAMPLERS[name](random.key(0), schools, start, 4000, target_accept_prob=0.9)
    tau = np.exp(draws["log tau"])
    first = draws["mu"] + tau * draws["z"][..., 0]

    for x, want in ((draws["mu"], 4.4), (tau, 3.6), (first, 6.2)):
        assert x.mean() == pytest.approx(want, abs=0.05 + 4 * x.std() / np.sqrt(random.ess(x)))
        assert random.rhat(x) < 1.01
    assert stats.diverging.sum() <= 8


def funnel(p):
    """Neal's funnel, in which the deviation of nine numbers is exp(v / 2)."""
    v = p["v"]
    return -(v**2) / 18 - np.sum(p["x"] ** 2) * np.exp(-v) / 2 - 4.5 * v


@pytest.mark.slow
def test_a_funnel_is_sampled_if_it_is_not_centred():
    start = {"v": 0.0, "x": np.zeros(9)}
    straight = lambda p: -(p["v"] ** 2) / 18 - np.sum(p["x"] ** 2) / 2  # x / exp(v / 2)
    free, stats = random.nuts(random.key(0), straight, start, 2000)
    narrow = random.nuts(random.key(0), funnel, start, 2000)
    x = np.exp(free["v"] / 2) * free["x"][..., 0]

    assert stats.diverging.sum() == 0 and narrow.stats.diverging.sum() > 20
    assert free["v"].std() == pytest.approx(3, rel=0.06)  # of some 5,000 effective draws
    assert np.mean(np.abs(x) < 1) == pytest.approx(0.622, abs=0.03)  # by quadrature over v
    assert random.ess(narrow.draws["v"]) < random.ess(free["v"]) / 5


@pytest.mark.peers
def test_effective_draws_are_those_of_blackjax():
    blackjax, jax = pytest.importorskip("blackjax"), pytest.importorskip("jax")
    start = {"mu": 0.0, "log tau": 0.0, "z": np.zeros(8)}

    def theirs(key):
        keys = jax.random.split(key)
        warmup = blackjax.window_adaptation(blackjax.nuts, density)
        (state, parameters), _ = warmup.run(keys[0], start, 1000)
        step = blackjax.nuts(density, **parameters).step
        draw = lambda state, key: (step(key, state)[0],) * 2
        return jax.lax.scan(draw, state, jax.random.split(keys[1], 1000))[1].position

    def density(p):
        tau = jax.numpy.exp(p["log tau"])
        theta = p["mu"] + tau * p["z"]
        data = -jax.numpy.sum(((EFFECTS - theta) / DEVIATIONS) ** 2) / 2
        prior = -jax.numpy.sum(p["z"] ** 2) / 2 - p["mu"] ** 2 / 50
        return data + prior - jax.numpy.log1p(tau**2 / 25) + p["log tau"]

    with jax.enable_x64(True):
        want = jax.vmap(theirs)(jax.random.split(jax.random.key(0), 4))
        want = fg.tree.map(np.asarray, want)
    got = random.nuts(random.key(0), schools, start).draws
    least = lambda draws: min(np.min(x) for x in fg.tree.leaves(random.ess(draws)))

    assert least(got) > 0.6 * least(want)


# adaptation


def test_windows_are_stans():
    slow, ends = adaptation.windows(1000)

    assert np.flatnonzero(ends).tolist() == [99, 149, 249, 449, 949]
    assert np.flatnonzero(slow)[[0, -1]].tolist() == [75, 949]
    for n in (0, 5, 20, 149, 151):
        slow, ends = adaptation.windows(n)
        assert ends.sum() == (n >= 20) and (n < 20 or np.flatnonzero(slow)[-1] == ends.argmax())


@pytest.mark.parametrize("root", [np.eye(3), np.ones(3)], ids=["dense", "diagonal"])
def test_moments_of_a_window_are_its_covariance(root):
    x = np.random.default_rng(0).normal(3.0, 2.0, (50, 3)) @ [[1, 0, 0], [2, 1, 0], [0, 1, 1]]
    moments = adaptation.Moments.like(root)
    for row in x:
        moments = moments.updated(row)
    want = (50 * np.cov(x.T) + 5e-3 * np.eye(3)) / 55

    got = moments.covariance()
    np.testing.assert_allclose(got, want if root.ndim == 2 else np.diag(want), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_the_first_step_size_is_that_of_the_density(scale):
    density = fg.value_and_grad(lambda x: -np.sum((x / scale) ** 2) / 2)
    root = np.ones(4)
    place = placed(density, np.full(4, scale), root)
    step = adaptation.reasonable_step(density, random.key(0), place, np.float64(1.0), root)

    assert 0.1 < step / scale < 4


def test_the_first_step_size_ends_for_a_flat_density():
    density = fg.value_and_grad(lambda x: 0.0 * np.sum(x))
    root = np.ones(1)
    place = placed(density, np.zeros(1), root)
    step = adaptation.reasonable_step(density, random.key(0), place, np.float64(1.0), root)

    assert np.isfinite(step)


# diagnostics


def autoregressive(rho, shape=(8, 5000)):
    x = np.random.default_rng(0).normal(size=shape)
    for t in range(1, shape[1]):
        x[:, t] += rho * x[:, t - 1]
    return x


def test_r_hat_and_sample_sizes_are_those_of_arviz():
    series = autoregressive(0.9, (4, 1000))
    stats = pytest.importorskip("arviz_stats.base").array_stats

    assert random.rhat(series) == pytest.approx(stats.rhat(series), rel=1e-12)
    for method, more in (("bulk", {}), ("tail", {"prob": (0.05, 0.95)}), ("mean", {})):
        want = float(stats.ess(series, method=method, **more))
        assert random.ess(series, method) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, -0.5])
def test_sample_size_of_an_autoregression(rho):
    want = 40_000 * (1 - rho) / (1 + rho)  # of the mean

    assert random.ess(autoregressive(rho), "mean") == pytest.approx(want, rel=0.15)


def test_r_hat_finds_chains_apart_in_place_or_in_scale():
    x = np.random.default_rng(0).normal(size=(4, 500))
    apart = x + np.array([0, 0, 0, 2.0])[:, None]
    wider = x * np.array([1, 1, 1, 4.0])[:, None]

    assert random.rhat(x) < 1.01 < 1.1 < min(random.rhat(apart), random.rhat(wider))
    assert random.rhat(np.exp(5 * x)) == pytest.approx(random.rhat(x), abs=0.02)  # by ranks


def test_diagnostics_of_a_tree_are_those_of_its_elements():
    x = np.random.default_rng(0).normal(size=(3, 60, 2, 2))
    got = random.ess({"x": x})["x"]

    assert got.shape == random.rhat(x).shape == (2, 2)
    for i, j in itertools.product(range(2), range(2)):
        assert got[i, j] == pytest.approx(random.ess(x[:, :, i, j]))
    np.testing.assert_allclose(fg.jit(random.ess)(x), random.ess(x), rtol=1e-9)


def test_diagnostics_of_constant_draws():
    assert np.isnan(random.rhat(np.ones((2, 10)))) and random.ess(np.ones((2, 10))) == 20


# errors

ERRORS = {
    "a log density of nan": (
        lambda s: s(lambda x: np.log(-np.sum(x)), np.ones(2)),
        random.RangeError, r"the log density must be finite at the position: got nan; start where",
    ),
    "a log density of -inf": (
        lambda s: s(lambda x: np.log(np.sum(x)), np.zeros(2)), random.RangeError, "got -inf",
    ),
    "a gradient of nan": (
        lambda s: s(lambda x: np.sum(np.sqrt(x)), np.zeros(2)),
        random.RangeError, "the gradient of the log density must be finite",
    ),
    "integer leaves": (
        lambda s: s(lambda x: normal(x["n"]), {"n": np.arange(2)}),
        DtypeError, r"must have floating leaves: got i64\[2\] at \['n'\]; sum over discrete",
    ),
    "a leaf that is no array": (
        lambda s: s(lambda x: normal(x["n"]), {"n": "a"}), DtypeError, r"got str at \['n'\]",
    ),
    "no leaves": (lambda s: s(lambda x: 0.0, {}), ShapeError, "the position must have an array"),
    "a log density of a vector": (
        lambda s: s(lambda x: -(x**2), np.zeros(2)),
        ShapeError, r"the log density must be a real scalar: got f64\[2\]; sum over the terms",
    ),
    "a log density of a pair": (
        lambda s: s(lambda x: (normal(x), 1.0), np.zeros(2)), ShapeError, r"got f64\[\], f64\[\]",
    ),
    "no draws": (
        lambda s: s(normal, np.zeros(2), 0), random.RangeError, "num_samples must be >= 1: got 0",
    ),
    "no chains": (
        lambda s: s(normal, np.zeros(2), 1, 1, 0), random.RangeError, "num_chains must be >= 1",
    ),
    "a fraction of draws": (
        lambda s: s(normal, np.zeros(2), 1.5), DtypeError, "num_samples must be an integer",
    ),
    "a certain acceptance": (
        lambda s: s(normal, np.zeros(2), target_accept_prob=1.0), random.RangeError,
        r"target_accept_prob must be in \(0, 1\): got 1.0",
    ),
    "a mass matrix of another tree": (
        lambda s: s(normal, np.zeros(2), inverse_mass_matrix=np.ones(3)), TreeError,
        r"must have the structure and shapes of the position: got \(3,\), not \(2,\)",
    ),
    "a matrix without dense_mass": (
        lambda s: s(normal, np.zeros(2), inverse_mass_matrix=np.eye(2)), TreeError,
        r"got \(2, 2\), not \(2,\); for a matrix write dense_mass=True",
    ),
    "a diagonal with dense_mass": (
        lambda s: s(normal, np.zeros(2), inverse_mass_matrix=np.ones(2), dense_mass=True),
        ShapeError, r"must have the shape \[2, 2\].*: got f64\[2\]; for its diagonal leave out",
    ),
    "an indefinite matrix": (
        lambda s: s(normal, np.zeros(2), inverse_mass_matrix=-np.eye(2), dense_mass=True),
        random.RangeError, "must be symmetric and positive definite",
    ),
    "a keyword of Stan's": (
        lambda s: s(normal, np.zeros(2), metric="dense_e"), TypeError,
        "unexpected keyword argument 'metric'",
    ),
    "a negative variance": (
        lambda s: s(normal, np.zeros(2), inverse_mass_matrix=-np.ones(2)), random.RangeError,
        "inverse_mass_matrix must be > 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
@each_sampler
def test_errors_name_the_sampler_and_the_cause(name, case):
    call, kind, words = ERRORS[case]
    sampler = lambda *args, **options: SAMPLERS[name](random.key(0), *args, **options)

    with pytest.raises(kind, match=f"{name}: .*{words}"):
        call(sampler)


def test_diagnostics_name_the_axes_that_they_need():
    with pytest.raises(ShapeError, match=r"rhat: draws must have the shape \[chains, draws, ...\]"):
        random.rhat(np.ones(10))
    with pytest.raises(random.RangeError, match="method must be 'bulk', 'tail' or 'mean'"):
        random.ess(np.ones((2, 10)), "quantile")
