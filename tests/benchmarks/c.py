"""Programs in C beside jax.jit, and an ODE beside CasADi's C: ``python -m tests.benchmarks.c``.

Each library has a process of its own, on one thread, and they are asked in turns; results are
compared first. First calls include compilation; C is compiled anew. CasADi's C is compiled by the
same compiler with the same flags.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import funcgrad as fg
from funcgrad.c import compiler

from .driver import Library, measure
from .families import WORKLOADS
from .families.loops import ode
from .peers import PEERS
from .timing import in_turns

# workload, size, and how many times as fast as jax.jit it should be
TABLE = (
    ("ode", 1000, 20),
    ("kalman", 500, 10),
    ("leapfrog", 10, 1.2),
    ("leapfrog", 100, 1.2),
    ("neural-ode", 32, 1.5),
    ("neural-ode", 128, 1.5),
    ("lstm", 32, 1.3),
    ("lstm", 64, 1.3),
    ("gru", 60, 1.3),
    ("gru", 150, 1.3),
    ("mlp-tiny", 16, 1.2),
    ("mlp-tiny", 48, 1.2),
)
STEPS = 1000  # of the ODE


def compare(rows, rounds, budget):
    """Print a row for each workload and size."""
    options = SimpleNamespace(seed=0, rounds=rounds, budget=budget, patience=120.0)
    libraries = [Library(name) for name in ("c", "jax")]
    titles = ("program", "n", "C, µs", "jax.jit, µs", "jax.jit / C", "asked", "first, s: C", "jax")
    print("|", " | ".join(titles), "|\n|", "--- | " * len(titles))
    try:
        for name, size, asked in rows:
            row = measure(libraries, WORKLOADS[name], size, options, base="c")
            if row.left_out:
                print(f"| {name} | {size} | {row.left_out} |", flush=True)
                continue
            times = [f"{row.seconds[x] * 1e6:,.0f}" for x in ("c", "jax")]
            firsts = [f"{row.first[x]:.2f}" for x in ("c", "jax")]
            cells = (name, size, *times, f"{row.ratios['jax']:.1f}", asked, *firsts)
            print("|", " | ".join(map(str, cells)), "|", flush=True)
    finally:
        for library in libraries:
            library.close()


def by_casadi(folder):
    """Value and gradient of the ODE by CasADi's C."""
    import casadi

    params, state, h = casadi.SX.sym("p", 4), casadi.SX.sym("y", 2), casadi.SX.sym("h")
    a, b, c, d = casadi.vertsplit(params)
    rhs = lambda y: casadi.vertcat(a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1])
    k1 = rhs(state)
    k2 = rhs(state + 0.5 * h * k1)
    k3 = rhs(state + 0.5 * h * k2)
    k4 = rhs(state + h * k3)
    out = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    step = casadi.Function("step", [state, h, params], [out, state[0]])
    loop = step.mapaccum("loop", STEPS)
    p, y, hs = casadi.MX.sym("p", 4), casadi.MX.sym("y", 2), casadi.MX.sym("h", 1, STEPS)
    states, seen = loop(y, hs, casadi.repmat(p, 1, STEPS))
    loss = casadi.sumsqr(states[:, -1]) + casadi.sumsqr(seen) / STEPS
    wanted = [loss, casadi.gradient(loss, p), casadi.gradient(loss, y)]
    made = casadi.Function("ode", [p, y, hs], wanted)
    made.generate("ode.c", {"with_header": False})
    command = [compiler.compiler(), *compiler.flags(), "-fvisibility=default", "ode.c", "-lm"]
    subprocess.run([*command, "-o", "ode.so"], check=True, cwd=folder)
    return casadi.external("ode", str(Path(folder) / "ode.so"))


def beside_casadi(rounds):
    """Print the times of the gradient of the ODE in C of both libraries."""
    (params, start), steps = WORKLOADS["ode"].inputs(np.random.default_rng(0), STEPS)
    ours = PEERS["c"]()
    run = ours.fg.jit(ode(ours.lib), backend="c")
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)  # it writes into the current directory
        try:
            theirs = by_casadi(folder)
        finally:
            os.chdir(before)
        outs = [np.zeros(n) for n in (1, 4, 2)]
        buffer, evaluate = theirs.buffer()
        for i, x in enumerate((params, start, steps)):
            buffer.set_arg(i, memoryview(np.ascontiguousarray(x)))
        for i, y in enumerate(outs):
            buffer.set_res(i, memoryview(y))
        evaluate()
        for want, got in zip(fg.tree.leaves(run((params, start), steps)), outs, strict=True):
            np.testing.assert_allclose(got, np.ravel(want), rtol=1e-10)
        calls = {"C": lambda: run((params, start), steps), "CasADi's C": evaluate}
        times = in_turns(list(calls.values()), rounds)
    for name, column in zip(calls, times, strict=True):
        print(f"{name}: {statistics.median(column) * 1e6:,.1f} µs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", help="names of workloads")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=0.05, help="seconds a library and round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.chmod(cache, 0o700)
        os.environ["FUNCGRAD_C_CACHE"] = cache  # first calls compile
        rows = [row for row in TABLE if not options.only or row[0] in options.only]
        compare(rows, options.rounds, options.budget)
        if importlib.util.find_spec("casadi") is not None and (
            not options.only or "ode" in options.only
        ):
            print(f"\nGradient of the ODE, {STEPS} steps:")
            beside_casadi(31)


if __name__ == "__main__":
    main()
