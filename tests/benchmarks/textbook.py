"""Time the textbook programs that write into arrays beside NumPy alone, in turns, on one thread.

Run it with ``python tests/benchmarks/textbook.py``. Columns are medians of ratios to the time of
the original program: value and gradient eagerly, the compiled program, its value and gradient.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import functools
import statistics
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from timing import in_turns

import funcgrad as fg
from tests.support.textbook import programs


def as_number(function):
    """Function with one number as its result."""

    def total(*args):
        result = function(*args)
        return sum(np.sum(y) for y in (result if isinstance(result, tuple) else (result,)))

    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="runs of each program")
    parser.add_argument("names", nargs="*", help="programs, all by default")
    options = parser.parse_args()
    print("| program | NumPy alone | eager gradient | compiled | compiled gradient |")
    print("| --- | --- | --- | --- | --- |")
    for program in programs():
        if options.names and program.name not in options.names:
            continue
        derivative = fg.value_and_grad(as_number(program.changed), tuple(range(len(program.args))))
        functions = (program.original, derivative, fg.jit(program.changed), fg.jit(derivative))
        runs = [functools.partial(function, *program.args) for function in functions]
        bare, *others = in_turns(runs, options.rounds)
        ratios = [statistics.median(b / a for a, b in zip(bare, t, strict=True)) for t in others]
        cells = [f"{statistics.median(bare) * 1e6:.0f} µs", *(f"{r:.2f}" for r in ratios)]
        print(f"| {program.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
