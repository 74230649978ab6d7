"""solve_ivp: Taylor steps of an initial value problem, and derivatives through them."""

import functools

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import integrate

solve_ivp = functools.partial(integrate.solve_ivp, method="Taylor")
TIGHT = {"rtol": 1e-15, "atol": 1e-15}


def oscillator(t, y, rate=1.0):
    return [y[1], -rate * rate * y[0]]


def kepler(t, y):
    q, p = y[:2], y[2:]
    r = np.sqrt(q @ q)
    return np.concatenate([p, -q / r**3])


def energy(y):
    return (y[2] ** 2 + y[3] ** 2) / 2 - 1 / np.hypot(y[0], y[1])


def orbit(turns, eccentricity):
    far = np.sqrt((1 + eccentricity) / (1 - eccentricity))
    y0 = np.array([1 - eccentricity, 0.0, 0.0, far])
    return solve_ivp(kepler, (0, 2 * np.pi * turns), y0, **TIGHT)


def check_orbit(turns, eccentricity):
    y = orbit(turns, eccentricity).y

    np.testing.assert_allclose(energy(y), energy(y[:, 0]), rtol=1e-13)
    np.testing.assert_allclose(y[:, -1], y[:, 0], atol=1e-10)


def test_a_circular_orbit_keeps_energy_and_position():
    check_orbit(2, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("eccentricity", [0.0, 0.3, 0.6])
def test_an_orbit_of_100_turns_keeps_energy_and_position(eccentricity):
    check_orbit(100, eccentricity)


def test_the_solution_has_the_tolerance():
    for rtol in (1e-3, 1e-6, 1e-9):
        got = solve_ivp(oscillator, (0, 3), [1.0, 0.0], rtol=rtol, atol=rtol)
        want = [np.cos(got.t), -np.sin(got.t)]

        assert got.success and got.t[0] == 0 and got.t[-1] == 3
        np.testing.assert_allclose(got.y, want, atol=3 * got.nfev * rtol)


def test_times_and_dense_output_agree_with_the_solution():
    times = np.linspace(0, 5, 7)
    got = solve_ivp(oscillator, (0, 5), [1.0, 0.0], t_eval=times, dense_output=True, **TIGHT)
    back = solve_ivp(
        oscillator, (5, 0), got.y[:, -1], t_eval=times[::-1], dense_output=True, **TIGHT
    )

    np.testing.assert_array_equal(got.t, times)
    np.testing.assert_allclose(got.y, [np.cos(times), -np.sin(times)], atol=1e-13)
    np.testing.assert_allclose(got.sol(times), got.y, atol=1e-14)
    np.testing.assert_allclose(got.sol(1.3), [np.cos(1.3), -np.sin(1.3)], atol=1e-14)
    np.testing.assert_allclose(back.y, got.y[:, ::-1], atol=1e-13)
    np.testing.assert_allclose(back.sol(times), got.y, atol=1e-13)


def test_many_times_cost_one_evaluation_for_each_step():
    times = np.linspace(0, 1, 20_001)
    got = solve_ivp(oscillator, (0, 1), [1.0, 0.0], t_eval=times)
    none = solve_ivp(oscillator, (0, 1), [1.0, 0.0], t_eval=[])
    still = solve_ivp(oscillator, (0, 0), [1.0, 0.0], t_eval=[0])

    assert got.nfev < 20 and got.y.shape == (2, 20_001)
    assert none.y.shape == (2, 0) and still.y.tolist() == [[1.0], [0.0]]


def test_an_equation_that_depends_on_time():
    got = solve_ivp(lambda t, y: np.cos(t) * y, (0, 2), [1.0, 2.0], **TIGHT)
    blown = solve_ivp(lambda t, y: y * y, (0, 2), [1.0])

    np.testing.assert_allclose(got.y[:, -1], np.exp(np.sin(2)) * np.array([1, 2]), rtol=1e-14)
    assert not blown.success and blown.status == -1 and abs(blown.t[-1] - 1) < 0.01
    assert "not finite" in solve_ivp(lambda t, y: np.sqrt(y), (0, 1), [0.0]).message


def test_dtypes_are_kept():
    single = solve_ivp(lambda t, y: -y, (0, 1), np.ones(2, np.float32))
    turned = solve_ivp(lambda t, y: 1j * y, (0, 1), np.ones(1, complex), **TIGHT)
    whole = solve_ivp(lambda t, y: -y, (0, 1), [1, 2])

    assert single.y.dtype == np.float32 and whole.y.dtype == np.float64
    np.testing.assert_allclose(turned.y[0, -1], np.exp(1j), rtol=1e-14)


def test_derivatives_are_those_of_the_solution():
    end = lambda y0, rate, t1: solve_ivp(
        lambda t, y: oscillator(t, y, rate), (0, t1), y0, **TIGHT
    ).y[0, -1]
    by_start, by_rate, by_end = fg.grad(end, argnums=(0, 1, 2))(np.array([1.0, 0.0]), 2.0, 1.5)
    of_args = lambda rate: solve_ivp(oscillator, (0, 1.5), [1.0, 0.0], args=(rate,), **TIGHT).y[
        0, -1
    ]

    np.testing.assert_allclose(by_start, [np.cos(3), np.sin(3) / 2], atol=1e-13)
    np.testing.assert_allclose([by_rate, by_end], [-1.5 * np.sin(3), -2 * np.sin(3)], rtol=1e-12)
    np.testing.assert_allclose(fg.jvp(of_args, (2.0,), (1.0,))[1], by_rate, rtol=1e-12)
    np.testing.assert_allclose(fg.grad(fg.grad(of_args))(2.0), -(1.5**2) * np.cos(3), rtol=1e-12)


def test_a_right_hand_side_may_branch_and_loop():
    branching = lambda t, y: -y if y[0] > 0 else y
    looping = lambda t, y: fg.lax.fori_loop(0, 2, lambda i, s: s - y / 2, np.zeros(1))
    for fun in (branching, looping):
        got = solve_ivp(fun, (0, 3), [1.0], max_step=0.1, **TIGHT)

        np.testing.assert_allclose(got.y[0, -1], np.exp(-3), rtol=1e-13)


@pytest.mark.peers
def test_solutions_are_those_of_scipy():
    theirs = pytest.importorskip("scipy.integrate").solve_ivp
    lorenz = lambda t, y, s: [s * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - y[2]]
    options = {"t_eval": [0.5, 1.0], "args": (10.0,), "rtol": 1e-12, "atol": 1e-12}
    want = theirs(lorenz, (0, 1), [1.0, 1.0, 1.0], method="DOP853", **options)
    got = solve_ivp(lorenz, (0, 1), [1.0, 1.0, 1.0], **options)

    np.testing.assert_allclose(got.y, want.y, rtol=1e-9)


def test_errors_say_the_cause_and_the_cure():
    y0 = [1.0, 0.0]
    with pytest.raises(fg.errors.UnsupportedError, match=r"takes no events: .*use method='DOP853'"):
        solve_ivp(oscillator, (0, 1), y0, events=lambda t, y: y[0])
    with pytest.raises(
        fg.errors.ShapeError, match=r"y0 must be a vector: got f64\[\]; write \[y0\]"
    ):
        solve_ivp(oscillator, (0, 1), np.float64(1.0))
    with pytest.raises(fg.errors.ShapeError, match=r"with the shape of y, f64\[2\]: got f64\[1\]"):
        solve_ivp(lambda t, y: [y[0]], (0, 1), y0)
    with pytest.raises(ValueError, match=r"t_eval must be sorted, from 0\.0 to 1\.0"):
        solve_ivp(oscillator, (0, 1), y0, t_eval=[0.5, 2.0])
    with pytest.raises(fg.errors.ConcretizationError, match="use method='DOP853'"):
        fg.jit(lambda y0: solve_ivp(oscillator, (0, 1), y0).y)(np.array(y0))
    with pytest.raises(fg.errors.ConcretizationError, match="use method='DOP853'"):
        fg.vmap(lambda y0: solve_ivp(oscillator, (0, 1), y0).y)(np.ones((3, 2)))
    with pytest.raises(fg.errors.ConcretizationError, match="the values that fun uses"):
        fg.jit(lambda a: solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y)(2.0)
    with pytest.raises(fg.errors.ConcretizationError, match="t_span must be concrete"):
        fg.jit(lambda end: solve_ivp(oscillator, (0, end), y0).y)(1.0)
    with pytest.raises(fg.errors.ConcretizationError, match="t_eval must be concrete"):
        fg.jit(lambda ts: solve_ivp(oscillator, (0, 1), y0, t_eval=ts).y)(np.ones(1))
