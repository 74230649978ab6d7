"""Classify tumours as benign or malignant: 2 classes, 569 patients, 30 measurements each.

A small network gives the logit of "benign"; the loss is binary cross-entropy.
"""

import numpy as np
from common import Progress, load, make_parser, split, summarize

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y):
    """The mean binary cross-entropy of ``x`` [N, 30] with labels ``y`` [N], 0 or 1."""
    return fg.losses.binary_cross_entropy_with_logits(model(x)[:, 0], y)


def accuracy(model, x, y):
    return float(np.mean((model(x)[:, 0] > 0) == (y == 1)))


def main():
    args = make_parser(__doc__, epochs=60, rate=1e-2, decay=1e-2, seed=0).parse_args()

    x, y = load("breast_cancer")
    (x, y), (x_test, y_test) = split(x, y, seed=args.seed)
    x, x_test, y, y_test = map(np.float32, (x, x_test, y, y_test))
    scaler = fg.data.standardizer(x)  # the test set must not help to choose the scale
    x, x_test = scaler(x), scaler(x_test)

    model = nn.Sequential(nn.Dense(30, 16, activation=nn.tanh), nn.Dense(16, 1))
    model = model.init(fg.random.key(args.seed))
    optimizer = optim.adamw(args.rate, weight_decay=args.decay)
    state = optimizer.init(model)

    report = Progress(args.epochs)
    for _ in range(args.epochs):
        loss, grads = fg.value_and_grad(loss_fn)(model, x, y)
        updates, state = optimizer.update(grads, state, model)
        model = optim.apply_updates(model, updates)
        report(loss=loss, accuracy=accuracy(model, x, y))

    sets = {"train": (x, y), "test": (x_test, y_test)}
    summarize("breast cancer", model, sets, loss=loss_fn, accuracy=accuracy)


if __name__ == "__main__":
    main()
