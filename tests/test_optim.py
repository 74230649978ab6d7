"""Optimizers and schedules: steps by hand, dtypes, trees, and optax's trajectories."""

import math
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, optim, random, tree
from funcgrad.core.errors import DtypeError, ShapeError, TreeError

from .support.compare import assert_same


def run(opt: Any, grads: list[Any], params: Any) -> Any:
    """Return the parameters after steps along these gradients."""
    state = opt.init(params)
    for g in grads:
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
    return params


def find(name: str, package: Any = optim) -> Any:
    """Return a function of optim, of its contrib, or of optax, by its name in optax."""
    return getattr(package, name, None) or getattr(package.contrib, name)


# steps by hand


def test_sgd_steps_along_the_gradient():
    assert run(optim.sgd(0.5), [1.0, 3.0], 10.0) == 10 - 0.5 - 1.5


def test_momentum_sums_decaying_gradients():
    # m: 1, 1 + .5, 1 + .75
    assert run(optim.sgd(1.0, momentum=0.5), [1.0, 1.0, 1.0], 0.0) == -(1 + 1.5 + 1.75)


def test_nesterov_looks_one_step_ahead():
    # g + .5 m for m: 1, 1.5
    assert run(optim.sgd(1.0, momentum=0.5, nesterov=True), [1.0, 1.0], 0.0) == -(1.5 + 1.75)


def test_coupled_decay_adds_to_the_gradient():
    # 2 - .1 (1 + .5 * 2)
    assert run(optim.sgd(0.1, weight_decay=0.5), [1.0], 2.0) == 2 - 0.1 * 2.0


def test_adam_by_its_formula():
    b1, b2, eps, lr = 0.8, 0.9, 1e-3, 0.1
    grads, p, m, v = [0.5, -2.0, 1.0], 1.0, 0.0, 0.0
    for t, g in enumerate(grads, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        p -= lr * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)

    np.testing.assert_allclose(run(optim.adam(lr, b1, b2, eps), grads, 1.0), p, rtol=1e-14)


def test_adamw_decays_apart_from_the_gradient():
    # the first step of adam is lr sign(g)
    want = 2.0 - 0.1 * (1.0 + 0.5 * 2.0)

    np.testing.assert_allclose(run(optim.adamw(0.1, weight_decay=0.5), [3.0], 2.0), want, rtol=1e-8)


def test_adams_own_decay_is_coupled():
    coupled = run(optim.adam(0.1, weight_decay=0.5), [3.0, 1.0], 2.0)
    chained = run(optim.chain(optim.add_decayed_weights(0.5), optim.adam(0.1)), [3.0, 1.0], 2.0)

    assert coupled == chained


def test_rmsprop_by_its_formula():
    want, v = 1.0, 0.0
    for g in [0.5, -2.0]:
        v = 0.9 * v + 0.1 * g * g
        want -= 0.1 * g / math.sqrt(v + 1e-8)

    np.testing.assert_allclose(run(optim.rmsprop(0.1), [0.5, -2.0], 1.0), want, rtol=1e-14)


def test_centered_rmsprop_divides_by_the_deviation():
    # one gradient g: v - m² = .1 g² - .01 g²
    want = -0.1 * 2.0 / (math.sqrt(0.09 * 4.0) + 1e-8)
    got = run(optim.rmsprop(0.1, centered=True, eps_in_sqrt=False), [2.0], 0.0)

    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_clipping_by_global_norm_scales_all_leaves_together():
    grads = {"a": np.array([3.0]), "b": np.array([4.0])}
    clipped, _ = optim.clip_by_global_norm(1.0).update(grads, ())
    kept, _ = optim.clip_by_global_norm(5.1).update(grads, ())
    nothing, _ = optim.clip_by_global_norm(1.0).update({"a": np.zeros(2)}, ())

    np.testing.assert_allclose([clipped["a"], clipped["b"]], [[0.6], [0.8]])
    np.testing.assert_array_equal(kept["a"], grads["a"])
    np.testing.assert_array_equal(nothing["a"], [0, 0])


def test_masked_decay_leaves_the_rest_alone():
    params = {"w": np.ones(1), "b": np.ones(1)}
    zero = tree.map(np.zeros_like, params)
    for mask in ({"w": True, "b": False}, lambda p: {k: k == "w" for k in p}):
        opt = optim.add_decayed_weights(0.5, mask)
        updates, _ = opt.update(zero, opt.init(params), params)

        assert (updates["w"], updates["b"]) == (0.5, 0)


def test_a_scheduled_rate_starts_at_count_0():
    # rates 1, 1/2, 1/4
    opt = optim.sgd(lambda count: 0.5**count)

    assert run(opt, [1.0, 1.0, 1.0], 0.0) == -1.75


def test_minimizing_a_quadratic_converges():
    target = np.array([1.0, -2.0])
    for opt in (optim.sgd(0.1, 0.9), optim.adam(0.1), optim.rmsprop(0.01), optim.adamw(0.1)):
        params, state = np.zeros(2), opt.init(np.zeros(2))
        for _ in range(500):
            g = fg.grad(lambda p: np.sum((p - target) ** 2))(params)
            updates, state = opt.update(g, state, params)
            params = optim.apply_updates(params, updates)

        np.testing.assert_allclose(params, target, atol=0.02)  # a constant rate hovers


