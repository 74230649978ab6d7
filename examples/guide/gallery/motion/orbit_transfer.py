"""
Transfer between two orbits
===========================

A spacecraft on a circular orbit of radius 1 shall reach one of radius 1.6. A burn starts the
transfer, and another one at the end makes the orbit circular. L-BFGS minimizes both changes of
velocity with a growing penalty, by gradients of 200 steps of the flight. Hohmann's transfer, half
an ellipse, is the known optimum. The pictures show flights and fuel of all optimization steps.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad import optim

TARGET, STEPS = 1.6, 200  # in units of radius and angular velocity of the first orbit


def flight(params):
    start = np.array([1.0, 0.0]), np.array([0.0, 1.0]) + params["burn"]
    dt = params["duration"] / STEPS

    def step(state, _):
        middle = state[0] + dt / 2 * state[1]
        velocity = state[1] - dt * middle / (middle @ middle) ** 1.5
        place = middle + dt / 2 * velocity
        return (place, velocity), place

    (_, velocity), places = fg.lax.scan(step, start, length=STEPS)
    return places, velocity


def cost(params, weight):
    (*_, (x, y)), velocity = flight(params)
    radius = np.hypot(x, y)
    circular = np.stack([-y, x]) / radius**1.5
    change = np.linalg.norm(params["burn"]) + np.linalg.norm(circular - velocity)
    return change + weight * (radius - TARGET) ** 2


params, path = {"burn": np.array([0.05, 0.2]), "duration": np.array(4.0)}, []
for weight in (1.0, 100.0, 1e4):
    params = optim.minimize(cost, params, weight, callback=lambda i, p, _: path.append(p)).params
# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
turn = np.linspace(0, 2 * np.pi, 200)
left.plot(np.cos(turn), np.sin(turn), TARGET * np.cos(turn), TARGET * np.sin(turn), color="gray")
for shade, tried in zip(np.linspace(0.2, 1, len(path)), path, strict=True):
    left.plot(*flight(tried)[0].T, color=plt.cm.viridis(shade), linewidth=0.8)
left.set(xlabel="x", ylabel="y", title="Flights, the last ones yellow", aspect="equal")
hohmann = (np.sqrt(2 * TARGET) - np.sqrt(2 / TARGET)) / np.sqrt(1 + TARGET) - 1 + TARGET**-0.5
right.plot([cost(tried, 0.0) for tried in path], label="two burns")
right.axhline(hohmann, color="gray", linestyle="--", label="Hohmann's transfer")
right.set(xlabel="optimization step", ylabel="change of velocity", title="Fuel")
right.legend()
error = abs(cost(params, 0.0) / hohmann - 1)
print(f"change of velocity {hohmann:.5f}; the optimum found differs by {error:.0e} of it")
assert error < 1e-4 and abs(params["duration"] - np.pi * (0.5 + TARGET / 2) ** 1.5) < 1e-3
plt.show()
