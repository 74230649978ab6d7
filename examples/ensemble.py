"""Train an ensemble of eight networks at once, by ``vmap`` over their keys.

They differ only in the key that draws their weights and dropout. Their errors on hard images
differ, so the mean is right more often than most of them, and disagreement marks doubtful images.
The first network, trained alone, has the same parameters.
"""

import time

import numpy as np
from common import load, make_parser, positive_int, split, table

import funcgrad as fg
from funcgrad import nn, optim

SPEC = nn.Sequential(
    nn.Dense(64, 64, use_bias=False),
    nn.BatchNorm(64, momentum=0.9),
    nn.relu,
    nn.Dropout(0.2),
    nn.Dense(64, 10),
)


def loss_fn(params, rest, x, y, key):
    """The mean cross-entropy in training, and the updated untrained leaves."""
    logits, model = nn.apply(nn.combine(params, rest), x, key=key)
    return fg.losses.cross_entropy(logits, y), nn.partition(model)[1]


def make_step(optimizer):
    """A training step of one network: parameters, running statistics, optimizer state."""

    def step(network, x, y, key, i):
        params, rest, state = network
        key = fg.random.fold_in(key, i)
        (_, rest), grads = fg.value_and_grad(loss_fn, has_aux=True)(params, rest, x, y, key)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), rest, state

    return step


def begin(key, optimizer):
    """A new network: parameters, running statistics, optimizer state."""
    params, rest = nn.partition(SPEC.init(key))
    return params, rest, optimizer.init(params)


def train(step, network, key, x, y, args):
    """Train one network, or all at once, on the same order of batches."""
    count = len(x) // args.batch
    for epoch in range(args.epochs):
        order = fg.random.permutation(fg.random.fold_in(fg.random.key(args.seed), epoch), len(x))
        for i, batch in enumerate(np.split(order[: count * args.batch], count)):
            network = step(network, x[batch], y[batch], key, epoch * count + i)
    return network


def main():
    parser = make_parser(__doc__, epochs=15, batch=64, rate=3e-3, seed=0)
    parser.add_argument("--members", type=positive_int, default=8, help="networks (default: 8)")
    args = parser.parse_args()

    x, y = load("digits")
    (x, y), (x_test, y_test) = split(np.float32(x) / 16, y, seed=args.seed)  # pixels: 0 to 16
    if args.batch > len(x):
        parser.error(f"--batch must be at most {len(x)}, the training set: got {args.batch}")
    optimizer = optim.adam(args.rate)
    step = make_step(optimizer)
    keys = fg.random.split(fg.random.key(args.seed), args.members)

    together = fg.jit(fg.vmap(step, in_axes=(0, None, None, 0, None)))
    networks = fg.vmap(lambda key: begin(key, optimizer))(keys)
    start = time.perf_counter()
    networks = train(together, networks, keys, x, y, args)
    print(f"seconds for {args.members} networks at once       {time.perf_counter() - start:.1f}")

    start = time.perf_counter()
    alone = train(fg.jit(step), begin(keys[0], optimizer), keys[0], x, y, args)
    print(f"seconds for the first alone          {time.perf_counter() - start:.1f}")

    models = nn.combine(*networks[:2])
    logits = fg.vmap(lambda model: model(x_test))(models)  # [members, images, digits]
    first = nn.combine(*alone[:2])(x_test)
    apart = np.max(np.abs(nn.softmax(first) - nn.softmax(logits[0])))
    print(f"first alone against first of all     {apart:.1e}")

    hits = np.argmax(logits, axis=-1) == y_test
    mean = np.mean(nn.softmax(logits), axis=0)
    right = np.argmax(mean, axis=-1) == y_test
    agree = np.all(np.argmax(logits, axis=-1) == np.argmax(mean, axis=-1), axis=0)
    accuracies = np.mean(hits, axis=1)
    table(
        [
            ("test", "accuracy"),
            ("worst network", np.min(accuracies)),
            ("mean network", np.mean(accuracies)),
            ("all together", np.mean(right)),
        ]
    )
    print(f"where all agree, {np.mean(agree):.0%} of the images, they are right in", end=" ")
    print(f"{np.mean(right[agree]):.4f}")


if __name__ == "__main__":
    main()
