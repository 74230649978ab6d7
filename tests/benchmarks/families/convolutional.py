"""Convolutional networks: images [B, H, W, C], kernels [H, W, in, out]."""

import numpy as np

from ..workload import family
from .parts import cross_entropy, matrix, one_hot, sgd_step

workload = family("convolutional networks", "float32")


def kernel(rng, *shape):
    return rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))


def batch_norm(lib, x, scale, shift):
    axes, count = (0, 1, 2), x.size // x.shape[-1]
    x = x - lib.np.sum(x, axis=axes) / count
    return x / lib.np.sqrt(lib.np.sum(x * x, axis=axes) / count + 1e-5) * scale + shift


def cnn_inputs(rng, n):
    params = [kernel(rng, 3, 3, 1, 16), np.zeros(16), kernel(rng, 3, 3, 16, 32), np.zeros(32)]
    params += [matrix(rng, 7 * 7 * 32, 10), np.zeros(10)]
    return params, rng.normal(size=(n, 28, 28, 1)), one_hot(rng, n, 10)


@workload(sizes=(4, 64), tiny=2, inputs=cnn_inputs, carried=True)
def cnn(lib):
    """SGD step: two convolutions and poolings on 28x28, batch n"""

    def layer(x, w, b):
        return lib.max_pool(lib.np.maximum(lib.conv(x, w) + b, 0.0), 2, 2)

    def loss(params, x, y):
        w1, b1, w2, b2, w3, b3 = params
        h = layer(layer(x, w1, b1), w2, b2)
        return cross_entropy(lib, h.reshape(len(x), -1) @ w3 + b3, y)

    return sgd_step(lib, loss)


def residual_inputs(rng, n):
    params = []
    for _ in range(2):
        params += [kernel(rng, 3, 3, n, n), 1 + 0.1 * rng.normal(size=n), np.zeros(n)]
    return params, rng.normal(size=(8, 16, 16, n))


@workload(sizes=(8, 64), tiny=2, inputs=residual_inputs)
def residual_block(lib):
    """Value and gradient: residual block with batch norm, n channels of 16x16, batch 8"""

    def loss(params, x):
        h = lib.np.maximum(batch_norm(lib, lib.conv(x, params[0]), *params[1:3]), 0.0)
        h = batch_norm(lib, lib.conv(h, params[3]), *params[4:6])
        return lib.np.sum(lib.np.maximum(x + h, 0.0) ** 2) / x.size

    return lib.value_and_grad(loss)


def depthwise_inputs(rng, n):
    params = [kernel(rng, 3, 3, 1, n), kernel(rng, 1, 1, n, 2 * n), np.zeros(2 * n)]
    return params, rng.normal(size=(8, 32, 32, n))


@workload(sizes=(8, 64), tiny=2, inputs=depthwise_inputs)
def depthwise(lib):
    """Value and gradient: depthwise convolution of stride 2, then 1x1, n channels of 32x32"""

    def loss(params, x):
        h = lib.conv(x, params[0], stride=2, groups=x.shape[-1])
        h = lib.conv(lib.np.maximum(h, 0.0), params[1]) + params[2]
        return lib.np.sum(lib.np.maximum(h, 0.0) ** 2) / h.size

    return lib.value_and_grad(loss)


def wavenet_inputs(rng, n):
    params = [0.5 * kernel(rng, 1, 3, 16, 32) for _ in range(4)]
    return params + [kernel(rng, 1, 1, 16, 1)], rng.normal(size=(4, 1, n, 16))


@workload(sizes=(64, 1024), tiny=9, inputs=wavenet_inputs)
def dilated(lib):
    """Value and gradient: four gated convolutions along n samples, dilations 1 to 8, batch 4"""
    xp = lib.np

    def loss(params, x):
        for k, w in enumerate(params[:-1]):
            h = lib.conv(x, w, dilation=2**k)
            x = x + xp.tanh(h[..., :16]) / (1.0 + xp.exp(-h[..., 16:]))
        return xp.sum(lib.conv(x, params[-1]) ** 2) / x.size

    return lib.value_and_grad(loss)


def stem_inputs(rng, n):
    params = [kernel(rng, 7, 7, 3, 32), np.zeros(32), kernel(rng, 3, 3, 8, 32), np.zeros(32)]
    return params + [matrix(rng, 32, 10)], rng.normal(size=(2, n, n, 3)), one_hot(rng, 2, 10)


@workload(sizes=(32, 160), tiny=12, inputs=stem_inputs)
def stem(lib):
    """Value and gradient: 7x7 stride 2, max pool 3 stride 2, 4 groups of 3x3, on n x n x 3"""
    xp = lib.np

    def loss(params, x, y):
        w1, b1, w2, b2, w3 = params
        h = lib.max_pool(xp.maximum(lib.conv(x, w1, stride=2) + b1, 0.0), 3, 2)
        h = xp.maximum(lib.conv(h, w2, groups=4) + b2, 0.0)
        h = xp.sum(h, axis=(1, 2)) / (h.shape[1] * h.shape[2])
        return cross_entropy(lib, h @ w3, y)

    return lib.value_and_grad(loss)
