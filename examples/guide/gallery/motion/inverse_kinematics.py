"""
Inverse kinematics of a robot arm
=================================

An arm of five joints draws a figure with its hand. At each point Newton's method finds the nearest
angles that put the hand there: the pseudo-inverse of the Jacobian, which ``fg.jacfwd`` derives from
the forward kinematics. ``fg.lax.scan`` runs along the figure from each solution to the next. The
pictures show the arm, and its angles on the way.
"""

import matplotlib.pyplot as plt
import numpy as np

import funcgrad as fg

LENGTHS = np.array([1.0, 0.9, 0.7, 0.5, 0.3])  # m


def joints(angles):
    """Positions [6, 2] of the base, the joints and the hand; each angle is relative."""
    heading = np.cumsum(angles)
    steps = LENGTHS[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


hand = lambda angles: joints(angles)[-1]


def reach(angles, target):
    for _ in range(4):
        step = np.linalg.pinv(fg.jacfwd(hand)(angles)) @ (target - hand(angles))
        angles = angles + step
    return angles, angles


turn = np.linspace(0, 2 * np.pi, 200)
figure = np.stack([1.6 + 0.8 * np.sin(2 * turn), 1.2 + 1.0 * np.cos(turn)], axis=1)
start = np.full(5, 0.4)
for target in np.linspace(hand(start), figure[0], 20):  # move to the first point
    start, _ = reach(start, target)
_, angles = fg.jit(lambda start: fg.lax.scan(reach, start, figure))(start)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
arms = fg.vmap(joints)(angles)
left.plot(*figure.T, "--", linewidth=1)
left.plot(*arms[::25].T, "o-", color="C1", markersize=4, alpha=0.4)
left.set(xlabel="x in m", ylabel="y in m", aspect="equal", title="Eight positions of the arm")
right.plot(
    100 * np.linspace(0, 1, 200), np.degrees(angles), label=[f"joint {i}" for i in range(1, 6)]
)
right.set(xlabel="way along the figure in %", ylabel="angle in degrees", title="Angles")
right.legend(fontsize="small")

miss = np.max(np.linalg.norm(arms[:, -1] - figure, axis=1))
print(f"the hand misses the figure by at most {miss:.1e} m")
assert miss < 1e-9
plt.show()
