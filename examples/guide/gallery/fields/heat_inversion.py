"""
The conductivity inside a wall
==============================

A wall is heated at its left face. Twelve thermometers record the temperature over time, with
noise. The conductivity varies inside the wall, and follows from these records: L-BFGS minimizes
the misfit with a penalty on roughness. Reverse mode differentiates 60 implicit steps of the heat
equation, each a banded system. The pictures show the records, and the conductivity found.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim
from funcgrad.scipy.linalg import solve_banded

N, STEPS, DT, NOISE = 48, 60, 0.02, 0.001
x = (np.arange(N) + 0.5) / N
truth = 1.0 - 0.6 * np.exp(-(((x - 0.35) / 0.08) ** 2)) + 0.6 * np.exp(-(((x - 0.7) / 0.1) ** 2))


def records(conductivity):
    """Temperatures [STEPS, 12] at every fourth cell; the right face is insulated."""
    between = 2 / (1 / conductivity[1:] + 1 / conductivity[:-1])
    flow = DT * N**2 * np.concatenate([2 * conductivity[:1], between, np.zeros(1)])
    bands = np.stack([-flow[:-1], 1 + flow[:-1] + flow[1:], -flow[1:]])

    def step(u, _):  # backward Euler
        u = solve_banded((1, 1), bands, fg.at(u)[0].add(flow[0]))
        return u, u[2::4]

    return fg.lax.scan(step, np.zeros(N), length=STEPS)[1]


data = records(truth) + NOISE * np.random.default_rng(0).normal(size=(STEPS, 12))


# %%
# The unknowns are logarithms, so that the conductivity stays positive.
def misfit(logs):
    fit = np.sum((records(np.exp(logs)) - data) ** 2) / (2 * NOISE**2)
    return fit + 10 * np.sum(np.diff(logs) ** 2)


result = optim.minimize(misfit, np.zeros(N), max_steps=80, tol=1e-2)
found = np.exp(result.params)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(DT * np.arange(1, STEPS + 1), data, linewidth=0.8)
left.set(xlabel="time / diffusion time", ylabel="temperature", title="Records")
right.plot(x, truth, "--", label="truth")
right.plot(x, found, label="found")
right.set(xlabel="depth / thickness", ylabel="conductivity", title="Conductivity")
right.legend()
error = np.sqrt(np.mean((found - truth) ** 2))
print(f"root-mean-square error {error:.3f} of a conductivity between {truth.min():.2f} and 1.60")
assert error < 0.1
plt.show()
