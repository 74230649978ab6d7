"""
Kernel ridge regression that learns its kernel
==============================================

Of ten inputs only two matter. Kernel ridge regression with one length scale for each input finds
them: the gradient of the leave-one-out error, which has a closed form, passes through the solution
of the linear system. The pictures show the relevance of each input, and the error of predictions
for new inputs, during the optimization.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad import optim

rng = np.random.default_rng(0)
truth = lambda x: np.sin(2 * x[:, 2]) + 0.5 * x[:, 6] ** 2
x, x_new = rng.uniform(-2, 2, (200, 10)), rng.uniform(-2, 2, (500, 10))
y = truth(x) + 0.1 * rng.normal(size=200)


def kernel(scales, a, b):
    a, b = a * scales, b * scales
    distances = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T
    return np.exp(-0.5 * distances)


def inverse(params):
    ridge = (1e-3 + np.exp(params["log_ridge"])) * np.eye(len(x))
    return np.linalg.inv(kernel(np.exp(params["log_scales"]), x, x) + ridge)


def left_out(params):
    """Mean squared error at each point of the fit without it."""
    precision = inverse(params)
    return np.mean((precision @ y / np.diag(precision)) ** 2)


def predict(params, new):
    return kernel(np.exp(params["log_scales"]), new, x) @ (inverse(params) @ y)


path = [{"log_scales": np.full(10, -1.0), "log_ridge": np.array(-2.0)}]
best = optim.minimize(left_out, path[0], callback=lambda i, params, _: path.append(params)).params
errors = [np.sqrt(np.mean((predict(p, x_new) - truth(x_new)) ** 2)) for p in path]
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
scales = np.exp([p["log_scales"] for p in path])
left.plot(scales, color="gray", linewidth=0.8)
left.plot(scales[:, [2, 6]], label=["input 2", "input 6"])
left.set(xlabel="step of L-BFGS", ylabel="1 / length scale", title="Relevance of the ten inputs")
left.legend()
right.semilogy(errors, "o-")
right.axhline(0.1, color="gray", linestyle="--", label="noise of the data")
right.set(xlabel="step of L-BFGS", ylabel="error for new inputs", title="Root-mean-square error")
right.legend()
relevant = set(np.argsort(best["log_scales"])[-2:].tolist())
print(f"relevant inputs {relevant}, error {errors[-1]:.3f} instead of {errors[0]:.3f}")
assert relevant == {2, 6} and errors[-1] < 0.06
plt.show()
