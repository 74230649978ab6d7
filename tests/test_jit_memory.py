"""Memory of compiled functions: outputs, donated arguments, the workspace and its limit."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree

M = np.random.default_rng(0).normal(size=(400, 500))
X = np.array([1.5, -2.0, 3.0])


# outputs

W = np.arange(6.0).reshape(2, 3)


OUTPUTS = {
    "an input": lambda x: x,
    "views of an input": lambda x: (x.T, x[0], x[None], x.reshape(-1), x[:, ::-1]),
    "an input twice": lambda x: [x, x],
    "a result twice": lambda x: (lambda y: (y, y))(x * 2),
    "views of a result": lambda x: (lambda y: (y, y.T, y.reshape(-1), y[1:]))(x * 2),
    "a constant": lambda x: (W, W, W.T, x),
    "what is repeated": lambda x: (np.broadcast_to(x, (4, 2, 3)), np.broadcast_to(1.0, (2, 3))),
    "loops that do nothing": lambda x: (
        lax.scan(lambda c, t: (c, t), x, x),
        lax.while_loop(lambda c: c.sum() > 1e9, lambda c: c * 2, x),
        lax.cond(x.sum() > 1e9, lambda x: x * 2, lambda x: x, x),
    ),
    "gradients": lambda x: (fg.grad(lambda x: (x * W).sum())(x), fg.checkpoint(lambda x: x)(x)),
}


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_outputs_share_memory_with_nothing(outputs):
    f, x = fg.jit(OUTPUTS[outputs]), W + 0.5
    want = [np.array(y) for y in tree.leaves(OUTPUTS[outputs](x))]
    earlier = tree.leaves(f(x))
    for _ in range(2):
        got = tree.leaves(f(x))
        for i, (w, g) in enumerate(zip(want, got, strict=True)):
            np.testing.assert_array_equal(g, w)
            assert not any(np.shares_memory(g, other) for other in (x, W, *got[:i], *earlier))
            g[...] = np.nan
        np.testing.assert_array_equal(x, W + 0.5)
    for w, g in zip(want, earlier, strict=True):
        np.testing.assert_array_equal(g, w)


def test_what_jit_returns_owns_its_memory():
    outs = fg.jit(lambda x: (x * 2, (x * 3).reshape(-1), (x @ x).reshape(4, 4, 1), x[1:]))(
        np.ones((4, 4))
    )

    assert all(y.base is None for y in outs)


def test_real_and_imaginary_parts_are_memory_of_their_own():
    f = fg.jit(lambda x: (np.real(x * 1j + x), np.imag(x * 1j)))
    first = f(X)
    f(X * 0)

    np.testing.assert_array_equal(first, [X, X])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sin((x * 2)[::-1] @ x.T)[::-1] * 2 + 1,
        lambda x: np.tanh((x @ x.T)[:, :390]) * 2 + 1,
        fg.grad(lambda x: (np.tanh((x @ x.T / 20).T) ** 2).sum()),
    ],
    ids=["flip", "part", "transpose"],
)
def test_blocks_read_views_of_the_workspace_as_they_are_now(f):
    np.testing.assert_allclose(fg.jit(f)(M), f(M), rtol=1e-9, atol=1e-9)


def test_a_constant_is_a_copy_also_while_an_outer_transform_holds_it():
    w = np.arange(3.0)
    f = fg.jit(lambda x: x * w)
    fg.grad(lambda x: (x * w + f(x)).sum())(X)
    w[:] = 9.0

    np.testing.assert_array_equal(f(X), X * np.arange(3.0))


# donation


def descend(p, g):
    return p - 0.1 * g


def donating(*args):
    """Return a function that may write over its first argument, compiled for such arguments."""
    f = fg.jit(descend, donate_argnums=0)
    f(*map(np.copy, args))
    return f


def test_an_output_takes_the_memory_of_an_argument():
    p, g = np.ones(5), np.arange(5.0)
    by_name = fg.jit(descend, donate_argnames="p")
    by_name(p.copy(), g)
    by_name(p=p.copy(), g=g)

    assert donating(p, g)(p, g) is p
    assert by_name(p, g) is p
    assert by_name(p=p, g=g) is p
    np.testing.assert_allclose(p, 1 - 0.3 * g, rtol=1e-12)


def read_only():
    p = np.ones(5)
    p.flags.writeable = False
    return p, np.ones(5)


def viewed_by_another(cut):
    p = np.ones(5)
    return p, p[cut]


@pytest.mark.parametrize(
    "make",
    [
        lambda: (np.ones(10)[:5], np.ones(5)),
        lambda: (np.ones(10)[::2], np.ones(5)),
        lambda: (np.ones((2, 3), order="F"), np.ones((2, 3))),
        lambda: (np.frombuffer(bytearray(40)), np.ones(5)),
        read_only,
        lambda: (lambda p: (p, p))(np.ones(5)),
        lambda: viewed_by_another(slice(None, None, -1)),
        lambda: viewed_by_another(slice(1, 2)),
        lambda: (np.float64(2), np.ones(5)),
    ],
    ids=["view", "strided", "fortran", "buffer", "read-only", "twice", "other view", "part",
         "number"],
)  # fmt: skip
def test_an_argument_that_is_not_its_own_memory_is_not_written_over(make):
    p, g = make()
    f, before = donating(p, g), np.copy(p)
    want = descend(p, g)
    got = f(p, g)

    assert got is not p
    np.testing.assert_allclose(got, want, rtol=1e-12)
    np.testing.assert_array_equal(p, before)


def test_many_steps_of_adam_over_their_own_memory_equal_steps_without():
    rng = np.random.default_rng(0)
    data, optimizer = rng.normal(size=(20, 4)), fg.optim.adam(0.05)
    start = {"w": rng.normal(size=(4, 3)), "b": np.zeros(3)}

    def step(params, state, x):
        loss = lambda p: (np.tanh(x @ p["w"] + p["b"]) ** 2).sum()
        updates, state = optimizer.update(fg.grad(loss)(params), state, params)
        return tree.map(np.add, params, updates), state

    def trained(step):
        params = tree.map(np.copy, start)
        state = optimizer.init(params)
        for i in range(30):
            params, state = step(params, state, data[i % 5 * 4 :][:4])
        return tree.leaves((params, state))

    for w, g in zip(trained(step), trained(fg.jit(step, donate_argnums=(0, 1))), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-11)  # powers and quotients


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: (y, x),
        lambda x, y: (np.sin(y), x),
        lambda x, y: (x[::-1], x),
        lambda x, y: (np.sin(x), x[::-1]),
        lambda x, y: (y[::-1], x[::-1]),
        lambda x, y: {"new": x - 0.1 * y, "old": x},
    ],
    ids=["swap", "beside", "flip", "view", "views", "old and new"],
)
@pytest.mark.parametrize("donated", [(0,), (0, 1)], ids=str)
def test_a_donated_argument_may_be_an_output_too(f, donated):
    want, compiled = f(X, X + 10), fg.jit(f, donate_argnums=donated)
    for _ in range(2):
        got = compiled(X.copy(), X + 10)
        for w, g in zip(fg.tree.leaves(want), fg.tree.leaves(got), strict=True):
            np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: (b, a),
        lambda a, b: (a + 1, a),
        lambda a, b: (a + 1, a + 1, b),
        lambda a, b: (np.ones(3), a),
        lambda a, b: (a[::-1], a[::-1]),
        lambda a, b: np.where(a > 0, a, a),
    ],
)
def test_donation_leaves_what_is_shown_alone(f):
    compiled = fg.jit(f, donate_argnums=(0, 1))
    for _ in range(3):
        want = fg.tree.leaves(f(X.copy(), 10 * X))
        got = fg.tree.leaves(compiled(X.copy(), 10 * X))
        for w, g in zip(want, got, strict=True):
            np.testing.assert_array_equal(g, w)


def test_views_that_do_not_tell_their_base_are_seen():
    compiled = fg.jit(lambda a, w: (a + 1, w * 2), donate_argnums=0)
    for _ in range(2):
        a = np.arange(4.0)
        rows = np.lib.stride_tricks.sliding_window_view(a, 2)
        want = rows * 2

        np.testing.assert_array_equal(compiled(a, rows)[1], want)


def test_donation_goes_on_from_step_to_step():
    def step(state):
        return [np.tanh(x.reshape(-1)).reshape(x.shape) * 0.5 for x in state]

    compiled = fg.jit(step, donate_argnums=0)
    state = [np.ones((3, 4)) for _ in range(6)]
    owners = list(map(id, state))
    for _ in range(4):
        want = step(state)
        state = compiled(state)
        for w, g in zip(want, state, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-12)

    assert list(map(id, state)) == owners


# a limit


@pytest.mark.parametrize("limit", ["a", 1.5, -1, True])
def test_a_memory_limit_is_a_number_of_bytes(limit):
    with pytest.raises(ValueError, match="memory_limit must be an integer"):
        fg.jit(np.sin, memory_limit=limit)


def test_a_memory_limit_holds_for_many_small_values():
    def chain(x):
        for _ in range(1010):
            x = np.sin(x)
        return np.sum(x)

    x = np.ones(500)
    free = fg.jit(fg.grad(chain)).memory(x).workspace
    bound = fg.jit(fg.grad(chain), memory_limit=free // 3)

    assert bound.memory(x).workspace <= free // 3


def test_a_workspace_beyond_the_first_cache_starts_at_a_line_of_it():
    f = fg.jit(lambda x: np.sum(np.tanh(x * 2) + x))
    code = {}

    exec(f.source(np.ones((100, 200))), code)

    assert all(part.ctypes.data % 64 == 0 for part in code["workspace"]())
    assert "ctypes" not in f.source(np.ones(100))
