"""checkpoint: the same numbers from less memory, and what a policy keeps."""

import time

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError
from funcgrad.core.jaxpr import check_jaxpr, programs_in

from .support.compare import assert_same
from .support.processes import peak_of

RNG = np.random.default_rng(0)
X, W = np.array([0.3, -0.7, 1.2]), RNG.normal(size=(3, 3))


def f(w, x):
    return np.sin(fg.checkpoint_name(np.tanh(w @ np.exp(x)), "h") * x).sum()


POLICIES = [
    None, "nothing", "everything", "dots", ["h"],
    fg.checkpoint_policies.dots_saveable,
    fg.checkpoint_policies.save_only_these_names("h"),
    fg.checkpoint_policies.save_any_names_but_these("z"),
]  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_derivatives_are_those_of_the_function(policy):
    g = fg.checkpoint(f, policy=policy)
    for transform in (
        lambda h: fg.grad(h, (0, 1))(W, X),
        lambda h: fg.hessian(h, 1)(W, X),
        lambda h: fg.jacrev(fg.grad(h, 1), 1)(W, X),
        lambda h: fg.jvp(h, (W, X), (W, X)),
        lambda h: fg.linearize(h, W, X)[1](W, X),
        lambda h: fg.vmap(fg.grad(h, 1), (None, 0))(W, np.stack([X, 2 * X])),
        lambda h: fg.grad(lambda x: fg.vmap(h, (None, 0))(W, np.stack([x, x * x])).sum())(X),
        lambda h: fg.make_jaxpr(fg.grad(h))(W, X)(W, X),
        lambda h: fg.linear_transpose(fg.linearize(h, W, X)[1], W, X)(np.float64(2.0)),
    ):
        for want, got in zip(
            fg.tree.leaves(transform(f)), fg.tree.leaves(transform(g)), strict=True
        ):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def count(jaxpr, name):
    """Return how often a primitive stands in a program and those that it holds."""
    inner = (p for eqn in jaxpr.eqns for p in programs_in(eqn.params))
    return sum(e.prim.name == name for e in jaxpr.eqns) + sum(count(p, name) for p in inner)


@pytest.mark.parametrize(
    ("policy", "exps", "products", "tanhs"),
    # the forward pass, what is computed again, and the products of the backward pass itself
    [("nothing", 2, 3, 2), ("everything", 1, 2, 1), ("dots", 2, 2, 2), (["h"], 2, 2, 1)],
)
def test_a_policy_says_what_is_computed_again(policy, exps, products, tanhs):
    g = fg.checkpoint(f, policy=policy)
    closed = fg.make_jaxpr(fg.grad(g, (0, 1)))(W, X)
    check_jaxpr(closed.jaxpr)
    products += 1  # the product for the cotangent of x

    found = [count(closed.jaxpr, name) for name in ("exp", "matmul", "tanh")]
    assert found == [exps, products, tanhs]


def test_what_is_computed_again_is_marked_for_the_compiler():
    closed = fg.make_jaxpr(fg.grad(fg.checkpoint(f), 1))(W, X)
    forward, backward = [eqn for eqn in closed.eqns if eqn.prim.name == "checkpoint"]

    assert forward.params["prevent_cse"] and backward.params["prevent_cse"]
    assert len(forward.outs) == 1  # nothing is saved but the arguments, which are there anyway


def layer(p, h):
    return np.tanh(h @ p["w"] + p["b"])


def median_times(*funs):
    """Return the median processor time of each function, called in turns."""
    times = [[] for _ in funs]
    for _ in range(3):
        for row, fun in zip(times, funs, strict=True):
            start = time.process_time()
            fun()
            row.append(time.process_time() - start)
    return [sorted(row)[1] for row in times]


def test_what_is_closed_over_is_computed_again_as_arguments_are():
    def block(w, h):
        return np.sin(np.exp(-np.tanh(w)) * w) * h

    def of(closes):
        call = lambda w: fg.checkpoint(lambda h: block(w, h)) if closes else None
        return lambda w, x: (call(w)(x) if closes else fg.checkpoint(block)(w, x)).sum()

    names = lambda f: sorted(e.prim.name for e in fg.make_jaxpr(f)(W, X).jaxpr.eqns)
    found = fg.grad(of(True), (0, 1))(W, X)

    assert names(of(True)) == names(of(False)) == ["checkpoint", "sum"]
    assert names(fg.grad(of(True))) == names(fg.grad(of(False)))
    assert_same(found, fg.grad(of(False), (0, 1))(W, X), 1e-14, 1e-14)


def test_a_function_may_branch_on_known_values_that_it_closes_over():
    def g(x):
        chosen = lambda y: np.sin(y) if np.sum(x) > 0 else y
        return fg.checkpoint(chosen)(x).sum()

    np.testing.assert_array_equal(fg.grad(g)(X), np.cos(X))


def test_memory_of_a_deep_network_falls_threefold(capsys):
    params = [{"w": RNG.normal(size=(64, 64)) / 8, "b": np.zeros(64)} for _ in range(50)]
    x = RNG.normal(size=(2000, 64))

    def block(params, h):
        for p in params:
            h = layer(p, h)
        return h

    def loss(params, wrap):
        h = x
        for i in range(0, 50, 7):
            h = wrap(block)(params[i : i + 7], h)
        return np.mean(h**2)

    grads = [fg.grad(lambda ps, w=wrap: loss(ps, w)) for wrap in (lambda f: f, fg.checkpoint)]
    plain, saving = (peak_of(grad, params) for grad in grads)
    times = median_times(*(lambda grad=grad: grad(params) for grad in grads))
    with capsys.disabled():
        print(f"\ncheckpoint over 50 layers: memory / {plain[1] / saving[1]:.1f}, ", end="")
        print(f"time x {times[1] / times[0]:.2f}")

    assert plain[1] > 3 * saving[1]
    assert_same(plain[0], saving[0], 1e-12)


def test_static_arguments_and_keywords():
    g = fg.checkpoint(lambda x, n, scale=1.0: x**n * scale if n > 1 else x, static_argnums=1)

    assert fg.grad(g)(3.0, 2, scale=5.0) == 30.0
    assert (
        fg.grad(fg.checkpoint(lambda x, kind: x * x if kind == "square" else x))(3.0, "square") == 6
    )


def test_a_static_position_without_an_argument_names_nothing():
    g = lambda x, n=2: x * n
    program = fg.make_jaxpr(g, static_argnums=(1,))(3.0)

    assert program(5.0)[0] == 10.0
    assert fg.grad(lambda x: fg.checkpoint(g, static_argnums=1)(x))(3.0) == 2.0


def test_errors_name_the_cure():
    with pytest.raises(ConcretizationError, match="checkpoint of '<lambda>'"):
        fg.grad(fg.checkpoint(lambda x: x if x > 0 else -x))(1.0)
    with pytest.raises(ValueError, match="policy must be one of 'everything', 'nothing', 'dots'"):
        fg.checkpoint(f, policy="some")
    with pytest.raises(TypeError, match="must be a function"):
        fg.checkpoint(3)
