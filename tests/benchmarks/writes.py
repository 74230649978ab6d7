"""Time loops of index assignments: they take time in proportion to their length.

Run it with ``python tests/benchmarks/writes.py``. The first table gives microseconds for each
assignment, under transforms; the second the time of a Thomas solver in a loop of ``fori_loop``,
compiled, as a ratio to the same loop run by NumPy alone (medians of runs in turns, one thread).
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from timing import in_turns

import funcgrad as fg
from funcgrad import lax, numpy as fnp

LENGTHS = 1_000, 10_000, 100_000


def filtered(x):
    """Recursive filter that reads what it has written."""
    y = fnp.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = x[i] ** 2 + 0.5 * y[i - 1]
    return np.sum(y)


TRANSFORMS = {
    "NumPy alone": filtered,
    "grad": fg.grad(filtered),
    "jvp": lambda x: fg.jvp(filtered, (x,), (x,)),
    "vmap, 4 examples": lambda x: fg.vmap(filtered)(np.stack([x] * 4)),
    "grad of vmap": fg.grad(lambda x: np.sum(fg.vmap(filtered)(np.stack([x] * 4)))),
    "jvp of grad": lambda x: fg.jvp(fg.grad(filtered), (x,), (x,)),
}


def thomas(a, b, c, d, loop, zeros):
    """Solve a tridiagonal system, in place, by two loops."""
    n = len(b)
    upper, x = zeros(n), zeros(n)
    upper[0], x[0] = c[0] / b[0], d[0] / b[0]

    def eliminate(i, state):
        upper, x = state
        pivot = b[i] - a[i] * upper[i - 1]
        upper[i] = c[i] / pivot
        x[i] = (d[i] - a[i] * x[i - 1]) / pivot
        return upper, x

    def substitute(k, x):
        i = n - 2 - k
        x[i] = x[i] - upper[i] * x[i + 1]
        return x

    upper, x = loop(1, n, eliminate, (upper, x))
    return loop(0, n - 1, substitute, x)


def python_loop(start, stop, body, state):
    for i in range(start, stop):
        state = body(i, state)
    return state


def solvers(n, rng):
    """Return NumPy's solver, the compiled one, and its value and gradient, of no argument."""
    a, c, d = rng.normal(size=(3, n))
    args = 0.1 * a, 2 + rng.random(n), 0.1 * c, d
    ours = fg.jit(lambda *xs: thomas(*xs, lax.fori_loop, fnp.zeros))
    total = lambda *xs: np.sum(thomas(*xs, lax.fori_loop, fnp.zeros) ** 2)
    both = fg.jit(fg.value_and_grad(total, argnums=(0, 1, 2, 3)))
    np.testing.assert_allclose(ours(*args), thomas(*args, python_loop, np.zeros), rtol=1e-12)
    return (
        lambda: thomas(*args, python_loop, np.zeros), lambda: ours(*args), lambda: both(*args)
    )  # fmt: skip


def seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def main():
    rng = np.random.default_rng(0)
    print(f"| microseconds an assignment | {' | '.join(f'n = {n:,}' for n in LENGTHS)} |")
    print("| --- |" + " --- |" * len(LENGTHS))
    for name, function in TRANSFORMS.items():
        times = [seconds(lambda n=n, f=function: f(rng.normal(size=n))) / n for n in LENGTHS]
        print(f"| {name} | {' | '.join(f'{1e6 * t:.2f}' for t in times)} |", flush=True)
    peaks = []
    for n in LENGTHS[:2]:
        tracemalloc.start()
        fg.grad(filtered)(rng.normal(size=n))
        peaks.append(tracemalloc.get_traced_memory()[1] / n)
        tracemalloc.stop()
    print(f"\nkB of memory an assignment, grad: {', '.join(f'{p / 1e3:.2f}' for p in peaks)}")
    times = in_turns(solvers(1_000, rng), 15)
    ratios = [
        statistics.median(t / t0 for t, t0 in zip(row, times[0], strict=True)) for row in times[1:]
    ]
    print(f"\nThomas solver, n = 1,000, compiled: {ratios[0]:.2f}; with gradient: {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
