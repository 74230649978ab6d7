"""
A network that solves Poisson's equation
========================================

A network of two hidden layers, times a factor that is 0 on the boundary, represents the solution of
Poisson's equation on a square. ``fg.laplacian`` gives its Laplacian at 400 points in one forward
pass, and L-BFGS minimizes the mean squared residual of the equation. No mesh is needed, and no
data. The pictures show the solution and its error against the exact one, sin(pi x) sin(2 pi y).
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

exact = lambda p: np.sin(np.pi * p[..., 0]) * np.sin(2 * np.pi * p[..., 1])
source = lambda p: -5 * np.pi**2 * exact(p)  # its Laplacian
points = np.random.default_rng(0).uniform(size=(400, 2))

layers = nn.Dense(2, 24, activation=nn.tanh), nn.Dense(24, 24, activation=nn.tanh), nn.Dense(24, 1)
network = nn.Sequential(*layers).init(fg.random.key(0))
network = fg.tree.map(np.float64, network)


def solution(network, p):
    x, y = p
    return x * (1 - x) * y * (1 - y) * network(p)[0]


def residuals(network):
    laplacian = fg.vmap(fg.laplacian(solution, 1), (None, 0))(network, points)
    return np.mean((laplacian - source(points)) ** 2)


losses = []
keep = lambda count, params, value: losses.append(value)
network = optim.minimize(residuals, network, max_steps=250, tol=1e-3, callback=keep).params

# %%
line = np.linspace(0, 1, 80)
plane = np.stack(np.meshgrid(line, line), axis=-1)
found = fg.vmap(fg.vmap(solution, (None, 0)), (None, 0))(network, plane)
error = found - exact(plane)

fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for ax, values, title in zip(axes, (found, error), ("solution", "its error"), strict=False):
    shown = ax.pcolormesh(line, line, values, cmap="coolwarm")
    fig.colorbar(shown, ax=ax, shrink=0.8)
    ax.set(xlabel="x", ylabel="y", title=title, aspect="equal")
axes[2].semilogy(losses)
axes[2].set(xlabel="step of L-BFGS", title="mean squared residual")

print(f"largest error {np.max(np.abs(error)):.1e} of a solution between -1 and 1")
assert np.max(np.abs(error)) < 5e-3
plt.show()
