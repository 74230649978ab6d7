"""
A normalizing flow
==================

A flow turns a normal distribution into that of the data by invertible steps. Here eight coupling
layers, each of which shifts and scales one coordinate by a network of the other one, learn two
half-moons by maximum likelihood. The density follows from the determinants of the steps, so its
integral must be 1. The pictures show the data, and the density that the flow has learnt.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

LAYERS, STEPS, rng = 8, 1500, np.random.default_rng(0)
angle, side = rng.uniform(0, np.pi, 800), rng.choice([-1, 1], 800)
data = np.stack([np.cos(angle) - side / 2, side * (np.sin(angle) - 0.25)], axis=1)
data = data + 0.08 * rng.normal(size=data.shape)

network = nn.Sequential(nn.Dense(1, 24, activation=nn.tanh), nn.Dense(24, 2))
keys = fg.random.split(fg.random.key(0), LAYERS)
layers = [fg.tree.map(np.float64, network.init(key)) for key in keys]


def log_density(layers, x):
    a, b, volume = x[:, 0], x[:, 1], 0.0
    for layer in layers:  # each changes b, which is a of the next one
        shift, scale = layer(a[:, None]).T
        scale = np.tanh(scale)
        a, b, volume = (b - shift) * np.exp(scale), a, volume + scale
    return volume - 0.5 * (a**2 + b**2) - np.log(2 * np.pi)


@fg.jit
def train(layers, state):
    grads = fg.grad(lambda layers: -np.mean(log_density(layers, data)))(layers)
    updates, state = optimizer.update(grads, state, layers)
    return optim.apply_updates(layers, updates), state


optimizer = optim.adam(optim.cosine_decay_schedule(0.02, STEPS))
state = optimizer.init(layers)
for _ in range(STEPS):
    layers, state = train(layers, state)
line = np.linspace(-3, 3, 400)
grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
density = np.exp(log_density(layers, grid)).reshape(400, 400)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(*data.T, ".", markersize=3)
left.set(xlabel="x", ylabel="y", title="Data", xlim=(-2, 2), ylim=(-1.4, 1.4))
image = right.pcolormesh(line, line, density, cmap="magma")
fig.colorbar(image, label="density")
right.set(xlabel="x", ylabel="y", title="Density of the flow", xlim=(-2, 2), ylim=(-1.4, 1.4))
# %%
integral = np.sum(density) * (line[1] - line[0]) ** 2
print(f"the integral of the density is {integral:.4f}")
assert abs(integral - 1) < 1e-3
plt.show()
