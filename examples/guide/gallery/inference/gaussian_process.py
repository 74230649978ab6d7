"""
Gaussian process with learnt hyperparameters
============================================

Noisy values of a function, with a gap, are interpolated by a Gaussian process. Length scale,
amplitude and noise maximize the marginal likelihood: L-BFGS uses its gradient, through a Cholesky
factorization. The pictures show the mean with its 95 % band, at the start and at the optimum.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

NOISE, rng = 0.15, np.random.default_rng(3)
f = lambda x: np.sin(3 * x) + 0.5 * x
x = np.concatenate([rng.uniform(-3, 0.4, 20), rng.uniform(1.4, 3, 10)])
y = f(x) + NOISE * rng.normal(size=len(x))


def kernel(logs, a, b):
    length, amplitude, _ = np.exp(logs)
    return amplitude**2 * np.exp(-0.5 * ((a[:, None] - b) / length) ** 2)


def factor(logs):
    return np.linalg.cholesky(kernel(logs, x, x) + np.exp(2 * logs[2]) * np.eye(len(x)))


def negative_log_likelihood(logs):
    lower = factor(logs)
    white = fg.linalg.solve_triangular(lower, y, lower=True)
    return 0.5 * white @ white + np.sum(np.log(np.diag(lower)))


def predict(logs, new):
    lower, cross = factor(logs), kernel(logs, x, new)
    white = fg.linalg.solve_triangular(lower, np.column_stack([y, cross]), lower=True)
    mean = white[:, 1:].T @ white[:, 0]
    return mean, np.sqrt(np.exp(2 * logs[1]) - np.sum(white[:, 1:] ** 2, axis=0))


start = np.log([0.08, 1.0, 0.3])
best = optim.minimize(negative_log_likelihood, start).params
# %%
new = np.linspace(-3.5, 3.5, 400)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, logs, title in zip(axes, (start, best), ("log likelihood, start", "optimum"), strict=True):
    mean, deviation = predict(logs, new)
    ax.fill_between(new, mean - 1.96 * deviation, mean + 1.96 * deviation, alpha=0.3)
    ax.plot(new, mean, label="mean and 95 % band")
    ax.plot(new, f(new), "--", label="truth")
    ax.plot(x, y, ".", label="data")
    ax.set(xlabel="x", ylabel="y", title=f"{title}: {-negative_log_likelihood(logs):.1f}")
axes[0].legend(fontsize="small")
inside = np.mean(np.abs(f(new) - mean) < 1.96 * deviation)
print(f"length scale, amplitude, noise: {np.exp(best).round(3)}; truth in the band: {inside:.0%}")
assert abs(np.exp(best[2]) - NOISE) < 0.05 and inside > 0.85
plt.show()
