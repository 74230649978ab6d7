"""
Susceptibility of a magnet
==========================

In the mean-field model of a magnet, the magnetization m solves m = tanh((m + h) / T) at the
temperature T, in units of the critical one, and the field h. ``fg.lax.fixed_point`` iterates to the
solution, and differentiates it implicitly: the susceptibility ``dm/dh`` needs no derivative of the
iteration. The pictures show both for 200 temperatures at once, with the closed form of ``dm/dh``.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg


def magnetization(field, temperature):
    step = lambda m, h, t: np.tanh((m + h) / t)
    return fg.lax.fixed_point(step, 1.0, field, temperature, tol=1e-14, max_iter=100_000)


temperatures = np.linspace(0.2, 2.0, 200)
both = fg.jit(fg.vmap(fg.value_and_grad(magnetization), (None, 0)))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
errors = []
for color, field in enumerate((0.001, 0.03, 0.1)):
    m, susceptibility = both(field, temperatures)
    want = (1 - m**2) / (temperatures - (1 - m**2))
    left.plot(temperatures, m, f"C{color}", label=f"h = {field}")
    right.semilogy(temperatures, susceptibility, f"C{color}")
    right.semilogy(temperatures[::8], want[::8], f"C{color}.")
    errors.append(np.max(np.abs(susceptibility / want - 1)))
left.set(xlabel="temperature / critical temperature", ylabel="m", title="Magnetization")
left.legend()
right.set(xlabel="temperature / critical temperature", ylabel="dm/dh", title="Susceptibility")

print(f"largest relative error of dm/dh {max(errors):.1e}")
assert max(errors) < 1e-9
plt.show()
