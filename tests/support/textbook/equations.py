"""Differential equations: stencils, time stepping, particles."""

import numpy as np


def heat(u0, rate):
    """Explicit finite differences, in place."""
    u = u0.copy()
    for _ in range(6):
        u[1:-1] += rate * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0] = u[1]
        u[-1] = u[-2]
    return u


def wave(u0, speed):
    """Leapfrog for the wave equation, with three rows that change places."""
    n, steps = len(u0), 6
    history = np.zeros((steps, n))
    history[0] = u0
    history[1, 1:-1] = u0[1:-1] + 0.5 * speed**2 * (u0[2:] - 2 * u0[1:-1] + u0[:-2])
    for t in range(1, steps - 1):
        for i in range(1, n - 1):
            bend = history[t, i + 1] - 2 * history[t, i] + history[t, i - 1]
            history[t + 1, i] = 2 * history[t, i] - history[t - 1, i] + speed**2 * bend
    return history


def crank_nicolson(u0, rate):
    """Implicit time steps, each a tridiagonal system."""
    n, r = len(u0), rate / 2
    u = u0.copy()
    for _ in range(4):
        right = np.empty(n)
        right[0], right[-1] = u[0], u[-1]
        right[1:-1] = r * u[:-2] + (1 - 2 * r) * u[1:-1] + r * u[2:]
        upper = np.zeros(n)
        for i in range(1, n - 1):
            pivot = 1 + 2 * r + r * upper[i - 1]
            upper[i] = -r / pivot
            right[i] = (right[i] + r * right[i - 1]) / pivot
        for i in range(n - 2, 0, -1):
            right[i] -= upper[i] * right[i + 1]
        u[:] = right
    return u


def laplace_sor(boundary, omega):
    """Successive over-relaxation of a grid with fixed boundary values."""
    grid = np.zeros((5, 5))
    grid[0, :] = boundary
    grid[:, -1] = boundary[::-1]
    for _ in range(4):
        for i in range(1, 4):
            for j in range(1, 4):
                new = 0.25 * (grid[i - 1, j] + grid[i + 1, j] + grid[i, j - 1] + grid[i, j + 1])
                grid[i, j] += omega * (new - grid[i, j])
    return grid


def runge_kutta(y0, rates):
    """A trajectory of predator and prey by the classical method of order four."""

    def slope(y):
        dy = np.empty(2)
        dy[0] = y[0] * (rates[0] - rates[1] * y[1])
        dy[1] = y[1] * (rates[2] * y[0] - rates[3])
        return dy

    n, h = 8, 0.1
    path = np.zeros((n + 1, 2))
    path[0] = y0
    for k in range(n):
        y = path[k]
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        path[k + 1] = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return path


def leapfrog(q0, p0, stiffness):
    """A chain of masses and springs; positions and momenta of all times in one array."""
    n, steps, h = len(q0), 6, 0.1
    path = np.zeros((steps + 1, 2, n))
    path[0, 0], path[0, 1] = q0, p0

    def force(q):
        f = np.zeros_like(q)
        stretch = stiffness * np.diff(q)
        f[:-1] += stretch
        f[1:] -= stretch
        f -= q**3
        return f

    for t in range(steps):
        q, p = path[t]
        half = p + h / 2 * force(q)
        path[t + 1, 0] = q + h * half
        path[t + 1, 1] = half + h / 2 * force(path[t + 1, 0])
    return path


def particles(positions, charges):
    """Pairwise forces, counted twice by action and reaction, and a few Verlet steps."""
    n, h = len(positions), 0.05
    x, v = positions.copy(), np.zeros_like(positions)
    for _ in range(3):
        forces = np.zeros((n, 2))
        for i in range(n):
            for j in range(i + 1, n):
                d = x[i] - x[j]
                f = charges[i] * charges[j] * d / (np.sum(d**2) + 0.1) ** 1.5
                forces[i] += f
                forces[j] -= f
        v += h * forces
        x += h * v
    return x, v


def cells(field, gain):
    """A smooth cellular automaton: each cell follows the mean of its eight neighbours."""
    a = field.copy()
    rows, columns = a.shape
    for _ in range(2):
        new = np.empty_like(a)
        for i in range(rows):
            for j in range(columns):
                total = 0.0
                for di in (-1, 0, 1):
                    for dj in (-1, 0, 1):
                        if di or dj:
                            total = total + a[(i + di) % rows, (j + dj) % columns]
                new[i, j] = 1 / (1 + np.exp(-gain * (total / 8 - 0.5) * (1 + a[i, j])))
        a[...] = new
    return a


def reaction(u0, v0, feed):
    """Gray and Scott's reaction and diffusion, on a torus kept by ghost cells."""
    n = u0.shape[0]
    u, v = np.ones((n + 2, n + 2)), np.zeros((n + 2, n + 2))
    u[1:-1, 1:-1] = u0
    v[1:-1, 1:-1] = v0
    for _ in range(3):
        for z in (u, v):
            z[0, :], z[-1, :] = z[-2, :], z[1, :]
            z[:, 0], z[:, -1] = z[:, -2], z[:, 1]
        inner, other = u[1:-1, 1:-1], v[1:-1, 1:-1]
        spread = lambda z: (
            z[:-2, 1:-1] + z[2:, 1:-1] + z[1:-1, :-2] + z[1:-1, 2:] - 4 * z[1:-1, 1:-1]
        )
        du, dv = spread(u), spread(v)
        reacted = inner * other**2
        inner += 0.16 * du - reacted + feed * (1 - inner)
        other += 0.08 * dv + reacted - (feed + 0.06) * other
    return u[1:-1, 1:-1], v[1:-1, 1:-1]


ARGUMENTS = {
    "heat": lambda r: (r.normal(size=8), np.float64(0.3)),
    "wave": lambda r: (r.normal(size=7), np.float64(0.6)),
    "crank_nicolson": lambda r: (r.normal(size=7), np.float64(0.4)),
    "laplace_sor": lambda r: (r.normal(size=5), np.float64(1.3)),
    "runge_kutta": lambda r: (np.array([1.0, 0.5]), np.array([0.7, 0.9, 0.8, 0.6])),
    "leapfrog": lambda r: (r.normal(size=4), r.normal(size=4), r.uniform(1, 2, 3)),
    "particles": lambda r: (r.normal(size=(4, 2)), r.normal(size=4)),
    "cells": lambda r: (r.uniform(size=(4, 3)), np.float64(4.0)),
    "reaction": lambda r: (r.uniform(size=(3, 3)), r.uniform(size=(3, 3)), np.float64(0.04)),
}