def test_a_rare_optimizer_is_in_contrib():
    with pytest.raises(AttributeError, match=r"optim\.adan: .* use optim\.contrib\.adan"):
        optim.adan  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'adann'"):
        optim.adann  # noqa: B018


# dtypes

OPTIMIZERS = {
    "sgd": lambda lr: optim.sgd(lr, 0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda lr: optim.adam(lr, nesterov=True, weight_decay=0.1),
    "adamw": lambda lr: optim.adamw(lr),
    "rmsprop": lambda lr: optim.rmsprop(lr, momentum=0.9, bias_correction=True, weight_decay=0.1),
    "centered": lambda lr: optim.rmsprop(lr, centered=True),
    "rprop": lambda lr: optim.contrib.rprop(lr(0) if callable(lr) else lr),
    "clipped": lambda lr: optim.chain(
        optim.clip(np.float64(1.0)), optim.clip_by_global_norm(np.float64(1.0)), optim.sgd(lr)
    ),
}
RATES = {
    "float": 0.1,
    "float64": np.float64(0.1),
    "array": np.array(0.1),
    "schedule": optim.cosine_decay_schedule(0.1, 10),
    "joined": optim.warmup_cosine_decay_schedule(np.float64(0.0), 0.1, 2, 10),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32(name: str, rate: str):
    opt, params = OPTIMIZERS[name](RATES[rate]), {"w": np.ones(3, np.float32), "b": np.float32(1)}
    state = opt.init(params)
    shapes = tree.map(lambda x: (x.dtype, np.shape(x)), state)
    for _ in range(3):
        updates, state = opt.update(params, state, params)
        params = optim.apply_updates(params, updates)

    assert {x.dtype for x in tree.leaves((updates, params))} == {np.dtype(np.float32)}
    assert tree.map(lambda x: (x.dtype, np.shape(x)), state) == shapes


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_python_numbers_are_parameters_too(name: str):
    opt = OPTIMIZERS[name](0.1)

    assert np.isfinite(run(opt, [0.5, 0.5], 1.0))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_keeps_the_parameters_dtype_beside_wider_gradients(name: str):
    opt, params = OPTIMIZERS[name](0.1), {"w": np.ones(3, np.float32)}
    state = opt.init(params)
    dtypes = tree.map(lambda x: x.dtype, state)
    _, after = opt.update({"w": np.ones(3)}, state, params)
    staged = fg.make_jaxpr(opt.update)({"w": np.ones(3)}, state, params).jaxpr.outvars[1:]

    assert tree.map(lambda x: x.dtype, after) == dtypes
    assert [v.aval.dtype for v in staged] == tree.leaves(dtypes)


def test_the_first_mean_is_kept_in_mu_dtype():
    opt = optim.adam(0.1, mu_dtype=np.float16)
    _, (_, state, _) = opt.update(np.ones(2), opt.init(np.ones(2)))

    assert (state.mu.dtype, state.nu.dtype) == (np.float16, np.float64)


def test_apply_updates_keeps_the_parameters_dtype():
    params = {"half": np.ones(2, np.float16), "whole": np.ones(2, np.int32)}
    new = optim.apply_updates(params, {"half": np.ones(2), "whole": np.zeros(2, np.int32)})

    assert new["half"].dtype == np.float16
    assert new["whole"] is params["whole"]


# trees


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_leaves_without_derivative_pass_through(name: str):
    params = {"w": np.ones(2), "none": None, "name": "relu", "f": np.tanh, "n": np.arange(2)}
    grads = {"w": np.ones(2), "none": None, "name": "relu", "f": np.tanh, "n": np.zeros(2, int)}
    opt = OPTIMIZERS[name](0.1)
    after = run(opt, [grads, grads], params)

    assert {k: after[k] for k in ("none", "name", "f")} == {
        "none": None,
        "name": "relu",
        "f": np.tanh,
    }
    assert after["n"] is params["n"]
    assert np.all(after["w"] < params["w"])
    assert all(isinstance(x, np.ndarray | np.generic) for x in tree.leaves(opt.init(params)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_integer_parameters_stay_untouched_by_floating_gradients(name: str):
    params = {"w": np.ones(2), "n": np.arange(2)}
    grads = {"w": np.ones(2), "n": np.ones(2)}
    after = run(OPTIMIZERS[name](0.1), [grads, grads], params)

    assert after["n"] is params["n"]
    assert np.all(after["w"] < params["w"])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_models_are_stepped_as_models(name: str):
    model = nn.Dense(2, 1, activation=nn.tanh).init(random.key(0))
    gradient = fg.grad(lambda m: np.sum(m(np.ones((3, 2), np.float32))))(model)
    after = run(OPTIMIZERS[name](0.1), [gradient], model)

    assert isinstance(after, nn.Dense) and after.activation is nn.tanh
    assert not np.any(after.kernel == model.kernel)


def test_nothing_is_changed_in_place():
    params = {"w": np.ones(2)}
    opt = optim.adam(0.1)
    state = opt.init(params)
    before = tree.map(np.copy, (params, state))
    run(opt, [{"w": np.ones(2)}], params)

    assert tree.all(tree.map(np.array_equal, before, (params, state)))


def test_mismatched_trees_name_the_path():
    opt = optim.sgd(0.1, 0.9)
    state = opt.init({"a": {"w": np.ones(1)}})

    with pytest.raises(TreeError, match=r"trace: the gradients and the state: .*\['w'\]: got .*"):
        opt.update({"a": {"v": np.ones(1)}}, state)
    with pytest.raises(TreeError, match=r"apply_updates: the updates and the param.*\['w'\]: got"):
        optim.apply_updates({"w": 1.0}, {"v": 1.0})


NAMED = {
    "sgd": optim.sgd(0.1),
    "adam": optim.adam(0.1),
    "adamw": optim.adamw(0.1),
    "rmsprop": optim.rmsprop(0.1),
    "chain": optim.chain(optim.scale(-0.1)),
}
# fmt: off
MISFITS = [  # a gradient beside {"w": f64[3], "b": [f64[1]]}
    ({"w": np.ones(3), "b": (np.ones(1),)}, TreeError,
        "the gradients and the parameters: .* differ at ['b']: expected a list of 1: got a tuple"),
    ({"w": np.ones(3)}, TreeError,
        "the gradients and the parameters: .* differ at the root: .*['b', 'w']: got .*['w']"),
    ({"w": [np.ones(3)], "b": [np.ones(1)]}, TreeError,
        "the gradient at ['w'] must be an array, as its parameter f64[3] is: got a list"),
    ({"w": None, "b": [np.ones(1)]}, TreeError,
        "the gradient at ['w'] must be an array, as its parameter f64[3] is: got a NoneType"),
    ({"w": np.ones((3, 1)), "b": [np.ones(1)]}, ShapeError,
        "the gradient at ['w'] must have the shape of its parameter, f64[3]: got f64[3,1]"),
    ({"w": np.ones(3), "b": [np.ones(2)]}, ShapeError,
        "the gradient at ['b'][0] must have the shape of its parameter, f64[1]: got f64[2]"),
    ({"w": np.ones(3, int), "b": [np.ones(1)]}, DtypeError,
        "the gradient at ['w'] must be floating, as its parameter f64[3] is: got i64[3]"),
]
# fmt: on


@pytest.mark.parametrize(("grads", "error", "words"), MISFITS)
@pytest.mark.parametrize("name", NAMED)
def test_a_gradient_that_does_not_fit_names_the_optimizer_and_the_path(
    name: str, grads: Any, error: type[Exception], words: str
):
    opt, params = NAMED[name], {"w": np.ones(3), "b": [np.ones(1)]}
    pattern = f"{name}: {words}".replace("[", r"\[").replace("]", r"\]")

    with pytest.raises(error, match=f"^{pattern}"):
        opt.update(grads, opt.init(params), params)


def test_updates_must_have_the_shapes_of_the_parameters():
    words = (
        r"^apply_updates: the update at \['w'\] must have the shape of its parameter, f64\[3\]: "
        r"got f64\[{}\]; give an array of shape \(3,\)$"
    )
    for shape, shown in [((3, 3), "3,3"), ((2,), "2"), ((), "")]:
        with pytest.raises(ShapeError, match=words.format(shown)):
            optim.apply_updates({"w": np.ones(3)}, {"w": np.ones(shape)})
    with pytest.raises(
        ShapeError, match=r"^apply_updates: the update must have .*: got f64\[2\]; give a scalar$"
    ):
        optim.apply_updates(1.0, np.ones(2))


REMEMBERING = {
    "trace": optim.trace(0.9),
    "scale_by_adam": optim.scale_by_adam(),
    "scale_by_rms": optim.scale_by_rms(),
    "scale_by_stddev": optim.scale_by_stddev(),
}


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_gradient_that_does_not_fit_the_state_raises_without_parameters(name: str):
    opt = REMEMBERING[name]
    words = rf"^{name}: the gradient must have the shape of its state, f64\[3\]: got f64\[3,1\]"

    with pytest.raises(ShapeError, match=words):
        opt.update(np.ones((3, 1)), opt.init(np.ones(3)))


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_state_of_another_optimizer_raises(name: str):
    other = optim.sgd(0.1).init(np.ones(3))[0]
    words = rf"^{name}: the state must come from init of the same optimizer, .*: got EmptyState"

    with pytest.raises(ValueError, match=words):
        REMEMBERING[name].update(np.ones(3), other)


def test_a_state_of_sgd_given_to_adam_raises():
    for sgd in (optim.sgd(0.1), optim.sgd(0.1, momentum=0.9)):
        with pytest.raises(ValueError, match=r"scale_by_adam: the state must come from init of"):
            optim.adam(0.1).update(np.ones(3), sgd.init(np.ones(3)), np.ones(3))


def test_decay_without_parameters_says_to_pass_them():
    opt = optim.adamw(0.1)
    with pytest.raises(ValueError, match=r"add_decayed_weights: .* pass params, as in"):
        opt.update(np.ones(1), opt.init(np.ones(1)))


def test_a_state_of_another_chain_raises():
    with pytest.raises(ValueError, match=r"sgd: the state must come from init .* of 3: got dict"):
        optim.sgd(0.1).update(np.ones(1), {}, np.ones(1))


def test_hyperparameters_are_checked():
    with pytest.raises(TypeError, match="learning_rate must be a scalar or a schedule: got '1'"):
        optim.sgd("1")
    with pytest.raises(ValueError, match=r"adam: b1 must be in \[0, 1\): got 1\.0"):
        optim.adam(0.1, b1=1.0)
    with pytest.raises(TypeError, match="chain: a transformation has init and update: got"):
        optim.chain(optim.clip(1.0), 0.1)


# differentiating a step


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_gradient_by_the_learning_rate_is_the_central_difference(name: str):
    def after(rate: Any) -> Any:
        opt = OPTIMIZERS[name](rate)
        params = np.array([1.0, -2.0])
        state = opt.init(params)
        for _ in range(3):
            g = fg.grad(lambda p: np.sum(p**4))(params)
            updates, state = opt.update(g, state, params)
            params = optim.apply_updates(params, updates)
        return np.sum(params**2)

    want = (after(0.01 + 1e-6) - after(0.01 - 1e-6)) / 2e-6

    np.testing.assert_allclose(fg.grad(after)(0.01), want, rtol=1e-6)  # of differences


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_gradient_through_a_step_at_zero_gradient_is_finite(name: str):
    opt = OPTIMIZERS[name](0.1)

    def after(params: Any) -> Any:
        g = fg.grad(lambda p: np.sum(p[:1] ** 2))(params)  # by the second parameter it is 0
        updates, _ = opt.update(g, opt.init(params), params)
        return np.sum(optim.apply_updates(params, updates))

    assert np.all(np.isfinite(fg.grad(after)(np.array([1.0, 1.0]))))


def test_a_step_can_be_staged():
    opt = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(optim.linear_schedule(1.0, 0, 9)))
    params = {"w": np.ones(3, np.float32)}
    state = opt.init(params)

    closed = fg.make_jaxpr(opt.update)(params, state, params)

    assert str(closed.jaxpr.outvars[0].aval) == "f32[3]"


# schedules


def test_schedules_by_hand():
    rows = [
        (optim.constant_schedule(0.3), {0: 0.3, 99: 0.3}),
        (optim.linear_schedule(1.0, 0.0, 4, 2), {0: 1, 2: 1, 4: 0.5, 6: 0, 9: 0}),
        (optim.polynomial_schedule(1.0, 0.5, 2, 4), {2: 0.625, 4: 0.5}),
        (optim.exponential_decay(1.0, 2, 0.25), {1: 0.5, 2: 0.25, 3: 0.125}),
        (optim.exponential_decay(1.0, 2, 0.25, 1, True, 0.1), {2: 1, 3: 0.25, 4: 0.25, 5: 0.1}),
        (optim.cosine_decay_schedule(2.0, 4, 0.5), {0: 2, 2: 1.5, 4: 1, 9: 1}),
        (optim.warmup_cosine_decay_schedule(0.0, 1.0, 2, 6, 0.5), {1: 0.5, 2: 1, 4: 0.75, 6: 0.5}),
        (optim.piecewise_constant_schedule(1.0, {2: 0.5, 4: 0.5}), {1: 1, 2: 0.5, 4: 0.25}),
    ]
    for schedule, values in rows:
        for count, want in values.items():
            np.testing.assert_allclose(schedule(count), want, rtol=1e-15)
            np.testing.assert_allclose(schedule(np.int32(count)), want, rtol=1e-15)


def test_schedules_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="decay_steps must be positive: got 0"):
        optim.cosine_decay_schedule(1.0, 0)
    with pytest.raises(ValueError, match="includes the warm-up"):
        optim.warmup_cosine_decay_schedule(0.0, 1.0, 10, 10)
    with pytest.raises(ValueError, match="2 schedules need 1 boundaries"):
        optim.join_schedules([abs, abs], [])
    with pytest.raises(ValueError, match="factors must be 0 or more"):
        optim.piecewise_constant_schedule(1.0, {1: -1.0})


# wrappers, accumulation, searches


def test_a_masked_transformation_remembers_its_part_only():
    params = {"w": np.ones(3), "b": np.ones(2)}
    state = optim.masked(optim.adam(0.1), {"w": True, "b": False}).init(params)

    assert [m.shape for m in tree.leaves(state.inner_state[1].mu)] == [(3,)]


def test_a_mask_may_be_a_prefix_a_function_or_a_model_of_booleans():
    model = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1)).init(random.key(0))
    masks = [
        tree.map(lambda p: np.ndim(p) > 1, model),
        lambda m: tree.map(lambda p: np.ndim(p) > 1, m),
    ]
    for mask in masks:
        for opt in (optim.masked(optim.set_to_zero(), mask), optim.freeze(mask)):
            updates, _ = opt.update(model, opt.init(model))
            norms = [float(np.sum(np.abs(x))) for x in tree.leaves(updates) if np.ndim(x) > 1]

            assert norms == [0.0, 0.0]
    opt = optim.masked(optim.scale(2.0), {"a": True, "b": False})
    deep = {"a": {"c": np.ones(1), "d": np.ones(1)}, "b": np.ones(1)}

    assert tree.leaves(opt.update(deep, opt.init(deep))[0]) == [2.0, 2.0, 1.0]


