"""A training step on eight virtual devices of JAX, which a test runs in a process of its own."""

import os
import re

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import funcgrad as fg
from funcgrad.bridge import to_jax

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


def trained(step, steps=100):
    p = START
    for _ in range(steps):
        p, value = step(p, X, Y)
    return [np.asarray(x) for x in (*fg.tree.leaves(p), value)]


def main():
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Auto,))
    rows, whole = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
    sharded = fg.jit(step, backend="jax", in_shardings=(whole, rows, rows), out_shardings=whole)
    by_jax = jax.jit(to_jax(step), in_shardings=(whole, rows, rows), out_shardings=whole)
    specs = (PartitionSpec(), PartitionSpec("batch"), PartitionSpec("batch"))
    parts = jax.shard_map(
        to_jax(step_of_part, axis_names=["batch"]),
        mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=False,
    )  # fmt: skip
    want = trained(fg.jit(step))
    for name, way in {"jit": sharded, "to_jax": by_jax, "shard_map": jax.jit(parts)}.items():
        got = trained(way)
        print(name, max(float(np.abs(a - b).max()) for a, b in zip(want, got, strict=True)))
    text = by_jax.lower(START, X, Y).compile().as_text()
    print("reductions", len(re.findall(r"= \S+ all-reduce\(|= \(.*\) all-reduce\(", text)))


if __name__ == "__main__":
    main()
