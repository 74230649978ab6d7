"""Modules as trees, layers, activations, initializers."""

import copy
import dataclasses
import itertools
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import losses, nn, optim, random, tree
from funcgrad.core.errors import DtypeError, MutationError, ShapeError, TreeError
from funcgrad.ops.special import erf, erfc

KEY = random.key(0)


@nn.module
class MLP:
    hidden: nn.Dense
    out: nn.Dense
    scale: float = 1.0

    def __call__(self, x, *, key=None):
        return self.scale * self.out(np.tanh(self.hidden(x)))


def mlp() -> Any:
    return MLP(nn.Dense(4, 8), nn.Dense(8, 1)).init(KEY)


def paths(model: Any) -> list[str]:
    return [tree.keystr(path) for path, _ in tree.leaves_with_path(model)]


# modules are trees


def test_array_fields_are_leaves_and_all_else_is_structure():
    want = [".hidden.kernel", ".hidden.bias", ".out.kernel", ".out.bias"]

    assert want == paths(mlp())


def test_a_module_without_values_has_no_leaves():
    assert tree.leaves(MLP(nn.Dense(4, 8), nn.Dense(8, 1))) == []


def test_static_fields_are_compared_with_the_structure():
    one, two = nn.Dense(2, 2, activation=nn.relu), nn.Dense(2, 2, activation=nn.tanh)

    assert tree.structure(one) == tree.structure(nn.Dense(2, 2, activation=nn.relu))
    assert tree.structure(one) != tree.structure(two)


def test_initializers_made_alike_give_equal_structure():
    def made() -> Any:
        return nn.Dense(2, 2, kernel_init=nn.init.he_normal())

    assert tree.structure(made()) == tree.structure(made())
    assert tree.structure(made()) != tree.structure(nn.Dense(2, 2))


def test_mapping_to_non_arrays_keeps_the_structure():
    shapes = tree.map(np.shape, nn.Dense(2, 3).init(KEY))

    assert shapes.kernel == (2, 3)
    # the shapes are tuples, hence nodes; with strings the structure is the same
    names = tree.map(lambda x: "leaf", nn.Dense(2, 3).init(KEY))
    assert tree.structure(names) == tree.structure(nn.Dense(2, 3).init(KEY))


def test_grad_by_a_model_is_a_model_of_gradients():
    model, x = mlp(), np.ones((5, 4), np.float32)

    gradient = fg.grad(lambda m: np.mean(m(x) ** 2))(model)

    assert isinstance(gradient, MLP)
    assert tree.structure(gradient) == tree.structure(model)
    assert {np.dtype(np.float32)} == {g.dtype for g in tree.leaves(gradient)}


def test_the_gradient_of_a_model_is_the_central_difference():
    model = MLP(nn.Dense(3, 4), nn.Dense(4, 1)).init(KEY, dtype=np.float64)
    x = random.normal(random.key(1), (5, 3), np.float64)

    def loss(m: Any) -> Any:
        return np.mean(m(x) ** 2)

    gradient = fg.grad(loss)(model)
    direction = tree.map(lambda p: random.normal(random.key(2), p.shape, np.float64), model)
    step = 1e-6
    ahead, behind = (tree.map(lambda p, d, s=s: p + s * d, model, direction) for s in (step, -step))
    want = (loss(ahead) - loss(behind)) / (2 * step)
    got = sum(np.sum(g * d) for g, d in zip(*map(tree.leaves, (gradient, direction)), strict=True))

    np.testing.assert_allclose(got, want, rtol=1e-8)  # the error of the difference is step**2


@nn.module
class Everything:
    array: nn.Array
    maybe: Optional["nn.Dense"]
    many: "tuple[nn.Dense, ...]"
    named: dict[str, nn.Module]
    listed: "list[np.ndarray | None]"
    key: random.Key
    count: int
    name: str
    function: Callable[[nn.Array], nn.Array]
    kind: "type[nn.Module]"
    anything: Any = None
    forced: Any = dataclasses.field(default=None, metadata={"static": False})


