"""
Films and people: a matrix from some of its elements
====================================================

Of the ratings that 60 people would give to 80 films, 30 % are known, with noise. If taste has four
dimensions, the matrix of ratings is a product of two thin factors, which Adam fits to the known
elements. Ratings that were never seen are then predicted to within the noise. The pictures show
the known ratings, those of the product, and the errors during the fit.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

RANK, NOISE, STEPS, rng = 4, 0.1, 400, np.random.default_rng(0)
truth = rng.normal(size=(60, RANK)) @ rng.normal(size=(RANK, 80)) / 2
known = rng.uniform(size=truth.shape) < 0.3
ratings = truth + NOISE * rng.normal(size=truth.shape)


def error(factors, mask):
    people, films = factors
    return np.mean((people @ films - ratings) ** 2, where=mask)


def loss(factors):
    people, films = factors
    return error(factors, known) + 1e-3 * (np.mean(people**2) + np.mean(films**2))


optimizer = optim.adam(optim.cosine_decay_schedule(0.05, STEPS))
start = 0.3 * rng.normal(size=(60, RANK)), 0.3 * rng.normal(size=(RANK, 80))


def step(carry, _):
    factors, state = carry
    updates, state = optimizer.update(fg.grad(loss)(factors), state, factors)
    factors = optim.apply_updates(factors, updates)
    return (factors, state), (error(factors, known), error(factors, ~known))


run = fg.jit(lambda factors: fg.lax.scan(step, (factors, optimizer.init(factors)), length=STEPS))
((people, films), _), errors = run(start)
# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained", width_ratios=(1, 1, 0.8))
shown = {"known ratings": np.where(known, ratings, np.nan), "all ratings": people @ films}
for ax, (title, values) in zip(axes, shown.items(), strict=False):
    image = ax.imshow(values, cmap="coolwarm", vmin=-3, vmax=3)
    ax.set(title=title, xlabel="film", ylabel="person")
fig.colorbar(image, ax=axes[1], shrink=0.7)
axes[2].semilogy(np.sqrt(errors).T, label=["known", "never seen"])
axes[2].axhline(NOISE, color="gray", linestyle="--", label="noise")
axes[2].set(xlabel="step of Adam", ylabel="root-mean-square error")
axes[2].legend()
off = np.sqrt(np.mean((people @ films - truth)[~known] ** 2))
print(f"ratings that were never seen are off the truth by {off:.3f}, their noise is {NOISE}")
assert off < NOISE
plt.show()
