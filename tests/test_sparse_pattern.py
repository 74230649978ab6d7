"""Patterns of derivatives: supersets of what is not 0, and equal to it where the table says so."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.sparse import pattern

# name -> function, shapes of its arguments, and whether the pattern is equal to the truth
BAND = np.diag([2.0] * 5) + np.diag([1.0] * 4, 1) + np.diag([-1.0] * 3, -2)
EDGES = np.array([[0, 1], [1, 2], [2, 3], [0, 3], [0, 2]])


def laplacian(u):
    u = np.pad(u, 1)
    return u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]


def arrow(x):
    return np.concatenate([[np.sum(x**2)], x[1:] * x[0]])


def springs(x):
    d = x[EDGES[:, 0]] - x[EDGES[:, 1]]
    return np.sum((np.sqrt(np.sum(d**2, 1)) - 1) ** 2)


VECTORS = {
    "ring": (lambda x: x * np.roll(x, 1) - np.roll(x, -1) ** 2, (7,)),
    "differences": (lambda x: np.diff(x, 2) ** 3, (7,)),
    "plane": (lambda u: laplacian(u) + np.exp(u), (4, 5)),
    "band": (lambda x: BAND @ np.sin(x), (5,)),
    "band from the right": (lambda x: np.sin(x) @ BAND, (3, 5)),
    "arrow": (arrow, (6,)),
    "sums": (lambda x: np.sum(x, 0) * np.mean(x, 1)[:3], (4, 3)),
    "cumsum": (lambda x: np.cumsum(x**2), (6,)),
    "product": (lambda x: x[:2] @ x[2:], (5, 3)),
    "einsum": (lambda x: np.einsum("ij,jk->ki", x, BAND[:3]), (2, 3)),
    "known mask": (lambda x: np.where(np.arange(6) < 3, x, x[::-1] ** 2), (6,)),
    "factor 0": (lambda x: np.array([0.0, 1.0, 2.0]) * x, (3,)),
    "gather": (lambda x: x[[3, 1, 1, 0]] * x[:4], (5,)),
    "scatter": (lambda x: np.zeros(4) + fg.at(np.zeros(4))[[0, 2, 2]].add(x), (3,)),
    "write": (lambda x: fg.at(x)[1:3].set(x[0] ** 2), (5,)),
    "sort": (lambda x: np.sort(x), (4,)),
    "jit": (fg.jit(lambda x: x[1:] * x[:-1]), (5,)),
    "vmap": (fg.vmap(lambda x: np.sum(x**2)), (3, 4)),
    "fft": (lambda x: np.abs(np.fft.fft(x, axis=1)), (2, 4)),
    "integers": (lambda x: np.floor(x) + x[0], (3,)),
}
SCALARS = {
    "rosenbrock": (lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), (6,)),
    "springs": (springs, (4, 2)),
    "quadratic form": (lambda x: x @ (BAND @ x), (5,)),
    "linear": (lambda x: np.sum(np.arange(5.0) * x) + np.max(x), (5,)),
    "product": (lambda x: np.prod(x), (4,)),
}
LOOSE = {"sort", "fft"}  # supersets: an order, or terms that cancel


def truth(derivative, shape):
    rng = np.random.default_rng(0)
    found = [np.asarray(derivative(rng.normal(size=shape))) for _ in range(5)]
    return np.any([d.reshape(-1, int(np.prod(shape))) != 0 for d in found], 0)


@pytest.mark.parametrize("name", VECTORS)
def test_the_pattern_of_a_jacobian(name):
    fun, shape = VECTORS[name]
    want, got = truth(fg.jacobian(fun), shape), pattern(fun, np.ones(shape)).todense()

    assert not np.any(want & ~got)
    assert name in LOOSE or np.array_equal(want, got)


@pytest.mark.parametrize("name", SCALARS)
def test_the_pattern_of_a_hessian(name):
    fun, shape = SCALARS[name]
    want, got = truth(fg.hessian(fun), shape), pattern(fun, np.ones(shape), order=2).todense()

    assert np.array_equal(want, got)


def test_an_index_that_is_data_may_be_any():
    fun = lambda x, i: x[i] * x[0]

    want = [[True, True, True], [True, True, True]]
    assert np.array_equal(want, pattern(fun, np.ones(3), np.array([0, 2])).todense())
