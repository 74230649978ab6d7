"""
An adversarial example
======================

A network reads handwritten digits with an accuracy of 98 %. The gradient of its loss by the image
says how to change each pixel so that the loss grows fastest. A change by 16 % of the range of grey
makes it fail. A change at random, just as large, does not. The pictures show five digits before and
after, and the accuracy over the size of the change.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import nn, optim

root = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "examples/data").is_dir())
table = np.loadtxt(root / "examples/data/digits.csv.gz", delimiter=",", skiprows=1)
table = np.random.default_rng(0).permutation(table)
x, y = (table[:, :-1] / 16).astype(np.float32), table[:, -1].astype(int)
x, y, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]
network = nn.Sequential(nn.Dense(64, 64, activation=nn.relu), nn.Dense(64, 10))
model = network.init(fg.random.key(0))
optimizer = optim.adam(0.003)
state = optimizer.init(model)
loss = lambda model, x, y: fg.losses.cross_entropy(model(x), y)


@fg.jit
def train(model, state, x, y):
    updates, state = optimizer.update(fg.grad(loss)(model, x, y), state, model)
    return optim.apply_updates(model, updates), state


for start in list(range(0, 1400, 100)) * 20:
    model, state = train(model, state, x[start : start + 100], y[start : start + 100])

accuracy = lambda x: np.mean(np.argmax(model(x), axis=1) == y_test)
worst = np.sign(fg.grad(loss, 1)(model, x_test, y_test))
chance = np.random.default_rng(0).choice([-1, 1], size=x_test.shape)
sizes = np.linspace(0, 0.3, 16)
curves = [[accuracy(np.clip(x_test + s * sign, 0, 1)) for sign in (worst, chance)] for s in sizes]
# %%
fig = plt.figure(figsize=(10, 3.4), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=(1.2, 1))
for i, pair in enumerate(left.subplots(2, 5).T):
    for ax, size in zip(pair, (0.0, 0.16), strict=True):
        image = np.clip(x_test[i] + size * worst[i], 0, 1)
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], title=f"read as {np.argmax(model(image))}")
ax = right.subplots()
ax.plot(100 * sizes, 100 * np.array(curves), "o-", label=["along the gradient", "at random"])
ax.set(xlabel="change of each pixel in %", ylabel="accuracy in %")
ax.legend()
(whole, _), (worst, random) = curves[0], curves[8]
print(f"accuracy {whole:.3f}; changed by 16 %: {worst:.3f}, at random {random:.3f}")
assert whole > 0.95 and worst < 0.5 < 0.9 < random
plt.show()
