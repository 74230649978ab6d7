"""Softmax and its kin, written in NumPy, compiled: no derivative by the maximum that cancels."""

import re

import numpy as np
import pytest

import funcgrad as fg


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis, keepdims=True))
    return e / np.sum(e, axis, keepdims=True)


def log_softmax(x):
    y = x - np.max(x, -1, keepdims=True)
    return y - np.log(np.sum(np.exp(y), -1, keepdims=True))


def logsumexp(x):
    top = np.max(x, -1)
    return np.log(np.sum(np.exp(x - top[..., None]), -1)) + top


def cross_entropy(x, c):
    top = np.max(x, axis=1, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=1)) + top[:, 0] - np.sum(x * c, axis=1)


SHIFTED = {
    "softmax": lambda x, c: softmax(x) * c,
    "softmax of columns": lambda x, c: softmax(x, 0) * c,
    "softmax squared": lambda x, c: softmax(x) ** 2 * c,
    "softmax of softmax": lambda x, c: softmax(softmax(x) * c) * c,
    "log softmax": lambda x, c: log_softmax(x) * c,
    "logsumexp": lambda x, c: logsumexp(x) * c[0],
    "cross entropy": cross_entropy,
    "attention": lambda x, c: softmax(x @ c / np.sqrt(5.0)) @ c,
}
KEPT = {
    "the maximum itself": lambda x, c: softmax(x) * np.max(x, -1, keepdims=True),
    "differences": lambda x, c: (x - np.max(x, -1, keepdims=True)) * c,
    "another sum": lambda x, c: np.exp(x - np.max(x, 1, keepdims=True)) / np.sum(np.exp(x), 0),
    "the other axis": lambda x, c: softmax(x - np.max(x, 0, keepdims=True)[::-1] * x) * c,
}


def gradients(f):
    slope = fg.grad(lambda x, c: np.sum(f(x, c)), (0, 1))
    return slope, fg.jit(slope)


def compares(compiled, *xs):
    """Whether the source looks for the elements that equal the maximum."""
    return re.search(r"\bequal\(", compiled.source(*xs)) is not None


@pytest.mark.parametrize("name", [*SHIFTED, *KEPT])
def test_what_no_shift_changes_has_no_derivative_by_the_maximum(name):
    x, c = np.random.default_rng(0).normal(size=(2, 5, 5))
    slope, compiled = gradients((SHIFTED | KEPT)[name])

    for want, got in zip(slope(x, c), compiled(x, c), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-14)
    assert compares(compiled, x, c) == (name in KEPT)


@pytest.mark.parametrize("name", SHIFTED)
def test_a_gradient_is_not_finite_where_the_eager_one_is_not(name):
    rng, bad = np.random.default_rng(1), [np.inf, -np.inf, np.nan, 0.0]
    slope, compiled = gradients(SHIFTED[name])

    for _ in range(20):
        xs = rng.normal(size=(2, 5, 5)) * rng.choice([1, 30, 300])
        for x in xs:
            if rng.random() < 0.7:
                x[tuple(rng.integers(5, size=2))] = rng.choice(bad)
        with np.errstate(all="ignore"):
            wants, gots = slope(*xs), compiled(*xs)
        for want, got in zip(wants, gots, strict=True):
            np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want), str(xs))


def test_a_sum_that_cancels_is_nan_where_the_sum_of_exponentials_is_infinite():
    def log_softmax(x, c):
        y = x - np.mean(x, 0, keepdims=True)
        return (y - np.log(np.sum(np.exp(y), 0, keepdims=True))) * c

    slope, compiled = gradients(log_softmax)
    x, c = np.random.default_rng(0).normal(size=(2, 48, 48))
    x[3, 4] = 1e200  # of which exp is infinite, and the mean finite

    with np.errstate(all="ignore"):
        want, got = slope(x, c)[0], compiled(x, c)[0]
    assert np.isnan(want[:, 4]).all()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))


def test_the_gradient_of_attention_needs_two_arrays_of_its_scores():
    n, q = 64, np.ones((64, 8))
    loss = lambda q, k, v: np.sum((softmax(q @ k.T / 3.0) @ v) ** 2)
    compiled = fg.jit(fg.grad(loss, (0, 1, 2)))
    arena = int(re.search(r"of one call, (\d+) bytes", compiled.source(q, q, q)).group(1))

    assert 2 * 8 * n * n <= arena < 3 * 8 * n * n
