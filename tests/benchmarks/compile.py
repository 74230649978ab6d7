"""Time trace and compile: of a training step, and of programs of growing length.

Run it with ``python tests/benchmarks/compile.py``. ``make_jaxpr`` is funcgrad's trace alone; the
others are the first call of a fresh function, trace, compile and run. Time per equation that
stays level as programs grow says that compiling is linear.
"""

import argparse
import statistics
import time

from inputs import INPUTS, normal
from libraries import LIBRARIES
from suite import line, number
from worker import stay_on_one_core
from workload import MissingError

LENGTHS = (250, 500, 1000, 2000)


def chain(xp, length):
    """Return a program of so many equations: elementwise ones, and a product in ten."""
    kinds = [
        lambda x, w: xp.tanh(x),
        lambda x, w: x * 1.1,
        lambda x, w: x - w,
        lambda x, w: xp.sin(x),
        lambda x, w: x + 0.1,
        lambda x, w: x * w,
        lambda x, w: xp.exp(x),
        lambda x, w: x - 1.5,
        lambda x, w: xp.cos(x),
        lambda x, w: x @ w,
    ]

    def program(x, w):
        for k in range(length):
            x = kinds[k % len(kinds)](x, w)
        return x

    return program


def programs(library):
    """Yield a title, a maker of the fresh function, and its inputs."""
    step = lambda: library.step("mlp-tiny")
    yield "Adam step: MLP 8-16-16-1", step, INPUTS["mlp-tiny"]()
    square = normal(32, 32, seed=0, scale=0.1), normal(32, 32, seed=1, scale=0.1)
    for length in LENGTHS:
        fresh = lambda length=length: library.jit(chain(library.lib.np, length))
        yield f"chain of {length}", fresh, square


def first_call(library, fresh, inputs):
    function, args = fresh(), library.arrays(inputs)
    start = time.perf_counter()
    library.ready(function(*args))
    return time.perf_counter() - start


class Trace(LIBRARIES["funcgrad"]):
    """What funcgrad's ``jit`` does first: ``make_jaxpr``; its result counts the equations."""

    def jit(self, f, name=None):
        return self.fg.make_jaxpr(f)

    def step(self, name):
        return self.jit(super().step(name))


def available():
    """Return the libraries that compile, by the titles of their columns."""
    found = {"funcgrad make_jaxpr": Trace()}
    for title, name in {"funcgrad jit": "funcgrad-jit", "jax.jit": "jax"}.items():
        try:
            found[title] = LIBRARIES[name]()
        except (MissingError, ImportError) as err:
            print(f"{title} left out: {err}")
    return found


def measured(libraries, rounds):
    """Yield each program's title, its count of equations, and its seconds in each library."""
    for variants in zip(*map(programs, libraries.values()), strict=True):
        seconds = [[] for _ in variants]
        for _ in range(rounds + 1):  # the first is for warmth
            for library, (_, fresh, inputs), column in zip(
                libraries.values(), variants, seconds, strict=True
            ):
                column.append(first_call(library, fresh, inputs))
        title, fresh, inputs = variants[0]
        equations = len(fresh()(*inputs).eqns)
        yield title, equations, [statistics.median(column[1:]) for column in seconds]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="fresh functions of each program")
    options = parser.parse_args()
    stay_on_one_core()
    libraries = available()
    titles = [f"{name}, {unit}" for name in libraries for unit in ("ms", "µs an equation")]
    print(line(["program", "equations", *titles]))
    print(line(["---"] * (2 + len(titles))))
    for title, equations, seconds in measured(libraries, options.rounds):
        cells = [(number(s, 1e-3), number(s / equations, 1e-6)) for s in seconds]
        print(line([title, str(equations), *(x for pair in cells for x in pair)]), flush=True)


if __name__ == "__main__":
    main()
