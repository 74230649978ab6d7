"""Time eager value_and_grad beside HIPS autograd: in turns, in one run, on one thread.

Run it with ``python tests/benchmarks/eager.py``; it needs the ``bench`` extra. Medians of the
ratios of neighbouring runs, so that a busy machine slows both alike.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import functools
import itertools
import statistics

import autograd
import autograd.numpy as anp
import numpy as np
from timing import in_turns

import funcgrad as fg

RNG = np.random.default_rng(0)


def mlp(xp, sizes, batch, activation):
    """Return a mean squared error of a network with three layers, and its arguments."""
    params = [
        (RNG.normal(size=(m, n)) / np.sqrt(m), np.zeros(n)) for m, n in itertools.pairwise(sizes)
    ]
    x, y = RNG.normal(size=(batch, sizes[0])), RNG.normal(size=(batch, sizes[-1]))

    def loss(params):
        h = x
        for i, (w, b) in enumerate(params):
            h = h @ w + b
            if i < len(params) - 1:
                h = xp.tanh(h) if activation == "tanh" else xp.maximum(h, 0.0)
        return xp.mean((h - y) ** 2)

    return loss, params


def recurrent(xp):
    """Return 200 steps of a small recurrent network."""
    w, x = RNG.normal(size=(8, 8)) / 3, RNG.normal(size=(1, 8))

    def loss(w):
        h = np.zeros((1, 8))
        for _ in range(200):
            h = xp.tanh(h @ w + x)
        return xp.sum(h)

    return loss, w


def descent(xp):
    """Return 200 steps of gradient descent on a quartic."""

    def loss(x):
        for _ in range(200):
            x = x - 0.1 * (x**3 - x)
        return xp.sum(x**2)

    return loss, RNG.normal(size=4)


def oscillator(xp):
    """Return 200 steps of sines of a vector of 4."""

    def loss(x):
        for _ in range(200):
            x = xp.sin(x) * 1.01 + 0.1 * x
        return xp.sum(x)

    return loss, RNG.normal(size=4)


# fmt: off
PROGRAMS = {
    "MLP 8-16-16-1, tanh, batch 32":   lambda xp: mlp(xp, (8, 16, 16, 1), 32, "tanh"),
    "MLP 16-32-32-1, relu, batch 32":  lambda xp: mlp(xp, (16, 32, 32, 1), 32, "relu"),
    "MLP 32-64-64-1, tanh, batch 32":  lambda xp: mlp(xp, (32, 64, 64, 1), 32, "tanh"),
    "MLP 784-128-64-10, batch 32":     lambda xp: mlp(xp, (784, 128, 64, 10), 32, "tanh"),
    "200 steps: recurrent, 8 units":   recurrent,
    "200 steps: descent, 4 numbers":   descent,
    "200 steps: sines, 4 numbers":     oscillator,
}
# fmt: on


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=101, help="runs of each program")
    args = parser.parse_args()
    print("| program | autograd / funcgrad | funcgrad / bare NumPy forward | funcgrad |")
    print("| --- | --- | --- | --- |")
    for name, make in PROGRAMS.items():
        loss, params = make(np)
        peer_loss, _ = make(anp)
        ours, peer = fg.value_and_grad(loss), autograd.value_and_grad(peer_loss)
        runs = [functools.partial(function, params) for function in (ours, peer, loss)]
        fast, slow, bare = in_turns(runs, args.rounds)
        against = statistics.median(b / a for a, b in zip(fast, slow, strict=True))
        over = statistics.median(a / b for a, b in zip(fast, bare, strict=True))
        print(f"| {name} | {against:.1f} | {over:.1f} | {statistics.median(fast) * 1e6:.0f} µs |")


if __name__ == "__main__":
    main()
