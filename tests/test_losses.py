"""Losses: values by hand, gradients against differences, extremes, and what they refuse."""

import itertools
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
    message = (
        rf"{loss.__name__}: .* must have the same shape: got f64\[3\] and f64\[3,1\]; reshape one"
    )
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
        r"the shape of logits without axis -1, \(2,\).* got logits f64\[2,3\] and .* i64\[2,1\]"
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


# masks, weights, and the other losses

REDUCED: dict[str, Callable[..., Any]] = {
    "mse": losses.mse,
    "l1": losses.l1,
    "huber": losses.huber,
    "bce": lambda x, y, *a, **k: losses.binary_cross_entropy(0.5 + 0.1 * x, y > 0, *a, **k),
    "logits": lambda x, y, *a, **k: losses.binary_cross_entropy_with_logits(x, y > 0, *a, **k),
    "pos_weight": lambda x, y, *a, **k: losses.binary_cross_entropy_with_logits(
        x, y > 0, *a, pos_weight=3.0, **k
    ),
    "hinge": lambda x, y, *a, **k: losses.hinge(x, np.sign(y), *a, **k),
}
ROWS = np.sin(np.arange(12.0)).reshape(4, 3)
OTHERS = np.cos(3 * np.arange(12.0)).reshape(4, 3)


@pytest.mark.parametrize("name", REDUCED)
def test_weighted_and_masked_means_are_those_of_the_parts(name: str):
    f, weights = REDUCED[name], np.arange(1.0, 13.0).reshape(4, 3)
    each = f(ROWS, OTHERS, reduction="none")
    mask = ROWS > -0.5
    spoiled = np.where(mask, ROWS, np.nan)

    np.testing.assert_allclose(
        f(ROWS, OTHERS, weights=weights), np.sum(weights * each) / np.sum(weights), rtol=1e-14
    )
    np.testing.assert_allclose(f(spoiled, OTHERS, where=mask), np.mean(each[mask]), rtol=1e-14)
    np.testing.assert_allclose(
        f(spoiled, OTHERS, weights=weights, where=mask),
        np.sum((weights * each)[mask]) / np.sum(weights[mask]),
        rtol=1e-14,
    )
    grad = fg.grad(lambda x: f(x, OTHERS, reduction="sum", where=mask))
    np.testing.assert_array_equal(grad(spoiled), np.where(mask, grad(ROWS), 0))
    assert f(ROWS, OTHERS, where=np.zeros((4, 3), bool)) == 0
    assert f(np.float32(ROWS), OTHERS.astype(np.float32), weights=weights).dtype == np.float32


def test_cross_entropy_masks_and_weighs_examples():
    labels, mask = np.array([2, 0, 1, 1]), np.array([True, False, True, True])
    each = losses.cross_entropy(ROWS, labels, "none")
    spoiled = np.where(mask[:, None], ROWS, np.nan)
    for targets in (labels, np.eye(3)[labels]):
        got = losses.cross_entropy(spoiled, targets, where=mask)
        np.testing.assert_allclose(got, np.mean(each[mask]), rtol=1e-14)
        grad = fg.grad(lambda x, y: losses.cross_entropy(x, y, where=mask))(spoiled, targets)
        assert np.all(np.isfinite(grad)) and not np.any(grad[1])
    ignored = np.where(mask, labels, -1)
    want = losses.cross_entropy(ROWS, labels, where=mask & (labels != 1))
    got = losses.cross_entropy(ROWS, np.where(labels == 1, -1, ignored), ignore_index=-1)
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_classes_may_weigh_differently():
    labels, gains = np.array([2, 0, 1, 1]), np.array([1.0, 2.0, 4.0])
    each = losses.cross_entropy(ROWS, labels, "none")
    want = np.sum(gains[labels] * each) / np.sum(gains[labels])

    np.testing.assert_allclose(
        losses.cross_entropy(ROWS, labels, class_weights=gains), want, rtol=1e-14
    )
    with pytest.raises(ShapeError, match="one weight for each of 3 classes"):
        losses.cross_entropy(ROWS, labels, class_weights=np.ones(2))


def test_masks_and_weights_are_checked():
    with pytest.raises(DtypeError, match="where must be boolean"):
        losses.mse(ROWS, OTHERS, where=np.ones((4, 3)))
    with pytest.raises(ShapeError, match=r"weights must broadcast to the losses, of shape \(4"):
        losses.mse(ROWS, OTHERS, weights=np.ones(4))