def everything() -> Any:
    return Everything(
        array=np.ones(1),
        maybe=None,
        many=(nn.Dense(1, 1), nn.Dense(1, 1)),
        named={"a": nn.Dense(1, 1, use_bias=False)},
        listed=[np.ones(1), None],
        key=KEY,
        count=3,
        name="x",
        function=np.abs,
        kind=nn.Dense,
        forced=np.ones(1),
    ).init(KEY)


def test_annotations_say_which_fields_are_children():
    want = ("array", "maybe", "many", "named", "listed", "key", "forced")

    assert want == Everything.__children__
    assert Everything.__static__ == ("count", "name", "function", "kind", "anything")


def test_init_reaches_modules_in_containers():
    want = [
        ".array",
        ".many[0].kernel",
        ".many[0].bias",
        ".many[1].kernel",
        ".many[1].bias",
        ".named['a'].kernel",
        ".listed[0]",
        ".key.data",
        ".forced",
    ]

    assert want == paths(everything())


def test_annotations_may_name_local_classes_and_the_class_itself():
    @nn.module
    class Inner:
        w: "nn.Array"

    @nn.module
    class Chain:
        inner: "Inner"
        rest: "Chain | None" = None
        unknown: "elsewhere.Array" = None  # noqa: F821, as under `if TYPE_CHECKING`

    assert Chain.__children__ == ("inner", "rest", "unknown")
    assert len(tree.leaves(Chain(Inner(np.ones(1)), Chain(Inner(np.ones(1)))))) == 2


def test_named_tuples_of_arrays_are_children():
    class Pair(NamedTuple):
        a: np.ndarray
        b: np.ndarray

    class Sizes(NamedTuple):
        a: int

    @nn.module
    class Holder:
        pair: Pair
        sizes: Sizes

    assert Holder.__children__ == ("pair",)


def test_a_subclass_inherits_fields_methods_and_their_roles():
    @nn.module
    class Deeper(MLP):
        extra: nn.Dense | None = None

    model = Deeper(nn.Dense(4, 8), nn.Dense(8, 1), extra=nn.Dense(1, 1)).init(KEY)

    assert Deeper.__children__ == ("hidden", "out", "extra")
    assert model(np.ones((2, 4))).shape == (2, 1)
    assert isinstance(model, MLP) and isinstance(model, nn.Module)


def test_an_undecorated_subclass_raises():
    class Deeper(MLP):
        pass

    with pytest.raises(nn.ModuleError, match=r"Deeper: .* decorate it with @nn\.module"):
        Deeper(nn.Dense(4, 8), nn.Dense(8, 1))


def test_arrays_in_a_static_field_raise():
    @nn.module
    class Loose:
        layers: tuple

    with pytest.raises(nn.ModuleError, match=r"Loose: the field 'layers' is static .* got Dense"):
        Loose((nn.Dense(1, 1),))
    with pytest.raises(nn.ModuleError, match=r"got f64\[2\]; annotate it with nn\.Array"):
        Loose(np.ones(2))
    with pytest.raises(nn.ModuleError, match=r"must be hashable: got \[1, 2\]; use a tuple"):
        Loose([1, 2])


def test_a_field_that_was_not_set_raises():
    @nn.module
    class Forgetful:
        size: int

        def __init__(self):
            pass

    with pytest.raises(nn.ModuleError, match="Forgetful: the field 'size' was not set"):
        Forgetful()


def test_changing_a_module_names_the_cure():
    model = mlp()

    with pytest.raises(MutationError, match=r"MLP\.scale: .* dataclasses\.replace\(model, scale="):
        model.scale = 2.0
    with pytest.raises(MutationError, match="cannot be changed in place"):
        del model.hidden


def test_replace_gives_a_changed_copy():
    model = mlp()
    double = dataclasses.replace(model, scale=2.0)
    shorter = dataclasses.replace(nn.Sequential(nn.relu, nn.tanh), layers=(nn.Flatten(),))
    x = np.ones((1, 4))

    np.testing.assert_array_equal(double(x), 2 * model(x))
    assert len(shorter) == 1


