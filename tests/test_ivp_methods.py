"""solve_ivp with SciPy's methods: its steps, derivatives, events, and the program under jit."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy.integrate import solve_ivp

METHODS = ["RK23", "RK45", "DOP853", "Radau", "BDF"]
IMPLICIT = ["Radau", "BDF"]
START = np.array([1.0, 2.0])


def predators(t, y, rate=1.3):
    return [rate * y[0] - y[0] * y[1], y[0] * y[1] - 3 * y[1] + np.sin(t) / 9]


def van_der_pol(t, y, mu):
    return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]


def robertson(t, y, k):
    slow, back, fast = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
    return [back - slow, slow - back - fast, fast]


def ball(t, y, g=9.81):
    return [y[1], -g]


def floor(t, y, *_):
    return y[0]


floor.terminal, floor.direction = True, -1


def matrix(fun):
    """The Jacobian as SciPy's methods take it."""
    return lambda t, y, *args: np.asarray(fg.jacfwd(lambda y: np.stack(fun(t, y, *args)))(y))


def central(f, x, e):
    """Central difference of fourth order."""
    slope = lambda e: (f(x + e) - f(x - e)) / (2 * e)
    return (4 * slope(e) - slope(2 * e)) / 3


# values: the steps are those of SciPy


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("span", [(0.0, 4.0), (2.0, 1.0)])
def test_steps_and_counts_are_those_of_scipy(method, span):
    theirs = pytest.importorskip("scipy.integrate").solve_ivp
    options = {"method": method, "rtol": 1e-5, "atol": 1e-8, "dense_output": True}
    given = {"jac": matrix(predators)} if method in IMPLICIT else {}
    want = theirs(predators, span, START, events=lambda t, y: y[0] - 1.5, **options, **given)
    got = solve_ivp(predators, span, START, events=lambda t, y: y[0] - 1.5, **options)
    times = np.linspace(*span, 9)

    np.testing.assert_allclose(got.t, want.t, rtol=1e-9)
    np.testing.assert_allclose(got.y, want.y, rtol=1e-9)
    np.testing.assert_allclose(got.sol(times), want.sol(times), rtol=1e-9)
    np.testing.assert_allclose(got.t_events[0], want.t_events[0], rtol=1e-9)
    np.testing.assert_allclose(got.y_events[0], want.y_events[0], rtol=1e-9)
    for field in ("nfev", "njev", "nlu", "status", "message", "success"):
        assert getattr(got, field) == getattr(want, field), field


def test_a_terminal_event_ends_the_solution_as_in_scipy():
    theirs = pytest.importorskip("scipy.integrate").solve_ivp
    third = lambda t, y: y[0] - 1.5
    third.terminal = 3
    want = theirs(predators, (0, 20), START, events=[floor, third], t_eval=np.arange(20.0))
    got = solve_ivp(predators, (0, 20), START, events=[floor, third], t_eval=np.arange(20.0))

    np.testing.assert_allclose(got.y, want.y, rtol=1e-9)
    np.testing.assert_allclose(got.t_events[1], want.t_events[1], rtol=1e-9)
    assert got.t_events[0].shape == want.t_events[0].shape and got.status == want.status == 1
    assert got.message == want.message


def test_edges_of_the_interval_and_of_the_solution():
    still = solve_ivp(predators, (0, 0), START, t_eval=[0.0])
    empty = solve_ivp(lambda t, y: y, (0, 1), np.zeros(0))
    blown = solve_ivp(lambda t, y: y * y, (0, 2), [1.0])
    turned = solve_ivp(lambda t, y: 1j * y, (0, 1), [1.0 + 0j], "BDF", rtol=1e-8, atol=1e-8)

    assert still.y.tolist() == [[1.0], [2.0]] and empty.y.shape == (0, 2)
    assert blown.status == -1 and not blown.success and "spacing" in blown.message
    assert abs(turned.y[0, -1] - np.exp(1j)) < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_the_dtype_of_the_solution_is_kept(method):
    got = solve_ivp(lambda t, y: -y, (0, 1), np.ones(2, np.float32), method)

    assert got.y.dtype == np.float32 and got.t.dtype == np.float64
    np.testing.assert_allclose(got.y[:, -1], np.exp(-1), rtol=5e-3)  # rtol in each step


# derivatives


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_agree_with_differences_and_between_modes(method):
    def loss(y0, rate, t0, t1):
        found = solve_ivp(predators, (t0, t1), y0, method, args=(rate,), rtol=1e-7, atol=1e-9)
        return found.y[0, -1] + found.y[1, -1] ** 2

    point = (START, 1.3, 0.1, 1.1)
    grads = fg.grad(loss, (0, 1, 2, 3))(*point)
    tangents = (np.ones(2), 1.0, 1.0, 1.0)
    rough = 2e-5 if method == "BDF" else 1e-6  # the error of the solution depends on the point

    for i in (1, 2, 3):
        along = lambda x, i=i: loss(*(x if k == i else p for k, p in enumerate(point)))
        np.testing.assert_allclose(grads[i], central(along, point[i], 1e-3), rtol=rough)
    total = sum(np.sum(g) for g in grads)
    np.testing.assert_allclose(fg.jvp(loss, point, tangents)[1], total, rtol=1e-11)


