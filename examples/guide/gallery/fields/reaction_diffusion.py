"""
Parameters of a reaction-diffusion system
=========================================

Two substances react and diffuse by the Gray-Scott equations, and form a pattern. Two noisy images
of it, 200 steps apart, suffice to find the feed rate and the kill rate: Gauss-Newton's method takes
the Jacobian of the second image by both rates in forward mode, where one pass per rate runs beside
the simulation. The pictures show both images, and the rates of each step.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

N, STEPS, NOISE = 64, 200, 0.02
truth = np.array([0.037, 0.060])  # feed and kill rate
rng = np.random.default_rng(0)


def spread(a):
    return sum(np.roll(a, shift, axis) for shift in (1, -1) for axis in (0, 1)) - 4 * a


def simulate(rates, start, steps):
    feed, kill = rates

    def step(state, _):
        u, v = state
        reaction = u * v**2
        u = u + 0.16 * spread(u) - reaction + feed * (1 - u)
        return (u, v + 0.08 * spread(v) + reaction - (feed + kill) * v), None

    return fg.lax.scan(step, start, length=steps)[0]


u, v = np.ones((N, N)), np.zeros((N, N))
for i, j in rng.integers(0, N - 8, size=(8, 2)):
    u[i : i + 8, j : j + 8], v[i : i + 8, j : j + 8] = 0.5, 0.25
first = fg.jit(simulate, static_argnums=2)(truth, (u, v), 1200)
second = np.stack(simulate(truth, first, STEPS)) + NOISE * rng.normal(size=(2, N, N))
residual = lambda rates: (np.stack(simulate(rates, first, STEPS)) - second).ravel()
both = fg.jit(lambda rates: (residual(rates), fg.jacfwd(residual)(rates)))
path = [np.array([0.031, 0.0645])]
for _ in range(7):  # steps of at most 0.005
    r, J = both(path[-1])
    path.append(path[-1] - np.clip(np.linalg.lstsq(J, r)[0], -0.005, 0.005))
# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for ax, image, title in zip(axes, (first[1], second[1]), ("first", "second"), strict=False):
    ax.imshow(image, cmap="magma", vmin=0, vmax=0.35)
    ax.set(xlabel="x", ylabel="y", xticks=[], yticks=[], title=f"{title} image")
axes[2].semilogy(np.abs(np.array(path) - truth), "o-", label=["feed rate", "kill rate"])
axes[2].set(xlabel="step of Gauss-Newton", title="error of the rates")
axes[2].legend()

error = np.max(np.abs(path[-1] / truth - 1))
print(f"feed and kill rate {path[-1].round(5)}, relative error {error:.0e}")
assert error < 5e-3
plt.show()