def test_a_constructor_may_assign_to_self():
    @nn.module
    class Stack:
        layers: tuple[nn.Dense, ...]
        depth: int

        def __init__(self, *sizes: int):
            pairs = itertools.pairwise(sizes)
            self.layers = tuple(nn.Dense(a, b) for a, b in pairs)
            self.depth = len(self.layers)

    model = Stack(2, 3, 4).init(KEY)

    assert model.depth == 2
    assert [str(layer.kernel.shape) for layer in model.layers] == ["(2, 3)", "(3, 4)"]
    with pytest.raises(MutationError):
        model.depth = 3


def test_modules_compare_by_value_and_hash_by_structure():
    model = mlp()

    assert model == mlp()
    assert model != MLP(nn.Dense(4, 8), nn.Dense(8, 1)).init(random.key(1))
    assert model != MLP(nn.Dense(4, 8), nn.Dense(8, 1))
    assert model != "model"
    assert hash(model) == hash(mlp())


def test_modules_pickle_and_copy():
    model = nn.Sequential(nn.Dense(2, 3, activation=nn.relu), nn.tanh, nn.Dropout(0.5)).init(KEY)

    assert model == pickle.loads(pickle.dumps(model))
    assert model == copy.deepcopy(model)


def test_text_shows_arrays_by_shape_and_leaves_defaults_out():
    want = "hidden=Dense(in_features=4, out_features=8, kernel=f32[4,8], bias=f32[8]),"

    assert repr(mlp()).splitlines()[:2] == ["MLP(", f"    {want}"]
    assert (
        repr(nn.Dense(1, 2, activation=nn.relu))
        == "Dense(in_features=1, out_features=2, activation=relu)"
    )
    assert (
        repr(nn.Sequential(nn.relu, nn.Flatten())) == "Sequential(Lambda(function=relu), Flatten())"
    )


# parameters


def test_params_are_float32_unless_asked_otherwise():
    model = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1))

    assert {np.dtype(np.float32)} == {p.dtype for p in tree.leaves(model.init(KEY))}
    assert {np.dtype(np.float64)} == {p.dtype for p in tree.leaves(model.init(KEY, np.float64))}


def test_adding_a_layer_changes_no_other_layers_draw():
    short = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 3)).init(KEY)
    long = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 3), nn.Dense(3, 1)).init(KEY)

    assert short[0] == long[0]
    assert short[1] == long[1]
    assert not np.array_equal(short[1].kernel, long[0].kernel[:, :3][:1])


def test_params_of_one_shape_are_drawn_apart():
    first, second = nn.Sequential(nn.Dense(3, 3), nn.Dense(3, 3)).init(KEY)

    assert not np.any(first.kernel == second.kernel)


def test_calling_a_module_without_values_raises():
    with pytest.raises(nn.UninitializedError, match=r"'kernel' has no value yet: .*init\("):
        nn.Sequential(nn.Dense(2, 3))(np.ones(2))


def test_user_modules_declare_params():
    @nn.module
    class Affine:
        size: int
        w: nn.Array = nn.param(nn.init.normal(1.0), shape=lambda self: (self.size,))
        shift: nn.Array = nn.param(nn.init.constant(2.0))

        def __call__(self, x):
            return self.w * x + self.shift

    with pytest.raises(nn.UninitializedError, match=r"Affine\(size=3\): the parameter 'w'"):
        Affine(3)(np.ones(3))
    model = Affine(3).init(KEY)
    assert (model.w.shape, model.shift.shape) == ((3,), ())
    assert model.shift == 2.0
    assert model.w.dtype == np.float32


# layers


def test_dense_is_matmul_plus_bias():
    layer = nn.Dense(2, 3, kernel=np.arange(6.0).reshape(2, 3), bias=np.ones(3))
    want = [[4.0, 6.0, 8.0]]  # [1, 1] @ [[0, 1, 2], [3, 4, 5]] + 1

    np.testing.assert_array_equal(layer(np.ones((1, 2))), want)


def test_dense_applies_its_activation_and_may_lack_a_bias():
    layer = nn.Dense(1, 2, use_bias=False, activation=nn.relu).init(KEY)
    layer = dataclasses.replace(layer, kernel=np.array([[-1.0, 1.0]]))

    assert layer.bias is None
    np.testing.assert_array_equal(layer(np.ones((4, 5, 1))), np.tile([0.0, 1.0], (4, 5, 1)))


