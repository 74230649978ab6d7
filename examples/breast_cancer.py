"""Tell benign tumours from malignant ones: 2 classes, 569 patients, 30 measurements each.

A small network gives the logit of "benign"; the loss is binary cross-entropy.
"""

import argparse

import numpy as np
from common import Progress, load, split, standardize, table

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y):
    """Return the mean binary cross-entropy of ``x`` [N, 30] with labels ``y`` [N], 0 or 1."""
    return fg.losses.binary_cross_entropy_with_logits(model(x)[:, 0], y)


def accuracy(model, x, y):
    return float(np.mean((model(x)[:, 0] > 0) == (y == 1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60, help="steps over the whole training set")
    parser.add_argument("--rate", type=float, default=1e-2, help="learning rate")
    parser.add_argument("--decay", type=float, default=1e-2, help="weight decay")
    parser.add_argument("--seed", type=int, default=0, help="of the split and the weights")
    args = parser.parse_args()

    x, y = load("breast_cancer")
    (x, y), (x_test, y_test) = split(x, y, seed=args.seed)
    x, x_test = standardize(x, x_test)
    y, y_test = np.float32(y), np.float32(y_test)

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

    rows = [
        (name, float(loss_fn(model, *data)), accuracy(model, *data))
        for name, data in (("train", (x, y)), ("test", (x_test, y_test)))
    ]
    table([("breast cancer", "loss", "accuracy"), *rows])


if __name__ == "__main__":
    main()
