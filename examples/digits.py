"""Classify handwritten digits: 10 classes, 1,797 images of 8 by 8 pixels.

Three Dense layers with dropout are trained with Adam, in float32.
"""

import numpy as np
from common import Progress, load, make_parser, split, summarize

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y, key=None):
    """The mean cross-entropy of the images ``x`` [N, 64] with labels ``y`` [N]."""
    return fg.losses.cross_entropy(model(x, key=key), y)


def accuracy(model, x, y):
    return fg.train.accuracy(model(x), y)


def main():
    parser = make_parser(__doc__, epochs=30, batch=64, rate=2e-3, seed=0)
    args = parser.parse_args()

    x, y = load("digits")
    (x, y), (x_test, y_test) = split(x, y, seed=args.seed)
    if args.batch > len(x):
        parser.error(f"--batch must be at most {len(x)}, the training set: got {args.batch}")
    x, x_test = (np.float32(v) / 16 for v in (x, x_test))  # pixels are 0 to 16

    init_key, train_key = fg.random.split(fg.random.key(args.seed))
    model = nn.Sequential(
        nn.Dense(64, 128, activation=nn.relu),
        nn.Dropout(0.2),
        nn.Dense(128, 64, activation=nn.relu),
        nn.Dense(64, 10),
    ).init(init_key)
    order_key, noise_key = fg.random.split(train_key)
    loader = fg.data.Loader((x, y), args.batch, key=order_key, drop_last=True)
    optimizer = optim.adam(optim.cosine_decay_schedule(args.rate, args.epochs * len(loader)))
    state = optimizer.init(model)

    report = Progress(args.epochs)
    for epoch in range(args.epochs):
        epoch_key, metrics = fg.random.fold_in(noise_key, epoch), fg.train.Metrics()
        for batch in loader:
            noise = fg.random.fold_in(epoch_key, loader.done)
            loss, grads = fg.value_and_grad(loss_fn)(model, *batch, key=noise)
            updates, state = optimizer.update(grads, state, model)
            model = optim.apply_updates(model, updates)
            metrics = metrics.update(loss=loss, weight=args.batch)
        report(**metrics.means(), accuracy=accuracy(model, x, y))

    sets = {"train": (x, y), "test": (x_test, y_test)}
    summarize("digits", model, sets, loss=loss_fn, accuracy=accuracy)


if __name__ == "__main__":
    main()