def test_dense_names_itself_where_the_input_does_not_fit():
    layer = nn.Dense(4, 8).init(KEY)

    message = r"Dense\(4, 8\): the last axis of x must have length 4: got f64\[2,5\]"
    with pytest.raises(ShapeError, match=message):
        layer(np.ones((2, 5)))
    with pytest.raises(ShapeError, match=r"got f64\[\]"):
        layer(1.0)


def test_dense_refuses_what_is_no_length():
    with pytest.raises(ValueError, match="out_features must be an integer, 0 or more: got -1"):
        nn.Dense(2, -1)


def test_a_float32_model_stays_float32():
    x = np.ones((2, 4), np.float32)

    assert np.float32 == mlp()(x).dtype


def test_sequential_is_composition():
    model = nn.Sequential(nn.Dense(2, 3), nn.relu, nn.Dense(3, 1)).init(KEY)
    x = random.normal(KEY, (5, 2))

    np.testing.assert_array_equal(model(x), model[2](nn.relu(model[0](x))))
    assert len(model) == 3
    assert [*model] == [*model.layers]
    np.testing.assert_array_equal(model[:2](x), nn.relu(model[0](x)))


def test_sequential_gives_each_layer_its_own_key():
    @nn.module
    class Noise:
        def __call__(self, x, *, key):
            return x + random.normal(key, x.shape)

    x = np.zeros(3, np.float32)
    both = nn.Sequential(Noise(), Noise())(x, key=KEY)
    first, second = (random.normal(random.fold_in(KEY, i), (3,)) for i in (0, 1))

    np.testing.assert_array_equal(both, first + second)


def test_sequential_gives_no_key_to_a_layer_that_takes_none():
    @nn.module
    class Double:
        def __call__(self, x):
            return 2 * x

    assert nn.Sequential(Double(), Double())(1.0, key=KEY) == 4.0


def test_sequential_refuses_classes_and_lists():
    with pytest.raises(TypeError, match=r"layer 0 .* got <class .*Flatten'>; write Flatten\("):
        nn.Sequential(nn.Flatten)
    with pytest.raises(TypeError, match=r"layer 0 .* write Sequential\(\*list\)"):
        nn.Sequential([nn.relu])


def test_flatten_keeps_the_batch_axis():
    assert nn.Flatten()(np.ones((2, 3, 4))).shape == (2, 12)
    assert nn.Flatten()(np.ones((0, 3, 4))).shape == (0, 12)
    assert nn.Flatten()(np.ones(3)).shape == (3, 1)


def test_dropout_only_acts_on_the_training_pass():
    x = np.ones(100)

    assert x is nn.Dropout(0.5)(x)
    np.testing.assert_array_equal(nn.Dropout(0.0)(x, key=KEY), x)
    np.testing.assert_array_equal(nn.Dropout(1.0)(x, key=KEY), 0 * x)


def test_dropout_drops_its_rate_and_keeps_the_mean():
    y = nn.Dropout(0.25)(np.ones(100_000, np.float32), key=KEY)

    assert np.float32 == y.dtype
    assert {0.0, np.float32(1 / 0.75)} == set(y.tolist())
    # five standard deviations of the mean of 1e5 draws
    assert abs(np.mean(y == 0) - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 1e5)


def test_dropouts_gradient_is_its_mask():
    layer, x = nn.Dropout(0.5), np.ones(20)

    gradient = fg.grad(lambda x: np.sum(layer(x, key=KEY)))(x)

    np.testing.assert_array_equal(gradient, layer(x, key=KEY))


def test_dropout_refuses_a_rate_outside_0_to_1():
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\]: got 1\.5"):
        nn.Dropout(1.5)


def test_training_a_small_net_reduces_the_loss():
    x = random.normal(random.key(1), (64, 2))
    y = (x[:, :1] * x[:, 1:] > 0).astype(np.float32)  # exclusive or: no line separates it
    layers = nn.Dense(2, 16, activation=nn.relu), nn.Dropout(0.05), nn.Dense(16, 1)
    model = nn.Sequential(*layers).init(KEY)
    opt = optim.adam(0.03)
    state = opt.init(model)

    def loss(model: Any, key: Any) -> Any:
        return losses.binary_cross_entropy_with_logits(model(x, key=key), y)

    first = loss(model, None)
    for i in range(150):
        gradient = fg.grad(loss)(model, random.fold_in(KEY, i))
        updates, state = opt.update(gradient, state, model)
        model = optim.apply_updates(model, updates)

    assert loss(model, None) < 0.3 * first
    assert {np.dtype(np.float32)} == {p.dtype for p in tree.leaves(model)}


