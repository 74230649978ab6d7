"""Compiled slices of one array, read as shifts of its flat elements, give what eager code gives."""

import re
import warnings

import numpy as np
import pytest

import funcgrad as fg

RNG = np.random.default_rng(0)


def five_points(u):
    near = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
    return near - 4 * u[1:-1, 1:-1]


def differences(u):
    dx, dy = u[1:, :-1] - u[:-1, :-1], u[:-1, 1:] - u[:-1, :-1]
    return np.sqrt(dx**2 + dy**2 + 0.1)


def upwind(u):
    left, right = u[1:-1, 1:-1] - u[1:-1, :-2], u[1:-1, 2:] - u[1:-1, 1:-1]
    return np.where(u[1:-1, 1:-1] > 0, left, right) * np.maximum(left, right)


def of_part(u):
    inner = u[1:-1, 2:]
    return inner[1:, 1:] * inner[:-1, :-1] - 2 * np.abs(inner[1:, :-1])


def with_rows_and_columns(u):
    return (u[:, 1:] - u[:, :-1]) * u[:1, 1:] + u[:, :1] * (u[:, 1:] + u[:, :-1])


def sweeps(u):
    for _ in range(3):
        u = np.pad(0.25 * five_points(u), 1)
    return u


def in_space(u):
    x = u.reshape(len(u) // 2, 2, -1)
    x = np.concatenate([x, x, x], 1)
    return x[1:, 1:-1, 1:] - 2 * x[:-1, 2:, :-1] + x[1:, :-2, 1:] * x[1:, 1:-1, :-1]


PROGRAMS = [
    five_points, differences, upwind, of_part, with_rows_and_columns, sweeps, in_space
]  # fmt: skip


def loss(f):
    return lambda u: np.sum(f(u) ** 2)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(20, 33), (64, 24), (6, 4)])
def test_values_and_gradients(f, shape):
    u = RNG.normal(size=shape)
    for x in (u, u.T.copy().T, np.where(RNG.random(shape) < 0.02, np.inf, u)):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(fg.jit(f)(x), f(x), rtol=1e-12, atol=1e-12)
            got, want = (g(x) for g in (fg.jit(fg.grad(loss(f))), fg.grad(loss(f))))
            # sums in another order
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


def weighted(u):
    return sum((i + j / 2) * u[i : i + 380, j : j + 390] for i in range(3) for j in range(3))


def of_transposed(u):
    x = u.T
    return (x[2:] - x[:-2]) * 0.5 + x[1:-1]


@pytest.mark.parametrize("f", [five_points, weighted, of_transposed], ids=lambda f: f.__name__)
def test_blocks_of_big_arrays(f):
    u = RNG.normal(size=(382, 392))
    source = fg.jit(f).source(u)

    assert "# blocks of" in source
    for x in (u, u.T.copy().T):
        np.testing.assert_allclose(fg.jit(f)(x), f(x), rtol=1e-10, atol=1e-12)
        got, want = (g(x) for g in (fg.jit(fg.grad(loss(f))), fg.grad(loss(f))))
        # sums in another order
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


# sums of neighbours times numbers


def convolution(x, k):
    (r, c), shape = k.shape, [n - m + 1 for n, m in zip(x.shape, k.shape, strict=True)]
    return sum(k[i, j] * x[i : i + shape[0], j : j + shape[1]] for i in range(r) for j in range(c))


def along_one_axis(x, k):
    x, k = x.reshape(-1), k.reshape(-1)
    y = 0.5 * x[1:-3] - 2.0 * x[2:-2] - x[3:-1] + k[0] * x[:-4]
    return y * (k[1] * x[4:] - x[1:-3] * k[2] + x[2:-2] * k[3])


def with_other_terms(x, k):
    return (
        x[:, 2:] + k[0, 0] * x[:, 1:-1] * k[0, 1] + (x[:, :-2] * k[1, 1] - 3 * x[:, 2:] * x[0, 0])
    )


def spread(x, k):
    return sum(np.pad(k[i, j] * x, ((i, 3 - i), (j, 2 - j))) for i in range(2) for j in range(3))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("f", [convolution, along_one_axis, with_other_terms, spread])
@pytest.mark.parametrize("number", [1.0, np.nan, np.inf])
def test_weighted_neighbours(f, number, dtype):
    x, k = RNG.normal(size=(30, 40)).astype(dtype), RNG.normal(size=(3, 6)).astype(dtype)
    k[1, 2] *= number
    close = {"rtol": 1e-9, "atol": 1e-9} if dtype == np.float64 else {"rtol": 1e-3, "atol": 1e-3}
    value = lambda x, k: np.sum(f(x, k) ** 2)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(fg.jit(f)(x, k), f(x, k), **close)
        gradients = [g(x, k) for g in (fg.jit(fg.grad(value, (0, 1))), fg.grad(value, (0, 1)))]

    for got, want in zip(*gradients, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, **close)  # sums in another order


