"""Loops of tiny operations: time goes to the calls, not to the numbers."""

import numpy as np

from ..workload import family

workload = family("loops of tiny operations", "float64")


def ode_inputs(rng, n):
    rates, start = rng.uniform(0.5, 1.5, 4), rng.uniform(0.5, 1.5, 2)
    return [rates, start], np.full(n, 2.0 / n)


@workload(sizes=(300, 3000), tiny=5, inputs=ode_inputs)
def ode(lib):
    """Lotka-Volterra equations, n steps of Runge-Kutta 4, by scan"""
    xp = lib.np

    def loss(params, steps):
        (a, b, c, d), start = params[0], params[1]

        def rhs(y):
            return xp.stack([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

        def step(y, h):
            k1 = rhs(y)
            k2 = rhs(y + 0.5 * h * k1)
            k3 = rhs(y + 0.5 * h * k2)
            k4 = rhs(y + h * k3)
            return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), y[0]

        y, seen = lib.scan(step, start, steps)
        return xp.sum(y**2) + xp.sum(seen**2) / len(steps)

    return lib.value_and_grad(loss)


def leapfrog_inputs(rng, n):
    a = rng.normal(size=(n, n)) / np.sqrt(n)
    return rng.normal(size=n), rng.normal(size=n), a @ a.T + np.eye(n), np.full(20, 0.05)


@workload(sizes=(3, 100), tiny=3, inputs=leapfrog_inputs)
def leapfrog(lib):
    """20 steps of Hamiltonian dynamics in n dimensions, the force a gradient, by scan"""
    xp = lib.np

    def trajectory(q, p, precision, steps):
        potential = lambda q: 0.5 * xp.dot(q, precision @ q) + 0.1 * xp.sum(q**4)
        force = lib.grad(potential)

        def step(state, h):
            q, p = state
            p = p - 0.5 * h * force(q)
            q = q + h * p
            p = p - 0.5 * h * force(q)
            return (q, p), None

        (q, p), _ = lib.scan(step, (q, p), steps)
        return potential(q) + 0.5 * xp.sum(p**2) + xp.sum(q)

    return lib.value_and_grad(trajectory)


def kalman_inputs(rng, n):
    params = {"q": -1.0 + 0.1 * rng.normal(size=4), "r": 0.1 * rng.normal(size=2)}
    move = np.eye(4) + 0.1 * np.eye(4, k=2)
    return params, move, np.eye(2, 4), rng.normal(size=(n, 2)).cumsum(0) * 0.1


@workload(sizes=(100, 1000), tiny=4, inputs=kalman_inputs)
def kalman(lib):
    """Log-likelihood of a Kalman filter, 4 states, 2 observed, n steps, by scan"""
    xp = lib.np

    def loss(params, move, see, ys):
        q, r = xp.diag(xp.exp(params["q"])), xp.diag(xp.exp(params["r"]))

        def step(state, y):
            m, p = state
            m, p = move @ m, move @ p @ move.T + q
            s = see @ p @ see.T + r
            error = y - see @ m
            gain = xp.linalg.solve(s, see @ p).T
            _, logdet = xp.linalg.slogdet(s)
            value = 0.5 * (logdet + xp.dot(error, xp.linalg.solve(s, error)))
            return (m + gain @ error, p - gain @ (see @ p)), value

        start = xp.zeros(4, dtype=ys.dtype), xp.eye(4, dtype=ys.dtype)
        _, values = lib.scan(step, start, ys)
        return xp.sum(values)

    return lib.value_and_grad(loss)


def pendulum_inputs(rng, n):
    return [rng.uniform(0.5, 1.5, 2), rng.uniform(0.9, 1.1)], np.zeros(n)


@workload(sizes=(50, 500), tiny=4, inputs=pendulum_inputs)
def pendulum(lib):
    """Symplectic Euler for a pendulum with friction, n steps in a Python loop of scalars"""
    xp = lib.np

    def loss(params, steps):
        (angle, speed), length = params[0], params[1]
        for _ in range(len(steps)):
            speed = speed - 0.05 * (xp.sin(angle) / length + 0.1 * speed)
            angle = angle + 0.05 * speed
        return angle**2 + speed**2

    return lib.value_and_grad(loss)


@workload(sizes=(50, 500), tiny=4, inputs=lambda rng, n: (rng.normal(size=4), np.zeros(n)))
def descent(lib):
    """Gradient through n steps of descent on a quartic of 4 numbers, a Python loop"""

    def loss(x, steps):
        for _ in range(len(steps)):
            x = x - 0.1 * (x**3 - x)
        return lib.np.sum(x**2)

    return lib.value_and_grad(loss)


@workload(
    sizes=(300, 3000), tiny=5, inputs=lambda rng, n: (rng.uniform(0.1, 0.4, 3), rng.normal(size=n))
)
def recursive_filter(lib):
    """Squared output of a nonlinear recursive filter of two delays over n samples, by scan"""
    xp = lib.np

    def loss(w, xs):
        def step(state, x):
            y1, y2 = state
            y = xp.tanh(w[0] * x + w[1] * y1 + w[2] * y2)
            return (y, y1), y

        zero = xp.zeros((), dtype=xs.dtype)
        _, ys = lib.scan(step, (zero, zero), xs)
        return xp.sum(ys**2) / len(xs)

    return lib.value_and_grad(loss)


def lorenz_inputs(rng, n):
    return rng.uniform(0.9, 1.1, 3), rng.normal(size=(3, n)), np.full(50, 0.01)


@workload(sizes=(4, 400), tiny=3, inputs=lorenz_inputs)
def lorenz_ensemble(lib):
    """Lorenz equations, 50 Euler steps of n starts at once, by scan"""
    xp = lib.np

    def loss(rates, start, steps):
        def step(state, h):
            x, y, z = state
            dx = 10.0 * rates[0] * (y - x)
            dy = x * (28.0 * rates[1] - z) - y
            dz = x * y - 8.0 / 3.0 * rates[2] * z
            return (x + h * dx, y + h * dy, z + h * dz), None

        (x, y, z), _ = lib.scan(step, (start[0], start[1], start[2]), steps)
        return xp.sum(x * x + y * y + z * z) / start.shape[1]

    return lib.value_and_grad(loss)


@workload(sizes=(10, 60), tiny=3, inputs=lambda rng, n: (rng.uniform(1, 3, n),))
def newton(lib):
    """Implicit equation x + exp(x) = a by 12 Newton steps for n numbers, then its Hessian"""
    xp = lib.np

    def loss(a):
        x = a / 3.0
        for _ in range(12):
            x = x - (x + xp.exp(x) - a) / (1.0 + xp.exp(x))
        return xp.sum(x**2) + xp.sum(x[1:] * x[:-1])

    return lib.hessian(loss)