def test_a_mask_of_other_things_than_booleans_raises():
    with pytest.raises(TypeError, match=r"masked: the mask must hold booleans: got 1 at \['w'\]"):
        optim.masked(optim.scale(1.0), {"w": 1}).init({"w": np.ones(1)})


def test_labels_without_a_transformation_raise():
    opt = optim.multi_transform({"a": optim.sgd(0.1)}, {"w": "a", "b": "c"})
    with pytest.raises(ValueError, match=r"a label needs a transformation: got \['c'\]"):
        opt.init({"w": np.ones(1), "b": np.ones(1)})


def test_accumulated_gradients_step_along_their_mean():
    opt, params = optim.MultiSteps(optim.adam(0.1), 3), np.ones(2)
    state, steps = opt.init(params), [np.array([i, 2.0 * i]) for i in range(1, 7)]
    for g in steps:
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
        assert opt.has_updated(state) or not np.any(updates)
    want = run(optim.adam(0.1), [np.mean(steps[:3], 0), np.mean(steps[3:], 0)], np.ones(2))

    np.testing.assert_allclose(params, want, rtol=1e-14)


COMPILED = {
    "adamw": lambda: optim.adamw(0.1),
    "accumulated": lambda: optim.MultiSteps(optim.adam(0.1), 3),
    "groups": lambda: optim.multi_transform({"a": optim.adam(0.1), "b": optim.sgd(1.0)}, "a"),
    "finite": lambda: optim.apply_if_finite(optim.adam(0.1), 2),
    "injected": lambda: optim.inject_hyperparams(optim.adam)(optim.linear_schedule(0.1, 0.0, 9)),
    "noisy": lambda: optim.contrib.noisy_sgd(0.1, key=3),
    "novograd": lambda: optim.contrib.novograd(0.1),
    "radam": lambda: optim.radam(0.1),
    "lbfgs": lambda: optim.lbfgs(0.1, memory_size=3, linesearch=None),
    "nans": lambda: optim.chain(optim.zero_nans(), optim.sgd(0.1)),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_steps_equal_eager_ones_and_keep_dtypes(name: str):
    opt = COMPILED[name]()
    eager = compiled = np.linspace(1, 2, 3, dtype=np.float32), opt.init(np.ones(3, np.float32))

    def step(params: Any, state: Any, g: Any) -> Any:
        updates, state = opt.update(g, state, params)
        return optim.apply_updates(params, updates), state

    fast = fg.jit(step, donate_argnums=(0, 1))
    dtypes = [x.dtype for x in tree.leaves(eager)]
    for i in range(7):
        g = np.float32([np.sin(i), np.nan if name in ("finite", "nans") and i == 2 else 1, i])
        eager, compiled = step(*eager, g), fast(*compiled, g)

        assert [x.dtype for x in tree.leaves(eager)] == dtypes
        assert_same(eager, compiled, 2e-6, 1e-6)  # float32, reordered


def test_minimize_finds_the_minimum_of_trees_of_real_and_complex_parameters():
    target = {"a": np.array([1.0, -2.0]), "z": np.array([1 + 2j])}

    def f(p: Any) -> Any:
        bowl = np.sum((p["a"] - target["a"]) ** 4) + 3 * np.sum((p["a"] - target["a"]) ** 2)
        return bowl + np.sum(np.abs(p["z"] - target["z"]) ** 2)

    start = {"a": np.zeros(2), "z": np.zeros(1, complex)}
    for opt in (None, optim.chain(optim.sgd(1.0), optim.scale_by_backtracking_linesearch(30))):
        result = optim.minimize(f, start, optimizer=opt)

        assert result.converged and result.steps < 80
        for k in target:
            np.testing.assert_allclose(result.params[k], target[k], atol=1e-5)


def test_minimize_takes_functions_that_branch_in_python_where_it_does_not_compile():
    result = optim.minimize(lambda x: x * x if x > 0 else -x, -3.0, compiled=False, max_steps=100)

    assert abs(result.params) < 1e-3
    with pytest.raises(FloatingPointError, match="must be finite"):
        optim.minimize(lambda x: x - np.inf, 1.0)


def test_a_search_can_be_compiled():
    f = lambda x: np.sum((x - 1.0) ** 4)
    opt = optim.lbfgs()

    def step(x: Any, state: Any) -> Any:
        value, g = optim.value_and_grad_from_state(f)(x, state=state)
        updates, state = opt.update(g, state, x, value=value, grad=g, value_fn=f)
        return x + updates, state

    eager = compiled = np.array([3.0, -2.0]), opt.init(np.zeros(2))
    fast = fg.jit(step)
    for _ in range(6):
        eager, compiled = step(*eager), fast(*compiled)

    np.testing.assert_allclose(eager[0], compiled[0], rtol=1e-9)  # Newton steps amplify


def test_a_search_without_the_function_says_what_it_needs():
    opt = optim.lbfgs()
    with pytest.raises(TypeError, match="update needs value=, grad=, value_fn="):
        opt.update(np.ones(1), opt.init(np.ones(1)), np.ones(1))


def test_injected_numbers_can_be_set():
    opt = optim.inject_hyperparams(optim.sgd)(0.1, momentum=0.5)
    state = opt.init(np.zeros(1))
    first, state = opt.update(np.ones(1), state)
    state.hyperparams["learning_rate"] = 1.0
    second, state = opt.update(np.ones(1), state)

    assert (first, second) == (-0.1, -1.5)


# peers

RECIPES = {
    "adagrad": ((0.1,), {}),
    "adadelta": ((0.5,), {"weight_decay": 0.1, "weight_decay_mask": {"w": True, "b": False}}),
    "adamax": ((0.1,), {}),
    "adamaxw": ((0.1,), {"weight_decay": 0.1, "mask": {"w": True, "b": False}}),
    "amsgrad": ((0.1,), {}),
    "amsgrad raw": ((0.1,), {"bias_correction_mu": False, "bias_correction_nu": False}),
    "nadam": ((0.1,), {}),
    "nadamw": ((0.1,), {"weight_decay": 0.1}),
    "radam": ((0.1,), {}),
    "radam nesterov": ((0.1,), {"nesterov": True, "b2": 0.9, "threshold": 4.5}),
    "adabelief": ((0.1,), {}),
    "adabelief nesterov": ((0.1,), {"nesterov": True}),
    "yogi": ((0.1,), {}),
    "adan": ((0.1,), {"weight_decay": 0.1}),
    "lion": ((0.1,), {"weight_decay": 0.1, "mask": {"w": True, "b": False}}),
    "lamb": ((0.1,), {"weight_decay": 0.1}),
    "lars": ((0.1,), {"trust_ratio_mask": {"w": True, "b": False}, "nesterov": True}),
    "novograd": ((0.1,), {"weight_decay": 0.1}),
    "sign_sgd": ((0.1,), {}),
    "lbfgs": ((0.01,), {"memory_size": 4, "linesearch": None}),
    "sgd": ((0.1,), {}),
    "sgd momentum": ((0.1, 0.9), {}),
    "sgd nesterov": ((0.1, 0.9, True), {}),
    "adam": ((0.1,), {}),
    "adam nesterov": ((0.1, 0.8, 0.9, 1e-4, 1e-5), {"nesterov": True}),
    "adamw": ((0.1,), {"weight_decay": 0.1}),
    "adamw masked": ((0.1,), {"weight_decay": 0.1, "mask": {"w": True, "b": False}}),
    "rmsprop": ((0.1,), {}),
    "rmsprop outside": ((0.01, 0.99), {"eps_in_sqrt": False, "momentum": 0.9}),
    "rmsprop centered": ((0.1,), {"centered": True, "initial_scale": 0.5}),
    "rmsprop corrected": ((0.1,), {"bias_correction": True, "momentum": 0.5, "nesterov": True}),
    "rmsprop centered corrected": ((0.1,), {"bias_correction": True, "centered": True}),
}


def gradients(count: int) -> list[Any]:
    """Return gradients of sizes from 1e-6 to 1."""
    keys = random.split(random.key(0), count)
    scales = 10.0 ** -random.uniform(random.key(1), (count,), np.float64, 0.0, 6.0)
    return [
        {"w": s * random.normal(k, (4,), np.float64), "b": s * np.cos(i + np.arange(2.0))}
        for i, (k, s) in enumerate(zip(keys, scales, strict=True))
    ]


@pytest.mark.peers
@pytest.mark.parametrize("name", RECIPES)
def test_trajectories_equal_optax(name: str):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    args, options = RECIPES[name]
    recipe = name.split()[0]
    start = {"w": np.linspace(-1, 1, 4), "b": np.ones(2)}
    got = run(find(recipe)(*args, **options), gradients(50), start)
    with jax.enable_x64(True):
        opt, params = getattr(optax, recipe)(*args, **options), start
        state = opt.init(params)
        for g in gradients(50):
            updates, state = opt.update(g, state, params)
            params = optax.apply_updates(params, updates)
        want = jax.tree.map(np.asarray, params)

    rtol = 1e-10 if "centered" in name else 1e-12  # E g² - (E g)² cancels; reordered sums
    for k in start:
        np.testing.assert_allclose(got[k], want[k], rtol=rtol, atol=1e-12)


WRAPPED = {
    "ema": lambda o: o.chain(o.ema(0.9), o.scale(-0.1)),
    "raw ema": lambda o: o.chain(o.ema(0.9, debias=False), o.scale(-0.1)),
    "adaptive clip": lambda o: o.chain(o.adaptive_grad_clip(0.01), o.scale(-0.1)),
    "block clip": lambda o: o.chain(o.clip_by_block_rms(0.01), o.scale(-0.1)),
    "centralize": lambda o: o.chain(find("centralize", o)(), o.scale(-0.1)),
    "masked": lambda o: o.chain(o.masked(o.adam(0.1), {"w": True, "b": False}), o.scale(0.5)),
    "groups": lambda o: o.multi_transform(
        {"a": o.adam(0.1), "c": o.sgd(0.2, 0.9)}, {"w": "a", "b": "c"}
    ),
    "freeze": lambda o: o.chain(o.adam(0.1), o.freeze({"w": False, "b": True})),
    "selective": lambda o: o.selective_transform(o.adam(0.1), freeze_mask={"w": False, "b": True}),
    "accumulated": lambda o: o.MultiSteps(
        o.adam(0.1), 4, accumulator_dtype=np.float64
    ).gradient_transformation(),
    "summed": lambda o: o.MultiSteps(
        o.adam(0.1), lambda n: 2 + 2 * (n > 3), False, accumulator_dtype=np.float64
    ).gradient_transformation(),
    "injected": lambda o: o.inject_hyperparams(o.adam)(learning_rate=0.1, b1=0.8),
    "named": lambda o: o.named_chain(("a", o.clip_by_global_norm(0.1)), ("b", o.sgd(0.1))),
    "finite": lambda o: o.apply_if_finite(o.adam(0.1), 2),
}


@pytest.mark.peers
@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped_trajectories_equal_optax(name: str):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    start = {"w": np.linspace(-1, 1, 4), "b": np.ones(2)}
    steps = gradients(50)
    if name == "finite":
        steps[7]["w"][1] = steps[30]["b"][0] = np.nan
    got = run(WRAPPED[name](optim), steps, start)
    with jax.enable_x64(True):
        opt, params = WRAPPED[name](optax), start
        state = opt.init(params)
        for g in steps:
            updates, state = opt.update(g, state, params)
            params = optax.apply_updates(params, updates)

    for k in start:
        np.testing.assert_allclose(got[k], params[k], rtol=1e-12, atol=1e-12)  # reordered sums


@pytest.mark.peers
@pytest.mark.slow
def test_line_searches_equal_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")

    def walk(o: Any, xp: Any, opt: Any) -> list[Any]:
        f = lambda x: xp.sum(5 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
        x, path, step = np.linspace(-1, 1, 4), [], o.value_and_grad_from_state(f)
        state = opt.init(x)
        for _ in range(12):
            value, g = step(x, state=state)
            updates, state = opt.update(g, state, x, value=value, grad=g, value_fn=f)
            x = o.apply_updates(x, updates)
            path.append(np.asarray(x))
        return path

    makers = (
        lambda o: o.lbfgs(),
        lambda o: o.chain(o.sgd(1.0), o.scale_by_backtracking_linesearch(30, store_grad=True)),
    )
    for make in makers:
        got = walk(optim, np, make(optim))
        with jax.enable_x64(True):
            want = walk(optax, jax.numpy, make(optax))

        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)  # Newton steps amplify


@pytest.mark.peers
def test_clipping_equals_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    for g in gradients(5):
        for bound in (0.01, 1.0):
            got = [f(bound).update(g, ())[0] for f in (optim.clip, optim.clip_by_global_norm)]
            with jax.enable_x64(True):
                theirs = optax.clip, optax.clip_by_global_norm
                want = [f(bound).update(g, f(bound).init(g))[0] for f in theirs]

            for x, y in zip(tree.leaves(got), jax.tree.leaves(want), strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-14)


CYCLE = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 2, "decay_steps": 8}


