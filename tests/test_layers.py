"""Layers against formulas in NumPy, against PyTorch, and against the laws of the transforms."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, random, tree
from funcgrad.core.errors import DtypeError, ShapeError

from .support.compare import assert_same

# derivatives of predictions in the parameters are tested on purpose
pytestmark = pytest.mark.filterwarnings("ignore:Dropout.*without a key")
KEY = random.key(0)


def draw(seed: int, *shape: int) -> np.ndarray:
    return random.normal(random.key(seed), shape, np.float64)


def scattered(model: Any, seed: int = 7) -> Any:
    """Return a float64 model whose parameters are all away from 0, variances positive."""
    model = model.init(KEY, np.float64)
    leaves, treedef = tree.flatten(model)
    new = [0.3 * draw(seed + i, *x.shape) + (1 if x.ndim == 1 else 0) for i, x in enumerate(leaves)]
    return tree.unflatten(treedef, [np.abs(x) if x.ndim == 1 else x for x in new])


def smallest(x: Any) -> Any:
    return nn.min_pool(x, (2, 2))


def coarser(x: Any) -> Any:
    return nn.adaptive_avg_pool(x, (3, 2))


# each layer, and the shape of an input
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "dense": (lambda: nn.Dense(3, 4, activation=nn.gelu), (5, 3)),
    "conv1": (lambda: nn.Conv(3, 4, (3,), stride=2, dilation=2, padding="CAUSAL"), (2, 9, 3)),
    "conv2": (lambda: nn.Conv(4, 6, (3, 2), stride=(2, 1), groups=2, padding=1), (2, 6, 5, 4)),
    "conv3": (lambda: nn.Conv(2, 3, (2, 2, 2), padding=((0, 1), 1, 0)), (2, 3, 4, 3, 2)),
    "conv_transpose": (lambda: nn.ConvTranspose(3, 2, (3, 2), stride=2), (2, 4, 3, 3)),
    "conv_transpose_turned": (
        lambda: nn.ConvTranspose(3, 2, (3,), stride=2, padding=1, transpose_kernel=True),
        (2, 5, 3),
    ),
    "max_pool": (lambda: nn.MaxPool((2, 3), 2, "SAME"), (2, 5, 6, 3)),
    "avg_pool": (lambda: nn.AvgPool((2, 3), 2, "SAME", count_include_pad=False), (2, 5, 6, 3)),
    "min_pool": (lambda: nn.Lambda(smallest), (2, 4, 4, 3)),
    "global_avg_pool": (lambda: nn.Lambda(nn.global_avg_pool), (2, 4, 5, 3)),
    "global_max_pool": (lambda: nn.Lambda(nn.global_max_pool), (2, 4, 5, 3)),
    "adaptive_avg_pool": (lambda: nn.Lambda(coarser), (2, 5, 4, 3)),
    "upsample": (lambda: nn.Upsample((2, 3), "linear"), (2, 3, 4, 2)),
    "nearest": (lambda: nn.Upsample((2, 3)), (2, 3, 4, 2)),
    "batch_norm": (lambda: nn.BatchNorm(3), (4, 5, 3)),
    "layer_norm": (lambda: nn.LayerNorm((4, 3)), (2, 4, 3)),
    "rms_norm": (lambda: nn.RMSNorm(6), (2, 4, 6)),
    "group_norm": (lambda: nn.GroupNorm(2, 6), (2, 3, 4, 6)),
    "instance_norm": (lambda: nn.InstanceNorm(3), (2, 3, 4, 3)),
    "dropout": (lambda: nn.Dropout(0.4, broadcast_dims=(1,)), (3, 4, 5)),
    "residual": (lambda: nn.Residual(nn.Dense(3, 5), nn.Dense(3, 5)), (2, 3)),
    "parallel": (lambda: nn.Parallel(nn.Dense(3, 5), np.tanh, nn.Dense(3, 2)), (2, 3)),
    "mlp": (lambda: nn.MLP(3, 8, 8, 2, activation=nn.tanh, dropout=0.2), (5, 3)),
    "flatten": (lambda: nn.Sequential(nn.Flatten(), nn.Dense(12, 2)), (2, 4, 3)),
}
each_layer = pytest.mark.parametrize("name", LAYERS)
each_pass = pytest.mark.parametrize("key", [None, KEY], ids=["predict", "train"])


def made(name: str) -> tuple[Any, np.ndarray]:
    make, shape = LAYERS[name]
    return scattered(make()), draw(3, *shape)


def total(model: Any, x: Any, key: Any) -> Any:
    y = nn.apply(model, x, key=key)[0]
    return np.sum(y * np.cos(np.arange(y.size)).reshape(y.shape))


# the laws of the transforms


@each_pass
@each_layer
def test_jit_of_a_layer_is_the_layer(name: str, key: Any):
    model, x = made(name)
    compiled = fg.jit(fg.value_and_grad(total, argnums=(0, 1)))
    want, got = fg.value_and_grad(total, argnums=(0, 1))(model, x, key), compiled(model, x, key)

    assert_same(want, got, 1e-11, 1e-12)  # reordered


@each_pass
@each_layer
def test_derivatives_of_a_layer_are_central_differences_to_second_order(name: str, key: Any):
    model, x = made(name)
    params, rest = nn.partition(model)

    fg.check_grads(
        lambda p, x: total(nn.combine(p, rest), x, key), (params, x), order=2, rtol=1e-5, atol=1e-5
    )


@each_pass
@each_layer
def test_vmap_over_models_is_a_loop(name: str, key: Any):
    make, shape = LAYERS[name]
    models = [scattered(make(), seed) for seed in (7, 70)]
    stacked = tree.map(lambda *xs: np.stack(xs), *models)
    xs = draw(4, 2, *shape)

    got = fg.vmap(lambda m, x: fg.grad(total, argnums=1)(m, x, key))(stacked, xs)

    for i, model in enumerate(models):
        want = fg.grad(total, argnums=1)(model, xs[i], key)
        np.testing.assert_allclose(got[i], want, rtol=1e-11, atol=1e-12)  # reordered


@each_pass
@each_layer
def test_a_float32_layer_stays_float32(name: str, key: Any):
    make, shape = LAYERS[name]
    model, x = make().init(KEY), draw(3, *shape).astype(np.float32)

    y, after = nn.apply(model, x, key=key)
    gradient = fg.grad(total, argnums=(0, 1))(model, x, key)

    leaves = tree.leaves((y, after, gradient))
    assert {np.dtype(np.float32)} == {leaf.dtype for leaf in leaves}


# all but those to which the first axis is the batch's
@pytest.mark.parametrize(
    "name", [n for n in LAYERS if "_norm" not in n and not n.startswith(("global", "flatten"))]
)
def test_layers_keep_leading_axes(name: str):
    model, x = made(name)
    y = model(x)

    np.testing.assert_allclose(model(np.stack([x, x]))[1], y, rtol=1e-12)
    if "drop" not in name:
        np.testing.assert_allclose(model(x[0]), y[0], rtol=1e-12)


# formulas


def windows(x: np.ndarray, sizes: Any, stride: int, pads: Any, fill: float) -> Any:
    """Yield each place of a result, and the window of the padded array that it sees."""
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    counts = [(n - k) // stride + 1 for n, k in zip(x.shape[1:-1], sizes, strict=True)]
    for place in itertools.product(*map(range, counts)):
        at = tuple(slice(p * stride, p * stride + k) for p, k in zip(place, sizes, strict=True))
        yield place, x[(slice(None), *at)]


def test_conv_is_the_sum_of_products_with_each_window():
    model, x = (
        scattered(nn.Conv(3, 4, (3, 2), stride=2, padding=((1, 1), (0, 1)))),
        draw(1, 2, 5, 4, 3),
    )
    y = model(x)

    for place, seen in windows(x, (3, 2), 2, ((1, 1), (0, 1)), 0.0):
        want = np.einsum("nhwc,hwco->no", seen, model.kernel) + model.bias
        np.testing.assert_allclose(y[(slice(None), *place)], want, rtol=1e-12)


def test_a_causal_conv_sees_nothing_that_comes_later():
    model, x = scattered(nn.Conv(1, 1, 3, padding="causal", dilation=2)), draw(1, 1, 9, 1)

    slopes = fg.jacrev(model)(x)[0, :, 0, 0, :, 0]

    assert model(x).shape == x.shape
    assert not np.any(np.triu(slopes, 1))
    assert np.all(np.diagonal(slopes))


@pytest.mark.parametrize("padding", ["SAME", "VALID", 1, ((1, 0), 2)])
def test_a_transposed_conv_is_the_transpose(padding: Any):
    options: Any = {"stride": 2, "padding": padding, "use_bias": False}
    conv = scattered(nn.Conv(3, 4, (3, 3), **options))
    back = nn.ConvTranspose(4, 3, (3, 3), transpose_kernel=True, **options, kernel=conv.kernel)
    ct = conv(draw(1, 2, 9, 9, 3))
    got = back(ct)
    x = draw(1, *got.shape)

    _, pull = fg.vjp(conv, x)

    np.testing.assert_allclose(got, pull(ct)[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "pool, reduce, fill",
    [(nn.max_pool, np.max, -np.inf), (nn.min_pool, np.min, np.inf), (nn.avg_pool, np.mean, 0.0)],
)
def test_pools_reduce_each_window(pool: Any, reduce: Any, fill: float):
    x = draw(1, 2, 6, 5, 3)
    y = pool(x, (2, 3), 2, ((0, 1), 1))

    for place, seen in windows(x, (2, 3), 2, ((0, 1), (1, 1)), fill):
        np.testing.assert_allclose(y[(slice(None), *place)], reduce(seen, axis=(1, 2)), rtol=1e-12)


def test_avg_pool_can_leave_padding_out():
    x = draw(1, 2, 6, 5, 3)
    y = nn.avg_pool(x, (2, 3), 2, ((0, 1), 1), count_include_pad=False)

    for place, seen in windows(x, (2, 3), 2, ((0, 1), (1, 1)), np.nan):
        want = np.nanmean(seen, axis=(1, 2))
        np.testing.assert_allclose(y[(slice(None), *place)], want, rtol=1e-12)


def test_pools_take_whole_numbers():
    x = np.arange(250, 254, dtype=np.uint8).reshape(1, 4, 1)

    np.testing.assert_array_equal(nn.max_pool(x, 2).ravel(), np.array([251, 253], np.uint8))
    np.testing.assert_array_equal(nn.avg_pool(x, 2).ravel(), [250.5, 252.5])


def test_windows_move_by_their_length_unless_told():
    x = draw(1, 1, 6, 6, 1)

    np.testing.assert_array_equal(nn.max_pool(x, 3), nn.max_pool(x, (3, 3), (3, 3)))
    assert nn.max_pool(x, 3, 1).shape == (1, 4, 4, 1)


def test_resizing_keeps_what_is_linear_and_means():
    x = np.linspace(0, 1, 6)[:, None] * np.array([1.0, 2.0])

    inner = np.linspace(0.05, 0.95, 10)[:, None] * np.array([1, 2])
    np.testing.assert_allclose(nn.resize(x, (12,))[1:-1], inner)
    np.testing.assert_array_equal(nn.resize(x, (12,), "nearest"), np.repeat(x, 2, axis=0))
    np.testing.assert_array_equal(nn.resize(x, (3,), "nearest"), x[1::2])
    np.testing.assert_array_equal(nn.adaptive_avg_pool(x, 6), x)
    np.testing.assert_allclose(nn.adaptive_avg_pool(x, 1), x.mean(0, keepdims=True))
    with pytest.raises(ShapeError, match=r"resize: x must be .* got f64\[6,2\]"):
        nn.resize(x, (3, 3))
    with pytest.raises(ValueError, match="Upsample: method must be"):
        nn.Upsample(2, "sinc")


def test_norms_normalise_what_they_say():
    x = draw(1, 4, 5, 6) * 3 + 2

    def check(layer: Any, axes: tuple[int, ...], shape: tuple[int, ...] = (4, 5, 6)) -> None:
        y = layer.init(KEY, np.float64)(x, key=KEY).reshape(shape)
        z = x.reshape(shape)
        want = (z - z.mean(axes, keepdims=True)) / np.sqrt(z.var(axes, keepdims=True) + 1e-5)
        np.testing.assert_allclose(y, want, rtol=1e-12)

    check(nn.BatchNorm(6), (0, 1))
    check(nn.LayerNorm(6), (2,))
    check(nn.LayerNorm((5, 6)), (1, 2))
    check(nn.GroupNorm(2, 6), (1, 3), (4, 5, 2, 3))
    check(nn.GroupNorm(2, 6, batch_axes=0), (0, 1, 3), (4, 5, 2, 3))
    check(nn.InstanceNorm(6), (1,))
    rms = nn.RMSNorm(6).init(KEY, np.float64)(x)
    np.testing.assert_allclose(
        rms, x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6), rtol=1e-12
    )


def test_norms_of_large_numbers_do_not_cancel():
    x = draw(1, 100, 1) + 1e8

    y = nn.BatchNorm(1).init(KEY, np.float64)(x, key=KEY)

    np.testing.assert_allclose(np.std(y), 1, rtol=1e-4)  # epsilon is 1e-5


def test_norms_of_float16_do_not_overflow():
    x = np.array([[-3e4, 3e4]], np.float16)

    y = nn.LayerNorm(2).init(KEY, np.float16)(x)

    np.testing.assert_array_equal(y, np.array([[-1, 1]], np.float16))


def test_embedding_looks_up_and_attends():
    table = nn.Embedding(5, 3).init(KEY, np.float64)
    i = np.array([[4, 0], [1, 1]])
    x = draw(1, 2, 3)

    gradient = fg.grad(lambda t: np.sum(t(i) * np.arange(12.0).reshape(2, 2, 3)))(table)

    np.testing.assert_array_equal(table(i), table.embedding[i])
    np.testing.assert_array_equal(fg.jit(table)(i), table.embedding[i])
    np.testing.assert_array_equal(gradient.embedding[1], [15, 17, 19])  # twice: 6 + 9, ...
    np.testing.assert_allclose(table.attend(x), x @ table.embedding.T)


def test_embedding_refuses_what_is_no_row():
    table = nn.Sequential(nn.Embedding(5, 3)).init(KEY)

    message = r"Embedding\(5, 3\) at 'layers\[0\]': indices must be in \[0, 5\): got {} to 2"
    for i in (-1, 5):
        with pytest.raises(IndexError, match=message.format(min(i, 2)).replace("to 2", "to")):
            table(np.array([2, i]))
    with pytest.raises(DtypeError, match=r"indices must be integers: got f64\[1\]"):
        table(np.ones(1))


def test_dropout_drops_whole_channels():
    y = nn.Dropout(0.5, broadcast_dims=(1, 2))(np.ones((8, 3, 3, 16)), key=KEY)

    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))
    assert {0.0, 2.0} == set(y.ravel().tolist())
    with pytest.raises(ShapeError, match=r"x has no axis 2 of broadcast_dims: got f64\[2,2\]"):
        nn.Dropout(0.5, broadcast_dims=(2,))(np.ones((2, 2)), key=KEY)


def test_combinators_pass_different_keys_on():
    drop = nn.Dropout(0.5)
    x = np.ones(64)

    y = nn.Parallel(drop, drop, merge=tuple)(x, key=KEY)
    z = nn.Residual(drop, drop)(x, key=KEY)

    assert not np.array_equal(y[0], y[1])
    np.testing.assert_array_equal(z, y[0] + y[1])


def test_parallel_merges_as_told():
    x = draw(1, 2, 3)

    np.testing.assert_array_equal(nn.Parallel(np.sin, np.cos, merge=sum)(x), np.sin(x) + np.cos(x))
    np.testing.assert_array_equal(nn.Parallel(np.sin, np.cos)(x), np.hstack([np.sin(x), np.cos(x)]))


def test_an_mlp_is_a_sequential_of_dense_layers():
    model = nn.MLP(4, 8, 2, activation=nn.tanh, final_activation=nn.sigmoid, dropout=0.1)

    assert [type(layer) for layer in model] == [nn.Dense, nn.Dropout, nn.Dense]
    assert isinstance(model, nn.Sequential)
    assert (model[0].activation, model[2].activation) == (nn.tanh, nn.sigmoid)
    assert len(dataclasses.replace(model, layers=(nn.Identity(),))) == 1
    with pytest.raises(ValueError, match="MLP: sizes must be two or more"):
        nn.MLP(3)


# what is wrong with a call


WRONG_CALLS: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "channels": (nn.Conv(3, 4, (3, 3)), (2, 8, 8, 4), r"2 spatial axes and then 3 channels"),
    "axes": (nn.Conv(3, 4, (3, 3)), (8, 3), r"2 spatial axes .* got f64\[8,3\]"),
    "small": (nn.Conv(3, 4, (3, 3), padding="VALID"), (1, 2, 8, 3), "window is larger than x"),
    "transposed": (nn.ConvTranspose(3, 4, 3), (2, 8, 4), "1 spatial axis and then 3 channels"),
    "window of one axis": (nn.Conv(3, 4, 5), (2, 8, 8, 3), r"got f64.*kernel_size=\(5, 5\)"),
    "transposed, of one axis": (nn.ConvTranspose(3, 4, 2), (2, 8, 8, 3), r"kernel_size=\(2, 2\)"),
    "pool": (nn.MaxPool((4, 4)), (1, 3, 8, 3), r"MaxPool\(\(4, 4\)\): the window \(4, 4\) is la"),
    "pool_padding": (nn.MaxPool((2, 2), padding=2), (1, 8, 8, 3), r"longer than the padding"),
    "pool_axes": (nn.AvgPool((2, 2)), (3, 8), r"must be \[\.\.\., \*spatial, channels\]"),
    "batch_norm": (nn.BatchNorm(3), (2, 4), r"BatchNorm\(3\): the last axis of x must have len"),
    "layer_norm": (nn.LayerNorm((2, 3)), (2, 4), r"the last axes of x must have lengths \(2, 3\)"),
    "rms_norm": (nn.RMSNorm(3), (2, 4), r"RMSNorm\(\(3,\)\): the last axis .* length 3"),
    "group_norm": (nn.GroupNorm(2, 4), (4,), "1 batch axes and a channel axis"),
    "residual": (nn.Residual(nn.Dense(3, 4)), (2, 3), r"got f64\[2,4\] and f64\[2,3\]"),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_layers_say_what_does_not_fit(case: str):
    layer, shape, message = WRONG_CALLS[case]
    model = nn.Sequential(layer).init(KEY, np.float64)

    for f in (model, fg.jit(model)):
        with pytest.raises(ShapeError, match=message.replace(r"\): ", r"\) at 'layers\[0\]': ")):
            f(np.ones(shape))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Conv(3, 4, ()), "kernel_size must be an integer"),
        (lambda: nn.Conv(3, 4, (3, 0)), "kernel_size must be an integer"),
        (lambda: nn.Conv(3, 4, "33"), "kernel_size must be an integer"),
        (lambda: nn.Conv(3, 4, (3, 3), stride=(1, 2, 3)), "stride must be an integer.* 2 of them"),
        (lambda: nn.Conv(3, 4, (3, 3), dilation=0), "dilation must be an integer, 1 or more"),
        (lambda: nn.Conv(3, 4, (3, 3), padding="FULL"), "padding must be 'SAME', .* got 'FULL'"),
        (lambda: nn.Conv(3, 4, (3, 3), padding="CAUSAL"), "'CAUSAL' needs one spatial axis"),
        (lambda: nn.Conv(3, 4, (3, 3), groups=2), "groups must divide in_features"),
        (lambda: nn.Conv(0, 4, (3, 3)), "in_features must be an integer, 1 or more: got 0"),
        (lambda: nn.ConvTranspose(3, 4, 3, padding="CAUSAL"), "got 'CAUSAL'"),
        (lambda: nn.MaxPool((2, 0)), "window_shape must be an integer, 1 or more"),
        (lambda: nn.MaxPool((2, 2), (1, 1, 1)), "stride must be an integer"),
        (lambda: nn.AvgPool(2, (1, 1)), "stride must be an integer where window_shape is one"),
        (lambda: nn.AvgPool((2, 2), padding="FULL"), "padding must be 'SAME'"),
        (lambda: nn.GroupNorm(3, 4), "num_groups must divide features"),
        (lambda: nn.BatchNorm(4, momentum=2.0), r"momentum must be in \[0, 1\]"),
        (lambda: nn.LayerNorm(-1), "features must be the length"),
        (lambda: nn.Embedding(2.5, 3), "num_embeddings must be an integer"),
    ],
)
def test_layers_refuse_a_wrong_description(make: Any, message: str):
    with pytest.raises(ValueError, match=message):
        make()


# peers


def nchw(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1)


def _kernel(w: np.ndarray) -> np.ndarray:
    return np.moveaxis(w, (-1, -2), (0, 1))  # HWIO to OIHW


def _torch_cases(torch: Any) -> dict[str, Any]:
    """Return for each layer PyTorch's, and how its parameters are laid out there."""
    t = torch.nn
    same = lambda x: x
    affine = {"scale": ("weight", same), "bias": ("bias", same)}
    conv = {"kernel": ("weight", _kernel), "bias": ("bias", same)}
    cases = {
        "dense": (nn.Dense(3, 4), t.Linear(3, 4),
                  {"kernel": ("weight", np.transpose), "bias": ("bias", same)}, (5, 3)),
        "conv1": (nn.Conv(4, 6, 3, 2, 1, 2, groups=2), t.Conv1d(4, 6, 3, 2, 1, 2, 2), conv,
                  (2, 9, 4)),
        "conv2": (nn.Conv(3, 4, (3, 2), (2, 1), (1, 0)), t.Conv2d(3, 4, (3, 2), (2, 1), (1, 0)),
                  conv, (2, 7, 6, 3)),
        "conv2_same": (nn.Conv(3, 4, (3, 2)), t.Conv2d(3, 4, (3, 2), padding="same"), conv,
                       (2, 7, 6, 3)),
        "conv3": (nn.Conv(2, 3, (2, 2, 2), padding=0), t.Conv3d(2, 3, 2), conv, (2, 3, 4, 3, 2)),
        "conv_transpose1": (
            nn.ConvTranspose(3, 4, 3, 2, 1, 2, transpose_kernel=True),
            t.ConvTranspose1d(3, 4, 3, 2, 1, dilation=2), conv, (2, 5, 3)),
        "conv_transpose2": (
            nn.ConvTranspose(3, 4, (3, 3), 2, ((1, 0), (1, 0)), transpose_kernel=True),
            t.ConvTranspose2d(3, 4, 3, 2, 1, output_padding=1), conv, (2, 5, 4, 3)),
        "max_pool": (nn.MaxPool((3, 3), 2, 1), t.MaxPool2d(3, 2, 1), {}, (2, 7, 6, 3)),
        "avg_pool": (nn.AvgPool((3, 3), 2, 1), t.AvgPool2d(3, 2, 1), {}, (2, 7, 6, 3)),
        "avg_pool_of_x": (nn.AvgPool((3, 3), 2, 1, count_include_pad=False),
                          t.AvgPool2d(3, 2, 1, count_include_pad=False), {}, (2, 7, 6, 3)),
        "global_avg_pool": (nn.Lambda(lambda x: nn.global_avg_pool(x)[:, None, None]),
                            t.AdaptiveAvgPool2d(1), {}, (2, 7, 6, 3)),
        "adaptive_avg_pool": (nn.Lambda(coarser), t.AdaptiveAvgPool2d((3, 2)), {}, (2, 7, 6, 3)),
        "upsample": (nn.Upsample((2, 3)), t.Upsample(scale_factor=(2, 3)), {}, (2, 3, 4, 3)),
        "upsample_linear": (nn.Upsample((2, 3), "linear"),
                            t.Upsample(scale_factor=(2, 3), mode="bilinear"), {}, (2, 3, 4, 3)),
        "resize": (nn.Lambda(lambda x: nn.resize(x, (5, 3))), t.Upsample((5, 3), mode="bilinear"),
                   {}, (2, 7, 6, 3)),
        "nearest": (nn.Lambda(lambda x: nn.resize(x, (5, 9), "nearest")),
                    t.Upsample((5, 9), mode="nearest-exact"), {}, (2, 7, 6, 3)),
        "batch_norm": (nn.BatchNorm(3), t.BatchNorm2d(3, momentum=0.01), affine, (4, 3, 2, 3)),
        "group_norm": (nn.GroupNorm(2, 6), t.GroupNorm(2, 6), affine, (2, 3, 4, 6)),
        "instance_norm": (nn.InstanceNorm(3), t.InstanceNorm2d(3, affine=True), affine,
                          (2, 3, 4, 3)),
        "layer_norm": (nn.LayerNorm((4, 3)), t.LayerNorm((4, 3)), affine, (2, 4, 3)),
        "rms_norm": (nn.RMSNorm(6), t.RMSNorm(6, eps=1e-6), affine, (2, 4, 6)),
    }  # fmt: skip
    return cases


