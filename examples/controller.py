"""Export a filter with its gradient, and a controller, as C99 that needs no Python, and run it.

A pendulum is to stand upright. The filter estimates its state from measured angles; the gradient
of its likelihood tunes the noise. The controller plans 12 torques by Newton's method, with the
exact Hessian of the cost. Without a C compiler the files are written, and nothing is compiled.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from common import make_parser

import funcgrad as fg

COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
DT = 0.05  # seconds a step


def move(state, torque):
    """The state after a step: angle from upright, and rate."""
    angle, rate = state
    change = 9.81 * np.sin(angle) - rate + torque
    return np.stack([angle + DT * rate, rate + DT * change])


def misfit(noise, angles, torques):
    """Negative log likelihood of measured angles, by an extended Kalman filter."""
    process, measured = np.exp(noise["process"]), np.exp(noise["measured"])

    def step(belief, seen):
        (mean, cov), (angle, torque) = belief, seen
        slope = fg.jacfwd(move)(mean, torque)
        mean = move(mean, torque)
        cov = slope @ cov @ slope.T + process * DT * np.eye(2)
        error = angle - mean[0]
        variance = cov[0, 0] + measured
        gain = cov[:, 0] / variance
        mean = mean + gain * error
        cov = cov - np.outer(gain, cov[0])
        return (mean, cov), 0.5 * (np.log(variance) + error**2 / variance)

    _, terms = fg.lax.scan(step, (np.zeros(2), np.eye(2)), (angles, torques))
    return np.sum(terms)


def control(state, torques):
    """The torque to apply now, and the plan for the next call: four steps of Newton's method."""

    def cost(torques):
        def step(state, torque):
            state = move(state, torque)
            return state, state[0] ** 2 + 0.1 * state[1] ** 2 + 0.01 * torque**2

        state_at_end, terms = fg.lax.scan(step, state, torques)
        return np.sum(terms) + 10 * np.sum(state_at_end**2)

    def newton(_, torques):
        return torques - np.linalg.solve(fg.hessian(cost)(torques), fg.grad(cost)(torques))

    torques = fg.lax.fori_loop(0, 4, newton, torques)
    return torques[0], np.append(torques[1:], torques[-1])


def compiled(folder, name):
    """The printed results of an example in C, and the bytes of its code."""
    options = {"cwd": folder, "check": True, "capture_output": True, "text": True}
    run = lambda *command: subprocess.run(command, **options).stdout
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Os"]
    run(COMPILER, *strict, "-o", "example", "example_main.c", f"{name}.c", "-lm")
    run(COMPILER, *strict, "-c", f"{name}.c")
    size = run("size", f"{name}.o").split()[6] if shutil.which("size") else "?"
    return np.array(re.findall(r" = (\S+)", run("./example")), float), size


def main():
    make_parser(__doc__).parse_args()
    rng = np.random.default_rng(0)
    angles = np.cumsum(rng.normal(0, 0.05, 50)) + rng.normal(0, 0.1, 50)
    noise = {"process": np.log(0.1), "measured": np.log(0.01)}
    for name, function, args in [
        ("filter", fg.value_and_grad(misfit), (noise, angles, np.zeros(50))),
        ("control", control, (np.array([0.4, 0.0]), np.zeros(12))),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            files = fg.export.c(function, *args, path=Path(folder) / f"{name}.c")
            print(f"{name}: {len(files.source.read_text().splitlines())} lines of C")
            if COMPILER:
                got, size = compiled(folder, name)
                want = np.concatenate([np.ravel(x) for x in fg.tree.leaves(function(*args))])
                print(f"{name}: {size} bytes of code")
                print(f"{name}: against Python {np.abs(got - want).max():.1e}")


if __name__ == "__main__":
    main()
