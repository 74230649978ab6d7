"""Loops of few operations: they run step by step, with the results of the loop's own rules."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax
from funcgrad.control import body
from funcgrad.control.scan import Scan
from funcgrad.control.while_loop import While

from .support.compare import assert_same

X = np.array([0.3, -0.7, 1.2])
A = np.arange(12.0).reshape(4, 3) / 10


def slices(x, reverse=False):
    return lax.scan(lambda c, a: (np.sin(c) * x + a, (c * a, a[0])), x, A, reverse=reverse)


def integers(x):
    return lax.scan(lambda c, a: ((c[0] + 1, c[1] * x), c[0]), (0, x), A)


LOOPS = {
    "carry": lambda x: lax.scan(lambda c, _: (np.sin(c) * x, None), x, None, 3),
    "slices": slices,
    "reversed": lambda x: slices(x, reverse=True),
    "traced slices": lambda x: lax.scan(lambda c, a: (c * a, c), x, A * x),
    "Python scalar": lambda x: lax.scan(lambda c, _: (c * 2.0, c), 1.5, None, 3)[0] * x,
    "weak carry": lambda x: lax.scan(lambda c, a: (c + np.sum(a * x), c), 0.0, A),
    "integers beside": integers,
    "one unchanged": lambda x: lax.scan(lambda c, a: ((c[0], c[1] * a), c[0]), (x, x), A)[0],
    "complex": lambda x: np.real(lax.scan(lambda c, a: (c * (1j * a), None), x + 0j, A)[0]),
    "kinks": lambda x: lax.scan(lambda c, a: (np.sqrt(np.maximum(c - a, 0)), None), x, A)[0],
    "map": lambda x: lax.map(lambda a: np.sin(a * x), A),
    "fori": lambda x: lax.fori_loop(0, 4, lambda i, c: c * x + i, x),
    "while": lambda x: lax.while_loop(lambda c: np.sum(c) < 9.0, lambda c: c * 2 + x**2, x),
    "while of no steps": lambda x: lax.while_loop(lambda c: c[0] > 9, lambda c: c * 2, x) * x,
    "while, counting": lambda x: lax.while_loop(
        lambda c: c[0] < 3, lambda c: (c[0] + 1, np.cos(c[1]) * x), (0, x))[1],
}  # fmt: skip


def total(loop):
    def summed(x):
        return sum(np.sum(y * (i + 1.0)) for i, y in enumerate(fg.tree.leaves(loop(x))))

    return summed


MODES = {
    "grad": lambda f: fg.grad(total(f)),
    "value_and_grad": lambda f: fg.value_and_grad(total(f)),
    "vjp twice": lambda f: lambda x: [fg.vjp(total(f), x)[1](ct)[0] for ct in (1.0, 2.0)],
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (np.ones_like(x),)),
    "hessian": lambda f: fg.hessian(total(f)),
    "grad of grad": lambda f: fg.grad(lambda x: np.sum(fg.grad(total(f))(x) ** 2)),
    "linearize": lambda f: lambda x: fg.linearize(total(f), x)[1](np.ones_like(x)),
    "jit": lambda f: fg.jit(fg.grad(total(f))),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_run_step_by_step_gives_what_its_rules_give(loop, mode, monkeypatch):
    run = MODES[mode](LOOPS[loop])
    got = run(X)
    monkeypatch.setattr(body, "SHORT", 0)
    want = run(X)

    assert_same(want, got, ulps=16, atol=1e-15)  # sums of cotangents in another order


def test_batches_of_short_loops_are_batches_of_loops(monkeypatch):
    run = fg.vmap(fg.grad(total(LOOPS["while"])))
    got = run(np.stack([X, 2 * X]))
    monkeypatch.setattr(body, "SHORT", 0)
    want = run(np.stack([X, 2 * X]))

    assert_same(want, got, ulps=16)


@pytest.fixture
def ruled(monkeypatch):
    """List the primitives of loops whose reverse rule is called."""
    found = []
    for kind in (Scan, While):
        rule = kind.value_and_vjp
        monkeypatch.setattr(
            kind, "value_and_vjp",
            lambda self, *args, rule=rule, **params: found.append(self.name) or rule(
                self, *args, **params),
        )  # fmt: skip
    return found


def by_scan(x, n=3, step=np.sin):
    return np.sum(lax.scan(lambda c, _: (step(c) * x, None), x, None, n)[0])


def by_while(x, n=3):
    return np.sum(lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * x), (0, x))[1])


def test_few_operations_on_small_values_run_step_by_step(ruled):
    fg.grad(by_scan)(X), fg.grad(by_while)(X)

    assert ruled == []


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: by_scan(x, 100), X),
        (lambda x: by_while(x, 100), X),
        (by_scan, np.ones(5000)),
        (by_scan, X.astype(np.float16)),
        (lambda x: by_scan(x, step=lambda c: by_scan(c)), X),
    ],
    ids=["many steps", "many steps of while", "large", "half precision", "a loop in a loop"],
)
def test_other_loops_have_a_derivative_by_rules(f, x, ruled):
    fg.grad(f)(x)

    assert ruled


def test_a_result_that_is_an_operand_is_a_copy():
    def f(x):
        (y, _), _ = lax.scan(lambda c, _: ((c[0], c[1] * 2), None), (x, x), None, 2)
        y[0] = 5.0
        return np.sum(x * y)

    assert_same(np.array([5.0 + 0.0, 2 * -0.7, 2 * 1.2]), fg.grad(f)(X))


def test_a_compiled_gradient_passes_over_a_loop_without_results():
    def f(x):
        fg.lax.map(lambda row: None, x)
        return np.sum(x**2)

    x = np.arange(6.0).reshape(3, 2)

    np.testing.assert_array_equal(fg.jit(fg.grad(f))(x), 2 * x)
