"""
Denoising by total variation
============================

An image of flat parts and sharp edges is covered by noise. The penalty on the total variation, the
sum of the lengths of its gradients, removes the noise and keeps the edges. ``optim.minimize`` finds
the minimum over all 4,096 pixels by L-BFGS. A penalty on squared gradients blurs the edges. The
errors are those against the image without noise.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad import optim

N, NOISE = 64, 0.2
y, x = np.mgrid[0:N, 0:N] / N
image = 0.2 + 0.6 * ((x - 0.35) ** 2 + (y - 0.4) ** 2 < 0.06)
image[(np.abs(x - 0.7) < 0.15) & (np.abs(y - 0.65) < 0.2)] = 1.0
image[y > 0.9] = 0.5
noisy = image + NOISE * np.random.default_rng(0).normal(size=image.shape)


def slopes(u):
    return np.diff(u, axis=0, append=u[-1:]), np.diff(u, axis=1, append=u[:, -1:])


def total_variation(u):
    down, across = slopes(u)
    return np.sum(np.sqrt(down**2 + across**2 + 1e-6))


def roughness(u):
    down, across = slopes(u)
    return np.sum(down**2 + across**2)


def denoised(penalty, weight):
    cost = lambda u: 0.5 * np.sum((u - noisy) ** 2) + weight * penalty(u)
    return optim.minimize(cost, noisy, max_steps=200, tol=1e-3).params


fits = {
    "image": image,
    "with noise": noisy,
    "total variation": denoised(total_variation, 0.2),
    "squared gradients": denoised(roughness, 1.0),
}
# %%
fig, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
errors = {}
for ax, (name, u) in zip(axes, fits.items(), strict=True):
    errors[name] = np.sqrt(np.mean((u - image) ** 2))
    ax.imshow(u, cmap="gray", vmin=0, vmax=1)
    ax.set(title=name, xlabel=f"error {errors[name]:.3f}", xticks=[], yticks=[])

print({name: round(float(error), 3) for name, error in errors.items()})
assert errors["total variation"] < 0.6 * errors["squared gradients"]
plt.show()