CHANNELS_LAST = ("dense", "layer_norm", "rms_norm")


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:Using padding=.same.")  # of speed
def test_layers_and_their_gradients_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, (spec, theirs, layout, shape) in _torch_cases(torch).items():
        ours = scattered(spec)
        to = (lambda x: x) if name in CHANNELS_LAST else nchw
        x = draw(3, *shape)
        theirs = theirs.double()
        for field, (their_name, turn) in layout.items():
            if getattr(ours, field, None) is not None:
                value = torch.tensor(np.ascontiguousarray(turn(getattr(ours, field))))
                getattr(theirs, their_name).data = value
        tx = torch.tensor(np.ascontiguousarray(to(x)), requires_grad=True)
        ty = theirs(tx)
        y, after = nn.apply(ours, x, key=KEY)
        weights = np.cos(np.arange(y.size)).reshape(y.shape)
        (ty * torch.tensor(np.ascontiguousarray(to(weights)))).sum().backward()
        gradient, x_gradient = fg.grad(
            lambda m, x, w=weights: np.sum(w * nn.apply(m, x, key=KEY)[0]), argnums=(0, 1)
        )(ours, x)

        close = lambda a, b, name=name: np.testing.assert_allclose(
            a, b, rtol=1e-10, atol=1e-11, err_msg=name
        )
        close(to(y), ty.detach().numpy())
        close(to(x_gradient), tx.grad.numpy())
        for field, (their_name, turn) in layout.items():
            if getattr(ours, field, None) is not None:
                close(turn(getattr(gradient, field)), getattr(theirs, their_name).grad.numpy())
        if name == "batch_norm":
            count = math.prod(shape[:-1])
            close(after.mean, 0.99 * ours.mean + theirs.running_mean.numpy())
            unbiased = theirs.running_var.numpy() - 0.99  # from ones; of the batch
            close(after.var, 0.99 * ours.var + unbiased * (count - 1) / count)
