"""Find wrong labels: one gradient for each of 1,438 digits, by ``vmap(grad(loss))``.

Some labels are changed. For a network that has learned the digits, an example with a wrong label
has a large gradient: the largest norms show which labels to check.
"""

import time

import numpy as np
from common import load, make_parser, positive_int, split, table

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y):
    """The cross-entropy of one image ``x`` [64] with its label ``y``."""
    return fg.losses.cross_entropy(model(x), y)


# one model, batched images and labels: each leaf of the gradient gets a leading axis of examples
per_example = fg.vmap(fg.grad(loss_fn), in_axes=(None, 0, 0))


def loop(model, xs, ys):
    """``per_example`` as a Python loop."""
    grads = [fg.grad(loss_fn)(model, x, y) for x, y in zip(xs, ys, strict=True)]
    return fg.tree.map(lambda *leaves: np.stack(leaves), *grads)


def seconds(function, *args):
    """The minimum time of three calls."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def norms(grads):
    """The norm of the gradient of each example, [N]."""
    squares = [np.sum(g.reshape(len(g), -1) ** 2, axis=1) for g in fg.tree.leaves(grads)]
    return np.sqrt(sum(squares))


def mislabel(y, count, seed):
    """The labels with ``count`` of them changed to another digit, and the mask of these."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(y), bool)
    wrong[rng.permutation(len(y))[:count]] = True
    return np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y), wrong


def train(model, x, y, epochs):
    """Train on the mean loss, with too few steps to memorize labels."""
    optimizer = optim.adam(1e-2)
    state = optimizer.init(model)
    for _ in range(epochs):
        grads = fg.grad(loss_fn)(model, x, y)  # of the mean over all examples
        updates, state = optimizer.update(grads, state, model)
        model = optim.apply_updates(model, updates)
    return model


def main():
    parser = make_parser(__doc__, epochs=60, seed=0)
    parser.add_argument(
        "--wrong", type=positive_int, default=70, help="labels made wrong (default: 70)"
    )
    args = parser.parse_args()

    x, y = load("digits")
    (x, y), _ = split(x / 16, y, seed=args.seed)  # pixels are 0 to 16
    if args.wrong > len(y):
        parser.error(f"--wrong must be at most {len(y)}, the training set: got {args.wrong}")
    y, wrong = mislabel(y, args.wrong, args.seed)

    model = nn.Sequential(nn.Dense(64, 32, activation=nn.tanh), nn.Dense(32, 10))
    model = model.init(fg.random.key(args.seed), dtype=np.float64)
    model = train(model, x, y, args.epochs)

    got, want = per_example(model, x, y), loop(model, x, y)
    apart = fg.tree.map(lambda a, b: np.max(np.abs(a - b)), got, want)
    times = seconds(loop, model, x, y) / seconds(per_example, model, x, y)
    print(f"largest difference from a Python loop   {max(fg.tree.leaves(apart)):.1e}")
    print(f"times faster than the loop              {times:.1f}")

    ranked = np.argsort(-norms(got))
    rows = [("longest gradients", "wrong labels", "by chance")]
    for count in (args.wrong, min(2 * args.wrong, len(y))):
        found = int(np.sum(wrong[ranked[:count]]))
        rows.append((f"first {count}", found, f"{count * args.wrong / len(y):.1f}"))
    table(rows)
    share = np.mean(wrong[ranked[: args.wrong]])
    print(f"of {args.wrong} wrong labels, the {args.wrong} longest gradients hold {share:.3f}")


if __name__ == "__main__":
    main()