def test_second_derivatives_are_those_of_the_solution():
    tight = {"rtol": 1e-10, "atol": 1e-10}
    end = lambda rate: solve_ivp(lambda t, y: -rate * y, (0, 1), [1.0], "DOP853", **tight).y[0, -1]

    np.testing.assert_allclose(fg.grad(fg.grad(end))(0.7), np.exp(-0.7), rtol=1e-8)


def test_times_of_the_result_have_derivatives():
    times = np.array([0.3, 0.9])
    f = lambda ts: solve_ivp(lambda t, y: -y, (0, 1), [1.0], t_eval=ts, rtol=1e-9).y[0]

    np.testing.assert_allclose(np.diag(fg.jacrev(f)(times)), -np.exp(-times), rtol=1e-5)


@pytest.mark.parametrize("states", [3, "log"])
def test_snapshots_change_no_derivative(states):
    f = lambda rate, k: solve_ivp(predators, (0, 3), START, args=(rate,), checkpoint=k).y[0, -1]

    np.testing.assert_allclose(fg.grad(f)(1.3, states), fg.grad(f)(1.3, None), rtol=1e-12)


def test_a_right_hand_side_may_branch_on_values():
    branching = lambda t, y, rate: -rate * y if y[0] > 0.5 else -y
    tight = {"rtol": 1e-9, "atol": 1e-9}
    end = lambda rate: solve_ivp(branching, (0, 0.3), [1.0], args=(rate,), **tight).y[0, -1]

    np.testing.assert_allclose(fg.grad(end)(1.1), -0.3 * np.exp(-0.33), rtol=1e-7)