def test_all_paths_of_frames_add_up_in_ctc():
    logits = np.sin(np.arange(12.0)).reshape(1, 4, 3)
    p = np.exp(logits[0]) / np.sum(np.exp(logits[0]), 1, keepdims=True)
    for label in ([1], [1, 2], [1, 1], [2, 2]):
        want = 0.0
        for path in itertools.product(range(3), repeat=4):
            read = [k for k, _ in itertools.groupby(path) if k]
            want += np.prod(p[np.arange(4), path]) if read == label else 0.0
        pad = np.zeros((1, len(label)))
        got = losses.ctc_loss(logits, np.zeros((1, 4)), np.array([label]), pad)

        np.testing.assert_allclose(np.exp(-got[0]), want, rtol=1e-12)


def test_padding_does_not_count_in_ctc():
    logits = np.sin(np.arange(24.0)).reshape(2, 4, 3)
    pads = np.array([[0, 0, 0, 1], [0, 0, 0, 0]]), np.array([[0, 1], [0, 0]])
    both = losses.ctc_loss(logits, pads[0], np.array([[1, 0], [2, 2]]), pads[1])
    one = losses.ctc_loss(logits[:1, :3], np.zeros((1, 3)), np.array([[1]]), np.zeros((1, 1)))
    empty = losses.ctc_loss(logits[:1], np.zeros((1, 4)), np.array([[1]]), np.ones((1, 1)))
    blanks = -np.sum(logits[0, :, 0] - np.log(np.sum(np.exp(logits[0]), 1)))

    np.testing.assert_allclose(both[:1], one, rtol=1e-14)
    np.testing.assert_allclose(empty[0], blanks, rtol=1e-14)
    for padding in (-100, 1000):
        no_class = losses.ctc_loss(logits, pads[0], np.array([[1, padding], [2, 2]]), pads[1])

        np.testing.assert_array_equal(no_class, both)
    with pytest.raises(ValueError, match="labels must come before their padding"):
        losses.ctc_loss(logits, pads[0], np.array([[0, 1], [2, 2]]), pads[1][:, ::-1])
    with pytest.raises(IndexError, match="label 3 is the blank or out of range for 3 classes"):
        losses.ctc_loss(logits[:1], np.zeros((1, 4)), np.array([[3]]), np.zeros((1, 1)))


SEQUENCES = np.sin(np.arange(24.0)).reshape(2, 4, 3), np.array([[1, 2], [2, 2]])
OTHER_LOSSES: dict[str, Callable[[Any], Any]] = {
    "log_cosh": lambda x: losses.log_cosh(x, OTHERS),
    "cosine_distance": lambda x: losses.cosine_distance(x, OTHERS, reduction="mean"),
    "focal": lambda x: losses.sigmoid_focal_loss(x, OTHERS > 0, alpha=0.3),
    "soft focal": lambda x: losses.sigmoid_focal_loss(x, np.square(OTHERS), gamma=1.5),
    "poly": lambda x: losses.poly_loss_cross_entropy(x, np.eye(3)[[0, 1, 2, 0]]),
    "kl": lambda x: losses.kl_divergence(x - 9, np.square(OTHERS)),
    "log kl": lambda x: losses.kl_divergence_with_log_targets(OTHERS, x),
    "triplet": lambda x: losses.triplet_margin_loss(x, OTHERS, ROWS + 0.1),
    "contrastive": lambda x: losses.contrastive_loss(np.square(x), OTHERS > 0),
    "ntxent": lambda x: losses.ntxent(x, np.array([0, 0, 1, 1]), 0.5),
    "multiclass hinge": lambda x: losses.multiclass_hinge_loss(x, np.array([0, 1, 2, 0])),
    "ctc": lambda x: losses.ctc_loss(
        np.sin(x)[None].repeat(2, 0) + SEQUENCES[0],
        np.zeros((2, 4)),
        SEQUENCES[1],
        np.zeros((2, 2)),
    ),
}


@pytest.mark.parametrize("name", OTHER_LOSSES)
def test_other_losses_have_gradients_of_two_orders_and_compile(name: str):
    f = lambda x: np.sum(OTHER_LOSSES[name](x))
    fg.check_grads(f, (ROWS,), order=2, rtol=1e-5, atol=1e-5)  # central differences

    np.testing.assert_allclose(fg.jit(fg.grad(f))(ROWS), fg.grad(f)(ROWS), rtol=1e-12, atol=1e-14)


