"""Programs that overwrite their arguments, as numerical libraries do to save memory."""

import numpy as np


def solve_by_lu(a, b):
    """Gauss elimination that leaves both factors in the matrix, and the solution in b."""
    n = len(b)
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
            b[i] -= a[i, k] * b[k]
    for i in reversed(range(n)):
        b[i] -= a[i, i + 1 :] @ b[i + 1 :]
        b[i] /= a[i, i]
    return b


def cholesky_in_place(a, shift):
    """The lower triangle becomes the factor of a + shift."""
    n = len(a)
    a[np.arange(n), np.arange(n)] += shift
    for j in range(n):
        a[j, j] = np.sqrt(a[j, j] - a[j, :j] @ a[j, :j])
        for i in range(j + 1, n):
            a[i, j] = (a[i, j] - a[i, :j] @ a[j, :j]) / a[j, j]
        a[j, j + 1 :] = 0
    return a


def thomas_in_place(lower, diagonal, upper, right):
    """A tridiagonal system; the upper diagonal and the right side are workspace."""
    n = len(right)
    upper[0] /= diagonal[0]
    right[0] /= diagonal[0]
    for i in range(1, n):
        pivot = diagonal[i] - lower[i] * upper[i - 1]
        upper[i] /= pivot
        right[i] = (right[i] - lower[i] * right[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        right[i] -= upper[i] * right[i + 1]
    return right


def gauss_seidel_in_place(a, b, x):
    """Sweeps over a linear system, from a given x."""
    for _ in range(4):
        for i in range(len(b)):
            x[i] = (b[i] - a[i, :i] @ x[:i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


def kalman_in_place(state, covariance, readings, noise):
    """Position and speed from readings of the position, the state being updated."""
    step = np.array([[1.0, 0.1], [0.0, 1.0]])
    for reading in readings:
        state[:] = step @ state
        covariance[:] = step @ covariance @ step.T
        covariance[[0, 1], [0, 1]] += noise[0]
        gain = covariance[:, 0] / (covariance[0, 0] + noise[1])
        state += gain * (reading - state[0])
        covariance -= np.outer(gain, covariance[0])
    return state, covariance


def gram_schmidt_in_place(v, weights):
    """Columns become orthonormal in a weighted inner product."""
    for j in range(v.shape[1]):
        column = v[:, j]
        for i in range(j):
            column -= (weights * v[:, i]) @ column * v[:, i]
        column /= np.sqrt(weights @ column**2)
    return v


def verlet_in_place(position, velocity, stiffness):
    """Particles on springs, by velocity Verlet."""
    force = np.zeros_like(position)

    def pull():
        stretch = position[1:] - position[:-1] - 1
        force[:] = 0
        force[:-1] += stiffness * stretch
        force[1:] -= stiffness * stretch

    pull()
    for _ in range(5):
        velocity += 0.05 * force
        position += 0.1 * velocity
        pull()
        velocity += 0.05 * force
    return position, velocity


def divided_differences(x, values, at):
    """Newton's interpolation; the values become its coefficients."""
    n = len(x)
    for j in range(1, n):
        values[j:] = (values[j:] - values[j - 1 : -1]) / (x[j:] - x[:-j])
    result = values[-1] + 0 * at
    for c, node in zip(values[-2::-1], x[-2::-1]):
        result *= at - node
        result += c
    return result


def online_regression(weights, samples, targets, rate):
    """Stochastic descent: one update a sample."""
    for x, y in zip(samples, targets):
        weights -= rate[0] * (x @ weights - y) * x
    return weights


def runge_kutta_into(path, start, rates):
    """A trajectory that is written into an array of the caller's."""
    slope = lambda y: np.stack([y[1], -rates[0] * np.sin(y[0]) - rates[1] * y[1]])
    path[0] += start
    for k in range(len(path) - 1):
        y = path[k]
        k1 = slope(y)
        k2 = slope(y + 0.05 * k1)
        path[k + 1] = y + 0.1 * k2 + 0.01 * path[k + 1]
    return path


def smoothed_in_place(signal, gains):
    """A recursive filter forwards and backwards."""
    for i in range(1, len(signal)):
        signal[i] += gains[0] * (signal[i - 1] - signal[i])
    back = signal[::-1]
    for i in range(1, len(back)):
        back[i] += gains[1] * (back[i - 1] - back[i])
    return signal


def sharpened_image(image, kernel):
    """Inner pixels are replaced by a stencil of the old ones."""
    old = image.copy()
    inner = image[1:-1, 1:-1]
    inner[...] = 0
    n, m = inner.shape
    for i in range(3):
        for j in range(3):
            inner += kernel[i, j] * old[i : i + n, j : j + m]
    np.maximum(image, 0.1 * image, out=image)
    return image


def jacobi_rotation(a, vectors, angle):
    """A rotation of two axes of a symmetric matrix, collected in vectors."""
    c, s = np.cos(angle[0]), np.sin(angle[0])
    for array in (a, a.T, vectors):
        first, second = array[:, 0].copy(), array[:, 2].copy()
        array[:, 0] = c * first - s * second
        array[:, 2] = s * first + c * second
    return a, vectors


def cheapest_path(costs, softness):
    """A table of smooth minima, in the array of costs."""
    n, m = costs.shape
    for i in range(n):
        for j in range(m):
            if i and j:
                near = np.stack([costs[i - 1, j], costs[i, j - 1], costs[i - 1, j - 1]])
                costs[i, j] -= softness[0] * np.log(np.sum(np.exp(-near / softness[0])))
            elif i or j:
                costs[i, j] += costs[i - 1, j] if i else costs[i, j - 1]
    return costs


def _dominant(rng, n):
    return rng.normal(size=(n, n)) + 2 * n * np.eye(n)


def _definite(rng, n):
    a = rng.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


ARGUMENTS = {
    "solve_by_lu": lambda rng: (_dominant(rng, 4), rng.normal(size=4)),
    "cholesky_in_place": lambda rng: (_definite(rng, 4), rng.uniform(1, 2, 4)),
    "thomas_in_place": lambda rng: (
        rng.normal(size=5), rng.uniform(4, 5, 5), rng.normal(size=5), rng.normal(size=5)),
    "gauss_seidel_in_place": lambda rng: (
        _dominant(rng, 4), rng.normal(size=4), rng.normal(size=4)),
    "kalman_in_place": lambda rng: (
        rng.normal(size=2), np.eye(2), rng.normal(size=4), rng.uniform(0.1, 0.2, 2)),
    "gram_schmidt_in_place": lambda rng: (rng.normal(size=(5, 3)), rng.uniform(1, 2, 5)),
    "verlet_in_place": lambda rng: (
        np.arange(4.0) + 0.1 * rng.normal(size=4), rng.normal(size=4), rng.uniform(1, 2, 3)),
    "divided_differences": lambda rng: (
        np.arange(5.0) + 0.1 * rng.normal(size=5), rng.normal(size=5), rng.normal(size=3)),
    "online_regression": lambda rng: (
        rng.normal(size=3), rng.normal(size=(6, 3)), rng.normal(size=6), np.array([0.1])),
    "runge_kutta_into": lambda rng: (
        rng.normal(size=(6, 2)), rng.normal(size=2), rng.uniform(0.5, 1, 2)),
    "smoothed_in_place": lambda rng: (rng.normal(size=7), rng.uniform(0.2, 0.8, 2)),
    "sharpened_image": lambda rng: (rng.normal(size=(5, 6)), rng.normal(size=(3, 3))),
    "jacobi_rotation": lambda rng: (_definite(rng, 3), np.eye(3), np.array([0.4])),
    "cheapest_path": lambda rng: (rng.uniform(1, 2, (4, 4)), np.array([0.5])),
}  # fmt: skip
