"""Estimate the length and friction of a pendulum from noisy angles.

The differential equation is solved by Runge-Kutta steps in ``lax.scan``; Adam minimizes the misfit
with gradients through all steps. The Jacobian of the solution gives the standard deviations of the
estimates.
"""

import numpy as np
from common import make_parser, positive_int, table

import funcgrad as fg
from funcgrad import optim

GRAVITY = 9.81  # m/s²
TRUTH = {"length": 1.3, "friction": 0.25}  # m, 1/s
GUESS = {"length": 1.0, "friction": 0.6}
START = np.array([1.2, 0.0])  # rad, rad/s: beyond the small-angle approximation
STEP, STEPS = 0.04, 100  # four seconds, two swings
NOISE = 0.02  # rad


def slope(state, p):
    """The time derivative of ``state``, which is (angle, speed)."""
    angle, speed = state[0], state[1]
    bend = -GRAVITY / p["length"] * np.sin(angle) - p["friction"] * speed
    return np.stack([speed, bend])


def step(state, p):
    """The state one STEP later, by the classical Runge-Kutta method."""
    k1 = slope(state, p)
    k2 = slope(state + STEP / 2 * k1, p)
    k3 = slope(state + STEP / 2 * k2, p)
    k4 = slope(state + STEP * k3, p)
    return state + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def swing(logs):
    """The angle after each step, [STEPS], from the logarithms of the parameters."""
    p = fg.tree.map(np.exp, logs)  # lengths and frictions are positive for any logarithms

    def body(state, _):
        state = step(state, p)
        return state, state[0]

    return fg.lax.scan(body, START, length=STEPS)[1]


def misfit(logs, angles):
    """The mean squared error of the swing, in units of the noise."""
    return np.mean(((swing(logs) - angles) / NOISE) ** 2)


def fit(angles, steps):
    """The logarithms of the parameters, fitted by Adam."""
    logs = fg.tree.map(np.log, GUESS)
    optimizer = optim.adam(optim.cosine_decay_schedule(0.1, steps))
    state = optimizer.init(logs)
    for i in range(steps):
        loss, grads = fg.value_and_grad(misfit)(logs, angles)
        updates, state = optimizer.update(grads, state, logs)
        logs = optim.apply_updates(logs, updates)
        if i % (steps // 5 or 1) == 0:
            print(f"step {i:3d}   misfit {loss:9.3f}", flush=True)
    return logs


def deviations(logs):
    """The standard deviations of the parameters, from the covariance NOISE² (J'J)⁻¹."""
    flat, unravel = fg.ravel_pytree(logs)
    jacobian = fg.jacfwd(lambda v: swing(unravel(v)))(flat)  # [STEPS, 2]
    of_logs = NOISE * np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    return unravel(np.exp(flat) * of_logs)  # as d exp(x) = exp(x) dx


def gradient_error(logs, angles, eps=1e-5):
    """The relative difference of ``grad`` through the scan from central differences."""
    flat, unravel = fg.ravel_pytree(logs)
    loss = lambda v: misfit(unravel(v), angles)
    got = fg.grad(loss)(flat)
    want = np.array([(loss(flat + e) - loss(flat - e)) / (2 * eps) for e in eps * np.eye(2)])
    return np.max(np.abs(got - want)) / np.max(np.abs(want))


def main():
    parser = make_parser(__doc__, seed=0)
    parser.add_argument("--steps", type=positive_int, default=200, help="of Adam (default: 200)")
    args = parser.parse_args()

    noise = NOISE * np.random.default_rng(args.seed).normal(size=STEPS)
    angles = swing(fg.tree.map(np.log, TRUTH)) + noise
    error = gradient_error(fg.tree.map(np.log, GUESS), angles)

    logs = fit(angles, args.steps)
    found, unsure = fg.tree.map(np.exp, logs), deviations(logs)
    off = {name: abs(found[name] - TRUTH[name]) / unsure[name] for name in TRUTH}
    rows = [(k, TRUTH[k], GUESS[k], float(found[k]), float(unsure[k])) for k in TRUTH]
    table([("", "truth", "guess", "estimate", "deviation"), *rows])
    print(f"estimates are off by at most      {max(off.values()):.2f} deviations")
    print(f"misfit at the end, 1 being noise  {misfit(logs, angles):.3f}")
    print(f"gradient against differences      {error:.1e}")


if __name__ == "__main__":
    main()
