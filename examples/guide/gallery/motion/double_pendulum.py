"""
Balancing a double pendulum
===========================

Two rods stand on end on a motor that turns the lower one. The equations of motion are derived
from the Lagrangian by ``fg.grad``, ``fg.hessian`` and ``fg.jvp``, and linearized by ``fg.jacfwd``
for a linear quadratic regulator. The pictures show one recovery, and how long each of 2,500 takes.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg
from funcgrad.scipy.linalg import solve_continuous_are

DT, STEPS, GRAVITY = 0.02, 200, 9.81


def lagrangian(q, v):  # of two masses of 1 kg, on rods of 0.5 m at angles q to the vertical
    places = lambda q: np.cumsum(0.5 * np.stack([np.sin(q), np.cos(q)]), axis=1)
    (_, heights), speeds = fg.jvp(places, (q,), (v,))
    return np.sum(speeds**2) / 2 - GRAVITY * np.sum(heights)


def rate(state, torque):  # d(dL/dv)/dt = dL/dq + torque, solved for dv/dt
    q, v = state[:2], state[2:]
    turning = fg.jvp(lambda q: fg.grad(lagrangian, 1)(q, v), (q,), (v,))[1]
    force = fg.grad(lagrangian)(q, v) - turning + torque * np.array([1.0, 0.0])
    return np.concatenate([v, np.linalg.solve(fg.hessian(lagrangian, 1)(q, v), force)])


A, B = fg.jacfwd(rate, (0, 1))(np.zeros(4), 0.0)
gains = B @ solve_continuous_are(A, B[:, None], np.eye(4), np.eye(1))


def recover(start):
    def step(state, _):
        torque = np.clip(-gains @ state, -40, 40)
        state = state + DT * rate(state + DT / 2 * rate(state, torque), torque)
        return np.clip(state, -20, 20), state

    return fg.lax.scan(step, start, length=STEPS)[1]


tilts = np.linspace(-1.2, 1.2, 50)
starts = np.stack([*np.meshgrid(tilts, tilts), *np.zeros((2, 50, 50))]).reshape(4, -1)
away = np.max(np.abs(fg.jit(fg.vmap(recover, 1))(starts)), axis=-1) > 0.05
late = DT * np.sum(away, axis=1).reshape(50, 50)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(DT * np.arange(STEPS), recover(np.array([0.3, -0.2, 0, 0]))[:, :2])
left.set(xlabel="time in s", ylabel="angle in rad", title="Lower and upper rod", xlim=(0, 2))
image = right.pcolormesh(tilts, tilts, np.where(late < 3.5, late, np.nan))
fig.colorbar(image, label="time to recover in s")
right.set(xlabel="lower rod in rad", ylabel="upper rod in rad", title="Recoveries by start")
error = np.max(np.abs(A[2:, :2] - GRAVITY * np.array([[4.0, -2.0], [-4.0, 4.0]])))
print(f"linearization against one by hand: {error:.0e}")
assert error < 1e-12 and late[25, 25] < 1
plt.show()
