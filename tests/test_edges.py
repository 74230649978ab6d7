"""The derivatives at the edges: ties, zeros, bounds, where peers differ and we have decided.

The decisions are those of DESIGN.md, section 5. Warnings are errors here as everywhere, so a
derivative that divides by zero on its way to the right number fails.
"""

import math

import numpy as np
import pytest

import funcgrad as fg

ZERO, ZEROS = np.zeros(()), np.zeros(3)
INF, NAN = math.inf, math.nan


def of(function, *xs):
    """Return an edge: a function of all of whose arguments the gradient is taken, and where."""
    return function, xs


# what is differentiated where, and its gradient
GRADIENTS = {
    "abs at 0": (of(np.abs, 0.0), [0]),
    "abs at complex 0": (of(np.abs, 0j), [0]),
    "fabs at 0": (of(np.fabs, 0.0), [0]),
    "sign at 0": (of(np.sign, 0.0), [0]),
    "sqrt at 0": (of(np.sqrt, 0.0), [INF]),
    "cbrt at 0": (of(np.cbrt, 0.0), [INF]),
    "arcsin at 1": (of(np.arcsin, 1.0), [INF]),
    "arccosh at 1": (of(np.arccosh, 1.0), [INF]),
    "maximum of a tie": (of(np.maximum, 0.0, 0.0), [0.5, 0.5]),
    "minimum of a tie": (of(np.minimum, 1.0, 1.0), [0.5, 0.5]),
    "fmax of a tie": (of(np.fmax, 1.0, 1.0), [0.5, 0.5]),
    "fmax beside nan": (of(np.fmax, NAN, 1.0), [0, 1]),
    "max of ties": (of(np.max, np.array([2.0, 1, 2, 2])), [[1 / 3, 0, 1 / 3, 1 / 3]]),
    "min of ties": (of(np.min, np.zeros((2, 2))), [np.full((2, 2), 0.25)]),
    "std of a constant": (of(np.std, np.ones(3)), [ZEROS]),
    "var of a constant": (of(np.var, np.ones(3)), [ZEROS]),
    "clip on the lower bound": (of(lambda x: np.clip(x, 0, 1), 0.0), [1]),
    "clip on the upper bound": (of(lambda x: np.clip(x, 0, 1), 1.0), [1]),
    "clip outside": (of(lambda x: np.clip(x, 0, 1), 1.5), [0]),
    "clip by bounds that cross": (of(np.clip, 0.5, 2.0, 1.0), [0, 0, 1]),
    "x**0.": (of(lambda x: x**0.0, 0.0), [0]),
    "x**0": (of(lambda x: x**0, 0.0), [0]),
    "x**1": (of(lambda x: x**1, 0.0), [1]),
    "x**2": (of(lambda x: x**2, 0.0), [0]),
    "x**y at y = 0": (of(lambda x: (x ** np.array([0.0, 1, 2])).sum(), ZEROS), [[0, 1, 0]]),
    "0**y": (of(np.power, 0.0, 2.0), [0, 0]),
    "0.**0.": (of(np.power, 0.0, 0.0), [0, 0]),
    "prod with a zero": (of(np.prod, np.array([2.0, 0, 3])), [[0, 6, 0]]),
    "prod with two zeros": (of(np.prod, np.array([2.0, 0, 0])), [ZEROS]),
    "cumprod with zeros": (of(lambda x: np.cumprod(x).sum(), np.array([2.0, 0, 3])), [[1, 8, 0]]),
    "sinc at 0": (of(np.sinc, 0.0), [0]),
    "arctan2 at 0, 0": (of(np.arctan2, 0.0, 0.0), [0, 0]),
    "arctan2 at 0, 1": (of(np.arctan2, 0.0, 1.0), [1, 0]),
    "hypot at 0, 0": (of(np.hypot, 0.0, 0.0), [0, 0]),
    "logaddexp of -inf": (of(np.logaddexp, -INF, 1.0), [0, 1]),
    "a repeated index": (of(lambda x: x[[0, 0, 2]].sum(), ZEROS), [[2, 0, 1]]),
    "a repeated assignment": (
        of(lambda x, v: fg.at(x)[[0, 0]].set(v).sum(), ZEROS, np.ones(2)),
        [[0, 1, 1], [0, 1]],
    ),
    "a repeated addition": (
        of(lambda x, v: fg.at(x)[[0, 0]].add(v).sum(), ZEROS, np.ones(2)),
        [[1, 1, 1], [1, 1]],
    ),
    "a sum of nothing": (of(np.sum, np.zeros(0)), [np.zeros(0)]),
    "a product of nothing": (of(np.prod, np.zeros(0)), [np.zeros(0)]),
    "floor on an integer": (of(lambda x: x - np.floor(x), 2.0), [1]),
    "sqrt in a branch not taken": (of(lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0), [0]),
    "sqrt of what is lost": (of(lambda x: np.sqrt(np.maximum(x, 0.0)), -1.0), [0]),
    "norm in a branch not taken": (
        of(lambda x: np.where(x.sum() > 0, np.sqrt((x**2).sum()), 0.0), ZEROS),
        [ZEROS],
    ),
}
# where NumPy itself warns of the value
WARNED = {
    "log in a branch not taken": (of(lambda x: np.where(x > 0, np.log(x), 0.0), 0.0), [0]),
    "1/x in a branch not taken": (of(lambda x: np.where(x > 0, 1 / x, 0.0), 0.0), [0]),
    "x**y in a branch not taken": (of(lambda x: np.where(x > 0, x**-0.5, 0.0), 0.0), [0]),
    "log at 0": (of(np.log, 0.0), [INF]),
    "arctanh at 1": (of(np.arctanh, 1.0), [INF]),
}
SECOND = {
    "sinc at 0": (np.sinc, 0.0, -(math.pi**2) / 3),
    "sinc near 0": (np.sinc, 1e-5, -(math.pi**2) / 3),
    "x**2 at 0": (lambda x: x**2, 0.0, 2.0),
    "x**2. at 0": (lambda x: x**2.0, 0.0, 2.0),
    "x**1 at 0": (lambda x: x**1, 0.0, 0.0),
    "a product with a zero": (lambda x: np.prod(np.stack([x, x, 3 + x])), 0.0, 6.0),
    "abs at 0": (np.abs, 0.0, 0.0),
    "arctan at 0": (np.arctan, 0.0, 0.0),
}


