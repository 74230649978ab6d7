"""Recurrent networks: by scan, unrolled, and under vmap."""

import numpy as np

from ..workload import family
from .parts import cross_entropy, matrix, one_hot, sgd_step, sigmoid

workload = family("recurrent networks", "float32")


def gated(rng, features, hidden, gates):
    """Weights of inputs and state, and biases, of all gates side by side."""
    columns = gates * hidden
    return [matrix(rng, features, columns), matrix(rng, hidden, columns), np.zeros(columns)]


def lstm_cell(lib, params, state, x):
    """Source: Hochreiter & Schmidhuber 1997, with forget gates; gates in the order i, f, g, o."""
    (h, c), n = state, params[1].shape[0]
    z = x @ params[0] + h @ params[1] + params[2]
    i, f = sigmoid(lib, z[..., :n]), sigmoid(lib, z[..., n : 2 * n])
    g, o = lib.np.tanh(z[..., 2 * n : 3 * n]), sigmoid(lib, z[..., 3 * n :])
    c = f * c + i * g
    return o * lib.np.tanh(c), c


def gru_inputs(rng, n):
    wx, wh, b = gated(rng, 8, 32, 3)
    return {"wx": wx, "wh": wh, "b": b}, rng.normal(size=(n, 8, 8))


@workload(sizes=(20, 200), tiny=3, inputs=gru_inputs)
def gru(lib):
    """Value and gradient: GRU of 32 by scan, n steps, batch 8

    Source: Cho et al. 2014 (arXiv:1406.1078), the reset gate after the product, as in cuDNN.
    """
    xp = lib.np

    def loss(params, xs):
        n = params["wh"].shape[0]

        def cell(h, x):
            gx, gh = x @ params["wx"] + params["b"], h @ params["wh"]
            r = sigmoid(lib, gx[:, :n] + gh[:, :n])
            z = sigmoid(lib, gx[:, n : 2 * n] + gh[:, n : 2 * n])
            new = xp.tanh(gx[:, 2 * n :] + r * gh[:, 2 * n :])
            return (1.0 - z) * new + z * h, None

        start = xp.zeros((xs.shape[1], n), dtype=xs.dtype)
        return xp.sum(lib.scan(cell, start, xs)[0] ** 2)

    return lib.value_and_grad(loss)


def lstm_inputs(rng, n):
    params = gated(rng, 16, n, 4) + [matrix(rng, n, 10), np.zeros(10)]
    return params, rng.normal(size=(40, 32, 16)), one_hot(rng, 32, 10)


@workload(sizes=(16, 128), tiny=2, inputs=lstm_inputs, carried=True)
def lstm(lib):
    """SGD step: LSTM of n by scan, 40 steps, batch 32, cross-entropy of the last state"""

    def loss(params, xs, y):
        zero = lib.np.zeros((xs.shape[1], params[1].shape[0]), dtype=xs.dtype)
        step = lambda state, x: (lstm_cell(lib, params, state, x), None)
        (h, _), _ = lib.scan(step, (zero, zero), xs)
        return cross_entropy(lib, h @ params[3] + params[4], y)

    return sgd_step(lib, loss)


def lstm_vmap_inputs(rng, n):
    return gated(rng, 8, 16, 4), rng.normal(size=(n, 20, 8))


@workload(sizes=(8, 128), tiny=2, inputs=lstm_vmap_inputs)
def lstm_vmap(lib):
    """Gradient of the mean over n sequences by vmap of one LSTM of 16, 20 steps by scan"""
    xp = lib.np

    def one(params, xs):
        zero = xp.zeros(params[1].shape[0], dtype=xs.dtype)
        step = lambda state, x: (lstm_cell(lib, params, state, x), None)
        (h, _), _ = lib.scan(step, (zero, zero), xs)
        return xp.sum(h**2)

    def loss(params, xs):
        return xp.sum(lib.vmap(one, (None, 0))(params, xs)) / len(xs)

    return lib.value_and_grad(loss)


def unrolled_inputs(rng, n):
    return [matrix(rng, 8, 8), matrix(rng, 4, 8)], rng.normal(size=(n, 1, 4))


@workload(sizes=(20, 200), tiny=3, inputs=unrolled_inputs)
def rnn_unrolled(lib):
    """Value and gradient: tanh network of 8, n steps in a Python loop, batch 1"""

    def loss(params, xs):
        h = lib.np.zeros((1, 8), dtype=xs.dtype)
        for t in range(len(xs)):
            h = lib.np.tanh(h @ params[0] + xs[t] @ params[1])
        return lib.np.sum(h**2)

    return lib.value_and_grad(loss)


def neural_ode_inputs(rng, n):
    params = [matrix(rng, 4, 32), np.zeros(32), matrix(rng, 32, 4), np.zeros(4)]
    return params, rng.normal(size=(n, 4)), rng.normal(size=(n, 4)), np.full(20, 0.05)


@workload(sizes=(8, 256), tiny=2, inputs=neural_ode_inputs)
def neural_ode(lib):
    """Value and gradient: neural ODE 4-32-4, 20 steps of Runge-Kutta 4 by scan, batch n"""
    xp = lib.np

    def loss(params, start, target, steps):
        w1, b1, w2, b2 = params
        rhs = lambda y: xp.tanh(y @ w1 + b1) @ w2 + b2

        def step(y, h):
            k1 = rhs(y)
            k2 = rhs(y + 0.5 * h * k1)
            k3 = rhs(y + 0.5 * h * k2)
            k4 = rhs(y + h * k3)
            return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

        y, _ = lib.scan(step, start, steps)
        return xp.sum((y - target) ** 2) / y.size

    return lib.value_and_grad(loss)


def state_space_inputs(rng, n):
    params = [rng.normal(size=64), matrix(rng, 16, 64), matrix(rng, 64, 16)]
    return params, rng.normal(size=(n, 8, 16))


@workload(sizes=(20, 200), tiny=3, inputs=state_space_inputs)
def state_space(lib):
    """Value and gradient: diagonal state space layer of 64, n steps by scan, outputs at each"""
    xp = lib.np

    def loss(params, xs):
        decay = sigmoid(lib, params[0])
        drive = xs @ params[1]

        def step(h, u):
            h = decay * h + (1.0 - decay) * u
            return h, h

        start = xp.zeros((xs.shape[1], 64), dtype=xs.dtype)
        _, hs = lib.scan(step, start, drive)
        return xp.sum((xp.tanh(hs) @ params[2] - xs) ** 2) / xs.size

    return lib.value_and_grad(loss)
