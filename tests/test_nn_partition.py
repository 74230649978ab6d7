"""Masks and partitions of models, frozen layers, and replacement at a path."""

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, optim, random, tree
from funcgrad.core.errors import TreeError

KEY = random.key(0)
X = random.normal(random.key(1), (8, 3))


def net() -> Any:
    return nn.Sequential(
        nn.Dense(3, 4), nn.BatchNorm(4), nn.relu, nn.Residual(nn.Dense(4, 4)), nn.Dense(4, 2)
    ).init(KEY)


def paths(chosen: Any) -> list[str]:
    return [tree.keystr(path)[1:] for path, x in tree.leaves_with_path(chosen) if x is not False]


TRAINED = [
    "layers[0].kernel",
    "layers[0].bias",
    "layers[1].scale",
    "layers[1].bias",
    "layers[3].layer.kernel",
    "layers[3].layer.bias",
    "layers[4].kernel",
    "layers[4].bias",
]


def test_all_is_trained_but_state_and_whole_numbers():
    dictionary = {"w": np.ones(2), "n": np.ones(2, int), "i": 3, "s": "text", "model": net()}

    assert paths(nn.trainable(net())) == TRAINED
    assert paths(nn.trainable(dictionary)) == [*(f"'model'].{path}" for path in TRAINED), "'w']"]


def test_the_mask_leaves_out_what_it_is_told():
    mask = nn.trainable(net(), "layers[3]", "layers[0].bias", "[4].kernel")

    want = [p for p in TRAINED if "3" not in p and p not in ("layers[0].bias", "layers[4].kernel")]
    assert paths(mask) == want


def test_parts_combine_to_the_whole():
    model = net()
    params, rest = nn.partition(model)

    assert paths(params) == TRAINED
    assert paths(rest) == ["layers[1].mean", "layers[1].var"]
    assert nn.combine(params, rest) == model == nn.combine(rest, params)
    assert nn.combine(params, model) == model


def test_a_mask_may_be_a_prefix_or_a_function():
    trees = {"a": {"x": 1.0, "y": 2.0}, "b": 3.0}

    assert nn.partition(trees, {"a": True, "b": False})[0] == {"a": {"x": 1.0, "y": 2.0}, "b": None}
    assert nn.partition(trees, lambda t: tree.map(lambda x: x > 1.5, t))[1]["a"]["x"] == 1.0
    with pytest.raises(TreeError, match="partition: the mask and the model"):
        nn.partition(trees, {"a": True})


def test_a_step_on_parameters_alone_changes_nothing_else():
    model = net()
    params, rest = nn.partition(model, nn.trainable(model, "layers[4]"))
    opt = optim.adamw(0.1, weight_decay=0.5)
    state = opt.init(params)

    def loss(params: Any, rest: Any, key: Any) -> Any:
        y, after = nn.apply(nn.combine(params, rest), X, key=key)
        return np.mean(y**2), after

    @fg.jit
    def step(params: Any, rest: Any, state: Any, key: Any) -> Any:
        (_, after), grads = fg.value_and_grad(loss, has_aux=True)(params, rest, key)
        updates, state = opt.update(grads, state, params)
        return optim.apply_updates(params, updates), after, state

    for i in range(3):
        params, after, state = step(params, rest, state, random.fold_in(KEY, i))
        rest = nn.partition(after, nn.trainable(after, "layers[4]"))[1]
    trained = nn.combine(params, rest)

    assert trained[4] == model[4]
    assert not np.any(trained[0].kernel == model[0].kernel)
    assert np.any(trained[1].mean) and trained[1].mean.dtype == np.float32


@pytest.mark.parametrize("mask", [None, nn.trainable, nn.trainable(net())])
def test_decay_leaves_statistics_alone(mask: Any):
    model = nn.replace(net(), "layers[1].mean", np.ones(4, np.float32))
    grads = fg.grad(lambda m: np.mean(m(X) ** 2))(model)
    opt = optim.adamw(0.1, weight_decay=0.5, mask=mask)

    updates, _ = opt.update(grads, opt.init(model), model)

    assert not np.any(updates[1].mean) and not np.any(updates[1].var)
    assert np.all(updates[0].kernel)


def test_frozen_layers_have_no_gradient_but_pass_it_on():
    model = net()
    frozen = nn.freeze(model, "layers[1]", "layers[3].layer")

    grads = fg.grad(lambda m: np.sum(m(X) ** 2))(frozen)

    np.testing.assert_array_equal(frozen(X), model(X))
    assert not any(map(np.any, tree.leaves((grads[1], grads[3]))))
    np.testing.assert_array_equal(
        grads[0].kernel, fg.grad(lambda m: np.sum(m(X) ** 2))(model)[0].kernel
    )
    assert paths(nn.trainable(frozen)) == [p for p in TRAINED if p[7] in "04"]


