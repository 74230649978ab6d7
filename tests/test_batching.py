"""vmap is a loop over examples: values, derivatives, any tree of axes, and errors by their words.

That every primitive's batch rule is one, ``test_rules.py`` shows from its table.
"""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError, MissingRuleError, ShapeError

RNG = np.random.default_rng(0)
W, X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 4)), RNG.normal(size=(5, 3))


def loss(w, x, y):
    return np.sum((np.tanh(x @ w) - y) ** 2)


def stacked(function, *columns):
    """Return what a Python loop gives: the results for each example, stacked."""
    results = [function(*row) for row in zip(*columns, strict=True)]
    return fg.tree.map(lambda *leaves: np.stack(leaves), *results)


def test_per_example_gradients_are_those_of_a_loop():
    want = stacked(lambda x, y: fg.grad(loss)(W, x, y), X, Y)

    got = fg.vmap(fg.grad(loss), in_axes=(None, 0, 0))(W, X, Y)

    assert got.shape == (5, 4, 3)
    np.testing.assert_allclose(got, want, rtol=1e-12)  # the same sums, in BLAS's order


def test_the_gradient_of_a_batch_is_the_sum_of_those_of_its_examples():
    want = sum(fg.grad(loss)(W, x, y) for x, y in zip(X, Y, strict=True))

    got = fg.grad(lambda w: np.sum(fg.vmap(loss, (None, 0, 0))(w, X, Y)))(W)

    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("transform", [fg.jacfwd, fg.jacrev, fg.hessian])
def test_second_derivatives_batch(transform):
    def f(x):
        return np.sum(np.sin(x) * np.cumsum(x)) * x if transform is not fg.hessian else np.prod(x)

    want = stacked(transform(f), X)

    np.testing.assert_allclose(fg.vmap(transform(f))(X), want, rtol=1e-12, atol=1e-14)


def test_linearized_and_staged_functions_batch():
    f = lambda x: np.exp(x).sum() * x[::-1]
    directions = RNG.normal(size=(6, 4))
    _, f_jvp = fg.linearize(f, X[0])
    program = fg.make_jaxpr(f)(X[0])

    np.testing.assert_allclose(fg.vmap(f_jvp)(directions), stacked(f_jvp, directions), rtol=1e-12)
    np.testing.assert_allclose(fg.vmap(program)(X)[0], stacked(f, X), rtol=1e-12)
    assert "vmap" not in str(fg.make_jaxpr(fg.vmap(f))(X))  # batching is gone from the program


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("out", [0, 1, -1])
def test_axes_count_from_either_end(axis, out):
    want = np.moveaxis(np.stack([np.cumsum(x) for x in X]), 0, out)

    got = fg.vmap(np.cumsum, in_axes=axis, out_axes=out)(np.moveaxis(X, 0, axis))

    np.testing.assert_array_equal(got, want)


def test_axes_are_prefixes_of_trees():
    params = {"w": W, "b": [Y, np.float64(2.0)]}
    f = lambda p, x, scale=1.0: {"y": (x @ p["w"] + p["b"][0] * p["b"][1]) * scale, "n": 7}

    got = fg.vmap(f, in_axes=({"w": None, "b": [0, None]}, 0), out_axes={"y": 1, "n": None})(
        params, X, scale=np.arange(5.0)
    )

    want = (X @ W + Y * 2.0) * np.arange(5.0)[:, None]
    np.testing.assert_allclose(got["y"], want.T, rtol=1e-12)
    assert got["n"] == 7


def test_maps_nest():
    f = lambda x, y: np.dot(x, y) + x[0]
    want = np.array([[f(x, y) for y in X] for x in X])

    got = fg.vmap(fg.vmap(f, (None, 0)), (0, None))(X, X)

    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_what_all_examples_share_stays_concrete():
    def f(x, n):
        return x * 2 if n > 1 else x  # n is a plain number here

    np.testing.assert_array_equal(fg.vmap(f, in_axes=(0, None))(X, 3), 2 * X)


def test_an_outer_derivative_passes_through_what_the_map_closes_over():
    got = fg.grad(lambda s: np.sum(fg.vmap(lambda x: np.sin(s * x).sum())(X)))(0.7)

    np.testing.assert_allclose(got, np.sum(X * np.cos(0.7 * X)), rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 2, 5, 9])
