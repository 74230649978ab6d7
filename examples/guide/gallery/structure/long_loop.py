"""
A long loop in little memory
============================

Reverse mode keeps values of each step of a loop, so its memory grows with the number of steps.
With ``checkpoint=10``, ``fg.lax.scan`` keeps ten states, and computes the others again by the
shortest possible schedule. The loop moves a wave by Burgers' equation, and the gradient is that of
a misfit of its last shape by the first one. The pictures show memory and time against the steps.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

x = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
start, target = 1.5 + np.sin(x), 1.5 + np.cos(x)


def misfit(u, steps, checkpoint):
    def step(u, _):
        return u - 0.05 * (u**2 - np.roll(u, 1) ** 2), None

    return np.mean((fg.lax.scan(step, u, length=steps, checkpoint=checkpoint)[0] - target) ** 2)


gradient = fg.jit(fg.grad(misfit), static_argnums=(1, 2))

# %%
counts, kept = (100, 200, 400, 800, 1600, 3200), (None, 30, 10)
memory, seconds = np.zeros((2, len(kept), len(counts)))
results = {}
for i, checkpoint in enumerate(kept):
    for j, steps in enumerate(counts):
        memory[i, j] = gradient.memory(start, steps, checkpoint).peak / 1e6  # compiles as well
        results[checkpoint, steps] = gradient(start, steps, checkpoint)
        began = perf_counter()
        gradient(start, steps, checkpoint)
        seconds[i, j] = perf_counter() - began

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for ax, values, label in zip(axes, (memory, seconds), ("memory in MB", "time in s"), strict=True):
    ax.loglog(counts, values.T, "o-", label=["all states", "30 states", "10 states"])
    ax.set(xlabel="steps", ylabel=label)
axes[0].legend()

error = max(np.max(np.abs(results[k, n] - results[None, n])) for k, n in results)
print(f"{memory[-1, -1]:.2f} MB instead of {memory[0, -1]:.0f} MB; difference {error:.0e}")
assert error < 1e-15 and memory[-1, -1] < memory[0, -1] / 100
plt.show()
