"""
Kalman filter with parameters by maximum likelihood
===================================================

A car is seen through noisy positions. A Kalman filter estimates its position and velocity, but how
much noise the measurements have, and how strongly the car accelerates, is not known. The filter
gives the likelihood, which L-BFGS maximizes by gradients through the scan, and the Hessian there
gives the uncertainty. The pictures show the errors of the filter.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

DT, STEPS, rng = 0.1, 400, np.random.default_rng(1)
truth = {"push": 1.5, "blur": 0.8}  # m/s², m
F, spread = np.array([[1, DT], [0, 1]]), np.array([DT**2 / 2, DT])


states = np.zeros((STEPS, 2))
for i in range(1, STEPS):
    states[i] = F @ states[i - 1] + spread * truth["push"] * rng.normal()
seen = states[:, 0] + truth["blur"] * rng.normal(size=STEPS)


def filtered(logs):
    push, blur = np.exp(2 * logs["push"]), np.exp(2 * logs["blur"])

    def step(carry, z):
        mean, cov = carry
        mean, cov = F @ mean, F @ cov @ F.T + push * np.outer(spread, spread)
        variance, error = cov[0, 0] + blur, z - mean[0]
        gain = cov[:, 0] / variance
        mean, cov = mean + gain * error, cov - np.outer(gain, cov[0])
        return (mean, cov), (mean, np.diag(cov), np.log(variance) + error**2 / variance)

    _, (means, variances, terms) = fg.lax.scan(step, (np.zeros(2), np.eye(2)), seen)
    return means, variances, 0.5 * np.sum(terms)


logs = optim.minimize(lambda logs: filtered(logs)[2], {"push": 0.0, "blur": 1.0}).params
flat, unravel = fg.ravel_pytree(logs)
hessian = fg.hessian(lambda flat: filtered(unravel(flat))[2])(flat)
unsure = unravel(np.sqrt(np.diag(np.linalg.inv(hessian))))
# %%
times, (means, variances, _) = DT * np.arange(STEPS), filtered(logs)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for i, ax in enumerate(axes):
    band = 1.96 * np.sqrt(variances[:, i])
    ax.fill_between(times, -band, band, alpha=0.3)
    ax.plot(times, means[:, i] - states[:, i])
axes[0].plot(times, seen - states[:, 0], ".", markersize=3, zorder=0)
axes[0].set(xlabel="time in s", ylabel="error in m", title="Position: filter and measurements")
axes[1].set(xlabel="time in s", ylabel="error in m/s", title="Velocity, with its 95 % band")
off = {name: (logs[name] - np.log(truth[name])) / unsure[name] for name in truth}
print({name: f"{np.exp(logs[name]):.3f}, off by {off[name]:+.2f} deviations" for name in truth})
assert abs(off["push"]) < 3 and abs(off["blur"]) < 3
plt.show()
