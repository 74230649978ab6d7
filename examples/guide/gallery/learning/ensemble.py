"""
The spread of an ensemble
=========================

Twenty networks learn the same function from the same noisy data, each from its own random start.
``fg.vmap`` over their keys trains them at once. Where there are data they agree, and in the gap
they differ. So the spread of the ensemble says where its mean can be trusted. The pictures show the
networks, and their spread beside the true error.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

MEMBERS, STEPS, NOISE = 20, 1500, 0.1
rng = np.random.default_rng(0)
truth = lambda x: np.sin(2.5 * x) + 0.4 * x
x = np.concatenate([rng.uniform(-3, -0.5, 60), rng.uniform(1, 3, 40)]).astype(np.float32)[:, None]
y = (truth(x) + NOISE * rng.normal(size=x.shape)).astype(np.float32)
network = nn.Sequential(
    nn.Dense(1, 32, activation=nn.tanh), nn.Dense(32, 32, activation=nn.tanh), nn.Dense(32, 1)
)
optimizer = optim.adam(optim.cosine_decay_schedule(0.01, STEPS))
loss = lambda model: fg.losses.mse(model(x), y)


@fg.jit
@fg.vmap
def train(model, state):
    updates, state = optimizer.update(fg.grad(loss)(model), state, model)
    return optim.apply_updates(model, updates), state


start = lambda key: fg.tree.map(lambda leaf: 2 * leaf, network.init(key))
models = fg.vmap(start)(fg.random.split(fg.random.key(0), MEMBERS))
states = fg.vmap(optimizer.init)(models)
for _ in range(STEPS):
    models, states = train(models, states)
# %%
line = np.linspace(-3.2, 3.2, 300, dtype=np.float32)[:, None]
curves = fg.vmap(lambda model: model(line)[:, 0])(models)
spread, error = np.std(curves, axis=0), np.abs(np.mean(curves, axis=0) - truth(line)[:, 0])
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(line, curves.T, "C0", alpha=0.4, linewidth=0.8)
left.plot(line, truth(line), "C1--", label="truth")
left.plot(x, y, "C2.", label="data")
left.set(xlabel="x", ylabel="y", title="Twenty networks")
left.legend()
right.semilogy(line, spread, label="spread of the networks")
right.semilogy(line, error, label="error of their mean")
right.set(xlabel="x", ylabel="y", title="Spread and error")
right.legend()

gap = (line[:, 0] > -0.3) & (line[:, 0] < 0.8)
ratio = np.mean(spread[gap]) / np.median(spread[~gap])
print(f"the spread is {ratio:.0f} times larger in the gap")
assert ratio > 5 and np.mean(error[gap] < 3 * spread[gap]) > 0.9
plt.show()
