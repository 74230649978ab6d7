"""
Sensitivities of a quadratic program
====================================

A portfolio of least variance has weights that are not negative, sum to 1 and reach a given return.
``solve_qp`` finds them, and differentiates them in all that the problem depends on, with the active
constraints held. ``fg.vmap`` solves 200 problems at once. The pictures show the weights against the
return, and the least risk beside that of each asset alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy.optimize import solve_qp

rng = np.random.default_rng(4)
expected = np.array([0.02, 0.04, 0.05, 0.07, 0.09, 0.10])  # a year
factors = rng.normal(size=(6, 3)) * expected[:, None]
covariance = factors @ factors.T + np.diag((0.5 * expected) ** 2)
A = lambda expected: np.stack([np.ones(6), expected])


def weights(target, expected):
    b = np.stack([1.0, target])
    return solve_qp(covariance, np.zeros(6), A(expected), b, bounds=(0.0, np.inf)).x


def risk(target, expected):
    w = weights(target, expected)
    return np.sqrt(w @ covariance @ w)


targets = np.linspace(0.022, 0.0998, 200)
w = fg.jit(fg.vmap(weights, (0, None)))(targets, expected)
risks = fg.jit(fg.vmap(risk, (0, None)))(targets, expected)
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.stackplot(100 * targets, 100 * w.T, alpha=0.8)
left.set(xlabel="return in % a year", ylabel="weight in %", title="Portfolios of least risk")
right.plot(100 * risks, 100 * targets, "gray")
for asset, deviation in zip(expected, np.sqrt(np.diag(covariance)), strict=True):
    right.plot(100 * deviation, 100 * asset, "o", markersize=8)
right.set(xlabel="risk in % a year", ylabel="return in % a year", title="The six assets alone")

eps, target = 1e-6, 0.06
E = eps * np.eye(6)
want = [(risk(target, expected + e) - risk(target, expected - e)) / (2 * eps) for e in E]
error = np.max(np.abs(fg.grad(risk, 1)(target, expected) - want))
print(f"sensitivities against central differences: {error:.1e}")
assert error < 1e-7
plt.show()
