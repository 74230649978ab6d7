"""
Faults that raise no error
==========================

A network shall learn a yearly series, but its fit is a straight line. ``fg.debug.check`` looks for
common faults. At inputs of about 2000 gradients are huge, many ReLUs are 0 for all years, and the
others are never 0. Float64 inputs turn the results of a float32 network into float64. With scaled
inputs of float32 the same network learns: the pictures show both fits and losses.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

rng = np.random.default_rng(0)
years = np.arange(1950, 2021)[:, None] + 0.0
truth = np.sin((years - 1950) / 8) + (years - 1985) / 40
values = (truth + 0.1 * rng.normal(size=truth.shape)).astype(np.float32)

network = nn.Sequential(
    nn.Dense(1, 64, activation=nn.relu), nn.Dense(64, 64, activation=nn.relu), nn.Dense(64, 1)
).init(fg.random.key(0))
optimizer = optim.adam(0.005)


def loss(network, x):
    return np.mean((network(x) - values) ** 2)


@fg.jit
def train(network, state, x):
    value, grads = fg.value_and_grad(loss)(network, x)
    updates, state = optimizer.update(grads, state, network)
    return optim.apply_updates(network, updates), state, value


# %%
inputs = {"faulty": years, "mended": ((years - 1985) / 20).astype(np.float32)}
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(years, values, "C2.", markersize=4, label="data")
for name, x in inputs.items():
    report = fg.debug.check(loss, network, x)
    print(report)
    model, state, losses = network, optimizer.init(network), []
    for _ in range(600):
        model, state, value = train(model, state, x)
        losses.append(value)
    left.plot(years, model(x), label=name)
    right.semilogy(losses, label=name)
left.set(xlabel="year", ylabel="value", title="Fits", ylim=(-2.5, 2.5))
right.set(xlabel="step of Adam", ylabel="mean squared error", title="Loss")
left.legend()

error = np.sqrt(np.mean((model(x) - truth) ** 2))
print(f"mended: root-mean-square error {error:.3f}, {len(report.findings)} findings")
assert not report and error < 0.1
plt.show()
