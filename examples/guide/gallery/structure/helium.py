"""
The helium atom by variational Monte Carlo
==========================================

The mean energy of a trial wave function is never below that of the ground state. It needs the
Laplacian at random positions of the electrons: ``fg.value_grad_laplacian`` gives it in one forward
pass. A product of exponentials exp(-a r) has the energy a² - 27 a / 8 hartree. A factor that keeps
the electrons apart lowers it. The pictures show mean energies, and local ones at one exponent.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

WALKERS, STEPS, EXACT, rng = 600, 250, -2.903724, np.random.default_rng(0)  # hartree


def log_psi(r, a, b):  # of electrons at r [2, 3]; b is 0 without the factor
    apart = np.linalg.norm(r[0] - r[1])
    return -a * np.sum(np.linalg.norm(r, axis=1)) + b * apart / (1 + 0.3 * apart)


def local_energy(r, a, b):
    _, slope, laplacian = fg.value_grad_laplacian(log_psi)(r, a, b)
    potential = 1 / np.linalg.norm(r[0] - r[1]) - 2 * np.sum(1 / np.linalg.norm(r, axis=1))
    return -(laplacian + np.sum(slope**2)) / 2 + potential


@fg.jit
def sampled(a, b, start, jumps, thresholds):  # local energies along Metropolis' walks
    density = fg.vmap(lambda r: 2 * log_psi(r, a, b))

    def step(r, draws):
        better = density(r + draws[0]) - density(r) > draws[1]
        r = np.where(better[:, None, None], r + draws[0], r)
        return r, fg.vmap(local_energy, (0, None, None))(r, a, b)

    return fg.lax.scan(step, start, (jumps, thresholds))[1][50:]


jumps = 0.6 * rng.normal(size=(STEPS, WALKERS, 2, 3))
draws = jumps[0], jumps, np.log(rng.uniform(size=(STEPS, WALKERS)))
exponents, product = np.linspace(1.4, 2.0, 5), lambda a: a**2 - 27 / 8 * a
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for b, label in ((0.5, "with the factor"), (0.0, "product")):
    energies = np.stack([sampled(a, b, *draws) for a in exponents])
    means, errors = energies.mean((1, 2)), energies.mean(1).std(1) / np.sqrt(WALKERS)
    left.errorbar(exponents, means, errors, fmt="o", label=label)
    right.hist(energies[3].ravel(), np.linspace(-6, 0, 80), density=True, alpha=0.5)
left.plot(np.linspace(1.4, 2), product(np.linspace(1.4, 2)), "C1", linewidth=1)
left.axhline(EXACT, color="C2", linestyle="--", label="ground state")
left.legend(loc="upper center")
left.set(xlabel="exponent a in 1/bohr", ylabel="energy in hartree", title="Mean energies")
right.set(xlabel="local energy in hartree", ylabel="density", title="Walkers at a = 1.85")
off = np.max(np.abs(means - product(exponents)) / errors)
print(f"energies of the product are off by at most {off:.1f} deviations")
assert off < 3
plt.show()