# activations

X = np.array([-2.8, -1.2, -0.3, 0.4, 1.7, 5.0])
ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": nn.relu,
    "relu6": nn.relu6,
    "leaky_relu": nn.leaky_relu,
    "sigmoid": nn.sigmoid,
    "log_sigmoid": nn.log_sigmoid,
    "softplus": nn.softplus,
    "tanh": nn.tanh,
    "gelu": nn.gelu,
    "gelu_exact": lambda x: nn.gelu(x, approximate=False),
    "silu": nn.silu,
    "mish": nn.mish,
    "elu": nn.elu,
    "celu": lambda x: nn.celu(x, 0.7),
    "selu": nn.selu,
    "soft_sign": nn.soft_sign,
    "squareplus": nn.squareplus,
    "hard_tanh": nn.hard_tanh,
    "hard_sigmoid": nn.hard_sigmoid,
    "hard_silu": nn.hard_silu,
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "logsumexp": nn.logsumexp,
    "standardize": nn.standardize,
    "glu": nn.glu,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_of_activations_are_central_differences(name: str):
    f = ACTIVATIONS[name]
    weights = np.cos(np.arange(f(X).size)).reshape(f(X).shape)

    def total(x: Any) -> Any:
        return np.sum(weights * f(x))

    want = [(total(X + d) - total(X - d)) / 2e-6 for d in 1e-6 * np.eye(len(X))]

    np.testing.assert_allclose(fg.grad(total)(X), want, rtol=1e-7, atol=1e-8)  # of differences


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_stay_finite_and_keep_the_dtype(name: str, dtype: Any):
    f = ACTIVATIONS[name]
    x = np.array([-1e4, 1e4, -100.0, 100.0, -1.0, 0.0], dtype)

    y = f(x)
    gradient = fg.grad(lambda x: np.sum(f(x)))(x)

    assert (dtype, dtype) == (y.dtype, gradient.dtype)
    assert np.all(np.isfinite(y)) and np.all(np.isfinite(gradient))


def test_conventions_at_the_kinks():
    def slope(f: Any, x: float) -> float:
        return float(fg.grad(f)(x))

    assert slope(nn.relu, 0.0) == 0.0
    assert slope(nn.leaky_relu, 0.0) == 1.0
    assert (slope(nn.hard_tanh, 1.0), slope(nn.hard_tanh, -1.0)) == (1.0, 1.0)
    assert slope(nn.elu, 0.0) == 1.0


def test_relu_passes_nan_on():
    np.testing.assert_array_equal(nn.relu(np.array([np.nan, -np.inf, np.inf])), [np.nan, 0, np.inf])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_infinite_cotangent_does_not_pass_a_closed_relu(dtype: Any):
    x = np.array([-1.0, 0.25], dtype)

    gradient = fg.grad(lambda x: np.sum(np.sqrt(nn.relu(x))))(x)

    np.testing.assert_array_equal(gradient, np.array([0, 1], dtype))


def test_sigmoid_is_accurate_on_both_sides():
    assert nn.sigmoid(0.0) == 0.5
    np.testing.assert_allclose(nn.sigmoid(-40.0), np.exp(-40.0), rtol=1e-15)
    np.testing.assert_allclose(nn.sigmoid(2.0), 1 / (1 + np.exp(-2.0)), rtol=1e-15)
    np.testing.assert_array_equal(nn.sigmoid(np.array([-1e4, 1e4], np.float32)), [0, 1])
    assert fg.grad(nn.sigmoid)(0.0) == 0.25


