"""
Filters of a convolutional network
==================================

The first layer of a convolutional network slides small filters over the image. Here eight filters
of 3 by 3 pixels learn to read digits, with the rest of the network. Some respond to edges of one
direction. When a digit moves, their responses move with it, which is the check. The pictures show
the filters, and their responses to one digit.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

root = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "examples/data").is_dir())
table = np.loadtxt(root / "examples/data/digits.csv.gz", delimiter=",", skiprows=1)
table = np.random.default_rng(0).permutation(table)
x = (table[:, :-1] / 16).astype(np.float32).reshape(-1, 8, 8, 1)
y = table[:, -1].astype(int)

x, y, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]

first = nn.Conv(1, 8, (3, 3), activation=nn.relu)
model = nn.Sequential(first, nn.MaxPool(2), nn.Flatten(), nn.Dense(128, 10)).init(fg.random.key(1))
optimizer = optim.adam(0.005)
state = optimizer.init(model)
loss = lambda model, x, y: fg.losses.cross_entropy(model(x), y)


@fg.jit
def train(model, state, x, y):
    updates, state = optimizer.update(fg.grad(loss)(model, x, y), state, model)
    return optim.apply_updates(model, updates), state


for start in list(range(0, 1400, 100)) * 20:
    model, state = train(model, state, x[start : start + 100], y[start : start + 100])
# %%
first = model.layers[0]
responses = np.moveaxis(first(x_test[0]), -1, 0)
fig, axes = plt.subplots(2, 9, figsize=(10, 2.6), layout="constrained")
axes[0, 0].axis("off")
axes[1, 0].imshow(x_test[0, ..., 0], cmap="gray_r")
for i, (above, below) in enumerate(axes[:, 1:].T):
    above.imshow(first.kernel[:, :, 0, i], cmap="coolwarm", vmin=-1, vmax=1)
    above.set_title(f"filter {i + 1}")
    below.imshow(responses[i], cmap="gray_r")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])

accuracy = np.mean(np.argmax(model(x_test), axis=1) == y_test)
inside = np.pad(x_test[0], ((4, 4), (4, 4), (0, 0)))
moved = first(np.roll(inside, (1, 2), (0, 1))) - np.roll(first(inside), (1, 2), (0, 1))
print(f"accuracy {accuracy:.3f}; responses to a moved digit differ by {np.max(np.abs(moved)):.0e}")
assert accuracy > 0.95 and np.max(np.abs(moved)) < 1e-6
plt.show()
