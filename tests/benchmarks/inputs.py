"""The numbers each workload starts from: the same for every library, float32, of fixed seeds.

A workload is named in three places: here, what it is given; in ``workloads.py``, what it does in
the libraries that take functions (funcgrad, JAX, autograd); in ``workloads_torch.py``, what it
does in PyTorch.
"""

import itertools

import numpy as np

FEATURES, HIDDEN, TIME = 8, 32, 50  # of the recurrent network
WIDTH = 64  # of the attention block
DEEP = (32,) * 20 + (1,)


def normal(*shape, seed=0, scale=1.0):
    draw = np.random.default_rng(seed).normal(size=shape)
    return (scale * draw).astype(np.float32)


def matrix(m, n, seed=0):
    return normal(m, n, seed=seed, scale=m**-0.5)


def one_hot(count, classes, seed):
    labels = np.random.default_rng(seed).integers(classes, size=count)
    return np.eye(classes, dtype=np.float32)[labels]


def network(sizes):
    """Return weights and biases in turn, a flat list."""
    layers = enumerate(itertools.pairwise(sizes))
    return [x for seed, (m, n) in layers for x in (matrix(m, n, seed), np.zeros(n, np.float32))]


def adam(params):
    """Return the state of a training with Adam."""
    zeros = lambda: [np.zeros_like(p) for p in params]
    return {"params": params, "m": zeros(), "v": zeros(), "count": np.zeros((), np.float32)}


def regression(sizes, batch):
    return normal(batch, sizes[0], seed=100), normal(batch, sizes[-1], seed=101)


def classification(sizes, batch):
    return normal(batch, sizes[0], seed=100), one_hot(batch, sizes[-1], seed=101)


def train(sizes, batch, data):
    return adam(network(sizes)), *data(sizes, batch)


def cnn(batch=32):
    """Return parameters (kernels in rows, columns, in, out), images and labels."""
    params = [
        normal(3, 3, 1, 16, seed=0, scale=1 / 3),
        np.zeros(16, np.float32),
        normal(3, 3, 16, 32, seed=1, scale=1 / 12),
        np.zeros(32, np.float32),
        matrix(7 * 7 * 32, 10, seed=2),
        np.zeros(10, np.float32),
    ]
    return params, normal(batch, 28, 28, 1, seed=100), one_hot(batch, 10, seed=101)


def gru(batch=8):
    params = {
        "wx": matrix(FEATURES, 3 * HIDDEN, seed=0),
        "wh": matrix(HIDDEN, 3 * HIDDEN, seed=1),
        "b": np.zeros(3 * HIDDEN, np.float32),
    }
    return params, normal(TIME, batch, FEATURES, seed=100)


def attention(batch=4, length=32):
    ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    params = {
        "norm1": [ones, zeros],
        "qkv": matrix(WIDTH, 3 * WIDTH, seed=0),
        "out": matrix(WIDTH, WIDTH, seed=1),
        "norm2": [ones.copy(), zeros.copy()],
        "mlp": network((WIDTH, 4 * WIDTH, WIDTH)),
    }
    return params, normal(batch, length, WIDTH, seed=100)


def curvature(sizes=(32, 64, 64, 1), batch=64):
    """Return parameters, a direction, and data."""
    params = network(sizes)
    direction = [normal(*p.shape, seed=50 + k) for k, p in enumerate(params)]
    return params, direction, *regression(sizes, batch)


# fmt: off
INPUTS = {
    "mlp-tiny":    lambda: train((8, 16, 16, 1), 32, regression),
    "mlp-mnist":   lambda: train((784, 128, 64, 10), 64, classification),
    "mlp-wide":    lambda: train((256, 1024, 1024, 10), 128, classification),
    "mlp-deep":    lambda: train(DEEP, 32, regression),
    "cnn":         cnn,
    "gru":         gru,
    "attention":   attention,
    "elementwise": lambda: (normal(1_000_000),),
    "hvp":         curvature,
    "per-example": lambda: (network((16, 32, 32, 1)), *regression((16, 1), 64)),
    "hessian":     lambda: (normal(20),),
    "rosenbrock":  lambda: (normal(10),),
}
TITLES = {
    "mlp-tiny":    "Adam step: MLP 8-16-16-1, tanh, batch 32",
    "mlp-mnist":   "Adam step: MLP 784-128-64-10, relu, batch 64",
    "mlp-wide":    "Adam step: MLP 256-1024-1024-10, relu, batch 128",
    "mlp-deep":    "Adam step: MLP of 20 layers of 32, tanh, batch 32",
    "cnn":         "SGD step: two convolutions on 28x28, batch 32",
    "gru":         "gradient: GRU of 32 by scan, 50 steps, batch 8",
    "attention":   "value and gradient: attention block, batch 4, 32x64, 4 heads",
    "elementwise": "gradient: 8 elementwise operations on 1e6 numbers",
    "hvp":         "Hessian-vector product: MLP 32-64-64-1, batch 64",
    "per-example": "per-example gradients: MLP 16-32-32-1, batch 64",
    "hessian":     "Hessian: Rosenbrock, 20 numbers",
    "rosenbrock":  "gradient: Rosenbrock, 10 numbers",
}
# fmt: on
CARRIED = {"mlp-tiny", "mlp-mnist", "mlp-wide", "mlp-deep", "cnn"}  # their first argument is state
