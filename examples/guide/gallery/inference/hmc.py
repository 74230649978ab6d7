"""
Hamiltonian Monte Carlo
=======================

Hamiltonian Monte Carlo draws from a density by following its gradient: a random momentum, twelve
leapfrog steps, and Metropolis' test. ``fg.vmap`` runs 100 chains at once. The density is a bent
normal, whose means and variances are known. The pictures show draws, the paths of ten proposals,
and four moments of all draws up to each step. ``fg.random.hmc`` and ``nuts`` adapt the steps too.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

CHAINS, DRAWS, LEAPS, SIZE = 100, 300, 12, 0.2


def log_density(x):  # x[0] is normal, and so is x[1] - x[0]**2 / 2, with the deviation 0.5
    return -0.5 * x[0] ** 2 - 2 * (x[1] - x[0] ** 2 / 2) ** 2


def leap(state, _):
    x, p = state
    p = p + SIZE / 2 * fg.grad(log_density)(x)
    x = x + SIZE * p
    return (x, p + SIZE / 2 * fg.grad(log_density)(x)), x


def draw(x, key):
    kick, test = fg.random.split(key)
    momentum = fg.random.normal(kick, (2,), np.float64)
    (_, end), path = fg.lax.scan(leap, (x, momentum), length=LEAPS)
    energy = lambda x, p: 0.5 * p @ p - log_density(x)
    gain = energy(x, momentum) - energy(path[-1], end)
    x = np.where(np.log(fg.random.uniform(test, (), np.float64)) < gain, path[-1], x)
    return x, (x, path)


chain = lambda key: fg.lax.scan(draw, np.zeros(2), fg.random.split(key, DRAWS))[1]
keys = fg.random.split(fg.random.key(0), CHAINS)
draws, paths = fg.jit(fg.vmap(chain))(keys)
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(*draws[:, 20:].reshape(-1, 2).T[:, ::4], "o", markersize=1, alpha=0.3)
left.plot(*paths[0, 50:60].reshape(-1, 2).T, "C1.-", linewidth=1, markersize=3)
left.set(xlabel="x", ylabel="y", title="Draws, and ten proposals")
x, y = np.moveaxis(draws, -1, 0)
truths = {"mean of x": 0, "mean of y": 0.5, "variance of x": 1, "variance of y": 0.75}
values = np.stack([x, y, x**2, (y - 0.5) ** 2]).mean(axis=1)  # over chains
running = np.cumsum(values, axis=1) / np.arange(1, DRAWS + 1)
right.plot(running.T, label=list(truths))
right.hlines(list(truths.values()), 0, DRAWS, "gray", "dashed", linewidth=1)
right.set(xlabel="step", ylabel="moment", title="Means over chains and steps", ylim=(-0.3, 1.8))
right.legend(ncols=2)

off = np.abs(running[:, -1] - list(truths.values()))
print(f"moments are off by {off.round(3)}")
assert np.max(off) < 0.05
plt.show()
