"""Compiled products: einsums and stacks of matrices of any shapes give what NumPy gives."""

import numpy as np
import pytest

import funcgrad as fg

from .support.compare import assert_same

LETTERS = "abcdef"
RNG = np.random.default_rng(7)


def random_einsum(rng):
    """Return the text of an einsum, and its operands."""
    lengths = dict(zip(LETTERS, rng.choice([1, 2, 3, 6], len(LETTERS)), strict=True))
    count = int(rng.integers(1, 5))
    names = ["".join(rng.permutation(list(LETTERS))[: rng.integers(0, 4)]) for _ in range(count)]
    used = sorted({c for name in names for c in name})
    out = "".join(rng.permutation(used)[: rng.integers(0, len(used) + 1)]) if used else ""
    xs = [rng.normal(size=[lengths[c] for c in name]) for name in names]
    return f"{','.join(names)}->{out}", xs


@pytest.mark.parametrize("seed", range(60))
def test_a_compiled_einsum_is_that_of_numpy_with_its_gradients(seed):
    rng = np.random.default_rng(seed)
    for _ in range(5):
        text, xs = random_einsum(rng)

        got = fg.jit(lambda *xs, text=text: np.einsum(text, *xs))(*xs)

        np.testing.assert_allclose(got, np.einsum(text, *xs), rtol=1e-12, atol=1e-12, err_msg=text)
        loss = lambda xs, text=text: np.sum(np.sin(np.einsum(text, *xs)))
        want, found = fg.grad(loss)(xs), fg.jit(fg.grad(loss))(xs)
        for w, g in zip(want, found, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-10, err_msg=text)


def random_product(rng):
    """Return matrices, or stacks of them that broadcast, some of them transposed."""
    m, k, n = rng.choice([1, 2, 5, 20], 3)
    stack = rng.choice([1, 3, 6], rng.integers(0, 4))
    shapes = []
    for rows, columns in ((m, k), (k, n)):
        some = [1 if rng.random() < 0.4 else d for d in stack][rng.integers(0, len(stack) + 1) :]
        shapes.append((*some, rows, columns))
    xs = []
    for shape in shapes:
        swapped = rng.random() < 0.4
        x = rng.normal(size=(*shape[:-2], *shape[:-3:-1]) if swapped else shape)
        xs.append(x.swapaxes(-1, -2) if swapped else x)
    return xs


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("seed", range(40))
def test_a_compiled_stack_of_products_is_that_of_numpy_with_its_gradients(seed, dtype):
    rng = np.random.default_rng(seed)
    for _ in range(4):
        a, b = (x.astype(dtype) for x in random_product(rng))
        some = tuple(d for d in range((a @ b).ndim) if rng.random() < 0.4)

        def loss(a, b, some=some):
            y = np.sum(np.tanh(a) @ b.copy(), axis=some)
            return np.sum(np.abs(y) ** 2)

        want = [loss(a, b), *fg.grad(loss, (0, 1))(a, b)]
        got = fg.jit(lambda a, b: [loss(a, b), *fg.grad(loss, (0, 1))(a, b)])(a, b)

        for w, g in zip(want, got, strict=True):
            # a thousand terms in another order
            scale = np.abs(w).max(initial=1.0)
            np.testing.assert_allclose(g, w, rtol=0, atol=2000 * np.finfo(dtype).eps * scale)


# products of many vectors under vmap


