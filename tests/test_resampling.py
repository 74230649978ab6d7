"""Resampling: kernels, antialiasing, and derivatives in scale and translation."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn
from funcgrad.core.errors import ShapeError
from funcgrad.nn.resampling import KERNELS, METHODS, weights

X = np.sin(1.7 * np.arange(24.0) ** 1.3).reshape(8, 3)


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("antialias", [False, True])
def test_weights_sum_to_one_and_constants_stay(method, antialias):
    for n, m in [(5, 13), (13, 5), (3, 1)]:
        w = weights(n, m, m / n, 0.0, method, antialias)

        np.testing.assert_allclose(w.sum(1), 1, rtol=1e-12)
        np.testing.assert_allclose(w, w[::-1, ::-1], atol=1e-12)  # left and right alike


@pytest.mark.parametrize("method", KERNELS)
def test_kernels_interpolate_and_widen_where_an_axis_shrinks(method):
    same = weights(8, 8, 1.0, 0.0, method, False)
    count = np.count_nonzero(abs(weights(40, 10, 0.25, 0.0, method, True)) > 1e-9, axis=1).max()

    np.testing.assert_allclose(same, np.eye(8), atol=1e-12)
    assert 3 * KERNELS[method].radius < count <= 8 * KERNELS[method].radius
    np.testing.assert_allclose(nn.resize(X, (3,), "area")[0], (X[:2].sum(0) + X[2] * 2 / 3) * 3 / 8)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "nearest"])
def test_images_are_differentiable_in_scale_and_translation(method):
    move = lambda x, s, t: nn.scale_and_translate(x, (7, 3), (0,), s, t, method)
    scales, shifts = np.array([[1.27], [0.71]]), np.array([[0.37], [-0.23]])

    for s, t in zip(scales, shifts, strict=True):
        fg.check_grads(move, (X, s, t), order=1)
    one_by_one = np.stack([move(X, s, t) for s, t in zip(scales, shifts, strict=True)])
    np.testing.assert_allclose(fg.vmap(move, (None, 0, 0))(X, scales, shifts), one_by_one)
    np.testing.assert_allclose(fg.jit(move)(X, scales[0], shifts[0]), one_by_one[0], rtol=1e-12)


def test_images_of_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="resize: method must be one of 'nearest', 'linear'"):
        nn.resize(X, (3,), "sinc")
    with pytest.raises(ShapeError, match=r"one length for each axis .* got \(3,\) for f64"):
        nn.scale_and_translate(X, (3,), (0,), [1.0], [0.0], "linear")


@pytest.mark.peers
@pytest.mark.parametrize("antialias", [False, True])
def test_images_are_those_of_jax(antialias):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        for method in METHODS:
            for m in (3, 8, 13):
                want = jax.image.resize(X, (m, 3), method, antialias)

                got = nn.resize(X, (m,), method, antialias)

                np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.peers
@pytest.mark.parametrize("antialias", [False, True])
def test_cubic_images_are_those_of_pytorch(antialias):
    torch = pytest.importorskip("torch")
    x = torch.tensor(X.T.reshape(1, 3, 1, 8).repeat(4, axis=2))
    for m in (5, 13):
        want = torch.nn.functional.interpolate(
            x, (4, m), mode="bicubic", align_corners=False, antialias=antialias
        )

        got = nn.resize(X, (m,), "cubic-pytorch", antialias)

        np.testing.assert_allclose(got, want[0, :, 0].T, atol=1e-12)
