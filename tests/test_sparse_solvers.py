"""Sparse derivatives in the solvers of SciPy and, through CasADi, in IPOPT: recipes that run."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import sparse


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def circles(x):
    """Constraints of neighbours, of which the solution 1, 1, ... of the above is on the bound."""
    return x[1:] ** 2 + x[:-1] ** 2


def broyden(x):
    """Broyden's tridiagonal function, whose zero is sought."""
    left, right = np.pad(x[:-1], (1, 0)), np.pad(x[1:], (0, 1))
    return (3 - 2 * x) * x - left - 2 * right + 1


def brusselator(t, y):
    u, v = y[:20], y[20:]
    spread = lambda w: 10.0 * (np.append(w[1:], 1.0) - 2 * w + np.append(1.0, w[:-1]))
    return np.concatenate([1 + u**2 * v - 4 * u + spread(u), 3 * u - u**2 * v + spread(v)])


def test_a_newton_step_by_spsolve():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    newton, x = fg.jit(sparse.value_and_jacobian(broyden)), -np.ones(30)
    for _ in range(6):
        value, jacobian = newton(x)
        x = x - linalg.spsolve(jacobian.to_scipy(), value)

    assert np.max(np.abs(broyden(x))) < 1e-13


@pytest.mark.parametrize("method", ["trust-constr", "trust-krylov", "Newton-CG"])
def test_minimize_with_a_sparse_hessian(method):
    optimize = pytest.importorskip("scipy.optimize")
    hessian = fg.jit(sparse.hessian(rosenbrock))
    given = {"hess": lambda x: hessian(x).to_scipy()}
    if method == "trust-krylov":  # which takes products alone, or arrays
        given = {"hessp": lambda x, p: hessian(x) @ p}
    jac = fg.grad(rosenbrock)
    found = optimize.minimize(rosenbrock, np.zeros(12), jac=jac, method=method, **given)

    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_minimize_with_sparse_constraints():
    optimize = pytest.importorskip("scipy.optimize")
    jacobian, hessian = sparse.jacobian(circles), sparse.hessian(rosenbrock)
    curvature = sparse.hessian(lambda x, v: v @ circles(x))
    bound = optimize.NonlinearConstraint(
        circles, -np.inf, 1.5, jac=lambda x: jacobian(x).to_scipy(),
        hess=lambda x, v: curvature(x, v).to_scipy(),
    )  # fmt: skip
    found = optimize.minimize(
        rosenbrock, np.zeros(6), jac=fg.grad(rosenbrock), method="trust-constr", constraints=bound,
        hess=lambda x: hessian(x).to_scipy(), options={"maxiter": 60},
    )  # fmt: skip

    assert found.constr_violation < 1e-8 and found.optimality < 1e-3
    assert np.max(circles(found.x)) > 1.49


def test_least_squares_with_a_sparse_jacobian():
    optimize = pytest.importorskip("scipy.optimize")
    jacobian = sparse.jacobian(broyden)
    found = optimize.least_squares(
        broyden, -np.ones(30), jac=lambda x: jacobian(x).to_scipy(), tr_solver="lsmr"
    )

    assert found.cost < 1e-12


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_solve_ivp_with_a_sparse_jacobian(method):
    integrate = pytest.importorskip("scipy.integrate")
    jacobian = fg.jit(sparse.jacobian(brusselator, 1))
    y = np.concatenate([1 + np.sin(np.linspace(0, np.pi, 20)), np.full(20, 3.0)])
    run = lambda **options: integrate.solve_ivp(
        brusselator, (0.0, 1.0), y, method=method, rtol=1e-7, atol=1e-9, **options
    )
    got, want = run(jac=lambda t, y: jacobian(t, y).to_scipy()), run()

    np.testing.assert_allclose(got.y[:, -1], want.y[:, -1], rtol=1e-5)  # SciPy's by differences


def as_casadi(casadi, name, fun, count):
    """Return a function of CasADi's that calls ours, with its sparse Jacobian."""
    x, y = np.zeros(count), np.atleast_1d(fun(np.zeros(count)))
    pattern = sparse.pattern(fun, x)
    jacobian = fg.jit(sparse.jacobian(fun, pattern=pattern))
    # CasADi orders by columns
    columns = casadi.Sparsity(*pattern.shape, pattern.T.indptr.tolist(), pattern.T.indices.tolist())

    class Derivative(casadi.Callback):
        def __init__(self):
            casadi.Callback.__init__(self)
            self.construct("jac_" + name, {})

        def get_n_in(self):
            return 2

        def get_sparsity_in(self, i):
            return casadi.Sparsity.dense(*((count, 1), (len(y), 1))[i])

        def get_sparsity_out(self, i):
            return columns

        def eval(self, args):
            found = jacobian(np.array(args[0]).ravel())
            return [casadi.DM(columns, found.data[pattern.order])]

    class Function(casadi.Callback):
        def __init__(self):
            casadi.Callback.__init__(self)
            self.derivative = Derivative()
            self.construct(name, {})

        def get_sparsity_in(self, i):
            return casadi.Sparsity.dense(count, 1)

        def get_sparsity_out(self, i):
            return casadi.Sparsity.dense(len(y), 1)

        def eval(self, args):
            return [casadi.DM(np.atleast_1d(fun(np.array(args[0]).ravel())))]

        def has_jacobian(self):
            return True

        def get_jacobian(self, name, inames, onames, options):
            return self.derivative

    return Function()


def test_ipopt_by_callbacks_of_casadi():
    casadi = pytest.importorskip("casadi")
    n = 6
    objective = as_casadi(casadi, "objective", rosenbrock, n)
    constraint = as_casadi(casadi, "constraint", circles, n)
    u = casadi.MX.sym("u", n)
    quiet = {
        "ipopt.print_level": 0, "print_time": 0, "ipopt.sb": "yes",
        "ipopt.hessian_approximation": "limited-memory",
    }  # fmt: skip
    problem = {"x": u, "f": objective(u), "g": constraint(u)}
    solver = casadi.nlpsol("solver", "ipopt", problem, quiet)
    found = solver(x0=np.zeros(n), lbg=-np.inf, ubg=1.5)

    assert solver.stats()["success"]
    x = np.array(found["x"]).ravel()
    assert np.max(circles(x)) < 1.5 + 1e-7
    free = fg.grad(lambda x: rosenbrock(x) + np.array(found["lam_g"]).ravel() @ circles(x))(x)
    assert np.max(np.abs(free)) < 1e-5
