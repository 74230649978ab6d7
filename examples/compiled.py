"""Compile a training step, print its source, and write it to a file that needs NumPy alone.

The network fits a wave over the plane. ``jit`` compiles the gradient of its loss to NumPy source;
the standalone file gives the same numbers in an interpreter without funcgrad.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import make_parser, positive_int

import funcgrad as fg


def loss(params, x, y):
    h = np.tanh(x @ params["w1"] + params["b1"])
    out = h @ params["w2"] + params["b2"]
    return np.mean((out - y) ** 2)


def first_params(rng, hidden=16):
    w1, w2 = rng.normal(size=(2, hidden)), rng.normal(size=(hidden, 1)) / hidden
    return {"w1": w1, "b1": rng.normal(size=hidden), "w2": w2, "b2": np.zeros(1)}


def descend(params, x, y):
    value, grads = fg.value_and_grad(loss)(params, x, y)
    return fg.tree.map(lambda p, g: p - 0.1 * g, params, grads), value


def train(step, params, x, y, steps):
    """The parameters and the loss after some steps, and the time in seconds."""
    start = time.perf_counter()
    for _ in range(steps):
        params, value = step(params, x, y)
    return params, value, time.perf_counter() - start


def shipped(gradient, *args):
    """The result of the standalone file of a compiled function, in another interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        source = gradient.source(*args, standalone=True)
        (path / "shipped.py").write_text(source, encoding="utf-8")
        np.savez(path / "args.npz", x=args[1], y=args[2], **args[0])
        code = (
            "import sys; sys.modules['funcgrad'] = None\n"
            "import numpy as np, shipped\n"
            "given = dict(np.load('args.npz'))\n"
            "x, y = given.pop('x'), given.pop('y')\n"
            "np.savez('grads.npz', **shipped.loss(given, x, y))\n"
        )
        subprocess.run([sys.executable, "-c", code], cwd=path, check=True)
        return dict(np.load(path / "grads.npz"))


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--steps", type=positive_int, default=3000, help="of descent")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (64, 2))
    y, params = np.sin(x.sum(1, keepdims=True)), first_params(rng)

    gradient = fg.jit(fg.grad(loss))
    print(gradient.source(params, x, y))

    eager, slow_loss, slow = train(descend, params, x, y, args.steps)
    learned, fast_loss, fast = train(fg.jit(descend), params, x, y, args.steps)
    off = max(np.abs(eager[k] - learned[k]).max() for k in params)
    grads, there = gradient(learned, x, y), shipped(gradient, learned, x, y)
    print(f"eager:    loss {slow_loss:.6f} after {args.steps} steps, {slow:.2f} s")
    print(f"compiled: loss {fast_loss:.6f} after {args.steps} steps, {fast:.2f} s")
    apart = max(np.abs(grads[k] - there[k]).max() for k in grads)
    print(f"parameters: compiled against eager {off:.1e}")
    print(f"gradient: the shipped file against the compiled function {apart:.1e}")


if __name__ == "__main__":
    main()