def test_gelu_has_both_forms_and_both_spellings():
    # 0.5 (1 + erf(1 / sqrt(2))), and the tanh formula at 1, by math
    exact, tanh = 0.8413447460685429, 0.8411919906082768

    np.testing.assert_allclose(nn.gelu(1.0, approximate=False), exact, rtol=1e-15)
    np.testing.assert_allclose(nn.gelu(1.0), tanh, rtol=1e-15)
    assert nn.gelu(1.0, "none") == nn.gelu(1.0, False)
    assert nn.gelu(1.0, "tanh") == nn.gelu(1.0, True)
    # without cancellation in the tail: x/2 erfc(-x/sqrt(2))
    np.testing.assert_allclose(nn.gelu(-10.0, False), -7.619853024160e-23, rtol=1e-12)
    with pytest.raises(ValueError, match="gelu: approximate must be"):
        nn.gelu(1.0, approximate="erf")


def test_softmax_adds_up_to_one_and_ignores_shifts():
    x = np.array([[0.0, np.log(3.0)], [1e4, 1e4 + np.log(3.0)]])

    np.testing.assert_allclose(nn.softmax(x), [[0.25, 0.75]] * 2, rtol=1e-9)  # 1e4 eats digits
    np.testing.assert_allclose(nn.softmax(x, axis=0)[:, 0], [0, 1], atol=1e-300)
    np.testing.assert_allclose(np.exp(nn.log_softmax(x[0])), [0.25, 0.75], rtol=1e-15)


def test_softmax_of_masked_logits_has_a_finite_gradient():
    x = np.array([0.0, -np.inf, 0.0])

    np.testing.assert_array_equal(nn.softmax(x), [0.5, 0, 0.5])
    np.testing.assert_allclose(fg.grad(lambda x: nn.softmax(x)[0])(x), [0.25, 0, -0.25])


def test_softmax_and_standardize_leave_out_what_they_are_told():
    x = np.array([[1.0, 2.0, 5.0], [0.5, 7.0, 1.0]])
    where = np.array([True, True, False])

    for f in (nn.softmax, nn.log_softmax):
        got = f(x, where=where)
        np.testing.assert_allclose(got[:, :2], f(x[:, :2]), rtol=1e-15)
        assert np.all(got[:, 2] == f(np.array([0, -np.inf]))[1])
        assert f(x.astype(np.float32), where=where).dtype == np.float32
    np.testing.assert_allclose(
        nn.standardize(x, where=where)[:, :2], nn.standardize(x[:, :2]), rtol=1e-15
    )
    np.testing.assert_array_equal(nn.standardize(x, mean=1.0, variance=3.0, epsilon=1), (x - 1) / 2)


def test_logsumexp_takes_axes_and_weights():
    x = np.log(np.array([[1.0, 2.0], [3.0, 4.0]]))

    np.testing.assert_allclose(nn.logsumexp(x), np.log(10))
    np.testing.assert_allclose(nn.logsumexp(x, axis=0, keepdims=True), np.log([[4, 6]]))
    np.testing.assert_allclose(nn.logsumexp(x, axis=1, b=np.array([1, 2])), np.log([5, 11]))


def test_one_hot_gives_zeros_out_of_range():
    want = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    got = nn.one_hot(np.array([0, 2, 3, -1]), 3)

    np.testing.assert_array_equal(got, want)
    assert np.float32 == got.dtype
    np.testing.assert_array_equal(nn.one_hot(np.array([1]), 2, axis=0), [[0], [1]])
    with pytest.raises(DtypeError, match=r"indices must be integers: got f64\[1\]"):
        nn.one_hot(np.array([1.0]), 3)


def test_second_derivatives_of_activations():
    y = nn.sigmoid(0.7)

    np.testing.assert_allclose(fg.grad(fg.grad(nn.sigmoid))(0.7), y * (1 - y) * (1 - 2 * y))
    assert fg.grad(fg.grad(nn.relu))(0.7) == 0.0


def test_delta_orthogonal_convolutions_keep_the_norm():
    conv = nn.Conv(3, 5, (3, 4), kernel_init=nn.init.delta_orthogonal()).init(KEY, np.float64)
    x = random.normal(KEY, (2, 6, 7, 3), np.float64)

    np.testing.assert_allclose(np.linalg.norm(conv(x)), np.linalg.norm(x), rtol=1e-12)
    with pytest.raises(ShapeError, match=r"delta_orthogonal: .* got \(3, 5, 4\)"):
        nn.init.delta_orthogonal()(KEY, (3, 5, 4))


