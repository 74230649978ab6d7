"""Programs of several ranks, which tests run by ``dist.launch`` and under MPI."""

import functools
import os
import sys

import numpy as np

import funcgrad as fg
from funcgrad import dist

WHOLE, PART = dist.P(), dist.P("data")


def collectives():
    """The collectives of ranks equal those of vmap; the results of all ranks."""
    n = dist.world().size
    x = np.arange(n * n * 2.0).reshape(n, n, 2)
    functions = [
        lambda x: fg.lax.psum(x, "data"),
        lambda x: fg.lax.pmax(x, "data"),
        lambda x: fg.lax.pmin(x, "data"),
        lambda x: fg.lax.all_gather(x, "data", axis=1),
        lambda x: fg.lax.psum_scatter(x, "data"),
        lambda x: fg.lax.all_to_all(x, "data", 0, 0),
        lambda x: fg.lax.ppermute(x, "data", [(i, (i + 1) % n) for i in range(n)]),
        lambda x: x + fg.lax.axis_index("data"),
        lambda x: fg.grad(lambda x: fg.lax.psum(np.sum(np.sin(x)), "data"))(x),
        lambda x: fg.lax.scan(lambda c, r: (fg.lax.pmean(c + r, "data"), c), x[0], x)[1],
    ]
    worst = 0.0
    for f in functions:
        want = fg.vmap(f, axis_name="data")(x)
        each = dist.spmd(lambda x, f=f: f(x[0])[None], in_specs=PART, out_specs=PART)
        worst = max(worst, float(np.abs(each(x) - want).max()))
    return worst


def training(steps=100):
    """The largest difference of parameters from a serial run, and the number of collectives."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8))
    y = np.tanh(x @ rng.normal(size=(8, 3)))
    start = {"w": rng.normal(size=(8, 16)) * 0.3, "b": np.zeros(16), "v": np.zeros((16, 3))}
    opt = fg.optim.adam(1e-2)

    def loss(p, x, y):
        return np.mean((np.tanh(x @ p["w"] + p["b"]) @ p["v"] - y) ** 2)

    def update(p, state, grads):
        updates, state = opt.update(grads, state, p)
        return fg.optim.apply_updates(p, updates), state

    def serial(p, state, x, y):
        return update(p, state, fg.grad(loss)(p, x, y))

    def parallel(p, state, x, y):
        return update(p, state, fg.lax.pmean(fg.grad(loss)(p, x, y), "data"))

    counted = count(dist.world())
    step = dist.spmd(
        parallel, in_specs=(WHOLE, WHOLE, PART, PART), out_specs=WHOLE, axes={"data": counted}
    )
    p, state, q, other = start, opt.init(start), start, opt.init(start)
    for _ in range(steps):
        p, state = step(p, state, x, y)
        q, other = serial(q, other, x, y)
    return max(float(np.abs(p[k] - q[k]).max()) for k in p), counted.calls


def resumed(folder):
    """The largest difference of 10 steps from 5 steps, a checkpoint of rank 0, and 5 more."""
    ranks = dist.world()
    x = np.random.default_rng(0).normal(size=(8, 3))
    opt = fg.optim.adam(1e-2)

    def step(p, state, x):
        loss = lambda p, x: np.mean((np.tanh(x @ p) - 1) ** 2)
        grads = fg.lax.pmean(fg.grad(loss)(p, x), "data")
        updates, state = opt.update(grads, state, p)
        return fg.optim.apply_updates(p, updates), state

    step = dist.spmd(step, in_specs=(WHOLE, WHOLE, PART), out_specs=WHOLE)
    run = lambda p, state, n: functools.reduce(lambda s, _: step(*s, x), range(n), (p, state))
    start = np.ones(3)
    whole, _ = run(start, opt.init(start), 10)
    half = run(start, opt.init(start), 5)
    manager = fg.io.CheckpointManager(folder)
    if ranks.rank == 0:
        manager.save(5, half)
    ranks.agree("saved")  # no rank reads before the file is there
    rest, _ = run(*manager.restore(like=half), 5)
    return float(np.abs(whole - rest).max())


def count(ranks):
    """The ranks, with the number of their sums in ``calls``."""
    inner = ranks.psum

    def psum(x):
        ranks.calls += 1
        return inner(x)

    ranks.calls, ranks.psum = 0, psum
    return ranks


def failing(how):
    """A program that ends badly on one rank."""
    ranks = dist.world()
    total = lambda x: fg.lax.psum(np.sum(x), "data")
    run = lambda f, x: dist.spmd(f, in_specs=PART, out_specs=WHOLE)(x)
    run(total, np.arange(4.0))
    second = ranks.rank == 1
    if how == "raise" and second:
        raise ValueError("no data")
    if how == "die" and second:
        os._exit(7)
    if how == "collectives":
        total = (lambda x: fg.lax.pmax(np.sum(x), "data")) if second else total
    if how == "fewer" and second:
        return
    if how == "trees":
        run_tree = dist.spmd(lambda t: t, in_specs=WHOLE, out_specs=WHOLE)
        run_tree({"a": 1.0, "b" if second else "c": 2.0})
    if how == "arguments":
        scaled = lambda p, x: fg.lax.pmean(np.sum(p["w"] * x), "data")
        w = np.arange(3.0)[:1] + second
        dist.spmd(scaled, in_specs=(WHOLE, PART), out_specs=WHOLE)({"w": w}, np.arange(4.0))
    if how == "order":  # both were compared before: their collectives are alike
        own = [
            dist.spmd(lambda x, k=k: k * total(x), in_specs=PART, out_specs=WHOLE) for k in (1, 2)
        ]
        for f in (*own, *(own[::-1] if second else own)):
            f(np.arange(4.0))
    run(total, np.arange(4.0 if how != "sizes" or second else 8.0))


if __name__ == "__main__":
    if sys.argv[1] == "all":
        row = "rank", dist.world().rank, collectives(), *training()
        print(" ".join(map(str, row)) + "\n", end="", flush=True)  # one write: ranks share a pipe
    else:
        failing(sys.argv[1])
