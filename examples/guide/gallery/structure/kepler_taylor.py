"""
Kepler's orbit by Taylor series
===============================

A planet on an ellipse of eccentricity 0.6 is followed for 20 turns. ``solve_ivp`` with
``method="Taylor"`` expands the solution to order 24 at each step, from the equations alone. The
exact position follows from Kepler's equation. The pictures show the orbit with the steps of the
Taylor series, and the error of three methods over time.
"""

import matplotlib.pyplot as plt
import numpy as np

from funcgrad.scipy.integrate import solve_ivp

ECCENTRICITY, TURNS = 0.6, 20
times = np.linspace(0, 2 * np.pi * TURNS, 1001)


def attraction(t, state):
    place, velocity = state[:2], state[2:]
    return np.concatenate([velocity, -place / (place @ place) ** 1.5])


def exact(t):
    """Positions [2, T], by Newton's method for E - e sin E = t."""
    anomaly = t + ECCENTRICITY * np.sin(t)
    for _ in range(20):
        excess = anomaly - ECCENTRICITY * np.sin(anomaly) - t
        anomaly = anomaly - excess / (1 - ECCENTRICITY * np.cos(anomaly))
    minor = np.sqrt(1 - ECCENTRICITY**2)
    return np.stack([np.cos(anomaly) - ECCENTRICITY, minor * np.sin(anomaly)])


start = np.array([1 - ECCENTRICITY, 0, 0, np.sqrt((1 + ECCENTRICITY) / (1 - ECCENTRICITY))])
span = 0, times[-1]

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for method, options in (
    ("RK45", {"rtol": 1e-6, "atol": 1e-9}),
    ("DOP853", {"rtol": 1e-13, "atol": 1e-13}),
    ("Taylor", {"rtol": 1e-15, "atol": 1e-15, "order": 24}),
):
    found = solve_ivp(attraction, span, start, method, times, **options)
    error = np.linalg.norm(found.y[:2] - exact(times), axis=0)
    right.semilogy(times / (2 * np.pi), error + 1e-16, label=method)
steps = solve_ivp(attraction, (0, 2 * np.pi), start, "Taylor", rtol=1e-15, atol=1e-15, order=24)
left.plot(*exact(times[:51]), 0, 0, "o")
left.plot(*steps.y[:2], "s", markersize=4)
left.set(xlabel="x / semi-major axis", ylabel="y / semi-major axis", aspect="equal")
left.set_title(f"One turn in {len(steps.t) - 1} steps of order 24")
right.set(xlabel="time / turns", ylabel="error / semi-major axis", title="Error of the position")
right.legend()

print(f"largest error of the position by Taylor series: {error.max():.1e}")
assert error.max() < 1e-10
plt.show()
