"""
Design of a lens by ray tracing
===============================

Spherical surfaces do not focus parallel rays in one point. Here both surfaces of a lens become
aspheres. The intersection of a ray with a surface is a fixed point, which ``fg.lax.fixed_point``
differentiates implicitly, and ``fg.grad`` gives the normal of the surface. Levenberg's method
minimizes the spread of the rays in the focal plane. The pictures show rays and spread of both.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

INDEX, FOCUS, THICKNESS, heights = 1.5, 50.0, 8.0, np.linspace(-12.0, 12.0, 25)  # in mm
sphere = np.array([[1 / 50, 0, 0], [-1 / 50, 0, 0]])  # curvature, and higher terms


def sag(y, shape):
    curvature, fourth, sixth = shape
    z = curvature * y**2
    return z / (1 + np.sqrt(1 - curvature * z)) + 1e-5 * fourth * y**4 + 1e-8 * sixth * y**6


def refract(point, ray, shape, vertex, ratio):  # by Snell's law
    meet = lambda t, p, d, s: (vertex + sag(p[1] + t * d[1], s) - p[0]) / d[0]
    point = point + ray * fg.lax.fixed_point(meet, 0.0, point, ray, shape)
    normal = np.stack([-1.0, fg.grad(sag)(point[1], shape)])
    normal /= np.linalg.norm(normal)
    cosine = -normal @ ray
    root = np.sqrt(1 - ratio**2 * (1 - cosine**2))
    return point, ratio * ray + (ratio * cosine - root) * normal


def trace(shapes, height):
    start = np.stack([-10.0, height])
    first, ray = refract(start, np.array([1.0, 0.0]), shapes[0], 0.0, 1 / INDEX)
    second, ray = refract(first, ray, shapes[1], THICKNESS, INDEX)
    return np.stack([start, first, second, second + ray * (FOCUS - second[0]) / ray[0]])


rays = lambda flat: fg.vmap(trace, (None, 0))(flat.reshape(2, 3), heights)
spread = lambda flat: rays(flat)[:, -1, 1]
both = fg.jit(lambda flat: (spread(flat), fg.jacfwd(spread)(flat)))
flat, damping = sphere.ravel(), np.diag([10, 1e-3, 1e-3] * 2)
for _ in range(6):
    residual, J = both(flat)
    flat = flat - np.linalg.solve(J.T @ J + damping, J.T @ residual)
# %%
y = np.linspace(-14, 14, 99)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for ax, shapes in zip(axes, (sphere, flat.reshape(2, 3)), strict=True):
    rms = np.sqrt(np.mean(spread(shapes) ** 2))
    ax.plot(*rays(shapes).T, "C1", linewidth=0.6)
    ax.plot(sag(y, shapes[0]), y, "C0", THICKNESS + sag(y, shapes[1]), y, "C0")
    ax.set(xlabel="axis in mm", ylabel="height in mm", title=f"Spread {1000 * rms:.2f} µm")
print(f"root-mean-square spread in the focal plane: {1e6 * rms:.0f} nm")
assert rms < 1e-3
plt.show()
