"""
Phases from intensities
=======================

Detectors see the intensity of light, not its phase. A transparent object is illuminated through six
random masks, and only the intensities of six Fourier transforms are recorded, with noise. L-BFGS
recovers the complex object from them: the gradient passes through ``np.fft.fft2`` and complex
numbers. The pictures show the phase of the object, and phase and transparency as recovered.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad import optim

N, MASKS, NOISE = 48, 6, 0.01
rng = np.random.default_rng(0)
y, x = np.mgrid[0:N, 0:N] / N - 0.5
bump = lambda x0, y0, width: np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / width**2)
phase = 2 * bump(-0.15, 0.1, 0.15) - 2 * bump(0.2, -0.2, 0.15) + 0.8 * (abs(x + y) < 0.05)
transparency = 1 - 0.6 * (np.hypot(x - 0.1, y - 0.15) < 0.2)
truth = transparency * np.exp(1j * phase)
masks = np.exp(2j * np.pi * rng.integers(0, 4, size=(MASKS, N, N)) / 4)


def amplitudes(z):
    """Square roots of the intensities behind each mask."""
    return np.sqrt(np.abs(np.fft.fft2(masks * z) / N) ** 2 + 1e-12)


recorded = amplitudes(truth) + NOISE * rng.normal(size=masks.shape)


def misfit(parts):
    return np.sum((amplitudes(parts[0] + 1j * parts[1]) - recorded) ** 2)


start, losses = rng.normal(size=(2, N, N)), []
keep = lambda count, parts, value: losses.append(value)
real, imaginary = optim.minimize(misfit, start, max_steps=300, tol=1e-3, callback=keep).params
z = real + 1j * imaginary
z *= np.exp(-1j * np.angle(np.vdot(truth, z)))  # a phase of the whole is in no intensity
# %%
fig, axes = plt.subplots(1, 4, figsize=(11, 2.9), layout="constrained")
titles = "phase", "phase found", "transparency found"
for ax, values, title in zip(axes, (phase, np.angle(z), np.abs(z)), titles, strict=False):
    shown = ax.imshow(values, cmap="viridis" if title == "transparency found" else "twilight")
    ax.set(title=title, xlabel="x", ylabel="y", xticks=[], yticks=[])
    fig.colorbar(shown, ax=ax, shrink=0.7)
axes[3].semilogy(losses)
axes[3].set(xlabel="step of L-BFGS", title="misfit")

error = np.linalg.norm(z - truth) / np.linalg.norm(truth)
print(f"relative error {error:.4f} with a noise of {NOISE}")
assert error < 0.02
plt.show()