def test_weighted_neighbours_are_correlated():
    x, k = np.ones((30, 40)), np.arange(2.0, 17.0).reshape(3, 5)
    value = loss(lambda x: convolution(x, k))
    code = [re.sub("#.*", "", fg.jit(f).source(x)) for f in (value, fg.grad(value))]

    assert [text.count("correlate(") for text in code] == [3, 6]


# rolls


def laplacian(u):
    return sum(np.roll(u, s, d) for s in (1, -1) for d in range(u.ndim)) - 2 * u.ndim * u


def neighbours(u):
    x = sum(np.roll(np.roll(u, i, 0), j, 1) for i in (-1, 0, 1) for j in (-2, 0, 1))
    return x * np.roll(u, 2, 1) - np.roll(x, 1, 0)


def along_first(u):
    return u - 0.1 * u * (np.roll(u, -1, 0) - 2 * np.roll(u, 2, 0))


@pytest.mark.parametrize("f", [laplacian, neighbours, along_first], ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(20, 33), (9, 8), (12, 10, 9), (3, 2)])
def test_rolls(f, shape):
    u = RNG.normal(size=shape)

    np.testing.assert_allclose(fg.jit(f)(u), f(u), rtol=1e-12, atol=1e-12)
    got, want = (g(u) for g in (fg.jit(fg.grad(loss(f))), fg.grad(loss(f))))
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)  # sums in another order
    np.testing.assert_array_equal(fg.jit(f)(u.astype(np.int64)), f(u.astype(np.int64)))


def test_several_rolls_are_slices_of_one_copy():
    u = np.ones((20, 33))

    source = fg.jit(along_first).source(u)

    assert source.count("[...] = ") == 3  # the array and two ends


@pytest.mark.parametrize("mode", ["wrap", "reflect", "symmetric", "edge"])
@pytest.mark.parametrize("width", [1, ((2, 0), (0, 3)), ((5, 6), (1, 9))])
def test_the_gradient_of_borders_is_the_adjoint_of_padding(mode, width):
    x = RNG.normal(size=(4, 5))
    pad = lambda x: np.pad(x, width, mode)
    ct = RNG.normal(size=pad(x).shape)

    np.testing.assert_array_equal(fg.jit(pad)(x), pad(x))
    for pull in (fg.vjp(pad, x)[1], fg.jit(lambda ct: fg.vjp(pad, x)[1](ct))):
        np.testing.assert_allclose(np.sum(pull(ct)[0] * x), np.sum(ct * pad(x)), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["f4", "i8", "?", "c16"])
def test_other_dtypes(dtype):
    u = (4 * RNG.normal(size=(20, 33))).astype(dtype)
    f = upwind if dtype in ("f4", "i8") else lambda u: u[1:, 1:] * u[:-1, :-1]

    got, want = fg.jit(f)(u), f(u)

    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-5 if dtype == "f4" else 1e-12)


def test_a_scan_of_slices_of_its_carry():
    def run(u):
        step = lambda u, _: (fg.at(u)[1:-1, 1:-1].add(0.1 * five_points(u)), u[1:, 1:] - u[:-1, 1:])
        u, rows = fg.lax.scan(step, u, None, length=4)
        return np.sum(u**3) + np.sum(rows**2)

    u = RNG.normal(size=(20, 33))

    got, want = (g(u) for g in (fg.jit(fg.grad(run)), fg.grad(run)))

    np.testing.assert_allclose(got, want, rtol=1e-10)  # sums in another order


def test_elements_between_rows_cause_no_warning():
    u = np.cumsum(RNG.uniform(0.5, 1, (20, 33)), 1)
    u[:, 0] = u[:, -1] = 1  # over an end of a row the difference is 0
    f = lambda u: np.log(1 / (u[:, 1:-1] - u[:, :-2]))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(fg.jit(f)(u), f(u))


def test_sums_of_paddings_are_slices_of_one():
    jaxpr = fg.jit(fg.grad(loss(five_points))).source(np.ones((20, 33)))

    assert jaxpr.count(".fill(") == 1
    assert "+=" not in jaxpr


def test_a_view_that_nothing_reads_is_not_written():
    source = fg.jit(five_points).source(np.ones((20, 33)))

    assert "= u[2:, 1:-1]\n" not in source
    assert source.count("u.reshape(-1)[") == 5


def test_slices_of_two_long_rows_are_read_in_blocks_of_flat_elements():
    u = np.random.default_rng(0).normal(size=(2, 70_000))
    row = lambda u: 0.8 * u[:, 1:-3] + 1.1 * u[:, 2:-2] + 2.4 * u[:, 3:-1] - u[:, 4:]
    f = lambda u: np.maximum(row(u), 0)

    np.testing.assert_allclose(fg.jit(f)(u), f(u), atol=1e-12)
