"""Loops that Python unrolled are compiled as loops, with the results of the program itself."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import numpy as fnp
from funcgrad.c import compiler
from funcgrad.compile import passes, repetition, rerolling
from funcgrad.core.jaxpr import check_jaxpr
from funcgrad.transforms.jit import backends

from .support.compare import assert_same

T = 12
draw = np.random.default_rng(0).normal


def recurrent(xs, w, h):
    for t in range(T):
        h = np.tanh(xs[t] @ w + h)
    return np.sum(h * h)


def iterated(xs, w, h):
    total = 0.0
    for x in xs:
        h = np.tanh(x @ w + h)
        total = total + np.sum(h)
    return total


def stacked(xs, w, h):
    states = [h]
    for x in list(xs):
        h = np.tanh(x @ w + h)
        states.append(h)
    return np.sum(np.stack(states) ** 2 * np.arange(T + 1)[:, None])


def two_steps_back(x, v):
    before, now = x, x + 0.1 * v
    for _ in range(T):
        before, now = now, 2 * now - before - 0.01 * np.sin(now)
    return np.sum(now * before)


def read_in_the_middle(x, w):
    states = [x, x * w, x * w * w]
    for _ in range(T):
        states.append(np.sin(states[-1] + states[-3] * w))
    return np.sum(states[-1] * states[-2] * states[5])


def written(x, w):
    out = fnp.zeros(T + 1)
    out[0] = x[0]
    for i in range(1, T + 1):
        out[i] = np.sin(out[i - 1] * w) + x[i % 3]
    return np.sum(out**2)


def numbered(x, w):
    total = 0 * x
    for t in range(T):
        total = total * w + x * t + np.cos(x * 0.1 * t)
    return np.sum(total)


def backwards(x, w):
    total = 0.0
    for t in range(T):
        total = np.sin(total + x[-1 - t] * w)
    return total


def shuffled(x, w):
    total = 0.0
    for t in [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]:
        total = np.sin(total + x[t] * w)
    return total


def columns(x, w):
    total = 0 * w
    for t in range(T):
        total = np.sin(total + x[:, t] * w + x[:, t : t + 1][:, 0])
    return np.sum(total)


def nested(x, w):
    for _ in range(T):
        for layer in range(3):
            x = np.tanh(x * w[layer] + 0.1)
    return np.sum(x)


def descent(p, x):
    for t in range(T):
        p = p - 0.1 / (t + 1) * fg.grad(lambda q: np.sum(np.sin(q * x) ** 2))(p)
    return np.sum(p)


def only_the_last(x, w):
    for _ in range(T):
        y = np.cos(x * w)
        x = np.sin(x + y)
    return np.sum(y) + np.sum(x)


def shifted(x, w):
    for _ in range(T):
        x = np.concatenate([x[1:], np.sin(x[:1] * w)])
    return np.sum(x * np.arange(len(x)))


def counted(p, x):
    count = 0
    for _ in range(T):
        count = count + (x > p).astype(int)
        p = p + 0.1 * count
    return np.sum(p)


ROWS = draw(size=(T, 3)), draw(size=(3, 3)), draw(size=3)
PAIR = draw(size=3), draw(size=3)
PROGRAMS = {
    recurrent: ROWS, iterated: ROWS, stacked: ROWS, two_steps_back: PAIR, read_in_the_middle: PAIR,
    written: (draw(size=3), np.float64(0.7)), numbered: PAIR, backwards: (draw(size=T + 2), 0.8),
    shuffled: (draw(size=T), 0.8), columns: (draw(size=(3, T)), draw(size=3)), nested: PAIR,
    descent: PAIR, only_the_last: PAIR, shifted: (draw(size=5), draw(size=1)), counted: PAIR,
}  # fmt: skip
TRANSFORMS = {
    "value": lambda f: f,
    "gradient": fg.value_and_grad,
    "Hessian": lambda f: fg.jacfwd(fg.grad(f)),
    "batch": lambda f: lambda *args: fg.vmap(fg.grad(f))(*(np.stack([x, 1.1 * x]) for x in args)),
}


@pytest.fixture
def short_loops(monkeypatch):
    monkeypatch.setattr(passes, "LARGE", 20)
    monkeypatch.setattr(repetition, "STEPS", 4)
    monkeypatch.setattr(rerolling, "SAVED", 8)


def scans_of(function, args):
    program = fg.make_jaxpr(function)(*args).jaxpr
    rolled = passes.passed(program, passes.FIRST)
    check_jaxpr(rolled)
    return sum(eqn.prim.name == "scan" for eqn in rolled.eqns)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_an_unrolled_loop_compiled_as_a_loop_equals_eager(program, transform, short_loops):
    function, args = TRANSFORMS[transform](program), PROGRAMS[program]
    want = fg.tree.leaves(function(*args))

    got = fg.tree.leaves(fg.jit(function)(*args))

    for x, y in zip(want, got, strict=True):
        assert type(x) is type(y) and x.dtype == y.dtype
        np.testing.assert_allclose(y, x, rtol=1e-11, atol=1e-13)  # sums in another order


@pytest.mark.skipif(not compiler.is_found(), reason="needs a C compiler")
@pytest.mark.parametrize(
    "transform",
    ["gradient", *(pytest.param(t, marks=pytest.mark.slow) for t in ("value", "Hessian", "batch"))],
)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_an_unrolled_loop_that_is_a_loop_in_c_equals_eager(program, transform, monkeypatch):
    monkeypatch.setattr(repetition, "STEPS", 4)
    monkeypatch.setattr(backends, "SAVED", 8)
    monkeypatch.setattr(compiler, "LEVEL", "-O0")
    function, args = TRANSFORMS[transform](program), PROGRAMS[program]

    got = fg.jit(function, backend="c")(*args)

    assert_same(function(*args), got, 1e-11, 1e-13)  # sums in another order


def test_a_loop_in_c_is_found_that_a_rolled_loop_reads_backwards(monkeypatch):
    def loss(x):
        for _ in range(40):
            x = x - 0.1 * (x**3 - x)
        return np.sum(x**2)

    monkeypatch.setattr(passes, "LARGE", 20)
    monkeypatch.setattr(rerolling, "SAVED", 160)  # the way back saves 240 equations, that on 160
    made = fg.make_jaxpr(fg.grad(loss))(ROWS[0]).jaxpr

    once = passes.optimize(made)
    twice = backends.elementary(once)

    assert [sum(e.prim.name == "scan" for e in p.eqns) for p in (once, twice)] == [1, 2]
    assert len(twice.eqns) < 20


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_both_directions_of_an_unrolled_loop_become_loops(program, short_loops):
    args = PROGRAMS[program]

    # counts have no derivative; the middle state divides the steps back into two short loops
    both = {counted: 0, read_in_the_middle: 1}.get(program, 2)
    assert scans_of(program, args) >= 1
    assert scans_of(fg.grad(program), args) >= both


def test_weak_scalars_keep_float32(short_loops):
    args = tuple(x.astype(np.float32) for x in PAIR)
    want = fg.grad(numbered)(*args)

    got = fg.jit(fg.grad(numbered))(*args)

    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_an_unrolled_loop_of_1000_steps_has_a_short_source():
    def program(x):
        for _ in range(1000):
            x = x + 0.01 * np.sin(x) * np.cos(2 * x)
        return np.sum(x)

    source = fg.jit(fg.grad(program)).source(np.ones(3))

    assert source.count("\n") < 250


def test_a_short_unrolled_loop_stays_unrolled():
    args = ROWS

    assert scans_of(fg.grad(recurrent), args) == 0


def test_a_carry_that_starts_at_zero_is_broadcast_along_its_axes(short_loops):
    rolled = passes.passed(fg.make_jaxpr(only_the_last)(*PAIR).jaxpr, passes.FIRST)
    (made,) = [eqn for eqn in rolled.eqns if eqn.prim.name == "broadcast"]

    assert made.params == {"shape": (3,), "axes": (0,)}
