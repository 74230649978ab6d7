"""Losses: values by hand, gradients against differences, extremes, and what they refuse."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import losses, random
from funcgrad.core.errors import DtypeError, ShapeError

LOGITS = np.array([[0.0, math.log(3.0)], [math.log(4.0), 0.0]])  # probabilities 1/4 3/4, 4/5 1/5

# values


def test_regression_losses_by_hand():
    x, y = np.array([1.0, 2.0, 5.0]), np.array([1.0, 0.0, 2.0])  # differences 0, 2, 3

    assert losses.mse(x, y) == 13 / 3
    assert losses.mse(x, y, "sum") == 13
    assert losses.l1(x, y) == 5 / 3
    assert losses.huber(x, y, 1.0, "sum") == 1.5 + 2.5
    np.testing.assert_array_equal(losses.mse(x, y, "none"), [0, 4, 9])
    np.testing.assert_array_equal(losses.l2_loss(x, y), [0, 2, 4.5])
    np.testing.assert_array_equal(losses.squared_error(x), [1, 4, 25])
    np.testing.assert_array_equal(losses.huber_loss(x, y, delta=2.0), [0, 2, 4])


def test_cross_entropy_is_the_log_probability_of_the_target():
    want = [-math.log(3 / 4), -math.log(4 / 5)]

    np.testing.assert_allclose(losses.cross_entropy(LOGITS, np.array([1, 0]), "none"), want)
    np.testing.assert_allclose(losses.cross_entropy(LOGITS, np.array([1, 0])), np.mean(want))


def test_one_hot_targets_equal_indices():
    indices = np.array([1, 0])
    for dtype in (np.int64, np.float64, np.bool_):
        one_hot = np.eye(2)[indices].astype(dtype)

        want = losses.cross_entropy(LOGITS, indices)
        np.testing.assert_allclose(losses.cross_entropy(LOGITS, one_hot), want, rtol=1e-15)


def test_targets_may_be_probabilities():
    want = -(0.5 * math.log(1 / 4) + 0.5 * math.log(3 / 4))

    np.testing.assert_allclose(losses.cross_entropy(LOGITS[:1], np.full((1, 2), 0.5)), want)


def test_smoothing_spreads_a_part_of_the_target():
    # 0.9 of the target and 0.1 over both classes
    want = -(0.95 * math.log(3 / 4) + 0.05 * math.log(1 / 4))
    by_index = losses.cross_entropy(LOGITS[:1], np.array([1]), label_smoothing=0.1)
    by_weight = losses.cross_entropy(LOGITS[:1], np.array([[0, 1]]), label_smoothing=0.1)

    np.testing.assert_allclose([by_index, by_weight], want, rtol=1e-14)


def test_ignored_labels_do_not_count():
    labels = np.array([1, -100])
    want = [-math.log(3 / 4), 0]

    def loss(reduction: str) -> Any:
        return losses.cross_entropy(LOGITS, labels, reduction, ignore_index=-100)

    np.testing.assert_allclose(loss("none"), want)
    np.testing.assert_allclose(loss("mean"), want[0])
    np.testing.assert_allclose(loss("sum"), want[0])


def test_a_batch_of_ignored_labels_costs_nothing():
    labels = np.array([-1, -1])

    def loss(x: Any) -> Any:
        return losses.cross_entropy(x, labels, ignore_index=-1)

    assert loss(LOGITS) == 0
    np.testing.assert_array_equal(fg.grad(loss)(LOGITS), np.zeros((2, 2)))


def test_classes_may_stand_on_any_axis():
    x = random.normal(random.key(0), (2, 3, 4, 5), np.float64)
    labels = random.randint(random.key(1), (2, 4, 5), 0, 3)
    want = losses.cross_entropy(np.moveaxis(x, 1, -1), labels, "none")

    np.testing.assert_array_equal(losses.cross_entropy(x, labels, "none", axis=1), want)
    assert want.shape == (2, 4, 5)


def test_binary_cross_entropy_by_hand():
    p, y = np.array([0.25, 0.5]), np.array([1.0, 0.0])
    want = [math.log(4), math.log(2)]

    np.testing.assert_allclose(losses.binary_cross_entropy(p, y, "none"), want)


def test_both_forms_of_binary_cross_entropy_agree():
    x, y = np.array([-3.0, 0.0, 2.0]), np.array([0.0, 0.3, 1.0])
    p = 1 / (1 + np.exp(-x))

    want = losses.binary_cross_entropy(p, y, "none")
    np.testing.assert_allclose(losses.binary_cross_entropy_with_logits(x, y, "none"), want)
    np.testing.assert_allclose(losses.sigmoid_binary_cross_entropy(x, y), want)


def test_logits_keep_the_accuracy_that_probabilities_lose():
    # log(1 + exp(-40)) to first order
    loss = losses.binary_cross_entropy_with_logits(np.array([40.0]), np.array([1.0]))

    np.testing.assert_allclose(loss, math.exp(-40), rtol=1e-14)


# gradients

X = np.array([[0.3, -1.2, 2.0], [1.5, 0.1, -0.4]])
CASES: dict[str, Callable[[Any], Any]] = {
    "mse": lambda x: losses.mse(x, np.ones((2, 3))),
    "l1": lambda x: losses.l1(x, np.ones((2, 3))),
    "huber": lambda x: losses.huber(x, np.full((2, 3), 0.9)),
    "indices": lambda x: losses.cross_entropy(x, np.array([2, 0]), label_smoothing=0.2),
    "ignored": lambda x: losses.cross_entropy(x, np.array([2, 9]), ignore_index=9),
    "weights": lambda x: losses.cross_entropy(x, np.array([[0.2, 0.3, 0.5], [0, 0, 1]])),
    "logits": lambda x: losses.binary_cross_entropy_with_logits(x, np.eye(2, 3)),
    "logits_targets": lambda y: losses.binary_cross_entropy_with_logits(np.ones((2, 3)), y),
    "probabilities": lambda x: losses.binary_cross_entropy(0.4 + 0.1 * x, np.eye(2, 3)),
    "probability_targets": lambda y: losses.binary_cross_entropy(np.full((2, 3), 0.3), y),
    "soft_targets": lambda y: losses.cross_entropy(np.cos(np.arange(6.0)).reshape(2, 3), y),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_central_differences(name: str):
    f = CASES[name]
    steps = 1e-6 * np.eye(6).reshape(6, 2, 3)
    want = [(f(X + d) - f(X - d)) / 2e-6 for d in steps]

    np.testing.assert_allclose(fg.grad(f)(X).ravel(), want, rtol=1e-7, atol=1e-9)  # of differences


@pytest.mark.parametrize("name", ["logits", "probabilities", "indices", "weights", "mse"])
def test_second_derivatives_are_central_differences(name: str):
    f = CASES[name]
    slope = fg.grad(f)
    direction = np.cos(np.arange(6.0)).reshape(2, 3)
    want = (slope(X + 1e-6 * direction) - slope(X - 1e-6 * direction)) / 2e-6
    got = fg.grad(lambda x: np.sum(slope(x) * direction))(X)

    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)  # of differences


def test_l1_does_not_move_what_is_exact():
    assert fg.grad(lambda x: losses.l1(x, 1.0))(1.0) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_give_finite_losses_and_gradients(dtype: Any):
    x = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4]], dtype)
    y = np.array([[0, 1, 0], [1, 0, 1]], dtype)
    for loss in (
        lambda x: losses.cross_entropy(x, np.array([1, 0])),
        lambda x: losses.cross_entropy(x, np.array([1, 0]), label_smoothing=0.1),
        lambda x: losses.cross_entropy(x, y / np.array([[1], [2]], dtype)),
        lambda x: losses.binary_cross_entropy_with_logits(x, y),
        lambda x: losses.huber(x, y),
    ):
        value, gradient = fg.value_and_grad(loss)(x)

        assert (value.dtype, gradient.dtype) == (dtype, dtype)
        assert np.isfinite(value) and np.all(np.isfinite(gradient))


def test_extreme_logits_give_exact_losses():
    x = np.array([[1e4, -1e4]], np.float32)

    assert losses.cross_entropy(x, np.array([1])) == 2e4
    assert losses.cross_entropy(x, np.array([0])) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_0_and_1_follow_the_convention(dtype: Any):
    p, y = np.array([0, 0, 1, 1], dtype), np.array([0, 1, 0, 1], dtype)

    def loss(p: Any) -> Any:
        return losses.binary_cross_entropy(p, y, "sum")

    gradient = fg.grad(loss)(p)

    np.testing.assert_array_equal(losses.binary_cross_entropy(p, y, "none"), [0, 100, 100, 0])
    np.testing.assert_array_equal(gradient, np.array([0, -1e12, 1e12, 0], dtype))
    assert gradient.dtype == dtype


def test_masked_logits_give_finite_gradients():
    x = np.array([[0.0, -np.inf, 0.0]])
    for targets in (np.array([0]), np.array([[1.0, 0.0, 0.0]])):
        gradient = fg.grad(lambda x, y=targets: losses.cross_entropy(x, y))(x)

        np.testing.assert_allclose(gradient, [[-0.5, 0, 0.5]])


def test_integer_targets_do_not_widen_float32():
    x = np.ones(3, np.float32)

    assert losses.mse(x, np.ones(3, int)).dtype == np.float32
    assert losses.binary_cross_entropy_with_logits(x, np.ones(3, bool)).dtype == np.float32
    assert losses.cross_entropy(x, np.array([0, 1, 0])).dtype == np.float32


# what is refused


@pytest.mark.parametrize(
    "loss",
    [
        losses.mse,
        losses.l1,
        losses.huber,
        losses.binary_cross_entropy,
        losses.binary_cross_entropy_with_logits,
        losses.squared_error,
        losses.absolute_error,
        losses.l2_loss,
        losses.huber_loss,
        losses.sigmoid_binary_cross_entropy,
        losses.softmax_cross_entropy,
    ],
)
def test_a_column_against_a_row_raises(loss: Callable[..., Any]):
    message = rf"{loss.__name__}: .* must have one shape: got f64\[3\] and f64\[3,1\]; reshape one"
    with pytest.raises(ShapeError, match=message):
        loss(np.full(3, 0.5), np.full((3, 1), 0.5))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_raises(label: int):
    message = rf"cross_entropy: the label {label} at \[1\] is out of range for 3 classes"
    with pytest.raises(IndexError, match=message):
        losses.cross_entropy(X, np.array([0, label]))
    with pytest.raises(IndexError, match="out of range for 3 classes"):
        fg.grad(losses.softmax_cross_entropy_with_integer_labels)(X[0], np.array(label))


def test_labels_of_the_wrong_shape_or_dtype_raise():
    message = (
        r"shaped like logits without axis -1, \(2,\).* got logits f64\[2,3\] and .* i64\[2,1\]"
    )
    with pytest.raises(ShapeError, match=message):
        losses.cross_entropy(X, np.array([[0], [1]]))
    with pytest.raises(DtypeError, match=r"must be integers: got f64\[2\]; use astype"):
        losses.cross_entropy(X, np.array([0.0, 1.0]))


def test_logits_in_place_of_probabilities_raise():
    message = r"probabilities must be in \[0, 1\]: got -3\.0 to 2\.0; for logits use"
    with pytest.raises(ValueError, match=message):
        losses.binary_cross_entropy(np.array([-3.0, 2.0]), np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match=message):
        fg.grad(losses.binary_cross_entropy)(np.array([-3.0, 2.0]), np.array([0.0, 1.0]))


def test_options_are_checked():
    with pytest.raises(ValueError, match="mse: reduction must be 'mean', 'sum' or 'none': got 'm'"):
        losses.mse(X, X, "m")
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\]: got 2"):
        losses.cross_entropy(X, X, label_smoothing=2)
    with pytest.raises(ValueError, match="ignore_index needs targets that are class indices"):
        losses.cross_entropy(X, X, ignore_index=0)


# peers


@pytest.mark.peers
def test_losses_agree_with_torch():
    torch = pytest.importorskip("torch")
    functional, tensor = torch.nn.functional, torch.tensor
    y, labels = np.eye(2, 3), np.array([2, -100])
    p = 0.5 + 0.2 * X
    rows = {
        "mse": (losses.mse(X, y), functional.mse_loss(tensor(X), tensor(y))),
        "l1": (losses.l1(X, y), functional.l1_loss(tensor(X), tensor(y))),
        "huber": (losses.huber(X, y, 0.7), functional.huber_loss(tensor(X), tensor(y), delta=0.7)),
        "bce": (
            losses.binary_cross_entropy(p, y),
            functional.binary_cross_entropy(tensor(p), tensor(y)),
        ),
        "logits": (
            losses.binary_cross_entropy_with_logits(X, y),
            functional.binary_cross_entropy_with_logits(tensor(X), tensor(y)),
        ),
        "ignored": (
            losses.cross_entropy(X, labels, ignore_index=-100, label_smoothing=0.1),
            functional.cross_entropy(tensor(X), tensor(labels), label_smoothing=0.1),
        ),
        "weights": (
            losses.cross_entropy(X, np.full((2, 3), 1 / 3), label_smoothing=0.3),
            functional.cross_entropy(
                tensor(X), torch.full((2, 3), 1 / 3, dtype=torch.float64), label_smoothing=0.3
            ),
        ),
    }
    for name, (got, want) in rows.items():
        np.testing.assert_allclose(got, want.item(), rtol=1e-14, err_msg=name)


@pytest.mark.peers
def test_losses_agree_with_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    y, labels = np.eye(2, 3), np.array([2, 0])
    with jax.enable_x64(True):
        for name in (
            "squared_error",
            "l2_loss",
            "huber_loss",
            "softmax_cross_entropy",
            "sigmoid_binary_cross_entropy",
        ):
            want, got = getattr(optax, name)(X, y), getattr(losses, name)(X, y)

            np.testing.assert_allclose(got, want, rtol=1e-14, err_msg=name)
        name = "softmax_cross_entropy_with_integer_labels"
        want, got = getattr(optax, name)(X, labels), getattr(losses, name)(X, labels)
        np.testing.assert_allclose(got, want, rtol=1e-14)
