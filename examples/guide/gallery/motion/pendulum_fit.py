"""
Length and damping of a pendulum
================================

The angle of a damped pendulum is measured 80 times, with noise. Gauss-Newton's method finds its
length and its damping: ``fg.jacfwd`` differentiates the whole motion, 400 steps of a Runge-Kutta
method in ``fg.lax.scan``. The left picture shows data and fit. The right one shows the misfit for
all parameters, computed by ``fg.vmap``, the steps, and the 95 % confidence region.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

GRAVITY, DT, NOISE = 9.81, 0.02, 0.15
truth = np.array([1.30, 0.25])  # m, 1/s


def motion(params):
    length, damping = params
    rate = lambda s: np.stack([s[1], -GRAVITY / length * np.sin(s[0]) - damping * s[1]])

    def step(state, _):
        state = state + DT * rate(state + DT / 2 * rate(state))
        return state, state[0]

    return fg.lax.scan(step, np.array([1.2, 0.0]), length=400)[1][4::5]  # every fifth angle


times = DT * 5 * np.arange(1, 81)
data = motion(truth) + NOISE * np.random.default_rng(1).normal(size=80)

# %%
# Each step solves the linearized least-squares problem.
residual = fg.jit(lambda params: (motion(params) - data) / NOISE)
jacobian = fg.jit(fg.jacfwd(residual))
path = [np.array([1.45, 0.6])]
for _ in range(8):
    path.append(path[-1] - np.linalg.lstsq(jacobian(path[-1]), residual(path[-1]))[0])
found = path[-1]
covariance = np.linalg.inv(jacobian(found).T @ jacobian(found))

# %%
grid = np.stack(np.meshgrid(np.linspace(1.1, 1.6, 60), np.linspace(0, 0.7, 60)), axis=-1)
misfit = fg.jit(fg.vmap(fg.vmap(lambda p: np.mean(residual(p) ** 2))))(grid)
turn = np.linspace(0, 2 * np.pi, 100)
ellipse = np.stack([np.cos(turn), np.sin(turn)], axis=1) @ np.linalg.cholesky(5.99 * covariance).T

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(times, data, "o", times, motion(found), markersize=3)
left.set(xlabel="time in s", ylabel="angle in rad", title="80 measurements and the fit")
image = right.contourf(*grid.T, np.log10(misfit).T, levels=20)
fig.colorbar(image, label="log$_{10}$ mean squared residual")
right.plot(*np.array(path).T, "w.-", *(found + ellipse).T, "r-", linewidth=1)
right.set(xlabel="length in m", ylabel="damping in 1/s", title="Gauss-Newton steps")
off = np.abs(found - truth) / np.sqrt(np.diag(covariance))
print(f"length {found[0]:.3f} m, damping {found[1]:.3f} 1/s: off by {off.round(2)} deviations")
assert np.all(off < 3)
plt.show()
