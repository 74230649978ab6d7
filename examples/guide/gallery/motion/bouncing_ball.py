"""
Where a bouncing ball lands
===========================

A ball is thrown against a wall, bounces off and falls to the ground. The times of both impacts are
events of ``solve_ivp``, and are differentiated with the solution, although the velocity jumps at
the wall. Newton's method uses the derivative to find the throw that lands on a mark, with drag of
the air. Without drag there is a formula, which checks value and derivative.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy.integrate import solve_ivp

WALL, HEIGHT, BOUNCE, MARK = 6.0, 1.5, 0.8, 1.0  # m, m, fraction of the velocity, m


def motion(t, state, drag):
    v = state[2:]
    return np.concatenate([v, np.array([0.0, -9.81]) - drag * np.linalg.norm(v) * v])


wall, ground = lambda t, state, drag: state[0] - WALL, lambda t, state, drag: state[1]
wall.terminal = ground.terminal = True


def throw(angle, drag=0.02, speed=12.0):
    """The states along both parts of the flight, [4, T]."""
    options = {"args": (drag,), "rtol": 1e-8, "atol": 1e-8, "max_step": 0.1}
    start = np.stack([0.0, HEIGHT, speed * np.cos(angle), speed * np.sin(angle)])
    there = solve_ivp(motion, (0, 9), start, events=wall, **options).y
    bounced = there[:, -1] * np.array([1, 1, -BOUNCE, 1])
    return there, solve_ivp(motion, (0, 9), bounced, events=ground, **options).y


def formula(angle, speed=12.0):  # without drag
    across, up = speed * np.cos(angle), speed * np.sin(angle)
    seconds = (up + np.sqrt(up**2 + 2 * 9.81 * HEIGHT)) / 9.81
    return WALL - BOUNCE * across * (seconds - WALL / across)


landing = fg.value_and_grad(lambda angle, drag=0.02: throw(angle, drag)[1][0, -1])
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
angle = 0.2
for color in ("C0", "C1", "C2", "C3"):  # Newton's method
    place, slope = landing(angle)
    left.plot(*np.concatenate(throw(angle), axis=1)[:2], color)
    right.plot(np.degrees(angle), place, "o", color=color)
    right.axline((np.degrees(angle), place), slope=np.radians(slope), color=color, linewidth=1)
    angle -= (place - MARK) / slope
left.set(xlabel="distance in m", ylabel="height in m", title="Throws", xlim=(0, 6.1))
right.axhline(MARK, color="gray", linestyle="--", linewidth=1)
right.set(xlabel="angle in degrees", ylabel="landing place in m", title="Newton's method")
# %%
error = np.max(np.abs(np.subtract(landing(angle, 0.0), fg.value_and_grad(formula)(angle))))
print(f"lands at {landing(angle)[0]:.6f} m; without drag, off the formula by {error:.0e}")
assert abs(landing(angle)[0] - MARK) < 1e-6 and error < 1e-9
plt.show()