@pytest.mark.peers
@pytest.mark.parametrize(
    "name, args",
    [
        ("linear_schedule", (1.0, 0.1, 7, 3)),
        ("polynomial_schedule", (1.0, 0.1, 3, 7, 3)),
        ("exponential_decay", (1.0, 7, 0.3, 3)),
        ("exponential_decay", (1.0, 7, 0.3, 3, True, 0.05)),
        ("exponential_decay", (1.0, 7, 1.3, 3, False, 2.0)),
        ("cosine_decay_schedule", (1.0, 12, 0.1, 2.0)),
        ("warmup_cosine_decay_schedule", (0.1, 1.0, 4, 15, 0.2)),
        ("piecewise_constant_schedule", (1.0, {3: 0.5, 8: 0.1})),
        ("warmup_constant_schedule", (0.1, 1.0, 5)),
        ("warmup_exponential_decay_schedule", (0.1, 1.0, 5, 7, 0.5)),
        ("sgdr_schedule", ([CYCLE, CYCLE | {"decay_steps": 5}],)),
        ("piecewise_interpolate_schedule", ("cosine", 1.0, {3: 0.5, 9: 2.0})),
        ("piecewise_interpolate_schedule", ("linear", 1.0, {3: 0.5, 9: 2.0})),
        ("linear_onecycle_schedule", (18, 1.0)),
        ("cosine_onecycle_schedule", (18, 1.0)),
    ],
)
def test_schedules_equal_optax(name: str, args: Any):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    schedule = getattr(optim, name)(*args)
    with jax.enable_x64(True):
        want = [float(getattr(optax, name)(*args)(i)) for i in range(20)]

    np.testing.assert_allclose([schedule(i) for i in range(20)], want, rtol=1e-13)
    np.testing.assert_allclose(schedule(np.arange(20)), want, rtol=1e-13)


