"""Dense networks: training steps, and derivatives of higher order."""

import numpy as np

from ..workload import family
from .parts import (
    adam_state,
    adam_step,
    cross_entropy,
    matrix,
    mlp,
    network,
    one_hot,
    squared_error,
)

workload = family("dense networks", "float32")


def regression(rng, sizes, batch):
    return rng.normal(size=(batch, sizes[0])), rng.normal(size=(batch, sizes[-1]))


def classification(rng, sizes, batch):
    return rng.normal(size=(batch, sizes[0])), one_hot(rng, batch, sizes[-1])


def training(sizes, batch, data):
    """Inputs of a training step with Adam; sizes and batch are functions of the size."""

    def inputs(rng, n):
        layers = sizes(n)
        return adam_state(network(rng, layers)), *data(rng, layers, batch(n))

    return inputs


def tanh_loss(lib):
    return lambda params, x, y: squared_error(lib, mlp(params, x, lib.np.tanh), y)


def relu_loss(lib):
    relu = lambda x: lib.np.maximum(x, 0.0)
    return lambda params, x, y: cross_entropy(lib, mlp(params, x, relu), y)


@workload(
    sizes=(8, 48),
    tiny=3,
    inputs=training(lambda n: (8, n, n, 1), lambda n: 32, regression),
    carried=True,
)
def mlp_tiny(lib):
    """Adam step: MLP 8-n-n-1, tanh, batch 32"""
    return adam_step(lib, tanh_loss(lib))


@workload(
    sizes=(16, 256),
    tiny=2,
    inputs=training(lambda n: (784, 2 * n, n, 10), lambda n: n, classification),
    carried=True,
)
def mlp_mnist(lib):
    """Adam step: MLP 784-2n-n-10, relu, batch n, cross-entropy"""
    return adam_step(lib, relu_loss(lib))


@workload(
    sizes=(256, 1280),
    tiny=4,
    inputs=training(lambda n: (256, n, n, 10), lambda n: 128, classification),
    carried=True,
)
def mlp_wide(lib):
    """Adam step: MLP 256-n-n-10, relu, batch 128, cross-entropy"""
    return adam_step(lib, relu_loss(lib))


@workload(
    sizes=(5, 40),
    tiny=2,
    inputs=training(lambda n: (32,) * n + (1,), lambda n: 32, regression),
    carried=True,
)
def mlp_deep(lib):
    """Adam step: MLP of n layers of 32, tanh, batch 32"""
    return adam_step(lib, tanh_loss(lib))


def curvature(rng, n):
    sizes = (32, n, n, 1)
    params = network(rng, sizes)
    direction = [rng.normal(size=p.shape) for p in params]
    return params, direction, *regression(rng, sizes, n)


@workload(sizes=(16, 256), tiny=3, inputs=curvature)
def hvp(lib):
    """Hessian-vector product: MLP 32-n-n-1, tanh, batch n"""
    loss = tanh_loss(lib)
    return lambda params, v, x, y: lib.hvp(lambda p: loss(p, x, y), params, v)


def per_example_inputs(rng, n):
    return network(rng, (16, 32, 32, 1)), *regression(rng, (16, 1), n)


@workload(sizes=(16, 256), tiny=3, inputs=per_example_inputs)
def per_example(lib):
    """Gradient of each of n examples by vmap: MLP 16-32-32-1, tanh"""
    return lib.vmap(lib.grad(tanh_loss(lib)), (None, 0, 0))


def hessian_inputs(rng, n):
    params = np.concatenate([p.ravel() for p in network(rng, (4, n, 1))])
    return params, *regression(rng, (4, 1), 64)


@workload(sizes=(4, 24), tiny=2, inputs=hessian_inputs)
def network_hessian(lib):
    """Hessian of a network 4-n-1, tanh, batch 64, with respect to the flat parameters"""

    def loss(flat, x, y):
        n = (flat.shape[0] - 1) // 6
        w1, b1 = flat[: 4 * n].reshape(4, n), flat[4 * n : 5 * n]
        w2, b2 = flat[5 * n : 6 * n].reshape(n, 1), flat[6 * n :]
        return squared_error(lib, mlp([w1, b1, w2, b2], x, lib.np.tanh), y)

    return lib.hessian(loss)


def ensemble_inputs(rng, n):
    members = [network(rng, (8, 32, 32, 1)) for _ in range(n)]
    params = [np.stack(column) for column in zip(*members, strict=True)]
    return params, *regression(rng, (8, 1), 64)


@workload(sizes=(4, 40), tiny=2, inputs=ensemble_inputs)
def ensemble(lib):
    """Value and gradient of n networks 8-32-32-1 at once by vmap, batch 64"""
    return lib.vmap(lib.value_and_grad(tanh_loss(lib)), (0, None, None))


def classes_inputs(rng, n):
    labels = rng.integers(n, size=64)
    return [matrix(rng, 64, n), np.zeros(n)], rng.normal(size=(64, 64)), labels


@workload(sizes=(500, 10_000), tiny=5, inputs=classes_inputs)
def many_classes(lib):
    """Softmax cross-entropy over n classes of integer labels, batch 64, 64 features"""
    xp = lib.np

    def loss(params, x, labels):
        logits = x @ params[0] + params[1]
        top = lib.stop_gradient(xp.max(logits, axis=-1, keepdims=True))
        total = xp.log(xp.sum(xp.exp(logits - top), axis=-1)) + top[:, 0]
        return xp.sum(total - logits[np.arange(len(labels)), labels]) / len(labels)

    return lib.value_and_grad(loss)


def batch_norm_inputs(rng, n):
    params = []
    for width, out in ((32, n), (n, n)):
        params += [matrix(rng, width, out), np.ones(out), np.zeros(out)]
    return params + network(rng, (n, 1)), *regression(rng, (32, 1), 2 * n)


@workload(sizes=(32, 256), tiny=3, inputs=batch_norm_inputs)
def batch_norm_mlp(lib):
    """Value and gradient: MLP 32-n-n-1 with batch norm and SiLU, batch 2n, weight decay"""
    xp = lib.np

    def loss(params, x, y):
        for k in (0, 3):
            w, scale, shift = params[k : k + 3]
            h = x @ w
            h = h - xp.sum(h, axis=0) / len(h)
            h = h / xp.sqrt(xp.sum(h * h, axis=0) / len(h) + 1e-5) * scale + shift
            x = h / (1.0 + xp.exp(-h))
        decay = sum(xp.sum(p**2) for p in params)
        return squared_error(lib, x @ params[-2] + params[-1], y) + 1e-4 * decay

    return lib.value_and_grad(loss)
