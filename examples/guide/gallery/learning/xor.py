"""
Exclusive or, and its decision boundary
=======================================

Exclusive or is the smallest task that no linear model solves. A network of one hidden layer of
eight units learns it from 200 noisy points, by Adam. The pictures show the probability that the
network gives to each point of the plane, and the loss of eight networks that ``fg.vmap`` trains at
once from eight random keys.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

rng = np.random.default_rng(0)
corners = rng.integers(0, 2, size=(200, 2))
x = (corners + 0.12 * rng.normal(size=(200, 2))).astype(np.float32)
y = (corners[:, 0] != corners[:, 1]).astype(np.float32)

network = nn.Sequential(nn.Dense(2, 8, activation=nn.tanh), nn.Dense(8, 1))
optimizer = optim.adam(0.05)


def loss(model):
    return fg.losses.binary_cross_entropy_with_logits(model(x)[:, 0], y)


def train(key):
    def step(carry, _):
        model, state = carry
        value, grads = fg.value_and_grad(loss)(model)
        updates, state = optimizer.update(grads, state, model)
        return (optim.apply_updates(model, updates), state), value

    model = network.init(key)
    (model, _), losses = fg.lax.scan(step, (model, optimizer.init(model)), length=200)
    return model, losses


models, losses = fg.jit(fg.vmap(train))(fg.random.split(fg.random.key(0), 8))
best = fg.tree.map(lambda leaf: leaf[np.argmin(losses[:, -1])], models)
line = np.linspace(-0.5, 1.5, 200, dtype=np.float32)
plane = np.stack(np.meshgrid(line, line), axis=-1)  # [200, 200, 2]
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
image = left.contourf(
    line, line, nn.sigmoid(best(plane)[..., 0]), levels=10, cmap="RdBu_r", alpha=0.6
)
fig.colorbar(image, label="probability of 1")
left.scatter(*x.T, c=y, cmap="RdBu_r", s=14, edgecolors="white", linewidths=0.5)
left.set(xlabel="first input", ylabel="second input", title="The best network", aspect="equal")
right.semilogy(losses.T, linewidth=1)
right.set(xlabel="step of Adam", ylabel="cross-entropy", title="Eight networks, trained at once")

accuracy = np.mean((best(x)[:, 0] > 0) == (y == 1))
print(f"accuracy {accuracy:.3f}, loss {losses.min():.4f}")
assert accuracy == 1.0
plt.show()