@pytest.mark.peers
@pytest.mark.parametrize("name", ["sgd", "adam", "amsgrad", "adagrad", "rmsprop"])
def test_coupled_decay_equals_torch(name: str):
    torch = pytest.importorskip("torch")
    ours, theirs, options = {
        "sgd": (optim.sgd(0.1, 0.9, weight_decay=0.1), "SGD", {"momentum": 0.9}),
        "adam": (optim.adam(0.1, weight_decay=0.1), "Adam", {}),
        "amsgrad": (
            optim.chain(optim.add_decayed_weights(0.1), optim.amsgrad(0.1, correct_after=True)),
            "Adam",
            {"amsgrad": True},
        ),
        "adagrad": (
            optim.chain(
                optim.add_decayed_weights(0.1), optim.adagrad(0.1, 0.0, 1e-10, eps_in_sqrt=False)
            ),
            "Adagrad",
            {},
        ),
        "rmsprop": (
            optim.rmsprop(0.1, decay=0.99, eps_in_sqrt=False, weight_decay=0.1),
            "RMSprop",
            {},
        ),
    }[name]
    start, steps = np.linspace(-1, 1, 4), [g["w"] for g in gradients(50)]
    p = torch.tensor(start, requires_grad=True)
    opt = getattr(torch.optim, theirs)([p], lr=0.1, weight_decay=0.1, **options)
    for g in steps:
        p.grad = torch.tensor(g)
        opt.step()

    np.testing.assert_allclose(run(ours, steps, start), p.detach().numpy(), rtol=1e-12, atol=1e-12)


