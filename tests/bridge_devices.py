"""A training step on eight virtual devices of JAX, or on one of each of two processes.

A test runs it in processes of its own; ``python -m tests.bridge_devices RANK PORT`` is one of two.
"""

import os
import re
import sys

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={1 if sys.argv[1:] else 8}"

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import funcgrad as fg
from funcgrad.bridge import to_jax

OF_TWO = sys.argv[1:]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype("f4")
Y = np.tanh(X @ RNG.normal(size=(8, 3))).astype("f4")
START = {"w": RNG.normal(size=(8, 16)).astype("f4") * 0.3, "v": np.zeros((16, 3), "f4")}


def loss(p, x, y):
    return np.mean((np.tanh(x @ p["w"]) @ p["v"] - y) ** 2)


def updated(p, grads):
    return fg.tree.map(lambda p, g: p - np.float32(0.1) * g, p, grads)


def step(p, x, y):
    value, grads = fg.value_and_grad(loss)(p, x, y)
    return updated(p, grads), value


def step_of_part(p, x, y):
    value, grads = fg.lax.pmean(fg.value_and_grad(loss)(p, x, y), "batch")
    return updated(p, grads), value


def trained(step, x=X, y=Y, steps=100):
    p = START
    for _ in range(steps):
        p, value = step(p, x, y)
        float(value)  # steps in flight at once would wait for threads of the same pool
    return [np.asarray(x) for x in (*fg.tree.leaves(p), value)]


def main():
    if OF_TWO:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"localhost:{OF_TWO[1]}", 2, int(OF_TWO[0]))
    mesh = jax.make_mesh((jax.device_count(),), ("batch",), axis_types=(AxisType.Auto,))
    rows, whole = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
    shardings = {"in_shardings": (whole, rows, rows), "out_shardings": whole}
    by_jit = fg.jit(step, backend="jax", **shardings)
    by_jax = jax.jit(to_jax(step), **shardings)
    specs = (PartitionSpec(), PartitionSpec("batch"), PartitionSpec("batch"))
    parts = jax.shard_map(
        to_jax(step_of_part, axis_names=["batch"]),
        mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=False,
    )  # fmt: skip
    x, y = (jax.make_array_from_callback(a.shape, rows, a.__getitem__) for a in (X, Y))
    want = trained(fg.jit(step))
    ways = {"to_jax": trained(by_jax, x, y), "shard_map": trained(jax.jit(parts), x, y)}
    for name, got in {**ways, "jit": trained(by_jit)}.items():
        print(name, max(float(np.abs(a - b).max()) for a, b in zip(want, got, strict=True)))
    text = by_jax.lower(START, x, y).compile().as_text()
    print("reductions", len(re.findall(r"= \S+ all-reduce\(|= \(.*\) all-reduce\(", text)))
    twice = fg.jit(lambda x: 2 * x, backend="jax", in_shardings=rows, out_shardings=rows)
    print("split", float(np.abs(twice(X) - 2 * X).max()))


if __name__ == "__main__":
    main()
