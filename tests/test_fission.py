"""Fission of scans: which equations stay in the loop, with the results of the loop as written."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.compile.passes import optimize
from funcgrad.control import fission
from funcgrad.core.jaxpr import check_jaxpr, constants_as_inputs

from .support.compare import assert_same

RNG = np.random.default_rng(3)
W, XS = RNG.normal(size=(3, 3)), RNG.normal(size=(6, 2, 3))
MASK = RNG.random((6, 2, 3)) > 0.5


def recurrent(w, xs):
    return lax.scan(lambda h, x: (np.tanh(h @ w + x @ w), h), xs[0], xs)


def of_columns(w, xs):
    """Sum the products of parts of a carry and of slices that are read backwards."""
    step = lambda h, x: (
        h * 0.5 + np.concatenate([x[:, :1], h[:, 1:]], 1) * w[0],
        x[:, 1] * h[:, 0],
    )
    return lax.scan(step, xs[0], xs, reverse=True)


def swapped(w, xs):
    """Exchange two carries, and add to a third."""
    step = lambda c, x: ((c[1], c[0] * x, c[2] + np.sum(x @ w * c[0], 0)), c[0] + c[1])
    return lax.scan(step, (xs[0], xs[1], w[0]), xs)


def chosen(w, xs):
    step = lambda c, t: (c + np.where(t[1], t[0] @ w, 0.0), np.max(c, 1))
    return lax.scan(step, xs[0], (xs, MASK))


PLACES = RNG.integers(0, 3, size=6)


def looked_up(w, xs):
    """Read rows, columns and elements at indices that differ between the steps."""

    def step(h, t):
        x, k = t
        read = lambda *index: fg.at(w)[index].get()
        both = np.array([0, 1]) + (k > 1) - 1
        y = h * read(k) + x[0] * read(slice(None), k) + read(both, k).sum() + read(both).sum(0)
        return np.tanh(y), fg.at(h)[:, k].get()

    return lax.scan(step, xs[0], (xs, PLACES))


def drawn(w, xs):
    """Draw numbers by keys of the steps, and solve systems that no carry enters."""

    def step(h, t):
        x, key = t
        noise = fg.random.normal(key, (2, 3), dtype=np.float64)
        a = np.eye(3) * 4.0 + x.T @ x
        return h * w[0] + np.linalg.solve(a, x[0]) + noise, np.linalg.slogdet(a * (1 + h[0] ** 2))

    return lax.scan(step, xs[0], (xs, fg.random.split(fg.random.key(0), len(xs))))


# a scan, and the operations that stay in its loop
SCANS = {
    "input projection": (recurrent, ["matmul", "add", "tanh"]),
    "no recurrence": (lambda w, xs: lax.map(lambda x: np.sin(x @ w), xs), None),
    "a sum": (lambda w, xs: lax.scan(lambda c, x: (c + x.T @ x, None), w, xs), None),
    "a sum of its carry": (
        lambda w, xs: lax.scan(lambda c, x: ((c[0] @ w, c[1] + c[0]), None), (xs[0], xs[1]), xs),
        ["matmul"]),
    "outputs alone": (
        lambda w, xs: lax.scan(lambda c, x: (c * w[0], np.exp(-(c * c)) + x), xs[0], xs), ["mul"]),
    "reads of a slice": (of_columns, ["mul", "getitem", "concatenate", "mul", "add"]),
    "exchanged carries": (swapped, ["mul"]),
    "choices": (chosen, ["add"]),
    "indices": (looked_up, ["mul", "add", "add", "add", "tanh"]),
    "draws and systems": (drawn, ["mul", "add", "add"]),
    "repeated rows": (
        lambda w, xs: lax.scan(lambda c, x: (c * np.sum(x) + x[0], None), xs[0], xs),
        ["mul", "add"]),
    "a row that follows": (lambda w, xs: lax.scan(lambda c, x: (x * w[0], c), xs[0], xs), []),
    "float32": (
        lambda w, xs: recurrent(w.astype("f4"), xs.astype("f4")), ["matmul", "add", "tanh"]),
}  # fmt: skip


def loops(f, *args):
    """Return the operations in the loops of the compiled program."""
    jaxpr = constants_as_inputs(fg.make_jaxpr(f)(*args).jaxpr)
    after = optimize(jaxpr)
    check_jaxpr(after)
    scans = [e.params["jaxpr"] for e in after.eqns if e.prim.name == "scan"]
    return [[e.prim.name for e in held.eqns] for held in scans]


@pytest.mark.parametrize("name", SCANS)
def test_equations_that_need_no_other_step_leave_the_loop(name):
    f, left = SCANS[name]

    assert loops(f, W, XS) == ([] if left is None else [left])
    assert_same(f(W, XS), fg.jit(f)(W, XS), 1e-6 if name == "float32" else 1e-12)


@pytest.mark.parametrize("name", SCANS)
def test_derivatives_are_those_of_the_loop(name):
    def total(w, xs):
        return sum(np.sum(np.sin(y)) for y in fg.tree.leaves(SCANS[name][0](w, xs)))

    for transform in (fg.value_and_grad, fg.vmap, lambda f: fg.grad(f, 1)):
        f, xs = transform(total), XS
        if transform is fg.vmap:
            f, xs = fg.vmap(total, (None, 1)), XS[:, None]
        want, got = f(W, xs), fg.jit(f)(W, xs)
        assert_same(want, got, 1e-5 if name == "float32" else 1e-12, 1e-12)


def test_a_short_loop_and_large_steps_stay_as_they_are(monkeypatch):
    short = lambda w, xs: recurrent(w, xs[:3])
    assert loops(short, W, XS)[0].count("matmul") == 2

    monkeypatch.setattr(fission, "MEMORY", 100)
    assert loops(recurrent, W, XS)[0].count("matmul") == 2


def test_rematerialized_equations_stay_in_the_loop():
    body = fg.checkpoint(lambda h, x: np.tanh(h * W[0] + np.exp(np.sin(x))))
    f = fg.grad(lambda xs: np.sum(lax.scan(lambda h, x: (body(h, x), None), xs[0], xs)[0]))

    assert "exp" in loops(f, XS)[-1]
    assert_same(f(XS), fg.jit(f)(XS), 1e-12)
