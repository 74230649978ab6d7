"""
Regression that ignores outliers
================================

A fifth of the points lie far from the line, and least squares follow them. Student's t-distribution
gives them little weight: its scale, with the line, is that of maximum likelihood. How much each
point moves the slope follows from the implicit function theorem, since ``minimize`` has
derivatives in the data. The pictures show both lines, and the influence of each point.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy import stats
from funcgrad.scipy.optimize import minimize

rng = np.random.default_rng(2)
x = np.linspace(0, 10, 60)
y = 1.0 + 0.5 * x + 0.3 * rng.normal(size=60)
y[45:57] += rng.uniform(4, 9, 12) * (-1) ** (rng.uniform(size=12) < 0.2)


def normal(p, y):
    return np.sum((y - p[0] - p[1] * x) ** 2)


def student(p, y):
    return -np.sum(stats.t.logpdf(y, 2.0, p[0] + p[1] * x, np.exp(p[2])))


def line(y, cost, start):
    return minimize(cost, start, args=(y,), method="L-BFGS-B", tol=1e-12).x


fits = {"least squares": (normal, np.zeros(2)), "Student's t": (student, np.zeros(3))}
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(x, y, "C2o", markersize=4)
for name, fit in fits.items():
    found = line(y, *fit)
    influence = fg.jacrev(line)(y, *fit)[1]
    left.plot(x, found[0] + found[1] * x, label=f"{name}: slope {found[1]:.3f}")
    right.plot(x, influence, "o-", markersize=4, label=name)
left.set(xlabel="x", ylabel="y", title="Data of slope 0.5, and two lines")
left.legend()
right.set(xlabel="x", ylabel="d slope / d y", title="Influence of each point")

step = 1e-4 * np.eye(60)[50]
want = (line(y + step, *fit) - line(y - step, *fit))[1] / 2e-4
error = abs(influence[50] - want)
print(f"slope {found[1]:.3f}; influence of an outlier {want:.2e}, off by {error:.0e}")
assert abs(found[1] - 0.5) < 0.02 and error < 1e-6
plt.show()