# error functions


@pytest.mark.parametrize("dtype, ulps", [(np.float64, 5), (np.float32, 6)])
def test_error_functions_agree_with_math_to_a_few_units(dtype: Any, ulps: int):
    x = np.concatenate([np.linspace(-9, 9, 2001), np.linspace(-0.6, 0.6, 501)]).astype(dtype)
    for function, exact in ((erf, math.erf), (erfc, math.erfc)):
        want = np.array([exact(v) for v in x.tolist()])
        units = np.abs(function(x) - want) / np.spacing(np.abs(want).astype(dtype))

        assert function(x).dtype == dtype
        assert np.max(units) <= ulps, exact


def test_erfc_keeps_its_tail():
    x = np.linspace(9, 26, 200)

    np.testing.assert_allclose(erfc(x), [math.erfc(v) for v in x], rtol=1e-15)
    np.testing.assert_array_equal(erfc(np.array([np.inf, -np.inf, 1e4, np.nan])), [0, 2, 0, np.nan])


# initializers


@pytest.mark.parametrize(
    "initializer, deviation",
    [
        (nn.init.lecun_normal(), (1 / 200) ** 0.5),
        (nn.init.lecun_uniform(), (1 / 200) ** 0.5),
        (nn.init.he_normal(), (2 / 200) ** 0.5),
        (nn.init.kaiming_uniform(), (2 / 200) ** 0.5),
        (nn.init.glorot_normal(), (2 / 500) ** 0.5),
        (nn.init.xavier_uniform(), (2 / 500) ** 0.5),
        (nn.init.normal(), 0.01),
        (nn.init.uniform(1.0), (1 / 12) ** 0.5),
        (nn.init.variance_scaling(2.0, "fan_out", "normal"), (2 / 300) ** 0.5),
        (nn.init.variance_scaling(1.0, "fan_geo_avg", "uniform"), (1 / 60000**0.5) ** 0.5),
    ],
)
def test_initializers_have_their_deviation(initializer: Any, deviation: float):
    w = initializer(KEY, (200, 300), np.float64)

    # 60,000 draws: a standard error of at most 0.3 %, so five of them
    np.testing.assert_allclose(np.std(w), deviation, rtol=0.015)


def test_truncated_initializers_stay_within_two_deviations():
    w = nn.init.lecun_normal()(KEY, (100, 100))

    assert np.float32 == w.dtype
    assert np.max(np.abs(w)) <= 2 * 0.1 / 0.87962566103423978


def test_axes_of_convolution_kernels_count_towards_both_fans():
    fans = nn.init.he_normal().fans((3, 3, 8, 16))

    assert fans == (72, 144)


@pytest.mark.parametrize(
    ("init", "shape"),
    [
        (nn.init.orthogonal(), (4, 3)),
        (nn.init.orthogonal(2.0, column_axis=0), (2, 3, 4)),
        (nn.init.delta_orthogonal(), (3, 3, 2, 4)),
    ],
)
def test_orthogonal_initializers_map_over_keys(init, shape):
    keys = random.split(KEY, 3)
    want = np.stack([init(k, shape, np.float64) for k in keys])

    np.testing.assert_allclose(
        fg.vmap(lambda k: init(k, shape, np.float64))(keys), want, atol=1e-14
    )
    np.testing.assert_allclose(fg.jit(lambda k: init(k, shape, np.float64))(keys[0]), want[0])


def test_orthogonal_has_orthonormal_columns_or_rows():
    for shape in ((6, 4), (4, 6)):
        q = nn.init.orthogonal(2.0)(KEY, shape, np.float64)
        product = q.T @ q if shape[0] > shape[1] else q @ q.T

        np.testing.assert_allclose(product, 4 * np.eye(4), atol=1e-14)


def test_initializers_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="unknown mode: got 'fan'; use 'fan_in' or"):
        nn.init.variance_scaling(1.0, "fan", "normal")
    with pytest.raises(ShapeError, match=r"at least two axes, in and out: got \(3,\)"):
        nn.init.lecun_normal()(KEY, (3,))


# peers


