"""Sparse derivatives beside asdex, under jax.jit, and CasADi: ``-m tests.benchmarks.sparse``.

For each program and size: the seconds that pattern and colouring take when first asked, the number
of colours, and the microseconds of a call, in turns on one core. Results are compared first.
"""

import argparse
import importlib.util
import os
import statistics
import time
import warnings

import numpy as np

import funcgrad as fg

ROUNDS, TURN = 15, 0.02  # turns of each library, and the seconds of one
LARGEST = {"casadi": 10_000}  # unknowns; its graph of scalars takes minutes to build for more


def rosenbrock(xp, x):
    """Banana function in many dimensions; a tridiagonal Hessian."""
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def burgers(xp, u):
    """Residual of an implicit step on a ring."""
    left, right = xp.roll(u, 1), xp.roll(u, -1)
    return u + 0.1 * (u * (u - left) - (right - 2 * u + left)) - 0.5


def heat(xp, u):
    """Residual of a nonlinear heat equation on a square, 0 outside."""
    n = round(len(u) ** 0.5)
    grid = xp.pad(u.reshape(n, n), 1)
    inner = grid[1:-1, 1:-1]
    around = grid[2:, 1:-1] + grid[:-2, 1:-1] + grid[1:-1, 2:] + grid[1:-1, :-2]
    return ((around - 4 * inner) * (1 + inner**2) + xp.exp(-inner)).ravel()


PROGRAMS = {"rosenbrock": (rosenbrock, 2), "burgers": (burgers, 1), "heat": (heat, 1)}


class Funcgrad:
    """funcgrad, compiled by jit."""

    def __init__(self, program, order, x):
        self.x, f = x, lambda x: program(np, x)
        start = time.process_time()
        pattern = fg.sparse.pattern(f, x, order=order)
        colouring = fg.sparse.colour(pattern, symmetric=order == 2)
        self.found, self.passes = time.process_time() - start, colouring.passes
        make = fg.sparse.jacobian if order == 1 else fg.sparse.hessian
        self.run = fg.jit(make(f, colouring=colouring))
        self.call()

    def call(self):
        return self.run(self.x)

    def matrix(self):
        return self.call().to_scipy()


class Asdex:
    """asdex, under jax.jit in float64."""

    def __init__(self, program, order, x):
        os.environ["JAX_ENABLE_X64"] = "1"
        import asdex
        import jax
        import jax.numpy as jnp

        warnings.simplefilter("ignore", asdex.DenseColoringWarning)
        f = lambda x: program(jnp, x)
        self.jax, self.x = jax, jnp.asarray(x)
        start = time.process_time()
        colour = asdex.jacobian_coloring if order == 1 else asdex.hessian_coloring
        colouring = colour(f, x)
        self.found, self.passes = time.process_time() - start, colouring.num_colors
        make = asdex.jacobian_from_coloring if order == 1 else asdex.hessian_from_coloring
        self.run = jax.jit(make(f, colouring))
        self.call()

    def call(self):
        return self.jax.block_until_ready(self.run(self.x))

    def matrix(self):
        from scipy.sparse import coo_array

        found = self.call()
        rows, columns = np.asarray(found.indices).T
        return coo_array((np.asarray(found.data), (rows, columns)), found.shape).tocsr()


class Scalars:
    """NumPy's functions, for CasADi's columns of scalar expressions."""

    def __init__(self, casadi):
        self.casadi, self.exp = casadi, casadi.exp

    def sum(self, x):
        return self.casadi.sum1(x)

    def roll(self, x, n):
        return self.casadi.vertcat(x[-n:], x[:-n])


class Casadi:
    """CasADi's virtual machine, on scalar expressions."""

    def __init__(self, program, order, x):
        import casadi

        u = casadi.SX.sym("u", len(x))
        start = time.process_time()
        out = self.expression(casadi, program, u)
        made = casadi.jacobian(out, u) if order == 1 else casadi.hessian(out, u)[0]
        self.run = casadi.Function("derivative", [u], [made])
        self.found, self.passes = time.process_time() - start, "-"
        self.input, self.values = np.array(x), np.zeros(made.nnz())
        self.buffer, self.evaluate = self.run.buffer()
        self.buffer.set_arg(0, memoryview(self.input))
        self.buffer.set_res(0, memoryview(self.values))

    def expression(self, casadi, program, u):
        if program is not heat:
            return program(Scalars(casadi), u)
        # as the program above, without the methods that CasADi's matrices lack
        n = round(u.shape[0] ** 0.5)
        grid = casadi.SX.zeros(n + 2, n + 2)
        grid[1:-1, 1:-1] = casadi.reshape(u, n, n)
        inner = grid[1:-1, 1:-1]
        around = grid[2:, 1:-1] + grid[:-2, 1:-1] + grid[1:-1, 2:] + grid[1:-1, :-2]
        return casadi.vec((around - 4 * inner) * (1 + inner**2) + casadi.exp(-inner))

    def call(self):
        self.evaluate()
        return self.values

    def matrix(self):
        return self.run(self.input).sparse()


LIBRARIES = {"funcgrad": Funcgrad, "asdex": Asdex, "casadi": Casadi}


def installed():
    """Return the libraries that can be imported."""
    return [n for n in LIBRARIES if n == "funcgrad" or importlib.util.find_spec(n) is not None]


def compare(name, size, libraries=None, rounds=ROUNDS):
    """Return of each library: seconds to find the colouring, passes, seconds of a call."""
    program, order = PROGRAMS[name]
    size = round(size**0.5) ** 2 if program is heat else size
    x = np.random.default_rng(0).random(size)
    names = [n for n in libraries or installed() if size <= LARGEST.get(n, size)]
    made = {n: LIBRARIES[n](program, order, x) for n in names}
    want = made[names[0]].matrix()
    for n in names[1:]:
        difference = abs(made[n].matrix() - want).max()
        assert difference <= 1e-12 * abs(want).max(), (n, difference)
    times = {n: [] for n in names}
    for _ in range(rounds):
        for n in names:
            times[n].append(timed(made[n].call))
    return {n: (made[n].found, made[n].passes, statistics.median(times[n])) for n in names}


def timed(call):
    """Return the processor time of a call, the mean of those that take a turn."""
    calls, start = 0, time.process_time()
    while (spent := time.process_time() - start) < TURN:
        call()
        calls += 1
    return spent / calls


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 90_000])
    parser.add_argument("--only", nargs="+", default=list(PROGRAMS), choices=PROGRAMS)
    parser.add_argument("--libraries", nargs="+", default=installed(), choices=LIBRARIES)
    args = parser.parse_args()
    print("| program | n | library | pattern and colouring, s | colours | call, µs | to funcgrad |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in args.only:
        for size in args.sizes:
            rows = compare(name, size, args.libraries)
            first = rows[args.libraries[0]][2]
            for library, (found, passes, call) in rows.items():
                cells = (name, size, library, f"{found:.3f}", passes, f"{call * 1e6:,.0f}")
                print("|", " | ".join(map(str, cells)), f"| {call / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
