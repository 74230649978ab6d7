"""Tables: dynamic programming, interpolation, filters of states."""

import numpy as np


def soft_minimum(values, sharpness=2.0):
    return -np.log(np.sum(np.exp(-sharpness * values))) / sharpness


def edit_distance(x, y, gap):
    """A differentiable edit distance of two sequences of numbers."""
    m, n = len(x), len(y)
    table = np.zeros((m + 1, n + 1))
    for i in range(1, m + 1):
        table[i, 0] = gap * i
    for j in range(1, n + 1):
        table[0, j] = gap * j
    choices = np.empty(3)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            choices[0] = table[i - 1, j] + gap
            choices[1] = table[i, j - 1] + gap
            choices[2] = table[i - 1, j - 1] + (x[i - 1] - y[j - 1]) ** 2
            table[i, j] = soft_minimum(choices)
    return table[m, n]


def matrix_chain(sizes):
    """The smooth cost of the best order of a chain of matrix products."""
    n = len(sizes) - 1
    cost = np.zeros((n, n))
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            options = np.zeros(length - 1)
            for k in range(i, j):
                products = sizes[i] * sizes[k + 1] * sizes[j + 1]
                options[k - i] = cost[i, k] + cost[k + 1, j] + products
            cost[i, j] = soft_minimum(options)
    return cost


def shortest_paths(weights):
    """Smooth shortest paths of all pairs, over one matrix."""
    d = weights.copy()
    np.fill_diagonal(d, 0.0)
    n = d.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                d[i, j] = -np.logaddexp(-d[i, j], -(d[i, k] + d[k, j]))
    return d


def viterbi(start, moves, scores):
    """The smooth score of the best path, and the marginals of its last state."""
    steps, states = scores.shape
    alpha = np.full((steps, states), -np.inf)
    alpha[0] = start + scores[0]
    for t in range(1, steps):
        for s in range(states):
            reach = alpha[t - 1] + moves[:, s]
            peak = np.max(reach)
            alpha[t, s] = peak + np.log(np.sum(np.exp(reach - peak))) + scores[t, s]
    return alpha


def kalman(measured, q, r):
    """Means and covariances of position and velocity, from noisy positions."""
    n = len(measured)
    f, noise = np.array([[1.0, 0.1], [0.0, 1.0]]), np.diag([0.0, 1.0])
    means, covariances = np.zeros((n, 2)), np.zeros((n, 2, 2))
    mean, p = np.zeros(2), np.eye(2)
    for t in range(n):
        mean = f @ mean
        p = f @ p @ f.T + q * noise
        gain = p[:, 0] / (p[0, 0] + r)
        mean = mean + gain * (measured[t] - mean[0])
        p = p - np.outer(gain, p[0])
        means[t] = mean
        covariances[t] = p
    return means, covariances


def neville(x, y, at):
    """Polynomial interpolation, over one column of the table."""
    p = y.copy()
    n = len(x)
    for k in range(1, n):
        for i in range(n - k):
            p[i] = ((at - x[i + k]) * p[i] + (x[i] - at) * p[i + 1]) / (x[i] - x[i + k])
    return p[0]


def divided_differences(x, y, at):
    """Newton's coefficients in place, and the nested product."""
    c = y.copy()
    n = len(c)
    for k in range(1, n):
        c[k:] = (c[k:] - c[k - 1 : -1]) / (x[k:] - x[:-k])
    value = c[-1]
    for i in range(n - 2, -1, -1):
        value = value * (at - x[i]) + c[i]
    return value


def horner(coefficients, at):
    """All Taylor coefficients at a point, by repeated synthetic division."""
    c = coefficients.copy()
    n = len(c)
    for k in range(n - 1):
        for i in range(1, n - k):
            c[i] += at * c[i - 1]
    return c[::-1]


def romberg(ends, shape):
    """Romberg's table of an integral."""
    a, b = ends
    f = lambda x: np.exp(-shape * x**2)
    table = np.zeros((4, 4))
    h = b - a
    table[0, 0] = h / 2 * (f(a) + f(b))
    for i in range(1, 4):
        h = h / 2
        middle = np.empty(2 ** (i - 1))
        for k in range(len(middle)):
            middle[k] = f(a + (2 * k + 1) * h)
        table[i, 0] = table[i - 1, 0] / 2 + h * np.sum(middle)
        for j in range(1, i + 1):
            table[i, j] = table[i, j - 1] + (table[i, j - 1] - table[i - 1, j - 1]) / (4**j - 1)
    return table


def option_lattice(price, strike, volatility):
    """A binomial lattice, folded back over one array."""
    n, rate = 5, 0.01
    up = np.exp(volatility * 0.3)
    p = (np.exp(rate * 0.3) - 1 / up) / (up - 1 / up)
    value = np.empty(n + 1)
    for i in range(n + 1):
        value[i] = np.log1p(np.exp(price * up ** (2 * i - n) - strike))
    for step in range(n, 0, -1):
        value[:step] = np.exp(-rate) * (p * value[1 : step + 1] + (1 - p) * value[:step])
    return value[0]


ARGUMENTS = {
    "edit_distance": lambda r: (r.normal(size=3), r.normal(size=4), np.float64(0.7)),
    "matrix_chain": lambda r: (r.uniform(0.5, 1.5, 5),),
    "shortest_paths": lambda r: (r.uniform(1, 2, (3, 3)),),
    "viterbi": lambda r: (r.normal(size=3), r.normal(size=(3, 3)), r.normal(size=(4, 3))),
    "kalman": lambda r: (r.normal(size=5), np.float64(0.2), np.float64(0.5)),
    "neville": lambda r: (np.array([0.0, 0.4, 1.1, 1.7]), r.normal(size=4), np.float64(0.8)),
    "divided_differences": lambda r: (
        np.array([0.0, 0.4, 1.1, 1.7]),
        r.normal(size=4),
        np.float64(0.8),
    ),
    "horner": lambda r: (r.normal(size=5), np.float64(0.6)),
    "romberg": lambda r: (np.array([0.1, 1.3]), np.float64(0.9)),
    "option_lattice": lambda r: (np.float64(1.1), np.float64(1.0), np.float64(0.3)),
}
