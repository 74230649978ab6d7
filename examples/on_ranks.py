"""Fit a regression on several processes, each with its part of the data: dist.spmd.

``mpiexec -n 4 python examples/on_ranks.py`` runs it under MPI; started alone, it launches two
processes of this machine.
"""

import importlib.util
import os

import numpy as np
from common import load, make_parser, positive_int

import funcgrad as fg
from funcgrad import dist, optim


def fit(steps):
    """The weights after some steps of Adam, and their distance from those of a serial run."""
    x, y = load("diabetes")
    n = len(x) // dist.world().size * dist.world().size  # rows that ranks share equally
    x, y = x[:n] / x.std(0), (y[:n] - y.mean()) / y.std()
    optimizer = optim.adam(0.05)

    def loss(w, x, y):
        return np.mean((x @ w - y) ** 2)

    def step(w, state, x, y, mean=lambda grads: fg.lax.pmean(grads, "data")):
        updates, state = optimizer.update(mean(fg.grad(loss)(w, x, y)), state, w)
        return optim.apply_updates(w, updates), state

    serial = lambda w, *rest: step(w, *rest, mean=lambda grads: grads)
    whole, part = dist.P(), dist.P("data")
    on_ranks = dist.spmd(step, in_specs=(whole, whole, part, part), out_specs=whole)
    found = []
    for run in (on_ranks, fg.jit(serial)):
        w, state = np.zeros(x.shape[1]), optimizer.init(np.zeros(x.shape[1]))
        for _ in range(steps):
            w, state = run(w, state, x, y)
        found.append(w)
    return loss(found[0], x, y), np.abs(found[0] - found[1]).max()


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--steps", type=positive_int, default=200, help="of Adam (default: 200)")
    args = parser.parse_args()
    if "PMI_RANK" in os.environ and importlib.util.find_spec("mpi4py") is None:
        print("skipped: mpi4py is not installed: pip install 'funcgrad[mpi]'")
        return
    alone = dist.world().size == 1
    results = dist.launch(fit, args.steps, ranks=2) if alone else [fit(args.steps)]
    if dist.world().rank == 0:
        loss, distance = results[0]
        print(f"ranks                   {2 if alone else dist.world().size}")
        print(f"loss                    {loss:.3f}")
        print(f"weights against serial  {distance:.1e}")


if __name__ == "__main__":
    main()
