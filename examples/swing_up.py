"""Swing up the pole of a cart with the least effort: optimal control by direct collocation.

Angles, speeds and forces at all nodes are unknowns, and the equations of motion are constraints
between neighbours (trapezoids). SciPy's trust-constr solves for all at once, with a sparse Jacobian
and sparse Hessians.

Source: Kelly 2017, "An introduction to trajectory optimization", section 6 and appendix E.
"""

import time
import warnings

import numpy as np
from common import make_parser, picture, positive_int, table

import funcgrad as fg

try:
    from scipy.integrate import solve_ivp
    from scipy.optimize import NonlinearConstraint, minimize
except ImportError:
    raise SystemExit("swing_up.py: SciPy is not installed: pip install scipy") from None

CART, POLE, LENGTH, GRAVITY = 1.0, 0.3, 0.5, 9.81  # kg, kg, m, m/s²
DURATION, DISTANCE = 2.0, 1.0  # s, m
TARGET = np.array([DISTANCE, np.pi, 0.0, 0.0])  # place, angle from below, their speeds


def slope(state, force):
    """Time derivatives of states [..., 4] under forces [...]."""
    angle, speed, spin = state[..., 1], state[..., 2], state[..., 3]
    s, c = np.sin(angle), np.cos(angle)
    swing = POLE * LENGTH * s * spin**2
    mass = CART + POLE * s**2
    pull = (swing + force + POLE * GRAVITY * c * s) / mass
    turn = -(swing * c + force * c + (CART + POLE) * GRAVITY * s) / (LENGTH * mass)
    return np.stack([speed, spin, pull, turn], -1)


def parts(z):
    """States [N, 4] and forces [N] of the unknowns."""
    nodes = z.reshape(-1, 5)
    return nodes[:, :4], nodes[:, 4]


def effort(z):
    """The integral of the squared force."""
    _, force = parts(z)
    step = DURATION / (len(force) - 1)
    return step * np.sum(force[1:] ** 2 + force[:-1] ** 2) / 2


def defects(z):
    """Errors of the equations of motion between nodes, and of the states at both ends."""
    state, force = parts(z)
    step = DURATION / (len(force) - 1)
    moved = slope(state, force)
    steps = state[1:] - state[:-1] - step / 2 * (moved[1:] + moved[:-1])
    return np.concatenate([steps.ravel(), state[0], state[-1] - TARGET])


def solve(nodes):
    """The unknowns with the least effort, the solver's report, and the Jacobian's pattern."""
    guess = np.zeros((nodes, 5))
    guess[:, :4] = np.linspace(0, 1, nodes)[:, None] * TARGET  # a straight line, without force
    z = guess.ravel()
    jacobian = fg.jit(fg.sparse.jacobian(defects))
    curvature = fg.jit(fg.sparse.hessian(lambda z, v: v @ defects(z)))
    hessian = fg.sparse.hessian(effort)(z).to_scipy()  # of a quadratic function: a constant
    motion = NonlinearConstraint(
        defects, 0, 0,
        jac=lambda z: jacobian(z).to_scipy(), hess=lambda z, v: curvature(z, v).to_scipy(),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy tells that it factorizes otherwise than it might
        found = minimize(
            effort, z, jac=fg.jit(fg.grad(effort)), hess=lambda z: hessian,
            method="trust-constr", constraints=motion, options={"gtol": 1e-6},
        )  # fmt: skip
    return found, fg.sparse.colour(jacobian(z).pattern)


def simulated(z):
    """The state at the end if the forces are applied, by an integrator of high order."""
    _, force = parts(z)
    times = np.linspace(0, DURATION, len(force))
    run = lambda t, state: slope(state, np.interp(t, times, force))
    return solve_ivp(run, (0, DURATION), np.zeros(4), rtol=1e-9, atol=1e-9).y[:, -1]


def draw(axes, z):
    """Draw the pole at every tenth node, and the force."""
    state, force = parts(z)
    place, angle = state[:, 0], state[:, 1]
    tip = place + LENGTH * np.sin(angle), -LENGTH * np.cos(angle)
    for k in range(0, len(place), max(1, len(place) // 20)):
        axes[0].plot([place[k], tip[0][k]], [0, tip[1][k]], "o-", color="0.6", markersize=3)
    axes[0].plot(*tip, color="tab:blue")
    axes[0].set(aspect="equal", xlabel="place, m", ylabel="height, m")
    axes[1].plot(np.linspace(0, DURATION, len(force)), force, color="tab:red")
    axes[1].set(xlabel="time, s", ylabel="force, N")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--nodes", type=positive_int, default=200, help="in time (default: 200)")
    parser.add_argument("--picture", metavar="FILE", help="to draw the motion in, by matplotlib")
    args = parser.parse_args()

    start = time.perf_counter()
    found, colouring = solve(args.nodes)
    seconds = time.perf_counter() - start

    missed = np.max(np.abs(simulated(found.x) - TARGET))
    forces = parts(found.x)[1]
    print(colouring)
    table(
        [
            ("", "effort", "largest force", "defect"),
            ("optimum", found.fun, float(np.max(np.abs(forces))), found.constr_violation),
        ]
    )
    print(f"{found.nit} iterations, gradient of the Lagrangian {found.optimality:.1e}")
    print(f"simulated state against the target  {missed:.1e}")
    print(f"{seconds:.1f} s")
    if args.picture:
        picture(args.picture, lambda axes: draw(axes, found.x), columns=2)


if __name__ == "__main__":
    main()
