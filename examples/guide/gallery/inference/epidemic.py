"""
An epidemic, and how sure its parameters are
============================================

One of fifty cases of an epidemic is reported. The reports of each day, which are Poisson numbers,
are fitted by a model of susceptible, infected and recovered people, with a prior of the time to
recover. L-BFGS finds the most probable parameters, and the inverse of the Hessian there is their
covariance. The pictures show 200 forecasts drawn from it, after 28 and after 48 days.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

PEOPLE, DAYS, SUBSTEPS, REPORTED = 100_000, 100, 4, 0.02
truth = np.array([0.35, 0.12, 20.0])  # infections 1/day, recoveries 1/day, infected people


def reports(logs):
    infection, recovery, ill = np.exp(logs)

    def step(state, _):
        healthy, ill = state
        new = infection * healthy * ill / PEOPLE / SUBSTEPS
        return (healthy - new, ill + new - recovery * ill / SUBSTEPS), new

    new = fg.lax.scan(step, (PEOPLE - ill, ill), length=DAYS * SUBSTEPS)[1]
    return REPORTED * np.sum(new.reshape(DAYS, SUBSTEPS), axis=1)


data = np.random.default_rng(0).poisson(reports(np.log(truth)))


def posterior(days):
    def loss(logs):
        rate = reports(logs)[:days]
        prior = 0.5 * ((logs[1] - np.log(0.1)) / 0.3) ** 2
        return np.sum(rate - data[:days] * np.log(rate)) + prior

    best = optim.minimize(loss, np.log([0.5, 0.2, 5.0])).params
    return best, np.linalg.inv(fg.hessian(loss)(best))


# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, days in zip(axes, (28, 48), strict=True):
    best, covariance = posterior(days)
    draws = np.random.default_rng(1).multivariate_normal(best, covariance, 200)
    ax.plot(fg.jit(fg.vmap(reports))(draws).T, "C0", linewidth=0.4, alpha=0.3)
    ax.plot(data, "C1.", markersize=4)
    ax.axvline(days, color="gray", linestyle="--", linewidth=1)
    ax.set(xlabel="day", ylabel="reports a day", title=f"Forecasts from {days} days", ylim=(0, 130))

off = (best - np.log(truth)) / np.sqrt(np.diag(covariance))
print(f"found {np.exp(best).round(3)}, off by {off.round(2)} deviations")
assert np.all(np.abs(off) < 3)
plt.show()
