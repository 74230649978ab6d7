"""Eight schools: a hierarchical model sampled by nuts, beside its exact posterior.

Rubin 1981 estimated the effect of coaching on test scores in eight schools. The effects theta are
normal around mu with deviation tau; both are unknown. Given tau the posterior is normal, so that
integrals over tau give exact means. The centred form, in which theta itself is sampled, diverges in
the neck of the posterior at small tau; the non-centred form samples (theta - mu) / tau.
"""

import numpy as np
from common import make_parser, table

import funcgrad as fg
from funcgrad.random.bijectors import Identity, JointMap, Positive

EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SCALE = 5.0  # of the priors: mu normal, tau half-Cauchy

SPACE = JointMap({"mu": Identity(), "tau": Positive(), "z": Identity()})


def of_parameters(mu, tau, theta):
    """The log density of the data and of the priors of mu and tau."""
    data = -np.sum(((EFFECTS - theta) / ERRORS) ** 2) / 2
    return data - (mu / SCALE) ** 2 / 2 - np.log1p((tau / SCALE) ** 2)


def noncentred(position):
    p, log_det = SPACE.forward_and_log_det(position)
    theta = p["mu"] + p["tau"] * p["z"]
    return of_parameters(p["mu"], p["tau"], theta) - np.sum(p["z"] ** 2) / 2 + log_det


def centred(position):
    p, log_det = SPACE.forward_and_log_det(position)
    theta = p["z"]  # the effects themselves
    spread = -np.sum(((theta - p["mu"]) / p["tau"]) ** 2) / 2 - len(theta) * np.log(p["tau"])
    return of_parameters(p["mu"], p["tau"], theta) + spread + log_det


def exact():
    """Posterior means of mu, tau and theta: integrals over tau of those given tau."""
    tau = np.exp(np.linspace(np.log(1e-4), np.log(1e4), 20_001))[:, None]
    precision = 1 / (ERRORS**2 + tau**2)  # of each effect around mu
    total = precision.sum(1) + 1 / SCALE**2
    mu = (precision * EFFECTS).sum(1) / total
    fit = np.log(precision).sum(1) - np.log(total) - (precision * EFFECTS**2).sum(1) + mu**2 * total
    weight = np.exp(fit / 2 - np.log1p((tau[:, 0] / SCALE) ** 2)) * tau[:, 0]  # of log tau
    weight /= weight.sum()
    share = tau**2 * precision
    theta = share * EFFECTS + (1 - share) * mu[:, None]
    return weight @ mu, weight @ tau[:, 0], weight @ theta


def main():
    args = make_parser(__doc__, seed=0).parse_args()
    key = fg.random.key(args.seed)
    start = SPACE.inverse({"mu": 0.0, "tau": 1.0, "z": np.zeros(8)})
    sample = lambda density: fg.random.nuts(key, density, start, 2000, target_accept_prob=0.9)
    draws, stats = sample(noncentred)
    p = SPACE.forward(draws)
    theta = p["mu"][..., None] + p["tau"][..., None] * p["z"]
    names = ["mu", "tau", *(f"school {i + 1}" for i in range(8))]
    found = [p["mu"], p["tau"], *np.moveaxis(theta, -1, 0)]
    mu, tau, effects = exact()
    rows, worst = [], 0.0
    for name, x, want in zip(names, found, [mu, tau, *effects], strict=True):
        size = fg.random.ess(x)
        error = x.std() / np.sqrt(size)
        worst = max(worst, abs(x.mean() - want) / error)
        rows.append((name, x.mean(), want, error, fg.random.rhat(x), round(float(size))))
    table([("", "mean", "exact", "error", "R-hat", "effective draws"), *rows])

    print(f"\nworst deviation: {worst:.1f} standard errors; divergences: {stats.diverging.sum()}")
    narrow = sample(centred).stats.diverging.sum()
    print(f"the centred form has {narrow} divergences")
    assert worst < 4 and stats.diverging.sum() < narrow


if __name__ == "__main__":
    main()
