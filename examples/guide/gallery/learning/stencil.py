"""
A stencil learnt from pictures
==============================

A fluid carries drops of a dye to the right, and they spread. Twelve noisy pictures are given, and
no equation. One step is taken to be a convolution with nine unknown weights, which Adam fits
through five steps at a time. They are found to be those of the simulation, and so predict what
follows the last picture. The pictures show the weights, and the dye 12 steps later.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

N, SHOWN, AHEAD, NOISE = 40, 12, 12, 0.01
rng = np.random.default_rng(0)
truth = np.array([[0.0, 0.08, 0.0], [0.28, 0.56, 0.0], [0.0, 0.08, 0.0]])  # drift and diffusion
shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def steps(weights, dye, count):
    """The following pictures: each is a convolution of the last one, on a torus."""
    moved = lambda dye: [np.roll(dye, (-i, -j), (0, 1)) for i, j in shifts]
    step = lambda dye, _: (np.tensordot(weights.ravel(), np.stack(moved(dye)), 1),) * 2
    return fg.lax.scan(step, dye, length=count)[1]


start = 3.0 * (rng.random((N, N)) < 0.03)  # drops
pictures = np.concatenate([start[None], steps(truth, start, SHOWN + AHEAD - 1)])
seen = pictures[:SHOWN] + NOISE * rng.normal(size=(SHOWN, N, N))


def misfit(weights):
    from_each = fg.vmap(lambda dye: steps(weights, dye, 5))(seen[:-5])
    wanted = np.stack([seen[i + 1 : i + 6] for i in range(SHOWN - 5)])
    return np.mean((from_each - wanted) ** 2)


optimizer, weights = optim.adam(optim.cosine_decay_schedule(0.02, 400)), np.full((3, 3), 1 / 9)
state, gradient = optimizer.init(weights), fg.jit(fg.grad(misfit))
for _ in range(400):
    updates, state = optimizer.update(gradient(weights), state, weights)
    weights = optim.apply_updates(weights, updates)
# %%
end = steps(weights, seen[-1], AHEAD)[-1]
fig, axes = plt.subplots(1, 5, figsize=(11, 2.5), layout="constrained")
titles = "true weights", "learnt", "last picture", "12 steps later", "predicted"
images = truth, weights, seen[-1], pictures[-1], end
for ax, title, image in zip(axes, titles, images, strict=True):
    ax.imshow(image, vmin=0)
    ax.set(title=title, xticks=[], yticks=[])
error, gap = np.max(np.abs(weights - truth)), np.max(np.abs(end - pictures[-1]))
print(f"largest error of a weight {error:.4f}, of the dye {gap:.4f}")
assert error < 0.01 and gap < 0.02
plt.show()