def test_vectors_of_length_0_have_no_direction():
    x = np.zeros((1, 3))
    value, grad = fg.value_and_grad(lambda x: np.sum(losses.cosine_similarity(x, OTHERS[:1])))(x)

    assert value == 0 and not np.any(grad)


def test_focal_loss_is_exact_at_extremes():
    x = np.array([1e4, -1e4, 800.0])
    value, grad = fg.value_and_grad(
        lambda x: np.sum(losses.sigmoid_focal_loss(x, np.array([1, 1, 0])))
    )(x)

    assert value == 1e4 + 800 and np.all(np.isfinite(grad))


@pytest.mark.peers
def test_other_losses_agree_with_optax():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    p = np.square(OTHERS) / np.sum(np.square(OTHERS), 1, keepdims=True)
    mask, labels = ROWS > -0.8, np.array([0, 2, 1, 1])
    mask[:, 0] = True
    rows: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("log_cosh", (ROWS, OTHERS), {}),
        ("cosine_similarity", (ROWS, OTHERS), {"where": mask}),
        ("cosine_distance", (ROWS, OTHERS), {"epsilon": 0.1}),
        ("sigmoid_focal_loss", (ROWS, p), {"alpha": 0.3, "gamma": 1.5}),
        ("hinge_loss", (ROWS, np.sign(OTHERS)), {}),
        ("perceptron_loss", (ROWS, np.sign(OTHERS)), {}),
        ("softmax_cross_entropy", (ROWS, p), {"where": mask}),
        ("softmax_cross_entropy_with_integer_labels", (ROWS, 0 * labels), {"where": mask}),
        ("poly_loss_cross_entropy", (ROWS, p), {"where": mask, "epsilon": 1.0}),
        ("multiclass_hinge_loss", (ROWS, labels), {}),
        ("multiclass_perceptron_loss", (ROWS, labels), {}),
        ("smooth_labels", (p, 0.1), {"where": mask}),
        ("kl_divergence", (ROWS, p), {"where": mask}),
        ("kl_divergence_with_log_targets", (ROWS, OTHERS), {}),
        ("generalized_kl_divergence", (ROWS, p), {}),
        ("triplet_margin_loss", (ROWS, OTHERS, ROWS[::-1].copy()), {}),
        ("ntxent", (ROWS, np.array([0, 0, 1, 1])), {}),
    ]
    with jax.enable_x64(True):
        for name, args, options in rows:
            theirs = getattr(optax, name, None) or getattr(optax.losses, name)
            ours = getattr(losses, name)
            got, want = ours(*args, **options), theirs(*args, **options)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14, err_msg=name)
        pads = np.array([[0, 0, 0, 1], [0, 0, 0, 0]]), np.array([[0, 1], [0, 0]])
        args = SEQUENCES[0], pads[0], SEQUENCES[1], pads[1]
        np.testing.assert_allclose(losses.ctc_loss(*args), optax.ctc_loss(*args), rtol=1e-12)


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
        "class weights": (
            losses.cross_entropy(
                X, np.array([2, 0]), label_smoothing=0.1, class_weights=np.array([1.0, 2.0, 4.0])
            ),
            functional.cross_entropy(
                tensor(X),
                tensor(np.array([2, 0])),
                label_smoothing=0.1,
                weight=tensor(np.array([1.0, 2.0, 4.0])),
            ),
        ),
        "pos_weight": (
            losses.binary_cross_entropy_with_logits(X, y, pos_weight=3.0),
            functional.binary_cross_entropy_with_logits(
                tensor(X), tensor(y), pos_weight=torch.tensor(3.0)
            ),
        ),
        "batchmean": (
            losses.kl_divergence(X, p, reduction="mean"),
            functional.kl_div(tensor(X), tensor(p), reduction="batchmean"),
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


@pytest.mark.parametrize(
    "loss",
    [losses.mse, losses.l1, losses.huber, losses.squared_error, losses.log_cosh, losses.hinge],
)
def test_small_integers_do_not_wrap_around(loss):
    x, y = np.array([1, 200, 7], np.uint8), np.array([30, 3, 7], np.uint8)

    np.testing.assert_allclose(loss(x, y), loss(x.astype(float), y.astype(float)), rtol=1e-14)
    assert loss(x, y.astype(np.float32)).dtype == np.float32


def test_indices_where_probabilities_belong_name_the_other_loss():
    with pytest.raises(ShapeError, match="use softmax_cross_entropy_with_integer_labels"):
        losses.softmax_cross_entropy(np.zeros((2, 4)), np.array([1, 3]))