def test_a_closure_that_shows_its_traced_value_late_is_followed():
    late = lambda rate: lambda t, y: -y if t < 0.1 else -rate * y
    end = lambda rate: solve_ivp(late(rate), (0, 0.5), [1.0], rtol=1e-9, max_step=0.1).y[0, -1]

    np.testing.assert_allclose(fg.grad(end)(1.0), central(end, 1.0, 1e-4), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_program_under_jit_and_vmap_takes_the_same_steps(method):
    times = np.array([0.2, 0.7, 1.0])
    f = lambda rate: solve_ivp(predators, (0, 1), START, method, times, args=(rate,)).y

    np.testing.assert_allclose(fg.jit(f)(1.3), f(1.3), rtol=1e-10)
    if method in ("RK45", "BDF"):
        rates = np.array([1.3, 0.4])
        np.testing.assert_allclose(fg.vmap(f)(rates), [f(r) for r in rates], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_gradients_of_the_program_are_those_of_the_steps(method):
    f = lambda rate: solve_ivp(predators, (0, 1), START, method, args=(rate,)).y[0, -1] ** 2

    want = [fg.grad(f)(r) for r in (1.3, 0.4)]
    np.testing.assert_allclose(fg.jit(fg.grad(f))(1.3), want[0], rtol=1e-9)
    np.testing.assert_allclose(fg.vmap(fg.grad(f))(np.array([1.3, 0.4])), want, rtol=1e-8)


def test_the_program_says_by_nan_and_status_where_it_cannot_go_on():
    found = lambda y: solve_ivp(lambda t, y: y * y, (0, 2), y)
    y, status = fg.jit(lambda y: (found(y).y, found(y).status))(np.ones(1))

    assert y[0, 0] == 1 and np.isnan(y[0, 1]) and status == -1


# stiff problems


@pytest.mark.slow
def test_gradients_of_robertson_and_van_der_pol_are_central_differences():
    rates, tight = np.array([0.04, 1e4, 3e7]), {"rtol": 1e-10, "atol": 1e-14}
    reactant = lambda k: solve_ivp(robertson, (0, 1e3), [1.0, 0, 0], "Radau", args=(k,), **tight).y[
        1, -1
    ]
    stiff = lambda mu: solve_ivp(
        van_der_pol, (0, 1500.0), [2.0, 0.0], "Radau", args=(mu,), rtol=1e-10, atol=1e-10
    ).y[0, -1]
    got = fg.grad(reactant)(rates)

    for i, unit in enumerate(np.eye(3)):
        along = lambda x, unit=unit: reactant(rates * (1 + x * unit))
        np.testing.assert_allclose(got[i] * rates[i], central(along, 0.0, 1e-3), rtol=1e-6)
    np.testing.assert_allclose(fg.grad(stiff)(1e3), central(stiff, 1e3, 0.1), rtol=1e-6)


@pytest.mark.parametrize("method", IMPLICIT)
def test_a_stiff_relaxation_keeps_its_derivative(method):
    fun = lambda t, y, mu: -mu * (y - np.cos(t))
    end = lambda mu: solve_ivp(fun, (0, 1), [2.0], method, args=(mu,), rtol=1e-8, atol=1e-10).y
    exact = lambda mu: mu * (mu * np.cos(1.0) + np.sin(1.0)) / (mu * mu + 1)

    np.testing.assert_allclose(
        fg.jvp(end, (1e3,), (1.0,))[1][0, -1], fg.grad(exact)(1e3), rtol=1e-4
    )


def test_a_sparse_jacobian_takes_the_same_steps():
    n = 12
    places = np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)
    heat = lambda t, y: (
        40.0
        * np.concatenate([y[1:2] - 2 * y[:1], y[2:] - 2 * y[1:-1] + y[:-2], y[-2:-1] - 2 * y[-1:]])
    )
    y0 = np.sin(np.arange(n))
    want, got, given = (
        solve_ivp(heat, (0, 1), y0, "BDF", **options)
        for options in (
            {},
            {"jac_sparsity": places},
            {"jac": matrix(lambda t, y: [heat(t, y)])(0, y0)[0]},
        )
    )

    np.testing.assert_allclose(got.y, want.y, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(given.y, want.y, rtol=1e-10, atol=1e-13)


# events


def test_the_time_of_a_bounce_has_its_derivatives():
    def third(height, speed, g, kept=0.8):
        t, y = 0.0, np.stack([height, speed])
        for _ in range(3):
            found = solve_ivp(ball, (t, t + 100.0), y, events=floor, args=(g,))
            t, y = found.t_events[0][0], np.stack([0.0, -kept * found.y_events[0][0, 1]])
        return t

    def exact(height, speed, g, kept=0.8):
        fast = np.sqrt(speed**2 + 2 * g * height)
        return (speed + fast + 2 * kept * fast + 2 * kept**2 * fast) / g

    point = (1.0, 3.0, 9.81)
    first = lambda h: solve_ivp(ball, (0, 9), np.stack([h, 0.0]), events=floor).t_events[0][0]
    np.testing.assert_allclose(third(*point), exact(*point), rtol=1e-12)
    np.testing.assert_allclose(
        fg.grad(third, (0, 1, 2))(*point), fg.grad(exact, (0, 1, 2))(*point), rtol=1e-10
    )
    np.testing.assert_allclose(fg.hessian(first)(1.0), -0.25 * np.sqrt(2 / 9.81), rtol=1e-10)


# errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "LSODA"}, r"method 'LSODA' is a Fortran code .*; use method='BDF'"),
        ({"method": "Euler"}, "method must be one of 'RK23', 'RK45', .*: got 'Euler'"),
        ({"rtol": -1e-3}, "rtol must be at least 0"),
        ({"atol": [1e-3, -1e-3]}, "atol must be at least 0"),
        ({"max_step": 0.0}, "max_step must be positive: got 0.0"),
        ({"first_step": 2.0}, "first_step must be positive, and at most the interval: got 2.0"),
        ({"t_eval": [0.5, 0.2]}, "t_eval must be sorted, from 0.0 to 1.0"),
        ({"method": "BDF", "jac": np.eye(3)}, r"jac must be 2 by 2: got f64\[3,3\]"),
        ({"method": "Taylor", "jac": np.eye(2)}, "method 'Taylor' takes no jac"),
    ],
)
def test_a_wrong_option_is_refused(options, words):
    with pytest.raises((ValueError, fg.errors.UnsupportedError), match=words):
        solve_ivp(predators, (0, 1), START, **options)


def test_what_needs_known_steps_is_refused_under_jit():
    for options in ({"events": floor}, {"dense_output": True}):
        with pytest.raises(fg.errors.UnsupportedError, match="call it outside of jit and vmap"):
            fg.jit(lambda y, options=options: solve_ivp(ball, (0, 1), y, **options).y)(START)
    with pytest.raises(fg.errors.UnsupportedError, match="'Radau' takes real y0"):
        solve_ivp(lambda t, y: 1j * y, (0, 1), [1j], "Radau")
    with pytest.raises(fg.errors.ShapeError, match=r"y0 must be a vector: got f64\[\]"):
        solve_ivp(ball, (0, 1), 1.0)


@pytest.mark.parametrize("method", ["RK45", "Radau"])
def test_the_adjoint_equation_has_the_derivatives_of_the_steps(method):
    def loss(y0, rate, adjoint):
        tight = {"rtol": 1e-9, "atol": 1e-9, "t_eval": [0.2, 0.5], "adjoint": adjoint}
        return np.sum(solve_ivp(predators, (0, 0.5), y0, method, args=(rate,), **tight).y ** 2)

    want, got = (fg.grad(loss, (0, 1))(START, 1.3, adjoint) for adjoint in (False, True))
    for x, y in zip(got, want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)
    if method == "RK45":
        with pytest.raises(fg.errors.UnsupportedError, match="no derivatives of second order"):
            fg.grad(fg.grad(loss, 1), 1)(START, 1.3, True)
        with pytest.raises(fg.errors.UnsupportedError, match="leave adjoint out"):
            fg.jit(loss, static_argnums=2)(START, 1.3, True)
