"""scipy.optimize: derivatives of solutions, with bounds and constraints; solvers as programs."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ShapeError, UnsupportedError
from funcgrad.scipy import optimize

RNG = np.random.default_rng(3)
TIMES = np.linspace(0, 2, 9)
DATA = 2 * np.exp(-1.3 * TIMES) + 0.1 * np.sin(9 * TIMES)
TIGHT = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}


def central(f, x, e=1e-3):
    """Jacobian by central differences of fourth order."""
    x = np.asarray(x, float)
    columns = []
    for i in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[i] = e
        slope = lambda k, d=unit: (
            (np.asarray(f(x + k * d)) - np.asarray(f(x - k * d))) / (2 * k * e)
        )
        columns.append((4 * slope(1) - slope(2)) / 3)
    return np.moveaxis(
        np.reshape(columns, (*x.shape, *np.shape(columns[0]))), range(x.ndim), range(-x.ndim, 0)
    )


def program(n, p, m):
    """A feasible quadratic program."""
    half = RNG.normal(size=(n, n))
    a, g, x = RNG.normal(size=(p, n)), RNG.normal(size=(m, n)), RNG.normal(size=n) / 9
    return (
        half @ half.T + 0.1 * np.eye(n),
        RNG.normal(size=n),
        a,
        a @ x,
        g,
        g @ x + RNG.uniform(0.05, 0.5, m),
    )


# quadratic programs


@pytest.mark.parametrize(("n", "p", "m"), [(5, 1, 6), (3, 0, 0), (6, 1, 12), (4, 3, 0)])
def test_the_solution_of_a_quadratic_program_has_its_derivatives(n, p, m):
    args = program(n, p, m)
    weights = np.arange(1, n + 1)
    f = lambda q, *rest: np.sum(optimize.solve_qp((q + q.T) / 2, *rest).x ** 2 * weights)
    found = optimize.solve_qp(*args)
    grads = fg.grad(f, tuple(range(6)))(*args)

    q, c, a, b, g, h = args
    lagrangian = q @ found.x + c + a.T @ found.equality + g.T @ found.inequality
    np.testing.assert_allclose(lagrangian, 0, atol=1e-10)
    np.testing.assert_allclose(a @ found.x, b, atol=1e-12)
    assert found.success and np.all(g @ found.x <= h + 1e-12) and np.all(found.inequality >= 0)
    rng = np.random.default_rng(0)
    for k in range(1, 6):
        for t in rng.normal(size=(3, *args[k].shape)) if args[k].size else ():
            moved = lambda e, k=k, t=t: [x + e * t if i == k else x for i, x in enumerate(args)]
            slope = central(lambda e, moved=moved: f(*moved(e)), 0.0, 1e-5)
            np.testing.assert_allclose(np.sum(grads[k] * t), slope, atol=1e-8, rtol=1e-7)


def test_the_solution_of_a_quadratic_program_is_that_of_scipy():
    theirs = pytest.importorskip("scipy.optimize")
    q, c, a, b, g, h = program(5, 1, 6)
    limits = [
        theirs.LinearConstraint(a, b, b), theirs.LinearConstraint(g, np.full(6, -np.inf), h)
    ]  # fmt: skip
    want = theirs.minimize(
        lambda x: x @ q @ x / 2 + c @ x, np.zeros(5), method="SLSQP", constraints=limits, tol=1e-14
    )

    np.testing.assert_allclose(optimize.solve_qp(q, c, a, b, g, h).x, want.x, atol=1e-6)


def test_many_programs_are_solved_at_once():
    several = [program(3, 1, 4) for _ in range(6)]
    args = [np.stack(x) for x in zip(*several, strict=True)]
    found = fg.jit(fg.vmap(optimize.solve_qp))(*args)
    slopes = fg.vmap(fg.jacrev(lambda c, *rest: optimize.solve_qp(rest[0], c, *rest[1:]).x))
    one = fg.jacrev(lambda c, *rest: optimize.solve_qp(rest[0], c, *rest[1:]).x)

    assert found.success.all()
    np.testing.assert_allclose(found.x, [optimize.solve_qp(*x).x for x in several], atol=1e-10)
    np.testing.assert_allclose(
        slopes(args[1], args[0], *args[2:])[5],
        one(args[1][5], args[0][5], *(x[5] for x in args[2:])), atol=1e-9,
    )  # fmt: skip


@pytest.mark.slow
def test_a_thousand_programs_are_solved_and_differentiated():
    several = [program(4, 0, 6) for _ in range(1000)]
    args = [np.stack(x) for x in zip(*several, strict=True)]
    f = lambda c, *rest: optimize.solve_qp(rest[0], c, *rest[1:])
    found = fg.jit(fg.vmap(f))(args[1], args[0], *args[2:])
    grads = fg.jit(fg.vmap(fg.grad(lambda *xs: np.sum(f(*xs).x ** 2))))(args[1], args[0], *args[2:])

    assert found.success.all() and np.isfinite(grads).all()


def test_edges_of_quadratic_programs():
    linear = optimize.solve_qp(
        np.zeros((2, 2)), np.array([1.0, 2.0]), np.ones((1, 2)), np.ones(1), bounds=(0.0, np.inf)
    )
    free = optimize.solve_qp(np.zeros((2, 2)), np.array([1.0, -2.0]), bounds=(0.0, np.inf))
    empty = optimize.solve_qp(
        np.eye(1), np.ones(1), G=np.array([[1.0], [-1.0]]), h=np.array([-1.0, -1.0])
    )
    single = optimize.solve_qp(np.eye(2, dtype="f4"), np.ones(2, "f4"), bounds=(-0.5, np.inf))

    np.testing.assert_allclose(linear.x, [1, 0], atol=1e-12)
    for failed in (free, empty):
        assert not failed.success and np.isnan(failed.x).all()
    assert single.x.dtype == np.float32
    np.testing.assert_allclose(single.x, [-0.5, -0.5], atol=1e-5)
    with pytest.raises(ShapeError, match=r"G must be \[., 2\] for c f64\[2\]: got f64\[1,3\]"):
        optimize.solve_qp(np.eye(2), np.ones(2), G=np.ones((1, 3)), h=np.ones(1))
    with pytest.raises(ShapeError, match="A and b must have equally many rows"):
        optimize.solve_qp(np.eye(2), np.ones(2), np.ones((1, 2)), np.ones(2))


# scalars


@pytest.mark.parametrize("method", ["brentq", "bisect", "newton", "secant"])
def test_a_root_has_its_derivatives_under_every_transform(method):
    where = {"bracket": (0.0, 5.0)} if method[0] == "b" else {"x0": 1.5}
    f = lambda a: optimize.root_scalar(lambda x, a: x**3 - a, a, method, xtol=1e-13, **where).root

    np.testing.assert_allclose(f(2.0), 2 ** (1 / 3), rtol=1e-12)
    np.testing.assert_allclose(fg.grad(f)(2.0), 2 ** (-2 / 3) / 3, rtol=1e-12)
    np.testing.assert_allclose(fg.grad(fg.grad(f))(2.0), -2 * 2 ** (-5 / 3) / 9, rtol=1e-11)
    np.testing.assert_allclose(fg.jit(fg.vmap(fg.grad(f)))(np.array([1.0, 8.0])), [1 / 3, 1 / 12])


@pytest.mark.parametrize("bounds", [None, (0.0, 1.0), (-1.0, 4.0)])
def test_a_minimum_of_a_scalar_is_that_of_scipy(bounds):
    theirs = pytest.importorskip("scipy.optimize")
    f = lambda x, a: (x - a) ** 2 + np.sin(3 * x)
    method = {"method": "bounded"} if bounds else {}
    want = theirs.minimize_scalar(f, bounds=bounds, args=(2.0,), **method)
    found = lambda a: optimize.minimize_scalar(f, bounds=bounds, args=(a,)).x

    np.testing.assert_allclose(found(2.0), want.x, atol=1e-5)
    np.testing.assert_allclose(fg.grad(found)(2.0), central(found, 2.0), atol=1e-8)
    np.testing.assert_allclose(fg.jit(found)(2.0), found(2.0), rtol=1e-14)


def test_a_minimum_at_a_bound_moves_with_it():
    f = lambda b: optimize.minimize_scalar(np.exp, bounds=(b, 3.0)).x

    assert f(-1.0) == -1.0 and fg.grad(f)(-1.0) == 1.0


# solutions of SciPy's solvers


def test_a_minimum_with_constraints_has_the_derivatives_of_its_quadratic_program():
    pytest.importorskip("scipy.optimize")
    q, c, a, b, g, h = program(4, 1, 3)

    def found(c, h, low):
        limits = [
            {"type": "eq", "fun": lambda x: a @ x - b}, {"type": "ineq", "fun": lambda x: h - g @ x}
        ]  # fmt: skip
        fun = lambda x: x @ q @ x / 2 + c @ x
        return optimize.minimize(
            fun,
            np.zeros(4),
            method="SLSQP",
            bounds=[(low, None)] * 4,
            constraints=limits,
            tol=1e-13,
        ).x

    want = lambda c, h, low: optimize.solve_qp(q, c, a, b, g, h, bounds=(low, np.inf)).x
    for low in (-0.05, -5.0):
        for transform in (fg.jacfwd, fg.jacrev):
            got = transform(found, (0, 1, 2))(c, h, low)
            for x, y in zip(got, fg.jacrev(want, (0, 1, 2))(c, h, low), strict=True):
                np.testing.assert_allclose(x, y, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Constraint options")
def test_constraints_of_scipy_have_derivatives_in_their_limits():
    theirs = pytest.importorskip("scipy.optimize")

    def found(r):
        limits = [
            theirs.NonlinearConstraint(lambda x: x["a"] ** 2 + x["b"] ** 2, -np.inf, r),
            theirs.LinearConstraint(np.array([[1.0, -1.0]]), -9.0, 9.0),
        ]
        fun = lambda x: (x["a"] - 3) ** 2 + (x["b"] - 4) ** 2
        start = {"a": 0.5, "b": 0.5}
        return optimize.minimize(fun, start, method="SLSQP", constraints=limits, tol=1e-13).x

    slope = fg.jacrev(found)(4.0)  # at (1.2, 1.6), r = 4: radius sqrt(r)

    np.testing.assert_allclose([slope["a"], slope["b"]], [0.15, 0.2], rtol=1e-8)
    second = fg.grad(fg.grad(lambda r: found(r)["a"]))(4.0)
    np.testing.assert_allclose(second, -0.6 / 4 * 4 ** (-1.5), rtol=1e-6)


@pytest.mark.parametrize(
    "loss", ["linear", *(pytest.param(n, marks=pytest.mark.slow) for n in ("soft_l1", "cauchy"))]
)
def test_a_bounded_fit_has_its_derivatives(loss):
    pytest.importorskip("scipy.optimize")

    def fit(y, low):
        bounds = (np.stack([0.0, low]), [5.0, 3.0])
        residuals = lambda p: p[0] * np.exp(-p[1] * TIMES) - y
        return optimize.least_squares(
            residuals, np.array([1.0, 2.0]), None, bounds, loss=loss, **TIGHT
        ).x

    np.testing.assert_allclose(
        fg.jacrev(fit)(DATA, 1.5), central(lambda y: fit(y, 1.5), DATA, 3e-2), atol=1e-6
    )
    np.testing.assert_allclose(
        fg.jacfwd(fit, 1)(DATA, 1.5), central(lambda b: fit(DATA, b), 1.5), atol=1e-8
    )
    free = fg.jacrev(fit)(DATA, 0.1)
    slope = lambda y: fg.grad(lambda p: optimize_cost(p, y, loss))
    exact = lambda y, p: optimize.root(slope(y), p, tol=1e-14).x
    stationary = fg.jacrev(exact)(DATA, fit(DATA, 0.1))
    np.testing.assert_allclose(free, stationary, atol=1e-8)


def optimize_cost(p, y, loss):
    z = (p[0] * np.exp(-p[1] * TIMES) - y) ** 2
    rho = {"linear": z, "soft_l1": 2 * (np.sqrt(1 + z) - 1), "cauchy": np.log1p(z)}[loss]
    return np.sum(rho) / 2


@pytest.mark.parametrize(
    "options", [{}, {"sigma": np.linspace(0.1, 0.2, 9), "absolute_sigma": True}]
)
def test_curve_fit_is_that_of_scipy_with_derivatives(options):
    theirs = pytest.importorskip("scipy.optimize").curve_fit
    decay = lambda t, a, b, c: a * np.exp(-b * t) + c
    fit = lambda y: optimize.curve_fit(decay, TIMES, y, **options, **TIGHT | {"ftol": 1e-14})
    for got, want in zip(fit(DATA), theirs(decay, TIMES, DATA, **options), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4)  # of SciPy's tolerance

    np.testing.assert_allclose(
        fg.jacrev(lambda y: fit(y)[0])(DATA), central(lambda y: fit(y)[0], DATA, 1e-2), atol=1e-5
    )


def test_linear_programs_are_those_of_scipy():
    scipy = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(5)
    for k in range(60):
        n, m = rng.integers(1, 7), rng.integers(1, 7)
        x = rng.random(n)
        a, c = rng.normal(size=(m, n)), rng.normal(size=n)
        a, c = (np.round(a), np.round(c)) if k % 3 == 0 else (a, c)  # optima that are not unique
        given = {
            "A_ub": a,
            "b_ub": a @ x + rng.random(m) * (rng.random(m) > 0.3),
            "bounds": [(0, None), (0, 1), [(-1, 2)] * n][k % 3],
        }
        given |= {"A_eq": np.ones((1, n)), "b_eq": x.sum()[None]} if k % 2 else {}
        want, got = scipy.linprog(c, **given), optimize.linprog(c, **given)

        assert want.success == bool(got.success)  # some are not bounded
        if want.success:
            np.testing.assert_allclose(got.fun, want.fun, rtol=1e-7, atol=1e-9)
            assert np.all(got.slack > -1e-7) and np.all(np.abs(got.con) < 1e-7)
    corner = lambda b: optimize.linprog([-1.0, -2.0], A_ub=[[1.0, 1.0]], b_ub=b, bounds=(0, 3)).x
    np.testing.assert_allclose(fg.jacrev(corner)(np.array([4.0])), [[1], [0]], atol=1e-9)


def test_linear_least_squares_with_bounds_are_those_of_scipy():
    scipy = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(6)
    for _ in range(30):
        n = rng.integers(1, 7)
        a, b = rng.normal(size=(n + 3, n)) * 10.0 ** rng.uniform(-2, 2, n), rng.normal(size=n + 3)
        want, got = scipy.nnls(a, b), optimize.nnls(a, b)
        for x, y in zip(want, got, strict=True):
            np.testing.assert_allclose(y, x, rtol=1e-6, atol=1e-9 * np.abs(x).max())
    low, high = -0.1 * np.ones(3), 0.1 * np.ones(3)
    a, b = rng.normal(size=(6, 3)), rng.normal(size=6)
    solved = lambda a, b, low, high: optimize.lsq_linear(a, b, (low, high)).x
    np.testing.assert_allclose(
        solved(a, b, low, high), scipy.lsq_linear(a, b, (low, high), tol=1e-12).x, atol=1e-8
    )
    fg.check_grads(solved, (a, b, low, high), order=1)
    rows = rng.normal(size=(4, 6))
    np.testing.assert_allclose(
        fg.jit(fg.vmap(lambda b: optimize.nnls(a, b)[0]))(rows),
        [optimize.nnls(a, b)[0] for b in rows], atol=1e-12,
    )  # fmt: skip


def test_older_interfaces_give_scipys_results():
    scipy = pytest.importorskip("scipy.optimize")
    curve = lambda x: [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]
    line = lambda p, t: p[0] * t + p[1] - np.sin(t)

    np.testing.assert_allclose(optimize.fsolve(curve, [1, 1]), scipy.fsolve(curve, [1, 1]), 1e-9)
    assert optimize.fsolve(curve, [1, 1], full_output=True)[2] == 1
    root = lambda a: optimize.fsolve(lambda x: x**2 - a, [1.0])[0]
    np.testing.assert_allclose(fg.grad(root)(2.0), 8**-0.5, rtol=1e-9)
    with pytest.warns(RuntimeWarning, match="not making good progress"):
        optimize.fsolve(lambda x: x**2 + 1.0, [1.0])
    for ours, theirs in zip(
        optimize.leastsq(line, [0, 0], (TIMES,), full_output=True)[:2],
        scipy.leastsq(line, [0, 0], (TIMES,), full_output=True)[:2], strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


# programs


def test_lists_and_integers_are_arrays_of_floats_as_in_scipy():
    scipy = pytest.importorskip("scipy.optimize")
    square = lambda x: np.sum((x - 2.0) ** 2) + 0 * x[0]  # of a vector
    circle = lambda x: [x[0] * x[0] + x[1] ** 2 - 4, x[0] - x[1]]

    for start in ([1, 2], (1, 2), np.array([1, 2]), [1.0, 2]):
        np.testing.assert_allclose(optimize.minimize(square, start).x, [2, 2], rtol=1e-6)
        np.testing.assert_allclose(optimize.root(circle, start).x, 2**0.5, rtol=1e-9)
        fit = optimize.least_squares(circle, start, **TIGHT)
        np.testing.assert_allclose(fit.x, scipy.least_squares(circle, start, **TIGHT).x, rtol=1e-9)
    moved = lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), [1, 2]).x.sum()
    np.testing.assert_allclose(fg.grad(moved)(3.0), 2, rtol=1e-9)


@pytest.mark.parametrize("bounds", [([0, 0, -np.inf], [2.5, 9, np.inf]), (0, np.inf), (-np.inf, 3)])
def test_curve_fit_starts_within_its_bounds_as_scipys(bounds):
    scipy = pytest.importorskip("scipy.optimize")
    curve = lambda x, *p: p[0] * np.exp(-p[1] * x) + p[2]
    three = lambda x, a, b, c: curve(x, a, b, c)

    want, _ = scipy.curve_fit(three, list(TIMES), list(DATA), bounds=bounds)
    np.testing.assert_allclose(
        optimize.curve_fit(three, list(TIMES), list(DATA), bounds=bounds)[0],
        want,
        rtol=1e-6,
        atol=1e-9,
    )
    if np.ndim(bounds[0]):  # their number is known from the bounds
        got, _ = optimize.curve_fit(curve, TIMES, DATA, bounds=bounds)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


def test_minimize_runs_under_jit_and_vmap_with_bounds():
    pytest.importorskip("scipy.optimize")
    rosenbrock = lambda x, a: a * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    found = lambda a, high: (
        optimize.minimize(
            rosenbrock,
            np.array([-1.2, 0.5]),
            (a,),
            "L-BFGS-B",
            bounds=[(None, high), (None, None)],
            tol=1e-12,
        ).x
    )
    for high in (0.7, 2.0):
        np.testing.assert_allclose(fg.jit(found)(10.0, high), found(10.0, high), atol=1e-5)
        want = fg.jacfwd(found, 1)(10.0, high)
        np.testing.assert_allclose(fg.jit(fg.jacfwd(found, 1))(10.0, high), want, atol=1e-8)
    both = fg.vmap(found)(np.array([10.0, 100.0]), np.array([0.7, 2.0]))
    np.testing.assert_allclose(both, [[0.7, 0.49], [1.0, 1.0]], atol=1e-6)
    with pytest.raises(UnsupportedError, match="call it outside of jit and vmap"):
        fg.jit(lambda x: optimize.minimize(lambda x: x @ x, x, method="Powell").x)(np.ones(2))


def test_constraints_are_objects_of_ours_or_of_scipy():
    scipy = pytest.importorskip("scipy.optimize")
    ones = np.ones((1, 2))
    loss = lambda x: ((x - np.array([2.0, 1.0])) ** 2).sum()

    def solved(kinds, most):
        inside = [kinds.LinearConstraint(ones, -1.0, most),
                  kinds.NonlinearConstraint(lambda x: (x**2).sum(), -np.inf, 4.0)]  # fmt: skip
        return optimize.minimize(loss, np.zeros(2), bounds=kinds.Bounds(-1, 1.2),
                                 constraints=inside, method="SLSQP", tol=1e-12).x  # fmt: skip

    np.testing.assert_allclose(solved(optimize, 1.5), solved(scipy, 1.5), rtol=1e-9)
    slope = fg.jacfwd(lambda most: solved(optimize, most))(1.5)
    np.testing.assert_allclose(slope, [0.0, 1.0], atol=1e-9)  # x[0] is at its bound


def test_an_assignment_is_a_constant():
    pytest.importorskip("scipy.optimize")
    costs = np.array([[4.0, 1, 3], [2, 0, 5], [3, 2, 2]])
    best = lambda c: c[optimize.linear_sum_assignment(c)].sum()

    assert best(costs) == 5 and fg.grad(best)(costs).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="different signs at the ends of the bracket"):
        optimize.brentq(lambda x: x * x + 1, 0.0, 1.0)
    with pytest.raises(ValueError, match="needs a bracket"):
        optimize.root_scalar(np.cos, method="brentq")
    with pytest.raises(ValueError, match="method must be one of SciPy's: got 'x'"):
        optimize.root_scalar(np.cos, method="x", x0=1.0)
    with pytest.raises(ShapeError, match="expected a scalar"):
        optimize.newton(np.cos, np.ones(2))
    with pytest.raises(ValueError, match="the number of parameters is not known"):
        optimize.curve_fit(lambda x, *p: x, TIMES, DATA)
