"""Loops of tiny operations, in PyTorch."""

import torch

from .parts import whole


def ode(params, steps):
    (a, b, c, d), y = params[0], params[1]

    def rhs(y):
        return torch.stack([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

    seen = 0.0
    for h in steps:
        seen = seen + y[0] ** 2
        k1 = rhs(y)
        k2 = rhs(y + 0.5 * h * k1)
        k3 = rhs(y + 0.5 * h * k2)
        k4 = rhs(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return torch.sum(y**2) + seen / len(steps)


@whole
def leapfrog(compiled):
    # gradients inside and outside by torch.func, which nests
    def trajectory(q, p, precision, steps):
        potential = lambda q: 0.5 * torch.dot(q, precision @ q) + 0.1 * torch.sum(q**4)
        force = torch.func.grad(potential)
        for h in steps:
            p = p - 0.5 * h * force(q)
            q = q + h * p
            p = p - 0.5 * h * force(q)
        return potential(q) + 0.5 * torch.sum(p**2) + torch.sum(q)

    step = torch.func.grad_and_value(trajectory)
    return compiled(lambda *args: step(*args)[::-1])


def kalman(params, move, see, ys):
    q, r = torch.diag(torch.exp(params["q"])), torch.diag(torch.exp(params["r"]))
    m, p, total = ys.new_zeros(4), torch.eye(4, dtype=ys.dtype), 0.0
    for y in ys:
        m, p = move @ m, move @ p @ move.T + q
        s = see @ p @ see.T + r
        error = y - see @ m
        gain = torch.linalg.solve(s, see @ p).T
        total = total + 0.5 * (torch.logdet(s) + torch.dot(error, torch.linalg.solve(s, error)))
        m, p = m + gain @ error, p - gain @ (see @ p)
    return total


def pendulum(params, steps):
    (angle, speed), length = params[0], params[1]
    for _ in range(len(steps)):
        speed = speed - 0.05 * (torch.sin(angle) / length + 0.1 * speed)
        angle = angle + 0.05 * speed
    return angle**2 + speed**2


def descent(x, steps):
    for _ in range(len(steps)):
        x = x - 0.1 * (x**3 - x)
    return torch.sum(x**2)


def recursive_filter(w, xs):
    y1 = y2 = xs.new_zeros(())
    total = 0.0
    for x in xs:
        y1, y2 = torch.tanh(w[0] * x + w[1] * y1 + w[2] * y2), y1
        total = total + y1**2
    return total / len(xs)


def lorenz_ensemble(rates, start, steps):
    x, y, z = start
    for h in steps:
        dx = 10.0 * rates[0] * (y - x)
        dy = x * (28.0 * rates[1] - z) - y
        dz = x * y - 8.0 / 3.0 * rates[2] * z
        x, y, z = x + h * dx, y + h * dy, z + h * dz
    return torch.sum(x * x + y * y + z * z) / start.shape[1]


@whole
def newton(compiled):
    def loss(a):
        x = a / 3.0
        for _ in range(12):
            x = x - (x + torch.exp(x) - a) / (1.0 + torch.exp(x))
        return torch.sum(x**2) + torch.sum(x[1:] * x[:-1])

    return compiled(torch.func.hessian(loss))