DECAYING = {
    name: (lambda make: lambda: make(0.1, weight_decay=0.1))(find(name))
    for name in ("sgd", "adam", "adamw", "adamaxw", "nadamw", "rmsprop", "lamb", "lars", "lion")
    + ("adan", "novograd")
}
DECAYING |= {
    "noisy_sgd": lambda: optim.contrib.noisy_sgd(0.1),
    "yogi": lambda: optim.contrib.yogi(0.1),
}


@pytest.mark.parametrize("name", DECAYING)
def test_statistics_and_frozen_layers_stay_as_they_are(name: str):
    layers = nn.Dense(2, 2), nn.BatchNorm(2), nn.Dense(2, 2)
    model = nn.freeze(nn.Sequential(*layers).init(random.key(0)), "layers[0]")
    opt, zero = DECAYING[name](), tree.map(np.zeros_like, model)
    after, state = model, opt.init(model)
    for _ in range(2):
        updates, state = opt.update(zero, state, after)
        after = optim.apply_updates(after, updates)

    moves = tree.map(lambda a, b: not np.array_equal(a, b), after, model)
    assert not any(tree.leaves((moves.layers[0], moves.layers[1].mean, moves.layers[1].var)))
    assert np.all(moves.layers[2].kernel)


# models that have no parameters yet, or stand where a number should

