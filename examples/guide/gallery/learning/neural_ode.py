"""
A neural differential equation
==============================

The rate of change of a system is unknown, and learnt by a network. Data are 40 noisy paths of the
system over a short time. The network's paths, by a Runge-Kutta method inside ``fg.lax.scan``, are
fitted to them by L-BFGS; ``fg.vmap`` runs all paths at once. The pictures show the flow found with
the data, and a longer path from a new start beside the true one.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

DT, SHORT, LONG = 0.1, 15, 120
rng = np.random.default_rng(0)
truth = lambda s: np.stack([s[1], (1 - s[0] ** 2) * s[1] - s[0]])  # van der Pol's oscillator


def path(rate, start, length):
    def step(s, _):
        a = rate(s)
        b = rate(s + DT / 2 * a)
        c = rate(s + DT / 2 * b)
        s = s + DT / 6 * (a + 2 * b + 2 * c + rate(s + DT * c))
        return s, s

    return fg.lax.scan(step, start, length=length)[1]


starts = rng.uniform(-2, 2, size=(40, 2))
data = fg.vmap(lambda s: path(truth, s, SHORT))(starts)
data = data + 0.02 * rng.normal(size=data.shape)

network = nn.Sequential(nn.Dense(2, 24, activation=nn.tanh), nn.Dense(24, 2))
network = fg.tree.map(np.float64, network.init(fg.random.key(0)))
loss = lambda network: np.mean((fg.vmap(lambda s: path(network, s, SHORT))(starts) - data) ** 2)
network = optim.minimize(loss, network, max_steps=300).params

start = np.array([0.5, 0.0])
want, found = path(truth, start, LONG), path(network, start, LONG)
x, y = np.meshgrid(np.linspace(-2.5, 2.5, 15), np.linspace(-3.5, 3.5, 15))
flow = np.moveaxis(network(np.stack([x, y], axis=-1)), -1, 0)
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.streamplot(x, y, *flow, color="gray", linewidth=0.6, arrowsize=0.7)
left.plot(*data.reshape(-1, 2).T, ".", markersize=3)
left.set(xlabel="x", ylabel="dx/dt", title="Data, and the flow found")
times = DT * np.arange(1, LONG + 1)
right.plot(times, want[:, 0], label="truth")
right.plot(times, found[:, 0], "--", label="network")
right.axvline(DT * SHORT, color="gray", linewidth=1)
right.set(xlabel="time", ylabel="x", title="A path from a new start")
right.legend()
error = np.sqrt(np.mean((found - want) ** 2))
print(f"root-mean-square error {error:.3f} over {LONG // SHORT} times the duration of the data")
assert error < 0.2
plt.show()
