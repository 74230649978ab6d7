"""Train a classifier of digits on XLA: a step in NumPy code, its batch split over 8 devices.

Without a GPU or TPU the devices are virtual ones of this processor. With ``--processes 2`` they
are those of two processes, which exchange sums: start it once with ``--process 0``, and once with
``--process 1``, on one machine or on two.
"""

import importlib.util
import os

import numpy as np
from common import load, make_parser, positive_int, split

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y):
    return fg.losses.cross_entropy(model(x), y)


def main():
    parser = make_parser(__doc__, epochs=20, rate=1e-2, seed=0)
    parser.add_argument("--processes", type=positive_int, default=1, help="how many share a step")
    parser.add_argument("--process", type=int, default=0, help="the number of this one")
    parser.add_argument("--address", default="localhost:39500", help="of process 0")
    args = parser.parse_args()
    if importlib.util.find_spec("jax") is None:
        print("skipped: JAX is not installed: pip install 'funcgrad[jax]'")
        return
    count = 8 // args.processes
    os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={count}")
    import jax  # after XLA_FLAGS, which it reads once
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    if args.processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")  # sums between processors
        jax.distributed.initialize(args.address, args.processes, args.process)
    (x, y), (x_test, y_test) = split(*load("digits"), seed=args.seed)
    x, x_test = (np.float32(v) / 16 for v in (x, x_test))  # pixels are 0 to 16
    model = nn.Sequential(nn.Dense(64, 64, activation=nn.relu), nn.Dense(64, 10))
    start = model.init(fg.random.key(args.seed))
    optimizer = optim.adam(args.rate)

    def step(model, state, x, y):
        loss, grads = fg.value_and_grad(loss_fn)(model, x, y)
        updates, state = optimizer.update(grads, state, model)
        return optim.apply_updates(model, updates), state, loss

    mesh = Mesh(np.array(jax.devices()), ("data",))
    whole, part = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("data",)))
    shardings = {"in_shardings": (whole, whole, part, part), "out_shardings": whole}
    steps = {"numpy": fg.jit(step), "xla": fg.jit(step, backend="jax", **shardings)}

    size = 16 * len(jax.devices())
    losses = {}
    for name, compiled in steps.items():
        model, state = start, optimizer.init(start)
        for _ in range(args.epochs):
            for i in range(0, len(x) - size + 1, size):
                model, state, loss = compiled(model, state, x[i : i + size], y[i : i + size])
        losses[name] = float(loss)
    print(f"devices                     {len(jax.devices())}")
    print(f"test accuracy               {fg.train.accuracy(model(x_test), y_test):.3f}")
    print(f"loss against NumPy's source {abs(losses['xla'] - losses['numpy']):.1e}")


if __name__ == "__main__":
    main()
