"""Parts that workloads share, written for any library that has NumPy's functions."""

import itertools

import numpy as np

RATE, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8


# what is drawn ------------------------------------------------------------------------------------


def matrix(rng, m, n):
    return rng.normal(size=(m, n)) / np.sqrt(m)


def network(rng, sizes):
    """Weights and biases in turn, a flat list."""
    layers = itertools.pairwise(sizes)
    return [x for m, n in layers for x in (matrix(rng, m, n), 0.1 * rng.normal(size=n))]


def one_hot(rng, count, classes):
    return np.eye(classes)[rng.integers(classes, size=count)]


def adam_state(params):
    zeros = lambda: [np.zeros_like(p) for p in params]
    return {"params": params, "m": zeros(), "v": zeros(), "count": np.zeros(())}


# what is computed ---------------------------------------------------------------------------------


def squared_error(lib, out, y):
    # a sum over a count: autograd's mean would make float64 of float32
    return lib.np.sum((out - y) ** 2) / out.size


def shifted(lib, x):
    return x - lib.stop_gradient(lib.np.max(x, axis=-1, keepdims=True))


def log_softmax(lib, x):
    x = shifted(lib, x)
    return x - lib.np.log(lib.np.sum(lib.np.exp(x), axis=-1, keepdims=True))


def softmax(lib, x):
    e = lib.np.exp(shifted(lib, x))
    return e / lib.np.sum(e, axis=-1, keepdims=True)


def logsumexp(lib, x, axis):
    top = lib.stop_gradient(lib.np.max(x, axis=axis, keepdims=True))
    total = lib.np.sum(lib.np.exp(x - top), axis=axis, keepdims=True)
    return lib.np.squeeze(lib.np.log(total) + top, axis=axis)


def cross_entropy(lib, logits, y):
    return -lib.np.sum(y * log_softmax(lib, logits)) / len(y)


def sigmoid(lib, x):
    return 1.0 / (1.0 + lib.np.exp(-x))


def gelu(lib, x):
    return 0.5 * x * (1.0 + lib.np.tanh(0.7978845608 * (x + 0.044715 * (x * x * x))))


def layer_norm(lib, x, scale, shift):
    n = x.shape[-1]
    x = x - lib.np.sum(x, axis=-1, keepdims=True) / n
    variance = lib.np.sum(x * x, axis=-1, keepdims=True) / n
    return scale * x / lib.np.sqrt(variance + 1e-5) + shift


def mlp(params, x, activation):
    """Apply weights and biases in turn; no activation after the last."""
    for k in range(0, len(params) - 2, 2):
        x = activation(x @ params[k] + params[k + 1])
    return x @ params[-2] + params[-1]


# training steps -----------------------------------------------------------------------------------


def adam(lib, state, grads):
    """State after one update.

    Source: Kingma & Ba 2015, section 2, the form with the corrections in the rate.
    """
    count = state["count"] + 1.0
    rate = RATE * lib.np.sqrt(1.0 - B2**count) / (1.0 - B1**count)
    m = [B1 * m + (1 - B1) * g for m, g in zip(state["m"], grads, strict=True)]
    v = [B2 * v + (1 - B2) * (g * g) for v, g in zip(state["v"], grads, strict=True)]
    moved = zip(state["params"], m, v, strict=True)
    params = [p - rate * m / (lib.np.sqrt(v) + EPS) for p, m, v in moved]
    return {"params": params, "m": m, "v": v, "count": count}


def adam_step(lib, loss):
    value_and_grad = lib.value_and_grad(loss)

    def step(state, *args):
        value, grads = value_and_grad(state["params"], *args)
        return adam(lib, state, grads), value

    return step


def sgd_step(lib, loss, rate=0.01):
    value_and_grad = lib.value_and_grad(loss)

    def step(params, *args):
        value, grads = value_and_grad(params, *args)
        return [p - rate * g for p, g in zip(params, grads, strict=True)], value

    return step
