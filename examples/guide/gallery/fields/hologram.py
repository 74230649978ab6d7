"""
A hologram of phases
====================

A pane of glass that delays light, but absorbs none, can throw an image. Which delay does each of
its 128 by 128 points need? The image is the Fourier transform of the light behind the pane, and
L-BFGS finds the phases by the gradient through ``np.fft.fft2`` and complex arithmetic. The pictures
show the image wanted, the phases, and the image that they throw.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad import optim

N = 128
y, x = np.mgrid[0:N, 0:N] - N / 2
radius, angle = np.hypot(x, y), np.arctan2(y, x)
wanted = np.where((radius < 44) & (np.sin(5 * angle + radius / 6) > 0), 1.0, 0.0)  # a spiral
wanted *= N**4 / np.sum(wanted)  # all light of the pane


def thrown(phases):
    """Intensity of the image."""
    return np.abs(np.fft.fftshift(np.fft.fft2(np.exp(1j * phases)))) ** 2


def misfit(phases):
    return np.mean((np.sqrt(thrown(phases) + 1e-3) - np.sqrt(wanted)) ** 2) / np.mean(wanted)


start = np.random.default_rng(0).uniform(-0.1, 0.1, (N, N)) + radius**2 / 160
result = optim.minimize(misfit, start, max_steps=60, tol=1e-8)
image = thrown(result.params)
# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
axes[0].imshow(wanted, cmap="inferno", vmax=wanted.max())
axes[0].set_title("wanted")
shown = axes[1].imshow(result.params % (2 * np.pi), cmap="twilight")
fig.colorbar(shown, ax=axes[1], label="phase in rad", shrink=0.8)
axes[1].set_title("phases of the pane")
shown = axes[2].imshow(image, cmap="inferno", vmax=wanted.max())
fig.colorbar(shown, ax=axes[2], label="intensity", shrink=0.8)
axes[2].set_title("thrown")
for ax in axes:
    ax.set(xticks=[], yticks=[], xlabel="x", ylabel="y")

light = np.sum(image) / N**4  # by Parseval's theorem
inside = np.sum(image[wanted > 0]) / np.sum(image)
print(f"{inside:.1%} of the light is inside the spiral; all of it is off by {abs(light - 1):.0e}")
assert inside > 0.9 and abs(light - 1) < 1e-12
plt.show()
