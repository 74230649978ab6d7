"""Laplacians beside folx and the trace of JAX's Hessian: ``python -m tests.benchmarks.laplacian``.

All run compiled, for each sample of a batch, on one core, in turns; times are medians.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import argparse
import itertools
import statistics

import numpy as np

import funcgrad as fg

from .timing import in_turns

ROUNDS = 31
WIDTHS = (30, 64, 64, 64, 1)
ELECTRONS = 8


def network(xp, params, x):
    """Return a network of three hidden layers of tanh."""
    for w, b in params[:-1]:
        x = xp.tanh(x @ w + b)
    w, b = params[-1]
    return (x @ w + b)[0]


def network_data(rng, dtype):
    pairs = itertools.pairwise(WIDTHS)
    params = [(rng.normal(size=(m, n)) / m**0.5, rng.normal(size=n) / 10) for m, n in pairs]
    return cast(params, dtype), rng.normal(size=(256, WIDTHS[0])).astype(dtype)


def wave(xp, params, x):
    """Return log |psi| of electrons: a determinant of orbitals, and a Jastrow factor."""
    centers, exponents, mixing = params
    r = xp.sqrt(((x[:, None] - centers) ** 2).sum(-1) + 1e-6)
    orbitals = xp.exp(-r * exponents) @ mixing
    apart = xp.sqrt(((x[:, None] - x) ** 2).sum(-1) + 1e-6)
    return xp.linalg.slogdet(orbitals)[1] + (apart / (1 + apart)).sum() / 4


def wave_data(rng, dtype):
    n = ELECTRONS
    params = rng.normal(size=(n, 3)), rng.uniform(0.5, 1.5, n), rng.normal(size=(n, n))
    return cast(list(params), dtype), rng.normal(size=(64, n, 3)).astype(dtype)


def cast(tree, dtype):
    return fg.tree.map(lambda x: x.astype(dtype), tree)


PROGRAMS = {"network": (network, network_data), "wave function": (wave, wave_data)}


DTYPES = {"network": ("float32", "float64"), "wave function": ("float64",)}


def functions(name, dtype):
    """Return, by library, a call that gives the Laplacians of a program."""
    program, data = PROGRAMS[name]
    params, x = data(np.random.default_rng(0), dtype)
    ours = lambda p, x: fg.laplacian(lambda x: program(np, p, x))(x)
    compiled = fg.jit(fg.vmap(ours, (None, 0)))
    return {"funcgrad": lambda: compiled(params, x), **by_jax(program, params, x)}


def by_jax(program, params, x):
    import folx
    import jax
    import jax.numpy as jnp

    params, x = jax.tree.map(jnp.asarray, (params, x))
    forward = lambda p, x: folx.forward_laplacian(lambda x: program(jnp, p, x))(x).laplacian

    def trace(p, x):
        hessian = jax.hessian(lambda x: program(jnp, p, x))(x)
        return jnp.trace(hessian.reshape(x.size, x.size))

    made = {n: jax.jit(jax.vmap(f, (None, 0))) for n, f in {"folx": forward, "jax": trace}.items()}
    return {n: lambda f=f: f(params, x).block_until_ready() for n, f in made.items()}


def compare(name, dtype, rounds=ROUNDS):
    """Return each library's median in seconds; the Laplacians must agree."""
    calls = functions(name, dtype)
    want, *others = (np.asarray(call()) for call in calls.values())
    for other in others:
        tolerance = 1e-9 if np.dtype(dtype) == np.float64 else 1e-3
        np.testing.assert_allclose(other, want, tolerance, tolerance * np.abs(want).max())
    times = in_turns(list(calls.values()), rounds)
    return dict(zip(calls, map(statistics.median, times), strict=True))


def main():
    import jax

    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=list(PROGRAMS), choices=PROGRAMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("| program | dtype | funcgrad, ms | folx, ms | the Hessian's trace by jax, ms |")
    print("| --- | --- | --- | --- | --- |")
    for name in args.only:
        for dtype in DTYPES[name]:
            row = [f"{seconds * 1e3:.2f}" for seconds in compare(name, dtype, args.rounds).values()]
            print("|", " | ".join([name, dtype, *row]), "|", flush=True)


if __name__ == "__main__":
    main()
