"""The training pass: what the key decides, and how refreshed statistics come back."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, random, tree
from funcgrad.core.errors import LeakedTracerError, ShapeError, TrainingWarning

from .support.compare import assert_same

KEY = random.key(0)
X = random.normal(random.key(1), (8, 3), np.float64)
Y = random.normal(random.key(2), (8, 2), np.float64)


def net(dtype: Any = np.float64) -> Any:
    layers = nn.Dense(3, 4), nn.BatchNorm(4, momentum=0.9), nn.relu, nn.Dropout(0.5), nn.Dense(4, 2)
    return nn.Sequential(*layers).init(KEY, dtype)


def loss(model: Any, x: Any, key: Any = KEY) -> Any:
    y, model = nn.apply(model, x, key=key)
    return np.mean((y - Y[: len(y)]) ** 2), model


def test_the_training_pass_refreshes_statistics_by_flaxs_formula():
    model = net()
    h = model[0](X)

    _, after = nn.apply(model, X, key=KEY)

    np.testing.assert_allclose(after[1].mean, 0.1 * h.mean(0), rtol=1e-12)  # reordered
    np.testing.assert_allclose(after[1].var, 0.9 + 0.1 * h.var(0), rtol=1e-12)
    np.testing.assert_array_equal(after[0].kernel, model[0].kernel)
    np.testing.assert_array_equal(model[1].mean, 0 * h[0])  # the model given is as it was


def test_apply_gives_what_the_model_gives():
    model = net()

    np.testing.assert_array_equal(nn.apply(model, X, key=KEY)[0], model(X, key=KEY))
    np.testing.assert_array_equal(nn.apply(model, X)[0], model(X))


def test_without_a_key_nothing_is_refreshed():
    model = net()

    assert nn.apply(model, X)[1] is model


def test_prediction_takes_the_running_statistics():
    norm = nn.BatchNorm(3, epsilon=0.5).init(KEY, np.float64)
    norm = dataclasses.replace(norm, mean=np.ones(3), var=np.full(3, 3.5), bias=np.full(3, 7.0))

    np.testing.assert_allclose(norm(X), (X - 1) / 2 + 7, rtol=1e-14)


def test_jit_of_apply_is_apply():
    compiled = fg.jit(lambda m, x, key: nn.apply(m, x, key=key))

    assert_same(nn.apply(net(), X, key=KEY), compiled(net(), X, KEY), rtol=1e-12)  # reordered


def test_a_gradient_comes_with_the_refreshed_model():
    want = nn.apply(net(), X, key=KEY)[1]

    (_, after), gradient = fg.value_and_grad(loss, has_aux=True)(net(), X)

    assert_same(want, after)
    assert not any(map(np.any, (gradient[1].mean, gradient[1].var)))
    assert np.any(gradient[1].scale) and np.any(gradient[0].kernel)


def test_running_statistics_have_no_gradient_in_prediction_either():
    with pytest.warns(TrainingWarning):
        gradient = fg.grad(lambda m: np.sum(m(X)))(net())

    assert not any(map(np.any, (gradient[1].mean, gradient[1].var)))


def test_apply_under_scan_refreshes_step_by_step():
    xs = random.normal(random.key(5), (4, 8, 3), np.float64)
    want = net()
    for i, x in enumerate(xs):
        _, want = nn.apply(want, x, key=random.fold_in(KEY, i))

    def step(model: Any, ix: Any) -> Any:
        y, model = nn.apply(model, ix[1], key=random.fold_in(KEY, ix[0]))
        return model, y

    got, _ = fg.lax.scan(step, net(), (np.arange(4), xs))

    assert_same(want, got, rtol=1e-12)  # reordered


def test_an_ensemble_is_trained_at_once():
    keys = random.split(KEY, 3)
    spec = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.tanh, nn.Dense(4, 2))
    models = fg.vmap(spec.init)(keys)
    gradient_of = fg.value_and_grad(loss, has_aux=True)

    (values, after), gradients = fg.vmap(gradient_of, in_axes=(0, None, 0))(models, X, keys)

    for i in range(3):
        one = tree.map(lambda a, i=i: a[i], models)
        assert_same(spec.init(keys[i]), one)
        (value, refreshed), gradient = gradient_of(one, X, keys[i])
        np.testing.assert_allclose(values[i], value, rtol=1e-6)  # float32
        np.testing.assert_allclose(after[1].var[i], refreshed[1].var, rtol=1e-6)
        np.testing.assert_allclose(
            gradients[0].kernel[i], gradient[0].kernel, rtol=1e-4, atol=1e-6
        )  # float32


def test_batch_norm_averages_over_the_examples_of_a_named_axis():
    norm = nn.BatchNorm(3).init(KEY, np.float64)
    want = nn.apply(norm, X, key=KEY)
    named = dataclasses.replace(norm, axis_name="batch")
    one = lambda m, x: nn.apply(m, x, key=KEY)

    y, after = fg.vmap(one, in_axes=(None, 0), out_axes=(0, None), axis_name="batch")(named, X)
    halves = X.reshape(2, 4, 3)
    y2, _ = fg.vmap(one, in_axes=(None, 0), out_axes=(0, None), axis_name="batch")(named, halves)

    np.testing.assert_allclose(y, want[0], rtol=1e-12)  # reordered
    np.testing.assert_allclose(y2.reshape(8, 3), want[0], rtol=1e-12)
    np.testing.assert_allclose(after.var, want[1].var, rtol=1e-12)


def test_batch_norm_refuses_to_average_over_nothing():
    norm = nn.BatchNorm(3).init(KEY)

    with pytest.raises(ShapeError, match=r"BatchNorm\(3\): .* needs a batch axis: got f64\[3"):
        norm(X[0], key=KEY)
    with pytest.raises(ShapeError, match=r"needs a batch axis: got f64\[0,3\]"):
        norm(X[:0], key=KEY)


@nn.module
class Twice:
    norm: nn.BatchNorm

    def __call__(self, x, *, key=None):
        return self.norm(self.norm(x, key=key) + 1, key=key)


def test_a_layer_called_twice_refreshes_twice():
    norm = nn.BatchNorm(3, momentum=0.5).init(KEY, np.float64)
    h, once = nn.apply(norm, X, key=KEY)
    want = nn.apply(once, h + 1, key=KEY)[1]

    _, after = nn.apply(Twice(norm), X, key=KEY)

    assert_same(want, after.norm)


def test_float32_statistics_stay_float32():
    _, after = nn.apply(net(np.float32), X, key=KEY)

    assert {np.dtype(np.float32)} == {x.dtype for x in tree.leaves(after)}


@nn.module
class Inside:
    norm: nn.BatchNorm

    def __call__(self, x, *, key=None):
        return fg.checkpoint(lambda x: self.norm(x, key=key))(x)


@nn.module
class Copied:
    norm: nn.BatchNorm

    def __call__(self, x, *, key=None):
        return fg.checkpoint(lambda norm, x: norm(x, key=key))(self.norm, x)


@nn.module
class Returned:
    norm: nn.BatchNorm

    def __call__(self, x, *, key=None):
        y, norm = fg.checkpoint(lambda norm, x: nn.apply(norm, x, key=key))(self.norm, x)
        nn.refresh(self, norm=norm)
        return y


def test_statistics_refreshed_inside_a_transform_are_not_lost_in_silence():
    norm = nn.BatchNorm(3).init(KEY, np.float64)

    with pytest.raises(
        LeakedTracerError, match="BatchNorm at 'norm' refreshed its statistics in a tr"
    ):
        nn.apply(Inside(norm), X, key=KEY)
    with pytest.raises(nn.RefreshError, match=r"BatchNorm refreshed .* a copy .* nn\.refresh"):
        nn.apply(Copied(norm), X, key=KEY)
    assert_same(nn.apply(norm, X, key=KEY)[1], nn.apply(Returned(norm), X, key=KEY)[1].norm)


def test_one_layer_at_two_places_does_not_keep_statistics():
    norm = nn.BatchNorm(3).init(KEY)

    with pytest.raises(
        nn.RefreshError, match=r"one BatchNorm .* got 'layers\[0\]' and 'layers\[1\]'"
    ):
        nn.apply(nn.Sequential(norm, norm), X, key=KEY)
    nn.apply(nn.Sequential(norm, norm), X)  # to predict is no harm


def test_what_an_exception_leaves_is_not_reported_to_the_next_apply():
    model = nn.Sequential(nn.BatchNorm(3), nn.Dense(4, 1)).init(KEY)

    with pytest.raises(ShapeError):
        nn.apply(model, X, key=KEY)
    assert nn.latest(model[0], "mean") is model[0].mean


def test_only_fields_of_arrays_are_refreshed():
    with pytest.raises(nn.RefreshError, match="got 'momentum' of BatchNorm"):
        nn.refresh(nn.BatchNorm(3), momentum=0.5)


def test_errors_name_the_path_of_the_layer():
    block = nn.Residual(nn.Sequential(nn.Dense(3, 4), nn.relu, nn.Dense(5, 3)))
    model = nn.Sequential(nn.Dense(3, 3), block).init(KEY)

    message = (
        r"Dense\(5, 3\) at 'layers\[1\]\.layer\.layers\[2\]': the last axis of x must have length 5"
        r": got f64\[8,4\]"
    )
    with pytest.raises(ShapeError, match=message):
        model(X)
    with pytest.raises(ShapeError, match=r"Dense\(5, 3\): the last axis"):
        block.layer[2].init(KEY)(X)


def test_a_missing_parameter_is_named_with_its_path():
    message = r"Dense\(.*\) at 'layers\[0\]': the parameter 'kernel' has no value .* model\.init\("

    with pytest.raises(nn.UninitializedError, match=message):
        nn.Sequential(nn.Dense(3, 4))(X)


def test_apply_takes_functions_with_and_without_a_key():
    assert nn.apply(np.negative, 2.0, key=KEY)[0] == -2.0
    assert nn.apply(lambda x: x, 2.0, key=KEY)[0] == 2.0
    assert nn.apply(lambda x, key: key, 2.0, key=KEY)[0] is KEY


@nn.module
class Stacked:
    layers: nn.Module

    def __call__(self, x, *, key=None):
        def step(x: Any, layer: Any) -> Any:
            return nn.apply(layer, x, key=key)

        x, layers = fg.lax.scan(step, x, self.layers)
        nn.refresh(self, layers=layers)
        return x


def test_a_stack_of_layers_is_scanned_and_refreshed():
    one = nn.Sequential(nn.Dense(3, 3), nn.BatchNorm(3))
    stack = Stacked(fg.vmap(one.init)(random.split(KEY, 4)))
    h, want = X, []
    for i in range(4):
        h, layer = nn.apply(tree.map(lambda a, i=i: a[i], stack.layers), h, key=KEY)
        want.append(layer)

    y, after = nn.apply(stack, X, key=KEY)

    np.testing.assert_allclose(y, h, rtol=1e-12)  # reordered
    assert_same(tree.map(lambda *xs: np.stack(xs), *want), after.layers, rtol=1e-6)  # float32


def test_a_users_exception_passes_unchanged():
    def fail(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match=r"^'mine'$"):
        nn.Sequential(fail)(X)


# training passes that leave something out

DROPS = nn.Sequential(nn.Dense(3, 4), nn.Dropout(0.5)).init(KEY)
NORMS = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4)).init(KEY)


def no_key(m, x):
    return np.sum(m(x))


def no_apply(m, x):
    return np.sum(m(x, key=KEY))


INCOMPLETE = {
    "dropout": (fg.grad(no_key), DROPS, "nothing .* without a key: got key=None; write model"),
    "compiled": (fg.jit(fg.grad(no_key)), DROPS, "nothing .* without a key"),
    "of examples": (
        fg.grad(lambda m, x: np.sum(fg.vmap(no_key, (None, 0))(m, x))), DROPS, "without a key"),
    "dropout alone": (
        fg.grad(lambda w, x: np.sum(nn.Dropout(0.5)(x @ w))), np.ones((3, 2)), "without a key"),
    "batch norm": (fg.grad(no_apply), NORMS, "statistics are lost: .*; write y, model = nn.apply"),
    "one layer": (fg.grad(no_apply), NORMS[1].init(KEY), "statistics are lost"),
}  # fmt: skip


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_training_pass_that_leaves_something_out_warns(name):
    function, model, message = INCOMPLETE[name]
    x = np.ones((5, 4 if name == "one layer" else 3))

    with pytest.warns(TrainingWarning, match=message) as caught:
        function(model, x)
    assert {w.filename for w in caught} == {__file__}


COMPLETE = {
    "prediction": lambda: no_key(DROPS, X),
    "gradient of the input": lambda: fg.grad(no_key, argnums=1)(DROPS, X),
    "key": lambda: fg.grad(no_apply)(DROPS, X),
    "no rate": lambda: fg.grad(no_key)(nn.MLP(3, 4, 2).init(KEY), X),
    "apply": lambda: fg.grad(lambda m: np.sum(nn.apply(m, X, key=KEY)[0]))(NORMS),
    "statistics alone": lambda: no_apply(NORMS, X),
}


@pytest.mark.parametrize("name", COMPLETE)
def test_a_complete_pass_does_not_warn(name):
    COMPLETE[name]()  # a warning would be an error