def test_chunks_give_what_the_whole_gives(chunk):
    f = lambda x: (np.sin(x), x.sum())

    got = fg.vmap(f, out_axes=(1, 0), chunk_size=chunk)(X)

    for g, w in zip(got, fg.vmap(f, out_axes=(1, 0))(X), strict=True):
        np.testing.assert_array_equal(g, w)


def test_keys_are_mapped_like_arrays():
    keys = fg.random.split(fg.random.key(0), 3)
    want = np.stack([fg.random.normal(k, (2,)) for k in keys])

    np.testing.assert_array_equal(fg.vmap(lambda k: fg.random.normal(k, (2,)))(keys), want)


def test_axis_size_serves_where_nothing_is_mapped():
    np.testing.assert_array_equal(fg.vmap(lambda: np.ones(2), axis_size=3)(), np.ones((3, 2)))
    assert fg.vmap(np.sin)(np.zeros((0, 3))).shape == (0, 3)


def test_results_may_be_changed():
    got = fg.vmap(lambda x: np.ones(2000))(X)
    got += 1

    assert got[0, 0] == 2


def test_an_ensemble_of_models_is_made_and_run_at_once():
    layer = fg.nn.Dense(4, 3, activation=fg.nn.relu)
    keys = fg.random.split(fg.random.key(0), 6)
    models = fg.vmap(layer.init)(keys)

    got = fg.vmap(lambda model: model(X))(models)

    np.testing.assert_allclose(got[2], layer.init(keys[2])(X), rtol=1e-6)  # float32


# fmt: off
ERRORS = [
    (lambda: fg.vmap(loss, (None, 0, 0))(W, X, Y[:4]), ShapeError,
     r"vmap: the mapped axes differ in length: argument 1 \('x'\) has axis 0 of 5, "
     r"argument 2 \('y'\) has axis 0 of 4"),
    (lambda: fg.vmap(lambda p: p["a"])({"a": X, "b": {"c": Y[:2]}}), ShapeError,
     r"argument 0 \('p'\) at \['b'\]\['c'\] has axis 0 of 2"),
    (lambda: fg.vmap(np.sin)(1.0), ShapeError, r"has no axis 0 to map over: got f64\[\]"),
    (lambda: fg.vmap(np.sin, in_axes=2)(X), ShapeError, "has no axis 2 to map over"),
    (lambda: fg.vmap(np.sin, out_axes=None)(X), ShapeError, "out_axes is None for the output"),
    (lambda: fg.vmap(np.sin, out_axes=3)(X), ShapeError, "choose one from -2 to 1"),
    (lambda: fg.vmap(loss, in_axes=(0, 0))(W, X, Y), ValueError, "one entry for each positional"),
    (lambda: fg.vmap(lambda x: x, in_axes=None)(X), ValueError, "give axis_size"),
    (lambda: fg.vmap(lambda x: x if x > 0 else -x)(X[0]), ConcretizationError,
     "differs from example to example in vmap of '<lambda>'"),
    (lambda: fg.vmap(lambda x: x[x > 0])(X), ConcretizationError, "a boolean index"),
    (lambda: fg.vmap(np.sin, chunk_size=0)(X), ValueError, "chunk_size must be at least 1"),
    (lambda: fg.vmap(3), TypeError, "must be a function: got 3"),
]
# fmt: on


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_name_the_argument_and_the_cure(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


class Doubled(fg.extend.Primitive):
    """A primitive without a batch rule."""

    run = lambda self, x: (2 * x,)
    infer = lambda self, x: (x,)
    jvp = lambda self, primals, tangents, outs: (self(tangents[0]),)
    vjp = lambda self, cts, needs, outs, ins: (self(cts[0]),)


@pytest.mark.parametrize("over", [fg.vmap, fg.jacfwd, fg.jacrev, fg.hessian])
def test_a_missing_batch_rule_names_the_loop(over):
    doubled = Doubled("doubled_of_batching")
    f = (lambda x: doubled(x).sum() ** 2) if over is fg.hessian else lambda x: doubled(x)
    with pytest.raises(MissingRuleError, match=r"define Doubled.batch .*funcgrad.extend.by_loop"):
        over(f)(np.ones(9))  # of few elements the derivatives are taken one by one
    doubled.batch = lambda *args, **params: fg.extend.by_loop(doubled, *args, **params)

    assert np.shape(over(f)(np.ones(9)))[:1] == (9,)