@pytest.mark.peers
def test_activations_agree_with_jax():
    jax = pytest.importorskip("jax")
    for name in ACTIVATIONS:
        peer = getattr(jax.nn, name, None)
        if name in ("celu", "standardize") or peer is None:
            continue
        with jax.enable_x64(True):
            want = np.asarray(peer(X))
        got = ACTIVATIONS[name](X)

        np.testing.assert_allclose(got, want, rtol=1e-13, err_msg=name)  # other libm


@pytest.mark.peers
def test_initializers_agree_with_jax_bit_for_bit_but_the_last():
    jax = pytest.importorskip("jax")
    theirs, ours = jax.random.key(3), random.key(3, impl="threefry2x32")
    for name in ("lecun_normal", "he_uniform", "glorot_normal", "kaiming_normal"):
        want = getattr(jax.nn.initializers, name)()(theirs, (5, 7), np.float32)
        got = getattr(nn.init, name)()(ours, (5, 7))

        np.testing.assert_allclose(got, want, rtol=2e-6, atol=1e-8, err_msg=name)


@pytest.mark.peers
def test_gelu_and_erf_agree_with_torch():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X)
    want = torch.nn.functional.gelu(x).numpy()

    np.testing.assert_allclose(nn.gelu(X, "none"), want, rtol=1e-14)
    np.testing.assert_allclose(erf(X), torch.erf(x).numpy(), rtol=1e-15)


@pytest.mark.parametrize(
    "f",
    [nn.softmax, nn.log_softmax, nn.logsumexp, nn.sigmoid, nn.log_sigmoid, nn.silu, nn.squareplus],
)
def test_activations_of_small_integers_do_not_wrap_around(f):
    for x in (np.array([1, 200, 7], np.uint8), np.array([-1, 100, -128], np.int8)):
        np.testing.assert_allclose(f(x), f(x.astype(np.float64)), rtol=1e-3, atol=1e-7)  # float16
        np.testing.assert_allclose(fg.jit(f)(x), f(x), rtol=1e-3, atol=1e-7)


# words


def test_a_class_without_the_decorator_says_so():
    class Net(nn.Module):
        def __init__(self):
            self.dense = nn.Dense(2, 2)

    class Fields(nn.Module):
        dense: nn.Dense

    for make in (Net, lambda: Fields(nn.Dense(2, 2))):
        with pytest.raises(nn.ModuleError, match=r"write @nn\.module above `class"):
            make()


def test_a_class_that_was_defined_again_says_so():
    def define():
        @nn.module
        class Net:
            dense: nn.Dense

        return Net

    old, new = define()(nn.Dense(2, 2)), define()(nn.Dense(2, 2))

    with pytest.raises(
        TreeError, match=r"a Net of 1: got a Net of 1; the class was defined again: make"
    ):
        fg.tree.map(lambda x, y: x, old.__class__(old.dense), new)
    with pytest.raises(TreeError, match="give both the same structure"):
        fg.tree.map(lambda x, y: x, old, nn.Dense(2, 2))


def test_parts_and_the_version_need_no_import():
    code = (
        "import funcgrad as fg; assert fg.scipy.special.erf(0.0) == 0; print(fg.__version__);"
        "assert 'scipy' in dir(fg)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == fg.__version__


@nn.module
class Undeclared:
    def __init__(self, layers):
        self.layers = layers


@pytest.mark.parametrize(
    ("layers", "kind"), [(nn.Dense(2, 3), "Dense"), ([nn.Dense(2, 3)], r"tuple\[Dense, ...\]")]
)
def test_a_module_in_an_attribute_that_is_no_field_raises(layers, kind):
    with pytest.raises(nn.ModuleError, match=rf"'layers' is no field, .* layers: {kind}"):
        Undeclared(layers)


def test_a_layer_refuses_structured_arrays_and_text():
    layer = nn.Dense(2, 1).init(fg.random.key(0))
    with pytest.raises(DtypeError, match=r"Dense\(2, 1\): x must hold numbers: .* np.stack"):
        layer(np.zeros(5, [("a", float), ("b", float)]))
    with pytest.raises(DtypeError, match=r"x must hold numbers: got <U1; .* np.unique"):
        layer(np.array([["a", "b"]]))