def test_frozen_layers_predict_in_training_too():
    model = nn.freeze(nn.Sequential(nn.BatchNorm(3), nn.Dropout(0.5)).init(KEY))

    y, after = nn.apply(model, X, key=KEY)

    np.testing.assert_array_equal(y, model(X))
    assert after is model


def test_unfreezing_undoes_freezing():
    model = net()

    assert nn.unfreeze(nn.freeze(model, "layers[0]", "layers[3]", "layers[3]")) == model
    assert nn.unfreeze(nn.freeze(model)) == model


@nn.module
class Coder:
    encoder: nn.Dense

    def __call__(self, x, *, key=None):
        return self.encode(x)

    def encode(self, x):
        return self.encoder(x) + np.sum(self.encoder.kernel)


def test_methods_of_frozen_layers_have_no_gradient_either():
    model = Coder(nn.Dense(3, 2)).init(KEY)
    frozen = nn.freeze(model)

    grads = fg.grad(lambda m: np.sum(m.encode(X) + m.encoder.kernel[0]))(frozen)

    assert not any(map(np.any, tree.leaves(grads)))
    np.testing.assert_array_equal(frozen.encode(X), model.encode(X))
    assert not hasattr(frozen, "decode")


def test_freezing_an_array_names_the_cure():
    with pytest.raises(
        TreeError, match=r"must lead to a module.* nn\.trainable\(model, 'layers\[0\]\.bia"
    ):
        nn.freeze(net(), "layers[0].bias")


def test_get_and_replace_reach_fields_layers_and_keys():
    model = {"net": net(), "rate": 0.1}
    doubled = nn.replace(model, "['net'].layers[-1].kernel", 2 * model["net"][4].kernel)
    bias = model["net"][4].bias

    assert nn.get(model, "['rate']") == 0.1
    assert nn.get(model["net"], "[0].out_features") == 4
    np.testing.assert_array_equal(nn.get(net(), "layers[0].kernel"), net()[0].kernel)
    np.testing.assert_allclose(
        doubled["net"](X) - bias, 2 * (model["net"](X) - bias), rtol=1e-5, atol=1e-6
    )  # float32
    for path, x in tree.leaves_with_path(model):
        assert nn.get(model, path) is x


def test_paths_lead_through_all_kinds_of_nodes():
    trees = {0: {"a": [1.0, (2.0, 3.0)]}, -1: net()}

    assert nn.get(trees, "[0]['a'][-1][0]") == 2.0
    assert nn.replace(trees, "[0]['a'][1][-1]", 4.0)[0] == {"a": [1.0, (2.0, 4.0)]}
    assert nn.get(trees, "[-1][-1]") == net()[-1]
    assert nn.get(trees, "[-1]") == nn.get(net(), "") == net()


def test_a_function_may_replace_a_layer():
    model = nn.replace(net(), "layers[2]", np.tanh)

    assert model[2] == nn.Lambda(np.tanh)
    assert model[0] == net()[0]


def test_a_static_field_may_be_replaced():
    model = nn.replace(nn.Sequential(nn.Dropout(0.5)), "layers[0].rate", 0.25)

    assert model[0].rate == 0.25
    with pytest.raises(nn.ModuleError, match="the field 'rate' is static"):
        nn.replace(model, "layers[0].rate", np.ones(2))


@pytest.mark.parametrize(
    "path, message",
    [
        ("layers[7]", r"the path 'layers\[7\]' does not exist: at 'layers' there is \[0\], \[1\]"),
        ("layers[0].weight", r"at 'layers\[0\]' there is \.in_features, \.out_features"),
        ("head", r"in the model there is \.layers"),
        ("layers[0].kernel.x", r"at 'layers\[0\]\.kernel' there is nothing"),
        ("layers[", "not a path: got"),
        ("layers[x]", "not a path: got"),
        ("layers()", "not a path: got"),
    ],
)
def test_paths_that_lead_nowhere_say_what_there_is(path: str, message: str):
    for function in (nn.get, nn.freeze, nn.trainable, lambda m, p: nn.replace(m, p, 0)):
        with pytest.raises(TreeError, match=message):
            function(net(), path)


def test_parameters_are_counted():
    assert nn.count_params(net()) == 16 + 8 + 20 + 10
    assert nn.count_params(net(), lambda m: True) == 16 + 16 + 20 + 10
    assert nn.count_params(nn.freeze(net(), "layers[0]")) == 8 + 20 + 10
