"""
The line that makes a nan
=========================

Ten stations measure their distances from each other, and a map shall follow from these. The loss
is finite, but its gradient is nan. ``fg.debug.nans`` names the line and the direction: the square
root in the backward pass, of which the distance 0 of each station from itself is the cause. With
each pair once, and no station with itself, the map is found. The pictures show it, and the loss.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

NOISE, rng = 0.02, np.random.default_rng(0)
truth = rng.uniform(0, 10, size=(10, 2))  # km
first, second = np.triu_indices(10, k=1)
measured = np.linalg.norm(truth[first] - truth[second], axis=1) + NOISE * rng.normal(size=45)
table = np.zeros((10, 10))
table[first, second] = table[second, first] = measured


def faulty(places):
    distances = np.sqrt(np.sum((places[:, None] - places) ** 2, axis=-1))
    return np.mean((distances - table) ** 2)


start = rng.uniform(0, 10, size=(10, 2))
print(f"loss {faulty(start):.2f}, gradient of the first station {fg.grad(faulty)(start)[0]}")
try:
    with fg.debug.nans():
        fg.grad(faulty)(start)
except fg.debug.NanError as error:
    print(message := str(error).splitlines()[0])


def mended(places):
    distances = np.sqrt(np.sum((places[first] - places[second]) ** 2, axis=-1))
    return np.mean((distances - measured) ** 2)


losses = []
found = optim.minimize(mended, start, callback=lambda i, p, loss: losses.append(loss)).params
shift, found = truth.mean(axis=0), found - found.mean(axis=0)
u, _, vh = np.linalg.svd(found.T @ (truth - shift))  # distances fix no shift, turn or mirror
found = found @ u @ vh + shift
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(*truth.T, "o", markersize=9, fillstyle="none", label="truth")
left.plot(*found.T, ".", label="found")
left.set(xlabel="x in km", ylabel="y in km", title="The ten stations")
left.legend()
right.semilogy(losses)
right.set(xlabel="step of L-BFGS", ylabel="mean squared error in km²", title="Loss without nan")
error = np.sqrt(np.mean((found - truth) ** 2))
print(f"root-mean-square error of the places {error:.4f} km")
assert "backward" in message and error < NOISE
plt.show()
