"""The constants of the cost model of ``backend="auto"``, each beside a measurement.

Usage: python -m tests.benchmarks.costs
"""

import tempfile
import time
from pathlib import Path

import numpy as np

import funcgrad as fg
from funcgrad.c import compiler, costs, regions

SHORT, LONG = 64, 4096  # elements
ROUNDS, SECONDS = 15, 0.002
RNG = np.random.default_rng(0)
INDICES = RNG.integers(SHORT, size=SHORT), RNG.integers(LONG, size=LONG)

# constant -> function, its operands, operations of it for each of n
RATES = {
    "BASIC": (lambda x: x * 2.5 + x * x - 1.5, lambda n: [normal(n)], 4),
    "QUOTIENT": (lambda x: 1.5 / x, lambda n: [normal(n)], 1),
    "SUM": (lambda x: x.sum(), lambda n: [normal(n)], 1),
    "LARGEST": (lambda x: x.max(), lambda n: [normal(n)], 1),
    "RUNNING": (lambda x: np.cumsum(x), lambda n: [normal(n)], 1),
    "MOVED": (lambda x, i: x[i], lambda n: [normal(n), INDICES[n == LONG]], 1),
    "PRODUCTS": (lambda a, b: a @ b, lambda n: 2 * [normal(*2 * [2 * side(n)])], 8),
    "SOLVED": (np.linalg.solve, lambda n: [normal(side(n), side(n)), normal(side(n))], 1),
}
STARTS = {
    "STATEMENT": (lambda x: x + 1.5 + 2.5, lambda x: x + 1.5 + 2.5 - x, [np.ones(8)]),
    "REDUCTION": (lambda x: x + 1.5, lambda x: (x + 1.5).sum(), [np.ones((8, 8))]),
    "MOVE": (lambda x: x + 1.5, lambda x: np.concatenate([x + 1.5, x]), [np.ones(8)]),
    "PRODUCT": (lambda x: x + 1.5, lambda x: (x + 1.5) @ x, [np.eye(4)]),
    "LAPACK": (lambda x: x + 1.5, lambda x: np.linalg.solve(x, x + 1.5), [np.eye(2)]),
}


def normal(*shape):
    return RNG.normal(size=shape)


def side(n):
    """The side of a cube of n elements."""
    return round(n ** (1 / 3))


def microseconds(f, args):
    """The least time of a warm call, in time of this process."""
    f(*args)
    best = float("inf")
    for _ in range(ROUNDS):
        count, start = 0, time.process_time()
        while time.process_time() < start + SECONDS:
            f(*args)
            count += 1
        best = min(best, (time.process_time() - start) / count)
    return best * 1e6


def rate(backend, dtype, f, operands, count):
    """Nanoseconds an operation: the difference of two lengths."""
    f = fg.jit(f, backend=backend)
    rows = [[x if x.dtype.kind == "i" else x.astype(dtype) for x in operands(n)]
            for n in (SHORT, LONG)]  # fmt: skip
    few, many = (microseconds(f, args) for args in rows)
    return (many - few) / (count * (LONG - SHORT)) * 1e3


def main():
    print("microseconds of NumPy: the model, measured")
    for name, (without, with_it, args) in STARTS.items():
        both = [microseconds(fg.jit(f, backend="numpy"), args) for f in (without, with_it)]
        print(f"{name:10} {getattr(costs, name):5} {both[1] - both[0]:6.2f}")
    print("\nnanoseconds an element: NumPy float64, float32, C float64, float32")
    regions.WORTH = 0  # single operations are written in C too
    for name, row in RATES.items():
        ways = [(backend, dtype) for backend in ("numpy", "c") for dtype in ("f8", "f4")]
        found = [f"{rate(*way, *row):.2f}" for way in ways]
        print(f"{name:10} {getattr(costs, name)!s:28} measured {', '.join(found)}")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        compiler.compiled(["int f(void) { return 0; }\n"], Path(folder))
        print(f"\nSTART {costs.START} ms, measured {(time.perf_counter() - start) * 1e3:.0f}")


if __name__ == "__main__":
    main()