DESCRIPTION = nn.Sequential(nn.Dense(2, 3), nn.Dense(3, 1))
STATEFUL = {
    "sgd": lambda: optim.sgd(0.1),
    "momentum": lambda: optim.sgd(0.1, momentum=0.9),
    "adam": lambda: optim.adam(0.05),
    "rmsprop": lambda: optim.rmsprop(0.1),
    "lbfgs": lambda: optim.lbfgs(),
    "novograd": lambda: optim.contrib.novograd(0.1),
    "trace": lambda: optim.trace(0.9),
    "scale_by_rms": lambda: optim.scale_by_rms(),
    "ema": lambda: optim.ema(0.9),
    "lion": lambda: optim.lion(0.1),
    "MultiSteps": lambda: optim.MultiSteps(optim.adam(0.1), 2),
    "apply_if_finite": lambda: optim.apply_if_finite(optim.adam(0.1), 2),
    "named_chain": lambda: optim.named_chain(("a", optim.adam(0.1))),
    "inject": lambda: optim.inject_hyperparams(optim.adam)(learning_rate=0.1),
    "zoom": lambda: optim.scale_by_zoom_linesearch(10),
    "early stopping": lambda: fg.train.EarlyStopping(1),
}


@pytest.mark.parametrize("make", STATEFUL.values(), ids=STATEFUL)
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"net": m}], ids=["model", "dict"])
def test_a_state_over_a_description_raises(make, wrap):
    with pytest.raises(nn.UninitializedError, match=r"kernel' has no value yet: .*\.init"):
        make().init(wrap(DESCRIPTION))


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop", "trace", "ema", "lion"])
def test_a_state_over_a_part_that_was_drawn_later_raises(name):
    opt, drawn = STATEFUL[name](), DESCRIPTION.init(random.key(0))
    half = {"a": drawn.layers[0], "b": DESCRIPTION.layers[1]}
    whole = {"a": drawn.layers[0], "b": drawn.layers[1]}
    state = opt.init(half)

    with pytest.raises(nn.UninitializedError, match=r"nothing for the parameter at \['b'\]"):
        opt.update(whole, state, whole)


def test_a_state_over_the_trained_part_of_a_model_is_made():
    model = nn.Sequential(nn.Dense(2, 2), nn.BatchNorm(2)).init(random.key(0))
    part, _ = nn.partition(nn.freeze(model, "layers[0]"))
    opt = optim.adam(0.1)

    updates, _ = opt.update(part, opt.init(part), part)
    assert np.all(np.isfinite(updates.layers[1].scale))


@pytest.mark.parametrize("make", [optim.sgd, optim.adam, optim.scale_by_schedule])
def test_a_model_is_no_learning_rate(make):
    with pytest.raises(TypeError, match=r"got the model Dense\(.*opt\.init\(model\)"):
        make(nn.Dense(2, 1).init(random.key(0)))
