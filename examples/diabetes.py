"""Predict the progression of diabetes after a year: regression, 442 patients, 10 measurements.

A small network with weight decay; the score is R², the explained fraction of the variance.
"""

import numpy as np
from common import Progress, load, make_parser, split, summarize

import funcgrad as fg
from funcgrad import nn, optim


def loss_fn(model, x, y):
    """The mean squared error of ``x`` [N, 10] with scaled targets ``y`` [N]."""
    return fg.losses.mse(model(x)[:, 0], y)


def r_squared(model, x, y):
    return fg.train.r2(model(x)[:, 0], y)


def main():
    args = make_parser(__doc__, epochs=80, rate=5e-2, decay=1e-1, seed=0).parse_args()

    x, y = load("diabetes")
    train, test = split(np.float32(x), np.float32(y), seed=args.seed)
    scaler = fg.data.standardizer(train)  # the test set must not help to choose the scale
    (x, y), (x_test, y_test) = scaler(train), scaler(test)

    model = nn.Sequential(nn.Dense(10, 8, activation=nn.gelu), nn.Dense(8, 1))
    model = model.init(fg.random.key(args.seed))
    rate = optim.cosine_decay_schedule(args.rate, args.epochs)
    optimizer = optim.sgd(rate, momentum=0.9, weight_decay=args.decay)
    state = optimizer.init(model)

    report = Progress(args.epochs)
    for _ in range(args.epochs):
        loss, grads = fg.value_and_grad(loss_fn)(model, x, y)
        updates, state = optimizer.update(grads, state, model)
        model = optim.apply_updates(model, updates)
        report(loss=loss, R2=r_squared(model, x, y))

    sets = {"train": (x, y), "test": (x_test, y_test)}
    summarize("diabetes", model, sets, loss=loss_fn, R2=r_squared)


if __name__ == "__main__":
    main()
