"""
The line that takes the time
============================

A gradient through 200 implicit steps of a heat equation is slow. ``fg.debug.profile`` measures each
line, forward and backward: almost all time goes to a matrix that is made and factorized again in
each step, although it stays the same. Inverting it once gives the same gradient in a fraction of
the time. The pictures show the three most costly lines, before and after.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

N, STEPS = 80, 200
laplacian = np.eye(N, k=1) + np.eye(N, k=-1) - 2 * np.eye(N)
start = np.exp(-((np.arange(N) - 30) ** 2) / 20)


def faulty(conductivity):
    u = start
    for _ in range(STEPS):
        matrix = np.eye(N) - np.diag(conductivity) @ laplacian
        u = np.linalg.solve(matrix, u)
    return np.sum(u**2)


def mended(conductivity):
    inverse = np.linalg.inv(np.eye(N) - np.diag(conductivity) @ laplacian)
    u = start
    for _ in range(STEPS):
        u = inverse @ u
    return np.sum(u**2)


conductivity = np.linspace(0.5, 1.5, N)
before, after = (fg.debug.profile(fg.grad(f), conductivity) for f in (faulty, mended))
print(before.listing())
# %%
fig, axes = plt.subplots(2, 1, figsize=(9, 3.6), sharex=True, layout="constrained")
for ax, profile, title in zip(axes, (before, after), ("Before", "After"), strict=True):
    lines = sorted(profile.lines, key=lambda line: line.seconds)[-3:]
    names = [line.text.strip()[:40] for line in lines]
    forward = [1000 * line.forward.seconds for line in lines]
    ax.barh(names, forward, label="forward")
    backward = [1000 * line.backward.seconds for line in lines]
    ax.barh(names, backward, left=forward, label="backward")
    ax.set(title=f"{title}: {1000 * profile.plain:.0f} ms a gradient", xlabel="time in ms")
    ax.label_outer()
axes[1].legend()

share = sum(line.seconds for line in before.lines[:2]) / before.total
error = np.max(np.abs(fg.grad(faulty)(conductivity) - fg.grad(mended)(conductivity)))
print(f"two lines take {share:.0%}; the mended gradient differs by {error:.0e}")
assert share > 0.9 and error < 1e-12
plt.show()
