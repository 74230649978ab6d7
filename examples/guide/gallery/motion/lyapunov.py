"""
Lyapunov exponents of the Lorenz attractor
==========================================

Paths of a chaotic system that start close to each other separate exponentially. Three tangent
vectors travel along one path of the Lorenz equations: ``fg.jvp``, mapped by ``fg.vmap``, moves
them, and a QR factorization after each step keeps them independent. The means of the logarithms of
its diagonal are the exponents. Their sum is the divergence of the flow, -(10 + 1 + 8/3).
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

DT, STEPS = 0.01, 20_000


def rate(s):
    x, y, z = s
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def forward(s):  # a step of the classical Runge-Kutta method
    a = rate(s)
    b = rate(s + DT / 2 * a)
    c = rate(s + DT / 2 * b)
    return s + DT / 6 * (a + 2 * b + 2 * c + rate(s + DT * c))


def step(carry, _):
    s, frame = carry
    moved, tangents = fg.vmap(lambda v: fg.jvp(forward, (s,), (v,)), out_axes=(None, 1))(frame.T)
    frame, r = np.linalg.qr(tangents)
    return (moved, frame), (moved, np.log(np.abs(np.diag(r))) / DT)


start = fg.lax.fori_loop(0, 1000, lambda i, s: forward(s), np.array([1.0, 1.0, 25.0]))
run = fg.jit(lambda s: fg.lax.scan(step, (s, np.eye(3)), length=STEPS)[1])
path, growth = run(start)
times = DT * np.arange(1, STEPS + 1)
exponents = np.cumsum(growth, axis=0) * DT / times[:, None]
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
x, _, z = path.T
points = left.scatter(x, z, c=growth[:, 0], s=0.5, cmap="coolwarm", vmin=-15, vmax=15)
fig.colorbar(points, label="growth rate of the first tangent")
left.set(xlabel="x", ylabel="z", title="The attractor")
right.semilogx(times, exponents)
right.set(xlabel="time", ylabel="mean growth rate", title="The three exponents", ylim=(-16, 4))

largest, _, _ = exponents[-1]
error = abs(np.sum(exponents[-1]) + 10 + 1 + 8 / 3)
print(f"exponents {exponents[-1].round(3)}, their sum is off by {error:.0e}")
assert error < 1e-3 and abs(largest - 0.906) < 0.02  # 0.906 is in the literature
plt.show()
