"""
A spline whose knots move
=========================

A curve with a steep part is fitted by a cubic spline. With nine inner knots at equal distances the
spline misses it. The least-squares fit has a gradient in the knots, through the B-splines and the
linear system, by which L-BFGS moves them to where the curve needs them. The pictures show both fits
with their knots, and the way of the knots.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad import nn, optim

NOISE, INNER = 0.02, 9
truth = lambda x: np.tanh(25 * (x - 0.62)) + 0.3 * np.sin(6 * x)
x = np.linspace(0, 1, 300, endpoint=False)
y = truth(x) + NOISE * np.random.default_rng(0).normal(size=300)


def knots(params):  # their distances are a softmax, so that they stay in order
    return np.concatenate([np.zeros(4), np.cumsum(nn.softmax(params))[:-1], np.ones(4)])


def b_splines(t):
    """Values [300, INNER + 4] of the cubic B-splines at x, by the recursion of de Boor."""
    column = x[:, None]
    basis = np.where((t[:-1] <= column) & (column < t[1:]), 1.0, 0.0)
    for k in (1, 2, 3):
        span = t[k:] - t[:-k]
        part = (column - t[:-k]) / np.where(span > 0, span, np.inf)
        basis = part[:, :-1] * basis[:, :-1] + (1 - part[:, 1:]) * basis[:, 1:]
    return basis


def fitted(params):
    basis = b_splines(knots(params))
    return basis @ np.linalg.lstsq(basis, y)[0]


path = [np.zeros(INNER + 1)]
cost = lambda params: np.mean((fitted(params) - y) ** 2)
optim.minimize(cost, path[0], max_steps=100, tol=1e-8, callback=lambda i, p, _: path.append(p))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(x, y, ".", color="gray", markersize=2)
for params, name in ((path[0], "equal distances"), (path[-1], "optimum")):
    inner, fit = knots(params)[4:-4], fitted(params)
    error = np.sqrt(np.mean((fit - truth(x)) ** 2))
    (line,) = left.plot(x, fit, label=f"{name}: error {error:.3f}")
    left.plot(inner, np.full(INNER, -1.6), "|", color=line.get_color(), markersize=12)
left.set(xlabel="x", ylabel="y", title="Fits and their knots")
left.legend()
right.plot([knots(params)[4:-4] for params in path], range(len(path)), "C1", linewidth=1)
right.set(xlabel="place of the knots", ylabel="step of L-BFGS", title="The way of the knots")
print(f"root-mean-square error {error:.4f} beside a noise of {NOISE}")
assert error < NOISE / 2
plt.show()
