"""Compiled arrays in another order of axes, and in blocks, give what eager code gives."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile import fusion, planes
from funcgrad.compile.passes import LAST, optimize, passed

UNARY = (
    np.square,
    np.tanh,
    np.exp,
    np.abs,
    lambda x: np.where(x > 0.1, x, 0),
    lambda x: 1 / (2 + x * x),
)
BINARY = (np.add, np.subtract, np.multiply, np.maximum)


def names(f, *xs):
    """Return the primitives of a program after all passes, those that it holds too."""
    found = passed(optimize(fg.make_jaxpr(f)(*xs).jaxpr), LAST)
    return [eqn.prim.name for eqn in found.eqns]


def assert_compiled(f, *xs):
    value = lambda *xs: [f(*xs), fg.grad(f)(*xs)]
    want, got = value(*xs), fg.jit(value)(*xs)

    # sums in another order
    for w, g in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-9 * np.abs(w).max(initial=1.0))


@pytest.mark.parametrize("seed", range(40))
def test_arrays_made_by_broadcasting_are_reduced_in_any_layout(seed):
    rng = np.random.default_rng(seed)
    n, m, d = (int(k) for k in (rng.integers(2, 30), rng.integers(16, 40), rng.integers(2, 9)))
    lead = () if rng.random() < 0.7 else (3,)
    shapes = [(n, 1, d), (m, d), (d,), (1, m, 1), (n, 1, 1), (n, m, 1), (m, 1)]
    x, y = rng.normal(size=(n, d)), rng.normal(size=(*lead, 1, m, d) if lead else (m, d))
    z = rng.normal(size=shapes[rng.integers(len(shapes))])
    first, second = (UNARY[i] for i in rng.integers(len(UNARY), size=2))
    join, more = (BINARY[i] for i in rng.integers(len(BINARY), size=2))
    rank = 3 + len(lead)
    axes = tuple(k for k in range(rank) if rng.random() < 0.6) or (rank - 1,)
    reduce = np.sum if rng.random() < 0.7 else np.max

    def loss(x, y):
        a = first(join(x[:, None], y))
        b = more(a, z)
        return np.sum(reduce(second(b), axis=axes) ** 2)

    assert_compiled(loss, x, y)


def test_a_short_axis_is_moved_where_the_array_is_only_reduced():
    x, y = np.ones((40, 3)), np.ones((50, 3))

    assert "swapped" in names(lambda x, y: np.sum(np.sum((x[:, None] - y) ** 2, -1)), x, y)
    assert "swapped" not in names(lambda x, y: (x[:, None] - y) ** 2, x, y)
    few = np.ones((2, 3))
    assert "swapped" not in names(lambda x, y: np.sum(np.sum((x[:, None] - y) ** 2, -1)), few, y)


def test_an_array_of_full_shape_is_not_moved():
    x = np.ones((40, 50, 3))

    assert planes._moved(optimize(fg.make_jaxpr(lambda x: np.sum(x * 2, -1))(x).jaxpr)) == set()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_and_casts_are_part_of_a_block(dtype):
    x = np.random.default_rng(0).normal(size=fusion.BIG + 100).astype(dtype)
    f = lambda x: np.sum(np.where(x > 0, x * x, 0) + (x > 1).astype(dtype))

    assert names(f, x).count("blocks") + names(f, x).count("overlapping_blocks") == 1
    assert np.isclose(fg.jit(f)(x), f(x), rtol=1e-4)
    np.testing.assert_allclose(fg.jit(fg.grad(f))(x), fg.grad(f)(x), rtol=1e-6)


@pytest.mark.parametrize("shape", [(400, 400), (401, 350), (8, 20_000), (3, 50_000), (40, 70, 60)])
def test_slices_and_transposes_are_read_in_blocks(shape):
    x = np.random.default_rng(1).normal(size=shape)

    def loss(x):
        inner = x[1:, :-1] - x[:-1, 1:]
        return np.sum(np.sqrt(inner * inner + 1)) + np.sum(np.tanh(x.T) * 2)

    assert_compiled(loss, x)


@pytest.mark.parametrize("axes", [0, 1, 2, (0, 1), (1, 2), (0, 2), None])
def test_the_gradient_of_a_maximum_shares_ties_and_keeps_nan(axes):
    x = np.random.default_rng(2).integers(0, 3, (4, 5, 6)).astype(float)
    f = lambda x: np.sum(np.max(x, axis=axes) * np.arange(1.0, 2.0))
    for y in (x, np.where(x == 2, np.inf, x), np.where(np.arange(6) == 3, np.nan, x)):
        np.testing.assert_array_equal(fg.jit(fg.grad(f))(y), fg.grad(f)(y))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
@pytest.mark.parametrize("f", [np.ravel, lambda x: x.flatten(), lambda x: np.outer(x, x[0])])
def test_a_strided_argument_of_any_dtype_is_raveled(f, dtype):
    x = (np.arange(60).reshape(5, 12) % 3).astype(dtype)[:, ::2]

    np.testing.assert_array_equal(fg.jit(f)(x), f(x))


def test_scalars_are_stacked_element_by_element():
    x = np.array([0.5, -0.0, 2.0])

    def stacked(x):
        return np.stack([x[1], np.sin(x[0]), 1.0 * x[2]]) * x

    def appended(x):
        return np.concatenate([x[:2] * 2, (x[1] + 1)[None], -x[2:], (x[0] * x[1])[None]])

    def steps(x):
        step = lambda c, t: (np.stack([c[1] * t, -c[0]]), np.stack([c[0], t, t * t]))
        return fg.lax.scan(step, x[:2], np.arange(4.0))

    assert "elements" in names(stacked, x) and "elements" in names(appended, x)
    several = fg.vmap(steps), np.stack([x, 2 * x])
    fs = (stacked, appended, steps, fg.jacfwd(stacked), fg.jacrev(appended), fg.jacrev(steps))
    for f, operand in (*((f, x) for f in fs), several):
        for want, got in zip(*(fg.tree.leaves(g(operand)) for g in (f, fg.jit(f))), strict=True):
            np.testing.assert_array_equal(got, want)
