"""
Pattern and colours of a sparse Jacobian
========================================

The Bratu equation, Laplacian(u) + 5 exp(u) = 0 on a square, is solved by Newton's method.
``fg.sparse`` derives which elements of the Jacobian may differ from 0, and colours the columns:
those of one colour share no row, and are computed in one pass. The pictures show the Jacobian on
8 by 8 points, each column in the colour of its pass, and the solution on 80 by 80.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy.sparse.linalg import cg


def residual(u):
    """Of the values u [n, n] inside the square, on whose boundary u is 0."""
    h, wide = 1 / (len(u) + 1), np.pad(u, 1)
    beside = wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2]
    return beside - 4 * u + 5 * h**2 * np.exp(u)


colouring = fg.sparse.colour(fg.sparse.pattern(residual, np.zeros((8, 8))))
pattern = colouring.pattern
print(f"{pattern.nnz} of {pattern.shape[0] ** 2} elements in {colouring.passes} passes")

# %%
# The matrix is symmetric and negative definite, so that conjugate gradients solve the system.
both = fg.jit(fg.sparse.value_and_jacobian(residual))
u = np.zeros((80, 80))
for _ in range(6):
    value, J = both(u)
    u = u - cg(-1 * J, -value.ravel(), rtol=1e-10)[0].reshape(u.shape)
    print(f"largest residual {np.max(np.abs(value)):.1e}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
colours = colouring.columns[pattern.indices]
left.scatter(pattern.indices, pattern.rows, c=colours, cmap="Set1", s=6)
left.set(xlabel="column", ylabel="row", title=f"Jacobian in {colouring.passes} passes")
left.set(aspect="equal", ylim=(64, -1), xlim=(-1, 64))
image = right.imshow(u, extent=(0, 1, 0, 1))
fig.colorbar(image, label="u")
right.set(xlabel="x", ylabel="y", title="Solution")

small = np.random.default_rng(0).normal(size=(8, 8))
dense = fg.jacfwd(residual)(small).reshape(64, 64)
error = np.max(np.abs(fg.sparse.jacobian(residual)(small).todense() - dense))
print(f"against the dense Jacobian {error:.0e}; residual {np.max(np.abs(residual(u))):.0e}")
assert error < 1e-14 and np.max(np.abs(residual(u))) < 1e-10
plt.show()
