"""Elementary functions in C: their largest errors, and nanoseconds an element beside NumPy's.

Usage: python -m tests.benchmarks.elementary [--points N]
"""

import argparse
import ctypes
import tempfile
import time
from pathlib import Path

import numpy as np

from funcgrad.c import compiler

from .. import test_elementary as functions

LENGTH = 16_384  # elements: those of an array that stays in the cache
ROUNDS = 15
# arguments that are timed, uniform in these intervals; (0.1, 0.9) elsewhere
TIMED = {"arccosh": (1.1, 5), "sin": (-10, 10), "cos": (-10, 10), "tan": (-10, 10)}


def nanoseconds(call):
    """The least time of a call by element."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(10):
            call()
        best = min(best, (time.perf_counter() - start) / 10)
    return best / LENGTH * 1e9


def row(library, name, points):
    """The cells of a function: errors, and times, for each dtype."""
    errors, times = [], []
    for t, dtype in functions.FLOATS.items():
        arrays = functions.arguments(name, t, points, seed=3)
        got = functions.computed(library, name, t, arrays)
        errors.append(f"{functions.errors(got, *functions.exactly(name, arrays)).max():.2f}")
        low, high = TIMED.get(name, (0.1, 0.9))
        rng = np.random.default_rng(0)
        given = [rng.uniform(low, high, LENGTH).astype(dtype) for _ in arrays]
        out = np.empty(LENGTH, dtype)
        loop = getattr(library, f"{name}_{t}_loop")
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (*given, out)]
        own = nanoseconds(lambda loop=loop, pointers=pointers: loop(*pointers, LENGTH))
        ufunc = functions.ALL[name][0]
        known = isinstance(ufunc, np.ufunc)
        told = nanoseconds(lambda u=ufunc, g=given, o=out: u(*g, out=o)) if known else np.nan
        times.append(f"{own:.2f} ({told:.2f})" if known else f"{own:.2f}")
    return [name, *errors, *times]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20_000, help="points where errors are taken")
    points = parser.parse_args().points
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler.compiler(), *compiler.flags(), "-fvisibility=default"]
        library = functions.built(Path(folder), command)
    print("| function | ulp, float64 | ulp, float32 | ns, float64 (NumPy) | ns, float32 (NumPy) |")
    print("| --- | --- | --- | --- | --- |")
    for name in functions.ALL:
        print(f"| {' | '.join(row(library, name, points))} |", flush=True)


if __name__ == "__main__":
    main()