def gradients(function, xs):
    return fg.grad(lambda *xs: function(*xs), tuple(range(len(xs))))(*xs)


@pytest.mark.parametrize("edge", GRADIENTS)
def test_the_gradient_at_an_edge_is_the_one_decided(edge):
    (function, xs), want = GRADIENTS[edge]
    got = gradients(function, xs)

    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-15)  # thirds are rounded


@pytest.mark.parametrize("edge", WARNED)
def test_the_gradient_adds_no_nan_where_the_value_is_singular(edge):
    (function, xs), want = WARNED[edge]
    with np.errstate(divide="ignore", invalid="ignore"):
        got = gradients(function, xs)

    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("edge", {**GRADIENTS, **WARNED})
def test_forward_and_reverse_agree_at_an_edge(edge):
    (function, xs), want = {**GRADIENTS, **WARNED}[edge]
    for i, x in enumerate(xs):
        for k in range(np.size(x)):
            unit = np.eye(1, np.size(x), k, np.asarray(x).dtype).reshape(np.shape(x))
            ts = [unit if j == i else np.zeros_like(x) for j, x in enumerate(xs)]
            with np.errstate(divide="ignore", invalid="ignore"):
                pushed = fg.jvp(function, xs, ts)[1]

            np.testing.assert_allclose(pushed, np.sum(want[i] * unit), rtol=1e-15)


@pytest.mark.parametrize("edge", SECOND)
def test_the_second_derivative_at_an_edge_is_the_one_decided(edge):
    function, x, want = SECOND[edge]
    twice = fg.grad(fg.grad(function))(x)
    _, pushed = fg.jvp(fg.grad(function), (x,), (1.0,))

    np.testing.assert_allclose([twice, pushed], want, rtol=1e-9)  # 1e-5 is not 0


def pushed_forward(function):
    return lambda x: fg.jvp(function, (x,), (x,))


def staged(function):
    return lambda x: fg.make_jaxpr(function)(x)(x)


@pytest.mark.parametrize("transform", [fg.grad, pushed_forward, staged])
@pytest.mark.parametrize("index", [10, -4, [0, 10], (slice(None), 0)], ids=str)
def test_an_index_out_of_range_raises(transform, index):
    with pytest.raises(IndexError, match=r"index -?\d+ is out of bounds|too many indices"):
        transform(lambda x: np.sum(x[index]))(np.ones(3))
