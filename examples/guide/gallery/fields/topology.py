"""
Where to put the copper
=======================

A square plate is heated everywhere and cooled at the middle of its left edge. 30 % of it may be
copper, which conducts a hundred times better. The gradient of the mean temperature, through a
solution by conjugate gradients, leads to a tree; it is checked against its known formula.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy.sparse.linalg import cg

N, COPPER, mean = 32, 0.3, lambda a, b: 2 * a * b / (a + b)
sink = np.pad(np.ones((4, 1)), ((14, 14), (0, N - 1)))


def conductivities(density):  # of the faces between cells
    wide = np.pad(density, 1, mode="edge")
    beside = wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2]
    k = 0.01 + 0.99 * (0.6 * density + 0.1 * beside) ** 3
    return mean(k[1:], k[:-1]), mean(k[:, 1:], k[:, :-1])


def temperature(down, right):
    def flow(u):  # out of each cell
        u = u.reshape(N, N)
        d = np.pad(down * np.diff(u, axis=0), ((1, 1), (0, 0)))
        r = np.pad(right * np.diff(u, axis=1), ((0, 0), (1, 1)))
        return (sink * u - np.diff(d, axis=0) - np.diff(r, axis=1)).ravel()

    return cg(flow, np.full(N * N, 1 / N**2), rtol=1e-5)[0].reshape(N, N)


cost = fg.jit(fg.value_and_grad(lambda density: np.mean(temperature(*conductivities(density)))))
density, values = np.full((N, N), COPPER), []
for _ in range(25):
    value, slope = cost(density)
    values, low, high = [*values, value], 0.0, 1e6
    for _ in range(60):  # bisection for the factor that keeps the amount of copper
        wanted = density * np.sqrt(np.maximum(-slope, 0)) * (low + high) / 2
        new = np.clip(wanted, np.maximum(0.01, density - 0.15), np.minimum(1, density + 0.15))
        low, high = (low, (low + high) / 2) if np.mean(new) > COPPER else ((low + high) / 2, high)
    density = new
# %%
down, right = conductivities(density)
u = temperature(down, right)
fig, (left, middle, side) = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for ax, image, title in ((left, density, "density of copper"), (middle, u, "temperature")):
    fig.colorbar(ax.imshow(image, cmap="inferno"), ax=ax, shrink=0.8)
    ax.set(xticks=[], yticks=[], xlabel="x", ylabel="y", title=title)
side.plot(values)
side.set(xlabel="step", title="mean temperature", ylim=(0, None))
slope = fg.grad(lambda down: np.mean(temperature(down, right)))(down)
error = np.max(np.abs(slope + np.diff(u, axis=0) ** 2)) / np.max(np.abs(slope))
print(f"{values[-1] / values[0]:.0%} of the temperature of a mixture; gradient off by {error:.0e}")
assert error < 1e-4 and values[-1] < 0.15 * values[0]
plt.show()