@pytest.mark.parametrize(
    "a, b, axes",
    [
        ((3, 4), (5, 4), (None, 0)),
        ((3, 4), (4, 5), (None, 1)),
        ((5, 4), (4, 3), (0, None)),
        ((4, 5), (4, 3), (1, None)),
        ((4,), (5, 4), (None, 0)),
        ((5, 4), (4,), (0, None)),
        ((0, 4), (5, 4), (None, 0)),
        ((5, 0), (0, 3), (0, None)),
    ],
)
def test_products_of_many_vectors_with_one_operand_are_one_product(a, b, axes):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=a), rng.normal(size=b).astype(np.float32)
    rows = [
        [x] * 5 if d is None else np.moveaxis(x, d, 0) for x, d in zip((a, b), axes, strict=True)
    ]
    want = np.stack([np.matmul(x, y) for x, y in zip(*rows, strict=True)])

    got = fg.vmap(np.matmul, axes)(a, b)
    program = fg.make_jaxpr(fg.vmap(np.matmul, axes))(a, b)

    np.testing.assert_allclose(got, want, rtol=1e-12, strict=True)  # in another order
    assert max(len(v.aval.shape) for e in program.eqns for v in e.outs) <= 2


def test_jacobians_of_products_with_a_matrix_are_one_product():
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=(3, 4)), rng.normal(size=4)
    for f in (lambda x: np.tanh(w @ x), lambda x: np.tanh(x @ w.T)):
        want = (1 - np.tanh(w @ x) ** 2)[:, None] * w
        for jacobian in (fg.jacfwd, fg.jacrev):
            program = fg.make_jaxpr(jacobian(f))(x)

            np.testing.assert_allclose(jacobian(f)(x), want, rtol=1e-12)
            products = [e for e in program.eqns if e.prim.name == "matmul"]
            assert all(len(v.aval.shape) <= 2 for e in products for v in e.outs)


# products of loops that Python unrolled


def test_products_of_an_unrolled_loop_are_joined():
    def loss(params, xs):
        w, u = params
        h = np.zeros((2, 3), dtype=xs.dtype)
        for t in range(len(xs)):
            h = np.tanh(h @ w + xs[t] @ u)
        return np.sum(h**2)

    w, u = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3))
    xs = RNG.normal(size=(6, 2, 4))
    f = fg.value_and_grad(loss)
    compiled = fg.jit(f)
    lines = [line for line in compiled.source((w, u), xs).splitlines() if " dot(" in line]

    assert len(lines) < 16  # 6 of h and w, 5 of cotangents: there were 29
    assert_same(f((w, u), xs), compiled((w, u), xs), 1e-12)


def test_joined_sums_keep_their_other_terms():
    def f(ws, a, b):
        rows = [a[t] @ ws for t in range(5)]
        total = b + a[0].T @ rows[0]
        for t in range(1, 5):
            total = total + a[t].T @ rows[t]
        return total + 2 * b, rows[2], total.sum()

    args = RNG.normal(size=(3, 3)), RNG.normal(size=(5, 2, 3)), RNG.normal(size=(3, 3))

    assert_same(f(*args), fg.jit(f)(*args), 1e-12)


@pytest.mark.parametrize("m", [1024, 1500, 1021])
def test_products_of_many_rows_are_made_by_blocks_of_rows(m, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    rng = np.random.default_rng(m)
    a, b = rng.normal(size=(m, 40)), rng.normal(size=(40, 48))
    f = fg.jit(lambda a, b: np.tanh(np.sin(a) @ b) @ b.T)

    np.testing.assert_allclose(f(a, b), np.tanh(np.sin(a) @ b) @ b.T, 1e-12, 1e-12)
    assert ("matmul(" in f.source(a, b)) is (m != 1021)  # which is prime
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")  # blocks are made in one thread
    g = fg.jit(lambda a, b: np.exp(a) @ b)
    assert "matmul(" not in g.source(a, b)


def test_a_large_sum_of_products_is_one_einsum():
    a, b = np.random.default_rng(0).normal(size=(2, 60, 30, 40))
    f = fg.jit(lambda a, b: (np.sin(a) * np.cos(b)).sum(1))

    np.testing.assert_allclose(f(a, b), (np.sin(a) * np.cos(b)).sum(1), 1e-12, 1e-12)
    assert "einsum('abc,abc->ac'" in f.source(a, b)
