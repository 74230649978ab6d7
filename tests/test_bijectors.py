"""Bijectors: round trips, log-determinants, batches, and edges."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import DtypeError, ShapeError, TreeError
from funcgrad.random import RangeError, bijectors as bij, key, nuts

from .support.compare import assert_same


def lower(gap):
    """The free elements of a matrix: those below the diagonal, or the triangle."""
    return lambda y: y[np.tril_indices(y.shape[-1], -gap)]


# bijector, shape of an event, and the free elements of its image
CASES = {
    "Identity": (bij.Identity(), (), None),
    "Affine": (bij.Affine(2.0, -3.0), (), None),
    "Positive": (bij.Positive(), (), None),
    "Softplus": (bij.Softplus(), (), None),
    "GreaterThan": (bij.GreaterThan(2.0), (), None),
    "LessThan": (bij.LessThan(-1.0), (), None),
    "Interval": (bij.Interval(-1.0, 3.0), (), None),
    "Ordered": (bij.Ordered(), (4,), None),
    "Simplex": (bij.Simplex(), (4,), lambda y: y[:-1]),
    "CorrelationCholesky": (bij.CorrelationCholesky(), (6,), lower(1)),
    "CovarianceCholesky": (bij.CovarianceCholesky(), (6,), lower(0)),
    "CholeskyOuterProduct": (
        bij.Chain(bij.CholeskyOuterProduct(), bij.CovarianceCholesky()), (6,), lower(0),
    ),
    "Chain": (bij.Chain(bij.Positive(), bij.Ordered(), bij.Affine(1.0, 0.5)), (3,), None),
}  # fmt: skip
each = pytest.mark.parametrize("name", CASES)


def points(name, batch=(), dtype=np.float64):
    return np.random.default_rng(3).normal(size=(*batch, *CASES[name][1])).astype(dtype)


@each
def test_the_log_determinant_is_that_of_the_jacobian(name):
    bijector, _, free = CASES[name]
    x = points(name)
    jacobian = fg.jacfwd(lambda x: (free or (lambda y: y))(bijector.forward(x)))(x)
    want = np.linalg.slogdet(np.reshape(jacobian, (x.size, x.size)))[1]
    y, got = bijector.forward_and_log_det(x)

    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)  # of an elimination
    np.testing.assert_allclose(bijector.inverse_and_log_det(y)[1], -want, rtol=1e-11, atol=1e-12)


@each
def test_the_inverse_inverts(name):
    bijector = CASES[name][0]
    x = points(name, (50,))

    np.testing.assert_allclose(bijector.inverse(bijector.forward(x)), x, rtol=1e-9, atol=1e-9)


@each
def test_batch_axes_come_first(name):
    bijector = CASES[name][0]
    x = points(name, (2, 3))
    got = bijector.forward_and_log_det(x)
    want = fg.vmap(fg.vmap(bijector.forward_and_log_det))(x)

    assert_same(want, got, rtol=1e-12, atol=1e-14)  # sums in another order
    assert got[1].shape == (2, 3)
    assert_same(fg.jit(bijector.forward_and_log_det)(x), got, rtol=1e-12, atol=1e-14)


@each
def test_derivatives_are_central_differences(name):
    bijector = CASES[name][0]
    total = lambda x: np.sum(bijector.forward(x) ** 2) + np.sum(bijector.log_det(x))

    fg.check_grads(total, (points(name),), order=1)


@each
def test_float32_stays_float32(name):
    bijector = CASES[name][0]
    x = points(name, (2,), np.float32)
    y, log_det = bijector.forward_and_log_det(x)

    assert y.dtype == log_det.dtype == bijector.inverse(y).dtype == np.float32
    assert bijector.forward(np.zeros(CASES[name][1], int)).dtype == np.float64


# edges


@pytest.mark.parametrize("x", [-700.0, -40.0, 40.0, 700.0])
@pytest.mark.parametrize("name", sorted(CASES.keys() - {"Chain", "CholeskyOuterProduct"}))
def test_log_determinants_and_their_gradients_are_finite_far_out(name, x):
    bijector, shape, _ = CASES[name]
    value, slope = fg.value_and_grad(lambda x: np.sum(bijector.log_det(x)))(np.full(shape, x))

    assert np.isfinite(value) and np.all(np.isfinite(slope))


@pytest.mark.parametrize("x", [-30.0, -8.0, 8.0, 30.0])
@pytest.mark.parametrize("name", ["Positive", "Softplus", "Simplex", "CorrelationCholesky"])
def test_round_trips_far_out(name, x):
    bijector, shape, _ = CASES[name]
    x = np.full(shape, x)

    np.testing.assert_allclose(bijector.inverse(bijector.forward(x)), x, rtol=1e-12)


def test_an_interval_keeps_digits_near_both_bounds():
    unit = bij.Interval(0.0, 1.0)
    below = bij.Interval(-1.0, 0.0)

    np.testing.assert_allclose(unit.forward(-700.0), np.exp(-700.0), rtol=1e-13)
    np.testing.assert_allclose(below.forward(700.0), -np.exp(-700.0), rtol=1e-13)
    np.testing.assert_allclose(below.inverse(below.forward(700.0)), 700.0, rtol=1e-13)


def test_images_have_their_constraints():
    x = 5 * np.random.default_rng(0).normal(size=(100, 6))
    simplex, ordered = bij.Simplex().forward(x), bij.Ordered().forward(x)
    factor = bij.CorrelationCholesky().forward(x)
    correlation = factor @ factor.mT

    np.testing.assert_allclose(simplex.sum(-1), 1, rtol=1e-14)
    assert np.all(simplex > 0) and np.all(np.diff(ordered) > 0)
    np.testing.assert_allclose(np.diagonal(correlation, axis1=1, axis2=2), 1, rtol=1e-14)
    assert np.all(np.diagonal(factor, axis1=1, axis2=2) > 0)
    assert np.all(np.triu(factor, 1) == 0)
    np.testing.assert_allclose(bij.Simplex().forward(np.zeros(4)), 0.2, rtol=1e-14)


# trees


SPACE = bij.JointMap({"a": bij.Positive(), "b": (bij.Simplex(), bij.Identity())})
TREE = {"a": np.array([0.3, -1.0]), "b": (np.array([0.5, 0.1]), 2.0)}


def test_a_joint_map_is_its_parts():
    y, log_det = SPACE.forward_and_log_det(TREE)
    want = np.sum(TREE["a"]) + bij.Simplex().log_det(TREE["b"][0])

    np.testing.assert_allclose(y["b"][0], bij.Simplex().forward(TREE["b"][0]))
    assert y["b"][1] == 2.0 and log_det == pytest.approx(want) and np.ndim(log_det) == 0
    assert_same(fg.tree.map(np.asarray, TREE), SPACE.inverse(y), rtol=1e-14)


def test_a_bijector_is_a_tree_of_its_parameters():
    slope = fg.grad(lambda b: b.forward(0.5))(bij.Interval(0.0, 2.0))

    assert slope.low + slope.high == pytest.approx(1) and slope.low < slope.high
    assert fg.tree.leaves(SPACE) == []


def test_constrained_parameters_are_sampled():
    """Dirichlet (1, 2, 5) and gamma (3) by nuts; the moments are those of the distributions."""
    space = bij.JointMap({"p": bij.Simplex(), "s": bij.Positive()})

    def logdensity(x):
        y, log_det = space.forward_and_log_det(x)
        return np.log(y["p"]) @ np.array([0.0, 1.0, 4.0]) + 2 * np.log(y["s"]) - y["s"] + log_det

    start = space.inverse({"p": np.full(3, 1 / 3), "s": 1.0})
    draws = nuts(key(1), logdensity, start, 400, 200, backend="numpy").draws
    y = space.forward(draws)

    # four standard errors of some 1,000 effective draws
    np.testing.assert_allclose(y["p"].mean((0, 1)), [1 / 8, 2 / 8, 5 / 8], atol=0.02)
    np.testing.assert_allclose(y["s"].mean(), 3.0, atol=0.25)
    np.testing.assert_allclose(y["s"].var(), 3.0, atol=1.0)


# errors


def test_errors_name_the_bijector():
    with pytest.raises(ShapeError, match=r"Simplex: the argument must have at least one axis"):
        bij.Simplex().forward(1.0)
    with pytest.raises(
        ShapeError, match=r"CorrelationCholesky: .* 0, 1, 3, 6, 10, ...: got f64\[4"
    ):
        bij.CorrelationCholesky().forward(np.zeros(4))
    with pytest.raises(ShapeError, match=r"CovarianceCholesky: matrices must be square"):
        bij.CovarianceCholesky().inverse(np.zeros((2, 3)))
    with pytest.raises(DtypeError, match=r"Positive: the argument must be real: got c128\[\]"):
        bij.Positive().forward(1j)
    with pytest.raises(RangeError, match=r"Interval: low must be below high: got 1.0 and 0.0"):
        bij.Interval(1.0, 0.0)
    with pytest.raises(TreeError):
        SPACE.forward({"a": 1.0})
